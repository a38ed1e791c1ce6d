//! Kinto: objects inside `data`, pages of three by a header, writes bound to the revision.

use serde_json::{Value as Json, json};

use crate::product::{
    Product, StartedProduct, converge, find_last_receipt, find_port, find_program, run_program,
};
use crate::support::workspace::Workspace;

const RECORDS: &str = "/buckets/shop/collections/rates/records";
const SECRET: &str = "kinto-canary-5f1d";

fn start_kinto() -> Option<Product> {
    let program = find_program("kinto", Some("KINTO"))?;
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["init", "--ini", "kinto.ini", "--backend", "memory", "--cache-backend", "memory"];
    run_program(&program, &[&arguments[..], &["--host", "127.0.0.1"]].concat(), folder.path());
    let port = find_port();
    let file = folder.path().join("kinto.ini");
    let replace = |line: &str| match line.split(" = ").next().unwrap_or_default() {
        "port" => format!("port = {port}"),
        "kinto.bucket_create_principals" => {
            "kinto.bucket_create_principals = system.Authenticated".to_owned()
        }
        "kinto.includes" => "kinto.includes = kinto.plugins.default_bucket kinto.plugins.accounts".to_owned(),
        "# kinto.paginate_by" => "kinto.paginate_by = 3".to_owned(),
        _ => line.to_owned(),
    };
    let text = std::fs::read_to_string(&file).expect("settings");
    let text: Vec<String> = text.lines().map(replace).collect();
    std::fs::write(&file, text.join("\n")).expect("settings");
    let product = Product::start(
        folder,
        &StartedProduct {
            program: &program,
            arguments: &["start", "--ini", "kinto.ini"],
            origin: "http://127.0.0.1",
            port,
            path: "/v1",
            credentials: &["-u", "ops:ops-password"],
        },
    );
    product.curl("PUT", "/accounts/ops", Some(&json!({ "data": { "password": "ops-password" } })));
    product.curl("PUT", "/buckets/shop", None);
    product.curl("PUT", "/buckets/shop/collections/rates", None);
    Some(product)
}

fn open_workspace(product: &Product) -> Workspace {
    let auth = json!({ "basic": { "username": { "from_env": "USER_NAME" }, "password": { "from_env": "PASSWORD" } } });
    let scope = json!({ "bucket": "shop", "collection": "rates" });
    let mut workspace =
        product.open_workspace("kinto", &json!({ "api": "kinto", "auth": auth, "scope": scope }));
    workspace.set("USER_NAME", "ops");
    workspace.set("PASSWORD", "ops-password");
    workspace
}

fn read_records(product: &Product, query: &str) -> Vec<Json> {
    let answer = product.curl("GET", &format!("{RECORDS}?_limit=100{query}"), None);
    answer["data"].as_array().cloned().unwrap_or_default()
}

#[test]
fn kinto_goes_through_every_step() {
    let Some(product) = start_kinto() else { return };
    for number in 1..=5 {
        let bands = json!([{ "from": 0, "fee": 1 }]);
        let record = json!({ "code": format!("c{number}"), "fee": number, "bands": bands, "colour": "red" });
        product.curl("POST", RECORDS, Some(&json!({ "data": record })));
    }
    let mut workspace = open_workspace(&product);
    workspace.expect(0, &["api", "check"]);
    workspace.run(&["api", "try", "product"]).says(&["5 objects on 2 pages", "colour: string"]);
    workspace.expect(0, &["import", "kinto/rate", "--target", "product", "--output", "config"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes: 5 objects unchanged"]);

    // edit and create
    let edited = workspace.read("config/c1.yaml").replace("fee: 1\n", "fee: 1.75\n");
    workspace.write("config/c1.yaml", &edited);
    let spec =
        json!({ "code": "extra", "fee": 9, "bands": [{ "from": 0, "fee": 1 }, { "from": 9, "fee": 0.5 }] });
    workspace.write(
        "config/extra.yaml",
        &json!({ "kind": "kinto/rate", "name": "extra", "spec": spec }).to_string(),
    );
    converge(&workspace, &[]);
    let first = &read_records(&product, "&code=c1")[0];
    assert_eq!((&first["fee"], &first["colour"]), (&json!(1.75), &json!("red")), "what nobody names stays");
    assert_eq!(read_records(&product, "&code=extra")[0]["bands"][1]["fee"], json!(0.5));

    // a hand edit is drift; the apply takes it back, the undo brings it again
    let id = read_records(&product, "&code=c2")[0]["id"].as_str().expect("an id").to_owned();
    product.curl("PATCH", &format!("{RECORDS}/{id}"), Some(&json!({ "data": { "fee": 99 } })));
    workspace.expect(2, &["drift"]).says(&["drifted", "99 -> 2"]);
    converge(&workspace, &[]);
    assert_eq!(read_records(&product, "&code=c2")[0]["fee"], 2);
    workspace.expect(0, &["undo", "--auto-approve", &find_last_receipt(&workspace)]);
    assert_eq!(read_records(&product, "&code=c2")[0]["fee"], 99);
    converge(&workspace, &[]);

    // a secret never shows
    workspace.set("TOKEN", SECRET);
    let spec = json!({ "code": "c3", "token": { "from_env": "TOKEN" } });
    let id = workspace
        .read("config/c3.yaml")
        .lines()
        .find_map(|line| line.strip_prefix("id: ").map(str::to_owned));
    let document = json!({ "kind": "kinto/rate", "name": "c3", "id": id, "spec": spec });
    workspace.write("config/c3.yaml", &document.to_string());
    let planned = workspace.expect(2, &["plan", "--detailed-exitcode"]);
    assert!(!planned.all().contains(SECRET), "{}", planned.all());
    converge(&workspace, &[]);
    assert_eq!(read_records(&product, "&code=c3")[0]["token"], SECRET);
    let shows = |(name, text): &(std::path::PathBuf, Vec<u8>)| {
        let found = String::from_utf8_lossy(text).contains(SECRET);
        found.then(|| name.clone())
    };
    assert_eq!(
        workspace.files().iter().filter_map(shows).collect::<Vec<_>>(),
        Vec::<std::path::PathBuf>::new()
    );

    // many at once, then all of them go
    let document = |number: usize| {
        json!({ "kind": "kinto/rate", "name": format!("m{number}"), "spec": { "code": format!("m{number}"), "fee": number } }).to_string()
    };
    let many: Vec<String> = (0..12).map(document).collect();
    workspace.write("config/many.yaml", &many.join("\n---\n"));
    converge(&workspace, &["--parallelism", "6"]);
    assert_eq!(read_records(&product, "").len(), 18, "each was created once");
    let absent: Vec<String> =
        many.iter().map(|one| one.replacen("{\"kind\"", "{\"state\":\"absent\",\"kind\"", 1)).collect();
    workspace.write("config/many.yaml", &absent.join("\n---\n"));
    converge(&workspace, &["--allow-delete=12", "--max-deletes=100%"]);
    assert_eq!(read_records(&product, "").len(), 6);
}
