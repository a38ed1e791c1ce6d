//! The arguments of `trueup init`.

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCandidates;

use super::ci::PipelineService;
use crate::cli::completion_values;
use crate::cli::run_args::NetworkArgs;

/// Arguments of `init`.
#[derive(Args)]
#[command(after_help = "\
Asks on a terminal for what no flag says; without a terminal the flags and the defaults count. Writes trueup.yaml, \
.gitignore, .vscode/settings.json and schemas/, and never overwrites a file. With `--ci` it writes the files of a CI \
service too, with the environments, secrets and variables of the workspace; in a workspace that exists, `--ci` alone adds them.

Exit codes: 0 done; 1 a file is in the way, or the credentials are not accepted; 64 a flag is missing.

Examples:
  trueup init --ci github
  trueup init --api bootview --target harbor --env HARBOR_TOKEN --scope customerId=3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60")]
pub struct InitArgs {
    /// The API: a built-in one, or one that apis/ describes
    #[arg(long, value_name = "API", add = ArgValueCandidates::new(completion_values::list_apis))]
    pub api: Option<String>,
    /// Name of the target [default: the name of the API]
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Base URL of the service [default: the URL of the API]
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// How requests authenticate [default: the first way of the API]
    #[arg(long, value_enum, value_name = "WAY")]
    pub auth: Option<AuthChoice>,
    /// The header of `--auth header` [default: the header of the API]
    #[arg(long, value_name = "NAME")]
    pub header: Option<String>,
    /// Environment variables with the credentials, in the order that the way needs [default: TARGET_TOKEN and the like]
    #[arg(long, value_name = "VARIABLE", value_delimiter = ',')]
    pub env: Vec<String>,
    /// Scope of the objects; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    pub scope: Vec<String>,
    /// Import these kinds into config/; repeatable
    #[arg(long, value_name = "KIND")]
    pub import: Vec<String>,
    /// Write the files of a CI service into the root of the Git repository
    #[arg(long, value_enum, value_name = "SERVICE")]
    pub ci: Option<PipelineService>,
    /// Send no request
    #[arg(long)]
    pub no_check: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

impl InitArgs {
    /// Whether nothing about a new workspace is asked for.
    pub fn names_ci_only(&self) -> bool {
        let Self { api, target, base_url, auth, header, env, scope, import, .. } = self;
        let texts = [api, target, base_url, header];
        let lists = [env, scope, import];
        auth.is_none() && texts.iter().all(|own| own.is_none()) && lists.iter().all(|own| own.is_empty())
    }
}

/// How requests authenticate, as far as a first workspace needs it.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuthChoice {
    /// `Authorization: Bearer`, one variable
    Bearer,
    /// `Authorization: Token`, one variable
    Token,
    /// A user name and a password, two variables
    Basic,
    /// A header with a key, one variable
    Header,
    /// An OAuth password grant, two variables
    OauthPassword,
    /// An OAuth client credentials grant, one variable
    OauthClientCredentials,
}
