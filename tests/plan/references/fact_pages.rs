//! The bodies and answers that the fact pages print, served and sent as they stand there; and servers that
//! are not quite as described.

use serde_json::{Value as Json, json};
use trueup::diagnostic::Diagnostic;
use trueup::kind::registry::KindRegistry;
use trueup::plan::propose::GrantedPermissions;

use super::reference_fixture::{COMPANY, ReferenceFixture};
use crate::support::stub_server::{ReceivedRequest, StubServer};

const CUSTOMER: &str = "cccccccc-0000-4000-8000-000000000003";

/// A fixture around a server.
fn around(server: &StubServer) -> ReferenceFixture {
    let mut faults: Vec<Diagnostic> = Vec::new();
    ReferenceFixture::at(KindRegistry::with_workspace(Vec::new(), &mut faults), server.url.clone())
}

fn keypro(spec: &str) -> String {
    format!("kind: keypro/customer\nname: c\nspec:\n  customer_number: \"10044\"\n{spec}")
}

/// The printed page of the list, with no one after it.
fn keypro_page() -> Json {
    json!({
        "Next": null, "Prev": null,
        "Results": [{
            "id": 501, "customer_number": "10044", "customer_name": "Esimerkki Oy",
            "Address": { "id": 21685370, "...": "..." },
            "Customer_language":
                { "id": 11, "groupname": "...", "list_url": "...", "logical_txt": "FI", "txt": "Suomi" },
            "Customer_state": { "id": 21 }, "Customer_type": { "id": 31 },
            "Customer_restricted_type": null, "Invoicing_address": null,
            "customer_email": "a@example.fi", "no_sms": false, "...": "...",
        }],
    })
}

/// The printed answer of a create.
fn keypro_flat() -> Json {
    json!({
        "Address": null, "Customer_language": 11, "Customer_restricted_type": null, "Customer_state": 21,
        "Customer_type": 31, "Invoicing_address": null, "coop_date": null, "coop_member": false,
        "coop_reimburse_date": null, "coop_sum": null, "customer_country": "", "customer_email": "",
        "customer_name": "Uusi Asiakas", "customer_name_ext": "", "customer_number": "10045",
        "customer_phone": "", "edited_by_customer_timestamp": null, "id": 502, "identification": "",
        "invoicing_country": "", "invoicing_name": "", "is_edited_by_customer": false, "no_sms": false,
        "note": "", "phone2": "", "two_sms_numbers": false, "vat_code": "", "water_db_id": null,
    })
}

#[test]
fn the_printed_page_of_keypro_is_read_and_nested_things_are_their_ids() {
    let server = StubServer::new(|_| (200, keypro_page()));
    let spec = "  customer_name: Esimerkki Oy\n  Address: 21685370\n  Customer_language: 11\n  \
        Customer_state: 21\n  Customer_type: 31\n  Customer_restricted_type: null\n  no_sms: false\n";
    around(&server).plan(&keypro(spec)).agrees();
    assert_eq!(
        server.lines(),
        ["GET /api/v2/customers/?orderby=id&customer_number=10044&limit=100&offset=0"]
    );
}

