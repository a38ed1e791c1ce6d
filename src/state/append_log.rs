//! A file of facts by name that grows line by line; of several lines about one name the last holds.
//!
//! So a fact costs one small write however many there are. A line that was interrupted is the last one and counts for
//! nothing; the next writer takes it away. When most lines are overtaken, the first write of a run leaves them out.
//! Deliberately absent: who may write when. Writers take turns (`turn`).

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::output_filter::filter_bytes;
use crate::state::files::{read_if_exists, replace_file};

/// The version of the lines that are written here.
const FORMAT: u32 = 1;
/// So many overtaken lines are no burden.
const MAX_STALE_LINES: usize = 1000;

/// What is said of a name.
pub trait LogValue: Sized {
    /// From its JSON; nothing when it is not a receipt.
    fn from_json(json: &str) -> Option<Self>;

    /// As JSON, in one line.
    ///
    /// # Errors
    /// When it has no form in JSON.
    fn write_json(&self, out: &mut Vec<u8>) -> io::Result<()>;
}

impl<T: Serialize + DeserializeOwned> LogValue for T {
    fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    fn write_json(&self, out: &mut Vec<u8>) -> io::Result<()> {
        Ok(serde_json::to_writer(out, self)?)
    }
}

/// A fact that is read when someone asks what it says: most are not, in a run that changes little.
pub struct RawLogValue(pub Box<str>);

impl LogValue for RawLogValue {
    fn from_json(json: &str) -> Option<Self> {
        Some(Self(json.into()))
    }

    fn write_json(&self, out: &mut Vec<u8>) -> io::Result<()> {
        out.write_all(self.0.as_bytes())
    }
}

/// Facts by name.
pub struct AppendLog<T> {
    path: PathBuf,
    values: HashMap<String, T>,
    /// How many lines the file had when it was read.
    lines: usize,
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogHeader {
    format: u32,
}

/// How every other line begins, what is between its name and its fact, and how it ends.
const LINE_PARTS: [&str; 3] = ["{\"of\":", ",\"is\":", "}"];

impl<T: LogValue> AppendLog<T> {
    /// Facts of nothing, in no file.
    pub fn new_in_memory() -> Self {
        Self { path: PathBuf::new(), values: HashMap::new(), lines: 0 }
    }

    /// Reads a file; an absent one is empty.
    ///
    /// # Errors
    /// When the file is there and cannot be read, or was not written by this program.
    pub fn open(path: &Path) -> io::Result<Self> {
        let bytes = read_if_exists(path)?.unwrap_or_default();
        let (facts, lines) = parse_log(&bytes)?;
        Ok(Self { path: path.to_owned(), values: facts, lines })
    }

    /// What is known of a name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.values.get(name)
    }

    /// Every fact with its name, in no order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &T)> {
        self.values.iter().map(|(name, value)| (&**name, value))
    }

    /// Every fact, in no order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.values.values()
    }

    /// Adds facts, on disk before it returns. It has to be the writer's turn.
    ///
    /// # Errors
    /// When they cannot be written; then none of them is known.
    pub fn append_values(&mut self, facts: Vec<(String, T)>) -> io::Result<()> {
        if self.lines > 2 * self.values.len() + MAX_STALE_LINES {
            self.compact_file()?;
        }
        let mut lines = Vec::new();
        facts.iter().try_for_each(|(of, is)| encode_line(&mut lines, of, is))?;
        append_lines(&self.path, &filter_bytes(&lines))?;
        self.values.extend(facts);
        Ok(())
    }

    /// Writes the file anew without what was overtaken. Others may have added to it since it was read.
    fn compact_file(&mut self) -> io::Result<()> {
        let (facts, _) = parse_log::<T>(&read_if_exists(&self.path)?.unwrap_or_default())?;
        let mut sorted: Vec<_> = facts.iter().collect();
        sorted.sort_unstable_by_key(|(of, _)| *of);
        let mut bytes = encode_header()?;
        sorted.into_iter().try_for_each(|(of, is)| encode_line(&mut bytes, of, is))?;
        replace_file(&self.path, &bytes)?;
        (self.lines, self.values) = (facts.len(), facts);
        Ok(())
    }
}

