//! The clock of the system, which may be anywhere.
//!
//! Deliberately absent: time that never goes back. A run has a clock of its own.

use std::time::SystemTime;

use jiff::Timestamp;

/// The time of the system; the last one that can be written where its clock is beyond that.
pub fn read_system_time() -> Timestamp {
    to_timestamp(SystemTime::now())
}

fn to_timestamp(time: SystemTime) -> Timestamp {
    let bound = if time < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::try_from(time).unwrap_or(bound)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_beyond_all_years_is_no_panic() {
        let years = |years: u64| Duration::from_secs(years * 31_557_600);
        let late = SystemTime::UNIX_EPOCH + years(8000);
        assert_eq!(to_timestamp(late + years(1000)), Timestamp::MAX);
        assert!(to_timestamp(late) < Timestamp::MAX);
        // what is written with it is a time
        let text = Timestamp::MAX.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        assert!(text.starts_with("9999-12-30"), "{text}");
    }
}
