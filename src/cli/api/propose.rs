//! What a trial proposes: lines that finish a description, and their place in its file.
//!
//! A member that no one described is proposed as a field that is read and never written; a unique field as the natural
//! key; masks and the number of the first page as they were seen. `--write` adds the lines and changes no other.
//! Deliberately absent: guesses that live objects do not confirm.

use std::path::Path;

use anyhow::Context;
use schemars::JsonSchema;
use serde::Serialize;

use super::fit::{FitReport, UndescribedMember};
use crate::cli::output_file::{check_no_links_below, write_output};
use crate::diagnostic::Diagnostic;
use crate::kind::Kind;
use crate::kind::registry::KindRegistry;
use crate::openapi::DraftEntry;
use crate::openapi::edit::{build_flow_list, build_keyword, build_seen_field, insert_entries, render_lines};
use crate::workspace::{API_FOLDER, open_descriptions};

/// Lines to add to a description.
#[derive(Serialize, JsonSchema)]
pub struct ProposedLines {
    /// The kind, `api/kind`.
    kind: String,
    /// The mapping to which they are added; dots reach inwards.
    pub at: String,
    /// The lines.
    pub lines: String,
    /// Whether they were added.
    pub written: bool,
    #[serde(skip)]
    keys: Vec<String>,
    #[serde(skip)]
    entries: Vec<DraftEntry>,
}

impl ProposedLines {
    fn new(kind: &Kind, keys: &[String], entries: Vec<DraftEntry>) -> Self {
        let lines = render_lines(&entries);
        let (kind, at, keys) = (kind.name.to_string(), keys.join("."), keys.to_vec());
        Self { kind, at, lines, written: false, keys, entries }
    }
}

/// What live objects propose for their kind.
pub fn propose_lines(kind: &Kind, fit: &FitReport) -> Vec<ProposedLines> {
    let mut all: Vec<ProposedLines> = Vec::new();
    for member in fit.missing.iter().filter(|member| !member.has_dotted_name) {
        let Some((keys, entry)) = propose_field(member) else { continue };
        match all.iter_mut().find(|lines| lines.keys == keys) {
            Some(lines) => {
                lines.entries.push(entry);
                lines.lines = render_lines(&lines.entries);
            }
            None => all.push(ProposedLines::new(kind, &keys, vec![entry])),
        }
    }
    // values of a part of the list prove nothing of the rest
    let is_whole = fit.paging.as_ref().is_some_and(|paging| paging.is_whole(fit.objects));
    let key = fit.unique_fields.first().filter(|_| is_whole && kind.identity.natural_key.is_empty());
    let key =
        key.map(|name| (vec!["identity".into()], build_flow_list("natural_key", std::slice::from_ref(name))));
    let masks = fit.masks.iter().map(|seen| {
        let masks: Vec<String> = seen.masks.iter().cloned().collect();
        (vec!["properties".into(), seen.path.clone()], build_flow_list("masked_as", &masks))
    });
    let first = fit.paging.as_ref().and_then(|paging| paging.first_page);
    let first = first.map(|first| {
        (["operations", "list", "paging"].map(str::to_owned).to_vec(), build_keyword("first_page", first))
    });
    let more = key.into_iter().chain(masks).chain(first);
    all.extend(more.map(|(keys, entry)| ProposedLines::new(kind, &keys, vec![entry])));
    all
}

/// The keys of the mapping with the field `a.b` or `a[].b`, and the field.
fn propose_field(member: &UndescribedMember) -> Option<(Vec<String>, DraftEntry)> {
    let mut steps: Vec<&str> = member.path.split('.').collect();
    let name = steps.pop().filter(|name| !name.ends_with("[]"))?;
    let mut keys = vec!["properties".to_owned()];
    for step in steps {
        let own = step.strip_suffix("[]");
        keys.push(own.unwrap_or(step).to_owned());
        keys.extend(own.map(|_| "items".to_owned()));
        keys.push("properties".to_owned());
    }
    // what has parts is read as a whole until a person describes them
    let ty = if ["array", "object"].contains(&member.suggested) { "any" } else { member.suggested };
    Some((keys, build_seen_field(name, ty)))
}

/// Adds the lines to the descriptions of a workspace; a description that would not pass the check stays as it is.
///
/// # Errors
/// When a file cannot be written.
pub fn write_lines(root: &Path, proposals: &mut [ProposedLines]) -> anyhow::Result<Vec<Diagnostic>> {
    let mut faults = Vec::new();
    let mut kinds: Vec<String> = proposals.iter().map(|lines| lines.kind.clone()).collect();
    kinds.dedup();
    for kind in kinds {
        let path = format!("{API_FOLDER}/{kind}.yaml");
        let mut own: Vec<&mut ProposedLines> =
            proposals.iter_mut().filter(|lines| lines.kind == kind).collect();
        match add_lines(root, &path, &own) {
            Ok((text, added)) => {
                let full = root.join(&path);
                check_no_links_below(root, &full)
                    .and_then(|()| write_output(&full, text.as_bytes()))
                    .with_context(|| format!("{path} cannot be written"))?;
                own.iter_mut().zip(added).for_each(|(lines, added)| lines.written = added);
            }
            Err(fault) => faults.push(*fault),
        }
    }
    Ok(faults)
}

/// The text of a description with lines added, and which of them have a place.
fn add_lines(
    root: &Path,
    path: &str,
    proposals: &[&mut ProposedLines],
) -> Result<(String, Vec<bool>), Box<Diagnostic>> {
    let (found, mut faults) = open_descriptions(root);
    let mut files = found.map(|found| found.files).unwrap_or_default();
    let missing =
        || Box::new(Diagnostic::error("unreadable-file", format!("{path} is not in the workspace")));
    let at = files.iter().position(|(name, _)| name == path).ok_or_else(missing)?;
    let (mut text, mut added) = (files[at].1.clone(), Vec::new());
    for lines in proposals {
        let keys: Vec<&str> = lines.keys.iter().map(String::as_str).collect();
        let made = insert_entries(&text, &keys, &lines.entries);
        added.push(made.is_some());
        text = made.unwrap_or(text);
    }
    files[at].1.clone_from(&text);
    faults.clear();
    // the faults of other APIs are not those of this description
    let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
    files.retain(|(name, _)| name.rsplit_once('/').is_some_and(|(own, _)| own == folder));
    KindRegistry::with_workspace(files, &mut faults);
    match faults.into_iter().next() {
        Some(fault) => Err(Box::new(fault)),
        None => Ok((text, added)),
    }
}

/// The proposals, for people.
pub fn render_proposals(proposals: &[ProposedLines]) -> String {
    let mut text = String::new();
    for ProposedLines { kind, at, lines, written, .. } in proposals {
        let word = if *written { "added to" } else { "add to" };
        text.push_str(&format!("{word} {API_FOLDER}/{kind}.yaml, {at}:\n"));
        lines.lines().for_each(|line| text.push_str(&format!("    {line}\n")));
    }
    text
}
