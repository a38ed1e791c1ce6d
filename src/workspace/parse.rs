//! The documents of files: parsed on every core, then composed where they need each other.
//!
//! The result does not depend on the number of cores, nor on the order of files beyond that of the documents. Where no
//! document needs another, nothing of composition is done.
//! Deliberately absent: where files are, and which of them a run is about.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::compose::bases::BASES_FOLDER;
use crate::compose::head::RawDocument;
use crate::compose::settings::CompositionSettings;
use crate::compose::values::ValueTable;
use crate::compose::{CompositionInput, compose_documents};
use crate::cores::map_parallel;
use crate::diagnostic::{Diagnostic, NamedSource, has_errors};
use crate::document::Document;
use crate::document::chunks::{self, DocumentChunk, ParsedDocuments, ReadOptions};
use crate::document::composition::DeferRule;
use crate::kind::registry::KindRegistry;

/// Larger files are read in stretches of this many bytes.
const CHUNK_BYTES: usize = 256 * 1024;

/// The texts that documents come from.
#[derive(Default)]
pub struct DocumentSources {
    /// In the order of their documents.
    pub files: Vec<Arc<NamedSource>>,
    /// Those that no pattern of documents matches: they hold bases only.
    pub base_files: BTreeSet<String>,
}

/// What the files of a run hold.
#[derive(Default)]
pub struct ParsedFiles {
    pub documents: Vec<Document>,
    /// Files without any document, and without an error that could be the reason.
    pub empty: BTreeSet<String>,
}

/// Whether a file is in the folder of bases.
pub fn is_base_path(path: &str) -> bool {
    path.strip_prefix(BASES_FOLDER).is_some_and(|rest| rest.starts_with('/'))
}

/// Parses files, large ones in stretches, and composes what needs composition.
pub fn parse_sources(
    sources: &DocumentSources,
    composition: &CompositionSettings,
    values: &ValueTable,
    kinds: &KindRegistry,
    faults: &mut Vec<Diagnostic>,
) -> ParsedFiles {
    let with_defaults: Vec<&str> = composition.defaults.iter().map(|own| &*own.kind).collect();
    let defer_rule = match composition.environments.is_empty() {
        true => DeferRule::WhereNeeded(&with_defaults),
        false => DeferRule::Always,
    };
    let options = ReadOptions { kinds, defer_rule };
    let mut pieces = Vec::new();
    for (number, source) in sources.files.iter().enumerate() {
        let stretches = chunks::split_chunks(source, CHUNK_BYTES).into_iter();
        pieces.extend(stretches.map(|chunk| (number, chunk)));
    }
    let stretches = map_parallel(&pieces, |(file, chunk)| {
        sources.files.get(*file).map(|source| chunks::read_chunk(source, chunk.clone(), options))
    });
    let mut stretches = pieces.iter().zip(stretches).peekable();
    let (mut read, mut raw) = (ParsedFiles::default(), Vec::new());
    for (file, source) in sources.files.iter().enumerate() {
        let own = std::iter::from_fn(|| stretches.next_if(|((of, _), _)| *of == file));
        let own: Vec<DocumentChunk> = own.filter_map(|(_, chunk)| chunk).collect();
        let mut found = Vec::new();
        let parsed = chunks::join_chunks(source, own, options, &mut found);
        if parsed.documents.is_empty() && parsed.partials.is_empty() && !has_errors(&found) {
            read.empty.insert(source.path.clone());
        }
        let is_in_base_file = sources.base_files.contains(&source.path);
        add_documents(parsed, source, is_in_base_file, &mut read.documents, &mut raw);
        faults.append(&mut found);
    }
    if !raw.is_empty() || !values.is_empty() {
        let input = CompositionInput { settings: composition, kinds, documents: raw, values };
        let composed = compose_documents(input, faults);
        read.documents = interleave(read.documents, composed);
    }
    read
}

/// Every document as it was parsed.
pub fn parse_raw<'s>(sources: &'s DocumentSources, kinds: &KindRegistry) -> Vec<RawDocument<'s>> {
    let options = ReadOptions { kinds, defer_rule: DeferRule::Always };
    let (mut documents, mut raw) = (Vec::new(), Vec::new());
    for source in &sources.files {
        let parsed = chunks::parse_source(source, options, &mut Vec::new());
        add_documents(parsed, source, sources.base_files.contains(&source.path), &mut documents, &mut raw);
    }
    raw
}

fn add_documents<'t>(
    parsed: ParsedDocuments<'t>,
    source: &'t Arc<NamedSource>,
    is_in_base_file: bool,
    documents: &mut Vec<Document>,
    raw: &mut Vec<RawDocument<'t>>,
) {
    let before = documents.len();
    raw.extend(parsed.partials.into_iter().map(|own| RawDocument {
        source,
        node: own.node,
        position: before + own.preceding,
        is_in_base_file,
    }));
    documents.extend(parsed.documents);
}

/// Composed documents among those that needed nothing, each at its place.
fn interleave(complete: Vec<Document>, composed: Vec<(usize, Document)>) -> Vec<Document> {
    let mut documents = Vec::with_capacity(complete.len() + composed.len());
    let mut composed = composed.into_iter().peekable();
    for (number, document) in complete.into_iter().enumerate() {
        documents
            .extend(std::iter::from_fn(|| composed.next_if(|(at, _)| *at <= number)).map(|(_, own)| own));
        documents.push(document);
    }
    documents.extend(composed.map(|(_, own)| own));
    documents
}
