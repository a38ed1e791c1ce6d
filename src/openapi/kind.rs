//! One kind of a draft: identity, operations, fields, samples, from a resource of the document.
//!
//! Deliberately absent: what a field is; `field` drafts those.

use std::collections::BTreeSet;

use openapiv3::Parameter;
use serde_json::Value as Json;

use crate::openapi::document::OpenApiDocument;
use crate::openapi::field::{DraftField, FieldDrafter, build_fields_entry, is_last_edit};
use crate::openapi::flatten_schema::{FlatSchema, SchemaForm, merge_schemas};
use crate::openapi::naming::normalize_name;
use crate::openapi::resource::{
    OpenApiLocation, OpenApiOperation, OpenApiResource, flatten_parameter, get_parameter_name,
    locate_parameter,
};
use crate::openapi::schema_pair::{OperationSchemas, SchemaPresence};
use crate::openapi::yaml_writer::{DraftEntry, DraftValue};
use crate::openapi::{naming, paging, yaml_writer};

/// The most samples of a kind.
const MAX_EXAMPLES: usize = 3;

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
    /// What is read, written anew, and changed.
    read_schema: FlatSchema,
    create_schema: Option<&'s FlatSchema>,
    update_schema: Option<FlatSchema>,
    id_field: DraftIdField,
    scope: Vec<DraftScope>,
    /// Whether its single objects come wrapped in a member.
    wrapped_in_member: bool,
}

/// The field that holds the service's id.
struct DraftIdField {
    name: String,
    client_assigned: bool,
    /// Why it may be another one.
    decision: Option<String>,
}

/// A parameter that documents or targets fix.
struct DraftScope {
    name: String,
    ty: &'static str,
    description: String,
    in_query: bool,
    example: Option<Json>,
}

/// The text of a kind's file.
///
/// # Errors
/// Why the resource cannot be said in the format.
pub fn render_kind(
    whole: &DraftContext,
    named: &NamedResource,
    samples: bool,
) -> Result<String, &'static str> {
    let study = KindDrafter::from_resource(whole, named)?;
    Ok(study.render_text(samples))
}

impl<'s> KindDrafter<'s> {
    fn from_resource(whole: &'s DraftContext<'s>, named: &'s NamedResource) -> Result<Self, &'static str> {
        let (resource, item) = (&named.resource, &named.resource.item);
        let listed = resource.envelope.item.clone();
        let single = item.get.as_ref().and_then(|get| get.response.schema.as_ref());
        let read = match single.filter(|single| has_common_member(single, &listed)) {
            Some(single) => merge_schemas(single.clone(), listed),
            None => listed,
        };
        let wrapped =
            single.is_some_and(|single| !single.properties().is_empty() && !has_common_member(single, &read));
        let create = resource.create.as_ref().and_then(|op| op.body.as_ref());
        let bodies =
            [&item.put, &item.patch, &item.post].map(|op| op.as_ref().and_then(|op| op.body.clone()));
        let update = bodies.into_iter().flatten().reduce(merge_schemas);
        if create.into_iter().chain(&update).any(|body| is_wrapped_body(body, &read)) {
            return Err("its bodies are wrapped in a member, which the format cannot say");
        }
        let id = infer_id_field(named, &read, create);
        let scope = infer_scopes(whole.document, named, &id.name);
        Ok(Self {
            context: whole,
            named_resource: named,
            read_schema: read,
            create_schema: create,
            update_schema: update,
            id_field: id,
            scope,
            wrapped_in_member: wrapped,
        })
    }

    fn resource(&self) -> &OpenApiResource {
        &self.named_resource.resource
    }

    fn render_text(&self, samples: bool) -> String {
        let scene = FieldDrafter {
            api: self.context.api,
            kind_names: self.context.kind_names,
            id_field: (&self.id_field.name, self.id_field.client_assigned),
            full_body: self.resource().item.put.is_some(),
        };
        let (mut fields, left_out) = scene.draft_fields(&self.build_schemas());
        let id = match fields.iter().position(|field| field.name == self.id_field.name) {
            Some(at) => fields.remove(at),
            None => self.draft_missing_id(),
        };
        fields.insert(0, id);
        let natural_key = match self.id_field.client_assigned {
            true => Some(self.id_field.name.clone()),
            false => infer_natural_key(&fields, &self.named_resource.name, &self.id_field.name),
        };
        let mut lines = vec![
            DraftEntry::from_keyword("format", 1),
            DraftEntry::from_text("title", self.draft_title()),
            DraftEntry::from_text("description", self.draft_description()),
            DraftEntry::from_text(
                "source",
                format!("{}, {}", self.context.source_name, self.resource().path),
            ),
        ];
        lines.extend(self.build_scope_entry());
        let import_name = natural_key.as_deref().and_then(|key| infer_import_name(&fields, key));
        lines.push(self.build_identity_entry(natural_key.as_deref(), import_name));
        lines.push(self.build_operations_entry(&fields, natural_key.is_some()));
        lines.extend(build_history_entry(&fields));
        lines.push(build_fields_entry(fields, &left_out));
        lines.extend(samples.then(|| self.build_examples_entry()).flatten());
        let top = ["yaml-language-server: $schema=../../schemas/kind.json".to_owned()];
        yaml_writer::render_entries(&top, &lines)
    }

    fn build_schemas(&self) -> OperationSchemas<'_> {
        OperationSchemas {
            read: SchemaPresence::from_schema(Some(&self.read_schema)),
            create: SchemaPresence::from_schema(self.create_schema),
            update: SchemaPresence::from_schema(self.update_schema.as_ref()),
        }
    }

