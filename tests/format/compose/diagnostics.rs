//! Each thing that can be wrong with levels, with both places.

use super::{PLAIN, SETTINGS, compose};

const BASE: &str = "base: usual\nkind: depot/item\nspec: { price: { value: price }, pin: { value: pin } }\n";
const ITEM: &str = "kind: depot/item\nname: i\nextends: [usual]\nspec: { code: I }\n";

#[track_caller]
fn check(files: &[(&str, &str)], lines: &[&str], hint: &str) {
    let mut all = vec![("bases/b.yaml", BASE), ("config/i.yaml", ITEM)];
    all.extend(files);
    let composed = compose(&all);
    composed.expect_faults(lines);
    assert!(composed.hint().contains(hint), "{}", composed.hint());
}

#[test]
fn bases() {
    check(
        &[(
            "config/i.yaml",
            "kind: depot/item\nname: i\nextends: [usuel]\nspec: { code: I, price: { value: price }, pin: { value: pin } }\n",
        )],
        &["unknown-base config/i.yaml:3:11"],
        "did you mean `usual`?",
    );
    check(
        &[
            ("bases/c.yaml", "base: card\nkind: bootview/payment-gateway\nspec: { testMode: 0 }\n"),
            ("config/i.yaml", "kind: depot/item\nname: i\nextends: [usual, card]\nspec: { code: I }\n"),
        ],
        &["wrong-base-kind config/i.yaml:3:18 + bases/c.yaml:1:7"],
        "same kind",
    );
    check(
        &[("bases/c.yaml", "base: spare\nkind: depot/item\nspec: { count: 1 }\n")],
        &["unused-base bases/c.yaml:1:7"],
        "remove it",
    );
    check(&[("bases/c.yaml", BASE)], &["duplicate-base bases/c.yaml:1:7 + bases/b.yaml:1:7"], "rename");
    check(
        &[(
            "bases/b.yaml",
            "base: usual\nkind: depot/item\nname: x\nid: 4\nspec: { price: { value: price }, pin: { value: pin }, code: I, contact: Ann }\n",
        )],
        &[
            "identity-in-base bases/b.yaml:3:1",
            "identity-in-base bases/b.yaml:4:1",
            "identity-in-base bases/b.yaml:5:55",
            "identity-in-base bases/b.yaml:5:64",
            "same-as-below config/i.yaml:4:9 + bases/b.yaml:5:55",
        ],
        "move it to the document",
    );
    check(
        &[(
            "bases/b.yaml",
            "base: usual\nkind: depot/item\nspec: { price: { value: price }, pin: { value: pin }, count: many }\n",
        )],
        &["wrong-value bases/b.yaml:3:62"],
        "",
    );
    check(
        &[("bases/d.yaml", "kind: depot/item\nname: d\nspec: { code: D }\n")],
        &["not-a-base bases/d.yaml:1:1"],
        "`base: NAME`",
    );
}

#[test]
fn values() {
    let item =
        |spec: &str| format!("kind: depot/item\nname: i\nextends: [usual]\nspec: {{ code: I, {spec} }}\n");
    check(
        &[("config/i.yaml", &item("label: { value: prise }"))],
        &["unknown-value config/i.yaml:4:25"],
        "did you mean `price`?",
    );
    check(
        &[("config/i.yaml", &item("label: { value: price }"))],
        &["wrong-value-type config/i.yaml:4:25 + trueup.yaml:6:36"],
        "type `string`",
    );
    check(
        &[("config/i.yaml", &item("label: { value: pin }"))],
        &["wrong-value-sensitivity config/i.yaml:4:25 + trueup.yaml:7:54"],
        "sensitivity",
    );
    check(
        &[("values/production.yaml", "yard: south\nprize: 5\n")],
        &["unknown-value values/production.yaml:2:1"],
        "did you mean `price`?",
    );
    check(
        &[("values/production.yaml", "yard: south\nprice: much\n")],
        &["wrong-value values/production.yaml:2:8 + trueup.yaml:6:3"],
        "",
    );
    check(
        &[("values/production.yaml", "yard: south\npin: hunter2\n")],
        &["plain-secret values/production.yaml:2:6 + trueup.yaml:7:3"],
        "from_env",
    );
    check(
        &[("values/production.yaml", "price: 5\n")],
        &["missing-value trueup.yaml:10:127 + trueup.yaml:5:3"],
        "values/production.yaml",
    );
    check(
        &[(
            "trueup.yaml",
            &SETTINGS.replace("targets:", "  spare: { type: boolean, default: true }\ntargets:"),
        )],
        &["unused-value trueup.yaml:8:3"],
        "use it",
    );
}

