//! A processor whose hooks run: a child process (`evtui __box live`, see [`super::child`]) with a way
//! outside, brought back after each death with its state rebuilt from the stream.
//!
//! A worker stands at an offset: everything up to it is in its state, and the hooks of everything up
//! to it have run or were not to be run. It is given one event at a time, in order. Its process may
//! end at any time, by itself, by a limit or by [`Worker::rest`]; the next event starts another from
//! a state kept here, or from the beginning.

pub mod egress;
pub mod fetch;
mod outcome;
pub mod outside;
mod process;
pub mod secrets;
mod serve;

pub use crate::replay::reducer::NoteKind;
pub use outcome::{Failure, Outcome, WorkerError};
pub use outside::{Append, Outside, Refused};

use self::fetch::{Fetcher, Gateway};
use self::process::{Gone, Process};
use super::frames::Death;
use super::frames::live::{Load, Order, Report, put_event};
use super::limits::LOADING;
use super::process::cause;
use super::program::Program;
use super::source::Positions;
use crate::replay::reducer::{Form, State};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// What a worker may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time one reduction may take.
    pub reduce_timeout: Duration,
    /// Time one hook may take, from its call until its promise is settled (`--hook-timeout`).
    pub hook_timeout: Duration,
    /// Resident bytes the worker's process may use.
    pub memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            reduce_timeout: Duration::from_secs(2),
            hook_timeout: Duration::from_secs(300),
            memory: 512 << 20,
        }
    }
}

/// What makes a worker.
#[derive(Clone)]
pub struct Config {
    /// This program's own binary.
    pub exe: PathBuf,
    /// The processor.
    pub program: Arc<Program>,
    /// Its limits.
    pub limits: Limits,
    /// `process.env`.
    pub env: BTreeMap<String, String>,
    /// Its `outboundGateway`.
    pub gateway: Option<Gateway>,
    /// Makes its requests.
    pub fetcher: Arc<Fetcher>,
    /// All else that it reaches.
    pub outside: Arc<dyn Outside>,
}

/// How much longer than its limit a reduction may take before the process is ended from here: its own
/// watchdog knows more about it, and counts no time in which a busy machine did not let it work.
const GRACE: Duration = Duration::from_secs(60);
/// How often a state is kept while events are folded, to come back to after a death.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// Of the time spent, this part at most goes into keeping states (one in so many).
const KEEP_SHARE: u32 = 10;
/// Events and bytes sent ahead of the reducer while catching up.
const CHUNK_EVENTS: usize = 1024;
const CHUNK_BYTES: usize = 256 << 10;

/// A live worker. Dropping it ends its process.
pub struct Worker {
    config: Config,
    process: Option<Process>,
    form: Option<Form>,
    hooked: bool,
    /// Offset of the last event in the process's state.
    at: u64,
    /// A state to start from: the offset of the last event in it, and it.
    kept: (u64, State),
    kept_at: Instant,
    keep_cost: Duration,
    /// Events that no reduction is tried with again.
    bad: BTreeSet<u64>,
    /// The event at which the process last ended without a word. It may have been ended from outside:
    /// only the second time it is the event's doing.
    suspect: Option<u64>,
    positions: Option<Positions>,
}

/// The process died while something was waited for.
struct Died {
    offset: Option<u64>,
    hook: bool,
    what: NoteKind,
}

impl Worker {
    /// A worker that stands before the first event. Its process starts when first needed.
    #[must_use]
    pub fn new(config: Config) -> Worker {
        Worker {
            config,
            process: None,
            form: None,
            hooked: true,
            at: 0,
            kept: (0, None),
            kept_at: Instant::now(),
            keep_cost: Duration::ZERO,
            bad: BTreeSet::new(),
            suspect: None,
            positions: None,
        }
    }

