//! Which objects are listed together.

use std::sync::Arc;

use crate::kind::Kind;
use crate::value::Value;

/// The objects of one collection: which kind, in which scope.
#[derive(Clone, Copy)]
pub struct CollectionRef<'k> {
    pub kind: &'k Arc<Kind>,
    /// By the number of the scope parameter.
    pub scope: &'k [Value],
}
