//! The processes that evaluate: a few, started when needed, each with one question at a time.

use super::{CPU_TIME, JsonataError, MEMORY};
use crate::model::json;
use crate::processor::frames::Death;
use crate::processor::frames::jsonata::{Answer, Part, put_ask};
use crate::processor::process::{Boxed, LastWords, cause, frame};
use crate::replay::reducer::NoteKind;
use bytes::Bytes;
use serde_json::Value;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// A process that has had nothing to do for so long is let go of.
const REST_AFTER: Duration = Duration::from_secs(60);
/// Longest that an answer is waited for, on a machine that is busy with other things.
const WAIT: Duration = Duration::from_secs(60);

/// What came of a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Made {
    /// The filter does not hold.
    Filtered,
    /// The filter holds, and nothing was to be made.
    Passed,
    /// The transform gives nothing.
    Nothing,
    /// What the transform gives.
    Value(Value),
}

/// Evaluates expressions in processes of their own. Questions beyond their number wait in line.
pub struct Evaluators {
    exe: PathBuf,
    places: Semaphore,
    idle: Arc<Mutex<Idle>>,
}

#[derive(Default)]
struct Idle {
    processes: Vec<(Instant, Process)>,
    /// Somebody looks after them.
    kept: bool,
}

/// Why there is no answer.
enum Lost {
    /// It is this question's own fault, or there can be no process at all.
    Error(JsonataError),
    /// The process ended for no reason of its own.
    Vanished(String),
}

impl Evaluators {
    /// `exe` is this program's own binary, of which at most `places` are started.
    #[must_use]
    pub fn new(exe: PathBuf, places: usize) -> Evaluators {
        Evaluators {
            exe,
            places: Semaphore::new(places.max(1)),
            idle: Arc::default(),
        }
    }

    /// What `transform` makes of `input` (JSON), if `filter` holds.
    ///
    /// # Errors
    /// What failed, and whether it was the filter.
    pub async fn make(
        &self,
        filter: Option<&str>,
        transform: Option<&str>,
        input: &Bytes,
    ) -> Result<Made, (Part, JsonataError)> {
        let mut question = Vec::with_capacity(input.len() + 256);
        put_ask(&mut question, filter, transform, input);
        let first = match filter {
            Some(_) => Part::Filter,
            None => Part::Transform,
        };
        let told = |why: String| (first, JsonataError::Evaluation(why));
        let _place = self
            .places
            .acquire()
            .await
            .map_err(|e| told(e.to_string()))?;
        let mut tries = 0;
        let answer = loop {
            tries += 1;
            match self.ask(&question).await {
                Ok(answer) => break answer,
                Err(Lost::Error(error)) => return Err((first, error)),
                // One that was ended from outside says nothing about the question.
                Err(Lost::Vanished(_)) if tries == 1 => {}
                Err(Lost::Vanished(why)) => {
                    return Err(told(format!("its process ended: {why}")));
                }
            }
        };
        match answer {
            Answer::Filtered => Ok(Made::Filtered),
            Answer::Passed => Ok(Made::Passed),
            Answer::Nothing => Ok(Made::Nothing),
            Answer::Value(text) => match json::read(text.as_bytes()) {
                Ok(value) => Ok(Made::Value(value)),
                Err(error) => Err(told(error.to_string())),
            },
            Answer::Failed {
                part,
                syntax: true,
                message,
            } => Err((part, JsonataError::Syntax(message))),
            Answer::Failed { part, message, .. } => Err((part, JsonataError::Evaluation(message))),
            Answer::Died { part, why } => Err((part.unwrap_or(first), died(why))),
        }
    }

    async fn ask(&self, question: &[u8]) -> Result<Answer, Lost> {
        let waiting = lock(&self.idle).processes.pop();
        let mut process = match waiting {
            Some((_, process)) => process,
            None => Process::start(&self.exe).map_err(|error| {
                Lost::Error(JsonataError::Evaluation(format!(
                    "cannot start {} __box jsonata: {error}",
                    self.exe.display()
                )))
            })?,
        };
        match timeout(WAIT, process.ask(question)).await {
            Ok(Some(answer)) => {
                if !matches!(answer, Answer::Died { .. }) {
                    self.rest(process);
                }
                Ok(answer)
            }
            Ok(None) => {
                let why = process.obituary().await;
                if why.contains("has overflowed its stack") {
                    return Err(Lost::Error(JsonataError::Evaluation(
                        "it is nested too deeply".into(),
                    )));
                }
                match cause(why, MEMORY) {
                    NoteKind::OutOfMemory { .. } => Err(Lost::Error(died(Death::Memory))),
                    other => Err(Lost::Vanished(other.story())),
                }
            }
            Err(_) => Err(Lost::Error(JsonataError::Evaluation(format!(
                "there was no answer within {WAIT:?}"
            )))),
        }
    }

    /// Keeps a process for the next question.
    fn rest(&self, process: Process) {
        let mut idle = lock(&self.idle);
        idle.processes.push((Instant::now(), process));
        if !std::mem::replace(&mut idle.kept, true) {
            tokio::spawn(keep(Arc::clone(&self.idle)));
        }
    }
}

/// Ends those that have rested long enough, until there is none.
async fn keep(idle: Arc<Mutex<Idle>>) {
    loop {
        sleep(REST_AFTER).await;
        let mut idle = lock(&idle);
        idle.processes
            .retain(|(since, _)| since.elapsed() < REST_AFTER);
        if idle.processes.is_empty() {
            idle.kept = false;
            return;
        }
    }
}

fn lock(idle: &Mutex<Idle>) -> MutexGuard<'_, Idle> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

fn died(why: Death) -> JsonataError {
    JsonataError::Evaluation(match why {
        Death::Time => format!("it took more than {CPU_TIME:?} of computing and was stopped"),
        Death::Memory => format!(
            "it needed more than {} MiB of memory and was stopped",
            MEMORY >> 20
        ),
    })
}

/// One process.
struct Process {
    boxed: Boxed,
    input: pipe::Sender,
    output: BufReader<pipe::Receiver>,
    words: LastWords,
    hearing: JoinHandle<()>,
}

impl Process {
    fn start(exe: &std::path::Path) -> io::Result<Process> {
        let (boxed, pipes) = Boxed::start(exe, Some("jsonata"))?;
        let words = LastWords::default();
        let error = pipe::Receiver::from_owned_fd(pipes.error.into())?;
        Ok(Process {
            boxed,
            input: pipe::Sender::from_owned_fd(pipes.input.into())?,
            output: BufReader::new(pipe::Receiver::from_owned_fd(pipes.output.into())?),
            hearing: tokio::spawn(words.clone().hear_aside(error)),
            words,
        })
    }

    /// `None` when the process is gone.
    async fn ask(&mut self, question: &[u8]) -> Option<Answer> {
        // If it is gone, the reading tells; its last words may be an answer.
        let _ = self.input.write_all(question).await;
        let (kind, body) = frame(&mut self.output).await?;
        Answer::decode(kind, &body).ok()
    }

    async fn obituary(&mut self) -> String {
        let status = self.boxed.wait_aside().await;
        // It has ended, and so does what it said.
        let _ = (&mut self.hearing).await;
        self.words.obituary(&status)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.hearing.abort();
    }
}
