//! From live values to new texts of files: patches are made, composed in memory and compared, until nothing is left.
//!
//! Objects whose edits do not hold are found by trying halves, so that one of them keeps no other from being written.
//! Deliberately absent: reading objects and writing files.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::cli::merge_base::{build_document_key, build_subject_key};
use crate::cli::write_back::proof::{AcceptedEdit, check_edits};
use crate::cli::write_back::texts::apply_patches;
use crate::compose::level_patch::LevelPatch;
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::plan::Change;
use crate::run::accept::live::compare_with_live;
use crate::run::accept::named_values::NamedValues;
use crate::run::accept::patches::{PatchContext, build_patches};
use crate::run::accept::selection::{SelectedChanges, select_changes};
use crate::run::accept::{AcceptOptions, AcceptedObject};
use crate::run::import::pending::is_answered;
use crate::workspace::LoadedWorkspace;
use crate::workspace::edited::{EditedWorkspace, FileEdits};

/// How often what is left is patched again: an item that an edit removed comes back first, then changes.
const MAX_ROUNDS: usize = 4;

/// Accepts objects of a workspace.
pub struct AcceptRounds<'r> {
    pub workspace: &'r LoadedWorkspace,
    pub options: &'r AcceptOptions,
    /// The documents as they are now, sources and references as they are written.
    pub before: &'r [Document],
}

/// What becomes of some objects.
#[derive(Default)]
pub struct AcceptOutcome {
    pub edits: FileEdits,
    /// What was written of each object, by its place among those that were given.
    pub accepted: BTreeMap<usize, Vec<Change>>,
    /// What cannot be written.
    pub refused: Vec<Diagnostic>,
    /// A shared level would change another number of objects.
    other_number: Option<Diagnostic>,
}

/// A workspace with edits, and the documents that it makes.
struct EditedDocuments<'r> {
    workspace: EditedWorkspace<'r>,
    documents: Cow<'r, [Document]>,
}

