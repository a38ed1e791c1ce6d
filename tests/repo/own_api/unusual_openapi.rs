//! Documents that no one would write, and some that people do: a draft passes the check or there is none, every
//! time, soon, and without a panic.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use trueup::diagnostic::{Diagnostic, NamedSource};
use trueup::kind::registry::KindRegistry;
use trueup::openapi::{ApiDraft, DraftRequest, draft_api};

fn drafted(text: &str) -> Result<ApiDraft, Diagnostic> {
    let source: Arc<NamedSource> = NamedSource::new("some.json", text);
    let read_file: trueup::openapi::DraftFileReader = &|_| None;
    let draft = draft_api(&DraftRequest {
        api: "some",
        source: &source,
        read_file,
        only: &[],
        existing: &Default::default(),
        with_polish: true,
    })?;
    let files = draft.files.iter().map(|file| (format!("apis/some/{}", file.name), file.text.clone()));
    let mut faults = Vec::new();
    KindRegistry::with_workspace(files.collect(), &mut faults);
    let said: Vec<_> = faults.iter().map(|fault| &fault.message).collect();
    assert!(said.is_empty(), "{said:?}\n{}", draft.files.iter().map(|file| &*file.text).collect::<String>());
    Ok(draft)
}

/// A document with one resource whose objects are as this schema says.
fn things(schema: Json, more: Json) -> Json {
    let answer = json!({ "200": { "description": "", "content": { "application/json": {
        "schema": { "type": "array", "items": { "$ref": "#/components/schemas/Thing" } } } } } });
    let body =
        json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } });
    let mut schemas = json!({ "Thing": schema });
    for (name, value) in more.as_object().into_iter().flatten() {
        schemas[name] = value.clone();
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Things", "version": "1" },
        "paths": {
            "/things": { "get": { "responses": answer } },
            "/things/{id}": { "put": { "requestBody": body, "responses": { "204": { "description": "" } } } },
        },
        "components": { "schemas": schemas },
    })
}

/// The text of the one kind of a document.
fn kind(document: &Json) -> String {
    let draft =
        drafted(&document.to_string()).unwrap_or_else(|fault| panic!("{}: {:?}", fault.message, fault.hint));
    draft.files.into_iter().nth(1).expect("a kind").text
}

/// The lines of a field, without its name.
fn field(text: &str, name: &str) -> String {
    let start = format!("  {name}:\n");
    let at = text.find(&start).unwrap_or_else(|| panic!("no {name} in\n{text}"));
    let inside = text[at + start.len()..].lines().take_while(|line| line.starts_with("    "));
    inside.map(|line| format!("{}\n", &line[4..])).collect()
}

fn thing(properties: Json) -> Json {
    let mut all = json!({ "id": { "type": "integer", "readOnly": true } });
    for (name, schema) in properties.as_object().into_iter().flatten() {
        all[name] = schema.clone();
    }
    json!({ "type": "object", "properties": all })
}

#[test]
fn what_is_no_openapi_is_reported() {
    let fault = |text: &str| drafted(text).map(|_| ()).expect_err("a fault");
    let place = |fault: &Diagnostic| {
        fault.location.as_ref().map(trueup::diagnostic::SourceLocation::find_line_column)
    };
    let broken = fault("{\n  \"openapi\": \"3.0.0\",\n  \"paths\": { ]\n}");
    assert_eq!((broken.code, place(&broken)), ("json-syntax", Some((3, 14))));
    assert_eq!(fault("openapi: [").code, "yaml-syntax");
    assert_eq!(fault("a: 1\n---\nb: 2\n").code, "document-count");
    assert_eq!(fault("{}").code, "not-openapi");
    assert_eq!(fault("[]").code, "not-openapi");
    assert_eq!(fault("swagger: \"2.0\"\n").code, "nothing-to-draft");
    assert_eq!(fault("swagger: \"1.2\"\n").code, "openapi-version");
    assert_eq!(fault("openapi: 4.0.0\n").code, "openapi-version");
    assert_eq!(fault("openapi: 3.1\n").code, "nothing-to-draft");
    assert_eq!(
        fault(&format!("{{\"openapi\":\"3.0.0\",\"x\":{}1{}}}", "[".repeat(100), "]".repeat(100))).code,
        "too-deep"
    );
    assert_eq!(fault(&"[".repeat(100_000)).code, "yaml-syntax");
    assert_eq!(fault(&format!("{{\"a\":{}", "[".repeat(100_000))).code, "json-syntax");
}

