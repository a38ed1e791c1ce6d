//! Effective documents: each object of a repository, in each of its environments, with everything that is said of it.
//!
//! Objects are composed on every core; one of which nothing depends on the environment is composed once. What is
//! wrong with a level is reported once, however many objects it reaches.
//! Deliberately absent: targets and duplicates, which the workspace checks when all documents are there.

use std::collections::HashMap;
use std::sync::Arc;

use super::bases::{BaseTable, MergedBases};
use super::head::{ObjectDocument, OverlayDocument, RawDocument, SortedDocuments, sort_documents};
use super::overlays::OverlayTable;
use super::settings::CompositionSettings;
use super::stack::LevelStack;
use super::values::ValueTable;
use crate::cores::map_parallel;
use crate::diagnostic::{Diagnostic, has_errors, remove_repetitions};
use crate::document::Document;
use crate::document::effective_reader::EffectiveReader;
use crate::document::node_encoder::NodeEncoder;
use crate::kind::registry::KindRegistry;

/// So many objects are composed by one core before it looks for more.
const BATCH_SIZE: usize = 128;
/// Faults of a document that can follow from what is wrong with one of its levels.
const FOLLOW_UP_CODES: [&str; 2] = ["no-identity", "missing-key"];
/// Faults of a level that can follow from a base that was not found.
const NEEDS_LOWER_LEVEL: [&str; 4] =
    ["nothing-to-unset", "edit-without-list", "nothing-to-change", "nothing-to-remove"];

/// What is composed.
pub struct CompositionInput<'s> {
    pub settings: &'s CompositionSettings,
    pub kinds: &'s KindRegistry,
    /// Documents that need others, in the order of their files.
    pub documents: Vec<RawDocument<'s>>,
    pub values: &'s ValueTable,
}

/// Effective documents, each with how many documents that need no others stand before it.
pub type ComposedDocuments = Vec<(usize, Document)>;

/// Composes the documents of a repository.
pub fn compose_documents(input: CompositionInput, faults: &mut Vec<Diagnostic>) -> ComposedDocuments {
    let CompositionInput { settings, kinds, documents, values } = input;
    let mut found = Vec::new();
    let SortedDocuments { bases, overlays, objects } = sort_documents(documents, kinds, &mut found);
    let mut bases = BaseTable::new(bases, &mut found);
    bases.check_defaults(settings, kinds, &mut found);
    let sets: Vec<_> =
        objects.iter().map(|own| find_base_set(own, &mut bases, settings, &mut found)).collect();
    let environments: Vec<_> =
        objects.iter().map(|own| list_environments(own, settings, &mut found)).collect();
    let overlays = OverlayTable::new(overlays, &objects, &environments, settings, &mut found);
    let first = settings.environments.first().map(|own| &own.name);
    found.extend(bases.check_specs(values, first, kinds));
    let mut of_bases = Vec::new();
    let merged = merge_base_sets(&bases, values, settings, &mut of_bases);
    let encoder = NodeEncoder::default();
    let composer = Composer {
        kinds,
        values,
        bases: &bases,
        merged: &merged,
        overlays: &overlays,
        encoder: &encoder,
        of_bases: &of_bases,
    };
    let jobs = objects.iter().zip(sets).zip(environments);
    let jobs: Vec<CompositionJob> = jobs
        .map(|((object, (set, lacks_base)), environments)| CompositionJob {
            object,
            set,
            lacks_base,
            environments,
        })
        .collect();
    let batches: Vec<&[CompositionJob]> = jobs.chunks(BATCH_SIZE).collect();
    let mut composed = Vec::new();
    for (documents, mut own) in map_parallel(&batches, |batch| composer.compose_batch(batch)) {
        composed.extend(documents);
        found.append(&mut own);
    }
    found.append(&mut of_bases);
    if !has_errors(&found) && !has_errors(faults) {
        // a wrong name leaves something unused
        found.extend(bases.diagnose_unused());
        found.extend(values.diagnose_unused());
    }
    faults.extend(remove_repetitions(found));
    composed
}

/// An object with what it extends and where it is.
struct CompositionJob<'j> {
    object: &'j ObjectDocument<'j>,
    set: Option<usize>,
    /// Whether a base that it names was not found.
    lacks_base: bool,
    environments: Vec<Option<Arc<str>>>,
}

