//! A log in memory and reducers in Rust for the tests of this room.

use super::reducer::{FoldRequest, Folded, Form, Note, NoteKind, Reducer, ReducerError, State};
use crate::model::event::Millis;
use crate::model::kind::Kind;
use crate::model::log::{Complaint, EventLog, Indexing, Row};
use crate::model::needle::Needle;
use crate::model::offset::Offset;
use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Events are bytes of the test's own language; they can be pushed while a fold runs.
#[derive(Default)]
pub struct MemoryLog(pub Mutex<Vec<Vec<u8>>>);

impl MemoryLog {
    pub fn of(events: impl IntoIterator<Item = String>) -> Arc<MemoryLog> {
        Arc::new(MemoryLog(Mutex::new(
            events.into_iter().map(String::into_bytes).collect(),
        )))
    }

    pub fn push(&self, event: &str) {
        self.0.lock().unwrap().push(event.as_bytes().to_vec());
    }
}

impl EventLog for MemoryLog {
    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn row(&self, row: usize) -> Option<Row> {
        Some(Row {
            offset: Some(Offset(row as u64 + 1)),
            time: Some(Millis(row as i64)),
            kind: self.kind(row)?,
            event_type: "test".into(),
        })
    }

    fn kind(&self, row: usize) -> Option<Kind> {
        (row < self.len()).then_some(Kind::Other)
    }

    fn raw(&self, row: usize) -> Option<Cow<'_, [u8]>> {
        self.0.lock().unwrap().get(row).cloned().map(Cow::Owned)
    }

    fn row_of_offset(&self, offset: Offset) -> Option<usize> {
        let row = usize::try_from(offset.0).ok()?.checked_sub(1)?;
        (row < self.len()).then_some(row)
    }

    fn indexing(&self) -> Indexing {
        Indexing::DONE
    }

    fn version(&self) -> u64 {
        self.len() as u64
    }

    fn complaints(&self) -> Vec<Complaint> {
        Vec::new()
    }

    fn search(&self, _: &Needle, _: usize, _: bool, _: &dyn Fn() -> bool) -> Option<usize> {
        None
    }
}

/// Folds events written as `+word` (append), `-` (drop the last), `!` (throw), `w` (run away),
/// `x` (give up for good) into a list of words, after `tag`. Keyframes come every `keyframe_rows`.
pub struct WordReducer {
    pub tag: String,
    pub keyframe_rows: usize,
    pub form: Form,
    rows: usize,
    words: Vec<String>,
    /// How many events were reduced, for the tests that count work.
    pub work: Arc<Mutex<usize>>,
}

impl WordReducer {
    pub fn new(tag: &str, keyframe_rows: usize) -> WordReducer {
        WordReducer {
            tag: tag.to_owned(),
            keyframe_rows,
            form: Form::Incremental,
            rows: 0,
            words: vec![tag.to_owned()],
            work: Arc::default(),
        }
    }

    fn reduce(&mut self, row: usize, event: &[u8]) -> Option<Note> {
        *self.work.lock().unwrap() += 1;
        let what = match event.first() {
            Some(b'+') => {
                self.words
                    .push(String::from_utf8_lossy(&event[1..]).into_owned());
                return None;
            }
            Some(b'-') => {
                self.words.pop();
                return None;
            }
            Some(b'w') => NoteKind::TimedOut {
                limit: Duration::from_secs(2),
            },
            _ => NoteKind::Threw {
                message: format!("at {row}"),
                stack: String::new(),
            },
        };
        Some(Note { row, what })
    }

    fn state(&self) -> State {
        (!self.words.is_empty()).then(|| serde_json::to_string(&self.words).unwrap().into())
    }
}

impl Reducer for WordReducer {
    fn form(&mut self) -> Result<Form, ReducerError> {
        Ok(self.form)
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn restore(&mut self, rows: usize, state: &State) -> Result<(), ReducerError> {
        self.rows = rows;
        self.words = match state {
            _ if rows == 0 => vec![self.tag.clone()],
            Some(text) => serde_json::from_str(text).unwrap(),
            None => Vec::new(),
        };
        Ok(())
    }

    fn fold(&mut self, request: FoldRequest<'_>) -> Result<Folded, ReducerError> {
        if self.form == Form::Array {
            self.restore(0, &None)?;
        }
        assert!(request.to >= self.rows, "a fold never goes back");
        let mut previous = None;
        while self.rows < request.to {
            if request.cancel.is_cancelled() {
                return Err(ReducerError::Cancelled);
            }
            if request.want_previous && self.rows + 1 == request.to {
                previous = Some(self.state());
            }
            let row = self.rows;
            let event = request.log.raw(row).unwrap();
            if &*event == b"x" {
                return Err(ReducerError::GaveUp {
                    row,
                    runaways: 3,
                    message: "slow".to_owned(),
                });
            }
            if let Some(note) = self.reduce(row, &event) {
                request.sink.note(note);
            }
            self.rows += 1;
            if request.keyframe_every.is_some() && self.rows.is_multiple_of(self.keyframe_rows) {
                let state = self.state();
                request.sink.keyframe(self.rows, state);
            }
            request.sink.progress(self.rows);
        }
        Ok(Folded {
            state: self.state(),
            previous,
        })
    }
}

/// The states after 0, 1, 2… rows by the plainest fold there is.
pub fn naive(tag: &str, events: &[String]) -> Vec<State> {
    let mut reducer = WordReducer::new(tag, usize::MAX);
    let mut states = vec![reducer.state()];
    for (row, event) in events.iter().enumerate() {
        reducer.reduce(row, event.as_bytes());
        states.push(reducer.state());
    }
    states
}

/// Ends a loop that should have ended long ago.
pub fn deadline() -> impl Fn() {
    let started = Instant::now();
    move || assert!(started.elapsed() < Duration::from_secs(60), "never idle")
}