#[test]
fn schemas_that_hold_themselves_end() {
    let tree = json!({ "type": "object", "properties": { "next": { "$ref": "#/components/schemas/Tree" }, "leaf": { "type": "string" } } });
    let text = kind(&things(
        thing(json!({ "tree": { "$ref": "#/components/schemas/Tree" } })),
        json!({ "Tree": tree }),
    ));
    assert!(field(&text, "tree").contains("# polish: it holds itself"), "{text}");
    // references that lead round, nowhere, out of the document
    for reference in ["#/components/schemas/A", "#/nowhere", "other.yaml#/x", "#", "#x", "", "#/%ff"] {
        let loops = json!({ "A": { "$ref": "#/components/schemas/B" }, "B": { "allOf": [{ "$ref": "#/components/schemas/A" }] } });
        let text = kind(&things(thing(json!({ "a": { "$ref": reference } })), loops));
        assert!(field(&text, "a").contains("type: any"), "{reference}\n{text}");
    }
}

#[test]
fn what_grows_without_end_is_cut() {
    let mut schemas = Map::new();
    for level in 0..60 {
        let below = json!({ "$ref": format!("#/components/schemas/L{}", level + 1) });
        let members: Map<String, Json> = (0..10).map(|n| (format!("m{n}"), below.clone())).collect();
        schemas.insert(
            format!("L{level}"),
            json!({ "type": "object", "properties": members, "allOf": [below.clone(), below] }),
        );
    }
    let started = Instant::now();
    kind(&things(thing(json!({ "deep": { "$ref": "#/components/schemas/L0" } })), Json::Object(schemas)));
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    let many: Map<String, Json> = (0..3000).map(|n| (format!("f{n}"), json!({ "type": "string" }))).collect();
    let text = kind(&things(thing(Json::Object(many)), json!({})));
    assert!(text.contains("left out, because the format cannot name them"), "{}", &text[..2000]);
}

#[test]
fn forms_become_types() {
    let pairs = [
        (json!({ "type": "string", "format": "uuid" }), "type: uuid"),
        (json!({ "type": "string", "format": "date" }), "type: date"),
        (json!({ "type": "string", "format": "date-time" }), "type: datetime"),
        (json!({ "type": "string", "format": "decimal" }), "type: decimal"),
        (json!({ "type": "string", "format": "int64" }), "encode_as: string"),
        (json!({ "type": "integer", "format": "int64" }), "type: integer"),
        (json!({ "type": "number" }), "type: decimal"),
        (json!({ "type": "boolean" }), "type: boolean"),
        (json!({ "type": ["string", "null"] }), "clear_with: \"null\""),
        (json!({ "type": "string", "nullable": true }), "clear_with: \"null\""),
        (json!({ "type": "string", "minLength": 1 }), "clear_with: nothing"),
        (json!({ "type": "string", "maxLength": 9 }), "max_length: 9"),
        (json!({ "type": "string", "enum": ["a", "b"] }), "type: string"),
        (json!({ "enum": ["a", "b", null] }), "clear_with: \"null\""),
        (json!({ "const": "a" }), "type: string"),
        (json!({ "type": "integer", "enum": [1, 2] }), "# polish: the document allows only 1, 2"),
        (json!({ "type": "array", "items": { "type": "string" } }), "list_type: atomic"),
        (json!({ "type": "array", "uniqueItems": true, "items": { "type": "string" } }), "list_type: set"),
        (json!({ "type": "array" }), "type: any"),
        (json!({ "type": "object", "additionalProperties": { "type": "integer" } }), "type: map"),
        (json!({ "type": "object" }), "type: map"),
        (json!({ "type": "object", "additionalProperties": { "type": "array" } }), "type: any"),
        (
            json!({ "oneOf": [{ "type": "string" }, { "type": "integer" }] }),
            "# polish: it may have one of several forms",
        ),
        (json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }), "type: string"),
        (json!({ "oneOf": [{ "type": "integer" }, { "type": "number" }] }), "type: decimal"),
        (json!({ "allOf": [{ "type": "string" }, { "maxLength": 3 }] }), "type: string"),
        (json!({ "allOf": [{ "type": "string" }, { "type": "integer" }] }), "contradict each other"),
        (json!({ "type": "string", "readOnly": true }), "omit_from: [writes]"),
        (json!({ "type": "string", "writeOnly": true }), "write_only: true"),
        (
            json!({ "type": "string", "deprecated": true, "description": "Old." }),
            "description: Old (deprecated)",
        ),
        (json!({ "type": "string", "description": "# A\nb: c #d" }), "description: \"A b: c #d\""),
        (json!({ "type": "string", "example": "x" }), "example: x"),
        (json!({ "type": "integer", "examples": ["x"] }), "type: integer"),
        (json!(true), "type: any"),
        (json!({ "type": "strange", "maxLength": "x", "required": 7 }), "type: any"),
    ];
    for (schema, wanted) in pairs {
        let text = kind(&things(thing(json!({ "value": schema })), json!({})));
        assert!(field(&text, "value").contains(wanted), "{schema}: no {wanted}\n{text}");
    }
}

