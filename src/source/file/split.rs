//! Where events begin and end in the bytes of a log, whatever its format. Splitters are fed the
//! bytes in order, in pieces of any size, and remember what they were in the middle of.

use super::array::Values;
use super::sse::Blocks;

/// How a log's bytes hold events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON event a line.
    Lines,
    /// JSON values one after the other or in an array, spread over lines as they like.
    Values,
    /// A saved server-sent-event transcript (SPEC §3.1).
    Sse,
}

/// What was found in the bytes fed last.
#[derive(Debug, Default)]
pub struct Found {
    /// Where each complete record begins.
    pub starts: Vec<u64>,
    /// The line (1 for the first) on which each of them begins, kept for those whose number over
    /// the whole log is a multiple of [`ANCHOR`].
    pub anchors: Vec<u64>,
}

/// The line number is kept of every so many records.
pub const ANCHOR: usize = 4096;

/// Notes records as they are found.
#[derive(Debug, Default)]
pub struct Sink {
    count: usize,
    found: Found,
}

impl Sink {
    pub fn record(&mut self, start: u64, line: u64) {
        if self.count.is_multiple_of(ANCHOR) {
            self.found.anchors.push(line);
        }
        self.count += 1;
        self.found.starts.push(start);
    }

    pub fn take(&mut self) -> Found {
        std::mem::take(&mut self.found)
    }

    /// Forgets the last record of all, which was noted as the log's torn end.
    pub fn forget_last(&mut self) {
        self.count = self.count.saturating_sub(1);
    }
}

/// A record that has begun and not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    pub start: u64,
    pub line: u64,
}

/// The splitter of one log.
#[derive(Debug)]
pub enum Splitter {
    Lines(Lines),
    Values(Values),
    Sse(Blocks),
}

impl Splitter {
    /// Takes the bytes that follow those fed before; `at` is the first one's place in the file.
    pub fn feed(&mut self, bytes: &[u8], at: u64, sink: &mut Sink) {
        match self {
            Splitter::Lines(lines) => lines.feed(bytes, at, sink),
            Splitter::Values(values) => values.feed(bytes, at, sink),
            Splitter::Sse(blocks) => blocks.feed(bytes, at, sink),
        }
    }

    /// Where the last complete record ends.
    pub fn boundary(&self) -> u64 {
        match self {
            Splitter::Lines(lines) => lines.boundary,
            Splitter::Values(values) => values.boundary,
            Splitter::Sse(blocks) => blocks.boundary,
        }
    }

    /// The record that the bytes fed so far end in the middle of.
    pub fn pending(&self) -> Option<Pending> {
        match self {
            Splitter::Lines(lines) => lines.pending(),
            Splitter::Values(values) => values.pending(),
            Splitter::Sse(blocks) => blocks.pending(),
        }
    }

    pub fn format(&self) -> Format {
        match self {
            Splitter::Lines(_) => Format::Lines,
            Splitter::Values(_) => Format::Values,
            Splitter::Sse(_) => Format::Sse,
        }
    }
}

/// Splits at newlines; lines of white space are no records.
#[derive(Debug)]
pub struct Lines {
    start: u64,
    line: u64,
    /// Something other than white space was seen in the line that is not complete yet.
    begun: bool,
    boundary: u64,
}

impl Lines {
    pub fn new(at: u64) -> Lines {
        Lines {
            start: at,
            line: 1,
            begun: false,
            boundary: at,
        }
    }

    fn feed(&mut self, bytes: &[u8], at: u64, sink: &mut Sink) {
        let mut from = 0;
        for newline in memchr::memchr_iter(b'\n', bytes) {
            let next = at + newline as u64 + 1;
            if self.begun || !is_blank(&bytes[from..newline]) {
                sink.record(self.start, self.line);
                self.boundary = next;
            }
            self.begun = false;
            self.line += 1;
            self.start = next;
            from = newline + 1;
        }
        self.begun = self.begun || !is_blank(&bytes[from..]);
    }

    fn pending(&self) -> Option<Pending> {
        self.begun.then_some(Pending {
            start: self.start,
            line: self.line,
        })
    }
}

/// JSON's white space.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

pub fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| is_space(*b))
}

/// Without JSON's white space at both ends.
pub fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|b| !is_space(*b));
    let end = bytes.iter().rposition(|b| !is_space(*b));
    match (start, end) {
        (Some(start), Some(end)) => &bytes[start..=end],
        _ => &[],
    }
}