/// The set of bases of an object, and whether one of them was not found.
fn find_base_set(
    object: &ObjectDocument,
    bases: &mut BaseTable,
    settings: &CompositionSettings,
    faults: &mut Vec<Diagnostic>,
) -> (Option<usize>, bool) {
    let before = faults.len();
    let set = bases.add_set(object, settings, faults);
    (set, faults.len() > before)
}

impl CompositionJob<'_> {
    /// Whether the text of the document stands for several objects.
    fn is_shared(&self) -> bool {
        self.object.shared.is_some() || self.environments.len() > 1
    }
}

/// The environments of an object; one without a name where the workspace has none.
fn list_environments(
    object: &ObjectDocument,
    settings: &CompositionSettings,
    faults: &mut Vec<Diagnostic>,
) -> Vec<Option<Arc<str>>> {
    let named = object.environments.as_deref();
    let mut has_unknown = false;
    for (name, span) in named.unwrap_or_default() {
        if settings.find_environment(name).is_none() {
            has_unknown = true;
            let place = object.source.locate_span(*span);
            faults.push(settings.diagnose_unknown_environment(name).with_location(place));
        }
    }
    if settings.environments.is_empty() {
        return vec![None];
    }
    let target = object.find_entry("target").and_then(|entry| entry.value.as_scalar());
    let of_target = target.and_then(|target| settings.find_target_environment(target));
    let is_one = |name: &&Arc<str>| {
        named.is_none_or(|named| named.iter().any(|(own, _)| **own == ***name))
            && of_target.is_none_or(|own| own == *name)
    };
    let found: Vec<Option<Arc<str>>> =
        settings.environments.iter().map(|own| &own.name).filter(is_one).cloned().map(Some).collect();
    if found.is_empty() && !has_unknown {
        faults.push(diagnose_no_environment(object));
    }
    found
}

/// Without a document, the live object would count as one whose document was removed.
fn diagnose_no_environment(object: &ObjectDocument) -> Diagnostic {
    Diagnostic::error("no-environment", "this object is in no environment")
        .with_location(object.source.locate_span(object.start()))
        .with_hint("correct `environments` or `target`; `state: absent` deletes the object")
}

/// Each set of bases in each environment.
type MergedSets<'v> = HashMap<(usize, Option<Arc<str>>), MergedBases<'v>>;

fn merge_base_sets<'v>(
    bases: &BaseTable<'v>,
    values: &'v ValueTable,
    settings: &CompositionSettings,
    faults: &mut Vec<Diagnostic>,
) -> MergedSets<'v> {
    let mut names: Vec<Option<&Arc<str>>> = settings.environments.iter().map(|own| Some(&own.name)).collect();
    if names.is_empty() {
        names.push(None);
    }
    let mut merged = MergedSets::new();
    for set in 0..bases.count_sets() {
        for name in &names {
            let bases = bases.merge_set(set, values, *name, faults);
            merged.insert((set, name.cloned()), bases);
        }
    }
    merged
}

/// What every object is composed with.
struct Composer<'c> {
    kinds: &'c KindRegistry,
    values: &'c ValueTable,
    bases: &'c BaseTable<'c>,
    merged: &'c MergedSets<'c>,
    overlays: &'c OverlayTable<'c>,
    encoder: &'c NodeEncoder,
    /// What is wrong where bases meet.
    of_bases: &'c [Diagnostic],
}

/// An object in one environment.
struct ComposedObject {
    document: Option<Document>,
    faults: Vec<Diagnostic>,
    /// What is said of the overlay, and of what it leaves.
    overlay_faults: Vec<Diagnostic>,
    depends_on_environment: bool,
}

