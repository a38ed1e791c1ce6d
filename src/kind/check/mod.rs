//! From what was typed ([`KindFile`], [`ApiFile`]) to what is meant ([`Kind`], [`Api`]).
//!
//! The only door: names become field numbers here, words that contradict each other or do not fit a type are
//! refused, and every fault is found, each at its line. What comes out cannot be in an illegal state.
//! Deliberately absent: reading of files and of YAML structure; `read` has done that before.

mod api;
mod fields;
mod fit;
mod operations;
mod references;
mod samples;
mod types;
mod words;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::file::{ApiFile, FieldFile, Fields, HistoryFile, IdentityFile, KindFile, TypeWord, WaitingFile};
use super::{Api, History, Identity, Kind, Maker, NamesWord, Scope, Shape, Type, Waiting};
use crate::diagnostic::{Diagnostic, Source, Span, any_error, did_you_mean};
use crate::yaml::{Data, Node};

/// The version of the format that this program reads.
const FORMAT: u32 = 1;

/// A description as it was read: its tree and where that came from.
pub struct Page<'p> {
    /// None where it was read when the program was made, and judged to the last sample.
    pub node: Option<&'p Node<'p>>,
    pub source: &'p Arc<Source>,
    /// Every kind that can be referred to, as `api/kind`.
    pub kinds: &'p [String],
}

/// The plainest API of a name: by it a kind is judged when its own API is broken.
pub(super) fn stand_in(name: &str) -> Api {
    Api {
        name: name.into(),
        title: String::new(),
        is: String::new(),
        source: None,
        base_url: None,
        hosts: Vec::new(),
        formats: vec![super::FormatWord::Json],
        names: NamesWord::default(),
        guids: super::GuidForm::default(),
        auth: Vec::new(),
        auth_headers: Vec::new(),
        oauth: None,
        login: None,
        headers: Vec::new(),
        clears: super::file::ClearsFile::default(),
        errors: super::file::ErrorsFile::default(),
        limits: super::file::LimitsFile::default(),
    }
}

/// Checks what was typed about an API called `name`.
pub fn api(page: &Page, name: &str, file: ApiFile, faults: &mut Vec<Diagnostic>) -> Option<Api> {
    let mut desk = Desk::new(page);
    desk.common(page.root(), file.format, &file.title, &file.is);
    desk.api_words(page.root(), &file);
    desk.close(faults).then(|| api::made(name, file))
}

/// Checks what was typed about a kind of `api`; `name` is the kind's own part of its name.
pub fn kind(
    page: &Page,
    api: &Arc<Api>,
    name: &str,
    file: KindFile,
    faults: &mut Vec<Diagnostic>,
) -> Option<Kind> {
    let mut desk = Desk::new(page);
    let root = page.root();
    desk.common(root, file.format, &file.title, &file.is);
    let scope = desk.scopes(root.key("scope"), &file);
    let scene = Scene { api, scope: &scope, root: &file.fields, kinds: page.kinds };
    let shape = desk.shape(&scene, &file.fields, root.key("fields"));
    let identity = desk.identity(&scene, root.key("identity"), &file.identity);
    let history = desk.history(&scene, root.key("history"), file.history.as_ref());
    let waiting = desk.waiting(&scene, root.key("waiting"), file.waiting.as_ref());
    let operations = desk.operations(&scene, root.key("operations"), &file);
    let (Some(mut fields), Some(identity), Some(operations)) = (shape, identity, operations) else {
        desk.close(faults);
        return None;
    };
    name_the_identity(&mut fields, &identity);
    let shape = Arc::new(Shape::new(fields));
    desk.samples(&scene, &shape, &file, root.key("samples"));
    let kind = Kind {
        api: Arc::clone(api),
        name: format!("{}/{name}", api.name).into(),
        title: file.title,
        is: file.is,
        source: file.source,
        scope,
        identity,
        operations,
        history,
        waiting,
        shape,
        samples: file.samples,
    };
    desk.close(faults).then_some(kind)
}

/// A document may name the fields by which its object is found, even where the service sets them.
fn name_the_identity(fields: &mut [super::Field], identity: &Identity) {
    fields[identity.id as usize].access.names_it = true;
    for path in &identity.natural_key {
        name_path(fields, path);
    }
}

