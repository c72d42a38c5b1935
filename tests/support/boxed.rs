//! Folding hand-written events with hand-written processors through the real box.
#![allow(dead_code)] // Each test binary uses its part.

use evtui::model::event::Millis;
use evtui::model::kind::Kind;
use evtui::model::log::{Complaint, EventLog, Indexing, Row};
use evtui::model::needle::Needle;
use evtui::model::offset::Offset;
use evtui::processor::host::BoxReducer;
use evtui::processor::limits::Limits;
use evtui::processor::program::{Module, Program};
use evtui::processor::source::{Input, prepare};
use evtui::replay::reducer::{
    Cancel, FoldRequest, FoldSink, Folded, Note, NoteKind, Reducer, ReducerError, State,
};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

/// A log in memory.
pub struct Lines(pub Vec<String>);

impl Lines {
    /// One event per payload, a second apart.
    pub fn of(payloads: impl IntoIterator<Item = Value>) -> Lines {
        Lines(
            payloads
                .into_iter()
                .enumerate()
                .map(|(row, payload)| event(row, payload).to_string())
                .collect(),
        )
    }

    /// `n` events with their row as payload's `n`.
    pub fn counting(n: usize) -> Lines {
        Lines::of((0..n).map(|n| json!({ "n": n })))
    }
}

/// A stored event.
pub fn event(row: usize, payload: Value) -> Value {
    json!({
        "streamPath": "/t",
        "type": "t",
        "payload": payload,
        "offset": row + 1,
        "createdAt": Millis(1_700_000_000_000 + row as i64 * 1000).to_string(),
    })
}

impl EventLog for Lines {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn row(&self, _: usize) -> Option<Row> {
        None
    }
    fn kind(&self, _: usize) -> Option<Kind> {
        None
    }
    fn raw(&self, row: usize) -> Option<Cow<'_, [u8]>> {
        self.0.get(row).map(|line| Cow::Borrowed(line.as_bytes()))
    }
    fn row_of_offset(&self, _: Offset) -> Option<usize> {
        None
    }
    fn indexing(&self) -> Indexing {
        Indexing::DONE
    }
    fn version(&self) -> u64 {
        0
    }
    fn complaints(&self) -> Vec<Complaint> {
        Vec::new()
    }
    fn search(&self, _: &Needle, _: usize, _: bool, _: &dyn Fn() -> bool) -> Option<usize> {
        None
    }
}

/// What a fold told its sink.
#[derive(Default)]
pub struct Told {
    pub keyframes: Vec<(usize, State)>,
    pub notes: Vec<Note>,
    pub progress: Vec<usize>,
    /// Called at each progress.
    pub at_progress: Option<Box<dyn FnMut(usize)>>,
}

impl FoldSink for Told {
    fn keyframe(&mut self, rows: usize, state: State) {
        self.keyframes.push((rows, state));
    }
    fn note(&mut self, note: Note) {
        self.notes.push(note);
    }
    fn progress(&mut self, rows: usize) {
        self.progress.push(rows);
        if let Some(f) = &mut self.at_progress {
            f(rows);
        }
    }
}

impl Told {
    /// The notes of one row.
    pub fn at(&self, row: usize) -> Vec<&NoteKind> {
        let notes = self.notes.iter().filter(|note| note.row == row);
        notes.map(|note| &note.what).collect()
    }

    /// Rows whose reduction failed.
    pub fn failed(&self) -> Vec<usize> {
        let notes = self.notes.iter().filter(|note| note.what.is_failure());
        notes.map(|note| note.row).collect()
    }
}

/// A program of one module.
pub fn module(code: &str) -> Program {
    Program {
        modules: vec![Module {
            name: "processor.js".into(),
            code: code.into(),
            original: code.into(),
            source_map: None,
        }],
        is_script: false,
        never_mutates: false,
        hooks_never_mutate: false,
        remembers: Vec::new(),
        env: Vec::new(),
    }
}

/// The same as a program whose code is known not to change anything it did not make.
pub fn pure_module(code: &str) -> Program {
    Program {
        never_mutates: true,
        ..module(code)
    }
}

/// A program that is a plain script.
pub fn script(code: &str) -> Program {
    Program {
        is_script: true,
        ..module(code)
    }
}

/// A program as evtui itself prepares it.
pub fn prepared(source: &str) -> Program {
    let input = Input::Script {
        slug: "test".into(),
        text: source.into(),
    };
    prepare(&input).expect("prepares")
}

pub fn exe() -> PathBuf {
    env!("CARGO_BIN_EXE_evtui").into()
}

/// With limits short enough for tests of runaways.
pub fn short() -> Limits {
    Limits {
        reduce_timeout: Duration::from_millis(300),
        reduce_memory: 256 << 20,
    }
}

pub fn reducer(program: Program) -> BoxReducer {
    BoxReducer::new(exe(), program, Limits::default())
}

/// Folds until `to`, telling all.
pub fn fold(
    reducer: &mut BoxReducer,
    log: &Lines,
    to: usize,
) -> (Result<Folded, ReducerError>, Told) {
    fold_with(reducer, log, to, Some(Duration::ZERO), true, &Cancel::new())
}

pub fn fold_with(
    reducer: &mut BoxReducer,
    log: &Lines,
    to: usize,
    keyframe_every: Option<Duration>,
    want_previous: bool,
    cancel: &Cancel,
) -> (Result<Folded, ReducerError>, Told) {
    let mut told = Told::default();
    let folded = reducer.fold(FoldRequest {
        log,
        to,
        keyframe_every,
        want_previous,
        cancel,
        sink: &mut told,
    });
    (folded, told)
}

/// The state after all events of `log`, and what was told.
pub fn run(program: Program, log: &Lines) -> (Value, Told) {
    let mut reducer = reducer(program);
    let (folded, told) = fold(&mut reducer, log, log.len());
    (value(&folded.expect("folds").state), told)
}

/// A state as a value; `undefined` as null.
pub fn value(state: &State) -> Value {
    state.as_deref().map_or(Value::Null, |text| {
        serde_json::from_str(text).expect("JSON")
    })
}
