//! A place that several machines share, where each receipt is kept a second time: a bucket, a container or a
//! folder.
//!
//! A receipt is put where nothing is yet, so that no run writes over another one's. Credentials come from the
//! environment, as the clouds' own programs take them; what goes wrong is reported in words of our own, because the
//! stores' may repeat what was sent. Everything is bounded in time and size.
//! Deliberately absent: the copy of this workspace (`receipt`), which is written first and stays.

use std::time::Duration;

use url::Url;

use crate::output_filter::filter_text;
#[cfg(feature = "cloud")]
use crate::state::receipt_bucket::ReceiptBucket;
use crate::state::receipt_error::{PutOutcome, ReceiptStoreError};
use crate::state::receipt_folder::ReceiptFolder;

/// The schemes of places.
pub const SCHEMES: [&str; 4] = ["s3", "gs", "az", "file"];
/// How long one request may take, repetitions included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How many runs may have begun within one moment.
const TRIES: u32 = 20;

/// A shared place.
pub enum ReceiptStore {
    Folder(ReceiptFolder),
    #[cfg(feature = "cloud")]
    Bucket(ReceiptBucket),
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
            return Ok(Self::Folder(ReceiptFolder::open(url)?));
        }
        #[cfg(feature = "cloud")]
        return Ok(Self::Bucket(ReceiptBucket::open(url)?));
        #[cfg(not(feature = "cloud"))]
        Err(ReceiptStoreError::NotBuiltIn)
    }

    /// Puts a receipt where nothing is yet; gives the name that it got.
    ///
    /// # Errors
    /// When it is not there for certain.
    pub async fn put_receipt(&self, name: &str, text: &str) -> Result<String, ReceiptStoreError> {
        let text = &*filter_text(text);
        for number in 0..TRIES {
            let own = if number == 0 { name.to_owned() } else { format!("{name}-{number}") };
            let outcome = run_with_timeout(self.create(&format!("{own}.json"), text)).await?;
            // an answer that was lost, and the second try found what the first one had put
            if outcome == PutOutcome::Created || self.get_receipt(&own).await.as_deref() == Ok(text) {
                return Ok(own);
            }
        }
        Err(ReceiptStoreError::Unavailable)
    }

    /// The names of the newest receipts, the newest first. The name of a receipt begins with the year.
    ///
    /// # Errors
    /// When they cannot be listed, or there are too many to look through.
    pub async fn list_newest(&self, most: usize) -> Result<Vec<String>, ReceiptStoreError> {
        let mut names: Vec<String> = run_with_timeout(self.list()).await?;
        names.retain(|name| name.starts_with(|c: char| c.is_ascii_digit()));
        names.sort_unstable_by(|one, other| other.cmp(one));
        names.truncate(most);
        Ok(names)
    }

    /// The text of a receipt.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be read.
    pub async fn get_receipt(&self, name: &str) -> Result<String, ReceiptStoreError> {
        let bytes = run_with_timeout(self.get(&format!("{name}.json"))).await?;
        String::from_utf8(bytes).map_err(|_| ReceiptStoreError::Unavailable)
    }

    async fn create(&self, file: &str, text: &str) -> Result<PutOutcome, ReceiptStoreError> {
        match self {
            Self::Folder(folder) => folder.create(file, text).await,
            #[cfg(feature = "cloud")]
            Self::Bucket(bucket) => bucket.create(file, text).await,
        }
    }

    /// The names of the files that end in `.json`, without that ending; nothing of folders below.
    async fn list(&self) -> Result<Vec<String>, ReceiptStoreError> {
        match self {
            Self::Folder(folder) => folder.list().await,
            #[cfg(feature = "cloud")]
            Self::Bucket(bucket) => bucket.list().await,
        }
    }

    async fn get(&self, file: &str) -> Result<Vec<u8>, ReceiptStoreError> {
        match self {
            Self::Folder(folder) => folder.get(file).await,
            #[cfg(feature = "cloud")]
            Self::Bucket(bucket) => bucket.get(file).await,
        }
    }
}

async fn run_with_timeout<T>(
    work: impl Future<Output = Result<T, ReceiptStoreError>>,
) -> Result<T, ReceiptStoreError> {
    tokio::time::timeout(REQUEST_TIMEOUT, work).await.unwrap_or(Err(ReceiptStoreError::TimedOut))
}
