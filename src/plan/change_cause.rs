//! The causes of a change.

/// Why a change is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ChangeCause {
    /// This branch edits the document.
    Branch,
    /// The live object was edited since the last known apply.
    Drift,
    /// The document was edited outside of this branch, and that is not applied.
    Pending,
    /// Nothing is known of an apply.
    NeverApplied,
    /// A secret is written again on request.
    Rotation,
    /// Neither was edited: the service does not keep or show it, or this program compares in another way.
    Tool,
}
