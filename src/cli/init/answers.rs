//! The answers of `trueup init`, from flags, from a terminal, or from the description of the API.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, Write as _};
use std::sync::Arc;

use clap::ValueEnum;

use super::args::{AuthChoice, InitArgs};
use super::ci::PipelineService;
use crate::cli::screen::TerminalScreen;
use crate::diagnostic::{Diagnostic, suggest_word};
use crate::kind::registry::KindRegistry;
use crate::kind::{Api, AuthScheme};
use crate::yaml;

/// What a new workspace is made of.
pub struct WorkspaceAnswers {
    api: Arc<Api>,
    target: String,
    /// None for the URL of the API.
    base_url: Option<String>,
    auth: AuthChoice,
    header: String,
    variables: Vec<String>,
    scope: BTreeMap<String, String>,
    /// Kinds of the API.
    kinds: Vec<String>,
}

/// Where an answer comes from when no flag gives it.
struct Asker<'s> {
    screen: &'s TerminalScreen,
}

impl AuthChoice {
    fn from_scheme(scheme: AuthScheme) -> Option<Self> {
        match scheme {
            AuthScheme::Bearer => Some(Self::Bearer),
            AuthScheme::Token => Some(Self::Token),
            AuthScheme::Basic => Some(Self::Basic),
            AuthScheme::Headers => Some(Self::Header),
            AuthScheme::OauthPassword => Some(Self::OauthPassword),
            AuthScheme::OauthClientCredentials => Some(Self::OauthClientCredentials),
            _ => None,
        }
    }

    /// The ends of the variables' usual names.
    fn list_suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Bearer | Self::Token => &["TOKEN"],
            Self::Basic | Self::OauthPassword => &["USERNAME", "PASSWORD"],
            Self::Header => &["KEY"],
            Self::OauthClientCredentials => &["CLIENT_SECRET"],
        }
    }
}

impl WorkspaceAnswers {
    /// Takes flags first, then asks where there is a terminal, then takes defaults.
    ///
    /// # Errors
    /// When the terminal cannot be read. The inner error is an answer that is missing or unknown.
    pub fn collect(
        args: &InitArgs,
        registry: &KindRegistry,
        screen: &TerminalScreen,
    ) -> anyhow::Result<Result<Self, Diagnostic>> {
        let asker = Asker { screen };
        let names: Vec<&str> = registry.list_api_names();
        let question = format!("API ({})", names.join(", "));
        let usual = names.first().copied();
        let find = |name: &str| registry.find_api(name).ok_or_else(|| diagnose_unknown_api(name, &names));
        let (name, api) = match asker.ask_until(args.api.as_deref(), &question, usual, find)? {
            Some(Ok(found)) => found,
            Some(Err(fault)) => return Ok(Err(fault)),
            None => {
                let fault = Diagnostic::error("missing-argument", "`--api` is needed without a terminal");
                return Ok(Err(fault.with_hint(format!("known here: {}", names.join(", ")))));
            }
        };
        let target = asker.ask_or(args.target.as_deref(), "Name of the target", &name)?;
        let own_url = api.base_url.clone();
        let base_url =
            asker.ask(args.base_url.as_deref(), "Base URL", own_url.as_deref())?.or(own_url.clone());
        let Some(base_url) = base_url else {
            let fault = Diagnostic::error("missing-argument", "`--base-url` is needed: this API has none");
            return Ok(Err(fault.with_hint("write the URL of the service, up to the path")));
        };
        let usual = api.auth.iter().find_map(|scheme| AuthChoice::from_scheme(*scheme));
        let auth = args.auth.or(usual).unwrap_or(AuthChoice::Bearer);
        let header = args.header.clone().or_else(|| api.auth_headers.first().cloned());
        let variables = asker.ask_variables(args, auth, &target)?;
        let kinds = registry.kind_names().iter().filter(|kind| kind.starts_with(&format!("{name}/")));
        let kinds: Vec<String> = kinds.cloned().collect();
        let scope = match asker.ask_scope(args, registry, &kinds)? {
            Ok(scope) => scope,
            Err(fault) => return Ok(Err(fault)),
        };
        Ok(Ok(Self {
            base_url: (own_url.as_deref() != Some(&*base_url)).then_some(base_url),
            header: header.unwrap_or_else(|| "X-Api-Key".to_owned()),
            api,
            target,
            auth,
            variables,
            scope,
            kinds,
        }))
    }

