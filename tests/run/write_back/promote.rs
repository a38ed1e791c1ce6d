//! `promote`: what one environment says moves on to another one, and into the document where all say the same.

use super::depot::Depot;

const ITEMS: &str = "\
kind: depot/item
objects:
  anvil:
    spec: { code: A, label: Anvil, fees: [{ sort: card, amount: 1 }] }
  bolt: { spec: { code: B, stock: 1, label: Bolt } } # small
";
const ANVIL: &str = "\
overlay: staging
kind: depot/item
name: anvil
spec:
  label: Big anvil # tried out
  price: { value: price }
  fees: { add: [{ sort: wire, amount: 2 }] }
";
const BOLT: &str = "overlay: staging\nkind: depot/item\nname: bolt\nspec: { stock: 7 }\nunset: [label]\n";

#[test]
fn what_all_environments_say_moves_into_the_document() {
    let depot = Depot::new(&[("config/items.yaml", ITEMS), ("config/staging/bolt.yaml", BOLT)]);
    let staged = depot.render("staging");
    let own = &depot.workspace;
    let dry = own.expect(0, &["promote", "--from", "staging", "--to", "production", "--dry-run"]);
    dry.says(&["depot/item bolt: stock, label", "--- a/config/staging/bolt.yaml\n+++ /dev/null"]);
    assert_eq!(own.read("config/items.yaml"), ITEMS);
    own.expect(0, &["promote", "--from", "staging", "--to", "production"]);
    assert!(!own.path("config/staging/bolt.yaml").exists());
    let expected = ITEMS.replace("{ code: B, stock: 1, label: Bolt }", "{ code: B, stock: 7 }");
    assert_eq!(own.read("config/items.yaml"), expected);
    assert_eq!(depot.render("staging"), staged);
    assert_eq!(
        depot.render("production"),
        staged.replace("staging", "production").replace("target: s", "target: p")
    );
    own.expect(0, &["promote", "--from", "staging", "--to", "production"]).says(&["nothing to promote"]);
}

#[test]
fn one_path_moves_alone() {
    let depot = Depot::new(&[
        ("config/items.yaml", ITEMS),
        ("config/staging/anvil.yaml", ANVIL),
        ("values/production.yaml", "price: 9\n"),
    ]);
    let (staged, own) = (depot.render("staging"), &depot.workspace);
    own.expect(0, &["promote", "--from", "staging", "--to", "production", "--path", "fees"]);
    let (items, overlay) = (own.read("config/items.yaml"), own.read("config/staging/anvil.yaml"));
    assert!(items.contains("fees: [{ sort: card, amount: 1 }, { sort: wire, amount: 2 }]"), "{items}");
    assert!(overlay.contains("label: Big anvil # tried out") && !overlay.contains("fees"), "{overlay}");
    own.expect(0, &["promote", "--from", "staging", "--to", "production"]);
    let items = own.read("config/items.yaml");
    assert!(items.contains("label: Big anvil") && items.contains("price: { value: price }"), "{items}");
    assert!(!own.path("config/staging/anvil.yaml").exists());
    assert!(!own.path("config/production/items.yaml").exists());
    assert_eq!(depot.render("staging"), staged);
    assert!(depot.render("production").contains("price: 9"));
}

