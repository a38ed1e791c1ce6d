//! Customers of water utilities: constants by name, a PATCH of what differs, protected data.

use serde_json::{Value as Json, json};
use trueup::kind::registry::KindRegistry;
use trueup::kind::{FieldType, ScalarType};
use trueup::plan::propose::GrantedPermissions;
use trueup::sandbox::{SandboxOptions, SandboxSecretMode};

use super::reference_fixture::ReferenceFixture;

const KIND: &str = "keypro/customer";

fn fixture() -> ReferenceFixture {
    ReferenceFixture::of(&[KIND])
}

/// A document for the first customer of the samples; its spec starts at line 5.
fn first(spec: &str) -> String {
    format!("kind: keypro/customer\nname: first\nspec:\n  customer_number: \"10044\"\n{spec}")
}

/// A document for the third one, of whom everything is known.
fn third(spec: &str) -> String {
    format!("kind: keypro/customer\nname: third\nspec:\n  customer_number: \"00717\"\n{spec}")
}

fn patch(id: u32, body: Json) -> (String, Json) {
    (format!("PATCH /keypro/customers/{id}/"), body)
}

#[test]
fn a_constant_is_named_instead_of_its_id() {
    let fixture = fixture();
    fixture
        .plan(&first("  Customer_language: { logical_txt: FI }\n  Customer_type: { txt: Yritys }\n"))
        .agrees();
    let ran = fixture.apply(&first("  Customer_language: { logical_txt: SV }\n"));
    ran.ends(&["first done"]).shows(&["Customer_language  11 -> 12"]);
    assert_eq!(fixture.writes(), [patch(501, json!({ "Customer_language": 12 }))]);
    fixture.plan(&first("  Customer_language: { txt: Ruotsi }\n")).agrees();
}

#[test]
fn a_list_of_constants_is_read_once_for_all_documents_and_for_the_whole_run() {
    let fixture = fixture();
    let second = first("  Customer_type: { logical_txt: PERSON }\n")
        .replace("first", "second")
        .replace("10044", "10045");
    let both = format!("{}---\n{second}", first("  Customer_type: { logical_txt: PERSON }\n"));
    fixture.apply(&both).ends(&["first done", "second unchanged"]);
    assert_eq!(fixture.reads("/constants/KU_TYPE/"), 1);
    assert_eq!(fixture.reads("/constants/"), 1, "no list is read that nobody needs");
}

#[test]
fn a_name_that_nothing_has_is_reported_with_what_there_is() {
    let fixture = fixture();
    let ran = fixture.apply(&first("  Customer_language: { logical_txt: FII }\n"));
    ran.ends(&["first refused"]).says(
        "unknown-reference",
        5,
        &[
            "none of the 2 things that `Customer_language` may refer to has this `logical_txt`, `FII`",
            "did you mean `FI`?",
            "11 (FI, Suomi), 12 (SV, Ruotsi)",
        ],
    );
    assert!(fixture.writes().is_empty());
    assert!(ran.complete);
}

#[test]
fn a_name_that_two_have_is_no_name() {
    let fixture = fixture();
    let other =
        json!({ "id": 33, "list_url": "/api/v2/constants/KU_TYPE/", "logical_txt": "PERSON", "txt": "Muu" });
    fixture.edit(KIND, "502", json!({ "Customer_type": other }));
    let ran = fixture.plan(&first("  Customer_type: { logical_txt: PERSON }\n"));
    ran.says(
        "ambiguous-reference",
        5,
        &[
            "2 things have this `logical_txt`: 32 (PERSON, Henkilö), 33 (PERSON, Muu)",
            "write the id of the one that is meant",
        ],
    );
    let ran = fixture.plan(&first("  Customer_type: { txt: Muu }\n"));
    ran.shows(&["Customer_type  31 -> 33"]);
}

#[test]
fn where_an_object_says_nothing_another_one_tells_where_the_constants_are() {
    let mut fixture = fixture();
    // the first two have no restricted type, the third one has
    let ran = fixture.apply(&first("  Customer_restricted_type: { logical_txt: RESTRICTED }\n"));
    ran.ends(&["first done"]);
    assert_eq!(fixture.writes(), [patch(501, json!({ "Customer_restricted_type": 41 }))]);
    fixture.permits = GrantedPermissions { lower_protection: true, ..GrantedPermissions::default() };
    for id in ["501", "503"] {
        fixture.edit(KIND, id, json!({ "Customer_restricted_type": null }));
    }
    let ran = fixture.plan(&first("  Customer_restricted_type: { logical_txt: RESTRICTED }\n"));
    ran.says(
        "unknown-reference",
        5,
        &["no live object tells where such things stand", "write the id itself"],
    );
}

