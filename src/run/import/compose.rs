//! What becomes of each object: a new document, edits of the one that is there, or the reason why nothing is written.
//!
//! Whatever is to be written is read again at once and held against the live object, so that what comes out of
//! here says what is live, as a plan would see it.

use std::collections::HashMap;
use std::sync::Arc;

use super::draft::{DraftOptions, ObjectDraft, draft_object};
use super::edited_file::EditedDocument;
use super::import_job::ImportJob;
use super::imported_object::{ExistingDocument, ImportAction, ImportContext, ImportedObject};
use super::imported_references::{ImportedReferences, resolve_references};
use super::match_check::{check_matches_live, diagnose_unverified};
use super::names::{TakenNames, VariableNames, to_variable_words};
use super::pending::{EditHistory, take_pending_changes};
use super::revise::{compare_document, revise_document};
use super::{FetchedObjects, names};
use crate::diagnostic::{Diagnostic, NamedSource, has_errors};
use crate::document::write::{DocumentContent, is_guarded, render_document};
use crate::document::{self, Document, DocumentState};
use crate::kind::ScalarType;
use crate::kind::registry::KindRegistry;
use crate::remote::target_client::TargetClient;
use crate::remote::wire::Snapshot;
use crate::run::natural_key::{build_desired_key, build_live_key};
use crate::value::{Object, Sensitivity};
use crate::yaml::{self, YamlNode};

type ReferenceResult = Result<ImportedReferences, Vec<Diagnostic>>;

impl ImportJob {
    /// Says what becomes of each object; what documents name is looked up.
    pub async fn compose_objects<'e>(
        &self,
        service: &TargetClient,
        fetched: &'e FetchedObjects,
        place: &ImportContext<'e>,
        taken: &mut TakenNames,
    ) -> Vec<ImportedObject<'e>> {
        let owners = self.match_documents(fetched, &place.existing);
        let mut told = self.resolve_existing(service, fetched, &owners).await;
        let pairs = || fetched.objects.iter().zip(&owners);
        let fresh: Vec<&Object> =
            pairs().filter(|(_, owner)| owner.is_none()).map(|(live, _)| &live.object).collect();
        let mut names = names::assign_names(&self.kind, &fresh, taken).into_iter();
        let mut composing = ImportComposer {
            import: self,
            registry: place.registry,
            variables: &mut taken.variables,
            history: place.history,
            trees: HashMap::new(),
        };
        let each = pairs().enumerate().map(|(at, (live, owner))| match owner {
            Some(owner) => composing.compose_existing(live, owner, told.remove(&at)),
            None => composing.compose_new(live, names.next().unwrap_or_default()),
        });
        each.collect()
    }

    /// What documents mean that name something, by the places of their objects.
    async fn resolve_existing(
        &self,
        service: &TargetClient,
        fetched: &FetchedObjects,
        owners: &[Option<&ExistingDocument<'_>>],
    ) -> HashMap<usize, ReferenceResult> {
        let naming = fetched.objects.iter().zip(owners).enumerate().filter_map(|(at, (live, owner))| {
            let document = owner.filter(|owner| owner.is_editable)?.document;
            (!document.collect_references().is_empty()).then_some((at, (document, live)))
        });
        let (places, pairs): (Vec<usize>, Vec<(&Document, &Snapshot)>) = naming.unzip();
        places.into_iter().zip(resolve_references(self, service, &pairs).await).collect()
    }

    /// The document of each object: by id, else by natural key where that is one object's alone.
    fn match_documents<'e, 'x>(
        &self,
        fetched: &FetchedObjects,
        existing: &'x [ExistingDocument<'e>],
    ) -> Vec<Option<&'x ExistingDocument<'e>>> {
        let (mut by_id, mut by_key) = (HashMap::new(), HashMap::new());
        for existing in existing {
            match &existing.document.id {
                Some(id) => by_id.insert(ScalarType::render_url_text(id, &self.kind.api), existing),
                None => build_desired_key(&self.kind, existing.document)
                    .and_then(|key| by_key.insert(key, existing)),
            };
        }
        let keys: Vec<Option<String>> =
            fetched.objects.iter().map(|live| build_live_key(&self.kind, &live.object)).collect();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        keys.iter().flatten().for_each(|key| *counts.entry(key).or_default() += 1);
        let each = fetched.objects.iter().zip(&keys).map(|(live, key)| {
            let own_key = key.as_deref().filter(|key| counts.get(key) == Some(&1));
            let by_id = by_id.get(&self.format_id(live)).copied();
            by_id.or_else(|| own_key.and_then(|key| by_key.get(key).copied()))
        });
        each.collect()
    }
}

