//! The built-in descriptions, and what the checker says of broken ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value as Json;
use snapbox::assert_data_eq;
use trueup::diagnostic::{Diagnostic, SourceLocation, has_errors};
use trueup::kind::registry::KindRegistry;
use trueup::kind::{ArrayType, Field, FieldType, ItemType, Kind, ListType, Shape};
use trueup::value::Sensitivity;

/// `file:line:column code: message (hint)`, one a line.
fn shown(faults: &[Diagnostic]) -> String {
    let mut lines: Vec<_> = faults.iter().map(line).collect();
    lines.sort_by_key(|(place, text)| (place.clone(), text.clone()));
    lines.into_iter().map(|(_, text)| text + "\n").collect()
}

fn line(fault: &Diagnostic) -> ((String, usize, usize), String) {
    let (line, column) = fault.location.as_ref().map(SourceLocation::find_line_column).unwrap_or_default();
    let path = fault.location.as_ref().map(|place| place.source.path.clone()).unwrap_or_default();
    let hint = fault.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    let text = format!("{path}:{line}:{column} {}: {}{hint}", fault.code, fault.message);
    ((path, line, column), text)
}

#[test]
fn the_built_in_descriptions_are_without_fault() {
    assert_eq!(shown(&KindRegistry::get_builtin().check_all()), "");
}

#[test]
fn every_built_in_kind_is_there() {
    let registry = KindRegistry::get_builtin();
    assert!(!registry.kind_names().is_empty());
    for name in registry.kind_names() {
        let kind = registry.find_kind(name);
        assert!(kind.is_some_and(|kind| *kind.name == **name), "{name} cannot be read");
    }
}

/// What is said about these files of its API `shop`, none of which is sound.
fn said(files: &[(&str, &str)]) -> String {
    let mut faults = Vec::new();
    let registry = KindRegistry::with_workspace(workspace(files), &mut faults);
    for kind in registry.kind_names().iter().filter(|name| name.starts_with("shop/")) {
        assert!(registry.find_kind(kind).is_none(), "{kind} is broken and nevertheless there");
    }
    shown(&faults)
}

fn workspace(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(name, text)| (format!("apis/{name}.yaml"), (*text).to_owned())).collect()
}

const API: &str = include_str!("kinds/api.yaml");
const SOUND: &str = include_str!("kinds/sound.yaml");

// `SNAPSHOTS=overwrite cargo test --test format kinds` accepts new texts

const DISK: &str = r#"
format: 1
title: Disk
description: A disk.
identity: { id: id, id_assigned_by: server }
replacement: delete_then_create
operations:
  list: { get: /disks }
  create: { post: /disks }
  delete: { delete: "/disks/{id}" }
properties:
  id: { type: integer, description: The id., read_only: true }
  where: { type: object, description: Where it is., properties: { region: { type: string, description: The region., immutable: true } } }
"#;

