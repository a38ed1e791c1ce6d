//! Customers of a booking platform: questions by name with their bounds, keys that must not be doubled, a PUT
//! of the whole.

use serde_json::{Value as Json, json};
use trueup::kind::registry::KindRegistry;
use trueup::kind::{FieldType, ScalarType, Shape};
use trueup::plan::propose::GrantedPermissions;
use trueup::sandbox::{SandboxOptions, SandboxSecretMode};

use super::reference_fixture::ReferenceFixture;

const KIND: &str = "bokamera/customer";
const NILS: &str = "cccccccc-0000-4000-8000-000000000007";

fn fixture() -> ReferenceFixture {
    let mut fixture = ReferenceFixture::of(&[KIND]);
    fixture.secrets.extend([
        ("FRONT", "1234"),
        ("OTHER", "4321"),
        ("NEW", "9876"),
        ("NILS", "8842"),
        ("TAG", "tag-5f31"),
    ]);
    fixture
}

/// Nils, who has answered two questions and has two keys; the spec goes on at line 5.
fn nils(spec: &str) -> String {
    format!("kind: bokamera/customer\nname: nils\nspec:\n  Email: nils.aberg@EXAMPLE.org\n{spec}")
}

/// Eva, who has answered one question and has one key.
fn eva(spec: &str) -> String {
    format!("kind: bokamera/customer\nname: eva\nspec:\n  Email: eva@example.org\n{spec}")
}

fn live(fixture: &ReferenceFixture, email: &str) -> Json {
    fixture.one(KIND, "Email", email)
}

fn answers(customer: &Json) -> Vec<(i64, String)> {
    let answers = customer["CustomFieldValues"].as_array().expect("answers");
    let one = |answer: &Json| {
        (answer["Id"].as_i64().expect("an id"), answer["Value"].as_str().expect("a text").into())
    };
    answers.iter().map(one).collect()
}

#[test]
fn a_question_is_named_instead_of_its_number() {
    let fixture = fixture();
    fixture.plan(&nils("  CustomFields: [{ Id: { Name: Size }, Value: Large }]\n")).agrees();
    let ran = fixture.apply(&nils("  CustomFields: [{ Id: { Name: Size }, Value: Small }]\n"));
    ran.ends(&["nils done"]);
    let writes = fixture.writes();
    // all answers travel, which is right however the service takes the list
    assert_eq!(
        writes[0].1["CustomFields"],
        json!([{ "Id": 12, "Value": "1" }, { "Id": 15, "Value": "Small" }])
    );
    assert_eq!(answers(&live(&fixture, "Nils.Aberg@example.org")), [(12, "1".into()), (15, "Small".into())]);
}

#[test]
fn a_question_that_nobody_asks_is_reported_with_those_that_are_asked() {
    let fixture = fixture();
    let ran = fixture.apply(&nils("  CustomFields:\n    - { Id: { Name: Sice }, Value: Large }\n"));
    ran.ends(&["nils refused"]).says(
        "unknown-reference",
        6,
        &[
            "none of the 2 things that `Id` may refer to has this `Name`, `Sice`",
            "did you mean `Size`?",
            "12 (Members), 15 (Size)",
        ],
    );
    assert!(fixture.writes().is_empty());
}

#[test]
fn a_name_of_two_questions_is_no_name() {
    let fixture = fixture();
    let question = |id: u32| json!({ "Id": id, "Name": "Size", "MaxLength": 0, "Values": [] });
    fixture.edit(KIND, NILS, json!({ "CustomFields": [question(15), question(16)] }));
    let ran = fixture.plan(&nils("  CustomFields:\n    - { Id: { Name: Size }, Value: Small }\n"));
    ran.says("ambiguous-reference", 6, &["2 things have this `Name`: 15 (Size), 16 (Size)"]);
}

#[test]
fn the_same_question_by_name_and_by_number_is_one_question_twice() {
    let fixture = fixture();
    let twice =
        "  CustomFields:\n    - { Id: { Name: Size }, Value: Small }\n    - { Id: 15, Value: Large }\n";
    fixture.plan(&nils(twice)).says("duplicate-item", 7, &["[6: first written here]"]);
}

