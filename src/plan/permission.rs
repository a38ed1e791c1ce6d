//! What a step does only when an operator allows it, and for how many objects that was allowed.
//!
//! A flag gives a permission; behind `=` it may name for how many objects. What needs a permission and has none is
//! refused object by object; more objects than were named refuse the plan.
//! Deliberately absent: which steps need one (`permission_check`).

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

    pub(super) fn allows_count(self, number: usize) -> bool {
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
    pub(super) fn describe_effect(self) -> &'static str {
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
