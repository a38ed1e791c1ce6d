//! A source to its documents: what stands around `spec`, and the kind that guides the rest.
//!
//! Every fault is found, each at its place. A document whose kind and name can be read is returned even when
//! other parts of it are faulty, so that checks across documents see it; callers stop at any error.
//! Deliberately absent: targets, which are the workspace's to know, and files.

use std::ops::Range;
use std::sync::Arc;

use super::spec::read_leaf;
use super::{Document, State, Wanted, Wish};
use crate::diagnostic::{Diagnostic, Place, Source, Span, did_you_mean};
use crate::kind::registry::Registry;
use crate::kind::{Kind, Type};
use crate::value::{Mark, Value};
use crate::yaml::{self, Data, Entry, Node, flag_word};

/// The most bytes of one file.
pub const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// What to do about a missing spec.
const SPEC: &str = "write what the object is to be under `spec:`";
/// The most documents of one file.
const MAX_DOCUMENTS: usize = 100_000;
/// The most characters of a name.
const MAX_NAME: usize = 200;
/// The keys of a document.
pub(super) const KEYS: [&str; 8] = ["kind", "name", "target", "state", "id", "protect", "scope", "spec"];

/// One source while it is read: where faults go and what is veiled.
pub struct Reading<'r> {
    pub source: &'r Arc<Source>,
    pub faults: &'r mut Vec<Diagnostic>,
    /// What was veiled last: on a long line most of the next ones lie in it.
    veiled: Range<usize>,
}

/// What a stretch of a source holds.
pub struct Stretch {
    documents: Vec<Document>,
    faults: Vec<Diagnostic>,
    /// Documents that are not empty.
    written: usize,
    /// Whether it reads as YAML; where one does not, the source is read as a whole.
    sound: bool,
}

/// Reads every document of a source.
pub fn read(source: &Arc<Source>, kinds: &Registry, faults: &mut Vec<Diagnostic>) -> Vec<Document> {
    let whole = read_stretch(source, 0..source.text.len(), kinds);
    join(source, vec![whole], kinds, faults)
}

/// Cuts a source into stretches of about `size` bytes, for [`read_stretch`].
pub fn stretches(source: &Source, size: usize) -> Vec<Range<usize>> {
    match source.text.len() as u64 > MAX_BYTES {
        true => Vec::new(),
        false => yaml::stretches(source, size),
    }
}

/// Reads the documents of a stretch; each is taken from its tree at once, so that no two trees stand.
pub fn read_stretch(source: &Arc<Source>, stretch: Range<usize>, kinds: &Registry) -> Stretch {
    let (mut faults, mut documents, mut written) = (Vec::new(), Vec::new(), 0);
    let mut reading = Reading::new(source, &mut faults);
    let sound = source.text.len() as u64 <= MAX_BYTES
        && yaml::read_stretch(source, stretch, &mut |node| {
            if !node.is_null() && written <= MAX_DOCUMENTS {
                written += 1;
                documents.extend(reading.document(&node, kinds));
            }
        });
    Stretch { documents, faults, written, sound }
}

/// Puts the stretches of a source together, in their order; the result is that of reading it as a whole.
pub fn join(
    source: &Arc<Source>,
    stretches: Vec<Stretch>,
    kinds: &Registry,
    faults: &mut Vec<Diagnostic>,
) -> Vec<Document> {
    let written: usize = stretches.iter().map(|stretch| stretch.written).sum();
    let sound = stretches.iter().all(|stretch| stretch.sound);
    if !sound || written == 0 || written > MAX_DOCUMENTS {
        return read_whole(source, kinds, faults);
    }
    let mut documents = Vec::with_capacity(stretches.iter().map(|stretch| stretch.documents.len()).sum());
    for mut stretch in stretches {
        faults.append(&mut stretch.faults);
        documents.append(&mut stretch.documents);
    }
    documents
}

