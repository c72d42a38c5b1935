//! Dynamic workers (SPEC §8): processors deployed by an event, whose hooks run here.
//!
//! Each stream that has any is followed by one task, a reader like every other; each of its workers
//! is a task with a reader and a process of its own, so that a slow one holds up nobody. Which events
//! a worker has done is kept in the store, a cell a stream, written before the worker goes on. A crash
//! between what a hook did and that cell runs this one hook again: its appends carry a key made of
//! `streamPath@offset/slug` and their number, so they are not stored twice; what it did elsewhere is
//! done twice.
//!
//! An append to a paused stream waits until the stream is resumed, and the hook's time stands still:
//! a loop that the breaker stops stays where it is, and goes on afterwards.

mod configured;
mod follow;
mod hands;
mod job;
mod plan;

use super::Service;
use crate::model::path::{Project, StreamKey};
use crate::processor::worker::Limits;
use crate::processor::worker::egress::Egress;
use crate::processor::worker::fetch::Fetcher;
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

/// How workers run.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// This program's own binary, started once for each worker that has something to do.
    pub exe: PathBuf,
    /// What each may use up.
    pub limits: Limits,
    /// Where their fetches may go.
    pub egress: Egress,
    /// A worker with nothing to do for so long gives its process back; its state is kept.
    pub rest_after: Duration,
    /// How long a worker whose code was replaced may go on with the events that are still its own.
    pub swap_grace: Duration,
}

impl WorkerOptions {
    /// The usual ones.
    #[must_use]
    pub fn new(exe: PathBuf) -> WorkerOptions {
        WorkerOptions {
            exe,
            limits: Limits::default(),
            egress: Egress::default(),
            rest_after: Duration::from_secs(60),
            swap_grace: Duration::from_secs(10),
        }
    }
}

/// What all workers share.
struct Tools {
    options: WorkerOptions,
    fetcher: Arc<Fetcher>,
    /// Of everything that runs for workers.
    tasks: TaskTracker,
}

/// The running workers of a service. Dropping it ends them.
pub struct Workers {
    task: tokio::task::JoinHandle<()>,
    tasks: TaskTracker,
}

/// Where the service says that a stream has got a worker.
#[derive(Default)]
pub(super) struct Door(Mutex<Option<mpsc::UnboundedSender<StreamKey>>>);

impl Door {
    /// To be called when a configuration is durable.
    pub(super) fn configured(&self, key: &StreamKey) {
        let door = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(door) = &*door {
            // Nobody runs workers any more.
            let _ = door.send(key.clone());
        }
    }
}

impl Service {
    /// Remembers that a stream may have workers, before the event that says so: whenever the service
    /// dies, none of them is forgotten.
    pub(super) fn expect_workers(&self, key: &StreamKey) {
        let empty = Some(Bytes::new());
        self.shared
            .store
            .put(&mark_name(key), empty, Box::new(|_| {}));
    }
}

impl Workers {
    /// Starts the workers that are configured, and from now on every one that will be.
    ///
    /// # Errors
    /// In words, when no HTTP client can be made or the store cannot be read.
    pub async fn start(service: &Arc<Service>, options: WorkerOptions) -> Result<Workers, String> {
        let fetcher = Arc::new(Fetcher::new(options.egress.clone())?);
        let tasks = TaskTracker::new();
        let tools = Arc::new(Tools {
            options,
            fetcher,
            tasks: tasks.clone(),
        });
        let (door, news) = mpsc::unbounded_channel();
        *service
            .workers
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(door);
        let store = Arc::clone(&service.shared.store);
        let marked = super::blocking(move || Ok(store.cells(MARK)?))
            .await
            .map_err(|error| error.to_string())?;
        let known = marked.iter().filter_map(|(name, _)| key_of(name)).collect();
        let task = tasks.spawn(run(Arc::clone(service), tools, known, news));
        Ok(Workers { task, tasks })
    }

    /// Ends all workers. What their hooks were about to do is done again at the next start.
    pub async fn stop(self) {
        self.task.abort();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Follows each stream that has workers.
async fn run(
    service: Arc<Service>,
    tools: Arc<Tools>,
    known: Vec<StreamKey>,
    mut news: mpsc::UnboundedReceiver<StreamKey>,
) {
    let mut followers: JoinSet<StreamKey> = JoinSet::new();
    let mut followed: FxHashMap<StreamKey, tokio::task::Id> = FxHashMap::default();
    let mut waiting = known;
    loop {
        for key in waiting.drain(..) {
            let Entry::Vacant(place) = followed.entry(key) else {
                continue;
            };
            let (service, tools) = (Arc::clone(&service), Arc::clone(&tools));
            let (of, tasks) = (place.key().clone(), tools.tasks.clone());
            let handle = followers.spawn(tasks.track_future(async move {
                follow::follow(service, tools, of.clone()).await;
                of
            }));
            place.insert(handle.id());
        }
        tokio::select! {
            key = news.recv() => match key {
                Some(key) => waiting.push(key),
                None => return,
            },
            Some(ended) = followers.join_next_with_id() => {
                let id = match &ended {
                    Ok((id, _)) => *id,
                    Err(error) => error.id(),
                };
                followed.retain(|key, of| {
                    if *of == id && let Err(error) = &ended {
                        tracing::error!(stream = %key, %error, "its workers are no longer followed");
                    }
                    *of != id
                });
                // Configured again while the last follower went away.
                if let Ok((_, key)) = ended && is_marked(&service, &key) {
                    waiting.push(key);
                }
            }
        }
    }
}

fn is_marked(service: &Service, key: &StreamKey) -> bool {
    let name = mark_name(key);
    let exists = matches!(service.shared.store.head(key), Ok(Some(_)));
    exists
        && !service.is_closing()
        && service
            .shared
            .store
            .cells(&name)
            .is_ok_and(|cells| cells.iter().any(|(found, _)| *found == name))
}

/// Cells of streams that may have workers begin so.
const MARK: &str = "workers/mark/";
/// Cells that hold how far workers are begin so.
const PLAN: &str = "workers/plan/";

fn mark_name(key: &StreamKey) -> String {
    format!("{MARK}{}{}", key.path, project_part(&key.project))
}

fn plan_name(key: &StreamKey) -> String {
    format!("{PLAN}{}{}", key.path, project_part(&key.project))
}

/// No path holds a colon.
fn project_part(project: &Project) -> String {
    format!(":{}", project.as_str())
}

fn key_of(mark: &str) -> Option<StreamKey> {
    let (path, project) = mark.strip_prefix(MARK)?.split_once(':')?;
    Some(StreamKey {
        project: project.parse().ok()?,
        path: path.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_name_their_stream() {
        for (project, path) in [("public", "/"), ("a:b/c", "/team/inbox")] {
            let key = StreamKey {
                project: project.parse().unwrap(),
                path: path.parse().unwrap(),
            };
            assert_eq!(key_of(&mark_name(&key)), Some(key));
        }
    }
}
