//! `trueup api new`: a first draft of a description, written where there is none yet.
//!
//! Nothing is overwritten, and nothing is written unless everything can be.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::args::{ApiNewArgs, Common, Format};
use crate::cli::exit::Exit;
use crate::cli::screen::Screen;
use crate::cli::workspace::{self, KINDS};
use crate::diagnostic::Diagnostic;
use crate::kind::draft::{Draft, draft};
use crate::report::clean::{count, line};
use crate::report::json::to_json;
use crate::report::shown::{Checked, FORMAT_VERSION, Finding};

/// What was drafted from an OpenAPI document.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiNewReport")]
pub struct Drafted {
    /// The version of this structure: 1.
    format_version: u32,
    /// The version of the program that made it.
    tool_version: &'static str,
    /// The files that were written.
    files: Vec<Written>,
    /// What of the document became no kind.
    skipped: Vec<Left>,
    /// What is wrong, or worth a look.
    diagnostics: Vec<Finding>,
}

/// A file that was written.
#[derive(Serialize, JsonSchema)]
struct Written {
    /// Where it stands.
    path: String,
    /// Remarks that ask for a decision.
    undecided: usize,
}

/// A path that became no kind.
#[derive(Serialize, JsonSchema)]
struct Left {
    /// The path in the document.
    path: String,
    /// Why it became none.
    why: String,
}

/// Drafts an API from an OpenAPI document.
///
/// # Errors
/// When a file or the result cannot be written.
pub fn run(common: &Common, args: &ApiNewArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let folder = args.output.clone().unwrap_or_else(|| Path::new(KINDS).join(&args.name));
    let full = common.directory.join(&folder);
    let made = fitting(&folder, &args.name)
        .and_then(|()| workspace::text(&args.from_openapi))
        .and_then(|source| draft(&args.name, &source, &args.only))
        .and_then(|draft| match taken(&full, &draft) {
            None => Ok(draft),
            Some(fault) => Err(fault),
        });
    let made = match made {
        Ok(draft) => draft,
        Err(fault) => return refuse(fault, screen),
    };
    write(&full, &made)?;
    tell(&folder, made, screen)?;
    Ok(Exit::Done)
}

fn refuse(fault: Diagnostic, screen: &Screen) -> anyhow::Result<Exit> {
    screen.diagnose(std::slice::from_ref(&fault));
    if screen.format == Format::Json {
        screen.out(&to_json(&Drafted::of(Vec::new(), Vec::new(), &[fault]))?)?;
    }
    Ok(Exit::Error)
}

/// An API is called like the folder in which its files stand.
fn fitting(folder: &Path, name: &str) -> Result<(), Diagnostic> {
    match folder.file_name().is_some_and(|own| own == name) {
        true => Ok(()),
        false => {
            let message = format!(
                "an API is called like its folder, and this one does not end in `{}`",
                name.escape_debug()
            );
            Err(Diagnostic::error("wrong-place", message)
                .hint(format!("write -o {KINDS}/NAME, or leave it out")))
        }
    }
}

/// A file that stands already where one would be written.
fn taken(folder: &Path, draft: &Draft) -> Option<Diagnostic> {
    let there = |name: &str| fs::symlink_metadata(folder.join(name)).is_ok();
    let taken: Vec<String> =
        draft.files.iter().filter(|file| there(&file.name)).map(|file| format!("`{}`", file.name)).collect();
    if taken.is_empty() {
        return None;
    }
    let message = format!("{} stands already in {}", taken.join(", "), line(&folder.to_string_lossy()));
    Some(
        Diagnostic::error("file-exists", message)
            .hint("nothing is overwritten; give the API another name, or another folder with -o"),
    )
}

fn write(folder: &Path, draft: &Draft) -> anyhow::Result<()> {
    let cannot = |path: &Path| format!("{} cannot be written", path.display());
    fs::create_dir_all(folder).with_context(|| cannot(folder))?;
    let mut written: Vec<PathBuf> = Vec::new();
    for file in &draft.files {
        let path = folder.join(&file.name);
        let made = OpenOptions::new().write(true).create_new(true).open(&path);
        let made = made.and_then(|mut new| {
            written.push(path.clone());
            new.write_all(file.text.as_bytes())
        });
        if let Err(error) = made {
            // half a draft would stand in the way of the next try
            written.iter().for_each(|path| drop(fs::remove_file(path)));
            return Err(error).with_context(|| cannot(&path));
        }
    }
    Ok(())
}

fn tell(folder: &Path, draft: Draft, screen: &Screen) -> anyhow::Result<()> {
    let path = |name: &str| line(&folder.join(name).to_string_lossy().replace('\\', "/")).into_owned();
    let files: Vec<Written> =
        draft.files.iter().map(|file| Written { path: path(&file.name), undecided: file.decide }).collect();
    let clean = |text: String| line(&text).into_owned();
    let skipped: Vec<Left> =
        draft.skipped.into_iter().map(|one| Left { path: clean(one.path), why: clean(one.why) }).collect();
    match screen.format {
        Format::Json => screen.out(&to_json(&Drafted::of(files, skipped, &[]))?)?,
        Format::Text => {
            screen.out(&text(&files, &skipped))?;
            screen.say("look at each `# decide:`; then `trueup api check`, and `trueup api try TARGET`\n");
        }
    }
    Ok(())
}

fn text(files: &[Written], skipped: &[Left]) -> String {
    let width = files.iter().map(|file| file.path.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for Written { path, undecided } in files {
        text.push_str(&format!("wrote {path:<width$}  {} to decide\n", count(*undecided, "place")));
    }
    for Left { path, why } in skipped {
        text.push_str(&format!("left out {path}: {why}\n"));
    }
    text
}

impl Drafted {
    fn of(files: Vec<Written>, skipped: Vec<Left>, faults: &[Diagnostic]) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION"),
            files,
            skipped,
            diagnostics: Checked::of(0, faults).diagnostics,
        }
    }
}
