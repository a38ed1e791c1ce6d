//! The HTML page: what stands in it, and how it works in a real browser.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use trueup::report::html::render_html;
use trueup::report::plan_report::CauseView;
use trueup::report::{PlanReport, ViewModel};

use super::chromium::Browser;
use super::samples::{self, HOSTILE};

fn page(report: &PlanReport) -> String {
    render_html(&ViewModel::from_plan_report(report, ""))
}

/// A browser, or none with a message.
fn browser() -> Option<Browser> {
    let browser = Browser::start();
    if browser.is_none() {
        eprintln!("skipped: there is no Chromium here");
    }
    browser
}

fn written(name: &str, text: &str) -> std::path::PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, text).expect("a file");
    file
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let text = page(&samples::everyday());
    for bad in ["http://", "https://", "src=", "@import", "url(", "onclick", " style="] {
        assert!(!text.contains(bad), "{bad} in\n{text}");
    }
    assert!(text.contains("default-src 'none'; style-src 'sha256-"), "{text}");
    assert_eq!(text.matches("<script>").count(), 1);
}

#[test]
fn no_marked_value_gets_out() {
    let text = page(&samples::seeded());
    samples::no_canary(&text);
    assert!(text.contains("(secret, changed)"), "{text}");
}

fn group(number: usize) -> String {
    format!("{},{:03} objects", number / 1000, number % 1000)
}

#[test]
fn five_thousand_changes_are_written_in_seconds() {
    let text = samples::in_time(page);
    assert!(text.len() < 2_000_000, "{} bytes", text.len());
    let shown = text.matches("<details").count();
    assert!(shown > 100 && text.contains(&format!("{} more", group(5_002 - shown))), "{shown}");
}

#[test]
fn nothing_from_outside_is_obeyed() {
    let Some(mut browser) = browser() else { return };
    for hostile in HOSTILE {
        let text = page(&samples::hostile(hostile));
        browser.open(&written("hostile.html", &text));
        let counts = "[document.scripts.length, document.images.length, document.links.length, \
                      document.querySelectorAll('svg, iframe, [onload], [onerror]').length, \
                      document.querySelectorAll('main > details').length, \
                      document.querySelectorAll('#kind option').length]";
        // the one link is ours, to the objects
        assert_eq!(browser.value(counts), json!([1, 0, 1, 0, 3, 2]), "{hostile:?}\n{text}");
    }
    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
}

#[test]
fn a_person_finds_their_way_among_five_thousand() {
    let Some(mut browser) = browser() else { return };
    let file = written("many.html", &page(&samples::many(5_000)));
    let began = Instant::now();
    browser.open(&file);
    let there = |browser: &mut Browser| {
        browser.value("document.querySelectorAll('main > details:not([hidden])').length")
    };
    browser.until("document.getElementById('shown').textContent === '5,002 objects'");
    // the keyboard reaches the search, and what is typed there filters
    browser.press("/", 191);
    browser.until("document.activeElement.id === 'search'");
    browser.write("gateway-04321");
    browser.until("document.getElementById('shown').textContent === '1 of 5,002 objects'");
    assert_eq!(there(&mut browser), 1);
    // a click unfolds, and the keyboard folds again
    browser.click("main > details:not([hidden]) summary");
    browser.until("document.querySelector('main > details:not([hidden])').open");
    let seen = browser.value("document.querySelector('main > details:not([hidden]) pre').innerText");
    assert!(seen.as_str().is_some_and(|seen| seen.contains("Harbor 4321")), "{seen}");
    browser.press("Enter", 13);
    browser.until("!document.querySelector('main > details:not([hidden])').open");
    // clearing shows all, and choices narrow
    browser.click("button[type=reset]");
    browser.until("document.getElementById('shown').textContent === '5,002 objects'");
    for (id, word) in [("action", "delete"), ("target", "harbor-1")] {
        let choose = format!(
            "(() => {{ const c = document.getElementById('{id}'); c.value = '{word}'; \
             c.dispatchEvent(new Event('change')) }})()"
        );
        browser.value(&choose);
    }
    let shown = there(&mut browser).as_u64().unwrap_or_default();
    let right = browser.value(
        "[...document.querySelectorAll('main > details:not([hidden])')]\
         .every((o) => o.dataset.action === 'delete' && o.dataset.target === 'harbor-1')",
    );
    assert!((100..300).contains(&shown) && right == json!(true), "{shown} {right}");
    browser.click("#open");
    browser.until("document.querySelectorAll('main > details[open]').length > 100");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
    assert_eq!(browser.requests, [format!("file://{}", file.display())]);
}

