//! Credentials of a target, and what may be wrong with them.

use serde_json::{Value as Json, json};
use trueup::kind::file::AuthScheme;
use trueup::kind::{Api, Kind};

use super::{House, kinds, open};
use crate::support::canaries::Canaries;
use crate::support::marked_documents::Way;

/// Every way to authenticate that an API takes and that can stand together, and the variables behind it.
pub fn credentials(canaries: &mut Canaries, api: &Api) -> (Json, Vec<(String, String)>) {
    let mut variables = Vec::new();
    let mut auth = json!({});
    // header values are plain visible letters
    let mut source = |name: &str| {
        let value = format!("{}%2F{}", canaries.word(name), canaries.word(name));
        variables.push((name.to_owned(), value));
        json!({ "from_env": name })
    };
    let takes = |word| api.auth.contains(&word);
    match () {
        () if takes(AuthScheme::Token) => auth["token"] = source("CREDENTIAL_TOKEN"),
        () if takes(AuthScheme::Bearer) => auth["bearer"] = source("CREDENTIAL_BEARER"),
        () => {}
    }
    if takes(AuthScheme::Headers) {
        let name = api.auth_headers.first().map_or("X-Canary", String::as_str);
        auth["headers"] = json!({ name: source("CREDENTIAL_HEADER"), "X-More": source("CREDENTIAL_MORE") });
    }
    if takes(AuthScheme::Query) {
        auth["query"] = json!({ "apikey": source("CREDENTIAL_QUERY") });
    }
    (auth, variables)
}

/// A house whose target authenticates so.
fn authenticated(kind: &std::sync::Arc<Kind>, auth: impl Fn(&mut Canaries) -> Json) -> House {
    let mut house = House::new(kind, Way::Env, false, open());
    let auth = auth(&mut house.canaries);
    let target = json!({
        "api": &*kind.api.name, "base_url": house.sandbox.base_url(&kind.api.name), "auth": auth,
        "personal": "write",
    });
    house.input("trueup.yaml", &trueup::yaml::write_yaml(&json!({ "targets": { "there": target } })));
    house
}

fn kind_with(word: AuthScheme) -> std::sync::Arc<Kind> {
    kinds().into_iter().find(|kind| kind.api.auth.contains(&word)).expect("an API that takes it")
}

#[test]
fn sessions_and_names_with_passwords() {
    let kind = kind_with(AuthScheme::Login);
    for sends in
        [json!("bearer"), json!({ "header": "X-Session" }), json!({ "query": "t" }), json!({ "cookie": "s" })]
    {
        let mut house = authenticated(&kind, |_| {
            json!({ "login": {
                "username": { "from_env": "USER_NAME" }, "password": { "from_env": "USER_PASSWORD" }, "sends": sends,
            } })
        });
        let (user, password) = (house.canaries.text("user"), house.canaries.text("password"));
        house.workspace.set("USER_NAME", user);
        house.workspace.set("USER_PASSWORD", password);
        house.run(&["plan"]);
        house.fail("POST:echo:2");
        house.run(&["plan"]);
        house.fail("POST:401:4");
        house.run(&["plan"]);
        house.fail("GET:401:8");
        house.run(&["plan"]);
    }
    let kind = kind_with(AuthScheme::Basic);
    let mut house = authenticated(
        &kind,
        |_| json!({ "basic": { "username": { "from_env": "USER_NAME" }, "password": { "from_file": "password" } } }),
    );
    let (user, password) = (house.canaries.text("user"), house.canaries.text("password"));
    house.workspace.set("USER_NAME", user);
    house.input("password", &password);
    house.run(&["plan"]);
    house.fail("GET:401:8");
    house.run(&["plan"]);
}

