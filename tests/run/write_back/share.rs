//! `share`: a base of what documents have in common; every render stays the same.

use super::depot::Depot;

fn document(name: &str, code: &str) -> String {
    format!(
        "\
# {name}
kind: depot/item
name: {name}
spec:
  code: {code}
  label: Common # the same
  token: {{ from_env: TOKEN }}
  contact: Ann Example
  size: {{ width: 1, height: {} }}
  fees:
    - {{ sort: card, amount: 1.5 }}
",
        code.len()
    )
}

#[test]
fn what_documents_have_in_common_becomes_a_base() {
    let overlay =
        "overlay: production\nkind: depot/item\nname: a\nspec:\n  fees: { remove: [{ sort: card }] }\n";
    let depot = Depot::new(&[
        ("config/a.yaml", &document("a", "A")),
        ("config/b.yaml", &document("b", "BB")),
        ("config/production/a.yaml", overlay),
    ]);
    let own = &depot.workspace;
    let before = [depot.render("staging"), depot.render("production")];
    let shown = own.expect(0, &["share"]);
    shown.says(&["depot/item item-common: label, token, size.width, fees", "+++ b/bases/item-common.yaml"]);
    assert!(!own.path("bases").exists() && !shown.all().contains("Ann"), "{}", shown.all());
    own.expect(0, &["share", "--write", "usual"]);
    let base = own.read("bases/usual.yaml");
    assert!(base.starts_with("base: usual\nkind: depot/item\nspec:\n  label: Common\n"), "{base}");
    assert!(base.contains("token: { from_env: TOKEN }") && !base.contains("contact"), "{base}");
    let text = own.read("config/a.yaml");
    assert!(
        text.starts_with("# a\nkind: depot/item\nname: a\nextends: [usual]\nspec:\n  code: A\n"),
        "{text}"
    );
    assert!(text.contains("size: { height: 1 }") && !text.contains("fees"), "{text}");
    assert_eq!([depot.render("staging"), depot.render("production")], before);
    own.expect(0, &["share"]).says(&["nothing in common"]);
    own.expect(0, &["share", "--write", "other", "--name", "a"]).says(&["nothing in common"]);
}

#[test]
fn objects_of_one_document_extend_the_base_together() {
    let items = "\
kind: depot/item
objects:
  a: { spec: { code: A, label: L, stock: 1 } }
  b: { spec: { code: B, label: L, stock: 2 } } # b
";
    let depot = Depot::new(&[("config/items.yaml", items)]);
    let own = &depot.workspace;
    let before = depot.render("production");
    own.expect(0, &["share", "--write", "usual"]);
    let expected = items.replace("item\n", "item\nextends: [usual]\n").replace(", label: L", "");
    assert_eq!(own.read("config/items.yaml"), expected);
    assert_eq!(depot.render("production"), before);
}

#[test]
fn a_base_has_a_name_that_a_file_can_have() {
    let depot =
        Depot::new(&[("config/a.yaml", &document("a", "A")), ("config/b.yaml", &document("b", "BB"))]);
    for name in ["../x", "", "a b", ".."] {
        depot.workspace.expect(64, &["share", "--write", name]).complains(&["invalid-name"]);
    }
    assert!(!depot.workspace.path("bases").exists());
}
