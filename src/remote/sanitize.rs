//! Text of a service as one line that is safe to show.

/// One line of at most `max` characters, without anything that could drive a terminal or turn a text around.
pub(super) fn sanitize_line(text: &str, max: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || is_invisible(c)).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max {
        return line;
    }
    line.chars().take(max - 1).chain(['…']).collect()
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
