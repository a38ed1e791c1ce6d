//! YAML text to trees with places: what documents, kinds and settings are read from.
//!
//! Every fault of a source is found, each with its place: syntax, duplicate keys, odd keys, unknown tags,
//! runaway aliases. Scalars stay text until someone who knows says what they are. Merge keys (`<<`) and
//! aliases are expanded here, within bounds, so no one above knows of them.
//! The parser is granit, by way of serde-saphyr (see Cargo.toml); its events are used in `parser` only, its writer in
//! `write` only.
//! A stream is read in stretches of whole documents, plain ones by the [`plain_reader`] reader; where a stretch has a
//! fault, the parser reads the source as a whole and tells it, for only then it is sure what the fault spoils.

mod node;
mod parser;
mod plain_reader;
mod write;

use std::ops::Range as Bytes;
use std::sync::Arc;

pub use node::{YamlData, YamlEntry, YamlNode, is_null_literal, is_number_literal, parse_boolean};
use parser::parse_range;
pub use write::{format_key, format_scalar, write_yaml};

use crate::diagnostic::{Diagnostic, NamedSource};

/// What a line starts with that starts a document.
const DOCUMENT_MARKER: &str = "---";
/// Reads every document of a source. Faults are added to `faults`; a document with a fault in its
/// structure is still returned as far as it could be read, except after a syntax error.
pub fn read_documents<'t>(source: &'t Arc<NamedSource>, faults: &mut Vec<Diagnostic>) -> Vec<YamlNode<'t>> {
    let mut documents = Vec::new();
    if !read_chunk(source, 0..source.text.len(), &mut |node| documents.push(node)) {
        documents = parse_documents(source, faults);
    }
    documents
}

/// Reads every document of a source by the parser alone.
pub fn parse_documents<'t>(source: &'t Arc<NamedSource>, faults: &mut Vec<Diagnostic>) -> Vec<YamlNode<'t>> {
    let (mut documents, text) = (Vec::new(), &source.text);
    let start = text.len() - text.trim_start_matches('\u{feff}').len();
    parse_range(source, start..text.len(), faults, &mut |node| documents.push(node));
    documents
}

/// Cuts a source before lines that start a document, into stretches of about `size` bytes; each can be read by
/// [`read_chunk`], in any order. No scalar, quoted or in a block, can hold such a line.
pub fn split_chunks(source: &NamedSource, size: usize) -> Vec<Bytes<usize>> {
    let (text, mut cuts, mut start) = (&*source.text, Vec::new(), 0);
    while let Some(end) = find_next_marker(text, start + size.max(1)) {
        cuts.push(start..end);
        start = end;
    }
    cuts.push(start..text.len());
    cuts
}

/// Where the first line at or behind `from` stands that starts a document, but not at the start of the text.
fn find_next_marker(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from.checked_sub(1)?;
    loop {
        at += bytes.get(at..)?.windows(4).position(|window| window == b"\n---")? + 1;
        if plain_reader::is_document_marker(bytes, at) {
            return Some(at);
        }
    }
}