fn read_whole(source: &Arc<Source>, kinds: &Registry, faults: &mut Vec<Diagnostic>) -> Vec<Document> {
    if source.text.len() as u64 > MAX_BYTES {
        faults.push(too_large(source.place(Span::default())));
        return Vec::new();
    }
    let before = faults.len();
    let nodes = yaml::read_whole(source, faults);
    if faults.len() == before && nodes.iter().all(Node::is_null) {
        let fault = Diagnostic::note("empty-file", "this file holds no document");
        faults.push(fault.hint("write one, or remove the file").at(source.place(Span::default())));
    }
    let mut reading = Reading::new(source, faults);
    let written = || nodes.iter().filter(|node| !node.is_null());
    if let Some(next) = written().nth(MAX_DOCUMENTS) {
        let fault = Diagnostic::error("too-many-documents", format!("more than {MAX_DOCUMENTS} documents"));
        reading.put(start(next), fault.hint("split the file"));
    }
    written().take(MAX_DOCUMENTS).filter_map(|node| reading.document(node, kinds)).collect()
}

/// Reads one node of a source as a document.
pub fn read_node(
    node: &Node,
    source: &Arc<Source>,
    kinds: &Registry,
    faults: &mut Vec<Diagnostic>,
) -> Option<Document> {
    Reading::new(source, faults).document(node, kinds)
}

/// The fault of a file beyond [`MAX_BYTES`].
pub fn too_large(place: Place) -> Diagnostic {
    let message = format!("this file is larger than {} MiB", MAX_BYTES / 1024 / 1024);
    Diagnostic::error("file-too-large", message).at(place).hint("split the file")
}

impl<'r> Reading<'r> {
    /// Reads `source`, telling faults to `faults`.
    pub fn new(source: &'r Arc<Source>, faults: &'r mut Vec<Diagnostic>) -> Self {
        Self { source, faults, veiled: 0..0 }
    }
}

