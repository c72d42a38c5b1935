//! The service's own state as a reducer like any other, folded in Rust.

use super::reducer::{FoldRequest, Folded, Form, Reducer, ReducerError, State};
use crate::model::built_in::BuiltIn;
use crate::model::event::Event;
use crate::model::kind::Kind;
use crate::model::peek;
use crate::model::stream_state::StreamState;
use std::borrow::Cow;
use std::time::{Duration, Instant};

/// Rows folded between two looks at the clock and the cancel flag.
const STRIDE: usize = 1_024;

/// Gives an event that names its worker in its code alone as the one it stands for (SPEC §8); code is
/// not read here.
pub type Naming = fn(&Event) -> Cow<'_, Event>;

/// Folds SPEC §3's `__state`.
#[derive(Debug)]
pub struct BuiltInReducer {
    rows: usize,
    state: StreamState,
    naming: Naming,
}

impl BuiltInReducer {
    /// Stands before the first event.
    #[must_use]
    pub fn new(naming: Naming) -> BuiltInReducer {
        BuiltInReducer {
            rows: 0,
            state: StreamState::default(),
            naming,
        }
    }

    fn text(&self) -> Result<State, ReducerError> {
        let text = serde_json::to_string(&self.state)
            .map_err(|error| ReducerError::Engine(format!("built-in state: {error}")))?;
        Ok(Some(text.into()))
    }

    /// Only events of built-in types are parsed; of the others the columns are enough. Waits for
    /// rows that are not indexed yet.
    fn reduce(&mut self, request: &FoldRequest<'_>, row: usize) -> Result<(), ReducerError> {
        let columns = loop {
            match request.log.row(row) {
                Some(columns) => break columns,
                None if request.log.indexing().is_done() => return Ok(()),
                None if request.cancel.is_cancelled() => return Err(ReducerError::Cancelled),
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        if columns.kind == Kind::Unreadable {
            return Ok(());
        }
        if BuiltIn::parse(&columns.event_type).is_none() && !self.state.path.is_empty() {
            self.state.reduce_ordinary(columns.time);
        } else if let Some(raw) = request.log.raw(row) {
            match Event::parse(&raw) {
                Ok(event) => self.state.reduce(&(self.naming)(&event)),
                // Nested too deep to be parsed whole: it happened all the same.
                Err(_) => {
                    if let Some(path) = peek::text_member(&raw, "streamPath") {
                        self.state.path = path.into_owned();
                    }
                    self.state.reduce_ordinary(columns.time);
                }
            }
        }
        Ok(())
    }
}

impl Reducer for BuiltInReducer {
    fn form(&mut self) -> Result<Form, ReducerError> {
        Ok(Form::Incremental)
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn restore(&mut self, rows: usize, state: &State) -> Result<(), ReducerError> {
        self.state = match state {
            Some(text) if rows > 0 => serde_json::from_str(text)
                .map_err(|error| ReducerError::Engine(format!("built-in state: {error}")))?,
            _ => StreamState::default(),
        };
        self.rows = rows;
        Ok(())
    }

    fn fold(&mut self, request: FoldRequest<'_>) -> Result<Folded, ReducerError> {
        let mut keyframe_at = Instant::now();
        let mut previous = None;
        while self.rows < request.to {
            if request.cancel.is_cancelled() {
                return Err(ReducerError::Cancelled);
            }
            let stop = request.to.min(self.rows + STRIDE);
            while self.rows < stop {
                if request.want_previous && self.rows + 1 == request.to {
                    previous = Some(self.text()?);
                }
                self.reduce(&request, self.rows)?;
                self.rows += 1;
            }
            request.sink.progress(self.rows);
            if let Some(every) = request.keyframe_every
                && keyframe_at.elapsed() >= every
            {
                request.sink.keyframe(self.rows, self.text()?);
                keyframe_at = Instant::now();
            }
        }
        Ok(Folded {
            state: self.text()?,
            previous,
        })
    }
}
