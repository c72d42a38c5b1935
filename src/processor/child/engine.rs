//! The engine's thread: takes work in order, keeps the sandbox and the state between folds.

use super::array::Prefix;
use super::output::Output;
use super::watchdog::Watch;
use crate::processor::frames::Report;
use crate::processor::json::build::{Keys, build};
use crate::processor::json::tape::{ScanError, Tape, scan};
use crate::processor::json::write;
use crate::processor::limits::LOADING;
use crate::processor::program::Program;
use crate::processor::sandbox::{Sandbox, Thrown};
use crate::replay::reducer::{Form, NoteKind};
use boa_engine::JsValue;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

/// Orders, parsed as far as can be done off this thread.
pub enum Work {
    Load(Vec<u8>),
    Restore {
        rows: u64,
        state: Option<Result<Tape, ScanError>>,
    },
    Fold(Fold),
    /// The next rows of a fold.
    Events(Vec<Item>),
    Cancel,
}

/// One row of a fold.
#[derive(Default)]
pub struct Item {
    /// Keys that are new with it.
    pub keys: Vec<Box<[u8]>>,
    /// The event and its time; `None` when it is known to run away.
    pub event: Option<(Result<Tape, ScanError>, i64)>,
}

/// What is asked of one fold.
#[derive(Clone, Copy)]
pub struct Fold {
    pub to: u64,
    pub keyframe_every: Duration,
    pub want_previous: bool,
    pub careful: bool,
}

/// What one row turned out to be.
pub enum Row {
    /// An event; `None` when its line is not JSON: it leaves the state as it is.
    Event(Option<Tape>, i64),
    /// Known to run away.
    Skip,
    /// The fold is to end here.
    Cancel,
}

/// The engine and what it keeps.
pub struct Engine {
    output: Output,
    pub watch: Arc<Watch>,
    queue: Receiver<Work>,
    /// Rows that were handed over and not taken yet.
    rows_ahead: std::vec::IntoIter<Item>,
    /// Tapes go back to be written onto again: freeing what another thread allocated is slow.
    spent: Sender<Vec<Tape>>,
    used: Vec<Tape>,
    /// Frames not yet written.
    pub frames: Vec<u8>,
    pub keys: Keys,
    program: Option<Program>,
    pub sandbox: Option<Sandbox>,
    /// Nothing has run in the sandbox since it was made.
    pub fresh: bool,
    /// Rows in the state.
    pub rows: u64,
    /// The state: a normal form that nothing of the program can reach, or shared with it when the
    /// program never changes what it did not make. `undefined` without an initial state.
    pub state: JsValue,
    pub prefix: Prefix,
}

impl Engine {
    pub fn new(
        output: Output,
        watch: Arc<Watch>,
        queue: Receiver<Work>,
        spent: Sender<Vec<Tape>>,
    ) -> Engine {
        Engine {
            output,
            watch,
            queue,
            rows_ahead: Vec::new().into_iter(),
            spent,
            used: Vec::new(),
            frames: Vec::new(),
            keys: Keys::default(),
            program: None,
            sandbox: None,
            fresh: false,
            rows: 0,
            state: JsValue::undefined(),
            prefix: Prefix::default(),
        }
    }

    /// Works until the orders end.
    pub fn run(mut self) {
        while let Ok(work) = self.queue.recv() {
            self.watch.working(true);
            match work {
                Work::Load(program) => self.load(&program),
                Work::Restore { rows, state } => self.restore(rows, state),
                Work::Fold(fold) => self.fold(fold),
                Work::Cancel => {
                    self.watch.take_cancel();
                    self.stopped();
                }
                // Left over from a fold that failed to start.
                Work::Events(items) => {
                    self.rows_ahead = items.into_iter();
                    self.drop_rows_ahead();
                }
            }
            self.flush();
            self.watch.working(false);
        }
    }

    pub fn flush(&mut self) {
        self.output.write(&mut self.frames);
    }

    pub fn report(&mut self, report: &Report) {
        report.put(&mut self.frames);
    }

    pub fn note(&mut self, row: u64, what: NoteKind) {
        self.report(&Report::Note { row, what });
    }

    pub fn never_mutates(&self) -> bool {
        self.program.as_ref().is_some_and(|p| p.never_mutates)
    }

    /// True when nothing but the state goes from one event to the next: any context will do.
    pub fn keeps_nothing(&self) -> bool {
        self.program
            .as_ref()
            .is_some_and(|p| p.remembers.is_empty())
    }

    fn load(&mut self, program: &[u8]) {
        let loaded = match serde_json::from_slice(program) {
            Ok(program) => {
                self.program = Some(program);
                self.make_sandbox()
            }
            Err(error) => Err(Thrown::text(&error.to_string())),
        };
        let report = match loaded {
            Ok(form) => Report::Loaded(form),
            Err(Thrown { message, stack }) => Report::LoadFailed { message, stack },
        };
        self.report(&report);
    }

