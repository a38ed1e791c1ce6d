//! A second import into the same place: what differs changes, everything else stays byte for byte.

use serde_json::{Value as Json, json};
use similar::{ChangeTag, TextDiff};

use super::import_fixture::{ImportFixture, each_kind};
use super::{CUSTOMER, GATEWAY, PARTNER};

/// An open value of each kind that a service may change by itself: the member, and another value.
const OPEN: [(&str, &str, &str); 5] = [
    (GATEWAY, "maxPaymentAmount", "4321.5"),
    ("bootview/partner", "partnerMunicipalityCode", "\"no\""),
    (PARTNER, "company_name", "\"Freight: Sons & Co\""),
    (CUSTOMER, "coop_sum", "77"),
    ("bokamera/customer", "SubscribedToNewsletter", "true"),
];

const FILE: &str = "config/card-gateway.yaml";

/// The lines that went and those that came.
fn changed(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let diff = TextDiff::from_lines(before, after);
    let with = |tag| {
        let lines = diff.iter_all_changes().filter(move |line| line.tag() == tag);
        lines.map(|line| line.value().trim_end().to_owned()).collect()
    };
    (with(ChangeTag::Delete), with(ChangeTag::Insert))
}

/// As someone would go over an imported file: comments, blank lines, quotes, another order.
fn gone_over(text: &str) -> String {
    let mut out = String::from("# ours, since 2020\n\n");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        out.push_str(line);
        out.push_str(if line.ends_with(':') || line.contains('#') { "\n" } else { "   # looked at\n" });
        if line == "spec:" {
            out.push_str("  # what follows was imported\n\n");
        }
    }
    out
}

/// A gateway that was imported and gone over, with another text in it.
fn tended(edit: impl Fn(&str) -> String) -> (ImportFixture, String) {
    let fixture = ImportFixture::new(GATEWAY);
    fixture.import(0, &["displayName=Card*"]);
    let text = edit(&fixture.workspace.read(FILE));
    fixture.workspace.write(FILE, &text);
    (fixture, text)
}

#[test]
fn one_line_changes_and_comments_stay() {
    let mut seen = 0;
    each_kind(|kind| {
        assert!(OPEN.iter().any(|(name, ..)| **name == *kind.name), "{} needs a line here", kind.name);
    });
    for (kind, member, value) in OPEN {
        let fixture = ImportFixture::new(kind);
        fixture.import(0, &[]);
        let number = fixture
            .live()
            .iter()
            .position(|live| {
                let field = fixture.kind.shape.find_field(member).expect("a field");
                live.object.get_field(field.number).is_some_and(|value| !value.is_blank())
            })
            .expect("an object that has it");
        let files: Vec<_> = fixture.workspace.files();
        let (path, _) = files
            .iter()
            .filter(|(path, _)| path.starts_with(fixture.workspace.path("config")))
            .find(|(_, bytes)| {
                let id = trueup::kind::ScalarType::render_url_text(
                    fixture.live()[number].object.get_field(fixture.kind.identity.id).unwrap(),
                    &fixture.kind.api,
                );
                let text = String::from_utf8_lossy(bytes).replace('-', "");
                text.contains(&format!("id: {}", id.replace('-', "")))
            })
            .expect("its file");
        let name = path.strip_prefix(fixture.workspace.root()).unwrap().to_str().unwrap().to_owned();
        let before = gone_over(&fixture.workspace.read(&name));
        fixture.workspace.write(&name, &before);
        let value: Json = serde_json::from_str(value).unwrap();
        fixture.edit(number, json!({ member: value }));
        fixture.import(0, &[]).says(&["1 updated", "shows no changes"]);
        let (went, came) = changed(&before, &fixture.workspace.read(&name));
        assert_eq!((went.len(), came.len()), (1, 1), "{kind}: {went:?} {came:?}");
        assert!(came[0].contains(&format!("{member}: ")) && came[0].ends_with("   # looked at"), "{came:?}");
        seen += 1;
    }
    assert_eq!(seen, 5);
}

