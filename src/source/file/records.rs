//! The index of one file: where records begin, the columns kept of each, and which stream each
//! belongs to. Plain data behind one lock; the threads that fill it are elsewhere.

use super::packed::{NONE, Packed};
use super::split::{ANCHOR, Format, Found};
use super::streams::Streams;
use crate::model::kind::Kind;
use crate::model::log::{Indexing, Row};
use rustc_hash::FxHashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

/// The id of a type or stream path in the log's table of names.
pub type NameId = u32;

/// What is kept of one record.
#[derive(Clone, Copy, Debug)]
pub struct Cells {
    /// [`NONE`] when absent.
    pub offset: u64,
    /// [`NONE`] when absent, else see [`time_cell`].
    pub time: u64,
    pub mark: Mark,
    pub stream: Owner,
}

/// Times keep their order when kept as unsigned numbers.
pub fn time_cell(millis: i64) -> u64 {
    millis.cast_unsigned() ^ (1 << 63)
}

/// The inverse of [`time_cell`].
pub fn cell_time(cell: u64) -> Option<i64> {
    (cell != NONE).then(|| (cell ^ (1 << 63)).cast_signed())
}

/// Kind, type and wrapping of a record in four bytes.
#[derive(Clone, Copy, Debug)]
pub struct Mark(u32);

impl Mark {
    pub fn new(kind: Kind, wrapped: bool, event_type: NameId) -> Mark {
        Mark(kind as u32 | u32::from(wrapped) << 4 | event_type << 5)
    }

    pub fn kind(self) -> Kind {
        Kind::from_index((self.0 & 15) as u8).unwrap_or(Kind::Other)
    }

    /// `{"event": …}` stands around the event.
    pub fn wrapped(self) -> bool {
        self.0 & 16 != 0
    }

    pub fn event_type(self) -> NameId {
        self.0 >> 5
    }
}

/// Which stream a record names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    Stream(NameId),
    /// An event without a path.
    Nameless,
    /// An unreadable record that names none: it goes with the record before it.
    Unknown,
}

/// The last rows, known before the lines in between are.
#[derive(Debug)]
pub struct TailGuess {
    /// Rows in all, if no row in between is odd.
    pub rows: usize,
    /// Starts of the last rows, then the end of the last one.
    pub bounds: Vec<u64>,
}

/// Rows that were asked for before their columns were known, by where their bytes lie. The pictures
/// of a log being indexed ask for the same few rows over and over.
#[derive(Debug, Default)]
pub struct Peeked(Mutex<FxHashMap<(u64, u64), Row>>);

impl Peeked {
    /// A few screens.
    const MOST: usize = 4096;

    pub fn get(&self, bounds: (u64, u64)) -> Option<Row> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rows.get(&bounds).cloned()
    }

    pub fn keep(&self, bounds: (u64, u64), row: Row) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.len() == Peeked::MOST {
            rows.clear();
        }
        rows.insert(bounds, row);
    }
}

/// See the module.
#[derive(Debug)]
pub struct Records {
    pub file: Arc<File>,
    pub format: Option<Format>,
    pub starts: Packed,
    /// Line numbers of every [`ANCHOR`]th record.
    pub anchors: Vec<u64>,
    /// Where the last record of `starts` ends.
    pub boundary: u64,
    /// Bytes taken in by the line pass, of `size`.
    pub read: u64,
    /// Bytes there are, as far as is known.
    pub size: u64,
    /// The line pass has come to the end of what there is.
    pub lines_done: bool,
    /// The last record is not complete; it is taken back when the log grows.
    pub torn: bool,
    pub offsets: Packed,
    pub times: Packed,
    pub marks: Vec<Mark>,
    pub streams: Streams,
    pub tail: Option<TailGuess>,
    pub peeked: Arc<Peeked>,
    /// Why reading stopped early.
    pub failure: Option<String>,
}

impl Records {
    pub fn new(file: Arc<File>, size: u64) -> Records {
        Records {
            file,
            format: None,
            starts: Packed::default(),
            anchors: Vec::new(),
            boundary: 0,
            read: 0,
            size,
            lines_done: false,
            torn: false,
            offsets: Packed::default(),
            times: Packed::default(),
            marks: Vec::new(),
            streams: Streams::default(),
            tail: None,
            peeked: Arc::default(),
            failure: None,
        }
    }

    pub fn add_starts(&mut self, found: Found, boundary: u64, read: u64) {
        for start in found.starts {
            self.starts.push(start);
        }
        self.anchors.extend(found.anchors);
        self.boundary = boundary;
        self.read = read;
    }

    /// Notes the columns of the record after the last one that has them. `complaint`: why it is
    /// unreadable.
    pub fn add_cells(&mut self, cells: Cells, line: u64, complaint: Option<String>) {
        let record = self.marks.len();
        self.offsets.push(cells.offset);
        self.times.push(cells.time);
        self.marks.push(cells.mark);
        self.streams.add(record, &cells, line, complaint);
    }

    /// Takes back the last record, which was torn.
    pub fn take_back_torn(&mut self) {
        if !std::mem::take(&mut self.torn) {
            return;
        }
        if self.marks.len() == self.starts.len() {
            self.offsets.pop();
            self.times.pop();
            self.marks.pop();
            self.streams.take_back();
        }
        self.boundary = self.starts.get(self.starts.len() - 1).unwrap_or(0);
        self.starts.pop();
        if self.starts.len().is_multiple_of(ANCHOR) {
            self.anchors.pop();
        }
    }

    /// Where a record lies, the white space or commas after it included.
    pub fn extent(&self, record: usize) -> Option<(u64, u64)> {
        let start = self.starts.get(record)?;
        Some((start, self.starts.get(record + 1).unwrap_or(self.boundary)))
    }

    pub fn indexing(&self) -> Indexing {
        let share = |done: u64, all: u64| {
            if done >= all {
                1.0
            } else {
                (done as f32 / all as f32).min(0.999)
            }
        };
        let lines = if self.lines_done {
            1.0
        } else {
            share(self.read, self.size.max(self.read + 1))
        };
        let columns = share(self.marks.len() as u64, self.starts.len() as u64);
        Indexing {
            lines,
            columns: columns.min(lines),
        }
    }
}
