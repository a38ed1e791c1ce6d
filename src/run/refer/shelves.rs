//! Lists of things: those that live objects hold, and those of the service, each read once in a run.
//!
//! An object that is there speaks for itself. For one that is not, or that says nothing, another object of its
//! collection does: one that was read anyway, else the first of the list that says something.
//! Deliberately absent: which thing is meant.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::Missing;
use crate::document::refer::Spot;
use crate::kind::leaf::Token;
use crate::kind::{Among, Leaf, Refers, address};
use crate::plan::refer::Thing;
use crate::remote::service::{Collection, Service, Shelf, Trouble};
use crate::remote::wire::{Live, Row};
use crate::run::gather::Job;
use crate::value::Value;

/// What is to be known of a live object.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Want {
    /// A root field that is a list.
    List(u16),
    /// The URL of the list of things for the field at this path.
    Url(Box<str>),
}

/// What a live object says.
#[derive(Clone)]
enum Said {
    List(Value),
    Url(Box<str>),
}

/// Target, kind, scope.
type Place = (Arc<str>, Arc<str>, String);
type Cell<T> = Arc<OnceCell<Result<T, Arc<Trouble>>>>;
type Asked = Cell<Option<Said>>;
type Filled = Cell<Arc<Vec<Thing>>>;

/// What was read of lists.
#[derive(Default)]
pub struct Shelves {
    said: Mutex<BTreeMap<(Place, Want), Asked>>,
    /// By target and address, with what was read of each thing.
    things: Mutex<BTreeMap<(Arc<str>, String), Filled>>,
}

impl Shelves {
    /// Keeps what live objects say of what is wanted in their collections.
    pub fn survey<'j, 'd: 'j>(
        &self,
        wants: impl Iterator<Item = (&'j Job<'d>, Want)>,
        lives: impl Iterator<Item = (&'j Job<'d>, &'j Live)>,
    ) {
        let mut wanted: BTreeMap<Place, Vec<Want>> = BTreeMap::new();
        for (job, want) in wants {
            let own = wanted.entry(place(job)).or_default();
            if !own.contains(&want) {
                own.push(want);
            }
        }
        if wanted.is_empty() {
            return;
        }
        for (job, live) in lives {
            let place = place(job);
            for want in wanted.get(&place).into_iter().flatten() {
                let cell = self.said(&place, want);
                if let (false, Some(said)) = (cell.initialized(), says(want, live)) {
                    // nobody else is at it yet
                    let _ = cell.set(Ok(Some(said)));
                }
            }
        }
    }

    /// Looks for an object that says what is wanted, where the own one does not.
    pub async fn ready(&self, service: &Service, job: &Job<'_>, (want, live): (&Want, Option<&Live>)) {
        if live.is_some_and(|live| says(want, live).is_some()) {
            return;
        }
        let cell = self.said(&place(job), want);
        cell.get_or_init(|| async {
            let of = Collection { kind: &job.document.kind, scope: &job.scope };
            let mut found = None;
            let mut enough = |live: &Live| {
                found = says(want, live);
                found.is_some()
            };
            service.look(of, &mut enough).await.map_err(Arc::new)?;
            Ok(found)
        })
        .await;
    }

