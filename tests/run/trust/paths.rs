//! No path of a workspace leads out of it, whatever links a commit brings.

#![cfg(unix)]

use std::os::unix::fs::symlink;

use crate::support::workspace::Workspace;

const SETTINGS: &str = "targets: { there: { api: carrierx, auth: { token: { from_env: T } } } }\n";
const PARTNER: &str =
    "kind: carrierx/partner\nname: a\nspec: { login: { from_env: L }, company_name: NAME }\n";
const SECRET: &str = "aws_secret_access_key = hunter2canary\n";

fn workspace() -> Workspace {
    let mut workspace = Workspace::new();
    workspace.write("trueup.yaml", SETTINGS);
    workspace.write("config/a.yaml", PARTNER);
    std::fs::write(workspace.scratch().join("credentials"), SECRET).expect("a file");
    // `L` is not set: no run gets as far as a request
    workspace.set("T", "any");
    workspace
}

const COMMANDS: [&[&str]; 5] =
    [&["validate"], &["plan"], &["fmt", "--check"], &["explain", "--list"], &["policy", "test"]];

#[test]
fn a_link_to_a_file_elsewhere_is_never_read() {
    for place in ["config/e.yaml", "apis/zz/api.yaml", "policies/e.yaml", "trueup.yaml"] {
        let workspace = workspace();
        let path = workspace.path(place);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let _ = std::fs::remove_file(&path);
        symlink(workspace.scratch().join("credentials"), &path).expect("a link");
        for command in COMMANDS {
            let ran = workspace.run(command);
            assert!(!ran.all().contains("hunter2"), "{place} {command:?}\n{}", ran.all());
        }
        workspace.expect(1, &["validate"]).complains(&["outside-workspace", place, "TRUEUP_ALLOW_PATHS"]);
    }
}

#[test]
fn a_folder_elsewhere_and_a_hidden_one_are_not_walked() {
    for (link, target) in
        [("config/more", "../.git"), ("config/more", "SCRATCH"), ("policies", "SCRATCH"), ("apis", "SCRATCH")]
    {
        let workspace = workspace();
        for folder in [workspace.path(".git/x"), workspace.scratch().join("x")] {
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(folder.join("api.yaml"), SECRET).expect("a file");
        }
        let target = target.replace("SCRATCH", &workspace.scratch().to_string_lossy());
        symlink(target, workspace.path(link)).expect("a link");
        let ran = workspace.expect(1, &["validate"]);
        ran.complains(&["outside-workspace", link]);
        assert!(!ran.err.contains("hunter2"), "{}", ran.all());
    }
}

#[test]
fn a_value_comes_from_inside_or_from_a_folder_that_the_operator_names() {
    let mut workspace = workspace();
    let outside = workspace.scratch().join("credentials").to_string_lossy().into_owned();
    symlink(&outside, workspace.path("link")).expect("a link");
    workspace.write(".git/config", SECRET);
    workspace.write("secrets/inside", "k1");
    let with = |workspace: &Workspace, path: &str| {
        workspace.write("config/a.yaml", &PARTNER.replace("NAME", &format!("{{ from_file: \"{path}\" }}")));
        workspace.run(&["plan"])
    };
    for path in [&*outside, "link", "../credentials", "/proc/self/environ", ".git/config", ".trueup/key"] {
        let ran = with(&workspace, path);
        assert!(
            ran.err.contains("outside the workspace") || ran.err.contains("cannot be read"),
            "{path}\n{}",
            ran.all()
        );
        assert!(!ran.all().contains("hunter2"), "{}", ran.all());
    }
    assert!(!with(&workspace, "secrets/inside").err.contains("outside the workspace"));
    workspace.set("TRUEUP_ALLOW_PATHS", format!("/nowhere:{}", workspace.scratch().display()));
    for path in [&*outside, "link"] {
        assert!(!with(&workspace, path).err.contains("outside the workspace"), "{path}");
    }
}
