//! What a service says is wrong: error bodies of any shape to sentences, each with the field it is about.
//!
//! Where the sentences stand is data ([`ErrorsFile`]); what it does not foresee is read as well as can be.
//! A server may echo what it was sent, so known secrets are blotted out of the whole text before anything is
//! cut; stack traces are left out, and nothing that could drive a terminal gets through.
//! Deliberately absent: which line of a document a field stands on.

mod field_name;

use field_name::{format_scalar, render_field_name};

use super::redactor::Redactor;
use super::sanitize::sanitize_line;
use super::wire::{find_format, is_html, read_any};
use crate::exchange::HttpResponse;
use crate::kind::WireFormat;
use crate::kind::file::{ErrorListFile, ErrorsFile};
use crate::value::Value;

/// How many complaints of one answer are told.
const MAX_API_ERRORS: usize = 50;
/// How long an answer may be to be understood.
const MAX_BODY: usize = 256 * 1024;
/// How many characters of a sentence are told.
const MAX_MESSAGE: usize = 300;
/// How many characters of a name or a code are told.
const MAX_NAME: usize = 100;
/// One thing that a service says is wrong.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The field that it is about, as the service names it; dots and `[0]` lead inwards.
    pub field: Option<String>,
    pub message: String,
    pub code: Option<String>,
}

/// What an error answer says; nothing when it says nothing. `secrets` are blotted out.
pub fn read_api_errors(
    answer: &HttpResponse,
    format: WireFormat,
    errors: &ErrorsFile,
    secrets: &[&str],
) -> Vec<ApiError> {
    let body = String::from_utf8_lossy(answer.body.trim_ascii());
    let listener = ApiErrorReader { errors, redactor: Redactor::new(secrets) };
    if body.is_empty() {
        return Vec::new();
    }
    if answer.content_type.contains("html") || is_html(body.as_bytes()) {
        return vec![build_general_error(listener.describe_html(&body))];
    }
    if body.len() > MAX_BODY {
        return vec![build_general_error(format!(
            "the service explains itself in {} bytes, too many to read",
            body.len()
        ))];
    }
    let mut complaints = match parse_error_body(&body, &answer.content_type, format) {
        Some(tree) => listener.read_tree(&tree),
        None => listener.read_plain_text(&body).map(build_general_error).into_iter().collect(),
    };
    complaints.truncate(MAX_API_ERRORS);
    dedup_errors(&mut complaints);
    complaints
}

/// What several words of the description led to is told once.
fn dedup_errors(complaints: &mut Vec<ApiError>) {
    let mut told = std::collections::HashSet::new();
    complaints.retain(|complaint| told.insert((complaint.field.clone(), complaint.message.clone())));
}

fn build_general_error(message: String) -> ApiError {
    ApiError { field: None, message, code: None }
}

/// The answer as a tree, if it is one: JSON whatever it is called, JSV where that may be.
fn parse_error_body(body: &str, content_type: &str, format: WireFormat) -> Option<Value> {
    if !body.starts_with(['{', '[', '"']) {
        return None;
    }
    let jsv = find_format(content_type).unwrap_or(format) == WireFormat::Jsv;
    let json = read_any(body.as_bytes(), WireFormat::Json).ok();
    json.or_else(|| read_any(body.as_bytes(), WireFormat::Jsv).ok().filter(|_| jsv))
}

/// Turns the parts of an answer into complaints.
struct ApiErrorReader<'l> {
    errors: &'l ErrorsFile,
    redactor: Redactor,
}

