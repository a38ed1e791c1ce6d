//! Arguments of commands that read or write live objects: permissions, limits, timeouts, retries.
//!
//! The environment variable of a flag takes the same values as the flag.
//! Deliberately absent: which objects a command is about (`selection_args`).

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::plan::count_limit::{ChangeLimits, ScopedLimit};
use crate::plan::gate::PlanLimits;
use crate::plan::permission::{self, Permission, PermissionLimit};
use crate::remote::retry_budget::RetryBudget;
use crate::run::CancellationToken;

/// Network limits of a run.
#[derive(Args, Clone, Default)]
pub struct NetworkArgs {
    /// Time limit of a request, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, env = "TRUEUP_REQUEST_TIMEOUT", hide_env_values = true)]
    pub request_timeout: Option<Duration>,
    /// Time limit of the read-back after a write, in seconds [default: `read_after_write` of the kind, else 5]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, env = "TRUEUP_READ_BACK_TIMEOUT", hide_env_values = true)]
    pub read_back_timeout: Option<Duration>,
    /// Time limit of the run, in seconds: requests in progress are finished, no others are started
    #[arg(long, value_name = "SECONDS", value_parser = parse_long_seconds, env = "TRUEUP_TIMEOUT", hide_env_values = true)]
    pub timeout: Option<Duration>,
    /// Maximum number of retries of the run [default: 100, and one for every five requests]
    #[arg(long, value_name = "N", env = "TRUEUP_MAX_RETRIES", hide_env_values = true)]
    pub max_retries: Option<u32>,
}

impl NetworkArgs {
    /// The retry budget of a run that starts now.
    pub fn build_retry_budget(&self) -> Arc<RetryBudget> {
        Arc::new(RetryBudget::new(Arc::new(CancellationToken::with_timeout(self.timeout)), self.max_retries))
    }
}

/// How live state is read and steps are planned.
#[derive(Args, Clone, Default)]
pub struct RunArgs {
    /// Maximum number of concurrent requests per target [default: the limit of the target, else 10]; the limit of the API still applies
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256), env = "TRUEUP_PARALLELISM", hide_env_values = true)]
    pub parallelism: Option<u32>,
    /// HTTP method of updates, where an API has several
    #[arg(long, value_enum, default_value_t = MethodArg::Usual, env = "TRUEUP_METHOD", hide_env_values = true)]
    pub method: MethodArg,
    /// Proceed when the service lists no objects, and create everything
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_TRUST_EMPTY", hide_env_values = true)]
    pub trust_empty: PermissionLimit,
    /// Delete objects with `state: absent`, and managed objects whose document was removed
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_DELETE", hide_env_values = true)]
    pub allow_delete: PermissionLimit,
    /// Replace objects of which an immutable field changes: delete them and create new ones, where the kind describes that
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_REPLACE", hide_env_values = true)]
    pub allow_replace: PermissionLimit,
    /// List live objects that no document describes
    #[arg(long, conflicts_with_all = ["target", "kind", "name", "exclude", "since"], env = "TRUEUP_UNMANAGED", hide_env_values = true)]
    pub unmanaged: bool,
    /// Retry creates whose outcome is unknown and whose objects are not visible
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_RETRY_CREATES", hide_env_values = true)]
    pub retry_creates: PermissionLimit,
    /// Write values that the API does not return or masks
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_FORCE_HIDDEN", hide_env_values = true)]
    pub force_hidden: PermissionLimit,
    /// Write secrets again even if unchanged: NAME or api/kind/NAME, with an optional :FIELD; `*` matches any text; repeatable
    #[arg(
        long,
        value_name = "SELECTOR",
        value_delimiter = ',',
        env = "TRUEUP_ROTATE",
        hide_env_values = true
    )]
    pub rotate: Vec<String>,
    /// Allow changes that may lower the protection level of an object
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_LOWER_PROTECTION", hide_env_values = true)]
    pub allow_lower_protection: PermissionLimit,
    /// Overwrite what the account owner edited since the last run
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_OVERWRITE_EDITS", hide_env_values = true)]
    pub overwrite_edits: PermissionLimit,
    /// Write personal values on targets without `personal: write`
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_PERSONAL", hide_env_values = true)]
    pub allow_personal: PermissionLimit,
    /// Write objects whose natural key differs from the recorded one
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_RENAME", hide_env_values = true)]
    pub allow_rename: PermissionLimit,
    /// Apply a plan even if some live objects could not be read
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_PARTIAL", hide_env_values = true)]
    pub allow_partial: PermissionLimit,
    /// Refuse a plan with more updates, as a number or percentage, of all objects or of KIND, @TARGET or KIND@TARGET; repeatable [default: 30%, of the run and of each kind at each target with at least 10 objects]
    #[arg(long, value_name = "[KIND@TARGET=]N|N%", value_parser = ScopedLimit::parse, value_delimiter = ',', env = "TRUEUP_MAX_UPDATES", hide_env_values = true)]
    pub max_updates: Vec<ScopedLimit>,
    /// Refuse a plan with more deletes, as a number or percentage, of all objects or of KIND, @TARGET or KIND@TARGET; repeatable [default: 30%, of the run and of each kind at each target with at least 10 objects]
    #[arg(long, value_name = "[KIND@TARGET=]N|N%", value_parser = ScopedLimit::parse, value_delimiter = ',', env = "TRUEUP_MAX_DELETES", hide_env_values = true)]
    pub max_deletes: Vec<ScopedLimit>,
    /// Refuse a plan that needs more write requests
    #[arg(long, value_name = "N", env = "TRUEUP_MAX_REQUESTS", hide_env_values = true)]
    pub max_requests: Option<usize>,
    #[command(flatten)]
    pub network: NetworkArgs,
}

