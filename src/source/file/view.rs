//! One stream's rows, or all of a file's, as the [`EventLog`] that panes and folds ask.

use super::bytes::read_range;
use super::packed::NONE;
use super::records::{Mark, Owner, Records, cell_time};
use super::search;
use super::shared::Shared;
use super::split::Format;
use super::{scan, text};
use crate::model::event::Millis;
use crate::model::kind::Kind;
use crate::model::log::{Complaint, EventLog, Indexing, Row};
use crate::model::needle::Needle;
use crate::model::offset::Offset;
use std::borrow::Cow;
use std::fs::File;
use std::sync::Arc;

/// Whose rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every record, in the file's order.
    All,
    /// The stream with this path.
    Path(Arc<str>),
    /// Events that name no stream.
    Nameless,
}

/// See the module.
pub struct View {
    pub(super) shared: Arc<Shared>,
    pub(super) selection: Selection,
}

/// How rows of a view map to records at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Map {
    /// Row and record are the same.
    Same,
    /// The rows of one stream of several.
    Stream(usize),
    /// The stream is not there (yet).
    Nothing,
}

/// Where a row's bytes are.
struct Place {
    file: Arc<File>,
    format: Format,
    start: u64,
    end: u64,
    mark: Option<Mark>,
}

impl View {
    pub(super) fn map(&self, records: &Records) -> Map {
        let owner = match &self.selection {
            Selection::All => return Map::Same,
            Selection::Nameless => Some(Owner::Nameless),
            Selection::Path(path) => self.shared.names.find(path).map(Owner::Stream),
        };
        match owner.and_then(|owner| records.streams.find(owner)) {
            None => Map::Nothing,
            Some(_) if records.streams.maybe_one() => Map::Same,
            Some(at) => Map::Stream(at),
        }
    }

    pub(super) fn rows(&self, records: &Records) -> usize {
        match self.map(records) {
            Map::Nothing => 0,
            Map::Stream(at) => records.streams.all().get(at).map_or(0, |s| s.rows),
            Map::Same => match &records.tail {
                Some(tail) if self.trusts_tail(records) => tail.rows.max(records.starts.len()),
                _ => records.starts.len(),
            },
        }
    }

    fn trusts_tail(&self, records: &Records) -> bool {
        !records.lines_done && records.streams.maybe_one()
    }

    /// The record of a row; `None` when there is none or it is not known yet.
    pub(super) fn record(&self, records: &Records, row: usize) -> Option<usize> {
        match self.map(records) {
            Map::Nothing => None,
            Map::Stream(at) => records.streams.record(at, row),
            Map::Same => (row < records.starts.len()).then_some(row),
        }
    }

    fn place(&self, records: &Records, row: usize) -> Option<Place> {
        let (start, end, mark) = match self.record(records, row) {
            Some(record) => {
                let (start, end) = records.extent(record)?;
                (start, end, records.marks.get(record).copied())
            }
            None if self.map(records) == Map::Same && self.trusts_tail(records) => {
                let tail = records.tail.as_ref()?;
                let first = (tail.rows + 1).checked_sub(tail.bounds.len())?;
                let at = row.checked_sub(first)?;
                (*tail.bounds.get(at)?, *tail.bounds.get(at + 1)?, None)
            }
            None => return None,
        };
        Some(Place {
            file: Arc::clone(&records.file),
            format: records.format?,
            start,
            end,
            mark,
        })
    }

    /// The columns of a row that only its bytes can give yet.
    fn row_from_bytes(&self, place: &Place) -> Option<Row> {
        let bytes = read_range(&place.file, place.start, place.end)?;
        let text = text::text(place.format, &bytes);
        Some(match text::envelope(place.format, &bytes, &text) {
            Ok(envelope) => Row {
                offset: envelope.offset.map(Offset),
                time: envelope.time,
                kind: text::kind(&envelope),
                event_type: envelope.event_type.into(),
            },
            Err(_) => Row {
                offset: None,
                time: None,
                kind: Kind::Unreadable,
                event_type: "".into(),
            },
        })
    }

    /// The offset that the columns know of a row.
    fn known_offset(&self, records: &Records, row: usize) -> Option<u64> {
        let record = self.record(records, row)?;
        records.offsets.get(record).filter(|o| *o != NONE)
    }

    /// Rows whose columns are known: all before this one.
    fn known_rows(&self, records: &Records) -> usize {
        match self.map(records) {
            Map::Same => records.marks.len(),
            _ => self.rows(records),
        }
    }

    fn ordered(&self, records: &Records) -> bool {
        match records.streams.all() {
            [only] => only.ordered,
            all => matches!(self.map(records), Map::Stream(at) if all[at].ordered),
        }
    }