#[test]
fn it_is_named_for_those_who_hear_it() {
    let Some(mut browser) = browser() else { return };
    browser.open(&written("named.html", &page(&samples::everyday())));
    let tree = browser.call("Accessibility.getFullAXTree", json!({}));
    let nodes = tree["nodes"].as_array().expect("nodes");
    let named = |role: &str, name: &str| {
        nodes.iter().any(|node| {
            let is = node["name"]["value"].as_str().is_some_and(|value| value.starts_with(name));
            node["role"]["value"] == role && is
        })
    };
    for (role, name) in [
        ("searchbox", "Search"),
        ("combobox", "Kind"),
        ("combobox", "Action"),
        ("combobox", "Target"),
        ("button", "Expand all"),
        ("heading", "trueup plan: 1 refused, 1 to create"),
        ("search", "Filter objects"),
    ] {
        assert!(named(role, name), "no {role} {name} in {tree:#}");
    }
    for role in ["main", "status", "insertion", "deletion"] {
        assert!(nodes.iter().any(|node| node["role"]["value"] == role), "no {role}");
    }
}

#[test]
fn it_is_legible_by_day_and_by_night() {
    let Some(mut browser) = browser() else { return };
    browser.open(&written("plan.html", &page(&samples::everyday())));
    let mut papers = Vec::new();
    for scheme in ["light", "dark"] {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.call("Emulation.setEmulatedMedia", features);
        let image = browser.photograph(&Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{scheme}.png")));
        assert!(image.len() > 10_000, "{} bytes", image.len());
        // every colour of text against what is behind it, as WCAG counts it
        let contrast = browser.value(
            "(() => { const rgb = (c) => c.match(/[\\d.]+/g).map(Number); \
             const light = (c) => { const [r, g, b] = rgb(c).slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b }; \
             const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$/.test(c)) return c } return 'rgb(255,255,255)' }; \
             return Math.min(...[...document.querySelectorAll('h1, p, ins, del, small, .word, .place, .kind, summary, output, label, footer')].filter((e) => e.textContent).map((e) => { const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x); return (a + 0.05) / (b + 0.05) })) })()",
        );
        assert!(contrast.as_f64().is_some_and(|contrast| contrast >= 4.5), "{scheme}: {contrast}");
        papers.push(browser.value("getComputedStyle(document.body).backgroundColor"));
    }
    assert_ne!(papers[0], papers[1]);
    let wide = browser.value("document.documentElement.scrollWidth <= window.innerWidth");
    assert_eq!(wide, json!(true), "it scrolls sideways");
    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
}

#[test]
fn causes_narrow_what_is_shown() {
    let Some(mut browser) = browser() else { return };
    let mut report = samples::everyday();
    report.changes[0].fields[0].causes = vec![CauseView::ThisBranch, CauseView::Drift];
    report.changes[1].fields[0].causes = vec![CauseView::Pending];
    browser.open(&written("causes.html", &page(&report)));
    assert_eq!(browser.value("document.querySelectorAll('#cause option').length"), json!(4));
    let names = [&report.changes[0].object.name, &report.changes[1].object.name];
    assert_eq!(browser.value("document.getElementById('environment')"), Json::Null);
    for (cause, name) in [("drift", names[0]), ("this branch", names[0]), ("pending", names[1])] {
        browser.value(&format!(
            "(() => {{ const c = document.getElementById('cause'); c.value = '{cause}'; \
             c.dispatchEvent(new Event('change')) }})()"
        ));
        let shown = browser.value(
            "[...document.querySelectorAll('main > details:not([hidden]) strong')].map((e) => e.textContent)",
        );
        assert_eq!(shown, json!([name]), "{cause}");
    }
}

#[test]
fn environments_narrow_what_is_shown() {
    let Some(mut browser) = browser() else { return };
    let mut report = samples::everyday();
    report.changes[0].object.environment = Some("staging".to_owned());
    report.changes[1].object.environment = Some("production".to_owned());
    browser.open(&written("environments.html", &page(&report)));
    browser.value(
        "(() => { const c = document.getElementById('environment'); c.value = 'production'; \
         c.dispatchEvent(new Event('change')) })()",
    );
    let shown = browser.value(
        "[...document.querySelectorAll('main > details:not([hidden]) .place')].map((e) => e.textContent)",
    );
    let shown = shown.as_array().expect("places");
    assert!(
        shown.len() == 1 && shown[0].as_str().is_some_and(|text| text.starts_with("production · ")),
        "{shown:?}"
    );
}

#[test]
fn commands_are_copied_and_paper_holds_everything() {
    let Some(mut browser) = browser() else { return };
    browser.open(&written("copied.html", &page(&samples::many(30))));
    assert_eq!(browser.value("document.querySelectorAll('main > details[open]').length"), json!(0));
    let file = samples::everyday().changes[0].object.file.clone();
    browser.value("navigator.clipboard.writeText = async (text) => { window.copied = text }; 0");
    browser.click("main > details summary");
    browser.until("document.querySelector('main > details[open] .copy') !== null");
    browser.click("main > details[open] .commands .copy");
    browser.until("window.copied !== undefined");
    let copied = browser.value("window.copied");
    assert!(copied.as_str().is_some_and(|text| text.starts_with("trueup plan ")), "{copied} {file}");
    browser.until("document.querySelector('.copy').getAttribute('aria-label').startsWith('Copy ')");
    // printing opens all that is shown, and closes it again
    browser.value("dispatchEvent(new Event('beforeprint')), 0");
    let open =
        |browser: &mut Browser| browser.value("document.querySelectorAll('main > details[open]').length");
    assert_eq!(open(&mut browser), json!(32));
    browser.value("dispatchEvent(new Event('afterprint')), 0");
    assert_eq!(open(&mut browser), json!(1));
    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
}

/// The rules of axe-core that find something serious, on the page as it is now.
fn serious_findings(browser: &mut Browser, axe: &str) -> Json {
    browser.value(&format!("{axe}; 0"));
    browser.value("window.found = undefined; axe.run().then((all) => { window.found = all.violations; }), 0");
    browser.until("window.found !== undefined");
    browser.value(
        "window.found.filter((one) => ['serious', 'critical'].includes(one.impact))\
         .map((one) => [one.id, one.nodes.length, one.nodes[0].html])",
    )
}

#[test]
fn axe_finds_nothing_serious() {
    let Some(mut browser) = browser() else { return };
    let Ok(axe) = std::fs::read_to_string("tests/editor/node_modules/axe-core/axe.min.js") else {
        eprintln!("skipped: axe-core is not installed (`npm ci --prefix tests/editor`)");
        return;
    };
    let mut hinted = samples::everyday();
    hinted.changes[0].fields[0].causes = vec![CauseView::Drift];
    let reports = [("plan", page(&hinted)), ("many", page(&samples::many(400)))];
    for (name, text) in reports {
        for scheme in ["light", "dark"] {
            let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
            browser.call("Emulation.setEmulatedMedia", features);
            browser.open(&written(&format!("axe-{name}.html"), &text));
            browser.value("document.getElementById('open').click(), 0");
            assert_eq!(serious_findings(&mut browser, &axe), json!([]), "{name}, {scheme}");
        }
    }
}
