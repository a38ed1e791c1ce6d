//! Operations of a draft: list, read, create, update and delete, with the members around their bodies.
//!
//! Where the document leaves open what an update resets, the complete object is sent: that is right in both cases.
//! Deliberately absent: fields and identity.

use openapiv3::Parameter;

use crate::openapi::document::OpenApiDocument;
use crate::openapi::field::DraftField;
use crate::openapi::flatten_schema::{FlatSchema, SchemaForm};
use crate::openapi::identity::{DraftIdField, NaturalKey};
use crate::openapi::member_path::{ObjectPlace, locate_object, select_member};
use crate::openapi::resource::{
    BodyMedia, OpenApiLocation, OpenApiOperation, OpenApiResource, find_path_parameter, get_parameter_name,
    locate_parameter,
};
use crate::openapi::scope::DraftScope;
use crate::openapi::yaml_writer::{DraftEntry, DraftValue};
use crate::openapi::{naming, paging, wording};

/// An operation that writes, with the object in its body.
pub struct WriteDraft<'r> {
    pub operation: &'r OpenApiOperation,
    /// The object in the body.
    pub body: Option<FlatSchema>,
    /// The member of the body that holds it.
    request_member: Option<String>,
}

/// What the operations of a kind are drafted from.
pub struct OperationDrafter<'s> {
    pub document: &'s OpenApiDocument,
    pub resource: &'s OpenApiResource,
    pub read_schema: &'s FlatSchema,
    pub id_field: &'s DraftIdField,
    pub scope: &'s [DraftScope],
    pub natural_key: Option<&'s NaturalKey>,
    pub fields: &'s [DraftField],
    /// Whether the list shows less of an object than a read of it.
    pub shows_summary: bool,
    pub create: Option<&'s WriteDraft<'s>>,
    pub put: Option<&'s WriteDraft<'s>>,
    pub patch: Option<&'s WriteDraft<'s>>,
    pub post: Option<&'s WriteDraft<'s>>,
}

impl<'r> WriteDraft<'r> {
    /// An operation and where in its body an object like `read` is.
    pub fn new(operation: &'r OpenApiOperation, read: &FlatSchema) -> Self {
        let whole = operation.body.as_ref();
        let place = whole.map_or(ObjectPlace::Whole, |body| locate_object(body, read));
        let member = match place {
            ObjectPlace::Member(path) if is_only_demand(whole, &path) => Some(path),
            _ => None,
        };
        let body = whole.map(|body| match &member {
            Some(path) => select_member(body, path).unwrap_or(body).clone(),
            None => body.clone(),
        });
        Self { operation, body, request_member: member }
    }
}

/// Whether a body demands nothing beside the member at a path.
fn is_only_demand(body: Option<&FlatSchema>, path: &str) -> bool {
    let first = path.split('.').next().unwrap_or(path);
    body.is_some_and(|body| match &body.form {
        SchemaForm::Object { required, .. } => required.iter().all(|name| name == first),
        _ => false,
    })
}

