//! From a YAML tree to a Rust type, with every structural fault at its place.
//!
//! The type's own JSON Schema guides one walk over the tree: it finds unknown keys and words (with the nearest
//! known one), missing keys, wrong types and numbers, and says what each scalar is, so that a text stays a text
//! whatever it looks like. Descriptions of APIs and kinds come this way, and so do the settings of a workspace.
//! Deliberately absent: what the words mean together. `check` knows.

mod schema;

use std::collections::BTreeSet;
use std::sync::Arc;

use rust_decimal::Decimal;
use schema::{
    KeySchema, accepts_key, accepts_type, describe_types, find_key_schema, find_property, get_integer_range,
    is_free_string, is_unconstrained, list_constants, list_property_names, list_required_keys,
    matches_constants,
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value as Json};

use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan, find_nearest, suggest_word};
use crate::yaml::{YamlData, YamlEntry, YamlNode, is_number_literal, parse_boolean};

/// How often a schema may refer on before it is taken to go in circles.
const MAX_HOPS: usize = 32;

/// Reads a tree that may hold credentials by mistake: what stands where it does not belong is redacted.
/// Faults are added to `faults`; the value comes only when there is none.
pub fn read_typed<T: DeserializeOwned + JsonSchema>(
    node: &YamlNode,
    source: &Arc<NamedSource>,
    faults: &mut Vec<Diagnostic>,
) -> Option<T> {
    let mut draft = read_with_schema(node, source, true);
    let sound = draft.diagnostics.is_empty();
    faults.append(&mut draft.diagnostics);
    draft.value.filter(|_| sound)
}

/// Reads a tree that holds no secrets: source lines are shown in full, and where something is wrong the plainest
/// thing that could stand there takes its place, so that whoever looks at the whole can go on.
pub(super) fn read_partial<T: DeserializeOwned + JsonSchema>(
    node: &YamlNode,
    source: &Arc<NamedSource>,
) -> PartialRead<T> {
    read_with_schema(node, source, false)
}

/// What was read, as far as it could be.
pub(super) struct PartialRead<T> {
    /// With stand-ins where there were faults.
    pub value: Option<T>,
    pub diagnostics: Vec<Diagnostic>,
    suspect_spans: Vec<SourceSpan>,
}

impl<T> PartialRead<T> {
    /// Whether a later fault may be no more than the echo of one that was found here.
    pub fn is_follow_up(&self, fault: &Diagnostic) -> bool {
        let Some(place) = &fault.location else { return false };
        let at = place.span.start;
        self.suspect_spans.iter().any(|zone| zone.start <= at && at < zone.end.max(zone.start + 1))
    }
}

fn read_with_schema<T: DeserializeOwned + JsonSchema>(
    node: &YamlNode,
    source: &Arc<NamedSource>,
    redacts: bool,
) -> PartialRead<T> {
    let PartialRead { value, diagnostics: mut faults, suspect_spans: doubtful } =
        convert_document::<T>(node, source, redacts);
    let read = serde_json::from_value(value.unwrap_or_default());
    if let (Err(error), true) = (&read, faults.is_empty()) {
        // what the schema lets through and serde does not is a mistake in the type, not in the tree
        let message = format!("this cannot be read: {error}");
        faults.push(
            Diagnostic::error("not-readable", message)
                .with_location(source.locate_span(find_start_span(node))),
        );
    }
    PartialRead { value: read.ok(), diagnostics: faults, suspect_spans: doubtful }
}

/// The JSON form of what `T` is read from.
fn convert_document<T: JsonSchema>(
    node: &YamlNode,
    source: &Arc<NamedSource>,
    redacts: bool,
) -> PartialRead<Json> {
    let schema = schemars::schema_for!(T).to_value();
    let mut walk = SchemaWalker {
        root: &schema,
        source,
        redact: redacts,
        diagnostics: Vec::new(),
        suspect_spans: Vec::new(),
    };
    let json =
        walk.convert_node(node, &schema, find_start_span(node)).unwrap_or_else(|misfit| misfit.placeholder);
    PartialRead { value: Some(json), diagnostics: walk.diagnostics, suspect_spans: walk.suspect_spans }
}

/// The JSON form of what `T` is read from, where there is no fault in it.
#[cfg(test)]
pub(super) fn convert_valid_document<T: JsonSchema>(
    node: &YamlNode,
    source: &Arc<NamedSource>,
) -> Option<Json> {
    let draft = convert_document::<T>(node, source, false);
    draft.value.filter(|_| draft.diagnostics.is_empty())
}

