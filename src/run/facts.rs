//! A file of facts by name that grows line by line; of several lines about one name the last holds.
//!
//! So a fact costs one small write however many there are. A line that was cut off is the last one and counts for
//! nothing; the next writer takes it away. When most lines are overtaken, the first write of a run leaves them out.
//! Deliberately absent: who may write when. Writers take turns (`turn`).

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::memory::{read_if_there, replace};

/// The version of the lines that are written here.
const FORMAT: u32 = 1;
/// So many overtaken lines are no burden.
const LEEWAY: usize = 1000;

/// What is told of a name.
pub trait Fact: Sized {
    /// From its JSON; nothing when it is none.
    fn read(json: &str) -> Option<Self>;

    /// As JSON, in one line.
    ///
    /// # Errors
    /// When it has no form in JSON.
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()>;
}

impl<T: Serialize + DeserializeOwned> Fact for T {
    fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        Ok(serde_json::to_writer(out, self)?)
    }
}

/// A fact that is read when somebody asks what it says: most are not, in a run that changes little.
pub struct Unread(pub Box<str>);

impl Fact for Unread {
    fn read(json: &str) -> Option<Self> {
        Some(Self(json.into()))
    }

    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        out.write_all(self.0.as_bytes())
    }
}

/// Facts by name.
pub struct Facts<T> {
    path: PathBuf,
    facts: HashMap<String, T>,
    /// How many lines the file had when it was read.
    lines: usize,
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: u32,
}

/// How every other line begins, what is between its name and its fact, and how it ends.
const LINE: [&str; 3] = ["{\"of\":", ",\"is\":", "}"];

impl<T: Fact> Facts<T> {
    /// Facts of nothing, in no file.
    pub fn blank() -> Self {
        Self { path: PathBuf::new(), facts: HashMap::new(), lines: 0 }
    }

    /// Reads a file; an absent one is empty.
    ///
    /// # Errors
    /// When the file is there and cannot be read, or was not written by this program.
    pub fn open(path: &Path) -> io::Result<Self> {
        let bytes = read_if_there(path)?.unwrap_or_default();
        let (facts, lines) = read(&bytes)?;
        Ok(Self { path: path.to_owned(), facts, lines })
    }

    /// What is known of a name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.facts.get(name)
    }

    /// Every fact, in no order.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.facts.values()
    }

    /// Adds facts, on disk before it returns. It has to be the writer's turn.
    ///
    /// # Errors
    /// When they cannot be written; then none of them is known.
    pub fn put(&mut self, facts: Vec<(String, T)>) -> io::Result<()> {
        if self.lines > 2 * self.facts.len() + LEEWAY {
            self.shorten()?;
        }
        let mut lines = Vec::new();
        facts.iter().try_for_each(|(of, is)| put_fact(&mut lines, of, is))?;
        append(&self.path, &lines)?;
        self.facts.extend(facts);
        Ok(())
    }

    /// Writes the file anew without what was overtaken. Others may have added to it since it was read.
    fn shorten(&mut self) -> io::Result<()> {
        let (facts, _) = read::<T>(&read_if_there(&self.path)?.unwrap_or_default())?;
        let mut sorted: Vec<_> = facts.iter().collect();
        sorted.sort_unstable_by_key(|(of, _)| *of);
        let mut bytes = head()?;
        sorted.into_iter().try_for_each(|(of, is)| put_fact(&mut bytes, of, is))?;
        replace(&self.path, &bytes)?;
        (self.lines, self.facts) = (facts.len(), facts);
        Ok(())
    }
}

/// The first line.
fn head() -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(&Head { format: FORMAT })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn put_fact<T: Fact>(bytes: &mut Vec<u8>, of: &str, is: &T) -> io::Result<()> {
    let [start, between, end] = LINE;
    bytes.extend_from_slice(start.as_bytes());
    serde_json::to_writer(&mut *bytes, of)?;
    bytes.extend_from_slice(between.as_bytes());
    is.write(bytes)?;
    bytes.extend_from_slice(end.as_bytes());
    bytes.push(b'\n');
    Ok(())
}

/// The name and the fact of a line.
fn fact<T: Fact>(line: &str) -> Option<(String, T)> {
    let [start, between, end] = LINE;
    let rest = line.strip_prefix(start)?;
    let mut names = serde_json::Deserializer::from_str(rest).into_iter::<String>();
    let name = names.next()?.ok()?;
    let is = rest.get(names.byte_offset()..)?.strip_prefix(between)?.strip_suffix(end)?;
    Some((name, T::read(is)?))
}