    /// The id, where no schema of the document shows a field for it.
    fn draft_missing_id(&self) -> DraftField {
        let ty = self.infer_parameter_type(&self.resource().item.parameter);
        let lines = vec![
            DraftEntry::from_keyword("type", ty),
            DraftEntry::from_text("description", "The service's own id."),
            DraftEntry::from_keyword(
                if self.id_field.client_assigned { "immutable" } else { "read_only" },
                true,
            ),
        ];
        DraftField {
            name: self.id_field.name.clone(),
            ty,
            behavior: crate::openapi::schema_pair::DraftBehavior {
                read_only: !self.id_field.client_assigned,
                ..Default::default()
            },
            sensitivity: None,
            entry: DraftEntry::new(&*self.id_field.name, DraftValue::Mapping(lines)),
        }
    }

    fn infer_parameter_type(&self, wanted: &str) -> &'static str {
        let item = &self.resource().item;
        let ops = [&item.get, &item.put, &item.patch, &item.post, &item.delete];
        let mut all = ops.into_iter().flatten().flat_map(|op| &op.parameters);
        let found = all.find(|parameter| {
            locate_parameter(parameter) == OpenApiLocation::Path && get_parameter_name(parameter) == wanted
        });
        found.map_or("string", |parameter| {
            infer_scope_type(flatten_parameter(self.context.document, parameter).as_ref())
        })
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

    fn build_scope_entry(&self) -> Option<DraftEntry> {
        let one = |scope: &DraftScope| {
            let mut lines = vec![
                DraftEntry::from_keyword("type", scope.ty),
                DraftEntry::from_text("description", &*scope.description),
            ];
            if scope.in_query {
                let remark = "the list demands it; with `query` it is added to every operation";
                lines.push(DraftEntry::from_keyword("in", "query").with_decision(remark));
            }
            lines.extend(
                scope.example.clone().map(|example| DraftEntry::new("example", DraftValue::Json(example))),
            );
            DraftEntry::new(&*scope.name, DraftValue::Mapping(lines))
        };
        let lines: Vec<DraftEntry> = self.scope.iter().map(one).collect();
        (!lines.is_empty()).then(|| DraftEntry::new("scope", DraftValue::Mapping(lines)))
    }

