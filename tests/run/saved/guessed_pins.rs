//! A four-digit PIN that someone tries to guess from what is published: everything else is known to them, the
//! program included, and every digest that a file holds is held against all ten thousand PINs.

use std::collections::BTreeSet;
use std::sync::Arc;

use hmac::{Hmac, Mac};
use secrecy::SecretString;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use trueup::diagnostic::{NamedSource, has_errors};
use trueup::document::{self, Document, ValueSource};
use trueup::kind::WireFormat;
use trueup::kind::registry::KindRegistry;
use trueup::plan::digest::{self, StepDigest};
use trueup::plan::propose::ProposalInput;
use trueup::plan::rotate::NO_ROTATION;
use trueup::plan::step::{DecideOptions, PlanDecision, decide_object};
use trueup::plan::{EmptyWriteHistory, PlanSubject, Step};
use trueup::remote::wire;
use trueup::state::key_file::{KeyPurpose, read_key};
use trueup::value::{Object, Sensitivity, Value};

use crate::support::sandbox_fixture::SandboxFixture;

const GATEWAY: &str = "bootview/payment-gateway";
const PINS: usize = 10_000;
const PIN: &str = "4711";

fn pins() -> impl Iterator<Item = String> {
    (0..PINS).map(|pin| format!("{pin:04}"))
}

/// One gateway whose secrets are all the same PIN in its document.
struct Case {
    fixture: SandboxFixture,
    names: Vec<String>,
}

impl Case {
    fn new() -> Self {
        let mut fixture = SandboxFixture::new(GATEWAY, 1, WireFormat::Json);
        let names: Vec<String> =
            fixture.documents[0].variables.iter().map(|(name, _)| name.clone()).collect();
        assert!(!names.is_empty());
        names.iter().for_each(|name| fixture.workspace.set(name, PIN));
        Self { fixture, names }
    }

    /// The live object, which the guesser knows but for its PIN.
    fn live(&self) -> Object {
        let bytes = serde_json::to_vec(&self.fixture.dump()[0]["object"]).expect("JSON");
        wire::read_object(&bytes, WireFormat::Json, &self.fixture.kind).expect("an object").object
    }

    /// The same with another PIN.
    fn live_with(&self, live: &Object, pin: &str) -> Object {
        let mut live = live.clone();
        let secrets =
            self.fixture.kind.shape.fields.iter().filter(|field| field.sensitivity == Sensitivity::Secret);
        for field in secrets {
            // that there is one is no secret
            if live.get_field(field.number).is_some_and(|value| !value.is_blank()) {
                live.set_field(field.number, Value::from_text(pin));
            }
        }
        live
    }

    fn document(&self) -> Document {
        let source = NamedSource::new("config/000.yaml", self.fixture.workspace.read("config/000.yaml"));
        let mut faults = Vec::new();
        let document = document::read_documents(&source, KindRegistry::get_builtin(), &mut faults)
            .pop()
            .expect("a document");
        assert!(!has_errors(&faults));
        document
    }

    /// The step that the program would make if the PINs were these.
    fn step(&self, document: &Document, wanted: &str, live: &Object) -> Step {
        let mut document = document.clone();
        let known = |slot: &ValueSource| match slot {
            ValueSource::Env(name) if self.names.contains(name) => Some(SecretString::from(wanted)),
            _ => None,
        };
        document.resolve_sources(&known, &mut Vec::new());
        let subject = PlanSubject {
            number: 0,
            kind: Arc::clone(&document.kind),
            name: Arc::clone(&document.name),
            environment: None,
            target: "there".into(),
            scope: document.scope.iter().map(|(_, value)| value.clone()).collect(),
            id: live.get_field(document.kind.identity.id).cloned(),
            place: document.locate_span(document.name_span),
        };
        let (document, subject) = (&document, &subject);
        let question = ProposalInput {
            document,
            subject,
            live: Some(live),
            write_history: &EmptyWriteHistory,
            rotation: &NO_ROTATION,
        };
        match decide_object(&question, DecideOptions::default()) {
            PlanDecision::Step(step) => *step,
            _ => panic!("a PIN that differs is a step"),
        }
    }

    /// A key that only its owner may read.
    fn write_key(&self, key: &str) {
        self.fixture.workspace.write(".trueup/key", key);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let private = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(self.fixture.workspace.path(".trueup/key"), private).expect("a mode");
        }
    }

    fn plan(&self) -> Json {
        self.fixture.workspace.expect(0, &["plan", "-o", "plan.json"]).says(&["1 to update"]);
        serde_json::from_str(&self.fixture.workspace.read("plan.json")).expect("JSON")
    }
}

fn texts(step: &StepDigest) -> BTreeSet<String> {
    let fields = step.field_digests.iter().map(|(_, digest)| digest.clone());
    fields.chain([step.precondition.clone(), step.payload.clone()]).collect()
}

