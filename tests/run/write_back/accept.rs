//! `accept`: each live value goes into the level that owns it.

use std::process::Command;

use serde_json::json;

use super::depot::Depot;
use crate::support::workspace::RunningProgram;

const BASE: &str = "base: usual\nkind: depot/item\nspec:\n  price: { value: price }\n  stock: 4 # of each\n";
const ITEMS: &str = "\
# our items
kind: depot/item
extends: [usual]
objects:
  anvil:
    spec: { code: A, label: Anvil }   # heavy
  bolt:
    environments: [production]
    spec:
      code: B   # a bolt
      label: 'Bolt'
";
const OVERLAY: &str = "overlay: production\nkind: depot/item\nname: anvil\nspec:\n  note: old # ask Ann\n";
const FILES: [(&str, &str); 4] = [
    ("bases/usual.yaml", BASE),
    ("config/items.yaml", ITEMS),
    ("config/production/anvil.yaml", OVERLAY),
    ("values/production.yaml", "price: 5\n"),
];

#[test]
fn a_value_goes_into_the_overlay_that_sets_it() {
    let depot = Depot::new(&FILES);
    depot.edit(&depot.production, "A", json!({ "note": "new" }));
    depot.accept(0, &[]).says(&["note", "config/production/anvil.yaml"]);
    let text = depot.workspace.read("config/production/anvil.yaml");
    assert_eq!(text, OVERLAY.replace("old", "new"));
    assert_eq!(depot.workspace.read("config/items.yaml"), ITEMS);
    depot.expect_in_sync("production");
    depot.accept(0, &[]).says(&["nothing to accept"]);
}

#[test]
fn a_value_of_a_document_of_one_environment_goes_into_the_document() {
    let depot = Depot::new(&FILES);
    depot.edit(&depot.production, "B", json!({ "label": "Big bolt", "stock": 9 }));
    depot.accept(0, &[]);
    let expected = ITEMS.replace("'Bolt'\n", "'Big bolt'\n      stock: 9\n");
    assert_eq!(depot.workspace.read("config/items.yaml"), expected);
    assert_eq!(depot.workspace.read("bases/usual.yaml"), BASE);
    depot.expect_in_sync("production");
}

#[test]
fn a_value_of_a_shared_document_goes_into_an_overlay() {
    let depot = Depot::new(&FILES);
    depot.edit(&depot.production, "A", json!({ "label": "Heavy anvil", "stock": 5 }));
    depot.accept(0, &[]);
    let expected = OVERLAY.to_owned() + "  label: Heavy anvil\n  stock: 5\n";
    assert_eq!(depot.workspace.read("config/production/anvil.yaml"), expected);
    assert_eq!(depot.workspace.read("config/items.yaml"), ITEMS);
    depot.expect_in_sync("production");
}

#[test]
fn a_new_overlay_stands_beside_its_document() {
    let depot = Depot::new(&FILES);
    let staged = depot.render("production");
    depot.edit(&depot.staging, "A", json!({ "label": "Test anvil" }));
    let dry = depot.workspace.expect(0, &["accept", "--env", "staging", "--dry-run"]);
    dry.says(&[
        "--- /dev/null\n+++ b/config/staging/items.yaml",
        "+overlay: staging",
        "+  label: Test anvil",
    ]);
    assert!(!depot.workspace.path("config/staging").exists());
    depot.workspace.expect(0, &["accept", "--env", "staging"]);
    let text = depot.workspace.read("config/staging/items.yaml");
    assert_eq!(text, "overlay: staging\nkind: depot/item\nname: anvil\nspec:\n  label: Test anvil\n");
    assert_eq!(depot.render("production"), staged);
    depot.expect_in_sync("staging");
}

