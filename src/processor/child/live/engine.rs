//! The event loop of a live worker: orders, timers and microtasks, one at a time.

use super::super::array::Prefix;
use super::super::output::Output;
use super::super::watchdog::Watch;
use super::hook::Running;
use crate::processor::child::incremental::Call;
use crate::processor::frames::live::{Answer, Load, Report};
use crate::processor::json::build::{Keys, build};
use crate::processor::json::tape::{ScanError, Tape, scan};
use crate::processor::json::write;
use crate::processor::limits::LOADING;
use crate::processor::program::Program;
use crate::processor::sandbox::outlet::Outlet;
use crate::processor::sandbox::{Sandbox, Thrown};
use crate::replay::reducer::Form;
use boa_engine::builtins::promise::PromiseState;
use boa_engine::object::builtins::JsPromise;
use boa_engine::{JsError, JsValue};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

/// Orders, parsed as far as can be done off this thread.
pub enum Work {
    Load(Load),
    Restore {
        offset: u64,
        state: Option<Result<Tape, ScanError>>,
    },
    Event {
        offset: u64,
        hook: bool,
        keys: Vec<Box<[u8]>>,
        tape: Result<Tape, ScanError>,
        millis: i64,
    },
    Skip {
        offset: u64,
    },
    Answer {
        id: u64,
        answer: Answer,
    },
    Keep,
}

enum Task {
    Work(Box<Work>),
    Timer,
}

/// The engine and what it keeps.
pub struct Engine {
    output: Output,
    pub watch: Arc<Watch>,
    queue: Receiver<Work>,
    pub outlet: Rc<Outlet>,
    pub keys: Keys,
    pub program: Option<Program>,
    pub sandbox: Option<Sandbox>,
    pub call: Option<Call>,
    /// Time that a hook's code may run in one go.
    turn_timeout: Duration,
    /// Offset of the last event in the state.
    pub offset: u64,
    /// As in the replaying engine.
    pub state: JsValue,
    pub prefix: Prefix,
    pub running: Option<Running>,
    /// The last task was an order: a timer that is due goes first now.
    timers_turn: bool,
}

impl Engine {
    pub fn new(output: Output, watch: Arc<Watch>, queue: Receiver<Work>) -> Engine {
        Engine {
            output,
            watch,
            queue,
            outlet: Rc::default(),
            keys: Keys::default(),
            program: None,
            sandbox: None,
            call: None,
            turn_timeout: Duration::MAX,
            offset: 0,
            state: JsValue::undefined(),
            prefix: Prefix::default(),
            running: None,
            timers_turn: false,
        }
    }

    /// Works until the orders end.
    pub fn run(mut self) {
        self.watch.working(true);
        while let Some(task) = self.next_task() {
            match task {
                Task::Timer => self.act(|engine| {
                    let Some(sandbox) = &mut engine.sandbox else {
                        return Ok(());
                    };
                    engine.outlet.run_timer(&mut sandbox.context)
                }),
                Task::Work(work) => self.work(*work),
            }
            self.look_at_hook();
            if self.watch.take_pressure() {
                boa_engine::gc::force_collect();
            }
        }
    }

