//! Which live object belongs to which document: by id, else by natural key.
//!
//! Objects come one by one as pages arrive; what no document needs is dropped at once, so a large collection
//! of which few objects are managed costs no memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::natural_key::{SimilarKeys, UnmatchedObject, build_desired_key, build_live_key, find_live_value};
use crate::document::{Document, DocumentState};
use crate::kind::{Kind, ReadConsistency, ScalarType};
use crate::plan::sync_check::is_in_sync;
use crate::remote::wire::Snapshot;
use crate::value::{Object, Value};

/// What was found for one document.
#[derive(Default)]
pub enum ObjectMatch {
    #[default]
    Nothing,
    One(Box<Snapshot>),
    /// The ids of all that match.
    Several(Vec<Value>),
}

/// Documents of one kind, target and scope, waiting for their objects.
pub struct ObjectMatcher<'d> {
    kind: &'d Kind,
    documents: Vec<&'d Document>,
    /// Objects that are unchanged are let go of at once: what is kept are their ids.
    drop_in_sync: bool,
    /// Documents whose object has to be the only one with its natural key, also where its id is known.
    unique: BTreeSet<usize>,
    /// Objects that have the natural key of a document whose object was found by its id.
    duplicates: Vec<Snapshot>,
    /// Objects with the id of such a document and another natural key.
    other_keys: BTreeMap<usize, Snapshot>,
    /// The natural keys of documents that name an id.
    keys_beside_ids: HashMap<String, Vec<usize>>,
    /// The ids of objects that have the natural key of a document whose object was found by its id, by the number of
    /// the document.
    key_holders: BTreeMap<usize, Value>,
    /// How many objects came of which no one can say whether a document means them.
    unreadable_count: u64,
    in_sync_ids: BTreeMap<usize, Value>,
    by_id: HashMap<String, Vec<usize>>,
    by_key: HashMap<String, Vec<usize>>,
    found: Vec<ObjectMatch>,
    /// Which were found by their id.
    found_by_id: Vec<bool>,
    open_count: usize,
    /// The documents, by number, that surely do not mean the object of an id.
    excluded: HashMap<String, Vec<usize>>,
    /// The documents by their natural keys, once an object comes that none of them names.
    similar_keys: Option<SimilarKeys>,
    /// Objects whose natural key is almost that of a document, by the number of the document.
    similar: BTreeMap<usize, Vec<UnmatchedObject>>,
}

