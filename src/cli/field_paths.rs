//! Paths of fields with dots on the command line: each must be a field of a selected kind.
//!
//! Deliberately absent: values at these paths, which need not be there.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, suggest_word};
use crate::document::Document;
use crate::kind::{FieldType, Kind, Shape};

/// The faults of paths that are no fields of any kind of these documents.
pub fn diagnose_unknown_paths<'d>(
    paths: &[String],
    documents: impl Iterator<Item = &'d Document>,
) -> Vec<Diagnostic> {
    let kinds: BTreeMap<&str, &Kind> = documents.map(|own| (&*own.kind.name, &*own.kind)).collect();
    if kinds.is_empty() {
        return Vec::new();
    }
    paths.iter().filter_map(|path| diagnose_unknown_path(path, &kinds)).collect()
}

fn diagnose_unknown_path(path: &str, kinds: &BTreeMap<&str, &Kind>) -> Option<Diagnostic> {
    let mut nearest: Option<UnknownPathWord> = None;
    for kind in kinds.values() {
        let unknown = find_unknown(&kind.shape, path, 0)?;
        if nearest.as_ref().is_none_or(|own| own.depth < unknown.depth) {
            nearest = Some(unknown);
        }
    }
    let nearest = nearest?;
    let names: Vec<&str> = kinds.keys().copied().collect();
    let message = format!("`{}` is no field of {}", nearest.word.escape_debug(), names.join(", "));
    let hint = suggest_word(nearest.word, nearest.known.iter().copied());
    let fault = Diagnostic::error("unknown-field", message);
    Some(fault.with_hint(hint.unwrap_or_else(|| "end the path before it".to_owned())))
}

/// A word of a path at which there is no field.
struct UnknownPathWord<'p> {
    word: &'p str,
    known: Vec<&'p str>,
    depth: usize,
}

fn find_unknown<'p>(shape: &'p Shape, path: &'p str, depth: usize) -> Option<UnknownPathWord<'p>> {
    let (word, rest) = path.split_once('.').map_or((path, None), |(word, rest)| (word, Some(rest)));
    let Some(field) = shape.find_field(word) else {
        let known = shape.fields.iter().map(|field| &*field.name).collect();
        return Some(UnknownPathWord { word, known, depth });
    };
    match (&field.ty, field.ty.inner_shape(), rest) {
        // what follows is a key of the map
        (_, _, None) | (FieldType::Map(_), _, _) => None,
        (_, Some(inner), Some(rest)) => find_unknown(inner, rest, depth + 1),
        (_, None, Some(rest)) => Some(UnknownPathWord { word: rest, known: Vec::new(), depth: depth + 1 }),
    }
}
