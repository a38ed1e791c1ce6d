//! References of documents: names to ids, before an object is decided.
//!
//! What a name may mean stands in the object itself, in a list of the service, in a list whose URL an object
//! carries, or in another document. Each list is read once in a run. Objects that others refer to and that are
//! not there yet come first; a circle of them can never begin.
//! Deliberately absent: which thing has the name, and what bounds mean; the plan room knows.

mod order;
mod shelves;
mod standing;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Mutex;

use super::gather::{Job, Read};
use super::index::Index;
use super::match_up::Found;
use crate::diagnostic::Diagnostic;
use crate::document::refer::Spot;
use crate::document::{Document, Reference, State, Wanted, Wish};
use crate::kind::{Among, Field, Item, ListType, Shape, Type};
use crate::plan::refer;
use crate::remote::service::Service;
use crate::remote::wire::Live;
use crate::value::{Mark, Value};

pub use order::{Edges, Order, edges, in_circle, levels, order, release};
pub use standing::Standing;

use shelves::{Shelves, Want};
use standing::Standings;

/// What the references of one run mean, as far as it is known.
#[derive(Default)]
pub struct References {
    standings: Standings,
    shelves: Shelves,
}

/// Why a document cannot be decided.
pub struct Unresolved {
    pub reasons: Vec<Diagnostic>,
    /// Something that it needs could not be read.
    pub unread: bool,
}

impl References {
    /// Remembers what live objects tell about the lists to which their like refer, and which objects are there.
    /// Of those that were let go of as they are as wanted there is the id.
    pub fn survey(&self, jobs: &[Job], reads: &[Option<Read>], agreed: &BTreeMap<usize, Value>) {
        if !jobs.iter().any(|job| job.document.looks_up()) {
            return;
        }
        for (number, (job, read)) in jobs.iter().zip(reads).enumerate() {
            let id = match (read, agreed.get(&number)) {
                (_, Some(id)) => Some(id),
                (Some(Read::Found(Found::One(live))), _) => live.object.get(job.document.kind.identity.id),
                _ => continue,
            };
            let standing = match (job.document.state, id) {
                (State::Present, Some(id)) => Standing::Known(id.clone()),
                _ => Standing::Gone,
            };
            self.standings.put(job, standing);
        }
        let lives = jobs.iter().zip(reads).filter_map(|(job, read)| match read {
            Some(Read::Found(Found::One(live))) => Some((job, &**live)),
            _ => None,
        });
        let wants = jobs.iter().flat_map(|job| needs(job.document).into_iter().map(move |want| (job, want)));
        self.shelves.survey(wants, lives);
    }

    /// How the object of a document stands from now on.
    pub fn stands(&self, job: &Job, standing: Standing) {
        self.standings.put(job, standing);
    }

    /// How the object of a document stands, unless that is known.
    pub fn stood(&self, job: &Job, standing: Standing) {
        self.standings.put_first(job, standing);
    }

    /// Reads what a document needs and what was not read yet.
    pub async fn ready(&self, service: &Service, job: &Job<'_>, live: Option<&Live>) {
        if job.document.state == State::Absent {
            return;
        }
        for want in needs(job.document) {
            self.shelves.ready(service, job, (&want, live)).await;
        }
        for (spot, _) in job.document.references() {
            self.shelves.fetch(service, job, (&spot, live)).await;
        }
    }

