//! Bases, overlays, many objects and values in an editor: partial documents without messages, each mistake with one,
//! and completion and hover at every level.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;
use trueup::cli::schema::{build_schemas, list_workspace_names};
use trueup::kind::explain;
use trueup::kind::registry::KindRegistry;
use trueup::kind::schema::WorkspaceNames;
use trueup::workspace;

use crate::editor::{DOCUMENT, Server, documentation, each_server, inserts, ones, silent};

const BASE: &str = "# yaml-language-server: $schema=../../schemas/base.json\n";
const VALUES: &str = "# yaml-language-server: $schema=../../schemas/values.json\n";
const KIND: &str = "kind: bootview/payment-gateway\n";

/// The lines before the fields of a level, by what the level is, with the indentation of its fields.
fn levels() -> [(&'static str, String, &'static str); 5] {
    [
        ("a base", format!("{BASE}base: cards\n{KIND}spec:\n"), "  "),
        ("a base among documents", format!("{DOCUMENT}base: cards\n{KIND}spec:\n"), "  "),
        ("a document with bases", format!("{DOCUMENT}{KIND}name: harbor\nextends: [cards]\nspec:\n"), "  "),
        ("an overlay", format!("{DOCUMENT}overlay: production\n{KIND}name: harbor\nspec:\n"), "  "),
        (
            "one of many objects",
            format!("{DOCUMENT}{KIND}extends: [cards]\nobjects:\n  harbor:\n    spec:\n"),
            "      ",
        ),
    ]
}

#[test]
fn partial_documents_are_silent() {
    let edits = "{ add: [{ billTypeId: 9, applyConvenienceFee: true }], change: [{ billTypeId: 3, applyConvenienceFee: true }], remove: [{ billTypeId: 7 }] }";
    let fees = "{ remove: [{ paymentType: CC, minRange: 0, maxRange: 100 }] }";
    let texts = [
        (
            "a document that bases complete",
            format!(
                "{DOCUMENT}{KIND}name: h\nextends: [cards, fees]\nunset: [testMode]\nenvironments: [production]\n"
            ),
        ),
        (
            "edits of lists",
            format!(
                "{DOCUMENT}{KIND}name: h\nextends: [cards]\nspec:\n  billTypes: {edits}\n  convenienceFees: {fees}\n"
            ),
        ),
        (
            "an overlay",
            format!(
                "{DOCUMENT}overlay: production\n{KIND}name: h\nunset: [merchantPin]\nspec: {{ billTypes: {edits} }}\n"
            ),
        ),
        (
            "an overlay of the id",
            format!(
                "{DOCUMENT}overlay: production\n{KIND}name: h\nid: 5E1F0A772C3D4B4E8F506172839405A6\nscope: {{ customerId: {{ value: customer }} }}\n"
            ),
        ),
        (
            "many objects",
            format!(
                "{DOCUMENT}{KIND}extends: [cards]\nobjects:\n  a: {{ spec: {{ displayName: A }} }}\n  b: {{ environments: [production], unset: [merchantPin], extends: [], spec: {{ displayName: B }} }}\n  c:\n"
            ),
        ),
        (
            "a base",
            format!(
                "{BASE}base: cards\n{KIND}spec:\n  merchantPin: null\n  merchantKey: {{ value: card_key }}\n  maxPaymentAmount: {{ value: max_amount }}\n  billTypes: [{{ billTypeId: 3 }}]\n"
            ),
        ),
        ("an empty base", format!("{BASE}base: cards\n{KIND}")),
        (
            "values of each type",
            format!(
                "{DOCUMENT}{KIND}name: h\nspec:\n  displayName: {{ value: label }}\n  testMode: {{ value: mode }}\n  allowToken: {{ value: token }}\n  paymentTypes: [{{ paymentType: {{ value: way }} }}]\n"
            ),
        ),
        ("values", format!("{VALUES}max_amount: 12.5\nlabel: x\ncard_key: {{ from_env: CARD_KEY }}\n")),
    ];
    each_server(&json!({}), |server| {
        for (why, text) in &texts {
            silent(server, why, text);
        }
    });
}

