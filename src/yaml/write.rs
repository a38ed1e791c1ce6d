//! Values and texts as YAML.

/// A tree of plain values as YAML in block style, with a newline at the end.
pub fn write_yaml(value: &serde_json::Value) -> String {
    let options = serde_yaml::ser_options! { compact_list_indent: false };
    // JSON is YAML too
    serde_yaml::to_string_with_options(value, options).unwrap_or_else(|_| format!("{value}\n"))
}

/// A text as a scalar on one line that reads back as this very text, for readers of YAML 1.1 and 1.2 alike:
/// what could be taken for anything else has quotes. Between brackets and braces (`in_flow`) more needs them.
pub fn format_scalar(text: &str, in_flow: bool) -> String {
    let options = serde_yaml::ser_options! { prefer_block_scalars: false };
    let written = match in_flow {
        true => serde_yaml::to_string_with_options(&serde_yaml::FlowSeq(vec![text]), options),
        false => serde_yaml::to_string_with_options(&text, options),
    };
    let written = written.ok().map(|line| line.trim_end_matches('\n').to_owned());
    let bare = |line: String| match in_flow {
        true => Some(line.strip_prefix('[')?.strip_suffix(']')?.to_owned()),
        false => Some(line),
    };
    // a JSON string is YAML too
    written.and_then(bare).unwrap_or_else(|| serde_json::Value::from(text).to_string())
}

/// A text as the key of a mapping, in quotes where it could be taken for anything else.
pub fn format_key(text: &str) -> String {
    let plain = format_scalar(text, true);
    match text.contains([':', '?']) && plain == text {
        true => serde_json::Value::from(text).to_string(),
        false => plain,
    }
}
