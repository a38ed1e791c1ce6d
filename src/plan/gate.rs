//! Gates over a whole plan: how much of what is there it may change, and how many requests it may take.
//!
//! A mistake in a document is one object; a mistake in a pattern, a target or a default is all of them. So a
//! plan that updates or deletes a large share is refused as a whole until somebody names the share. The gates
//! of a single object (deletion, protection, hidden values) stand in `step`.
//! Deliberately absent: creates, which take nothing away.

use crate::diagnostic::Diagnostic;
use crate::plan::permission::{self, Permission, PermissionLimit};
use crate::plan::{Plan, StepAction};

/// How many objects may be touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CountLimit {
    /// So many.
    Count(usize),
    /// So many of a hundred.
    Percent(u8),
}

/// Where a share is counted: of fewer objects every plan would be a large share.
const MIN_OBJECTS_FOR_PERCENT: usize = 10;
/// The share that needs no word.
const DEFAULT_LIMIT: CountLimit = CountLimit::Percent(30);

/// What a plan may do without being refused as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PlanLimits {
    /// None for the share that is allowed without a word.
    pub updates: Option<CountLimit>,
    pub deletes: Option<CountLimit>,
    /// Requests that write; none for any number.
    pub requests: Option<usize>,
    /// For how many objects each permission was given.
    pub permissions: Vec<(Permission, PermissionLimit)>,
    /// How many objects may be unread.
    pub unread: PermissionLimit,
}

impl PlanLimits {
    fn get_permission_limit(&self, permission: Permission) -> PermissionLimit {
        let given = self.permissions.iter().find(|(own, _)| *own == permission);
        given.map_or(PermissionLimit::Denied, |(_, grant)| *grant)
    }
}

/// Why a plan over so many live objects is refused as a whole, in a fixed order.
pub fn check_plan(plan: &Plan, objects: usize, limits: &PlanLimits) -> Vec<Diagnostic> {
    let count = |action: StepAction| plan.steps.iter().filter(|step| step.action == action).count();
    let requests: usize = plan.steps.iter().map(|step| step.requests.len()).sum();
    let updates = Gate { code: "too-many-updates", verb: "updated", flag: "--max-updates" };
    let deletes = Gate { code: "too-many-deletes", verb: "deleted", flag: "--max-deletes" };
    let found = [
        updates.check_count(count(StepAction::Update), objects, limits.updates),
        deletes.check_count(count(StepAction::Delete), objects, limits.deletes),
        limits
            .requests
            .filter(|most| requests > *most)
            .map(|most| diagnose_too_many_requests(requests, most)),
    ];
    let mut found: Vec<_> = found.into_iter().flatten().collect();
    found.extend(permission::check_permission_limits(plan, |permission| {
        limits.get_permission_limit(permission)
    }));
    found
}

/// Why a plan that lacks what could not be read is not carried out; `unread` objects, where that is known.
pub fn check_partial(unread: usize, limits: &PlanLimits) -> Option<Diagnostic> {
    let passes = match limits.unread {
        PermissionLimit::Denied => false,
        PermissionLimit::AtMost(most) => unread <= most,
        PermissionLimit::Unlimited => true,
    };
    if passes {
        return None;
    }
    let (message, flag) = match unread {
        0 => ("this plan is partial: not everything could be read".to_owned(), "--allow-partial".to_owned()),
        1 => ("this plan is partial: 1 object could not be read".to_owned(), "--allow-partial=1".to_owned()),
        many => (
            format!("this plan is partial: {many} objects could not be read"),
            format!("--allow-partial={many}"),
        ),
    };
    let hint =
        format!("resolve the cause, or `{flag}` to write the other objects; nothing is written until then");
    Some(Diagnostic::error("partial-plan", message).with_hint(hint))
}

/// How many live objects a plan was made over.
pub fn count_objects(plan: &Plan) -> usize {
    let live = plan.steps.iter().filter(|step| step.action != StepAction::Create).count();
    live + plan.unchanged.len() + plan.refused.len()
}

struct Gate {
    code: &'static str,
    verb: &'static str,
    flag: &'static str,
}

impl Gate {
    fn check_count(&self, number: usize, objects: usize, bound: Option<CountLimit>) -> Option<Diagnostic> {
        let passes = match (bound, bound.unwrap_or(DEFAULT_LIMIT)) {
            (_, CountLimit::Count(most)) => number <= most,
            (None, CountLimit::Percent(_)) if objects < MIN_OBJECTS_FOR_PERCENT => true,
            (_, CountLimit::Percent(percent)) => number * 100 <= objects * usize::from(percent),
        };
        if passes {
            return None;
        }
        let most = match bound.unwrap_or(DEFAULT_LIMIT) {
            CountLimit::Count(most) => most.to_string(),
            CountLimit::Percent(percent) => format!("{percent} %"),
        };
        let message =
            format!("{number} of {objects} objects would be {}, and at most {most} may be", self.verb);
        let hint = format!("`{} {number}` to allow it; nothing is written until then", self.flag);
        Some(Diagnostic::error(self.code, message).with_hint(hint))
    }
}

fn diagnose_too_many_requests(requests: usize, most: usize) -> Diagnostic {
    let message = format!("{requests} requests would write, and at most {most} may");
    let hint = format!("`--max-requests {requests}` to allow it; nothing is written until then");
    Diagnostic::error("too-many-requests", message).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(number: usize, objects: usize, bound: Option<CountLimit>) -> bool {
        let gate = Gate { code: "too-many-updates", verb: "updated", flag: "--max-updates" };
        gate.check_count(number, objects, bound).is_none()
    }

    #[test]
    fn without_a_word_it_is_thirty_percent_of_at_least_ten() {
        assert!(passes(9, 9, None));
        assert!(passes(3, 10, None));
        assert!(!passes(4, 10, None));
        assert!(passes(0, 10, None));
        assert!(passes(300, 1000, None));
        assert!(!passes(301, 1000, None));
    }

    #[test]
    fn a_bound_that_is_named_holds_for_few_objects_too() {
        assert!(passes(2, 5, Some(CountLimit::Count(2))));
        assert!(!passes(3, 5, Some(CountLimit::Count(2))));
        assert!(!passes(1, 1, Some(CountLimit::Count(0))));
        assert!(!passes(3, 5, Some(CountLimit::Percent(50))));
        assert!(passes(1000, 1000, Some(CountLimit::Percent(100))));
        assert!(passes(400, 1000, Some(CountLimit::Count(400))));
    }

    #[test]
    fn the_hint_names_the_number() {
        let gate = Gate { code: "too-many-deletes", verb: "deleted", flag: "--max-deletes" };
        let fault = gate.check_count(7, 20, None).expect("a fault");
        assert_eq!(fault.message, "7 of 20 objects would be deleted, and at most 30 % may be");
        assert!(fault.hint.is_some_and(|hint| hint.starts_with("`--max-deletes 7`")));
    }
}
