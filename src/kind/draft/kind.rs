//! One kind of a draft: identity, operations, fields, samples, from a resource of the document.
//!
//! Deliberately absent: what a field is; `field` drafts those.

use std::collections::BTreeSet;

use openapiv3::Parameter;
use serde_json::Value as Json;

use super::book::Book;
use super::field::{Drafted, Scene, fields_line, is_last_edit};
use super::paging;
use super::plain::{Form, Plain, merged};
use super::resource::{Op, Place, Resource, form, name, place};
use super::sheet::{self, Line, Said};
use super::views::{Side, Views};
use super::words::{self, folded};

/// The most samples of a kind.
const MAX_SAMPLES: usize = 3;

/// A resource with its name.
pub struct Named {
    pub name: String,
    pub resource: Resource,
}

/// What every kind of a draft needs to know.
pub struct Whole<'w> {
    pub book: &'w Book,
    pub api: &'w str,
    /// What the document is called.
    pub source: &'w str,
    pub kinds: &'w [String],
}

/// One kind on its way.
struct Study<'s> {
    whole: &'s Whole<'s>,
    named: &'s Named,
    /// What is read, written anew, and changed.
    read: Plain,
    create: Option<&'s Plain>,
    update: Option<Plain>,
    id: Id,
    scope: Vec<Scope>,
    /// Whether its single objects come wrapped in a member.
    wrapped: bool,
}

/// The field that holds the service's id.
struct Id {
    name: String,
    by_caller: bool,
    /// Why it may be another one.
    decide: Option<String>,
}

/// A parameter that documents or targets fix.
struct Scope {
    name: String,
    ty: &'static str,
    is: String,
    query: bool,
    example: Option<Json>,
}

/// The text of a kind's file.
///
/// # Errors
/// Why the resource cannot be said in the format.
pub fn text(whole: &Whole, named: &Named, samples: bool) -> Result<String, &'static str> {
    let study = Study::of(whole, named)?;
    Ok(study.text(samples))
}

impl<'s> Study<'s> {
    fn of(whole: &'s Whole<'s>, named: &'s Named) -> Result<Self, &'static str> {
        let (resource, item) = (&named.resource, &named.resource.item);
        let listed = resource.envelope.item.clone();
        let single = item.get.as_ref().and_then(|get| get.answer.plain.as_ref());
        let read = match single.filter(|single| shares(single, &listed)) {
            Some(single) => merged(single.clone(), listed),
            None => listed,
        };
        let wrapped = single.is_some_and(|single| !single.members().is_empty() && !shares(single, &read));
        let create = resource.create.as_ref().and_then(|op| op.body.as_ref());
        let bodies =
            [&item.put, &item.patch, &item.post].map(|op| op.as_ref().and_then(|op| op.body.clone()));
        let update = bodies.into_iter().flatten().reduce(merged);
        if create.into_iter().chain(&update).any(|body| is_wrapped(body, &read)) {
            return Err("its bodies are wrapped in a member, which the format cannot say");
        }
        let id = id(named, &read, create);
        let scope = scopes(whole.book, named, &id.name);
        Ok(Self { whole, named, read, create, update, id, scope, wrapped })
    }

    fn resource(&self) -> &Resource {
        &self.named.resource
    }

    fn text(&self, samples: bool) -> String {
        let scene = Scene {
            api: self.whole.api,
            kinds: self.whole.kinds,
            id: (&self.id.name, self.id.by_caller),
            whole: self.resource().item.put.is_some(),
        };
        let (mut fields, left_out) = scene.fields(&self.views());
        let id = match fields.iter().position(|field| field.name == self.id.name) {
            Some(at) => fields.remove(at),
            None => self.unread_id(),
        };
        fields.insert(0, id);
        let natural_key = match self.id.by_caller {
            true => Some(self.id.name.clone()),
            false => natural_key(&fields, &self.named.name, &self.id.name),
        };
        let mut lines = vec![
            Line::word("format", 1),
            Line::text("title", self.title()),
            Line::text("is", self.meaning()),
            Line::text("source", format!("{}, {}", self.whole.source, self.resource().path)),
        ];
        lines.extend(self.scope_line());
        let named_after = natural_key.as_deref().and_then(|key| named_after(&fields, key));
        lines.push(self.identity_line(natural_key.as_deref(), named_after));
        lines.push(self.operations_line(&fields, natural_key.is_some()));
        lines.extend(history_line(&fields));
        lines.push(fields_line(fields, &left_out));
        lines.extend(samples.then(|| self.samples_line()).flatten());
        let top = ["yaml-language-server: $schema=../../schemas/kind.json".to_owned()];
        sheet::text(&top, &lines)
    }

    fn views(&self) -> Views<'_> {
        Views {
            read: Side::of(Some(&self.read)),
            create: Side::of(self.create),
            update: Side::of(self.update.as_ref()),
        }
    }