    /// A sandbox of its own for what follows, so that nothing a module keeps to itself is carried over.
    pub fn make_sandbox(&mut self) -> Result<Form, Thrown> {
        self.state = JsValue::undefined();
        self.sandbox = None;
        let Some(program) = &self.program else {
            return Err(Thrown::text("no program was loaded"));
        };
        self.watch.begin(None, LOADING.into());
        let made = Sandbox::new(program);
        self.watch.end();
        let sandbox = made?;
        let form = sandbox.processor.form;
        self.sandbox = Some(sandbox);
        self.fresh = true;
        self.rows = 0;
        self.initial();
        Ok(form)
    }

    fn initial(&mut self) {
        let Some(sandbox) = &mut self.sandbox else {
            return;
        };
        // The text was written by ourselves.
        if let Some(text) = sandbox.processor.initial.clone()
            && let Ok(tape) = scan(text, None)
        {
            self.state = build(&tape, &Keys::default(), &mut sandbox.context);
        }
    }

    fn restore(&mut self, rows: u64, state: Option<Result<Tape, ScanError>>) {
        let array = self
            .sandbox
            .as_ref()
            .is_some_and(|s| s.processor.form == Form::Array);
        if array {
            // An array processor starts from nothing at every call.
            self.rows = rows;
            return;
        }
        if !self.fresh
            && !self.keeps_nothing()
            && let Err(Thrown { message, .. }) = self.make_sandbox()
        {
            self.report(&Report::Failed(message));
            return;
        }
        self.rows = rows;
        self.state = JsValue::undefined();
        if rows == 0 {
            self.initial();
            return;
        }
        match (state, &mut self.sandbox) {
            (Some(Ok(tape)), Some(sandbox)) => {
                self.state = build(&tape, &Keys::default(), &mut sandbox.context);
            }
            (Some(Err(error)), _) => {
                let message = format!("the state to restore is not JSON: {error}");
                self.report(&Report::Failed(message));
            }
            _ => {}
        }
    }

    fn fold(&mut self, fold: Fold) {
        let Some(form) = self.sandbox.as_ref().map(|s| s.processor.form) else {
            self.report(&Report::Failed("no program was loaded".into()));
            return;
        };
        self.fresh = false;
        match form {
            Form::Incremental => self.fold_incremental(fold),
            Form::Array => self.fold_array(fold),
        }
    }

    /// The next row of the running fold.
    pub fn next_row(&mut self, row: u64) -> Row {
        if self.watch.is_cancelled() {
            return Row::Cancel;
        }
        loop {
            if let Some(item) = self.rows_ahead.next() {
                self.keys.extend(&item.keys);
                let Some((tape, millis)) = item.event else {
                    return Row::Skip;
                };
                // A line that is no JSON is the log's to complain of; this one is an event.
                if let Err(ScanError::TooDeep) = tape {
                    let message = format!("RangeError: the event: {}", ScanError::TooDeep);
                    let stack = String::new();
                    self.note(row, NoteKind::Threw { message, stack });
                }
                return Row::Event(tape.ok(), millis);
            }
            match self.queue.recv() {
                Ok(Work::Events(items)) => self.rows_ahead = items.into_iter(),
                Ok(Work::Cancel) => {
                    self.watch.take_cancel();
                    return Row::Cancel;
                }
                Ok(_) => {}
                // The orders have ended: so will the process.
                Err(_) => std::process::exit(0),
            }
        }
    }

    /// Gives back a tape.
    pub fn spend(&mut self, tape: Tape) {
        const AT_ONCE: usize = 64;
        const MOST_BYTES: usize = 64 << 10;
        if tape.source.capacity() <= MOST_BYTES {
            self.used.push(tape);
        }
        if self.used.len() >= AT_ONCE {
            let used = std::mem::replace(&mut self.used, Vec::with_capacity(AT_ONCE));
            // Nobody reads any more: nobody needs them.
            let _ = self.spent.send(used);
        }
    }

    /// Passes over rows that nobody will fold; their keys are numbered all the same.
    fn drop_rows_ahead(&mut self) {
        for item in self.rows_ahead.by_ref() {
            self.keys.extend(&item.keys);
        }
    }

    /// Ends a fold that was cancelled: drops what was sent ahead and answers.
    pub fn stopped(&mut self) {
        self.drop_rows_ahead();
        while self.watch.is_cancelled() {
            match self.queue.recv() {
                Ok(Work::Cancel) => self.watch.take_cancel(),
                Ok(Work::Events(items)) => {
                    self.rows_ahead = items.into_iter();
                    self.drop_rows_ahead();
                }
                Ok(_) => {}
                Err(_) => std::process::exit(0),
            }
        }
        self.report(&Report::Stopped { rows: self.rows });
        self.flush();
    }

    /// The state as text.
    pub fn text(&mut self) -> Option<String> {
        let sandbox = self.sandbox.as_mut()?;
        if self.state.is_undefined() {
            return None;
        }
        let mut text = Vec::new();
        write::value(&mut text, &self.state, &mut sandbox.layouts);
        // The writer gives UTF-8.
        String::from_utf8(text).ok()
    }
}
