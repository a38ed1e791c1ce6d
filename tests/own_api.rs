use trueup::diagnostic::Source;
use trueup::kind::draft;
#[test]
fn show() {
    for (name, file) in [("bikes", "bikes-3.0.yaml"), ("festival", "festival-3.1.json")] {
        let text = std::fs::read_to_string(format!("tests/openapi/{file}")).unwrap();
        let source = Source::new(file, text);
        match draft::draft(name, &source, &[]) {
            Ok(draft) => {
                for file in &draft.files {
                    println!("=== {} ({})\n{}", file.name, file.decide, file.text);
                }
                for s in &draft.skipped {
                    println!("--- {}: {}", s.path, s.why);
                }
            }
            Err(d) => println!("ERR {} {} {:?}", d.code, d.message, d.hint),
        }
    }
}