    /// The id, where no schema of the document shows a field for it.
    fn unread_id(&self) -> Drafted {
        let ty = self.parameter_type(&self.resource().item.parameter);
        let lines = vec![
            Line::word("type", ty),
            Line::text("is", "The service's own id."),
            Line::word("access", if self.id.by_caller { "create_only" } else { "computed" }),
        ];
        Drafted {
            name: self.id.name.clone(),
            ty,
            access: super::views::Access { computed: !self.id.by_caller, ..Default::default() },
            mark: None,
            line: Line::new(&*self.id.name, Said::Lines(lines)),
        }
    }

    fn parameter_type(&self, wanted: &str) -> &'static str {
        let item = &self.resource().item;
        let ops = [&item.get, &item.put, &item.patch, &item.post, &item.delete];
        let mut all = ops.into_iter().flatten().flat_map(|op| &op.parameters);
        let found = all.find(|parameter| place(parameter) == Place::Path && name(parameter) == wanted);
        found.map_or("text", |parameter| scope_type(form(self.whole.book, parameter).as_ref()))
    }

    fn title(&self) -> String {
        let of_schema = self.read.title.clone().or_else(|| self.read.name.as_deref().map(words::spoken));
        let title = of_schema.filter(|title| !title.trim().is_empty());
        title.unwrap_or_else(|| words::spoken(&self.named.name))
    }

    fn meaning(&self) -> String {
        let said = self.read.description.clone().or_else(|| self.resource().list.said());
        said.unwrap_or_else(|| format!("What the service lists at {}.", words::tidy(&self.resource().path)))
    }

    fn scope_line(&self) -> Option<Line> {
        let one = |scope: &Scope| {
            let mut lines = vec![Line::word("type", scope.ty), Line::text("is", &*scope.is)];
            if scope.query {
                let remark = "the list demands it; with `query` it is added to every operation";
                lines.push(Line::word("travels_in", "query").decide(remark));
            }
            lines.extend(scope.example.clone().map(|example| Line::new("example", Said::Json(example))));
            Line::new(&*scope.name, Said::Lines(lines))
        };
        let lines: Vec<Line> = self.scope.iter().map(one).collect();
        (!lines.is_empty()).then(|| Line::new("scope", Said::Lines(lines)))
    }

    fn identity_line(&self, natural_key: Option<&str>, named_after: Option<&str>) -> Line {
        let mut lines = vec![Line::text("id", &*self.id.name).decide_some(self.id.decide.clone())];
        if self.id.by_caller {
            lines.push(Line::word("id_made_by", "caller").decide("the document's create demands the id"));
        }
        match natural_key {
            Some(key) if self.id.by_caller => {
                lines.push(Line::new("natural_key", Said::Words(vec![key.to_owned()])));
            }
            Some(key) => {
                let own = words::tidy(key);
                let remark = format!(
                    "whether no two objects have the same `{own}`; by it a document without `id` finds its object"
                );
                lines.push(Line::new("natural_key", Said::Words(vec![key.to_owned()])).decide(remark));
            }
            None => {
                let remark = "by which fields a document without `id` finds its object: natural_key: [field]";
                lines = lines.into_iter().map(|line| line.decide(remark)).collect();
            }
        }
        lines.extend(named_after.map(|name| {
            let line = Line::new("named_after", Said::Words(vec![name.to_owned()]));
            line.decide("the natural key is marked; an import names documents and files after this instead")
        }));
        Line::new("identity", Said::Lines(lines))
    }

    fn operations_line(&self, fields: &[Drafted], has_key: bool) -> Line {
        let (resource, item) = (self.resource(), &self.resource().item);
        // the words of the format read an object only where it stands by itself
        let remark = "one object is answered wrapped in a member, which the format cannot say, so all are read \
                      by the list";
        let remark = self.wrapped.then_some(remark);
        let mut lines = vec![Line::new("list", Said::Lines(self.list_lines())).decide_some(remark)];
        if let Some(get) = item.get.as_ref().filter(|_| !self.wrapped) {
            lines.push(Line::new("get", Said::Lines(self.op_lines(get, "get", true))));
        }
        if let Some(create) = &resource.create {
            lines.push(Line::new("create", Said::Lines(self.create_lines(create, has_key))));
        }
        lines.extend(self.update_lines(fields));
        if let Some(delete) = &item.delete {
            lines.push(Line::new("delete", Said::Lines(self.op_lines(delete, "delete", true))));
        }
        lines.extend(self.if_match_line());
        Line::new("operations", Said::Lines(lines))
    }

    /// What binds a write to the state that was read, where the document knows the header.
    fn if_match_line(&self) -> Option<Line> {
        let item = &self.resource().item;
        item.get.as_ref().filter(|_| !self.wrapped)?;
        let writes = [&item.put, &item.patch, &item.post, &item.delete];
        let takes = |op: &Op| {
            let own = |parameter: &Parameter| {
                place(parameter) == Place::Header && name(parameter).eq_ignore_ascii_case("If-Match")
            };
            op.parameters.iter().any(own)
        };
        let any = writes.into_iter().flatten().any(takes);
        let remark = "the document declares the header If-Match; this is right where a read of one object answers \
                      its `ETag`, else `if_match: { field: NAME }`";
        any.then(|| Line::word("if_match", "etag").decide(remark))
    }

    fn list_lines(&self) -> Vec<Line> {
        let (list, envelope) = (&self.resource().list, &self.resource().envelope);
        let mut lines = vec![Line::text("get", self.path(&list.path, false))];
        let paging = paging::paging(self.whole.book, list, envelope);
        lines.extend(paging.query);
        if let Some(items) = &envelope.items {
            let remark = envelope.doubtful.then_some("another member of the answer holds a list too");
            lines.push(Line::text("items", &**items).decide_some(remark));
        }
        lines.extend(paging.paging);
        lines.extend(source_line(list));
        lines
    }

    fn create_lines(&self, create: &Op, has_key: bool) -> Vec<Line> {
        let mut lines = self.op_lines(create, "post", false);
        let answer = match self.answer(create) {
            "nothing" if !has_key && !self.id.by_caller => {
                let remark = "the document shows no answer, but without id and natural key nobody can say \
                              which object was made";
                Line::word("answer", "id").decide(remark)
            }
            word => Line::word("answer", word),
        };
        lines.insert(1, answer);
        lines
    }

    /// Updates: the smallest way that there is, and the whole one beside it.
    fn update_lines(&self, fields: &[Drafted]) -> Vec<Line> {
        let item = &self.resource().item;
        let mut lines = Vec::new();
        let small = item.patch.as_ref().map(|op| (op, "patch")).or(match &item.put {
            None => item.post.as_ref().map(|op| (op, "post")),
            Some(_) => None,
        });
        if let Some((op, verb)) = small {
            lines.push(Line::new("update", Said::Lines(self.changing_lines((op, verb), fields))));
        }
        if let Some(put) = &item.put {
            let word = if small.is_some() { "replace" } else { "update" };
            let mut own = self.op_lines(put, "put", true);
            let remark = "`everything` if what a PUT leaves out is reset; it is the careful reading";
            own.insert(
                1,
                Line::word("sends", "everything").decide_some((word == "update").then_some(remark)),
            );
            own.insert(2, Line::word("answer", self.answer(put)));
            lines.push(Line::new(word, Said::Lines(own)));
        }
        lines
    }

    fn changing_lines(&self, (op, verb): (&Op, &str), fields: &[Drafted]) -> Vec<Line> {
        let mut lines = self.op_lines(op, verb, true);
        let remark = match verb {
            "post" => "whether this POST changes only what it is sent",
            _ => "`changes` if this PATCH leaves alone what it is not sent; else `everything`",
        };
        lines.insert(1, Line::word("sends", "changes").decide(remark));
        let nested =
            |field: &Drafted| !field.access.computed && ["object", "map", "list"].contains(&field.ty);
        if fields.iter().any(nested) {
            let remark = "`whole` is right where lists and objects are replaced, and where they are merged and \
                          nothing is left out; `parts` sends less";
            let travels = Line::word("travels", "whole").decide(remark);
            lines.insert(2, Line::new("nested", Said::Lines(vec![travels])));
        }
        lines.push(Line::word("answer", self.answer(op)));
        lines
    }

    /// The path of an operation, and where the facts come from.
    fn op_lines(&self, op: &Op, verb: &str, of_one: bool) -> Vec<Line> {
        let in_scope = |wanted: &str| self.scope.iter().any(|scope| scope.query && scope.name == wanted);
        let demanded = op.query().filter(|parameter| parameter.parameter_data_ref().required);
        let demanded: Vec<String> = demanded
            .map(name)
            .filter(|name| !in_scope(name))
            .map(|name| format!("`{}`", words::tidy(name)))
            .collect();
        let remark = match demanded.as_slice() {
            [] => None,
            several => {
                Some(format!("the document demands {} in the query of this operation", several.join(", ")))
            }
        };
        let media = op.media.as_ref().map(|media| {
            format!("the document takes `{}` here; trueup sends application/json", words::tidy(media))
        });
        let mut lines =
            vec![Line::text(verb, self.path(&op.path, of_one)).decide_some(remark).decide_some(media)];
        lines.extend(source_line(op));
        lines
    }

    /// A path in the words of the format: the parameters by the names of scope and id.
    fn path(&self, path: &str, of_one: bool) -> String {
        let slash = if path.len() > 1 && path.ends_with('/') { "/" } else { "" };
        let mut names = self.scope.iter().filter(|scope| !scope.query).map(|scope| scope.name.as_str());
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        let last = parts.len().saturating_sub(1);
        let part = |(at, part): (usize, &&str)| match part.starts_with('{') {
            true if of_one && at == last => format!("{{{}}}", self.id.name),
            true => names.next().map_or_else(|| (*part).to_owned(), |name| format!("{{{name}}}")),
            false => (*part).to_owned(),
        };
        let joined: Vec<String> = parts.iter().enumerate().map(part).collect();
        let joined = joined.join("/");
        if joined.is_empty() { "/".to_owned() } else { format!("{joined}{slash}") }
    }

    /// What a write answers: the object as a read shows it, its id, or nothing of use.
    fn answer(&self, op: &Op) -> &'static str {
        let Some(plain) = &op.answer.plain else { return "nothing" };
        let has = |name: &str| plain.member(name).is_some();
        match &plain.form {
            Form::Text(_) | Form::Whole { .. } => "id",
            _ if !has(&self.id.name) => "nothing",
            _ if self.read.members().iter().all(|member| has(&member.name)) => "object",
            _ => "id",
        }
    }

    fn samples_line(&self) -> Option<Line> {
        let mut seen = BTreeSet::new();
        let mut items: Vec<Vec<Line>> = Vec::new();
        for object in self.examples() {
            let id = object.get(&self.id.name).filter(|id| !id.is_null() && !id.is_object());
            let Some(id) = id.map(|id| folded(&id.to_string())) else { continue };
            if items.len() < MAX_SAMPLES && seen.insert(id) {
                let object = Line::new("object", Said::Json(Json::Object(without_secrets(object))));
                items.push(self.sample_scope()?.into_iter().chain([object]).collect());
            }
        }
        (!items.is_empty()).then(|| Line::new("samples", Said::Items(items)))
    }

    /// The scope of every sample; none when the document shows no value for a part of it.
    fn sample_scope(&self) -> Option<Option<Line>> {
        let lines: Vec<Line> = self.scope.iter().map(Scope::sample).collect::<Option<_>>()?;
        Some((!lines.is_empty()).then(|| Line::new("scope", Said::Lines(lines))))
    }

    /// The objects that stand in the document as examples of what is read.
    fn examples(&self) -> Vec<&serde_json::Map<String, Json>> {
        let (resource, book) = (self.resource(), self.whole.book);
        let get = resource.item.get.as_ref().and_then(|get| get.answer.media.as_deref());
        let list = resource.list.answer.media.as_deref();
        let items = resource.envelope.items.as_deref().unwrap_or_default();
        let mut found: Vec<&Json> = get.map_or_else(Vec::new, |media| media_examples(book, media));
        for listed in list.map_or_else(Vec::new, |media| media_examples(book, media)) {
            let mut steps = items.split('.').filter(|step| !step.is_empty());
            let inner = steps.try_fold(listed, |json, step| json.get(step));
            found.extend(inner.and_then(Json::as_array).into_iter().flatten());
        }
        found.extend(self.read.example.as_ref());
        found.into_iter().filter_map(Json::as_object).collect()
    }
}

