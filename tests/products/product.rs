//! A product under way: started in a folder of its own, ended with the test, and asked past trueup with curl.

use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::support::workspace::Workspace;

/// How long a product may take to start.
const START_TIME: Duration = Duration::from_secs(60);

/// A product that runs.
pub struct Product {
    child: Child,
    /// Where its API is.
    pub base_url: String,
    /// Arguments of curl that every request needs.
    pub credentials: Vec<String>,
    pub folder: tempfile::TempDir,
}

impl Drop for Product {
    fn drop(&mut self) {
        // with the processes that it started
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

/// A program of a product; none where it is not installed, which is a failure where products are required.
pub fn find_program(name: &str, folder: Option<&str>) -> Option<PathBuf> {
    let own = folder.and_then(std::env::var_os).map(|folder| Path::new(&folder).join("bin").join(name));
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let all = std::env::split_paths(&paths).map(|path| path.join(name));
    let fixed = ["/usr/sbin", "/usr/bin"].map(|path| Path::new(path).join(name));
    let found = own.into_iter().chain(all).chain(fixed).find(|path| path.is_file());
    if found.is_none() {
        let required = std::env::var_os("TRUEUP_REQUIRE_PRODUCTS").is_some();
        assert!(!required, "{name} is not installed, and TRUEUP_REQUIRE_PRODUCTS is set");
        eprintln!("{name} is not installed: skipped");
    }
    found
}

/// A port that no one uses.
pub fn find_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Runs a program to its end.
pub fn run_program(program: &Path, arguments: &[&str], folder: &Path) {
    let run = Command::new(program).args(arguments).current_dir(folder).output().expect("the program runs");
    assert!(run.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&run.stderr));
}

/// How a product is started.
pub struct StartedProduct<'p> {
    pub program: &'p Path,
    pub arguments: &'p [&'p str],
    /// Scheme and host.
    pub origin: &'p str,
    pub port: u16,
    /// The path of the API.
    pub path: &'p str,
    pub credentials: &'p [&'p str],
}

impl Product {
    /// Starts a product and waits until it accepts connections.
    pub fn start(folder: tempfile::TempDir, how: &StartedProduct<'_>) -> Self {
        let log = std::fs::File::create(folder.path().join("product.log")).expect("a log");
        let mut command = Command::new(how.program);
        command.args(how.arguments).current_dir(folder.path()).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a handle")).stderr(log).process_group(0);
        let child = command.spawn().expect("the product starts");
        let base_url = format!("{}:{}{}", how.origin, how.port, how.path);
        let credentials = how.credentials.iter().map(|own| (*own).to_owned()).collect();
        let mut product = Self { child, base_url, credentials, folder };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", how.port)).is_err() {
            let ended = product.child.try_wait().expect("a state");
            let log = std::fs::read_to_string(product.folder.path().join("product.log")).unwrap_or_default();
            assert!(ended.is_none() && began.elapsed() < START_TIME, "the product does not start: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
        product
    }

    /// What curl gets, past trueup.
    pub fn curl(&self, method: &str, path: &str, body: Option<&Json>) -> Json {
        let url = format!("{}{path}", self.base_url);
        let mut command = Command::new("curl");
        command.args(["-sS", "--fail-with-body", "-X", method, "-H", "content-type: application/json"]);
        command.args(&self.credentials).arg(&url);
        if let Some(body) = body {
            command.args(["-d", &body.to_string()]);
        }
        let ran = command.output().expect("curl runs");
        let text = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success(), "{method} {path}: {text}");
        serde_json::from_str(&text).unwrap_or(Json::Null)
    }

    /// A workspace with the descriptions of a product and one target.
    pub fn open_workspace(&self, descriptions: &str, target: &Json) -> Workspace {
        let mut workspace = Workspace::new();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/products").join(descriptions);
        for entry in walkdir::WalkDir::new(&source) {
            let entry = entry.expect("a readable folder");
            if entry.file_type().is_file() {
                let name = entry.path().strip_prefix(&source).expect("below").to_string_lossy().into_owned();
                workspace.write(&name, &std::fs::read_to_string(entry.path()).expect("a text"));
            }
        }
        let mut target = target.clone();
        target["base_url"] = self.base_url.clone().into();
        let settings = serde_json::json!({ "targets": { "product": target } });
        workspace.write("trueup.yaml", &settings.to_string());
        let host = self.base_url.split('/').nth(2).unwrap_or_default().to_owned();
        workspace.set("TRUEUP_ALLOWED_HOSTS", host);
        workspace
    }
}

/// Plans, applies, and plans again without changes.
pub fn converge(workspace: &Workspace, arguments: &[&str]) {
    workspace.expect(0, &[&["apply", "--auto-approve"], arguments].concat());
    workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
}

/// The receipt of the last apply.
pub fn find_last_receipt(workspace: &Workspace) -> String {
    let folder = workspace.root().join(".trueup/receipts");
    let names = std::fs::read_dir(folder).expect("receipts").flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let last = names.filter(|name| name.ends_with(".json")).max().expect("a receipt");
    format!(".trueup/receipts/{last}")
}
