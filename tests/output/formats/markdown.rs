//! Markdown, as a renderer of GitHub's dialect shows it.

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, markdown_to_html, parse_document};
use trueup::report::markdown::{MAX_COMMENT_BYTES, MAX_STEP_SUMMARY_BYTES, render_markdown};
use trueup::report::{PlanReport, ViewModel};

use super::samples::{self, HOSTILE};

/// GitHub's extensions, with raw HTML as it is.
fn dialect() -> Options<'static> {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.render.r#unsafe = true;
    options
}

fn comment(report: &PlanReport) -> String {
    render_markdown(&ViewModel::from_plan_report(report, ""), MAX_COMMENT_BYTES)
}

fn html(markdown: &str) -> String {
    markdown_to_html(markdown, &dialect())
}

/// The texts that a page shows outside of code, and whatever else stands there.
fn outside_code<'a>(node: &'a AstNode<'a>, found: &mut Vec<String>) {
    match &node.data.borrow().value {
        NodeValue::Text(text) => found.push(text.to_string()),
        NodeValue::Link(link) => found.push(format!("LINK {}", link.url)),
        NodeValue::Image(link) => found.push(format!("IMAGE {}", link.url)),
        NodeValue::HtmlInline(html) => found.push(format!("HTML {html}")),
        _ => {}
    }
    node.children().for_each(|child| outside_code(child, found));
}

#[test]
fn a_plan_reads_well() {
    let text = comment(&samples::everyday());
    assert!(text.starts_with("<!-- trueup:plan -->\n"), "{text}");
    let page = html(&text);
    for said in [
        "<h3>trueup plan: 1 refused, 1 to create, 2 to update, 1 to delete, 1 unchanged</h3>",
        "<td><code>harbor/gateway</code></td>\n<td>update</td>\n<td align=\"right\">2</td>\n<td><code>harbor-cards</code>, <code>dock-cards</code></td>",
        "<summary>update <code>harbor/gateway</code> <b>2 identical</b> at <code>bay</code></summary>",
        "<summary>refused <code>harbor/gateway</code> <b><code>pier-cards</code></b> at <code>bay</code></summary>",
        "<strong>error</strong> <code>immutable-field</code>: <code>displayName</code> cannot be changed after creation",
        "(<code>config/gateways.yaml:3:3</code>)",
        "<strong>warning</strong> <code>slow-target</code>: the target <code>bay</code> asked for patience",
        "<pre><code class=\"language-diff\">! displayName",
        "merchantKey",
        "(secret, added)",
    ] {
        assert!(page.contains(said), "no {said:?} in\n{page}\nmade from\n{text}");
    }
    assert_eq!(page.matches("<details>").count(), 4, "{page}");
    assert_eq!(page.matches("</details>").count(), 4, "{page}");
    // what was refused comes before what will be done
    assert!(page.find("<summary>refused") < page.find("<summary>update"), "{page}");
}

#[test]
fn nothing_from_outside_is_obeyed() {
    for hostile in HOSTILE {
        let text = comment(&samples::hostile(hostile));
        let page = html(&text);
        let details = page.matches("<details>").count();
        assert_eq!(details, 3, "{page}");
        assert_eq!(page.matches("</details>").count(), details, "{page}");
        for bad in ["<script", "<img", "<svg", "<a ", "href", "<h1", "<em", "<del>"] {
            assert!(!page.contains(bad), "{bad} in\n{page}\nmade from\n{text}");
        }
        let rows = page.split("<tr>").skip(1).map(|row| row.matches("<t").count()).collect::<Vec<_>>();
        // the first is followed by the start of the table's body
        assert_eq!(rows, [5, 4, 4], "{page}");
        let arena = Arena::new();
        let mut shown = Vec::new();
        outside_code(parse_document(&arena, &text, &dialect()), &mut shown);
        for piece in &shown {
            assert!(!piece.contains(['@', '#', '<', '[', '|', '`']), "{piece:?} of\n{text}");
            for bad in ["GH-2", "0123456789abcdef", "evil.example", "LINK", "IMAGE", "HTML"] {
                assert!(!piece.contains(bad), "{piece:?} of\n{text}");
            }
        }
        let control = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{200b}".contains(c);
        assert!(!text.contains(control), "{text:?}");
    }
}

#[test]
fn it_stays_within_its_budget_and_says_so() {
    let text = samples::in_time(comment);
    assert!(text.chars().count() <= 65_536 && text.len() <= MAX_COMMENT_BYTES, "{} bytes", text.len());
    assert!(text.len() > MAX_COMMENT_BYTES - 2_000, "room is wasted: {} bytes", text.len());
    let page = html(&text);
    assert_eq!(page.matches("<details>").count(), page.matches("</details>").count());
    assert!(page.contains("<strong>The details of 4,"), "{}", &page[page.len() - 600..]);
    // first come, first shown; what was refused before all
    assert!(page.contains("gateway-00000") && !page.contains("gateway-04999"));
    assert!(page.contains("<summary>refused"));
    let summary = samples::in_time(|report| {
        render_markdown(&ViewModel::from_plan_report(report, ""), MAX_STEP_SUMMARY_BYTES)
    });
    assert!(
        summary.len() <= MAX_STEP_SUMMARY_BYTES && summary.len() > MAX_COMMENT_BYTES,
        "{} bytes",
        summary.len()
    );
    const { assert!(MAX_STEP_SUMMARY_BYTES <= 1 << 20) };
}

#[test]
fn every_limit_is_kept_whatever_is_long() {
    let long = "å `x` <b> ".repeat(100);
    let mut report = samples::hostile(&long);
    let finding = report.diagnostics[0].clone();
    report.diagnostics = vec![finding; 2_000];
    let change = report.changes[0].clone();
    report.changes = (0..300)
        .map(|number| {
            let mut change = change.clone();
            change.object.kind = format!("{number}/{long}");
            change
        })
        .collect();
    for most in [MAX_COMMENT_BYTES, 20_000] {
        let text = render_markdown(&ViewModel::from_plan_report(&report, ""), most);
        assert!(text.len() <= most, "{} bytes", text.len());
        for said in ["more rows", "more findings", "are omitted"] {
            assert!(text.contains(said), "no {said} in\n{text}");
        }
    }
}

#[test]
fn many_objects_alike_are_reported_once() {
    let mut report = samples::everyday();
    let change = report.changes[0].clone();
    report.changes = (0..5_000)
        .map(|number| {
            let mut change = change.clone();
            change.object.name = format!("gateway-{number}");
            change
        })
        .collect();
    let text = comment(&report);
    assert!(text.contains("<b>5000 identical</b>") && !text.contains("omitted"), "{text}");
    assert!(text.len() < 10_000, "{text}");
}

#[test]
fn no_marked_value_gets_out() {
    let text = comment(&samples::seeded());
    samples::no_canary(&text);
    assert!(text.contains("(secret, changed)"), "{text}");
}