#[test]
fn a_replacement_needs_what_it_is_made_of() {
    let api = "format: 1\ntitle: Shop\ndescription: A shop.\nformats: [json]\nauth: [bearer]\nerrors: { messages: [message] }\n";
    let found = |kind: &str| {
        let mut faults = Vec::new();
        KindRegistry::with_workspace(workspace(&[("shop/api", api), ("shop/disk", kind)]), &mut faults);
        shown(&faults)
    };
    assert_eq!(found(DISK), "");
    assert_eq!(found(&DISK.replace("delete_then_create", "create_then_delete")), "");
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[("  delete: { delete: \"/disks/{id}\" }\n", "")], "needs the operations `create` and `delete`"),
        (&[("  create: { post: /disks }\n", "")], "needs the operations `create` and `delete`"),
        (&[(", immutable: true", "")], "no field is `immutable`"),
        (&[("post: /disks", "post: /disks, read_after_write: eventual")], "once someone confirms them"),
        (
            &[
                ("server }", "client }"),
                (", read_only: true", ", required: true, immutable: true"),
                ("delete_then_create", "create_then_delete"),
            ],
            "the id of the former one",
        ),
    ];
    for (edits, expected) in cases {
        let kind = edits.iter().fold(DISK.to_owned(), |kind, (from, to)| kind.replace(from, to));
        let said = found(&kind);
        assert!(said.contains("invalid-replacement") && said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn every_fault_of_the_structure_is_reported_at_its_line() {
    let files = [("shop/api", API), ("shop/order", include_str!("kinds/broken-structure.yaml"))];
    assert_data_eq!(said(&files), snapbox::file!["kinds/broken-structure.txt"].raw());
}

#[test]
fn every_fault_of_the_meaning_is_reported_at_its_line() {
    let files = [("shop/api", API), ("shop/order", include_str!("kinds/broken-words.yaml"))];
    assert_data_eq!(said(&files), snapbox::file!["kinds/broken-words.txt"].raw());
}

#[test]
fn every_fault_of_a_sample_is_reported_at_its_line() {
    let files = [("shop/api", API), ("shop/order", include_str!("kinds/broken-samples.yaml"))];
    assert_data_eq!(said(&files), snapbox::file!["kinds/broken-samples.txt"].raw());
}

#[test]
fn every_fault_of_an_api_is_reported_at_its_line() {
    // the kind beside it is sound and nothing is said of it, but without its API it is of no use
    let files = [("shop/api", include_str!("kinds/broken-api.yaml")), ("shop/order", SOUND)];
    assert_data_eq!(said(&files), snapbox::file!["kinds/broken-api.txt"].raw());
}

#[test]
fn files_in_the_wrong_place_are_reported() {
    let files = [
        ("shop/order", SOUND),
        ("bootview/order", SOUND),
        ("Big Shop/order", SOUND),
        ("store/api", API),
        ("store/two", "format: 1\n---\nformat: 1\n"),
        ("store/none", "# nothing\n"),
        ("store/torn", "title: [1\n"),
    ];
    let mut files = workspace(&files);
    files.push(("order.yaml".into(), SOUND.into()));
    files.push(("apis/store/api.yml".into(), API.into()));
    let mut faults = Vec::new();
    let registry = KindRegistry::with_workspace(files, &mut faults);
    assert_data_eq!(shown(&faults), snapbox::file!["kinds/wrong-place.txt"].raw());
    assert!(registry.find_kind("shop/order").is_none());
    assert!(registry.find_kind("bootview/payment-gateway").is_some());
}

#[test]
fn a_kind_of_a_workspace_comes_through_the_same_door() {
    let mut faults = Vec::new();
    let registry =
        KindRegistry::with_workspace(workspace(&[("shop/api", API), ("shop/order", SOUND)]), &mut faults);
    assert_eq!(shown(&faults), "");
    assert!(
        registry.list_api_names().contains(&"shop")
            && registry.kind_names().iter().any(|name| name == "shop/order")
    );
    let kind = registry.find_kind("shop/order").expect("the workspace's own kind");
    assert_eq!(kind.list_natural_key_names(), ["number"]);
    assert_eq!(kind.api.base_url.as_deref(), Some("https://shop.example/v1"));
    assert!(registry.find_kind("carrierx/partner").is_some(), "the built-in kinds are still there");
}

#[test]
fn a_workspace_cannot_say_who_gets_a_credential() {
    let mut faults = Vec::new();
    let registry = KindRegistry::with_workspace(workspace(&[("shop/api", API)]), &mut faults);
    assert!(registry.find_api("shop").expect("the workspace's own API").hosts.is_empty());
    assert!(!registry.find_api("bootview").expect("a built-in API").hosts.is_empty());
}

#[test]
fn the_list_of_built_in_descriptions_is_the_directory() {
    let below = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).expect("a directory");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    let mut there = BTreeSet::new();
    for api in below(Path::new("src/kind/builtin")) {
        for file in below(&api) {
            let name = file.with_extension("");
            let api = api.file_name().expect("a name").to_string_lossy();
            there.insert(format!("{api}/{}", name.file_name().expect("a name").to_string_lossy()));
        }
    }
    let registry = KindRegistry::get_builtin();
    let apis = registry.list_api_names().into_iter().map(|api| format!("{api}/api"));
    assert_eq!(there, apis.chain(registry.kind_names().iter().cloned()).collect());
}

/// Every field of a shape, those within others too, with its dotted name.
fn fields<'k>(shape: &'k Shape, above: &str) -> Vec<(String, &'k Field)> {
    let mut all = Vec::new();
    for field in &shape.fields {
        let name = format!("{above}{}", field.name);
        let inner = match &field.ty {
            FieldType::Object(shape) => Some(shape),
            FieldType::Array(ArrayType { item: ItemType::Object(shape), .. }) => Some(shape),
            _ => None,
        };
        all.extend(inner.into_iter().flat_map(|shape| fields(shape, &format!("{name}."))));
        all.push((name, field));
    }
    all
}

