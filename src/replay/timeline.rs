//! One fold of a log that can be stood in anywhere: keyframes along the first pass, seeking from the
//! nearest one, stepping both ways, and folding on in slices while nobody asks for anything.

mod keyframes;
mod ledger;
mod recent;
#[cfg(test)]
mod tests;

pub use keyframes::Keyframes;
pub use ledger::{Ledger, MOST_FAILURES, MOST_NOTES_A_ROW};

use super::reducer::{
    Cancel, FoldRequest, FoldSink, Folded, Form, Note, NoteKind, Reducer, ReducerError, State,
};
use crate::model::log::EventLog;
use recent::Recent;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of keyframes kept when nothing else is asked for.
pub const DEFAULT_BUDGET: usize = 256 << 20;
/// Longest time of reducing between two keyframes, and so of one hop, for states of any size.
const LONGEST_HOP: Duration = Duration::from_millis(8);
const SHORTEST_HOP: Duration = Duration::from_millis(2);
/// Folding on over this many rows is cheaper than restoring a state closer to the goal.
const RATHER_FOLD: usize = 8;
/// Going back by at most this many rows counts as stepping back.
const STEP_BACK: usize = 16;
/// How far ahead of someone who steps back idle time is spent.
const PREFETCH: usize = 8;

/// How far a first pass has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Rows folded so far.
    pub folded: usize,
    /// Rows there are to fold.
    pub of: usize,
    /// Nothing is left to do until the log grows or the playhead moves.
    pub idle: bool,
}

/// A state, the one before, and what happened between them.
#[derive(Clone, Debug)]
pub struct Step {
    /// The state; `None` is `undefined`.
    pub state: Option<Arc<Value>>,
    /// The state one row earlier; `None` is `undefined`, or there is no earlier row.
    pub previous: Option<Arc<Value>>,
    /// What happened while folding the last row.
    pub notes: Vec<Note>,
}

/// Called with the number of rows folded so far while a long fold runs.
pub type OnProgress<'a> = &'a mut dyn FnMut(usize);

/// The fold of one log by one reducer.
pub struct Timeline {
    reducer: Option<Box<dyn Reducer>>,
    form: Form,
    keyframes: Keyframes,
    /// The furthest state reported: where the first pass goes on.
    frontier: (usize, State),
    recent: Recent,
    ledger: Ledger,
    gave_up: Option<(usize, ReducerError)>,
    last_asked: usize,
    /// Next rows to fold ahead of someone stepping back, and where to stop.
    prefetch: Option<(usize, usize)>,
    hop: Duration,
    batch: usize,
}

impl Timeline {
    /// A timeline that has folded nothing yet; at most about `budget` bytes of keyframes.
    ///
    /// # Errors
    /// Those of [`Reducer::form`].
    pub fn new(mut reducer: Box<dyn Reducer>, budget: usize) -> Result<Timeline, ReducerError> {
        Ok(Timeline {
            form: reducer.form()?,
            reducer: Some(reducer),
            keyframes: Keyframes::new(budget),
            frontier: (0, None),
            recent: Recent::default(),
            ledger: Ledger::default(),
            gave_up: None,
            last_asked: 0,
            prefetch: None,
            hop: SHORTEST_HOP,
            batch: 256,
        })
    }

    /// How its reducer reduces.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Lets go of the reducer (a process, perhaps) but keeps everything known.
    pub fn suspend(&mut self) {
        self.reducer = None;
    }