#[test]
fn items_that_came_and_went_come_and_go() {
    let (fixture, before) = tended(gone_over);
    let mut live = fixture.sandbox.dump_state()[GATEWAY][0]["object"].clone();
    live["billTypes"] = json!([{ "id": "11111111222243338444555555555551", "billTypeId": 3 }, { "billTypeId": 9, "applyConvenienceFee": true }]);
    live["paymentTypes"] = json!([]);
    let edits = json!({ "billTypes": live["billTypes"], "paymentTypes": live["paymentTypes"] });
    fixture.edit(0, edits);
    fixture.import(0, &["displayName=Card*"]);
    let (went, came) = changed(&before, &fixture.workspace.read(FILE));
    assert_eq!(
        went,
        [
            "    - { billTypeId: 3, applyConvenienceFee: true }   # looked at",
            "  paymentTypes:",
            "    - { paymentType: CC }   # looked at",
        ]
    );
    assert_eq!(
        came,
        [
            "    - { billTypeId: 3, applyConvenienceFee: false }   # looked at",
            "    - { billTypeId: 9, applyConvenienceFee: true }",
            "  paymentTypes: []",
        ]
    );
}

#[test]
fn a_value_that_is_gone_is_asked_to_be_none() {
    let (fixture, before) = tended(gone_over);
    fixture.edit(0, json!({ "merchantId": null, "maxPaymentAmount": 0 }));
    fixture.import(0, &["displayName=Card*"]);
    let (_, came) = changed(&before, &fixture.workspace.read(FILE));
    // the one can be cleared, the other is a number in any case
    assert_eq!(came, ["  merchantId: null   # looked at", "  maxPaymentAmount: 0   # looked at"]);
}

#[test]
fn a_secret_that_came_is_a_source() {
    let fixture = ImportFixture::new(GATEWAY);
    fixture.import(0, &["displayName=Card*"]);
    // that there is none is for a person to say
    let imported = fixture.workspace.read(FILE);
    assert!(!imported.contains("merchantPin: null"), "{imported}");
    fixture.workspace.write(FILE, &imported.replace("spec:\n", "spec:\n  merchantPin: null\n"));
    fixture.edit(0, json!({ "merchantPin": "90909" }));
    // an edit that was not applied stays until someone says otherwise
    fixture.import(0, &["displayName=Card*"]).says(&["pending", "merchantPin"]);
    let ran = fixture.import(0, &["displayName=Card*", "--discard-pending"]);
    ran.says(&["BOOTVIEW_CARD_GATEWAY_MERCHANT_PIN  for merchantPin of card-gateway"]);
    let text = fixture.workspace.read(FILE);
    assert!(text.contains("\n  merchantPin: { from_env: BOOTVIEW_CARD_GATEWAY_MERCHANT_PIN }\n"), "{text}");
    assert!(!text.contains("90909") && !ran.all().contains("90909"));
    // one that the document takes from somewhere is no one's business here
    fixture.edit(0, json!({ "merchantKey": "another" }));
    fixture.import(0, &["displayName=Card*"]).says(&["1 unchanged"]);
}

#[test]
fn only_fields_that_a_document_names_change() {
    let (fixture, _) = tended(|text| {
        text.lines().filter(|line| !line.contains("merchantId")).map(|l| format!("{l}\n")).collect()
    });
    let before = fixture.workspace.read(FILE);
    fixture.edit(0, json!({ "merchantId": "M-9", "testMode": 1 }));
    fixture.import(0, &["displayName=Card*"]).says(&["1 unchanged"]);
    assert_eq!(fixture.workspace.read(FILE), before);
    fixture.import(0, &["displayName=Card*", "--all-fields"]).says(&["1 updated"]);
    let (went, came) = changed(&before, &fixture.workspace.read(FILE));
    assert_eq!(went, Vec::<String>::new());
    assert_eq!(came, ["  testMode: 1", "  merchantId: M-9"]);
    fixture.import(0, &["displayName=Card*", "--all-fields"]).says(&["1 unchanged"]);
}

