//! Workspaces on disk: settings, files, targets, scopes and slots, right and wrong.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use trueup::diagnostic::{Diagnostic, NamedSource, SourceLocation};
use trueup::kind::registry::KindRegistry;
use trueup::report::{DiagnosticRenderOptions, render_diagnostics};
use trueup::workspace;
use trueup::workspace::secrets::SecretEnvironment;
use trueup::workspace::settings::WorkspaceSettings;
use trueup::workspace::settings::auth::CredentialPurpose;
use trueup::workspace::{LoadedWorkspace, settings};

/// `path:line:column code: message (hint)`, one a fault, in order.
fn lines(faults: &[Diagnostic]) -> Vec<String> {
    let mut faults = faults.to_vec();
    trueup::diagnostic::sort_diagnostics(&mut faults);
    faults.iter().map(line).collect()
}

fn place(place: &SourceLocation) -> String {
    let (line, column) = place.find_line_column();
    format!("{}:{line}:{column}", place.source.path)
}

fn line(fault: &Diagnostic) -> String {
    let at = fault.location.as_ref().map(|at| place(at) + " ").unwrap_or_default();
    let also: String = fault.related.iter().map(|(at, what)| format!(" + {} {what}", place(at))).collect();
    let hint = fault.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{at}{}: {}{hint}{also}", fault.code, fault.message)
}

fn read(text: &str) -> (WorkspaceSettings, Vec<Diagnostic>) {
    let source = NamedSource::new("trueup.yaml", text);
    let mut faults = Vec::new();
    (settings::read_settings(&source, KindRegistry::get_builtin(), &mut faults), faults)
}

#[track_caller]
fn says(text: &str, expected: &[&str]) {
    let (_, faults) = read(text);
    assert_eq!(lines(&faults), expected, "of\n{text}");
}

const FORMS: &str = "write { from_env: NAME }, { from_file: PATH }, { from_command: [PROGRAM, ARGUMENT] } or { from_secret: { PROVIDER: NAME } }; a secret that was ever committed must be changed";

// ---- settings

#[test]
fn settings_that_are_right() {
    let text = "targets:\n  harbor:\n    api: bootview\n    format: jsv\n    auth:\n      login: {username: {from_env: U}, password: {from_file: p}, sends: {header: X-Token}}\n      headers: {X-More: {from_command: [op, read]}}\n    scope: {customerId: 3f2b8c1e5d4a4e7f9a601b2c3d4e5f60}\n    parallelism: 3\n  tel:\n    api: carrierx\n    base_url: http://127.0.0.1:8080/core/v2/\n    auth: {bearer: {from_env: T}}\n    carry_nested: false\n    lease: {directory: ../leases}\n";
    let (settings, faults) = read(text);
    assert_eq!(lines(&faults), Vec::<String>::new());
    let [harbor, tel] = &settings.targets[..] else { panic!("two targets") };
    assert_eq!((&*harbor.name, harbor.base_url.as_str()), ("harbor", "https://api.paylock.com/"));
    assert_eq!(harbor.auth.list_credentials().len(), 3);
    assert!(harbor.carry_nested && harbor.parallelism == Some(3));
    assert_eq!((tel.base_url.as_str(), tel.carry_nested), ("http://127.0.0.1:8080/core/v2", false));
    let lease = tel.lease.as_ref().expect("a lease");
    assert_eq!((lease.directory.as_deref(), lease.duration.as_secs()), (Some("../leases"), 120));
    assert!(harbor.lease.is_none());
    let patterns: Vec<_> = settings.documents.iter().map(|(pattern, _)| &**pattern).collect();
    assert_eq!(patterns, ["config/**/*.yaml", "config/**/*.yml"]);
    for empty in ["", "# nothing\n", "targets: {}\n", "documents: [a.yaml]\n"] {
        says(empty, &[]);
    }
}

