//! Scans over a whole log off the drawing thread: text search, filter, the scrubber's survey.

use super::replayer::Tell;
use crate::app::msg::{Column, Msg, Survey};
use crate::model::filter::Filter;
use crate::model::kind::Kind;
use crate::model::log::EventLog;
use crate::model::needle::Needle;
use crate::replay::reducer::Cancel;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// A filter's rows are handed over this often.
const BATCH: Duration = Duration::from_millis(50);
/// How long to wait for a row whose place is not known yet.
const WAIT: Duration = Duration::from_millis(20);

/// Looks for a text and tells `Msg::Found`, unless cancelled.
pub fn search(
    log: &dyn EventLog,
    id: u64,
    needle: &Needle,
    (from, backward): (usize, bool),
    cancel: &Cancel,
    tell: &Tell,
) {
    let row = log.search(needle, from, backward, &|| !cancel.is_cancelled());
    if !cancel.is_cancelled() {
        tell(Msg::Found { id, row });
    }
}

/// Tells the rows that pass a filter, then those that come, until cancelled or `grew` hangs up.
pub fn filter(
    log: &dyn EventLog,
    id: u64,
    filter: &Filter,
    cancel: &Cancel,
    grew: &Receiver<()>,
    tell: &Tell,
) {
    let mut scanned = 0;
    let mut rows = Vec::new();
    let mut told = Instant::now();
    let mut told_all = false;
    while !cancel.is_cancelled() {
        // Past the end, and in front of rows that are not indexed yet, there is time to wait.
        let here = if scanned < log.len() {
            log.row(scanned)
        } else {
            None
        };
        if let Some(row) = &here {
            if filter.matches(row, || log.raw(scanned)) {
                rows.push(scanned);
            }
            scanned += 1;
            told_all = false;
        }
        if (here.is_none() && !told_all) || told.elapsed() >= BATCH && here.is_some() {
            told = Instant::now();
            told_all = here.is_none();
            let rows = std::mem::take(&mut rows);
            if !tell(Msg::Filtered { id, rows, scanned }) {
                return;
            }
        }
        if here.is_none() {
            let done = log.indexing().is_done();
            let waited = if done {
                grew.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                grew.recv_timeout(WAIT)
            };
            if waited == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }
}

/// Levels of density, 0 to this.
const LEVELS: f64 = 7.0;

/// Surveys the log in columns; `None` when cancelled.
#[must_use]
pub fn survey(log: &dyn EventLog, columns: usize, cancel: &Cancel) -> Option<Survey> {
    let len = log.len();
    let mut gates = Vec::new();
    let mut found = Vec::with_capacity(columns);
    let mut rates = Vec::with_capacity(columns);
    let time = |row: usize| log.row(row).and_then(|r| r.time);
    for i in 0..columns {
        if cancel.is_cancelled() {
            return None;
        }
        let rows = i * len / columns..(i + 1) * len / columns;
        let mut column = Column::default();
        for row in rows.clone() {
            match log.kind(row) {
                Some(Kind::Error | Kind::Invalid | Kind::Unreadable) => column.errors += 1,
                Some(Kind::Paused) => {
                    column.paused = true;
                    gates.push((row, true));
                }
                Some(Kind::Resumed) => gates.push((row, false)),
                _ => {}
            }
        }
        // Events a millisecond, on a scale of orders of magnitude; the pause before counts too.
        let span = time(rows.start.saturating_sub(1)).zip(time(rows.end.saturating_sub(1)));
        let rate = span.filter(|_| !rows.is_empty()).map(|(first, last)| {
            let millis = last.0.saturating_sub(first.0).max(1) as f64;
            (rows.len() as f64 / millis).ln()
        });
        rates.push(rate);
        found.push(column);
    }
    let known = || rates.iter().flatten().copied();
    let (low, high) = (
        known().fold(f64::INFINITY, f64::min),
        known().fold(f64::NEG_INFINITY, f64::max),
    );
    for (column, rate) in found.iter_mut().zip(&rates) {
        if let Some(rate) = rate
            && high > low
        {
            column.level = ((rate - low) / (high - low) * LEVELS).round() as u8;
        }
    }
    Some(Survey {
        len,
        columns: found.into(),
        gates: gates.into(),
    })
}
