//! Documents with mistakes next to, around and inside of what no one may see.

use serde_json::{Value as Json, json};
use trueup::kind::{Field, FieldType, Kind, ScalarType};
use trueup::value::Sensitivity;
use trueup::yaml;

use super::{House, kinds, open};
use crate::support::canaries::Canaries;
use crate::support::marked_documents::Way;

/// The marked fields at the root of a kind.
fn marked(kind: &Kind) -> Vec<&Field> {
    kind.shape.fields.iter().filter(|field| field.sensitivity > Sensitivity::Public).collect()
}

/// Documents with mistakes, checked many at a time.
struct Pile<'k> {
    kind: &'k std::sync::Arc<Kind>,
    house: House,
    count: usize,
}

impl<'k> Pile<'k> {
    /// How many documents are checked in one run; more faults than these have are not drawn.
    const MOST: usize = 25;

    fn new(kind: &'k std::sync::Arc<Kind>) -> Self {
        Self { kind, house: House::new(kind, Way::Env, false, open()), count: 0 }
    }

    /// One more document, in a file of its own.
    fn add(&mut self, write: impl FnOnce(&mut Canaries) -> String) {
        let text =
            write(&mut self.house.canaries).replace("name: zz\n", &format!("name: zz-{}\n", self.count));
        self.house.input(&format!("config/zz-{}.yaml", self.count), &text);
        self.count += 1;
        if self.count == Self::MOST {
            self.check();
        }
    }

    /// One more document that says this of a field.
    fn say(&mut self, field: &str, value: impl FnOnce(&mut Canaries) -> Json) {
        let kind = self.kind;
        self.add(|canaries| document(kind, &json!({ field: value(canaries) })));
    }

    /// Runs every offline command; a mistake in every file is reported.
    fn check(&mut self) {
        if self.count == 0 {
            return;
        }
        for command in ["validate", "plan"] {
            let ran = self.house.run(&[command]);
            assert!(ran.iter().all(|ran| ran.code == Some(1)), "{}", ran[0].all());
            let report = ran[1].json();
            let said: Vec<&str> = report["diagnostics"]
                .as_array()
                .expect("diagnostics")
                .iter()
                .filter(|said| said["severity"] == "error")
                .filter_map(|said| said["file"].as_str())
                .collect();
            for number in 0..self.count {
                let file = format!("config/zz-{number}.yaml");
                assert!(said.contains(&&*file), "{}", self.house.workspace.read(&file));
            }
        }
        for number in 0..self.count {
            self.house.workspace.remove(&format!("config/zz-{number}.yaml"));
        }
        self.count = 0;
    }
}

fn document(kind: &Kind, spec: &Json) -> String {
    yaml::write_yaml(&json!({ "kind": &*kind.name, "name": "zz", "spec": spec }))
}

#[test]
fn values_of_another_type() {
    for kind in kinds() {
        let mut pile = Pile::new(&kind);
        for field in marked(&kind) {
            let wrong: [fn(&mut Canaries) -> Json; 5] = [
                |canaries| json!([canaries.text("in a list"), canaries.number("in a list")]),
                // the names of fields are reported, so that a slip can be seen
                |canaries| json!({ "key": canaries.text("in a mapping") }),
                |canaries| json!({ "from_env": "A", "key": canaries.text("beside a slot") }),
                |canaries| json!({ "from_env": canaries.text("as a variable") }),
                |canaries| json!({ "from_somewhere": canaries.text("from somewhere") }),
            ];
            for wrong in wrong {
                pile.say(&field.name, wrong);
            }
            if !matches!(field.ty, FieldType::Scalar(ScalarType::String { .. }))
                || field.sensitivity == Sensitivity::Secret
            {
                pile.say(&field.name, |canaries| json!(canaries.text("a text")));
            }
        }
        pile.check();
    }
}