#[test]
fn credentials_that_read_stand_beside_those_that_write() {
    let target = |auth: &str| format!("targets:\n  harbor:\n    api: bootview\n    auth: {auth}\n");
    let (settings, faults) = read(&target("{read: {bearer: {from_env: R}}, write: {bearer: {from_env: W}}}"));
    assert!(faults.is_empty(), "{:?}", lines(&faults));
    let slots = |purpose| {
        let credentials = settings.targets[0].list_credentials(purpose);
        credentials.iter().map(|own| own.source.to_string()).collect::<Vec<_>>()
    };
    assert_eq!((slots(CredentialPurpose::Read).len(), slots(CredentialPurpose::Write).len()), (1, 1));
    assert!(
        slots(CredentialPurpose::Read)[0].contains('R') && slots(CredentialPurpose::Write)[0].contains('W')
    );
    assert_eq!(settings.targets[0].auth.list_credentials().len(), 2);

    let (settings, faults) = read(&target("{read: {bearer: {from_env: R}}}"));
    assert!(faults.is_empty() && settings.targets[0].list_credentials(CredentialPurpose::Write).is_empty());
    let unfit = |purpose| {
        settings.targets[0].diagnose_missing_credentials(purpose, &settings.source).map(|fault| fault.code)
    };
    assert_eq!(
        (unfit(CredentialPurpose::Read), unfit(CredentialPurpose::Write)),
        (None, Some("read-only-target"))
    );

    says(
        &target("{write: {bearer: {from_env: W}}}"),
        &[
            "trueup.yaml:4:19 missing-key: `write` stands without `read` (write `read` beside it, or leave both words out and use the same for everything)",
        ],
    );
    says(
        &target("{read: {bearer: {from_env: R}}, token: {from_env: T}}"),
        &[
            "trueup.yaml:4:43 mixed-auth: this is beside `read` or `write` (move it into both of them, or use it alone for everything)",
        ],
    );
    says(
        &target("{read: {read: {bearer: {from_env: R}}}}"),
        &[
            "trueup.yaml:4:19 mixed-auth: `read` and `write` do not stand inside each other (name ways to authenticate here, such as `bearer`)",
        ],
    );
    let plain = target(
        "{read: {bearer: canary-plain}, write: {basic: {username: canary-name, password: {from_env: P}}}}",
    );
    let (_, faults) = read(&plain);
    let lines = lines(&faults);
    assert!(lines.len() == 2 && lines.iter().all(|line| line.contains("plain-secret")), "{lines:?}");
    assert!(!lines.concat().contains("canary"), "{lines:?}");
}

#[test]
fn every_fault_of_the_settings_is_reported() {
    says(
        "targets:\n  a: {api: bootvew}\n  b: {api: bootview, format: xml, base_url: 'http://x'}\n  c:\n    api: carrierx\n    parallelsm: 3\n    format: jsv\n    carry_nested: 1\n  d: {}\ndocuments: x\nfoo: 1\n",
        &[
            "trueup.yaml:2:12 unknown-api: there is no API `bootvew` (did you mean `bootview`?)",
            "trueup.yaml:3:30 unknown-word: this word does not fit here (known here: json, jsv)",
            "trueup.yaml:3:45 unsafe-url: `base_url` is not safe for credentials (use https; http is for this machine (localhost, 127.0.0.1) only)",
            "trueup.yaml:6:5 unknown-key: the key `parallelsm` is not known here (did you mean `parallelism`?)",
            "trueup.yaml:7:13 wrong-format: the API `carrierx` does not speak `jsv` (it speaks: json)",
            "trueup.yaml:8:19 wrong-type: this is a single value, but true or false is wanted here",
            "trueup.yaml:9:3 missing-key: the key `api` is missing here (`api`: The API of the service: a built-in one, or one that a directory under `apis/` describes)",
            "trueup.yaml:10:12 wrong-type: this is a single value, but a list is wanted here",
            "trueup.yaml:11:1 unknown-key: the key `foo` is not known here (known here: allow_empty, defaults, environments, mail_domains, notify, receipts, secrets, values)",
        ],
    );
    says(
        "targets:\n  a: {api: bootview, lease: {seconds: 4}}\n  b: {api: bootview, lease: 12}\n",
        &[
            "trueup.yaml:2:39 wrong-number: an integer from 5 to 3600 is wanted here",
            "trueup.yaml:3:29 wrong-type: this is a single value, but a mapping is wanted here",
        ],
    );
    says(
        "targets:\n  a: {api: bootview, scope: {customerId: 12, custmerId: x}}\n---\ntargets: {}\n",
        &[
            "trueup.yaml:2:42 wrong-value: `customerId`: this is not a UUID (like 5e1f0a77-2c3d-4b4e-8f50-6172839405a6, hyphens optional)",
            "trueup.yaml:2:46 unknown-scope: no kind of this API has a scope `custmerId` (did you mean `customerId`?)",
            "trueup.yaml:4:1 document-count: trueup.yaml holds more than one document (keep one of them)",
        ],
    );
}

