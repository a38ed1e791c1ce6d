//! No path of a workspace leads out of it, whatever links a commit brings.

#![cfg(unix)]

use std::os::unix::fs::symlink;

use crate::desk::Desk;

const SETTINGS: &str = "targets: { there: { api: carrierx, auth: { token: { from_env: T } } } }\n";
const PARTNER: &str =
    "kind: carrierx/partner\nname: a\nspec: { login: { from_env: L }, company_name: NAME }\n";
const SECRET: &str = "aws_secret_access_key = hunter2canary\n";

fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.write("trueup.yaml", SETTINGS);
    desk.write("config/a.yaml", PARTNER);
    std::fs::write(desk.scratch().join("credentials"), SECRET).expect("a file");
    // `L` is not set: no run gets as far as a request
    desk.set("T", "any");
    desk
}

const COMMANDS: [&[&str]; 5] =
    [&["validate"], &["plan"], &["fmt", "--check"], &["explain", "--list"], &["policy", "test"]];

#[test]
fn a_link_to_a_file_elsewhere_is_never_read() {
    for place in ["config/e.yaml", "apis/zz/api.yaml", "policies/e.yaml", "trueup.yaml"] {
        let desk = desk();
        let path = desk.path(place);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let _ = std::fs::remove_file(&path);
        symlink(desk.scratch().join("credentials"), &path).expect("a link");
        for command in COMMANDS {
            let ran = desk.run(command);
            assert!(!ran.all().contains("hunter2"), "{place} {command:?}\n{}", ran.all());
        }
        desk.expect(1, &["validate"]).complains(&["outside-workspace", place, "TRUEUP_ALLOW_PATHS"]);
    }
}

#[test]
fn a_folder_elsewhere_and_a_hidden_one_are_not_walked() {
    for (link, target) in
        [("config/more", "../.git"), ("config/more", "SCRATCH"), ("policies", "SCRATCH"), ("apis", "SCRATCH")]
    {
        let desk = desk();
        for folder in [desk.path(".git/x"), desk.scratch().join("x")] {
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(folder.join("api.yaml"), SECRET).expect("a file");
        }
        let target = target.replace("SCRATCH", &desk.scratch().to_string_lossy());
        symlink(target, desk.path(link)).expect("a link");
        let ran = desk.expect(1, &["validate"]);
        ran.complains(&["outside-workspace", link]);
        assert!(!ran.err.contains("hunter2"), "{}", ran.all());
    }
}

#[test]
fn a_value_comes_from_inside_or_from_a_folder_that_the_operator_names() {
    let mut desk = desk();
    let outside = desk.scratch().join("credentials").to_string_lossy().into_owned();
    symlink(&outside, desk.path("link")).expect("a link");
    desk.write(".git/config", SECRET);
    desk.write("secrets/inside", "k1");
    let with = |desk: &Desk, path: &str| {
        desk.write("config/a.yaml", &PARTNER.replace("NAME", &format!("{{ from_file: \"{path}\" }}")));
        desk.run(&["plan"])
    };
    for path in [&*outside, "link", "../credentials", "/proc/self/environ", ".git/config", ".trueup/key"] {
        let ran = with(&desk, path);
        assert!(
            ran.err.contains("outside the workspace") || ran.err.contains("can't be read"),
            "{path}\n{}",
            ran.all()
        );
        assert!(!ran.all().contains("hunter2"), "{}", ran.all());
    }
    assert!(!with(&desk, "secrets/inside").err.contains("outside the workspace"));
    desk.set("TRUEUP_ALLOW_PATHS", format!("/nowhere:{}", desk.scratch().display()));
    for path in [&*outside, "link"] {
        assert!(!with(&desk, path).err.contains("outside the workspace"), "{path}");
    }
}
