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
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value as Json};

use crate::diagnostic::{Diagnostic, Source, Span, did_you_mean, nearest};
use crate::yaml::{Data, Entry, Node, flag_word, is_number_word};
use schema::{
    Member, accepts_key, agrees, bounds, is_anything, is_text, member, nouns, property, property_names,
    required, takes, words,
};

/// How often a schema may refer on before it is taken to go in circles.
const MAX_HOPS: usize = 32;

/// Reads a tree that may hold credentials by mistake: what stands where it does not belong is veiled.
/// Faults are added to `faults`; the value comes only when there is none.
pub fn typed<T: DeserializeOwned + JsonSchema>(
    node: &Node,
    source: &Arc<Source>,
    faults: &mut Vec<Diagnostic>,
) -> Option<T> {
    let mut draft = guided(node, source, true);
    let sound = draft.faults.is_empty();
    faults.append(&mut draft.faults);
    draft.value.filter(|_| sound)
}

/// Reads a tree that holds no secrets: source lines are shown in full, and where something is wrong the plainest
/// thing that could stand there takes its place, so that whoever looks at the whole can go on.
pub(super) fn draft<T: DeserializeOwned + JsonSchema>(node: &Node, source: &Arc<Source>) -> Draft<T> {
    guided(node, source, false)
}

/// What was read, as far as it could be.
pub(super) struct Draft<T> {
    /// With stand-ins where there were faults.
    pub value: Option<T>,
    pub faults: Vec<Diagnostic>,
    doubtful: Vec<Span>,
}

impl<T> Draft<T> {
    /// Whether a later fault may be no more than the echo of one that was found here.
    pub fn doubts(&self, fault: &Diagnostic) -> bool {
        let Some(place) = &fault.place else { return false };
        let at = place.span.start;
        self.doubtful.iter().any(|zone| zone.start <= at && at < zone.end.max(zone.start + 1))
    }
}

fn guided<T: DeserializeOwned + JsonSchema>(node: &Node, source: &Arc<Source>, veil: bool) -> Draft<T> {
    let Draft { value, mut faults, doubtful } = walked::<T>(node, source, veil);
    let read = serde_json::from_value(value.unwrap_or_default());
    if let (Err(error), true) = (&read, faults.is_empty()) {
        // what the schema lets through and serde does not is a mistake in the type, not in the tree
        let message = format!("this cannot be read: {error}");
        faults.push(Diagnostic::error("not-readable", message).at(source.place(start_of(node))));
    }
    Draft { value: read.ok(), faults, doubtful }
}

/// The JSON form of what `T` is read from.
fn walked<T: JsonSchema>(node: &Node, source: &Arc<Source>, veil: bool) -> Draft<Json> {
    let schema = schemars::schema_for!(T).to_value();
    let mut walk = Walk { root: &schema, source, veil, faults: Vec::new(), doubtful: Vec::new() };
    let json = walk.value(node, &schema, start_of(node)).unwrap_or_else(|misfit| misfit.stand_in);
    Draft { value: Some(json), faults: walk.faults, doubtful: walk.doubtful }
}

/// The JSON form of what `T` is read from, where there is no fault in it.
#[cfg(test)]
pub(super) fn written<T: JsonSchema>(node: &Node, source: &Arc<Source>) -> Option<Json> {
    let draft = walked::<T>(node, source, false);
    draft.value.filter(|_| draft.faults.is_empty())
}

/// One walk over a tree along a schema.
struct Walk<'a> {
    root: &'a Json,
    source: &'a Arc<Source>,
    veil: bool,
    faults: Vec<Diagnostic>,
    /// Where later faults may be echoes of these.
    doubtful: Vec<Span>,
}

/// What does not fit, and was told.
struct Misfit {
    /// What takes its place, so that the rest can be looked at.
    stand_in: Json,
    /// A word was guessed at random; what stands beside it may not fit that word.
    guessed: bool,
}

/// The JSON form of a node.
type Fit = Result<Json, Misfit>;

/// What is being read of one mapping.
#[derive(Default)]
struct Draw {
    map: Map<String, Json>,
    /// Something in it did not fit.
    faulty: bool,
    guessed: bool,
}

