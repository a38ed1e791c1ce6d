//! What a draft concludes from a document: each guess on a small document, and what it leaves to a person.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use trueup::diagnostic::NamedSource;
use trueup::openapi::{ApiDraft, DraftRequest, draft_api};

fn draft(document: &Json, with_polish: bool) -> ApiDraft {
    let source: Arc<NamedSource> = NamedSource::new("some.json", document.to_string());
    let request = DraftRequest {
        api: "some",
        source: &source,
        read_file: &|_| None,
        only: &[],
        existing: &Default::default(),
        with_polish,
    };
    draft_api(&request).unwrap_or_else(|fault| panic!("{}: {:?}", fault.message, fault.hint))
}

/// The text of the one kind of a document.
fn kind(document: &Json) -> String {
    draft(document, false).files.swap_remove(1).text
}

fn answer(schema: &Json) -> Json {
    json!({ "200": { "description": "", "content": { "application/json": { "schema": schema } } } })
}

fn body(schema: &Json) -> Json {
    json!({ "content": { "application/json": { "schema": schema } } })
}

/// A service with boats: list, read, create, update, delete.
fn boats(boat: &Json, list: &Json) -> Json {
    json!({
        "openapi": "3.0.0", "info": { "title": "Boats", "version": "1" },
        "paths": {
            "/boats": {
                "get": { "responses": answer(list) },
                "post": { "requestBody": body(boat), "responses": answer(boat) },
            },
            "/boats/{id}": {
                "get": { "responses": answer(boat) },
                "patch": { "requestBody": body(boat), "responses": answer(boat) },
                "delete": { "responses": { "204": { "description": "" } } },
            },
        },
    })
}

fn boat(properties: Json) -> Json {
    let mut all = json!({ "id": { "type": "integer", "readOnly": true }, "name": { "type": "string" } });
    for (name, schema) in properties.as_object().into_iter().flatten() {
        all[name] = schema.clone();
    }
    json!({ "type": "object", "required": ["name"], "properties": all })
}

fn many(item: &Json) -> Json {
    json!({ "type": "array", "items": item })
}

/// The paging of a list with these query parameters and this answer.
fn paging(parameters: Json, answer_members: Json) -> String {
    let boat = boat(json!({}));
    let mut list = json!({ "type": "object", "properties": { "boats": many(&boat) } });
    for (name, schema) in answer_members.as_object().into_iter().flatten() {
        list["properties"][name] = schema.clone();
    }
    let mut document = boats(&boat, &list);
    let parameters = parameters.as_object().into_iter().flatten().map(|(name, one)| {
        json!({ "in": "query", "name": name, "schema": one["schema"], "description": one["text"] })
    });
    document["paths"]["/boats"]["get"]["parameters"] = parameters.collect();
    let text = kind(&document);
    let lines = text
        .lines()
        .skip_while(|line| *line != "  list:")
        .skip(1)
        .take_while(|line| line.starts_with("    "));
    lines.map(|line| format!("{}\n", &line[4..])).collect()
}

#[test]
fn pages_are_asked_for_as_names_types_and_texts_say() {
    let number = || json!({ "schema": { "type": "integer" } });
    let text = || json!({ "schema": { "type": "string" } });
    let said = |text: &str| json!({ "schema": { "type": "integer" }, "text": text });
    let string = json!({ "type": "string" });
    let cases = [
        (json!({ "offset": number(), "limit": number() }), json!({}), "offset: offset"),
        (
            json!({ "first": number(), "max": number() }),
            json!({}),
            "decide: whether `first` counts the items",
        ),
        (
            json!({ "first": said("Pagination offset"), "max": number() }),
            json!({}),
            "offset: first\n  limit: max",
        ),
        (
            json!({ "page": said("The page, 1-based"), "limit": number() }),
            json!({}),
            "\npaging:\n  style: page",
        ),
        (json!({ "page": said("Zero-based page index") }), json!({}), "first_page: 0"),
        (json!({ "page": number() }), json!({}), "decide: whether the first page is number 1"),
        (json!({ "page": number() }), json!({ "total": { "type": "integer" } }), "\npaging:\n  style: page"),
        (
            json!({ "page[number]": said("starts at 1"), "page[size]": number() }),
            json!({}),
            "limit: \"page[size]\"",
        ),
        (json!({ "after": text() }), json!({ "next_cursor": string }), "cursor: after\n  next: next_cursor"),
        (
            json!({ "page": text() }),
            json!({ "nextPageToken": string }),
            "cursor: page\n  next: nextPageToken",
        ),
        (
            json!({ "starting_after": text() }),
            json!({ "has_more": { "type": "boolean" } }),
            "cursor_from_item: id",
        ),
        (
            json!({ "cursor": text() }),
            json!({ "links": { "properties": { "next": { "properties": { "href": string } } } } }),
            "style: link\n  next: links.next.href",
        ),
        (
            json!({ "after": { "schema": { "type": "string" }, "text": "Cursor of the page" } }),
            json!({}),
            "decide: the list comes in pages by `after`",
        ),
        (json!({ "after": text() }), json!({}), "get: /boats\nitems: boats\n"),
        (json!({ "limit": said("Up to 250 boats."), "offset": number() }), json!({}), "page_size: 250"),
        (json!({ "created_after": text() }), json!({}), "get: /boats\nitems: boats\n"),
    ];
    for (parameters, members, wanted) in cases {
        let made = paging(parameters.clone(), members.clone());
        assert!(made.contains(wanted), "{parameters} {members}: no `{wanted}` in\n{made}");
    }
}

