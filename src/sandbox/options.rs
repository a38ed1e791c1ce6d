//! What a sandbox serves, and how.

use std::sync::Arc;
use std::time::Duration;

use crate::sandbox::fault::SandboxFault;
use crate::sandbox::log::SandboxLogEntry;
use crate::sandbox::seed::SandboxData;

/// Called with each request when it is done.
pub type SandboxObserver = Arc<dyn Fn(&SandboxLogEntry) + Send + Sync>;

/// How secret and personal values that may be hidden read back.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum SandboxSecretMode {
    /// As they were written.
    #[default]
    Clear,
    /// As `****`.
    Masked,
    /// Not at all.
    Hidden,
}

/// What to serve, and how.
#[derive(Clone)]
pub struct SandboxOptions {
    /// 0 for a free one.
    pub port: u16,
    /// What to start with instead of the kinds' samples.
    pub data: Option<SandboxData>,
    /// How many objects each kind has; samples or data are cut or multiplied.
    pub count: Option<usize>,
    /// Before each answer.
    pub latency: Duration,
    pub faults: Vec<SandboxFault>,
    /// A merge of nested fields empties those that should ride along and do not.
    pub clear_omitted_nested: bool,
    pub secret_mode: SandboxSecretMode,
    /// A list of one comes as the bare object, an empty one as nothing, where the description allows it.
    pub unwrap_single_item: bool,
    /// Nothing waits for anybody: what would need a mail to be confirmed is confirmed at once.
    pub auto_verify: bool,
    /// A merge without all required fields is refused, where the description says that this may happen.
    pub require_all_on_merge: bool,
    /// Bodies of requests are kept in the log; for tests only.
    pub log_bodies: bool,
    /// With a seed, ids and times are the same in every run.
    pub seed: Option<u64>,
    pub observer: Option<SandboxObserver>,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            port: 0,
            data: None,
            count: None,
            latency: Duration::ZERO,
            faults: Vec::new(),
            clear_omitted_nested: true,
            secret_mode: SandboxSecretMode::Clear,
            unwrap_single_item: false,
            auto_verify: false,
            require_all_on_merge: false,
            log_bodies: false,
            seed: None,
            observer: None,
        }
    }
}
