//! Effective documents, levels and write-back: patches of files show no sensitive value of a document or of a live
//! object, and no secret is written down.

use super::{House, kinds, open};
use crate::support::marked_documents::Way;

#[test]
fn levels_and_write_back() {
    for kind in kinds() {
        for way in [Way::Plain, Way::Env] {
            let mut house = House::new(&kind, way, true, open());
            let rendered = house.workspace.run(&["render", "--format", "json"]).json();
            let name = rendered["documents"][0]["document"]["name"].as_str().expect("a name").to_owned();
            for arguments in [
                &["render", "--origins"][..],
                &["why", &name],
                &["why", &name, "--offline"],
                &["share"],
                &["accept", "--dry-run"],
                &["accept", "--dry-run", "--personal"],
                &["accept", "--path", "no.such.field"],
                &["accept"],
                &["accept", "--personal"],
                &["accept"],
            ] {
                let ran = house.run(arguments);
                assert!(ran.iter().all(|ran| ran.code != Some(64)), "{}", ran[0].all());
            }
            let documents = house.workspace.read("config/all.yaml");
            let written = house.canaries.found_in(documents.as_bytes());
            assert!(
                !written.iter().any(|whose| whose.starts_with("live ") && whose.contains("secret ")),
                "{written:?}"
            );
        }
    }
}