#[test]
fn the_items_are_those_that_a_read_of_one_shows() {
    let boat = boat(json!({ "seats": { "type": "integer" } }));
    let list = json!({ "type": "object", "properties": {
        "errors": many(&json!({ "type": "object", "properties": { "name": { "type": "string" } } })),
        "owners": many(&json!({ "type": "object", "properties": { "owner": { "type": "string" } } })),
        "fleet": many(&boat),
    } });
    let text = kind(&boats(&boat, &list));
    assert!(text.contains("items: fleet") && !text.contains("# decide"), "{text}");
}

#[test]
fn a_list_that_shows_less_is_a_summary() {
    let whole = boat(json!({ "seats": { "type": "integer" } }));
    let text = kind(&boats(&whole, &many(&boat(json!({})))));
    assert!(text.contains("shows: summary"), "{text}");
    assert!(!kind(&boats(&whole, &many(&whole))).contains("shows"), "it shows everything");
}

#[test]
fn natural_keys_are_as_sure_as_the_document() {
    let key = |properties: Json, required: Json| {
        let mut boat =
            json!({ "type": "object", "properties": { "id": { "type": "integer", "readOnly": true } } });
        for (name, schema) in properties.as_object().into_iter().flatten() {
            boat["properties"][name] = schema.clone();
        }
        boat["required"] = required;
        draft(&boats(&boat, &many(&boat)), true).files.swap_remove(1).text
    };
    let string = || json!({ "type": "string" });
    let unique = json!({ "type": "string", "description": "Must be unique." });
    let text = key(json!({ "name": string(), "hull": unique }), json!(["name"]));
    assert!(text.contains("natural_key: [hull]"), "a text says it\n{text}");
    let text = key(json!({ "profile": { "type": "object", "properties": { "login": unique } } }), json!([]));
    assert!(text.contains("natural_key: [profile.login]"), "also inside\n{text}");
    let text = key(json!({ "name": string() }), json!(["name"]));
    assert!(text.contains("# polish: whether no two objects have the same `name`"), "{text}");
    let text = key(json!({ "name": string() }), json!([]));
    assert!(text.contains("the service does not demand `name`") && text.contains("required: true"), "{text}");
    let text = key(
        json!({ "pierId": string(), "ownerId": string(), "seats": { "type": "integer" } }),
        json!(["pierId", "ownerId", "seats"]),
    );
    assert!(text.contains("natural_key: [pierId, ownerId]"), "{text}");
    let denied = json!({ "type": "string", "description": "Need not be unique: it is not unique." });
    let text = key(json!({ "name": denied, "seats": { "type": "integer" } }), json!(["name"]));
    assert!(!text.contains("natural_key: [name]"), "{text}");
    assert!(text.contains("# `create` is left out") && !text.contains("\n  create:"), "{text}");
    assert!(!text.contains("# decide"), "what is left out cannot write wrong\n{text}");
}

#[test]
fn filters_find_objects_where_they_are_exact() {
    let whole = boat(json!({}));
    let found = |text: &str| {
        let mut document = boats(&whole, &many(&whole));
        let filter =
            json!([{ "in": "query", "name": "name", "schema": { "type": "string" }, "description": text }]);
        document["paths"]["/boats"]["get"]["parameters"] = filter;
        kind(&document).contains("  find:\n    query:\n      name: \"{name}\"")
    };
    assert!(found("Exact name of the boat"));
    assert!(!found("Boats whose name contains this") && !found("The name"));
}

