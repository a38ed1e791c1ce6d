//! The plain reader and the cuts between documents, held against the parser: what they read is what it reads, to
//! the last byte of every span, and what it finds fault with, they leave to it.

use std::sync::Arc;

use proptest::prelude::*;
use trueup::diagnostic::{Diagnostic, NamedSource, SourceSpan};
use trueup::yaml::{self, YamlData, YamlNode};

/// Pieces of lines. Put together at random they make nearly everything that YAML can be, and much that it cannot.
const PIECES: [&str; 64] = [
    "a: ",
    "b: ",
    "c:",
    "key-1: ",
    "x_y.z/w: ",
    "\"q\": ",
    "'s': ",
    "- ",
    "-",
    "- - ",
    "? ",
    ": ",
    "a",
    "b c",
    "12.50",
    "-7",
    "no",
    "~",
    "null",
    "don't",
    "http://a.b/c:d",
    "a:b",
    "12:30",
    "x#y",
    " # note",
    "#",
    "\"x\"",
    "\"x y # z: w\"",
    "'it'",
    "'it''s'",
    "\"a\\n\"",
    "\"open",
    "'open",
    "[",
    "]",
    "{",
    "}",
    ", ",
    ",",
    "[a, b]",
    "{a: 1}",
    "{ from_env: NAME }",
    "[]",
    "{}",
    "[x, {y: z}, 'w']",
    "&n ",
    "*n",
    "!t ",
    "!!str ",
    "<<: ",
    "|",
    ">-",
    "%",
    "@",
    "`",
    "\t",
    "  ",
    "…",
    "é–å",
    "\u{a0}",
    "---",
    "...",
    "--- ",
    "\u{85}",
];

fn line() -> impl Strategy<Value = String> {
    let pieces = proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..4);
    (0usize..6, pieces).prop_map(|(indent, pieces)| format!("{}{}", " ".repeat(indent), pieces.concat()))
}

/// Mostly well-formed: keys and values that fit, at indents that fit.
fn tidy() -> impl Strategy<Value = String> {
    let values = [
        "x",
        "12",
        "\"q r\"",
        "'s'",
        "[a, b]",
        "{a: 1, b: [2]}",
        "x # note",
        "a: b",
        "",
        "\"a\" # b",
        "- x",
        "-",
        "- a: 1",
        "- [x]",
        "x y",
        "# only",
        "https://h/p?q=1",
        "[]",
        "{}",
        "\u{2013} \u{e9}",
        "  padded  ",
        "|",
    ];
    let value = proptest::sample::select(values.to_vec());
    let key =
        proptest::sample::select(vec!["a: ", "b: ", "c:  ", "d: ", "e:", "f_1: ", "- ", "- g: ", "# ", ""]);
    let indent = proptest::sample::select(vec![0usize, 0, 0, 2, 2, 2, 4, 4, 6]);
    (indent, key, value).prop_map(|(indent, key, value)| format!("{}{key}{value}", " ".repeat(indent)))
}

fn text() -> impl Strategy<Value = String> {
    let marker = proptest::sample::select(vec!["---", "---", "---  ", "--- # x", "---x", "", "# c"]);
    let one =
        prop_oneof![3 => tidy().boxed(), 2 => line().boxed(), 1 => marker.prop_map(String::from).boxed()];
    let ends = proptest::sample::select(vec!["\n", "\n", "\n", "\n", "\n\n", "\r\n", " \n", "\n\n  \n"]);
    (proptest::collection::vec((one, ends), 0..14), any::<bool>()).prop_map(|(lines, ended)| {
        let text: String = lines.iter().map(|(line, end)| format!("{line}{end}")).collect();
        if ended { text } else { text.trim_end_matches('\n').to_owned() }
    })
}

