//! How large collections were when they were last listed: what reading one again will cost.
//!
//! One small entry for each collection that was listed, never its objects.
//! Deliberately absent: what the numbers are for (the forecast of an apply).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Collection;
use crate::kind::Leaf;

/// How large a collection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// How many requests it takes to list it.
    pub pages: u32,
    pub items: u64,
}

/// What is known of the collections of one target.
#[derive(Default)]
pub(super) struct Extents(Mutex<BTreeMap<Key, Extent>>);

/// The name of the kind, and the scope.
type Key = (Arc<str>, Vec<String>);

impl Extents {
    pub(super) fn note(&self, of: Collection, extent: Extent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key(of), extent);
    }

    pub(super) fn get(&self, of: Collection) -> Option<Extent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key(of)).copied()
    }
}

fn key(of: Collection) -> Key {
    let scope = of.scope.iter().map(|value| Leaf::url_text(value, &of.kind.api));
    (of.kind.name.clone(), scope.collect())
}