impl ApiErrorReader<'_> {
    fn read_tree(&self, tree: &Value) -> Vec<ApiError> {
        let mut heard = Vec::new();
        for list in &self.errors.lists {
            find_at_path(tree, &list.at)
                .into_iter()
                .for_each(|value| self.read_error_list(value, list, &mut heard));
        }
        for path in &self.errors.maps {
            find_at_path(tree, path)
                .into_iter()
                .for_each(|value| self.read_field_errors(value, path, "", &mut heard));
        }
        let code = self
            .errors
            .codes
            .iter()
            .filter_map(|path| find_at_path(tree, path))
            .find_map(|value| self.read_name(value));
        let mut complaints = self.read_general_messages(tree);
        // the sentence about the whole often repeats the first one about a field
        complaints.retain(|complaint| heard.iter().all(|other| other.message != complaint.message));
        let bare = if complaints.is_empty() { &mut heard } else { &mut complaints };
        for complaint in bare.iter_mut().filter(|complaint| complaint.code.is_none()) {
            complaint.code.clone_from(&code);
        }
        complaints.append(&mut heard);
        if complaints.is_empty() {
            complaints.extend(self.read_undescribed(tree, code));
        }
        complaints
    }

    /// Sentences that are not about a field.
    fn read_general_messages(&self, tree: &Value) -> Vec<ApiError> {
        let mut complaints: Vec<ApiError> = Vec::new();
        for value in self.errors.messages.iter().filter_map(|path| find_at_path(tree, path)) {
            for message in self.read_messages(value) {
                if complaints.iter().all(|other| other.message != message) {
                    complaints.push(build_general_error(message));
                }
            }
        }
        complaints
    }

    /// An answer that is nothing like what was described.
    fn read_undescribed(&self, tree: &Value, code: Option<String>) -> Vec<ApiError> {
        if let Value::Array(items) = tree {
            let list = ErrorListFile { at: String::new(), field: "field".into(), message: "message".into() };
            let mut heard = Vec::new();
            items.iter().take(MAX_API_ERRORS).for_each(|item| self.read_list_item(item, &list, &mut heard));
            return heard;
        }
        if let Some(said) = self.read_message(tree) {
            return vec![build_general_error(said)];
        }
        let message = match &code {
            Some(code) => Some(format!("the service answered with the code {code}")),
            None => self.describe_tree(tree),
        };
        message
            .into_iter()
            .map(|message| ApiError { code: code.clone(), ..build_general_error(message) })
            .collect()
    }

    fn read_error_list(&self, value: &Value, list: &ErrorListFile, heard: &mut Vec<ApiError>) {
        match value {
            Value::Array(items) => {
                items.iter().take(MAX_API_ERRORS).for_each(|item| self.read_list_item(item, list, heard));
            }
            Value::Map(_) => self.read_field_errors(value, &list.at, "", heard),
            other => heard.extend(self.read_message(other).map(build_general_error)),
        }
    }

    fn read_list_item(&self, item: &Value, list: &ErrorListFile, heard: &mut Vec<ApiError>) {
        if !matches!(item, Value::Map(_)) {
            heard.extend(self.read_messages(item).into_iter().map(build_general_error));
            return;
        }
        let said = find_at_path(item, &list.message).map(|value| self.read_messages(value).join("; "));
        let Some(message) = said.filter(|said| !said.is_empty()).or_else(|| self.describe_tree(item)) else {
            return;
        };
        let field = find_at_path(item, &list.field).and_then(|value| render_field_name(value, &list.field));
        let field = field.map(|name| self.clean_text(&name, MAX_NAME)).filter(|name| !name.is_empty());
        let codes = self.errors.codes.iter().filter_map(|path| path.rsplit('.').next());
        let code = codes.filter_map(|name| find_at_path(item, name)).find_map(|value| self.read_name(value));
        heard.push(ApiError { field, message, code });
    }

    /// From field names to sentences, lists of sentences, or more field names.
    fn read_field_errors(&self, value: &Value, path: &str, above: &str, heard: &mut Vec<ApiError>) {
        let Value::Map(entries) = value else {
            heard.extend(self.read_messages(value).into_iter().map(build_general_error));
            return;
        };
        let outermost = path.is_empty() && above.is_empty();
        for (key, value) in entries.iter().filter(|(key, _)| !is_stack_trace(key)) {
            if heard.len() >= MAX_API_ERRORS || (outermost && self.is_described_member(key)) {
                continue;
            }
            let field = if above.is_empty() { key.to_string() } else { format!("{above}.{key}") };
            match value {
                Value::Map(_) => self.read_field_errors(value, path, &field, heard),
                Value::Array(items) if items.iter().any(|item| matches!(item, Value::Map(_))) => {
                    for (index, item) in items.iter().enumerate() {
                        self.read_field_errors(item, path, &format!("{field}[{index}]"), heard);
                    }
                }
                Value::String(_) | Value::Array(_) => {
                    let field = Some(self.clean_text(&field, MAX_NAME));
                    let said = self.read_messages(value).into_iter();
                    heard.extend(
                        said.map(|message| ApiError { field: field.clone(), ..build_general_error(message) }),
                    );
                }
                // a number or a flag beside the fields says nothing about one
                _ => {}
            }
        }
    }

    /// Whether a member at the top of an answer has a meaning of its own.
    fn is_described_member(&self, key: &str) -> bool {
        let lists = self.errors.lists.iter().map(|list| &list.at);
        let paths =
            self.errors.messages.iter().chain(&self.errors.codes).chain(lists).chain(&self.errors.maps);
        paths.filter_map(|path| path.split('.').next()).any(|head| head.eq_ignore_ascii_case(key))
    }

    fn read_messages(&self, value: &Value) -> Vec<String> {
        match value {
            Value::Array(items) => {
                items.iter().take(MAX_API_ERRORS).filter_map(|item| self.read_message(item)).collect()
            }
            other => self.read_message(other).into_iter().collect(),
        }
    }

    fn read_message(&self, value: &Value) -> Option<String> {
        format_scalar(value).map(|text| self.clean_text(&text, MAX_MESSAGE)).filter(|text| !text.is_empty())
    }

    fn read_name(&self, value: &Value) -> Option<String> {
        format_scalar(value).map(|text| self.clean_text(&text, MAX_NAME)).filter(|text| !text.is_empty())
    }

    /// The leaves of an answer of unknown shape, with their names.
    fn describe_tree(&self, tree: &Value) -> Option<String> {
        let mut leaves = Vec::new();
        collect_scalars(tree, "", &mut leaves);
        let told: Vec<String> = leaves.iter().take(8).map(|(name, text)| format!("{name}: {text}")).collect();
        Some(self.clean_text(&told.join("; "), MAX_MESSAGE)).filter(|text| !text.is_empty())
    }

    /// The first line of a text.
    fn read_plain_text(&self, body: &str) -> Option<String> {
        if body.starts_with(['{', '[', '<']) {
            return Some("the service explains itself in a form that cannot be read".to_owned());
        }
        let seen = self.redactor.redact_text(body);
        let line = strip_stack_trace(&seen).lines().map(str::trim).find(|line| !line.is_empty())?;
        Some(sanitize_line(line, MAX_MESSAGE))
    }

    fn describe_html(&self, body: &str) -> String {
        let lower = body.to_ascii_lowercase();
        let title = || {
            let start = lower.find("<title")?;
            let start = start + lower.get(start..)?.find('>')? + 1;
            let end = start + lower.get(start..)?.find('<')?;
            Some(self.clean_text(body.get(start..end)?, MAX_NAME)).filter(|title| !title.is_empty())
        };
        match title() {
            Some(title) => format!("the service answered with an HTML page, `{title}`"),
            None => "the service answered with an HTML page".to_owned(),
        }
    }

    fn clean_text(&self, text: &str, max: usize) -> String {
        sanitize_line(strip_stack_trace(&self.redactor.redact_text(text)), max)
    }
}

