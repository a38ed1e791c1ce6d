//! A lease: the word that one run alone writes to a target, for a while. It stands in a place that every machine
//! sees, says who holds it, since when and until when, is renewed while the run works and given back at its end.
//!
//! Each change of the word replaces the one that was seen or fails, so that of two runs one wins. A run that dies
//! renews no more, and once its time is over another one may take over.
//! Deliberately absent: the certainty of a lock. A machine that slept through its time learns of it when it wakes;
//! therefore objects are read right before each write all the same.

pub mod folder;

use std::io;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::system_time::read_system_time;

/// The version of the word that is written here.
const FORMAT: u32 = 1;
/// How often others may come first before that is called an error.
const TRIES: u32 = 20;
/// No lease lasts longer; one that does was written by a clock that is wrong, or by someone else.
const MAX_LEASE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Where one word stands that several machines see.
pub trait LeaseStore: Send {
    /// What stands there.
    ///
    /// # Errors
    /// When no one can tell.
    fn read_lease(&self) -> io::Result<StoredLease>;

    /// Puts another word in place of the one that was seen; gives its version, or nothing when what was seen does
    /// not stand there any more.
    ///
    /// # Errors
    /// When it is not known to stand there.
    fn compare_and_swap(&self, seen: Option<&str>, word: &[u8]) -> io::Result<Option<String>>;
}

/// What stands at a place.
pub struct StoredLease {
    /// None when nothing ever stood there. Only the place knows what it means.
    pub version: Option<String>,
    pub content: Vec<u8>,
}

/// The word as it stands there.
#[derive(Serialize, Deserialize)]
struct LeaseContent {
    trueup_lease: u32,
    holder: String,
    since: String,
    /// None when it was given back.
    until: Option<String>,
}

/// Who holds a lease, and from when to when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseHolder {
    pub name: String,
    pub since: Timestamp,
    pub until: Timestamp,
}

/// A lease that is held.
pub struct HeldLease {
    store: Box<dyn LeaseStore>,
    version: String,
    /// What stands there since it was acquired or renewed.
    content: Vec<u8>,
    holder: LeaseHolder,
    duration: Duration,
}

/// Why a lease was not had.
#[derive(Debug)]
pub enum LeaseError {
    /// Someone else holds it.
    Held(LeaseHolder),
    /// No one can tell.
    Unknown(io::Error),
}

impl HeldLease {
    /// Takes a lease for so long. Beside it stands who held it before and did not give it back in time.
    ///
    /// # Errors
    /// When someone holds it, or no one can tell.
    pub fn acquire(
        place: Box<dyn LeaseStore>,
        name: &str,
        time: Duration,
    ) -> Result<(Self, Option<LeaseHolder>), LeaseError> {
        for _ in 0..TRIES {
            let seen = place.read_lease().map_err(LeaseError::Unknown)?;
            let before = parse_holder(&seen).map_err(LeaseError::Unknown)?;
            let since = read_system_time();
            if let Some(holder) = before.as_ref().filter(|holder| holder.until > since) {
                check_lease_end(holder, since).map_err(LeaseError::Unknown)?;
                return Err(LeaseError::Held(holder.clone()));
            }
            let until = add_duration(since, time).map_err(LeaseError::Unknown)?;
            let own = LeaseHolder { name: name.to_owned(), since, until };
            let content = encode_content(&own, Some(until));
            let put = place.compare_and_swap(seen.version.as_deref(), &content);
            if let Some(version) = put.map_err(LeaseError::Unknown)? {
                return Ok((Self { store: place, version, content, holder: own, duration: time }, before));
            }
        }
        Err(LeaseError::Unknown(io::Error::other("others change it all the time")))
    }

    /// Holds it for as long again; `false` when someone else has taken it over.
    ///
    /// # Errors
    /// When that could not be noted. Until its time is over it is held all the same.
    pub fn renew(&mut self) -> io::Result<bool> {
        let until = add_duration(read_system_time(), self.duration)?;
        let content = encode_content(&self.holder, Some(until));
        if !self.is_there()? {
            return Ok(false);
        }
        let put = self.store.compare_and_swap(Some(&self.version), &content)?;
        let Some(version) = put else { return Ok(false) };
        (self.version, self.content, self.holder.until) = (version, content, until);
        Ok(true)
    }

