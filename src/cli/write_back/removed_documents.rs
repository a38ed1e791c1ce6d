//! YAML documents that go from a text with others: each with the line that parts it from the one before.
//!
//! Comments above the first document stay, because they can be about the file.
//! Deliberately absent: parts of documents.

use std::ops::Range;

use crate::document::write::edit::TextEdit;

/// One document of a text.
struct DocumentRange {
    /// The line before it; nothing for a document at the start.
    separator: Option<Range<usize>>,
    body: Range<usize>,
}

/// The edits that take the documents around these places out of a text.
pub fn remove_documents(text: &str, places: &[u32]) -> Vec<TextEdit> {
    let documents = split_documents(text);
    let holds = |own: &DocumentRange, place: &u32| {
        let start = own.separator.as_ref().map_or(own.body.start, |line| line.start);
        (start..own.body.end).contains(&(*place as usize))
    };
    let goes = |own: &DocumentRange| places.iter().any(|place| holds(own, place));
    let mut edits = Vec::new();
    for own in documents.iter().filter(|own| goes(own)) {
        edits.push(match &own.separator {
            Some(line) => line.start..own.body.end,
            None => find_content(text, own.body.clone())..own.body.end,
        });
    }
    let starts_bare = documents.first().is_some_and(|own| own.separator.is_none() && goes(own));
    let first_kept = documents.iter().find(|own| !goes(own)).and_then(|own| own.separator.clone());
    let is_bare = |line: &Range<usize>| text.get(line.clone()).is_some_and(|line| line.trim_end() == "---");
    edits.extend(first_kept.filter(|line| starts_bare && is_bare(line)));
    edits.into_iter().map(|range| TextEdit { range, text: String::new() }).collect()
}

fn split_documents(text: &str) -> Vec<DocumentRange> {
    let mut documents = vec![DocumentRange { separator: None, body: 0..0 }];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let range = at..at + line.len();
        at = range.end;
        let is_separator = line.trim_end() == "---" || line.starts_with("--- ") || line.starts_with("---\t");
        match documents.last_mut() {
            // nothing but the line is before the first document
            Some(own) if is_separator && own.body.is_empty() && own.separator.is_none() => {
                *own = DocumentRange { body: range.end..range.end, separator: Some(range) };
            }
            Some(own) if !is_separator => own.body.end = range.end,
            _ => documents.push(DocumentRange { body: range.end..range.end, separator: Some(range) }),
        }
    }
    documents
}

/// Where the first line is that is neither blank nor a comment.
fn find_content(text: &str, range: Range<usize>) -> usize {
    let lines = text.get(range.clone()).unwrap_or_default().split_inclusive('\n');
    let is_remark = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
    range.start + lines.take_while(is_remark).map(str::len).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::write::edit::apply_edits;

    fn without(text: &str, words: &[&str]) -> String {
        let places: Vec<u32> = words.iter().map(|word| text.find(word).unwrap() as u32).collect();
        apply_edits(text, &remove_documents(text, &places)).expect("edits that do not meet")
    }

    #[test]
    fn documents_go_with_the_line_before_them() {
        let text = "a: 1\n--- # of b\nb: 1\n---\n# about c\nc: 1\n";
        assert_eq!(without(text, &["b: 1"]), "a: 1\n---\n# about c\nc: 1\n");
        assert_eq!(without(text, &["c: 1"]), "a: 1\n--- # of b\nb: 1\n");
        assert_eq!(without(text, &["b: 1", "c: 1"]), "a: 1\n");
        assert_eq!(without(text, &["a: 1"]), "--- # of b\nb: 1\n---\n# about c\nc: 1\n");
        assert_eq!(without(text, &["a: 1", "b: 1"]), "# about c\nc: 1\n");
        assert_eq!(without(text, &["a: 1", "c: 1"]), "--- # of b\nb: 1\n");
    }

    #[test]
    fn comments_above_the_first_document_stay() {
        let text = "# schema\n\n# all of them\na: 1\n---\nb: 1\n---\nc: 1\n";
        assert_eq!(without(text, &["a: 1"]), "# schema\n\n# all of them\nb: 1\n---\nc: 1\n");
        assert_eq!(without(text, &["a: 1", "b: 1"]), "# schema\n\n# all of them\nc: 1\n");
        let marked = "---\na: 1\n---\nb: 1\n";
        assert_eq!(without(marked, &["a: 1"]), "---\nb: 1\n");
        assert_eq!(without("# x\n---\na: 1\n---\nb: 1\n", &["a: 1"]), "# x\n---\nb: 1\n");
        assert_eq!(without("a: 1\r\n---\r\nb: 1\r\n", &["a: 1"]), "b: 1\r\n");
    }
}