    /// True when [`Timeline::wake`] is needed before the next question.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.reducer.is_none()
    }

    /// Gives a fresh reducer of the same code after [`Timeline::suspend`].
    pub fn wake(&mut self, reducer: Box<dyn Reducer>) {
        self.reducer = Some(reducer);
    }

    /// Changes the budget of the keyframes, in bytes.
    pub fn set_budget(&mut self, budget: usize) {
        self.keyframes.set_budget(budget);
    }

    /// Failures and impurities found so far.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The keyframes, for figures and tests.
    #[must_use]
    pub fn keyframes(&self) -> &Keyframes {
        &self.keyframes
    }

    /// Rows that are behind the first pass; all of them can be sought cheaply.
    #[must_use]
    pub fn folded(&self) -> usize {
        self.frontier.0
    }

    /// The state after `rows` rows as JSON text.
    ///
    /// # Errors
    /// Those of the fold.
    pub fn state_at(
        &mut self,
        log: &dyn EventLog,
        rows: usize,
        cancel: &Cancel,
        on_progress: OnProgress<'_>,
    ) -> Result<State, ReducerError> {
        self.ensure(log, rows, cancel, on_progress)?;
        Ok(self.recent.get(rows).flatten())
    }

    /// The state after `rows` rows, parsed.
    ///
    /// # Errors
    /// Those of the fold.
    pub fn value_at(
        &mut self,
        log: &dyn EventLog,
        rows: usize,
        cancel: &Cancel,
        on_progress: OnProgress<'_>,
    ) -> Result<Option<Arc<Value>>, ReducerError> {
        self.ensure(log, rows, cancel, on_progress)?;
        self.recent.value(rows)
    }

    /// The state after `rows` rows with the one before and the notes of the last row.
    ///
    /// # Errors
    /// Those of the fold.
    pub fn step_at(
        &mut self,
        log: &dyn EventLog,
        rows: usize,
        cancel: &Cancel,
        on_progress: OnProgress<'_>,
    ) -> Result<Step, ReducerError> {
        let back = rows < self.last_asked && self.last_asked - rows <= STEP_BACK;
        self.ensure(log, rows, cancel, on_progress)?;
        self.last_asked = rows;
        let starts_over = self.reducer.as_ref().is_some_and(|r| r.starts_over());
        self.prefetch = (back && rows > 0 && self.form == Form::Incremental && !starts_over)
            .then(|| (rows - 1, rows.saturating_sub(PREFETCH)));
        let previous = match rows.checked_sub(1) {
            Some(before) => self.recent.value(before)?,
            None => None,
        };
        Ok(Step {
            state: self.recent.value(rows)?,
            previous,
            notes: self.recent.notes(rows).unwrap_or_default().to_vec(),
        })
    }

    /// Uses idle time: first for someone who steps back, then for the first pass, for about `slice`.
    /// Array processors have no first pass.
    ///
    /// # Errors
    /// Those of the fold; `Cancelled` loses nothing.
    pub fn advance(
        &mut self,
        log: &dyn EventLog,
        cancel: &Cancel,
        slice: Duration,
    ) -> Result<Progress, ReducerError> {
        let started = Instant::now();
        while let Some((next, stop)) = self.prefetch {
            self.ensure(log, next, cancel, &mut |_| ())?;
            self.prefetch = (next > stop).then(|| (next - 1, stop));
            if started.elapsed() >= slice {
                return Ok(self.progress(log));
            }
        }
        if !self.progress(log).idle {
            let end = log.len();
            let resumes = self
                .reducer
                .as_ref()
                .is_some_and(|r| r.rows() >= self.frontier.0 && r.rows() <= end);
            if !resumes {
                let (rows, state) = self.frontier.clone();
                self.reducer()?.restore(rows, &state)?;
            }
            let from = self.reducer()?.rows();
            let to = end.min(from + self.batch);
            let folding = Instant::now();
            self.fold(log, to, false, cancel, &mut |_| ())?;
            // The next slice takes about as long as it should.
            let took = folding.elapsed().max(Duration::from_micros(1));
            let scale = (slice.as_secs_f64() / took.as_secs_f64()).clamp(0.25, 4.0);
            self.batch = ((to - from).max(1) as f64 * scale).clamp(1.0, 1e7) as usize;
        }
        Ok(self.progress(log))
    }

    /// How far the first pass has come.
    #[must_use]
    pub fn progress(&self, log: &dyn EventLog) -> Progress {
        let of = log.len();
        let folded = match self.form {
            Form::Array => of,
            Form::Incremental => self.frontier.0.min(of),
        };
        Progress {
            folded,
            of,
            idle: (folded == of || self.gave_up.is_some()) && self.prefetch.is_none(),
        }
    }

    fn reducer(&mut self) -> Result<&mut Box<dyn Reducer>, ReducerError> {
        self.reducer
            .as_mut()
            .ok_or_else(|| ReducerError::Engine("the reducer was let go".to_owned()))
    }

    /// Sees to it that the states at `rows` and one before, and the notes between, are in `recent`.
    fn ensure(
        &mut self,
        log: &dyn EventLog,
        rows: usize,
        cancel: &Cancel,
        on_progress: OnProgress<'_>,
    ) -> Result<(), ReducerError> {
        if cancel.is_cancelled() {
            return Err(ReducerError::Cancelled);
        }
        if let Some((row, why)) = &self.gave_up
            && rows > *row
        {
            return Err(why.clone());
        }
        let Some(before) = rows.checked_sub(1) else {
            if !self.recent.has(0) {
                self.reducer()?.restore(0, &None)?;
                self.fold(log, 0, false, cancel, on_progress)?;
            }
            return Ok(());
        };
        if self.recent.has(before) && self.recent.has(rows) && self.recent.notes(rows).is_some() {
            return Ok(());
        }
        wait_for_rows(log, rows, cancel)?;
        if self.form == Form::Array {
            self.reducer()?.restore(before, &None)?;
        } else {
            let base = self.stand_near(before)?;
            let stepping_back = rows < self.last_asked && self.last_asked - rows <= STEP_BACK;
            if stepping_back && base == 0 && self.reducer()?.starts_over() {
                // One fold from the first event serves several steps back.
                for near in before.saturating_sub(PREFETCH)..before {
                    self.fold(log, near, false, cancel, on_progress)?;
                }
                return self.fold(log, rows, true, cancel, on_progress);
            }
            // Each step back also keeps the middle of its hop: the next ones find ever shorter
            // hops, so that a walk back costs little more than a walk forward.
            if stepping_back && before - base >= 4 {
                self.fold(log, base + (before - base) / 2, false, cancel, on_progress)?;
            }
        }
        let want_previous = !self.recent.has(before);
        self.fold(log, rows, want_previous, cancel, on_progress)
    }

    /// Puts the reducer at the best known place at or below `rows`; gives that place.
    fn stand_near(&mut self, rows: usize) -> Result<usize, ReducerError> {
        let mut best = self.recent.at_or_below(rows).unwrap_or(0);
        best = best.max(self.keyframes.at_or_below(rows).unwrap_or(0));
        if self.frontier.0 <= rows {
            best = best.max(self.frontier.0);
        }
        let here = self.reducer()?.rows();
        if here <= rows && here + RATHER_FOLD >= best {
            return Ok(here);
        }
        if self.reducer()?.starts_over() {
            if here <= rows {
                return Ok(here);
            }
            self.reducer()?.restore(0, &None)?;
            return Ok(0);
        }
        let known = if best == self.frontier.0 {
            Some(self.frontier.1.clone())
        } else {
            self.recent.get(best).or_else(|| self.keyframes.get(best))
        };
        let (best, state) = known.map_or((0, None), |state| (best, state));
        self.reducer()?.restore(best, &state)?;
        Ok(best)
    }

    /// Folds from where the reducer stands, passing over rows that are known to run away: their
    /// state is the one before, and running them again would cost seconds and might end otherwise.
    fn fold(
        &mut self,
        log: &dyn EventLog,
        to: usize,
        want_previous: bool,
        cancel: &Cancel,
        on_progress: OnProgress<'_>,
    ) -> Result<(), ReducerError> {
        if self.form == Form::Incremental {
            loop {
                let from = self.reducer()?.rows();
                let Some(row) = self.ledger.first_costly(from..to) else {
                    break;
                };
                self.fold_on(log, row, false, cancel, on_progress)?;
                let state = self.recent.get(row).flatten();
                self.reducer()?.restore(row + 1, &state)?;
                let notes = self.ledger.failure(row).cloned().into_iter().collect();
                self.reached(row + 1, &state);
                self.recent.insert(row + 1, state, Some(notes));
                if row + 1 == to {
                    return Ok(());
                }
            }
        }
        self.fold_on(log, to, want_previous, cancel, on_progress)
    }

    fn fold_on(
        &mut self,
        log: &dyn EventLog,
        to: usize,
        want_previous: bool,
        cancel: &Cancel,
        on_progress: OnProgress<'_>,
    ) -> Result<(), ReducerError> {
        let keyframe_every = (self.form == Form::Incremental).then_some(self.hop);
        let Some(mut reducer) = self.reducer.take() else {
            return Err(ReducerError::Engine("the reducer was let go".to_owned()));
        };
        let from = reducer.rows();
        let mut sink = Sink {
            timeline: self,
            of_interest: to.checked_sub(1),
            notes: Vec::new(),
            left_out: 0,
            on_progress,
        };
        let result = reducer.fold(FoldRequest {
            log,
            to,
            keyframe_every,
            want_previous,
            cancel,
            sink: &mut sink,
        });
        let notes = sink.finish_notes();
        let stands_at = reducer.rows();
        self.reducer = Some(reducer);
        match result {
            Ok(Folded { state, previous }) => {
                self.ledger.close(to);
                if let (Some(previous), Some(before)) = (previous, to.checked_sub(1)) {
                    self.recent.insert(before, previous, None);
                }
                if self.form == Form::Incremental {
                    self.reached(to, &state);
                }
                // Notes are known only when the last row was folded just now.
                let notes = (from < to).then_some(notes);
                self.recent.insert(to, state, notes);
                Ok(())
            }
            Err(error) => {
                match &error {
                    ReducerError::Cancelled => self.ledger.close(stands_at),
                    ReducerError::GaveUp { row, .. } => {
                        self.gave_up = Some((*row, error.clone()));
                    }
                    ReducerError::Load(_) | ReducerError::Engine(_) => {}
                }
                Err(error)
            }
        }
    }

    /// A state further than any before is where the first pass goes on, and a keyframe.
    fn reached(&mut self, rows: usize, state: &State) {
        if rows > self.frontier.0 {
            self.keyframes.push(rows, state);
            self.frontier = (rows, state.clone());
            // Large states get fewer keyframes, so that serialising them stays a small part of the work.
            let bytes = state.as_ref().map_or(0, |text| text.len());
            self.hop = Duration::from_nanos(bytes as u64 * 60).clamp(SHORTEST_HOP, LONGEST_HOP);
        }
    }
}

