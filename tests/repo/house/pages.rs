//! Pages name files that exist, and their links lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};

fn pages() -> Vec<PathBuf> {
    let docs = walkdir::WalkDir::new("docs").into_iter().map(|entry| entry.expect("readable").into_path());
    let docs = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    docs.chain(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(PathBuf::from)).collect()
}

#[test]
fn files_that_pages_name_exist() {
    let mut missing = Vec::new();
    for page in ["docs/architecture.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(page).expect("a page");
        for name in text.split('`').skip(1).step_by(2) {
            let is_path = ["src/", "tests/", "docs/"].iter().any(|start| name.starts_with(start));
            if is_path && !name.contains(['<', ' ']) && !Path::new(name).exists() {
                missing.push(format!("{page}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            let is_local = !file.is_empty() && !file.contains("://") && !file.starts_with("mailto:");
            if is_local && !page.parent().unwrap_or(Path::new("")).join(file).exists() {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