#[test]
fn edits_that_all_environments_make_go_into_the_list_below() {
    let base = "base: usual\nkind: depot/item\nspec:\n  fees:\n    - { sort: card, amount: 1 }\n    - { sort: cash, amount: 2 }\n    - { sort: gift, amount: 3 }\n";
    let items = "\
kind: depot/item
objects:
  whole:
    spec:
      code: W
      tags: [a, b] # short
      fees:
        - sort: card # by card
          amount: 1
        - { sort: cash, amount: 2 }
  edited:
    extends: [usual]
    spec:
      code: E
      fees:
        add: [{ sort: wire, amount: 4 }]
        change:
          - { sort: gift, amount: 5 } # dear
";
    let whole = "\
overlay: staging
kind: depot/item
name: whole
spec:
  tags: { add: [c], remove: [a] }
  fees:
    add: [{ sort: wire, amount: 7, text: 'a: b' }]
    change: [{ sort: card, amount: 8, text: new }]
    remove: [{ sort: cash }]
";
    let edited = "\
overlay: staging
kind: depot/item
name: edited
spec:
  fees:
    add: [{ sort: cheque, amount: 6 }]
    change: [{ sort: wire, amount: 9 }, { sort: gift, text: t }, { sort: card, amount: 10 }]
    remove: [{ sort: cash }]
";
    let depot = Depot::new(&[
        ("bases/usual.yaml", base),
        ("config/items.yaml", items),
        (
            "config/staging/items.yaml",
            &format!(
                "# tried out in staging\n{whole}---\n{edited}---\noverlay: staging\nkind: depot/item\nname: other\nspec: {{ label: Kept }}\n"
            ),
        ),
        ("config/other.yaml", "kind: depot/item\nname: other\nenvironments: [staging]\nspec: { code: X }\n"),
    ]);
    let (staged, own) = (depot.render("staging"), &depot.workspace);
    let promote = ["promote", "--from", "staging", "--to", "production", "--name", "whole,edited"];
    let dry = own.expect(0, &[&promote[..], &["--dry-run"]].concat());
    dry.says(&["depot/item edited: fees", "depot/item whole: tags, fees"]);
    own.expect(0, &promote);
    let expected = "\
kind: depot/item
objects:
  whole:
    spec:
      code: W
      tags: [b, c] # short
      fees:
        - sort: card # by card
          amount: 8
          text: new
        - { sort: wire, amount: 7, text: \"a: b\" }
  edited:
    extends: [usual]
    spec:
      code: E
      fees:
        add: [{ sort: wire, amount: 9 }, { sort: cheque, amount: 6 }]
        change:
          - { sort: gift, amount: 5, text: t } # dear
          - { sort: card, amount: 10 }
        remove: [{ sort: cash }]
";
    assert_eq!(own.read("config/items.yaml"), expected);
    let left =
        "# tried out in staging\noverlay: staging\nkind: depot/item\nname: other\nspec: { label: Kept }\n";
    assert_eq!(own.read("config/staging/items.yaml"), left);
    assert_eq!(depot.render("staging"), staged);
    own.expect(0, &promote).says(&["nothing to promote"]);
}

#[test]
fn a_list_that_cannot_take_an_edit_up_keeps_it_in_overlays() {
    let shared = "\
kind: depot/item
objects:
  one: { spec: { code: ONE, fees: &fees [{ sort: card, amount: 1 }] } }
  two: { spec: { code: TWO, fees: *fees } }
";
    let overlay =
        "overlay: staging\nkind: depot/item\nname: one\nspec: { fees: { remove: [{ sort: card }] } }\n";
    let depot = Depot::new(&[("config/items.yaml", shared), ("config/staging/items.yaml", overlay)]);
    let own = &depot.workspace;
    own.expect(0, &["promote", "--from", "staging", "--to", "production"]);
    assert_eq!(own.read("config/items.yaml"), shared);
    assert_eq!(own.read("config/staging/items.yaml"), overlay);
    assert!(own.read("config/production/items.yaml").contains("remove:"));
}

#[test]
fn a_promotion_needs_two_environments_and_known_fields() {
    let depot = Depot::new(&[("config/items.yaml", ITEMS), ("config/staging/bolt.yaml", BOLT)]);
    let own = &depot.workspace;
    let ran = own.expect(64, &["promote", "--from", "staging", "--to", "staging"]);
    ran.complains(&["`--from` and `--to` name the same environment, `staging`"]);
    let ran = own.expect(1, &["promote", "--from", "staging", "--to", "production", "--path", "stok"]);
    ran.complains(&["unknown-field", "did you mean `stock`?"]);
    assert_eq!(own.read("config/staging/bolt.yaml"), BOLT);
}

#[test]
fn other_objects_and_environments_stay() {
    let narrow = "kind: depot/item\nname: nut\nenvironments: [staging]\nspec: { code: N }\n";
    let nut = "overlay: staging\nkind: depot/item\nname: nut\nspec: { label: Nut }\n";
    let depot = Depot::new(&[
        ("config/items.yaml", ITEMS),
        ("config/nut.yaml", narrow),
        ("config/staging/bolt.yaml", BOLT),
        ("config/staging/nut.yaml", nut),
    ]);
    let own = &depot.workspace;
    let ran = own.expect(0, &["promote", "--from", "staging", "--to", "production", "--name", "nut"]);
    ran.says(&["nothing to promote"]).complains(&["object-not-in-environment"]);
    assert_eq!(own.read("config/staging/bolt.yaml"), BOLT);
    own.expect(1, &["promote", "--from", "staging", "--to", "prodution"]).complains(&["unknown-environment"]);
}

#[test]
fn keys_of_sensitive_maps_are_not_shown() {
    let overlay = "overlay: staging\nkind: depot/item\nname: bolt\nspec: { hints: { canary-key: x } }\n";
    let depot = Depot::new(&[("config/items.yaml", ITEMS), ("config/staging/bolt.yaml", overlay)]);
    for format in ["text", "json"] {
        let ran = depot.workspace.expect(
            0,
            &["promote", "--from", "staging", "--to", "production", "--dry-run", "--format", format],
        );
        ran.says(&["hints.*"]);
        assert!(!ran.all().contains("canary"), "{}", ran.all());
    }
}

#[test]
fn an_edit_of_a_list_in_the_other_environment_is_not_lost() {
    let items = "kind: depot/item\nname: one\nspec: { code: O, tags: [a, b, c] }\n";
    let overlay = |environment: &str, tags: &str| {
        format!(
            "overlay: {environment}\nkind: depot/item\nname: one\nspec:\n  label: {environment}\n  tags: {tags}\n"
        )
    };
    let (from, to) = (overlay("staging", "{ add: [d] }"), overlay("production", "{ add: [e], remove: [b] }"));
    let depot = Depot::new(&[
        ("config/one.yaml", items),
        ("config/staging/one.yaml", &from),
        ("config/production/one.yaml", &to),
    ]);
    let own = &depot.workspace;
    let promote = ["promote", "--from", "staging", "--to", "production"];
    let ran = own.expect(3, &promote);
    ran.complains(&[
        "overridden-list-edit",
        "`production` edits the list `tags` of `one`",
        "config/production/one.yaml:6",
    ]);
    assert_eq!(own.read("config/production/one.yaml"), to);
    assert_eq!(own.read("config/staging/one.yaml"), from);
    // other values move
    own.expect(0, &[&promote[..], &["--path", "label"]].concat());
    assert!(depot.render("production").contains("label: staging"));
    assert!(own.read("config/production/one.yaml").contains("remove: [b]"));
}