impl<'c> Composer<'c> {
    fn compose_batch(&self, batch: &[CompositionJob<'c>]) -> (ComposedDocuments, Vec<Diagnostic>) {
        let mut reader = EffectiveReader::new(self.kinds);
        let (mut documents, mut faults) = (Vec::with_capacity(batch.len()), Vec::new());
        for job in batch {
            // where among the documents the one is that environments share
            let (mut found, mut shared) = (Vec::new(), None::<usize>);
            for environment in &job.environments {
                let overlay = self.overlays.find(job.object, environment.as_deref());
                let same = shared.filter(|_| overlay.is_none()).and_then(|at| documents.get(at));
                if let Some((position, document)) = same.cloned() {
                    documents.push((position, Document { environment: environment.clone(), ..document }));
                    continue;
                }
                let composed = self.compose_object(job, environment.as_ref(), overlay, &mut reader);
                faults.extend(composed.overlay_faults);
                found.push(composed.faults);
                let Some(document) = composed.document else { continue };
                if !composed.depends_on_environment {
                    shared = Some(documents.len());
                }
                documents.push((job.object.position, document));
            }
            faults.extend(keep_common_warnings(found));
        }
        (documents, faults)
    }

    fn compose_object(
        &self,
        job: &CompositionJob<'c>,
        environment: Option<&Arc<str>>,
        overlay: Option<&'c OverlayDocument<'c>>,
        reader: &mut EffectiveReader,
    ) -> ComposedObject {
        let object = job.object;
        let bases = job.set.and_then(|set| self.merged.get(&(set, environment.cloned())));
        let Some(stack) = LevelStack::new(object, bases, overlay, self.values, environment) else {
            return ComposedObject {
                document: None,
                faults: vec![diagnose_too_large(object)],
                overlay_faults: Vec::new(),
                depends_on_environment: true,
            };
        };
        let mut hidden = Vec::new();
        if let (Some(spec), Some(_)) = (&stack.own.spec, &stack.overlay) {
            // what the overlay replaces is not read with the rest
            reader.check_spec(spec, &object.kind, &stack.map, &mut hidden);
        }
        let depends_on_environment = stack.uses_values || overlay.is_some();
        let (merged, map) = stack.merge(self.encoder);
        let (mut faults, mut overlay_faults) = (merged.faults, merged.overlay_faults);
        if job.lacks_base {
            let can_stay = |fault: &Diagnostic| !NEEDS_LOWER_LEVEL.contains(&fault.code);
            faults.retain(can_stay);
            overlay_faults.retain(can_stay);
        }
        let mut read = Vec::new();
        let document = reader.read_node(&merged.node, object.source, &map, &mut read);
        read.append(&mut hidden);
        let reported: Vec<Diagnostic> =
            faults.iter().chain(&overlay_faults).chain(self.of_bases).cloned().collect();
        let read = read.into_iter().filter(|fault| !is_follow_up(fault, &reported));
        faults.extend(read.map(|fault| self.add_levels(fault, job.set, overlay)));
        let document = document.map(|document| Document {
            environment: environment.cloned(),
            is_composed: job.is_shared() || !map.is_single(),
            levels: (!map.is_single()).then(|| reader.share_levels(map)),
            ..document
        });
        ComposedObject { document, faults, overlay_faults, depends_on_environment }
    }

    /// What is missing could stand in each of the levels.
    fn add_levels(
        &self,
        mut fault: Diagnostic,
        set: Option<usize>,
        overlay: Option<&OverlayDocument>,
    ) -> Diagnostic {
        if !FOLLOW_UP_CODES.contains(&fault.code) {
            return fault;
        }
        for base in set.into_iter().flat_map(|set| self.bases.list_set(set)) {
            let place = base.source.locate_span(base.name.1);
            fault = fault.with_related(place, format!("base {}, which does not set it", base.name.0));
        }
        match overlay {
            Some(overlay) => {
                let place = overlay.source.locate_span(overlay.name.1);
                fault.with_related(place, "the overlay, which does not set it")
            }
            None => fault,
        }
    }
}

/// Whether a fault is no more than the echo of one that was found before.
fn is_follow_up(fault: &Diagnostic, reported: &[Diagnostic]) -> bool {
    let place = |fault: &Diagnostic| {
        fault.location.as_ref().map(|place| (Arc::as_ptr(&place.source), place.span.start))
    };
    let is_missing = FOLLOW_UP_CODES.contains(&fault.code) && has_errors(reported);
    is_missing || reported.iter().any(|other| place(other).is_some() && place(other) == place(fault))
}

/// A value that is the same as below in one environment only is there for the others.
fn keep_common_warnings(found: Vec<Vec<Diagnostic>>) -> Vec<Diagnostic> {
    let environments = found.len();
    let mut counts: HashMap<_, usize> = HashMap::new();
    for fault in found.iter().flatten() {
        *counts.entry(fault.identify()).or_default() += 1;
    }
    let is_kept = |fault: &Diagnostic| {
        fault.code != "same-as-below" || counts.get(&fault.identify()) == Some(&environments)
    };

    found.iter().flatten().filter(|fault| is_kept(fault)).cloned().collect()
}

fn diagnose_too_large(object: &ObjectDocument) -> Diagnostic {
    Diagnostic::error("too-many-levels", "the files of this object are larger than 4 GiB together")
        .with_location(object.source.locate_span(object.start()))
        .with_hint("split the files")
}