    fn build_identity_entry(&self, natural_key: Option<&str>, import_name: Option<&str>) -> DraftEntry {
        let mut lines = vec![
            DraftEntry::from_text("id", &*self.id_field.name).with_decisions(self.id_field.decision.clone()),
        ];
        if self.id_field.client_assigned {
            lines.push(
                DraftEntry::from_keyword("id_assigned_by", "client")
                    .with_decision("the document's create demands the id"),
            );
        }
        match natural_key {
            Some(key) if self.id_field.client_assigned => {
                lines.push(DraftEntry::new("natural_key", DraftValue::FlowList(vec![key.to_owned()])));
            }
            Some(key) => {
                let own = naming::sanitize_text(key);
                let remark = format!(
                    "whether no two objects have the same `{own}`; by it a document without `id` finds its object"
                );
                lines.push(
                    DraftEntry::new("natural_key", DraftValue::FlowList(vec![key.to_owned()]))
                        .with_decision(remark),
                );
            }
            None => {
                let remark = "by which fields a document without `id` finds its object: natural_key: [field]";
                lines = lines.into_iter().map(|line| line.with_decision(remark)).collect();
            }
        }
        lines.extend(import_name.map(|name| {
            let line = DraftEntry::new("import_name", DraftValue::FlowList(vec![name.to_owned()]));
            line.with_decision(
                "the natural key is sensitive; an import makes names of documents and files from this instead",
            )
        }));
        DraftEntry::new("identity", DraftValue::Mapping(lines))
    }

    fn build_operations_entry(&self, fields: &[DraftField], has_key: bool) -> DraftEntry {
        let (resource, item) = (self.resource(), &self.resource().item);
        // the words of the format read an object only where it stands by itself
        let remark = "one object is answered wrapped in a member, which the format cannot say, so all are read \
                      by the list";
        let remark = self.wrapped_in_member.then_some(remark);
        let mut lines = vec![
            DraftEntry::new("list", DraftValue::Mapping(self.build_list_entries())).with_decisions(remark),
        ];
        if let Some(get) = item.get.as_ref().filter(|_| !self.wrapped_in_member) {
            lines.push(DraftEntry::new(
                "get",
                DraftValue::Mapping(self.build_operation_entries(get, "get", true)),
            ));
        }
        if let Some(create) = &resource.create {
            lines.push(DraftEntry::new(
                "create",
                DraftValue::Mapping(self.build_create_entries(create, has_key)),
            ));
        }
        lines.extend(self.build_update_entries(fields));
        if let Some(delete) = &item.delete {
            lines.push(DraftEntry::new(
                "delete",
                DraftValue::Mapping(self.build_operation_entries(delete, "delete", true)),
            ));
        }
        lines.extend(self.build_if_match_entry());
        DraftEntry::new("operations", DraftValue::Mapping(lines))
    }

    /// What binds a write to the state that was read, where the document knows the header.
    fn build_if_match_entry(&self) -> Option<DraftEntry> {
        let item = &self.resource().item;
        item.get.as_ref().filter(|_| !self.wrapped_in_member)?;
        let writes = [&item.put, &item.patch, &item.post, &item.delete];
        let takes = |op: &OpenApiOperation| {
            let own = |parameter: &Parameter| {
                locate_parameter(parameter) == OpenApiLocation::Header
                    && get_parameter_name(parameter).eq_ignore_ascii_case("If-Match")
            };
            op.parameters.iter().any(own)
        };
        let any = writes.into_iter().flatten().any(takes);
        let remark = "the document declares the header If-Match; this is right where a read of one object answers \
                      its `ETag`, else `if_match: { field: NAME }`";
        any.then(|| DraftEntry::from_keyword("if_match", "etag").with_decision(remark))
    }

    fn build_list_entries(&self) -> Vec<DraftEntry> {
        let (list, envelope) = (&self.resource().list, &self.resource().envelope);
        let mut lines = vec![DraftEntry::from_text("get", self.rewrite_path(&list.path, false))];
        let paging = paging::draft_paging(self.context.document, list, envelope);
        lines.extend(paging.query);
        if let Some(items) = &envelope.items {
            let remark = envelope.ambiguous.then_some("another member of the answer holds a list too");
            lines.push(DraftEntry::from_text("items", &**items).with_decisions(remark));
        }
        lines.extend(paging.paging);
        lines.extend(build_source_entry(list));
        lines
    }

