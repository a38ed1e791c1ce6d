//! Syncthing: ids that the client chooses, references inside items, secrets inside items.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::product::{
    Product, StartedProduct, converge, find_last_receipt, find_port, find_program, run_program,
};
use crate::support::workspace::Workspace;

const DEVICES: &str = "/config/devices";
const FOLDERS: &str = "/config/folders";
const SECRET: &str = "syncthing-canary-77ab";

/// The id of a device whose home is made anew.
fn generate_home(program: &Path, folder: &Path, name: &str) -> String {
    let home = format!("--home={}", folder.join(name).display());
    run_program(program, &["generate", &home, "--no-default-folder"], folder);
    let config = std::fs::read_to_string(folder.join(name).join("config.xml")).expect("a configuration");
    let (_, after) = config.split_once("<device id=\"").expect("a device");
    after.split('"').next().expect("an id").to_owned()
}

/// A product that talks to no one, and the id of another device.
fn start_syncthing() -> Option<(Product, String)> {
    let program = find_program("syncthing", None)?;
    let folder = tempfile::tempdir().expect("a folder");
    generate_home(&program, folder.path(), "home");
    let other = generate_home(&program, folder.path(), "other");
    let file = folder.path().join("home/config.xml");
    let mut config = std::fs::read_to_string(&file).expect("a configuration");
    for word in [
        "globalAnnounceEnabled",
        "localAnnounceEnabled",
        "relaysEnabled",
        "natEnabled",
        "crashReportingEnabled",
        "startBrowser",
    ] {
        config = config.replace(&format!("<{word}>true"), &format!("<{word}>false"));
    }
    let listen = format!("<listenAddress>tcp://127.0.0.1:{}", find_port());
    config = config.replace("<listenAddress>default", &listen).replace("<urAccepted>0", "<urAccepted>-1");
    std::fs::write(&file, config).expect("a configuration");
    let (port, home) = (find_port(), format!("--home={}", folder.path().join("home").display()));
    let address = format!("--gui-address=127.0.0.1:{port}");
    let arguments =
        ["serve", &home, "--no-browser", "--no-upgrade", "--no-restart", &address, "--gui-apikey=st-key"];
    let product = Product::start(
        folder,
        &StartedProduct {
            program: &program,
            arguments: &arguments,
            origin: "http://127.0.0.1",
            port,
            path: "/rest",
            credentials: &["-H", "X-API-Key: st-key"],
        },
    );
    Some((product, other))
}

fn open_workspace(product: &Product) -> Workspace {
    let auth = json!({ "headers": { "X-API-Key": { "from_env": "ST_KEY" } } });
    let mut workspace = product.open_workspace("syncthing", &json!({ "api": "syncthing", "auth": auth }));
    workspace.set("ST_KEY", "st-key");
    workspace
}

fn read_folder(product: &Product, id: &str) -> Json {
    product.curl("GET", &format!("{FOLDERS}/{id}"), None)
}

#[test]
fn syncthing_goes_through_every_step() {
    let Some((product, other)) = start_syncthing() else { return };
    let place = |name: &str| product.folder.path().join(name).display().to_string();
    let docs = json!({ "id": "docs", "label": "Docs", "path": place("docs") });
    product.curl("PUT", &format!("{FOLDERS}/docs"), Some(&docs));
    let mut workspace = open_workspace(&product);
    workspace.expect(0, &["api", "check"]);
    workspace.run(&["api", "try", "product"]).says(&["natural key (id): no two objects share it"]);
    for kind in ["syncthing/device", "syncthing/folder"] {
        workspace.expect(0, &["import", kind, "--target", "product", "--output", "config"]);
    }
    workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes: 2 objects unchanged"]);

    // edit and create; the folder refers to the new device, with a secret in its item
    let edited = workspace.read("config/docs.yaml").replace("label: Docs\n", "label: Documents\n");
    workspace.write("config/docs.yaml", &edited);
    let spec = json!({ "deviceID": other, "name": "laptop", "addresses": ["tcp://192.0.2.7:22000"] });
    let device = json!({ "kind": "syncthing/device", "name": "laptop", "id": other, "spec": spec });
    workspace.write("config/laptop.yaml", &device.to_string());
    let shared =
        json!([{ "deviceID": { "ref": "laptop" }, "encryptionPassword": { "from_env": "FOLDER_PASSWORD" } }]);
    let spec = json!({ "id": "photos", "label": "Photos", "path": place("photos"), "devices": shared });
    let folder = json!({ "kind": "syncthing/folder", "name": "photos", "id": "photos", "spec": spec });
    workspace.write("config/photos.yaml", &folder.to_string());
    workspace.set("FOLDER_PASSWORD", SECRET);
    let planned = workspace.expect(2, &["plan", "--detailed-exitcode"]);
    assert!(!planned.all().contains(SECRET), "{}", planned.all());
    converge(&workspace, &[]);
    assert_eq!(read_folder(&product, "docs")["label"], "Documents");
    let items = read_folder(&product, "photos")["devices"].to_string();
    assert!(items.contains(SECRET) && items.contains(&other), "{items}");
    let shows = |text: &[u8]| String::from_utf8_lossy(text).contains(SECRET);
    assert!(!workspace.files().iter().any(|(_, text)| shows(text)), "no file holds a secret");

    // a hand edit is drift; the apply takes it back, the undo brings it again
    product.curl("PATCH", &format!("{FOLDERS}/photos"), Some(&json!({ "label": "Somebody's" })));
    workspace.expect(2, &["drift"]).says(&["drifted", "\"Somebody's\" -> \"Photos\""]);
    converge(&workspace, &[]);
    assert_eq!(read_folder(&product, "photos")["label"], "Photos");
    assert!(read_folder(&product, "photos")["devices"].to_string().contains(SECRET), "the secret stays");
    workspace.expect(0, &["undo", "--auto-approve", &find_last_receipt(&workspace)]);
    assert_eq!(read_folder(&product, "photos")["label"], "Somebody's");
    converge(&workspace, &[]);

    // several at once; then they go
    let document = |number: usize, state: &str| {
        let id = format!("many{number}");
        let spec = json!({ "id": id, "path": place(&id) });
        json!({ "kind": "syncthing/folder", "name": id, "id": id, "state": state, "spec": spec }).to_string()
    };
    let all = |state| (0..8).map(|number| document(number, state)).collect::<Vec<_>>().join("\n---\n");
    workspace.write("config/many.yaml", &all("present"));
    converge(&workspace, &["--parallelism", "4"]);
    assert_eq!(product.curl("GET", FOLDERS, None).as_array().map(Vec::len), Some(10));
    workspace.write("config/many.yaml", &all("absent"));
    converge(&workspace, &["--allow-delete=8", "--max-deletes=100%"]);
    assert_eq!(product.curl("GET", FOLDERS, None).as_array().map(Vec::len), Some(2));
    assert_eq!(product.curl("GET", DEVICES, None).as_array().map(Vec::len), Some(2));
}
