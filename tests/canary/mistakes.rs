//! Documents with mistakes next to, around and inside of what nobody may see.

use serde_json::{Value as Json, json};

use trueup::kind::{Field, Kind, Leaf, Type};
use trueup::value::Mark;
use trueup::yaml;

use crate::birds::Birds;
use crate::cages::Way;
use crate::{House, kinds, open};

/// The marked fields at the root of a kind.
fn marked(kind: &Kind) -> Vec<&Field> {
    kind.shape.fields.iter().filter(|field| field.mark > Mark::Open).collect()
}

/// Runs every offline command over one document that holds a canary.
fn checked(kind: &std::sync::Arc<Kind>, write: impl Fn(&mut Birds) -> String) {
    let mut house = House::new(kind, Way::Env, false, open());
    let text = write(&mut house.birds);
    house.input("config/zz.yaml", &text);
    for command in ["validate", "plan"] {
        let ran = house.run(&[command]);
        assert!(ran.iter().all(|ran| ran.code == Some(1)), "{}\n{text}\n{}", kind.name, ran[0].all());
    }
}

fn document(kind: &Kind, spec: &Json) -> String {
    yaml::write(&json!({ "kind": &*kind.name, "name": "zz", "spec": spec }))
}

#[test]
fn values_of_another_type() {
    for kind in kinds() {
        for field in marked(&kind) {
            let wrong: [fn(&mut Birds) -> Json; 5] = [
                |birds| json!([birds.text("in a list"), birds.number("in a list")]),
                |birds| json!({ birds.word("a key"): birds.text("in a mapping") }),
                |birds| json!({ "from_env": "A", birds.word("a key"): birds.text("beside a slot") }),
                |birds| json!({ "from_env": birds.text("as a variable") }),
                |birds| json!({ "from_somewhere": birds.text("from somewhere") }),
            ];
            for wrong in wrong {
                checked(&kind, |birds| document(&kind, &json!({ &*field.name: wrong(birds) })));
            }
            if !matches!(field.ty, Type::Leaf(Leaf::Text { .. })) || field.mark == Mark::Secret {
                checked(&kind, |birds| document(&kind, &json!({ &*field.name: birds.text("a text") })));
            }
        }
    }
}

#[test]
fn keys_that_nobody_knows() {
    for kind in kinds() {
        for field in marked(&kind).into_iter().take(4) {
            let slip = format!("{}x", field.name);
            checked(&kind, |birds| document(&kind, &json!({ &*slip: birds.text("behind an unknown key") })));
            checked(&kind, |birds| {
                let inner = json!({ "deep": [{ "deeper": birds.text("deep behind an unknown key") }] });
                document(&kind, &json!({ &*slip: inner }))
            });
            checked(&kind, |birds| {
                let mut text = document(&kind, &json!({}));
                text.push_str(&format!("{}: {}\n", field.name, json!(birds.text("at the top"))));
                text
            });
            checked(&kind, |birds| {
                let spec = json!({ &*field.name: birds.text("of an unknown kind") });
                document(&kind, &spec).replace(&*kind.name, "no/such-kind")
            });
        }
        checked(&kind, |birds| document(&kind, &json!(birds.text("instead of a spec"))));
        checked(&kind, |birds| document(&kind, &json!([birds.text("in a list of specs")])));
        checked(&kind, |birds| format!("{}\n", json!(birds.text("instead of a document"))));
        checked(&kind, |birds| format!("- {}\n", json!(birds.text("in a list of documents"))));
    }
}

#[test]
fn keys_that_stand_twice() {
    for kind in kinds() {
        for field in marked(&kind) {
            for times in 2..4 {
                checked(&kind, |birds| {
                    let line = |birds: &mut Birds| format!("  {}: {}\n", field.name, birds.word("twice"));
                    let lines: String = (0..times).map(|_| line(birds)).collect();
                    format!("kind: {}\nname: zz\nspec:\n{lines}", kind.name)
                });
            }
            if matches!(field.ty, Type::Map(_)) {
                // the keys of such a map may tell as much as its values
                checked(&kind, |birds| {
                    let key = birds.word("a key twice");
                    let entry = |birds: &mut Birds| format!("    {key}: {}\n", birds.word("a value twice"));
                    let entries = format!("{}{}", entry(birds), entry(birds));
                    format!("kind: {}\nname: zz\nspec:\n  {}:\n{entries}", kind.name, field.name)
                });
            }
        }
    }
}

