//! What a release installs from: the shell installer against a local server of files, the Homebrew formula, the
//! container image, and the names on which all of them agree.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::{has_tools, yaml};

const TARGETS: [&str; 5] = [
    "aarch64-apple-darwin",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "x86_64-pc-windows-msvc",
    "x86_64-unknown-linux-musl",
];

/// A folder of releases and where it is served; `latest` redirects to v9.9.9, as GitHub does.
struct Releases {
    folder: tempfile::TempDir,
    url: String,
}

impl Releases {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let release = folder.path().join("download/v9.9.9");
        fs::create_dir_all(&release).expect("a folder");
        write_program(&release.join("trueup"), "trueup 9.9.9");
        let mut sums = String::new();
        for target in TARGETS {
            let archive = format!("trueup-{target}.tar.gz");
            let packed = run("tar", &["-czf", &archive, "trueup"], &release, &[]);
            assert!(packed.0, "{}", packed.1);
            sums += &format!("{}  {archive}\n", digest(&release.join(&archive)));
        }
        fs::write(release.join("SHA256SUMS"), sums).expect("a file");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let root = folder.path().to_owned();
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| serve(&root, &stream)));
        Self { folder, url }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("download/v9.9.9").join(name)
    }

    /// Runs the installer: whether it went well, what it said, and where the program is.
    fn install(&self, variables: &[(&str, &str)]) -> (bool, String, PathBuf) {
        let home = self.folder.path().join("home");
        let _ = fs::remove_dir_all(&home);
        fs::create_dir(&home).expect("a folder");
        let home_text = home.to_string_lossy().into_owned();
        let mut all = vec![("HOME", &*home_text), ("TRUEUP_RELEASES", &*self.url)];
        all.extend(variables);
        let (ok, said) = run("sh", &["install.sh"], Path::new("."), &all);
        (ok, said, home.join(".local/bin/trueup"))
    }
}

/// Answers one request for a file.
fn serve(root: &Path, mut stream: &std::net::TcpStream) {
    let mut reader = BufReader::new(stream);
    let (mut first, mut line) = (String::new(), String::new());
    let _ = reader.read_line(&mut first);
    while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let (head, body) = match (path.strip_prefix("/latest/download/"), fs::read(root.join(&path[1..]))) {
        (Some(name), _) => (format!("302 Found\r\nlocation: /download/v9.9.9/{name}"), Vec::new()),
        (None, Ok(body)) => ("200 OK".to_owned(), body),
        (None, Err(_)) => ("404 Not Found".to_owned(), Vec::new()),
    };
    let head = format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(&[head.as_bytes(), &body].concat());
}

fn write_program(path: &Path, says: &str) {
    fs::write(path, format!("#!/bin/sh\necho '{says}'\n")).expect("a program");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(path, mode).expect("a mode");
}

fn digest(path: &Path) -> String {
    Sha256::digest(fs::read(path).expect("a file")).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn run(program: &str, arguments: &[&str], folder: &Path, variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(program);
    let output = command.args(arguments).current_dir(folder).envs(variables.iter().copied()).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), said.concat())
}

#[test]
fn the_installer_installs_what_the_checksums_name() {
    if !has_tools() {
        return;
    }
    let releases = Releases::start();
    for variables in [&[][..], &[("TRUEUP_VERSION", "v9.9.9")]] {
        let (ok, said, program) = releases.install(variables);
        assert!(ok && said.contains("installed trueup 9.9.9 to "), "{said}");
        assert!(said.contains("add ") && said.contains("to PATH"), "{said}");
        assert_eq!(run(&program.to_string_lossy(), &[], Path::new("."), &[]).1, "trueup 9.9.9\n");
        let beside = fs::read_dir(program.parent().expect("a folder")).expect("a folder").count();
        assert_eq!(beside, 1, "nothing else is left");
    }
}

