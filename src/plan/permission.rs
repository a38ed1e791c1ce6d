//! What a step does only when an operator allows it, and for how many objects that was allowed.
//!
//! Whoever allows something says so with a flag; behind `=` it may name how many objects that is meant for. What
//! needs a permission and has none is refused object by object; more objects than were named refuse the plan.
//! Deliberately absent: how much of everything there is a plan may touch (`gate`).

use crate::diagnostic::Diagnostic;
use crate::kind::Kind;
use crate::kind::visit::{PathStep, VisitFlow, visit_object, walk_path};
use crate::plan::{Change, ChangeValueType, Plan};
use crate::value::{PathSegment, Sensitivity, Value};

/// Something that has to be allowed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Permission {
    Delete,
    /// An object with a changed immutable field gives way to a new one.
    Replace,
    Hidden,
    LowerProtection,
    OverwriteEdits,
    Personal,
    TrustEmpty,
    RetryCreate,
    /// The natural key of an object that is known by its id.
    Rename,
}

/// All of them, in the order in which they are reported.
pub const ALL_PERMISSIONS: [Permission; 9] = [
    Permission::Delete,
    Permission::Replace,
    Permission::Hidden,
    Permission::LowerProtection,
    Permission::OverwriteEdits,
    Permission::Personal,
    Permission::TrustEmpty,
    Permission::RetryCreate,
    Permission::Rename,
];

/// For how many objects something is allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PermissionLimit {
    #[default]
    Denied,
    /// At most so many.
    AtMost(usize),
    Unlimited,
}

impl PermissionLimit {
    /// Whether it is allowed at all.
    pub fn is_granted(self) -> bool {
        self != Self::Denied
    }

    fn allows_count(self, number: usize) -> bool {
        match self {
            Self::Denied => number == 0,
            Self::AtMost(most) => number <= most,
            Self::Unlimited => true,
        }
    }
}

impl Permission {
    /// The flag that gives it.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Delete => "--allow-delete",
            Self::Replace => "--allow-replace",
            Self::Hidden => "--force-hidden",
            Self::LowerProtection => "--allow-lower-protection",
            Self::OverwriteEdits => "--overwrite-edits",
            Self::Personal => "--allow-personal",
            Self::TrustEmpty => "--trust-empty",
            Self::RetryCreate => "--retry-creates",
            Self::Rename => "--allow-rename",
        }
    }

    /// The code of a refusal for want of it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Delete => "delete-not-allowed",
            Self::Replace => "replacement-not-allowed",
            Self::Hidden => "hidden-not-allowed",
            Self::LowerProtection => "lowers-protection",
            Self::OverwriteEdits => "owner-edit-conflict",
            Self::Personal => "personal-not-allowed",
            Self::TrustEmpty => "empty-collection",
            Self::RetryCreate => "create-unknown",
            Self::Rename => "wrong-object",
        }
    }

    /// What would happen to so many objects.
    fn describe_effect(self) -> &'static str {
        match self {
            Self::Delete => "would be deleted",
            Self::Replace => "would be replaced by new ones",
            Self::Hidden => "would overwrite values that the API does not return",
            Self::LowerProtection => "may lose protection of their data",
            Self::OverwriteEdits => "would lose edits of the account owner",
            Self::Personal => "would have personal values written",
            Self::TrustEmpty => "would be created where the service shows none",
            Self::RetryCreate => "would be created once more",
            Self::Rename => "would get another natural key than the one on record",
        }
    }
}

/// Why a plan is refused as a whole: more objects need a permission than it was given for.
pub fn check_permission_limits(
    plan: &Plan,
    grant: impl Fn(Permission) -> PermissionLimit,
) -> Vec<Diagnostic> {
    let needed =
        |permission| plan.steps.iter().filter(|step| step.required_permissions.contains(&permission)).count();
    let one = |permission: Permission| {
        let (number, given) = (needed(permission), grant(permission));
        let PermissionLimit::AtMost(most) = given else { return None };
        if given.allows_count(number) {
            return None;
        }
        let objects = if number == 1 { "1 object".to_owned() } else { format!("{number} objects") };
        let (what, flag) = (permission.describe_effect(), permission.flag());
        let message = format!("{objects} {what}, and `{flag}={most}` allows {most}");
        let hint = format!("`{flag}={number}` to allow it; nothing is written until then");
        Some(Diagnostic::error(permission.code(), message).with_hint(hint))
    };
    ALL_PERMISSIONS.into_iter().filter_map(one).collect()
}

/// Lets the hint of each refusal name for how many objects of the plan its permission is missing.
pub fn add_counts_to_hints(plan: &mut Plan) {
    for permission in ALL_PERMISSIONS {
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
    let is_marked = |step: &PathStep| match step.segment {
        PathSegment::Field(_) => step.field.is_some_and(|field| field.sensitivity == Sensitivity::Personal),
        PathSegment::Key(_, mark) => *mark == Sensitivity::Personal,
        PathSegment::Item { .. } => false,
    };
    let sides = [&change.before, &change.after];
    change.sensitivity == Sensitivity::Personal
        || walk_path(&kind.shape, &change.path).iter().any(is_marked)
        || sides.into_iter().flatten().any(|value| contains_personal(&change.value_type, value))
}

fn contains_personal(form: &ChangeValueType, value: &Value) -> bool {
    let ChangeValueType::Object(shape) = form else { return false };
    let mut found = false;
    for object in value.list_objects() {
        visit_object(shape, object, &mut |at| {
            found |= at.field.sensitivity == Sensitivity::Personal && !at.node.is_blank();
            VisitFlow::Descend
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_covers_what_it_names() {
        assert!(PermissionLimit::Denied.allows_count(0) && !PermissionLimit::Denied.allows_count(1));
        assert!(PermissionLimit::AtMost(2).allows_count(2) && !PermissionLimit::AtMost(2).allows_count(3));
        assert!(PermissionLimit::Unlimited.allows_count(usize::MAX));
        assert!(!PermissionLimit::Denied.is_granted() && PermissionLimit::AtMost(0).is_granted());
    }

    #[test]
    fn every_permission_has_a_flag_and_a_code_of_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        assert!(ALL_PERMISSIONS.iter().all(|own| seen.insert(own.flag()) && seen.insert(own.code())));
    }
}