    /// Reads the list of the service to which a reference leads.
    pub async fn fetch(&self, service: &Service, job: &Job<'_>, (spot, live): (&Spot<'_>, Option<&Live>)) {
        let Some(refers) = &spot.field.refers_to else { return };
        let Ok(Some(lead)) = self.lead(job, spot, live) else { return };
        let cell = self.cell((job.target.clone(), lead.address(job, refers)));
        cell.get_or_init(|| async {
            let of = Collection { kind: &job.document.kind, scope: &job.scope };
            let members: Vec<&str> =
                std::iter::once(&*refers.id).chain(refers.by.iter().map(|by| &**by)).collect();
            let rows = service.things(of, lead.shelf(), &members).await.map_err(Arc::new)?;
            Ok(Arc::new(rows.into_iter().filter_map(|row| thing(row, refers, spot.leaf)).collect()))
        })
        .await;
    }

    /// A list that stands in the object itself, or in another one where it does not.
    pub fn list(&self, job: &Job, root: u16, live: Option<&Live>) -> Result<Option<Value>, Missing> {
        let want = Want::List(root);
        if let Some(Said::List(list)) = live.and_then(|live| says(&want, live)) {
            return Ok(Some(list));
        }
        match self.said(&place(job), &want).get() {
            Some(Ok(Some(Said::List(list)))) => Ok(Some(list.clone())),
            Some(Err(trouble)) => Err(unread(trouble)),
            _ => Ok(None),
        }
    }

    /// The things of the list of the service to which a reference leads.
    pub fn things(
        &self,
        job: &Job,
        spot: &Spot,
        live: Option<&Live>,
    ) -> Result<Option<Arc<Vec<Thing>>>, Missing> {
        let (Some(refers), Some(lead)) = (&spot.field.refers_to, self.lead(job, spot, live)?) else {
            return Ok(None);
        };
        match self.cell((job.target.clone(), lead.address(job, refers))).get() {
            Some(Ok(things)) => Ok(Some(things.clone())),
            Some(Err(trouble)) => Err(unread(trouble)),
            None => Ok(None),
        }
    }

    /// Where a reference leads, as far as it is known.
    fn lead<'s>(&self, job: &Job, spot: &Spot<'s>, live: Option<&Live>) -> Result<Option<Lead<'s>>, Missing> {
        match spot.field.refers_to.as_ref().and_then(|refers| refers.among.as_ref()) {
            Some(Among::List(list)) => Ok(Some(Lead::List(list))),
            Some(Among::UrlIn(_)) => {
                let want = Want::Url(spot.path.as_str().into());
                if let Some(Said::Url(url)) = live.and_then(|live| says(&want, live)) {
                    return Ok(Some(Lead::Url(url)));
                }
                match self.said(&place(job), &want).get() {
                    Some(Ok(Some(Said::Url(url)))) => Ok(Some(Lead::Url(url.clone()))),
                    Some(Err(trouble)) => Err(unread(trouble)),
                    _ => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    fn said(&self, place: &Place, want: &Want) -> Cell<Option<Said>> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.entry((place.clone(), want.clone())).or_default().clone()
    }

    fn cell(&self, key: (Arc<str>, String)) -> Cell<Arc<Vec<Thing>>> {
        let mut things = self.things.lock().unwrap_or_else(PoisonError::into_inner);
        things.entry(key).or_default().clone()
    }
}

/// Where a list stands.
enum Lead<'k> {
    List(&'k crate::kind::file::ListFile),
    Url(Box<str>),
}

impl Lead<'_> {
    /// A text that is the same for the same things of the same list.
    fn address(&self, job: &Job, refers: &Refers) -> String {
        let members = refers.by.iter().map(|by| &**by).collect::<Vec<_>>().join(",");
        let stands = match self {
            Self::Url(url) => url.to_string(),
            Self::List(list) => {
                let path = address::path(&list.get, &job.document.kind, &job.scope, None);
                let query = address::scope_query(&job.document.kind, &job.scope);
                format!("{path}?{query:?}{:?}", list.query)
            }
        };
        format!("{stands} {} {members}", refers.id)
    }

    fn shelf(&self) -> Shelf<'_> {
        match self {
            Self::List(list) => Shelf::List(list),
            Self::Url(url) => Shelf::Url(url),
        }
    }
}

fn place(job: &Job) -> Place {
    let kind = &job.document.kind;
    let scope: Vec<String> = job.scope.iter().map(|value| Leaf::url_text(value, &kind.api)).collect();
    (job.target.clone(), kind.name.clone(), scope.join("\u{1f}"))
}

fn says(want: &Want, live: &Live) -> Option<Said> {
    match want {
        Want::List(root) => {
            let list = live.object.get(*root).filter(|list| !list.is_blank())?;
            Some(Said::List(list.clone()))
        }
        Want::Url(path) => {
            let link = live.links.iter().find(|link| link.path == *path)?;
            Some(Said::Url(link.url.clone()))
        }
    }
}

/// A row as a thing; one without an id that fits cannot be referred to.
fn thing(row: Row, refers: &Refers, leaf: &Leaf) -> Option<Thing> {
    let mut row = row.into_iter();
    let id = leaf.read(Token::Text(&row.next()??)).ok()?;
    let names = refers.by.iter().zip(row).filter_map(|(by, name)| Some((by.clone(), name?))).collect();
    Some(Thing { id, names })
}

fn unread(trouble: &Trouble) -> Missing {
    Missing { why: (*trouble.diagnostic).clone(), unread: true }
}