impl RunArgs {
    /// The limits above which a plan is refused as a whole.
    pub fn build_limits(&self) -> PlanLimits {
        PlanLimits {
            updates: ChangeLimits(self.max_updates.clone()),
            deletes: ChangeLimits(self.max_deletes.clone()),
            requests: self.max_requests,
            permissions: permission::ALL_PERMISSIONS
                .into_iter()
                .map(|own| (own, self.get_permission_limit(own)))
                .collect(),
            unread: self.allow_partial,
        }
    }

    /// The number of objects for which a permission is given.
    pub fn get_permission_limit(&self, permission: Permission) -> PermissionLimit {
        match permission {
            Permission::Delete => self.allow_delete,
            Permission::Replace => self.allow_replace,
            Permission::Hidden => self.force_hidden,
            Permission::LowerProtection => self.allow_lower_protection,
            Permission::OverwriteEdits => self.overwrite_edits,
            Permission::Personal => self.allow_personal,
            Permission::TrustEmpty => self.trust_empty,
            Permission::RetryCreate => self.retry_creates,
            Permission::Rename => self.allow_rename,
        }
    }
}

/// The HTTP method of updates.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MethodArg {
    /// PATCH where the API has one, else PUT
    #[default]
    Usual,
    /// A full PUT, built from a fresh read
    Put,
    /// A minimal PATCH
    Patch,
}

/// A number of objects, or any number; environment variables may be `true` or `false` too.
pub fn parse_permission_limit(text: &str) -> Result<PermissionLimit, String> {
    match text {
        "any" | "true" | "yes" => Ok(PermissionLimit::Unlimited),
        "no" | "false" | "" => Ok(PermissionLimit::Denied),
        number => number
            .parse()
            .map(PermissionLimit::AtMost)
            .map_err(|_| "expected a number of objects, or no value for any number".to_owned()),
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    parse_bounded_seconds(3600, text)
}

fn parse_long_seconds(text: &str) -> Result<Duration, String> {
    parse_bounded_seconds(24 * 3600, text)
}

fn parse_bounded_seconds(most: u32, text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= f64::from(most) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("expected a number of seconds, more than 0 and at most {most}")),
    }
}
