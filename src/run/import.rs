//! Import: live objects become documents, and documents that are there are brought up to what is live.
//!
//! Objects are read, written down, read again from what was written, and held against the live object before
//! anybody sees a file; in the end a plan over all of them has to be empty. Secrets never get this far as text:
//! documents say where they come from, and the proof takes them from the live object.
//! Deliberately absent: files on disk, settings, and any request that writes.

pub mod draft;
pub mod fill;
pub mod names;
pub mod page;
pub mod prove;
pub mod revise;
pub mod select;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Source, any_error};
use crate::document::write::{Sheet, is_guarded, write};
use crate::document::{self, Document, State};
use crate::kind::registry::Registry;
use crate::kind::{Kind, Leaf};
use crate::plan::Subject;
use crate::plan::step::named;
use crate::remote::service::{Collection, Service, Trouble};
use crate::remote::wire::Live;
use crate::run::match_up::{live_key, wanted_key};
use crate::value::{Mark, Object, Value};
use crate::yaml::{self, Node};
use draft::{Draft, Manner, Variable, draft, shows_secret};
use names::{Variables, words_of};
use page::Revised;
use revise::{compared, filled, revise};
use select::Selector;

/// Up to so many objects chosen by id are read one by one, where the API can.
const FEW: usize = 5;

/// What is imported, from where, and how.
pub struct Import {
    pub kind: Arc<Kind>,
    pub target: Arc<str>,
    /// By the number of the parameter, complete.
    pub scope: Vec<Value>,
    /// The parameters that the target does not fix, so that documents have to.
    pub own_scope: Vec<(u16, Value)>,
    /// Whether several targets serve the API, so that documents have to say which.
    pub names_target: bool,
    /// Whether personal and sensitive values are written.
    pub personal: bool,
    /// Whether documents that are there get fields that they do not name.
    pub all_fields: bool,
}

/// What a service has.
#[derive(Default)]
pub struct Fetched {
    /// Those that were asked for, ordered by their ids.
    pub objects: Vec<Live>,
    /// How many there are in all.
    pub total: usize,
    /// Whether any of them shows a secret.
    pub shows_secrets: bool,
    /// Selectors, by their place, that match nothing.
    pub idle: Vec<usize>,
}

/// A document that is there already.
pub struct Existing<'e> {
    pub document: &'e Document,
    /// Whether it stands where this import writes.
    pub here: bool,
}

/// What becomes of one object.
pub struct Composed<'e> {
    pub name: String,
    pub live: &'e Live,
    pub work: Work<'e>,
    /// Variables that have to be set.
    pub variables: Vec<Variable>,
    /// How many personal or sensitive fields were left out.
    pub guarded: usize,
}

