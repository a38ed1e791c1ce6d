//! Shared receipts in S3, Google Cloud Storage or Azure.
//!
//! Credentials come from the environment, as the clouds' own programs take them. What goes wrong is reported in words
//! of our own, because the stores' messages may repeat what was sent.
//! Deliberately absent: retries, which the stores do by themselves.

use futures_util::StreamExt as _;
use object_store::path::Path;
use object_store::{Error, GetOptions, ObjectStore, PutMode, PutOptions, PutPayload};
use url::Url;

use crate::state::receipt_error::{MAX_BYTES, MAX_LISTED_FILES, PutOutcome, ReceiptStoreError};

/// Which variables a store may see.
const VARIABLE_PREFIXES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];

/// A bucket or container, and where in it the receipts are.
pub struct ReceiptBucket {
    store: Box<dyn ObjectStore>,
    prefix: Path,
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

impl ReceiptBucket {
    pub fn open(url: &Url) -> Result<Self, ReceiptStoreError> {
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

    pub async fn create(&self, file: &str, text: &str) -> Result<PutOutcome, ReceiptStoreError> {
        let payload = PutPayload::from(text.as_bytes().to_vec());
        let path = self.prefix.clone().join(file);
        match self.store.put_opts(&path, payload, PutOptions::from(PutMode::Create)).await {
            Ok(_) => Ok(PutOutcome::Created),
            Err(Error::AlreadyExists { .. }) => Ok(PutOutcome::NameIsTaken),
            Err(error) => Err(error.into()),
        }
    }

    pub async fn list(&self) -> Result<Vec<String>, ReceiptStoreError> {
        let mut names = Vec::new();
        let mut files = self.store.list(Some(&self.prefix)).enumerate();
        while let Some((seen, file)) = files.next().await {
            if seen >= MAX_LISTED_FILES {
                return Err(ReceiptStoreError::TooLong);
            }
            names.extend(self.parse_name(&file?.location));
        }
        Ok(names)
    }

    fn parse_name(&self, location: &Path) -> Option<String> {
        let mut rest = location.prefix_match(&self.prefix)?;
        let (file, below) = (rest.next()?, rest.next());
        let name = file.as_ref().strip_suffix(".json")?;
        below.is_none().then(|| name.to_owned())
    }

    pub async fn get(&self, file: &str) -> Result<Vec<u8>, ReceiptStoreError> {
        let found = self.store.get_opts(&self.prefix.clone().join(file), GetOptions::default()).await?;
        if found.meta.size > MAX_BYTES {
            return Err(ReceiptStoreError::TooLong);
        }
        Ok(found.bytes().await?.to_vec())
    }
}