#[test]
fn the_installer_refuses_what_it_cannot_verify() {
    if !has_tools() {
        return;
    }
    let releases = Releases::start();
    let refuses = |variables: &[(&str, &str)], why: &str| {
        let (ok, said, program) = releases.install(variables);
        assert!(!ok && said.contains(why) && said.contains("nothing was installed"), "{why}: {said}");
        assert!(!program.exists(), "{why}");
    };
    refuses(&[("TRUEUP_VERSION", "v8.0.0")], "cannot be downloaded");
    refuses(&[("TRUEUP_VERSION", "../evil")], "must be like v0.1.0");
    refuses(&[("TRUEUP_RELEASES", "http://example.com/releases")], "must be an https URL");
    let sums = fs::read_to_string(releases.path("SHA256SUMS")).expect("checksums");
    // another program under the same name
    write_program(&releases.path("trueup"), "evil");
    for target in TARGETS {
        run("tar", &["-czf", &format!("trueup-{target}.tar.gz"), "trueup"], &releases.path(""), &[]);
    }
    refuses(&[], "and SHA256SUMS says");
    fs::write(releases.path("SHA256SUMS"), sums.replace("trueup-", "other-")).expect("a file");
    refuses(&[], "does not name");
}

#[test]
fn names_of_archives_agree() {
    let workflow = yaml(".github/workflows/release.yml");
    let matrix = workflow["jobs"]["build"]["strategy"]["matrix"]["include"].as_array().expect("targets");
    let built: BTreeSet<&str> =
        matrix.iter().map(|entry| entry["target"].as_str().expect("a target")).collect();
    assert_eq!(built, BTreeSet::from(TARGETS));
    for file in ["install.sh", "action.yml", "ci/release/formula.sh"] {
        let text = fs::read_to_string(file).expect("a file");
        for target in TARGETS.iter().filter(|target| !target.contains("windows")) {
            assert!(text.contains(target), "{file} does not know {target}");
        }
    }
    let manifest = fs::read_to_string("Cargo.toml").expect("the manifest");
    assert!(manifest.contains("/releases/download/v{ version }/trueup-{ target }.tar.gz"));
    assert!(manifest.contains("repository = "), "binstall takes the URL from it");
}

#[test]
fn the_formula_names_every_checksum() {
    if !has_tools() {
        return;
    }
    let releases = Releases::start();
    let sums = releases.path("SHA256SUMS").to_string_lossy().into_owned();
    let (ok, formula) = run("bash", &["ci/release/formula.sh", "v9.9.9", &sums], Path::new("."), &[]);
    assert!(ok && formula.contains("version \"9.9.9\""), "{formula}");
    for target in TARGETS.iter().filter(|target| !target.contains("windows")) {
        let archive = format!("trueup-{target}.tar.gz");
        let url = format!("releases/download/v9.9.9/{archive}\"\n");
        let after = formula.split_once(&*url).unwrap_or_else(|| panic!("{formula}")).1;
        assert!(after.trim().starts_with(&format!("sha256 \"{}\"", digest(&releases.path(&archive)))));
    }
    fs::write(&sums, "").expect("a file");
    let (ok, said) = run("bash", &["ci/release/formula.sh", "v9.9.9", &sums], Path::new("."), &[]);
    assert!(!ok && said.contains("does not name") && !said.contains("class Trueup"), "{said}");
}

