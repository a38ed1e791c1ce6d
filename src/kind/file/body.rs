//! The words of bodies: the member around an object, the encoding, and how long reads may lag behind a write.
//!
//! Deliberately absent: which fields a body holds (`operations`).

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

pub use crate::exchange::BodyEncoding;

/// When reads show what was written.
#[derive(Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ReadConsistency {
    /// As soon as the write is answered, or some seconds later.
    #[default]
    Immediate,
    /// Some time after a create: until then the object is known by the id in the response of the create, and never created again.
    Eventual,
    /// After at most this time, e.g. `10s` or `2m`.
    Within(SettleTime),
}

/// A time in seconds (`10s`) or minutes (`2m`).
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[schemars(with = "String")]
pub struct SettleTime(pub std::time::Duration);

impl<'de> Deserialize<'de> for SettleTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = |number: &str, unit: u64| number.parse::<u16>().ok().map(|count| u64::from(count) * unit);
        let seconds = match (text.strip_suffix('s'), text.strip_suffix('m')) {
            (Some(number), _) => read(number, 1),
            (_, Some(number)) => read(number, 60),
            _ => None,
        };
        let seconds = seconds.filter(|seconds| (1..=3600).contains(seconds));
        let invalid =
            || serde::de::Error::custom("this is not a time such as `10s` or `2m`, at most an hour");
        Ok(Self(std::time::Duration::from_secs(seconds.ok_or_else(invalid)?)))
    }
}
