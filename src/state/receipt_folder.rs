//! Shared receipts in a folder, e.g. of a mounted share.
//!
//! A file appears whole or not at all, and never replaces another one. Files can be read by the owner's group,
//! because several people share the folder, and by no one else. The work is done on threads of its own, so that a
//! share that hangs ends in a timeout.
//! Deliberately absent: making the folder. Where a share is not mounted, it would be each machine's own.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use url::Url;

use crate::state::receipt_error::{MAX_BYTES, MAX_LISTED_FILES, PutOutcome, ReceiptStoreError};

/// A folder that exists.
pub struct ReceiptFolder(PathBuf);

impl From<io::Error> for ReceiptStoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Denied,
            io::ErrorKind::FileTooLarge => Self::TooLong,
            _ => Self::Unavailable,
        }
    }
}

impl ReceiptFolder {
    pub fn open(url: &Url) -> Result<Self, ReceiptStoreError> {
        let folder = url.to_file_path().ok().filter(|folder| folder.is_dir());
        folder.map(Self).ok_or(ReceiptStoreError::NoFolder)
    }

    pub async fn create(&self, file: &str, text: &str) -> Result<PutOutcome, ReceiptStoreError> {
        let (folder, file, text) = (self.0.clone(), file.to_owned(), text.to_owned());
        run_blocking(move || create_file(&folder, &file, &text)).await
    }

    pub async fn list(&self) -> Result<Vec<String>, ReceiptStoreError> {
        let folder = self.0.clone();
        run_blocking(move || list_files(&folder)).await
    }

    pub async fn get(&self, file: &str) -> Result<Vec<u8>, ReceiptStoreError> {
        let path = self.0.join(file);
        run_blocking(move || read_file(&path)).await
    }
}

async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ReceiptStoreError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| ReceiptStoreError::Unavailable)?;
    Ok(done?)
}

fn create_file(folder: &Path, name: &str, text: &str) -> io::Result<PutOutcome> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".receipt-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o660));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(folder.join(name)) {
        Ok(_) => Ok(PutOutcome::Created),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(PutOutcome::NameIsTaken),
        Err(error) => Err(error.error),
    }
}

fn list_files(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for (seen, entry) in folder.read_dir()?.enumerate() {
        if seen >= MAX_LISTED_FILES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(".json"));
        names.extend(name.filter(|_| entry.path().is_file()).map(str::to_owned));
    }
    Ok(names)
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    // asked before opening: a pipe could keep the run waiting
    if !path.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MAX_BYTES {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(bytes),
    }
}