impl Scope {
    fn sample(&self) -> Option<Line> {
        let text = match self.example.as_ref()? {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(Line::text(&*self.name, text))
    }
}

/// The examples that stand beside a schema.
fn media_examples<'b>(book: &'b Book, media: &str) -> Vec<&'b Json> {
    let one = book.raw(&format!("{media}/example"));
    let several = book.named(&format!("{media}/examples")).into_iter().filter_map(|(_, pointer)| {
        let place = book.place(&pointer)?;
        book.raw(&format!("{place}/value"))
    });
    one.into_iter().chain(several).collect()
}

fn without_secrets(object: &serde_json::Map<String, Json>) -> serde_json::Map<String, Json> {
    let open = object.iter().filter(|(name, _)| words::telling(name) != Some(words::Telling::Secret));
    open.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether two objects have members in common.
fn shares(one: &Plain, other: &Plain) -> bool {
    one.members().iter().any(|member| other.member(&member.name).is_some())
}

/// Whether a body is one member that holds what is read.
fn is_wrapped(body: &Plain, read: &Plain) -> bool {
    match body.members() {
        [one] => read.member(&one.name).is_none() && shares(&one.plain, read),
        _ => false,
    }
}

/// The field that holds the id: called like the parameter, or `id`, or after the kind.
fn id(named: &Named, read: &Plain, create: Option<&Plain>) -> Id {
    let parameter = &named.resource.item.parameter;
    let owner = folded(&named.name);
    let wanted = folded(parameter);
    let short = wanted.strip_prefix(&*owner).unwrap_or_default().to_owned();
    let names = [wanted, short, "id".to_owned(), format!("{owner}id"), "uuid".to_owned(), "guid".to_owned()];
    let leaf = |plain: &Plain| matches!(plain.form, Form::Text(_) | Form::Whole { .. });
    let fits = |name: &String| {
        let found = read.members().iter().find(|member| folded(&member.name) == *name && leaf(&member.plain));
        found.filter(|_| !name.is_empty()).map(|member| member.name.clone())
    };
    let exact = read.member(parameter).filter(|plain| leaf(plain)).map(|_| parameter.clone());
    let found = exact.or_else(|| names.iter().find_map(fits));
    let decide = match &found {
        Some(name) if name == parameter || folded(name) == "id" => None,
        Some(_) => Some(format!("which field holds what stands in the path as `{}`", words::tidy(parameter))),
        None => Some("no answer of the document shows a field for the id".to_owned()),
    };
    let name = found.unwrap_or_else(|| parameter.replace(['.', '/'], "_"));
    let by_caller = create.is_some_and(|create| {
        create.requires(&name) && create.member(&name).is_some_and(|plain| !plain.read_only)
    });
    Id { name, by_caller, decide }
}

/// The field that most likely tells the objects apart.
fn natural_key(fields: &[Drafted], kind: &str, id: &str) -> Option<String> {
    let fits = |field: &&Drafted| {
        let readable = !field.access.computed && !field.access.write_only && field.name != id;
        readable && field.mark != Some("secret") && ["text", "whole", "guid"].contains(&field.ty)
    };
    let ranked = fields.iter().filter(fits).filter_map(|field| {
        let rank = words::key_rank(&field.name, kind)?;
        Some((!field.access.required, rank, field))
    });
    ranked.min_by_key(|(optional, rank, _)| (*optional, *rank)).map(|(.., field)| field.name.clone())
}

/// The open field that most likely names the objects, where the natural key may not be seen.
fn named_after<'f>(fields: &'f [Drafted], key: &str) -> Option<&'f str> {
    fields.iter().find(|field| field.name == key)?.mark?;
    let fits = |field: &&Drafted| field.ty == "text" && field.mark.is_none() && !field.access.write_only;
    let ranked = fields.iter().filter(fits).filter_map(|field| Some((words::name_rank(&field.name)?, field)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, field)| &*field.name)
}

