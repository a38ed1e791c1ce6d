//! JSV as the real serializer writes and reads it: its own vectors, and the tables of the fact page.
//!
//! Writing must match byte for byte. Reading must give the same values, but for the cases that are named in
//! [`otherwise`] with what is done instead and why.

use std::collections::BTreeSet;

use crate::support::handmade_kinds::*;
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};
use trueup::exchange::WireValue;
use trueup::kind::{AbsenceRule, Kind, ScalarType, UuidFormat, WireFormat};
use trueup::remote::wire;
use trueup::value::{Object, Value};

const VECTORS: &str = include_str!("vectors/jsv.jsonl");

fn vectors() -> Vec<Map<String, Json>> {
    let parse = |line: &str| serde_json::from_str(line).expect("a vector is a JSON object");
    VECTORS.lines().map(parse).collect()
}

fn vector_kind() -> Kind {
    kind(&vector_shape(), 7, servicestack())
}

fn jsv(kind: &Kind, object: &Object) -> String {
    let body = wire::encode_body(&wire_of(&kind.shape, object), WireFormat::Jsv, &kind.api);
    String::from_utf8(body).expect("JSV is UTF-8")
}

/// A .NET date as the serializer's JSON prints it, as its JSV prints it.
fn moment(json: &str) -> String {
    let inner = json.trim_start_matches("/Date(").trim_end_matches(")/");
    let (millis, zone) = inner.split_once(['+', '-']).unwrap_or((inner, ""));
    let time = jiff::Timestamp::from_millisecond(millis.parse().unwrap()).unwrap().to_string();
    match (time.strip_suffix("T00:00:00Z"), zone) {
        (Some(day), _) => day.to_owned(),
        (None, "") => time,
        (None, _) => time.replace('Z', "+00:00"),
    }
}

#[test]
fn every_write_vector_byte_for_byte() {
    let kind = vector_kind();
    let mut written = 0;
    for vector in vectors().iter().filter(|vector| vector.contains_key("write")) {
        let wanted = vector["jsv"].as_str().unwrap();
        let mut json = vector["json"].as_object().unwrap().clone();
        let when = json.remove("when").map(|when| moment(when.as_str().unwrap()));
        let mut object = read(&Json::Object(json).to_string(), WireFormat::Json, &kind);
        // the JSON of the vectors went through a float, which lost the scale
        for (member, number) in [("amount", 5), ("maybeAmount", 6)] {
            if let Some(Value::Decimal(decimal)) = object.get_field(number).cloned() {
                let text =
                    wanted.split_once(&format!("{member}:")).unwrap().1.split([',', '}']).next().unwrap();
                let scaled = Decimal::from_str_exact(text).unwrap();
                assert!(scaled == decimal, "{wanted}");
                object.set_field(number, Value::Decimal(scaled));
            }
        }
        let WireValue::Object(mut members) = wire_of(&kind.shape, &object) else { unreachable!() };
        members.extend(when.map(|when| ("when".to_owned(), WireValue::DateTime(when))));
        let body = wire::encode_body(&WireValue::Object(members), WireFormat::Jsv, &kind.api);
        assert_eq!(String::from_utf8(body).unwrap(), wanted);
        written += 1;
    }
    assert_eq!(written, 50);
}

#[test]
fn every_write_vector_reads_back_as_its_json() {
    let kind = vector_kind();
    for vector in vectors().iter().filter(|vector| vector.contains_key("write")) {
        // a list with one null is written like an empty one
        if vector["write"] == "list with one null" {
            continue;
        }
        let (text, json) = (vector["jsv"].as_str().unwrap(), vector["json"].to_string());
        let (jsv, json) = (read(text, WireFormat::Jsv, &kind), read(&json, WireFormat::Json, &kind));
        assert!(jsv == json, "{text}\n{}\n{}", show(&kind, &jsv), show(&kind, &json));
    }
}

/// What reading comes to: the object in the serializer's own JSON, an error, or fields that did not fit.
#[derive(PartialEq, Debug)]
enum Outcome {
    Object(Json),
    Error,
    Misread(Vec<String>),
}

