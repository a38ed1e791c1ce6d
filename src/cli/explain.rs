//! `trueup explain`: what a kind or a field is, offline.
//!
//! The words come from the descriptions alone, the workspace's own included, so there is nothing to keep true
//! by hand. Deliberately absent: settings and documents; no workspace is needed.

use clap::Args;
use serde_json::{Value as Json, json};

use super::exit::ExitStatus;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::screen::TerminalScreen;
use crate::kind::explain::{self, FieldSummary, TopicExplanation};
use crate::kind::registry::KindRegistry;
use crate::report::to_json;
use crate::workspace;

/// Arguments of `explain`.
#[derive(Args)]
pub struct ExplainArgs {
    /// A kind or a field: `api/kind`, `api/kind.field.inner` [default: list all kinds]
    #[arg(value_name = "KIND[.PATH]")]
    pub topic: Option<String>,
}

/// Explains one topic, or lists all kinds.
///
/// # Errors
/// When a description of the workspace has faults, or stdout cannot be written.
pub fn run(common: &GlobalArgs, args: &ExplainArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let registry = workspace::load_registry(&common.directory)?;
    let Some(topic) = &args.topic else {
        let list = match screen.format {
            StdoutFormat::Text => explain::render_kind_list(&registry),
            StdoutFormat::Json => to_json(&render_kinds(&registry))?,
        };
        screen.print_stdout(&list)?;
        return Ok(ExitStatus::Done);
    };
    match explain::explain_topic(&registry, topic) {
        Ok(explanation) => {
            let text = match screen.format {
                StdoutFormat::Text => explanation.render_text(screen.width()),
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
