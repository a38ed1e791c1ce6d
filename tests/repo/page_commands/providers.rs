//! The providers of `docs/secrets.md`: each settings block gives the secret that the page says, from a program
//! that prints what the real one prints.

use std::fs;

use super::shell::{PageShell, start_sandbox};

const PAGE: &str = "docs/secrets.md";
const SECRET: &str = "k-from-provider";

/// What each program prints, by the heading of its section.
const PROGRAMS: [(&str, &str, &str); 4] = [
    ("HashiCorp Vault, OpenBao", "vault", r#"{"data": {"data": {"merchant_key": "k-from-provider"}}}"#),
    ("AWS Secrets Manager", "aws", r#"[{"name": "harbor/merchant-key", "value": "k-from-provider"}]"#),
    ("1Password", "op", r#"{"fields": [{"label": "merchant key", "value": "k-from-provider"}]}"#),
    ("sops", "sops", r#"{"harbor": {"merchant_key": "k-from-provider"}}"#),
];

#[test]
fn every_provider_of_the_page_gives_its_secret() {
    let page = fs::read_to_string(PAGE).expect("the page");
    let titles: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(titles, PROGRAMS.map(|(title, ..)| title));
    for (title, program, printed) in PROGRAMS {
        let section = page.split("### ").find(|section| section.starts_with(title)).expect("a section");
        run_provider(section, program, printed);
    }
}

/// Applies a document whose secret comes from the provider of a section.
fn run_provider(section: &str, program: &str, printed: &str) {
    let settings = section.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
    let source = section.split('`').find(|code| code.starts_with("{ from_secret: "));
    let (settings, source) = (settings.expect("settings"), source.expect("a source"));
    let sandbox = start_sandbox(None);
    let base = sandbox.base_url("bootview");
    let mut shell = PageShell::new();
    shell.set_variable("HARBOR_TOKEN", "any");
    shell.write_program(program, &format!("cat <<'END'\n{printed}\nEND"));
    shell.write("repo/trueup.yaml", &format!(
        "targets:\n  harbor:\n    api: bootview\n    base_url: {base}\n    auth: {{ bearer: {{ from_env: HARBOR_TOKEN }} }}\n    \
         scope: {{ customerId: 3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60 }}\n{settings}"
    ));
    shell.write("repo/config/cards.yaml", &format!(
        "kind: bootview/payment-gateway\nname: cards\nspec:\n  displayName: Card gateway\n  merchantKey: {source}\n  merchantPin: null\n"
    ));
    let (code, output) = shell.wait(shell.start("trueup apply --auto-approve --force-hidden"));
    assert_eq!(code, 0, "{section}\n{output}");
    assert!(sandbox.dump_state().to_string().contains(SECRET), "{section}\n{output}");
}