#[test]
fn a_list_that_cannot_be_read_holds_up_those_who_need_it() {
    let fixture = fixture();
    fixture.fail("GET:500:9:/constants/");
    let second =
        "---\nkind: keypro/customer\nname: second\nspec:\n  customer_number: \"10045\"\n  phone2: \"1\"\n";
    let ran = fixture.apply(&format!("{}{second}", first("  Customer_language: { logical_txt: SV }\n")));
    ran.ends(&["first unread", "second done"]).says("service-error", 5, &["500"]);
    assert!(!ran.complete);
    assert_eq!(fixture.reads("/constants/"), 2, "asked once, and once more after 500");
}

#[test]
fn a_new_customer_can_name_its_constants() {
    let fixture = fixture();
    let new = "kind: keypro/customer\nname: new\nspec:\n  customer_number: \"10046\"\n  customer_name: Uusi Asiakas\n  \
        Customer_language: { logical_txt: FI }\n  Customer_state: { logical_txt: ACTIVE }\n  Customer_type: { txt: Yritys }\n";
    fixture.apply(new).ends(&["new done"]);
    let body = json!({
        "customer_number": "10046", "customer_name": "Uusi Asiakas",
        "Customer_language": 11, "Customer_state": 21, "Customer_type": 31,
    });
    assert_eq!(fixture.writes(), [("POST /keypro/customers/".to_owned(), body)]);
    fixture.apply(new).ends(&["new unchanged"]);
    assert_eq!(fixture.live(KIND).len(), 4);
}

/// A value that differs from the live one.
fn other(scalar_field: &ScalarType, live: &Json) -> Json {
    match (scalar_field, live) {
        (ScalarType::Boolean, live) => json!(!live.as_bool().unwrap_or(false)),
        (ScalarType::Integer(_), Json::Object(thing)) => json!(thing["id"].as_i64().expect("an id") + 1000),
        (ScalarType::Integer(_), live) => json!(live.as_i64().unwrap_or(0) + 7),
        (ScalarType::Date, _) => json!("2019-02-03"),
        _ => json!("+0 other, ü"),
    }
}

#[test]
fn every_writable_field_is_written_by_itself() {
    let mut fixture = fixture();
    fixture.permits =
        GrantedPermissions { lower_protection: true, overwrite_edits: true, ..GrantedPermissions::default() };
    let kind = KindRegistry::get_builtin().find_kind(KIND).expect("a kind");
    let mut count = 0;
    for field in kind.shape.fields.iter().filter(|field| !field.behavior.read_only) {
        let FieldType::Scalar(scalar_field) = &field.ty else { panic!("a flat object") };
        if &*field.name == "customer_number" {
            continue;
        }
        let before = fixture.one(KIND, "customer_number", "00717");
        let value = other(scalar_field, &before[&*field.name]);
        let spec = third(&format!("  {}: {value}\n", field.name));
        fixture.sandbox().clear_log();
        let ran = fixture.apply(&spec);
        ran.ends(&["third done"]);
        assert_eq!(fixture.writes(), [patch(503, json!({ (&*field.name): value }))]);
        let after = fixture.one(KIND, "customer_number", "00717");
        let differ: Vec<&String> = before
            .as_object()
            .expect("members")
            .keys()
            .filter(|name| before[*name] != after[*name])
            .collect();
        assert_eq!(differ, [&*field.name]);
        fixture.apply(&spec).ends(&["third unchanged"]);
        count += 1;
    }
    assert_eq!(count, 25);
}

#[test]
fn clearing_is_empty_text_or_null_as_the_field_wants_it() {
    let mut fixture = fixture();
    fixture.permits =
        GrantedPermissions { lower_protection: true, overwrite_edits: true, ..GrantedPermissions::default() };
    for (name, cleared) in [
        ("phone2", json!("")),
        ("invoicing_country", json!("")),
        ("Address", Json::Null),
        ("Customer_restricted_type", Json::Null),
        ("coop_date", Json::Null),
        ("coop_sum", Json::Null),
        ("note", json!("")),
    ] {
        fixture.sandbox().clear_log();
        let spec = third(&format!("  {name}: null\n"));
        fixture.apply(&spec).ends(&["third done"]);
        assert_eq!(fixture.writes(), [patch(503, json!({ name: cleared }))]);
        fixture.apply(&spec).ends(&["third unchanged"]);
    }
    // null and the empty text are the same, and nothing is to be done about either
    fixture.sandbox().clear_log();
    fixture.apply(&first("  phone2: null\n  note: \"\"\n  coop_date: null\n")).ends(&["first unchanged"]);
    assert!(fixture.writes().is_empty());
    for name in ["Customer_state", "customer_name", "no_sms"] {
        let (_, faults) = fixture.read(&first(&format!("  {name}: null\n")));
        assert_eq!(faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), ["cannot-clear"], "{name}");
    }
}