impl Reading<'_> {
    fn document(&mut self, node: &Node, kinds: &Registry) -> Option<Document> {
        if !matches!(node.data, Data::Map(_)) {
            self.veil_span(node.span);
            let message = format!("a document is a mapping, this is {}", node.noun());
            let hint = "start with `kind:`, `name:` and `spec:`";
            self.put(start(node), Diagnostic::error("wrong-type", message).hint(hint));
            return None;
        }
        self.unknown_keys(node);
        let kind = self.kind(node, kinds);
        let (name, target) = (self.name(node), self.target(node));
        let (state, protect) = (self.state(node), self.protect(node));
        let Some(kind) = kind else {
            self.hide(node, state);
            return None;
        };
        let (scope, (id, spec)) = (self.scope(node, &kind), self.what(node, &kind, state));
        let (name, name_span) = name?;
        let (id, id_span) = id.unzip();
        let (target, target_span) = target.unzip();
        Some(Document {
            kind,
            name,
            target,
            state,
            id,
            protect,
            scope,
            spec,
            source: Arc::clone(self.source),
            name_span,
            id_span: id_span.unwrap_or(name_span),
            target_span: target_span.unwrap_or(name_span),
        })
    }

    /// Without a kind nobody knows what of a document is secret.
    fn hide(&mut self, node: &Node, state: State) {
        let guided = |entry: &&Entry| ["spec", "scope", "id"].contains(&&*entry.key);
        node.entries().iter().filter(guided).for_each(|entry| self.veil(entry));
        if node.get("spec").is_none() && state == State::Present {
            self.missing(node, "spec", SPEC);
        }
    }

    /// Which object, and what it is to be.
    fn what(&mut self, node: &Node, kind: &Kind, state: State) -> (Option<(Value, Span)>, Wanted) {
        let id = self.id(node, kind);
        let spec = self.spec(node, kind, state, id.is_some());
        let id = self.one_id(id, &spec, kind);
        if id.is_none() && node.get("id").is_none() {
            self.natural_key(node, kind);
            self.plain_key(&spec, kind);
            self.faults.extend(blank_key(&spec, kind).map(|(span, fault)| fault.at(self.source.place(span))));
        }
        (id, spec)
    }

    fn unknown_keys(&mut self, node: &Node) {
        for entry in node.entries() {
            if !KEYS.contains(&&*entry.key) {
                self.veil(entry);
                self.unknown("unknown-key", entry, "a document has no key", &KEYS);
            }
        }
    }

    fn kind(&mut self, node: &Node, kinds: &Registry) -> Option<Arc<Kind>> {
        let value = self.required(node, "kind", "name the sort of object, like `kind: api/kind`")?;
        let name = self.text(value, "kind")?;
        if let Some(kind) = kinds.kind(name) {
            return Some(kind);
        }
        let known = kinds.kinds().iter().map(String::as_str);
        let fault = if known.clone().any(|known| known == name) {
            let message = format!("the description of the kind `{name}` has faults");
            Diagnostic::error("unknown-kind", message).hint("mend the description first")
        } else {
            let mut fault = Diagnostic::error("unknown-kind", format!("there is no kind `{}`", shown(name)));
            fault.hint = did_you_mean(name, known);
            fault
        };
        self.put(value.span, fault);
        None
    }

    fn name(&mut self, node: &Node) -> Option<(Arc<str>, Span)> {
        let value =
            self.required(node, "name", "give the object a name that is unique in this repository")?;
        let name = self.text(value, "name")?;
        let fault = match name {
            _ if name.trim().is_empty() => "the name is empty",
            _ if name.chars().any(char::is_control) => "the name is more than one line of plain text",
            _ if name.chars().count() > MAX_NAME => "the name is too long",
            _ => return Some((name.into(), value.span)),
        };
        let hint = format!("a name is one line of at most {MAX_NAME} characters");
        self.put(value.span, Diagnostic::error("bad-name", fault).hint(hint));
        None
    }

    fn target(&mut self, node: &Node) -> Option<(Arc<str>, Span)> {
        let value = node.get("target")?;
        let name = self.text(value, "target")?;
        Some((name.into(), value.span))
    }

    fn state(&mut self, node: &Node) -> State {
        let Some(value) = node.get("state") else { return State::Present };
        match value.scalar() {
            Some("present") => return State::Present,
            Some("absent") => return State::Absent,
            _ => {}
        }
        let fault = Diagnostic::error("wrong-value", "`state` is neither present nor absent");
        self.put(value.span, fault.hint("write `state: present` or `state: absent`"));
        State::Present
    }

    fn protect(&mut self, node: &Node) -> bool {
        let Some(value) = node.get("protect") else { return false };
        match &value.data {
            Data::Scalar { text, bare: true } if flag_word(text).is_some() => flag_word(text) == Some(true),
            _ => {
                let fault = Diagnostic::error("wrong-value", "`protect` is neither true nor false");
                self.put(value.span, fault.hint("write `protect: true` or leave it out"));
                // in doubt for the object
                true
            }
        }
    }

    fn scope(&mut self, node: &Node, kind: &Kind) -> Vec<(u16, Value)> {
        let Some(value) = node.get("scope") else { return Vec::new() };
        if !matches!(value.data, Data::Map(_)) {
            self.wrong_type(value, "scope", "a mapping");
            return Vec::new();
        }
        let mut scope = Vec::new();
        for entry in value.entries() {
            match (0u16..).zip(&kind.scope).find(|(_, parameter)| *parameter.name == *entry.key) {
                Some((number, parameter)) => {
                    let leaf = read_leaf(self, &entry.value, &parameter.ty, &entry.key);
                    scope.extend(leaf.map(|value| (number, value)));
                }
                None => {
                    self.veil(entry);
                    let known: Vec<&str> = kind.scope.iter().map(|parameter| &*parameter.name).collect();
                    self.unknown("unknown-scope", entry, &format!("`{}` has no scope", kind.name), &known);
                }
            }
        }
        scope.sort_by_key(|(number, _)| *number);
        scope
    }

    fn id(&mut self, node: &Node, kind: &Kind) -> Option<(Value, Span)> {
        let value = node.get("id")?;
        let Type::Leaf(leaf) = &kind.id_field().ty else { return None };
        let id = read_leaf(self, value, leaf, "id")?;
        if id.is_blank() {
            let fault = Diagnostic::error("wrong-value", "`id` is empty");
            self.put(value.span, fault.hint("leave it out: the object is then found by its natural key"));
            return None;
        }
        Some((id, value.span))
    }

    fn spec(&mut self, node: &Node, kind: &Kind, state: State, has_id: bool) -> Wanted {
        let nothing = |span| Wanted { span, wish: Wish::Object(Vec::new()) };
        let Some(value) = node.get("spec") else {
            if state == State::Present || !has_id {
                self.missing(node, "spec", SPEC);
            }
            return nothing(start(node));
        };
        if !matches!(value.data, Data::Map(_)) {
            self.wrong_type(value, "spec", "a mapping");
            return nothing(value.span);
        }
        Wanted { span: value.span, wish: self.object(value, &kind.shape, Mark::Open) }
    }

    /// The id that the document names, at the top or in its spec; both are one.
    fn one_id(&mut self, id: Option<(Value, Span)>, spec: &Wanted, kind: &Kind) -> Option<(Value, Span)> {
        let Some(inner) = spec.field(kind.identity.id) else { return id };
        let Wish::Leaf(value) = &inner.wish else { return id };
        let Some((outer, span)) = id else { return Some((value.clone(), inner.span)) };
        if outer != *value {
            let name = &kind.id_field().name;
            let fault =
                Diagnostic::error("two-ids", format!("`id` and `spec.{name}` name different objects"))
                    .hint("keep one of the two")
                    .also(self.source.place(inner.span), "the other one");
            self.put(span, fault);
        }
        Some((outer, span))
    }

    /// Without an id, the object is found by its natural key, which the document must then name.
    fn natural_key(&mut self, node: &Node, kind: &Kind) {
        let Some(spec) = node.get("spec") else { return };
        let unnamed = |path: &[u16]| {
            let copied = path.first().is_some_and(|number| kind.shape.field(*number).copy_of.is_some());
            !copied && !names(spec, kind, path)
        };
        let missing: Vec<String> = kind
            .identity
            .natural_key
            .iter()
            .zip(kind.natural_key_names())
            .filter(|(path, _)| unnamed(path))
            .map(|(_, name)| format!("`{name}`"))
            .collect();
        if !missing.is_empty() {
            let message =
                format!("nothing says which object this is: neither `id` nor {}", missing.join(", "));
            let hint = "name its natural key in `spec`, or its `id`";
            self.put(start(node), Diagnostic::error("no-identity", message).hint(hint));
        }
    }

    /// What finds the object must be known before anything is read, so a name of something else won't do.
    fn plain_key(&mut self, spec: &Wanted, kind: &Kind) {
        for path in &kind.identity.natural_key {
            if let Some(Wanted { wish: Wish::Reference(_), span }) = spec.at(path) {
                let fault = Diagnostic::error("reference-in-key", "this is a part of what finds the object");
                self.put(*span, fault.hint("write the id itself here, or name the object's own `id`"));
            }
        }
    }

    fn required<'n, 't>(&mut self, node: &'n Node<'t>, key: &str, hint: &str) -> Option<&'n Node<'t>> {
        let value = node.get(key).filter(|value| !value.is_null());
        if value.is_none() {
            self.missing(node, key, hint);
        }
        value
    }

    fn missing(&mut self, node: &Node, key: &str, hint: &str) {
        let fault = Diagnostic::error("missing-key", format!("this document has no `{key}`"));
        self.put(start(node), fault.hint(hint));
    }

    fn text<'n>(&mut self, value: &'n Node, key: &str) -> Option<&'n str> {
        match value.scalar() {
            Some(text) if !value.is_null() => Some(text),
            _ => {
                self.wrong_type(value, key, "text");
                None
            }
        }
    }

    /// A value of another sort than its field. Nobody knows what it was meant to be, so nobody may see it.
    pub(super) fn wrong_type(&mut self, value: &Node, name: &str, wanted: &str) {
        self.veil_span(value.span);
        let message = format!("`{name}` takes {wanted}, this is {}", value.noun());
        let hint = match (wanted, &value.data) {
            ("a list", _) if value.is_null() => "write `[]` for an empty list".into(),
            ("a list", _) => "write each item on a line of its own after `- `".into(),
            ("a mapping", _) if value.is_null() => "write `{}` for an empty one".into(),
            ("a mapping", _) => "write `key: value` lines, indented below it".into(),
            _ => format!("write {wanted} after the colon"),
        };
        self.put(value.span, Diagnostic::error("wrong-type", message).hint(hint));
    }

    /// A key that is not known here, with what was probably meant. One that is no word is a value that slipped
    /// into the place of a key, so it is not repeated.
    pub(super) fn unknown(&mut self, code: &'static str, entry: &Entry, what: &str, known: &[&str]) {
        let is_word = entry.key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        let mut fault = if is_word {
            Diagnostic::error(code, format!("{what} `{}`", shown(&entry.key)))
        } else {
            self.veil_span(entry.key_span);
            Diagnostic::error(code, format!("{what} of this name"))
        };
        fault.hint = did_you_mean(&entry.key, known.iter().copied());
        self.put(entry.key_span, fault);
    }

    /// Adds a fault at a range of this source.
    pub fn put(&mut self, span: Span, fault: Diagnostic) {
        self.faults.push(fault.at(self.source.place(span)));
    }

    /// Hides the value of an entry, and whatever else stands on its lines after the key: an anchor, a tag and
    /// a comment can be the secret as well.
    pub fn veil(&mut self, entry: &Entry) {
        self.veil_from(entry.key_span.end as usize..entry.key_span.end as usize);
        self.veil_span(entry.value.span);
    }

    /// Hides a range up to the end of its last line.
    pub fn veil_span(&mut self, span: Span) {
        self.veil_from(span.start as usize..span.end as usize);
    }

    /// Hides a comment that follows on the last line of a node.
    pub(super) fn veil_comment(&mut self, node: &Node) {
        let end = node.span.end as usize;
        let rest = self.source.text.get(end..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        if let Some(at) = rest.find('#').filter(|at| rest[..*at].trim().is_empty()) {
            self.veil_from(end + at..end + at);
        }
    }

    fn veil_from(&mut self, range: Range<usize>) {
        if self.veiled.start <= range.start && range.end <= self.veiled.end {
            return;
        }
        let text = &self.source.text;
        let end =
            text.get(range.end..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| range.end + at);
        let from = text.get(range.start..end).unwrap_or("");
        // the colon and the blanks after the key stay, so that the line still reads as YAML
        let start = end - from.trim_start_matches([':', ' ', '\t']).len();
        if start < end {
            self.source.veil(Span { start: start as u32, end: end as u32 });
            self.veiled = start..end;
        }
    }
}