/// One walk over a tree along a schema.
struct SchemaWalker<'a> {
    root: &'a Json,
    source: &'a Arc<NamedSource>,
    redact: bool,
    diagnostics: Vec<Diagnostic>,
    /// Where later faults may be echoes of these.
    suspect_spans: Vec<SourceSpan>,
}

/// What does not fit, and was reported.
struct NodeMismatch {
    /// What takes its place, so that the rest can be looked at.
    placeholder: Json,
    /// A word was guessed at random; what stands beside it may not fit that word.
    guessed: bool,
}

/// The JSON form of a node.
type ConversionResult = Result<Json, NodeMismatch>;

/// What is being read of one mapping.
#[derive(Default)]
struct PartialMapping {
    map: Map<String, Json>,
    /// Something in it did not fit.
    invalid: bool,
    guessed: bool,
}

impl<'a> SchemaWalker<'a> {
    /// `owner` is the place of the key that holds the node.
    fn convert_node(&mut self, node: &YamlNode, schema: &'a Json, owner: SourceSpan) -> ConversionResult {
        let alternatives = self.flatten_alternatives(schema);
        if alternatives.iter().any(|one| is_unconstrained(one)) {
            return Ok(convert_untyped(node));
        }
        let nothing =
            node.is_null() && !list_constants(&alternatives).contains(&node.as_scalar().unwrap_or_default());
        if nothing && alternatives.iter().any(|one| accepts_type(one, "null")) {
            return Ok(Json::Null);
        }
        let fit = match &node.data {
            YamlData::Scalar { text, plain: bare } => {
                self.convert_scalar(text, *bare && !nothing, node, &alternatives)
            }
            YamlData::Sequence(items) => self.convert_list(items, &alternatives),
            YamlData::Mapping(entries) => self.convert_mapping(entries, &alternatives, owner).map(Ok),
        };
        fit.unwrap_or_else(|| {
            self.report_wrong_type(node, &alternatives);
            Err(self.build_placeholder(&alternatives))
        })
    }

