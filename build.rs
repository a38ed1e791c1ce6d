//! Which commit a release build is made from, for `trueup --version`: $TRUEUP_COMMIT where it is set, else HEAD of the
//! Git checkout whose root is this package. Other builds do not ask Git, so that a commit does not rebuild them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What else of Git's folder changes where HEAD moves.
const HEAD_FILES: [&str; 3] = ["HEAD", "logs/HEAD", "packed-refs"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=TRUEUP_COMMIT");
    let is_release = std::env::var_os("PROFILE").is_some_and(|profile| profile == "release");
    let is_set = std::env::var_os("TRUEUP_COMMIT").is_some_and(|commit| !commit.is_empty());
    if !is_release || is_set {
        return;
    }
    let Some(commit) = find_commit() else { return };
    println!("cargo::rustc-env=TRUEUP_COMMIT={commit}");
    let branch = run_git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in HEAD_FILES.iter().copied().chain(branch.as_deref()) {
        let file = run_git(&["rev-parse", "--git-path", name]);
        // a file that is not there would run this script in every build
        if let Some(file) = file.filter(|file| Path::new(file).is_file()) {
            println!("cargo::rerun-if-changed={file}");
        }
    }
}

/// HEAD, unless this package is only a folder of another repository, such as a vendored copy.
fn find_commit() -> Option<String> {
    let root = PathBuf::from(run_git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()?;
    let package = std::env::current_dir().ok()?.canonicalize().ok()?;
    if root == package { run_git(&["rev-parse", "HEAD"]) } else { None }
}

/// The output of Git; none where it fails, or is not there.
fn run_git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
