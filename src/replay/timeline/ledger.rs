//! What went wrong while folding, by row, counted once however often a row is folded again.

use crate::replay::reducer::{Note, NoteKind};
use std::collections::{BTreeMap, BTreeSet};

/// Failures kept with their story; the rest is counted.
pub const MOST_FAILURES: usize = 10_000;
/// Notes kept for one row; the rest is counted in a last note.
pub const MOST_NOTES_A_ROW: usize = 200;

/// Failures and impurities of one fold of the log.
#[derive(Debug, Default)]
pub struct Ledger {
    failures: BTreeMap<usize, Note>,
    more_failures: usize,
    /// Rows whose reduction was stopped or killed: never run again.
    costly: BTreeSet<usize>,
    /// By name of what was reached for: first row and number of rows.
    impure: BTreeMap<String, (usize, usize)>,
    /// Rows below this one are already in the books.
    noted_to: usize,
}

impl Ledger {
    /// Takes a note; one about a row that was folded before changes nothing.
    pub fn note(&mut self, note: &Note) {
        if note.row < self.noted_to {
            return;
        }
        match &note.what {
            NoteKind::Impure { api } => {
                if let Some((_, times)) = self.impure.get_mut(api) {
                    *times += 1;
                } else {
                    self.impure.insert(api.clone(), (note.row, 1));
                }
                return;
            }
            NoteKind::Log { .. } => return,
            NoteKind::TimedOut { .. } | NoteKind::OutOfMemory { .. } | NoteKind::Crashed { .. } => {
                self.costly.insert(note.row);
            }
            NoteKind::Threw { .. } | NoteKind::NotJson { .. } => {}
        }
        if self.failures.len() < MOST_FAILURES || self.costly.contains(&note.row) {
            self.failures
                .entry(note.row)
                .or_insert_with(|| note.clone());
        } else {
            self.more_failures += 1;
        }
    }

    /// Rows below `rows` have been folded and noted.
    pub fn close(&mut self, rows: usize) {
        self.noted_to = self.noted_to.max(rows);
    }

    /// Failures in row order.
    pub fn failures(&self) -> impl Iterator<Item = &Note> {
        self.failures.values()
    }

    /// Failures beyond [`MOST_FAILURES`].
    #[must_use]
    pub fn more_failures(&self) -> usize {
        self.more_failures
    }

    /// The failure of a row, if it failed and is kept.
    #[must_use]
    pub fn failure(&self, row: usize) -> Option<&Note> {
        self.failures.get(&row)
    }

    /// What the reducer reached for: name, first row, number of uses.
    pub fn impurities(&self) -> impl Iterator<Item = (&str, usize, usize)> {
        self.impure
            .iter()
            .map(|(api, &(row, times))| (api.as_str(), row, times))
    }

    /// The first row in the range that must not be run again.
    #[must_use]
    pub fn first_costly(&self, rows: std::ops::Range<usize>) -> Option<usize> {
        if rows.is_empty() {
            return None;
        }
        self.costly.range(rows).next().copied()
    }
}
