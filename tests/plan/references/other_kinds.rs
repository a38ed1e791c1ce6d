//! References in the other two built-in APIs, in schemas, in descriptions and on the command line.

use std::process::Command;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value as Json, json};
use trueup::kind::registry::KindRegistry;
use trueup::kind::schema;

use super::reference_fixture::{ReferenceFixture, listed};

const PARTNER: &str = "carrierx/partner";

fn partner(name: &str, rest: &str) -> String {
    format!("kind: carrierx/partner\nname: {name}\nspec:\n  login: {name}\n{rest}")
}

#[test]
fn a_rule_is_named_instead_of_its_id() {
    let fixture = ReferenceFixture::of(&[PARTNER]);
    let live = fixture.live(PARTNER);
    let owner = live.iter().find(|one| one["acls"][0]["access_control_rules"][0].is_string()).expect("rules");
    let document = |name: &dyn Fn(&str) -> String| {
        let login = owner["login"].as_str().expect("a login");
        let mut text = format!("kind: carrierx/partner\nname: p\nspec:\n  login: {login}\n  acls:\n");
        for acl in owner["acls"].as_array().expect("lists") {
            let rules = acl["access_control_rules"].as_array().expect("ids").iter();
            let rules: Vec<String> =
                rules.map(|rule| format!("{{ name: {} }}", name(rule.as_str().expect("an id")))).collect();
            let (direction, rules) = (acl["direction"].as_str().expect("a word"), rules.join(", "));
            text.push_str(&format!("    - direction: {direction}\n      access_control_rules: [{rules}]\n"));
        }
        text
    };
    fixture.plan(&document(&|rule| format!("name {rule}"))).agrees();
    assert_eq!(fixture.reads("/accesscontrol/rules"), 1);
    let ran = fixture.plan(&document(&|rule| format!("no {rule}")));
    ran.says("unknown-reference", 7, &["this `name`, `no "]);
}

#[test]
fn a_partner_that_shows_late_can_be_referred_to_all_the_same() {
    let fixture = ReferenceFixture::of(&[PARTNER]);
    let more = "  name: Some\n  company_name: Some\n  country_code: USA\n";
    let parent = partner("parent", more);
    let child = partner("child", &format!("{more}  parent_sid: {{ ref: parent }}\n"));
    let both = format!("{child}---\n{parent}");
    let ran = fixture.apply(&both);
    let posts: Vec<Json> = fixture.writes().into_iter().map(|(_, body)| body).collect();
    assert_eq!(posts.len(), 2, "{}", ran.all());
    ran.ends(&["child done", "parent done"]);
    let sid = posts[1]["parent_sid"].as_str().expect("an id");
    assert_eq!(posts[1]["login"], "child");
    // neither shows before its mail is confirmed; both are known by their ids
    fixture.apply(&both).ends(&["child unchanged", "parent unchanged"]);
    fixture.sandbox().verify_pending();
    fixture.apply(&both).ends(&["child unchanged", "parent unchanged"]);
    assert_eq!(fixture.one(PARTNER, "login", "parent")["partner_sid"], sid);
    assert_eq!(fixture.one(PARTNER, "login", "child")["parent_sid"], sid);
}

#[test]
fn a_key_that_a_filter_cannot_say_is_looked_for_in_the_list() {
    let fixture = ReferenceFixture::of(&[PARTNER]);
    let odd = "kind: carrierx/partner\nname: odd\nspec:\n  login: 'a\"b'\n";
    fixture.plan(odd).shows(&["1 to create"]);
    let reads: Vec<_> = fixture.log().into_iter().filter(|entry| entry.method == "GET").collect();
    assert!(
        !reads.is_empty() && reads.iter().all(|entry| entry.query.iter().all(|(name, _)| name != "filter"))
    );
    fixture.sandbox().clear_log();
    fixture.plan(&odd.replace('"', ""));
    assert!(fixture.log().iter().any(|entry| entry.query.iter().any(|(name, _)| name == "filter")));
}

fn compiled(kind: &str) -> (Schemas, SchemaIndex) {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    let kind = KindRegistry::get_builtin().find_kind(kind).expect("a kind");
    compiler
        .add_resource(
            "kind.json",
            schema::build_document_schema(&kind, &schema::WorkspaceNames::default()).to_value(),
        )
        .expect("a schema");
    let index = compiler.compile("kind.json", &mut schemas).expect("a schema that compiles");
    (schemas, index)
}

