//! Runs of chunks: the pieces of one streamed answer, shown as one row that reads as their text.

use super::event::Millis;
use super::kind::Kind;
use super::log::EventLog;
use super::peek;
use super::summary::{self, Gist};
use std::ops::Range;

/// Longer runs fall into pieces that start at multiples of this, so that finding a run's ends
/// never scans a log, and does not depend on the row that was asked about.
pub const LONGEST_RUN: usize = 4_096;

/// The run of chunks that holds a row: adjacent chunks of one request. `None` when the row is no
/// chunk or stands alone.
#[must_use]
pub fn run_at(log: &dyn EventLog, row: usize) -> Option<Range<usize>> {
    if log.kind(row) != Some(Kind::Chunk) {
        return None;
    }
    let request = request_of(log, row);
    let joins = |row: usize| log.kind(row) == Some(Kind::Chunk) && request_of(log, row) == request;
    let piece = row - row % LONGEST_RUN;
    let mut start = row;
    while start > piece && joins(start - 1) {
        start -= 1;
    }
    let mut end = row + 1;
    while end < piece + LONGEST_RUN && joins(end) {
        end += 1;
    }
    (end - start > 1).then_some(start..end)
}

/// The request that a chunk belongs to, as raw JSON.
fn request_of(log: &dyn EventLog, row: usize) -> Option<Vec<u8>> {
    let raw = log.raw(row)?;
    let payload = peek::member(&raw, "payload")?;
    let id = peek::member(payload, "requestId")
        .or_else(|| peek::member(payload, "request_id"))
        .or_else(|| peek::member(payload, "responseId"))?;
    Some(id.to_vec())
}

/// Milliseconds from a run's first chunk to its last; `None` when either has no time.
#[must_use]
pub fn duration(log: &dyn EventLog, run: &Range<usize>) -> Option<i64> {
    let time = |row: usize| log.row(row).and_then(|row| row.time);
    let (Millis(first), Millis(last)) = (time(run.start)?, time(run.end.checked_sub(1)?)?);
    Some(last - first)
}

/// The text that a run's chunks make, harmless on one line, at most about `most` characters.
#[must_use]
pub fn text(log: &dyn EventLog, run: &Range<usize>, most: usize) -> String {
    let mut gist = Gist::new(most);
    for row in run.clone() {
        if gist.is_full() {
            break;
        }
        if let Some(raw) = log.raw(row) {
            summary::chunk(&raw, &mut gist);
        }
    }
    gist.finish()
}