    /// Whether the lease is still the one that was written. Where its place was emptied meanwhile, another run may
    /// have taken one of the same number.
    fn is_there(&self) -> io::Result<bool> {
        let seen = self.store.read_lease()?;
        Ok(seen.version.as_ref() == Some(&self.version) && seen.content == self.content)
    }

    /// Gives it back. When that cannot be noted, its time runs out.
    pub fn release(self) {
        if !self.is_there().unwrap_or_default() {
            return;
        }
        let _ = self.store.compare_and_swap(Some(&self.version), &encode_content(&self.holder, None));
    }

    /// Until when it is held.
    pub fn expires_at(&self) -> Timestamp {
        self.holder.until
    }
}

/// A lease that ends in many years would keep every run out.
fn check_lease_end(holder: &LeaseHolder, now: Timestamp) -> io::Result<()> {
    if holder.until.duration_since(now) <= MAX_LEASE {
        return Ok(());
    }
    let LeaseHolder { name, until, .. } = holder;
    Err(io::Error::other(format!(
        "the one that {name} holds ends at {until:.0}, later than any lease: a clock is wrong, or the file was changed"
    )))
}

fn add_duration(now: Timestamp, time: Duration) -> io::Result<Timestamp> {
    let time = SignedDuration::try_from(time).map_err(io::Error::other)?;
    now.checked_add(time).map_err(io::Error::other)
}

fn encode_content(own: &LeaseHolder, until: Option<Timestamp>) -> Vec<u8> {
    let text = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let word = LeaseContent {
        trueup_lease: FORMAT,
        holder: own.name.clone(),
        since: text(own.since),
        until: until.map(text),
    };
    // plain texts and a number always have a JSON
    serde_json::to_vec(&word).unwrap_or_default()
}

