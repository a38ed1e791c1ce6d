//! Gates over a whole plan: how much of what is there it may change, and how many requests it may take.
//!
//! A mistake in a document is one object; a mistake in a pattern, a target or a default is all of them. So a
//! plan that updates or deletes a large share is refused as a whole until somebody names the share. The gates
//! of a single object (deletion, protection, hidden values) stand in `step`.
//! Deliberately absent: creates, which take nothing away.

use crate::diagnostic::Diagnostic;
use crate::plan::permit::{self, Grant, Permission};
use crate::plan::{Action, Plan};

/// How many objects may be touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// So many.
    Number(usize),
    /// So many of a hundred.
    Share(u8),
}

/// Where a share is counted: of fewer objects every plan would be a large share.
const FEW: usize = 10;
/// The share that needs no word.
const SHARE: Bound = Bound::Share(30);

/// What a plan may do without being refused as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// None for the share that is allowed without a word.
    pub updates: Option<Bound>,
    pub deletes: Option<Bound>,
    /// Requests that write; none for any number.
    pub requests: Option<usize>,
    /// For how many objects each permission was given.
    pub grants: Vec<(Permission, Grant)>,
    /// How many objects may be unread.
    pub partial: Grant,
}

impl Limits {
    fn grant(&self, permission: Permission) -> Grant {
        let given = self.grants.iter().find(|(own, _)| *own == permission);
        given.map_or(Grant::None, |(_, grant)| *grant)
    }
}

/// Why a plan over so many live objects is refused as a whole, in a fixed order.
pub fn check(plan: &Plan, objects: usize, limits: &Limits) -> Vec<Diagnostic> {
    let count = |action: Action| plan.steps.iter().filter(|step| step.action == action).count();
    let requests: usize = plan.steps.iter().map(|step| step.requests.len()).sum();
    let updates = Gate { code: "too-many-updates", verb: "updated", flag: "--max-updates" };
    let deletes = Gate { code: "too-many-deletes", verb: "deleted", flag: "--max-deletes" };
    let found = [
        updates.check(count(Action::Update), objects, limits.updates),
        deletes.check(count(Action::Delete), objects, limits.deletes),
        limits.requests.filter(|most| requests > *most).map(|most| too_many_requests(requests, most)),
    ];
    let mut found: Vec<_> = found.into_iter().flatten().collect();
    found.extend(permit::exceeded(plan, |permission| limits.grant(permission)));
    found
}

/// Why a plan that lacks what could not be read is not carried out; `unread` objects, where that is known.
pub fn partial(unread: usize, limits: &Limits) -> Option<Diagnostic> {
    let passes = match limits.partial {
        Grant::None => false,
        Grant::Number(most) => unread <= most,
        Grant::Any => true,
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
    let hint = format!("find out why, or `{flag}` to write the others; nothing is written until then");
    Some(Diagnostic::error("partial-plan", message).hint(hint))
}

/// How many live objects a plan was made over.
pub fn objects(plan: &Plan) -> usize {
    let live = plan.steps.iter().filter(|step| step.action != Action::Create).count();
    live + plan.agreeing.len() + plan.refused.len()
}

struct Gate {
    code: &'static str,
    verb: &'static str,
    flag: &'static str,
}

impl Gate {
    fn check(&self, number: usize, objects: usize, bound: Option<Bound>) -> Option<Diagnostic> {
        let passes = match (bound, bound.unwrap_or(SHARE)) {
            (_, Bound::Number(most)) => number <= most,
            (None, Bound::Share(_)) if objects < FEW => true,
            (_, Bound::Share(percent)) => number * 100 <= objects * usize::from(percent),
        };
        if passes {
            return None;
        }
        let most = match bound.unwrap_or(SHARE) {
            Bound::Number(most) => most.to_string(),
            Bound::Share(percent) => format!("{percent} %"),
        };
        let message =
            format!("{number} of {objects} objects would be {}, and at most {most} may be", self.verb);
        let hint = format!("`{} {number}` if that is meant; nothing is written until then", self.flag);
        Some(Diagnostic::error(self.code, message).hint(hint))
    }
}

fn too_many_requests(requests: usize, most: usize) -> Diagnostic {
    let message = format!("{requests} requests would write, and at most {most} may");
    let hint = format!("`--max-requests {requests}` if that is meant; nothing is written until then");
    Diagnostic::error("too-many-requests", message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(number: usize, objects: usize, bound: Option<Bound>) -> bool {
        let gate = Gate { code: "too-many-updates", verb: "updated", flag: "--max-updates" };
        gate.check(number, objects, bound).is_none()
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
        assert!(passes(2, 5, Some(Bound::Number(2))));
        assert!(!passes(3, 5, Some(Bound::Number(2))));
        assert!(!passes(1, 1, Some(Bound::Number(0))));
        assert!(!passes(3, 5, Some(Bound::Share(50))));
        assert!(passes(1000, 1000, Some(Bound::Share(100))));
        assert!(passes(400, 1000, Some(Bound::Number(400))));
    }

    #[test]
    fn the_hint_names_the_number() {
        let gate = Gate { code: "too-many-deletes", verb: "deleted", flag: "--max-deletes" };
        let fault = gate.check(7, 20, None).expect("a fault");
        assert_eq!(fault.message, "7 of 20 objects would be deleted, and at most 30 % may be");
        assert!(fault.hint.is_some_and(|hint| hint.starts_with("`--max-deletes 7`")));
    }
}