    fn build_create_entries(&self, create: &OpenApiOperation, has_key: bool) -> Vec<DraftEntry> {
        let mut lines = self.build_operation_entries(create, "post", false);
        let answer = match self.infer_response(create) {
            "none" if !has_key && !self.id_field.client_assigned => {
                let remark = "the document shows no answer, but without id and natural key nobody can say \
                              which object was made";
                DraftEntry::from_keyword("response", "id").with_decision(remark)
            }
            word => DraftEntry::from_keyword("response", word),
        };
        lines.insert(1, answer);
        lines
    }

    /// Updates: the smallest way that there is, and the whole one beside it.
    fn build_update_entries(&self, fields: &[DraftField]) -> Vec<DraftEntry> {
        let item = &self.resource().item;
        let mut lines = Vec::new();
        let small = item.patch.as_ref().map(|op| (op, "patch")).or(match &item.put {
            None => item.post.as_ref().map(|op| (op, "post")),
            Some(_) => None,
        });
        if let Some((op, verb)) = small {
            lines.push(DraftEntry::new(
                "update",
                DraftValue::Mapping(self.build_partial_update_entries((op, verb), fields)),
            ));
        }
        if let Some(put) = &item.put {
            let word = if small.is_some() { "replace" } else { "update" };
            let mut own = self.build_operation_entries(put, "put", true);
            let remark = "`full` if what a PUT leaves out is reset; it is the careful reading";
            own.insert(
                1,
                DraftEntry::from_keyword("body", "full").with_decisions((word == "update").then_some(remark)),
            );
            own.insert(2, DraftEntry::from_keyword("response", self.infer_response(put)));
            lines.push(DraftEntry::new(word, DraftValue::Mapping(own)));
        }
        lines
    }

    fn build_partial_update_entries(
        &self,
        (op, verb): (&OpenApiOperation, &str),
        fields: &[DraftField],
    ) -> Vec<DraftEntry> {
        let mut lines = self.build_operation_entries(op, verb, true);
        let remark = match verb {
            "post" => "whether this POST changes only what it is sent",
            _ => "`changes` if this PATCH leaves alone what it is not sent; else `full`",
        };
        lines.insert(1, DraftEntry::from_keyword("body", "changes").with_decision(remark));
        let nested =
            |field: &DraftField| !field.behavior.read_only && ["object", "map", "array"].contains(&field.ty);
        if fields.iter().any(nested) {
            let remark = "`whole` is right where lists and objects are replaced, and where they are merged and \
                          nothing is left out; `parts` sends less";
            let granularity = DraftEntry::from_keyword("granularity", "whole").with_decision(remark);
            lines.insert(2, DraftEntry::new("nested_fields", DraftValue::Mapping(vec![granularity])));
        }
        lines.push(DraftEntry::from_keyword("response", self.infer_response(op)));
        lines
    }

    /// The path of an operation, and where the facts come from.
    fn build_operation_entries(&self, op: &OpenApiOperation, verb: &str, of_one: bool) -> Vec<DraftEntry> {
        let in_scope = |wanted: &str| self.scope.iter().any(|scope| scope.in_query && scope.name == wanted);
        let demanded = op.list_query_parameters().filter(|parameter| parameter.parameter_data_ref().required);
        let demanded: Vec<String> = demanded
            .map(get_parameter_name)
            .filter(|name| !in_scope(name))
            .map(|name| format!("`{}`", naming::sanitize_text(name)))
            .collect();
        let remark = match demanded.as_slice() {
            [] => None,
            several => {
                Some(format!("the document demands {} in the query of this operation", several.join(", ")))
            }
        };
        let media = op.media_type.as_ref().map(|media| {
            format!(
                "the document takes `{}` here; trueup sends application/json",
                naming::sanitize_text(media)
            )
        });
        let mut lines = vec![
            DraftEntry::from_text(verb, self.rewrite_path(&op.path, of_one))
                .with_decisions(remark)
                .with_decisions(media),
        ];
        lines.extend(build_source_entry(op));
        lines
    }