#[test]
fn an_answer_keeps_the_bounds_of_its_question_before_any_write() {
    let fixture = fixture();
    for (answer, code, words) in [
        ("{ Id: { Name: Members }, Value: \"1234\" }", "too-long", "longer than the 3 characters"),
        ("{ Id: 12, Value: \"1234\" }", "too-long", "longer than the 3 characters"),
        ("{ Id: { Name: Size }, Value: Medium }", "unknown-enum-value", "choose from: Small, Large"),
        ("{ Id: 15, Value: small }", "unknown-enum-value", "choose from: Small, Large"),
    ] {
        let ran = fixture.apply(&nils(&format!("  CustomFields:\n    - {answer}\n")));
        ran.ends(&["nils refused"]).says(code, 6, &[words]);
        assert!(!ran.all().contains("1234") && !ran.all().contains("Medium"), "{}", ran.all());
    }
    assert!(fixture.writes().is_empty());
    // 0 is no bound, three characters fit, and an answer may be emptied
    fixture.apply(&eva("  CustomFields: [{ Id: 12, Value: \"1234567890\" }]\n")).ends(&["eva done"]);
    fixture
        .apply(&nils("  CustomFields: [{ Id: 12, Value: åäö }, { Id: 15, Value: \"\" }]\n"))
        .ends(&["nils done"]);
}

#[test]
fn an_answer_that_is_live_already_may_be_beyond_bounds_that_came_later() {
    let fixture = fixture();
    let old = json!({ "Id": 15, "Value": "Medium", "Name": "Size" });
    fixture.edit(KIND, NILS, json!({ "CustomFieldValues": [old] }));
    fixture
        .apply(&nils("  Phone: \"1\"\n  CustomFields: [{ Id: 15, Value: Medium }]\n"))
        .ends(&["nils done"]);
}

const NEW: &str = "kind: bokamera/customer\nname: new\nspec:\n  Email: new@example.org\n  Firstname: N\n  Lastname: E\n  \
    Phone: \"0\"\n  CustomFields:\n    - { Id: { Name: Members }, Value: \"2\" }\n";

#[test]
fn a_new_customer_answers_the_questions_that_others_are_asked() {
    let fixture = fixture();
    fixture.apply(NEW).ends(&["new done"]);
    assert_eq!(answers(&live(&fixture, "new@example.org")), [(12, "2".into())]);
    fixture.apply(NEW).ends(&["new unchanged"]);
    let wrong =
        NEW.replace("Members", "Members?").replace("new@", "newer@").replace("name: new", "name: newer");
    fixture.apply(&wrong).ends(&["newer refused"]).says("unknown-reference", 9, &["did you mean `Members`?"]);
}

#[test]
fn a_new_customer_s_answers_are_checked_against_the_questions_of_others() {
    let fixture = fixture();
    for id in ["cccccccc-0000-4000-8000-000000000003", "cccccccc-0000-4000-8000-00000000000a"] {
        fixture.edit(KIND, id, json!({ "CustomFields": [] }));
    }
    let long = NEW.replace("\"2\"", "\"2222\"");
    fixture.apply(&long).ends(&["new refused"]).says("too-long", 9, &[]);
    let by_number = long.replace("{ Name: Members }", "12");
    fixture.apply(&by_number).ends(&["new refused"]).says("too-long", 9, &[]);
    assert!(fixture.writes().is_empty());
}

#[test]
fn without_any_customer_nobody_can_tell_the_questions() {
    let fixture =
        ReferenceFixture::with(&[KIND], SandboxOptions { count: Some(0), ..SandboxOptions::default() });
    let ran = fixture.apply(NEW);
    ran.ends(&["new refused"]).says(
        "unknown-reference",
        9,
        &[
            "what `Id` refers to cannot be looked up: no live object shows `CustomFieldDefinitions`",
            "write the id itself",
        ],
    );
    fixture.apply(&NEW.replace("{ Name: Members }", "12")).ends(&["new done"]);
}

