//! What becomes of each object: a new document, edits of the one that is there, or the reason why nothing is written.
//!
//! Whatever is to be written is read again at once and held against the live object, so that what comes out of
//! here says what is live, as a plan would see it.

use std::collections::HashMap;

use super::draft::{Draft, Manner, draft};
use super::meanings::{Meanings, meanings};
use super::names::{Variables, words_of};
use super::page::Revised;
use super::revise::{compared, revise};
use super::{Composed, Existing, Fetched, Import, Place, Work, names};
use crate::diagnostic::{Diagnostic, Source, any_error};
use crate::document::write::{Sheet, is_guarded, write};
use crate::document::{self, Document, State};
use crate::kind::Leaf;
use crate::kind::registry::Registry;
use crate::plan::step::named;
use crate::remote::service::Service;
use crate::remote::wire::Live;
use crate::run::match_up::{live_key, wanted_key};
use crate::value::{Mark, Object};
use crate::yaml::{self, Node};

type Told = Result<Meanings, Vec<Diagnostic>>;

impl Import {
    /// Says what becomes of each object; what documents name is looked up.
    pub async fn compose<'e>(
        &self,
        service: &Service,
        fetched: &'e Fetched,
        place: &mut Place<'e>,
    ) -> Vec<Composed<'e>> {
        let owners = self.owners(fetched, &place.existing);
        let mut told = self.told(service, fetched, &owners).await;
        let pairs = || fetched.objects.iter().zip(&owners);
        let fresh: Vec<&Object> =
            pairs().filter(|(_, owner)| owner.is_none()).map(|(live, _)| &live.object).collect();
        let mut names = names::names(&self.kind, &fresh, &place.taken).into_iter();
        let mut composing = Composing {
            import: self,
            fetched,
            registry: place.registry,
            variables: &mut place.variables,
            trees: HashMap::new(),
        };
        let each = pairs().enumerate().map(|(at, (live, owner))| match owner {
            Some(owner) => composing.known(live, owner, told.remove(&at)),
            None => composing.new_document(live, names.next().unwrap_or_default()),
        });
        each.collect()
    }

    /// What documents mean that name something, by the places of their objects.
    async fn told(
        &self,
        service: &Service,
        fetched: &Fetched,
        owners: &[Option<&Existing<'_>>],
    ) -> HashMap<usize, Told> {
        let naming = fetched.objects.iter().zip(owners).enumerate().filter_map(|(at, (live, owner))| {
            let document = owner.filter(|owner| owner.here)?.document;
            (!document.references().is_empty()).then_some((at, (document, live)))
        });
        let (places, pairs): (Vec<usize>, Vec<(&Document, &Live)>) = naming.unzip();
        places.into_iter().zip(meanings(self, service, &pairs).await).collect()
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

    fn known(&mut self, live: &'e Live, existing: &Existing<'e>, told: Option<Told>) -> Composed<'e> {
        let document = existing.document;
        let mut composed = Composed {
            name: document.name.to_string(),
            live,
            meanings: Meanings::default(),
            work: Work::Same(document),
            variables: Vec::new(),
            guarded: 0,
        };
        if document.state == State::Absent {
            composed.work = Work::Not(vec![unwanted(document)]);
        } else if !existing.here {
            composed.work = Work::Elsewhere(document);
        } else {
            match told.transpose() {
                Ok(meanings) => {
                    composed.meanings = meanings.unwrap_or_default();
                    self.compare(document, &mut composed);
                }
                Err(reasons) => composed.work = Work::Not(reasons),
            }
        }
        composed
    }

    /// Holds a document against its object; where it differs, or may grow, it is revised.
    fn compare(&mut self, document: &'e Document, composed: &mut Composed<'e>) {
        let live = composed.live;
        let subject = self.import.subject(document, &live.object);
        let proposal = compared(document, &composed.meanings, &subject, &live.object);
        if proposal.changes.is_empty() && proposal.faults.is_empty() && !self.import.all_fields {
            return;
        }
        let draft = self.drafted(live, &document.name);
        let source = &document.source;
        let nodes = self.trees.entry(&source.path).or_insert_with(|| yaml::read(source, &mut Vec::new()));
        let after = nodes.partition_point(|node| node.span.start <= document.name_span.start);
        let root = after.checked_sub(1).and_then(|at| nodes.get(at));
        let Some(root) = root.filter(|root| document.name_span.end <= root.span.end) else {
            composed.work = Work::Not(vec![unreadable(document)]);
            return;
        };
        match revise(self.import, document, root, &proposal, &draft) {
            Ok(None) => {}
            Ok(Some(revision)) => {
                composed.variables = revision.variables;
                let meanings = composed.meanings.clone();
                let (cuts, touched) = (revision.cuts, revision.touched);
                composed.work = Work::Changed(Revised { document, live, meanings, cuts, touched });
            }
            Err(faults) => composed.work = Work::Not(faults),
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
        Composed { name, live, meanings: Meanings::default(), work, variables, guarded }
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
        agrees(self.import, document, &Meanings::default(), live)
    }
}

/// Whether a document says what is live, as a plan would see it.
pub(super) fn agrees(
    import: &Import,
    document: &Document,
    meanings: &Meanings,
    live: &Live,
) -> Result<(), Vec<Diagnostic>> {
    let subject = import.subject(document, &live.object);
    let proposal = compared(document, meanings, &subject, &live.object);
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
pub(super) fn unproven(name: &str, paths: &[String]) -> Diagnostic {
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
