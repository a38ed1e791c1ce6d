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
fn an_edit_of_a_list_moves_as_it_is() {
    let depot = Depot::new(&[
        ("config/items.yaml", ITEMS),
        ("config/staging/anvil.yaml", ANVIL),
        ("values/production.yaml", "price: 9\n"),
    ]);
    let (staged, own) = (depot.render("staging"), &depot.workspace);
    own.expect(0, &["promote", "--from", "staging", "--to", "production", "--path", "fees"]);
    let text = own.read("config/production/items.yaml");
    assert!(
        text.starts_with("overlay: production\nkind: depot/item\nname: anvil\nspec:\n  fees:\n    add:\n"),
        "{text}"
    );
    assert_eq!(own.read("config/staging/anvil.yaml"), ANVIL);
    own.expect(0, &["promote", "--from", "staging", "--to", "production"]);
    let (items, overlay) = (own.read("config/items.yaml"), own.read("config/staging/anvil.yaml"));
    assert!(items.contains("label: Big anvil") && items.contains("price: { value: price }"), "{items}");
    assert!(!overlay.contains("label") && overlay.contains("fees"), "{overlay}");
    assert_eq!(depot.render("staging"), staged);
    assert!(depot.render("production").contains("price: 9"));
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
