//! Splits a saved server-sent-event transcript into its messages (SPEC §3.1) and takes the data
//! out of one. Comments, keep-alives, messages without data and `event: done` are no records.

use super::split::{Pending, Sink, is_blank};
use std::borrow::Cow;

/// Bytes of a line's front that are kept: enough for every field name that matters.
const FRONT: usize = 16;

/// See the module.
#[derive(Debug)]
pub struct Blocks {
    start: Pending,
    line: u64,
    /// The front of the line that is not complete yet.
    front: Vec<u8>,
    /// A line has begun (its front may be empty).
    open_line: bool,
    has_data: bool,
    done: bool,
    empty: bool,
    pub(super) boundary: u64,
}

impl Blocks {
    pub fn new(at: u64) -> Blocks {
        Blocks {
            start: Pending { start: at, line: 1 },
            line: 1,
            front: Vec::with_capacity(FRONT),
            open_line: false,
            has_data: false,
            done: false,
            empty: true,
            boundary: at,
        }
    }

    pub(super) fn feed(&mut self, bytes: &[u8], at: u64, sink: &mut Sink) {
        let mut from = 0;
        for newline in memchr::memchr_iter(b'\n', bytes) {
            self.grow_line(&bytes[from..newline], at + from as u64);
            self.end_line(at + newline as u64 + 1, sink);
            from = newline + 1;
        }
        self.grow_line(&bytes[from..], at + from as u64);
    }

    fn grow_line(&mut self, bytes: &[u8], at: u64) {
        if bytes.is_empty() {
            return;
        }
        if self.empty && !self.open_line {
            self.start = Pending {
                start: at,
                line: self.line,
            };
        }
        self.open_line = true;
        let room = FRONT - self.front.len();
        self.front
            .extend_from_slice(&bytes[..room.min(bytes.len())]);
    }

    fn end_line(&mut self, next: u64, sink: &mut Sink) {
        if is_blank(&self.front) {
            if self.has_data && !self.done {
                sink.record(self.start.start, self.start.line);
                self.boundary = next;
            }
            (self.has_data, self.done, self.empty) = (false, false, true);
        } else {
            self.empty = false;
            self.has_data |= field(&self.front) == b"data";
            self.done |= is_done(&self.front);
        }
        self.front.clear();
        self.open_line = false;
        self.line += 1;
    }

    pub(super) fn pending(&self) -> Option<Pending> {
        let data = self.has_data || (self.open_line && self.front.starts_with(b"data:"));
        let done = self.done || is_done(&self.front);
        (data && !done).then_some(self.start)
    }
}

fn field(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let end = memchr::memchr(b':', line).unwrap_or(line.len());
    &line[..end]
}

fn content(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let Some(colon) = memchr::memchr(b':', line) else {
        return &[];
    };
    let value = &line[colon + 1..];
    value.strip_prefix(b" ").unwrap_or(value)
}

fn is_done(line: &[u8]) -> bool {
    field(line) == b"event" && content(line) == b"done"
}

/// The lines of a message's first block.
fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    block.split(|b| *b == b'\n').take_while(|l| !is_blank(l))
}

/// A message's data: its `data` lines joined by newlines.
pub fn data(block: &[u8]) -> Cow<'_, [u8]> {
    let mut of_block = lines(block).filter(|l| field(l) == b"data").map(content);
    let first = of_block.next().unwrap_or_default();
    let Some(second) = of_block.next() else {
        return Cow::Borrowed(first);
    };
    let mut joined = first.to_vec();
    for line in std::iter::once(second).chain(of_block) {
        joined.push(b'\n');
        joined.extend_from_slice(line);
    }
    Cow::Owned(joined)
}

/// True when the message is the service's report of a failure.
pub fn is_error(block: &[u8]) -> bool {
    lines(block).any(|l| field(l) == b"event" && content(l) == b"error")
}

/// True when a transcript may begin with this line.
pub fn begins(line: &[u8]) -> bool {
    line.starts_with(b":") || matches!(field(line), b"data" | b"id" | b"event" | b"retry")
}