    /// A path in the words of the format: the parameters by the names of scope and id.
    fn rewrite_path(&self, path: &str, of_one: bool) -> String {
        let slash = if path.len() > 1 && path.ends_with('/') { "/" } else { "" };
        let mut names = self.scope.iter().filter(|scope| !scope.in_query).map(|scope| scope.name.as_str());
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        let last = parts.len().saturating_sub(1);
        let part = |(at, part): (usize, &&str)| match part.starts_with('{') {
            true if of_one && at == last => format!("{{{}}}", self.id_field.name),
            true => names.next().map_or_else(|| (*part).to_owned(), |name| format!("{{{name}}}")),
            false => (*part).to_owned(),
        };
        let joined: Vec<String> = parts.iter().enumerate().map(part).collect();
        let joined = joined.join("/");
        if joined.is_empty() { "/".to_owned() } else { format!("{joined}{slash}") }
    }

    /// What a write answers: the object as a read shows it, its id, or nothing of use.
    fn infer_response(&self, op: &OpenApiOperation) -> &'static str {
        let Some(plain) = &op.response.schema else { return "none" };
        let has = |name: &str| plain.find_property(name).is_some();
        match &plain.form {
            SchemaForm::String(_) | SchemaForm::Integer { .. } => "id",
            _ if !has(&self.id_field.name) => "none",
            _ if self.read_schema.properties().iter().all(|member| has(&member.name)) => "object",
            _ => "id",
        }
    }

    fn build_examples_entry(&self) -> Option<DraftEntry> {
        let mut seen = BTreeSet::new();
        let mut items: Vec<Vec<DraftEntry>> = Vec::new();
        for object in self.collect_examples() {
            let id = object.get(&self.id_field.name).filter(|id| !id.is_null() && !id.is_object());
            let Some(id) = id.map(|id| normalize_name(&id.to_string())) else { continue };
            if items.len() < MAX_EXAMPLES && seen.insert(id) {
                let object =
                    DraftEntry::new("object", DraftValue::Json(Json::Object(remove_secrets(object))));
                items.push(self.build_example_scope()?.into_iter().chain([object]).collect());
            }
        }
        (!items.is_empty()).then(|| DraftEntry::new("examples", DraftValue::MappingList(items)))
    }

    /// The scope of every sample; none when the document shows no value for a part of it.
    fn build_example_scope(&self) -> Option<Option<DraftEntry>> {
        let lines: Vec<DraftEntry> =
            self.scope.iter().map(DraftScope::build_example_entry).collect::<Option<_>>()?;
        Some((!lines.is_empty()).then(|| DraftEntry::new("scope", DraftValue::Mapping(lines))))
    }

    /// The objects that stand in the document as examples of what is read.
    fn collect_examples(&self) -> Vec<&serde_json::Map<String, Json>> {
        let (resource, book) = (self.resource(), self.context.document);
        let get = resource.item.get.as_ref().and_then(|get| get.response.media_pointer.as_deref());
        let list = resource.list.response.media_pointer.as_deref();
        let items = resource.envelope.items.as_deref().unwrap_or_default();
        let mut found: Vec<&Json> = get.map_or_else(Vec::new, |media| read_media_examples(book, media));
        for listed in list.map_or_else(Vec::new, |media| read_media_examples(book, media)) {
            let mut steps = items.split('.').filter(|step| !step.is_empty());
            let inner = steps.try_fold(listed, |json, step| json.get(step));
            found.extend(inner.and_then(Json::as_array).into_iter().flatten());
        }
        found.extend(self.read_schema.example.as_ref());
        found.into_iter().filter_map(Json::as_object).collect()
    }
}

