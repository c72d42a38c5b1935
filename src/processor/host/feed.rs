//! Sending events ahead of the reducer, and passing on what it reports once, in order.

use super::known::Known;
use super::process::Process;
use crate::model::log::EventLog;
use crate::processor::frames::{Order, put_event};
use crate::replay::reducer::{FoldRequest, Note, NoteKind, State};
use std::collections::VecDeque;

/// How far ahead events are sent: enough that the reducer never waits, little enough that a cancel is
/// read at once.
const AHEAD_ROWS: usize = 2048;
const AHEAD_BYTES: usize = 4 << 20;
/// Written to the pipe in one go.
const CHUNK: usize = 64 << 10;

/// The rows on their way.
pub struct Feed {
    next: usize,
    to: usize,
    done: usize,
    sizes: VecDeque<usize>,
    bytes: usize,
    frames: Vec<u8>,
}

impl Feed {
    /// Rows `start..to` are to be sent.
    pub fn new(start: usize, to: usize) -> Feed {
        Feed {
            next: start,
            to,
            done: start,
            sizes: VecDeque::new(),
            bytes: 0,
            frames: Vec::new(),
        }
    }

    /// True while more may be sent.
    pub fn has_room(&self) -> bool {
        self.next < self.to
            && self.next - self.done < AHEAD_ROWS
            && (self.bytes < AHEAD_BYTES || self.next == self.done)
    }

    /// Sends one chunk of what may be sent, without the events of the rows `left_out`; false when
    /// nothing was sent.
    pub fn feed(
        &mut self,
        process: &mut Process,
        log: &dyn EventLog,
        left_out: impl Fn(usize) -> bool,
    ) -> bool {
        while self.has_room() && self.frames.len() < CHUNK {
            let before = self.frames.len();
            if left_out(self.next) {
                Order::Skip.put(&mut self.frames);
            } else {
                match log.raw(self.next) {
                    Some(json) => put_event(&mut self.frames, &json),
                    // Not found yet: the file is still being indexed.
                    None if !log.indexing().is_done() => break,
                    // Not there at all: like a line that cannot be read.
                    None => put_event(&mut self.frames, b""),
                }
            }
            let size = self.frames.len() - before;
            self.sizes.push_back(size);
            self.bytes += size;
            self.next += 1;
        }
        if self.frames.is_empty() {
            return false;
        }
        let sent = process.send(&self.frames).is_ok();
        self.frames.clear();
        sent
    }

    /// So many rows are done.
    pub fn done(&mut self, rows: usize) {
        while self.done < rows.min(self.next) {
            self.bytes -= self.sizes.pop_front().unwrap_or(0);
            self.done += 1;
        }
    }
}

/// What the sink has been told, whatever number of processes it took.
pub struct Delivery {
    rows: usize,
    notes: Vec<Note>,
}

impl Delivery {
    /// Nothing of rows before `rows` is to be told.
    pub fn new(rows: usize) -> Delivery {
        Delivery {
            rows,
            notes: Vec::new(),
        }
    }

    /// Rows about which everything has been told.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Holds a note until its row is done.
    pub fn note(&mut self, row: usize, what: NoteKind) {
        if row >= self.rows {
            self.notes.push(Note { row, what });
        }
    }

    /// The process died: rows not done will be done again.
    pub fn forget_unfinished(&mut self) {
        self.notes.clear();
    }

    /// Passes a keyframe on, after the notes before it.
    pub fn keyframe(
        &mut self,
        rows: usize,
        state: State,
        known: &Known,
        request: &mut FoldRequest<'_>,
    ) {
        if rows > self.rows {
            self.progress(rows, known, request);
            request.sink.keyframe(rows, state);
        }
    }

    /// All rows before `rows` are done: passes on what is known of them.
    pub fn progress(&mut self, rows: usize, known: &Known, request: &mut FoldRequest<'_>) {
        if rows <= self.rows {
            return;
        }
        for (row, what) in known.bad.range(self.rows..rows) {
            self.notes.push(Note {
                row: *row,
                what: what.clone(),
            });
        }
        self.notes.sort_by_key(|note| note.row);
        let later = self.notes.partition_point(|note| note.row < rows);
        for note in self.notes.drain(..later) {
            request.sink.note(note);
        }
        self.rows = rows;
        request.sink.progress(rows);
    }
}
