//! What the time machine asks of whoever folds events into state.

use crate::model::log::EventLog;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A state as JSON text, exactly what JavaScript's `JSON.stringify` gives; `None` is `undefined`
/// (a processor without initial state before its first event).
pub type State = Option<Arc<str>>;

/// Asks a running fold to stop. Clones share one flag; a newer seek cancels the older one's.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A flag that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for the stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once the stop was asked for.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How a processor reduces (SPEC §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `reduce({event, state})`, one event at a time: the timeline keeps keyframes.
    Incremental,
    /// `reduce(events)` over everything from the first event: called once for the playhead.
    Array,
}

/// Something that happened while folding one event, kept with its row.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// The row being folded (0-based; the playhead `rows` that shows it is `row + 1`).
    pub row: usize,
    /// What happened.
    pub what: NoteKind,
}

/// What can happen while folding.
#[derive(Clone, Debug, PartialEq)]
pub enum NoteKind {
    /// The reducer threw; the state stayed as it was.
    Threw {
        /// `Error.name: message`, or the thrown value as text.
        message: String,
        /// One `at function (file:line:column)` a line, in the source as the person wrote it.
        stack: String,
    },
    /// The reducer returned something JSON cannot hold; the state stayed as it was.
    NotJson {
        /// What and where, such as `BigInt at $.total`.
        message: String,
    },
    /// The reducer ran over its time and was stopped; the state stayed as it was.
    TimedOut {
        /// The limit it ran over.
        limit: Duration,
    },
    /// The reducer ran over its memory and was stopped; the state stayed as it was.
    OutOfMemory {
        /// The limit in bytes.
        limit: u64,
    },
    /// The engine itself died on this event (native stack, say); the state stayed as it was.
    Crashed {
        /// What is known about it.
        message: String,
    },
    /// The reducer reached for clock, chance, network or timers (SPEC §9).
    Impure {
        /// What it reached for, by name: `Date.now`, `Math.random`, `fetch`, `setTimeout`…
        api: String,
    },
    /// The reducer wrote to `console` or its `logger`.
    Log {
        /// `log`, `info`, `warn`, `error` or `debug`.
        level: String,
        /// The text.
        text: String,
    },
}

impl NoteKind {
    /// What happened, as one line for an error.
    #[must_use]
    pub fn story(&self) -> String {
        match self {
            NoteKind::TimedOut { limit } => format!("it ran longer than {limit:?}"),
            NoteKind::OutOfMemory { limit } => {
                format!("it needed more than {} MiB of memory", limit >> 20)
            }
            NoteKind::Threw { message, .. }
            | NoteKind::NotJson { message }
            | NoteKind::Crashed { message } => message.clone(),
            NoteKind::Impure { api } => api.clone(),
            NoteKind::Log { text, .. } => text.clone(),
        }
    }
}

impl NoteKind {
    /// True when the event's reduction failed and the state stayed as it was.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        !matches!(self, NoteKind::Impure { .. } | NoteKind::Log { .. })
    }
}

/// Where a fold reports to while it runs. Called in row order.
pub trait FoldSink {
    /// The state after `rows` events, worth keeping to seek from later.
    fn keyframe(&mut self, rows: usize, state: State);
    /// Something happened at a row. Folding the same row again reports the same notes again.
    fn note(&mut self, note: Note);
    /// `rows` events have been folded so far; called some tens of times a second.
    fn progress(&mut self, rows: usize);
}

/// One order to fold.
pub struct FoldRequest<'a> {
    /// The events.
    pub log: &'a dyn EventLog,
    /// Fold until this many rows are in the state (exclusive upper row bound).
    pub to: usize,
    /// Report a keyframe whenever about this much time was spent reducing since the last one (or
    /// since the start). `None`: no keyframes.
    pub keyframe_every: Option<Duration>,
    /// Also return the state one row before `to`.
    pub want_previous: bool,
    /// Stops the fold early.
    pub cancel: &'a Cancel,
    /// Where keyframes, notes and progress go.
    pub sink: &'a mut dyn FoldSink,
}

/// What a finished fold gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    /// The state after `to` rows.
    pub state: State,
    /// The state after `to - 1` rows, when asked for and `to > 0`.
    pub previous: Option<State>,
}

/// Why a fold gave no state. The reducer can be used again after any of these, from `restore`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReducerError {
    /// The request's cancel flag was set.
    #[error("cancelled")]
    Cancelled,
    /// The processor cannot be loaded at all: what and where (file:line:column), why.
    #[error("{0}")]
    Load(String),
    /// Too many events ran away; folding stopped for good at this row.
    #[error("gave up at row {row} after {runaways} runaway events in a row: {message}")]
    GaveUp {
        /// The last row tried.
        row: usize,
        /// How many.
        runaways: usize,
        /// The last one's story.
        message: String,
    },
    /// The engine cannot be started or spoken to.
    #[error("{0}")]
    Engine(String),
}

/// Folds events into a state. `state(n)` must not depend on the way there: restoring any keyframe
/// and folding on gives the same JSON text as folding from the first event.
pub trait Reducer: Send {
    /// How it reduces. May load the processor to find out.
    ///
    /// # Errors
    /// [`ReducerError::Load`] or [`ReducerError::Engine`].
    fn form(&mut self) -> Result<Form, ReducerError>;

    /// Rows in the state it stands at now; 0 (initial state) when fresh.
    fn rows(&self) -> usize;

    /// True when it keeps something outside its state: to go anywhere but forward it must fold from
    /// the first event, whatever state it is given to restore. Known once [`Reducer::form`] is.
    fn starts_over(&self) -> bool {
        false
    }

    /// Stands at a state that an earlier fold reported; `rows == 0` is the initial state and
    /// `state` is then ignored. Array processors need no state to stand anywhere.
    ///
    /// # Errors
    /// [`ReducerError::Load`] or [`ReducerError::Engine`].
    fn restore(&mut self, rows: usize, state: &State) -> Result<(), ReducerError>;

    /// Folds from [`Reducer::rows`] on until `request.to` rows are in the state.
    ///
    /// # Errors
    /// Any [`ReducerError`]; after `Cancelled` it stands at the last row it finished.
    fn fold(&mut self, request: FoldRequest<'_>) -> Result<Folded, ReducerError>;
}