/// The first line.
fn encode_header() -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(&LogHeader { format: FORMAT })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn encode_line<T: LogValue>(bytes: &mut Vec<u8>, of: &str, is: &T) -> io::Result<()> {
    let [start, between, end] = LINE_PARTS;
    bytes.extend_from_slice(start.as_bytes());
    serde_json::to_writer(&mut *bytes, of)?;
    bytes.extend_from_slice(between.as_bytes());
    is.write_json(bytes)?;
    bytes.extend_from_slice(end.as_bytes());
    bytes.push(b'\n');
    Ok(())
}

/// The name and the fact of a line.
fn parse_line<T: LogValue>(line: &str) -> Option<(String, T)> {
    let [start, between, end] = LINE_PARTS;
    let rest = line.strip_prefix(start)?;
    let mut names = serde_json::Deserializer::from_str(rest).into_iter::<String>();
    let name = names.next()?.ok()?;
    let is = rest.get(names.byte_offset()..)?.strip_prefix(between)?.strip_suffix(end)?;
    Some((name, T::from_json(is)?))
}

/// The facts in a file, and how many lines tell them.
fn parse_log<T: LogValue>(bytes: &[u8]) -> io::Result<(HashMap<String, T>, usize)> {
    let whole = bytes.get(..find_last_line_end(bytes)).unwrap_or_default();
    let text = std::str::from_utf8(whole).map_err(|_| build_format_error())?;
    let mut lines = LogLines(text).filter(|line| !line.is_empty());
    match lines.next().map(serde_json::from_str) {
        // something is there that is no line of one, not even a first one that was interrupted
        None if !HEADER_START.starts_with(bytes) && !bytes.starts_with(HEADER_START) => {
            return Err(build_format_error());
        }
        None => return Ok((HashMap::new(), 0)),
        Some(Ok(LogHeader { format: FORMAT })) => {}
        Some(_) => return Err(build_format_error()),
    }
    let (mut facts, mut count) = (HashMap::new(), 0);
    for line in lines {
        let (of, is) = parse_line(line).ok_or_else(build_format_error)?;
        facts.insert(of, is);
        count += 1;
    }
    Ok((facts, count))
}

/// The lines of a text that ends with one. The reader's search for a line's end is much faster than that of `str`,
/// and lines are long.
struct LogLines<'t>(&'t str);

impl<'t> Iterator for LogLines<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let end = self.0.as_bytes().skip_until(b'\n').ok()?.checked_sub(1)?;
        let (line, rest) = (self.0.get(..end)?, self.0.get(end + 1..)?);
        self.0 = rest;
        Some(line)
    }
}

/// How every file begins.
const HEADER_START: &[u8] = br#"{"format":"#;

fn build_format_error() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it was not written by this version of the program")
}

/// Where the last whole line ends.
fn find_last_line_end(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1)
}

