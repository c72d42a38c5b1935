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

/// Which way to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// For the first row from a row on.
    Forward,
    /// For the last row up to a row.
    Backward,
}

/// The nearest row that matches, `from` itself or that way of it.
pub fn search(
    view: &View,
    regex: &Regex,
    from: usize,
    way: Way,
    keep_going: &dyn Fn() -> bool,
) -> Option<usize> {
    let mut row = from;
    let mut buffer = Vec::new();
    while keep_going() {
        let settled = view.shared.wait_idle(Duration::ZERO);
        let piece = {
            let records = view.shared.read();
            if settled && way == Way::Backward {
                row = row.min(view.rows(&records).checked_sub(1)?);
            }
            let record = view.record(&records, row);
            record.and_then(|record| Piece::at(view, &records, record, way))
        };
        let Some(piece) = piece else {
            if settled {
                return None;
            }
            view.shared.wait_idle(PATIENCE);
            continue;
        };
        let hit = {
            let mut hits = piece.rows(view, regex, &mut buffer);
            match way {
                Way::Forward => hits.next(),
                Way::Backward => hits.last(),
            }
        };
        if hit.is_some() {
            return hit;
        }
        row = match way {
            Way::Forward => piece.rows_before(view, piece.records.end),
            Way::Backward => piece
                .rows_before(view, piece.records.start)
                .checked_sub(1)?,
        };
    }
    None
}

impl Piece {
    /// From a record on, or up to it: a block of bytes, but at least that record.
    fn at(view: &View, records: &Records, record: usize, way: Way) -> Option<Piece> {
        let (start, end) = records.extent(record)?;
        let range = match way {
            Way::Forward => {
                let last_start = records.starts.count_up_to(start.saturating_add(BLOCK));
                record..last_start.max(record + 1)
            }
            Way::Backward => {
                let first = records.starts.count_up_to(end.saturating_sub(BLOCK));
                first.min(record)..record + 1
            }
        };
        Piece::of(view, records, range)
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

    /// How many of the view's rows are before a record.
    fn rows_before(&self, view: &View, record: usize) -> usize {
        match self.map {
            Map::Stream(at) => view.shared.read().streams.rows_before(at, record),
            _ => record,
        }
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
