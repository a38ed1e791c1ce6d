//! One kind of a draft, from a resource of the document.
//!
//! Puts together what `identity`, `scope`, `operations`, `field` and `examples` draft.
//! Deliberately absent: each of these.

use crate::openapi::document::OpenApiDocument;
use crate::openapi::examples::ExampleSource;
use crate::openapi::field::{DraftField, FieldDrafter, build_fields_entry, is_last_edit};
use crate::openapi::flatten_schema::{FlatSchema, merge_schemas};
use crate::openapi::identity::{
    CreateChoice, DraftIdField, KeyEvidence, NaturalKey, build_identity_entry, infer_id_field,
    infer_natural_key,
};
use crate::openapi::member_path::{ObjectPlace, locate_object, select_member};
use crate::openapi::naming;
use crate::openapi::operations::{OperationDrafter, WriteDraft};
use crate::openapi::resource::{OpenApiOperation, OpenApiResource};
use crate::openapi::schema_pair::{OperationSchemas, SchemaPresence};
use crate::openapi::scope::{DraftScope, build_scope_entry, infer_scopes};
use crate::openapi::yaml_writer::{DraftEntry, DraftValue};

/// A resource with its name.
pub struct NamedResource {
    pub name: String,
    pub resource: OpenApiResource,
}

/// What every kind of a draft needs to know.
pub struct DraftContext<'w> {
    pub document: &'w OpenApiDocument,
    pub api: &'w str,
    /// What the document is called.
    pub source_name: &'w str,
    pub kind_names: &'w [String],
}

/// One kind on its way.
struct KindDrafter<'s> {
    context: &'s DraftContext<'s>,
    named_resource: &'s NamedResource,
    /// What is read, from the list and from single objects.
    read_schema: FlatSchema,
    create: Option<WriteDraft<'s>>,
    put: Option<WriteDraft<'s>>,
    patch: Option<WriteDraft<'s>>,
    post: Option<WriteDraft<'s>>,
    /// All that updates take.
    update_schema: Option<FlatSchema>,
    id_field: DraftIdField,
    scope: Vec<DraftScope>,
    shows_summary: bool,
}

/// The lines of a kind's file.
///
/// # Errors
/// Why the resource cannot be a kind.
pub fn draft_kind(
    context: &DraftContext,
    named: &NamedResource,
    samples: bool,
) -> Result<Vec<DraftEntry>, String> {
    let drafter = KindDrafter::from_resource(context, named);
    if !drafter.id_field.is_shown() {
        let parameter = naming::sanitize_text(&named.resource.item.parameter);
        return Err(format!("no member of its answers holds what its path names `{parameter}`"));
    }
    Ok(drafter.draft_entries(samples))
}

impl<'s> KindDrafter<'s> {
    fn from_resource(context: &'s DraftContext<'s>, named: &'s NamedResource) -> Self {
        let (resource, item) = (&named.resource, &named.resource.item);
        let listed = &resource.envelope.item;
        let single = item.get.as_ref().and_then(|get| find_single_object(get, listed));
        let read_schema = match single {
            Some(single) => merge_schemas(single.clone(), listed.clone()),
            None => listed.clone(),
        };
        let write =
            |op: &'s Option<OpenApiOperation>| op.as_ref().map(|op| WriteDraft::new(op, &read_schema));
        let (create, put, patch, post) =
            (write(&resource.create), write(&item.put), write(&item.patch), write(&item.post));
        let bodies = [&put, &patch, &post].map(|write| write.as_ref().and_then(|write| write.body.clone()));
        let update_schema = bodies.into_iter().flatten().reduce(merge_schemas);
        let created = create.as_ref().and_then(|write| write.body.as_ref());
        let id_field = infer_id_field(&named.name, &item.parameter, &read_schema, created);
        let scope = infer_scopes(context.document, &resource.list, &id_field.name);
        let written = [created, update_schema.as_ref()];
        let shows_summary = single.is_some_and(|single| is_summary(listed, single, &written));
        Self {
            context,
            named_resource: named,
            shows_summary,
            read_schema,
            create,
            put,
            patch,
            post,
            update_schema,
            id_field,
            scope,
        }
    }

