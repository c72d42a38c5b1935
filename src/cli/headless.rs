//! What the headless commands share: reading a log to its end, choosing a stream, a moment and a
//! worker, and writing for people or for pipes.

use super::args::{LogArgs, ServiceArgs};
use super::failure::{Failure, NO};
use crate::config::settings::Settings;
use crate::model::log::EventLog;
use crate::model::offset::Offset;
use crate::processor::limits::Limits;
use crate::replay::moment::{Moment, Origin};
use crate::replay::reducer::{Cancel, Form, NoteKind, ReducerError};
use crate::replay::session::{Session, Who};
use crate::runtime::open::{Desk, Options};
use crate::runtime::target::Target;
use crate::source::Source;
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Broken lines named on standard error; the rest is counted.
const MOST_COMPLAINTS: usize = 20;
/// Work that takes longer says how far it is, when a person is watching.
const PATIENCE: Duration = Duration::from_millis(500);

/// A log that was read to its end.
pub struct Reading {
    /// What the person named.
    pub name: String,
    /// The events of the one stream, or of all of them.
    pub log: Arc<dyn EventLog>,
    _source: Box<dyn Source>,
}

/// Opens what was named and waits until it was read to its end.
///
/// # Errors
/// It is not there or is no log.
fn source(target: &Target, service: &ServiceArgs, settings: &Settings) -> Result<Box<dyn Source>> {
    match target {
        Target::Stream(path) => {
            // The history is here; that nothing comes after it is what is wanted.
            Ok(Box::new(
                super::service::fetch(service, path, settings)?.source,
            ))
        }
        Target::Tree(_) => {
            let failure = Failure::new(format!("cannot read {target}: it names many streams"));
            Err(failure.hint("evtui streams lists them").into())
        }
        target => {
            let source = target
                .open_log()?
                .with_context(|| format!("{target} is no log"))?;
            source.wait(&|| true);
            Ok(Box::new(source))
        }
    }
}

/// Reads a log to its end and picks the stream. Without a path a log of several streams is refused
/// when `one` is needed, since a fold over several would mean nothing.
///
/// # Errors
/// The log cannot be read, or the stream is not in it.
pub fn read(
    name: &str,
    path: Option<&str>,
    one: bool,
    service: &ServiceArgs,
    settings: &Settings,
) -> Result<Reading> {
    let target = Target::resolve(name).map_err(Failure::from)?;
    let source = source(&target, service, settings)?;
    let streams = source.streams();
    let known = || {
        let paths: Vec<&str> = streams.iter().filter_map(|s| s.path.as_deref()).collect();
        match paths.len() {
            0..=12 => paths.join(", "),
            n => format!("{}, … ({n} in all)", paths[..12].join(", ")),
        }
    };
    if let Some(path) = path
        && !streams.iter().any(|s| s.path.as_deref() == Some(path))
    {
        let failure = Failure::new(format!("{target} holds no stream {path}")).code(NO);
        return Err(failure
            .hint(format!("--path with one of {}", known()))
            .into());
    }
    if path.is_none() && one && streams.len() > 1 {
        let what = format!(
            "{target} holds {} streams; one must be chosen",
            streams.len()
        );
        let hint = format!("--path with one of {}", known());
        return Err(Failure::new(what).hint(hint).into());
    }
    let log = source.log(path);
    let complaints = log.complaints();
    for complaint in complaints.iter().take(MOST_COMPLAINTS) {
        eprintln!(
            "evtui: {target}: line {}: {}",
            complaint.line, complaint.what
        );
    }
    if complaints.len() > MOST_COMPLAINTS {
        let more = complaints.len() - MOST_COMPLAINTS;
        eprintln!("evtui: {target}: {more} more lines are broken or out of order");
    }
    Ok(Reading {
        name: target.to_string(),
        log,
        _source: source,
    })
}

impl Reading {
    /// How many events make up the state at an offset; 0 is before the first event, `None` the
    /// log's end.
    ///
    /// # Errors
    /// The log has no event with this offset.
    pub fn rows_at(&self, offset: Option<u64>) -> Result<usize> {
        match offset {
            None => Ok(self.log.len()),
            Some(0) => Ok(0),
            Some(offset) => match self.log.row_of_offset(Offset(offset)) {
                Some(row) => Ok(row + 1),
                None => Err(self.no_offset(offset).into()),
            },
        }
    }

