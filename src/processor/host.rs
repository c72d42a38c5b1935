//! The reducer that the time machine sees: a processor in a child process (see [`super::child`]),
//! brought back after each death and kept from dying of the same event twice.

mod feed;
mod known;
mod process;

use self::feed::{Delivery, Feed};
use self::known::Known;
use self::process::{Gone, Process};
use super::frames::{Death, Order, Report};
use super::limits::{LOADING, Limits};
use super::process::cause;
use super::program::Program;
use super::source::Positions;
use crate::replay::reducer::{FoldRequest, Folded, Form, NoteKind, Reducer, ReducerError, State};
use std::cell::OnceCell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long the reducer may take to answer a cancel before its process is killed.
const CANCEL_GRACE: Duration = Duration::from_millis(100);
/// A report is looked for this often while there is nothing to send.
const LOOK: Duration = Duration::from_millis(10);
/// Without keyframes asked for, one is still kept this often, to come back to after a death.
const OWN_KEYFRAMES: Duration = Duration::from_millis(250);
/// So many runaway rows in a row and folding stops for good.
const MAX_RUNAWAYS: usize = 5;

/// A processor in a box of its own.
pub struct BoxReducer {
    exe: PathBuf,
    program: Program,
    limits: Limits,
    form: Option<Form>,
    process: Option<Process>,
    /// Rows in the state we stand at.
    rows: usize,
    /// Rows in the state the process stands at; `None` when it must be told where to stand.
    at: Option<usize>,
    /// Rows of the array form that the process has been given.
    fed: usize,
    known: Known,
    /// Decoded when something is first thrown.
    positions: OnceCell<Positions>,
}

/// Why an attempt to fold ended without a result.
enum Ended {
    Error(ReducerError),
    /// The process died; of this row, as far as is known.
    Died(Option<(usize, NoteKind)>),
}

impl From<Gone> for Ended {
    fn from(_: Gone) -> Self {
        Ended::Died(None)
    }
}

impl BoxReducer {
    /// A reducer for `program`. `exe` is this program's own binary, started as `exe __box` when first
    /// needed.
    #[must_use]
    pub fn new(exe: PathBuf, program: Program, limits: Limits) -> BoxReducer {
        BoxReducer {
            exe,
            program,
            limits,
            form: None,
            process: None,
            rows: 0,
            at: None,
            fed: 0,
            known: Known::default(),
            positions: OnceCell::new(),
        }
    }

    /// Starts and loads the process if there is none.
    fn process(&mut self) -> Result<(&mut Process, Form), ReducerError> {
        let mut process = match (self.process.take(), self.form) {
            (Some(process), Some(form)) => return Ok((self.process.insert(process), form)),
            _ => Process::start(&self.exe).map_err(|error| {
                ReducerError::Engine(format!(
                    "cannot start the processor's box {} __box: {error}",
                    self.exe.display()
                ))
            })?,
        };
        let form = self.load(&mut process)?;
        self.form = Some(form);
        self.at = Some(0);
        self.fed = 0;
        Ok((self.process.insert(process), form))
    }

    fn load(&self, process: &mut Process) -> Result<Form, ReducerError> {
        let program = serde_json::to_vec(&self.program)
            .map_err(|error| ReducerError::Load(error.to_string()))?;
        let order = Order::Load {
            timeout: self.limits.reduce_timeout,
            memory: self.limits.reduce_memory,
            program,
        };
        let sent = process.order(&order);
        loop {
            // The child's own watchdog bounds the wait.
            let report = match &sent {
                Ok(()) => process.report(Duration::from_secs(3600)),
                Err(_) => process.report(Duration::ZERO),
            };
            return match report {
                Ok(Some(Report::Loaded(form))) => Ok(form),
                Ok(Some(Report::LoadFailed { message, stack })) => {
                    let stack = self.map_stack(&stack);
                    Err(ReducerError::Load(if stack.is_empty() {
                        message
                    } else {
                        format!("{message}\n{stack}")
                    }))
                }
                Ok(Some(Report::Died { why, .. })) => {
                    let name = self.program.modules.first().map_or("", |m| m.name.as_str());
                    Err(ReducerError::Load(match why {
                        Death::Time => format!(
                            "loading {name} took longer than {:?} and was stopped: is there an endless loop at its top level? (--reduce-timeout)",
                            self.limits.reduce_timeout * LOADING
                        ),
                        Death::Memory => format!(
                            "loading {name} needed more than {} bytes of memory and was stopped (--reduce-memory)",
                            self.limits.reduce_memory
                        ),
                    }))
                }
                Ok(Some(_)) => continue,
                Ok(None) | Err(Gone) => Err(ReducerError::Engine(format!(
                    "the processor's box ended while loading: {}",
                    process.obituary()
                ))),
            };
        }
    }

