//! The picture of a plan in docs/pictures shows what the program prints today; `ci/pictures.sh` makes it.

use std::fs;
use std::sync::Arc;

use trueup::kind::Kind;
use trueup::kind::registry::KindRegistry;
use trueup::sandbox::{SandboxLauncher, SandboxOptions};

use crate::support::workspace::Workspace;

/// The lines of text in a picture, blank ones left out.
fn read_lines(picture: &str) -> Vec<String> {
    let plain = |markup: &str| {
        let parts = markup.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        let text: String = parts.collect();
        let text = text.replace('\u{a0}', " ").replace("&quot;", "\"").replace("&#x27;", "'");
        text.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")
    };
    let lines = picture.lines().filter(|line| line.starts_with("<text")).map(plain);
    lines.map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn the_picture_of_a_plan_is_of_today() {
    let registry = KindRegistry::get_builtin();
    let kinds: Vec<Arc<Kind>> =
        registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect();
    let sandbox = SandboxLauncher::start_server(kinds, SandboxOptions::default()).expect("a sandbox");
    let mut workspace = Workspace::new();
    let folder = std::path::Path::new("examples/quickstart");
    for name in ["config/gateways.yaml", "config/partners.yaml"] {
        workspace.write(name, &fs::read_to_string(folder.join(name)).expect("a document"));
    }
    let settings = fs::read_to_string(folder.join("trueup.yaml")).expect("settings");
    workspace.write(
        "trueup.yaml",
        &settings.replace("http://127.0.0.1:8080", &format!("http://{}", sandbox.addr())),
    );
    for (name, value) in [
        ("HARBOR_TOKEN", "any"),
        ("PHONES_TOKEN", "any"),
        ("HARBOR_MERCHANT_KEY", "k:9,f"),
        ("HARBOR_CHECKS_KEY", "sandbox-key-2040"),
        ("HARBOR_CHECKS_PIN", "4711"),
    ] {
        workspace.set(name, value);
    }
    let ran = workspace.expect(0, &["plan", "config/gateways.yaml"]);
    let printed: Vec<String> =
        ran.out.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect();
    let picture = fs::read_to_string("docs/pictures/plan.svg").expect("the picture");
    let shown = read_lines(&picture);
    assert_eq!(shown.first().map(String::as_str), Some("$ trueup plan config/gateways.yaml"));
    assert_eq!(shown[1..], printed, "run ci/pictures.sh");
}