#[test]
fn bounds_that_cannot_be_read_are_not_taken_for_none() {
    let fixture = fixture();
    // the list that finds no one comes, the one that would tell the questions does not
    fixture.fail("GET:slow");
    fixture.fail("GET:500:9");
    let ran = fixture.apply(&NEW.replace("{ Name: Members }", "12"));
    ran.ends(&["new unread"]).says("service-error", 2, &["500"]);
    assert!(!ran.complete);
    assert!(fixture.writes().is_empty());
}

/// The PUT that changes nothing, as the sandbox holds the customer.
fn untouched(live: &Json) -> Json {
    let mut body = json!({ "AccessKeys": [], "AccessKeysToDelete": [] });
    for name in ["Firstname", "Lastname", "Phone", "Email", "SubscribedToNewsletter"] {
        body[name] = live[name].clone();
    }
    let values = live["CustomFieldValues"].as_array().expect("answers");
    body["CustomFields"] =
        values.iter().map(|one| json!({ "Id": one["Id"], "Value": one["Value"] })).collect();
    if let Some(address) = live["InvoiceAddress"].as_object() {
        let sent = address.iter().filter(|(name, value)| {
            !["InvoiceAddressId", "UserId"].contains(&name.as_str()) && !value.is_null()
        });
        body["InvoiceAddress"] = sent.map(|(name, value)| (name.clone(), value.clone())).collect();
    }
    body
}

fn put(fixture: &ReferenceFixture) -> Json {
    let writes = fixture.writes();
    assert_eq!(writes.len(), 1, "one write");
    assert!(writes[0].0.starts_with("PUT /bokamera/customers/"), "{}", writes[0].0);
    writes[0].1.clone()
}

/// Every text and flag that may be written, as a dotted path.
fn scalar_fields(shape: &Shape, above: &str, found: &mut Vec<(String, bool)>) {
    for field in shape.fields.iter().filter(|field| !field.behavior.read_only) {
        let path = format!("{above}{}", field.name);
        match &field.ty {
            FieldType::Scalar(scalar_field) => found.push((path, *scalar_field == ScalarType::Boolean)),
            FieldType::Object(inner) => scalar_fields(inner, &format!("{path}."), found),
            _ => {}
        }
    }
}

#[test]
fn every_writable_field_is_changed_by_itself_and_nothing_is_lost() {
    let fixture = fixture();
    let kind = KindRegistry::get_builtin().find_kind(KIND).expect("a kind");
    let mut paths = Vec::new();
    scalar_fields(&kind.shape, "", &mut paths);
    assert_eq!(paths.len(), 11);
    for (path, flag) in paths {
        let before = live(&fixture, "Nils.Aberg@example.org");
        let value = if flag { json!(!before[&path].as_bool().expect("a flag")) } else { json!("+1 åä") };
        let (top, inner) = path.split_once('.').unwrap_or((&path, ""));
        if top == "Email" {
            continue;
        }
        let spec = if inner.is_empty() {
            format!("  {top}: {value}\n")
        } else {
            format!("  {top}: {{ {inner}: {value} }}\n")
        };
        fixture.sandbox().clear_log();
        fixture.apply(&nils(&spec)).ends(&["nils done"]);
        let mut expected = untouched(&before);
        match inner {
            "" => expected[top] = value,
            inner => expected[top][inner] = value,
        }
        assert_eq!(put(&fixture), expected, "{path}");
        fixture.apply(&nils(&spec)).ends(&["nils unchanged"]);
    }
}

#[test]
fn texts_are_cleared_with_the_empty_text() {
    let fixture = fixture();
    let spec = nils("  InvoiceAddress: { InvoiceAddress2: null, InvoiceCity: \"\" }\n");
    fixture.apply(&spec).ends(&["nils done"]);
    let sent = put(&fixture);
    assert_eq!(
        (&sent["InvoiceAddress"]["InvoiceAddress2"], &sent["InvoiceAddress"]["InvoiceCity"]),
        (&json!(""), &json!(""))
    );
    fixture.apply(&spec).ends(&["nils unchanged"]);
    let (_, faults) = fixture.read(&nils("  SubscribedToNewsletter: null\n"));
    assert_eq!(faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), ["cannot-clear"]);
}