#[test]
fn the_printed_create_patch_and_delete_of_keypro() {
    let state = std::sync::Mutex::new(None::<Json>);
    let server = StubServer::new(move |requested| {
        let mut state = state.lock().expect("no panic");
        match (requested.verb.as_str(), state.as_mut()) {
            ("POST", _) => {
                *state = Some(keypro_flat());
                (201, keypro_flat())
            }
            ("PATCH", Some(live)) => {
                for (name, value) in requested.body.as_object().expect("members") {
                    live[name] = value.clone();
                }
                (200, live.clone())
            }
            ("DELETE", _) => {
                *state = None;
                (204, Json::Null)
            }
            ("GET", Some(live)) if requested.path.starts_with("/api/v2/customers/502/") => {
                (200, live.clone())
            }
            ("GET", None) if requested.path.starts_with("/api/v2/customers/502/") => {
                (404, json!({ "details": "Not found." }))
            }
            (_, live) => {
                (200, json!({ "Next": null, "Prev": null, "Results": live.iter().collect::<Vec<_>>() }))
            }
        }
    });
    let mut fixture = around(&server);
    let new = "kind: keypro/customer\nname: c\nspec:\n  customer_number: \"10045\"\n  customer_name: Uusi Asiakas\n  \
        Customer_language: 11\n  Customer_state: 21\n  Customer_type: 31\n";
    fixture.apply(new).ends(&["c done"]);
    let changed = format!("{}  customer_phone: \"+358401234567\"\n", new.replace("state: 21", "state: 22"));
    fixture.apply(&changed).ends(&["c done"]);
    fixture.permits = GrantedPermissions { delete: true, ..GrantedPermissions::default() };
    fixture.apply(&new.replace("spec:", "state: absent\nspec:")).ends(&["c done"]);
    assert_eq!(
        server.bodies(),
        [
            json!({
                "customer_number": "10045", "customer_name": "Uusi Asiakas", "Customer_language": 11,
                "Customer_state": 21, "Customer_type": 31,
            }),
            json!({ "customer_phone": "+358401234567", "Customer_state": 22 }),
            Json::Null,
        ]
    );
    let writes: Vec<String> = server.lines().into_iter().filter(|line| !line.starts_with("GET")).collect();
    assert_eq!(
        writes,
        ["POST /api/v2/customers/", "PATCH /api/v2/customers/502/", "DELETE /api/v2/customers/502/"]
    );
}

#[test]
fn the_printed_refusals_of_keypro_are_reported_at_their_lines() {
    for (status, body, code, line, words) in [
        (
            400,
            json!({ "customer_name": ["This field is required."] }),
            "required-hidden",
            2,
            "`customer_name`",
        ),
        (400, json!({ "invoicing_country": ["Not a country."] }), "rejected-field", 5, "Not a country."),
        (401, json!({ "details": "Authentication credentials were not provided" }), "unauthorized", 2, "401"),
        (404, json!({ "details": "Not found." }), "rejected-request", 2, "Not found."),
    ] {
        let server = StubServer::new(move |requested| match requested.verb.as_str() {
            "GET" => {
                let mut page = keypro_page();
                // a protected value that the token's user may not see
                page["Results"][0].as_object_mut().expect("members").remove("customer_name");
                let one = requested.path.contains("/501/");
                (200, if one { page["Results"][0].take() } else { page })
            }
            _ => (status, body.clone()),
        });
        let ran = around(&server).apply(&keypro("  invoicing_country: SE\n"));
        ran.ends(&["c failed"]).says(code, line, &[words]);
        assert_eq!(server.bodies(), [json!({ "invoicing_country": "SE" })]);
    }
}

#[test]
fn a_protected_value_that_is_not_there_is_left_alone() {
    let server = StubServer::new(|_| {
        let mut page = keypro_page();
        page["Results"][0].as_object_mut().expect("members").remove("customer_email");
        (200, page)
    });
    let ran = around(&server).plan(&keypro("  customer_email: b@example.fi\n  no_sms: true\n"));
    ran.says("not-comparable", 5, &["`customer_email`"]).shows(&["sends no_sms"]);
    assert!(!ran.all().contains("b@example"), "{}", ran.all());
}