/// What is to be done for one object.
pub enum Work<'e> {
    /// A document to be written, and what it reads as.
    New { text: String },
    /// A document to be changed.
    Changed(Revised<'e>),
    /// A document that says what is live.
    Same(&'e Document),
    /// A document outside the place of this import.
    Elsewhere(&'e Document),
    /// Nothing can be written, and why.
    Not(Vec<Diagnostic>),
}

impl Import {
    /// Reads the objects of the collection that a selector takes; all of them without any.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn fetch(&self, service: &Service, selectors: &[Selector]) -> Result<Fetched, Trouble> {
        let of = Collection { kind: &self.kind, scope: &self.scope };
        let mut fetched = Fetched::default();
        let mut used = vec![false; selectors.len()];
        let mut take = |live: Live| {
            fetched.total += 1;
            fetched.shows_secrets |= shows_secret(&self.kind.shape, &live.object, Mark::Open);
            let mut wanted = selectors.is_empty();
            for (selector, used) in selectors.iter().zip(&mut used) {
                let takes = selector.takes(&self.kind, &live.object);
                *used |= takes;
                wanted |= takes;
            }
            if wanted {
                fetched.objects.push(live);
            }
        };
        match self.alone(selectors) {
            Some(ids) => {
                for id in ids {
                    service.get(of, id).await?.into_iter().for_each(&mut take);
                }
            }
            None => {
                service.list(of, &mut take).await?;
            }
        }
        fetched.idle = (0..used.len()).filter(|at| used.get(*at) == Some(&false)).collect();
        self.settle(&mut fetched.objects);
        Ok(fetched)
    }

    /// The ids to read one by one, when that is all that was asked for.
    fn alone<'s>(&self, selectors: &'s [Selector]) -> Option<Vec<&'s Value>> {
        let id = |selector: &'s Selector| match selector {
            Selector::Id(id) => Some(id),
            Selector::Field { .. } => None,
        };
        let few = (1..=FEW).contains(&selectors.len()) && self.kind.operations.get.is_some();
        selectors.iter().map(id).collect::<Option<Vec<_>>>().filter(|_| few)
    }

    /// In an order of their own, each once: pages may overlap while a collection grows.
    fn settle(&self, objects: &mut Vec<Live>) {
        objects.sort_by_cached_key(|live| self.id_text(live));
        objects.dedup_by_key(|live| self.id_text(live));
    }

    fn id_text(&self, live: &Live) -> String {
        let id = live.object.get(self.kind.identity.id);
        id.map(|id| Leaf::url_text(id, &self.kind.api)).unwrap_or_default()
    }

    /// Which object a document is about.
    pub fn subject(&self, document: &Document, live: &Object) -> Subject {
        Subject {
            number: 0,
            kind: Arc::clone(&self.kind),
            name: Arc::clone(&document.name),
            target: Arc::clone(&self.target),
            scope: self.scope.clone(),
            id: live.get(self.kind.identity.id).cloned(),
            place: document.place(document.name_span),
        }
    }

    /// Says what becomes of each object. `taken` are the names that documents have already.
    pub fn compose<'e>(
        &self,
        fetched: &'e Fetched,
        existing: &[Existing<'e>],
        taken: &BTreeSet<String>,
        variables: &mut Variables,
        registry: &Registry,
    ) -> Vec<Composed<'e>> {
        let owners = self.owners(fetched, existing);
        let fresh: Vec<&Object> = fetched
            .objects
            .iter()
            .zip(&owners)
            .filter(|(_, owner)| owner.is_none())
            .map(|(live, _)| &live.object)
            .collect();
        let mut names = names::names(&self.kind, &fresh, taken, self.personal).into_iter();
        let mut composing = Composing { import: self, fetched, registry, variables, trees: HashMap::new() };
        let each = fetched.objects.iter().zip(owners).map(|(live, owner)| match owner {
            Some(owner) => composing.known(live, owner),
            None => composing.new_document(live, names.next().unwrap_or_default()),
        });
        each.collect()
    }

    /// The document of each object: by id, else by natural key where that is one object's alone.
    fn owners<'e, 'x>(
        &self,
        fetched: &Fetched,
        existing: &'x [Existing<'e>],
    ) -> Vec<Option<&'x Existing<'e>>> {
        let (mut by_id, mut by_key) = (HashMap::new(), HashMap::new());
        for existing in existing {
            match &existing.document.id {
                Some(id) => by_id.insert(Leaf::url_text(id, &self.kind.api), existing),
                None => {
                    wanted_key(&self.kind, existing.document).and_then(|key| by_key.insert(key, existing))
                }
            };
        }
        let keys: Vec<Option<String>> =
            fetched.objects.iter().map(|live| live_key(&self.kind, &live.object)).collect();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        keys.iter().flatten().for_each(|key| *counts.entry(key).or_default() += 1);
        let each = fetched.objects.iter().zip(&keys).map(|(live, key)| {
            let own_key = key.as_deref().filter(|key| counts.get(key) == Some(&1));
            let by_id = by_id.get(&self.id_text(live)).copied();
            by_id.or_else(|| own_key.and_then(|key| by_key.get(key).copied()))
        });
        each.collect()
    }
}