    /// The last row with this offset among those whose columns are known.
    fn find_offset(&self, records: &Records, offset: u64) -> Option<usize> {
        let rows = self.known_rows(records);
        let has = |row: &usize| self.known_offset(records, *row) == Some(offset);
        if !self.ordered(records) {
            return (0..rows).rev().find(has);
        }
        // Offsets never descend; rows without one go with the next row that has one.
        let (mut low, mut high) = (0, rows);
        while low < high {
            let middle = low + (high - low) / 2;
            let with = (middle..high).find_map(|row| Some((row, self.known_offset(records, row)?)));
            match with {
                Some((row, found)) if found <= offset => low = row + 1,
                _ => high = middle,
            }
        }
        low.checked_sub(1).filter(has)
    }
}

impl EventLog for View {
    fn len(&self) -> usize {
        self.rows(&self.shared.read())
    }

    fn row(&self, row: usize) -> Option<Row> {
        let records = self.shared.read();
        let place = self.place(&records, row)?;
        let (Some(mark), Some(record)) = (place.mark, self.record(&records, row)) else {
            let bounds = (place.start, place.end);
            if let Some(known) = records.peeked.get(bounds) {
                return Some(known);
            }
            // Of these records: by the time it is read the log may have been started over.
            let peeked = Arc::clone(&records.peeked);
            drop(records);
            let row = self.row_from_bytes(&place)?;
            peeked.keep(bounds, row.clone());
            return Some(row);
        };
        let offset = records.offsets.get(record).filter(|o| *o != NONE);
        let time = records.times.get(record).and_then(cell_time);
        drop(records);
        Some(Row {
            offset: offset.map(Offset),
            time: time.map(Millis),
            kind: mark.kind(),
            event_type: self.shared.names.name(mark.event_type()),
        })
    }

    fn kind(&self, row: usize) -> Option<Kind> {
        let records = self.shared.read();
        if let Some(record) = self.record(&records, row)
            && let Some(mark) = records.marks.get(record)
        {
            return Some(mark.kind());
        }
        drop(records);
        Some(self.row(row)?.kind)
    }

    fn raw(&self, row: usize) -> Option<Cow<'_, [u8]>> {
        let place = self.place(&self.shared.read(), row)?;
        let mut bytes = read_range(&place.file, place.start, place.end)?;
        let text = match text::text(place.format, &bytes) {
            Cow::Owned(text) => text,
            Cow::Borrowed([]) => Vec::new(),
            Cow::Borrowed(text) => {
                let (from, len) = (text.as_ptr().addr() - bytes.as_ptr().addr(), text.len());
                bytes.truncate(from + len);
                bytes.drain(..from);
                bytes
            }
        };
        if place.mark.is_none_or(Mark::wrapped) {
            let inner = scan::unwrapped(&text);
            if inner.len() < text.len() {
                return Some(Cow::Owned(inner.to_vec()));
            }
        }
        Some(Cow::Owned(text))
    }

    fn row_of_offset(&self, offset: Offset) -> Option<usize> {
        let (known, guesses) = {
            let records = self.shared.read();
            let known = self.find_offset(&records, offset.0);
            if known.is_some() && self.known_rows(&records) == self.rows(&records) {
                return known;
            }
            let last = self.known_rows(&records).saturating_sub(1);
            let from_front = self.known_offset(&records, last).and_then(|at| {
                let ahead = offset.0.checked_sub(at)?;
                last.checked_add(usize::try_from(ahead).ok()?)
            });
            (known, from_front)
        };
        // Not in the columns: where it must be if no row in between is odd.
        let is = |row: &usize| self.row(*row).is_some_and(|r| r.offset == Some(offset));
        guesses.filter(is).or(known)
    }

    fn indexing(&self) -> Indexing {
        self.shared.read().indexing()
    }

    fn version(&self) -> u64 {
        self.shared.version()
    }

    fn complaints(&self) -> Vec<Complaint> {
        let records = self.shared.read();
        let mut complaints = match self.map(&records) {
            Map::Nothing => Vec::new(),
            Map::Same => records.streams.complaints(None),
            Map::Stream(at) => records.streams.complaints(Some(at)),
        };
        if let Some(what) = &records.failure {
            let line = complaints.last().map_or(1, |c| c.line);
            let what = what.clone();
            complaints.push(Complaint { line, what });
        }
        if records.lines_done && records.starts.is_empty() {
            let what = match records.size {
                0 => "the log is empty: nothing has been written to it yet",
                _ => "the log holds no event",
            };
            complaints.push(Complaint {
                line: 1,
                what: what.to_owned(),
            });
        }
        complaints
    }

    fn search(
        &self,
        needle: &Needle,
        from: usize,
        backward: bool,
        keep_going: &dyn Fn() -> bool,
    ) -> Option<usize> {
        let way = if backward {
            search::Way::Backward
        } else {
            search::Way::Forward
        };
        search::search(self, needle.regex(), from, way, keep_going)
    }
}
