//! The floor: the least a program can do for the same result. Documents are read on both cores while the lists
//! are fetched; JSON goes into structs; fields are compared one by one. It checks nothing, tells nothing, and
//! panics where something is odd.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::json;

const PAGE: usize = 1_000;
const IN_FLIGHT: usize = 16;

#[derive(Deserialize)]
struct Document {
    spec: Partner,
}

#[derive(Deserialize)]
struct Partner {
    #[serde(default)]
    partner_sid: String,
    login: String,
    name: Option<String>,
    company_name: Option<String>,
    address1: Option<String>,
    address2: Option<String>,
    city: Option<String>,
    zip: Option<String>,
    phonenumber: Option<String>,
    owner_email: Option<String>,
    billing_email: Option<String>,
    tech_email: Option<String>,
    attributes: HashMap<String, serde_json::Value>,
    callbacks: HashMap<String, String>,
    acls: Vec<Acl>,
}

#[derive(Deserialize, PartialEq)]
struct Acl {
    access_control_rules: Vec<String>,
    direction: String,
    sms_action_true: Option<String>,
}

#[derive(Deserialize)]
struct List {
    items: Vec<Partner>,
    total: usize,
}

/// `what` is `validate`, `plan`, `find` (a plan whose objects are read one by one) or `apply`.
pub fn main(workspace: &Path, base_url: &str, what: &str) {
    let files = files(&workspace.join("config"));
    if what == "validate" {
        return println!("{} documents", documents(&files).len());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (documents, live) = if what == "find" {
        let documents = documents(&files);
        let live = runtime.block_on(found(&client(), base_url, &documents));
        (documents, live)
    } else {
        std::thread::scope(|scope| {
            let documents = scope.spawn(|| documents(&files));
            let client = client();
            let live = runtime.block_on(partners(&client, base_url));
            (documents.join().expect("the documents"), live)
        })
    };
    let differing: Vec<(&Partner, &Partner)> = documents
        .iter()
        .filter_map(|document| Some((&document.spec, live.get(&document.spec.login)?)))
        .filter(|(wanted, live)| !same(wanted, live))
        .collect();
    if what == "apply" {
        runtime.block_on(write(base_url, &differing));
    }
    println!("{} of {} differ", differing.len(), documents.len());
}

/// A client for plain HTTP; it reads no certificate roots.
fn client() -> reqwest::Client {
    let provider = rustls::crypto::ring::default_provider().into();
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("protocol versions").with_root_certificates(rustls::RootCertStore::empty());
    let builder =
        reqwest::Client::builder().no_proxy().tls_backend_preconfigured(config.with_no_client_auth());
    builder.build().expect("a client")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the documents' folder");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn documents(files: &[PathBuf]) -> Vec<Document> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut read = Vec::new();
        while let Some(file) = files.get(next.fetch_add(1, Ordering::SeqCst)) {
            let text = std::fs::read_to_string(file).expect("a file");
            for piece in text.split("---\n") {
                read.push(serde_yaml_bare::from_str::<Document>(piece).expect("a document"));
            }
        }
        read
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut read = work();
        read.extend(other.join().expect("the other half"));
        read
    })
}

async fn partners(client: &reqwest::Client, base_url: &str) -> HashMap<String, Partner> {
    let page = |offset: usize| async move {
        let url = format!("{base_url}/partners?order=partner_sid%20asc&limit={PAGE}&offset={offset}");
        let body = client.get(url).send().await.expect("an answer").bytes().await.expect("a body");
        serde_json::from_slice::<List>(&body).expect("a list")
    };
    let first = page(0).await;
    let rest: Vec<usize> = (PAGE..first.total).step_by(PAGE).collect();
    let mut live: HashMap<String, Partner> = HashMap::with_capacity(first.total);
    live.extend(first.items.into_iter().map(|item| (item.login.clone(), item)));
    let mut pages = stream::iter(rest.into_iter().map(page)).buffer_unordered(IN_FLIGHT);
    while let Some(list) = pages.next().await {
        live.extend(list.items.into_iter().map(|item| (item.login.clone(), item)));
    }
    live
}

/// The partners of these documents, each asked for by its login.
async fn found(client: &reqwest::Client, base_url: &str, documents: &[Document]) -> HashMap<String, Partner> {
    let one = |document: &Document| {
        let url = format!("{base_url}/partners?filter=%22{}%22", document.spec.login);
        async move {
            let body = client.get(url).send().await.expect("an answer").bytes().await.expect("a body");
            serde_json::from_slice::<List>(&body).expect("a list").items
        }
    };
    let answers =
        stream::iter(documents.iter().map(one)).buffer_unordered(IN_FLIGHT).collect::<Vec<_>>().await;
    answers.into_iter().flatten().map(|item| (item.login.clone(), item)).collect()
}

fn same(a: &Partner, b: &Partner) -> bool {
    (&a.name, &a.company_name, &a.address1, &a.address2)
        == (&b.name, &b.company_name, &b.address1, &b.address2)
        && (&a.city, &a.zip, &a.phonenumber) == (&b.city, &b.zip, &b.phonenumber)
        && (&a.owner_email, &a.billing_email, &a.tech_email)
            == (&b.owner_email, &b.billing_email, &b.tech_email)
        && a.attributes == b.attributes
        && a.callbacks == b.callbacks
        && a.acls == b.acls
}

/// Read again, write, read back: the three requests that a safe write takes.
async fn write(base_url: &str, differing: &[(&Partner, &Partner)]) {
    let client = client();
    let one = |wanted: &Partner, live: &Partner| {
        let url = format!("{base_url}/partners/{}", live.partner_sid);
        let body = json!({ "city": wanted.city }).to_string();
        let client = client.clone();
        async move {
            let read = async |url: &str| {
                let body = client.get(url).send().await.expect("an answer").bytes().await.expect("a body");
                serde_json::from_slice::<Partner>(&body).expect("a partner")
            };
            read(&url).await;
            let patch = client.patch(&url).header("content-type", "application/json").body(body);
            patch.send().await.expect("an answer").bytes().await.expect("a body");
            read(&url).await;
        }
    };
    let writes = differing.iter().map(|(wanted, live)| one(wanted, live));
    stream::iter(writes).buffer_unordered(IN_FLIGHT).collect::<Vec<()>>().await;
}