#[test]
fn a_shared_level_needs_the_exact_number_of_objects() {
    let depot = Depot::new(&FILES);
    depot.edit(&depot.production, "B", json!({ "stock": 9 }));
    let before = depot.workspace.read("bases/usual.yaml");
    let ran = depot.workspace.expect(3, &["accept", "--name", "bolt", "--into", "base=2"]);
    ran.complains(&["shared-level", "this changes 3 objects, not 2", "--into base=3"]);
    assert_eq!(depot.workspace.read("bases/usual.yaml"), before);
    depot.workspace.expect(0, &["accept", "--name", "bolt", "--into", "base=3"]);
    assert_eq!(depot.workspace.read("bases/usual.yaml"), BASE.replace("stock: 4", "stock: 9"));
    depot.workspace.expect(64, &["accept", "--into", "bases=3"]);
}

#[test]
fn a_field_with_a_value_of_several_objects_goes_into_the_overlay() {
    let depot = Depot::new(&FILES);
    depot.edit(&depot.production, "A", json!({ "price": 7, "note": "new" }));
    depot.accept(0, &[]).says(&["price", "config/production/anvil.yaml"]);
    assert_eq!(depot.workspace.read("values/production.yaml"), "price: 5\n");
    let expected = OVERLAY.replace("old", "new") + "  price: 7\n";
    assert_eq!(depot.workspace.read("config/production/anvil.yaml"), expected);
    depot.expect_in_sync("production");
    // the document of one environment is no level of others
    let depot = Depot::new(&FILES);
    depot.edit(&depot.production, "B", json!({ "price": 8 }));
    depot.accept(0, &[]);
    assert_eq!(depot.workspace.read("values/production.yaml"), "price: 5\n");
    assert_eq!(depot.workspace.read("bases/usual.yaml"), BASE);
    assert_eq!(depot.workspace.read("config/items.yaml"), ITEMS.to_owned() + "      price: 8\n");
    depot.expect_in_sync("production");
}

#[test]
fn a_number_of_objects_is_one_fault_and_none_where_nothing_is_written() {
    let files = [FILES[0], FILES[1], FILES[2], ("values/production.yaml", "price: 5\nword: old\n")];
    let depot = Depot::with_values("word: { type: string, sensitivity: internal }", &files);
    let items = ITEMS.replace("label: 'Bolt'", "label: 'Bolt'\n      hints: { staff: { value: word } }");
    depot.workspace.write("config/items.yaml", &items);
    depot.apply();
    depot.edit(&depot.production, "B", json!({ "hints": { "staff": "new" } }));
    let ran = depot.accept(3, &["--personal", "--into", "base=3"]);
    ran.complains(&["named-value"]);
    assert!(!ran.err.contains("this changes"), "{}", ran.err);
    depot.edit(&depot.production, "A", json!({ "stock": 9 }));
    depot.edit(&depot.production, "B", json!({ "stock": 9 }));
    let ran = depot.accept(3, &["--path", "stock", "--into", "base=2"]);
    ran.complains(&["this changes 3 objects, not 2"]);
    assert_eq!(ran.err.matches("this changes").count(), 1, "{}", ran.err);
}

#[test]
fn a_changed_natural_key_is_taken_where_that_is_allowed() {
    let depot = Depot::new(&FILES);
    depot.edit(&depot.production, "B", json!({ "code": "C" }));
    depot.accept(3, &[]).complains(&["wrong-object", "--allow-rename"]);
    assert_eq!(depot.workspace.read("config/items.yaml"), ITEMS);
    depot.accept(0, &["--allow-rename"]);
    assert_eq!(depot.workspace.read("config/items.yaml"), ITEMS.replace("code: B ", "code: C "));
    depot.expect_in_sync("production");
}

const PRICES: &str = "# by hand\nprice: 5 # each\n";

