//! How a service spells its members, where that may differ from installation to installation.
//!
//! What is read in another case than described is written in the case in which it was last read; until
//! something was read, as described. Of each kind by itself: two kinds may differ on one service.
//! Deliberately absent: names that the description does not know; those travel as they came anyway.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::wire::Spelt;
use crate::exchange::Wire;
use crate::kind::Kind;

/// As described, and as the service spells it.
type Names = HashMap<Box<str>, Box<str>>;

/// The spellings that one service was seen to use.
#[derive(Default)]
pub(super) struct Spellings {
    /// By kind, then by the described names that lead to a member.
    seen: Mutex<BTreeMap<Arc<str>, Names>>,
}

impl Spellings {
    /// Keeps what an answer showed.
    pub fn learn(&self, kind: &Kind, spelt: Vec<Spelt>) {
        if spelt.is_empty() {
            return;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let own = seen.entry(Arc::clone(&kind.name)).or_default();
        own.extend(spelt.into_iter().map(|one| (one.path, one.name)));
    }

    /// The body as this service spells it; `None` where that is as described.
    pub fn applied(&self, kind: &Kind, body: &Wire) -> Option<Wire> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let own = seen.get(&kind.name)?;
        Some(respelt(body, "", own))
    }
}

fn respelt(wire: &Wire, above: &str, own: &HashMap<Box<str>, Box<str>>) -> Wire {
    match wire {
        Wire::Object(members) => {
            let member = |(name, value): &(String, Wire)| {
                let path = format!("{above}/{name}");
                let name = own.get(path.as_str()).map_or_else(|| name.clone(), |name| name.to_string());
                (name, respelt(value, &path, own))
            };
            Wire::Object(members.iter().map(member).collect())
        }
        Wire::List(items) => Wire::List(items.iter().map(|item| respelt(item, above, own)).collect()),
        other => other.clone(),
    }
}