/// What stands at a dotted path, whatever the case of its names; the empty path is the tree itself.
fn find_at_path<'v>(tree: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return Some(tree);
    }
    path.split('.').try_fold(tree, |value, name| match value {
        Value::Map(entries) => entries
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name) && !is_stack_trace(key))
            .map(|(_, value)| value),
        _ => None,
    })
}

fn collect_scalars(tree: &Value, name: &str, leaves: &mut Vec<(String, String)>) {
    if leaves.len() >= MAX_API_ERRORS {
        return;
    }
    match tree {
        Value::Map(entries) => {
            for (key, value) in entries.iter().filter(|(key, _)| !is_stack_trace(key)) {
                let name = if name.is_empty() { key.to_string() } else { format!("{name}.{key}") };
                collect_scalars(value, &name, leaves);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_scalars(item, name, leaves)),
        leaf => {
            leaves.extend(
                format_scalar(leaf).filter(|text| !text.is_empty()).map(|text| (name.to_owned(), text)),
            );
        }
    }
}

/// Whether a member holds a stack trace, which may hold the whole request.
fn is_stack_trace(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    let plain = plain.to_ascii_lowercase();
    plain.contains("stacktrace") || plain.contains("traceback")
}

/// The text before the first frame of a stack trace.
fn strip_stack_trace(text: &str) -> &str {
    let mut end = text.find("   at ").unwrap_or(text.len());
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let body = line.trim_start();
        let frame = (body.starts_with("at ") && body.contains('('))
            || body.starts_with("Traceback (")
            || body.starts_with("--- End of");
        if frame {
            end = end.min(start);
            break;
        }
        start += line.len();
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(content_type: &str, body: &str) -> HttpResponse {
        HttpResponse {
            status: 400,
            content_type: content_type.into(),
            body: body.into(),
            ..HttpResponse::default()
        }
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn servicestack() -> ErrorsFile {
        ErrorsFile {
            messages: words(&["responseStatus.message"]),
            codes: words(&["responseStatus.errorCode"]),
            lists: vec![ErrorListFile {
                at: "responseStatus.errors".into(),
                field: "fieldName".into(),
                message: "message".into(),
            }],
            ..ErrorsFile::default()
        }
    }

    fn django() -> ErrorsFile {
        ErrorsFile {
            messages: words(&["details", "detail", "non_field_errors"]),
            maps: words(&[""]),
            ..ErrorsFile::default()
        }
    }

    fn lenient() -> ErrorsFile {
        let list = ErrorListFile { at: "errors".into(), field: "field".into(), message: "message".into() };
        ErrorsFile { messages: words(&["message"]), lists: vec![list], ..ErrorsFile::default() }
    }

    /// Each complaint as `field|message|code`.
    fn told(body: &str, errors: &ErrorsFile) -> Vec<String> {
        told_without(body, errors, &[])
    }

    fn told_without(body: &str, errors: &ErrorsFile, secrets: &[&str]) -> Vec<String> {
        let line = |c: ApiError| {
            format!("{}|{}|{}", c.field.unwrap_or_default(), c.message, c.code.unwrap_or_default())
        };
        read_api_errors(&answer("", body), WireFormat::Jsv, errors, secrets).into_iter().map(line).collect()
    }

    #[test]
    fn service_stack_in_both_formats() {
        let wanted = ["|Payment gateway not found: 7, \"x\"|ArgumentException"];
        let json = r#"{"responseStatus":{"errorCode":"ArgumentException","message":"Payment gateway not found: 7, \"x\"","stackTrace":null,"errors":[],"meta":null}}"#;
        let jsv = r#"{responseStatus:{errorCode:ArgumentException,message:"Payment gateway not found: 7, ""x""",errors:[]}}"#;
        assert_eq!(told(json, &servicestack()), wanted);
        assert_eq!(told(jsv, &servicestack()), wanted);
    }

    #[test]
    fn service_stack_about_fields() {
        let body = r#"{"ResponseStatus":{"ErrorCode":"NotEmpty","Message":"'Display Name' should not be empty.",
            "Errors":[{"ErrorCode":"NotEmpty","FieldName":"DisplayName","Message":"'Display Name' should not be empty.","Meta":{}},
            {"ErrorCode":"TooLong","FieldName":"MerchantId","Message":"too long"}]}}"#;
        let wanted =
            ["DisplayName|'Display Name' should not be empty.|NotEmpty", "MerchantId|too long|TooLong"];
        assert_eq!(told(body, &servicestack()), wanted);
        let jsv = "{responseStatus:{errorCode:E,message:all is wrong,errors:[{errorCode:NotEmpty,fieldName:DisplayName,message:m}]}}";
        assert_eq!(told(jsv, &servicestack()), ["|all is wrong|E", "DisplayName|m|NotEmpty"]);
    }

    #[test]
    fn field_names_to_sentences() {
        let body = r#"{"customer_name":["This field is required.","Too short."],"phone2":"odd",
            "address":{"street":["bad"]},"keys":[{},{"value":["taken"]}],"non_field_errors":["Both."]}"#;
        let wanted = [
            "|Both.|",
            "customer_name|This field is required.|",
            "customer_name|Too short.|",
            "phone2|odd|",
            "address.street|bad|",
            "keys[1].value|taken|",
        ];
        assert_eq!(told(body, &django()), wanted);
        assert_eq!(told(r#"{"details":"Not found."}"#, &django()), ["|Not found.|"]);
    }

    #[test]
    fn lists_of_anything() {
        for (body, wanted) in [
            (r#"{"errors":["a","b"]}"#, vec!["|a|", "|b|"]),
            (r#"{"errors":[{"field":"f","message":"m"}],"message":"M"}"#, vec!["|M|", "f|m|"]),
            (r#"{"errors":{"f":["m","n"]}}"#, vec!["f|m|", "f|n|"]),
            (r#"{"errors":"m"}"#, vec!["|m|"]),
            (r#"{"errors":[{"reason":"r","stackTrace":"t"}]}"#, vec!["|reason: r|"]),
            (r#"["a",{"message":"m","field":"f"}]"#, vec!["|a|", "f|m|"]),
            (r#"[{"message":"m","field":"f"}]"#, vec!["f|m|"]),
            (r#""sorry""#, vec!["|sorry|"]),
            (
                r#"{"fault":{"string":"Rate","code":7,"at":null}}"#,
                vec!["|fault.string: Rate; fault.code: 7|"],
            ),
            ("{}", vec![]),
            ("", vec![]),
            ("  \n", vec![]),
        ] {
            assert_eq!(told(body, &lenient()), wanted, "{body}");
        }
        let codes = ErrorsFile { codes: words(&["code"]), ..lenient() };
        assert_eq!(told(r#"{"code":"E7"}"#, &codes), ["|the service answered with the code E7|E7"]);
    }

    #[test]
    fn a_place_that_is_described_twice_is_told_once() {
        let twice = ErrorsFile { maps: words(&["errors"]), ..lenient() };
        let twice = ErrorsFile { messages: words(&["message", "errors"]), ..twice };
        assert_eq!(told(r#"{"errors":["a","b"]}"#, &twice), ["|a|", "|b|"]);
        assert_eq!(told(r#"{"errors":{"f":"m"},"message":"M"}"#, &twice), ["|M|", "f|m|"]);
        assert_eq!(told(r#"{"errors":[{"field":"f","message":"m"}]}"#, &twice), ["f|m|"]);
    }

    #[test]
    fn plain_text_and_html() {
        let told = |content_type: &str, body: &str| {
            let complaints = read_api_errors(&answer(content_type, body), WireFormat::Json, &lenient(), &[]);
            complaints.into_iter().map(|complaint| complaint.message).collect::<Vec<_>>()
        };
        assert_eq!(told("text/plain", "\nNot Found\r\nRequest: /x"), ["Not Found"]);
        assert_eq!(told("text/plain", &"a".repeat(400)), ["a".repeat(299) + "…"]);
        let page = "<!DOCTYPE html><html><head><TITLE >Sign\n in</title></head>";
        assert_eq!(told("", page), ["the service answered with an HTML page, `Sign in`"]);
        assert_eq!(told("text/html", "<p>x"), ["the service answered with an HTML page"]);
        let broken = "the service explains itself in a form that cannot be read";
        assert_eq!(told("application/json", r#"{"message":"x","stackTrace":"at"#), [broken]);
        assert_eq!(told("application/xml", "<e>x</e>"), [broken]);
        assert_eq!(
            told("", &format!("\"{}\"", "a".repeat(MAX_BODY))),
            [format!("the service explains itself in {} bytes, too many to read", MAX_BODY + 2)]
        );
    }

    #[test]
    fn jsv_is_only_read_where_it_may_stand() {
        let jsv = answer("", "{message:no}");
        assert_eq!(read_api_errors(&jsv, WireFormat::Jsv, &lenient(), &[])[0].message, "no");
        assert_ne!(read_api_errors(&jsv, WireFormat::Json, &lenient(), &[])[0].message, "no");
        let named = HttpResponse { content_type: "text/jsv".into(), ..jsv };
        assert_eq!(read_api_errors(&named, WireFormat::Json, &lenient(), &[])[0].message, "no");
    }

    #[test]
    fn no_stack_trace_gets_through() {
        let body = r#"{"responseStatus":{"errorCode":"E","message":"Bad body\r\n   at ServiceStack.Host(String pin)\r\n --- End",
            "StackTrace":"[Update: secret]","errors":[{"fieldName":"f","message":"m","stack_trace":"secret"}]}}"#;
        assert_eq!(told(body, &servicestack()), ["|Bad body|E", "f|m|"]);
        assert_eq!(told("System.Exception: x   at A.B()", &lenient()), ["|System.Exception: x|"]);
        assert_eq!(told("Traceback (most recent call last):\n secret", &lenient()), [""; 0]);
        assert_eq!(told(r#"{"a":{"stackTrace":"secret"}}"#, &lenient()), [""; 0]);
        assert_eq!(told("look at the field", &lenient()), ["|look at the field|"]);
    }

    #[test]
    fn nothing_drives_the_terminal() {
        let body = "{\"message\":\"a\\u001b[31mred\\u0007\\u202eb\\u200bc\\n d\",\"errors\":[]}";
        assert_eq!(told(body, &lenient()), ["|a [31mred b c d|"]);
        assert_eq!(sanitize_line("\u{9b}31m x\u{85}y", 10), "31m x y");
    }

    #[test]
    fn much_is_cut() {
        let items: Vec<_> = (0..1000).map(|n| format!("\"x{n}\"")).collect();
        let many = format!(r#"{{"errors":[{}]}}"#, items.join(","));
        assert_eq!(told(&many, &lenient()).len(), MAX_API_ERRORS);
        let long = format!(r#"{{"errors":{{"{}":"{}"}}}}"#, "f".repeat(500), "é".repeat(500));
        let complaints = read_api_errors(&answer("", &long), WireFormat::Json, &lenient(), &[]);
        assert_eq!(complaints[0].message.chars().count(), MAX_MESSAGE);
        assert_eq!(complaints[0].field.as_ref().unwrap().chars().count(), MAX_NAME);
    }

    #[test]
    fn secrets_are_blotted_before_anything_is_cut() {
        let secret = "k:9,f-VERY-long-".repeat(10);
        let body =
            format!(r#"{{"message":"{}{secret}","errors":{{"{secret}":"x {secret} y"}}}}"#, "a".repeat(250));
        let told = told_without(&body, &lenient(), &[&secret]).join("\n");
        assert!(!told.contains("k:9"), "{told}");
        assert!(told.contains("x ••• y"));
        let lines = "first part\nsecond part\n";
        for body in
            ["x first part\nsecond part", "x first part second part\n", "x FIRST part\nsecond part\ny"]
        {
            assert_eq!(told_without(body, &lenient(), &[lines]), ["|x •••|"], "{body}");
        }
    }

    #[test]
    fn fields_are_named_by_steps_and_by_pointers() {
        let described = |messages: &[&str], [at, field, message]: [&str; 3]| ErrorsFile {
            messages: words(messages),
            lists: vec![ErrorListFile { at: at.into(), field: field.into(), message: message.into() }],
            ..ErrorsFile::default()
        };
        let fastapi = described(&["detail"], ["detail", "loc", "msg"]);
        let body = r#"{"detail":[{"loc":["body","rules",0,"port"],"msg":"too big","type":"int"}]}"#;
        assert_eq!(told(body, &fastapi), ["rules[0].port|too big|"]);
        assert_eq!(told(r#"{"detail":[{"loc":["body"],"msg":"too big"}]}"#, &fastapi), ["|too big|"]);
        assert_eq!(told(r#"{"detail":"too big"}"#, &fastapi), ["|too big|"]);
        let problem = described(&["detail", "title"], ["errors", "pointer", "detail"]);
        let body = r##"{"errors":[{"detail":"too big","pointer":"#/rules/1/a~1b"}]}"##;
        assert_eq!(told(body, &problem), ["rules[1].a/b|too big|"]);
        assert_eq!(told(r#"{"detail":"no","title":"no"}"#, &problem), ["|no|"]);
    }
}
