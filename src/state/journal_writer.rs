//! The file of a journal, written by a thread of its own: whoever notes a line waits until it is on disk, and lines
//! that are noted meanwhile reach the disk together. A line that others follow in any case may go there with the next.
//!
//! A disk takes as long for ten lines as for one, and while it does, the requests of other objects go on.

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::output_filter::filter_bytes;

/// A line, and who waits for it.
struct QueuedLine {
    line: Vec<u8>,
    reply: oneshot::Sender<io::Result<()>>,
    /// Whether it has to outlive the machine, not only the program.
    durable: bool,
}

/// Whether a line reached the disk; to be awaited.
pub type WriteConfirmation = oneshot::Receiver<io::Result<()>>;

/// The hand that writes; it rests when this is dropped, and what was noted is on disk by then.
pub struct JournalWriter {
    /// Closed to end the thread.
    queue: Option<Sender<QueuedLine>>,
    thread: Option<JoinHandle<()>>,
}

impl JournalWriter {
    /// Lets a thread write.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(batch: JournalBatch) -> io::Result<Self> {
        let (notes, waiting) = mpsc::channel();
        let write = move || batch.write_batches(&waiting);
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(write)?;
        Ok(Self { queue: Some(notes), thread: Some(thread) })
    }

    /// Has a line written, and on disk if it is to be `certain`. Who does not wait does not know.
    pub fn queue_line(&self, line: Vec<u8>, certain: bool) -> WriteConfirmation {
        let (sender, noted) = oneshot::channel();
        // without a thread no one tells, which `outcome` knows
        let _ =
            self.queue.as_ref().map(|notes| notes.send(QueuedLine { line, reply: sender, durable: certain }));
        noted
    }
}

/// What became of a line.
///
/// # Errors
/// When it is not on disk for certain.
pub fn flatten_result<E>(confirmation: Result<io::Result<()>, E>) -> io::Result<()> {
    confirmation.unwrap_or_else(|_| Err(io::Error::other("the journal's thread has ended")))
}

impl Drop for JournalWriter {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // whoever waited for a line that it did not write has heard it
            let _ = thread.join();
        }
    }
}

/// A file, and whether its last line is whole.
pub struct JournalBatch {
    pub file: File,
    /// A line was begun that could not be finished.
    pub torn: bool,
}

impl JournalBatch {
    fn write_batches(mut self, waiting: &Receiver<QueuedLine>) {
        while let Ok(first) = waiting.recv() {
            let notes: Vec<QueuedLine> = std::iter::once(first).chain(waiting.try_iter()).collect();
            let lines = notes.iter().map(|note| note.line.as_slice());
            let certain = notes.iter().any(|note| note.durable);
            let written =
                self.write_lines(lines).and_then(|()| if certain { self.sync_data() } else { Ok(()) });
            for QueuedLine { reply: sender, .. } in notes {
                let result = written.as_ref().copied().map_err(|error| error.kind().into());
                // who went away needs no answer
                let _ = sender.send(result);
            }
        }
    }

    /// Writes lines; on disk before it returns.
    ///
    /// # Errors
    /// When one of them is not, or only in part.
    pub fn write_durably<'l>(&mut self, lines: impl Iterator<Item = &'l [u8]>) -> io::Result<()> {
        self.write_lines(lines)?;
        self.sync_data()
    }

    /// Writes lines, which a program that is killed then does not take along.
    fn write_lines<'l>(&mut self, lines: impl Iterator<Item = &'l [u8]>) -> io::Result<()> {
        // a line of its own, so that what was begun spoils nothing but itself
        let mut bytes = if self.torn { vec![b'\n'] } else { Vec::new() };
        for line in lines {
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
        }
        let written = self.file.write_all(&filter_bytes(&bytes));
        self.torn = written.is_err();
        written
    }

    /// What was written before, too, is on disk when this returns.
    fn sync_data(&mut self) -> io::Result<()> {
        let synced = self.file.sync_data();
        self.torn |= synced.is_err();
        synced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_in_their_order_and_are_written_before_that_is_confirmed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lines");
        let pen = JournalWriter::new(JournalBatch { file: File::create(&path).expect("a file"), torn: true })
            .expect("a pen");
        let mut expected = String::from("\n");
        for (number, certain) in [true, false, false, true, false].into_iter().enumerate() {
            let noted = pen.queue_line(number.to_string().into_bytes(), certain);
            flatten_result(noted.blocking_recv()).expect("room");
            expected.push_str(&format!("{number}\n"));
            assert_eq!(std::fs::read_to_string(&path).expect("a text"), expected, "{certain}");
        }
        let last = pen.queue_line(b"last".to_vec(), false);
        drop(pen);
        flatten_result(last.blocking_recv()).expect("what was noted is written before the pen rests");
        assert!(std::fs::read_to_string(&path).expect("a text").ends_with("4\nlast\n"));
    }
}