#[test]
fn overlays() {
    let overlay = |environment: &str, name: &str| {
        format!("overlay: {environment}\nkind: depot/item\nname: {name}\nspec: {{ count: 1 }}\n")
    };
    check(
        &[("config/o.yaml", &overlay("production", "j"))],
        &["overlay-without-object config/o.yaml:3:7"],
        "known here: i",
    );
    check(
        &[("config/o.yaml", &overlay("prodution", "i"))],
        &["unknown-environment config/o.yaml:1:10"],
        "did you mean `production`?",
    );
    let two = [overlay("production", "i"), overlay("production", "i")].join("---\n");
    check(
        &[("config/o.yaml", &two)],
        &["duplicate-overlay config/o.yaml:8:7 + config/o.yaml:3:7"],
        "merge the two",
    );
    let narrowed =
        "kind: depot/item\nname: i\nenvironments: [staging]\nextends: [usual]\nspec: { code: I }\n";
    check(
        &[("config/i.yaml", narrowed), ("config/o.yaml", &overlay("production", "i"))],
        &["object-not-in-environment config/o.yaml:1:10 + config/i.yaml:3:16"],
        "remove the overlay",
    );
    check(
        &[(
            "config/i.yaml",
            "kind: depot/item\nname: i\nenvironments: [test]\nextends: [usual]\nspec: { code: I }\n",
        )],
        &["unknown-environment config/i.yaml:3:16"],
        "known here: staging, production",
    );
    let target = "overlay: production\nkind: depot/item\nname: i\ntarget: s\n";
    check(&[("config/o.yaml", target)], &["wrong-environment config/o.yaml:4:9"], "of this environment");
}

#[test]
fn objects() {
    let same = "kind: depot/item\nname: k\nextends: [usual]\nspec: { code: I }\n";
    check(
        &[("config/k.yaml", same)],
        &["duplicate-document config/k.yaml:4:15 + config/i.yaml:2:7"],
        "one object",
    );
    let name = "kind: depot/item\nextends: [usual]\nobjects: { i: { spec: { code: K } } }\n";
    check(
        &[("config/k.yaml", name)],
        &["duplicate-document config/k.yaml:3:12 + config/i.yaml:2:7"],
        "one object",
    );
    check(
        &[("config/i.yaml", "kind: depot/item\nname: i\nextends: [usual]\nspec: { label: I }\n")],
        &["no-identity config/i.yaml:2:7 + bases/b.yaml:1:7"],
        "natural key",
    );
    check(
        &[(
            "config/i.yaml",
            "kind: depot/item\nname: i\nextends: [usual]\nunset: [prise]\nspec: { code: I }\n",
        )],
        &["nothing-to-unset config/i.yaml:4:9"],
        "did you mean `price`?",
    );
    check(
        &[
            ("config/o.yaml", "overlay: staging\nkind: depot/item\nname: i\nspec: { size: {} }\n"),
            (
                "config/i.yaml",
                "kind: depot/item\nname: i\nextends: [usual]\nspec: { code: I, size: { width: 1 } }\n",
            ),
        ],
        &["empty-over-fields config/o.yaml:4:9 + config/i.yaml:4:18"],
        "`null`",
    );
    check(
        &[("config/o.yaml", "overlay: staging\nkind: depot/item\nname: i\nspec: { code: I }\n")],
        &["same-as-below config/o.yaml:4:9 + config/i.yaml:4:9"],
        "remove it",
    );
    check(
        &[("config/i.yaml", "kind: depot/item\nname: i\nextends: [usual]\nexstends: x\nspec: { code: I }\n")],
        &["unknown-key config/i.yaml:4:1"],
        "did you mean `extends`?",
    );
}

#[test]
fn references_stay_within_an_environment() {
    let item = "kind: depot/item\nname: i\nextends: [usual]\nspec: { code: I, parent: { ref: k } }\n";
    let parent = |environments: &str| {
        format!("kind: depot/item\nname: k\n{environments}extends: [usual]\nspec: {{ code: K }}\n")
    };
    check(&[("config/i.yaml", item), ("config/k.yaml", &parent(""))], &[], "");
    check(
        &[("config/i.yaml", item), ("config/k.yaml", &parent("environments: [production]\n"))],
        &["reference-across-environments config/i.yaml:4:26 + config/k.yaml:2:7"],
        "`environments`",
    );
    check(&[("config/i.yaml", item)], &["unknown-reference config/i.yaml:4:26"], "known here: i");
}

#[test]
fn an_id_in_the_spec_of_a_base() {
    check(
        &[(
            "bases/b.yaml",
            "base: usual\nkind: depot/item\nspec: { price: { value: price }, pin: { value: pin }, id: 4 }\n",
        )],
        &["identity-in-base bases/b.yaml:3:55"],
        "move it to the document",
    );
}

