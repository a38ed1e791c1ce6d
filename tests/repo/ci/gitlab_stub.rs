//! A stub of the API of GitLab and of its store of artifacts, on two ports. It checks tokens, has two entries on each
//! page of a list, and redirects to the store. The API holds project 1: a merge request, pipelines, notes and issues.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value as Json, json};

/// May read.
pub const API_TOKEN: &str = "glpat-secret-that-reads";
/// May write notes and issues too.
pub const NOTE_TOKEN: &str = "glpat-secret-that-writes";
/// How many entries of a list are on a page.
const PAGE: usize = 2;

/// What one request was.
pub struct Received {
    pub line: String,
    pub token: Option<String>,
    pub body: String,
}

/// An API and an object store.
pub struct GitLab {
    pub api: String,
    pub received: Arc<Mutex<Vec<Received>>>,
    pub stored: Arc<Mutex<Vec<Received>>>,
    project: Arc<Mutex<Json>>,
}

/// The answer to a request: status, headers, body.
type Answer = (u16, String, String);

fn listen(
    answer: impl Fn(&Received) -> Answer + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<Received>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let received: Arc<Mutex<Vec<Received>>> = Arc::default();
    let kept = Arc::clone(&received);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let request = read_request(&stream);
            let (status, headers, body) = answer(&request);
            kept.lock().expect("no panic").push(request);
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
            );
            let _ = (&stream).write_all(format!("{head}{body}").as_bytes());
        }
    });
    (url, received)
}

fn read_request(stream: &TcpStream) -> Received {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) < 3 {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let header = |name: &str| {
        let find = |line: &String| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        };
        head.iter().find_map(find)
    };
    let mut body = vec![0; header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0)];
    let _ = reader.read_exact(&mut body);
    let body = String::from_utf8_lossy(&body).into_owned();
    Received { line: head.first().cloned().unwrap_or_default(), token: header("private-token"), body }
}

/// A note of a person; `system` for what GitLab says of an act of that person.
pub fn note(id: u32, author: (u32, &str), body: &str, system: bool) -> Json {
    json!({ "id": id, "author": { "id": author.0, "username": author.1 }, "body": body, "system": system })
}

/// A job of a pipeline.
pub fn job(id: u32, pipeline: u32, name: &str) -> Json {
    json!({ "id": id, "pipeline": pipeline, "name": name, "status": "success" })
}

impl GitLab {
    /// Merge request 7 of project 1, merged as commit `abc`, with its pipeline 30.
    pub fn start() -> Self {
        let project: Arc<Mutex<Json>> = Arc::new(Mutex::new(json!({
            "merged": [{ "state": "opened", "iid": 6 }, { "state": "closed", "iid": 5 }, { "state": "merged", "iid": 7 }],
            "request": { "source_project_id": 1, "head_pipeline": { "id": 30 }, "description": "",
                "author": { "id": 8, "username": "kim" } },
            "notes": [
                note(1, (66, "mallory"), "<!-- trueup:plan -->\nlooks good", false),
                note(3, (66, "mallory"), "hello", false),
                note(2, (5, "bot"), "<!-- trueup:plan -->\nold", false),
            ],
            "issues": [],
            "pipelines": [{ "id": 30, "ref": "refs/merge-requests/7/head", "source": "merge_request_event" }],
            "jobs": [job(40, 30, "trueup-plan"), job(42, 30, "other-plan"), job(41, 30, "trueup-plan"),
                job(39, 30, "trueup-plan")],
            "artifacts": { "41/plan.json": "{\"a\":\"plan\"}" },
        })));
        let (files, requests) = (Arc::clone(&project), Arc::clone(&project));
        let (store, stored) = listen(move |request| {
            let path =
                request.line.split([' ', '?']).nth(1).unwrap_or_default().trim_start_matches("/signed/");
            let project = files.lock().expect("no panic");
            let file = project["artifacts"][path].as_str().expect("a file that was redirected to").to_owned();
            (200, String::new(), file)
        });
        let (url, received) = listen(move |request| {
            let mut project = requests.lock().expect("no panic");
            Call::new(request)
                .map_or((401, String::new(), String::new()), |call| call.answer(&mut project, &store))
        });
        Self { api: format!("{url}/api/v4"), received, stored, project }
    }

    /// What the project holds.
    pub fn project(&self) -> MutexGuard<'_, Json> {
        self.project.lock().expect("no panic")
    }

    /// The lines of requests that wrote.
    pub fn list_writes(&self) -> Vec<String> {
        let received = self.received.lock().expect("no panic");
        received.iter().map(|request| request.line.clone()).filter(|line| !line.starts_with("GET ")).collect()
    }
}