#[test]
fn a_value_of_one_object_is_set_in_the_values_of_its_environment() {
    // what the overlay of `bolt` replaces is no use of the value
    let bolt = "overlay: production\nkind: depot/item\nname: bolt\nspec: { price: 3 }\n";
    let mut files = FILES.to_vec();
    files[3].1 = PRICES;
    files.push(("config/production/bolt.yaml", bolt));
    let depot = Depot::new(&files);
    depot.edit(&depot.production, "A", json!({ "price": 7.25 }));
    let dry = depot.accept(0, &["--dry-run"]);
    dry.says(&["--- a/values/production.yaml", "-price: 5 •••\n+price: 7.25 •••"]);
    depot.accept(0, &[]).says(&["price", "values/production.yaml"]);
    assert_eq!(depot.workspace.read("values/production.yaml"), PRICES.replace('5', "7.25"));
    assert_eq!(depot.workspace.read("bases/usual.yaml"), BASE);
    assert_eq!(depot.workspace.read("config/items.yaml"), ITEMS);
    depot.expect_in_sync("production");
    // no one set it in staging: the default is of every environment
    depot.edit(&depot.staging, "A", json!({ "price": 8 }));
    depot.workspace.expect(0, &["accept", "--env", "staging"]);
    let text = depot.workspace.read("config/staging/items.yaml");
    assert_eq!(text, "overlay: staging\nkind: depot/item\nname: anvil\nspec:\n  price: 8\n");
    depot.expect_in_sync("staging");
}

#[test]
fn a_field_with_a_value_of_more_fields_goes_into_the_document() {
    let document = |spec: &str| {
        format!("kind: depot/item\nname: one\nenvironments: [production]\nspec:\n  code: O\n{spec}")
    };
    let twice = "  label: { value: word }\n  note: { value: word }\n";
    let cases = [
        (twice, "word: old\n", json!({ "label": "new" }), twice.replacen("{ value: word }", "new", 1)),
        ("  stock: { value: count }\n", "count: 3\n", json!({ "stock": null }), "  stock: null\n".to_owned()),
    ];
    for (spec, values, edit, expected) in cases {
        let values = format!("price: 1\n{values}");
        let depot = Depot::with_values(
            "word: { type: string }, count: { type: integer }",
            &[("config/one.yaml", &document(spec)), ("values/production.yaml", &values)],
        );
        depot.edit(&depot.production, "O", edit);
        depot.accept(0, &[]);
        assert_eq!(depot.workspace.read("values/production.yaml"), values);
        assert_eq!(depot.workspace.read("config/one.yaml"), document(&expected));
        depot.expect_in_sync("production");
    }
}

#[test]
fn a_sensitive_value_stays() {
    let document = "kind: depot/item\nname: one\nenvironments: [production]\nspec:\n  code: O\n  hints: { staff: { value: hint } }\n";
    let values = "price: 1\nhint: old\n";
    let depot = Depot::with_values(
        "hint: { type: string, sensitivity: internal }",
        &[("config/one.yaml", document), ("values/production.yaml", values)],
    );
    depot.edit(&depot.production, "O", json!({ "hints": { "staff": "new" } }));
    let ran = depot.accept(3, &["--personal"]);
    ran.complains(&["named-value", "and sensitive values are never written there"]);
    assert_eq!(depot.workspace.read("values/production.yaml"), values, "{}", ran.all());
    assert_eq!(depot.workspace.read("config/one.yaml"), document);
}

#[test]
fn a_value_that_a_scope_uses_stays() {
    let head = "environments: [production]\n";
    let document =
        |label: &str| format!("kind: depot/item\nname: one\n{head}spec:\n  code: O\n  label: {label}\n");
    let scope = "scope: { shop: { value: word } }\n";
    let part = format!("kind: depot/part\nname: part\n{head}{scope}spec: {{ code: P }}\n");
    let values = "word: old\n";
    let item = document("{ value: word }");
    let files =
        [("config/one.yaml", &*item), ("values/production.yaml", values), ("config/part.yaml", &part)];
    let depot = Depot::with_values("word: { type: string }", &files);
    depot.edit(&depot.production, "O", json!({ "label": "new" }));
    depot.accept(0, &[]);
    assert_eq!(depot.workspace.read("values/production.yaml"), values);
    assert_eq!(depot.workspace.read("config/one.yaml"), document("new"));
    // without that document, the value has one use
    depot.workspace.write("config/one.yaml", &item);
    depot.workspace.remove("config/part.yaml");
    depot.accept(0, &[]);
    assert_eq!(depot.workspace.read("values/production.yaml"), "word: new\n");
}

