//! What a service makes by itself: ids, row ids and times.
//!
//! With a seed everything comes from a counter, so that two runs print the same; without one the ids start
//! from the system's randomness and the times are the clock's.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// The first moment of a seeded sandbox: 2026-01-01T00:00:00Z.
const SEEDED_EPOCH: i64 = 1_767_225_600;

/// Makes ids and times.
pub struct SandboxIdGenerator {
    seed: u64,
    counter: u64,
    /// Whether the times are made too.
    is_seeded: bool,
}

impl SandboxIdGenerator {
    /// A mint; the same seed makes the same things.
    pub fn new(seed: Option<u64>) -> Self {
        Self { seed: seed.unwrap_or_else(read_random_seed), counter: 0, is_seeded: seed.is_some() }
    }

    /// A guid that was not made before.
    pub fn generate_uuid(&mut self) -> Uuid {
        self.counter += 1;
        let high = mix_bits(self.seed ^ mix_bits(self.counter));
        let bytes = (u128::from(high) << 64) | u128::from(mix_bits(high ^ self.counter));
        uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid()
    }

    /// A number above all that were made before.
    pub fn generate_integer(&mut self) -> i64 {
        self.counter += 1;
        i64::try_from(self.counter).unwrap_or(i64::MAX).saturating_add(1_000_000)
    }

    /// Now, as the service's clock says.
    pub fn generate_time(&mut self) -> Timestamp {
        if !self.is_seeded {
            let now = Timestamp::now();
            return Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        }
        self.counter += 1;
        let seconds = SEEDED_EPOCH.saturating_add(i64::try_from(self.counter).unwrap_or(0));
        Timestamp::from_duration(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

fn read_random_seed() -> u64 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => Timestamp::now().as_nanosecond() as u64,
    }
}

/// One step of splitmix64: neighbouring inputs give unrelated outputs.
fn mix_bits(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The number at the end of a text plus `n`, as wide as it was; without one, `n` is put there.
pub fn increment_number(text: &str, n: i64) -> String {
    let head = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &text[head.len()..];
    // of a long number only the last digits count up
    let cut = digits.len().saturating_sub(15);
    let (kept, tail) = digits.split_at(cut);
    let number = tail.parse::<i64>().unwrap_or(0).saturating_add(n);
    format!("{head}{kept}{number:0width$}", width = tail.len())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_and_never_twice() {
        let (mut a, mut b) = (SandboxIdGenerator::new(Some(7)), SandboxIdGenerator::new(Some(7)));
        let made: HashSet<Uuid> = (0..10_000).map(|_| a.generate_uuid()).collect();
        assert_eq!(made.len(), 10_000);
        assert!(made.contains(&b.generate_uuid()));
        assert_ne!(
            SandboxIdGenerator::new(Some(8)).generate_uuid(),
            SandboxIdGenerator::new(Some(7)).generate_uuid()
        );
        assert_ne!(
            SandboxIdGenerator::new(None).generate_uuid(),
            SandboxIdGenerator::new(None).generate_uuid()
        );
    }
}