    /// The text of `trueup.yaml`.
    pub fn render_settings(&self) -> String {
        let plain = |text: &str| yaml::format_scalar(text, true);
        let mut text = format!(
            "# yaml-language-server: $schema=schemas/trueup.json\ntargets:\n  {}:\n    api: {}\n",
            plain(&self.target),
            self.api.name
        );
        if let Some(url) = &self.base_url {
            let _ = writeln!(text, "    base_url: {}", plain(url));
        }
        let source = |at: usize| {
            let name = self.variables.get(at).map_or("", String::as_str);
            format!("{{ from_env: {} }}", plain(name))
        };
        let user = || format!("{{ username: {}, password: {} }}", source(0), source(1));
        let auth = match self.auth {
            AuthChoice::Bearer => format!("bearer: {}", source(0)),
            AuthChoice::Token => format!("token: {}", source(0)),
            AuthChoice::Basic => format!("basic: {}", user()),
            AuthChoice::Header => format!("headers: {{ {}: {} }}", plain(&self.header), source(0)),
            AuthChoice::OauthPassword => format!("oauth_password: {}", user()),
            AuthChoice::OauthClientCredentials => {
                format!("oauth_client_credentials: {{ client_secret: {} }}", source(0))
            }
        };
        let _ = writeln!(text, "    auth: {{ {auth} }}");
        if !self.scope.is_empty() {
            let pairs = self.scope.iter().map(|(name, value)| format!("{}: {}", plain(name), plain(value)));
            let _ = writeln!(text, "    scope: {{ {} }}", pairs.collect::<Vec<_>>().join(", "));
        }
        text
    }

    /// What to do after, where these kinds are imported already.
    pub fn render_next_steps(&self, imported: &[String]) -> String {
        let unset: Vec<&str> = self
            .variables
            .iter()
            .filter(|name| std::env::var_os(name).is_none())
            .map(String::as_str)
            .collect();
        let mut text = String::new();
        if !unset.is_empty() {
            let _ = writeln!(text, "  set {}", unset.join(" and "));
            text.push_str("  trueup doctor\n");
        }
        for kind in self.kinds.iter().filter(|kind| !imported.contains(kind)) {
            let _ = writeln!(text, "  trueup import {kind} -o config");
        }
        text.push_str("  trueup plan\n");
        text
    }
}

/// The CI service whose files are written, from a flag or a terminal; none without an answer.
///
/// # Errors
/// When the terminal cannot be read. The inner error is an answer that is unknown.
pub fn ask_ci_service(
    args: &InitArgs,
    screen: &TerminalScreen,
) -> anyhow::Result<Result<Option<PipelineService>, Diagnostic>> {
    const NONE: &str = "none";
    if args.ci.is_some() {
        return Ok(Ok(args.ci));
    }
    let services = PipelineService::value_variants().iter().filter_map(|own| own.to_possible_value());
    let names: Vec<String> = services.map(|own| own.get_name().to_owned()).collect();
    let question = format!("Files for CI ({}, {NONE})", names.join(", "));
    let find = |answer: &str| match answer == NONE {
        true => Ok(None),
        false => PipelineService::from_str(answer, true).map(Some).map_err(|_| {
            let message = format!("there are no files for the CI service `{}`", answer.escape_debug());
            let hint = suggest_word(answer, names.iter().map(String::as_str));
            Diagnostic::error("usage", message).with_hint(hint.unwrap_or_else(|| "write `none`".to_owned()))
        }),
    };
    let answer = Asker { screen }.ask_until(None, &question, Some(NONE), find)?;
    Ok(answer.map_or(Ok(None), |answer| answer.map(|(_, service)| service)))
}