#[test]
fn what_must_not_be_seen_is_marked() {
    let text = kind(&things(
        thing(json!({
            "password": { "type": "string", "example": "hunter2", "format": "uuid" },
            "pass": { "type": "string", "format": "password" },
            "tokens": { "type": "array", "items": { "type": "string" } },
            "eMail": { "type": "string" },
            "hasPassword": { "type": "boolean" },
            "phoneKind": { "type": "string", "enum": ["mobile", "desk"] },
            "callbackUrl": { "type": "string" },
        })),
        json!({}),
    ));
    for (name, mark) in [
        ("password", "secret"),
        ("pass", "secret"),
        ("tokens", "internal"),
        ("eMail", "personal"),
        ("callbackUrl", "internal"),
    ] {
        assert!(field(&text, name).contains(&format!("sensitivity: {mark}")), "{name}\n{text}");
    }
    assert!(!field(&text, "hasPassword").contains("sensitivity"), "{text}");
    assert!(!text.contains("hunter2"), "a secret has no example");
    assert!(field(&text, "password").starts_with("type: string"), "only a text is a secret");
}

#[test]
fn names_that_the_format_cannot_say_are_reported() {
    let text = kind(&things(
        thing(
            json!({ "a.b": { "type": "string" }, "c/d": { "type": "string" }, "": { "type": "string" }, "$ok": { "type": "string" },
            "null": { "type": "string" }, "ä: #": { "type": "string" }, "\u{202e}x": { "type": "integer" } }),
        ),
        json!({}),
    ));
    assert!(text.contains("left out, because the format cannot name them: `a.b`, `c/d`"), "{text}");
    assert!(
        text.contains("  \"$ok\":\n") && text.contains("  \"null\":\n") && text.contains("  \"ä: #\":\n"),
        "{text}"
    );
    assert!(text.contains("  \"\\u202ex\":\n"), "{text}");
}

#[test]
fn members_around_bodies_and_answers_are_named() {
    let mut document = things(thing(json!({ "name": { "type": "string" } })), json!({}));
    let wrapped =
        json!({ "type": "object", "properties": { "thing": { "$ref": "#/components/schemas/Thing" } } });
    let answer =
        json!({ "200": { "description": "", "content": { "application/json": { "schema": wrapped } } } });
    document["paths"]["/things/{id}"]["get"] = json!({ "responses": answer });
    let text = kind(&document);
    assert!(text.contains("    get: /things/{id}\n    response_member: thing\n"), "{text}");
    assert!(!text.contains("request_member"), "{text}");
    document["paths"]["/things/{id}"]["put"]["requestBody"]["content"]["application/json"]["schema"] =
        wrapped;
    document["paths"]["/things/{id}"]["put"]["responses"] = answer;
    let text = kind(&document);
    assert!(text.contains("request_member: thing\n    response_member: thing\n"), "{text}");
}

