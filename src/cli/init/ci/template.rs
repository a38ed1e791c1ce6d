//! Templates of CI files: `@NAME@` takes a text of one or several lines.
//!
//! A line whose placeholder has no text is left out. Further lines of a text get the indentation of the first.

/// A template with its placeholders filled.
pub fn fill_template(template: &str, texts: &[(&str, Option<&str>)]) -> String {
    template.split_inclusive('\n').filter_map(|line| fill_line(line, texts)).collect()
}

fn fill_line(line: &str, texts: &[(&str, Option<&str>)]) -> Option<String> {
    let indent = line.split_once(|c: char| c != ' ').map_or("", |(indent, _)| indent);
    texts.iter().try_fold(line.to_owned(), |line, (name, text)| {
        let place = format!("@{name}@");
        match line.contains(&place) {
            false => Some(line),
            true => Some(line.replace(&place, &indent_lines((*text)?.trim_end(), indent))),
        }
    })
}

fn indent_lines(text: &str, indent: &str) -> String {
    let mut lines = text.lines();
    let mut out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        out.push('\n');
        if !line.is_empty() {
            out.push_str(indent);
            out.push_str(line);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::fill_template;

    #[test]
    fn texts_are_indented_and_lines_without_one_are_left_out() {
        let template = "a:\n  @LIST@\n  b: @NOTHING@ # why\n  c: [@ONE@]\n";
        let texts = [("LIST", Some("- x\n\n- y\n")), ("NOTHING", None), ("ONE", Some("1"))];
        assert_eq!(fill_template(template, &texts), "a:\n  - x\n\n  - y\n  c: [1]\n");
    }
}
