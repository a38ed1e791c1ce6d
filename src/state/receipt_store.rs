//! A place that several machines share, where each receipt is kept a second time: a bucket, a container or a
//! folder.
//!
//! A receipt is put where nothing is yet, so that no run writes over another one's. Credentials come from the
//! environment, as the clouds' own programs take them; what goes wrong is told in words of our own, because the
//! stores' may repeat what was sent. Everything is bounded in time and size.
//! Deliberately absent: the copy of this workspace (`receipt`), which is written first and stays.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{Error, GetOptions, ObjectStore, PutMode, PutOptions, PutPayload};
use url::Url;

use crate::output_filter::filter_text;

/// The schemes of places.
pub const SCHEMES: [&str; 4] = ["s3", "gs", "az", "file"];
/// Which variables a store may see.
const VARIABLE_PREFIXES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];
/// How long one request may take, repetitions included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// The most bytes of a receipt.
const MAX_BYTES: u64 = 256 << 20;
/// The most files that are looked through for the newest receipts.
const MAX_LISTED_FILES: usize = 100_000;
/// How many runs may have begun within one moment.
const TRIES: u32 = 20;

/// A shared place.
pub struct ReceiptStore {
    store: Box<dyn ObjectStore>,
    prefix: Path,
}

/// Why a place could not be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReceiptStoreError {
    /// This program was built without clouds.
    NotBuiltIn,
    /// The folder is not there.
    NoFolder,
    /// It is not set up: a region, an account or a credential is missing.
    NotSetUp,
    Denied,
    /// What was looked for is not there.
    NotFound,
    TooLong,
    TimedOut,
    /// It cannot be reached, or answers what nobody understands.
    Unavailable,
}

impl fmt::Display for ReceiptStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBuiltIn => "this build has no cloud support",
            Self::NoFolder => "the folder is not there",
            Self::NotSetUp => "a region, an account or a credential is missing or wrong",
            Self::Denied => "access is denied",
            Self::NotFound => "it is not there",
            Self::TooLong => "it is too long",
            Self::TimedOut => "it took too long",
            Self::Unavailable => "it cannot be reached, or answers what nobody understands",
        })
    }
}

impl From<Error> for ReceiptStoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound { .. } => Self::NotFound,
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Self::Denied,
            _ => Self::Unavailable,
        }
    }
}

impl ReceiptStore {
    /// Whether this program was built to speak to such a place.
    pub fn is_built_in(url: &Url) -> bool {
        cfg!(feature = "cloud") || url.scheme() == "file"
    }

    /// The place at an address.
    ///
    /// # Errors
    /// When it cannot be used at all.
    pub fn open(url: &Url) -> Result<Self, ReceiptStoreError> {
        if url.scheme() == "file" {
            let folder = url.to_file_path().ok();
            // a folder that is made where a share is not mounted would be each machine's own
            if !folder.is_some_and(|folder| folder.is_dir()) {
                return Err(ReceiptStoreError::NoFolder);
            }
        } else if !Self::is_built_in(url) {
            return Err(ReceiptStoreError::NotBuiltIn);
        }
        // the first one that asks for TLS decides by whom it is done
        let _ = rustls::crypto::ring::default_provider().install_default();
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
            VARIABLE_PREFIXES.iter().any(|prefix| name.starts_with(prefix)).then_some((name, value))
        });
        let (store, prefix) =
            object_store::parse_url_opts(url, variables).map_err(|_| ReceiptStoreError::NotSetUp)?;
        Ok(Self { store, prefix })
    }

    fn build_path(&self, name: &str) -> Path {
        self.prefix.clone().join(format!("{name}.json"))
    }

    /// Puts a receipt where nothing is yet; gives the name that it got.
    ///
    /// # Errors
    /// When it is not there for certain.
    pub async fn put_receipt(&self, name: &str, text: &str) -> Result<String, ReceiptStoreError> {
        let text = &*filter_text(text);
        for number in 0..TRIES {
            let own = if number == 0 { name.to_owned() } else { format!("{name}-{number}") };
            let payload = PutPayload::from(text.as_bytes().to_vec());
            let options = PutOptions::from(PutMode::Create);
            match run_with_timeout(self.store.put_opts(&self.build_path(&own), payload, options)).await {
                Ok(_) => return Ok(own),
                // an answer that was lost, and the second try found what the first one had put
                Err(Some(Error::AlreadyExists { .. }))
                    if self.get_receipt(&own).await.as_deref() == Ok(text) =>
                {
                    return Ok(own);
                }
                Err(Some(Error::AlreadyExists { .. })) => {}
                Err(why) => return Err(why.map_or(ReceiptStoreError::TimedOut, ReceiptStoreError::from)),
            }
        }
        Err(ReceiptStoreError::Unavailable)
    }

    /// The names of the newest receipts, the newest first.
    ///
    /// # Errors
    /// When they cannot be listed, or there are too many to look through.
    pub async fn list_newest(&self, most: usize) -> Result<Vec<String>, ReceiptStoreError> {
        let look = async {
            let (mut names, mut seen) = (BTreeSet::new(), 0);
            let mut all = self.store.list(Some(&self.prefix));
            while let Some(found) = all.next().await {
                seen += 1;
                if seen > MAX_LISTED_FILES {
                    return Ok(None);
                }
                names.extend(self.parse_name(&found?.location));
                if names.len() > most {
                    names.pop_first();
                }
            }
            Ok(Some(names))
        };
        match run_with_timeout(look).await {
            Ok(names) => Ok(names.ok_or(ReceiptStoreError::TooLong)?.into_iter().rev().collect()),
            Err(why) => Err(why.map_or(ReceiptStoreError::TimedOut, ReceiptStoreError::from)),
        }
    }

    /// The run whose receipt is there; its name begins with the year.
    fn parse_name(&self, location: &Path) -> Option<String> {
        let mut rest = location.prefix_match(&self.prefix)?;
        let (file, below) = (rest.next()?, rest.next());
        let name = file.as_ref().strip_suffix(".json")?;
        (below.is_none() && name.starts_with(|c: char| c.is_ascii_digit())).then(|| name.to_owned())
    }

    /// The text of a receipt.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be read.
    pub async fn get_receipt(&self, name: &str) -> Result<String, ReceiptStoreError> {
        let told = |why: Option<Error>| why.map_or(ReceiptStoreError::TimedOut, ReceiptStoreError::from);
        let found = run_with_timeout(self.store.get_opts(&self.build_path(name), GetOptions::default()))
            .await
            .map_err(told)?;
        if found.meta.size > MAX_BYTES {
            return Err(ReceiptStoreError::TooLong);
        }
        let bytes = run_with_timeout(found.bytes()).await.map_err(told)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| ReceiptStoreError::Unavailable)
    }
}

/// Nothing in place of an error means that it took too long.
async fn run_with_timeout<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Option<Error>> {
    match tokio::time::timeout(REQUEST_TIMEOUT, work).await {
        Ok(done) => done.map_err(Some),
        Err(_) => Err(None),
    }
}