impl DraftScope {
    fn build_example_entry(&self) -> Option<DraftEntry> {
        let text = match self.example.as_ref()? {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(DraftEntry::from_text(&*self.name, text))
    }
}

/// The examples that stand beside a schema.
fn read_media_examples<'b>(book: &'b OpenApiDocument, media: &str) -> Vec<&'b Json> {
    let one = book.find_json(&format!("{media}/example"));
    let several = book.list_members(&format!("{media}/examples")).into_iter().filter_map(|(_, pointer)| {
        let place = book.resolve_pointer(&pointer)?;
        book.find_json(&format!("{place}/value"))
    });
    one.into_iter().chain(several).collect()
}

fn remove_secrets(object: &serde_json::Map<String, Json>) -> serde_json::Map<String, Json> {
    let open = object
        .iter()
        .filter(|(name, _)| naming::guess_sensitivity(name) != Some(naming::DraftSensitivity::Secret));
    open.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether two objects have members in common.
fn has_common_member(one: &FlatSchema, other: &FlatSchema) -> bool {
    one.properties().iter().any(|member| other.find_property(&member.name).is_some())
}

/// Whether a body is one member that holds what is read.
fn is_wrapped_body(body: &FlatSchema, read: &FlatSchema) -> bool {
    match body.properties() {
        [one] => read.find_property(&one.name).is_none() && has_common_member(&one.schema, read),
        _ => false,
    }
}

/// The field that holds the id: called like the parameter, or `id`, or after the kind.
fn infer_id_field(named: &NamedResource, read: &FlatSchema, create: Option<&FlatSchema>) -> DraftIdField {
    let parameter = &named.resource.item.parameter;
    let owner = normalize_name(&named.name);
    let wanted = normalize_name(parameter);
    let short = wanted.strip_prefix(&*owner).unwrap_or_default().to_owned();
    let names = [wanted, short, "id".to_owned(), format!("{owner}id"), "uuid".to_owned(), "guid".to_owned()];
    let leaf = |plain: &FlatSchema| matches!(plain.form, SchemaForm::String(_) | SchemaForm::Integer { .. });
    let fits = |name: &String| {
        let found = read
            .properties()
            .iter()
            .find(|member| normalize_name(&member.name) == *name && leaf(&member.schema));
        found.filter(|_| !name.is_empty()).map(|member| member.name.clone())
    };
    let exact = read.find_property(parameter).filter(|plain| leaf(plain)).map(|_| parameter.clone());
    let found = exact.or_else(|| names.iter().find_map(fits));
    let decide = match &found {
        Some(name) if name == parameter || normalize_name(name) == "id" => None,
        Some(_) => Some(format!(
            "which field holds what stands in the path as `{}`",
            naming::sanitize_text(parameter)
        )),
        None => Some("no answer of the document shows a field for the id".to_owned()),
    };
    let name = found.unwrap_or_else(|| parameter.replace(['.', '/'], "_"));
    let by_caller = create.is_some_and(|create| {
        create.requires_property(&name) && create.find_property(&name).is_some_and(|plain| !plain.read_only)
    });
    DraftIdField { name, client_assigned: by_caller, decision: decide }
}

/// The field that most likely tells the objects apart.
fn infer_natural_key(fields: &[DraftField], kind: &str, id: &str) -> Option<String> {
    let fits = |field: &&DraftField| {
        let readable = !field.behavior.read_only && !field.behavior.write_only && field.name != id;
        readable && field.sensitivity != Some("secret") && ["string", "integer", "uuid"].contains(&field.ty)
    };
    let ranked = fields.iter().filter(fits).filter_map(|field| {
        let rank = naming::rank_key_name(&field.name, kind)?;
        Some((!field.behavior.required, rank, field))
    });
    ranked.min_by_key(|(optional, rank, _)| (*optional, *rank)).map(|(.., field)| field.name.clone())
}

/// The open field that most likely names the objects, where the natural key may not be seen.
fn infer_import_name<'f>(fields: &'f [DraftField], key: &str) -> Option<&'f str> {
    fields.iter().find(|field| field.name == key)?.sensitivity?;
    let fits = |field: &&DraftField| {
        field.ty == "string" && field.sensitivity.is_none() && !field.behavior.write_only
    };
    let ranked =
        fields.iter().filter(fits).filter_map(|field| Some((naming::rank_display_name(&field.name)?, field)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, field)| &*field.name)
}