    /// Every schema that a node may meet, references followed and `anyOf` and `oneOf` laid flat.
    fn flatten_alternatives(&self, schema: &'a Json) -> Vec<&'a Json> {
        let (mut flat, mut open) = (Vec::new(), vec![(schema, 0)]);
        while let Some((schema, hops)) = open.pop() {
            let branches = ["anyOf", "oneOf"].iter().find_map(|word| schema.get(word)?.as_array());
            if hops > MAX_HOPS {
                continue;
            } else if let Some(target) = schema.get("$ref").and_then(Json::as_str) {
                let target = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
                open.extend(target.map(|target| (target, hops + 1)));
            } else if let Some(branches) = branches {
                open.extend(branches.iter().rev().map(|branch| (branch, hops + 1)));
            } else {
                flat.push(schema);
            }
        }
        flat
    }

    fn build_placeholder(&self, alternatives: &[&'a Json]) -> NodeMismatch {
        NodeMismatch {
            placeholder: self.build_minimal_value(alternatives, 0),
            guessed: !list_constants(alternatives).is_empty(),
        }
    }

    /// The plainest thing that fits.
    fn build_minimal_value(&self, alternatives: &[&'a Json], depth: usize) -> Json {
        let Some(schema) = alternatives.first().filter(|_| depth < MAX_HOPS) else { return Json::Null };
        if let Some(word) = list_constants(alternatives).first() {
            return Json::from(*word);
        }
        if accepts_type(schema, "object") {
            let members = list_required_keys(schema).filter_map(|name| {
                let member = self.flatten_alternatives(find_property(schema, name)?);
                Some((name.to_owned(), self.build_minimal_value(&member, depth + 1)))
            });
            return Json::Object(members.collect());
        }
        match schema {
            _ if accepts_type(schema, "array") => Json::Array(Vec::new()),
            _ if accepts_type(schema, "boolean") => Json::Bool(false),
            _ if accepts_type(schema, "integer") => build_integer(get_integer_range(schema).0.max(1)),
            _ if accepts_type(schema, "number") => Json::from(1),
            _ if accepts_type(schema, "string") => Json::from("?"),
            _ => Json::Null,
        }
    }

    /// A scalar as the first of: a known word, a flag, a number, a text. None when it can be none of them.
    fn convert_scalar(
        &mut self,
        text: &str,
        bare: bool,
        node: &YamlNode,
        alternatives: &[&'a Json],
    ) -> Option<ConversionResult> {
        let words = list_constants(alternatives);
        if words.contains(&text) {
            return Some(Ok(Json::from(text)));
        }
        let flag = parse_boolean(text)
            .filter(|_| bare && alternatives.iter().any(|one| accepts_type(one, "boolean")));
        if let Some(flag) = flag {
            return Some(Ok(Json::Bool(flag)));
        }
        let numeric =
            alternatives.iter().find(|one| accepts_type(one, "integer") || accepts_type(one, "number"));
        if let Some(schema) = numeric.filter(|_| bare && is_number_literal(text)) {
            return Some(self.convert_number(text, schema, node.span));
        }
        if !node.is_null() && alternatives.iter().any(|one| is_free_string(one)) {
            return Some(Ok(Json::from(text)));
        }
        let unknown_word = !node.is_null() && !words.is_empty() && numeric.is_none();
        unknown_word.then(|| Err(self.report_unknown_word(text, node.span, alternatives)))
    }

    fn report_unknown_word(
        &mut self,
        text: &str,
        span: SourceSpan,
        alternatives: &[&'a Json],
    ) -> NodeMismatch {
        let words = list_constants(alternatives);
        let near = find_nearest(text, words.iter().copied());
        let message = match near.is_none() && self.redact {
            // not a slip of a known word, so perhaps a credential
            true => {
                self.source.redact_span(span);
                "this word does not fit here".into()
            }
            false => format!("`{text}` is not a word that fits here"),
        };
        let mut fault =
            Diagnostic::error("unknown-word", message).with_location(self.source.locate_span(span));
        fault.hint = suggest_word(text, words.iter().copied());
        self.diagnostics.push(fault);
        match near {
            Some(near) => NodeMismatch { placeholder: Json::from(near), guessed: false },
            None => self.build_placeholder(alternatives),
        }
    }

    fn convert_number(&mut self, text: &str, schema: &Json, span: SourceSpan) -> ConversionResult {
        let (least, most) = get_integer_range(schema);
        if accepts_type(schema, "number") {
            return Ok(build_exact_number(text));
        }
        match text.parse::<i128>() {
            Ok(number) if (least..=most).contains(&number) => Ok(build_integer(number)),
            _ => {
                let message = format!("an integer from {least} to {most} is wanted here");
                self.diagnostics.push(
                    Diagnostic::error("wrong-number", message).with_location(self.source.locate_span(span)),
                );
                Err(NodeMismatch { placeholder: build_integer(least.max(1)), guessed: false })
            }
        }
    }

    fn convert_list(&mut self, items: &[YamlNode], alternatives: &[&'a Json]) -> Option<ConversionResult> {
        let schema = alternatives.iter().find(|one| accepts_type(one, "array"))?;
        let Some(item) = schema.get("items") else {
            return Some(Ok(items.iter().map(convert_untyped).collect()));
        };
        let (mut list, mut faulty, mut guessed) = (Vec::with_capacity(items.len()), false, false);
        for node in items {
            list.push(self.convert_node(node, item, find_start_span(node)).unwrap_or_else(|misfit| {
                faulty = true;
                guessed |= misfit.guessed;
                misfit.placeholder
            }));
        }
        let list = Json::Array(list);
        Some(if faulty { Err(NodeMismatch { placeholder: list, guessed }) } else { Ok(list) })
    }

    fn convert_mapping(
        &mut self,
        entries: &[YamlEntry],
        alternatives: &[&'a Json],
        owner: SourceSpan,
    ) -> Option<Json> {
        let objects: Vec<&Json> =
            alternatives.iter().copied().filter(|one| accepts_type(one, "object")).collect();
        let matches = |schema: &&&Json| {
            let known = entries.iter().filter(|entry| accepts_key(schema, &entry.key)).count();
            (matches_constants(schema, entries), known)
        };
        // the last of equals would win; the first is the one that stands first in the type
        let best = objects.iter().rev().max_by_key(matches).copied()?;
        let known: BTreeSet<&str> = objects.iter().flat_map(|schema| list_property_names(schema)).collect();
        let mut draw = PartialMapping::default();
        for entry in entries {
            match find_key_schema(best, &entry.key) {
                KeySchema::Known(schema) => self.convert_known_key(entry, schema, &mut draw),
                KeySchema::Free => {
                    draw.map.insert(entry.key.to_string(), convert_untyped(&entry.value));
                }
                KeySchema::Unknown => {
                    let unused = known.iter().copied().filter(|name| !entries.iter().any(|e| e.key == *name));
                    self.report_unknown_key(entry, best, &unused.collect::<Vec<_>>(), &mut draw);
                }
            }
        }
        self.report_missing_keys(best, owner, &mut draw);
        self.mark_suspect_spans(&draw, entries, owner);
        Some(Json::Object(draw.map))
    }

    fn convert_known_key(&mut self, entry: &YamlEntry, schema: &'a Json, draw: &mut PartialMapping) {
        let value = self.convert_node(&entry.value, schema, entry.key_span).unwrap_or_else(|misfit| {
            draw.invalid = true;
            draw.guessed |= misfit.guessed;
            self.suspect_spans.extend(list_flat_spans(entry));
            misfit.placeholder
        });
        draw.map.insert(entry.key.to_string(), value);
    }

    /// Tells an unknown key. What stands there is taken for the key that was probably meant.
    fn report_unknown_key(
        &mut self,
        entry: &YamlEntry,
        schema: &'a Json,
        unused: &[&str],
        draw: &mut PartialMapping,
    ) {
        self.redact_node(&entry.value);
        draw.invalid = true;
        self.suspect_spans.extend(list_flat_spans(entry));
        let message = format!("the key `{}` is not known here", entry.key);
        let mut fault =
            Diagnostic::error("unknown-key", message).with_location(self.source.locate_span(entry.key_span));
        fault.hint = suggest_word(&entry.key, unused.iter().copied());
        self.diagnostics.push(fault);
        let meant = find_nearest(&entry.key, unused.iter().copied());
        if let Some((name, schema)) = meant.and_then(|name| Some((name, find_property(schema, name)?))) {
            let before = self.diagnostics.len();
            let value = self.convert_node(&entry.value, schema, entry.key_span);
            self.diagnostics.truncate(before);
            draw.map.insert(name.to_owned(), value.unwrap_or_else(|misfit| misfit.placeholder));
        }
    }

    fn report_missing_keys(&mut self, schema: &'a Json, owner: SourceSpan, draw: &mut PartialMapping) {
        for name in list_required_keys(schema) {
            let Some(member) = find_property(schema, name).filter(|_| !draw.map.contains_key(name)) else {
                continue;
            };
            let mut fault = Diagnostic::error("missing-key", format!("the key `{name}` is missing here"))
                .with_location(self.source.locate_span(owner));
            let is = member.get("description").and_then(Json::as_str);
            fault.hint = is.map(|is| format!("`{name}`: {}", is.replace('\n', " ").trim_end_matches('.')));
            self.diagnostics.push(fault);
            let misfit = self.build_placeholder(&self.flatten_alternatives(member));
            draw.invalid = true;
            draw.guessed |= misfit.guessed;
            draw.map.insert(name.to_owned(), misfit.placeholder);
        }
    }

    /// Notes where later faults may only be echoes: at the owner of a faulty mapping, and, where a word was
    /// guessed, at whatever stands beside that word.
    fn mark_suspect_spans(&mut self, draw: &PartialMapping, entries: &[YamlEntry], owner: SourceSpan) {
        if draw.invalid {
            self.suspect_spans.push(owner);
        }
        if draw.guessed {
            self.suspect_spans.extend(entries.iter().flat_map(list_flat_spans));
        }
    }

    fn report_wrong_type(&mut self, node: &YamlNode, alternatives: &[&Json]) {
        self.redact_node(node);
        let wanted = join_with_or(&describe_types(alternatives));
        let message = format!("this is {}, but {wanted} is wanted here", node.describe_type());
        let mut fault = Diagnostic::error("wrong-type", message)
            .with_location(self.source.locate_span(find_start_span(node)));
        let words = list_constants(alternatives);
        fault.hint = (!words.is_empty()).then(|| format!("known here: {}", words.join(", ")));
        self.diagnostics.push(fault);
    }

    /// What does not belong where it stands may be a credential.
    fn redact_node(&self, node: &YamlNode) {
        if self.redact {
            self.source.redact_span(node.span);
        }
    }
}

/// A scalar is shown whole, anything else where it starts.
fn find_start_span(node: &YamlNode) -> SourceSpan {
    match node.as_scalar() {
        Some(_) => node.span,
        None => SourceSpan { start: node.span.start, end: node.span.start },
    }
}

/// The places of an entry that are not inside a mapping of its own.
fn list_flat_spans(entry: &YamlEntry) -> Vec<SourceSpan> {
    let mut places = vec![entry.key_span];
    match &entry.value.data {
        YamlData::Scalar { .. } => places.push(entry.value.span),
        YamlData::Sequence(items) => {
            places.extend(items.iter().filter(|item| item.as_scalar().is_some()).map(|item| item.span));
        }
        YamlData::Mapping(_) => {}
    }
    places
}

fn join_with_or(nouns: &[&str]) -> String {
    match nouns {
        [] => "nothing".into(),
        [one] => (*one).into(),
        [several @ .., last] => format!("{} or {last}", several.join(", ")),
    }
}

fn build_integer(number: i128) -> Json {
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => Json::from(number),
        (_, Ok(number)) => Json::from(number),
        _ => Json::from(number.to_string()),
    }
}

/// A tree of any form: bare flags and numbers as such, everything else text.
pub fn convert_untyped(node: &YamlNode) -> Json {
    match &node.data {
        _ if node.is_null() => Json::Null,
        YamlData::Scalar { text, plain: true } => match parse_boolean(text) {
            Some(flag) => Json::Bool(flag),
            None if is_number_literal(text) => build_exact_number(text),
            None => Json::from(&**text),
        },
        YamlData::Scalar { text, .. } => Json::from(&**text),
        YamlData::Sequence(items) => items.iter().map(convert_untyped).collect(),
        YamlData::Mapping(entries) => Json::Object(
            entries.iter().map(|entry| (entry.key.to_string(), convert_untyped(&entry.value))).collect(),
        ),
    }
}

/// A number, or its text where a JSON number would lose a digit.
fn build_exact_number(text: &str) -> Json {
    if let Some(number) = text.parse::<i64>().ok().filter(|_| !text.starts_with('+')) {
        return Json::from(number);
    }
    let decimal = |text: &str| Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok();
    let same = |number: &f64| decimal(text).is_some_and(|own| decimal(&number.to_string()) == Some(own));
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && same(number));
    number.and_then(Number::from_f64).map_or_else(|| Json::from(text), Json::Number)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::diagnostic::SourceLocation;

    /// Settings of a kind that has everything.
    #[derive(Deserialize, JsonSchema, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct TestSettings {
        /// The name.
        name: String,
        #[serde(default)]
        size: Option<u16>,
        #[serde(default)]
        share: f64,
        #[serde(default)]
        on: bool,
        #[serde(default)]
        clear: Option<TestWord>,
        #[serde(default)]
        secret: Option<TestSource>,
        #[serde(default)]
        several: TestWordList,
        #[serde(default)]
        named: BTreeMap<String, TestPart>,
        #[serde(default)]
        shape: Option<TestShape>,
        #[serde(default)]
        free: serde_json::Value,
    }

    #[derive(Deserialize, JsonSchema, Debug, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum TestWord {
        /// Null.
        Null,
        /// Empty.
        Empty,
    }

    #[derive(Deserialize, JsonSchema, Debug, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum TestSource {
        FromEnv(String),
        FromCommand(Vec<String>),
    }

    #[derive(Deserialize, JsonSchema, Debug, PartialEq)]
    #[serde(untagged)]
    enum TestWordList {
        Many(Vec<TestWord>),
        One(TestWord),
    }

    impl Default for TestWordList {
        fn default() -> Self {
            Self::Many(Vec::new())
        }
    }

    #[derive(Deserialize, JsonSchema, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct TestPart {
        count: i64,
    }

    #[derive(Deserialize, JsonSchema, Debug, PartialEq)]
    #[serde(tag = "form", rename_all = "snake_case", deny_unknown_fields)]
    enum TestShape {
        Round { radius: u8 },
        Square { side: u8 },
    }

    fn read(text: &str) -> (Option<TestSettings>, Vec<String>, String) {
        let source = NamedSource::new("t.yaml", text);
        let mut faults = Vec::new();
        let nodes = crate::yaml::read_documents(&source, &mut faults);
        let read = nodes.first().and_then(|node| read_typed(node, &source, &mut faults));
        let shown = faults.iter().map(|fault| {
            let (line, column) =
                fault.location.as_ref().map(SourceLocation::find_line_column).unwrap_or_default();
            let hint = fault.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{line}:{column} {}: {}{hint}", fault.code, fault.message)
        });
        let shown = shown.collect();
        let redacted = source.list_redactions().iter().map(|range| &source.text[range.clone()]).collect();
        (read, shown, redacted)
    }

    fn faults(text: &str) -> Vec<String> {
        let (read, faults, _) = read(text);
        assert_eq!(read.is_none(), !faults.is_empty(), "a value comes exactly when there is no fault");
        faults
    }

    #[test]
    fn the_type_says_what_a_scalar_is() {
        let text =
            "{name: 012, size: 7, share: 1, on: true, clear: null, several: empty, secret: {from_env: 7},
            named: {1: {count: -3}}, shape: {form: square, side: 2}, free: {a: [1, no, true, ~, '1', 1.50]}}";
        let wanted = TestSettings {
            name: "012".into(),
            size: Some(7),
            share: 1.0,
            on: true,
            clear: Some(TestWord::Null),
            secret: Some(TestSource::FromEnv("7".into())),
            several: TestWordList::One(TestWord::Empty),
            named: BTreeMap::from([("1".into(), TestPart { count: -3 })]),
            shape: Some(TestShape::Square { side: 2 }),
            free: serde_json::json!({"a": [1, "no", true, null, "1", 1.5]}),
        };
        let (read, faults, _) = read(text);
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(read, Some(wanted));
    }