fn builtin() -> Vec<Arc<Kind>> {
    let registry = KindRegistry::get_builtin();
    registry.kind_names().iter().map(|name| registry.find_kind(name).expect("a sound kind")).collect()
}

#[test]
fn every_field_has_an_example_unless_it_is_secret_or_filled_in() {
    for kind in builtin() {
        for (name, field) in fields(&kind.shape, "") {
            let without = field.sensitivity == Sensitivity::Secret || field.copy_of.is_some();
            assert!(field.example.is_some() || without, "{} {name} has no example", kind.name);
        }
    }
}

/// The values that are read into a field from a sample: one for an object, as many as there are for a list.
fn read<'j>(field: &Field, objects: &[&'j Json]) -> Vec<&'j Json> {
    let member = |object: &&'j Json| {
        field.read_from.iter().try_fold(*object, |json, step| {
            json.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case(step)).map(|(_, json)| json)
        })
    };
    let found = objects.iter().filter_map(member).filter(|json| !json.is_null());
    found
        .flat_map(|json| json.as_array().map_or_else(|| vec![json], |items| items.iter().collect()))
        .collect()
}

fn unread(shape: &Shape, objects: &[&Json], above: &str) -> Vec<String> {
    let mut missing = Vec::new();
    for field in shape.fields.iter().filter(|field| !field.behavior.write_only) {
        let values = read(field, objects);
        if values.is_empty() {
            missing.push(format!("{above}{}", field.name));
        } else if let FieldType::Object(shape)
        | FieldType::Array(ArrayType { item: ItemType::Object(shape), .. }) = &field.ty
        {
            missing.extend(unread(shape, &values, &format!("{above}{}.", field.name)));
        }
    }
    missing
}

#[test]
fn every_field_is_read_from_some_sample() {
    for kind in builtin() {
        assert!(kind.examples.len() >= 2, "{} has too few samples", kind.name);
        let objects: Vec<Json> =
            kind.examples.iter().map(|sample| Json::Object(sample.object.clone())).collect();
        let missing = unread(&kind.shape, &objects.iter().collect::<Vec<_>>(), "");
        assert!(missing.is_empty(), "no sample of {} has {missing:?}", kind.name);
    }
}

#[test]
fn the_items_of_every_sample_are_distinguished_by_some_key() {
    for kind in builtin() {
        for sample in &kind.examples {
            let object = Json::Object(sample.object.clone());
            for field in &kind.shape.fields {
                let FieldType::Array(ArrayType {
                    item: ItemType::Object(shape),
                    list_type: ListType::Map(keys),
                    ..
                }) = &field.ty
                else {
                    continue;
                };
                let items = read(field, &[&object]);
                let unique = |key: &Vec<u16>| {
                    let scalar_fields = |item: &Json| -> Vec<String> {
                        key.iter()
                            .map(|number| format!("{:?}", read(shape.get_field(*number), &[item])))
                            .collect()
                    };
                    items.iter().map(|item| scalar_fields(item)).collect::<BTreeSet<_>>().len() == items.len()
                };
                assert!(keys.iter().any(unique), "{} {}", kind.name, field.name);
            }
        }
    }
}

#[test]
fn natural_keys_and_item_keys_may_be_named_even_when_the_service_sets_them() {
    let named = |kind: &str| -> Vec<String> {
        let kind = KindRegistry::get_builtin().find_kind(kind).expect("a built-in kind");
        let fields = fields(&kind.shape, "");
        let mut names: Vec<_> =
            fields.into_iter().filter(|(_, field)| field.behavior.identifier).map(|(name, _)| name).collect();
        names.sort();
        names
    };
    assert_eq!(
        named("bootview/partner"),
        [
            "customerDetail.attributes.municipality_Attributes_Id",
            "partnerDetail",
            "partnerDetail.partnerCode",
            "partnerId",
            "partnerServices.id",
            "partnerServices.serviceName"
        ]
    );
    let gateway = named("bootview/payment-gateway");
    for name in ["id", "displayName", "convenienceFees.applyAtPaymentOfTow", "convenienceFees.id"] {
        assert!(gateway.iter().any(|named| named == name), "{name} is missing in {gateway:?}");
    }
}