#[test]
fn consent_is_never_flipped_unless_a_document_says_so() {
    let fixture = fixture();
    assert_eq!(live(&fixture, "Nils.Aberg@example.org")["SubscribedToNewsletter"], true);
    fixture.apply(&nils("  Phone: \"1\"\n")).ends(&["nils done"]);
    assert_eq!(put(&fixture)["SubscribedToNewsletter"], true);
    fixture.sandbox().clear_log();
    fixture.apply(&nils("  SubscribedToNewsletter: false\n")).ends(&["nils done"]);
    assert_eq!(put(&fixture)["SubscribedToNewsletter"], false);
}

#[test]
fn a_customer_that_moved_since_the_plan_is_not_overwritten() {
    let fixture = fixture();
    let spec = nils("  Phone: \"1\"\n");
    for members in [json!({ "Updated": "2026-01-01T00:00:00Z" }), json!({ "Lastname": "Öberg" })] {
        fixture.apply_after(&spec, &|| fixture.edit(KIND, NILS, members.clone())).ends(&["nils refused"]);
        assert!(fixture.writes().is_empty());
    }
    fixture.apply(&spec).ends(&["nils done"]);
}

#[test]
fn a_success_that_kept_nothing_is_a_finding() {
    let fixture = fixture();
    fixture.fail("PUT:keep-nothing");
    let ran = fixture.apply(&nils("  Phone: \"1\"\n"));
    ran.ends(&["nils failed"]).says(
        "not-kept",
        5,
        &["did not keep `Phone`", "the service kept no part of this update; only the account owner, or other credentials, may be able to change it"],
    );
}

