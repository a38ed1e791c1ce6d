//! Effective documents: what levels make together, what is wrong with them, and what never matters.

mod diagnostics;
mod levels;
mod list_edits;
mod properties;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tempfile::TempDir;
use trueup::compose::origin::list_origins;
use trueup::diagnostic::{Diagnostic, SourceLocation};
use trueup::document::Document;
use trueup::document::write::{CommentMap, DocumentContent, build_document, layout::entries_to_json};
use trueup::workspace;

const API: &str = "format: 1\ntitle: Depot\ndescription: Items.\nformats: [json]\nauth: [bearer]\n";
const ITEM: &str = "\
format: 1
title: Item
description: An item of the depot.
scope: { yard: { type: string, description: The yard., in: path } }
identity: { id: id, natural_key: [code] }
operations:
  list: { get: '/{yard}/items', items: items }
  create: { post: '/{yard}/items', response: object }
  update: { patch: '/{yard}/items/{id}', body: changes, nested_fields: { granularity: whole } }
properties:
  id: { type: integer, description: The id., read_only: true }
  code: { type: string, description: The code., required: true }
  label: { type: string, description: The label. }
  count: { type: integer, description: How many. }
  parent: { type: integer, description: The item that holds it., reference: { id: id, source: { kind: depot/item } } }
  price: { type: decimal, description: The price. }
  contact: { type: string, description: Whom to ask., sensitivity: personal }
  pin: { type: string, description: The PIN., sensitivity: secret, when_absent: hidden }
  size: { type: object, description: The size., properties: { width: { type: integer, description: In mm. }, depth: { type: integer, description: In mm. } } }
  labels: { type: map, description: Free labels., items: { type: string }, unlisted_items: delete }
  tags: { type: array, description: Tags., items: { type: string }, list_type: set, unlisted_items: delete }
  steps: { type: array, description: What is done., items: { type: string }, list_type: atomic, unlisted_items: delete }
  fees:
    type: array
    description: Fees.
    list_type: map
    unlisted_items: delete
    list_keys: [[way, from], [id]]
    items:
      type: object
      properties:
        id: { type: integer, description: The id. }
        way: { type: string, description: How it is paid. }
        from: { type: decimal, description: From this amount. }
        fee: { type: decimal, description: The fee. }
        notes: { type: array, description: Notes., items: { type: string }, list_type: set, unlisted_items: delete }
";

/// Two environments, and values of each type that matters.
pub const SETTINGS: &str = "\
environments:
  staging: {}
  production: { after: staging }
values:
  yard: { type: string }
  price: { type: decimal, default: 2.50 }
  pin: { type: string, sensitivity: secret, default: { from_env: PIN } }
targets:
  s: { api: depot, environment: staging, base_url: 'http://localhost:1', auth: { bearer: { from_env: T } }, scope: { yard: { value: yard } } }
  p: { api: depot, environment: production, base_url: 'http://localhost:1', auth: { bearer: { from_env: T } }, scope: { yard: { value: yard } } }
";
/// One target, no environment.
pub const PLAIN: &str = "targets:\n  s: { api: depot, base_url: 'http://localhost:1', auth: { bearer: { from_env: T } }, scope: { yard: y } }\n";

/// What a workspace is composed to.
pub struct Composed {
    folder: TempDir,
    pub documents: Vec<Document>,
    pub faults: Vec<Diagnostic>,
}

/// Composes files; those of two environments and their values unless others are given.
pub fn compose(files: &[(&str, &str)]) -> Composed {
    let folder = tempfile::tempdir().expect("a folder");
    let usual = [
        ("apis/depot/api.yaml", API),
        ("apis/depot/item.yaml", ITEM),
        ("trueup.yaml", SETTINGS),
        ("values/staging.yaml", "yard: north\n"),
        ("values/production.yaml", "yard: south\nprice: 5\n"),
    ];
    for (name, text) in usual.iter().chain(files) {
        write(folder.path(), name, text);
    }
    let (workspace, faults) = workspace::open_workspace(folder.path(), &[]);
    Composed { folder, documents: workspace.map_or_else(Vec::new, |own| own.documents), faults }
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

impl Composed {
    /// Every document as JSON, by target and name.
    pub fn all(&self) -> BTreeMap<String, serde_json::Value> {
        let key = |own: &Document| format!("{}/{}", own.target.as_deref().unwrap_or("-"), own.name);
        self.documents.iter().map(|own| (key(own), to_json(own))).collect()
    }

    /// The spec of one of them.
    #[track_caller]
    pub fn spec(&self, key: &str) -> serde_json::Value {
        assert_eq!(self.lines(), Vec::<String>::new());
        let all = self.all();
        all.get(key).unwrap_or_else(|| panic!("{key} is none of {:?}", all.keys()))["spec"].clone()
    }

    /// The origin of each value of one of them.
    pub fn origins(&self, key: &str) -> BTreeMap<String, String> {
        let is_one =
            |own: &&Document| format!("{}/{}", own.target.as_deref().unwrap_or("-"), own.name) == key;
        let document = self.documents.iter().find(is_one).expect("a document");
        let view =
            |location: &SourceLocation| format!("{}:{}", location.source.path, location.find_line_column().0);
        let origins = list_origins(document);
        origins
            .iter()
            .map(|own| (own.pointer.clone(), format!("{} {}", view(&own.location), own.level.describe())))
            .collect()
    }

    /// The faults: code, place, and the places that belong to it.
    pub fn lines(&self) -> Vec<String> {
        let place = |place: &SourceLocation| {
            let (line, column) = place.find_line_column();
            format!("{}:{line}:{column}", place.source.path)
        };
        let line = |fault: &Diagnostic| {
            let at = fault.location.as_ref().map(place).unwrap_or_default();
            let related: Vec<_> = fault.related.iter().map(|(own, _)| format!(" + {}", place(own))).collect();
            format!("{} {at}{}", fault.code, related.concat())
        };
        self.faults.iter().map(line).collect()
    }

    /// Whether the faults are these lines.
    #[track_caller]
    pub fn expect_faults(&self, lines: &[&str]) {
        assert_eq!(
            self.lines(),
            lines,
            "{:?}",
            self.faults.iter().map(|own| &own.message).collect::<Vec<_>>()
        );
        let place = self.folder.path().to_string_lossy().into_owned();
        assert!(self.faults.iter().all(|own| own.hint.is_some() && !own.message.contains(&place)));
    }

    /// The hint of the first fault.
    pub fn hint(&self) -> &str {
        self.faults.first().and_then(|own| own.hint.as_deref()).unwrap_or_default()
    }
}

fn to_json(document: &Document) -> serde_json::Value {
    let entries = build_document(&DocumentContent {
        kind: &document.kind,
        name: &document.name,
        target: document.target.as_deref(),
        state: document.state,
        id: document.id.as_ref(),
        protect: document.protect,
        depends_on: &document.depends_on,
        scope: &document.scope,
        spec: &document.spec,
        comments: &CommentMap::new(),
        header_comments: &[],
        allow_personal: true,
        omit_guarded: false,
    });
    entries_to_json(&entries.ok().expect("what may be written"))
}
