//! The documents of a source, read in chunks on several cores, or as a whole.
//!
//! A chunk is read on the fast path; where it has a fault, the source is read again as a whole, so the result does
//! not depend on the chunks. Documents that need others to be complete come back as they were parsed.
//! Deliberately absent: what stands in a document (`read`, `spec`).

use std::ops::Range;
use std::sync::Arc;

use super::Document;
use super::composition::{DeferRule, PartialDocument};
use super::read::{DocumentOutcome, MAX_BYTES, diagnose_too_large};
use super::source_reader::{SourceReader, locate_start};
use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan};
use crate::kind::registry::KindRegistry;
use crate::yaml::{self, YamlNode};

/// The most documents of one file.
const MAX_DOCUMENTS: usize = 100_000;

/// How documents are read.
#[derive(Clone, Copy)]
pub struct ReadOptions<'o> {
    pub kinds: &'o KindRegistry,
    pub defer_rule: DeferRule<'o>,
}

/// What a source holds.
#[derive(Default)]
pub struct ParsedDocuments<'t> {
    pub documents: Vec<Document>,
    pub partials: Vec<PartialDocument<'t>>,
}

/// What a chunk of a source holds.
pub struct DocumentChunk<'t> {
    parsed: ParsedDocuments<'t>,
    diagnostics: Vec<Diagnostic>,
    /// Documents that are not empty.
    non_empty: usize,
    /// Whether it reads as YAML; where one does not, the source is read as a whole.
    is_valid: bool,
}

impl<'t> ParsedDocuments<'t> {
    fn push(&mut self, outcome: DocumentOutcome, node: impl FnOnce() -> YamlNode<'t>) {
        match outcome {
            DocumentOutcome::Complete(document) => self.documents.push(*document),
            DocumentOutcome::Invalid => {}
            DocumentOutcome::Deferred => {
                self.partials.push(PartialDocument { node: node(), preceding: self.documents.len() });
            }
        }
    }

    fn append(&mut self, mut other: Self) {
        let before = self.documents.len();
        self.documents.append(&mut other.documents);
        let moved = other.partials.into_iter();
        self.partials.extend(moved.map(|own| PartialDocument { preceding: own.preceding + before, ..own }));
    }
}

/// Reads every document of a source; one that needs others is an error.
pub fn read_documents(
    source: &Arc<NamedSource>,
    kinds: &KindRegistry,
    faults: &mut Vec<Diagnostic>,
) -> Vec<Document> {
    parse_source(source, ReadOptions { kinds, defer_rule: DeferRule::Never }, faults).documents
}

/// Reads every document of a source.
pub fn parse_source<'t>(
    source: &'t Arc<NamedSource>,
    options: ReadOptions,
    faults: &mut Vec<Diagnostic>,
) -> ParsedDocuments<'t> {
    let whole = read_chunk(source, 0..source.text.len(), options);
    join_chunks(source, vec![whole], options, faults)
}

/// Cuts a source into chunks of about `size` bytes, for [`read_chunk`].
pub fn split_chunks(source: &NamedSource, size: usize) -> Vec<Range<usize>> {
    match source.text.len() as u64 > MAX_BYTES {
        true => Vec::new(),
        false => yaml::split_chunks(source, size),
    }
}

/// Reads the documents of a chunk; each is taken from its tree at once, so that no two trees stand.
pub fn read_chunk<'t>(
    source: &'t Arc<NamedSource>,
    chunk: Range<usize>,
    options: ReadOptions,
) -> DocumentChunk<'t> {
    let (mut faults, mut parsed, mut written) = (Vec::new(), ParsedDocuments::default(), 0);
    let mut reading = SourceReader::new(source, &mut faults).with_defer_rule(options.defer_rule);
    let sound = source.text.len() as u64 <= MAX_BYTES
        && yaml::read_chunk(source, chunk, &mut |node| {
            if !node.is_null() && written <= MAX_DOCUMENTS {
                written += 1;
                parsed.push(reading.read_or_defer(&node, options.kinds), || node);
            }
        });
    DocumentChunk { parsed, diagnostics: faults, non_empty: written, is_valid: sound }
}

/// Puts the chunks of a source together, in their order; the result is that of reading it as a whole.
pub fn join_chunks<'t>(
    source: &'t Arc<NamedSource>,
    stretches: Vec<DocumentChunk<'t>>,
    options: ReadOptions,
    faults: &mut Vec<Diagnostic>,
) -> ParsedDocuments<'t> {
    let written: usize = stretches.iter().map(|chunk| chunk.non_empty).sum();
    let sound = stretches.iter().all(|chunk| chunk.is_valid);
    if !sound || written == 0 || written > MAX_DOCUMENTS {
        return read_whole_source(source, options, faults);
    }
    let mut joined = ParsedDocuments::default();
    joined.documents.reserve_exact(stretches.iter().map(|chunk| chunk.parsed.documents.len()).sum());
    for mut chunk in stretches {
        faults.append(&mut chunk.diagnostics);
        joined.append(chunk.parsed);
    }
    joined
}

fn read_whole_source<'t>(
    source: &'t Arc<NamedSource>,
    options: ReadOptions,
    faults: &mut Vec<Diagnostic>,
) -> ParsedDocuments<'t> {
    let mut parsed = ParsedDocuments::default();
    if source.text.len() as u64 > MAX_BYTES {
        faults.push(diagnose_too_large(source.locate_span(SourceSpan::default())));
        return parsed;
    }
    let before = faults.len();
    let nodes = yaml::parse_documents(source, faults);
    if faults.len() == before && nodes.iter().all(YamlNode::is_null) {
        let fault = Diagnostic::note("empty-file", "this file holds no document");
        faults.push(
            fault
                .with_hint("write one, or remove the file")
                .with_location(source.locate_span(SourceSpan::default())),
        );
    }
    let mut reading = SourceReader::new(source, faults).with_defer_rule(options.defer_rule);
    let written: Vec<YamlNode> = nodes.into_iter().filter(|node| !node.is_null()).collect();
    if let Some(next) = written.get(MAX_DOCUMENTS) {
        let fault = Diagnostic::error("too-many-documents", format!("more than {MAX_DOCUMENTS} documents"));
        reading.add_diagnostic(locate_start(next), fault.with_hint("split the file"));
    }
    for node in written.into_iter().take(MAX_DOCUMENTS) {
        parsed.push(reading.read_or_defer(&node, options.kinds), || node);
    }
    parsed
}
