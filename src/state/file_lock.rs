//! Turns at the files of a workspace's `.trueup` folder: several runs in one workspace read, change and replace
//! them one after the other, so that none undoes what another one noted.
//!
//! A turn lasts as long as it takes to write a file, never as long as a request; a run that is killed loses it.
//! Deliberately absent: which run may write to a service (`lease`).

use std::fs::{DirEntry, File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::state::files::{create_folder, private_options};

/// The file whose lock is the turn.
const LOCK_FILE: &str = "lock";
/// The file that the run that writes to services holds.
const APPLY_LOCK_FILE: &str = "apply.lock";
/// How long a turn is waited for; someone who takes longer was stopped in the middle.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);
/// How often it is asked for.
const RETRY_INTERVAL: Duration = Duration::from_millis(2);
/// How the names of files begin that are not finished.
const TEMPORARY_PREFIX: &str = ".tmp";
/// After so long no one writes such a file any more.
const STALE_AGE: Duration = Duration::from_secs(60);

/// Does `work` while no other run changes the folder. Turns do not nest.
///
/// # Errors
/// When the folder cannot be made or locked, and those of the work.
pub fn run_locked<T>(folder: &Path, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    create_folder(folder)?;
    let _turn = acquire_lock(folder)?;
    work()
}

/// The lock ends with the file.
fn acquire_lock(folder: &Path) -> io::Result<Option<File>> {
    let file = private_options().create(true).truncate(false).write(true).open(folder.join(LOCK_FILE))?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if began.elapsed() < LOCK_TIMEOUT => {
                std::thread::sleep(RETRY_INTERVAL)
            }
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::TimedOut.into()),
            // where a file system knows no locks, runs side by side are on their own
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// The lock of the one run that may write in a workspace. It ends with the file, also when the run is killed.
///
/// # Errors
/// With `WouldBlock` while another run holds it, and when the folder cannot be made or locked.
pub fn try_lock_apply(folder: &Path) -> io::Result<Option<File>> {
    create_folder(folder)?;
    let file =
        private_options().create(true).truncate(false).write(true).open(folder.join(APPLY_LOCK_FILE))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Takes away what killed runs left half written. It is in no one's way, so nothing is said when it stays.
pub fn remove_stale_files(folder: &Path) {
    let is_left = |entry: &DirEntry| {
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
        let unfinished = entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX);
        unfinished && age.is_some_and(|age| age > STALE_AGE)
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for left in entries.filter(is_left) {
        let _ = std::fs::remove_file(left.path());
    }
}