    #[test]
    fn all_faults_at_once_each_at_its_place() {
        let text = "\
size: 70000
share: much
on: yes
clear: emty
secret: { from_evn: A, from_comand: [x] }
several: [empty, full, [null]]
named:
  a: {}
  b: { count: 1.5, cuont: 2 }
  c: 7
shape: { form: round, side: 1 }
fre: 1
";
        let wanted = [
            "1:1 missing-key: the key `name` is missing here (`name`: The name)",
            "1:7 wrong-number: an integer from 0 to 65535 is wanted here",
            "2:8 wrong-type: this is a single value, but a number is wanted here",
            "3:5 wrong-type: this is a single value, but true or false is wanted here",
            "4:8 unknown-word: `emty` is not a word that fits here (did you mean `empty`?)",
            "5:11 unknown-key: the key `from_evn` is not known here (did you mean `from_env`?)",
            "5:24 unknown-key: the key `from_comand` is not known here (did you mean `from_command`?)",
            "6:18 unknown-word: `full` is not a word that fits here (did you mean `null`?)",
            "6:24 wrong-type: this is a list, but a word is wanted here (known here: null, empty)",
            "8:3 missing-key: the key `count` is missing here",
            "9:15 wrong-number: an integer from -9223372036854775808 to 9223372036854775807 is wanted here",
            "9:20 unknown-key: the key `cuont` is not known here",
            "10:6 wrong-type: this is a single value, but a mapping is wanted here",
            "11:1 missing-key: the key `radius` is missing here",
            "11:23 unknown-key: the key `side` is not known here (known here: radius)",
            "12:1 unknown-key: the key `fre` is not known here (did you mean `free`?)",
        ];
        let mut found = faults(text);
        found.sort_by_key(|fault| {
            let number = |text: &str| text.parse::<u32>().unwrap_or(0);
            let (line, rest) = fault.split_once(':').unwrap_or_default();
            (number(line), number(rest.split(' ').next().unwrap_or_default()))
        });
        assert_eq!(found, wanted);
    }

