//! What the screen knows of the circuit breaker: its level at the playhead, and the story that the
//! panel tells.

use super::state::App;
use crate::model::breaker_story::Story;
use crate::model::stream_state::breaker::Level;
use std::sync::Arc;

/// The breaker at the playhead, as far as it was worked out.
#[derive(Debug, Default)]
pub struct BreakerPane {
    /// The newest level that came, and the playhead it is of; may lag behind for a moment.
    pub level: Option<(usize, Level)>,
    /// The newest story that came; kept while the panel is closed.
    pub story: Option<Arc<Story>>,
}

impl App {
    /// The row of the pause that the panel is about: the one in force at the playhead, else the
    /// last before it, else the first after it. Known once the log was surveyed.
    #[must_use]
    pub fn pause_in_view(&self) -> Option<usize> {
        if let Some(row) = self.paused_at() {
            return Some(row);
        }
        let gates = &self.survey.as_ref()?.gates;
        let at = gates.partition_point(|(row, _)| *row < self.playhead.rows);
        let pauses = |range: &[(usize, bool)]| -> Option<usize> {
            // Of several pauses in a row the first closed the gate.
            let last = range.iter().rposition(|(_, paused)| *paused)?;
            let first = range[..last].iter().rposition(|(_, paused)| !paused);
            range.get(first.map_or(0, |at| at + 1)).map(|(row, _)| *row)
        };
        pauses(&gates[..at]).or_else(|| {
            let next = gates[at..].iter().find(|(_, paused)| *paused)?;
            Some(next.0)
        })
    }
}