    fn no_offset(&self, offset: u64) -> Failure {
        let at = |row: usize| self.log.row(row).and_then(|row| row.offset);
        let len = self.log.len();
        let first = (0..len).find_map(at);
        let last = (0..len).rev().find_map(at);
        let failure = Failure::new(format!("{} has no offset {offset}", self.name)).code(NO);
        match (first, last) {
            (Some(first), Some(last)) => failure.hint(format!(
                "an offset from {first} to {last}, or 0 for the state before the first event"
            )),
            _ => failure,
        }
    }

    /// The offset that a playhead stands on, for messages.
    pub fn offset_of(&self, rows: usize) -> String {
        match rows.checked_sub(1).and_then(|row| self.log.row(row)) {
            Some(row) => row
                .offset
                .map_or_else(|| "unknown".to_owned(), |o| o.to_string()),
            None => "0".to_owned(),
        }
    }
}

/// A log with whoever folds it.
pub struct Folding {
    /// The log.
    pub reading: Reading,
    /// The states of it.
    pub session: Session,
    /// Whose state is meant.
    pub who: Who,
}

impl Folding {
    /// Reads the log and chooses who folds. Says on standard error what the person may not expect.
    ///
    /// # Errors
    /// The log cannot be read, the processor cannot be loaded, or the worker is not in the log.
    pub fn open(args: &LogArgs, settings: &Settings) -> Result<Folding> {
        let LogArgs { log, fold, service } = args;
        let reading = read(log, fold.path.as_deref(), true, service, settings)?;
        let options = Options {
            processor: fold.processor.clone(),
            worker: fold.worker.clone(),
            limits: Limits {
                reduce_timeout: settings.reduce_timeout.value,
                reduce_memory: settings.reduce_memory.value,
            },
            keyframe_memory: usize::try_from(settings.keyframe_memory.value).unwrap_or(usize::MAX),
        };
        let mut desk = Desk::new(Arc::clone(&reading.log), &options)?;
        desk.look();
        for trouble in desk.troubles() {
            let offset = trouble
                .offset
                .map_or_else(String::new, |o| format!(" at offset {o}"));
            eprintln!(
                "evtui: {}: configuration{offset}: {}",
                reading.name, trouble.what
            );
        }
        let who = desk.chosen().map_err(|error| {
            Failure::new(format!("{}: {error}", reading.name))
                .hint("evtui events LOG --filter type:dynamic-worker lists the configurations")
                .code(NO)
        })?;
        let all = desk.all();
        match &who {
            Who::BuiltIn => eprintln!(
                "evtui: {} configures no processor: this is the service's own state of the stream; give a processor with --processor FILE",
                reading.name
            ),
            Who::Worker(slug) if fold.worker.is_none() && all.len() > 2 => {
                let others = all.iter().filter_map(|who| match who {
                    Who::Worker(other) if other != slug => Some(&**other),
                    _ => None,
                });
                let others: Vec<&str> = others.collect();
                eprintln!(
                    "evtui: worker {slug}; --worker chooses another: {}",
                    others.join(", ")
                );
            }
            Who::Worker(_) | Who::File(_) => {}
        }
        Ok(Folding {
            reading,
            session: desk.session,
            who,
        })
    }

    /// The state at a playhead with what changed.
    ///
    /// # Errors
    /// The fold failed: what, where, why.
    pub fn moment(&mut self, rows: usize) -> Result<Moment> {
        let mut progress = Progress::new(rows);
        let moment = self
            .session
            .moment(&self.who, rows, &Cancel::new(), &mut |done| {
                progress.at(done)
            });
        moment.map_err(|error| self.failed(rows, &error).into())
    }

    /// The state at a playhead as JSON text, exactly; `None` is `undefined`.
    ///
    /// # Errors
    /// The fold failed: what, where, why.
    pub fn state(&mut self, rows: usize) -> Result<Option<Arc<str>>> {
        let mut progress = Progress::new(rows);
        let state = self
            .session
            .state_at(&self.who, rows, &Cancel::new(), &mut |done| {
                progress.at(done)
            });
        state.map_err(|error| self.failed(rows, &error).into())
    }

    /// True when the processor in force at a playhead is called once for every state.
    ///
    /// # Errors
    /// The processor cannot be loaded.
    pub fn takes_all_at_once(&mut self, rows: usize) -> Result<bool> {
        match self.session.form(&self.who, rows) {
            Ok(form) => Ok(form == Form::Array),
            Err(error) => Err(self.failed(rows, &error).into()),
        }
    }