#[test]
fn what_moved_since_the_plan_is_not_written() {
    let fixture = fixture();
    let spec = first("  invoicing_country: SE\n");
    let ran = fixture.apply_after(&spec, &|| fixture.edit(KIND, "501", json!({ "invoicing_country": "NO" })));
    ran.ends(&["first refused"]);
    assert!(fixture.writes().is_empty());
    // what the PATCH does not touch may move
    let ran = fixture.apply_after(&spec, &|| fixture.edit(KIND, "501", json!({ "phone2": "040" })));
    ran.ends(&["first done"]);
    assert_eq!(fixture.one(KIND, "customer_number", "10044")["phone2"], "040");
}

#[test]
fn what_the_customer_edited_since_is_a_conflict() {
    let mut fixture = fixture();
    let ran = fixture.apply(&third("  invoicing_country: SE\n"));
    ran.ends(&["third done"]);
    let ran = fixture.plan(&third("  invoicing_country: DK\n"));
    assert!(ran.codes().is_empty(), "the edit was seen: {}", ran.all());
    fixture.edit(
        KIND,
        "503",
        json!({ "edited_by_customer_timestamp": "2026-01-02T03:04:05Z", "phone2": "050" }),
    );
    let ran = fixture.apply(&third("  invoicing_country: DK\n"));
    ran.ends(&["third refused"]).says(
        "owner-edit-conflict",
        2,
        &["has edited this object since the last run", "--overwrite-edits"],
    );
    fixture.permits = GrantedPermissions { overwrite_edits: true, ..GrantedPermissions::default() };
    fixture.apply(&third("  invoicing_country: DK\n")).ends(&["third done"]);
    assert_eq!(fixture.one(KIND, "customer_number", "00717")["phone2"], "050");
}

#[test]
fn an_edit_between_plan_and_write_is_a_conflict_too() {
    let fixture = fixture();
    fixture.apply(&third("  invoicing_country: SE\n")).ends(&["third done"]);
    fixture.sandbox().clear_log();
    let ran = fixture.apply_after(&third("  invoicing_country: DK\n"), &|| {
        fixture.edit(KIND, "503", json!({ "edited_by_customer_timestamp": "2026-01-02T03:04:05Z" }));
    });
    ran.ends(&["third refused"]).says("owner-edit-conflict", 2, &[]);
    assert!(fixture.writes().is_empty());
}

#[test]
fn protected_data_that_read_masked_are_left_alone() {
    let mut fixture = ReferenceFixture::with(
        &[KIND],
        SandboxOptions { secret_mode: SandboxSecretMode::Masked, ..SandboxOptions::default() },
    );
    let spec = third("  customer_phone: \"+358409999999\"\n  invoicing_country: SE\n");
    let ran = fixture.apply(&spec);
    ran.ends(&["third done"]).says(
        "not-comparable",
        5,
        &["does not return `customer_phone`", "--force-hidden"],
    );
    assert_eq!(fixture.writes(), [patch(503, json!({ "invoicing_country": "SE" }))]);
    assert!(!ran.all().contains("9999999"), "{}", ran.all());
    fixture.permits = GrantedPermissions { force_hidden: true, ..GrantedPermissions::default() };
    fixture.sandbox().clear_log();
    fixture.apply(&spec).ends(&["third done"]);
    assert_eq!(fixture.writes(), [patch(503, json!({ "customer_phone": "+358409999999" }))]);
}

#[test]
fn protection_is_lowered_only_on_purpose() {
    let mut fixture = fixture();
    for value in ["null", "42"] {
        let ran = fixture.apply(&third(&format!("  Customer_restricted_type: {value}\n")));
        ran.ends(&["third refused"]).says("lowers-protection", 5, &["--allow-lower-protection"]);
    }
    assert!(fixture.writes().is_empty());
    fixture.permits = GrantedPermissions { lower_protection: true, ..GrantedPermissions::default() };
    fixture.apply(&third("  Customer_restricted_type: null\n")).ends(&["third done"]);
    // to begin protecting needs no permit
    fixture.permits = GrantedPermissions::default();
    fixture.apply(&third("  Customer_restricted_type: 41\n")).ends(&["third done"]);
}

#[test]
fn deletion_takes_a_word_in_the_document_and_one_of_the_operator() {
    let mut fixture = fixture();
    let gone = "kind: keypro/customer\nname: second\nstate: absent\nspec:\n  customer_number: \"10045\"\n";
    fixture.apply(gone).ends(&["second refused"]).says("delete-not-allowed", 2, &["--allow-delete"]);
    fixture.permits = GrantedPermissions { delete: true, ..GrantedPermissions::default() };
    let protected = gone.replace("state: absent", "state: absent\nprotect: true");
    fixture.apply(&protected).ends(&["second refused"]).says("protected", 2, &[]);
    assert!(fixture.writes().is_empty());
    fixture.apply(gone).ends(&["second done"]);
    assert_eq!(fixture.writes(), [("DELETE /keypro/customers/502/".to_owned(), Json::Null)]);
    assert_eq!(fixture.live(KIND).len(), 2);
    fixture.apply(gone).ends(&["second unchanged"]);
}