/// Hands every document of a stretch to `take`. False when there is any fault in it: then what was handed over
/// does not count, and the source must be read as a whole.
pub fn read_chunk<'t>(
    source: &'t Arc<NamedSource>,
    chunk: Bytes<usize>,
    take: &mut dyn FnMut(YamlNode<'t>),
) -> bool {
    let Some(text) = source.text.get(..chunk.end) else { return false };
    let mut at = chunk.start;
    while at < text.len() {
        if let Some((node, next)) = plain_reader::read_plain_document(text, at) {
            take(node);
            at = next;
            continue;
        }
        let next = find_next_marker(text, at + 1).unwrap_or(text.len());
        let piece = text.get(at..next).unwrap_or_default();
        let mut faults = Vec::new();
        // directives reach over the cut
        if ["\n%", "\r%", "\u{feff}"].iter().any(|odd| piece.contains(odd)) || piece.starts_with('%') {
            return false;
        }
        // the parser sees the next marker too: where a text ends can depend on it
        let ends_here = next == text.len() && next == source.text.len();
        let seen = if ends_here { next } else { next + DOCUMENT_MARKER.len() };
        let mut nodes = Vec::new();
        parse_range(source, at..seen, &mut faults, &mut |node| nodes.push(node));
        if !faults.is_empty() {
            return false;
        }
        if !ends_here {
            nodes.pop();
        }
        nodes.into_iter().for_each(&mut *take);
        at = next;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceSpan;

    fn parse(text: &str) -> (Vec<String>, Vec<String>) {
        let source = NamedSource::new("t.yaml", text);
        let mut faults = Vec::new();
        let shown = read_documents(&source, &mut faults).iter().map(show).collect();
        let faults = faults
            .iter()
            .map(|f| {
                format!(
                    "{} {:?}",
                    f.code,
                    f.location.as_ref().map(crate::diagnostic::SourceLocation::find_line_column)
                )
            })
            .collect();
        (shown, faults)
    }

    fn show(node: &YamlNode) -> String {
        match &node.data {
            YamlData::Scalar { text, plain: bare } => format!("{}{text}", if *bare { "" } else { "'" }),
            YamlData::Sequence(items) => {
                format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(","))
            }
            YamlData::Mapping(entries) => {
                let shown: Vec<_> = entries.iter().map(|e| format!("{}:{}", e.key, show(&e.value))).collect();
                format!("{{{}}}", shown.join(","))
            }
        }
    }

    #[test]
    fn several_documents_and_text_that_stays_text() {
        let (documents, faults) = parse("a: no\nb: 012\nc: '1e3'\n---\n- 1\n- ~\n");
        assert_eq!(documents, ["{a:no,b:012,c:'1e3}", "[1,~]"]);
        assert!(faults.is_empty());
    }

    #[test]
    fn long_mappings_are_read_in_one_pass() {
        let mut text: String = (0..200_000).map(|n| format!("key{n}: {n}\n")).collect();
        text.push_str("key7: again\nkey199999: again\n");
        let (_, faults) = parse(&text);
        assert_eq!(faults, ["duplicate-key Some((200001, 1))", "duplicate-key Some((200002, 1))"]);
    }

    #[test]
    fn merge_keys_yield_to_keys_that_stand_there() {
        let (documents, faults) = parse("x: &d {a: 1, b: 2}\ny:\n  <<: *d\n  b: 3\nz: {<<: [*d, {c: 4}]}\n");
        assert_eq!(documents, ["{x:{a:1,b:2},y:{b:3,a:1},z:{a:1,b:2,c:4}}"]);
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn a_node_reaches_from_its_first_byte_to_its_last() {
        let text = "a:\n  b: 1\n  c:\n    - x # note\n    - {y: z,\n     w: [1]}\nd: |\n  text\n  more\n";
        let source = NamedSource::new("t.yaml", text);
        let documents = read_documents(&source, &mut Vec::new());
        let part = |pointer: &str| {
            let span = documents[0].resolve_pointer(pointer).map_or(SourceSpan::default(), |node| node.span);
            &text[span.start as usize..span.end as usize]
        };
        assert_eq!(part("/a"), "b: 1\n  c:\n    - x # note\n    - {y: z,\n     w: [1]}");
        assert_eq!(part("/a/c"), "- x # note\n    - {y: z,\n     w: [1]}");
        assert_eq!(part("/a/c/1"), "{y: z,\n     w: [1]}");
        assert_eq!(part("/a/c/1/w"), "[1]");
        assert_eq!(part("/d"), "text\n  more");
    }

    #[test]
    fn a_blank_that_is_none_to_yaml_is_a_part_of_its_scalar() {
        for around in ["", "z: &z 1\n"] {
            let text = format!("{around}a: x\u{a0}\nb: 1\n");
            let source = NamedSource::new("t.yaml", text.clone());
            let documents = read_documents(&source, &mut Vec::new());
            let span = documents[0].resolve_pointer("/a").map_or(SourceSpan::default(), |node| node.span);
            assert_eq!(&text[span.start as usize..span.end as usize], "x\u{a0}");
        }
    }

    #[test]
    fn all_faults_with_their_places() {
        let (_, faults) = parse("a: 1\nb: 2\na: 3\n[x]: 1\nc: !foo 1\nd: 1\nd: 2\n");
        let expected = [
            "duplicate-key Some((3, 1))",
            "invalid-key Some((4, 1))",
            "unknown-tag Some((5, 4))",
            "duplicate-key Some((7, 1))",
        ];
        assert_eq!(faults, expected);
    }

    #[test]
    fn bombs_are_bounded() {
        let mut text = String::from("a: &a [x,x,x,x,x,x,x,x,x,x]\n");
        for (name, last) in
            ["b", "c", "d", "e", "f", "g", "h"].iter().zip(["a", "b", "c", "d", "e", "f", "g"])
        {
            text.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{last}"); 10].join(",")));
        }
        assert_eq!(parse(&text).1.len(), 1);
        assert!(parse(&"[".repeat(100_000)).1[0].starts_with("yaml-syntax"));
        assert!(parse(&format!("a: {}", "{a: ".repeat(200))).1[0].starts_with("yaml-syntax"));
    }

    #[test]
    fn a_file_that_cannot_be_read_shows_no_values() {
        let source = NamedSource::new("t.yaml", "key: \"abc\nother: topsecret\n");
        let mut faults = Vec::new();
        read_documents(&source, &mut faults);
        assert_eq!(faults.len(), 1);
        let redacted: String = source.list_redactions().iter().map(|v| &source.text[v.clone()]).collect();
        assert!(redacted.contains("topsecret") && redacted.contains("\"abc"));
    }

    #[test]
    fn a_file_that_cannot_be_read_shows_no_text_before_a_colon() {
        for text in [
            "export TOKEN=topsecret:1\nother: [\n",
            "a: |\n  topsecret: x\n  more topsecret\nb: [\n",
            "a: >-\n\n    topsecret: x\n\n    topsecret: y\nb: [\n",
            "a: \"x\n  topsecret: y\n  z\n",
            "topsecret-1234: [\n",
            "- topsecret://user: [\n",
            "a: {topsecret: [\n",
        ] {
            let source = NamedSource::new("t.yaml", text);
            read_documents(&source, &mut Vec::new());
            let redactions = source.list_redactions();
            for (at, _) in text.match_indices("topsecret") {
                assert!(redactions.iter().any(|range| range.contains(&at)), "{text:?} {at}");
            }
        }
    }

    #[test]
    fn numbers_are_reported_from_texts() {
        for yes in ["0", "-1", "12.50", "1e3", "0.5"] {
            assert!(is_number_literal(yes), "{yes}");
        }
        for no in ["012", "+46 70", "1_000", "", "-", ".", "0x1", "inf", "nan", "12:30"] {
            assert!(!is_number_literal(no), "{no}");
        }
    }
}