#[test]
fn who_writes_a_field_follows_from_texts_too() {
    let said = |text: &str| json!({ "type": "string", "description": text });
    let text = kind(&boats(
        &boat(json!({
            "hull": said("The hull. Cannot be changed later."),
            "state": said("Read-only. The state of the boat."),
            "code": said("The starting code; never returned."),
        })),
        &many(&boat(json!({}))),
    ));
    let field = |name: &str| {
        let lines = text.lines().skip_while(|line| *line != format!("  {name}:")).skip(1);
        lines.take_while(|line| line.starts_with("    ")).collect::<Vec<_>>().join("\n")
    };
    assert!(field("hull").contains("immutable: true"), "{text}");
    assert!(field("state").contains("read_only: true"), "{text}");
    assert!(field("code").contains("write_only: true"), "{text}");
}

#[test]
fn updates_are_full_unless_the_document_says_otherwise() {
    let whole = boat(json!({}));
    let by_post = |text: &str| {
        let mut document = boats(&whole, &many(&whole));
        let item = document["paths"]["/boats/{id}"].as_object_mut().expect("a path");
        let mut patch = item.remove("patch").expect("an update");
        patch["description"] = json!(text);
        item.insert("post".into(), patch);
        kind(&document)
    };
    assert!(by_post("Updates a boat.").contains("post: /boats/{id}\n    body: full"));
    let partial = by_post("Any parameters not provided will be left unchanged.");
    assert!(partial.contains("post: /boats/{id}\n    body: changes"), "{partial}");
    // a PATCH whose body is a list of edits is no update of fields
    let mut document = boats(&whole, &many(&whole));
    document["paths"]["/boats/{id}"]["patch"]["requestBody"] =
        body(&many(&json!({ "type": "object", "properties": { "op": { "type": "string" } } })));
    let text = kind(&document);
    assert!(!text.contains("patch:") && text.contains("create:"), "{text}");
}

#[test]
fn forms_and_merge_patches_are_sent_as_such() {
    let whole = boat(json!({ "home": { "type": "object", "properties": { "pier": { "type": "string" } } } }));
    let sent = |media: &str, verb: &str| {
        let mut document = boats(&whole, &many(&whole));
        let (path, method) = if verb == "create" { ("/boats", "post") } else { ("/boats/{id}", "patch") };
        document["paths"][path][method]["requestBody"] = json!({ "content": { media: { "schema": whole } } });
        kind(&document)
    };
    assert!(sent("application/x-www-form-urlencoded", "create").contains("encoding: form"));
    let text = sent("application/merge-patch+json", "update");
    assert!(text.contains("encoding: merge_patch") && text.contains("granularity: members"), "{text}");
    let mut document = boats(&whole, &many(&whole));
    for (path, method) in [("/boats", "post"), ("/boats/{id}", "patch")] {
        document["paths"][path][method]["requestBody"] =
            json!({ "content": { "multipart/form-data": { "schema": whole } } });
    }
    let source: Arc<NamedSource> = NamedSource::new("some.json", document.to_string());
    let request = DraftRequest {
        api: "some",
        source: &source,
        read_file: &|_| None,
        only: &[],
        existing: &Default::default(),
        with_polish: false,
    };
    let fault = draft_api(&request).map(|_| ()).expect_err("nothing to draft");
    assert!(fault.hint.unwrap_or_default().contains("all its bodies are `multipart/form-data`"));
}

#[test]
fn the_service_is_where_the_document_says_as_far_as_it_does() {
    let whole = boat(json!({}));
    let mut document = boats(&whole, &many(&whole));
    document["servers"] = json!([{ "url": "/api/v2" }]);
    let api = &draft(&document, false).files[0];
    assert!(api.text.contains("the document says only `/api/v2`"), "{}", api.text);
    assert_eq!(api.decisions.len(), 1 + 1, "the server and how requests prove who sends them\n{}", api.text);
}

