//! How many objects a plan may touch: of all, of a kind at a target, and what operators set instead.
//!
//! A share of the whole run says little where one kind has few objects beside many others: all of it may go and
//! still be a small share. So shares hold for each kind at each target too. A limit that names a kind or a target
//! takes the place of all others there.
//! Deliberately absent: what is refused by them (`gate`).

use std::collections::BTreeMap;

use super::{Plan, StepAction};

/// How many objects may be touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CountLimit {
    /// So many.
    Count(usize),
    /// So many of a hundred.
    Percent(u8),
}

/// A limit for the run, or for the kind and the target that it names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScopedLimit {
    pub kind: Option<String>,
    pub target: Option<String>,
    pub limit: CountLimit,
}

impl ScopedLimit {
    /// Reads `N`, `N%`, `api/kind=N`, `@target=N%` or `api/kind@target=N`.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scope, limit) = text.rsplit_once('=').map_or(("", text), |(scope, limit)| (scope, limit));
        let (kind, target) = scope.split_once('@').unwrap_or((scope, ""));
        let is_valid = text == limit || kind.contains('/') || (kind.is_empty() && !target.is_empty());
        let name = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
        let limit = parse_limit(limit).filter(|_| is_valid);
        limit.map(|limit| Self { kind: name(kind), target: name(target), limit }).ok_or_else(|| {
            "expected a number of objects, or a percentage from 0% to 100%; before it, `api/kind=`, `@target=` or \
             `api/kind@target=` for a limit of one kind or target"
                .to_owned()
        })
    }

    fn is_scoped(&self) -> bool {
        self.kind.is_some() || self.target.is_some()
    }

    /// How closely it names a collection; nothing where it does not.
    fn match_collection(&self, collection: &CollectionName) -> Option<usize> {
        let fits = |own: &Option<String>, name: &str| own.as_ref().is_none_or(|own| own == name);
        let fits = fits(&self.kind, &collection.kind) && fits(&self.target, &collection.target);
        fits.then_some(2 * usize::from(self.kind.is_some()) + usize::from(self.target.is_some()))
    }
}

fn parse_limit(text: &str) -> Option<CountLimit> {
    match text.strip_suffix('%') {
        Some(share) => share.trim_end().parse().ok().filter(|share| *share <= 100).map(CountLimit::Percent),
        None => text.parse().ok().map(CountLimit::Count),
    }
}

/// The limits of one sort of change.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChangeLimits(pub Vec<ScopedLimit>);

impl ChangeLimits {
    /// The limit of the run, where someone set one.
    pub fn find_run_limit(&self) -> Option<CountLimit> {
        self.0.iter().rev().find(|own| !own.is_scoped()).map(|own| own.limit)
    }

    /// The limit that names a collection most closely; of two that do, the last.
    pub fn find_own_limit(&self, collection: &CollectionName) -> Option<CountLimit> {
        let scoped = self.0.iter().filter(|own| own.is_scoped());
        let fitting = scoped.filter_map(|own| Some((own.match_collection(collection)?, own.limit)));
        fitting.max_by_key(|(closeness, _)| *closeness).map(|(_, limit)| limit)
    }
}

/// A kind at a target.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CollectionName {
    pub kind: String,
    pub target: String,
}

/// How many objects there are of each kind at each target.
#[derive(Clone, Default)]
pub struct ObjectCounts(BTreeMap<CollectionName, usize>);

impl ObjectCounts {
    /// The live objects that a plan was made over.
    pub fn from_plan(plan: &Plan) -> Self {
        let mut counts = Self::default();
        let live = plan.steps.iter().filter(|step| step.action != StepAction::Create);
        let subjects = live.map(|step| &step.subject);
        let subjects = subjects.chain(plan.unchanged.iter().map(|own| &own.subject));
        for subject in subjects.chain(plan.refused.iter().map(|own| &own.subject)) {
            counts.add_objects(&subject.kind.name, &subject.target, 1);
        }
        counts
    }

    /// The objects of a plan for which there is a step of this sort.
    pub fn from_steps(plan: &Plan, is_such: impl Fn(StepAction) -> bool) -> Self {
        let mut counts = Self::default();
        for step in plan.steps.iter().filter(|step| is_such(step.action)) {
            counts.add_objects(&step.subject.kind.name, &step.subject.target, 1);
        }
        counts
    }

    /// So many more of a kind at a target.
    pub fn add_objects(&mut self, kind: &str, target: &str, number: usize) {
        let name = CollectionName { kind: kind.to_owned(), target: target.to_owned() };
        *self.0.entry(name).or_default() += number;
    }

    /// With all those of others.
    #[must_use]
    pub fn with_others(mut self, others: &Self) -> Self {
        for (name, number) in &others.0 {
            self.add_objects(&name.kind, &name.target, *number);
        }
        self
    }

    /// At most what others count, where those do not know the names of so many of theirs.
    #[must_use]
    pub fn with_at_most(mut self, others: &Self, unnamed: usize) -> Self {
        for (name, number) in &mut self.0 {
            *number = (*number).min(others.get(name) + unnamed);
        }
        self
    }

    /// How many there are of a kind at a target.
    pub fn get(&self, name: &CollectionName) -> usize {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// How many there are in all.
    pub fn count_all(&self) -> usize {
        self.0.values().sum()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&CollectionName, usize)> {
        self.0.iter().map(|(name, number)| (name, *number))
    }
}