#[test]
fn keys_that_nobody_knows() {
    for kind in kinds() {
        let mut pile = Pile::new(&kind);
        for field in marked(&kind).into_iter().take(4) {
            let slip = format!("{}x", field.name);
            pile.say(&slip, |canaries| json!(canaries.text("behind an unknown key")));
            pile.say(
                &slip,
                |canaries| json!({ "deep": [{ "deeper": canaries.text("deep behind an unknown key") }] }),
            );
            pile.add(|canaries| {
                let mut text = document(&kind, &json!({}));
                text.push_str(&format!("{}: {}\n", field.name, json!(canaries.text("at the top"))));
                text
            });
            pile.add(|canaries| {
                let spec = json!({ &*field.name: canaries.text("of an unknown kind") });
                document(&kind, &spec).replace(&*kind.name, "no/such-kind")
            });
        }
        pile.add(|canaries| document(&kind, &json!(canaries.text("instead of a spec"))));
        pile.add(|canaries| document(&kind, &json!([canaries.text("in a list of specs")])));
        pile.add(|canaries| format!("{}\n", json!(canaries.text("instead of a document"))));
        pile.add(|canaries| format!("- {}\n", json!(canaries.text("in a list of documents"))));
        pile.check();
    }
}

#[test]
fn keys_that_stand_twice() {
    for kind in kinds() {
        let mut pile = Pile::new(&kind);
        for field in marked(&kind) {
            for times in 2..4 {
                pile.add(|canaries| {
                    let line =
                        |canaries: &mut Canaries| format!("  {}: {}\n", field.name, canaries.word("twice"));
                    let lines: String = (0..times).map(|_| line(canaries)).collect();
                    format!("kind: {}\nname: zz\nspec:\n{lines}", kind.name)
                });
            }
            if matches!(field.ty, FieldType::Map(_)) {
                // the keys of such a map may tell as much as its values
                pile.add(|canaries| {
                    let key = canaries.word("a key twice");
                    let entry =
                        |canaries: &mut Canaries| format!("    {key}: {}\n", canaries.word("a value twice"));
                    let entries = format!("{}{}", entry(canaries), entry(canaries));
                    format!("kind: {}\nname: zz\nspec:\n  {}:\n{entries}", kind.name, field.name)
                });
            }
        }
        pile.check();
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
        let mut pile = Pile::new(&kind);
        let field = marked(&kind).into_iter().max_by_key(|field| field.sensitivity).expect("a marked field");
        for broken in broken {
            pile.add(|canaries| {
                let word = canaries.word("in a broken line");
                format!("kind: {}\nname: zz\nspec:\n{}", kind.name, broken(&field.name, &word))
            });
        }
        pile.check();
    }
}

#[test]
fn decorations_around_a_value() {
    for kind in kinds() {
        let mut pile = Pile::new(&kind);
        let field = marked(&kind).into_iter().max_by_key(|field| field.sensitivity).expect("a marked field");
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
            pile.add(|canaries| {
                let word = canaries.word("around a value");
                format!("kind: {}\nname: zz\nspec:\n{}", kind.name, line(&field.name, &word))
            });
        }
        pile.check();
    }
}

#[test]
fn data_for_a_sandbox() {
    for kind in kinds() {
        let mut house = House::new(&kind, Way::Env, false, open());
        let mut object = serde_json::Map::new();
        for field in marked(&kind) {
            let word = json!(house.canaries.text("in the data"));
            let wrong = if matches!(field.ty, FieldType::Array(_)) { word } else { json!([{ "x": word }]) };
            object.insert(field.read_from[0].to_string(), wrong);
        }
        for data in [
            yaml::write_yaml(&json!({ &*kind.name: [{ "scope": {}, "object": object }] })),
            json!({ &*kind.name: [{ "scope": {}, "object": object }] }).to_string(),
        ] {
            house.input("data.yaml", &data);
            let ran = house.run(&["sandbox", "--port", "0", "--data", "data.yaml"]);
            assert!(ran.iter().all(|ran| ran.code == Some(1)), "{}\n{}", kind.name, ran[0].all());
        }
    }
}