#[test]
fn what_is_the_same_in_one_environment_only_is_there_for_the_other() {
    check(
        &[("config/i.yaml", "kind: depot/item\nname: i\nextends: [usual]\nspec: { code: I, price: 5 }\n")],
        &[],
        "",
    );
    check(
        &[
            ("config/i.yaml", "kind: depot/item\nname: i\nextends: [usual]\nspec: { code: I, price: 2.5 }\n"),
            ("values/production.yaml", "yard: south\n"),
        ],
        &["same-as-below config/i.yaml:4:18 + bases/b.yaml:3:9"],
        "remove it",
    );
}

#[test]
fn settings() {
    let settings = |from: &str, to: &str| SETTINGS.replacen(from, to, 1);
    check(
        &[("trueup.yaml", &settings("environment: staging, ", ""))],
        &["missing-environment trueup.yaml:9:3"],
        "environment: staging",
    );
    check(
        &[("trueup.yaml", &settings("after: staging", "after: stagin"))],
        &["unknown-environment trueup.yaml:3:24"],
        "did you mean",
    );
    check(
        &[("trueup.yaml", &settings("after: staging", "after: production"))],
        &["environment-cycle trueup.yaml:3:24"],
        "remove one",
    );
    check(
        &[("trueup.yaml", &format!("{SETTINGS}defaults: {{ depot/item: [usual], depot/itm: [usual] }}\n"))],
        &["unknown-kind trueup.yaml:11:34"],
        "did you mean",
    );
    check(
        &[("trueup.yaml", &format!("{SETTINGS}defaults: {{ depot/item: [other] }}\n"))],
        &["unknown-base trueup.yaml:11:26"],
        "known here: usual",
    );
}

#[test]
fn without_environments_nothing_is_for_one() {
    let overlay = "overlay: production\nkind: depot/item\nname: i\nspec: { count: 1 }\n";
    let composed = compose(&[
        ("config/i.yaml", "kind: depot/item\nname: i\nspec: { code: I }\n"),
        ("config/o.yaml", overlay),
        ("trueup.yaml", PLAIN),
    ]);
    composed.expect_faults(&["unknown-environment config/o.yaml:1:10"]);
}

#[test]
fn no_line_shows_what_a_level_hides() {
    let item = "kind: depot/item\nname: i\nextends: [usual]\nspec:\n  code: I\n  contact: Ann Example\n";
    let overlay = "overlay: staging\nkind: depot/item\nname: i\nspec:\n  contact: Ann Example\n";
    let composed = compose(&[("bases/b.yaml", BASE), ("config/i.yaml", item), ("config/o.yaml", overlay)]);
    composed.expect_faults(&["same-as-below config/o.yaml:5:3 + config/i.yaml:6:3"]);
    for place in composed
        .faults
        .iter()
        .flat_map(|own| own.location.iter().chain(own.related.iter().map(|(own, _)| own)))
    {
        let hidden = place.source.list_redactions();
        let at = place.source.text.find("Ann").expect("the value");
        assert!(hidden.iter().any(|range| range.start <= at && at + 11 <= range.end), "{hidden:?}");
    }
}

#[test]
fn an_overlay_of_a_name_that_several_objects_have() {
    let targets = SETTINGS.replace(
        "targets:\n",
        "targets:\n  q: { api: depot, environment: production, base_url: 'http://localhost:1', auth: { bearer: { from_env: T } }, scope: { yard: west } }\n",
    );
    let item =
        |head: &str| format!("kind: depot/item\nname: i\n{head}extends: [usual]\nspec: {{ code: I }}\n");
    let overlay = "overlay: production\nkind: depot/item\nname: i\nspec: { label: x }\n";
    let files = |first: &str, second: &str| {
        let documents = [item(first), item(second)].join("---\n");
        compose(&[
            ("trueup.yaml", &targets),
            ("bases/b.yaml", BASE),
            ("config/i.yaml", &documents),
            ("config/o.yaml", overlay),
        ])
    };
    let composed = files("target: p\n", "target: q\n");
    composed.expect_faults(&["ambiguous-overlay config/o.yaml:3:7 + config/i.yaml:2:7 + config/i.yaml:8:7"]);
    assert!(composed.hint().contains("rename one"), "{}", composed.hint());
    // each in another environment: the overlay belongs to one of them, whatever their order
    for (first, second) in [("target: p\n", "target: s\n"), ("target: s\n", "target: p\n")] {
        let composed = files(first, second);
        composed.expect_faults(&[]);
        assert_eq!(composed.spec("p/i")["label"], "x");
        assert!(composed.spec("s/i").get("label").is_none());
    }
}