#[test]
fn each_mistake_in_a_level_gives_one_message_at_its_line() {
    let mut cases = Vec::new();
    for (why, head, indent) in levels() {
        cases.push((
            why,
            format!("{head}{indent}merchanPin: null # here\n"),
            "Property merchanPin is not allowed",
        ));
        let text = format!("{head}{indent}maxPaymentAmount: {{ valu: x }} # here\n");
        cases.push((why, text, "write value and nothing else"));
    }
    let overlay =
        |line: &str| format!("{DOCUMENT}overlay: production\n{KIND}name: h\nspec:\n  {line} # here\n");
    cases.extend([
        ("an edit with another word", overlay("billTypes: { ad: [] }"), "Property ad is not allowed"),
        (
            "a change without a key",
            overlay("billTypes: { change: [{ applyConvenienceFee: true }] }"),
            "billTypeId",
        ),
        (
            "a removal of more than a key",
            overlay("billTypes: { remove: [{ billTypeId: 3, applyConvenienceFee: true }] }"),
            "Property applyConvenienceFee is not allowed",
        ),
        (
            "an edit with nothing below",
            format!("{DOCUMENT}{KIND}name: h\nspec:\n  displayName: x\n  billTypes: {{ add: [] }} # here\n"),
            "Expected one of array, null",
        ),
        ("a name of a base", format!("{BASE}base: cards\n{KIND}name: x # here\n"), "a base is no object"),
        (
            "a natural key",
            format!("{BASE}base: cards\n{KIND}spec:\n  displayName: x # here\n"),
            "a base is no object",
        ),
        (
            "a personal value",
            format!("{BASE}base: p\nkind: carrierx/partner\nspec:\n  owner_email: a@example.org # here\n"),
            "a base is no object",
        ),
        (
            "a base without its name",
            format!("{BASE}kind: bootview/payment-gateway # here\nspec: {{}}\n"),
            "\"base\"",
        ),
        (
            "an overlay without a name",
            format!("{DOCUMENT}overlay: production # here\n{KIND}spec: {{}}\n"),
            "\"name\"",
        ),
        (
            "an overlay that extends",
            format!("{DOCUMENT}overlay: production\n{KIND}name: x\nextends: [a] # here\n"),
            "Property extends is not allowed",
        ),
        (
            "a key of an object",
            format!("{DOCUMENT}{KIND}objects:\n  a: {{ spce: {{}} }} # here\n"),
            "Property spce",
        ),
    ]);
    each_server(&json!({}), |server| ones(server, &cases));
}

#[test]
fn completion_offers_the_fields_of_each_level() {
    each_server(&json!({}), |server| {
        let kind = KindRegistry::get_builtin().find_kind("bootview/payment-gateway").expect("a kind");
        for (why, head, indent) in levels() {
            let offers = server.offers(&format!("{head}{indent}|\n"));
            let is_base = why.starts_with("a base");
            for field in kind.shape.fields.iter().filter(|field| !explain::is_set_by_service(field)) {
                let is_own = ["displayName", "id"].contains(&&*field.name);
                let offer = offers.get(&*field.name);
                assert_eq!(offer.is_some(), !(is_base && is_own), "{}: {why}: {}", server.name, field.name);
                let described = offer.is_none_or(|offer| documentation(offer).contains(&field.description));
                assert!(described, "{}: {why}: {}", server.name, field.name);
            }
        }
        expect_offers(
            server,
            &format!("{DOCUMENT}{KIND}|\n"),
            &["extends", "environments", "unset", "overlay", "objects", "spec"],
        );
        expect_offers(
            server,
            &format!("{DOCUMENT}{KIND}objects:\n  a:\n    |\n"),
            &["extends", "environments", "unset", "id", "spec"],
        );
        expect_offers(server, &format!("{DOCUMENT}overlay: x\n{KIND}|\n"), &["name", "unset", "id", "spec"]);
        expect_offers(server, &format!("{BASE}|\n"), &["base", "kind"]);
        expect_offers(server, &format!("{BASE}base: c\nkind: |\n"), &["bootview/payment-gateway"]);
        let list = format!("{DOCUMENT}overlay: x\n{KIND}name: h\nspec:\n  billTypes:\n    ");
        expect_offers(server, &format!("{list}|\n"), &["add", "change", "remove"]);
        expect_offers(server, &format!("{list}add:\n      - |\n"), &["billTypeId", "applyConvenienceFee"]);
        expect_offers(server, &format!("{list}change:\n      - |\n"), &["billTypeId", "applyConvenienceFee"]);
        let keys = server.offers(&format!("{list}remove:\n      - |\n"));
        let keys: BTreeSet<_> = keys.keys().map(String::as_str).collect();
        assert!(
            keys.contains("billTypeId") && !keys.contains("applyConvenienceFee"),
            "{}: {keys:?}",
            server.name
        );
        let start = format!("{DOCUMENT}{KIND}|\n");
        for (word, text) in [("spec", "spec:\n  "), ("overlay", "overlay: "), ("objects", "objects:\n  ")] {
            assert_eq!(inserts(&server.offers(&start)[word]), text, "{}", server.name);
        }
    });
}

#[track_caller]
fn expect_offers(server: &mut Server, text: &str, words: &[&str]) {
    let offers = server.offers(text);
    for word in words {
        let offer = offers.get(*word).unwrap_or_else(|| panic!("{}: {word} at {text}", server.name));
        assert!(!documentation(offer).is_empty(), "{}: {word} at {text}", server.name);
    }
}