    /// Starts the process and loads the code, if that is not done.
    ///
    /// # Errors
    /// [`WorkerError`].
    pub async fn load(&mut self) -> Result<Form, WorkerError> {
        if let (Some(_), Some(form)) = (&self.process, self.form) {
            return Ok(form);
        }
        let config = &self.config;
        let mut process = Process::start(
            &config.exe,
            config.outside.clone(),
            config.fetcher.clone(),
            config.gateway.clone(),
        )
        .map_err(|error| {
            WorkerError::Engine(format!(
                "cannot start the worker's box {} __box: {error}",
                config.exe.display()
            ))
        })?;
        let json = |e: serde_json::Error| WorkerError::Load(e.to_string());
        let load = Load {
            reduce_timeout: config.limits.reduce_timeout,
            turn_timeout: config.limits.hook_timeout,
            memory: config.limits.memory,
            program: serde_json::to_vec(&*config.program).map_err(json)?,
            env: serde_json::to_vec(&config.env).map_err(json)?,
        };
        // A process that is gone is found out about by its last words.
        let _ = process.order(&Order::Load(load)).await;
        let (form, hooked) = self.loaded(&mut process).await?;
        if form == Form::Incremental && self.kept.0 > 0 {
            let (offset, state) = self.kept.clone();
            let state = state.map(|text| text.as_bytes().to_vec());
            let _ = process.order(&Order::Restore { offset, state }).await;
            self.at = offset;
        } else {
            self.at = 0;
        }
        (self.form, self.hooked) = (Some(form), hooked);
        self.process = Some(process);
        Ok(form)
    }

    async fn loaded(&mut self, process: &mut Process) -> Result<(Form, bool), WorkerError> {
        let limits = self.config.limits;
        let allowed = limits.reduce_timeout * LOADING;
        let deadline = Instant::now() + allowed + GRACE;
        let too_long = || {
            WorkerError::Load(format!(
                "loading it took longer than {allowed:?} and was stopped: is there an endless loop at its top level?"
            ))
        };
        loop {
            let report = timeout_at(deadline, process.report()).await;
            return match report.map_err(|_| too_long())? {
                Ok(Report::Loaded { form, hooked }) => Ok((form, hooked)),
                Ok(Report::LoadFailed { message, stack }) => {
                    let stack = self.map_stack(&stack);
                    Err(WorkerError::Load(if stack.is_empty() {
                        message
                    } else {
                        format!("{message}\n{stack}")
                    }))
                }
                Ok(Report::Died { why, .. }) => Err(match why {
                    Death::Time => too_long(),
                    Death::Memory => WorkerError::Load(format!(
                        "loading it needed more than {} MiB of memory and was stopped",
                        limits.memory >> 20
                    )),
                }),
                Ok(_) => continue,
                Err(Gone) => Err(WorkerError::Engine(format!(
                    "the worker's box ended while loading: {}",
                    process.obituary().await
                ))),
            };
        }
    }

    /// Makes the state that of everything up to and including `to`, running no hook. What fails to
    /// be reduced leaves the state as it was.
    ///
    /// # Errors
    /// [`WorkerError`].
    pub async fn catch_up(&mut self, to: u64) -> Result<(), WorkerError> {
        loop {
            self.load().await?;
            if self.at > to {
                // Only by a mistake of whoever asks; a state cannot go back but from its beginning.
                self.process = None;
                self.kept = (0, None);
                continue;
            }
            if self.at == to {
                return Ok(());
            }
            match self.fold(to).await {
                Ok(()) => {}
                Err(Ended::Died(died)) => self.bury(died)?,
                Err(Ended::Error(error)) => return Err(error),
            }
        }
    }

    /// Folds one chunk of history.
    async fn fold(&mut self, to: u64) -> Result<(), Ended> {
        let events = self.config.outside.history(self.at + 1).await;
        let events = events.map_err(|e| Ended::Error(WorkerError::History(e.message)))?;
        if events.is_empty() {
            let missing = format!("there is no event {}", self.at + 1);
            return Err(Ended::Error(WorkerError::History(missing)));
        }
        let room = usize::try_from(to - self.at).unwrap_or(usize::MAX);
        let mut events = events.into_iter().take(room).peekable();
        while events.peek().is_some() {
            let mut frames = Vec::new();
            let mut last = self.at;
            while last - self.at < CHUNK_EVENTS as u64
                && frames.len() < CHUNK_BYTES
                && let Some(event) = events.next()
            {
                last += 1;
                if self.bad.contains(&last) && self.form == Some(Form::Incremental) {
                    Order::Skip { offset: last }.put(&mut frames);
                } else {
                    put_event(&mut frames, last, false, &event);
                }
            }
            self.send(frames).await?;
            while self.at < last {
                self.folded(self.at + 1).await?;
            }
            self.keep_if_due().await?;
        }
        Ok(())
    }

