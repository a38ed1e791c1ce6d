//! What is common to all shared places of receipts: limits, what came of putting one, and what can go wrong.
//!
//! Deliberately absent: the messages of the stores, which may repeat what was sent.

use std::fmt;

/// The most bytes of a receipt.
pub const MAX_BYTES: u64 = 256 << 20;
/// The most files that are looked through for the newest receipts.
pub const MAX_LISTED_FILES: usize = 100_000;

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
    /// It cannot be reached, or answers what no one understands.
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

/// What came of putting a receipt where nothing may be yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PutOutcome {
    Created,
    NameIsTaken,
}