#[test]
fn credentials_in_the_wrong_place() {
    let kind = kind_with(AuthScheme::Login);
    let forms: [fn(&str) -> Json; 18] = [
        |word| json!(word),
        |word| json!([word]),
        |word| json!({ "bearer": word }),
        |word| json!({ "bearer": [word] }),
        |word| json!({ "bearer": { "from_env": format!("{word} {word}") } }),
        |word| json!({ "bearer": { "from_env": "A", word: "x" } }),
        |word| json!({ "bearer": { "from_envv": word } }),
        |word| json!({ "bearer": { "value": word } }),
        |word| json!({ "bearer": { "from_command": word } }),
        |word| json!({ "bearr": word }),
        |word| json!({ "basic": word }),
        |word| json!({ "basic": { "username": word, "password": word } }),
        |word| json!({ "basic": { "username": { "from_env": "A" }, "pasword": word } }),
        |word| json!({ "headers": word }),
        |word| json!({ "headers": { "X-Key": word } }),
        |word| json!({ "query": { "key": word } }),
        |word| json!({ "login": { "username": word, "password": word, "sends": word } }),
        |word| json!({ "oauth_password": { "url": "https://x.example", "username": word, "password": word, "client_secret": word } }),
    ];
    for form in forms {
        let mut house = authenticated(&kind, |canaries| form(&canaries.text("a literal")));
        for command in ["validate", "plan"] {
            let ran = house.run(&[command]);
            assert!(ran.iter().all(|ran| ran.code == Some(1)), "{}", ran[0].all());
        }
    }
}

#[test]
fn credentials_in_addresses_and_broken_settings() {
    let kind = kind_with(AuthScheme::Bearer);
    let texts: [fn(&str) -> String; 8] = [
        |word| {
            format!("targets:\n  t:\n    api: carrierx\n    base_url: https://u:{word}@api.carrierx.com\n")
        },
        |word| {
            format!("targets:\n  t:\n    api: carrierx\n    base_url: https://api.carrierx.com/?key={word}\n")
        },
        |word| format!("targets:\n  t:\n    api: carrierx\n    base_url: 'https://u:{word}@'\n"),
        |word| format!("targets:\n  t:\n    api: carrierx\n    auth:\n      bearer: \"{word}\n"),
        |word| format!("targets:\n  t:\n    api: carrierx\n    auth: {{ bearer: {word}\n"),
        |word| {
            format!(
                "targets:\n  t:\n    api: carrierx\n    auth:\n      bearer: {word}\n      bearer: {word}\n"
            )
        },
        |word| {
            format!("targets:\n  t:\n    api: carrierx\n    auth:\n      bearer: |\n        {word}\n     x\n")
        },
        |word| {
            format!(
                "targets:\n  t:\n    api: carrierx\n    auth: # {word}\n      bearer: !x &y {word} # {word}\n"
            )
        },
    ];
    for text in texts {
        let mut house = House::new(&kind, Way::Env, false, open());
        let word = house.canaries.word("in the settings");
        house.input("trueup.yaml", &text(&word));
        for command in ["validate", "plan"] {
            let ran = house.run(&[command]);
            assert!(ran.iter().all(|ran| ran.code == Some(1)), "{}", ran[0].all());
        }
    }
    let mut house = House::new(&kind, Way::Env, false, open());
    let word = house.canaries.text("a list of hosts");
    house.workspace.set("TRUEUP_ALLOWED_HOSTS", word);
    assert!(house.run(&["plan"]).iter().all(|ran| ran.code == Some(1)));
}

#[test]
fn sources_that_give_nothing_good() {
    let kind = kind_with(AuthScheme::Bearer);
    let scripts: [fn(&str) -> String; 4] = [
        |word| format!("#!/bin/sh\necho '{word}' >&2\necho '{word}'\nexit 3\n"),
        |word| format!("#!/bin/sh\necho '{word}'\nkill -9 $$\n"),
        |word| format!("#!/bin/sh\nprintf '{word}\\n\\001\\377\\n'\n"),
        |word| {
            format!(
                "#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo '{word}{word}'; done | tr -d q\n"
            )
        },
    ];
    for script in scripts {
        let mut house = authenticated(&kind, |_| json!({ "bearer": { "from_command": ["sh", "give"] } }));
        let word = house.canaries.word("what a program gives");
        house.input("give", &script(&word));
        house.run(&["plan"]);
    }
    // a value that fits no header
    let mut house = authenticated(&kind, |_| json!({ "bearer": { "from_env": "ODD" } }));
    let word = house.canaries.text("an odd bearer");
    house.workspace.set("ODD", format!("{word}\u{7}\n{word}"));
    house.run(&["plan"]);
}
