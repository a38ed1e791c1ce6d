//! What a step does only when an operator allows it, and for how many objects that was allowed.
//!
//! Whoever allows something says so with a flag; behind `=` it may name how many objects that is meant for. What
//! needs a permission and has none is refused object by object; more objects than were named refuse the plan.
//! Deliberately absent: how much of everything there is a plan may touch (`gate`).

use crate::diagnostic::Diagnostic;
use crate::kind::{Kind, Shape};
use crate::plan::{Change, Form, Plan};
use crate::value::{Mark, Object, Segment, Value};

/// Something that has to be allowed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Permission {
    Delete,
    Hidden,
    LowerProtection,
    OverwriteEdits,
    Personal,
    TrustEmpty,
    RetryCreate,
}

/// All of them, in the order in which they are told.
pub const ALL: [Permission; 7] = [
    Permission::Delete,
    Permission::Hidden,
    Permission::LowerProtection,
    Permission::OverwriteEdits,
    Permission::Personal,
    Permission::TrustEmpty,
    Permission::RetryCreate,
];

/// For how many objects something is allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Grant {
    #[default]
    None,
    /// At most so many.
    Number(usize),
    Any,
}

impl Grant {
    /// Whether it is allowed at all.
    pub fn is_given(self) -> bool {
        self != Self::None
    }

    fn covers(self, number: usize) -> bool {
        match self {
            Self::None => number == 0,
            Self::Number(most) => number <= most,
            Self::Any => true,
        }
    }
}

impl Permission {
    /// The flag that gives it.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Delete => "--allow-delete",
            Self::Hidden => "--force-hidden",
            Self::LowerProtection => "--allow-lower-protection",
            Self::OverwriteEdits => "--overwrite-edits",
            Self::Personal => "--allow-personal",
            Self::TrustEmpty => "--trust-empty",
            Self::RetryCreate => "--retry-creates",
        }
    }

    /// The code of a refusal for want of it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Delete => "delete-not-allowed",
            Self::Hidden => "hidden-not-allowed",
            Self::LowerProtection => "lowers-protection",
            Self::OverwriteEdits => "edited-meanwhile",
            Self::Personal => "personal-not-allowed",
            Self::TrustEmpty => "empty-collection",
            Self::RetryCreate => "create-unknown",
        }
    }

    /// What would happen to so many objects.
    fn what(self) -> &'static str {
        match self {
            Self::Delete => "would be deleted",
            Self::Hidden => "would be written over values that cannot be seen",
            Self::LowerProtection => "may lose protection of their data",
            Self::OverwriteEdits => "would lose edits of the people behind them",
            Self::Personal => "would have personal values written",
            Self::TrustEmpty => "would be created where the service shows none",
            Self::RetryCreate => "would be created once more",
        }
    }
}

/// Why a plan is refused as a whole: more objects need a permission than it was given for.
pub fn exceeded(plan: &Plan, grant: impl Fn(Permission) -> Grant) -> Vec<Diagnostic> {
    let needed = |permission| plan.steps.iter().filter(|step| step.needs.contains(&permission)).count();
    let one = |permission: Permission| {
        let (number, given) = (needed(permission), grant(permission));
        let Grant::Number(most) = given else { return None };
        if given.covers(number) {
            return None;
        }
        let objects = if number == 1 { "1 object".to_owned() } else { format!("{number} objects") };
        let (what, flag) = (permission.what(), permission.flag());
        let message = format!("{objects} {what}, and `{flag}={most}` allows {most}");
        let hint = format!("`{flag}={number}` if that is meant; nothing is written until then");
        Some(Diagnostic::error(permission.code(), message).hint(hint))
    };
    ALL.into_iter().filter_map(one).collect()
}

/// Lets the hint of each refusal name for how many objects of the plan its permission is missing.
pub fn name_counts(plan: &mut Plan) {
    for permission in ALL {
        let lacks = |reason: &Diagnostic| reason.code == permission.code();
        let number = plan.refused.iter().filter(|refused| refused.reasons.iter().any(lacks)).count();
        let (bare, named) = (format!("`{}`", permission.flag()), format!("`{}={number}`", permission.flag()));
        for reason in plan.refused.iter_mut().flat_map(|refused| &mut refused.reasons) {
            if reason.code == permission.code() {
                reason.hint = reason.hint.take().map(|hint| hint.replace(&bare, &named));
            }
        }
    }
}

/// Whether a change is about a person: by a mark on its path, or inside of what comes or goes.
pub fn is_personal(kind: &Kind, change: &Change) -> bool {
    let mut shape = Some(&kind.shape);
    for segment in &change.path.0 {
        match segment {
            Segment::Field(name) => {
                let field = shape.and_then(|shape| shape.named(name));
                if field.is_some_and(|field| field.mark == Mark::Personal) {
                    return true;
                }
                shape = field.and_then(|field| field.ty.inner());
            }
            Segment::Key(_, mark) if *mark == Mark::Personal => return true,
            Segment::Key(..) | Segment::Item { .. } => {}
        }
    }
    let sides = [&change.before, &change.after];
    change.mark == Mark::Personal || sides.into_iter().flatten().any(|value| holds(&change.form, value))
}

fn holds(form: &Form, value: &Value) -> bool {
    match (form, value) {
        (Form::Object(shape), Value::Object(object)) => holds_personal(shape, object),
        (Form::Object(_), Value::List(items)) => items.iter().any(|item| holds(form, item)),
        _ => false,
    }
}

fn holds_personal(shape: &Shape, object: &Object) -> bool {
    object.fields().filter(|(_, value)| !value.is_blank()).any(|(number, value)| {
        let field = shape.field(number);
        field.mark == Mark::Personal || holds(&Form::of(&field.ty), value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_covers_what_it_names() {
        assert!(Grant::None.covers(0) && !Grant::None.covers(1));
        assert!(Grant::Number(2).covers(2) && !Grant::Number(2).covers(3));
        assert!(Grant::Any.covers(usize::MAX));
        assert!(!Grant::None.is_given() && Grant::Number(0).is_given());
    }

    #[test]
    fn every_permission_has_a_flag_and_a_code_of_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        assert!(ALL.iter().all(|own| seen.insert(own.flag()) && seen.insert(own.code())));
    }
}