#[test]
fn a_delete_that_finds_nothing_is_done() {
    let mut fixture = fixture();
    fixture.permits = GrantedPermissions { delete: true, ..GrantedPermissions::default() };
    fixture.fail("DELETE:reset-after");
    let gone = "kind: keypro/customer\nname: second\nstate: absent\nspec:\n  customer_number: \"10045\"\n";
    fixture.apply(gone).ends(&["second done"]);
    assert_eq!(fixture.live(KIND).len(), 2);
}

#[test]
fn a_create_without_an_answer_is_looked_up_and_never_sent_twice() {
    for fault in ["POST:reset-after", "POST:truncate"] {
        let fixture = fixture();
        fixture.fail(fault);
        let new = "kind: keypro/customer\nname: new\nspec:\n  customer_number: \"10046\"\n  customer_name: Uusi\n  \
            Customer_language: 11\n  Customer_state: 21\n  Customer_type: 31\n";
        let ran = fixture.apply(new);
        ran.ends(&["new done"]);
        assert_eq!(ran.attempts, [1], "{fault}");
        fixture.apply(new).ends(&["new unchanged"]);
        assert_eq!(fixture.live(KIND).len(), 4, "{fault}");
    }
}

#[test]
fn an_update_without_an_answer_is_sent_again() {
    let fixture = fixture();
    fixture.fail("PATCH:reset-after");
    let ran = fixture.apply(&first("  phone2: \"040\"\n"));
    ran.ends(&["first done"]);
    assert_eq!(ran.attempts, [2]);
    assert_eq!(fixture.one(KIND, "customer_number", "10044")["phone2"], "040");
}

#[test]
fn required_fields_are_added_once_when_the_service_asks_for_them() {
    let fixture = ReferenceFixture::with(
        &[KIND],
        SandboxOptions { require_all_on_merge: true, ..SandboxOptions::default() },
    );
    let ran = fixture.apply(&first("  phone2: \"040\"\n  Customer_state: { logical_txt: ENDED }\n"));
    ran.ends(&["first done"]);
    assert_eq!(ran.attempts, [2]);
    let short = json!({ "phone2": "040", "Customer_state": 22 });
    let full = json!({
        "phone2": "040", "Customer_state": 22, "customer_number": "10044", "customer_name": "Esimerkki Oy",
        "Customer_language": 11, "Customer_type": 31,
    });
    assert_eq!(fixture.writes(), [patch(501, short), patch(501, full)]);
}

#[test]
fn a_required_field_that_cannot_be_seen_is_never_made_up() {
    let options = SandboxOptions {
        require_all_on_merge: true,
        secret_mode: SandboxSecretMode::Masked,
        ..SandboxOptions::default()
    };
    let fixture = ReferenceFixture::with(&[KIND], options);
    let ran = fixture.apply(&first("  invoicing_country: SE\n"));
    ran.ends(&["first failed"]).says("rejected-field", 4, &["`customer_number`"]).says(
        "required-hidden",
        2,
        &["`customer_name`, which cannot be seen and is not sent"],
    );
    assert_eq!(fixture.writes(), [patch(501, json!({ "invoicing_country": "SE" }))]);
}

#[test]
fn a_success_that_kept_nothing_is_a_finding() {
    let fixture = fixture();
    fixture.fail("PATCH:keep-nothing");
    let ran = fixture.apply(&first("  phone2: \"040\"\n"));
    ran.ends(&["first failed"]).says(
        "not-kept",
        5,
        &["did not keep `phone2`", "the service kept no part of this update"],
    );
}

#[test]
fn a_token_goes_to_no_host_that_nobody_named() {
    let kinds = KindRegistry::get_builtin();
    let api = kinds.find_api("keypro").expect("an API");
    let refusal = |allowed: &str| {
        super::reference_fixture::connect(&api, "https://net.example.fi/api/v2", allowed).err()
    };
    for allowed in ["", "other.example.fi"] {
        let fault = refusal(allowed).expect("a refusal");
        assert_eq!(fault.code, "host-not-allowed");
        let hint = fault.hint.expect("a hint");
        assert!(hint.contains("TRUEUP_ALLOWED_HOSTS=net.example.fi"), "{hint}");
    }
    assert!(refusal("net.example.fi").is_none());
}