fn diagnose_unknown_api(name: &str, names: &[&str]) -> Diagnostic {
    let fault = Diagnostic::error("unknown-api", format!("there is no API `{}`", name.escape_debug()));
    Diagnostic { hint: suggest_word(name, names.iter().copied()), ..fault }
}

impl Asker<'_> {
    /// A flag, else what someone types, else the default; without a terminal nothing where no flag says it.
    fn ask(&self, flag: Option<&str>, question: &str, usual: Option<&str>) -> anyhow::Result<Option<String>> {
        if let Some(flag) = flag {
            return Ok(Some(flag.to_owned()));
        }
        if !self.screen.is_interactive() {
            return Ok(None);
        }
        let shown = usual.map_or_else(String::new, |usual| format!(" [{usual}]"));
        self.screen.print_stderr(&format!("{question}{shown}: "));
        io::stderr().flush()?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        let answer = line.trim();
        let answer = if answer.is_empty() { usual.unwrap_or_default() } else { answer };
        Ok((!answer.is_empty()).then(|| answer.to_owned()))
    }

    /// The same with what an answer means; someone who types another one is asked again.
    fn ask_until<T>(
        &self,
        flag: Option<&str>,
        question: &str,
        usual: Option<&str>,
        find: impl Fn(&str) -> Result<T, Diagnostic>,
    ) -> anyhow::Result<Option<Result<(String, T), Diagnostic>>> {
        loop {
            let Some(answer) = self.ask(flag, question, usual)? else { return Ok(None) };
            match find(&answer) {
                Ok(meaning) => return Ok(Some(Ok((answer, meaning)))),
                Err(fault) if flag.is_none() => self.screen.print_diagnostics(&[fault]),
                Err(fault) => return Ok(Some(Err(fault))),
            }
        }
    }

    /// The same, with a default that counts without a terminal too.
    fn ask_or(&self, flag: Option<&str>, question: &str, usual: &str) -> anyhow::Result<String> {
        Ok(self.ask(flag, question, Some(usual))?.unwrap_or_else(|| usual.to_owned()))
    }

    fn ask_variables(&self, args: &InitArgs, auth: AuthChoice, target: &str) -> anyhow::Result<Vec<String>> {
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let stem: String = target.chars().map(letter).collect();
        let suffixes = auth.list_suffixes().iter().enumerate();
        suffixes
            .map(|(at, suffix)| {
                let usual = format!("{stem}_{suffix}");
                let question =
                    format!("Environment variable with the {}", suffix.to_lowercase().replace('_', " "));
                self.ask_or(args.env.get(at).map(String::as_str), &question, &usual)
            })
            .collect()
    }

    fn ask_scope(
        &self,
        args: &InitArgs,
        registry: &KindRegistry,
        kinds: &[String],
    ) -> anyhow::Result<Result<BTreeMap<String, String>, Diagnostic>> {
        let mut scope = BTreeMap::new();
        for given in &args.scope {
            let Some((name, value)) = given.split_once('=') else {
                let fault = Diagnostic::error("invalid-scope", "`--scope` takes a name and a value");
                return Ok(Err(fault.with_hint("write NAME=VALUE")));
            };
            scope.insert(name.to_owned(), value.to_owned());
        }
        for kind in kinds.iter().filter_map(|name| registry.find_kind(name)) {
            for own in kind.scope.iter().filter(|_| self.screen.is_interactive()) {
                if !scope.contains_key(&*own.name) {
                    let question = format!("{} (empty: documents name it)", own.name);
                    if let Some(value) = self.ask(None, &question, None)? {
                        scope.insert(own.name.to_string(), value);
                    }
                }
            }
        }
        Ok(Ok(scope))
    }
}