#[test]
fn ways_to_authenticate_are_held_against_the_api_and_each_other() {
    says(
        "targets:\n  a:\n    api: carrierx\n    auth:\n      token: {from_env: A}\n      headers: {Authorization: {from_env: A}, 'X Y': {from_env: A}}\n",
        &[
            "trueup.yaml:5:14 unknown-auth: the API `carrierx` is not known to take `token` (it is known to take `bearer`, `basic`)",
            "trueup.yaml:6:32 conflicting-authorization: `token` and `headers` both set the Authorization header (keep one of the two) + trueup.yaml:5:14 the other one",
            "trueup.yaml:6:32 unknown-auth: the API `carrierx` is not known to take `headers` (it is known to take `bearer`, `basic`)",
            "trueup.yaml:6:54 invalid-header-name: this is not the name of a header or cookie (letters, digits and hyphens, like X-Api-Key)",
        ],
    );
    says(
        "targets:\n  a:\n    api: carrierx\n    auth:\n      login: {username: {from_env: A}, password: {from_env: B}, sends: bearer}\n",
        &[
            "trueup.yaml:5:25 no-login: the API `carrierx` does not say how a session is opened (use another way to authenticate)",
            "trueup.yaml:5:25 unknown-auth: the API `carrierx` is not known to take `login` (it is known to take `bearer`, `basic`)",
        ],
    );
}

#[test]
fn a_credential_in_the_settings_is_never_repeated() {
    const CANARY: &str = "s3cr3t-c4n4ry";
    says(
        "targets:\n  a:\n    api: bootview\n    auth: {bearer: hunter2, query: {key: [hunter2]}}\n",
        &[
            &format!(
                "trueup.yaml:4:20 plain-secret: `bearer` is a secret and must not be here in clear ({FORMS})"
            ),
            &format!(
                "trueup.yaml:4:42 plain-secret: `key` is a secret and must not be here in clear ({FORMS})"
            ),
        ],
    );
    for auth in [
        "bearer: X",
        "bearer: |\n        X",
        "bearer: !X y",
        "bearer: &X y",
        "bearer: {from_env: 'X y'}",
        "bearer: {from_nev: X}",
        "bearer: {from_file: [X]}",
        "bearer: {from_command: X}",
        "baerer: X",
        "baerer: {from_env: {a: X}}",
        "basic: X",
        "basic: [X]",
        "basic: {username: X, password: X, pasword: X}",
        "headers: X",
        "headers: {a: X}",
        "query: [{a: X}]",
        "login: {username: X, password: X, sends: bearer}",
        "login: {username: {from_env: A}, password: X, sends: [X]}",
        "oauth_password: {url: 'https://u:X@h', client_id: a, client_secret: X, username: X, password: X}",
        "oauth_password: {url: 'https://h?key=X', client_id: a, username: {from_env: A}, password: {from_env: A}}",
        "oauth_password: X",
    ] {
        for start in [
            "auth:\n      ",
            "base_url: 'https://u:X@h'\n    auth:\n      ",
            "parallelism: x\n    auth:\n      ",
        ] {
            let text = format!("targets:\n  a:\n    api: bootview\n    {start}{auth}\n").replace('X', CANARY);
            let (_, faults) = read(&text);
            assert!(!faults.is_empty(), "{text}");
            let drawn =
                render_diagnostics(&faults, &DiagnosticRenderOptions::default()) + &lines(&faults).join("\n");
            assert!(!drawn.contains(CANARY), "of\n{text}\n{drawn}");
        }
    }
}

// ---- files

