//! Patches that `accept`, `promote` and `share` show: where nothing is hidden, `git apply` makes the change.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use trueup::diagnostic::NamedSource;
use trueup::report::file_patch::render_file_patch;

/// Pairs of texts of one file; nothing where there is no file.
const CHANGES: [(Option<&str>, Option<&str>); 9] = [
    (Some("a: 1\nb: 2\n"), Some("a: 1\nb: 3\n")),
    // blanks at ends of lines, lines of blanks, tabs
    (Some("a: 1  \n   \n\nb:\t2\t\nc: 3 \n"), Some("a: 1  \n   \n\nb:\t2\t\nc: 4 \n")),
    (Some("a: |\n  text \n\n  more\t\nb: 1\n"), Some("a: |\n  text\n\n  more\t \nb: 1\n")),
    // line ends of Windows, also mixed
    (Some("a: 1\r\nb: 2\r\nc: 3\r\n"), Some("a: 1\r\nb: 5\r\nc: 3\r\n")),
    (Some("a: 1\r\nb: 2\nc: 3\r\n"), Some("a: 1\nb: 2\nc: 4\r\n")),
    // the last line has no end
    (Some("a: 1\nb: 2"), Some("a: 1\nb: 3")),
    (Some("a: 1\nb: 2"), Some("a: 1\nb: 2\nc: 3\n")),
    (None, Some("a: 1 \n\nb: 2")),
    (Some("a: 1\n \nb: 2\n"), None),
];

fn apply(folder: &Path, patch: &str) -> String {
    fs::write(folder.join("change.patch"), patch).expect("a file");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(folder).env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", folder);
        command.args(["-c", "core.autocrlf=false"]).args(arguments).output().expect("git")
    };
    assert!(git(&["init", "--quiet"]).status.success());
    let applied = git(&["apply", "--whitespace=nowarn", "change.patch"]);
    assert!(applied.status.success(), "{}\n{patch}", String::from_utf8_lossy(&applied.stderr));
    patch.to_owned()
}

#[test]
fn git_applies_a_patch_without_hidden_parts() {
    for (before, after) in CHANGES {
        for name in ["cards.yaml", "with blanks/two words.yaml"] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            if let Some(text) = before {
                fs::write(&path, text).expect("a file");
            }
            let source = |text: Option<&str>| text.map(|text| NamedSource::new(name, text));
            let (old, new) = (source(before), source(after));
            let patch = render_file_patch(name, old.as_ref(), new.as_ref());
            let patch = apply(folder.path(), &patch);
            let there = fs::read_to_string(&path).ok();
            assert_eq!(there.as_deref(), after, "{patch}");
        }
    }
}

#[test]
fn a_patch_moves_no_cursor() {
    let source = |text: &str| -> Arc<NamedSource> { NamedSource::new("a.yaml", text) };
    let (old, new) = (source("a: 1\n"), source("a: \u{1b}[2J\rb\u{202e}\n"));
    let patch = render_file_patch("a.yaml", Some(&old), Some(&new));
    assert!(patch.contains("+a: \\u{1b}[2J\\rb\\u{202e}\n"), "{patch}");
}
