//! Text search over a view: the bytes are searched in big pieces, not row by row, and only hits
//! are looked at closely. Runs on a thread that may wait.

use super::bytes::read_range_into;
use super::records::{Mark, Records};
use super::scan;
use super::split::Format;
use super::text;
use super::view::{Map, View};
use regex::bytes::Regex;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Bytes searched at once: still in the cache from being read when they are looked through.
const BLOCK: u64 = 256 << 10;

/// How long to wait for rows that are not indexed yet before asking again.
const PATIENCE: Duration = Duration::from_millis(2);

/// Some records in a row.
struct Piece {
    file: Arc<File>,
    format: Format,
    map: Map,
    records: Range<usize>,
    /// Starts of the records, then the end of the last one.
    bounds: Vec<u64>,
}

/// The first row from `from` on that matches.
pub fn forward(
    view: &View,
    regex: &Regex,
    from: usize,
    keep_going: &dyn Fn() -> bool,
) -> Option<usize> {
    let mut row = from;
    let mut buffer = Vec::new();
    while keep_going() {
        let settled = view.shared.wait_idle(Duration::ZERO);
        let piece = {
            let records = view.shared.read();
            let first = view.record(&records, row);
            first.and_then(|first| Piece::from(view, &records, first))
        };
        let Some(piece) = piece else {
            if settled {
                return None;
            }
            view.shared.wait_idle(PATIENCE);
            continue;
        };
        if let Some(hit) = piece.rows(view, regex, &mut buffer).next() {
            return Some(hit);
        }
        row = match piece.map {
            Map::Stream(at) => {
                let records = view.shared.read();
                records.streams.rows_before(at, piece.records.end)
            }
            _ => piece.records.end,
        };
    }
    None
}

/// The last row up to `from` that matches.
pub fn backward(
    view: &View,
    regex: &Regex,
    from: usize,
    keep_going: &dyn Fn() -> bool,
) -> Option<usize> {
    let mut row = from;
    let mut buffer = Vec::new();
    while keep_going() {
        let settled = view.shared.wait_idle(Duration::ZERO);
        let piece = {
            let records = view.shared.read();
            if settled {
                row = row.min(view.rows(&records).checked_sub(1)?);
            }
            let last = view.record(&records, row);
            last.and_then(|last| Piece::up_to(view, &records, last))
        };
        let Some(piece) = piece else {
            if settled {
                return None;
            }
            view.shared.wait_idle(PATIENCE);
            continue;
        };
        if let Some(hit) = piece.rows(view, regex, &mut buffer).last() {
            return Some(hit);
        }
        let before = match piece.map {
            Map::Stream(at) => {
                let records = view.shared.read();
                records.streams.rows_before(at, piece.records.start)
            }
            _ => piece.records.start,
        };
        row = before.checked_sub(1)?;
    }
    None
}

impl Piece {
    /// From a record on: a block of bytes, but at least that record.
    fn from(view: &View, records: &Records, first: usize) -> Option<Piece> {
        let (start, _) = records.extent(first)?;
        let last_start = records.starts.count_up_to(start.saturating_add(BLOCK));
        Piece::of(view, records, first..last_start.max(first + 1))
    }

    /// Up to a record: a block of bytes, but at least that record.
    fn up_to(view: &View, records: &Records, last: usize) -> Option<Piece> {
        let (_, end) = records.extent(last)?;
        let first = records.starts.count_up_to(end.saturating_sub(BLOCK));
        Piece::of(view, records, first.min(last)..last + 1)
    }

    fn of(view: &View, records: &Records, range: Range<usize>) -> Option<Piece> {
        let mut bounds: Vec<u64> = range.clone().map_while(|r| records.starts.get(r)).collect();
        bounds.push(records.extent(range.end.checked_sub(1)?)?.1);
        Some(Piece {
            file: Arc::clone(&records.file),
            format: records.format?,
            map: view.map(records),
            records: range,
            bounds,
        })
    }

    /// The matching rows, in order. Nothing when the bytes are gone.
    fn rows<'a>(
        &'a self,
        view: &'a View,
        regex: &'a Regex,
        buffer: &'a mut Vec<u8>,
    ) -> impl Iterator<Item = usize> + 'a {
        let start = self.bounds[0];
        let end = self.bounds[self.bounds.len() - 1];
        if !read_range_into(&self.file, start, end, buffer) {
            buffer.clear();
        }
        let bytes: &'a [u8] = buffer;
        let mut at = 0;
        std::iter::from_fn(move || {
            loop {
                let hit = start + regex.find_at(bytes, at)?.start() as u64;
                let nth = self.bounds.partition_point(|b| *b <= hit) - 1;
                let record = self.records.start + nth;
                let (from, to) = (self.bounds[nth] - start, self.bounds[nth + 1] - start);
                at = to as usize;
                if let Some((row, mark)) = self.row_of(view, record)
                    && self.holds(regex, &bytes[from as usize..at], mark)
                {
                    return Some(row);
                }
            }
        })
    }

    /// The view's row of a record, if the record is the view's.
    fn row_of(&self, view: &View, record: usize) -> Option<(usize, Option<Mark>)> {
        let records = view.shared.read();
        let mark = records.marks.get(record).copied();
        match self.map {
            Map::Nothing => None,
            Map::Same => Some((record, mark)),
            Map::Stream(at) => {
                let row = records.streams.rows_before(at, record);
                (records.streams.record(at, row) == Some(record)).then_some((row, mark))
            }
        }
    }

    /// True when the match is in the event itself, not in what the format puts around it.
    fn holds(&self, regex: &Regex, bytes: &[u8], mark: Option<Mark>) -> bool {
        let text = text::text(self.format, bytes);
        if mark.is_none_or(Mark::wrapped) {
            regex.is_match(scan::unwrapped(&text))
        } else {
            regex.is_match(&text)
        }
    }
}
