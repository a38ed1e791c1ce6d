//! Import: live objects become documents, and documents that are there are brought up to what is live.
//!
//! Objects are read, written down, read again from what was written, and held against the live object before
//! anybody sees a file; in the end a plan over all of them has to be empty. Secrets never get this far as text:
//! documents say where they come from, and the proof takes them from the live object.
//! Deliberately absent: files on disk, settings, and any request that writes.

mod compose;
pub mod draft;
pub mod fill;
pub mod meanings;
pub mod names;
pub mod page;
pub mod prove;
pub mod revise;
pub mod select;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::kind::registry::Registry;
use crate::kind::{Kind, Leaf};
use crate::plan::Subject;
use crate::remote::service::{Collection, Service, Trouble};
use crate::remote::wire::Live;
use crate::run::gather::Job;
use crate::value::{Mark, Object, Value};
use draft::{Variable, shows_secret};
use meanings::Meanings;
use names::Variables;
use page::Revised;
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

/// What stands in a workspace already.
pub struct Place<'e> {
    /// Documents of the kind, at the target, in the scope.
    pub existing: Vec<Existing<'e>>,
    /// Names that documents have.
    pub taken: BTreeSet<String>,
    pub variables: Variables,
    pub registry: &'e Registry,
}

/// What becomes of one object.
pub struct Composed<'e> {
    pub name: String,
    pub live: &'e Live,
    /// What its document names.
    pub meanings: Meanings,
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

    /// One document as a run sees it.
    pub(super) fn job<'d>(&self, document: &'d Document) -> Job<'d> {
        Job {
            document,
            scope: self.scope.clone(),
            target: Arc::clone(&self.target),
            known_id: None,
            newborn: false,
        }
    }
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