/// A workspace on disk.
fn workspace(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

const SETTINGS: &str = "targets:\n  harbor:\n    api: bootview\n    auth: {bearer: {from_env: T}}\n    scope: {customerId: 3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60}\n";

fn gateway(name: &str) -> String {
    format!("kind: bootview/payment-gateway\nname: {name}\nspec: {{displayName: {name}}}\n")
}

fn open(dir: &TempDir, narrow: &[&str]) -> (Vec<String>, Vec<String>) {
    let narrow: Vec<PathBuf> = narrow.iter().map(PathBuf::from).collect();
    let (workspace, faults) = workspace::open_workspace(dir.path(), &narrow);
    let names = |workspace: LoadedWorkspace| {
        workspace.documents.iter().map(|document| document.name.to_string()).collect()
    };
    (
        workspace.map_or_else(Vec::new, names),
        lines(&faults).iter().map(|line| line.replace(&*dir.path().to_string_lossy(), "DIR")).collect(),
    )
}

#[test]
fn documents_come_in_the_order_of_their_files() {
    let both = format!("{}---\n{}", gateway("b1"), gateway("b2"));
    let dir = workspace(&[
        ("trueup.yaml", SETTINGS),
        ("config/b.yaml", &both),
        ("config/a/z.yml", &gateway("z")),
        ("config/a.yaml", &gateway("a")),
        ("config/.hidden.yaml", "x: ["),
        ("config/.git/x.yaml", "x: ["),
        ("config/notes.txt", "x: ["),
        ("target/x.yaml", "x: ["),
        ("other/x.yaml", &gateway("other")),
    ]);
    assert_eq!(open(&dir, &[]), (["a", "z", "b1", "b2"].map(String::from).to_vec(), Vec::new()));
    let (_, faults) = open(&workspace(&[("trueup.yaml", SETTINGS)]), &[]);
    assert_eq!(
        faults,
        [
            "trueup.yaml:1:1 no-document: no document matches `config/**/*.yaml`, `config/**/*.yml` (write one, name other patterns under `documents` in trueup.yaml, or set `allow_empty: true` there)"
        ]
    );
}

#[test]
fn many_files_are_read_the_same_every_time() {
    let files: Vec<(String, String)> = (0..200)
        .map(|n| {
            (
                format!("config/{:03}.yaml", (n * 37) % 200),
                if n % 3 == 0 { "naem: x\n".into() } else { gateway(&format!("g{n}")) },
            )
        })
        .chain([("trueup.yaml".to_owned(), SETTINGS.to_owned())])
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    let dir = workspace(&files);
    let first = open(&dir, &[]);
    assert_eq!((first.0.len(), first.1.len()), (133, 67 * 4));
    for _ in 0..5 {
        assert!(open(&dir, &[]) == first);
    }
}

#[test]
fn paths_narrow_a_run() {
    let dir = workspace(&[
        ("trueup.yaml", SETTINGS),
        ("config/a/one.yaml", &gateway("one")),
        ("config/a/two.yaml", &gateway("two")),
        ("config/b/three.yaml", &gateway("three")),
        ("config/b/empty.yaml", "# nothing yet\n"),
        ("config/c/notes.txt", "x"),
        ("other.yaml", &gateway("other")),
    ]);
    let names = |narrow: &[&str]| {
        let (names, faults) = open(&dir, narrow);
        assert!(!faults.iter().any(|fault| !fault.contains("empty-file")), "{narrow:?} {faults:?}");
        names
    };
    assert_eq!(names(&["config/a"]), ["one", "two"]);
    assert_eq!(names(&["config/b", "./config/a/../a/two.yaml"]), ["two", "three"]);
    assert_eq!(names(&["."]), ["one", "two", "three"]);
    assert_eq!(names(&[&dir.path().join("config/a/one.yaml").to_string_lossy()]), ["one"]);
    let hint = "(documents are the files that match `documents` in trueup.yaml)";
    for (path, fault) in [
        ("config/c", format!("no-document: config/c holds no document {hint}")),
        ("other.yaml", format!("no-document: other.yaml holds no document {hint}")),
        ("config/b/empty.yaml", format!("no-document: config/b/empty.yaml holds no document {hint}")),
        (
            "config/x.yaml",
            "no-such-path: config/x.yaml does not exist (paths are relative to the workspace)".into(),
        ),
        (
            "../elsewhere",
            "no-such-path: ../elsewhere does not exist (paths are relative to the workspace)".into(),
        ),
    ] {
        let faults = open(&dir, &[path, "config/a/one.yaml"]).1;
        assert!(faults.contains(&fault), "{path}: {faults:?}");
    }
}

#[test]
fn a_missing_workspace_is_reported() {
    let dir = TempDir::new().unwrap();
    assert_eq!(
        open(&dir, &[]).1,
        [
            "no-workspace: there is no trueup.yaml in DIR (go to the workspace, name it with -C DIR, or write the file there)"
        ]
    );
    let (none, faults) = workspace::open_workspace(&dir.path().join("nowhere"), &[]);
    assert!(none.is_none() && faults[0].code == "no-workspace");
}

#[test]
fn files_that_cannot_be_read_are_reported_and_the_others_go_on() {
    let dir = workspace(&[
        ("trueup.yaml", SETTINGS),
        ("config/good.yaml", &gateway("good")),
        ("config/folder.yaml/inside.yaml", &gateway("inside")),
    ]);
    fs::write(dir.path().join("config/latin.yaml"), b"name: \xe5\n").unwrap();
    fs::write(dir.path().join("config/wide.yaml"), b"\xff\xfek\0").unwrap();
    fs::File::create(dir.path().join("config/huge.yaml")).unwrap().set_len(33 * 1024 * 1024).unwrap();
    let (names, faults) = open(&dir, &[]);
    assert_eq!(names, ["inside", "good"]);
    assert_eq!(
        faults,
        [
            "config/folder.yaml:1:1 not-a-file: this is named like a document, but is not a file (rename it)",
            "config/huge.yaml:1:1 file-too-large: this file is larger than 32 MiB (split the file)",
            "config/latin.yaml:1:1 not-utf8: this file is not UTF-8 text (byte 6) (save it as UTF-8)",
            "config/wide.yaml:1:1 not-utf8: this file is not UTF-8 text (byte 0) (save it as UTF-8)",
        ]
    );
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_loops_end() {
    use std::os::unix::fs::symlink;
    let dir = workspace(&[
        ("trueup.yaml", SETTINGS),
        ("shared/a.yaml", &gateway("a")),
        ("config/b/b.yaml", &gateway("b")),
    ]);
    let config = dir.path().join("config");
    symlink("../shared", config.join("shared")).unwrap();
    symlink("..", config.join("b/up")).unwrap();
    symlink("nowhere", config.join("gone.yaml")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(config.join("pipe.yaml")).status().unwrap().success());
    let (names, faults) = open(&dir, &[]);
    assert_eq!(names, ["b", "a"]);
    assert_eq!(
        faults,
        [
            "config/b/up:1:1 link-loop: this link leads back to a folder above it (remove the link)",
            "config/gone.yaml:1:1 unreadable-file: this file cannot be read: not found (check that the file exists and that this user may read it)",
            "config/pipe.yaml:1:1 not-a-file: this is named like a document, but is not a file (rename it)",
        ]
    );
}

#[test]
fn patterns_stay_in_the_workspace() {
    let settings = format!("documents: ['/etc/*.yaml', '../*.yaml', 'a[', '', './docs/*.yaml']\n{SETTINGS}");
    let dir = workspace(&[
        ("trueup.yaml", &settings),
        ("docs/a.yaml", &gateway("a")),
        ("docs/deep/b.yaml", &gateway("b")),
    ]);
    let (names, faults) = open(&dir, &[]);
    assert_eq!(names, ["a"]);
    let out = "invalid-pattern: this pattern leads out of the workspace (write it relative to trueup.yaml, without `..`)";
    assert_eq!(
        faults,
        [
            format!("trueup.yaml:1:13 {out}"),
            format!("trueup.yaml:1:28 {out}"),
            "trueup.yaml:1:41 invalid-pattern: this is not a pattern: unclosed character class; missing ']'"
                .into(),
            format!("trueup.yaml:1:47 {out}"),
        ]
    );
    // a pattern for everything takes neither the settings nor the descriptions
    let all = format!("documents: ['**/*.yaml']\n{SETTINGS}");
    let dir = workspace(&[
        ("trueup.yaml", &all),
        ("a.yaml", &gateway("a")),
        ("target/x.yaml", "x: ["),
        ("config/target/b.yaml", &gateway("b")),
    ]);
    assert_eq!(open(&dir, &[]), (vec!["a".into(), "b".into()], Vec::new()));
}

#[test]
fn kinds_of_ones_own_are_read_from_the_workspace() {
    let settings = "targets: {s: {api: shop, scope: {marketId: 7}, auth: {bearer: {from_env: T}}}}\n";
    let stall = "kind: shop/stall\nname: a\nspec: {title: t, place: {row: r}}\n";
    let api = include_str!("../format/documents/api.yaml");
    let kind = include_str!("../format/documents/stall.yaml");
    let dir = workspace(&[
        ("trueup.yaml", settings),
        ("config/a.yaml", stall),
        ("apis/shop/api.yaml", api),
        ("apis/shop/stall.yaml", kind),
    ]);
    assert_eq!(open(&dir, &[]), (vec!["a".into()], Vec::new()));
    // a broken description is reported where it is broken; the document is not blamed for a slip of the pen
    let broken = kind.replace("title: Stall", "titel: Stall");
    let dir = workspace(&[
        ("trueup.yaml", settings),
        ("config/a.yaml", stall),
        ("apis/shop/api.yaml", api),
        ("apis/shop/stall.yaml", &broken),
    ]);
    let (_, faults) = open(&dir, &[]);
    assert!(
        faults.iter().any(|fault| fault.starts_with("apis/shop/stall.yaml:2:1 unknown-key")),
        "{faults:?}"
    );
    assert!(faults.contains(&"config/a.yaml:1:7 unknown-kind: the description of the kind `shop/stall` has faults (mend the description first)".to_owned()), "{faults:?}");
}

// ---- targets and scopes

#[test]
fn a_document_finds_its_target() {
    let customer = "3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60";
    let two = format!(
        "targets:\n  a: {{api: bootview, scope: {{customerId: {customer}}}}}\n  b: {{api: bootview}}\n  c: {{api: carrierx}}\n"
    );
    let with = |extra: &str| gateway("x").replace("spec:", &format!("{extra}\nspec:"));
    let says = |settings: &str, document: &str, expected: &[&str]| {
        let dir = workspace(&[("trueup.yaml", settings), ("config/a.yaml", document)]);
        assert_eq!(open(&dir, &[]).1, expected, "of\n{document}");
    };
    says(&two, &with("target: a"), &[]);
    says(
        &two,
        &with("target: d"),
        &["config/a.yaml:3:9 unknown-target: there is no target `d` (known here: a, b, c)"],
    );
    says(
        &two,
        &with("target: c"),
        &[
            "config/a.yaml:3:9 wrong-target: the target `c` serves the API `carrierx`, not that of `bootview/payment-gateway` (write `target: a` or `target: b`)",
        ],
    );
    says(
        &two,
        &gateway("x"),
        &[
            "config/a.yaml:2:7 ambiguous-target: several targets serve the API `bootview` (write `target: a` or `target: b`)",
        ],
    );
    says(
        &two,
        &with("target: b"),
        &[
            "config/a.yaml:2:7 missing-scope: missing `customerId` of this `bootview/payment-gateway` (write it under `scope` of this document, or of the target `b` in trueup.yaml)",
        ],
    );
    says(&two, &with(&format!("target: b\nscope: {{customerId: {customer}}}")), &[]);
    says(
        "targets: {c: {api: carrierx}}\n",
        &format!("{}---\n{}", gateway("x"), gateway("y")),
        &[
            "config/a.yaml:2:7 no-target: no target serves the API `bootview`, which 2 documents need (add one with `api: bootview` under `targets` in trueup.yaml)",
        ],
    );
    // a broken target is reported where it is broken, not at each document that needs it
    says(
        "targets: {h: {api: bootvew}}\n",
        &with("target: h"),
        &["trueup.yaml:1:20 unknown-api: there is no API `bootvew` (did you mean `bootview`?)"],
    );
}

#[test]
fn the_scope_of_a_document_wins_and_two_for_one_object_are_reported() {
    let other = "aaaaaaaa-5d4a-4e7f-9a60-1b2c3d4e5f60";
    let elsewhere = gateway("a")
        .replace("name: a", "name: b")
        .replace("spec:", &format!("scope: {{customerId: {other}}}\nspec:"));
    let dir = workspace(&[
        ("trueup.yaml", SETTINGS),
        ("config/a.yaml", &gateway("a")),
        ("config/b.yaml", &elsewhere),
    ]);
    assert_eq!(open(&dir, &[]), (vec!["a".into(), "b".into()], Vec::new()));
    let same = elsewhere
        .replace(other, "3F2B8C1E5D4A4E7F9A601B2C3D4E5F60")
        .replace("spec:", "target: harbor\nspec:");
    let dir =
        workspace(&[("trueup.yaml", SETTINGS), ("config/a.yaml", &gateway("a")), ("config/b.yaml", &same)]);
    assert_eq!(
        open(&dir, &[]).1,
        [
            "config/b.yaml:5:21 duplicate-document: two documents of kind `bootview/payment-gateway` have the same displayName (one object is described by one document: merge the two, or change the identity of one) + config/a.yaml:2:7 the other document"
        ]
    );
}

// ---- slots

/// A workspace with one gateway whose key comes from `slot`, and what its environment says of it.
#[cfg(unix)]
fn connected(slot: &str, files: &[(&str, &str)]) -> (Vec<String>, Option<String>) {
    use secrecy::ExposeSecret;
    let document =
        gateway("x") + &format!("---\n{}", gateway("y").replace("y}", &format!("y, merchantKey: {slot}}}")));
    let settings = SETTINGS.replace("{from_env: T}", slot);
    let mut all = vec![("trueup.yaml", &*settings), ("config/a.yaml", &*document)];
    all.extend(files);
    let dir = workspace(&all);
    let (workspace, faults) = workspace::open_workspace(dir.path(), &[]);
    assert_eq!(lines(&faults), Vec::<String>::new());
    let env = |name: &str| match name {
        "GOOD" => Some("k:9,f".into()),
        "EMPTY" => Some("".into()),
        "BROKEN" => Some(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(vec![0xff])),
        _ => None,
    };
    let secret_environment = SecretEnvironment {
        root: dir.path(),
        env: &env,
        timeout: Duration::from_millis(600),
        providers: &[],
    };
    let mut workspace = workspace.unwrap();
    let (targets, faults) = workspace.resolve_targets(&secret_environment, None);
    assert_eq!(
        targets.len(),
        usize::from(faults.is_empty()),
        "a target comes with all its credentials or not at all"
    );
    let value = targets
        .first()
        .and_then(|target| target.auth.bearer.as_ref())
        .map(|secret| secret.expose_secret().to_owned());
    assert_eq!(workspace.documents[1].spec.iter_value_sources().count(), usize::from(!faults.is_empty()));
    (lines(&faults), value)
}

#[cfg(unix)]
#[test]
fn slots_are_looked_up() {
    let script = "#!/bin/sh\necho run >> runs\necho \"$1\"\n";
    for (slot, files, value) in [
        ("{from_env: GOOD}", vec![], "k:9,f"),
        ("{from_file: secrets/key}", vec![("secrets/key", "abc\n")], "abc"),
        ("{from_file: secrets/key}", vec![("secrets/key", "abc\r\n")], "abc"),
        ("{from_file: secrets/key}", vec![("secrets/key", " a\nb \n\n")], " a\nb \n"),
        ("{from_command: [printf, '%s', 'a $HOME b']}", vec![], "a $HOME b"),
        ("{from_command: [sh, -c, 'echo out; echo err >&2']}", vec![], "out"),
        ("{from_command: [sh, ./tool, x y]}", vec![("tool", script)], "x y"),
        ("{from_command: [cat, secrets/key]}", vec![("secrets/key", "abc")], "abc"),
    ] {
        assert_eq!(connected(slot, &files), (Vec::new(), Some(value.to_owned())), "{slot}");
    }
}

#[cfg(unix)]
#[test]
fn slots_without_a_value_are_reported_with_every_place() {
    let also = "+ config/a.yaml:7:37 needed here too";
    let by_hand = "(run it by hand in the workspace to see its output)";
    let paths = "(paths are relative to the workspace; the file must be readable by this user)";
    let right = "check that it is the right source";
    let huge = "x".repeat(64 * 1024 + 1);
    for (slot, said) in [
        ("{from_env: NONE}", "unresolved-secret: the environment variable NONE is not set (set NONE before the run)".to_owned()),
        ("{from_env: EMPTY}", "empty-secret: the environment variable EMPTY returns an empty value (give it a value; to clear a field write null instead)".into()),
        ("{from_env: BROKEN}", format!("unresolved-secret: the environment variable BROKEN returns bytes that are not UTF-8 text (a secret is text; {right})")),
        ("{from_file: none}", format!("unresolved-secret: the file none cannot be read: not found {paths}")),
        ("{from_file: config}", format!("unresolved-secret: the file config is not a file {paths}")),
        ("{from_file: newline}", "empty-secret: the file newline returns an empty value (give it a value; to clear a field write null instead)".into()),
        ("{from_file: huge}", format!("unresolved-secret: the file huge returns more than 64 KiB (a secret is short; {right})")),
        ("{from_command: [cat, huge]}", format!("unresolved-secret: the command cat returns more than 64 KiB (a secret is short; {right})")),
        ("{from_command: [yes]}", format!("unresolved-secret: the command yes returns more than 64 KiB (a secret is short; {right})")),
        ("{from_command: [no-such-program]}", format!("unresolved-secret: the command no-such-program cannot be started: not found {by_hand}")),
        ("{from_command: [sh, -c, 'echo half; echo hunter2 >&2; exit 3']}", format!("unresolved-secret: the command sh ended with exit status 3 {by_hand}")),
        ("{from_command: [sh, -c, 'kill -9 $$']}", format!("unresolved-secret: the command sh was ended by a signal {by_hand}")),
        ("{from_command: [sleep, '5']}", format!("unresolved-secret: the command sleep did not end within 0.6 s {by_hand}")),
        ("{from_command: [sh, -c, 'echo x; exec >&-; sleep 5']}", format!("unresolved-secret: the command sh did not end within 0.6 s {by_hand}")),
        ("{from_command: ['true']}", "empty-secret: the command true returns an empty value (give it a value; to clear a field write null instead)".into()),
    ] {
        let (faults, value) = connected(slot, &[("huge", &huge), ("newline", "\n")]);
        assert_eq!(faults, [format!("trueup.yaml:4:20 {said} {also}")], "{slot}");
        assert!(value.is_none());
    }
}

#[cfg(unix)]
#[test]
fn a_program_runs_once_however_many_need_it() {
    let tool = "{from_command: [sh, ./tool]}";
    let documents: String = (0..5)
        .map(|n| gateway(&format!("g{n}")).replace('}', &format!(", merchantKey: {tool}}}\n---")))
        .collect();
    let dir = workspace(&[
        ("trueup.yaml", SETTINGS),
        ("config/a.yaml", &documents),
        ("tool", "echo run >> runs; echo key\n"),
    ]);
    let (workspace, _) = workspace::open_workspace(dir.path(), &[]);
    let mut workspace = workspace.unwrap();
    let secret_environment = SecretEnvironment {
        root: dir.path(),
        env: &|name| (name == "T").then(|| "t".into()),
        timeout: Duration::from_secs(10),
        providers: &[],
    };
    let (targets, faults) = workspace.resolve_targets(&secret_environment, None);
    assert!(faults.is_empty() && targets.len() == 1);
    assert_eq!(fs::read_to_string(dir.path().join("runs")).unwrap(), "run\n");
}

#[cfg(unix)]
#[test]
fn many_programs_run_at_the_same_time_and_each_once() {
    const COUNT: usize = 64;
    let source = |n: usize| format!("{{from_command: [sh, -c, 'sleep 0.4; echo x >> runs; echo k{n}']}}");
    let documents: String = (0..2 * COUNT)
        .map(|n| {
            let key = format!(", merchantKey: {}}}\n---", source(n % COUNT));
            gateway(&format!("g{n}")).replace('}', &key)
        })
        .collect();
    let dir = workspace(&[("trueup.yaml", SETTINGS), ("config/a.yaml", &documents)]);
    let mut workspace = workspace::open_workspace(dir.path(), &[]).0.unwrap();
    let env = |name: &str| (name == "T").then(|| "t".into());
    let secret_environment =
        SecretEnvironment { root: dir.path(), env: &env, timeout: Duration::from_secs(10), providers: &[] };
    let began = std::time::Instant::now();
    let (_, faults) = workspace.resolve_targets(&secret_environment, None);
    assert!(faults.is_empty(), "{:?}", lines(&faults));
    assert!(began.elapsed() < Duration::from_secs(8), "one after the other takes 26 s");
    assert_eq!(fs::read_to_string(dir.path().join("runs")).unwrap().lines().count(), COUNT);
}

#[cfg(unix)]
#[test]
fn programs_can_be_switched_off() {
    let document = gateway("x").replace('}', ", merchantKey: {from_command: [sh, -c, 'echo x >> runs']}}");
    let dir = workspace(&[("trueup.yaml", SETTINGS), ("config/a.yaml", &document)]);
    let mut workspace = workspace::open_workspace(dir.path(), &[]).0.unwrap();
    let secret_environment = SecretEnvironment {
        root: dir.path(),
        env: &|_| Some("1".into()),
        timeout: Duration::from_secs(10),
        providers: &[],
    };
    let (targets, faults) = workspace.resolve_targets(&secret_environment, None);
    let lines = lines(&faults);
    assert!(
        targets.len() <= 1 && lines.len() == 1 && lines[0].contains("TRUEUP_NO_COMMANDS is set"),
        "{lines:?}"
    );
    assert!(!dir.path().join("runs").exists());
}

#[test]
fn only_targets_in_use_are_asked_for_their_credentials() {
    let settings = format!(
        "{SETTINGS}  tel: {{api: carrierx, parallelism: 200, auth: {{bearer: {{from_env: NONE}}}}}}\n"
    );
    let dir = workspace(&[("trueup.yaml", &settings), ("config/a.yaml", &gateway("a"))]);
    let (workspace, _) = workspace::open_workspace(dir.path(), &[]);
    let secret_environment = SecretEnvironment {
        providers: &[],
        root: dir.path(),
        env: &|name| (name == "T").then(|| "t".into()),
        timeout: Duration::ZERO,
    };
    let (targets, faults) = workspace.unwrap().resolve_targets(&secret_environment, Some(4));
    assert!(faults.is_empty());
    let names: Vec<_> = targets.iter().map(|target| (&*target.name, target.parallelism)).collect();
    assert_eq!(names, [("harbor", 4)]);
}