/// The names of the fields under which the fact pages list them.
#[test]
fn the_fields_are_those_of_the_fact_pages() {
    let pages = include_str!("kinds/fields.txt");
    let mut wanted: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for line in pages.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (kind, names) = line.split_once(": ").expect("kind: names");
        let (kind, above) = kind.split_once(' ').map_or((kind, String::new()), |(k, a)| (k, format!("{a}.")));
        let names = names.split_whitespace().map(|name| format!("{above}{name}"));
        wanted.entry(kind).or_default().extend(names);
    }
    for kind in builtin() {
        let there: BTreeSet<String> = fields(&kind.shape, "").into_iter().map(|(name, _)| name).collect();
        assert_eq!(Some(&there), wanted.get(&*kind.name), "{}", kind.name);
    }
}

#[test]
fn marks_are_those_of_the_fact_pages() {
    let marked = |mark: Sensitivity| -> BTreeSet<String> {
        let of = |kind: Arc<Kind>| -> Vec<String> {
            let fields = fields(&kind.shape, "");
            let marked = fields.into_iter().filter(|(_, field)| field.sensitivity == mark);
            marked.map(|(name, _)| format!("{} {name}", kind.name)).collect()
        };
        builtin().into_iter().flat_map(of).collect()
    };
    let secrets = [
        "bokamera/customer AccessKeys.Value",
        "bootview/partner partnerServices.password",
        "bootview/payment-gateway merchantKey",
        "bootview/payment-gateway merchantPin",
        "carrierx/partner password",
    ];
    assert_eq!(marked(Sensitivity::Secret), secrets.into_iter().map(str::to_owned).collect());
    let personal = marked(Sensitivity::Personal);
    for name in [
        "customer_email",
        "customer_name",
        "customer_name_ext",
        "customer_phone",
        "invoicing_name",
        "phone2",
        "vat_code",
        "note",
        "identification",
    ] {
        assert!(personal.contains(&format!("keypro/customer {name}")), "{name} is protected");
    }
    assert!(
        personal.contains("bokamera/customer InvoiceAddress.InvoiceCity"),
        "a mark goes down to what is inside"
    );
    assert!(personal.contains("carrierx/partner owner_email"));
}

/// A description with a line or word of it changed at random.
fn disturbed() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "",
        "null",
        "-1",
        "{}",
        "[]",
        "text",
        "list",
        "order",
        "id",
        "a.b",
        "{id}",
        "/{",
        "99999999999999999999",
        "true",
        "\"",
        "&a",
        "*a",
        "<<: x",
        "é",
        "key: [id]",
        "- x",
        "? x",
        "everything",
    ]);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), 0..4u8, words), 1..6);
    let texts = prop::sample::select(vec![
        SOUND,
        include_str!("kinds/broken-words.yaml"),
        include_str!("kinds/broken-samples.yaml"),
        include_str!("kinds/broken-structure.yaml"),
        API,
    ]);
    (texts, changes).prop_map(|(text, changes)| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (at, how, word) in changes {
            let at = at.index(lines.len());
            match how {
                0 => lines[at] = word.to_owned(),
                1 => lines[at] = lines[at].replacen(": ", &format!(": {word} "), 1),
                2 => lines[at] = lines[at].split(": ").next().unwrap_or("").to_owned() + ": " + word,
                _ => {
                    let line = lines[at].clone();
                    lines.insert(at, line);
                }
            }
        }
        lines.join("\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_description_is_too_strange(text in prop_oneof![disturbed(), any::<String>()]) {
        for name in ["api", "order"] {
            let mut files = vec![(format!("apis/shop/{name}.yaml"), text.clone())];
            if name != "api" {
                files.push(("apis/shop/api.yaml".into(), API.into()));
            }
            let mut faults = Vec::new();
            let registry = KindRegistry::with_workspace(files, &mut faults);
            let there = match name {
                "api" => registry.find_api("shop").is_some(),
                _ => registry.find_kind("shop/order").is_some(),
            };
            prop_assert_eq!(there, !has_errors(&faults), "{}", shown(&faults));
        }
    }
}