/// Blocks until the log has so many rows or turns out to be shorter.
fn wait_for_rows(log: &dyn EventLog, rows: usize, cancel: &Cancel) -> Result<(), ReducerError> {
    while rows > log.len() && log.indexing().lines < 1.0 {
        if cancel.is_cancelled() {
            return Err(ReducerError::Cancelled);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    if rows > log.len() {
        return Err(ReducerError::Engine(format!(
            "the log has {} events, not {rows}",
            log.len()
        )));
    }
    Ok(())
}

struct Sink<'a, 'p> {
    timeline: &'a mut Timeline,
    of_interest: Option<usize>,
    notes: Vec<Note>,
    left_out: usize,
    on_progress: OnProgress<'p>,
}

impl Sink<'_, '_> {
    fn finish_notes(mut self) -> Vec<Note> {
        if let (true, Some(row)) = (self.left_out > 0, self.of_interest) {
            self.notes.push(Note {
                row,
                what: NoteKind::Log {
                    level: "warn".to_owned(),
                    text: format!("{} more notes on this event are left out", self.left_out),
                },
            });
        }
        self.notes
    }
}

impl FoldSink for Sink<'_, '_> {
    fn keyframe(&mut self, rows: usize, state: State) {
        if rows > self.timeline.frontier.0 {
            self.timeline.ledger.close(rows);
            self.timeline.reached(rows, &state);
        } else {
            self.timeline.recent.insert(rows, state, None);
        }
    }

    fn note(&mut self, note: Note) {
        self.timeline.ledger.note(&note);
        if Some(note.row) == self.of_interest {
            if self.notes.len() < MOST_NOTES_A_ROW || note.what.is_failure() {
                self.notes.push(note);
            } else {
                self.left_out += 1;
            }
        }
    }

    fn progress(&mut self, rows: usize) {
        (self.on_progress)(rows);
    }
}