/// Every text of a file that may be a digest.
fn digests(json: &Json) -> BTreeSet<String> {
    fn walk(json: &Json, found: &mut BTreeSet<String>) {
        match json {
            Json::String(text) if text.len() >= 16 && text.bytes().all(|b| b.is_ascii_hexdigit()) => {
                found.insert(text.to_lowercase());
            }
            Json::Array(items) => items.iter().for_each(|item| walk(item, found)),
            Json::Object(members) => members.values().for_each(|member| walk(member, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    walk(json, &mut found);
    found
}

/// What someone without a key can make of a PIN alone.
fn simple(pin: &str) -> Vec<String> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut made = vec![hex(&Sha256::digest(pin)), digest::digest_bytes(pin.as_bytes(), None)];
    for key in ["", "trueup"] {
        let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key").chain_update(pin);
        made.push(hex(&mac.finalize().into_bytes()));
        made.push(digest::digest_bytes(pin.as_bytes(), Some(key.as_bytes())));
    }
    made
}

/// Whether any digest of a file follows from a PIN alone, whole or cut.
fn follows(published: &BTreeSet<String>, pin: &str) -> bool {
    simple(pin).iter().any(|made| published.iter().any(|own| made.starts_with(own.as_str())))
}

#[test]
fn without_a_key_all_ten_thousand_pins_give_the_published_digests() {
    let case = Case::new();
    let published = digests(&case.plan());
    let (document, live) = (case.document(), case.live());
    let own = texts(&digest::digest_step(&case.step(&document, PIN, &live), None));
    assert!(
        own.is_subset(&published),
        "the guesser's program makes what the file holds\n{own:?}\n{published:?}"
    );
    for pin in pins() {
        // as the PIN that is wanted, and as the one that is live
        assert!(
            texts(&digest::digest_step(&case.step(&document, &pin, &live), None)) == own,
            "{pin} is told apart"
        );
        let other = if pin == PIN { "4712" } else { PIN };
        let step = case.step(&document, other, &case.live_with(&live, &pin));
        assert!(texts(&digest::digest_step(&step, None)) == own, "{pin} is told apart");
        assert!(!follows(&published, &pin), "{pin}");
    }
}

#[test]
fn under_a_key_no_pin_gives_a_published_digest() {
    let mut case = Case::new();
    case.fixture.workspace.set("TRUEUP_DIGEST_KEY", "a key of the operator's own");
    let plan = case.plan();
    assert_eq!(plan["seal"]["keyed"], true);
    let published = digests(&plan);
    let (document, live) = (case.document(), case.live());
    let names: BTreeSet<String> = published.iter().cloned().collect();
    for pin in pins() {
        let step = case.step(&document, &pin, &live);
        assert!(
            texts(&digest::digest_step(&step, Some(pin.as_bytes()))).is_disjoint(&names),
            "{pin} is told apart"
        );
        assert!(!follows(&published, &pin), "{pin}");
    }
    // the same program with the key does make them, so the search above could have found something
    let own =
        texts(&digest::digest_step(&case.step(&document, PIN, &live), Some(b"a key of the operator's own")));
    assert!(own.is_subset(&published));
}

#[test]
fn nothing_that_an_apply_leaves_tells_a_pin() {
    let case = Case::new();
    let (document, live) = (case.document(), case.live());
    case.fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    let mut left = BTreeSet::new();
    for folder in [".trueup/receipts", ".trueup/journal"] {
        for entry in std::fs::read_dir(case.fixture.workspace.path(folder)).expect("a folder") {
            let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a text");
            let whole = serde_json::from_str(&text).map(|json: Json| vec![json]);
            let lines = || text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            left.extend(whole.unwrap_or_else(|_| lines()).iter().flat_map(digests));
        }
    }
    // a run that writes what does not read back makes the digests of its steps under the key of the workspace
    let key = read_key(&case.fixture.workspace.path(".trueup"), KeyPurpose::Digests).expect("a file");
    let key = key.expect("a key");
    let sent = |key| digest::digest_step(&case.step(&document, PIN, &live), key).payload;
    assert!(left.contains(&sent(Some(&key))), "a receipt holds the digest of what was sent");
    assert!(!left.contains(&sent(None)), "not one that everybody can make");
    let before = case.live_with(&live, "0815");
    let own = digest::digest_step(&case.step(&document, PIN, &before), None).payload;
    for pin in pins() {
        let live = if pin == "0815" { &live } else { &before };
        assert!(
            digest::digest_step(&case.step(&document, &pin, live), None).payload == own,
            "{pin} is told apart"
        );
        assert!(!follows(&left, &pin), "{pin}");
    }
}

#[test]
fn the_key_of_the_workspace_is_used_where_there_is_one() {
    let case = Case::new();
    assert_eq!(case.plan()["seal"]["keyed"], false);
    case.write_key("0123456789abcdef");
    // what was made before the key is applied without it
    case.fixture.workspace.expect(0, &["show", "plan.json"]).says(&["1 to update"]);
    let unkeyed = case.fixture.workspace.read("plan.json");
    let plan = case.plan();
    assert_eq!(plan["seal"]["keyed"], true);
    let live = case.live();
    let own = digest::digest_step(&case.step(&case.document(), PIN, &live), Some(b"0123456789abcdef"));
    assert!(texts(&own).is_subset(&digests(&plan)));
    case.fixture.workspace.remove(".trueup/key");
    case.fixture.workspace.expect(1, &["apply", "plan.json", "--auto-approve"]).complains(&["no-digest-key"]);
    case.write_key("another");
    case.fixture.workspace.expect(1, &["apply", "plan.json", "--auto-approve"]).complains(&["tampered-plan"]);
    case.fixture.workspace.write("plan.json", &unkeyed);
    case.fixture.workspace.expect(0, &["apply", "plan.json", "--auto-approve"]).says(&["1 done"]);
}