    /// Gives the worker the next event: reduces it and runs its hook to the end. The offset must be
    /// greater than any given before; what lies between is caught up with.
    ///
    /// # Errors
    /// [`WorkerError`].
    pub async fn deliver(&mut self, offset: u64, event: &Bytes) -> Result<Outcome, WorkerError> {
        loop {
            self.catch_up(offset.saturating_sub(1)).await?;
            match self.try_deliver(offset, event).await {
                Ok(outcome) => return Ok(outcome),
                Err(Ended::Error(error)) => return Err(error),
                Err(Ended::Died(died)) => {
                    let limits = self.config.limits;
                    let failure = match (died.hook, died.offset == Some(offset)) {
                        // A hook's code, this one's or one left behind by an earlier one: the event
                        // was reduced, and what it had begun outside has begun.
                        (true, _) => Some(match &died.what {
                            NoteKind::TimedOut { .. } => Failure::TimedOut {
                                limit: limits.hook_timeout,
                            },
                            NoteKind::OutOfMemory { limit } => {
                                Failure::OutOfMemory { limit: *limit }
                            }
                            other => Failure::Crashed {
                                message: other.story(),
                            },
                        }),
                        (false, true) if self.is_excused(&died) => None,
                        (false, true) => {
                            let what = died.what.clone();
                            self.bury(died)?;
                            return Ok(Outcome::NotReduced(what));
                        }
                        (false, false) => None,
                    };
                    self.process = None;
                    match failure {
                        Some(failure) => return Ok(Outcome::HookFailed(failure)),
                        None => self.bury(died)?,
                    }
                }
            }
        }
    }

    async fn try_deliver(&mut self, offset: u64, event: &Bytes) -> Result<Outcome, Ended> {
        if self.bad.contains(&offset) {
            // It can only be tried again after a restart of the service, and then is tried.
            self.bad.remove(&offset);
        }
        let mut frames = Vec::with_capacity(event.len() + 32);
        put_event(&mut frames, offset, true, event);
        self.send(frames).await?;
        if let Some(what) = self.folded(offset).await? {
            return Ok(Outcome::NotReduced(self.mapped(what)));
        }
        let limit = self.config.limits.hook_timeout;
        let mut deadline = Instant::now() + limit;
        loop {
            let Some(process) = &mut self.process else {
                return Err(self.vanished().await);
            };
            match timeout_at(deadline, process.report()).await {
                Err(_) if self.config.outside.is_held() => deadline = Instant::now() + limit,
                Err(_) => {
                    return Err(Ended::Died(Died {
                        offset: Some(offset),
                        hook: true,
                        what: NoteKind::TimedOut { limit },
                    }));
                }
                Ok(Ok(Report::Hooked {
                    offset: done,
                    threw,
                })) if done == offset => {
                    self.keep_if_due().await?;
                    return Ok(match threw {
                        None => Outcome::Done,
                        Some((message, stack)) => Outcome::HookFailed(Failure::Threw {
                            message,
                            stack: self.map_stack(&stack),
                        }),
                    });
                }
                Ok(Ok(report)) => self.unexpected(report)?,
                Ok(Err(Gone)) => {
                    let mut ended = self.vanished().await;
                    if let Ended::Died(died) = &mut ended {
                        (died.offset, died.hook) = (Some(offset), true);
                    }
                    return Err(ended);
                }
            }
        }
    }

    /// Waits until this event is in the state, or failed to be.
    async fn folded(&mut self, offset: u64) -> Result<Option<NoteKind>, Ended> {
        let times = match self.form {
            Some(Form::Array) => offset / 10_000 + 1,
            _ => 1,
        };
        let limit = self.config.limits.reduce_timeout;
        let deadline = Instant::now() + limit * times as u32 + GRACE;
        loop {
            let Some(process) = &mut self.process else {
                return Err(self.vanished().await);
            };
            match timeout_at(deadline, process.report()).await {
                Err(_) => {
                    return Err(Ended::Died(Died {
                        offset: Some(offset),
                        hook: false,
                        what: NoteKind::TimedOut { limit },
                    }));
                }
                Ok(Ok(Report::Folded {
                    offset: done,
                    failure,
                })) => {
                    self.at = done;
                    if done == offset {
                        return Ok(failure);
                    }
                }
                Ok(Ok(report)) => self.unexpected(report)?,
                Ok(Err(Gone)) => return Err(self.vanished().await),
            }
        }
    }