fn name_path(fields: &mut [super::Field], path: &[u16]) {
    let Some((number, rest)) = path.split_first() else { return };
    let field = &mut fields[*number as usize];
    field.access.names_it = true;
    if let Type::Object(shape) = &mut field.ty
        && let Some(shape) = Arc::get_mut(shape)
    {
        name_path(&mut shape.fields, rest);
    }
}

/// What the words of a kind may refer to.
struct Scene<'k> {
    api: &'k Api,
    scope: &'k [Scope],
    root: &'k Fields<FieldFile>,
    kinds: &'k [String],
}

impl Scene<'_> {
    /// The name as this API tells names apart.
    fn folded(&self, name: &str) -> String {
        match self.api.names {
            NamesWord::Exact => name.to_owned(),
            NamesWord::CaseInsensitive | NamesWord::AsRead => name.to_lowercase(),
        }
    }
}

/// A place in a description: a node, or where it would stand.
#[derive(Clone, Copy)]
struct Spot<'n> {
    node: Option<&'n Node<'n>>,
    span: Span,
}

impl<'p> Page<'p> {
    fn root(&self) -> Spot<'p> {
        let start = self.node.map_or(0, |node| node.span.start);
        Spot { node: self.node, span: Span { start, end: start } }
    }
}

impl<'n> Spot<'n> {
    /// The value under a key; a mapping or list is shown at its key, a missing one where it is missing.
    fn key(self, key: &str) -> Self {
        let entry = self.node.and_then(|node| node.entries().iter().find(|entry| entry.key == key));
        let Some(entry) = entry else { return Self { node: None, span: self.span } };
        let span = match entry.value.data {
            Data::Scalar { .. } => entry.value.span,
            _ => entry.key_span,
        };
        Self { node: Some(&entry.value), span }
    }

    /// The item of a list.
    fn item(self, index: usize) -> Self {
        match self.node.and_then(|node| node.items().get(index)) {
            Some(node) if node.scalar().is_some() => Self { node: Some(node), span: node.span },
            Some(node) => {
                let start = node.span.start;
                Self { node: Some(node), span: Span { start, end: start } }
            }
            None => Self { node: None, span: self.span },
        }
    }
}

/// Where the faults of one description are gathered.
struct Desk<'s> {
    source: &'s Arc<Source>,
    /// Whether examples and samples are known to fit: to judge them takes half of the time.
    is_proven: bool,
    faults: Vec<Diagnostic>,
}

impl<'s> Desk<'s> {
    fn new(page: &Page<'s>) -> Self {
        Self { source: page.source, is_proven: page.node.is_none(), faults: Vec::new() }
    }

    /// Hands the faults over; true when none of them is an error.
    fn close(mut self, faults: &mut Vec<Diagnostic>) -> bool {
        let sound = !any_error(&self.faults);
        faults.append(&mut self.faults);
        sound
    }

    fn fault(&mut self, spot: Spot, code: &'static str, message: impl Into<String>) -> &mut Diagnostic {
        self.note(spot, Diagnostic::error(code, message))
    }

    fn note(&mut self, spot: Spot, diagnostic: Diagnostic) -> &mut Diagnostic {
        let at = self.faults.len();
        self.faults.push(diagnostic.at(self.source.place(spot.span)));
        &mut self.faults[at]
    }

    fn fault_hint(&mut self, spot: Spot, code: &'static str, message: impl Into<String>, hint: &str) {
        self.fault(spot, code, message).hint = Some(hint.into());
    }