impl AcceptRounds<'_> {
    /// Accepts as many of the objects as can be; none where a shared level would change another number of them.
    pub fn accept_objects(&self, objects: &[AcceptedObject]) -> AcceptOutcome {
        let mut outcome = self.accept_good_objects(objects);
        match outcome.other_number.take() {
            Some(fault) => {
                outcome.refused.push(fault);
                AcceptOutcome { refused: outcome.refused, ..AcceptOutcome::default() }
            }
            None => outcome,
        }
    }

    fn accept_good_objects(&self, objects: &[AcceptedObject]) -> AcceptOutcome {
        let all: Vec<usize> = (0..objects.len()).collect();
        let faults = match self.try_objects(objects, &all) {
            Ok(outcome) => return outcome,
            Err(faults) => faults,
        };
        let (good, mut reasons) = self.find_good_halves(objects, &all, faults);
        match self.try_objects(objects, &good) {
            Ok(mut outcome) => {
                outcome.refused.append(&mut reasons);
                outcome
            }
            Err(faults) => {
                reasons.extend(faults);
                AcceptOutcome { refused: reasons, ..AcceptOutcome::default() }
            }
        }
    }

    /// The objects whose edits hold, and why those of others do not.
    fn find_good(&self, objects: &[AcceptedObject], chosen: &[usize]) -> (Vec<usize>, Vec<Diagnostic>) {
        match self.try_objects(objects, chosen) {
            Ok(_) => (chosen.to_vec(), Vec::new()),
            Err(faults) => self.find_good_halves(objects, chosen, faults),
        }
    }

    /// The same where the edits of all together do not hold.
    fn find_good_halves(
        &self,
        objects: &[AcceptedObject],
        chosen: &[usize],
        faults: Vec<Diagnostic>,
    ) -> (Vec<usize>, Vec<Diagnostic>) {
        if chosen.len() < 2 {
            return (Vec::new(), faults);
        }
        let (left, right) = chosen.split_at(chosen.len() / 2);
        let (mut good, mut faults) = self.find_good(objects, left);
        let (others, reasons) = self.find_good(objects, right);
        good.extend(others);
        faults.extend(reasons);
        (good, faults)
    }

    fn try_objects(
        &self,
        objects: &[AcceptedObject],
        chosen: &[usize],
    ) -> Result<AcceptOutcome, Vec<Diagnostic>> {
        let mut outcome = AcceptOutcome::default();
        for _ in 0..MAX_ROUNDS {
            let edited = EditedWorkspace::new(self.workspace, &outcome.edits);
            let documents = match outcome.edits.is_empty() {
                true => Cow::Borrowed(self.before),
                false => Cow::Owned(edited.compose()?),
            };
            let edited = EditedDocuments { workspace: edited, documents };
            let patches = self.build_patches(objects, chosen, &edited, &mut outcome)?;
            if patches.is_empty() {
                self.check(objects, &edited.documents, &mut outcome)?;
                return Ok(outcome);
            }
            let texts = apply_patches(&edited.workspace, &patches).map_err(|fault| vec![fault])?;
            outcome.edits.extend(texts);
        }
        Err(chosen.iter().filter_map(|at| objects.get(*at)).map(diagnose_unsettled).collect())
    }

    /// The patches for what still differs.
    fn build_patches(
        &self,
        objects: &[AcceptedObject],
        chosen: &[usize],
        edited: &EditedDocuments,
        outcome: &mut AcceptOutcome,
    ) -> Result<Vec<LevelPatch>, Vec<Diagnostic>> {
        let documents = &*edited.documents;
        let by_key: BTreeMap<_, _> = documents.iter().map(|own| (build_document_key(own), own)).collect();
        let index = edited.workspace.index_levels();
        let values = NamedValues::new(documents, &index, &self.options.scope_values);
        let context = PatchContext { index: &index, values, options: self.options };
        let (mut patches, mut is_first) = (Vec::new(), BTreeMap::new());
        outcome.refused.clear();
        for at in chosen {
            let object = &objects[*at];
            let Some(document) = by_key.get(&build_subject_key(&object.subject)) else { continue };
            let selected = find_changes(document, object, self.options)?;
            let built = build_patches(&context, document, object, &selected.accepted);
            outcome.refused.extend(selected.refused);
            outcome.refused.extend(built.refused);
            is_first.insert(*at, selected.accepted);
            patches.extend(built.patches);
        }
        if outcome.accepted.is_empty() {
            outcome.accepted = is_first;
        }
        Ok(patches)
    }

    /// The proof: nothing else changes, in these documents and in others.
    fn check(
        &self,
        objects: &[AcceptedObject],
        after: &[Document],
        outcome: &mut AcceptOutcome,
    ) -> Result<(), Vec<Diagnostic>> {
        let own: BTreeMap<_, _> = after.iter().map(|own| (build_document_key(own), own)).collect();
        for (at, changes) in &mut outcome.accepted {
            let subject = &objects[*at].subject;
            let Some(document) = own.get(&build_subject_key(subject)) else { continue };
            // what still differs was not written
            let left = find_changes(document, &objects[*at], self.options)?.accepted;
            changes.retain(|change| !left.iter().any(|own| own.path == change.path));
        }
        outcome.accepted.retain(|_, changes| !changes.is_empty());
        let accepted: Vec<AcceptedEdit> = outcome
            .accepted
            .iter()
            .map(|(at, changes)| AcceptedEdit { key: build_subject_key(&objects[*at].subject), changes })
            .collect();
        outcome.other_number = check_edits(self.before, after, &accepted, self.options.into)?;
        Ok(())
    }
}

/// The differences of an object that are accepted.
///
/// # Errors
/// When it cannot be compared.
pub fn find_changes(
    document: &Document,
    object: &AcceptedObject,
    options: &AcceptOptions,
) -> Result<SelectedChanges, Vec<Diagnostic>> {
    let proposal = compare_with_live(document, &object.subject, &object.live);
    let known = [&proposal.changes[..], &object.pending[..]].concat();
    let open: Vec<Diagnostic> =
        proposal.errors.into_iter().filter(|fault| !is_answered(fault, &known)).collect();
    match open.is_empty() {
        true => Ok(select_changes(document, object, proposal.changes, options)),
        false => Err(open),
    }
}

fn diagnose_unsettled(object: &AcceptedObject) -> Diagnostic {
    let message = format!("no edit makes `{}` say what is live", object.subject.name);
    Diagnostic::error("not-verified", message)
        .with_location(object.subject.place.clone())
        .with_hint("change its document by hand")
}