/// A server whose members are all in small letters, and that takes no others.
fn small() -> StubServer {
    let live = std::sync::Mutex::new(lower(&keypro_page()["Results"][0]));
    StubServer::new(move |requested| {
        let mut live = live.lock().expect("no panic");
        if requested.path.contains("/constants/") {
            let thing = |id: u32, name: &str| json!({ "id": id, "logical_txt": name, "txt": name });
            return (
                200,
                json!({ "next": null, "prev": null, "results": [thing(21, "ACTIVE"), thing(22, "ENDED")] }),
            );
        }
        if requested.verb == "PATCH" {
            for (name, value) in requested.body.as_object().expect("members") {
                // a member in another case is passed over in silence
                if live.get(name).is_some() {
                    live[name] = value.clone();
                }
            }
            return (200, live.clone());
        }
        live["customer_state"] = json!({ "id": live["customer_state"].get("id").unwrap_or(&live["customer_state"]), "list_url": "constants/state/" });
        match requested.path.starts_with("/api/v2/customers/501/") {
            true => (200, live.clone()),
            false => (200, json!({ "next": null, "prev": null, "results": [live.clone()] })),
        }
    })
}

fn lower(object: &Json) -> Json {
    object
        .as_object()
        .expect("members")
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value.clone()))
        .collect()
}

#[test]
fn members_are_written_as_the_service_spells_them() {
    let server = small();
    let fixture = around(&server);
    let spec =
        keypro("  Customer_state: { logical_txt: ENDED }\n  Address: 7\n  customer_email: b@example.fi\n");
    fixture.apply(&spec).ends(&["c done"]);
    assert_eq!(
        server.bodies(),
        [json!({ "address": 7, "customer_state": 22, "customer_email": "b@example.fi" })]
    );
    fixture.apply(&spec).ends(&["c unchanged"]);
    let lines = server.lines();
    assert!(lines.iter().any(|line| line.starts_with("GET /api/v2/constants/state/?")), "{lines:?}");
}

#[test]
fn a_list_on_another_host_is_not_asked_for() {
    let elsewhere = StubServer::new(|_| (200, json!([])));
    let url = elsewhere.url.join("constants/").expect("a url").to_string();
    for url in [url.as_str(), "https://net.example.fi/constants/", "//net.example.fi/constants/", "ftp://x"] {
        let mut page = keypro_page();
        page["Results"][0]["Customer_language"]["list_url"] = json!(url);
        let server = StubServer::new(move |_| (200, page.clone()));
        let ran = around(&server).plan(&keypro("  Customer_language: { logical_txt: SV }\n"));
        ran.says("other-origin", 5, &["where its credentials do not go"]);
        assert_eq!(server.requested().len(), 1, "{url}");
        assert!(!ran.complete);
    }
    assert!(elsewhere.requested().is_empty());
}

/// A server that gives things by pages, as many at a time as it likes.
fn paged(count: usize, honest: bool) -> StubServer {
    StubServer::new(move |requested| {
        if !requested.path.starts_with("/other/constants/") {
            let mut page = keypro_page();
            page["Results"][0]["Customer_language"]["list_url"] = json!("/other/constants/?group=lang");
            return (200, page);
        }
        assert!(requested.path.contains("group=lang"), "{}", requested.path);
        let offset = parameter(requested, "offset").filter(|_| honest).unwrap_or(0);
        let thing =
            |id: usize| json!({ "id": id, "logical_txt": format!("L{id}"), "txt": format!("T{}", id / 2) });
        let things: Vec<Json> = (offset..count.min(offset + 40)).map(thing).collect();
        let next = (offset + 40 < count).then_some("https://ignored.example/");
        (200, json!({ "Next": next, "Prev": null, "Results": things }))
    })
}

fn parameter(requested: &ReceivedRequest, name: &str) -> Option<usize> {
    let (_, query) = requested.path.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))?.parse().ok())
}

#[test]
fn a_list_of_constants_has_pages_and_may_be_anywhere_on_the_same_host() {
    let server = paged(100, true);
    let ran = around(&server).plan(&keypro("  Customer_language: { logical_txt: L97 }\n"));
    ran.shows(&["Customer_language  11 -> 97"]);
    assert_eq!(server.lines().iter().filter(|line| line.contains("/other/constants/")).count(), 3);
    let ran = around(&server).plan(&keypro("  Customer_language: { txt: T40 }\n"));
    ran.says("ambiguous-reference", 5, &["80 (L80, T40), 81 (L81, T40)"]);
    let ran = around(&server).plan(&keypro("  Customer_language: { logical_txt: nothing }\n"));
    ran.says("unknown-reference", 5, &["none of the 100 things", "and 88 more"]);
}