#[test]
fn remarks_are_few_and_polish_is_shown_on_demand() {
    let whole = boat(json!({
        "kind": { "type": "string", "enum": ["a", "b"] },
        "log": { "type": "array", "readOnly": true, "items": { "type": "object", "properties": {
            "state": { "type": "string", "enum": ["a"] }, "parts": many(&json!({ "type": "string" })),
        } } },
    }));
    let document = boats(&whole, &many(&whole));
    let (quiet, full) = (draft(&document, false), draft(&document, true));
    assert!(!quiet.files[1].text.contains("polish"), "{}", quiet.files[1].text);
    assert!(full.files[1].text.contains("# polish: what each of these means"));
    assert_eq!(quiet.files[1].polish_count, full.files[1].polish_count);
    assert_eq!(quiet.files[1].decisions.len(), 0);
    let (_, log) = full.files[1].text.split_once("  log:\n").expect("a field");
    assert!(!log.contains("polish"), "nothing is asked about what nobody writes\n{log}");
}

#[test]
fn a_document_of_swagger_2_is_read() {
    let document = json!({
        "swagger": "2.0", "info": { "title": "Boats", "version": "1" },
        "host": "boats.example", "basePath": "/v1", "schemes": ["https"], "consumes": ["application/json"], "produces": ["application/json"],
        "securityDefinitions": { "key": { "type": "apiKey", "in": "header", "name": "X-Key" } },
        "definitions": { "Boat": boat(json!({ "seats": { "type": "integer", "x-nullable": true } })) },
        "parameters": { "Limit": { "in": "query", "name": "limit", "type": "integer", "maximum": 50 } },
        "paths": {
            "/boats": {
                "get": {
                    "parameters": [{ "$ref": "#/parameters/Limit" }, { "in": "query", "name": "offset", "type": "integer" }],
                    "responses": { "200": { "description": "", "schema": many(&json!({ "$ref": "#/definitions/Boat" })) } },
                },
                "post": {
                    "parameters": [{ "in": "body", "name": "boat", "schema": { "$ref": "#/definitions/Boat" } }],
                    "responses": { "201": { "description": "", "headers": { "Location": { "type": "string" } } } },
                },
            },
            "/boats/{id}": {
                "put": { "parameters": [{ "in": "body", "name": "boat", "schema": { "$ref": "#/definitions/Boat" } }], "responses": { "204": { "description": "" } } },
                "delete": { "parameters": [{ "in": "path", "name": "id", "type": "integer", "required": true }], "responses": { "204": { "description": "" } } },
            },
        },
    });
    let files = draft(&document, false).files;
    let (api, kind) = (&files[0].text, &files[1].text);
    for wanted in ["base_url: https://boats.example/v1", "auth_headers: [X-Key]"] {
        assert!(api.contains(wanted), "{wanted}\n{api}");
    }
    for wanted in ["page_size: 50", "response: location", "title: Boat", "clear_with: \"null\""] {
        assert!(kind.contains(wanted), "{wanted}\n{kind}");
    }
}

#[test]
fn error_answers_of_common_frameworks_are_described() {
    let errors = |schema: &Json, media: &str| {
        let mut document = boats(&boat(json!({})), &many(&boat(json!({}))));
        document["paths"]["/boats"]["post"]["responses"]["422"] =
            json!({ "description": "", "content": { media: { "schema": schema } } });
        let text = draft(&document, false).files.swap_remove(0).text;
        let (_, rest) = text.split_once("errors:\n").unwrap_or_else(|| panic!("no errors: {text}"));
        rest.lines()
            .take_while(|line| line.starts_with(' '))
            .map(str::trim_start)
            .collect::<Vec<_>>()
            .join("\n")
    };
    // FastAPI
    let step = json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] });
    let text = || json!({ "type": "string" });
    let item = json!({ "type": "object", "properties": {
        "loc": { "type": "array", "items": step }, "msg": text(), "type": text(),
    } });
    let fastapi = errors(
        &json!({ "type": "object", "properties": { "detail": { "type": "array", "items": item } } }),
        "application/json",
    );
    assert!(fastapi.contains("at: detail\nfield: loc\nmessage: msg"), "{fastapi}");
    // RFC 9457
    let item = json!({ "type": "object", "properties": { "detail": text(), "pointer": text() } });
    let problem = errors(
        &json!({ "type": "object", "properties": {
            "type": text(), "title": text(), "status": { "type": "integer" }, "detail": text(), "instance": text(),
            "errors": { "type": "array", "items": item },
        } }),
        "application/problem+json",
    );
    assert!(problem.contains("messages: [detail, title]"), "{problem}");
    assert!(problem.contains("codes: [type]"), "{problem}");
    assert!(problem.contains("at: errors\nfield: pointer\nmessage: detail"), "{problem}");
}

