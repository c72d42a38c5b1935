//! What acts on streams by itself: it is called when a stream configures it, and again when the
//! service is opened. A cell of the store names every stream that has ever called.

use super::stream::Admitted;
use super::{Service, ServiceError, Shared};
use crate::model::built_in::BuiltIn;
use crate::model::event::Millis;
use crate::model::path::StreamKey;
use crate::model::stream_state::StreamState;
use crate::store::{Store, StoreError};
use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::Notify;

const CELLS: &str = "attended/";
/// After a run could not be stored.
const RETRY_MILLIS: i64 = 1_000;

/// Whether an event of this type may call for something.
pub(super) fn is_called_by(built_in: BuiltIn) -> bool {
    matches!(
        built_in,
        BuiltIn::ScheduleConfigured
            | BuiltIn::ScheduleExecutionStarted
            | BuiltIn::ScheduleExecutionFinished
    )
}

/// Whether a stream has something that acts by itself.
pub(super) fn is_needed(state: &StreamState) -> bool {
    !state.processors.scheduler.0.is_empty()
}

/// Tells the store that a stream has called, ahead of the batch that calls.
pub(super) fn remember(store: &dyn Store, key: &StreamKey) {
    store.put(&cell(key), Some(Bytes::new()), ignored());
}

/// The stream is no more.
pub(super) fn forget(store: &dyn Store, key: &StreamKey) {
    store.put(&cell(key), None, ignored());
}

/// A failure shows in the batch behind it.
fn ignored() -> Box<dyn FnOnce(Result<(), StoreError>) + Send> {
    Box::new(|_| {})
}

/// No path holds a line's end.
fn cell(key: &StreamKey) -> String {
    format!("{CELLS}{}\n{}", key.path, key.project)
}

fn named(cell: &str) -> Option<StreamKey> {
    let (path, project) = cell.strip_prefix(CELLS)?.split_once('\n')?;
    Some(StreamKey {
        project: project.parse().ok()?,
        path: path.parse().ok()?,
    })
}

/// The calls, and the times at which streams are to be looked at.
#[derive(Default)]
pub(super) struct Attend {
    wheel: Mutex<BinaryHeap<Reverse<(Millis, StreamKey)>>>,
    changed: Notify,
    stopped: AtomicBool,
}

impl Attend {
    /// A stream has configured something; `due`: its next schedule.
    pub(super) fn call(&self, key: &StreamKey, due: Option<Millis>) {
        if let Some(due) = due {
            self.wheel().push(Reverse((due, key.clone())));
            self.changed.notify_one();
        }
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.changed.notify_one();
    }

    /// The streams whose time has come, each once; or else when the first one's comes.
    fn take(&self, now: Millis) -> Result<Vec<StreamKey>, Option<Millis>> {
        let mut wheel = self.wheel();
        let mut due = Vec::new();
        while let Some(Reverse((at, _))) = wheel.peek() {
            if *at > now {
                break;
            }
            due.extend(wheel.pop().map(|Reverse((_, key))| key));
        }
        if due.is_empty() {
            return Err(wheel.peek().map(|Reverse((at, _))| *at));
        }
        due.sort_unstable();
        due.dedup();
        Ok(due)
    }

    fn wheel(&self) -> MutexGuard<'_, BinaryHeap<Reverse<(Millis, StreamKey)>>> {
        self.wheel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts what a service does by itself.
pub(super) fn start(service: &Arc<Service>) {
    tokio::spawn(turn(Arc::downgrade(service), Arc::clone(&service.shared)));
    let service = Arc::downgrade(service);
    tokio::spawn(async move {
        if let Err(error) = wake_all(service).await {
            tracing::error!(%error, "streams with schedules are not woken until they are used");
        }
    });
}

/// Opens every stream that has something that acts by itself: opening it calls.
async fn wake_all(service: Weak<Service>) -> Result<(), ServiceError> {
    let Some(shared) = service.upgrade().map(|service| Arc::clone(&service.shared)) else {
        return Ok(());
    };
    let cells = super::blocking(move || Ok(shared.store.cells(CELLS)?)).await?;
    for key in cells.iter().filter_map(|(name, _)| named(name)) {
        let Some(service) = service.upgrade() else {
            return Ok(());
        };
        if !service.exists(&key).await? {
            forget(&*service.shared.store, &key);
        } else if let Err(error) = service.stream(&key, None).await {
            tracing::warn!(stream = %key, %error, "not woken until it is used");
        }
    }
    Ok(())
}

/// Runs schedules as they become due.
async fn turn(service: Weak<Service>, shared: Arc<Shared>) {
    while !shared.attend.stopped.load(Ordering::SeqCst) {
        match shared.attend.take(shared.clock.now()) {
            Ok(due) => {
                for key in due {
                    let Some(service) = service.upgrade() else {
                        return;
                    };
                    tokio::spawn(async move { service.run_due(&key).await });
                }
            }
            Err(None) => shared.attend.changed.notified().await,
            Err(Some(next)) => {
                tokio::select! {
                    () = shared.attend.changed.notified() => {}
                    () = shared.clock.sleep_until(next) => {}
                }
            }
        }
    }
}

impl Service {
    async fn exists(&self, key: &StreamKey) -> Result<bool, ServiceError> {
        let (store, key) = (Arc::clone(&self.shared.store), key.clone());
        super::blocking(move || Ok(store.head(&key)?.is_some())).await
    }

    /// Runs the schedules of a stream that are due; what cannot be stored is tried again later.
    async fn run_due(self: &Arc<Self>, key: &StreamKey) {
        if let Err(error) = self.try_run_due(key).await
            && !self.is_closing()
        {
            tracing::warn!(stream = %key, %error, "a schedule's run could not be stored; it is tried again");
            let later = Millis(self.shared.clock.now().0 + RETRY_MILLIS);
            self.shared.attend.call(key, Some(later));
        }
    }

    async fn try_run_due(self: &Arc<Self>, key: &StreamKey) -> Result<(), ServiceError> {
        // A stream that was destroyed meanwhile is not to be made again.
        if !self.exists(key).await? {
            return Ok(());
        }
        let stream = self.stream(key, None).await?;
        for slug in stream.due(self.shared.clock.now()) {
            match stream.run(&self.shared, &slug) {
                // Its commit calls for the next one.
                Admitted::Queued { done, .. } => {
                    done.await.unwrap_or(Err(StoreError::Closed))?;
                }
                Admitted::NotDue(later) => self.shared.attend.call(key, later),
                Admitted::Refused(error) => return Err(error),
                Admitted::Gone | Admitted::Repeated(_) | Admitted::RepeatedInFlight(_) => {
                    return Err(ServiceError::Unavailable("it was reopened".to_owned()));
                }
            }
        }
        Ok(())
    }
}
