//! What the parent knows of a fold whatever happens to the child: some states to come back to, and
//! the rows that are not to be tried again.

use crate::replay::reducer::{NoteKind, State};
use std::collections::BTreeMap;

/// How many states are kept.
const KEPT: usize = 4;

/// States and runaways.
#[derive(Default)]
pub struct Known {
    /// By rows, the latest learnt last.
    states: Vec<(usize, State)>,
    /// Rows that killed their process, and how.
    pub bad: BTreeMap<usize, NoteKind>,
}

impl Known {
    /// Keeps a state to come back to.
    pub fn keep(&mut self, rows: usize, state: State) {
        if rows == 0 {
            return;
        }
        self.states.retain(|(kept, _)| *kept != rows);
        if self.states.len() >= KEPT {
            self.states.remove(0);
        }
        self.states.push((rows, state));
    }

    /// The best known state of at most `rows` rows; 0 rows is the initial state.
    pub fn at_most(&self, rows: usize) -> (usize, State) {
        self.states
            .iter()
            .filter(|(kept, _)| *kept <= rows)
            .max_by_key(|(kept, _)| *kept)
            .map_or((0, None), |(kept, state)| (*kept, state.clone()))
    }
}