#[test]
fn a_list_of_constants_that_gives_the_same_page_for_ever_ends() {
    let server = paged(100, false);
    let ran = around(&server).plan(&keypro("  Customer_language: { logical_txt: L97 }\n"));
    ran.says("incomplete-list", 5, &["a page repeats items of earlier pages"]);
    assert_eq!(server.requested().len(), 3, "{:?}", server.lines());
}

#[test]
fn a_service_that_ignores_the_filter_is_not_believed() {
    // someone else's page first, and the wanted customer on the second one
    let server = StubServer::new(|requested| {
        let customer = |id: usize| {
            let mut one = keypro_page()["Results"][0].clone();
            one["id"] = json!(id);
            one["customer_number"] = json!(format!("{}", 9900 + id));
            one
        };
        let offset = parameter(requested, "offset").unwrap_or(0);
        let some: Vec<Json> = (offset..150.min(offset + 100)).map(customer).collect();
        let next = (offset + 100 < 150).then(|| format!("?orderby=id&limit=100&offset={}", offset + 100));
        (200, json!({ "Next": next, "Prev": null, "Results": some }))
    });
    let ran = around(&server).plan(&keypro("  no_sms: true\n"));
    ran.shows(&["1 to update", "id 144"]);
    let missing = keypro("  no_sms: true\n").replace("10044", "77");
    let ran = around(&server).plan(&missing);
    assert!(ran.codes().contains(&"missing-field"), "it is a create, and known to be one: {}", ran.all());
}

/// The printed answer of BokaMera's list.
fn bokamera_page() -> Json {
    json!({ "Offset": 0, "Total": 1, "Results": [bokamera_customer()] })
}

fn bokamera_customer() -> Json {
    json!({
        "Id": CUSTOMER, "Firstname": "Eva", "Lastname": "Ek", "Email": "eva@example.org",
        "Phone": "0700000001",
        "CustomFields": [{
            "Id": 12, "Name": "Members", "Description": "How many", "DataType": "TextBox", "DefaultValue": "1",
            "IsMandatory": false, "MaxLength": 0, "MultipleLineText": false, "Values": [],
        }],
        "CustomFieldValues": [{
            "Id": 12, "Column": "TextField1", "Name": "Members", "Description": "How many", "Value": "3",
            "DataType": "TextBox",
        }],
        "Comments": [],
        "AccessKeys": [{
            "CompanyId": COMPANY, "AccessKeyTypeId": 1, "Value": "1234", "CustomerId": CUSTOMER,
            "Description": "Front door", "Id": "dddddddd-0000-4000-8000-000000000004",
        }],
        "Updated": "2025-01-02T03:04:05.0000000Z", "Created": "2024-01-02T03:04:05.0000000Z",
        "SubscribedToNewsletter": false,
        "InvoiceAddress": {
            "InvoiceAddressId": "eeeeeeee-0000-4000-8000-000000000005",
            "CorporateIdentityNumber": "556000-0000", "InvoiceAddress1": "Storgatan 1", "InvoiceCity": "Lund",
            "InvoicePostalCode": "22222", "InvoiceCountryCode": "SE",
        },
    })
}

