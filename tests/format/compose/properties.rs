//! What never matters, and what always holds: order of files and of `extends`, a render of a render, and the line
//! that decides.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::{Composed, SETTINGS, compose};

/// The fields that levels may set, each with values.
const FIELDS: [(&str, [&str; 3]); 5] = [
    ("label", ["x", "y", "z"]),
    ("count", ["1", "2", "null"]),
    ("price", ["{ value: price }", "7", "8.25"]),
    ("size", ["{ width: 1 }", "{ depth: 2 }", "{ width: 3, depth: 4 }"]),
    ("tags", ["[a]", "[a, b]", "[]"]),
];

/// What a level sets: for each field nothing, or one of its values.
type LevelFields = [Option<usize>; 5];

/// A workspace: bases with a field each at most, one document, overlays of each environment.
#[derive(Clone, Debug)]
struct Levels {
    /// Bases share no field, so that they never disagree.
    bases: LevelFields,
    owners: [bool; 5],
    document: LevelFields,
    staging: Option<LevelFields>,
    production: Option<LevelFields>,
}

fn level() -> impl Strategy<Value = LevelFields> {
    prop::array::uniform5(prop::option::of(0..3usize))
}

fn levels() -> impl Strategy<Value = Levels> {
    let overlay = || prop::option::of(level());
    (level(), prop::array::uniform5(any::<bool>()), level(), overlay(), overlay()).prop_map(
        |(bases, owners, document, staging, production)| Levels {
            bases,
            owners,
            document,
            staging,
            production,
        },
    )
}

/// A spec, one field a line.
fn spec(fields: &LevelFields, keep: impl Fn(usize) -> bool) -> String {
    let lines = fields.iter().enumerate().filter(|(at, _)| keep(*at));
    let lines = lines.filter_map(|(at, value)| {
        let (name, values) = FIELDS[at];
        Some(format!("  {name}: {}\n", values[(*value)?]))
    });
    let text: String = lines.collect();
    if text.is_empty() { "spec: {}\n".to_owned() } else { format!("spec:\n{text}") }
}

impl Levels {
    fn write(&self, names: [&str; 3], extends: &str) -> Vec<(String, String)> {
        let base = |name: &str, own: bool| {
            format!("base: {name}\nkind: depot/item\n{}", spec(&self.bases, |at| self.owners[at] == own))
        };
        let document = spec(&self.document, |_| true).replace("spec: {}\n", "spec:\n");
        let document = format!("kind: depot/item\nname: i\nextends: {extends}\n{document}  code: I\n");
        let overlay = |environment: &str, fields: &LevelFields| {
            format!("overlay: {environment}\nkind: depot/item\nname: i\n{}", spec(fields, |_| true))
        };
        let mut files = vec![
            (format!("bases/{}.yaml", names[0]), base("first", true)),
            (format!("bases/{}.yaml", names[1]), base("second", false)),
            (format!("config/{}.yaml", names[2]), document),
        ];
        let overlays = [("staging", &self.staging), ("production", &self.production)];
        files.extend(overlays.iter().filter_map(|(environment, fields)| {
            Some((format!("config/{}-{environment}.yaml", names[0]), overlay(environment, fields.as_ref()?)))
        }));
        let settings =
            SETTINGS.lines().filter(|line| !line.contains("  pin:")).collect::<Vec<_>>().join("\n");
        files.push(("trueup.yaml".into(), settings));
        files
    }
}

fn open(files: &[(String, String)]) -> Composed {
    compose(&files.iter().map(|(name, text)| (&**name, &**text)).collect::<Vec<_>>())
}

/// Errors, without what only advises.
fn errors(composed: &Composed) -> Vec<String> {
    let advice = ["same-as-below", "unused-value", "unused-base"];
    composed.lines().into_iter().filter(|line| !advice.iter().any(|own| line.starts_with(own))).collect()
}

fn render(all: &BTreeMap<String, Json>) -> Vec<(String, String)> {
    all.values().enumerate().map(|(at, own)| (format!("config/{at}.yaml"), own.to_string())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_files_and_of_extends_never_matters(levels in levels()) {
        let one = open(&levels.write(["a", "b", "c"], "[first, second]"));
        let other = open(&levels.write(["z", "y", "x"], "[second, first]"));
        prop_assert_eq!(errors(&one).len(), errors(&other).len());
        prop_assert_eq!(one.all(), other.all());
    }

    #[test]
    fn a_render_of_a_render_is_the_same(levels in levels()) {
        let composed = open(&levels.write(["a", "b", "c"], "[first, second]"));
        prop_assume!(errors(&composed).is_empty());
        let all = composed.all();
        let mut files = render(&all);
        files.push(("trueup.yaml".into(), SETTINGS.into()));
        let again = open(&files);
        prop_assert_eq!(errors(&again), Vec::<String>::new());
        prop_assert_eq!(again.all(), all);
    }

    #[test]
    fn only_the_line_of_its_origin_decides_a_value(levels in levels(), pick in any::<prop::sample::Index>()) {
        let files = levels.write(["a", "b", "c"], "[first, second]");
        let composed = open(&files);
        prop_assume!(errors(&composed).is_empty());
        let origins = composed.origins("p/i");
        let counts: Vec<_> = origins.iter().filter(|(path, _)| *path == "/count" || *path == "/label").collect();
        prop_assume!(!counts.is_empty());
        let (path, origin) = counts[pick.index(counts.len())];
        let (place, _) = origin.split_once(' ').expect("a level");
        let (file, line) = place.rsplit_once(':').expect("a line");
        let field = path.trim_start_matches('/');
        let before = composed.all()["p/i"]["spec"][field].clone();
        for (at, (name, text)) in files.iter().enumerate() {
            for (number, own) in text.lines().enumerate() {
                if !own.trim_start().starts_with(&format!("{field}:")) {
                    continue;
                }
                let value = if field == "count" { "99" } else { "changed" };
                let mut edited = files.clone();
                edited[at].1 = text
                    .lines()
                    .enumerate()
                    .map(|(n, line)| if n == number { format!("  {field}: {value}\n") } else { format!("{line}\n") })
                    .collect();
                let decides = name == file && (number + 1).to_string() == line;
                let after = open(&edited).all()["p/i"]["spec"][field].clone();
                prop_assert_eq!(after != before, decides, "{}:{} of {}", name, number + 1, origin);
            }
        }
    }
}
