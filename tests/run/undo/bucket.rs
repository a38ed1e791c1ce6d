//! Receipts in a bucket: a small server that speaks as much S3 as is needed, and says what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;
use trueup::kind::WireFormat;

use super::{APPLY, last};
use crate::support::sandbox_fixture::SandboxFixture;

/// What a bucket holds, and each request that it got.
#[derive(Default)]
struct Bucket {
    objects: BTreeMap<String, Vec<u8>>,
    requests: Vec<String>,
    /// How each write is answered instead of being done.
    refuses: Option<&'static str>,
}

/// The address of a bucket of its own.
fn serve() -> (String, Arc<Mutex<Bucket>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let bucket: Arc<Mutex<Bucket>> = Arc::default();
    let own = Arc::clone(&bucket);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let bucket = Arc::clone(&own);
            std::thread::spawn(move || answer(stream, &bucket));
        }
    });
    (address, bucket)
}

fn answer(stream: TcpStream, bucket: &Mutex<Bucket>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut writer = stream;
    loop {
        let (mut head, mut length) = (Vec::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a length");
            }
            head.push(line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let (status, answer) = bucket.lock().expect("no panic").take(&head, body);
        let etag = "ETag: \"1\"\r\nLast-Modified: Sat, 21 Nov 2026 16:00:00 GMT\r\n";
        let head = format!("HTTP/1.1 {status}\r\n{etag}Content-Length: {}\r\n\r\n", answer.len());
        if writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(&answer)).is_err() {
            return;
        }
    }
}

impl Bucket {
    fn take(&mut self, head: &[String], body: Vec<u8>) -> (&'static str, Vec<u8>) {
        self.requests.push(head.join("\n"));
        let mut words = head[0].split(' ');
        let (verb, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
        let is_new = head.iter().any(|line| line.eq_ignore_ascii_case("if-none-match: *"));
        match (verb, self.refuses) {
            ("PUT", Some(status)) => (status, Vec::new()),
            ("PUT", None) if !is_new => ("400 Bad Request", Vec::new()),
            ("PUT", None) if self.objects.contains_key(&path) => ("412 Precondition Failed", Vec::new()),
            ("PUT", None) => {
                self.objects.insert(path, body);
                ("200 OK", Vec::new())
            }
            ("GET", _) if path.contains("list-type=2") => ("200 OK", self.list().into_bytes()),
            ("GET", _) => match self.objects.get(&path) {
                Some(object) => ("200 OK", object.clone()),
                None => ("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
            },
            _ => ("405 Method Not Allowed", Vec::new()),
        }
    }

    /// All that there is, whatever the prefix.
    fn list(&self) -> String {
        let one = |(path, bytes): (&String, &Vec<u8>)| {
            let (key, size) = (path.trim_start_matches("/books/"), bytes.len());
            let rest = "<LastModified>2026-11-21T16:00:00.000Z</LastModified><ETag>1</ETag>";
            format!("<Contents><Key>{key}</Key>{rest}<Size>{size}</Size></Contents>")
        };
        let all: String = self.objects.iter().map(one).collect();
        format!("<ListBucketResult><IsTruncated>false</IsTruncated>{all}</ListBucketResult>")
    }
}

fn partners(address: &str) -> SandboxFixture {
    let mut fixture = SandboxFixture::new("carrierx/partner", 2, WireFormat::Json);
    for one in &mut fixture.documents {
        one.document["spec"]["company_name"] = json!("North Shore");
    }
    fixture.write();
    let settings = fixture.workspace.read("trueup.yaml");
    let receipts = "receipts: { store: \"s3://books/trueup\" }\n";
    fixture.workspace.write("trueup.yaml", &format!("{}\n{receipts}", settings.trim_end()));
    for (name, value) in [
        ("TRUEUP_DIGEST_KEY", "a key of the operator's own"),
        ("AWS_ENDPOINT", address),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "eu-north-1"),
        ("AWS_ACCESS_KEY_ID", "canary-id"),
        ("AWS_SECRET_ACCESS_KEY", "canary-secret"),
    ] {
        fixture.workspace.set(name, value);
    }
    fixture
}

#[test]
fn a_receipt_in_a_bucket_is_put_once_shown_and_undone_elsewhere() {
    let (address, bucket) = serve();
    let fixture = partners(&address);
    let ran = fixture.workspace.expect(0, &APPLY);
    ran.complains(&[".json in s3://books/trueup"]);
    let run = last(&fixture);
    let own = fixture.workspace.read(&format!(".trueup/receipts/{run}.json"));
    let path = format!("/books/trueup/{run}.json");
    assert_eq!(bucket.lock().expect("no panic").objects.get(&path).map(Vec::as_slice), Some(own.as_bytes()));
    std::fs::remove_dir_all(fixture.workspace.path(".trueup")).expect("taken away");
    let shown = fixture.workspace.expect(0, &["show", &run]);
    let undone = fixture.workspace.expect(0, &["undo", &run, "--auto-approve"]);
    assert_eq!(bucket.lock().expect("no panic").objects.len(), 2);
    let requested = bucket.lock().expect("no panic").requests.join("\n\n");
    assert!(requested.contains("AWS4-HMAC-SHA256") && !requested.contains("canary-secret"), "{requested}");
    for ran in [ran, shown, undone] {
        assert!(!ran.all().contains("canary"), "{}", ran.all());
    }
}

#[test]
fn a_fresh_clone_knows_from_a_bucket_what_was_applied() {
    let (address, bucket) = serve();
    let mut fixture = partners(&address);
    fixture.workspace.expect(0, &APPLY);
    let run = last(&fixture);
    for path in ["/books/trueup/readme.json", "/books/trueup/2026/other.json"] {
        bucket.lock().expect("no panic").objects.insert(path.to_owned(), b"{}".to_vec());
    }
    std::fs::remove_dir_all(fixture.workspace.path(".trueup")).expect("taken away");
    fixture.edit(0, json!({ "company_name": "Duluth" }));
    fixture.documents[1].document["spec"]["company_name"] = json!("Lutsen");
    fixture.write();
    let ran = fixture.workspace.expect(2, &["drift"]);
    ran.says(&["1 drifted, 1 pending", "applied-elsewhere"]);
    assert!(!ran.all().contains("canary"), "{}", ran.all());
    let requested = bucket.lock().expect("no panic").requests.clone();
    let read: Vec<&String> =
        requested.iter().filter(|own| own.contains(".json") && own.starts_with("GET")).collect();
    assert!(read.len() == 1 && read[0].contains(&run), "what is no receipt is not read: {read:?}");
}

#[test]
fn a_bucket_that_refuses_is_reported_without_a_credential() {
    let (address, bucket) = serve();
    let fixture = partners(&address);
    bucket.lock().expect("no panic").refuses = Some("403 Forbidden");
    let ran = fixture.workspace.expect(0, &APPLY);
    ran.complains(&["not-shared", "access is denied", "which is kept"]);
    assert!(!ran.all().contains("canary"), "{}", ran.all());
    assert_eq!(super::receipts(&fixture).len(), 1);
}
