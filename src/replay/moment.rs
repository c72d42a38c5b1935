//! One moment of the log as the panes show it.

use super::reducer::Note;
use crate::model::diff::Change;
use serde_json::Value;
use std::sync::Arc;

/// Everything about the state at one playhead.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Events in the state; the playhead stands on row `rows - 1`.
    pub rows: usize,
    /// The state; `None` is `undefined`.
    pub state: Option<Arc<Value>>,
    /// The state one row earlier; `None` is `undefined` or `rows == 0`.
    pub previous: Option<Arc<Value>>,
    /// From `previous` to `state`, in document order.
    pub changes: Arc<[Change]>,
    /// What happened while folding this row.
    pub notes: Vec<Note>,
    /// The code that made this state.
    pub origin: Origin,
}

/// Whose state a moment is.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// The service's own built-in state, folded in Rust.
    BuiltIn,
    /// A processor given on the command line.
    File(Arc<str>),
    /// A worker configured in the log itself.
    Worker {
        /// Its slug.
        slug: Arc<str>,
        /// Row of the configuration that is in force (or will be the first one).
        row: usize,
        /// True before its first configuration.
        not_yet_deployed: bool,
    },
}
