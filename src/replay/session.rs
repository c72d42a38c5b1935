//! Every state that can be looked at in one log: the service's own, a processor file's, and each
//! worker's with all the versions the log deployed, joined so that a re-deployment shows as a
//! change of state at its offset.

#[cfg(test)]
mod tests;

use super::moment::{Moment, Origin};
use super::reducer::{Cancel, Form, Note, Reducer, ReducerError, State};
use super::timeline::{OnProgress, Progress, Timeline};
use crate::model::diff::{Change, What, diff};
use crate::model::json_path::JsonPath;
use crate::model::log::EventLog;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Whose state is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// The service's own built-in state.
    BuiltIn,
    /// The processor given on the command line.
    File(Arc<str>),
    /// The worker with this slug, configured in the log.
    Worker(Arc<str>),
}

/// One piece of code that folds; what a [`Factory`] makes a reducer of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CodeId {
    /// The service's own built-in state.
    BuiltIn,
    /// The processor given on the command line.
    File(Arc<str>),
    /// A worker as configured by the event at a row.
    Deployment {
        /// Its slug.
        slug: Arc<str>,
        /// The row of the configuration.
        row: usize,
    },
}

/// Makes the reducer for a piece of code; called when it is first needed, and again after the
/// code was let go to keep few engines alive.
pub type Factory = Box<dyn FnMut(&CodeId) -> Result<Box<dyn Reducer>, ReducerError> + Send>;

/// A worker of the log and the rows that deploy it, rising. Rows that configure the very code
/// that runs already (SPEC §8: nothing happens) are left out by whoever makes this.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployed {
    /// Its slug.
    pub slug: Arc<str>,
    /// The rows of its configurations; not empty.
    pub rows: Vec<usize>,
}

/// What went wrong for one [`Who`], over all versions that were in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failures {
    /// Failures in row order, as far as kept.
    pub notes: Vec<Note>,
    /// How many more there are.
    pub more: usize,
    /// What the reducer reached for: name, first row, number of uses.
    pub impurities: Vec<(String, usize, usize)>,
}

/// Engines alive at once; the least recently used ones are let go.
const MOST_AWAKE: usize = 4;

/// All timelines over one log.
pub struct Session {
    log: Arc<dyn EventLog>,
    deployed: Vec<Deployed>,
    factory: Factory,
    timelines: BTreeMap<CodeId, Timeline>,
    /// The most recently used last.
    awake: Vec<CodeId>,
    budget: usize,
}

impl Session {
    /// A session that has folded nothing yet. `budget` is for all keyframes together, in bytes.
    #[must_use]
    pub fn new(log: Arc<dyn EventLog>, factory: Factory, budget: usize) -> Session {
        Session {
            log,
            deployed: Vec::new(),
            factory,
            timelines: BTreeMap::new(),
            awake: Vec::new(),
            budget,
        }
    }