struct Composing<'c, 'e> {
    import: &'c Import,
    fetched: &'e Fetched,
    registry: &'c Registry,
    variables: &'c mut Variables,
    /// The trees of files with documents that change, by their paths.
    trees: HashMap<&'e str, Vec<Node<'e>>>,
}

impl<'e> Composing<'_, 'e> {
    fn drafted(&mut self, live: &Live, name: &str) -> Draft {
        let import = self.import;
        let mut words = vec![words_of(&import.kind.api.name)];
        // the same name on two targets is two objects, with two secrets
        words.extend(import.names_target.then(|| words_of(&import.target)));
        words.push(words_of(name));
        let manner = Manner {
            kind: &import.kind,
            personal: import.personal,
            shows_secrets: self.fetched.shows_secrets,
            words,
        };
        draft(&manner, &live.object, self.variables)
    }

    fn known(&mut self, live: &'e Live, existing: &Existing<'e>) -> Composed<'e> {
        let document = existing.document;
        let mut composed = Composed {
            name: document.name.to_string(),
            live,
            work: Work::Same(document),
            variables: Vec::new(),
            guarded: 0,
        };
        if document.state == State::Absent {
            composed.work = Work::Not(vec![unwanted(document)]);
        } else if !existing.here {
            composed.work = Work::Elsewhere(document);
        } else if self.differs(document, live) {
            let draft = self.drafted(live, &document.name);
            composed.work = self.revised(document, live, &draft, &mut composed.variables);
        }
        composed
    }

    fn differs(&self, document: &Document, live: &Live) -> bool {
        let subject = self.import.subject(document, &live.object);
        let proposal = compared(document, &subject, &live.object);
        self.import.all_fields || !proposal.changes.is_empty() || !proposal.faults.is_empty()
    }

    fn revised(
        &mut self,
        document: &'e Document,
        live: &'e Live,
        draft: &Draft,
        variables: &mut Vec<Variable>,
    ) -> Work<'e> {
        let source = &document.source;
        let read = || yaml::read(source, &mut Vec::new());
        let nodes = self.trees.entry(&source.path).or_insert_with(read);
        let after = nodes.partition_point(|node| node.span.start <= document.name_span.start);
        let root = after.checked_sub(1).and_then(|at| nodes.get(at));
        let Some(root) = root.filter(|root| document.name_span.end <= root.span.end) else {
            return Work::Not(vec![unreadable(document)]);
        };
        match revise(self.import, document, root, &live.object, draft) {
            Ok(None) => Work::Same(document),
            Ok(Some(revision)) => {
                variables.extend(revision.variables);
                Work::Changed(Revised { document, live, cuts: revision.cuts, touched: revision.touched })
            }
            Err(faults) => Work::Not(faults),
        }
    }

    fn new_document(&mut self, live: &'e Live, name: String) -> Composed<'e> {
        let draft = self.drafted(live, &name);
        let guarded = draft.guarded;
        let variables = draft.variables.clone();
        let work = match self.written(live, &name, &draft) {
            Ok(text) => Work::New { text },
            Err(faults) => Work::Not(faults),
        };
        Composed { name, live, work, variables, guarded }
    }

    /// The text of a new document, read again and held against the live object.
    fn written(&self, live: &Live, name: &str, draft: &Draft) -> Result<String, Vec<Diagnostic>> {
        let import = self.import;
        let id = live.object.get(import.kind.identity.id).filter(|id| !id.is_blank());
        let id_mark = import.kind.id_field().mark;
        // an id that must not be written may be spared where the natural key finds the object
        let id = id.filter(|_| id_mark == Mark::Open || (import.personal && is_guarded(id_mark)));
        let spec = draft.spec();
        let head = head(draft);
        let sheet = Sheet {
            kind: &import.kind,
            name,
            target: import.names_target.then_some(&*import.target),
            id,
            scope: &import.own_scope,
            spec: &spec,
            remarks: &draft.remarks,
            head: &head,
            personal: import.personal,
        };
        let text = write(&sheet).map_err(|fault| vec![fault])?;
        self.reads_back(name, &text, live)?;
        Ok(text)
    }

    fn reads_back(&self, name: &str, text: &str, live: &Live) -> Result<(), Vec<Diagnostic>> {
        let source = Source::new(format!("{name} (not written)"), text);
        let mut faults = Vec::new();
        let documents = document::read(&source, self.registry, &mut faults);
        if any_error(&faults) {
            return Err(faults);
        }
        let [document] = documents.as_slice() else { return Err(vec![unproven(name, &[])]) };
        agrees(self.import, document, live)
    }
}

