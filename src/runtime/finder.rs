//! Scans over a whole log off the drawing thread: text search and filter.

use super::replayer::Tell;
use crate::app::msg::Msg;
use crate::model::filter::Filter;
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