/// The parameters above the objects: those of the path, and those that the list demands in its query.
fn scopes(book: &Book, named: &Named, id: &str) -> Vec<Scope> {
    let list = &named.resource.list;
    let mut scopes: Vec<Scope> = Vec::new();
    let mut before = "";
    for part in named.resource.path.split('/') {
        if let Some(parameter) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            let owner = words::kind_name(before);
            let taken = |name: &str| name == id || scopes.iter().any(|scope| scope.name == name);
            let free =
                [parameter.to_owned(), format!("{owner}_{parameter}"), format!("{owner}_{}", scopes.len())];
            let own = free.into_iter().find(|name| !taken(name)).unwrap_or_else(|| parameter.to_owned());
            let is = format!("The {} above it.", owner.replace('-', " "));
            scopes.push(scope(book, list, (parameter, own, is), false));
        }
        before = part;
    }
    for parameter in list.query().filter(|parameter| parameter.parameter_data_ref().required) {
        let own = name(parameter).to_owned();
        if own != id && !paging::is_paging(&own) && !scopes.iter().any(|scope| scope.name == own) {
            let is = format!("What the list wants as `{}`.", words::tidy(&own));
            scopes.push(scope(book, list, (name(parameter), own, is), true));
        }
    }
    scopes
}

fn scope(book: &Book, list: &Op, (parameter, own, is): (&str, String, String), query: bool) -> Scope {
    let wanted = if query { Place::Query } else { Place::Path };
    let found = list.parameters.iter().find(|other| place(other) == wanted && name(other) == parameter);
    let plain = found.and_then(|parameter| form(book, parameter));
    let data = found.map(openapiv3::Parameter::parameter_data_ref);
    let said = data.and_then(|data| words::sentence(data.description.as_deref()?));
    let example = data.and_then(|data| data.example.clone()).or_else(|| plain.as_ref()?.example.clone());
    let ty = scope_type(plain.as_ref());
    let fits = |example: &Json| match ty {
        "guid" => example.as_str().is_some_and(|text| uuid::Uuid::try_parse(text).is_ok()),
        "whole" => example.is_i64(),
        _ => example.is_string(),
    };
    Scope { name: own, ty, is: said.unwrap_or(is), query, example: example.filter(fits) }
}

fn scope_type(plain: Option<&Plain>) -> &'static str {
    match plain.map(|plain| &plain.form) {
        Some(Form::Whole { .. }) => "whole",
        Some(Form::Text(text)) if matches!(text.format.as_deref(), Some("uuid" | "guid")) => "guid",
        _ => "text",
    }
}

fn history_line(fields: &[Drafted]) -> Option<Line> {
    let edited = |field: &&Drafted| field.access.computed && field.ty == "time" && is_last_edit(&field.name);
    let field = fields.iter().find(edited)?;
    let changed_at = Line::text("changed_at", &*field.name)
        .decide("whether it moves with every edit; then nothing is written over an edit made since the plan");
    Some(Line::new("history", Said::Lines(vec![changed_at])))
}

fn source_line(op: &Op) -> Option<Line> {
    let id = words::tidy(op.operation.operation_id.as_deref()?);
    (!id.is_empty()).then(|| Line::text("source", id))
}