#[test]
fn the_members_of_an_object_come_before_what_is_deep_inside_one_of_them() {
    // more levels of more members than are unfolded, before the id
    let part = json!({ "type": "object", "properties": { "x": { "type": "object", "properties": { "y": { "type": "string" } } } } });
    let parts: serde_json::Map<_, _> = (0..80).map(|n| (format!("m{n}"), part.clone())).collect();
    let mate = json!({ "type": "object", "properties": parts });
    let crew = json!({ "$ref": "#/components/schemas/Mate" });
    let crew = json!({ "type": "object", "properties": { "a": crew, "b": crew } });
    let deeper = |deep: Json, _| json!({ "type": "object", "properties": { "a": deep, "b": { "$ref": "#/components/schemas/Crew" } } });
    let deep = (0..12).fold(json!({ "type": "string" }), deeper);
    let boat = boat(json!({}));
    let mut large = json!({ "type": "object", "required": ["name"], "properties": { "crew": deep } });
    for (name, schema) in boat["properties"].as_object().into_iter().flatten() {
        large["properties"][name] = schema.clone();
    }
    let mut document = boats(&large, &many(&large));
    document["components"] = json!({ "schemas": { "Crew": crew, "Mate": mate } });
    let text = kind(&document);
    assert!(text.contains("\n  id:\n    type: integer\n"), "{text}");
    assert!(text.contains("\n  crew:\n    type: object\n"), "{text}");
    assert!(text.contains("natural_key: [name]"), "{text}");
}

#[test]
fn what_the_format_cannot_say_is_not_drafted() {
    // the entries of a map that only the service writes
    let mate = json!({ "type": "object", "properties": { "rank": { "type": "string" } } });
    let crew = json!({ "type": "object", "readOnly": true, "additionalProperties": mate });
    let boat = boat(json!({ "crew": crew }));
    let mut document = boats(&boat, &many(&boat));
    // an update that answers the id alone, in a member
    let part = json!({ "type": "object", "properties": { "id": { "type": "integer" }, "name": { "type": "string" } } });
    let part = json!({ "type": "object", "properties": { "boat": part } });
    document["paths"]["/boats/{id}"]["patch"]["responses"] = answer(&part);
    let text = kind(&document);
    assert!(
        text.contains("    keyed_by: name\n") && !text.contains("The key of the entry.\n        required"),
        "{text}"
    );
    let update: Vec<&str> = text.lines().skip_while(|line| *line != "  update:").take(6).collect();
    assert!(update.contains(&"    response: id") && !text.contains("response_member"), "{update:?}");
}

#[test]
fn kinds_are_named_after_paths_and_then_after_schemas() {
    let mut document = json!({ "openapi": "3.0.0", "info": { "title": "Boats", "version": "1" }, "paths": {}, "components": { "schemas": {
        "RowBoatResponse": boat(json!({})), "Ferry": boat(json!({ "seats": { "type": "integer" } })) } } });
    let paths = [
        ("/rowboats", "RowBoatResponse"),
        ("/ports/{port}/rowboats", "RowBoatResponse"),
        ("/seas/{sea}/ports/{port}/rowboats", "RowBoatResponse"),
        ("/boats", "Ferry"),
        ("/ports/{port}/boats", "Ferry"),
        ("/seas/{sea}/ports/{port}/boats", "Ferry"),
        ("/lakes/{lake}/ports/{port}/boats", "Ferry"),
    ];
    for (path, schema) in paths {
        let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
        document["paths"][path] = json!({ "get": { "responses": answer(&many(&schema)) } });
        document["paths"][format!("{path}/{{id}}")] =
            json!({ "put": { "requestBody": body(&schema), "responses": answer(&schema) } });
    }
    let draft = draft(&document, false);
    let mut names: Vec<&str> = draft.files.iter().skip(1).map(|file| &*file.name).collect();
    names.sort_unstable();
    let wanted = [
        "boat.yaml",
        "ferry.yaml",
        "port-boat.yaml",
        "port-row-boat.yaml",
        "row-boat.yaml",
        "sea-port-boat.yaml",
        "sea-port-row-boat.yaml",
    ];
    assert_eq!(names, wanted);
}