/// A request with a token, in its parts.
struct Call {
    method: String,
    path: Vec<String>,
    query: Vec<(String, String)>,
    body: Vec<(String, String)>,
}

fn read_form(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// Whether a number is the one that a path names.
fn is_number(number: &Json, named: &str) -> bool {
    number.as_u64().is_some_and(|own| named.parse() == Ok(own))
}

impl Call {
    /// None without a token that may do this.
    fn new(request: &Received) -> Option<Self> {
        let mut words = request.line.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.strip_prefix("/api/v4/")?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let is_allowed = match request.token.as_deref()? {
            NOTE_TOKEN => true,
            API_TOKEN => method == "GET",
            _ => false,
        };
        let path = path.split('/').map(str::to_owned).collect();
        is_allowed.then(|| Self { method, path, query: read_form(query), body: read_form(&request.body) })
    }

    fn parameter(&self, name: &str) -> &str {
        self.query.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    fn answer(&self, project: &mut Json, store: &str) -> Answer {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let one = |json: &Json| (200, String::new(), json.to_string());
        let is_of = |pipeline: &str, job: &Json| {
            is_number(&job["pipeline"], pipeline)
                && (job["retried"] != true || self.parameter("include_retried") == "true")
        };
        match (self.method.as_str(), path.as_slice()) {
            ("GET", ["user"]) => one(&json!({ "id": 5 })),
            ("GET", [_, "1", "repository", "commits", "abc", "merge_requests"]) => {
                self.answer_page(project["merged"].as_array(), &|_| true)
            }
            ("GET", [_, "1", "merge_requests", "7"]) => one(&project["request"]),
            ("GET", [_, "1", "merge_requests", "7", "notes"]) => {
                self.answer_page(project["notes"].as_array(), &|_| true)
            }
            ("GET", [_, "1", "issues"]) => self.answer_page(project["issues"].as_array(), &|issue| {
                issue["state"] == self.parameter("state") && issue["labels"] == self.parameter("labels")
            }),
            ("GET", [_, "1", "pipelines", id]) => {
                let pipelines = project["pipelines"].as_array().expect("pipelines");
                pipelines
                    .iter()
                    .find(|own| is_number(&own["id"], id))
                    .map_or((404, String::new(), String::new()), one)
            }
            ("GET", [_, "1", "pipelines", id, "jobs"]) => {
                self.answer_page(project["jobs"].as_array(), &|job| is_of(id, job))
            }
            ("GET", [_, "1", "jobs", id, "artifacts", file]) => {
                match project["artifacts"][format!("{id}/{file}")] {
                    Json::Null => (404, String::new(), String::new()),
                    _ => (302, format!("location: {store}/signed/{id}/{file}?x=1\r\n"), String::new()),
                }
            }
            ("POST", [_, "1", list @ .., own]) if list.len() < 3 => self.add_entry(&mut project[*own]),
            ("PUT", [_, "1", .., own, id]) => self.change_entry(&mut project[*own], id),
            _ => (404, String::new(), String::new()),
        }
    }

    fn answer_page(&self, list: Option<&Vec<Json>>, is_meant: &dyn Fn(&Json) -> bool) -> Answer {
        let all: Vec<&Json> = list.expect("a list").iter().filter(|one| is_meant(one)).collect();
        let page: usize = self.parameter("page").parse().expect("a page");
        assert_eq!(self.parameter("per_page"), "100");
        let shown: Vec<&Json> = all.iter().skip((page - 1) * PAGE).take(PAGE).copied().collect();
        let next = if all.len() > page * PAGE { (page + 1).to_string() } else { String::new() };
        (200, format!("x-next-page: {next}\r\n"), json!(shown).to_string())
    }

    fn add_entry(&self, list: &mut Json) -> Answer {
        let entries = list.as_array_mut().expect("a list");
        let mut entry = json!({ "id": entries.len() + 100, "iid": entries.len() + 1, "state": "opened",
            "author": { "id": 5, "username": "bot" } });
        self.body.iter().for_each(|(name, value)| entry[name] = json!(value));
        entries.push(entry);
        (201, String::new(), "{}".to_owned())
    }

    fn change_entry(&self, list: &mut Json, id: &str) -> Answer {
        let mut entries = list.as_array_mut().expect("a list").iter_mut();
        let is_meant = |own: &&mut Json| {
            is_number(&own["iid"], id) || (own["iid"].is_null() && is_number(&own["id"], id))
        };
        let Some(entry) = entries.find(is_meant) else { return (404, String::new(), String::new()) };
        for (name, value) in &self.body {
            match name.as_str() {
                "state_event" => entry["state"] = json!("closed"),
                name => entry[name] = json!(value),
            }
        }
        (200, String::new(), "{}".to_owned())
    }
}