    /// The log it folds.
    #[must_use]
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }

    /// Puts another log in place of this one; everything folded is forgotten.
    pub fn set_log(&mut self, log: Arc<dyn EventLog>) {
        self.log = log;
        self.deployed.clear();
        self.timelines.clear();
        self.awake.clear();
    }

    /// Tells the workers that the log configures, as far as it is known. May be called again as
    /// the log grows; what is folded stays.
    pub fn set_deployed(&mut self, deployed: Vec<Deployed>) {
        self.deployed = deployed
            .into_iter()
            .filter(|d| !d.rows.is_empty())
            .collect();
    }

    /// The workers that the log configures.
    #[must_use]
    pub fn deployed(&self) -> &[Deployed] {
        &self.deployed
    }

    /// The state of `who` after `rows` events, with what the last event changed.
    ///
    /// # Errors
    /// Those of the fold, and `Load` for a worker that the log does not configure.
    pub fn moment(
        &mut self,
        who: &Who,
        rows: usize,
        cancel: &Cancel,
        on_progress: OnProgress<'_>,
    ) -> Result<Moment, ReducerError> {
        self.forget_if_truncated();
        let (code, origin) = self.code_at(who, rows)?;
        let log = Arc::clone(&self.log);
        let timeline = self.timeline(&code)?;
        let step = timeline.step_at(&*log, rows, cancel, on_progress)?;
        let mut previous = step.previous;
        if let Some(before) = rows.checked_sub(1) {
            let (older, _) = self.code_at(who, before)?;
            if older != code {
                let timeline = self.timeline(&older)?;
                previous = timeline.value_at(&*log, before, cancel, on_progress)?;
            }
        }
        Ok(Moment {
            rows,
            changes: if rows == 0 {
                Arc::new([])
            } else {
                changes(previous.as_deref(), step.state.as_deref()).into()
            },
            state: step.state,
            previous,
            notes: step.notes,
            origin,
        })
    }

    /// The state of `who` after `rows` events, as JSON text.
    ///
    /// # Errors
    /// As [`Session::moment`].
    pub fn state_at(
        &mut self,
        who: &Who,
        rows: usize,
        cancel: &Cancel,
        on_progress: OnProgress<'_>,
    ) -> Result<State, ReducerError> {
        self.forget_if_truncated();
        let (code, _) = self.code_at(who, rows)?;
        let log = Arc::clone(&self.log);
        self.timeline(&code)?
            .state_at(&*log, rows, cancel, on_progress)
    }

    /// The code that makes the state of `who` after `rows` events.
    ///
    /// # Errors
    /// `Load` for a worker that the log does not configure.
    pub fn origin(&self, who: &Who, rows: usize) -> Result<Origin, ReducerError> {
        self.code_at(who, rows).map(|(_, origin)| origin)
    }

    /// How the code in force after `rows` events reduces.
    ///
    /// # Errors
    /// The code cannot be loaded.
    pub fn form(&mut self, who: &Who, rows: usize) -> Result<Form, ReducerError> {
        let (code, _) = self.code_at(who, rows)?;
        Ok(self.timeline(&code)?.form())
    }

    /// Uses idle time for the code in force at `playhead` rows first, then for the worker's other
    /// versions, for about `slice`. Call again until `idle`.
    ///
    /// # Errors
    /// As [`Session::moment`]; `Cancelled` loses nothing.
    pub fn advance(
        &mut self,
        who: &Who,
        playhead: usize,
        cancel: &Cancel,
        slice: Duration,
    ) -> Result<Progress, ReducerError> {
        self.forget_if_truncated();
        let log = Arc::clone(&self.log);
        let (code, _) = self.code_at(who, playhead)?;
        let progress = self.timeline(&code)?.advance(&*log, cancel, slice)?;
        if !progress.idle {
            return Ok(progress);
        }
        for other in self.codes(who) {
            let folded = self.timelines.get(&other).map(|t| t.progress(&*log).idle);
            if folded != Some(true) {
                let other = self.timeline(&other)?.advance(&*log, cancel, slice)?;
                return Ok(Progress {
                    idle: false,
                    ..other
                });
            }
        }
        Ok(progress)
    }

    /// Failures of `who` found so far, each while its version was in force.
    #[must_use]
    pub fn failures(&self, who: &Who) -> Failures {
        let mut failures = Failures::default();
        let codes = self.codes(who);
        for (at, code) in codes.iter().enumerate() {
            let Some(timeline) = self.timelines.get(code) else {
                continue;
            };
            let row_of = |code: &CodeId| match code {
                CodeId::Deployment { row, .. } => *row,
                CodeId::BuiltIn | CodeId::File(_) => 0,
            };
            let from = if at == 0 { 0 } else { row_of(code) };
            let to = codes.get(at + 1).map_or(usize::MAX, row_of);
            let ledger = timeline.ledger();
            failures.notes.extend(
                ledger
                    .failures()
                    .filter(|n| (from..to).contains(&n.row))
                    .cloned(),
            );
            if at + 1 == codes.len() {
                failures.more += ledger.more_failures();
            }
            for (api, row, times) in ledger.impurities() {
                if (from..to).contains(&row) {
                    failures.impurities.push((api.to_owned(), row, times));
                }
            }
        }
        failures
    }

    /// Forgets what is folded for `who` and loads the code anew at the next question.
    pub fn reload(&mut self, who: &Who) {
        for code in self.codes(who) {
            self.timelines.remove(&code);
            self.awake.retain(|awake| *awake != code);
        }
    }

    /// The code of `who` in force after `rows` events: the last configuration among them, or the
    /// first one to come.
    fn code_at(&self, who: &Who, rows: usize) -> Result<(CodeId, Origin), ReducerError> {
        Ok(match who {
            Who::BuiltIn => (CodeId::BuiltIn, Origin::BuiltIn),
            Who::File(name) => (
                CodeId::File(Arc::clone(name)),
                Origin::File(Arc::clone(name)),
            ),
            Who::Worker(slug) => {
                let configurations = self.rows_of(slug);
                let in_force = configurations.partition_point(|&row| row < rows);
                let Some(&row) = configurations.get(in_force.saturating_sub(1)) else {
                    return Err(ReducerError::Load(format!(
                        "the log configures no worker {slug:?}{}",
                        self.known_slugs()
                    )));
                };
                (
                    CodeId::Deployment {
                        slug: Arc::clone(slug),
                        row,
                    },
                    Origin::Worker {
                        slug: Arc::clone(slug),
                        row,
                        not_yet_deployed: in_force == 0,
                    },
                )
            }
        })
    }

    fn known_slugs(&self) -> String {
        if self.deployed.is_empty() {
            return " (it configures none)".to_owned();
        }
        let slugs: Vec<&str> = self.deployed.iter().map(|d| &*d.slug).collect();
        format!("; it has: {}", slugs.join(", "))
    }

    fn rows_of(&self, slug: &str) -> &[usize] {
        self.deployed
            .iter()
            .find(|d| &*d.slug == slug)
            .map_or(&[], |d| &d.rows)
    }

    /// All code of `who`, oldest first.
    fn codes(&self, who: &Who) -> Vec<CodeId> {
        match who {
            Who::BuiltIn => vec![CodeId::BuiltIn],
            Who::File(name) => vec![CodeId::File(Arc::clone(name))],
            Who::Worker(slug) => self
                .rows_of(slug)
                .iter()
                .map(|&row| CodeId::Deployment {
                    slug: Arc::clone(slug),
                    row,
                })
                .collect(),
        }
    }

    /// The timeline of a piece of code with its reducer awake.
    fn timeline(&mut self, code: &CodeId) -> Result<&mut Timeline, ReducerError> {
        self.awake.retain(|awake| awake != code);
        while self.awake.len() >= MOST_AWAKE {
            let let_go = self.awake.remove(0);
            if let Some(timeline) = self.timelines.get_mut(&let_go) {
                timeline.suspend();
            }
        }
        let mut timeline = match self.timelines.remove(code) {
            Some(mut timeline) => {
                if timeline.is_suspended() {
                    timeline.wake((self.factory)(code)?);
                }
                timeline
            }
            None => {
                let share = self.budget / (self.timelines.len() + 1);
                for other in self.timelines.values_mut() {
                    other.set_budget(share);
                }
                Timeline::new((self.factory)(code)?, share)?
            }
        };
        timeline.set_budget(self.budget / (self.timelines.len() + 1));
        self.awake.push(code.clone());
        Ok(self.timelines.entry(code.clone()).or_insert(timeline))
    }

    /// A log that became shorter is another log: what was folded no longer holds.
    fn forget_if_truncated(&mut self) {
        if self.log.indexing().lines >= 1.0 {
            let len = self.log.len();
            self.timelines
                .retain(|_, timeline| timeline.folded() <= len);
            let timelines = &self.timelines;
            self.awake.retain(|code| timelines.contains_key(code));
        }
    }
}

/// The changes between two states of which either may be `undefined`.
#[must_use]
pub fn changes(was: Option<&Value>, now: Option<&Value>) -> Vec<Change> {
    let whole = |what| {
        vec![Change {
            path: JsonPath::default(),
            what,
        }]
    };
    match (was, now) {
        (None, None) => Vec::new(),
        (None, Some(now)) => whole(What::Added(now.clone())),
        (Some(was), None) => whole(What::Removed(was.clone())),
        (Some(was), Some(now)) => diff(was, now),
    }
}