#[test]
fn hover_explains_the_words_of_each_level() {
    let overlay = format!("{DOCUMENT}overlay: x\n{KIND}name: h\n");
    let cases = [
        (format!("{DOCUMENT}{KIND}name: h\next|ends: [c]\n"), "The bases whose fields this takes"),
        (format!("{DOCUMENT}{KIND}name: h\nenviron|ments: [c]\n"), "The only environments"),
        (format!("{DOCUMENT}over|lay: x\n{KIND}name: h\n"), "The environment in which"),
        (format!("{overlay}uns|et: [c]\n"), "Fields of lower levels"),
        (format!("{overlay}spec: {{ test|Mode: 0 }}\n"), "only rehearsed"),
        (format!("{overlay}spec: {{ billTypes: {{ ad|d: [] }} }}\n"), "does not have, each in full"),
        (format!("{overlay}spec: {{ billTypes: {{ chan|ge: [] }} }}\n"), "what differs"),
        (
            format!("{overlay}spec: {{ billTypes: {{ remove: [{{ bill|TypeId: 3 }}] }} }}\n"),
            "The number of the bill type",
        ),
        (format!("{DOCUMENT}{KIND}obj|ects: {{}}\n"), "each under its name"),
        (
            format!("{DOCUMENT}{KIND}objects: {{ a: {{ spec: {{ display|Name: x }} }} }}\n"),
            "under which people see",
        ),
        (format!("{BASE}ba|se: c\n{KIND}"), "The name by which documents"),
        (format!("{BASE}base: c\n{KIND}spec: {{ test|Mode: 0 }}\n"), "only rehearsed"),
        (
            format!("{BASE}base: c\n{KIND}spec: {{ maxPaymentAmount: {{ val|ue: x }} }}\n"),
            "set by the environment",
        ),
    ];
    each_server(&json!({}), |server| {
        for (text, says) in &cases {
            let shown = server.hover(text);
            assert!(shown.contains(says), "{}: {text}\n{shown}", server.name);
        }
    });
}

// -- the schemas of a workspace ------------------------------------------------------------------------------

const SETTINGS: &str = "\
environments:
  staging: {}
  production: {}
values:
  max_amount: { type: decimal, default: 2500, description: The highest payment. }
  label: { type: string }
  card_key: { type: string, sensitivity: secret, description: The key of the account. }
targets:
  harbor: { api: bootview, environment: staging, auth: { bearer: { from_env: T } }, scope: { customerId: x } }
";

/// The schemas of a workspace with these settings.
fn workspace_schemas() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("trueup.yaml"), SETTINGS).expect("a file");
    let (config, _) = workspace::open_config(folder.path());
    let names = list_workspace_names(&config.expect("a workspace").settings);
    write_schemas(folder.path(), &names);
    folder
}

fn write_schemas(folder: &Path, names: &WorkspaceNames) {
    for (name, text) in build_schemas(KindRegistry::get_builtin(), names) {
        let path = folder.join("schemas").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
}

#[test]
fn a_workspace_offers_its_own_names() {
    let folder = workspace_schemas();
    let line = |name: &str| {
        format!("# yaml-language-server: $schema={}/schemas/{name}.json\n", folder.path().display())
    };
    let (document, values) = (line("document"), line("values"));
    let spec = |text: &str| format!("{document}{KIND}name: h\nspec:\n  displayName: x\n  {text}\n");
    each_server(&json!({}), |server| {
        let mut check = |text: String, offered: &[&str], other: &[&str]| {
            let offers = server.offers(&text);
            for name in offered {
                assert!(offers.contains_key(*name), "{}: {name} at {text}: {:?}", server.name, offers.keys());
            }
            for name in other {
                assert!(!offers.contains_key(*name), "{}: {name} at {text}", server.name);
            }
        };
        check(spec("maxPaymentAmount: { value: m| }"), &["max_amount"], &["label", "card_key"]);
        check(spec("merchantKey: { value: c| }"), &["card_key"], &["max_amount", "label"]);
        check(spec("maxPaymentAmount:\n    value: |"), &["max_amount"], &["label", "card_key"]);
        check(format!("{document}overlay: |\n{KIND}name: h\n"), &["staging", "production"], &[]);
        check(format!("{document}{KIND}name: h\nenvironments:\n  - |\n"), &["staging", "production"], &[]);
        check(format!("{document}{KIND}name: h\ntarget: |\n"), &["harbor"], &[]);
        check(format!("{values}|\n"), &["max_amount", "label", "card_key"], &[]);
        silent(
            server,
            "a document without its key, which an overlay may have",
            &format!("{document}{KIND}name: h\n"),
        );
        silent(server, "a value that is new", &spec("merchantId: { value: added_since }"));
        silent(server, "values", &format!("{values}max_amount: 7\ncard_key: {{ from_env: CARD_KEY }}\n"));
        let names = "Valid values";
        let cases = [
            ("a target", format!("{document}{KIND}name: h\ntarget: habror # here\n"), names),
            ("an environment", format!("{document}{KIND}name: h\nenvironments:\n  - prod # here\n"), names),
            ("an overlay", format!("{document}overlay: prod # here\n{KIND}name: h\n"), names),
            ("a type", format!("{values}max_amount: a lot # here\n"), "this is not a decimal number"),
            ("a name", format!("{values}max_amont: 3 # here\n"), "Property max_amont is not allowed"),
            ("a secret", format!("{values}card_key: hunter2 # here\n"), "a secret is never plain text"),
        ];
        ones(server, &cases);
        let shown = server.hover(&format!("{values}max_|amount: 7\n"));
        assert!(shown.contains("`decimal` The highest payment."), "{}: {shown}", server.name);
    });
}