/// The vectors that are read otherwise than by the service: what is done instead, and why.
fn otherwise(jsv: &str) -> Option<(Outcome, &'static str)> {
    let defaults = |member: &str, value: Json| {
        let mut json = serde_json::json!({"flag": false, "count": 0, "amount": 0, "id": "0".repeat(32)});
        json[member] = value;
        Outcome::Object(json)
    };
    Some(match jsv {
        "{amount:1e3}" => (defaults("amount", 1000.into()), "a number is not silently zero"),
        "{services:[{serviceName:x}, {serviceName:y}]}" => {
            (Outcome::Misread(vec!["/services/1".into()]), "a list is not silently lost")
        }
        "" => (Outcome::Error, "there is no object"),
        "{}" => (Outcome::Error, "an object without one known member is not of the kind"),
        "{\"text\":\"json\"}" | "{\"text\":\"json\",\"count\":3,\"flag\":true,\"names\":[\"a\",\"b\"]}" => {
            (Outcome::Error, "JSON is not JSV; taken for it, every member would be lost")
        }
        "{text:a{b}c,other:d}" => (Outcome::Error, "what follows the closing brace is not silently lost"),
        "{text:\"unterminated}" => (Outcome::Error, "half an answer is no answer"),
        _ => return None,
    })
}

fn outcome(jsv: &str, kind: &Kind) -> Outcome {
    let Ok(live) = wire::read_object(jsv.as_bytes(), WireFormat::Jsv, kind) else { return Outcome::Error };
    if !live.mismatches.is_empty() {
        return Outcome::Misread(live.mismatches.into_iter().map(|misread| misread.pointer).collect());
    }
    Outcome::Object(as_the_service_prints(kind, live.object))
}

/// The service prints members that cannot be null with their zero, and no members that it does not know.
fn as_the_service_prints(kind: &Kind, mut object: Object) -> Json {
    fn complete(object: &mut Object, shape: &trueup::kind::Shape) {
        object.unknown_fields.clear();
        for field in &shape.fields {
            let never_null = matches!(&*field.name, "flag" | "count" | "amount" | "id");
            match object.get_field(field.number) {
                None | Some(Value::Null) if never_null => {
                    object.set_field(field.number, field.ty.build_zero_value())
                }
                Some(Value::Null) => drop(object.take_field(field.number)),
                _ => {}
            }
        }
    }
    let shape = &kind.shape;
    complete(&mut object, shape);
    for number in [shape.find_field("services").unwrap().number, shape.find_field("one").unwrap().number] {
        let inner = match &shape.get_field(number).ty {
            trueup::kind::FieldType::Object(inner) => inner,
            trueup::kind::FieldType::Array(list) => match &list.item {
                trueup::kind::ItemType::Object(inner) => inner,
                trueup::kind::ItemType::Scalar(_) => unreachable!(),
            },
            _ => unreachable!(),
        };
        match object.take_field(number) {
            Some(Value::Object(mut one)) => {
                complete(&mut one, inner);
                object.set_field(number, Value::Object(one));
            }
            Some(Value::Array(mut items)) => {
                for item in &mut items {
                    if let Value::Object(one) = item {
                        complete(one, inner);
                    }
                }
                object.set_field(number, Value::Array(items));
            }
            Some(other) => object.set_field(number, other),
            None => {}
        }
    }
    serde_json::from_str(&show(kind, &object)).unwrap()
}

/// JSON with numbers by value and moments as moments.
fn alike(json: &Json) -> Json {
    match json {
        Json::Number(number) => Json::from(number.as_f64()),
        // what is read keeps the text in which it came; the vectors print the moment
        Json::String(text) if text.starts_with("/Date(") || is_moment(text) => {
            let Ok(Value::DateTime(time)) =
                ScalarType::DateTime.read_token(trueup::kind::scalar::ScalarToken::String(text))
            else {
                panic!("{text} is a time")
            };
            Json::from(time.value.to_string())
        }
        Json::Array(items) => items.iter().map(alike).collect(),
        Json::Object(members) => members.iter().map(|(name, value)| (name.clone(), alike(value))).collect(),
        other => other.clone(),
    }
}

