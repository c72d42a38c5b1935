//! How events went, and why a worker cannot go on.

use crate::replay::reducer::NoteKind;
use std::time::Duration;

/// How one event went.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Reduced, and its hook is done.
    Done,
    /// Not reduced: the state stayed as it was and the hook was not run.
    NotReduced(NoteKind),
    /// Reduced; its hook failed.
    HookFailed(Failure),
}

/// How a hook failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// It threw, or its promise was rejected.
    #[error("{message}")]
    Threw {
        /// `Error.name: message`, or the thrown value as text.
        message: String,
        /// One `at function (file:line:column)` a line, in the source as the person wrote it.
        stack: String,
    },
    /// It ran over its time and was ended.
    #[error("it ran longer than {limit:?} and was ended")]
    TimedOut {
        /// The limit it ran over.
        limit: Duration,
    },
    /// It ran over its memory and was ended.
    #[error("it needed more than {} MiB of memory and was ended", limit >> 20)]
    OutOfMemory {
        /// The limit in bytes.
        limit: u64,
    },
    /// Its process died.
    #[error("its process died: {message}")]
    Crashed {
        /// What is known about it.
        message: String,
    },
}

/// Why a worker cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// Its code cannot be loaded.
    #[error("{0}")]
    Load(String),
    /// Its process cannot be started, or keeps ending before anything is done.
    #[error("{0}")]
    Engine(String),
    /// The stream's history cannot be read.
    #[error("the stream's history cannot be read: {0}")]
    History(String),
}
