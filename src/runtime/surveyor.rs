//! The thread that surveys a log for the scrubber. What it found is kept, so that an event more of a
//! long stream costs one look and not a scan.

use super::replayer::Tell;
use crate::app::msg::{Column, Msg, Survey};
use crate::model::kind::Kind;
use crate::model::log::{EventLog, Row};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};

/// Levels of density, 0 to this.
const LEVELS: f64 = 7.0;
/// Rows looked at between two looks at the end.
const STRIDE: usize = 4096;

/// The way to the thread. Dropping it ends the thread.
pub struct Surveyor {
    columns: Sender<usize>,
    over: Arc<AtomicBool>,
}

impl Surveyor {
    /// Starts the thread; it sleeps until it is asked.
    #[must_use]
    pub fn start(log: Arc<dyn EventLog>, tell: Tell) -> Surveyor {
        let (columns, inbox) = channel();
        let over = Arc::<AtomicBool>::default();
        let ends = Arc::clone(&over);
        super::spawn("survey", &Arc::clone(&tell), move || {
            let mut known = Known::default();
            while let Ok(mut columns) = inbox.recv() {
                while let Ok(newer) = inbox.try_recv() {
                    columns = newer;
                }
                let survey = known.survey(&*log, columns, &|| !ends.load(Ordering::Relaxed));
                if survey.is_none_or(|survey| !tell(Msg::Surveyed(survey))) {
                    return;
                }
            }
        });
        Surveyor { columns, over }
    }

    /// Asks for a survey in this many columns; of several waiting only the newest is answered.
    pub fn ask(&self, columns: usize) {
        // A thread that ended has told why.
        let _ = self.columns.send(columns);
    }
}

impl Drop for Surveyor {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// What was found in the rows looked at so far.
#[derive(Debug, Default)]
struct Known {
    rows: usize,
    /// The last of them: a log that has another one there was written anew.
    last: Option<Row>,
    /// Rows that hold an error, ascending.
    errors: Vec<usize>,
    /// Rows that pause (`true`) or resume, ascending.
    gates: Vec<(usize, bool)>,
}

impl Known {
    /// Surveys the log in columns; `None` when it is over.
    fn survey(
        &mut self,
        log: &dyn EventLog,
        columns: usize,
        keep_going: &dyn Fn() -> bool,
    ) -> Option<Survey> {
        let len = log.len();
        let same =
            self.rows <= len && self.last == self.rows.checked_sub(1).and_then(|r| log.row(r));
        if !same {
            *self = Known::default();
        }
        let settled = log.indexing().is_done();
        self.look(log, len, keep_going)?;
        let survey = self.columns(log, len, columns);
        // Rows of a log being indexed may still move.
        if !settled {
            *self = Known::default();
        }
        Some(survey)
    }

    fn look(
        &mut self,
        log: &dyn EventLog,
        len: usize,
        keep_going: &dyn Fn() -> bool,
    ) -> Option<()> {
        for row in self.rows..len {
            if row % STRIDE == 0 && !keep_going() {
                return None;
            }
            match log.kind(row) {
                Some(Kind::Error | Kind::Invalid | Kind::Unreadable) => self.errors.push(row),
                Some(Kind::Paused) => self.gates.push((row, true)),
                Some(Kind::Resumed) => self.gates.push((row, false)),
                _ => {}
            }
        }
        self.rows = len;
        self.last = len.checked_sub(1).and_then(|row| log.row(row));
        Some(())
    }

    fn columns(&self, log: &dyn EventLog, len: usize, columns: usize) -> Survey {
        let mut found = Vec::with_capacity(columns);
        let mut rates = Vec::with_capacity(columns);
        let time = |row: usize| log.row(row).and_then(|r| r.time);
        for i in 0..columns {
            let rows = i * len / columns..(i + 1) * len / columns;
            found.push(self.column(&rows));
            // Events a millisecond, on a scale of orders of magnitude; the pause before counts too.
            let span = time(rows.start.saturating_sub(1)).zip(time(rows.end.saturating_sub(1)));
            let rate = span.filter(|_| !rows.is_empty()).map(|(first, last)| {
                let millis = last.0.saturating_sub(first.0).max(1) as f64;
                (rows.len() as f64 / millis).ln()
            });
            rates.push(rate);
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
        Survey {
            len,
            columns: found.into(),
            gates: self.gates.as_slice().into(),
        }
    }

    fn column(&self, rows: &Range<usize>) -> Column {
        let errors = |end: usize| self.errors.partition_point(|row| *row < end);
        let first = self.gates.partition_point(|(row, _)| *row < rows.start);
        let mut gates = self.gates[first..]
            .iter()
            .take_while(|(row, _)| *row < rows.end);
        Column {
            errors: u32::try_from(errors(rows.end) - errors(rows.start)).unwrap_or(u32::MAX),
            paused: gates.any(|(_, paused)| *paused),
            ..Column::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;
    use crate::source::file::FileSource;

    fn log(events: usize) -> (FileSource, Arc<dyn EventLog>) {
        let lines: String = (1..=events)
            .map(|i| {
                let what = match i % 7 {
                    0 => "https://events.iterate.com/events/stream/error-occurred",
                    3 => "https://events.iterate.com/events/stream/paused",
                    5 => "https://events.iterate.com/events/stream/resumed",
                    _ => "note",
                };
                format!("{{\"type\":\"{what}\",\"offset\":{i},\"payload\":{{}},\"createdAt\":\"2026-01-01T00:00:{:02}.000Z\"}}\n", i % 60)
            })
            .collect();
        let source = FileSource::input("x".to_owned(), std::io::Cursor::new(lines)).unwrap();
        source.wait(&|| true);
        let log = source.log(None);
        (source, log)
    }

    #[test]
    fn what_is_kept_gives_the_same_as_a_look_at_everything() {
        let mut kept = Known::default();
        // The third one is shorter: another log.
        for events in [40, 100, 60, 61] {
            let (_source, log) = log(events);
            for columns in [1, 7, 80, 200] {
                let fresh = Known::default().survey(&*log, columns, &|| true);
                assert_eq!(
                    kept.survey(&*log, columns, &|| true),
                    fresh,
                    "{events} {columns}"
                );
            }
        }
        let (_source, log) = log(14);
        let survey = kept.survey(&*log, 14, &|| true).unwrap();
        assert_eq!(
            *survey.gates,
            [(2, true), (4, false), (9, true), (11, false)]
        );
        let errors: Vec<_> = survey.columns.iter().map(|c| c.errors).collect();
        assert_eq!(errors.iter().map(|e| usize::from(*e > 0)).sum::<usize>(), 2);
    }
}
