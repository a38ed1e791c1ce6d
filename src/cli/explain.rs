//! `trueup explain`: what a kind or a field is, offline.
//!
//! The words come from the descriptions alone, the workspace's own included, so there is nothing to keep true
//! by hand. Deliberately absent: settings and documents; no workspace is needed.

use serde_json::{Value as Json, json};

use super::args::{Common, ExplainArgs, Format};
use super::exit::Exit;
use super::screen::Screen;
use super::workspace;
use crate::kind::explain::{self, Entry, Explanation};
use crate::kind::registry::Registry;
use crate::report::to_json;

/// Explains one topic, or lists all kinds.
///
/// # Errors
/// When a description of the workspace has faults, or stdout cannot be written.
pub fn run(common: &Common, args: &ExplainArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let registry = workspace::own_kinds(&common.directory)?;
    let Some(topic) = &args.topic else {
        let list = match screen.format {
            Format::Text => explain::list(&registry),
            Format::Json => to_json(&kinds(&registry))?,
        };
        screen.out(&list)?;
        return Ok(Exit::Done);
    };
    match explain::topic(&registry, topic) {
        Ok(explanation) => {
            let text = match screen.format {
                Format::Text => explanation.text(screen.width()),
                Format::Json => to_json(&as_json(&explanation))?,
            };
            screen.out(&text)?;
            Ok(Exit::Done)
        }
        Err(fault) => {
            screen.diagnose(&[fault]);
            Ok(Exit::Error)
        }
    }
}

fn kinds(registry: &Registry) -> Json {
    let kinds = registry.kinds().iter().filter_map(|name| registry.kind(name));
    let kinds: Vec<Json> =
        kinds.map(|kind| json!({ "name": &*kind.name, "title": kind.title, "is": kind.is })).collect();
    json!({ "kinds": kinds })
}

/// What there is to say, member by member; what there is not is left out.
fn as_json(explanation: &Explanation) -> Json {
    let fact = |fact: &explain::Fact| json!({ "about": fact.about, "text": fact.text });
    let choices = |choices: &explain::Choices| {
        let word = |(word, is): &(std::sync::Arc<str>, String)| json!({ "word": &**word, "is": is });
        json!({ "title": choices.title, "words": choices.words.iter().map(word).collect::<Vec<_>>() })
    };
    let mut json = json!({
        "kind": &*explanation.kind,
        "path": explanation.path,
        "type": explanation.ty,
        "is": explanation.is,
        "facts": explanation.facts.iter().map(fact).collect::<Vec<_>>(),
        "scope": explanation.scope.iter().map(entry).collect::<Vec<_>>(),
        "choices": explanation.choices.iter().map(choices).collect::<Vec<_>>(),
        "fields": explanation.fields.iter().map(entry).collect::<Vec<_>>(),
        "example": explanation.example,
        "source": explanation.source,
    });
    if let Some(members) = json.as_object_mut() {
        let is_empty = |value: &Json| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        members.retain(|_, value| !is_empty(value));
    }
    json
}

fn entry(entry: &Entry) -> Json {
    json!({ "name": &*entry.name, "type": entry.ty, "flags": entry.flags, "is": entry.is })
}