    /// The document with ids for its references, its bounded values checked.
    ///
    /// # Errors
    /// What is wrong with them, each at its line.
    pub fn resolve<'d>(
        &self,
        index: &Mutex<Index>,
        job: &Job<'d>,
        live: Option<&Live>,
    ) -> Result<Cow<'d, Document>, Unresolved> {
        let document = job.document;
        if document.state == State::Absent || (document.references().is_empty() && needs(document).is_empty())
        {
            return Ok(Cow::Borrowed(document));
        }
        let mut unread = false;
        let mut find = |spot: &Spot, reference: &Reference| {
            let found = self.find(index, job, live, (spot, reference));
            unread |= found.as_ref().is_err_and(|missing| missing.unread);
            found.map_err(|missing| missing.why)
        };
        let referred = document.refer(&mut find).map_err(|reasons| Unresolved { reasons, unread })?;
        let faults = self.beyond(job, &referred, live)?;
        if faults.is_empty() {
            Ok(Cow::Owned(referred))
        } else {
            Err(Unresolved { reasons: faults, unread: false })
        }
    }

    /// The values beyond their bounds; bounds that could not be read are not taken for none.
    fn beyond(
        &self,
        job: &Job,
        document: &Document,
        live: Option<&Live>,
    ) -> Result<Vec<Diagnostic>, Unresolved> {
        let unread = RefCell::new(None);
        let list = |root: u16| match self.shelves.list(job, root, live) {
            Ok(list) => list,
            Err(missing) => {
                unread.replace(Some(missing.why));
                None
            }
        };
        let faults = refer::beyond(document, live.map(|live| &live.object), &list);
        match unread.into_inner() {
            Some(why) => {
                let why = why.at(document.place(document.name_span));
                Err(Unresolved { reasons: vec![why], unread: true })
            }
            None => Ok(faults),
        }
    }

    fn find(
        &self,
        index: &Mutex<Index>,
        job: &Job,
        live: Option<&Live>,
        (spot, reference): (&Spot, &Reference),
    ) -> Result<Value, Missing> {
        let kind = &job.document.kind;
        let choice = |mark| refer::Among { kind, field: &spot.field.name, mark };
        let Some(refers) = &spot.field.refers_to else { return Err(nowhere(spot, NO_PLACE)) };
        match &refers.among {
            None => Err(nowhere(spot, NO_PLACE)),
            Some(Among::Kind(kind)) => Ok(self.standings.id(index, job, (spot, reference, kind))?),
            Some(Among::Field(root)) => {
                let field = kind.shape.field(*root);
                let list = self.shelves.list(job, *root, live)?;
                let (Some(shape), Some(list)) = (items_of(field), list) else {
                    return Err(nowhere(spot, &format!("no live object shows `{}`", field.name)));
                };
                let named = reference.by.as_deref().and_then(|by| shape.named(by));
                let mark = field.mark.max(named.map_or(Mark::Open, |own| own.mark));
                Ok(refer::pick(reference, &refer::things(kind, shape, refers, &list), &choice(mark))?)
            }
            Some(Among::UrlIn(_) | Among::List(_)) => match self.shelves.things(job, spot, live)? {
                Some(things) => Ok(refer::pick(reference, &things, &choice(reference.mark))?),
                None => Err(nowhere(spot, "no live object tells where such things stand")),
            },
        }
    }
}

/// Why a reference is not resolved.
struct Missing {
    why: Diagnostic,
    unread: bool,
}

impl From<Diagnostic> for Missing {
    fn from(why: Diagnostic) -> Self {
        Self { why, unread: false }
    }
}

const NO_PLACE: &str = "nothing says where such things stand";

/// A reference for which there is no place to look.
fn nowhere(spot: &Spot, why: &str) -> Missing {
    let message = format!("what `{}` refers to cannot be looked up: {why}", spot.field.name);
    Diagnostic::error("unknown-reference", message).hint("write the id itself").into()
}

fn items_of(field: &Field) -> Option<&Shape> {
    match &field.ty {
        Type::List(ListType { item: Item::Object(shape), .. }) => Some(shape),
        _ => None,
    }
}

/// What a document needs to know of a live object of its collection.
fn needs(document: &Document) -> Vec<Want> {
    let mut wants = Vec::new();
    if !document.looks_up() {
        return wants;
    }
    for (spot, _) in document.references() {
        match spot.field.refers_to.as_ref().and_then(|refers| refers.among.as_ref()) {
            Some(Among::Field(root)) => wants.push(Want::List(*root)),
            Some(Among::UrlIn(_)) => wants.push(Want::Url(spot.path.into())),
            _ => {}
        }
    }
    bounding(&document.kind.shape, &document.spec, &mut wants);
    wants.sort_unstable();
    wants.dedup();
    wants
}

/// The lists in which bounds stand for values of this document.
fn bounding(shape: &Shape, wanted: &Wanted, wants: &mut Vec<Want>) {
    let Wish::Object(fields) = &wanted.wish else { return };
    for (number, inner) in fields {
        let field = shape.field(*number);
        let of = field.bounded_by.as_ref().map(|bounds| shape.field(bounds.of));
        if let Some(Among::Field(root)) = of.and_then(|of| of.refers_to.as_ref()?.among.as_ref()) {
            wants.push(Want::List(*root));
        }
        match (&field.ty, &inner.wish) {
            (Type::Object(shape), _) => bounding(shape, inner, wants),
            (Type::List(ListType { item: Item::Object(shape), .. }), Wish::List(items)) => {
                items.iter().for_each(|item| bounding(shape, item, wants));
            }
            _ => {}
        }
    }
}
