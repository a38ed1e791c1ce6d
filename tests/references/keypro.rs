//! Customers of water utilities: constants by name, a PATCH of what differs, protected data.

use serde_json::json;

use crate::yard::Yard;

const KIND: &str = "keypro/customer";

fn yard() -> Yard {
    Yard::of(&[KIND])
}

/// A document for the first customer of the samples.
fn first(spec: &str) -> String {
    format!("kind: keypro/customer\nname: first\nspec:\n  customer_number: \"10044\"\n{spec}")
}

#[test]
fn a_constant_is_named_instead_of_its_id() {
    let yard = yard();
    yard.plan(&first("  Customer_language: { logical_txt: FI }\n  Customer_type: { txt: Yritys }\n")).agrees();
    assert_eq!(yard.reads("/constants/KU_LANGUAGE/"), 1);
    let ran = yard.apply(&first("  Customer_language: { logical_txt: SV }\n"));
    ran.ends(&["first done"]).shows(&["Customer_language  11 -> 12"]);
    assert_eq!(yard.writes(), [("PATCH /keypro/customers/501/".to_owned(), json!({ "Customer_language": 12 }))]);
}