/// Whether a document says what is live, as a plan would see it.
fn agrees(import: &Import, document: &Document, live: &Live) -> Result<(), Vec<Diagnostic>> {
    let subject = import.subject(document, &live.object);
    let proposal = compared(document, &subject, &live.object);
    if !proposal.faults.is_empty() {
        return Err(proposal.faults);
    }
    let paths: Vec<String> = proposal.changes.iter().map(|change| named(&change.path)).collect();
    match paths.is_empty() {
        true => Ok(()),
        false => Err(vec![unproven(&document.name, &paths).at(document.place(document.name_span))]),
    }
}

/// What stands above a new document.
fn head(draft: &Draft) -> Vec<String> {
    let mut head = Vec::new();
    if !draft.variables.is_empty() {
        head.push("To be set in the environment:".to_owned());
        head.extend(draft.variables.iter().map(|own| format!("  {}  for {}", own.name, own.field)));
    }
    if draft.guarded > 0 {
        let fields = if draft.guarded == 1 { "field is" } else { "fields are" };
        head.push(format!(
            "{} personal or sensitive {fields} left out; `trueup import --personal` writes them",
            draft.guarded
        ));
    }
    head
}

fn unwanted(document: &Document) -> Diagnostic {
    Diagnostic::warning("to-be-absent", "the document of this object asks for its removal")
        .at(document.place(document.name_span))
        .hint("it is left as it is; take `state: absent` out to import the object")
}

fn unreadable(document: &Document) -> Diagnostic {
    Diagnostic::error("unsafe-edit", "this document can't be found again in its file")
        .at(document.place(document.name_span))
        .hint("write it without aliases around it")
}

/// The error of a document over which a plan would not be empty.
fn unproven(name: &str, paths: &[String]) -> Diagnostic {
    const MOST: usize = 10;
    let mut list: Vec<String> = paths.iter().take(MOST).map(|path| format!("`{path}`")).collect();
    list.extend((paths.len() > MOST).then(|| format!("and {} more", paths.len() - MOST)));
    let message = match list.is_empty() {
        true => format!("what would be written for `{name}` does not read back as one document"),
        false => format!("a plan over `{name}` would not be empty: {}", list.join(", ")),
    };
    Diagnostic::error("not-proven", message)
        .hint("import again, if the live object is being changed; else please report this")
}

impl Composed<'_> {
    /// What of the live object is not as the kind says, and so is in no document.
    pub fn misread(&self) -> impl Iterator<Item = Diagnostic> + '_ {
        self.live.misread.iter().map(|misread| {
            let message = format!(
                "the live `{}` of `{}` is not what the kind says: {}",
                misread.pointer, self.name, misread.message
            );
            Diagnostic::warning("misread-field", message)
                .hint("it is left out, and the object is not written until the description of the kind fits")
        })
    }
}

/// What kept objects from being read.
pub fn trouble(trouble: &Trouble) -> Vec<Diagnostic> {
    let said = trouble.complaints(&[]).into_iter().map(|complaint| {
        Diagnostic::error("rejected-request", complaint.message).hint("the service says this")
    });
    std::iter::once((*trouble.diagnostic).clone()).chain(said).collect()
}

/// The documents over which a plan is to be empty, with the secrets of the live objects in place.
pub fn with_live_secrets(document: &Document, live: &Live) -> Document {
    filled(document, &live.object)
}