    fn map_stack(&self, stack: &str) -> String {
        let positions = self.positions.get_or_init(|| Positions::new(&self.program));
        positions.map_stack(stack)
    }

    fn mapped(&self, what: NoteKind) -> NoteKind {
        match what {
            NoteKind::Threw { message, stack } => NoteKind::Threw {
                message,
                stack: self.map_stack(&stack),
            },
            other => other,
        }
    }

    /// One try at a fold, in one process's life.
    fn attempt(
        &mut self,
        request: &mut FoldRequest<'_>,
        delivery: &mut Delivery,
        careful: bool,
    ) -> Result<Folded, Ended> {
        let to = request.to;
        let (_, form) = self.process().map_err(Ended::Error)?;
        let start = self.stand(request, form)?;
        let want_previous = request.want_previous
            && to > 0
            && !(form == Form::Array && self.known.bad.contains_key(&(to.wrapping_sub(2))));
        let limits = self.limits;
        let Some(process) = self.process.as_mut() else {
            return Err(Ended::Died(None));
        };
        self.at = None;
        process.order(&Order::Fold {
            to: to as u64,
            keyframe_every: request.keyframe_every.unwrap_or(OWN_KEYFRAMES),
            want_previous,
            careful,
        })?;
        if start == 0 && form == Form::Incremental && !self.program.remembers.is_empty() {
            let names = self.program.remembers.join(", ");
            let api = format!("memory outside its state ({names})");
            delivery.note(0, NoteKind::Impure { api });
        }
        let mut feed = Feed::new(start, to);
        let mut starting = None;
        loop {
            if request.cancel.is_cancelled() {
                return Err(self.cancelled(delivery, request));
            }
            let Some(process) = self.process.as_mut() else {
                return Err(Ended::Died(None));
            };
            // A broken pipe is found out about below, after the last words are read.
            // A runaway of the array form is a call of that length; its event belongs to longer ones.
            let bad = &self.known.bad;
            let left_out = |row| form == Form::Incremental && bad.contains_key(&row);
            let fed = feed.feed(process, request.log, left_out);
            let wait = if fed && feed.has_room() {
                Duration::ZERO
            } else {
                LOOK
            };
            let report = match process.report(wait) {
                Ok(Some(report)) => report,
                Ok(None) => continue,
                Err(Gone) => {
                    let what = cause(process.obituary(), limits.reduce_memory);
                    return Err(Ended::Died(starting.map(|row| (row, what))));
                }
            };
            match report {
                Report::Progress { rows } => {
                    feed.done(rows as usize);
                    if rows as usize <= delivery.rows() {
                        request.sink.progress(rows as usize);
                    }
                    delivery.progress(rows as usize, &self.known, request);
                }
                Report::Keyframe { rows, state } => {
                    let state: State = state.map(Into::into);
                    self.known.keep(rows as usize, state.clone());
                    if request.keyframe_every.is_some() {
                        delivery.keyframe(rows as usize, state, &self.known, request);
                    }
                }
                Report::Note { row, what } => {
                    let what = self.mapped(what);
                    delivery.note(row as usize, what);
                }
                Report::Starting { row } => starting = Some(row as usize),
                Report::Done { state, previous } => {
                    let state: State = state.map(Into::into);
                    if form == Form::Incremental {
                        self.known.keep(to, state.clone());
                    }
                    delivery.progress(to, &self.known, request);
                    self.at = Some(to);
                    self.rows = to;
                    self.fed = self.fed.max(to);
                    let previous = match previous {
                        Some(previous) => Some(previous.map(Into::into)),
                        None => (request.want_previous && to > 0).then_some(None),
                    };
                    return Ok(Folded { state, previous });
                }
                Report::Died { row, why } => {
                    let what = match why {
                        Death::Time => NoteKind::TimedOut {
                            limit: limits.reduce_timeout,
                        },
                        Death::Memory => NoteKind::OutOfMemory {
                            limit: limits.reduce_memory,
                        },
                    };
                    return Err(Ended::Died(row.map(|row| (row as usize, what))));
                }
                Report::Failed(message) => {
                    return Err(Ended::Error(ReducerError::Engine(message)));
                }
                Report::Loaded(_) | Report::LoadFailed { .. } | Report::Stopped { .. } => {}
            }
        }
    }