    fn resource(&self) -> &'s OpenApiResource {
        &self.named_resource.resource
    }

    fn draft_entries(mut self, samples: bool) -> Vec<DraftEntry> {
        let natural_key = self.infer_key();
        let create_choice = self.choose_create(natural_key.is_some());
        if matches!(create_choice, CreateChoice::LeftOut(_)) {
            self.create = None;
        }
        let drafter = FieldDrafter {
            api: self.context.api,
            kind_names: self.context.kind_names,
            id_field: (&self.id_field.name, self.id_field.client_assigned),
            key_field: natural_key.as_ref().and_then(NaturalKey::required_field),
            full_body: self.put.is_some() || self.post.is_some(),
        };
        let (mut fields, left_out) = drafter.draft_fields(&self.build_schemas());
        if let Some(at) = fields.iter().position(|field| field.name == self.id_field.name) {
            let id = fields.remove(at);
            fields.insert(0, id);
        }
        let operations = OperationDrafter {
            document: self.context.document,
            resource: self.resource(),
            read_schema: &self.read_schema,
            id_field: &self.id_field,
            scope: &self.scope,
            natural_key: natural_key.as_ref(),
            fields: &fields,
            shows_summary: self.shows_summary,
            create: self.create.as_ref(),
            put: self.put.as_ref(),
            patch: self.patch.as_ref(),
            post: self.post.as_ref(),
        }
        .build_entry();
        let identity = build_identity_entry(&self.id_field, natural_key.as_ref(), &fields, &create_choice);
        let mut entries = self.draft_head();
        entries.extend(build_scope_entry(&self.scope));
        entries.extend([identity, operations]);
        entries.extend(build_history_entry(&fields));
        entries.push(build_fields_entry(fields, &left_out));
        entries.extend(samples.then(|| self.build_examples_entry()).flatten());
        entries
    }

    fn infer_key(&self) -> Option<NaturalKey> {
        if self.id_field.client_assigned {
            return None;
        }
        infer_natural_key(&KeyEvidence {
            schemas: self.build_schemas(),
            listed: &self.resource().envelope.item,
            kind: &self.named_resource.name,
            id: &self.id_field.name,
            may_conflict: self.create.as_ref().is_some_and(|create| create.operation.may_conflict()),
        })
    }

    /// What becomes of the create: without a key it is left out where objects can be written otherwise.
    fn choose_create(&self, has_key: bool) -> CreateChoice {
        let updates = self.put.is_some() || self.patch.is_some() || self.post.is_some();
        match &self.create {
            Some(create) if !has_key && !self.id_field.client_assigned => match updates {
                true => CreateChoice::LeftOut(create.operation.path.clone()),
                false => CreateChoice::Risky,
            },
            _ => CreateChoice::Safe,
        }
    }

    fn draft_head(&self) -> Vec<DraftEntry> {
        let source = format!("{}, {}", self.context.source_name, self.resource().path);
        vec![
            DraftEntry::from_keyword("format", 1),
            DraftEntry::from_text("title", self.draft_title()),
            DraftEntry::from_text("description", self.draft_description()),
            DraftEntry::from_text("source", source),
        ]
    }

    fn build_examples_entry(&self) -> Option<DraftEntry> {
        let source = ExampleSource {
            document: self.context.document,
            resource: self.resource(),
            read_schema: &self.read_schema,
            id: &self.id_field.name,
            scope: &self.scope,
        };
        source.build_entry()
    }

    fn build_schemas(&self) -> OperationSchemas<'_> {
        let created = self.create.as_ref().and_then(|write| write.body.as_ref());
        OperationSchemas {
            read: SchemaPresence::from_schema(Some(&self.read_schema)),
            create: SchemaPresence::from_schema(created),
            update: SchemaPresence::from_schema(self.update_schema.as_ref()),
        }
    }

    fn draft_title(&self) -> String {
        let of_schema = self
            .read_schema
            .title
            .clone()
            .or_else(|| self.read_schema.name.as_deref().map(naming::humanize_name));
        let title = of_schema.filter(|title| !title.trim().is_empty());
        title.unwrap_or_else(|| naming::humanize_name(&self.named_resource.name))
    }

    fn draft_description(&self) -> String {
        let said = self.read_schema.description.clone().or_else(|| self.resource().list.read_description());
        said.unwrap_or_else(|| {
            format!("What the service lists at {}.", naming::sanitize_text(&self.resource().path))
        })
    }
}

/// The object in the answer about one object, where it is like those of the list.
fn find_single_object<'o>(get: &'o OpenApiOperation, listed: &FlatSchema) -> Option<&'o FlatSchema> {
    let answer = get.response.schema.as_ref()?;
    match locate_object(answer, listed) {
        ObjectPlace::Whole => Some(answer),
        ObjectPlace::Member(path) => select_member(answer, &path),
        ObjectPlace::Nowhere => None,
    }
}

/// Whether the list lacks a member that a read of one object shows and a write takes.
fn is_summary(listed: &FlatSchema, single: &FlatSchema, written: &[Option<&FlatSchema>]) -> bool {
    single.properties().iter().any(|member| {
        let taken = written.iter().flatten().any(|body| body.find_property(&member.name).is_some());
        taken && listed.find_property(&member.name).is_none()
    })
}

fn build_history_entry(fields: &[DraftField]) -> Option<DraftEntry> {
    let edited =
        |field: &&DraftField| field.behavior.read_only && field.ty == "datetime" && is_last_edit(&field.name);
    let field = fields.iter().find(edited)?;
    let changed_at = DraftEntry::from_text("changed_at", &*field.name).with_polish(
        "whether it changes with every edit; then nothing is written over an edit made since the plan",
    );
    Some(DraftEntry::new("history", DraftValue::Mapping(vec![changed_at])))
}