impl OperationDrafter<'_> {
    /// The `operations` of the kind.
    pub fn build_entry(&self) -> DraftEntry {
        let item = &self.resource.item;
        let mut entries = vec![DraftEntry::new("list", DraftValue::Mapping(self.build_list_entries()))];
        match item.get.as_ref().map(|get| (get, self.locate_answer(get))) {
            Some((_, ObjectPlace::Nowhere)) => {
                let remark =
                    "the answer about one object is not like those of the list, so all are read by the list";
                entries = entries.into_iter().map(|entry| entry.with_polish(remark)).collect();
            }
            Some((get, _)) => {
                let mut own = self.build_operation_entries(get, "get", true);
                own.extend(self.build_response_member(get));
                entries.push(DraftEntry::new("get", DraftValue::Mapping(own)));
            }
            None => {}
        }
        entries.extend(self.build_find_entry());
        entries.extend(self.create.map(|create| self.build_create_entry(create)));
        entries.extend(self.build_update_entries());
        if let Some(delete) = &item.delete {
            let own = self.build_operation_entries(delete, "delete", true);
            entries.push(DraftEntry::new("delete", DraftValue::Mapping(own)));
        }
        entries.extend(self.build_if_match_entry());
        DraftEntry::new("operations", DraftValue::Mapping(entries))
    }

    fn locate_answer(&self, operation: &OpenApiOperation) -> ObjectPlace {
        let answer = operation.response.schema.as_ref();
        answer.map_or(ObjectPlace::Whole, |answer| match answer.properties().is_empty() {
            true => ObjectPlace::Whole,
            false => locate_object(answer, self.read_schema),
        })
    }

    fn build_response_member(&self, operation: &OpenApiOperation) -> Option<DraftEntry> {
        match self.locate_answer(operation) {
            ObjectPlace::Member(path) => Some(DraftEntry::from_text("response_member", path)),
            _ => None,
        }
    }

    /// What binds a write to the state that was read, where the document knows the header.
    fn build_if_match_entry(&self) -> Option<DraftEntry> {
        let item = &self.resource.item;
        item.get.as_ref().filter(|get| self.locate_answer(get) != ObjectPlace::Nowhere)?;
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
        any.then(|| DraftEntry::from_keyword("if_match", "etag").with_polish(remark))
    }

    fn build_list_entries(&self) -> Vec<DraftEntry> {
        let (list, envelope) = (&self.resource.list, &self.resource.envelope);
        let mut entries = vec![DraftEntry::from_text("get", self.rewrite_path(&list.path, false))];
        let cursor = Some(&*self.id_field.name).filter(|id| envelope.item.find_property(id).is_some());
        let paging = paging::draft_paging(self.document, list, envelope, cursor);
        entries.extend(paging.query);
        if let Some(items) = &envelope.items {
            let remark = envelope.ambiguous.then_some("another member of the answer holds a list too");
            entries.push(DraftEntry::from_text("items", &**items).with_decisions(remark));
        }
        if self.shows_summary {
            let remark = "the list shows less than a read of one object, so each object is read";
            entries.push(DraftEntry::from_keyword("shows", "summary").with_polish(remark));
        }
        entries.extend(paging.paging);
        entries.extend(build_source_entry(list));
        entries
    }

    /// A filter of the list that the document describes as exact.
    fn build_find_entry(&self) -> Option<DraftEntry> {
        let key = self.natural_key?.single_field()?;
        let fits = |parameter: &&Parameter| {
            let text = parameter.parameter_data_ref().description.as_deref().unwrap_or_default();
            get_parameter_name(parameter) == key && wording::says_exact_filter(text)
        };
        let parameter = self.resource.list.list_query_parameters().find(fits)?;
        let value = DraftEntry::from_text(get_parameter_name(parameter), format!("{{{key}}}"));
        let query = DraftEntry::new("query", DraftValue::Mapping(vec![value]));
        Some(DraftEntry::new("find", DraftValue::Mapping(vec![query])))
    }

    fn build_create_entry(&self, create: &WriteDraft) -> DraftEntry {
        let mut entries = self.build_write_entries(create, "post");
        let found_again = self.natural_key.is_some() || self.id_field.client_assigned;
        let answer = match self.infer_response(create.operation) {
            "none" if create.operation.answers_location(self.document) => {
                DraftEntry::from_keyword("response", "location")
            }
            "none" if !found_again => {
                let remark = "the document shows no answer, but without id and natural key nothing identifies the \
                              object that was created";
                DraftEntry::from_keyword("response", "id").with_decision(remark)
            }
            word => DraftEntry::from_keyword("response", word),
        };
        entries.insert(1, answer);
        DraftEntry::new("create", DraftValue::Mapping(entries))
    }

    /// Updates: the smallest way that there is, and the complete one beside it.
    fn build_update_entries(&self) -> Vec<DraftEntry> {
        let mut entries = Vec::new();
        if let Some(patch) = self.patch {
            entries.push(self.build_partial_update_entry(patch, "patch"));
        } else if let Some(post) = self.post.filter(|_| self.put.is_none()) {
            entries.push(match says_partial_update(post.operation) {
                true => self.build_partial_update_entry(post, "post"),
                false => self.build_full_update_entry(post, "post", "update"),
            });
        }
        if let Some(put) = self.put {
            let word = if entries.is_empty() { "update" } else { "replace" };
            entries.push(self.build_full_update_entry(put, "put", word));
        }
        entries
    }

    fn build_full_update_entry(&self, write: &WriteDraft, verb: &str, word: &str) -> DraftEntry {
        let mut entries = self.build_write_entries(write, verb);
        let remark = "`full` is right in any case; `changes` if it leaves alone what it is not sent";
        let remark = (word == "update").then_some(remark);
        entries.insert(1, DraftEntry::from_keyword("body", "full").with_polishes(remark));
        entries.insert(2, DraftEntry::from_keyword("response", self.infer_response(write.operation)));
        DraftEntry::new(word, DraftValue::Mapping(entries))
    }

    fn build_partial_update_entry(&self, write: &WriteDraft, verb: &str) -> DraftEntry {
        let mut entries = self.build_write_entries(write, verb);
        let merges = write.operation.media == BodyMedia::MergePatch;
        let remark = "`changes` if it leaves alone what it is not sent; else `full`";
        let remark = (verb == "patch" && !merges).then_some(remark);
        entries.insert(1, DraftEntry::from_keyword("body", "changes").with_polishes(remark));
        let nested =
            |field: &DraftField| !field.behavior.read_only && ["object", "map", "array"].contains(&field.ty);
        if self.fields.iter().any(nested) {
            let remark = "`whole` is right where lists and objects are replaced, and where they are merged and \
                          nothing is left out; `members` sends less";
            let granularity = match merges {
                true => DraftEntry::from_keyword("granularity", "members"),
                false => DraftEntry::from_keyword("granularity", "whole").with_polish(remark),
            };
            entries.insert(2, DraftEntry::new("nested_fields", DraftValue::Mapping(vec![granularity])));
        }
        let demands = write.body.as_ref().is_some_and(
            |body| matches!(&body.form, SchemaForm::Object { required, .. } if !required.is_empty()),
        );
        if demands && self.fields.iter().any(|field| field.behavior.required) {
            entries.push(DraftEntry::from_keyword("retry_with_required", true));
        }
        entries.push(DraftEntry::from_keyword("response", self.infer_response(write.operation)));
        DraftEntry::new("update", DraftValue::Mapping(entries))
    }

    /// The path of a write, the members around its bodies, and its encoding.
    fn build_write_entries(&self, write: &WriteDraft, verb: &str) -> Vec<DraftEntry> {
        let of_one =
            find_path_parameter(write.operation.path.rsplit('/').next().unwrap_or_default()).is_some();
        let mut entries = self.build_operation_entries(write.operation, verb, of_one);
        let member = write.request_member.as_ref();
        entries.extend(member.map(|member| DraftEntry::from_text("request_member", &**member)));
        // an update whose answer holds less than the object answers nothing of use
        let is_used = match self.infer_response(write.operation) {
            "object" => true,
            word => !of_one && word == "id",
        };
        entries.extend(self.build_response_member(write.operation).filter(|_| is_used));
        let encoding = match write.operation.media {
            BodyMedia::Form => Some("form"),
            BodyMedia::MergePatch if verb == "patch" => Some("merge_patch"),
            _ => None,
        };
        entries.extend(encoding.map(|word| DraftEntry::from_keyword("encoding", word)));
        entries
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
        let remark = (!demanded.is_empty())
            .then(|| format!("the document demands {} in the query of this operation", demanded.join(", ")));
        let media = match &op.media {
            BodyMedia::Other(media) => Some(format!(
                "the document takes `{}` here; trueup sends application/json",
                naming::sanitize_text(media)
            )),
            _ => None,
        };
        let path = DraftEntry::from_text(verb, self.rewrite_path(&op.path, of_one));
        let mut entries = vec![path.with_decisions(remark).with_polishes(media)];
        entries.extend(build_source_entry(op));
        entries
    }

    /// A path in the words of the format: the parameters by the names of scope and id.
    fn rewrite_path(&self, path: &str, of_one: bool) -> String {
        let slash = if path.len() > 1 && path.ends_with('/') { "/" } else { "" };
        let mut names = self.scope.iter().filter(|scope| !scope.in_query).map(|scope| scope.name.as_str());
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        let last = parts.len().saturating_sub(1);
        let rewrite = |(at, part): (usize, &&str)| {
            let Some(parameter) = find_path_parameter(part) else { return (*part).to_owned() };
            let name = if of_one && at == last { Some(&*self.id_field.name) } else { names.next() };
            part.replace(&format!("{{{parameter}}}"), &format!("{{{}}}", name.unwrap_or(parameter)))
        };
        let joined: Vec<String> = parts.iter().enumerate().map(rewrite).collect();
        let joined = joined.join("/");
        if joined.is_empty() { "/".to_owned() } else { format!("{joined}{slash}") }
    }

    /// What a write answers: the object as a read shows it, its id, or nothing of use.
    fn infer_response(&self, op: &OpenApiOperation) -> &'static str {
        let Some(answer) = &op.response.schema else { return "none" };
        let object = match self.locate_answer(op) {
            ObjectPlace::Member(path) => select_member(answer, &path).unwrap_or(answer),
            _ => answer,
        };
        let has = |name: &str| object.find_property(name).is_some();
        match &object.form {
            SchemaForm::String(_) | SchemaForm::Integer { .. } => "id",
            _ if !has(&self.id_field.name) => "none",
            _ if self.read_schema.properties().iter().all(|member| has(&member.name)) => "object",
            _ => "id",
        }
    }
}

fn says_partial_update(operation: &OpenApiOperation) -> bool {
    let texts = [&operation.operation.description, &operation.operation.summary];
    texts.into_iter().flatten().any(|text| wording::says_partial_update(text))
}

fn build_source_entry(op: &OpenApiOperation) -> Option<DraftEntry> {
    let id = naming::sanitize_text(op.operation.operation_id.as_deref()?);
    (!id.is_empty()).then(|| DraftEntry::from_text("source", id))
}