impl<'d> ObjectMatcher<'d> {
    /// Waits for the objects of these documents; `ids` are those known from elsewhere than the document.
    pub fn new(kind: &'d Kind, documents: &[&'d Document], ids: &[Option<Value>]) -> Self {
        let (mut by_id, mut by_key): (HashMap<_, Vec<_>>, HashMap<_, Vec<_>>) = Default::default();
        let mut keys_beside_ids: HashMap<_, Vec<_>> = HashMap::new();
        for (number, document) in documents.iter().enumerate() {
            let known = ids.get(number).and_then(Option::as_ref);
            if let Some(id) = document.id.as_ref().or(known) {
                by_id.entry(ScalarType::render_url_text(id, &kind.api)).or_default().push(number);
            }
            // an id that only we remember may be stale, so the natural key counts beside it
            if let Some(key) = build_desired_key(kind, document) {
                let keys = if document.id.is_none() { &mut by_key } else { &mut keys_beside_ids };
                keys.entry(key).or_default().push(number);
            }
        }
        let found = documents.iter().map(|_| ObjectMatch::Nothing).collect();
        let (sure, open) = (vec![false; documents.len()], documents.len());
        let (documents, agreed) = (documents.to_vec(), BTreeMap::new());
        Self {
            kind,
            documents,
            drop_in_sync: false,
            unique: BTreeSet::new(),
            duplicates: Vec::new(),
            other_keys: BTreeMap::new(),
            keys_beside_ids,
            key_holders: BTreeMap::new(),
            unreadable_count: 0,
            in_sync_ids: agreed,
            by_id,
            by_key,
            found,
            found_by_id: sure,
            open_count: open,
            excluded: HashMap::new(),
            similar_keys: None,
            similar: BTreeMap::new(),
        }
    }

    /// Of objects that are as their documents want them only the id is kept, so that they cost no memory.
    #[must_use]
    pub fn with_drop_in_sync(mut self, settles: bool) -> Self {
        // what the account owner edits is recorded with each read that agrees
        self.drop_in_sync = settles && self.kind.history.edited_by_others_at.is_none();
        self
    }

    /// Of these documents, by number, several objects with one natural key are several, whatever id is known.
    #[must_use]
    pub fn with_unique(mut self, unique: impl IntoIterator<Item = usize>) -> Self {
        self.unique.extend(unique);
        self
    }

    /// The document of this number surely does not mean the object of this id, whatever its natural key is.
    pub fn exclude(&mut self, number: usize, id: &Value) {
        let id = ScalarType::render_url_text(id, &self.kind.api);
        self.excluded.entry(id).or_default().push(number);
    }

    /// Takes one live object, or gives it back when no document needs it.
    pub fn offer_object(&mut self, live: Snapshot) -> Option<Snapshot> {
        let id = live
            .object
            .get_field(self.kind.identity.id)
            .map(|id| ScalarType::render_url_text(id, &self.kind.api));
        let excluding = id.as_ref().and_then(|id| self.excluded.get(id)).map_or(&[][..], Vec::as_slice);
        let is_meant = |taker: &usize| !excluding.contains(taker);
        let take = |takers: Option<&Vec<usize>>| -> Vec<usize> {
            takers.into_iter().flatten().copied().filter(is_meant).collect()
        };
        let mut by_id = take(id.as_ref().and_then(|id| self.by_id.get(id)));
        let has_keys = !self.by_key.is_empty() || !self.keys_beside_ids.is_empty();
        let key = if has_keys { build_live_key(self.kind, &live.object) } else { None };
        let by_key = take(key.as_ref().and_then(|key| self.by_key.get(key)));
        let beside = take(key.as_ref().and_then(|key| self.keys_beside_ids.get(key)));
        let is_excluded = !excluding.is_empty();
        for taker in beside.into_iter().filter(|taker| !by_id.contains(taker)) {
            let id = live.object.get_field(self.kind.identity.id).cloned().unwrap_or(Value::Null);
            self.key_holders.insert(taker, id);
        }
        if by_id.is_empty() && by_key.is_empty() {
            // it is known, though no document means it
            if is_excluded {
                return None;
            }
            self.unreadable_count += u64::from(has_keys && is_key_unreadable(self.kind, &live));
            self.note_similar(&live.object);
            return Some(live);
        }
        // an id that was only answered says nothing against another document that names the natural key
        for taker in by_id.extract_if(.., |taker| self.unique.contains(taker) && !by_key.contains(taker)) {
            self.other_keys.insert(taker, live.clone());
        }
        let by_key = by_key.iter().filter(|taker| !by_id.contains(taker)).map(|taker| (*taker, false));
        let mut takers: Vec<(usize, bool)> = by_key.chain(by_id.iter().map(|taker| (*taker, true))).collect();
        let last = takers.pop();
        for (taker, sure) in takers {
            self.assign_object(taker, live.clone(), sure);
        }
        if let Some((taker, sure)) = last {
            self.assign_object(taker, live, sure);
        }
        None
    }

    /// Notes an object that no document names for the documents that almost do.
    fn note_similar(&mut self, object: &Object) {
        let Some(key) = build_live_key(self.kind, object) else { return };
        let documents = &self.documents;
        let keys = self.similar_keys.get_or_insert_with(|| {
            let present = documents.iter().enumerate().filter(|(_, own)| own.state == DocumentState::Present);
            SimilarKeys::new(present.filter_map(|(at, own)| Some((at, build_desired_key(&own.kind, own)?))))
        });
        for number in keys.find(&key) {
            let object = UnmatchedObject::from_object(self.kind, object);
            self.similar.entry(*number).or_default().push(object);
        }
    }

    /// The objects whose natural key is almost that of a document, by the number of the document.
    pub fn take_similar(&mut self) -> BTreeMap<usize, Vec<UnmatchedObject>> {
        std::mem::take(&mut self.similar)
    }

    /// An object found by its id is the one, whatever else has the natural key.
    fn assign_object(&mut self, taker: usize, live: Snapshot, sure: bool) {
        let sure = sure && !self.unique.contains(&taker);
        let id = self.get_id(&live);
        if self.found_by_id[taker] && !sure {
            self.key_holders.insert(taker, id);
            self.duplicates.push(live);
            return;
        }
        let found = std::mem::take(&mut self.found[taker]);
        let first = match &found {
            ObjectMatch::One(first) => Some(self.get_id(first)),
            ObjectMatch::Several(ids) if sure => ids.iter().find(|own| **own != id).cloned(),
            ObjectMatch::Nothing | ObjectMatch::Several(_) => self.in_sync_ids.remove(&taker),
        };
        if let Some(first) = first.as_ref().filter(|first| sure && **first != id) {
            self.key_holders.insert(taker, first.clone());
        }
        match (found, first) {
            (ObjectMatch::Several(mut ids), _) if !sure => {
                if !ids.contains(&id) {
                    ids.push(id);
                }
                self.found[taker] = ObjectMatch::Several(ids);
            }
            // pages may overlap while a collection grows: the same object twice is one object
            (_, Some(first)) if !sure && first != id => {
                self.found[taker] = ObjectMatch::Several(vec![first, id])
            }
            (ObjectMatch::One(other), Some(first)) if first != id => {
                self.duplicates.push(*other);
                self.keep_object(taker, live, id);
            }
            (found, first) => {
                self.open_count -= usize::from(first.is_none() && matches!(found, ObjectMatch::Nothing));
                self.keep_object(taker, live, id);
            }
        }
        self.found_by_id[taker] |= sure;
    }

    fn get_id(&self, live: &Snapshot) -> Value {
        live.object.get_field(self.kind.identity.id).cloned().unwrap_or(Value::Null)
    }

    /// Keeps an object for a document, or its id where that is all that is still of interest.
    fn keep_object(&mut self, taker: usize, mut live: Snapshot, id: Value) {
        let document = self.documents[taker];
        if self.drop_in_sync && document.state == DocumentState::Present && is_in_sync(document, &live.object)
        {
            self.in_sync_ids.insert(taker, id);
        } else {
            live.object.shrink_to_fit();
            self.found[taker] = ObjectMatch::One(Box::new(live));
        }
    }

    /// The objects that have the natural key of a document whose object has another id.
    pub fn take_duplicates(&mut self) -> Vec<Snapshot> {
        std::mem::take(&mut self.duplicates)
    }

    /// The ids of objects that have the natural key of a document whose object has another id.
    pub fn take_key_holders(&mut self) -> BTreeMap<usize, Value> {
        std::mem::take(&mut self.key_holders)
    }

    /// How many objects came of which no one can say whether a document means them.
    pub fn count_unreadable(&self) -> u64 {
        self.unreadable_count
    }

    /// How many documents have no object yet.
    pub fn count_open(&self) -> usize {
        self.open_count
    }

    /// The documents, by number, that have no object yet.
    pub fn list_unmatched(&self) -> impl Iterator<Item = usize> + '_ {
        let unmatched = |(at, found): &(usize, &ObjectMatch)| {
            matches!(found, ObjectMatch::Nothing) && !self.in_sync_ids.contains_key(at)
        };
        self.found.iter().enumerate().filter(unmatched).map(|(at, _)| at)
    }

    /// The ids of the objects that were let go of, by the number of the document; nothing was found for these.
    pub fn take_in_sync_ids(&mut self) -> BTreeMap<usize, Value> {
        std::mem::take(&mut self.in_sync_ids)
    }

    /// What was found, in the order of the documents.
    pub fn into_found(mut self) -> Vec<ObjectMatch> {
        for (taker, live) in std::mem::take(&mut self.other_keys) {
            if matches!(self.found[taker], ObjectMatch::Nothing) && !self.in_sync_ids.contains_key(&taker) {
                self.found[taker] = ObjectMatch::One(Box::new(live));
            }
        }
        self.found
    }
}

