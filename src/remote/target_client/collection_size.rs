//! How large collections were when they were last listed: what reading one again will cost.
//!
//! One small entry for each collection that was listed, never its objects.
//! Deliberately absent: what the numbers are for (the forecast of an apply).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::collection::CollectionRef;
use crate::kind::ScalarType;

/// How large a collection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CollectionSize {
    /// How many requests it takes to list it.
    pub pages: u32,
    pub items: u64,
}

/// What is known of the collections of one target.
#[derive(Default)]
pub(super) struct CollectionSizeMap(Mutex<BTreeMap<CollectionKey, CollectionSize>>);

/// The name of the kind, and the scope.
type CollectionKey = (Arc<str>, Vec<String>);

impl CollectionSizeMap {
    pub(super) fn record_size(&self, of: CollectionRef, extent: CollectionSize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(build_key(of), extent);
    }

    pub(super) fn find_size(&self, of: CollectionRef) -> Option<CollectionSize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&build_key(of)).copied()
    }
}

fn build_key(of: CollectionRef) -> CollectionKey {
    let scope = of.scope.iter().map(|value| ScalarType::render_url_text(value, &of.kind.api));
    (of.kind.name.clone(), scope.collect())
}