#[test]
fn lines_that_are_no_yaml() {
    // each with the field in front, and something wrong in it or behind it
    let broken: [fn(&str, &str) -> String; 16] = [
        |field, word| format!("  {field}: \"{word}\n"),
        |field, word| format!("  {field}: '{word}\n  other: 1\n"),
        |field, word| format!("  {field}: [{word}\n"),
        |field, word| format!("  {field}: {{ a: {word}\n"),
        |field, word| format!("  {field}: {word}\n other: 1\n"),
        |field, word| format!("  {field}: {word}: {word}\n"),
        |field, word| format!("  {field}: |\n    {word}\n   {word}\n  - x\n"),
        |field, word| format!("  {field}: >\n    {word}\n  \tother: 1\n"),
        |field, word| format!("  {field}: @{word}\n"),
        |field, word| format!("  {field}: `{word}\n"),
        |field, word| format!("  {field}: *{word}\n"),
        |field, word| format!("  {field}: %{word}\n"),
        |field, word| format!("  {field}: \"{word}\\q\"\n"),
        |field, word| format!("  {field}: {word}\n  {word}\n"),
        |field, word| format!("  {field}:\n  - {word}\n  x: 1\n"),
        |field, word| format!("  other: [\n  {field}: {word}\n"),
    ];
    for kind in kinds() {
        let field = marked(&kind).into_iter().max_by_key(|field| field.mark).expect("a marked field");
        for broken in broken {
            checked(&kind, |birds| {
                let word = birds.word("in a broken line");
                format!("kind: {}\nname: zz\nspec:\n{}", kind.name, broken(&field.name, &word))
            });
        }
    }
}

#[test]
fn decorations_around_a_value() {
    for kind in kinds() {
        let field = marked(&kind).into_iter().max_by_key(|field| field.mark).expect("a marked field");
        let lines: [fn(&str, &str) -> String; 8] = [
            |field, word| format!("  {field}: [1] # {word}\n"),
            |field, word| format!("  {field}: &{word} [1]\n"),
            |field, word| format!("  {field}: !{word} [1]\n"),
            |field, word| format!("  {field}: !!{word} x\n"),
            |field, word| format!("  ? {field}\n  : [{word}]\n"),
            |field, word| format!("  {field}: {{ from_env: A }} # {word}\n  {field}: 1\n"),
            |field, word| format!("  <<: {{ {field}: [{word}] }}\n"),
            |field, word| format!("  ? [{word}]\n  : 1\n  {field}: [1]\n"),
        ];
        for line in lines {
            checked(&kind, |birds| {
                let word = birds.word("around a value");
                format!("kind: {}\nname: zz\nspec:\n{}", kind.name, line(&field.name, &word))
            });
        }
    }
}

#[test]
fn data_for_a_sandbox() {
    for kind in kinds() {
        for field in marked(&kind) {
            let mut house = House::new(&kind, Way::Env, false, open());
            let wrong = json!([{ "x": house.birds.text("in the data") }]);
            let wrong = if matches!(field.ty, Type::List(_)) {
                json!(house.birds.text("in the data"))
            } else {
                wrong
            };
            let member = &*field.read_as[0];
            let data = json!({ &*kind.name: [{ "scope": {}, "object": { member: wrong } }] });
            house.input("data.yaml", &yaml::write(&data));
            let ran = house.run(&["sandbox", "--port", "0", "--data", "data.yaml"]);
            assert!(
                ran.iter().all(|ran| ran.code == Some(1)),
                "{} {}\n{}",
                kind.name,
                field.name,
                ran[0].all()
            );
        }
    }
}