    /// What is to be done next; sleeps until there is something. `None`: the orders have ended.
    fn next_task(&mut self) -> Option<Task> {
        let is_due = |at: Instant| at <= Instant::now();
        loop {
            let timer = self.outlet.next_timer();
            if timer.is_some_and(is_due) && std::mem::take(&mut self.timers_turn) {
                return Some(Task::Timer);
            }
            match self.queue.try_recv() {
                Ok(work) => {
                    self.timers_turn = true;
                    if self.outlet.is_full() {
                        self.flush();
                    }
                    return Some(Task::Work(work.into()));
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return None,
            }
            let wait = timer.map(|at| at.saturating_duration_since(Instant::now()));
            if wait.is_some_and(|wait| wait.is_zero()) {
                return Some(Task::Timer);
            }
            self.flush();
            self.watch.working(false);
            let received = match wait {
                None => self
                    .queue
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => self.queue.recv_timeout(wait),
            };
            self.watch.working(true);
            match received {
                Ok(work) => {
                    self.timers_turn = true;
                    return Some(Task::Work(work.into()));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    pub fn flush(&mut self) {
        let mut frames = self.outlet.frames.borrow_mut();
        if !frames.is_empty() {
            self.output.write(&mut frames);
        }
    }

    fn work(&mut self, work: Work) {
        match work {
            Work::Load(load) => self.load(load),
            Work::Restore { offset, state } => self.restore(offset, state),
            Work::Event {
                offset,
                hook,
                keys,
                tape,
                millis,
            } => {
                self.keys.extend(&keys);
                self.event(offset, hook, tape.ok(), millis);
            }
            Work::Skip { offset } => {
                self.offset = offset;
                let failure = None;
                self.outlet.report(&Report::Folded { offset, failure });
            }
            Work::Answer { id, answer } => self.act(|engine| {
                let Some(sandbox) = &mut engine.sandbox else {
                    return Ok(());
                };
                engine.outlet.answer(id, answer, &mut sandbox.context)
            }),
            Work::Keep => self.keep(),
        }
    }

    /// Runs code of hooks, then all microtasks, under the watch.
    pub fn act(&mut self, code: impl FnOnce(&mut Engine) -> Result<(), JsError>) {
        let Some(sandbox) = &self.sandbox else { return };
        sandbox.ambient.act();
        self.watch
            .begin_hook(self.outlet.cause.get(), self.turn_timeout);
        let mut failed = code(self).err();
        if let Some(sandbox) = &mut self.sandbox {
            // One job's failure stops no other.
            loop {
                if let Some(error) = failed.take() {
                    self.outlet.stray(error, &mut sandbox.context);
                }
                match sandbox.context.run_jobs() {
                    Ok(()) => break,
                    Err(error) => failed = Some(error),
                }
            }
            sandbox.context.clear_kept_objects();
            for promise in self.outlet.take_rejected() {
                if let Ok(promise) = JsPromise::from_object(promise)
                    && let PromiseState::Rejected(reason) = promise.state()
                {
                    let error = JsError::from_opaque(reason);
                    self.outlet.stray(error, &mut sandbox.context);
                }
            }
        }
        self.watch.end();
    }

    fn load(&mut self, load: Load) {
        self.turn_timeout = load.turn_timeout;
        self.watch.begin(None, LOADING.into());
        let made = self.make(&load);
        self.watch.end();
        let report = match made {
            Ok(sandbox) => {
                let processor = &sandbox.processor;
                let report = Report::Loaded {
                    form: processor.form,
                    hooked: processor.after_append.is_some() || processor.on_event.is_some(),
                };
                self.sandbox = Some(sandbox);
                report
            }
            Err(Thrown { message, stack }) => Report::LoadFailed { message, stack },
        };
        self.outlet.report(&report);
    }

    fn make(&mut self, load: &Load) -> Result<Sandbox, Thrown> {
        let unread = |error: serde_json::Error| Thrown::text(&error.to_string());
        let program: Program = serde_json::from_slice(&load.program).map_err(unread)?;
        let env: std::collections::BTreeMap<String, String> =
            serde_json::from_slice(&load.env).map_err(unread)?;
        let env: Vec<_> = env.into_iter().collect();
        let mut sandbox = Sandbox::live(&program, self.outlet.clone(), &env)?;
        self.program = Some(program);
        self.call = Some(Call::new(&mut sandbox));
        if let Some(text) = sandbox.processor.initial.clone()
            && let Ok(tape) = scan(text, None)
        {
            self.state = build(&tape, &Keys::default(), &mut sandbox.context);
        }
        Ok(sandbox)
    }

    fn restore(&mut self, offset: u64, state: Option<Result<Tape, ScanError>>) {
        self.offset = offset;
        let Some(sandbox) = &mut self.sandbox else {
            return;
        };
        self.state = match state {
            None => JsValue::undefined(),
            Some(Ok(tape)) => build(&tape, &Keys::default(), &mut sandbox.context),
            Some(Err(error)) => {
                let message = format!("the state to restore is not JSON: {error}");
                self.outlet.report(&Report::Failed(message));
                return;
            }
        };
    }

    fn keep(&mut self) {
        let quiet = self.outlet.is_quiet() && self.running.is_none();
        let state = match &mut self.sandbox {
            Some(sandbox)
                if sandbox.processor.form == Form::Incremental && !self.state.is_undefined() =>
            {
                let mut text = Vec::new();
                write::value(&mut text, &self.state, &mut sandbox.layouts);
                // The writer gives UTF-8.
                String::from_utf8(text).ok()
            }
            _ => None,
        };
        let offset = self.offset;
        self.outlet.report(&Report::Kept {
            offset,
            state,
            quiet,
        });
    }
}
