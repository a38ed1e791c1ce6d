//! The sealed part of receipts: values under a mark, encrypted to the recipients that `trueup.yaml` names, so that
//! only whoever has an identity for one of them can read what was there before.
//!
//! It is made with age (x25519). A run that is to seal and cannot sends nothing; one that only reads needs no
//! identity. Deliberately absent: where identities are, and what is worth sealing (`record`).

use std::io;

use zeroize::Zeroizing;

/// The most bytes of an opened part.
#[cfg(feature = "encryption")]
const MAX_OPENED: u64 = 16 << 20;

/// Who can open what is sealed.
#[derive(Clone)]
pub struct ValueSealer {
    #[cfg(feature = "encryption")]
    recipients: Vec<age::x25519::Recipient>,
}

/// What opens it. It has no `Debug` on purpose.
pub struct ValueOpener {
    #[cfg(feature = "encryption")]
    identities: Vec<age::x25519::Identity>,
}

/// Why nothing is sealed or opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SealerError {
    /// It is no recipient, or no identity.
    InvalidKey,
    /// This program was built without encryption.
    NotBuiltIn,
}

#[cfg(feature = "encryption")]
impl ValueSealer {
    /// For these recipients, `age1…`.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn new(recipients: &[String]) -> Result<Self, SealerError> {
        let recipients: Result<Vec<_>, _> = recipients.iter().map(|text| text.trim().parse()).collect();
        match recipients {
            Ok(recipients) if !recipients.is_empty() => Ok(Self { recipients }),
            _ => Err(SealerError::InvalidKey),
        }
    }

    /// Seals a text; what comes out is Base64.
    ///
    /// # Errors
    /// When it cannot be encrypted.
    pub fn seal(&self, text: &[u8]) -> io::Result<String> {
        use std::io::Write as _;

        use base64::Engine as _;
        let recipients = self.recipients.iter().map(|own| own as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
        let mut sealed = Vec::new();
        let mut writer = encryptor.wrap_output(&mut sealed)?;
        writer.write_all(text)?;
        writer.finish()?;
        Ok(base64::engine::general_purpose::STANDARD.encode(sealed))
    }
}

#[cfg(feature = "encryption")]
impl ValueOpener {
    /// With the identities in a text, as `age-keygen` writes them.
    ///
    /// # Errors
    /// When there is none in it.
    pub fn new(text: &str) -> Result<Self, SealerError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let identities: Result<Vec<_>, _> = lines.map(str::parse).collect();
        match identities {
            Ok(identities) if !identities.is_empty() => Ok(Self { identities }),
            _ => Err(SealerError::InvalidKey),
        }
    }

    /// Opens what was sealed; nothing when it is not for one of the identities, or was changed.
    pub fn open(&self, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        use std::io::Read as _;

        use base64::Engine as _;
        let sealed = base64::engine::general_purpose::STANDARD.decode(sealed).ok()?;
        let decryptor = age::Decryptor::new(&sealed[..]).ok()?;
        let identities = self.identities.iter().map(|own| own as &dyn age::Identity);
        let mut text = Zeroizing::new(Vec::new());
        decryptor.decrypt(identities).ok()?.take(MAX_OPENED).read_to_end(&mut text).ok()?;
        Some(text)
    }
}

#[cfg(not(feature = "encryption"))]
impl ValueSealer {
    /// Nothing is sealed by a program that was built without encryption.
    ///
    /// # Errors
    /// Always.
    pub fn new(_: &[String]) -> Result<Self, SealerError> {
        Err(SealerError::NotBuiltIn)
    }

    /// Seals nothing.
    ///
    /// # Errors
    /// Always.
    pub fn seal(&self, _: &[u8]) -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(not(feature = "encryption"))]
impl ValueOpener {
    /// Nothing is opened by a program that was built without encryption.
    ///
    /// # Errors
    /// Always.
    pub fn new(_: &str) -> Result<Self, SealerError> {
        Err(SealerError::NotBuiltIn)
    }

    /// Opens nothing.
    pub fn open(&self, _: &str) -> Option<Zeroizing<Vec<u8>>> {
        None
    }
}
