//! Gates over a whole plan: how much of what is there it may change, and how many requests it may take.
//!
//! A mistake in a document is one object; a mistake in a pattern, a target or a default is all of them. So a
//! plan that updates or deletes a large share is refused as a whole until someone names the share. The gates
//! of a single object (deletion, protection, hidden values) stand in `step`.
//! Deliberately absent: creates, which take nothing away.

use crate::diagnostic::Diagnostic;
use crate::plan::count_limit::{ChangeLimits, CollectionName, CountLimit, ObjectCounts};
use crate::plan::permission::{Permission, PermissionLimit};
use crate::plan::permission_check;
use crate::plan::{Plan, StepAction};

/// Where a share is counted: of fewer objects every plan would be a large share.
const MIN_OBJECTS_FOR_PERCENT: usize = 10;
/// The share that needs no word.
const DEFAULT_LIMIT: CountLimit = CountLimit::Percent(30);

/// What a plan may do without being refused as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PlanLimits {
    /// Where there are none, the share that is allowed without a word.
    pub updates: ChangeLimits,
    pub deletes: ChangeLimits,
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
pub fn check_plan(plan: &Plan, objects: &ObjectCounts, limits: &PlanLimits) -> Vec<Diagnostic> {
    let requests: usize = plan.steps.iter().map(|step| step.requests.len()).sum();
    let updates = Gate { code: "too-many-updates", verb: "updated", flag: "--max-updates" };
    let deletes = Gate { code: "too-many-deletes", verb: "deleted", flag: "--max-deletes" };
    let updated = ObjectCounts::from_steps(plan, |action| action == StepAction::Update);
    let mut found = updates.check_counts(&updated, objects, &limits.updates);
    let deleted = ObjectCounts::from_steps(plan, StepAction::takes_away);
    found.extend(deletes.check_counts(&deleted, objects, &limits.deletes));
    let most = limits.requests.filter(|most| requests > *most);
    found.extend(most.map(|most| diagnose_too_many_requests(requests, most)));
    found.extend(permission_check::check_permission_limits(plan, |permission| {
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

struct Gate {
    code: &'static str,
    verb: &'static str,
    flag: &'static str,
}

impl Gate {
    /// The limit of the run holds for everything that has none of its own; a share holds for each collection too.
    fn check_counts(
        &self,
        touched: &ObjectCounts,
        objects: &ObjectCounts,
        limits: &ChangeLimits,
    ) -> Vec<Diagnostic> {
        let run = limits.find_run_limit();
        let (mut all, mut number, mut found) = (0, 0, Vec::new());
        for (name, there) in objects.iter() {
            let own = limits.find_own_limit(name);
            if own.is_none() {
                (all, number) = (all + there, number + touched.get(name));
            }
        }
        found.extend(self.check_count(number, all, run, None));
        for (name, touched) in touched.iter() {
            let there = objects.get(name);
            let own = limits.find_own_limit(name);
            let is_part = own.is_some() || (there < all && there >= MIN_OBJECTS_FOR_PERCENT);
            let is_share = !matches!(own.or(run), Some(CountLimit::Count(_))) || own.is_some();
            if is_part && is_share {
                found.extend(self.check_count(touched, there, own.or(run), Some(name)));
            }
        }
        found
    }

    fn check_count(
        &self,
        number: usize,
        objects: usize,
        bound: Option<CountLimit>,
        of: Option<&CollectionName>,
    ) -> Option<Diagnostic> {
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
        let (place, scope) = match of {
            None => (String::new(), String::new()),
            Some(CollectionName { kind, target }) => {
                (format!(" of {kind} at target {target}"), format!("{kind}@{target}="))
            }
        };
        let message =
            format!("{number} of {objects} objects{place} would be {}, and at most {most} may be", self.verb);
        let hint = format!("`{} {scope}{number}` to allow it; nothing is written until then", self.flag);
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
    use crate::plan::count_limit::ScopedLimit;

    const GATE: Gate = Gate { code: "too-many-deletes", verb: "deleted", flag: "--max-deletes" };

    fn passes(number: usize, objects: usize, bound: Option<CountLimit>) -> bool {
        GATE.check_count(number, objects, bound, None).is_none()
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
        let fault = GATE.check_count(7, 20, None, None).expect("a fault");
        assert_eq!(fault.message, "7 of 20 objects would be deleted, and at most 30 % may be");
        assert!(fault.hint.is_some_and(|hint| hint.starts_with("`--max-deletes 7`")));
    }

    type Counts<'c> = &'c [(&'c str, usize)];

    /// The messages of what is refused; `kind@target` and how many.
    fn refused(touched: Counts, objects: Counts, limits: &[&str]) -> Vec<String> {
        let read = |of: Counts| {
            let mut counts = ObjectCounts::default();
            for (name, number) in of {
                let (kind, target) = name.split_once('@').expect("a kind and a target");
                counts.add_objects(kind, target, *number);
            }
            counts
        };
        let limits = limits.iter().map(|text| ScopedLimit::parse(text).expect("a limit")).collect();
        let found = GATE.check_counts(&read(touched), &read(objects), &ChangeLimits(limits));
        found.into_iter().map(|fault| fault.message).collect()
    }

    #[test]
    fn each_kind_at_each_target_has_its_share() {
        let objects: Counts = &[("a/x@one", 10), ("a/x@two", 40), ("a/y@one", 60), ("b/z@one", 3)];
        let none: Vec<String> = Vec::new();
        assert_eq!(refused(&[("a/x@one", 3), ("a/x@two", 12), ("b/z@one", 3)], objects, &[]), none);
        let all = "10 of 10 objects of a/x at target one would be deleted, and at most 30 % may be";
        assert_eq!(refused(&[("a/x@one", 10)], objects, &[]), [all]);
        for named in ["10", "a/x@one=10", "a/x=10", "@one=100%"] {
            assert_eq!(refused(&[("a/x@one", 10)], objects, &[named]), none, "{named}");
        }
        for other in ["a/x@two=10", "a/y=10", "@two=100%", "9"] {
            assert_eq!(refused(&[("a/x@one", 10)], objects, &[other]).len(), 1, "{other}");
        }
        assert_eq!(refused(&[("a/x@one", 6)], objects, &["50%"]).len(), 1);
        assert_eq!(refused(&[("b/z@one", 1)], objects, &["b/z=0"]).len(), 1);
    }

    #[test]
    fn the_closest_limit_holds_and_takes_its_objects_out_of_the_run() {
        let objects: Counts = &[("a/x@one", 20), ("a/y@one", 20)];
        let touched: Counts = &[("a/x@one", 20), ("a/y@one", 1)];
        assert!(refused(touched, objects, &["a/x@one=20", "a/x=1"]).is_empty());
        assert!(refused(touched, objects, &["a/x=20", "@one=1"]).is_empty());
        assert_eq!(refused(touched, objects, &["a/x=1", "@one=20"]).len(), 1);
        assert_eq!(refused(touched, objects, &["a/x=20", "0"]).len(), 1, "the other kind counts");
    }

    #[test]
    fn a_limit_is_a_number_or_a_share_of_a_kind_or_target() {
        for wrong in ["", "many", "101%", "x=3", "=3", "@=3", "a/x=", "a/x@one", "-1", "a/x=3=b"] {
            assert!(ScopedLimit::parse(wrong).is_err(), "{wrong}");
        }
    }
}