/// Adds whole lines. What cannot be added as a whole is taken away again.
fn append_lines(path: &Path, lines: &[u8]) -> io::Result<()> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(mut file) => {
            let end = find_file_line_end(&mut file)?;
            if end > 0 {
                return append_lines_at(&mut file, end, lines);
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut bytes = encode_header()?;
    bytes.extend(lines);
    replace_file(path, &bytes)
}

fn append_lines_at(file: &mut File, end: u64, lines: &[u8]) -> io::Result<()> {
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    let written = file.write_all(lines).and_then(|()| file.sync_data());
    if written.is_err() {
        // were it to stay, the next writer would take it away
        let _ = file.set_len(end);
    }
    written
}

/// Where the last whole line of a file ends.
fn find_file_line_end(file: &mut File) -> io::Result<u64> {
    let mut most = 4096;
    loop {
        let (start, bytes) = read_tail(file, most)?;
        match find_last_line_end(&bytes) {
            0 if start > 0 => most *= 16,
            end => return Ok(start + end as u64),
        }
    }
}

/// The last bytes of a file, and where they start.
///
/// # Errors
/// When they cannot be read.
pub fn read_tail(file: &mut File, most: u64) -> io::Result<(u64, Vec<u8>)> {
    let start = file.seek(SeekFrom::End(0))?.saturating_sub(most);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    Read::take(file, most).read_to_end(&mut bytes)?;
    Ok((start, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(number: u32) -> Vec<(String, u32)> {
        vec![(format!("n{}", number % 3), number)]
    }

    #[test]
    fn the_last_of_a_name_holds() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("facts.jsonl");
        let mut one: AppendLog<u32> = AppendLog::open(&path).expect("nothing there");
        let mut two: AppendLog<u32> = AppendLog::open(&path).expect("nothing there");
        for number in 0..6 {
            if number % 2 == 0 { &mut one } else { &mut two }.append_values(fact(number)).expect("room");
        }
        let all: AppendLog<u32> = AppendLog::open(&path).expect("a file of facts");
        assert_eq!(["n0", "n1", "n2"].map(|name| all.get(name).copied()), [Some(3), Some(4), Some(5)]);
    }

    #[test]
    fn a_line_that_was_cut_off_anywhere_counts_for_nothing_and_hurts_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("facts.jsonl");
        let mut facts: AppendLog<u32> = AppendLog::open(&path).expect("nothing there");
        (0..3).for_each(|number| facts.append_values(fact(number)).expect("room"));
        let whole = std::fs::read(&path).expect("a file");
        for cut in 0..=whole.len() {
            let left = whole.get(..cut).expect("a part");
            std::fs::write(&path, left).expect("a file");
            let mut facts: AppendLog<u32> = AppendLog::open(&path).expect("a file of facts");
            let lines = left.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(facts.values.len(), lines.saturating_sub(1), "cut at {cut}");
            facts.append_values(vec![("new".to_owned(), 9)]).expect("room");
            let again: AppendLog<u32> = AppendLog::open(&path).expect("a file of facts");
            assert_eq!(
                (again.get("new"), again.values.len()),
                (Some(&9), facts.values.len()),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn names_and_facts_come_back_as_they_were() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("facts.jsonl");
        let names = ["", "a b", "\",\"is\":1}", "line\nbreak", "å\u{1f}\u{2028}\\", "}"];
        let facts = |name: &&str| (name.to_string(), RawLogValue(format!("[{name:?},{{}}]").into()));
        AppendLog::open(&path)
            .and_then(|mut own| own.append_values(names.iter().map(facts).collect()))
            .expect("room");
        let own: AppendLog<RawLogValue> = AppendLog::open(&path).expect("a file of facts");
        for name in names {
            assert_eq!(own.get(name).map(|fact| &*fact.0), Some(&*format!("[{name:?},{{}}]")), "{name:?}");
        }
    }

    #[test]
    fn what_was_overtaken_goes_in_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("facts.jsonl");
        let mut facts: AppendLog<u32> = AppendLog::open(&path).expect("nothing there");
        let same = |number: u32| ("same".to_owned(), number);
        facts.append_values((0..1200).map(same).collect()).expect("room");
        let mut old: AppendLog<u32> = AppendLog::open(&path).expect("a file of facts");
        facts.append_values(vec![("other".to_owned(), 1)]).expect("room");
        old.append_values(vec![same(5000)]).expect("room");
        let text = std::fs::read_to_string(&path).expect("a file");
        assert_eq!(text.lines().count(), 4, "{text}");
        assert_eq!((old.get("same"), old.get("other")), (Some(&5000), Some(&1)));
    }

    #[test]
    fn what_is_no_file_of_facts_is_said_to_be_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("facts.jsonl");
        for text in
            ["no", "{\n", "{\"format\":2}\n", "{\"format\":1}\nx\n", "{\"format\":1}\n{\"of\":\"a\"}\n"]
        {
            std::fs::write(&path, text).expect("a file");
            assert!(AppendLog::<u32>::open(&path).is_err(), "{text:?}");
        }
    }
}
