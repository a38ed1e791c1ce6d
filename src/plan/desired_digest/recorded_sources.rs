//! Sources that no one looked up, taken for what the record says.
//!
//! A document of which a secret was not looked up has the digest of its source where the record has that of the
//! value. The two say nothing about each other, so that the record counts: such a value was not edited, as far as
//! anybody knows.

use super::{DesiredDigest, SOURCE_DIGEST_PREFIX};

impl DesiredDigest {
    /// Takes the digests of values from a record of the same document where this one has those of sources.
    pub fn adopt_recorded_sources(&mut self, recorded: &Self) {
        match (self, recorded) {
            (own @ Self::Leaf(_), Self::Leaf(value)) if own.is_source() && !recorded.is_source() => {
                *own = Self::Leaf(value.clone());
            }
            (Self::Fields(own), Self::Fields(recorded)) => {
                for (name, node) in own {
                    recorded.get(name).into_iter().for_each(|known| node.adopt_recorded_sources(known));
                }
            }
            (Self::Items(own), Self::Items(recorded)) => {
                // of items that differ in secrets alone each takes the record of its own turn
                let mut unclaimed: Vec<&Self> = recorded.iter().collect();
                for item in own.iter_mut().filter(|item| item.holds_source()) {
                    let at = unclaimed.iter().position(|known| item.is_same_but_sources(known));
                    at.into_iter().for_each(|at| item.adopt_recorded_sources(unclaimed.remove(at)));
                }
            }
            _ => {}
        }
    }

    fn is_source(&self) -> bool {
        matches!(self, Self::Leaf(digest) if digest.starts_with(SOURCE_DIGEST_PREFIX))
    }

    fn holds_source(&self) -> bool {
        match self {
            Self::Leaf(_) => self.is_source(),
            Self::Fields(fields) => fields.values().any(Self::holds_source),
            Self::Items(items) => items.iter().any(Self::holds_source),
        }
    }

    /// Whether both are the same where neither has the digest of a source.
    fn is_same_but_sources(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leaf(_), Self::Leaf(_)) if self.is_source() || other.is_source() => true,
            (Self::Fields(own), Self::Fields(other)) => {
                own.len() == other.len()
                    && own
                        .iter()
                        .zip(other)
                        .all(|((name, own), (also, other))| name == also && own.is_same_but_sources(other))
            }
            (Self::Items(own), Self::Items(other)) => {
                own.len() == other.len()
                    && own.iter().zip(other).all(|(own, other)| own.is_same_but_sources(other))
            }
            (own, other) => own == other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, secret: &str) -> DesiredDigest {
        let fields = [("name", name), ("secret", secret)];
        DesiredDigest::Fields(fields.map(|(name, own)| (name.into(), DesiredDigest::Leaf(own.into()))).into())
    }

    fn describe(digest: &DesiredDigest) -> String {
        serde_json::to_string(digest).unwrap_or_default()
    }

    #[test]
    fn items_that_differ_in_secrets_alone_keep_their_own_records() {
        let mut own = DesiredDigest::Items(vec![item("a", "?env1"), item("b", "?env2"), item("a", "?env3")]);
        let recorded = DesiredDigest::Items(vec![item("a", "one"), item("a", "two"), item("b", "three")]);
        own.adopt_recorded_sources(&recorded);
        let adopted = DesiredDigest::Items(vec![item("a", "one"), item("b", "three"), item("a", "two")]);
        assert_eq!(describe(&own), describe(&adopted));
    }
}
