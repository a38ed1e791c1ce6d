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

/// The schemes of places.
pub const SCHEMES: [&str; 4] = ["s3", "gs", "az", "file"];
/// Which variables a store may see.
const VARIABLES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];
/// How long one request may take, repetitions included.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most bytes of a receipt.
const MAX_BYTES: u64 = 256 << 20;
/// The most files that are looked through for the newest receipts.
const MOST_LISTED: usize = 100_000;
/// How many runs may have begun within one moment.
const TRIES: u32 = 20;

/// A shared place.
pub struct Archive {
    store: Box<dyn ObjectStore>,
    prefix: Path,
}

/// Why a place could not be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// This program was built without clouds.
    NotBuiltIn,
    /// The folder is not there.
    NoFolder,
    /// It is not set up: a region, an account or a credential is missing.
    NotSetUp,
    Denied,
    /// What was looked for is not there.
    Missing,
    TooLong,
    TooLate,
    /// It cannot be reached, or answers what nobody understands.
    Broken,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBuiltIn => "this program was built without clouds",
            Self::NoFolder => "the folder is not there",
            Self::NotSetUp => "a region, an account or a credential is missing or wrong",
            Self::Denied => "access is denied",
            Self::Missing => "it is not there",
            Self::TooLong => "it is too long",
            Self::TooLate => "it took too long",
            Self::Broken => "it cannot be reached, or answers what nobody understands",
        })
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound { .. } => Self::Missing,
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Self::Denied,
            _ => Self::Broken,
        }
    }
}

impl Archive {
    /// Whether this program was built to speak to such a place.
    pub fn is_built_in(url: &Url) -> bool {
        cfg!(feature = "cloud") || url.scheme() == "file"
    }

    /// The place at an address.
    ///
    /// # Errors
    /// When it cannot be used at all.
    pub fn open(url: &Url) -> Result<Self, Trouble> {
        if url.scheme() == "file" {
            let folder = url.to_file_path().ok();
            // a folder that is made where a share is not mounted would be each machine's own
            if !folder.is_some_and(|folder| folder.is_dir()) {
                return Err(Trouble::NoFolder);
            }
        } else if !Self::is_built_in(url) {
            return Err(Trouble::NotBuiltIn);
        }
        // the first one that asks for TLS decides by whom it is done
        let _ = rustls::crypto::ring::default_provider().install_default();
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
            VARIABLES.iter().any(|prefix| name.starts_with(prefix)).then_some((name, value))
        });
        let (store, prefix) = object_store::parse_url_opts(url, variables).map_err(|_| Trouble::NotSetUp)?;
        Ok(Self { store, prefix })
    }

    fn place(&self, name: &str) -> Path {
        self.prefix.clone().join(format!("{name}.json"))
    }

    /// Puts a receipt where nothing is yet; gives the name that it got.
    ///
    /// # Errors
    /// When it is not there for certain.
    pub async fn put(&self, name: &str, text: &str) -> Result<String, Trouble> {
        for number in 0..TRIES {
            let own = if number == 0 { name.to_owned() } else { format!("{name}-{number}") };
            let payload = PutPayload::from(text.as_bytes().to_vec());
            let options = PutOptions::from(PutMode::Create);
            match within(self.store.put_opts(&self.place(&own), payload, options)).await {
                Ok(_) => return Ok(own),
                // an answer that was lost, and the second try found what the first one had put
                Err(Some(Error::AlreadyExists { .. })) if self.get(&own).await.as_deref() == Ok(text) => {
                    return Ok(own);
                }
                Err(Some(Error::AlreadyExists { .. })) => {}
                Err(why) => return Err(why.map_or(Trouble::TooLate, Trouble::from)),
            }
        }
        Err(Trouble::Broken)
    }

    /// The names of the newest receipts, the newest first.
    ///
    /// # Errors
    /// When they cannot be listed, or there are too many to look through.
    pub async fn newest(&self, most: usize) -> Result<Vec<String>, Trouble> {
        let look = async {
            let (mut names, mut seen) = (BTreeSet::new(), 0);
            let mut all = self.store.list(Some(&self.prefix));
            while let Some(found) = all.next().await {
                seen += 1;
                if seen > MOST_LISTED {
                    return Ok(None);
                }
                names.extend(self.name(&found?.location));
                if names.len() > most {
                    names.pop_first();
                }
            }
            Ok(Some(names))
        };
        match within(look).await {
            Ok(names) => Ok(names.ok_or(Trouble::TooLong)?.into_iter().rev().collect()),
            Err(why) => Err(why.map_or(Trouble::TooLate, Trouble::from)),
        }
    }

    /// The run whose receipt is there; its name begins with the year.
    fn name(&self, location: &Path) -> Option<String> {
        let mut rest = location.prefix_match(&self.prefix)?;
        let (file, below) = (rest.next()?, rest.next());
        let name = file.as_ref().strip_suffix(".json")?;
        (below.is_none() && name.starts_with(|c: char| c.is_ascii_digit())).then(|| name.to_owned())
    }

    /// The text of a receipt.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be read.
    pub async fn get(&self, name: &str) -> Result<String, Trouble> {
        let told = |why: Option<Error>| why.map_or(Trouble::TooLate, Trouble::from);
        let found =
            within(self.store.get_opts(&self.place(name), GetOptions::default())).await.map_err(told)?;
        if found.meta.size > MAX_BYTES {
            return Err(Trouble::TooLong);
        }
        let bytes = within(found.bytes()).await.map_err(told)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| Trouble::Broken)
    }
}

/// Nothing in place of an error means that it took too long.
async fn within<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Option<Error>> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done.map_err(Some),
        Err(_) => Err(None),
    }
}
