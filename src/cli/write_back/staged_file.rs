//! Several files that change together: every new text is on disk in a temporary file before the first one is replaced.
//!
//! A file that is not what was read is neither replaced nor removed. Where a file cannot be replaced after others were,
//! the error names those. Deliberately absent: undoing them, which Git can.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempPath;

use crate::cli::import::folder::{BYTE_ORDER_MARK, stage_new_file, stage_replacement};
use crate::cli::output_file::check_no_links_below;
use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan};

/// A file with its new text beside it.
pub struct StagedFile<'f> {
    /// As people name it.
    path: &'f str,
    full: PathBuf,
    before: Option<PreviousText>,
    /// The temporary file, which is closed: there may be more files than a process may open. Nothing for a file that
    /// goes.
    after: Option<TempPath>,
}

/// What a file holds that is there.
struct PreviousText {
    source: Arc<NamedSource>,
    bytes: Vec<u8>,
}

impl<'f> StagedFile<'f> {
    /// Puts a new text beside a file; `before` is what was read from it, nothing for a new file.
    ///
    /// # Errors
    /// When the file is not what was read, a link is on the way to it, or the text cannot be written.
    pub fn new(
        root: &Path,
        path: &'f str,
        before: Option<Arc<NamedSource>>,
        text: Option<&str>,
    ) -> Result<Self, Diagnostic> {
        let full = root.join(path);
        let failed = |error: io::Error| diagnose_unwritable(path, before.as_ref(), &error);
        check_no_links_below(root, &full).map_err(failed)?;
        let Some(source) = &before else {
            if full.symlink_metadata().is_ok() {
                return Err(failed(io::ErrorKind::AlreadyExists.into()));
            }
            let stage = |text: &str| stage_new_file(&full, text.as_bytes());
            let after = text.map(stage).transpose().map_err(failed)?;
            return Ok(Self { path, full, before: None, after });
        };
        let bytes = fs::read(&full).map_err(failed)?;
        let mark = if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK } else { &[] };
        if bytes.get(mark.len()..) != Some(source.text.as_bytes()) {
            return Err(diagnose_conflict(source));
        }
        let stage = |text: &str| stage_replacement(&full, &[mark, text.as_bytes()].concat());
        let after = text.map(stage).transpose().map_err(failed)?;
        let before = Some(PreviousText { source: Arc::clone(source), bytes });
        Ok(Self { path, full, before, after })
    }

    /// Replaces, creates or removes the file.
    fn put(self) -> Result<(), Diagnostic> {
        let Self { path, full, before, after } = self;
        let source = before.as_ref().map(|own| &own.source);
        let failed = |error: io::Error| diagnose_unwritable(path, source, &error);
        if let Some(PreviousText { source, bytes }) = &before
            && fs::read(&full).map_err(failed)? != *bytes
        {
            return Err(diagnose_conflict(source));
        }
        match (after, &before) {
            (Some(text), Some(_)) => text.persist(&full).map_err(|error| failed(error.error)),
            (Some(text), None) => text.persist_noclobber(&full).map_err(|error| failed(error.error)),
            (None, Some(_)) => fs::remove_file(&full).map_err(failed),
            (None, None) => Ok(()),
        }
    }
}

/// Puts files in their places, up to the first that cannot be.
///
/// # Errors
/// With that file, and those that were written before it.
pub fn put_files(files: Vec<StagedFile>) -> Result<(), Vec<Diagnostic>> {
    let (count, mut written) = (files.len(), Vec::new());
    for file in files {
        let path = file.path;
        if let Err(fault) = file.put() {
            return Err(vec![add_written(fault, &written, count)]);
        }
        written.push(path);
    }
    Ok(())
}

/// A fault with the files that were written before it.
fn add_written(fault: Diagnostic, written: &[&str], count: usize) -> Diagnostic {
    if written.is_empty() {
        return fault;
    }
    let message =
        format!("{}; {} of {count} files are written: {}", fault.message, written.len(), written.join(", "));
    let hint = "look at the changes of these files with `git diff`, then run again";
    Diagnostic { message, ..fault }.with_hint(hint)
}

fn diagnose_conflict(before: &Arc<NamedSource>) -> Diagnostic {
    Diagnostic::error("file-changed", "this file changed during the run")
        .with_location(before.locate_span(SourceSpan::default()))
        .with_hint("run again")
}

fn diagnose_unwritable(path: &str, before: Option<&Arc<NamedSource>>, error: &io::Error) -> Diagnostic {
    let fault = Diagnostic::error("unwritable-file", format!("{path} can't be written: {error}"))
        .with_hint("check the folder and its permissions");
    match before {
        Some(source) => fault.with_location(source.locate_span(SourceSpan::default())),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage<'f>(root: &Path, path: &'f str, old: Option<&str>, new: Option<&str>) -> StagedFile<'f> {
        let before = old.map(|text| {
            fs::write(root.join(path), text).unwrap();
            NamedSource::new(path, text)
        });
        StagedFile::new(root, path, before, new).unwrap_or_else(|fault| panic!("{}", fault.message))
    }

    fn list_names(root: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_replaced_created_and_removed_together() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let files = vec![
            stage(root, "a.yaml", Some("\u{feff}a: 1\n"), Some("a: 2\n")),
            stage(root, "b.yaml", Some("b: 1\n"), None),
            stage(root, "c/d.yaml", None, Some("d: 1\n")),
        ];
        assert_eq!(fs::read_to_string(root.join("a.yaml")).unwrap(), "\u{feff}a: 1\n", "nothing yet");
        assert!(root.join("b.yaml").exists() && !root.join("c/d.yaml").exists());
        assert!(put_files(files).is_ok());
        assert_eq!(fs::read_to_string(root.join("a.yaml")).unwrap(), "\u{feff}a: 2\n");
        assert_eq!(fs::read_to_string(root.join("c/d.yaml")).unwrap(), "d: 1\n");
        assert_eq!(list_names(root), ["a.yaml", "c"]);
    }

    #[test]
    fn a_file_that_changes_in_between_stays_and_those_before_it_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (new, other) in [(Some("b: 2\n"), "b: mine\n"), (None, "b: too\n")] {
            let files = vec![
                stage(root, "a.yaml", Some("a: 1\n"), Some("a: 2\n")),
                stage(root, "b.yaml", Some("b: 1\n"), new),
                stage(root, "c.yaml", Some("c: 1\n"), Some("c: 2\n")),
            ];
            fs::write(root.join("b.yaml"), other).unwrap();
            let faults = put_files(files).unwrap_err();
            let [fault] = &faults[..] else { panic!("one fault") };
            assert_eq!(fault.code, "file-changed");
            assert!(fault.message.ends_with("1 of 3 files are written: a.yaml"), "{}", fault.message);
            assert_eq!(fs::read_to_string(root.join("b.yaml")).unwrap(), other);
            assert_eq!(fs::read_to_string(root.join("c.yaml")).unwrap(), "c: 1\n");
            assert_eq!(list_names(root), ["a.yaml", "b.yaml", "c.yaml"], "no temporary file is left");
        }
    }

    #[test]
    fn a_file_that_is_not_what_was_read_is_not_staged() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.yaml"), "a: 2\n").unwrap();
        for before in [Some(NamedSource::new("a.yaml", "a: 1\n")), None] {
            for text in [Some("a: 3\n"), None] {
                assert!(StagedFile::new(folder.path(), "a.yaml", before.clone(), text).is_err());
            }
        }
        assert_eq!(list_names(folder.path()), ["a.yaml"]);
    }
}