#[test]
fn two_things_of_one_name_are_two_kinds() {
    let mut document = things(thing(json!({})), json!({}));
    for above in ["/shops/{shop}", "/depots/{id}"] {
        for tail in ["/things", "/things/{id}"] {
            document["paths"][format!("{above}{tail}")] = document["paths"][tail].clone();
        }
    }
    let draft = drafted(&document.to_string()).unwrap_or_else(|fault| panic!("{}", fault.message));
    let names: Vec<&str> = draft.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["api.yaml", "depot-thing.yaml", "shop-thing.yaml", "thing.yaml"]);
}

/// Every place of a document, as pointers.
fn places(tree: &Json) -> Vec<String> {
    fn walk(tree: &Json, at: &str, found: &mut Vec<String>) {
        found.push(at.to_owned());
        match tree {
            Json::Object(members) => {
                for (name, value) in members {
                    walk(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
                }
            }
            Json::Array(items) => {
                items.iter().enumerate().for_each(|(n, item)| walk(item, &format!("{at}/{n}"), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(tree, "", &mut found);
    found
}

fn fixture(name: &str) -> Json {
    let text = std::fs::read_to_string(format!("tests/openapi/{name}")).expect("a document");
    serde_yaml::from_str(&text).expect("a tree")
}

fn odd() -> impl Strategy<Value = Json> {
    let scalar_field = prop_oneof![
        Just(Json::Null),
        Just(json!(true)),
        Just(json!(-1)),
        Just(json!(1e300)),
        Just(json!([])),
        Just(json!({})),
        Just(json!("#/components/schemas/Station")),
        Just(json!({ "$ref": "#/components/schemas/Station" })),
        Just(json!({ "$ref": "#/paths/~1stations" })),
        Just(json!({ "type": ["object", "array", "null"] })),
        Just(
            json!({ "type": "object", "required": ["a"], "properties": { "a": { "enum": [1, "x", null] } } })
        ),
        Just(json!({ "allOf": [true, false, { "items": {} }] })),
        "\\PC{0,12}".prop_map(Json::from),
    ];
    scalar_field.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map("[a-zA-Z$./~{}# :]{0,8}", inner, 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// A document that was tampered with gives a draft that passes the check, or a fault.
    #[test]
    fn tampered_documents_do_no_harm(
        first in any::<bool>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(odd())), 1..6),
    ) {
        let mut tree = fixture(if first { "bikes-3.0.yaml" } else { "festival-3.1.json" });
        for (index, value) in edits {
            let all = places(&tree);
            let place = index.get(&all).clone();
            if let Some(node) = tree.pointer_mut(&place) {
                *node = value.unwrap_or(Json::Null);
            }
        }
        let _ = drafted(&tree.to_string());
    }

    /// Whatever text it is, there is a fault or a draft.
    #[test]
    fn any_text_does_no_harm(text in "\\PC{0,200}") {
        let _ = drafted(&text);
        let _ = drafted(&format!("openapi: 3.1.0\npaths:\n  {text}"));
    }
}

#[test]
fn what_is_found_by_a_marked_key_is_named_after_an_open_field() {
    let text = |extra: Json| {
        let mut properties = json!({ "id": { "type": "integer", "readOnly": true }, "email": { "type": "string", "format": "email" } });
        for (name, schema) in extra.as_object().expect("properties") {
            properties[name] = schema.clone();
        }
        kind(&things(json!({ "type": "object", "required": ["email"], "properties": properties }), json!({})))
    };
    let named = text(json!({ "companyName": { "type": "string" } }));
    assert!(
        named.contains("natural_key: [email]") && named.contains("import_name: [companyName]"),
        "{named}"
    );
    assert!(!text(json!({})).contains("named_after"));
}