    #[test]
    fn what_does_not_belong_is_redacted() {
        let (_, faults, redacted) =
            read("{name: x, secret: hunter2, pasword: hunter3, named: {a: hunter4}, clear: hunter5}");
        assert_eq!(faults.len(), 4);
        assert!(faults.iter().all(|fault| !fault.contains("hunter")), "{faults:?}");
        for secret in ["hunter2", "hunter3", "hunter4", "hunter5"] {
            assert!(redacted.contains(secret), "{secret} can be seen");
        }
    }

    #[test]
    fn nothing_is_not_a_text() {
        assert_eq!(faults("name:"), ["1:5 wrong-type: this is nothing, but a string is wanted here"]);
        assert_eq!(faults("name: ''"), Vec::<String>::new());
        assert_eq!(faults("{name: a, size: ~, clear: }"), Vec::<String>::new());
    }

    #[test]
    fn numbers_that_json_would_round_stay_texts() {
        for (text, kept) in [("1.50", "1.5"), ("1e3", "1000.0"), ("-7", "-7"), ("0.1", "0.1")] {
            assert_eq!(build_exact_number(text).to_string(), kept);
        }
        for text in ["12345678901234567890123", "0.12345678901234567890", "1e999", "+7e400"] {
            assert_eq!(build_exact_number(text), Json::from(text));
        }
    }
}