#[test]
fn schema_and_checker_are_of_one_mind_about_references() {
    let (keypro, bokamera) = (compiled("keypro/customer"), compiled("bokamera/customer"));
    let language = |value: Json| {
        (
            &keypro,
            json!({ "kind": "keypro/customer", "name": "a", "spec": { "customer_number": "1", "Customer_language": value } }),
        )
    };
    let address = |value: Json| {
        (
            &keypro,
            json!({ "kind": "keypro/customer", "name": "a", "spec": { "customer_number": "1", "Address": value } }),
        )
    };
    let question = |value: Json| {
        let spec = json!({ "Email": "a@example.org", "CustomFields": [{ "Id": value, "Value": "1" }] });
        (&bokamera, json!({ "kind": "bokamera/customer", "name": "a", "spec": spec }))
    };
    let fixture = ReferenceFixture::at(
        KindRegistry::with_workspace(Vec::new(), &mut Vec::new()),
        "http://localhost/".parse().expect("a url"),
    );
    let cases = [
        (language(json!(11)), true),
        (language(json!("11")), true),
        (language(json!({ "logical_txt": "FI" })), true),
        (language(json!({ "txt": "Suomi" })), true),
        (language(json!({ "txt": 7 })), true),
        (language(json!({ "text": "Suomi" })), false),
        (language(json!({ "txt": "Suomi", "logical_txt": "FI" })), false),
        (language(json!({})), false),
        (language(json!({ "txt": "" })), false),
        (language(json!({ "txt": ["Suomi"] })), false),
        (language(json!({ "ref": "a" })), false),
        (language(json!("Suomi")), false),
        (language(Json::Null), false),
        (address(json!({ "id": 1 })), false),
        (question(json!(12)), true),
        (question(json!({ "Name": "Members" })), true),
        (question(json!({ "name": "Members" })), false),
    ];
    for (((schemas, index), document), right) in cases {
        assert_eq!(schemas.validate(&document, *index).is_ok(), right, "the schema of {document}");
        let (_, faults) = fixture.read(&trueup::yaml::write_yaml(&document));
        assert_eq!(faults.is_empty(), right, "{document}: {}", listed(&faults));
    }
}

#[test]
fn a_kind_that_is_named_by_its_documents_has_no_other_names() {
    let kind = "format: 1\ntitle: T\ndescription: T.\nidentity: { id: id }\noperations: { list: { get: /ts } }\nproperties:\n  \
        id: { type: integer, description: The id., read_only: true, example: 1 }\n  \
        up: { type: integer, description: Above., reference: { by: [name], source: { kind: own/t } }, example: 1 }\n";
    let api = "format: 1\ntitle: O\ndescription: O.\nformats: [json]\n";
    let files = [("apis/own/api.yaml", api), ("apis/own/t.yaml", kind)];
    let mut faults = Vec::new();
    KindRegistry::with_workspace(
        files.map(|(path, text)| (path.to_owned(), text.to_owned())).into(),
        &mut faults,
    );
    let listed = listed(&faults);
    assert!(listed.contains("contradiction 8: a document names an object of a kind"), "{listed}");
}

#[test]
fn validate_tells_a_name_that_no_document_has() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        std::fs::write(path, text).expect("a file");
    };
    write("trueup.yaml", "targets:\n  there: { api: carrierx, auth: { bearer: { from_env: TOKEN } } }\n");
    write("config/a.yaml", &partner("child", "  parent_sid: { ref: perent }\n"));
    write("config/b.yaml", &partner("parent", ""));
    let validate = |paths: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
        let done = command.arg("-C").arg(folder.path()).arg("validate").args(paths).output().expect("a run");
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    let (code, err) = validate(&[]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("unknown-reference") && err.contains("did you mean `parent`?"), "{err}");
    assert!(err.contains("config/a.yaml:5:15"), "{err}");
    // of a part of the workspace no one can say what is not in it
    let (code, err) = validate(&["config/a.yaml"]);
    assert_eq!(code, Some(0), "{err}");
}
