//! `trueup explain`: what a kind, a field or a diagnostic code is, offline.
//!
//! The words come from the descriptions alone, the workspace's own included, so there is nothing to keep true
//! by hand. Deliberately absent: settings and documents; no workspace is needed.

use clap::Args;
use clap_complete::ArgValueCandidates;
use serde_json::{Value as Json, json};

use super::completion_values;
use super::exit::ExitStatus;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::screen::TerminalScreen;
use crate::diagnostic::{Diagnostic, find_nearest};
use crate::kind::explain::{self, FieldSummary, TopicExplanation};
use crate::kind::registry::KindRegistry;
use crate::report::code_table::CodeTable;
use crate::report::sanitize::escape_text;
use crate::report::to_json;
use crate::workspace;

/// Arguments of `explain`.
#[derive(Args)]
pub struct ExplainArgs {
    /// A kind, a field or a diagnostic code: `api/kind`, `api/kind.field.inner`, `unknown-kind` [default: list all kinds]
    #[arg(value_name = "KIND[.PATH]|CODE", add = ArgValueCandidates::new(completion_values::list_topics))]
    pub topic: Option<String>,
}

/// Explains one topic, or lists all kinds.
///
/// # Errors
/// When a description of the workspace has faults, or stdout cannot be written.
pub fn run(common: &GlobalArgs, args: &ExplainArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    if let Some(exit) = args.topic.as_deref().map(|topic| explain_code(topic, screen)).transpose()?.flatten()
    {
        return Ok(exit);
    }
    let registry = workspace::load_registry(&common.directory)?;
    let Some(topic) = &args.topic else {
        let list = match screen.format {
            // descriptions come with a checkout
            StdoutFormat::Text => escape_text(&explain::render_kind_list(&registry)).into_owned(),
            StdoutFormat::Json => to_json(&render_kinds(&registry))?,
        };
        screen.print_stdout(&list)?;
        return Ok(ExitStatus::Done);
    };
    match explain::explain_topic(&registry, topic) {
        Ok(explanation) => {
            let text = match screen.format {
                StdoutFormat::Text => escape_text(&explanation.render_text(screen.width())).into_owned(),
                StdoutFormat::Json => to_json(&render_explanation(&explanation))?,
            };
            screen.print_stdout(&text)?;
            Ok(ExitStatus::Done)
        }
        Err(fault) => {
            screen.print_diagnostics(&[fault]);
            Ok(ExitStatus::Error)
        }
    }
}

/// Explains a diagnostic code, whatever the workspace is; nothing when the topic is not one. A kind has a slash,
/// and a code has none.
fn explain_code(topic: &str, screen: &TerminalScreen) -> anyhow::Result<Option<ExitStatus>> {
    if topic.contains(['/', '.']) {
        return Ok(None);
    }
    let table = CodeTable::load();
    let Some(entry) = table.find_code(topic) else {
        let Some(near) = find_nearest(topic, table.iter_codes().map(|own| &*own.code)) else {
            return Ok(None);
        };
        let message = format!("there is no kind and no diagnostic code `{}`", topic.escape_debug());
        let fault = Diagnostic::error("unknown-topic", message);
        screen.print_diagnostics(&[fault.with_hint(format!("did you mean `{near}`?"))]);
        return Ok(Some(ExitStatus::Error));
    };
    let text = match screen.format {
        StdoutFormat::Text => entry.render_text(screen.width()),
        StdoutFormat::Json => to_json(entry)?,
    };
    screen.print_stdout(&text)?;
    Ok(Some(ExitStatus::Done))
}

fn render_kinds(registry: &KindRegistry) -> Json {
    let kinds = registry.kind_names().iter().filter_map(|name| registry.find_kind(name));
    let kinds: Vec<Json> = kinds
        .map(|kind| json!({ "name": &*kind.name, "title": kind.title, "is": kind.description }))
        .collect();
    json!({ "kinds": kinds })
}

/// What there is to say, member by member; what there is not is left out.
fn render_explanation(explanation: &TopicExplanation) -> Json {
    let fact = |fact: &explain::ExplanationFact| json!({ "about": fact.label, "text": fact.text });
    let choices = |choices: &explain::KnownValues| {
        let word = |(word, is): &(std::sync::Arc<str>, String)| json!({ "word": &**word, "is": is });
        json!({ "title": choices.title, "words": choices.values.iter().map(word).collect::<Vec<_>>() })
    };
    let mut json = json!({
        "kind": &*explanation.kind,
        "path": explanation.path,
        "type": explanation.ty,
        "is": explanation.description,
        "facts": explanation.facts.iter().map(fact).collect::<Vec<_>>(),
        "scope": explanation.scope.iter().map(render_entry).collect::<Vec<_>>(),
        "choices": explanation.known_values.iter().map(choices).collect::<Vec<_>>(),
        "fields": explanation.fields.iter().map(render_entry).collect::<Vec<_>>(),
        "example": explanation.example,
        "source": explanation.source,
    });
    if let Some(members) = json.as_object_mut() {
        let is_empty = |value: &Json| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        members.retain(|_, value| !is_empty(value));
    }
    json
}

fn render_entry(entry: &FieldSummary) -> Json {
    json!({ "name": &*entry.name, "type": entry.ty, "flags": entry.flags, "is": entry.description })
}