/// Who stands there; no one when nothing stands there or it was given back.
fn parse_holder(seen: &StoredLease) -> io::Result<Option<LeaseHolder>> {
    if seen.version.is_none() {
        return Ok(None);
    }
    let strange =
        || io::Error::new(io::ErrorKind::InvalidData, "what stands there is no lease of this program");
    let word: LeaseContent = serde_json::from_slice(&seen.content).map_err(|_| strange())?;
    if word.trueup_lease != FORMAT {
        return Err(strange());
    }
    let time = |text: &str| text.parse::<Timestamp>().map_err(|_| strange());
    let Some(until) = &word.until else { return Ok(None) };
    Ok(Some(LeaseHolder { since: time(&word.since)?, until: time(until)?, name: word.holder }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::folder::LeaseFolder;
    use super::*;

    const LONG: Duration = Duration::from_secs(600);
    const OVER: Duration = Duration::from_millis(1);

    fn take(
        folder: &Path,
        name: &str,
        time: Duration,
    ) -> Result<(HeldLease, Option<LeaseHolder>), LeaseError> {
        HeldLease::acquire(Box::new(LeaseFolder::new(folder, "api-host-1")), name, time)
    }

    fn had(folder: &Path, name: &str, time: Duration) -> (HeldLease, Option<LeaseHolder>) {
        take(folder, name, time).unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }

    fn held_by(taken: Result<(HeldLease, Option<LeaseHolder>), LeaseError>) -> String {
        match taken {
            Err(LeaseError::Held(holder)) => holder.name,
            Err(LeaseError::Unknown(error)) => panic!("{error}"),
            Ok(_) => panic!("it was had"),
        }
    }

    #[test]
    fn the_second_sees_the_first_until_it_gives_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut first, before) = had(folder.path(), "one", LONG);
        assert_eq!(before, None);
        for _ in 0..5 {
            assert_eq!(held_by(take(folder.path(), "two", LONG)), "one");
            assert!(first.renew().expect("a folder"));
        }
        first.release();
        assert_eq!(had(folder.path(), "two", LONG).1, None);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "old words are gone");
    }

    #[test]
    fn what_expired_is_taken_over_and_its_holder_learns_of_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut first, _) = had(folder.path(), "one", OVER);
        std::thread::sleep(OVER * 3);
        let (mut second, before) = had(folder.path(), "two", LONG);
        assert_eq!(before.expect("somebody before").name, "one");
        assert!(second.renew().expect("a folder"));
        assert!(!first.renew().expect("a folder"));
        first.release();
        assert_eq!(held_by(take(folder.path(), "three", LONG)), "two");
    }

    #[test]
    fn of_many_at_once_one_wins() {
        for expired in [false, true] {
            for _ in 0..20 {
                let folder = tempfile::tempdir().expect("a folder");
                if expired {
                    had(folder.path(), "old", OVER);
                    std::thread::sleep(OVER * 3);
                }
                let start = std::sync::Barrier::new(6);
                let won = std::thread::scope(|scope| {
                    let one = || {
                        start.wait();
                        take(folder.path(), "new", LONG).is_ok()
                    };
                    let all: Vec<_> = (0..6).map(|_| scope.spawn(one)).collect();
                    all.into_iter().filter_map(|one| one.join().expect("no panic").then_some(())).count()
                });
                assert_eq!(won, 1);
            }
        }
    }

    #[test]
    fn an_old_view_of_the_folder_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = LeaseFolder::new(folder.path(), "x");
        let first = place.compare_and_swap(None, b"1").expect("a folder");
        let second = place.compare_and_swap(first.as_deref(), b"2").expect("a folder");
        let third = place.compare_and_swap(second.as_deref(), b"3").expect("a folder");
        assert!(third.is_some());
        // the number after the first is free again
        assert_eq!(place.compare_and_swap(first.as_deref(), b"late").expect("a folder"), None);
        assert_eq!(place.compare_and_swap(None, b"late").expect("a folder"), None);
        let seen = place.read_lease().expect("a folder");
        assert_eq!((seen.version, seen.content), (third, b"3".to_vec()));
    }

    #[test]
    fn a_lease_that_never_ends_is_an_error_that_says_so() {
        let folder = tempfile::tempdir().expect("a folder");
        for until in ["9999-01-01T00:00:00Z", "2300-01-01T00:00:00Z"] {
            let text = format!(
                "{{\"trueup_lease\":1,\"holder\":\"x\",\"since\":\"2020-01-01T00:00:00Z\",\"until\":\"{until}\"}}"
            );
            std::fs::write(folder.path().join("api-host-1.0000000001.lease"), text).expect("a file");
            match take(folder.path(), "one", LONG) {
                Err(LeaseError::Unknown(error)) => assert!(error.to_string().contains("a clock is wrong")),
                _ => panic!("{until}"),
            }
        }
    }

    #[test]
    fn whoever_finds_the_folder_emptied_holds_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let empty = || {
            for entry in std::fs::read_dir(folder.path()).expect("a folder").flatten() {
                std::fs::remove_file(entry.path()).expect("a file");
            }
        };
        for renewals in 0..3 {
            let (mut first, _) = had(folder.path(), "one", LONG);
            (0..renewals).for_each(|_| assert!(first.renew().expect("a folder")));
            empty();
            let (mut second, _) = had(folder.path(), "two", LONG);
            (0..renewals).for_each(|_| assert!(second.renew().expect("a folder")));
            assert!(!first.renew().expect("a folder"), "after {renewals} renewals");
            first.release();
            assert!(second.renew().expect("a folder"), "the other one keeps its own");
            second.release();
            empty();
        }
        let (mut alone, _) = had(folder.path(), "one", LONG);
        empty();
        assert!(!alone.renew().expect("a folder"));
    }

    #[test]
    fn what_is_no_lease_is_nobodys_to_take() {
        let folder = tempfile::tempdir().expect("a folder");
        for text in ["", "{}", "{\"trueup_lease\":2,\"holder\":\"x\",\"since\":\"\",\"until\":null}"] {
            std::fs::write(folder.path().join("api-host-1.0000000001.lease"), text).expect("a file");
            assert!(matches!(take(folder.path(), "one", LONG), Err(LeaseError::Unknown(_))), "{text}");
        }
    }
}