/// The facts in a file, and how many lines tell them.
fn read<T: Fact>(bytes: &[u8]) -> io::Result<(HashMap<String, T>, usize)> {
    let whole = bytes.get(..whole_lines(bytes)).unwrap_or_default();
    let text = std::str::from_utf8(whole).map_err(|_| foreign())?;
    let mut lines = Lines(text).filter(|line| !line.is_empty());
    match lines.next().map(serde_json::from_str) {
        // something is there that is no line of one, not even a first one that was cut off
        None if !HEAD_START.starts_with(bytes) && !bytes.starts_with(HEAD_START) => return Err(foreign()),
        None => return Ok((HashMap::new(), 0)),
        Some(Ok(Head { format: FORMAT })) => {}
        Some(_) => return Err(foreign()),
    }
    let (mut facts, mut count) = (HashMap::new(), 0);
    for line in lines {
        let (of, is) = fact(line).ok_or_else(foreign)?;
        facts.insert(of, is);
        count += 1;
    }
    Ok((facts, count))
}

/// The lines of a text that ends with one. The reader's search for a line's end is much faster than that of `str`,
/// and lines are long.
struct Lines<'t>(&'t str);

impl<'t> Iterator for Lines<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let end = self.0.as_bytes().skip_until(b'\n').ok()?.checked_sub(1)?;
        let (line, rest) = (self.0.get(..end)?, self.0.get(end + 1..)?);
        self.0 = rest;
        Some(line)
    }
}

/// How every file begins.
const HEAD_START: &[u8] = br#"{"format":"#;

fn foreign() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it was not written by this version of the program")
}

/// Where the last whole line ends.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1)
}

/// Adds whole lines. What cannot be added as a whole is taken away again.
fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(mut file) => {
            let end = end_of_lines(&mut file)?;
            if end > 0 {
                return append_at(&mut file, end, lines);
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut bytes = head()?;
    bytes.extend(lines);
    replace(path, &bytes)
}

fn append_at(file: &mut File, end: u64, lines: &[u8]) -> io::Result<()> {
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
fn end_of_lines(file: &mut File) -> io::Result<u64> {
    let mut most = 4096;
    loop {
        let (start, bytes) = tail(file, most)?;
        match whole_lines(&bytes) {
            0 if start > 0 => most *= 16,
            end => return Ok(start + end as u64),
        }
    }
}

/// The last bytes of a file, and where they start.
///
/// # Errors
/// When they cannot be read.
pub fn tail(file: &mut File, most: u64) -> io::Result<(u64, Vec<u8>)> {
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
        let mut one: Facts<u32> = Facts::open(&path).expect("nothing there");
        let mut two: Facts<u32> = Facts::open(&path).expect("nothing there");
        for number in 0..6 {
            if number % 2 == 0 { &mut one } else { &mut two }.put(fact(number)).expect("room");
        }
        let all: Facts<u32> = Facts::open(&path).expect("a file of facts");
        assert_eq!(["n0", "n1", "n2"].map(|name| all.get(name).copied()), [Some(3), Some(4), Some(5)]);
    }

    #[test]
    fn a_line_that_was_cut_off_anywhere_counts_for_nothing_and_hurts_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("facts.jsonl");
        let mut facts: Facts<u32> = Facts::open(&path).expect("nothing there");
        (0..3).for_each(|number| facts.put(fact(number)).expect("room"));
        let whole = std::fs::read(&path).expect("a file");
        for cut in 0..=whole.len() {
            let left = whole.get(..cut).expect("a part");
            std::fs::write(&path, left).expect("a file");
            let mut facts: Facts<u32> = Facts::open(&path).expect("a file of facts");
            let lines = left.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(facts.facts.len(), lines.saturating_sub(1), "cut at {cut}");
            facts.put(vec![("new".to_owned(), 9)]).expect("room");
            let again: Facts<u32> = Facts::open(&path).expect("a file of facts");
            assert_eq!((again.get("new"), again.facts.len()), (Some(&9), facts.facts.len()), "cut at {cut}");
        }
    }

    #[test]
    fn names_and_facts_come_back_as_they_were() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("facts.jsonl");
        let names = ["", "a b", "\",\"is\":1}", "line\nbreak", "å\u{1f}\u{2028}\\", "}"];
        let facts = |name: &&str| (name.to_string(), Unread(format!("[{name:?},{{}}]").into()));
        Facts::open(&path).and_then(|mut own| own.put(names.iter().map(facts).collect())).expect("room");
        let own: Facts<Unread> = Facts::open(&path).expect("a file of facts");
        for name in names {
            assert_eq!(own.get(name).map(|fact| &*fact.0), Some(&*format!("[{name:?},{{}}]")), "{name:?}");
        }
    }

    #[test]
    fn what_was_overtaken_goes_in_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("facts.jsonl");
        let mut facts: Facts<u32> = Facts::open(&path).expect("nothing there");
        let same = |number: u32| ("same".to_owned(), number);
        facts.put((0..1200).map(same).collect()).expect("room");
        let mut old: Facts<u32> = Facts::open(&path).expect("a file of facts");
        facts.put(vec![("other".to_owned(), 1)]).expect("room");
        old.put(vec![same(5000)]).expect("room");
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
            assert!(Facts::<u32>::open(&path).is_err(), "{text:?}");
        }
    }
}