#[test]
fn a_document_of_several_environments_changes_where_that_is_allowed() {
    let depot = Depot::new(&FILES);
    depot.edit(&depot.production, "A", json!({ "label": "Great anvil" }));
    let own = &depot.workspace;
    let ran = own.expect(3, &["accept", "--env", "production", "--into", "document=3"]);
    ran.complains(&[
        "this changes 2 objects, not 3",
        "--into document=2",
        "config/items.yaml:5:3",
        "changes too",
    ]);
    assert_eq!(own.read("config/items.yaml"), ITEMS);
    own.expect(0, &["accept", "--env", "production", "--into", "document=2"]);
    assert_eq!(own.read("config/items.yaml"), ITEMS.replace("label: Anvil", "label: Great anvil"));
    assert_eq!(own.read("config/production/anvil.yaml"), OVERLAY);
    depot.expect_in_sync("production");
    assert!(depot.render("staging").contains("Great anvil"));
}

#[test]
fn no_file_changes_when_one_cannot_be_written() {
    let depot = Depot::new(&FILES);
    // a new overlay needs the folder config/staging
    depot.workspace.write("config/staging", "");
    depot.edit(&depot.staging, "A", json!({ "label": "Test anvil" }));
    depot.edit(&depot.production, "B", json!({ "label": "Big bolt" }));
    let ran = depot.workspace.expect(1, &["accept"]);
    ran.complains(&["unwritable-file", "config/staging/items.yaml"]);
    assert!(!ran.out.contains("written"), "{}", ran.all());
    assert_eq!(depot.workspace.read("config/items.yaml"), ITEMS);
}

#[cfg(target_os = "linux")]
#[test]
fn more_files_are_written_than_a_process_may_open() {
    let text = |code: usize| {
        let head = "kind: depot/item\nenvironments: [production]\n";
        format!("{head}name: i{code}\nspec: {{ code: C{code}, label: old }}\n")
    };
    let files: Vec<(String, String)> =
        (0..100).map(|code| (format!("config/i{code}.yaml"), text(code))).collect();
    let depot = Depot::new(&files.iter().map(|(path, text)| (&**path, &**text)).collect::<Vec<_>>());
    (0..100).for_each(|code| depot.edit(&depot.production, &format!("C{code}"), json!({ "label": "new" })));
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 64; exec \"$@\"", "sh"]);
    let mut command = depot.workspace.command_by(shell, &["accept", "--env", "production"]);
    let ran = RunningProgram::start(&mut command).finish();
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    for (path, _) in &files {
        let text = depot.workspace.read(path);
        assert!(text.contains("label: new"), "{path}: {text}");
    }
}

#[test]
fn a_misspelt_path_is_an_error() {
    let depot = Depot::new(&FILES);
    depot.edit(&depot.production, "A", json!({ "note": "new" }));
    let ran = depot.accept(1, &["--path", "nots"]);
    ran.complains(&["unknown-field", "`nots` is no field of depot/item", "did you mean `note`?"]);
    depot.accept(1, &["--path", "size.widht"]).complains(&["did you mean `width`?"]);
    depot.accept(1, &["--path", "note.more"]).complains(&["end the path before it"]);
    depot.accept(0, &["--path", "labels.any.key,fees.amount"]).says(&["nothing to accept"]);
}

#[test]
fn secrets_and_personal_values_stay_out() {
    let files = [(
        "config/one.yaml",
        "kind: depot/item\nname: one\nenvironments: [production]\nspec:\n  code: O\n  contact: Ann Example\n  token: { from_env: TOKEN }\n",
    )];
    let depot = Depot::new(&files);
    depot.edit(&depot.production, "O", json!({ "contact": "Bob Example", "token": "secret-token-2" }));
    let ran = depot.accept(3, &[]);
    ran.complains(&["sensitive-value", "`contact` is personal and differs"]);
    assert!(!ran.all().contains("Bob") && !ran.all().contains("secret-token"), "{}", ran.all());
    let ran = depot.accept(0, &["--personal", "--dry-run"]);
    ran.says(&["-  contact: •••", "+  contact: •••"]);
    assert!(!ran.all().contains("Bob") && !ran.all().contains("Ann"), "{}", ran.all());
    depot.accept(0, &["--personal"]);
    let text = depot.workspace.read("config/one.yaml");
    assert!(text.contains("contact: Bob Example") && text.contains("{ from_env: TOKEN }"), "{text}");
}