#[test]
fn a_document_without_an_id_is_found_by_its_key() {
    let (fixture, before) = tended(|text| {
        text.lines().filter(|line| !line.starts_with("id:")).map(|l| format!("{l}\n")).collect()
    });
    fixture.edit(0, json!({ "allowToken": false }));
    fixture.import(0, &["displayName=Card*"]).says(&["1 updated"]);
    let (went, came) = changed(&before, &fixture.workspace.read(FILE));
    assert_eq!((went, came), (vec!["  allowToken: true".to_owned()], vec!["  allowToken: false".to_owned()]));
}

#[test]
fn other_documents_of_the_file_stay() {
    let fixture = ImportFixture::new(GATEWAY);
    fixture.import(0, &["--single-file"]);
    let file = "config/bootview-payment-gateway.yaml";
    let before = format!("\u{feff}{}", gone_over(&fixture.workspace.read(file)).replace('\n', "\r\n"));
    fixture.workspace.write(file, &before);
    fixture.edit(1, json!({ "minPaymentAmount": 7.25 }));
    fixture.import(0, &["--single-file"]).says(&["1 updated, 2 unchanged"]);
    let after = fixture.workspace.read(file);
    assert!(after.starts_with('\u{feff}') && after.matches("\r\n").count() == before.matches("\r\n").count());
    let (went, came) = changed(&before, &after);
    assert_eq!(went, ["  minPaymentAmount: 5.0   # looked at"]);
    assert_eq!(came, ["  minPaymentAmount: 7.25   # looked at"]);
}

#[test]
fn what_cannot_be_changed_safely_is_reported_and_left() {
    let share = |text: &str| {
        text.replace("maxPaymentAmount: 2500.0", "maxPaymentAmount: &most 2500.0")
            .replace("minPaymentAmount: 1.0", "minPaymentAmount: *most")
    };
    let (fixture, before) = tended(share);
    fixture.edit(0, json!({ "minPaymentAmount": 2500, "maxPaymentAmount": 2600 }));
    let ran = fixture.import(1, &["displayName=Card*"]);
    ran.complains(&["unsafe-edit", "shared through an anchor", FILE]);
    assert_eq!(fixture.workspace.read(FILE), before);
    // the others are written
    let ran = fixture.import(4, &[]);
    ran.says(&["2 new, 1 not written", "shows no changes"]);
    assert_eq!(fixture.workspace.read(FILE), before);
}

#[test]
fn personal_values_change_only_when_asked_for() {
    let fixture = ImportFixture::new(CUSTOMER);
    fixture.import(0, &["--personal", "503"]);
    let before = fixture.workspace.read("config/00717.yaml");
    fixture.edit(2, json!({ "customer_name": "Aino Saari" }));
    let ran = fixture.import(1, &["503"]);
    ran.complains(&["sensitive-value", "`customer_name` is personal and differs", "--personal"]);
    assert!(!ran.all().contains("Saari") && !ran.all().contains("Virtanen"), "{}", ran.all());
    assert_eq!(fixture.workspace.read("config/00717.yaml"), before);
    fixture.import(0, &["--personal", "503"]);
    let (went, came) = changed(&before, &fixture.workspace.read("config/00717.yaml"));
    assert_eq!(went, ["  customer_name: Aino Virtanen"]);
    assert_eq!(came, ["  customer_name: Aino Saari"]);
}

