//! Whether a list was read to its end, and why not.
//!
//! Deliberately absent: what decides it (`pager`).

/// Whether a list was read to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListCompleteness {
    Complete,
    Incomplete(IncompleteReason),
}

/// Why a list is not complete, or may not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IncompleteReason {
    /// A page holds nothing but items of earlier pages.
    RepeatedPage,
    /// This many items came more than once.
    RepeatedItems(u64),
    /// The service counts other than it lists.
    TotalMismatch(TotalMismatch),
    /// The total changed between two pages.
    TotalMoved {
        before: u64,
        after: u64,
    },
    /// The service promises more, and a page came empty.
    EmptyPage,
    /// The service promises more, and nothing names the next page.
    NoNextPage,
    /// A member or header that the kind does not describe says that there is more.
    UndescribedSign(Box<str>),
    /// The page is as large as it may be, and nothing says that it is the last.
    FullPage(u64),
    /// A read by id shows an object that the list lacks.
    MissingObject,
    /// So many items have no natural key that can be read.
    UnreadableItems(u64),
    /// So many items of several pages have no id, so no one knows whether they are different ones.
    ItemsWithoutId(u64),
    /// The next page is on another host, or its URL cannot be sent as it came.
    OtherOrigin,
    TooManyPages(u32),
}

/// How many items a service counts, and how many different ones it lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TotalMismatch {
    pub total: u64,
    pub listed: u64,
}

impl ListCompleteness {
    /// Why the list is not complete.
    pub fn reason(&self) -> Option<&IncompleteReason> {
        match self {
            Self::Complete => None,
            Self::Incomplete(reason) => Some(reason),
        }
    }

    pub fn is_complete(&self) -> bool {
        *self == Self::Complete
    }
}

impl IncompleteReason {
    /// Whether a second reading may be complete: the list may have changed during the first.
    pub fn may_settle(&self) -> bool {
        matches!(self, Self::RepeatedItems(_) | Self::TotalMismatch(_) | Self::TotalMoved { .. })
    }
}

impl std::fmt::Display for IncompleteReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RepeatedPage => f.write_str("a page repeats items of earlier pages"),
            Self::RepeatedItems(count) => write!(f, "the pages repeat items ({count})"),
            Self::TotalMismatch(TotalMismatch { total, listed }) => {
                write!(f, "the service counts {total} items and lists {listed}")
            }
            Self::TotalMoved { before, after } => {
                write!(f, "the total changed from {before} to {after} during the reading")
            }
            Self::EmptyPage => f.write_str("a page is empty although the service promises more"),
            Self::NoNextPage => f.write_str("there are more pages, and nothing says which one is next"),
            Self::UndescribedSign(name) => {
                write!(f, "`{name}` says that there is more, and the kind does not describe it")
            }
            Self::FullPage(items) => {
                write!(
                    f,
                    "the response has as many items as were asked for ({items}), and nothing says that these are all"
                )
            }
            Self::MissingObject => f.write_str("a read by id shows an object that the list does not have"),
            Self::UnreadableItems(1) => f.write_str("1 item has no natural key that can be read"),
            Self::UnreadableItems(items) => write!(f, "{items} items have no natural key that can be read"),
            Self::ItemsWithoutId(items) => write!(f, "{items} items of several pages have no id"),
            Self::OtherOrigin => {
                f.write_str("the URL of the next page is on another host, or cannot be sent as it came")
            }
            Self::TooManyPages(pages) => write!(f, "the list has more than {pages} pages"),
        }
    }
}