#[test]
fn an_edit_that_was_not_applied_stays() {
    let depot = Depot::new(&FILES);
    depot.workspace.write("config/production/anvil.yaml", &OVERLAY.replace("old", "mine"));
    let ran = depot.accept(0, &[]);
    ran.says(&["pending", "nothing to accept"]).complains(&["pending-edit"]);
    assert_eq!(depot.workspace.read("config/production/anvil.yaml"), OVERLAY.replace("old", "mine"));
    depot.edit(&depot.production, "A", json!({ "note": "live", "label": "Live" }));
    depot.accept(0, &[]).complains(&["edited-on-both-sides"]);
    let text = depot.workspace.read("config/production/anvil.yaml");
    assert!(text.contains("note: mine") && text.contains("label: Live"), "{text}");
}

#[test]
fn a_field_without_a_value_is_cleared_or_left_unmanaged() {
    let depot = Depot::new(&FILES);
    depot.edit(&depot.production, "A", json!({ "note": null, "label": null, "stock": null }));
    depot.accept(0, &[]);
    depot.expect_in_sync("production");
}

#[test]
fn without_environments_the_document_takes_the_value() {
    let depot =
        Depot::new(&[("config/a.yaml", "kind: depot/item\nname: a\nspec:\n  code: A # A\n  label: a\n")]);
    let settings = depot.workspace.read("trueup.yaml");
    let lines: Vec<&str> =
        settings.lines().filter(|line| !line.contains("environments:") && !line.contains("  p:")).collect();
    depot.workspace.write("trueup.yaml", &(lines.join("\n") + "\n").replace(" environment: staging,", ""));
    depot.edit(&depot.staging, "A", json!({ "label": "b" }));
    let json = depot.workspace.expect(0, &["accept", "--format", "json"]).json();
    assert_eq!(json["objects"][0]["fields"][0]["after"], "b");
    assert_eq!(json["files"][0]["file"], "config/a.yaml");
    assert!(depot.workspace.read("config/a.yaml").ends_with("spec:\n  code: A # A\n  label: b\n"));
}

#[test]
fn a_link_that_leads_out_is_not_written_through() {
    let depot = Depot::new(&FILES);
    let outside = tempfile::tempdir().expect("a folder");
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path(), depot.workspace.path("config/staging")).expect("a link");
    depot.edit(&depot.staging, "A", json!({ "label": "Test anvil" }));
    let ran = depot.workspace.run(&["accept", "--env", "staging"]);
    assert_ne!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(std::fs::read_dir(outside.path()).expect("a folder").count(), 0);
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link_inside_the_workspace() {
    let depot = Depot::new(&FILES);
    let real = depot.workspace.read("config/production/anvil.yaml");
    depot.workspace.write("shared/anvil.yaml", &real);
    depot.workspace.remove("config/production/anvil.yaml");
    std::os::unix::fs::symlink(
        "../../shared/anvil.yaml",
        depot.workspace.path("config/production/anvil.yaml"),
    )
    .expect("a link");
    depot.edit(&depot.production, "A", json!({ "note": "new" }));
    let ran = depot.accept(1, &[]);
    ran.complains(&["unwritable-file", "is a link"]);
    assert!(!ran.out.contains("1 value written"), "{}", ran.all());
    assert_eq!(depot.workspace.read("shared/anvil.yaml"), real);
    assert!(depot.workspace.path("config/production/anvil.yaml").is_symlink());
}

#[test]
fn errors_of_documents_are_printed_once() {
    let depot = Depot::new(&FILES);
    depot.workspace.write("config/wrong.yaml", "kind: depot/item\nname: w\nspec: { cod: W }\n");
    let ran = depot.workspace.expect(1, &["accept", "--env", "production"]);
    assert_eq!(ran.err.matches("error[unknown-field]").count(), 1, "{}", ran.all());
}