#[test]
fn the_image_is_one_program_of_nobody() {
    if !has_tools() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    write_program(folder.path().join("program").as_path(), "trueup");
    fs::write(path("roots"), "-----BEGIN CERTIFICATE-----").expect("a file");
    let make = |out: &str| {
        let pairs = [format!("amd64={}", path("program")), format!("arm64={}", path("program"))];
        let (ok, said) = run(
            "bash",
            &["ci/release/image.sh", &path(out), "v9.9.9", &path("roots"), &pairs[0], &pairs[1]],
            Path::new("."),
            &[],
        );
        assert!(ok, "{said}");
        fs::read(path(out)).expect("an image")
    };
    assert!(make("one.tar") == make("two.tar"), "the same input gives other bytes");

    let (ok, said) = run("tar", &["-xf", "one.tar"], folder.path(), &[]);
    assert!(ok, "{said}");
    let read = |descriptor: &Json| -> (PathBuf, Vec<u8>) {
        let name = descriptor["digest"].as_str().expect("a digest").strip_prefix("sha256:").expect("SHA-256");
        let file = folder.path().join("blobs/sha256").join(name);
        let bytes = fs::read(&file).expect("a blob");
        assert_eq!(
            (digest(&file), bytes.len() as u64),
            (name.to_owned(), descriptor["size"].as_u64().expect("a size"))
        );
        (file, bytes)
    };
    let json = |bytes: &[u8]| -> Json { serde_json::from_slice(bytes).expect("JSON") };
    let layout = json(&fs::read(folder.path().join("index.json")).expect("an index"));
    let index = json(&read(&layout["manifests"][0]).1);
    let platforms: Vec<_> = index["manifests"].as_array().expect("manifests").iter().collect();
    assert_eq!(platforms.len(), 2);
    for (entry, architecture) in platforms.into_iter().zip(["amd64", "arm64"]) {
        assert_eq!(entry["platform"]["architecture"], architecture);
        let manifest = json(&read(entry).1);
        let config = json(&read(&manifest["config"]).1);
        assert_eq!(
            (&config["architecture"], &config["config"]["User"]),
            (&architecture.into(), &"65532:65532".into())
        );
        assert_eq!(config["config"]["Entrypoint"][0], "/trueup");
        let (layer, _) = read(&manifest["layers"][0]);
        let (_, listed) = run("tar", &["-tvzf", &layer.to_string_lossy()], folder.path(), &[]);
        let files: Vec<&str> = listed.lines().filter(|line| line.starts_with('-')).collect();
        assert_eq!(files.len(), 2, "{listed}");
        assert!(listed.contains("drwxrwxrwt 0/0") && listed.contains("drwxr-xr-x 65532/65532"), "{listed}");
        let (_, sum) =
            run("sh", &["-c", &format!("gzip -dc '{}' | sha256sum", layer.display())], folder.path(), &[]);
        assert_eq!(
            config["rootfs"]["diff_ids"][0],
            format!("sha256:{}", sum.split(' ').next().expect("a sum"))
        );
    }
}

/// Runs `build.rs`, which is compiled in a folder, for a package in another one; what it says to cargo.
fn run_build_script(script: &Path, package: &Path, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(script);
    command
        .current_dir(package)
        .env_remove("TRUEUP_COMMIT")
        .env("GIT_CEILING_DIRECTORIES", package.parent().expect("a parent"));
    let output = command.envs(variables.iter().copied()).output().expect("a build script");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn release_builds_know_their_commit() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("script");
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let source = fs::canonicalize("build.rs").expect("a file").to_string_lossy().into_owned();
    let to = script.to_string_lossy().into_owned();
    let (ok, log) = run(&compiler, &["--edition", "2024", "-o", &to, &source], folder.path(), &[]);
    assert!(ok, "{log}");
    let package = folder.path().join("package");
    fs::create_dir_all(package.join("vendored")).expect("a folder");
    let release = [("PROFILE", "release")];
    assert!(!run_build_script(&script, &package, &release).contains("rustc-env"), "no repository");
    let git = |arguments: &[&str]| {
        let own = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
        let (ok, log) = run("git", &[&own, arguments].concat(), &package, &[]);
        assert!(ok, "{log}");
        log.trim().to_owned()
    };
    git(&["init", "--quiet", "--initial-branch", "main"]);
    for message in ["first", "second"] {
        git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        let commit = git(&["rev-parse", "HEAD"]);
        let said = run_build_script(&script, &package, &release);
        assert!(said.contains(&format!("cargo::rustc-env=TRUEUP_COMMIT={commit}\n")), "{said}");
        for file in ["HEAD", "refs/heads/main"] {
            assert!(said.contains(&format!("cargo::rerun-if-changed=.git/{file}\n")), "{said}");
        }
    }
    // a debug build, a commit that is set, a copy in another repository, and no Git
    let silent = [
        (&package, vec![("PROFILE", "debug")]),
        (&package, vec![release[0], ("TRUEUP_COMMIT", "abc")]),
        (&package.join("vendored"), vec![release[0]]),
        (&package, vec![release[0], ("PATH", "")]),
    ];
    for (folder, variables) in silent {
        let said = run_build_script(&script, folder, &variables);
        assert!(!said.contains("rustc-env") && !said.contains(".git"), "{variables:?}: {said}");
    }
}