/// A time as text, however it is spelled.
fn is_moment(text: &str) -> bool {
    let year = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-').is_some_and(|(first, _)| first.len() == 4 && year(first))
        && ScalarType::DateTime.read_token(trueup::kind::scalar::ScalarToken::String(text)).is_ok()
}

#[test]
fn every_read_vector() {
    let kind = vector_kind();
    let (mut read, mut other) = (0, BTreeSet::new());
    let vectors = vectors();
    for vector in vectors.iter().filter(|vector| vector.contains_key("read")) {
        let jsv = vector["jsv"].as_str().unwrap();
        let service = match &vector["json"] {
            json if json.get("error").is_some() => Outcome::Error,
            json => Outcome::Object(alike(json)),
        };
        let ours = match outcome(jsv, &kind) {
            Outcome::Object(json) => Outcome::Object(alike(&json)),
            ours => ours,
        };
        match otherwise(jsv) {
            Some((Outcome::Object(json), why)) => {
                assert_eq!(ours, Outcome::Object(alike(&json)), "{jsv}: {why}");
                other.insert(jsv);
            }
            Some((wanted, why)) => {
                assert_eq!(ours, wanted, "{jsv}: {why}");
                assert_ne!(ours, service, "{jsv} needs no exception");
                other.insert(jsv);
            }
            None => assert_eq!(ours, service, "{jsv}"),
        }
        read += 1;
    }
    assert_eq!((read, other.len()), (55, 8));
}

/// v1 to v41: member `a` of an object that also has `b`.
#[test]
fn texts_are_written_as_in_the_table() {
    let zeros = "0".repeat(32);
    let table: &[(&str, &str)] = &[
        ("plain", "plain"),
        ("two words", "two words"),
        (" lead", " lead"),
        ("trail ", "trail "),
        (" ", " "),
        ("", "\"\""),
        ("null", "null"),
        ("True", "True"),
        ("007", "007"),
        ("1.50", "1.50"),
        ("a,b", "\"a,b\""),
        ("a:b", "\"a:b\""),
        ("a{b", "\"a{b\""),
        ("a}b", "\"a}b\""),
        ("a[b", "\"a[b\""),
        ("a]b", "\"a]b\""),
        ("\"", "\"\"\"\""),
        ("a\"b", "\"a\"\"b\""),
        ("\"quoted\"", "\"\"\"quoted\"\"\""),
        ("\"\"", "\"\"\"\"\"\""),
        ("a\nb", "\"a\nb\""),
        ("a\r\nb", "\"a\r\nb\""),
        ("a\tb", "a\tb"),
        ("a\\b", "a\\b"),
        ("a\\\"b", "\"a\\\"\"b\""),
        ("it's", "it's"),
        ("<b>&</b>", "<b>&</b>"),
        ("a;b", "a;b"),
        ("é 日本 😀", "é 日本 😀"),
        ("https://h/p?q=1", "\"https://h/p?q=1\""),
        ("{}", "\"{}\""),
        ("[1,2]", "\"[1,2]\""),
        ("{a:b}", "\"{a:b}\""),
        ("2\" x 1\"", "\"2\"\" x 1\"\"\""),
        ("a=b&c", "a=b&c"),
        ("%20", "%20"),
        ("\u{a0}", "\u{a0}"),
        ("\u{1}", "\u{1}"),
        (&zeros, &zeros),
    ];
    let kind = kind(&shape(vec![("a", text()), ("b", text())]), 0, servicestack());
    for (value, token) in table {
        let mut object = Object::default();
        object.set_field(0, Value::from_text(*value));
        object.set_field(1, Value::from_text("z"));
        let body = format!("{{a:{token},b:z}}");
        assert_eq!(jsv(&kind, &object), body);
        assert!(read(&body, WireFormat::Jsv, &kind) == object, "{body}");
    }
    // v7 and v8
    let mut nulls = Object::default();
    nulls.set_field(0, Value::Null);
    nulls.set_field(1, Value::from_text("z"));
    assert_eq!(jsv(&kind, &nulls), "{b:z}");
    nulls.set_field(1, Value::Null);
    assert_eq!(jsv(&kind, &nulls), "{}");
}

