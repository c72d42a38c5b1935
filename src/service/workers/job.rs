//! One worker of a stream: gives its events to its hook, one after the other.

use super::super::Service;
use super::super::reader::{Bound, Bounds};
use super::super::recent::Entry;
use super::Tools;
use super::configured::Configured;
use super::hands::{Failed, Hands};
use super::plan::Plans;
use crate::model::offset::Offset;
use crate::model::path::StreamKey;
use crate::processor::source::prepare;
use crate::processor::worker::{Config, Failure, NoteKind, Outcome, Worker, WorkerError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Waits before a worker whose process cannot be had is tried again.
const RETRY_FROM: Duration = Duration::from_secs(1);
const RETRY_TO: Duration = Duration::from_secs(60);

/// A worker and its surroundings.
pub struct Job {
    pub service: Arc<Service>,
    pub tools: Arc<Tools>,
    pub key: StreamKey,
    pub hands: Arc<Hands>,
    pub configured: Configured,
    pub configured_at: u64,
    /// Not in force yet.
    pub is_new: bool,
    pub env: BTreeMap<String, String>,
    pub plans: Arc<Plans>,
    /// The first event that is not its own any more.
    pub until: watch::Receiver<Option<u64>>,
    pub predecessor: Option<Predecessor>,
}

/// The worker that this one replaces. Dropping it ends it.
pub struct Predecessor {
    task: JoinHandle<()>,
    // While this is held, the task is not told that nobody is left who could stop it.
    _until: watch::Sender<Option<u64>>,
}

impl Predecessor {
    pub fn new(task: JoinHandle<()>, until: watch::Sender<Option<u64>>) -> Predecessor {
        Predecessor {
            task,
            _until: until,
        }
    }

    /// Waits until it has done the events that are its own.
    async fn finish(mut self) {
        // However it ended, it has.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Predecessor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Job {
    /// Works until it is replaced, or cannot go on.
    pub async fn run(mut self) {
        self.take_over().await;
        let input = self.configured.input.clone();
        let prepared = tokio::task::spawn_blocking(move || prepare(&input)).await;
        let mut program = match prepared {
            Ok(Ok(program)) => program,
            Ok(Err(error)) => return self.not_loaded(&error.to_string()).await,
            Err(error) => return self.not_loaded(&error.to_string()).await,
        };
        // As in replay, where the reducer finds it too.
        program.env = self.env.clone().into_iter().collect();
        let tools = &self.tools;
        let mut worker = Worker::new(Config {
            exe: tools.options.exe.clone(),
            program: Arc::new(program),
            limits: tools.options.limits,
            env: self.env.clone(),
            gateway: self.configured.gateway.clone(),
            fetcher: Arc::clone(&tools.fetcher),
            outside: self.hands.clone(),
        });
        // At once, so that whoever configures it is told. After a restart only when there is
        // something to do: hundreds of them need not all start together.
        if self.is_new && !self.loads(&mut worker).await {
            return;
        }
        self.work(&mut worker).await;
    }

    /// Waits for the worker that was there before, and puts this one in force.
    async fn take_over(&mut self) {
        let slug = &self.configured.slug;
        let grace = self.tools.options.swap_grace;
        let Some(predecessor) = self.predecessor.take() else {
            return self.put_in_force().await;
        };
        if !self.is_new {
            // The same code, whose hooks are not to be cut short, nor to be run twice.
            return predecessor.finish().await;
        }
        if timeout(grace, predecessor.finish()).await.is_err()
            && let Some(place) = self.plans.place(slug)
        {
            let offset = place.cursor + 1;
            let last = self.configured_at - 1;
            self.hands
                .record(Failed {
                    offset,
                    message: format!(
                        "it was replaced at event {} and did not finish in {grace:?}: the hook of event {offset} was ended, and events up to {last} were given to neither version",
                        self.configured_at
                    ),
                    stack: "",
                    what: "replaced",
                })
                .await;
        }
        self.put_in_force().await;
    }

    async fn put_in_force(&self) {
        if self.is_new {
            let slug = &self.configured.slug;
            // It is durable before the first hook runs; a service that is closing tells nobody.
            let _ = self.plans.configure(slug, self.configured_at).await;
        }
    }

    async fn not_loaded(&self, message: &str) {
        let offset = self.configured_at;
        self.hands
            .record(Failed {
                offset,
                message: format!("the code in event {offset} cannot be loaded: {message}"),
                stack: "",
                what: "load",
            })
            .await;
    }

    /// Loads the code; false when it cannot be.
    async fn loads(&self, worker: &mut Worker) -> bool {
        let mut wait = RETRY_FROM;
        loop {
            match worker.load().await {
                Ok(_) => return true,
                Err(WorkerError::Load(message)) => {
                    self.not_loaded(&message).await;
                    return false;
                }
                Err(error) => self.wait(&error, &mut wait).await,
            }
        }
    }

    async fn wait(&self, error: &WorkerError, wait: &mut Duration) {
        tracing::warn!(stream = %self.key, worker = %self.configured.slug, %error, "trying again in {wait:?}");
        sleep(*wait).await;
        *wait = (*wait * 2).min(RETRY_TO);
    }

    async fn work(&mut self, worker: &mut Worker) {
        let Some(place) = self.plans.place(&self.configured.slug) else {
            return;
        };
        let bounds = Bounds {
            after: Bound::Offset(Offset(place.cursor)),
            ..Bounds::default()
        };
        let mut reader = match self.service.read_existing(&self.key, bounds).await {
            Ok(reader) => reader,
            Err(error) => {
                tracing::error!(stream = %self.key, worker = %self.configured.slug, %error, "it cannot read its stream");
                return;
            }
        };
        let mut done = place.cursor;
        loop {
            if self.until.borrow().is_some_and(|until| done + 1 >= until) {
                return;
            }
            let rest = sleep(self.tools.options.rest_after);
            let chunk = tokio::select! {
                biased;
                changed = self.until.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                chunk = reader.next() => chunk,
                () = rest, if worker.process_id().is_some() => {
                    worker.rest().await;
                    continue;
                }
            };
            let chunk = match chunk {
                None => return,
                Some(Ok(chunk)) => chunk,
                // The reader goes on behind the damage, and so do we.
                Some(Err(error)) => {
                    tracing::error!(stream = %self.key, worker = %self.configured.slug, %error, "events were passed over");
                    continue;
                }
            };
            for entry in &chunk {
                if self
                    .until
                    .borrow()
                    .is_some_and(|until| entry.offset.0 >= until)
                {
                    return;
                }
                if !self.give(worker, entry).await {
                    return;
                }
                done = entry.offset.0;
                // What has shown outside is not to be done again.
                if self.hands.take_acted() {
                    let _ = self.advance(done).await;
                }
            }
            // The rest costs nothing to be done again.
            drop(self.advance(done));
        }
    }

    fn advance(&self, cursor: u64) -> super::plan::Saved {
        self.plans
            .advance(&self.configured.slug, self.configured_at, cursor)
    }

    /// Runs the hook of an event; false when the worker cannot go on.
    async fn give(&self, worker: &mut Worker, entry: &Entry) -> bool {
        let offset = entry.offset.0;
        let mut wait = RETRY_FROM;
        let outcome = loop {
            match worker.deliver(offset, &entry.json).await {
                Ok(outcome) => break outcome,
                Err(WorkerError::Load(message)) => {
                    self.not_loaded(&message).await;
                    return false;
                }
                Err(error) => self.wait(&error, &mut wait).await,
            }
        };
        let (message, stack) = match &outcome {
            Outcome::Done => return true,
            Outcome::NotReduced(what) => {
                let (what, stack) = told(what);
                let message = format!(
                    "event {offset} could not be reduced, and its hook was not run: {what}"
                );
                (message, stack)
            }
            Outcome::HookFailed(failure) => {
                let stack = match failure {
                    Failure::Threw { stack, .. } => stack.as_str(),
                    _ => "",
                };
                (
                    format!("the hook of event {offset} failed: {failure}"),
                    stack,
                )
            }
        };
        if self.hands.is_own_record(&entry.json) {
            tracing::warn!(stream = %self.key, worker = %self.configured.slug, offset, "{message}; this is not put on record again");
            return true;
        }
        let failed = Failed {
            offset,
            message,
            stack,
            what: "hook",
        };
        self.hands.record(failed).await;
        true
    }
}

fn told(what: &NoteKind) -> (String, &str) {
    let stack = match what {
        NoteKind::Threw { stack, .. } => stack.as_str(),
        _ => "",
    };
    (what.story(), stack)
}