#[test]
fn an_object_that_is_gone_is_reported() {
    let fixture = ImportFixture::new(GATEWAY);
    fixture.import(0, &[]);
    let text = fixture.workspace.read(FILE).replace("5e1f0a77", "5e1f0a78").replace("Card gateway", "Gone");
    fixture.workspace.write("config/gone.yaml", &text.replace("name: card-gateway", "name: gone"));
    fixture.import(0, &[]).complains(&["no-live-object", "config/gone.yaml"]);
    // a document that asks for removal is not turned into its opposite
    fixture.workspace.remove("config/gone.yaml");
    let absent =
        fixture.workspace.read(FILE).replace("name: card-gateway\n", "name: card-gateway\nstate: absent\n");
    fixture.workspace.write(FILE, &absent);
    fixture.import(4, &[]).complains(&["state-absent"]);
    assert_eq!(fixture.workspace.read(FILE), absent);
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = ImportFixture::new(GATEWAY);
    fixture.import(0, &["displayName=Card*"]);
    let mode =
        |name: &str| std::fs::metadata(fixture.workspace.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(FILE) & 0o600, 0o600);
    fixture.workspace.write("real/card.yaml", &fixture.workspace.read(FILE));
    std::fs::set_permissions(
        fixture.workspace.path("real/card.yaml"),
        std::fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    fixture.workspace.remove(FILE);
    std::os::unix::fs::symlink("../real/card.yaml", fixture.workspace.path(FILE)).unwrap();
    fixture.edit(0, json!({ "allowToken": false }));
    let before = fixture.workspace.read("real/card.yaml");
    fixture.import(1, &["displayName=Card*"]).complains(&["unwritable-file", "is not written through it"]);
    assert!(std::fs::symlink_metadata(fixture.workspace.path(FILE)).unwrap().is_symlink());
    assert_eq!(fixture.workspace.read("real/card.yaml"), before);
    assert_eq!(mode("real/card.yaml"), 0o640);
}

/// Things are named in a document; what the name means is looked up, and a change is written as the id.
#[test]
fn names_of_things_stay_until_they_mean_something_else() {
    let fixture = ImportFixture::new(CUSTOMER);
    fixture.import(0, &["501"]);
    let named = fixture
        .workspace
        .read("config/10044.yaml")
        .replace("Customer_state: 21", "Customer_state: { logical_txt: ACTIVE }");
    fixture.workspace.write("config/10044.yaml", &named);
    fixture.import(0, &["501"]).says(&["1 unchanged", "shows no changes"]);
    let ended = json!({ "id": 22, "groupname": "KU_STATE", "list_url": "/api/v2/constants/KU_STATE/", "logical_txt": "ENDED", "txt": "Päättynyt" });
    fixture.edit(0, json!({ "Customer_state": ended }));
    fixture.import(0, &["501"]).says(&["1 updated", "shows no changes"]);
    let (went, came) = changed(&named, &fixture.workspace.read("config/10044.yaml"));
    assert_eq!(went, ["  Customer_state: { logical_txt: ACTIVE }"]);
    assert_eq!(came, ["  Customer_state: 22"]);
    // a name that means nothing is reported at its line
    let wrong = named.replace("ACTIVE", "ASLEEP");
    fixture.workspace.write("config/10044.yaml", &wrong);
    let ran = fixture.import(1, &["501"]);
    ran.complains(&["unknown-reference", "config/10044.yaml"]);
    assert_eq!(fixture.workspace.read("config/10044.yaml"), wrong);
}

#[test]
fn names_of_other_documents_stay() {
    const LABS: &str = "config/lakeside-labs.yaml";
    let (fixture, parent) = (ImportFixture::new(PARTNER), "lakeside-clinics");
    fixture.import(0, &["--personal"]);
    let named = fixture.workspace.read(LABS).replace(
        "parent_sid: cccccccc-0000-4000-8000-000000000004",
        &format!("parent_sid: {{ ref: {parent} }}"),
    );
    assert!(named.contains(&format!("{{ ref: {parent} }}")), "{named}");
    fixture.workspace.write(LABS, &named);
    fixture.edit(2, json!({ "company_name": "Labs" }));
    fixture.import(0, &["--personal"]).says(&["1 updated, 3 unchanged", "shows no changes"]);
    let (went, came) = changed(&named, &fixture.workspace.read(LABS));
    assert_eq!((went.len(), came), (1, vec!["  company_name: Labs".to_owned()]));
}