/// v42 to v71.
#[test]
fn other_values_are_written_as_in_the_table() {
    let number = |text: &str| WireValue::Number(text.to_owned());
    let text = |text: &str| WireValue::String(text.to_owned());
    let moment = |text: &str| WireValue::DateTime(text.to_owned());
    let list = |items: &[WireValue]| WireValue::Array(items.to_vec());
    let members = |members: &[(&str, WireValue)]| {
        WireValue::Object(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    };
    let guid = WireValue::Uuid("c0ffee0012344abc9def0123456789ab".parse().unwrap());
    let zero = WireValue::Uuid(uuid::Uuid::nil());
    let one = || members(&[("a", number("1"))]);
    let x_y = members(&[("serviceName", text("x,y"))]);
    let table: &[(&str, WireValue, &str)] = &[
        ("v42", WireValue::Boolean(true), "True"),
        ("v42", WireValue::Boolean(false), "False"),
        ("v43", list(&[number("42"), number("-3")]), "[42,-3]"),
        ("v44", list(&["0", "0.00", "1.50", "100"].map(number)), "[0,0.00,1.50,100]"),
        ("v45", number("0.0000001"), "0.0000001"),
        ("v46", number("-12.34"), "-12.34"),
        ("v47", number("1000000"), "1000000"),
        ("v48", guid.clone(), "c0ffee0012344abc9def0123456789ab"),
        ("v50", members(&[("id", guid.clone())]), "{id:c0ffee0012344abc9def0123456789ab}"),
        ("v51", members(&[("id", zero)]), "{id:00000000000000000000000000000000}"),
        ("v53", members(&[("a", WireValue::Null), ("b", number("1"))]), "{b:1}"),
        ("v54", members(&[("minRange", number("0"))]), "{minRange:0}"),
        ("v55", list(&[]), "[]"),
        ("v56", list(&[text("a"), text("b")]), "[a,b]"),
        ("v57", list(&[text("a,b"), text("c]d")]), "[\"a,b\",\"c]d\"]"),
        ("v58", list(&[text("a"), WireValue::Null, text(""), text("b,c")]), "[a,,\"\",\"b,c\"]"),
        ("v59", list(&[text("")]), "[\"\"]"),
        ("v60", list(&[WireValue::Null]), "[]"),
        ("v61", list(&["1", "2", "3"].map(number)), "[1,2,3]"),
        (
            "v62",
            list(&[list(&[number("1")]), list(&[]), list(&[number("2"), number("3")])]),
            "[[1],[],[2,3]]",
        ),
        ("v63", list(&[one(), WireValue::Null, members(&[])]), "[{a:1},{},{}]"),
        (
            "v64",
            members(&[
                ("a", number("1")),
                ("b c", number("2")),
                ("d:e", number("3")),
                ("", text("")),
                ("n", WireValue::Null),
            ]),
            "{a:1,b c:2,\"d:e\":3,\"\":\"\"}",
        ),
        ("v65", members(&[]), "{}"),
        ("v66", moment("2021-03-04"), "2021-03-04"),
        ("v67", moment("2021-03-04T05:06:07Z"), "2021-03-04T05:06:07Z"),
        ("v68", moment("0001-01-01"), "0001-01-01"),
        ("v69", text("PT1H30M"), "PT1H30M"),
        ("v70", text("AQID"), "AQID"),
        ("v71", members(&[("partnerServices", list(&[x_y]))]), "{partnerServices:[{serviceName:\"x,y\"}]}"),
        ("a stranger", members(&[("z", WireValue::Raw("{a:[1,\"],\"]}".into()))]), "{z:{a:[1,\"],\"]}}"),
        ("a strange null", members(&[("z", WireValue::Raw(String::new()))]), "{}"),
    ];
    let plain = api(&servicestack());
    for (name, value, wanted) in table {
        assert_eq!(
            String::from_utf8(wire::encode_body(value, WireFormat::Jsv, &plain)).unwrap(),
            *wanted,
            "{name}"
        );
    }
    // v49; v52 is the service's own habit, which a client need not have
    let hyphens = api(&Habits { guids: UuidFormat::Hyphenated, ..servicestack() });
    assert_eq!(wire::encode_body(&guid, WireFormat::Jsv, &hyphens), b"c0ffee00-1234-4abc-9def-0123456789ab");
}

/// A shape whose members are those of the reading table.
fn table_kind() -> Kind {
    let service = shape(vec![("id", guid()), ("serviceName", text())]);
    let fields = vec![
        ("a", text()),
        ("b", text()),
        ("flag", flag()),
        ("count", leaf(WHOLE)),
        ("amount", leaf(DECIMAL)),
        ("id", guid()),
        ("services", objects(service)),
        ("names", leaves(TEXT)),
        ("testMode", leaf(WHOLE)),
        ("map", map(TEXT)),
    ];
    kind(&shape(fields), 5, servicestack())
}

/// What reading gives: the object as JSON, `error`, or where it did not fit.
fn reads(jsv: &str, kind: &Kind) -> String {
    match wire::read_object(jsv.as_bytes(), WireFormat::Jsv, kind) {
        Err(_) => "error".to_owned(),
        Ok(live) if live.mismatches.is_empty() => show(kind, &live.object),
        Ok(live) => format!("misread {}", live.mismatches[0].pointer),
    }
}

/// r1 to r27. A third column says where this reader differs from the service's, and why.
#[test]
fn tokens_are_read_as_in_the_table() {
    let strict = "the service's own writer never writes this, and reading it on would lose data";
    let table: &[(&str, &str, &str)] = &[
        ("{A:1,B:2}", r#"{"a":"1","b":"2"}"#, ""),
        ("{a:1,zzz:3,B:2}", r#"{"a":"1","b":"2","zzz":3}"#, "a stranger is kept, for the next PUT"),
        ("{a:,b:2}", r#"{"a":null,"b":"2"}"#, ""),
        ("{a:}", r#"{"a":null}"#, ""),
        ("{a:\"\",b:2}", r#"{"a":"","b":"2"}"#, ""),
        ("{a:null,b:\"null\"}", r#"{"a":"null","b":"null"}"#, ""),
        ("{a:\"x,y\",b:\"say \"\"hi\"\"\"}", r#"{"a":"x,y","b":"say \"hi\""}"#, ""),
        ("{a:x:y,b:2}", r#"{"a":"x:y","b":"2"}"#, ""),
        ("{a:x}y,b:2}", "error", strict),
        ("{a:\"x\\\"y\",b:2}", "error", ""),
        ("{\"a\":1,\"b\":2}", "error", "JSON is not JSV"),
        ("{a: 1,b: 2}", r#"{"a":" 1","b":" 2"}"#, ""),
        ("{ a:1, b:2 }", "error", strict),
        ("{a:1,b:2}\n", "error", ""),
        (" {a:1}", "error", ""),
        ("{a:1,}", "error", ""),
        ("{flag:true}", r#"{"flag":true}"#, ""),
        ("{flag:True}", r#"{"flag":true}"#, ""),
        ("{flag:1}", r#"{"flag":true}"#, ""),
        ("{flag:0}", r#"{"flag":false}"#, ""),
        ("{flag:}", r#"{"flag":null}"#, "the kind says what a missing flag is"),
        ("{flag:null}", r#"{"flag":null}"#, "the kind says what a missing flag is"),
        ("{flag:on}", "misread /flag", "answers have True and False"),
        ("{flag:yes}", "misread /flag", "not silently false"),
        ("{flag: True}", "misread /flag", "the service's own builds disagree"),
        ("{count:1.0}", r#"{"count":1}"#, "not silently zero"),
        ("{count:x}", "misread /count", "not silently zero"),
        ("{count:True}", "misread /count", "not silently zero"),
        ("{amount:12.50}", r#"{"amount":12.50}"#, ""),
        ("{amount:\"1,234.5\"}", "misread /amount", "answers have no separators"),
        ("{amount:1e3}", r#"{"amount":1000}"#, "not silently zero"),
        ("{amount:}", r#"{"amount":null}"#, ""),
        ("{amount:null}", r#"{"amount":null}"#, ""),
        ("{amount:0}", r#"{"amount":0}"#, ""),
        ("{id:c0ffee0012344abc9def0123456789ab}", r#"{"id":"c0ffee0012344abc9def0123456789ab"}"#, ""),
        ("{id:C0FFEE00-1234-4ABC-9DEF-0123456789AB}", r#"{"id":"c0ffee0012344abc9def0123456789ab"}"#, ""),
        ("{id:\"c0ffee00-1234-4abc-9def-0123456789ab\"}", r#"{"id":"c0ffee0012344abc9def0123456789ab"}"#, ""),
        ("{id:zzz}", "misread /id", "not silently zeros"),
        ("{id:}", r#"{"id":null}"#, "the kind says what a missing guid is"),
        ("{services:[]}", r#"{"services":[]}"#, ""),
        ("{services:}", r#"{"services":null}"#, ""),
        ("{services:null}", r#"{"services":null}"#, ""),
        ("{services:[null]}", r#"{"services":[null]}"#, "an item is not silently lost"),
        (
            "{services:[{serviceName:x}, {serviceName:y}]}",
            "misread /services/1",
            "a list is not silently lost",
        ),
        ("{services:[{}]}", r#"{"services":[{}]}"#, ""),
        (
            "{services:[{serviceName:\"a}b]c\"}],testMode:7}",
            r#"{"services":[{"serviceName":"a}b]c"}],"testMode":7}"#,
            "",
        ),
        ("{services:{serviceName:x}}", r#"{"services":[{"serviceName":"x"}]}"#, ""),
        ("{services:x}", "misread /services", "not silently nothing"),
        ("{services:[{id:x,serviceName:y}]}", "misread /services/0/id", "not silently zeros"),
        ("{names:[a, b]}", r#"{"names":["a"," b"]}"#, ""),
        ("{names:null}", r#"{"names":["null"]}"#, ""),
        ("{names:[,]}", r#"{"names":[null,null]}"#, ""),
        ("{names:[\"\"]}", r#"{"names":[""]}"#, ""),
        ("{names:[a,]}", r#"{"names":["a",null]}"#, ""),
        ("{map:{k:v,\"d:e\":,\"\":\"\"}}", r#"{"map":{"k":"v","d:e":null,"":""}}"#, ""),
        ("{map:{k:1,k:2}}", r#"{"map":{"k":"2"}}"#, ""),
        ("{a:1,b:{x:1}}", "misread /b", "an object is not silently a text"),
        (
            "{zzz:{a:[1,{b:\"}\"}]},a:1}",
            r#"{"a":"1","zzz":{a:[1,{b:"}"}]}}"#,
            "a stranger is kept as it came",
        ),
        ("{zzz:[1},a:1}", "error", strict),
        ("{zzz:[1", "error", strict),
        ("{a:1", "error", strict),
        ("{a", "error", strict),
        ("{:1}", "error", strict),
    ];
    let kind = table_kind();
    for (jsv, wanted, why) in table {
        assert_eq!(reads(jsv, &kind), *wanted, "{jsv} {why}");
    }
}

#[test]
fn the_layout_of_the_metadata_pages_is_refused() {
    let kind = table_kind();
    assert_eq!(reads("{\n\ta: String,\n\tb: String\n}", &kind), "error");
    assert_eq!(reads("\u{feff}{a:1}", &kind), r#"{"a":"1"}"#);
}

#[test]
fn a_missing_guid_stays_absent() {
    let kind = table_kind();
    let live = wire::read_object(b"{a:1}", WireFormat::Jsv, &kind).unwrap();
    assert!(live.object.get_field(5).is_none());
    assert!(kind.shape.get_field(5).when_absent == AbsenceRule::Null);
}