fn keys(customer: &Json) -> Vec<(String, String)> {
    let keys = customer["AccessKeys"].as_array().expect("keys");
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let mut keys: Vec<_> = keys.iter().map(|key| (text(&key["Description"]), text(&key["Value"]))).collect();
    keys.sort();
    keys
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

const FRONT: &str = "    - { AccessKeyTypeId: 1, Description: Front door, Value: { from_env: FRONT } }\n";
const BIKES: &str = "    - { AccessKeyTypeId: 1, Description: Bicycles, Value: { from_env: NEW } }\n";

#[test]
fn keys_are_changed_made_and_removed() {
    let fixture = fixture();
    let list = |items: &str| eva(&format!("  AccessKeys:\n{items}"));
    fixture.apply(&list(FRONT)).ends(&["eva unchanged"]);
    let ran = fixture.apply(&list(&FRONT.replace("FRONT", "OTHER")));
    ran.ends(&["eva done"]);
    let changed = json!([{
        "Id": "dddddddd-0000-4000-8000-000000000004", "AccessKeyTypeId": 1, "Value": "4321", "Description": "Front door",
    }]);
    assert_eq!(put(&fixture)["AccessKeys"], changed);
    fixture.sandbox().clear_log();
    fixture.apply(&list(&format!("{}{BIKES}", FRONT.replace("FRONT", "OTHER")))).ends(&["eva done"]);
    let made = json!([{ "AccessKeyTypeId": 1, "Value": "9876", "Description": "Bicycles" }]);
    assert_eq!(put(&fixture)["AccessKeys"], made, "only what changes, and without an id what is new");
    assert_eq!(
        keys(&live(&fixture, "eva@example.org")),
        pairs(&[("Bicycles", "9876"), ("Front door", "4321")])
    );
    fixture.sandbox().clear_log();
    fixture.apply(&list(BIKES)).ends(&["eva done"]);
    let sent = put(&fixture);
    assert_eq!(sent["AccessKeys"], json!([]));
    assert_eq!(sent["AccessKeysToDelete"], json!([{ "Id": "dddddddd-0000-4000-8000-000000000004" }]));
    assert_eq!(keys(&live(&fixture, "eva@example.org")), pairs(&[("Bicycles", "9876")]));
    fixture.apply(&list(BIKES)).ends(&["eva unchanged"]);
    for secret in ["1234", "4321", "9876"] {
        assert!(!ran.all().contains(secret), "{}", ran.all());
    }
}

#[test]
fn a_put_that_makes_a_key_is_looked_up_and_never_repeated() {
    let spec = eva(&format!("  AccessKeys:\n{FRONT}{BIKES}"));
    let both = pairs(&[("Bicycles", "9876"), ("Front door", "1234")]);
    for (fault, ending, sent) in [
        ("PUT:reset-after", "eva done", 1),
        ("PUT:truncate", "eva done", 1),
        ("PUT:reset", "eva failed", 1),
        ("PUT:503", "eva failed", 1),
    ] {
        let fixture = fixture();
        fixture.fail(fault);
        let ran = fixture.apply(&spec);
        ran.ends(&[ending]);
        assert_eq!(fixture.writes().len(), sent, "{fault}: sent once");
        // the next run ends where it should, with exactly one new key
        let ending = if ending == "eva done" { "eva unchanged" } else { "eva done" };
        fixture.apply(&spec).ends(&[ending]);
        assert_eq!(keys(&live(&fixture, "eva@example.org")), both, "{fault}");
        fixture.apply(&spec).ends(&["eva unchanged"]);
    }
}

#[test]
fn a_lost_answer_that_cannot_be_looked_up_is_left_to_the_next_run() {
    let fixture = fixture();
    let spec = eva(&format!("  AccessKeys:\n{FRONT}{BIKES}"));
    let ran = fixture.apply_after(&spec, &|| {
        fixture.fail("PUT:reset-after");
        // the read before the write goes well, the one after it does not
        fixture.fail("GET:slow:1");
        fixture.fail("GET:500");
    });
    // a read that failed once is repeated, so the look succeeds
    assert!(ran.endings == ["eva done"], "{}", ran.all());
    fixture.apply(&spec).ends(&["eva unchanged"]);
    assert_eq!(
        keys(&live(&fixture, "eva@example.org")),
        pairs(&[("Bicycles", "9876"), ("Front door", "1234")])
    );
}

#[test]
fn codes_that_cannot_be_seen_are_not_written_again() {
    let mut fixture = ReferenceFixture::with(
        &[KIND],
        SandboxOptions { secret_mode: SandboxSecretMode::Masked, ..SandboxOptions::default() },
    );
    fixture.secrets.insert("FRONT", "1234");
    let spec = eva(&format!("  Phone: \"1\"\n  AccessKeys:\n{FRONT}"));
    fixture.plan(&spec).says("not-comparable", 7, &["does not return `Value`"]);
    fixture.apply(&spec).ends(&["eva done"]);
    assert_eq!(put(&fixture)["AccessKeys"], json!([]));
    assert_eq!(keys(&live(&fixture, "eva@example.org")), pairs(&[("Front door", "1234")]));
}

#[test]
fn a_customer_is_deleted_only_on_purpose() {
    let mut fixture = fixture();
    let gone = eva("").replace("spec:", "state: absent\nspec:");
    fixture.apply(&gone).ends(&["eva refused"]).says("delete-not-allowed", 2, &[]);
    fixture.permits = GrantedPermissions { delete: true, ..GrantedPermissions::default() };
    fixture.apply(&gone.replace("spec:", "protect: true\nspec:")).ends(&["eva refused"]).says(
        "protected",
        2,
        &[],
    );
    assert!(fixture.writes().is_empty());
    fixture.apply(&gone).ends(&["eva done"]);
    assert_eq!(fixture.live(KIND).len(), 2);
    fixture.apply(&gone).ends(&["eva unchanged"]);
}

#[test]
fn a_create_without_an_answer_is_looked_up() {
    let fixture = fixture();
    fixture.fail("POST:reset-after");
    fixture.apply(NEW).ends(&["new done"]);
    fixture.apply(NEW).ends(&["new unchanged"]);
    assert_eq!(fixture.live(KIND).len(), 4);
}

#[test]
fn every_answer_in_another_s_name_is_shown_as_about_a_person() {
    let fixture = fixture();
    let ran =
        fixture.plan(&nils("  CustomFields: [{ Id: { Name: Size }, Value: Small }]\n  Lastname: Öberg\n"));
    for value in ["Small", "Large", "Öberg", "Åberg"] {
        assert!(!ran.plan.contains(value), "{}", ran.plan);
    }
    ran.shows(&["(personal, changed)"]);
}
