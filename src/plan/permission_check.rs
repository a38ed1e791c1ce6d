//! What of a plan needs a permission, and whether it was given for so many objects.
//!
//! Deliberately absent: how much of everything there is a plan may touch (`gate`).

use super::permission::{ALL_PERMISSIONS, Permission, PermissionLimit};
use crate::diagnostic::Diagnostic;
use crate::kind::Kind;
use crate::kind::visit::{PathStep, VisitFlow, visit_object, walk_path};
use crate::plan::{Change, ChangeValueType, Plan};
use crate::value::{PathSegment, Sensitivity, Value};

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
