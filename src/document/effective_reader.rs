//! Effective documents: composed of the levels of several files, read as one.

use std::sync::Arc;

use super::Document;
use super::composition::DeferRule;
use super::levels::DocumentLevels;
use super::source_reader::SourceReader;
use super::taint::TaintedKinds;
use crate::diagnostic::{Diagnostic, NamedSource};
use crate::kind::Kind;
use crate::kind::registry::KindRegistry;
use crate::value::Sensitivity;
use crate::yaml::YamlNode;

/// Reads effective documents; those that fill the same fields from outside share a kind.
pub struct EffectiveReader<'k> {
    kinds: &'k KindRegistry,
    tainted_kinds: TaintedKinds,
    /// The levels of the last document; objects of a file often have the same ones.
    levels: Option<Arc<DocumentLevels>>,
}

impl<'k> EffectiveReader<'k> {
    pub fn new(kinds: &'k KindRegistry) -> Self {
        Self { kinds, tainted_kinds: TaintedKinds::default(), levels: None }
    }

    /// The levels of a document, shared with the one before it where they are the same.
    pub fn share_levels(&mut self, levels: DocumentLevels) -> Arc<DocumentLevels> {
        match &self.levels {
            Some(last) if last.is_same(&levels) => Arc::clone(last),
            _ => Arc::clone(self.levels.insert(Arc::new(levels))),
        }
    }

    /// Reads a node as the document in `source`; its spans lie in `levels`.
    pub fn read_node(
        &mut self,
        node: &YamlNode,
        source: &Arc<NamedSource>,
        levels: &DocumentLevels,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<Document> {
        let mut reader = SourceReader::new(source, faults).with_levels(levels);
        std::mem::swap(&mut reader.tainted_kinds, &mut self.tainted_kinds);
        let document = reader.read_document(node, self.kinds);
        std::mem::swap(&mut reader.tainted_kinds, &mut self.tainted_kinds);
        document
    }

    /// Checks the spec of a level by itself.
    pub fn check_spec(
        &mut self,
        spec: &YamlNode,
        kind: &Kind,
        levels: &DocumentLevels,
        faults: &mut Vec<Diagnostic>,
    ) {
        let source = NamedSource::new("", "");
        // what is named or edited is checked where levels meet
        let reader = SourceReader::new(&source, faults).with_defer_rule(DeferRule::Always);
        let mut reader = reader.with_levels(levels);
        reader.read_object(spec, &kind.shape, Sensitivity::Public);
    }
}