impl<'a> Walk<'a> {
    /// `owner` is the place of the key that holds the node.
    fn value(&mut self, node: &Node, schema: &'a Json, owner: Span) -> Fit {
        let alternatives = self.alternatives(schema);
        if alternatives.iter().any(|one| is_anything(one)) {
            return Ok(free(node));
        }
        let nothing = node.is_null() && !words(&alternatives).contains(&node.scalar().unwrap_or_default());
        if nothing && alternatives.iter().any(|one| takes(one, "null")) {
            return Ok(Json::Null);
        }
        let fit = match &node.data {
            Data::Scalar { text, bare } => self.scalar(text, *bare && !nothing, node, &alternatives),
            Data::List(items) => self.list(items, &alternatives),
            Data::Map(entries) => self.mapping(entries, &alternatives, owner).map(Ok),
        };
        fit.unwrap_or_else(|| {
            self.wrong_type(node, &alternatives);
            Err(self.guess(&alternatives))
        })
    }

    /// Every schema that a node may meet, references followed and `anyOf` and `oneOf` laid flat.
    fn alternatives(&self, schema: &'a Json) -> Vec<&'a Json> {
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

    fn guess(&self, alternatives: &[&'a Json]) -> Misfit {
        Misfit { stand_in: self.plainest(alternatives, 0), guessed: !words(alternatives).is_empty() }
    }

    /// The plainest thing that fits.
    fn plainest(&self, alternatives: &[&'a Json], depth: usize) -> Json {
        let Some(schema) = alternatives.first().filter(|_| depth < MAX_HOPS) else { return Json::Null };
        if let Some(word) = words(alternatives).first() {
            return Json::from(*word);
        }
        if takes(schema, "object") {
            let members = required(schema).filter_map(|name| {
                let member = self.alternatives(property(schema, name)?);
                Some((name.to_owned(), self.plainest(&member, depth + 1)))
            });
            return Json::Object(members.collect());
        }
        match schema {
            _ if takes(schema, "array") => Json::Array(Vec::new()),
            _ if takes(schema, "boolean") => Json::Bool(false),
            _ if takes(schema, "integer") => whole(bounds(schema).0.max(1)),
            _ if takes(schema, "number") => Json::from(1),
            _ if takes(schema, "string") => Json::from("?"),
            _ => Json::Null,
        }
    }

    /// A scalar as the first of: a known word, a flag, a number, a text. None when it can be none of them.
    fn scalar(&mut self, text: &str, bare: bool, node: &Node, alternatives: &[&'a Json]) -> Option<Fit> {
        let words = words(alternatives);
        if words.contains(&text) {
            return Some(Ok(Json::from(text)));
        }
        let flag = flag_word(text).filter(|_| bare && alternatives.iter().any(|one| takes(one, "boolean")));
        if let Some(flag) = flag {
            return Some(Ok(Json::Bool(flag)));
        }
        let numeric = alternatives.iter().find(|one| takes(one, "integer") || takes(one, "number"));
        if let Some(schema) = numeric.filter(|_| bare && is_number_word(text)) {
            return Some(self.number(text, schema, node.span));
        }
        if !node.is_null() && alternatives.iter().any(|one| is_text(one)) {
            return Some(Ok(Json::from(text)));
        }
        let unknown_word = !node.is_null() && !words.is_empty() && numeric.is_none();
        unknown_word.then(|| Err(self.unknown_word(text, node.span, alternatives)))
    }

    fn unknown_word(&mut self, text: &str, span: Span, alternatives: &[&'a Json]) -> Misfit {
        let words = words(alternatives);
        let near = nearest(text, words.iter().copied());
        let message = match near.is_none() && self.veil {
            // not a slip of a known word, so perhaps a credential
            true => {
                self.source.veil(span);
                "this word does not fit here".into()
            }
            false => format!("`{text}` is not a word that fits here"),
        };
        let mut fault = Diagnostic::error("unknown-word", message).at(self.source.place(span));
        fault.hint = did_you_mean(text, words.iter().copied());
        self.faults.push(fault);
        match near {
            Some(near) => Misfit { stand_in: Json::from(near), guessed: false },
            None => self.guess(alternatives),
        }
    }

    fn number(&mut self, text: &str, schema: &Json, span: Span) -> Fit {
        let (least, most) = bounds(schema);
        if takes(schema, "number") {
            return Ok(exact(text));
        }
        match text.parse::<i128>() {
            Ok(number) if (least..=most).contains(&number) => Ok(whole(number)),
            _ => {
                let message = format!("a whole number from {least} to {most} is wanted here");
                self.faults.push(Diagnostic::error("wrong-number", message).at(self.source.place(span)));
                Err(Misfit { stand_in: whole(least.max(1)), guessed: false })
            }
        }
    }

    fn list(&mut self, items: &[Node], alternatives: &[&'a Json]) -> Option<Fit> {
        let schema = alternatives.iter().find(|one| takes(one, "array"))?;
        let Some(item) = schema.get("items") else {
            return Some(Ok(items.iter().map(free).collect()));
        };
        let (mut list, mut faulty, mut guessed) = (Vec::with_capacity(items.len()), false, false);
        for node in items {
            list.push(self.value(node, item, start_of(node)).unwrap_or_else(|misfit| {
                faulty = true;
                guessed |= misfit.guessed;
                misfit.stand_in
            }));
        }
        let list = Json::Array(list);
        Some(if faulty { Err(Misfit { stand_in: list, guessed }) } else { Ok(list) })
    }

    fn mapping(&mut self, entries: &[Entry], alternatives: &[&'a Json], owner: Span) -> Option<Json> {
        let objects: Vec<&Json> = alternatives.iter().copied().filter(|one| takes(one, "object")).collect();
        let matches = |schema: &&&Json| {
            let known = entries.iter().filter(|entry| accepts_key(schema, &entry.key)).count();
            (agrees(schema, entries), known)
        };
        // the last of equals would win; the first is the one that stands first in the type
        let best = objects.iter().rev().max_by_key(matches).copied()?;
        let known: BTreeSet<&str> = objects.iter().flat_map(|schema| property_names(schema)).collect();
        let mut draw = Draw::default();
        for entry in entries {
            match member(best, &entry.key) {
                Member::Known(schema) => self.known_key(entry, schema, &mut draw),
                Member::Free => {
                    draw.map.insert(entry.key.to_string(), free(&entry.value));
                }
                Member::Unknown => {
                    let unused = known.iter().copied().filter(|name| !entries.iter().any(|e| e.key == *name));
                    self.unknown_key(entry, best, &unused.collect::<Vec<_>>(), &mut draw);
                }
            }
        }
        self.missing_keys(best, owner, &mut draw);
        self.doubt(&draw, entries, owner);
        Some(Json::Object(draw.map))
    }

    fn known_key(&mut self, entry: &Entry, schema: &'a Json, draw: &mut Draw) {
        let value = self.value(&entry.value, schema, entry.key_span).unwrap_or_else(|misfit| {
            draw.faulty = true;
            draw.guessed |= misfit.guessed;
            self.doubtful.extend(flat_places(entry));
            misfit.stand_in
        });
        draw.map.insert(entry.key.to_string(), value);
    }

    /// Tells an unknown key. What stands there is taken for the key that was probably meant.
    fn unknown_key(&mut self, entry: &Entry, schema: &'a Json, unused: &[&str], draw: &mut Draw) {
        self.hide(&entry.value);
        draw.faulty = true;
        self.doubtful.extend(flat_places(entry));
        let message = format!("the key `{}` is not known here", entry.key);
        let mut fault = Diagnostic::error("unknown-key", message).at(self.source.place(entry.key_span));
        fault.hint = did_you_mean(&entry.key, unused.iter().copied());
        self.faults.push(fault);
        let meant = nearest(&entry.key, unused.iter().copied());
        if let Some((name, schema)) = meant.and_then(|name| Some((name, property(schema, name)?))) {
            let told = self.faults.len();
            let value = self.value(&entry.value, schema, entry.key_span);
            self.faults.truncate(told);
            draw.map.insert(name.to_owned(), value.unwrap_or_else(|misfit| misfit.stand_in));
        }
    }

    fn missing_keys(&mut self, schema: &'a Json, owner: Span, draw: &mut Draw) {
        for name in required(schema) {
            let Some(member) = property(schema, name).filter(|_| !draw.map.contains_key(name)) else {
                continue;
            };
            let mut fault = Diagnostic::error("missing-key", format!("the key `{name}` is missing here"))
                .at(self.source.place(owner));
            let is = member.get("description").and_then(Json::as_str);
            fault.hint = is.map(|is| format!("`{name}`: {}", is.replace('\n', " ").trim_end_matches('.')));
            self.faults.push(fault);
            let misfit = self.guess(&self.alternatives(member));
            draw.faulty = true;
            draw.guessed |= misfit.guessed;
            draw.map.insert(name.to_owned(), misfit.stand_in);
        }
    }

    /// Notes where later faults may only be echoes: at the owner of a faulty mapping, and, where a word was
    /// guessed, at whatever stands beside that word.
    fn doubt(&mut self, draw: &Draw, entries: &[Entry], owner: Span) {
        if draw.faulty {
            self.doubtful.push(owner);
        }
        if draw.guessed {
            self.doubtful.extend(entries.iter().flat_map(flat_places));
        }
    }

    fn wrong_type(&mut self, node: &Node, alternatives: &[&Json]) {
        self.hide(node);
        let wanted = either(&nouns(alternatives));
        let message = format!("this is {}, but {wanted} is wanted here", node.noun());
        let mut fault = Diagnostic::error("wrong-type", message).at(self.source.place(start_of(node)));
        let words = words(alternatives);
        fault.hint = (!words.is_empty()).then(|| format!("known here: {}", words.join(", ")));
        self.faults.push(fault);
    }

    /// What does not belong where it stands may be a credential.
    fn hide(&self, node: &Node) {
        if self.veil {
            self.source.veil(node.span);
        }
    }
}

/// A scalar is shown whole, anything else where it starts.
fn start_of(node: &Node) -> Span {
    match node.scalar() {
        Some(_) => node.span,
        None => Span { start: node.span.start, end: node.span.start },
    }
}

/// The places of an entry that are not inside a mapping of its own.
fn flat_places(entry: &Entry) -> Vec<Span> {
    let mut places = vec![entry.key_span];
    match &entry.value.data {
        Data::Scalar { .. } => places.push(entry.value.span),
        Data::List(items) => {
            places.extend(items.iter().filter(|item| item.scalar().is_some()).map(|item| item.span));
        }
        Data::Map(_) => {}
    }
    places
}

fn either(nouns: &[&str]) -> String {
    match nouns {
        [] => "nothing".into(),
        [one] => (*one).into(),
        [several @ .., last] => format!("{} or {last}", several.join(", ")),
    }
}

fn whole(number: i128) -> Json {
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => Json::from(number),
        (_, Ok(number)) => Json::from(number),
        _ => Json::from(number.to_string()),
    }
}

/// A tree of any form: bare flags and numbers as such, everything else text.
pub(super) fn free(node: &Node) -> Json {
    match &node.data {
        _ if node.is_null() => Json::Null,
        Data::Scalar { text, bare: true } => match flag_word(text) {
            Some(flag) => Json::Bool(flag),
            None if is_number_word(text) => exact(text),
            None => Json::from(&**text),
        },
        Data::Scalar { text, .. } => Json::from(&**text),
        Data::List(items) => items.iter().map(free).collect(),
        Data::Map(entries) => {
            Json::Object(entries.iter().map(|entry| (entry.key.to_string(), free(&entry.value))).collect())
        }
    }
}

/// A number, or its text where a JSON number would lose a digit.
fn exact(text: &str) -> Json {
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
    use crate::diagnostic::Place;

    /// Settings of a kind that has everything.
    #[derive(Deserialize, JsonSchema, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        /// The name.
        name: String,
        #[serde(default)]
        size: Option<u16>,
        #[serde(default)]
        share: f64,
        #[serde(default)]
        on: bool,
        #[serde(default)]
        clear: Option<Word>,
        #[serde(default)]
        secret: Option<Slot>,
        #[serde(default)]
        several: OneOrMany,
        #[serde(default)]
        named: BTreeMap<String, Part>,
        #[serde(default)]
        shape: Option<Shape>,
        #[serde(default)]
        free: serde_json::Value,
    }

    #[derive(Deserialize, JsonSchema, Debug, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        /// Null.
        Null,
        /// Empty.
        Empty,
    }

    #[derive(Deserialize, JsonSchema, Debug, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Slot {
        FromEnv(String),
        FromCommand(Vec<String>),
    }

    #[derive(Deserialize, JsonSchema, Debug, PartialEq)]
    #[serde(untagged)]
    enum OneOrMany {
        Many(Vec<Word>),
        One(Word),
    }

    impl Default for OneOrMany {
        fn default() -> Self {
            Self::Many(Vec::new())
        }
    }

    #[derive(Deserialize, JsonSchema, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Part {
        count: i64,
    }

    #[derive(Deserialize, JsonSchema, Debug, PartialEq)]
    #[serde(tag = "form", rename_all = "snake_case", deny_unknown_fields)]
    enum Shape {
        Round { radius: u8 },
        Square { side: u8 },
    }

    fn read(text: &str) -> (Option<Settings>, Vec<String>, String) {
        let source = Source::new("t.yaml", text);
        let mut faults = Vec::new();
        let nodes = crate::yaml::read(&source, &mut faults);
        let read = nodes.first().and_then(|node| typed(node, &source, &mut faults));
        let shown = faults.iter().map(|fault| {
            let (line, column) = fault.place.as_ref().map(Place::line_column).unwrap_or_default();
            let hint = fault.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{line}:{column} {}: {}{hint}", fault.code, fault.message)
        });
        let shown = shown.collect();
        let veiled = source.veils().iter().map(|veil| &source.text[veil.clone()]).collect();
        (read, shown, veiled)
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
        let wanted = Settings {
            name: "012".into(),
            size: Some(7),
            share: 1.0,
            on: true,
            clear: Some(Word::Null),
            secret: Some(Slot::FromEnv("7".into())),
            several: OneOrMany::One(Word::Empty),
            named: BTreeMap::from([("1".into(), Part { count: -3 })]),
            shape: Some(Shape::Square { side: 2 }),
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
            "1:7 wrong-number: a whole number from 0 to 65535 is wanted here",
            "2:8 wrong-type: this is a single value, but a number is wanted here",
            "3:5 wrong-type: this is a single value, but true or false is wanted here",
            "4:8 unknown-word: `emty` is not a word that fits here (did you mean `empty`?)",
            "5:11 unknown-key: the key `from_evn` is not known here (did you mean `from_env`?)",
            "5:24 unknown-key: the key `from_comand` is not known here (did you mean `from_command`?)",
            "6:18 unknown-word: `full` is not a word that fits here (did you mean `null`?)",
            "6:24 wrong-type: this is a list, but a word is wanted here (known here: null, empty)",
            "8:3 missing-key: the key `count` is missing here",
            "9:15 wrong-number: a whole number from -9223372036854775808 to 9223372036854775807 is wanted here",
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
    fn what_does_not_belong_is_veiled() {
        let (_, faults, veiled) =
            read("{name: x, secret: hunter2, pasword: hunter3, named: {a: hunter4}, clear: hunter5}");
        assert_eq!(faults.len(), 4);
        assert!(faults.iter().all(|fault| !fault.contains("hunter")), "{faults:?}");
        for secret in ["hunter2", "hunter3", "hunter4", "hunter5"] {
            assert!(veiled.contains(secret), "{secret} can be seen");
        }
    }

    #[test]
    fn nothing_is_not_a_text() {
        assert_eq!(faults("name:"), ["1:5 wrong-type: this is nothing, but a text is wanted here"]);
        assert_eq!(faults("name: ''"), Vec::<String>::new());
        assert_eq!(faults("{name: a, size: ~, clear: }"), Vec::<String>::new());
    }

    #[test]
    fn numbers_that_json_would_round_stay_texts() {
        for (text, kept) in [("1.50", "1.5"), ("1e3", "1000.0"), ("-7", "-7"), ("0.1", "0.1")] {
            assert_eq!(exact(text).to_string(), kept);
        }
        for text in ["12345678901234567890123", "0.12345678901234567890", "1e999", "+7e400"] {
            assert_eq!(exact(text), Json::from(text));
        }
    }
}