struct ImportComposer<'c, 'e> {
    import: &'c ImportJob,
    registry: &'c KindRegistry,
    variables: &'c mut VariableNames,
    history: &'c dyn EditHistory,
    /// The trees of files with documents that change, by their paths.
    trees: HashMap<&'e str, Vec<YamlNode<'e>>>,
}

impl<'e> ImportComposer<'_, 'e> {
    fn draft_object(&mut self, live: &Snapshot, name: &str) -> ObjectDraft {
        let import = self.import;
        let mut words = vec![to_variable_words(&import.kind.api.name)];
        // the same name on two targets is two objects, with two secrets
        words.extend(import.names_target.then(|| to_variable_words(&import.target)));
        words.push(to_variable_words(name));
        let (personal, no_secrets) = (import.personal, import.no_secrets);
        let manner = DraftOptions { kind: &import.kind, personal, no_secrets, words };
        draft_object(&manner, &live.object, self.variables)
    }

    fn compose_existing(
        &mut self,
        live: &'e Snapshot,
        existing: &ExistingDocument<'e>,
        told: Option<ReferenceResult>,
    ) -> ImportedObject<'e> {
        let document = existing.document;
        let mut composed = ImportedObject {
            kind: Arc::clone(&self.import.kind),
            name: document.name.to_string(),
            live,
            references: ImportedReferences::default(),
            action: ImportAction::Unchanged(document),
            changes: Vec::new(),
            pending: Vec::new(),
            variables: Vec::new(),
            omitted: 0,
        };
        if document.state == DocumentState::Absent {
            composed.action = ImportAction::Refused(vec![diagnose_absent_document(document)]);
        } else if !existing.is_editable {
            composed.action = ImportAction::Elsewhere(document);
        } else {
            match told.transpose() {
                Ok(meanings) => {
                    composed.references = meanings.unwrap_or_default();
                    self.compare_document(document, &mut composed);
                }
                Err(reasons) => composed.action = ImportAction::Refused(reasons),
            }
        }
        composed
    }

    /// Holds a document against its object; where it differs, or may grow, it is revised.
    fn compare_document(&mut self, document: &'e Document, composed: &mut ImportedObject<'e>) {
        let live = composed.live;
        let subject = self.import.build_subject(document, &live.object);
        let mut proposal = compare_document(document, &composed.references, &subject, &live.object);
        // names mean ids, as in what was recorded
        let meant = composed.references.fill_known(document, &live.object);
        composed.pending = take_pending_changes(self.history, &meant, &subject, &mut proposal);
        if !composed.pending.is_empty() {
            composed.action = ImportAction::Pending(document);
        }
        if proposal.changes.is_empty() && proposal.errors.is_empty() && !self.import.all_fields {
            return;
        }
        let draft = self.draft_object(live, &document.name);
        let source = &document.source;
        let nodes =
            self.trees.entry(&source.path).or_insert_with(|| yaml::read_documents(source, &mut Vec::new()));
        let after = nodes.partition_point(|node| node.span.start <= document.name_span.start);
        let root = after.checked_sub(1).and_then(|at| nodes.get(at));
        let Some(root) = root.filter(|root| document.name_span.end <= root.span.end) else {
            composed.action = ImportAction::Refused(vec![diagnose_unfound_document(document)]);
            return;
        };
        match revise_document(self.import, document, root, &proposal, &draft) {
            Ok(None) => {}
            Ok(Some(revision)) => {
                composed.variables = revision.variables;
                composed.changes = proposal.changes;
                let meanings = composed.references.clone();
                let (cuts, touched) = (revision.cuts, revision.touched);
                composed.action = ImportAction::Changed(EditedDocument {
                    document,
                    live,
                    references: meanings,
                    pending: composed.pending.clone(),
                    cuts,
                    touched,
                });
            }
            Err(faults) => composed.action = ImportAction::Refused(faults),
        }
    }

    fn compose_new(&mut self, live: &'e Snapshot, name: String) -> ImportedObject<'e> {
        let draft = self.draft_object(live, &name);
        let guarded = draft.omitted;
        let variables = draft.variables.clone();
        let work = match self.write_document(live, &name, &draft) {
            Ok(text) => ImportAction::New { text },
            Err(faults) => ImportAction::Refused(faults),
        };
        ImportedObject {
            kind: Arc::clone(&self.import.kind),
            name,
            live,
            references: ImportedReferences::default(),
            action: work,
            changes: Vec::new(),
            pending: Vec::new(),
            variables,
            omitted: guarded,
        }
    }

    /// The text of a new document, read again and held against the live object.
    fn write_document(
        &self,
        live: &Snapshot,
        name: &str,
        draft: &ObjectDraft,
    ) -> Result<String, Vec<Diagnostic>> {
        let import = self.import;
        let id = live.object.get_field(import.kind.identity.id).filter(|id| !id.is_blank());
        let id_mark = import.kind.id_field().sensitivity;
        // an id that must not be written may be spared where the natural key finds the object
        let id = id.filter(|_| id_mark == Sensitivity::Public || (import.personal && is_guarded(id_mark)));
        let spec = draft.build_distinct_spec(&import.kind.shape);
        let head = build_header(draft);
        let sheet = DocumentContent {
            kind: &import.kind,
            name,
            target: import.names_target.then_some(&*import.target),
            id,
            scope: &import.own_scope,
            spec: &spec,
            comments: &draft.remarks,
            header_comments: &head,
            allow_personal: import.personal,
            omit_guarded: false,
            state: DocumentState::Present,
            protect: false,
            depends_on: &[],
        };
        let text = render_document(&sheet).map_err(|fault| vec![fault])?;
        self.verify_text(name, &text, live)?;
        Ok(text)
    }

    fn verify_text(&self, name: &str, text: &str, live: &Snapshot) -> Result<(), Vec<Diagnostic>> {
        let source = NamedSource::new(format!("{name} (not written)"), text);
        let mut faults = Vec::new();
        let documents = document::read_documents(&source, self.registry, &mut faults);
        if has_errors(&faults) {
            return Err(faults);
        }
        let [document] = documents.as_slice() else { return Err(vec![diagnose_unverified(name, &[])]) };
        check_matches_live(self.import, document, &ImportedReferences::default(), live, &[])
    }
}

/// What stands above a new document.
fn build_header(draft: &ObjectDraft) -> Vec<String> {
    let mut head = Vec::new();
    if !draft.variables.is_empty() {
        head.push("Set in the environment:".to_owned());
        head.extend(draft.variables.iter().map(|own| format!("  {}  for {}", own.name, own.field)));
    }
    if draft.omitted > 0 {
        let fields = if draft.omitted == 1 { "field is" } else { "fields are" };
        head.push(format!(
            "{} personal or internal {fields} omitted; `trueup import --personal` writes them",
            draft.omitted
        ));
    }
    head
}

fn diagnose_absent_document(document: &Document) -> Diagnostic {
    Diagnostic::warning("state-absent", "the document of this object asks for its removal")
        .with_location(document.locate_span(document.name_span))
        .with_hint("it is left as it is; take `state: absent` out to import the object")
}

fn diagnose_unfound_document(document: &Document) -> Diagnostic {
    Diagnostic::error("unsafe-edit", "this document can't be found again in its file")
        .with_location(document.locate_span(document.name_span))
        .with_hint("write it without aliases around it")
}
