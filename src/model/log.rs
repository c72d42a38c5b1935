//! The read view of a log that every pane, fold and search works on. Implemented where the bytes
//! live (`source`); this room only says what can be asked.

use super::event::Millis;
use super::kind::Kind;
use super::offset::Offset;
use std::borrow::Cow;
use std::sync::Arc;

/// What the timeline draws of an event without parsing it whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its offset as written; `None` when unreadable or absent.
    pub offset: Option<Offset>,
    /// `createdAt`, when it can be read.
    pub time: Option<Millis>,
    /// What the event means.
    pub kind: Kind,
    /// The type as written, shared between rows of the same type. Empty when unreadable.
    pub event_type: Arc<str>,
}

/// How much of a log has been indexed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Indexing {
    /// 0.0 to 1.0 of the bytes whose lines are known.
    pub lines: f32,
    /// 0.0 to 1.0 of the rows whose columns (offset, time, kind) are known.
    pub columns: f32,
}

impl Indexing {
    /// Nothing left to do.
    pub const DONE: Indexing = Indexing {
        lines: 1.0,
        columns: 1.0,
    };

    /// True when both passes are over.
    #[must_use]
    pub fn is_done(self) -> bool {
        self.lines >= 1.0 && self.columns >= 1.0
    }
}

/// Something wrong with a log that does not keep the rest from being used.
#[derive(Clone, Debug, PartialEq)]
pub struct Complaint {
    /// Line of the file, 1 for the first.
    pub line: u64,
    /// What is wrong, in words a person can act on.
    pub what: String,
}

/// One stream's events by row: 0 for the first event in the log's order, without gaps, whatever
/// their offsets. Cheap to ask from the drawing thread: nothing here may block on indexing.
pub trait EventLog: Send + Sync {
    /// Rows known to exist. While lines are being indexed this may already count the rows to the
    /// end (guessed from the last event's offset), and shrink or grow once when indexing is done.
    fn len(&self) -> usize;

    /// True when there is no event.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The columns of a row, read from the bytes if not indexed yet; `None` when the row does not
    /// exist or its place in the file is not known yet.
    fn row(&self, row: usize) -> Option<Row>;

    /// What the row means; the cheap half of [`EventLog::row`] for scans over many rows.
    fn kind(&self, row: usize) -> Option<Kind>;

    /// The event's JSON text as the log holds it (for an unreadable row: the bytes of its line).
    fn raw(&self, row: usize) -> Option<Cow<'_, [u8]>>;

    /// Row of the event with this offset (the last one, if the log repeats it).
    fn row_of_offset(&self, offset: Offset) -> Option<usize>;

    /// How far indexing has come.
    fn indexing(&self) -> Indexing;

    /// Changes whenever an answer of this view may have changed (growth, indexing, truncation).
    fn version(&self) -> u64;

    /// Unreadable lines, gaps and repeats of offsets, in file order, as far as indexed.
    fn complaints(&self) -> Vec<Complaint>;

    /// First row at or after `from` (or at or before it, when `backward`) whose raw text contains
    /// a match, or `None`. `keep_going` is asked from time to time; `false` ends the search.
    fn search(
        &self,
        needle: &super::needle::Needle,
        from: usize,
        backward: bool,
        keep_going: &dyn Fn() -> bool,
    ) -> Option<usize>;
}
