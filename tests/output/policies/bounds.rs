//! No rule runs without end, grows without end, or brings the program down.

use std::time::{Duration, Instant};

use crate::support::workspace::Workspace;

fn ran(expression: &str) -> (crate::support::workspace::ProgramOutput, Duration) {
    let workspace = Workspace::new();
    workspace.write(
        "trueup.yaml",
        "targets: { a: { api: bootview, scope: { customerId: 3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60 } } }\n",
    );
    workspace.write("config/a.yaml", "kind: bootview/payment-gateway\nname: a\nspec: { displayName: A }\n");
    let expression = serde_json::Value::from(expression);
    workspace.write(
        "policies/p.yaml",
        &format!("format: 1\nrules:\n  one: {{ message: m, require: {expression} }}\n"),
    );
    let start = Instant::now();
    let ran = workspace.run(&["validate"]);
    assert!(!ran.err.contains("panicked") && ran.code.is_some(), "{}", ran.all());
    (ran, start.elapsed())
}

#[test]
fn loops_in_loops_end_at_the_budget() {
    let list = format!("[{}]", vec!["1"; 100].join(","));
    let (ran, took) = ran(&format!(
        "{list}.all(a, {list}.all(b, {list}.all(c, {list}.all(d, {list}.all(e, a + b + c + d + e > 0)))))"
    ));
    assert_eq!(ran.code, Some(3), "{}", ran.all());
    ran.complains(&["policy-not-evaluated", "it takes too long"]);
    assert!(took < Duration::from_secs(60), "{took:?}");
}

#[test]
fn sums_that_double_end_at_the_budget() {
    let mut expression = "'aaaaaaaaaaaaaaaa'".to_owned();
    for letter in "abcdefghijkl".chars() {
        expression = format!("[{expression}].map({letter}, {0})[0]", vec![letter.to_string(); 20].join("+"));
    }
    let (ran, took) = ran(&format!("{expression} == ''"));
    assert!(matches!(ran.code, Some(1 | 3)), "{}", ran.all());
    assert!(took < Duration::from_secs(60), "{took:?}");
}

#[test]
fn deep_and_long_expressions_are_refused_where_they_are_read() {
    for expression in [
        format!("{}true{}", "(".repeat(1500), ")".repeat(1500)),
        format!("{}true", "!(".repeat(1500)),
        format!("{}1{}", "[".repeat(1900), "]".repeat(1900)),
        format!("1{} == 1", "+1".repeat(1900)),
        format!("spec{}", ".a".repeat(1900)),
        format!("spec{} == 1", "[0]".repeat(1000)),
        "true ".repeat(3000),
        "\u{0}\u{1}".to_owned(),
        "'\\".to_owned(),
        "\"\"\"".to_owned(),
        "b'\\xff'".to_owned(),
        "has(1)".to_owned(),
        "name.map(1, 2)".to_owned(),
        "99999999999999999999".to_owned(),
        "1e999 > 0".to_owned(),
        "A{a: 1}".to_owned(),
        "{1: 2, 1: 3}".to_owned(),
        String::new(),
    ] {
        let (ran, _) = ran(&expression);
        assert_ne!(ran.code, Some(0), "{}\n{}", &expression[..expression.len().min(60)], ran.all());
    }
}

#[test]
fn mistakes_that_show_only_when_asked_are_reported_as_such() {
    for (expression, why) in [
        ("spec.nothing == 1", "there is no `nothing`"),
        ("1", "its result is neither true nor false"),
        ("spec.displayName > 1", "does not support"),
        ("1 / 0 == 1", "it divides by zero"),
        ("[1][3] == 1", "could not be evaluated"),
        ("name.matches('(')", "could not be evaluated"),
        ("9223372036854775807 + 1 > 0", "could not be evaluated"),
    ] {
        let (ran, _) = ran(expression);
        assert_eq!(ran.code, Some(3), "{expression}\n{}", ran.all());
        ran.complains(&["policy-not-evaluated", why]);
    }
}

#[test]
fn loops_that_build_lists_of_lists_end_at_the_budget() {
    let list = format!("[{}]", vec!["1"; 300].join(","));
    for expression in [
        format!("size({list}.map(a, {list}.map(b, [a, b, a, b]))) == 0"),
        format!("size({list}.filter(a, size({list}.filter(b, b > 0)) > 0)) == 0"),
    ] {
        let (ran, took) = ran(&expression);
        assert_eq!(ran.code, Some(3), "{}", ran.all());
        ran.complains(&["policy-not-evaluated", "it takes too long"]);
        assert!(took < Duration::from_secs(20), "{took:?}");
    }
    let (ran, _) = ran(&format!("size({list}.map(a, a + 1)) == 300"));
    assert_eq!(ran.code, Some(0), "one loop over a long list is within the budget\n{}", ran.all());
}