/// Whether the natural key of an object is not what the kind says: of another type, or missing although each object
/// of the kind has it.
fn is_key_unreadable(kind: &Kind, live: &Snapshot) -> bool {
    kind.identity.natural_key.iter().any(|path| {
        let fields = kind.shape.list_path_fields(path);
        let pointer: String = fields.iter().map(|field| format!("/{}", field.name)).collect();
        let is_at = |rest: &str| rest.is_empty() || rest.starts_with('/');
        let mut misread = live.mismatches.iter().filter_map(|own| own.pointer.strip_prefix(&pointer));
        let is_misread = misread.any(is_at);
        let is_missing = find_live_value(&live.object, path).is_none_or(Value::is_blank);
        is_misread || (is_missing && fields.last().is_some_and(|field| field.behavior.required))
    })
}

/// Whether an object that was created is found by a look.
pub fn is_surely_visible(document: &Document) -> bool {
    let kind = &document.kind;
    let findable = document.id.is_some() || build_desired_key(kind, document).is_some();
    findable && !is_hidden_until_confirmed(kind)
}

/// Whether new objects of a kind show only once someone confirms them.
pub fn is_hidden_until_confirmed(kind: &Kind) -> bool {
    kind.operations.create.as_ref().is_some_and(|create| create.read_after_write == ReadConsistency::Eventual)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::NamedSource;
    use crate::document;
    use crate::kind::WireFormat;
    use crate::kind::registry::KindRegistry;
    use crate::remote::wire;

    fn document() -> Document {
        let text = "kind: carrierx/partner\nname: a\nspec:\n  login: acme\n  city: Rome\n";
        let mut faults = Vec::new();
        let source: Arc<NamedSource> = NamedSource::new("a.yaml", text);
        document::read_documents(&source, KindRegistry::get_builtin(), &mut faults).pop().expect("a document")
    }

    /// What is kept of objects, each with its id and its city: the ids of one or several, or that one agrees.
    fn kept(settles: bool, lives: &[(&str, &str)]) -> (usize, String) {
        let document = document();
        let mut matching = ObjectMatcher::new(&document.kind, &[&document], &[]).with_drop_in_sync(settles);
        for (id, city) in lives {
            let sid = format!("00000000-0000-0000-0000-00000000000{id}");
            let body = format!(r#"{{"partner_sid":"{sid}","login":"acme","city":"{city}"}}"#);
            let live = wire::read_object(body.as_bytes(), WireFormat::Json, &document.kind);
            assert!(matching.offer_object(live.expect("an object")).is_none());
        }
        let text = |id: &Value| ScalarType::render_url_text(id, &document.kind.api).split_off(35);
        let (open, agreed) = (matching.count_open(), matching.take_in_sync_ids().get(&0).map(text));
        let found = match matching.into_found().pop().expect("one document") {
            ObjectMatch::Nothing => "nothing".to_owned(),
            ObjectMatch::One(live) => {
                live.object.get_field(document.kind.identity.id).map(text).unwrap_or_default()
            }
            ObjectMatch::Several(ids) => ids.iter().map(text).collect::<Vec<_>>().join(" "),
        };
        (open, agreed.map_or(found, |id| format!("{id} agrees")))
    }

    #[test]
    fn of_what_agrees_the_id_is_kept() {
        assert_eq!(kept(true, &[]), (1, "nothing".into()));
        assert_eq!(kept(true, &[("1", "Rome")]), (0, "1 agrees".into()));
        assert_eq!(kept(true, &[("1", "Oslo")]), (0, "1".into()));
        assert_eq!(kept(false, &[("1", "Rome")]), (0, "1".into()));
    }

    #[test]
    fn two_of_one_key_are_several_whether_they_agree_or_not() {
        for settles in [true, false] {
            for cities in [["Rome", "Rome"], ["Rome", "Oslo"], ["Oslo", "Rome"], ["Oslo", "Oslo"]] {
                let [first, second] = cities;
                let lives = [("1", first), ("2", second), ("1", first)];
                assert_eq!(kept(settles, &lives), (0, "1 2".into()), "{cities:?}");
            }
        }
    }

    #[test]
    fn an_object_found_by_its_id_leaves_another_one_of_several_as_holder_of_the_key() {
        let document = document();
        let id = |number: u8| {
            let sid = format!("00000000-0000-0000-0000-00000000000{number}");
            let body =
                format!(r#"{{"partner_sid":"{sid}","login":"{}"}}"#, if number == 3 { "b" } else { "acme" });
            wire::read_object(body.as_bytes(), WireFormat::Json, &document.kind).expect("an object")
        };
        let known = id(3).object.get_field(document.kind.identity.id).cloned();
        for order in [[1, 2, 3], [3, 1, 2], [1, 3, 2]] {
            let mut matching = ObjectMatcher::new(&document.kind, &[&document], std::slice::from_ref(&known));
            order.iter().for_each(|number| drop(matching.offer_object(id(*number))));
            let holder = matching.take_key_holders().remove(&0);
            assert!(holder.is_some() && holder != known, "{order:?}");
        }
    }

    #[test]
    fn the_same_object_again_is_as_it_was_seen_last() {
        assert_eq!(kept(true, &[("1", "Rome"), ("1", "Rome")]), (0, "1 agrees".into()));
        assert_eq!(kept(true, &[("1", "Rome"), ("1", "Oslo")]), (0, "1".into()));
        assert_eq!(kept(true, &[("1", "Oslo"), ("1", "Rome")]), (0, "1 agrees".into()));
    }
}