    /// Makes the process stand where the fold can start; gives the first row it must be sent.
    fn stand(&mut self, request: &FoldRequest<'_>, form: Form) -> Result<usize, Ended> {
        let before = request
            .to
            .saturating_sub(usize::from(request.want_previous));
        if form == Form::Array {
            return Ok(self.fed);
        }
        if let Some(at) = self.at
            && at == self.rows
            && at <= before
        {
            return Ok(at);
        }
        let (rows, state) = if self.starts_over() {
            (0, None)
        } else {
            self.known.at_most(self.rows.min(before))
        };
        let Some(process) = self.process.as_mut() else {
            return Err(Ended::Died(None));
        };
        process.order(&Order::Restore {
            rows: rows as u64,
            state: state.map(|text| text.as_bytes().to_vec()),
        })?;
        Ok(rows)
    }

    /// Ends a cancelled fold: politely if the reducer comes to an end soon, else by killing it.
    fn cancelled(&mut self, delivery: &mut Delivery, request: &mut FoldRequest<'_>) -> Ended {
        let until = Instant::now() + CANCEL_GRACE;
        let mut stopped = None;
        if let Some(process) = self.process.as_mut()
            && process.order(&Order::Cancel).is_ok()
        {
            while stopped.is_none() {
                let left = until.saturating_duration_since(Instant::now());
                match process.report(left) {
                    Ok(Some(Report::Stopped { rows })) => stopped = Some(rows as usize),
                    Ok(Some(Report::Progress { rows })) => {
                        delivery.progress(rows as usize, &self.known, request);
                    }
                    Ok(Some(Report::Keyframe { rows, state })) => {
                        self.known.keep(rows as usize, state.map(Into::into));
                    }
                    Ok(Some(_)) => {}
                    Ok(None) | Err(Gone) => break,
                }
            }
        }
        match (stopped, self.form) {
            // What the array form was given by then is not known here: it starts anew.
            (Some(rows), Some(Form::Incremental)) => {
                self.rows = rows;
                self.at = Some(rows);
            }
            _ => {
                self.process = None;
                self.rows = delivery.rows();
            }
        }
        Ended::Error(ReducerError::Cancelled)
    }

    /// Remembers a row that killed its process.
    fn blame(&mut self, row: usize, what: NoteKind) -> Result<(), ReducerError> {
        let message = what.story();
        self.known.bad.insert(row, what);
        let runaways = (0..MAX_RUNAWAYS)
            .take_while(|back| {
                row.checked_sub(*back)
                    .is_some_and(|row| self.known.bad.contains_key(&row))
            })
            .count();
        if runaways >= MAX_RUNAWAYS && self.form == Some(Form::Incremental) {
            return Err(ReducerError::GaveUp {
                row,
                runaways,
                message,
            });
        }
        Ok(())
    }
}

impl Reducer for BoxReducer {
    fn form(&mut self) -> Result<Form, ReducerError> {
        match self.form {
            Some(form) => Ok(form),
            None => self.process().map(|(_, form)| form),
        }
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn starts_over(&self) -> bool {
        !self.program.remembers.is_empty()
    }

    fn restore(&mut self, rows: usize, state: &State) -> Result<(), ReducerError> {
        self.rows = rows;
        if self.form()? == Form::Incremental {
            self.known.keep(rows, state.clone());
            self.at = None;
        }
        Ok(())
    }

    fn fold(&mut self, mut request: FoldRequest<'_>) -> Result<Folded, ReducerError> {
        let form = self.form()?;
        let to = request.to;
        let mut delivery = Delivery::new(self.rows.min(to));
        if form == Form::Array {
            delivery = Delivery::new(to.saturating_sub(1));
        }
        let mut careful = false;
        loop {
            if form == Form::Array
                && let Some(last) = to.checked_sub(1)
                && self.known.bad.contains_key(&last)
            {
                // Known to run away: there is no state to be had here.
                delivery.progress(to, &self.known, &mut request);
                self.rows = to;
                return Ok(Folded {
                    state: None,
                    previous: request.want_previous.then_some(None),
                });
            }
            match self.attempt(&mut request, &mut delivery, careful) {
                Ok(folded) => return Ok(folded),
                Err(Ended::Error(error)) => {
                    if !matches!(error, ReducerError::Cancelled) {
                        self.process = None;
                    }
                    return Err(error);
                }
                Err(Ended::Died(blamed)) => {
                    self.process = None;
                    self.at = None;
                    delivery.forget_unfinished();
                    match blamed {
                        Some((row, what)) => {
                            careful = false;
                            let gave_up = self.blame(row, what);
                            if gave_up.is_err() {
                                delivery.progress(row + 1, &self.known, &mut request);
                                self.rows = row + 1;
                            }
                            gave_up?;
                        }
                        // Once more, saying before each row that it comes.
                        None if !careful && form == Form::Incremental => careful = true,
                        None => {
                            return Err(ReducerError::Engine(
                                "the processor's box keeps ending before it reduces anything"
                                    .into(),
                            ));
                        }
                    }
                }
            }
        }
    }
}