/// A natural key of which a part is blank finds nothing, or everything that has none.
pub(super) fn blank_key(spec: &Wanted, kind: &Kind) -> Option<(Span, Diagnostic)> {
    let parts = kind.identity.natural_key.iter().filter_map(|path| spec.at(path));
    let is_blank = |wish: &Wish| match wish {
        Wish::Leaf(Value::Text(text)) => text.trim().is_empty(),
        Wish::Leaf(value) => value.is_blank(),
        _ => false,
    };
    let blank = parts.into_iter().find(|part| is_blank(&part.wish))?;
    let fault = Diagnostic::error("no-identity", "this finds the object, and it is empty");
    Some((blank.span, fault.hint("write the natural key of the object, or name its `id`")))
}

/// Where a document or item starts: its first key, so that not all of it is underlined.
pub(super) fn start(node: &Node) -> Span {
    match node.entries().first() {
        // a key that was merged in stands elsewhere
        Some(first) if first.key_span.start >= node.span.start && first.key_span.end <= node.span.end => {
            first.key_span
        }
        _ => Span { start: node.span.start, end: node.span.start },
    }
}

/// A word of the user's, fit for a message.
pub(super) fn shown(word: &str) -> String {
    let short: String = word.chars().take(80).collect();
    short.escape_debug().to_string()
}

/// Whether the spec names the field at a path, however wrongly: that fault is told already.
fn names(spec: &Node, kind: &Kind, path: &[u16]) -> bool {
    let mut shape = &kind.shape;
    let mut node = spec;
    for number in path {
        let field = shape.field(*number);
        let Some(value) = node.get(&field.name) else { return false };
        if let Type::Object(inner) = &field.ty {
            shape = inner;
        }
        node = value;
    }
    !node.is_null()
}