fn show(node: &YamlNode) -> String {
    let at = |span: SourceSpan| format!("{}..{}", span.start, span.end);
    let what = match &node.data {
        YamlData::Scalar { text, plain: bare } => format!("{text:?} {bare}"),
        YamlData::Sequence(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        YamlData::Mapping(entries) => {
            let entry = |e: &yaml::YamlEntry| format!("{:?}@{}={}", e.key, at(e.key_span), show(&e.value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(" "))
        }
    };
    format!("{what}@{}", at(node.span))
}

fn said(faults: &[Diagnostic]) -> Vec<String> {
    let one = |fault: &Diagnostic| {
        let place = fault.location.as_ref().map(|place| place.span);
        let also: Vec<_> = fault.related.iter().map(|(place, what)| (place.span, what)).collect();
        format!("{} {} {place:?} {also:?}", fault.code, fault.message)
    };
    faults.iter().map(one).collect()
}

fn redactions(source: &NamedSource) -> Vec<std::ops::Range<usize>> {
    let mut redactions = source.list_redactions();
    redactions.sort_by_key(|redaction| (redaction.start, redaction.end));
    redactions.dedup();
    redactions
}

type Read<'t> = (Vec<YamlNode<'t>>, Vec<Diagnostic>);

fn read<'t>(
    source: &'t Arc<NamedSource>,
    by: fn(&'t Arc<NamedSource>, &mut Vec<Diagnostic>) -> Vec<YamlNode<'t>>,
) -> Read<'t> {
    let mut faults = Vec::new();
    (by(source, &mut faults), faults)
}

fn agree(text: &str) {
    let (ours, theirs) = (NamedSource::new("t.yaml", text), NamedSource::new("t.yaml", text));
    let ((nodes, faults), (expected, expected_faults)) =
        (read(&ours, yaml::read_documents), read(&theirs, yaml::parse_documents));
    let shown: Vec<String> = nodes.iter().map(show).collect();
    assert_eq!(shown, expected.iter().map(show).collect::<Vec<_>>(), "{text:?}");
    assert_eq!(said(&faults), said(&expected_faults), "{text:?}");
    for redaction in redactions(&theirs) {
        assert!(redactions(&ours).contains(&redaction), "a redaction is missing: {text:?}");
    }
    for size in [1, 7, 40] {
        let mut nodes = Vec::new();
        let mut take = |node: YamlNode| nodes.push(show(&node));
        let stretches = yaml::split_chunks(&ours, size);
        assert_eq!(stretches.iter().map(|s| s.len()).sum::<usize>(), ours.text.len());
        if stretches.into_iter().all(|chunk| yaml::read_chunk(&ours, chunk, &mut take)) {
            assert_eq!(nodes, shown, "cut into {size}: {text:?}");
            assert!(faults.is_empty(), "cut into {size}: {text:?} {:?}", said(&faults));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(4_000)))]

    #[test]
    fn what_is_read_is_what_the_parser_reads(text in text()) {
        agree(&text);
    }
}

#[test]
fn awkward_streams_are_read_alike() {
    for text in [
        "",
        "---",
        "---\n",
        "---\n---\n",
        "# only a comment\n",
        "a: 1\n---\n",
        "--- |\n---\nb: 1\n",
        "--- \"x\n---\ny\"\n",
        "a: |\n  x\n---\nb: >\n  y\n\n---\nc: 1\n",
        "a: [1,\n---\n2]\n",
        "a: &x 1\n---\nb: *x\n",
        "%YAML 1.2\n---\na: 1\n",
        "a: 1\n...\n%TAG ! tag:x,2000:\n---\nb: !y 1\n",
        "a: 1\n...\nb: 2\n",
        "a: 1\n---\n  # c\n\n---\nb: 2\n# end\n",
        "a:\n- x\n- y\nb: 1\n",
        "a:\n  - x\n  - y: 1\n    z: 2\n\n  # c\n\n  -   w: 3\nb: 1",
        "a:\n  - - x\n",
        "a: x\n  y\n",
        "a: x # c\n  y\n",
        "a: x\nb\n",
        "a:\n    b: 1\n  c: 2\n",
        "a: 1\na: 2\n",
        "a: {b: 1, b: 2}\n",
        "a: [b: 1]\n",
        "a: {b: 'c', d: \"e\" , f: g}\n",
        "a: [b,\n  c]\n",
        "a: x: y\n",
        "a: \"x\"y\n",
        "a: x\u{a0}\n",
        "a: b\u{3000}\n---\nc: d\n",
        "\u{feff}a: 1\n---\nb: 2\n",
        "a: 1\n\u{feff}---\nb: 2\n",
        "a: 1\r\n---\r\nb: 2\r\n",
        "a: 1\r---\rb: 2\r",
        "a: 1\n---\tb\n",
        "a:\n  b: 1\n---\nc: [\n---\nd: 1\n",
    ] {
        agree(text);
    }
}
