//! `trueup fmt`: the files of a workspace, laid out in one way.
//!
//! Documents, and without paths also settings and policies. A text that is not sound YAML is told and left alone.

use std::sync::Arc;

use super::args::{Common, FmtArgs};
use super::exit::Exit;
use super::import::folder::replace;
use super::screen::Screen;
use super::workspace::{self, Texts};
use crate::diagnostic::{Diagnostic, Source, Span, any_error};
use crate::document::tidy::{Tidied, tidy};
use crate::report::clean::count;
use crate::yaml;

/// Lays out files, or tells which are not laid out so.
///
/// # Errors
/// When the result cannot be told.
pub fn run(common: &Common, args: &FmtArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let (texts, mut faults) = workspace::texts(&common.directory, &args.selection.paths);
    let mut work = Work { check: args.check, changed: Vec::new(), faults: Vec::new(), total: 0 };
    if let Some(texts) = &texts {
        texts.documents.iter().for_each(|source| work.one(texts, source, true));
        texts.others.iter().for_each(|source| work.one(texts, source, false));
    }
    faults.append(&mut work.faults);
    screen.diagnose(&faults);
    for path in &work.changed {
        screen.out(&format!("{path}\n"))?;
    }
    let (changed, total) = (work.changed.len(), count(work.total, "file"));
    let differs = args.check && changed > 0;
    match differs {
        true => screen.err(&format!("{changed} of {total} are not laid out so\n  help: run `trueup fmt`\n")),
        false => screen.say(&format!("{changed} of {total} changed\n")),
    }
    Ok(match (any_error(&faults), differs) {
        (true, _) => Exit::Error,
        (false, true) => Exit::Differs,
        (false, false) => Exit::Done,
    })
}

struct Work {
    check: bool,
    changed: Vec<String>,
    faults: Vec<Diagnostic>,
    total: usize,
}

impl Work {
    fn one(&mut self, texts: &Texts, source: &Arc<Source>, documents: bool) {
        self.total += 1;
        let mut found = Vec::new();
        drop(yaml::read(source, &mut found));
        if any_error(&found) {
            // lines of a text of which nothing is known may show a secret
            source.veil(Span { start: 0, end: source.text.len() as u32 });
            return self.faults.append(&mut found);
        }
        match tidy(source, documents) {
            Tidied::Fine => {}
            Tidied::Untouched => {
                let fault = Diagnostic::note("left-alone", "this file holds what is not laid out anew");
                let place = source.place(Span::default());
                self.faults.push(fault.hint("it is read all the same; lay it out by hand").at(place));
            }
            Tidied::Changed(text) => match self.write(texts, source, &text) {
                Ok(()) => self.changed.push(source.path.clone()),
                Err(error) => {
                    let message = format!("this file can't be written: {}", error.kind());
                    let fault = Diagnostic::error("unwritable-file", message);
                    self.faults.push(fault.at(source.place(Span::default())));
                }
            },
        }
    }

    fn write(&self, texts: &Texts, source: &Source, text: &str) -> std::io::Result<()> {
        match self.check {
            true => Ok(()),
            false => replace(&texts.root.join(&source.path), text.as_bytes()),
        }
    }
}
