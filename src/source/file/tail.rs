//! The last rows of a long log of lines, found from its end before the lines in between are known.

use super::bytes::read_range;
use super::packed::NONE;
use super::records::{Owner, Records, TailGuess};
use super::scan::envelope;
use super::shared::Shared;
use super::split::{Format, is_blank, trim};
use super::streams::Stream;

/// Bytes looked at first; more, as long as not one line begins in them.
const FIRST: u64 = 64 << 10;
const MOST: u64 = 16 << 20;

/// One line of the end.
struct Line {
    start: u64,
    end: u64,
    offset: u64,
}

/// Guesses how many rows the log has from the offset of its last event, and notes where the last
/// ones are. Does nothing when the log's two ends do not look like one stream.
pub fn guess(shared: &Shared, size: u64) {
    let (file, head) = {
        let records = shared.read();
        if records.format != Some(Format::Lines) {
            return;
        }
        (std::sync::Arc::clone(&records.file), Head::of(&records))
    };
    let mut window = FIRST;
    loop {
        let from = size.saturating_sub(window);
        let Some(bytes) = read_range(&file, from, size) else {
            return;
        };
        let owner = |path: Option<&str>| match path {
            None => Some(Owner::Nameless),
            Some(path) => shared.names.find(path).map(Owner::Stream),
        };
        match last_lines(&bytes, from, owner) {
            Tail::TooShort if window < MOST && from > 0 => window *= 8,
            Tail::TooShort => return,
            Tail::Lines { lines, owner } => {
                let mut records = shared.write();
                match head {
                    Some(head) if Some(head.owner) == owner => records.tail = head.tail(&lines),
                    _ => records.streams.expect_several(),
                }
                return;
            }
        }
    }
}

/// What the log's front says about rows and offsets.
struct Head {
    owner: Owner,
    /// A row and its offset.
    row: usize,
    offset: u64,
    known_rows: usize,
}

impl Head {
    fn of(records: &Records) -> Option<Head> {
        let [Stream { owner, .. }] = records.streams.all() else {
            return None;
        };
        let row = (0..records.offsets.len()).find(|r| records.offsets.get(*r) != Some(NONE))?;
        Some(Head {
            owner: *owner,
            row,
            offset: records.offsets.get(row)?,
            known_rows: records.starts.len(),
        })
    }

    /// `lines`: the last one first.
    fn tail(&self, lines: &[Line]) -> Option<TailGuess> {
        let last = lines.first()?;
        let ahead = last.offset.checked_sub(self.offset)?;
        let rows = self
            .row
            .checked_add(usize::try_from(ahead).ok()?)?
            .checked_add(1)?;
        if rows < self.known_rows + lines.len() {
            return None;
        }
        let mut bounds: Vec<u64> = lines.iter().rev().map(|line| line.start).collect();
        bounds.push(last.end);
        Some(TailGuess { rows, bounds })
    }
}

enum Tail {
    /// No line begins and ends in the bytes.
    TooShort,
    /// Lines of one stream with rising offsets, the last one first.
    Lines {
        lines: Vec<Line>,
        owner: Option<Owner>,
    },
}

/// The last lines of `bytes`, which lie at `from` in the file.
fn last_lines(bytes: &[u8], from: u64, owner_of: impl Fn(Option<&str>) -> Option<Owner>) -> Tail {
    let mut lines: Vec<Line> = Vec::new();
    let mut owner = None;
    let mut end = bytes.len();
    while end > 0 {
        let start = match memchr::memrchr(b'\n', &bytes[..end - 1]) {
            Some(newline) => newline + 1,
            None if from == 0 => 0,
            None => break,
        };
        let line = &bytes[start..end];
        let place = (from + start as u64, from + end as u64);
        end = start;
        if is_blank(line) {
            continue;
        }
        let Ok(envelope) = envelope(trim(line)) else {
            if lines.is_empty() {
                continue; // torn, most likely
            }
            break;
        };
        let stream = owner_of(envelope.stream.as_deref());
        let Some(offset) = envelope.offset else {
            break;
        };
        match lines.last() {
            None => owner = stream,
            Some(after) if owner == stream && offset.checked_add(1) == Some(after.offset) => {}
            Some(_) => break,
        }
        lines.push(Line {
            start: place.0,
            end: lines.last().map_or(place.1, |after| after.start),
            offset,
        });
    }
    if lines.is_empty() {
        return Tail::TooShort;
    }
    Tail::Lines { lines, owner }
}