    fn failed(&self, rows: usize, error: &ReducerError) -> Failure {
        let what = format!(
            "cannot fold {} up to offset {}: {error}",
            self.reading.name,
            self.reading.offset_of(rows)
        );
        match error {
            ReducerError::Load(_) => {
                Failure::new(what).hint("--processor FILE folds with a corrected copy")
            }
            ReducerError::GaveUp { row, .. } => {
                let before = self.reading.offset_of(*row);
                Failure::new(what).hint(format!(
                    "offset {before} or earlier, or a larger --reduce-timeout or --reduce-memory"
                ))
            }
            ReducerError::Cancelled | ReducerError::Engine(_) => Failure::new(what),
        }
    }

    /// Says on standard error what went wrong on the way to a playhead.
    pub fn tell_failures(&self, rows: usize) {
        let failures = self.session.failures(&self.who);
        let before: Vec<_> = failures
            .notes
            .iter()
            .filter(|note| note.row < rows)
            .collect();
        let Some(last) = before.last() else {
            return;
        };
        let told = failure_text(&last.what);
        let offset = self.reading.offset_of(last.row + 1);
        if last.row + 1 == rows {
            eprintln!(
                "evtui: offset {offset} failed to reduce, the state stayed as it was: {told}"
            );
        } else {
            eprintln!("evtui: offset {offset} failed to reduce: {told}");
        }
        let more = before.len() - 1 + failures.more;
        if more > 0 {
            eprintln!("evtui: {more} more events failed to reduce; evtui replay names them");
        }
    }
}

/// Says on standard error when a state is not what it seems.
pub fn tell_origin(origin: &Origin, reading: &Reading) {
    if let Origin::Worker {
        slug,
        row,
        not_yet_deployed: true,
    } = origin
    {
        let offset = reading.offset_of(row + 1);
        eprintln!(
            "evtui: worker {slug} is not yet deployed (that is at offset {offset}): this is what its code would have had"
        );
    }
}

/// A failure in words, its stack on the lines below.
pub fn failure_text(what: &NoteKind) -> String {
    match what {
        NoteKind::Threw { message, stack } => {
            let mut text = message.clone();
            for line in stack.lines() {
                let _ = write!(text, "\n    {}", line.trim());
            }
            text
        }
        NoteKind::NotJson { message } => format!("it returned what JSON cannot hold: {message}"),
        NoteKind::TimedOut { limit } => format!("stopped after {limit:?} (--reduce-timeout)"),
        NoteKind::OutOfMemory { limit } => {
            format!("stopped at {} MiB of memory (--reduce-memory)", limit >> 20)
        }
        NoteKind::Crashed { message } => format!("the engine died: {message}"),
        NoteKind::Impure { api } => format!("it reached for {api}"),
        NoteKind::Log { level, text } => format!("{level}: {text}"),
    }
}

/// Writes to standard output in large pieces.
pub fn stdout() -> std::io::BufWriter<std::io::StdoutLock<'static>> {
    std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock())
}

/// True when a person reads standard output.
pub fn is_for_people() -> bool {
    std::io::stdout().is_terminal()
}

/// JSON text on one line, whatever white space it has; text that is no JSON stays as it is.
pub fn one_line(json: &[u8]) -> Vec<u8> {
    if !json.contains(&b'\n') {
        return json.to_vec();
    }
    crate::model::json::read::<serde_json::Value>(json)
        .and_then(|value| serde_json::to_vec(&value))
        .unwrap_or_else(|_| json.to_vec())
}

/// JSON laid out for people, with everything escaped that could harm a terminal.
pub fn pretty(json: &str) -> String {
    let text = crate::model::json::read::<serde_json::Value>(json.as_bytes())
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| json.to_owned());
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && crate::model::summary::harms_terminals(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Tells on standard error how far a long fold is, when a person is watching.
struct Progress {
    started: Instant,
    told: Instant,
    of: usize,
    shown: bool,
}

impl Progress {
    fn new(of: usize) -> Progress {
        let now = Instant::now();
        Progress {
            started: now,
            told: now,
            of,
            shown: false,
        }
    }

    fn at(&mut self, rows: usize) {
        let due = self.started.elapsed() > PATIENCE && self.told.elapsed() > PATIENCE / 5;
        if due && std::io::stderr().is_terminal() {
            self.told = Instant::now();
            self.shown = true;
            eprint!("\rfolding {rows}/{} ", self.of);
            let _ = std::io::stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            eprint!("\r{:40}\r", "");
        }
    }
}
