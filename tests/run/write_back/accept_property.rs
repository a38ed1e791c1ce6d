//! Random live edits on two sandboxes, then `accept` in one of them: nothing is planned there, the other environment
//! renders as before, and lines that say nothing of an edited field stay.
//!
//! `TRUEUP_ACCEPT_EDITS` sets the number of edits, `TRUEUP_ACCEPT_SEED` the first seed.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use similar::{ChangeTag, TextDiff};

use super::depot::Depot;

/// Edits of one round.
const EDITS: usize = 12;
/// Rounds of a usual run.
const ROUNDS: u64 = 2;
/// Objects of the workspace.
const OBJECTS: u64 = 6;

/// Numbers that depend on a seed alone.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn pick<'t>(&mut self, words: &[&'t str]) -> &'t str {
        words[self.below(words.len() as u64) as usize]
    }

    /// A member of an object with a new value.
    fn member(&mut self) -> (&'static str, Json) {
        let word = self.pick(&["alpha", "no", "012", "a: b", "# c", "it's", "x\ny\n", "ü – ß"]);
        match self.below(9) {
            0 => ("label", json!(word)),
            1 => ("note", json!(word)),
            2 => ("stock", json!(self.below(1000))),
            3 => ("size", json!({ "width": self.below(9), "height": 2 })),
            4 => ("tags", json!(self.subset(&["a", "b", "c", "d: e"]))),
            5 => (
                "labels",
                json!(
                    self.subset(&["k", "l", "m n"])
                        .iter()
                        .map(|key| (key.clone(), word))
                        .collect::<std::collections::BTreeMap<_, _>>()
                ),
            ),
            6 => ("steps", json!(self.subset(&["one", "2", "x: y"]))),
            7 => ("price", json!(self.below(90))),
            _ => {
                let sorts = self.subset(&["card", "cash", "wire", "gift"]);
                let fees =
                    sorts.iter().map(|sort| json!({ "sort": sort, "amount": self.below(50), "text": word }));
                ("fees", Json::Array(fees.collect()))
            }
        }
    }

    fn subset(&mut self, words: &[&str]) -> Vec<String> {
        words.iter().filter(|_| self.below(2) == 0).map(|word| (*word).to_owned()).collect()
    }
}

fn document(number: u64) -> String {
    let spec = "spec:
  code: C
  # what people read
  label: one   # shown
  note: 'two'
  size: { width: 1, height: 2 }
  tags: [a, b]
  steps: [one] # in this order
  labels:
    k: v # kept
  fees:
    - { sort: card, amount: 1.50 } # by card
    # in the shop
    - sort: cash
      amount: 2
"
    .replace("code: C", &format!("code: C{number}"));
    let price = if number == 2 { "  price: { value: price }\n" } else { "" };
    let environments = if number.is_multiple_of(3) { "environments: [production]\n" } else { "" };
    format!(
        "# object {number}\nkind: depot/item\nname: o-{number}\nextends: [usual]\n{environments}{spec}{price}"
    )
}

fn number_from(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn random_live_edits_are_accepted_and_nothing_else_changes() {
    let edits = number_from("TRUEUP_ACCEPT_EDITS", EDITS as u64 * ROUNDS);
    accept_random_edits(edits, number_from("TRUEUP_ACCEPT_SEED", 1));
}

#[test]
#[ignore = "1,500 live edits; run it with `--run-ignored only`"]
fn many_random_live_edits_are_accepted_and_nothing_else_changes() {
    for seed in [1, 1_000, 2_000] {
        accept_random_edits(500, seed);
    }
}

fn accept_random_edits(edits: u64, seed: u64) {
    let files: Vec<(String, String)> =
        (0..OBJECTS).map(|number| (format!("config/o-{number}.yaml"), document(number))).collect();
    let mut given: Vec<(&str, &str)> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    given.push(("bases/usual.yaml", "base: usual\nkind: depot/item\nspec: { stock: 4 } # of each\n"));
    given.push((
        "config/production/o-1.yaml",
        "overlay: production\nkind: depot/item\nname: o-1\nspec:\n  note: over # here\n  fees: { remove: [{ sort: cash }] }\n",
    ));
    given.push(("values/production.yaml", "# of one object\nprice: 5 # each\n"));
    let depot = Depot::new(&given);
    for round in 0..edits.div_ceil(EDITS as u64) {
        let mut random = Random(seed + round);
        let before = depot.workspace.files();
        let mut edited = BTreeSet::new();
        for _ in 0..EDITS {
            let (number, (member, value)) = (random.below(OBJECTS), random.member());
            edited.insert(member);
            depot.edit(&depot.production, &format!("C{number}"), json!({ member: value }));
        }
        let ran = depot.accept(0, &[]);
        depot.expect_in_sync("production");
        check_lines(&before, &edited, &format!("seed {}\n{}", seed + round, ran.all()));
    }
    assert!(depot.workspace.read("bases/usual.yaml").ends_with("{ stock: 4 } # of each\n"));
    let values = depot.workspace.read("values/production.yaml");
    assert!(values.starts_with("# of one object\nprice: ") && values.ends_with(" # each\n"), "{values}");
}

/// Lines that go are about a field that was edited; comments stay.
fn check_lines(before: &[(std::path::PathBuf, Vec<u8>)], edited: &BTreeSet<&str>, note: &str) {
    let inner = [
        "width", "height", "sort", "amount", "text", "add", "change", "remove", "- ", "k:", "l:", "m n",
        "spec", "x", "y", "\"",
    ];
    for (path, old) in
        before.iter().filter(|(path, _)| path.extension().is_some_and(|ending| ending == "yaml"))
    {
        let (old, new) = (String::from_utf8_lossy(old), std::fs::read_to_string(path).expect("a file"));
        let diff = TextDiff::from_lines(&*old, new.as_str());
        for line in diff.iter_all_changes().filter(|line| line.tag() == ChangeTag::Delete) {
            let text = line.value().trim_start();
            let is_known = edited.iter().any(|member| text.starts_with(member))
                || inner.iter().any(|word| text.starts_with(word));
            assert!(is_known, "{}: {text:?} went\n{note}", path.display());
        }
    }
}