/// A server that keeps one customer and takes the printed update.
fn bokamera() -> StubServer {
    let mut customer = bokamera_customer();
    // a service that shows empty texts too
    customer["InvoiceAddress"]["InvoiceAddress2"] = json!("");
    let live = std::sync::Mutex::new(customer);
    StubServer::new(move |requested| {
        let mut live = live.lock().expect("no panic");
        if requested.verb != "PUT" {
            return (200, json!({ "Offset": 0, "Total": 1, "Results": [live.clone()] }));
        }
        for (name, value) in requested.body.as_object().expect("members") {
            match name.as_str() {
                "CustomFields" => live["CustomFieldValues"][0]["Value"] = value[0]["Value"].clone(),
                "AccessKeys" => {
                    for (name, value) in value.get(0).and_then(Json::as_object).into_iter().flatten() {
                        live["AccessKeys"][0][name] = value.clone();
                    }
                }
                "AccessKeysToDelete" => assert_eq!(*value, json!([])),
                _ => live[name] = value.clone(),
            }
        }
        (200, live.clone())
    })
}

fn eva(spec: &str) -> String {
    format!("kind: bokamera/customer\nname: eva\nid: {CUSTOMER}\nspec:\n{spec}")
}

#[test]
fn the_printed_read_of_bokamera_is_asked_for_and_understood() {
    let server = StubServer::new(|_| (200, bokamera_page()));
    let spec = "  Firstname: Eva\n  CustomFields: [{ Id: { Name: Members }, Value: \"3\" }]\n  InvoiceAddress: { InvoiceCity: Lund }\n";
    around(&server).plan(&eva(spec)).agrees();
    let lines = server.lines();
    assert_eq!(lines.len(), 1);
    let (path, query) = lines[0].split_once('?').expect("a query");
    assert_eq!(path, "GET /api/v2/customers");
    for flag in ["CustomFields", "CustomFieldValues", "AccessKeys", "InvoiceAddress"] {
        assert!(query.contains(&format!("Include{flag}=true")), "{query}");
    }
    assert!(query.contains(&format!("CompanyId={COMPANY}")), "{query}");
    assert!(query.contains(&format!("CustomerId={CUSTOMER}")), "{query}");
}

#[test]
fn the_printed_update_of_bokamera_is_sent_word_for_word() {
    let server = bokamera();
    let mut fixture = around(&server);
    fixture.secrets.insert("CODE", "4321");
    let spec = "  Phone: \"0700000002\"\n  CustomFields: [{ Id: { Name: Members }, Value: \"4\" }]\n  \
        AccessKeys: [{ AccessKeyTypeId: 1, Value: { from_env: CODE }, Description: Front door }]\n  \
        InvoiceAddress: { InvoiceCity: Lund }\n";
    let ran = fixture.apply(&eva(spec));
    ran.ends(&["eva done"]);
    let printed = json!({
        "Firstname": "Eva", "Lastname": "Ek", "Phone": "0700000002", "Email": "eva@example.org",
        "CustomFields": [{ "Id": 12, "Value": "4" }],
        "AccessKeys": [{
            "Id": "dddddddd-0000-4000-8000-000000000004", "AccessKeyTypeId": 1, "Value": "4321",
            "Description": "Front door",
        }],
        "AccessKeysToDelete": [], "SubscribedToNewsletter": false,
        "InvoiceAddress": {
            "CorporateIdentityNumber": "556000-0000", "InvoiceAddress1": "Storgatan 1", "InvoiceAddress2": "",
            "InvoiceCity": "Lund", "InvoicePostalCode": "22222", "InvoiceCountryCode": "SE",
        },
    });
    assert_eq!(server.bodies(), [printed]);
    let put = server.lines().into_iter().find(|line| line.starts_with("PUT")).expect("a PUT");
    assert_eq!(put, format!("PUT /api/v2/customers/{CUSTOMER}?CompanyId={COMPANY}"));
    assert!(!ran.all().contains("4321") && !ran.all().contains("0700000002"), "{}", ran.all());
}