    /// A report that was not waited for.
    fn unexpected(&self, report: Report) -> Result<(), Ended> {
        match report {
            Report::Died { offset, hook, why } => {
                let limits = self.config.limits;
                let what = match why {
                    Death::Time => NoteKind::TimedOut {
                        limit: limits.reduce_timeout,
                    },
                    Death::Memory => NoteKind::OutOfMemory {
                        limit: limits.memory,
                    },
                };
                Err(Ended::Died(Died { offset, hook, what }))
            }
            Report::Failed(message) => Err(Ended::Error(WorkerError::Engine(message))),
            _ => Ok(()),
        }
    }

    async fn send(&mut self, frames: Vec<u8>) -> Result<(), Ended> {
        let sent = match &self.process {
            Some(process) => process.send(frames).await,
            None => Err(Gone),
        };
        match sent {
            Ok(()) => Ok(()),
            Err(Gone) => Err(self.vanished().await),
        }
    }

    /// The process ended without a word.
    async fn vanished(&mut self) -> Ended {
        let message = match &mut self.process {
            Some(process) => process.obituary().await,
            None => "it was ended".into(),
        };
        let what = cause(message, self.config.limits.memory);
        Ended::Died(Died {
            offset: Some(self.at + 1),
            hook: false,
            what,
        })
    }

    /// True when an end without a word is the first at this event.
    fn is_excused(&self, died: &Died) -> bool {
        matches!(died.what, NoteKind::Crashed { .. }) && self.suspect != died.offset
    }

    /// Lets go of a process that died while reducing, and remembers of what.
    fn bury(&mut self, died: Died) -> Result<(), WorkerError> {
        self.process = None;
        if self.is_excused(&died) {
            self.suspect = died.offset;
            return Ok(());
        }
        let again = died.offset.is_some_and(|offset| !self.bad.insert(offset));
        if again && !died.hook {
            return Err(WorkerError::Engine(format!(
                "the worker's box keeps ending: {}",
                died.what.story()
            )));
        }
        Ok(())
    }

    async fn keep_if_due(&mut self) -> Result<(), Ended> {
        let every = KEEP_EVERY.max(self.keep_cost * KEEP_SHARE);
        if self.form == Some(Form::Array) || self.kept_at.elapsed() < every {
            return Ok(());
        }
        self.keep().await.map(|_| ())
    }

    /// Has the state told and keeps it; true when nothing is going on in the process.
    async fn keep(&mut self) -> Result<bool, Ended> {
        let start = Instant::now();
        let mut frame = Vec::new();
        Order::Keep.put(&mut frame);
        self.send(frame).await?;
        let deadline = start + self.config.limits.hook_timeout + GRACE;
        loop {
            let Some(process) = &mut self.process else {
                return Err(self.vanished().await);
            };
            match timeout_at(deadline, process.report()).await {
                Ok(Ok(Report::Kept {
                    offset,
                    state,
                    quiet,
                })) => {
                    if self.form == Some(Form::Incremental) {
                        self.kept = (offset, state.map(Into::into));
                    }
                    self.kept_at = Instant::now();
                    self.keep_cost = start.elapsed();
                    return Ok(quiet);
                }
                Ok(Ok(report)) => self.unexpected(report)?,
                Ok(Err(Gone)) | Err(_) => return Err(self.vanished().await),
            }
        }
    }

    /// Ends the process if nothing is going on in it; its state is kept here, and the next event
    /// starts another. True when there is no process any more.
    pub async fn rest(&mut self) -> bool {
        if self.process.is_none() {
            return true;
        }
        // One that cannot tell is as good as gone.
        if let Ok(false) = self.keep().await {
            return false;
        }
        self.process = None;
        true
    }

    /// False when the code has no hook, so that nothing would come of delivering events to it. Known
    /// once it was loaded.
    #[must_use]
    pub fn has_hook(&self) -> bool {
        self.hooked
    }

    /// The number of the process, while there is one.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::id)
    }

    fn mapped(&mut self, what: NoteKind) -> NoteKind {
        match what {
            NoteKind::Threw { message, stack } => NoteKind::Threw {
                message,
                stack: self.map_stack(&stack),
            },
            other => other,
        }
    }

    fn map_stack(&mut self, stack: &str) -> String {
        let program = &self.config.program;
        let positions = self
            .positions
            .get_or_insert_with(|| Positions::new(program));
        positions.map_stack(stack)
    }
}

/// Why something that was waited for did not come.
enum Ended {
    Died(Died),
    Error(WorkerError),
}