/// The parameters above the objects: those of the path, and those that the list demands in its query.
fn infer_scopes(book: &OpenApiDocument, named: &NamedResource, id: &str) -> Vec<DraftScope> {
    let list = &named.resource.list;
    let mut scopes: Vec<DraftScope> = Vec::new();
    let mut before = "";
    for part in named.resource.path.split('/') {
        if let Some(parameter) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            let owner = naming::derive_kind_name(before);
            let taken = |name: &str| name == id || scopes.iter().any(|scope| scope.name == name);
            let free =
                [parameter.to_owned(), format!("{owner}_{parameter}"), format!("{owner}_{}", scopes.len())];
            let own = free.into_iter().find(|name| !taken(name)).unwrap_or_else(|| parameter.to_owned());
            let is = format!("The {} above it.", owner.replace('-', " "));
            scopes.push(build_scope(book, list, (parameter, own, is), false));
        }
        before = part;
    }
    for parameter in list.list_query_parameters().filter(|parameter| parameter.parameter_data_ref().required)
    {
        let own = get_parameter_name(parameter).to_owned();
        if own != id && !paging::is_paging_parameter(&own) && !scopes.iter().any(|scope| scope.name == own) {
            let is = format!("What the list wants as `{}`.", naming::sanitize_text(&own));
            scopes.push(build_scope(book, list, (get_parameter_name(parameter), own, is), true));
        }
    }
    scopes
}

fn build_scope(
    book: &OpenApiDocument,
    list: &OpenApiOperation,
    (parameter, own, is): (&str, String, String),
    query: bool,
) -> DraftScope {
    let wanted = if query { OpenApiLocation::Query } else { OpenApiLocation::Path };
    let found = list
        .parameters
        .iter()
        .find(|other| locate_parameter(other) == wanted && get_parameter_name(other) == parameter);
    let plain = found.and_then(|parameter| flatten_parameter(book, parameter));
    let data = found.map(openapiv3::Parameter::parameter_data_ref);
    let said = data.and_then(|data| naming::extract_summary(data.description.as_deref()?));
    let example = data.and_then(|data| data.example.clone()).or_else(|| plain.as_ref()?.example.clone());
    let ty = infer_scope_type(plain.as_ref());
    let fits = |example: &Json| match ty {
        "uuid" => example.as_str().is_some_and(|text| uuid::Uuid::try_parse(text).is_ok()),
        "integer" => example.is_i64(),
        _ => example.is_string(),
    };
    DraftScope {
        name: own,
        ty,
        description: said.unwrap_or(is),
        in_query: query,
        example: example.filter(fits),
    }
}

fn infer_scope_type(plain: Option<&FlatSchema>) -> &'static str {
    match plain.map(|plain| &plain.form) {
        Some(SchemaForm::Integer { .. }) => "integer",
        Some(SchemaForm::String(text)) if matches!(text.format.as_deref(), Some("uuid" | "guid")) => "uuid",
        _ => "string",
    }
}

fn build_history_entry(fields: &[DraftField]) -> Option<DraftEntry> {
    let edited =
        |field: &&DraftField| field.behavior.read_only && field.ty == "datetime" && is_last_edit(&field.name);
    let field = fields.iter().find(edited)?;
    let changed_at = DraftEntry::from_text("changed_at", &*field.name).with_decision(
        "whether it moves with every edit; then nothing is written over an edit made since the plan",
    );
    Some(DraftEntry::new("history", DraftValue::Mapping(vec![changed_at])))
}

fn build_source_entry(op: &OpenApiOperation) -> Option<DraftEntry> {
    let id = naming::sanitize_text(op.operation.operation_id.as_deref()?);
    (!id.is_empty()).then(|| DraftEntry::from_text("source", id))
}