#[test]
fn the_printed_refusal_of_bokamera_is_reported_at_its_line_without_its_stack_trace() {
    let server = StubServer::new(|requested| match requested.verb.as_str() {
        "GET" => (200, bokamera_page()),
        _ => (
            400,
            json!({ "ResponseStatus": {
                "ErrorCode": "Invalid", "Message": "Bad phone 0700000002",
                "Errors": [{ "ErrorCode": "Invalid", "FieldName": "Phone", "Message": "0700000002 is no phone", "Meta": {} }],
                "StackTrace": "   at Secret.Place()", "Meta": {},
            } }),
        ),
    });
    let ran = around(&server).apply(&eva("  Phone: \"0700000002\"\n"));
    ran.ends(&["eva failed"]).says("rejected-field", 5, &["`Phone`", "is no phone"]);
    assert!(!ran.all().contains("0700000002") && !ran.all().contains("Secret.Place"), "{}", ran.all());
}

const BACK_OFFICE: &str = "\
format: 1
title: BootView, for all customers
description: The partners that customers refer to.
formats: [json]
uuid_format: plain
";

const GLOBAL_PARTNER: &str = "\
format: 1
title: Global partner
description: A ticketing or towing system, for all customers.
identity: { id: id, natural_key: [partnerCode] }
operations:
  list: { get: /partners }
  create: { post: /partners, response: id }
properties:
  id: { type: uuid, description: The id., read_only: true, omit_from: [writes], example: 9c0d7e421a3b4c5d8e6f70819a2b3c4d }
  partnerCode: { type: string, description: The code., required: true, example: ACME }
  partnerName: { type: string, description: The name., required: true, example: Acme Ticketing }
  outboundUserName: { type: string, description: The login with the partner., example: bv }
  outboundPassword: { type: string, description: Its password., write_only: true, sensitivity: secret }
  outboundUrl: { type: string, description: Where the partner is., example: \"https://acme.example/api\" }
  inboundUserName: { type: string, description: The login of the partner., example: acme }
  inboundPassword: { type: string, description: Its password., write_only: true, sensitivity: secret }
examples:
  - object: { id: 4b7e2f90c6d148a39e0511a2b3c4d5e6, partnerCode: NORTHTOW, partnerName: North Shore Towing }
";

#[test]
fn the_printed_global_partner_of_bootview_is_sent_word_for_word() {
    let id = "9c0d7e421a3b4c5d8e6f70819a2b3c4d";
    let made = std::sync::Mutex::new(false);
    let server = StubServer::new(move |requested| {
        let mut made = made.lock().expect("no panic");
        let old = json!({ "id": "4b7e2f90c6d148a39e0511a2b3c4d5e6", "partnerCode": "NORTHTOW" });
        let new = json!({
            "id": id, "partnerCode": "ACME", "partnerName": "Acme Ticketing", "outboundUserName": "bv",
            "outboundUrl": "https://acme.example/api", "inboundUserName": "acme",
        });
        match requested.verb.as_str() {
            "GET" if *made => (200, json!([old, new])),
            "GET" => (200, json!([old])),
            _ => {
                *made = true;
                (200, json!({ "id": id }))
            }
        }
    });
    let files = [("office/api", BACK_OFFICE), ("office/partner", GLOBAL_PARTNER)];
    let mut fixture = ReferenceFixture::own_at(&files, server.url.clone());
    fixture.secrets.extend([("OUT", "..."), ("IN", "...")]);
    let document = "kind: office/partner\nname: acme\nspec:\n  partnerCode: ACME\n  partnerName: Acme Ticketing\n  \
        outboundUserName: bv\n  outboundPassword: { from_env: OUT }\n  outboundUrl: https://acme.example/api\n  \
        inboundUserName: acme\n  inboundPassword: { from_env: IN }\n";
    fixture.apply(document).ends(&["acme done"]);
    let printed = json!({
        "partnerCode": "ACME", "partnerName": "Acme Ticketing", "outboundUserName": "bv", "outboundPassword": "...",
        "outboundUrl": "https://acme.example/api", "inboundUserName": "acme", "inboundPassword": "...",
    });
    assert_eq!(server.bodies(), [printed]);
    fixture.apply(document).ends(&["acme unchanged"]);
    assert_eq!(server.bodies().len(), 1);
}
