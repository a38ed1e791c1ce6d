//! The arguments of `trueup doctor`.

use clap::Args;

use crate::cli::run_args::NetworkArgs;

/// Arguments of `doctor`.
#[derive(Args)]
#[command(after_help = "\
Checks the workspace, `.trueup`, Git, keys, schemas, proxy and certificates; for each target the host, the secrets, the \
credentials to read and to write (with reads only), the clock and whether live objects fit their kinds.

Exit codes: 0 nothing failed; 1 a check failed.")]
pub struct DoctorArgs {
    /// Send no request
    #[arg(long, env = "TRUEUP_OFFLINE", hide_env_values = true)]
    pub offline: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}
