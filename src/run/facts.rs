//! A file of facts by name that grows line by line; of several lines about one name the last holds.
//!
//! So a fact costs one small write however many there are. A line that was cut off is the last one and counts for
//! nothing; the next writer takes it away. When most lines are overtaken, the first write of a run leaves them out.
//! Deliberately absent: who may write when. Writers take turns (`turn`).

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::memory::{read_if_there, replace};

/// The version of the lines that are written here.
const FORMAT: u32 = 1;
/// So many overtaken lines are no burden.
const LEEWAY: usize = 1000;

/// Facts by name.
pub struct Facts<T> {
    path: PathBuf,
    facts: BTreeMap<String, T>,
    /// How many lines the file had when it was read.
    lines: usize,
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: u32,
}

/// Every other line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<N, T> {
    of: N,
    is: T,
}

impl<T: Serialize + DeserializeOwned> Facts<T> {
    /// Facts of nothing, in no file.
    pub fn blank() -> Self {
        Self { path: PathBuf::new(), facts: BTreeMap::new(), lines: 0 }
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

    /// Adds facts, on disk before it returns. It has to be the writer's turn.
    ///
    /// # Errors
    /// When they cannot be written; then none of them is known.
    pub fn put(&mut self, facts: Vec<(String, T)>) -> io::Result<()> {
        if self.lines > 2 * self.facts.len() + LEEWAY {
            self.shorten()?;
        }
        let mut lines = Vec::new();
        facts.iter().try_for_each(|(of, is)| put_line(&mut lines, &Line { of, is }))?;
        append(&self.path, &lines)?;
        self.facts.extend(facts);
        Ok(())
    }

    /// Writes the file anew without what was overtaken. Others may have added to it since it was read.
    fn shorten(&mut self) -> io::Result<()> {
        let (facts, _) = read(&read_if_there(&self.path)?.unwrap_or_default())?;
        let mut bytes = Vec::new();
        put_line(&mut bytes, &Head { format: FORMAT })?;
        facts.iter().try_for_each(|(of, is)| put_line(&mut bytes, &Line { of, is }))?;
        replace(&self.path, &bytes)?;
        (self.lines, self.facts) = (facts.len(), facts);
        Ok(())
    }
}

fn put_line(bytes: &mut Vec<u8>, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *bytes, line)?;
    bytes.push(b'\n');
    Ok(())
}

/// The facts in a file, and how many lines tell them.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<(BTreeMap<String, T>, usize)> {
    let whole = bytes.get(..whole_lines(bytes)).unwrap_or_default();
    let mut lines = whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    match lines.next().map(serde_json::from_slice) {
        // something is there that is no line of one, not even a first one that was cut off
        None if !HEAD_START.starts_with(bytes) && !bytes.starts_with(HEAD_START) => return Err(foreign()),
        None => return Ok((BTreeMap::new(), 0)),
        Some(Ok(Head { format: FORMAT })) => {}
        Some(_) => return Err(foreign()),
    }
    let (mut facts, mut count) = (BTreeMap::new(), 0);
    for line in lines {
        let Line { of, is } = serde_json::from_slice(line)?;
        facts.insert(of, is);
        count += 1;
    }
    Ok((facts, count))
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
    let mut bytes = Vec::new();
    put_line(&mut bytes, &Head { format: FORMAT })?;
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
        assert_eq!(all.facts.values().copied().collect::<Vec<_>>(), [3, 4, 5]);
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
