//! How a service spells its members, where that may differ from installation to installation.
//!
//! What is read in another case than described is written in the case in which it was last read; until
//! something was read, as described. Of each kind by itself: two kinds may differ on one service.
//! Deliberately absent: names that the description does not know; those travel as they came anyway.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::wire::MemberSpelling;
use crate::exchange::WireValue;
use crate::kind::Kind;

/// As described, and as the service spells it.
type SpellingMap = HashMap<Box<str>, Box<str>>;

/// The spellings that one service was seen to use.
#[derive(Default)]
pub(super) struct SpellingCache {
    /// By kind, then by the described names that lead to a member.
    by_kind: Mutex<BTreeMap<Arc<str>, SpellingMap>>,
}

impl SpellingCache {
    /// Keeps what an answer showed.
    pub fn record_spellings(&self, kind: &Kind, spelt: Vec<MemberSpelling>) {
        if spelt.is_empty() {
            return;
        }
        let mut seen = self.by_kind.lock().unwrap_or_else(PoisonError::into_inner);
        let own = seen.entry(Arc::clone(&kind.name)).or_default();
        own.extend(spelt.into_iter().map(|one| (one.path, one.name)));
    }

    /// The body as this service spells it; `None` where that is as described.
    pub fn apply_spellings(&self, kind: &Kind, body: &WireValue) -> Option<WireValue> {
        let seen = self.by_kind.lock().unwrap_or_else(PoisonError::into_inner);
        let own = seen.get(&kind.name)?;
        Some(respell_value(body, "", own))
    }
}

fn respell_value(wire: &WireValue, above: &str, own: &HashMap<Box<str>, Box<str>>) -> WireValue {
    match wire {
        WireValue::Object(members) => {
            let member = |(name, value): &(String, WireValue)| {
                let path = format!("{above}/{name}");
                let name = own.get(path.as_str()).map_or_else(|| name.clone(), |name| name.to_string());
                (name, respell_value(value, &path, own))
            };
            WireValue::Object(members.iter().map(member).collect())
        }
        WireValue::Array(items) => {
            WireValue::Array(items.iter().map(|item| respell_value(item, above, own)).collect())
        }
        other => other.clone(),
    }
}