    fn unknown<'k>(
        &mut self,
        spot: Spot,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'k str> + Clone,
    ) {
        let message = format!("there is no {what} `{name}`");
        self.fault(spot, "unknown-name", message).hint = did_you_mean(name, known);
    }

    fn said(&mut self, spot: Spot, word: &str, text: &str) {
        if text.trim().is_empty() {
            let message = format!("`{word}` says nothing");
            self.fault_hint(
                spot.key(word),
                "empty-text",
                message,
                "write a sentence that helps whoever reads it",
            );
        }
    }

    fn common(&mut self, root: Spot, format: u32, title: &str, is: &str) {
        if format != FORMAT {
            let message = format!("format {format} is not known");
            self.fault_hint(root.key("format"), "unknown-format", message, "this version reads `format: 1`");
        }
        self.said(root, "title", title);
        self.said(root, "is", is);
    }

    fn scopes(&mut self, spot: Spot, file: &KindFile) -> Vec<Scope> {
        let mut scopes = Vec::new();
        for (name, scope) in &file.scope.0 {
            let spot = spot.key(name);
            self.said(spot, "is", &scope.is);
            if !matches!(scope.ty, TypeWord::Text | TypeWord::Whole | TypeWord::Guid) {
                let message = "a scope parameter is a `text`, a `whole` or a `guid`";
                self.fault(spot.key("type"), "word-does-not-fit", message);
                continue;
            }
            if *name == file.identity.id {
                self.fault(spot, "contradiction", "a scope parameter can't have the name of the id");
            }
            let ty = types::plain_leaf(scope.ty);
            if let Some(example) = &scope.example {
                self.leaf_fits(spot.key("example"), &ty, example);
            }
            let (is, example) = (scope.is.clone(), scope.example.clone());
            scopes.push(Scope { name: name.as_str().into(), ty, is, place: scope.travels_in, example });
        }
        scopes
    }

    fn identity(&mut self, scene: &Scene, spot: Spot, file: &IdentityFile) -> Option<Identity> {
        let id = self.root_field(scene, spot.key("id"), &file.id);
        if let Some((_, field)) = id {
            self.id_field(spot.key("id"), field, file.id_made_by);
        }
        let key = ("the natural key", spot.key("natural_key"));
        let natural_key = self.key_paths(scene, key, &file.natural_key);
        let names = ("`named_after`", spot.key("named_after"));
        let named_after = self.key_paths(scene, names, &file.named_after);
        self.openly_named(scene, spot.key("named_after"), &file.named_after);
        let (id, _) = id?;
        Some(Identity { id, made_by: file.id_made_by, natural_key: natural_key?, named_after: named_after? })
    }

    /// Paths of fields that tell things apart; none when there is a fault in one.
    fn key_paths(
        &mut self,
        scene: &Scene,
        (what, spot): (&str, Spot),
        dotted: &[String],
    ) -> Option<Vec<Vec<u16>>> {
        let mut paths = Vec::new();
        for (index, dotted) in dotted.iter().enumerate() {
            paths.extend(self.key_path(scene, spot.item(index), dotted));
        }
        let distinct: BTreeSet<_> = paths.iter().collect();
        if distinct.len() != paths.len() {
            self.fault(spot, "duplicate-name", format!("{what} names a field twice"));
        }
        (paths.len() == dotted.len()).then_some(paths)
    }

    /// Names stand in paths and logs, where nothing marked may stand.
    fn openly_named(&mut self, scene: &Scene, spot: Spot, dotted: &[String]) {
        for (index, dotted) in dotted.iter().enumerate() {
            let mut fields = Some(scene.root);
            for name in dotted.split('.') {
                let field = fields.and_then(|fields| fields.0.iter().find(|(own, _)| own == name));
                let Some((_, field)) = field else { break };
                if field.mark.is_some() {
                    let message = format!("`{name}` is marked, and names are seen by everybody");
                    let hint = "name an open field, or leave the word out";
                    self.fault_hint(spot.item(index), "contradiction", message, hint);
                }
                fields = words::inner(field);
            }
        }
    }

    fn id_field(&mut self, spot: Spot, field: &FieldFile, made_by: Maker) {
        use super::file::Access;
        if !matches!(field.ty, TypeWord::Text | TypeWord::Whole | TypeWord::Guid) {
            self.fault(spot, "word-does-not-fit", "an id is a `text`, a `whole` or a `guid`");
        }
        let computed = field.access.all().contains(&Access::Computed);
        match made_by {
            Maker::Server if !computed => {
                let message = "the service makes this id, so its field is `computed`";
                self.fault_hint(spot, "contradiction", message, "or say `id_made_by: caller`");
            }
            Maker::Caller if computed => {
                let message = "the caller makes this id, so its field can't be `computed`";
                self.fault_hint(spot, "contradiction", message, "write `access: create_only`");
            }
            _ => {}
        }
    }

    /// A path of the natural key: through objects, to a leaf that can be read.
    fn key_path(&mut self, scene: &Scene, spot: Spot, dotted: &str) -> Option<Vec<u16>> {
        let (path, field) = self.dotted(spot, scene.root, dotted)?;
        self.key_leaf(spot, dotted, field)?;
        Some(path)
    }

    /// Whether a field can tell things apart: a leaf that reads back, or a set of them.
    fn key_leaf(&mut self, spot: Spot, name: &str, field: &FieldFile) -> Option<()> {
        let leaves = field.items.as_ref().is_some_and(|item| item.ty.is_some());
        let fits = match field.ty {
            TypeWord::Object | TypeWord::Map | TypeWord::Any => false,
            TypeWord::List => leaves && words::is_set(field),
            _ => true,
        };
        if !fits {
            let message =
                format!("`{name}` can't tell things apart: it is neither a leaf nor a set of leaves");
            self.fault(spot, "word-does-not-fit", message);
            return None;
        }
        if field.access.all().contains(&super::file::Access::WriteOnly) {
            let message = format!("`{name}` can't tell things apart: it never reads back");
            self.fault(spot, "contradiction", message);
            return None;
        }
        Some(())
    }

    /// A path through objects, from the names to the numbers and the field at its end.
    fn dotted<'k>(
        &mut self,
        spot: Spot,
        fields: &'k Fields<FieldFile>,
        dotted: &str,
    ) -> Option<(Vec<u16>, &'k FieldFile)> {
        let (mut fields, mut path, mut found) = (Some(fields), Vec::new(), None);
        for name in dotted.split('.') {
            let Some(inner) = fields else {
                self.fault(spot, "unknown-name", format!("nothing stands below a leaf, so not `{name}`"));
                return None;
            };
            let (number, field) = self.field_named(spot, inner, name)?;
            path.push(number);
            fields = words::inner(field);
            found = Some(field);
        }
        found.map(|field| (path, field))
    }

    fn field_named<'k>(
        &mut self,
        spot: Spot,
        fields: &'k Fields<FieldFile>,
        name: &str,
    ) -> Option<(u16, &'k FieldFile)> {
        let at = fields.0.iter().position(|(own, _)| own == name);
        if at.is_none() {
            self.unknown(spot, "field", name, fields.0.iter().map(|(own, _)| own.as_str()));
        }
        let at = at?;
        Some((u16::try_from(at).ok()?, &fields.0[at].1))
    }

    fn root_field<'k>(&mut self, scene: &Scene<'k>, spot: Spot, name: &str) -> Option<(u16, &'k FieldFile)> {
        self.field_named(spot, scene.root, name)
    }

    fn waiting(&mut self, scene: &Scene, spot: Spot, file: Option<&WaitingFile>) -> Option<Waiting> {
        let file = file?;
        if file.values.is_empty() {
            self.fault(spot.key("values"), "missing-word", "nothing says by which values an object waits");
        }
        let (field, found) = self.root_field(scene, spot.key("field"), &file.field)?;
        if !matches!(found.ty, TypeWord::Text | TypeWord::Choice) {
            let message = "only a text or a choice tells who waits";
            self.fault(spot.key("field"), "word-does-not-fit", message);
        }
        for (at, value) in file.values.iter().enumerate() {
            let known =
                || found.choices.iter().flat_map(|choices| &choices.0).map(|(choice, _)| choice.as_str());
            if found.ty == TypeWord::Choice && !found.open && !known().any(|choice| choice == value) {
                let spot = spot.key("values").item(at);
                self.unknown(spot, "value", value, known().collect::<Vec<_>>());
            }
        }
        Some(Waiting { field, values: file.values.iter().map(|value| value.as_str().into()).collect() })
    }

    fn history(&mut self, scene: &Scene, spot: Spot, file: Option<&HistoryFile>) -> History {
        let Some(file) = file else { return History::default() };
        let mut resolve = |word: &str, name: &Option<String>, types: &[TypeWord]| {
            let (number, field) = self.root_field(scene, spot.key(word), name.as_deref()?)?;
            if !types.contains(&field.ty) {
                let message = format!("`{word}` can't be read from a field of this type");
                self.fault(spot.key(word), "word-does-not-fit", message);
            }
            Some(number)
        };
        let moving = [TypeWord::Time, TypeWord::Whole, TypeWord::Text];
        let naming = [TypeWord::Text, TypeWord::Choice, TypeWord::Guid, TypeWord::Whole];
        History {
            changed_at: resolve("changed_at", &file.changed_at, &moving),
            changed_by: resolve("changed_by", &file.changed_by, &naming),
            edited_by_others_at: resolve("edited_by_others_at", &file.edited_by_others_at, &[TypeWord::Time]),
        }
    }
}
