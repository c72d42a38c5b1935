//! What acts on streams by itself: it is called when a stream configures it, and again when the
//! service is opened. A cell of the store names every stream that has ever called.

use super::stream::{Admitted, End};
use super::{Bounds, Incoming, Reader, Route, Service, ServiceError, Shared, Stored, To};
use crate::model::built_in::BuiltIn;
use crate::model::event::Millis;
use crate::model::path::StreamKey;
use crate::model::stream_state::StreamState;
use crate::model::validate::Input;
use crate::store::{Store, StoreError};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
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
            | BuiltIn::JsonataTransformerConfigured
            | BuiltIn::SubscriptionConfigured
    )
}

/// Whether a stream has something that acts by itself.
pub(super) fn is_needed(state: &StreamState) -> bool {
    let processors = &state.processors;
    !processors.scheduler.0.is_empty() || !followers(state).is_empty()
}

/// Who reads a stream to act on its events.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Follower {
    /// All its transformers.
    Transformers,
    /// The subscription of this slug.
    Subscription(String),
}

impl Follower {
    /// The cell of its cursor on a stream. Nothing of a key holds a line's end but the slug, which is
    /// last.
    pub(super) fn cell(&self, key: &StreamKey) -> String {
        match self {
            Follower::Transformers => format!("{}transformers", cursors(key)),
            Follower::Subscription(slug) => format!("{}subscription\n{slug}", cursors(key)),
        }
    }
}

fn cursors(key: &StreamKey) -> String {
    format!("cursor/{}\n{}\n", key.path, key.project)
}

/// The followers that a state calls for.
pub(super) fn followers(state: &StreamState) -> Vec<Follower> {
    let processors = &state.processors;
    let mut followers = Vec::new();
    if !processors.jsonata_transformer.0.is_empty() {
        followers.push(Follower::Transformers);
    }
    let slugs = processors.external_subscriber.0.keys();
    followers.extend(slugs.cloned().map(Follower::Subscription));
    followers
}

/// Tells the store that a stream has called, ahead of the batch that calls.
pub(super) fn remember(store: &dyn Store, key: &StreamKey) {
    store.put(&cell(key), Some(Bytes::new()), ignored());
}

/// The stream is no more: neither its call nor the cursors on it are of use.
pub(super) fn forget(store: &dyn Store, key: &StreamKey) {
    store.put(&cell(key), None, ignored());
    match store.cells(&cursors(key)) {
        Ok(cells) => {
            for (name, _) in cells {
                store.put(&name, None, ignored());
            }
        }
        Err(error) => tracing::warn!(stream = %key, %error, "cursors left behind"),
    }
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

/// The times at which streams are to be looked at, each stream's first one alone: after every look it is
/// set anew.
#[derive(Default)]
struct Wheel {
    times: BinaryHeap<Reverse<(Millis, StreamKey)>>,
    /// What of `times` counts; the rest is passed over when it comes up.
    set: HashMap<StreamKey, Millis>,
}

impl Wheel {
    fn set(&mut self, key: &StreamKey, at: Millis) {
        if self.set.get(key).is_none_or(|set| at < *set) {
            self.set.insert(key.clone(), at);
            self.times.push(Reverse((at, key.clone())));
        }
    }

    /// The streams whose time has come, each once; or else when the first one's comes.
    fn take(&mut self, now: Millis) -> Result<Vec<StreamKey>, Option<Millis>> {
        let mut due = Vec::new();
        while let Some(Reverse((at, key))) = self.times.peek() {
            let counts = self.set.get(key) == Some(at);
            if counts && *at > now {
                break;
            }
            let Some(Reverse((_, key))) = self.times.pop() else {
                break;
            };
            if counts {
                self.set.remove(&key);
                due.push(key);
            }
        }
        if due.is_empty() {
            return Err(self.times.peek().map(|Reverse((at, _))| *at));
        }
        Ok(due)
    }

    /// The clock was set back: no time is right any more.
    fn all_at(&mut self, now: Millis) {
        self.times.clear();
        for key in std::mem::take(&mut self.set).into_keys() {
            self.set(&key, now);
        }
    }
}

/// The calls, and the times at which streams are to be looked at.
#[derive(Default)]
pub(super) struct Attend {
    wheel: Mutex<Wheel>,
    called: Mutex<Vec<StreamKey>>,
    following: Mutex<HashSet<(StreamKey, Follower)>>,
    changed: Notify,
    stopped: AtomicBool,
}

impl Attend {
    /// A stream has configured something; `due`: its next schedule.
    pub(super) fn call(&self, key: &StreamKey, due: Option<Millis>) {
        lock(&self.called).push(key.clone());
        if let Some(due) = due {
            self.look_again(key, due);
        }
        self.changed.notify_one();
    }

    fn look_again(&self, key: &StreamKey, at: Millis) {
        lock(&self.wheel).set(key, at);
        self.changed.notify_one();
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.changed.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        } else if let Err(error) = service.existing(&key).await {
            tracing::warn!(stream = %key, %error, "not woken until it is used");
        }
    }
    Ok(())
}

/// Runs schedules as they become due.
async fn turn(service: Weak<Service>, shared: Arc<Shared>) {
    let mut last = Millis(i64::MIN);
    while !shared.attend.stopped.load(Ordering::SeqCst) {
        for key in std::mem::take(&mut *lock(&shared.attend.called)) {
            let Some(service) = service.upgrade() else {
                return;
            };
            tokio::spawn(async move { service.send_followers(&key).await });
        }
        let now = shared.clock.now();
        if now < last {
            lock(&shared.attend.wheel).all_at(now);
        }
        last = now;
        let taken = lock(&shared.attend.wheel).take(now);
        match taken {
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

/// What acts by itself on a stream never makes a destroyed one anew: all of it goes these ways.
///
/// # Errors
/// As the public ways, and [`ServiceError::NotFound`].
impl Service {
    pub(super) async fn append_existing(
        self: &Arc<Self>,
        key: &StreamKey,
        incoming: Incoming,
        route: Route,
    ) -> Result<Stored, ServiceError> {
        self.append_to(key, incoming, route, To::Existing).await
    }

    pub(super) async fn read_existing(
        self: &Arc<Self>,
        key: &StreamKey,
        bounds: Bounds,
    ) -> Result<Reader, ServiceError> {
        let stream = self.existing(key).await?;
        Reader::new(Arc::clone(self), stream, bounds)
    }

    pub(super) async fn state_of_existing(
        self: &Arc<Self>,
        key: &StreamKey,
    ) -> Result<StreamState, ServiceError> {
        loop {
            if let Some(state) = self.existing(key).await?.durable_state().await {
                return Ok(state);
            }
        }
    }
}

impl Service {
    pub(super) async fn exists(&self, key: &StreamKey) -> Result<bool, ServiceError> {
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
            self.shared.attend.look_again(key, later);
        }
    }

    /// Sets every follower on its way that is not yet.
    async fn send_followers(self: &Arc<Self>, key: &StreamKey) {
        match self.existing(key).await.map(|stream| stream.followers()) {
            Ok(followers) => {
                for follower in followers {
                    let on = (key.clone(), follower);
                    if lock(&self.shared.attend.following).insert(on.clone()) {
                        tokio::spawn(Arc::clone(self).follow(on.0, on.1));
                    }
                }
            }
            Err(ServiceError::NotFound(_)) => {}
            Err(error) if self.is_closing() => drop(error),
            Err(error) => {
                tracing::warn!(stream = %key, %error, "not followed until it is opened again");
            }
        }
    }

    /// Follows a stream until it ends; what comes after it is another stream.
    async fn follow(self: Arc<Self>, key: StreamKey, follower: Follower) {
        let followed = match &follower {
            Follower::Transformers => self.transform(&key).await,
            Follower::Subscription(slug) => self.deliver(&key, slug).await,
        };
        if self.is_closing() {
            return;
        }
        if let Err(error) = followed
            && !matches!(error, ServiceError::NotFound(_))
        {
            tracing::warn!(stream = %key, ?follower, %error, "stopped following; begins again");
            tokio::time::sleep(Duration::from_millis(RETRY_MILLIS as u64)).await;
        }
        lock(&self.shared.attend.following).remove(&(key.clone(), follower));
        // It may have been made anew, and have called, before that.
        self.shared.attend.call(&key, None);
    }

    /// Waits until a stream is not paused.
    ///
    /// # Errors
    /// It ended.
    async fn until_resumed(self: &Arc<Self>, key: &StreamKey) -> Result<(), ServiceError> {
        loop {
            let stream = self.existing(key).await?;
            let mut head = stream.watch();
            if !stream.is_paused() {
                return Ok(());
            }
            let end = head.borrow_and_update().end;
            match end {
                None => {
                    // The stream is held here, and with it the sender.
                    let _ = head.changed().await;
                }
                Some(End::Reopen) => {}
                Some(End::Destroyed | End::Shutdown) => {
                    return Err(ServiceError::NotFound(format!("stream {key} has ended")));
                }
            }
        }
    }

    /// Appends on behalf of a follower: after a pause if there is one, and again when the store does
    /// not take it. What a gate refuses is told in the service's own log.
    pub(super) async fn put_through(
        self: &Arc<Self>,
        key: &StreamKey,
        input: Input,
    ) -> Result<(), ServiceError> {
        loop {
            let incoming = Incoming::Valid(input.clone());
            match self.append_existing(key, incoming, Route::Hook).await {
                Ok(_) => return Ok(()),
                Err(ServiceError::Paused) => self.until_resumed(key).await?,
                Err(error @ (ServiceError::Unavailable(_) | ServiceError::NotFound(_))) => {
                    return Err(error);
                }
                Err(error) => {
                    tracing::warn!(stream = %key, %error, "an event of a follower was refused");
                    return Ok(());
                }
            }
        }
    }

    /// Where a follower stands on a stream, if it has ever said so.
    pub(super) async fn cursor<T: DeserializeOwned + Send + 'static>(
        &self,
        key: &StreamKey,
        follower: &Follower,
    ) -> Result<Option<T>, ServiceError> {
        let (store, name) = (Arc::clone(&self.shared.store), follower.cell(key));
        super::blocking(move || {
            let cells = store.cells(&name)?;
            let cell = cells.iter().find(|(found, _)| *found == name);
            Ok(cell.and_then(|(_, value)| serde_json::from_slice(value).ok()))
        })
        .await
    }

    /// Says where a follower stands. Not waited for: what a crash forgets is done again under the
    /// same idempotency keys.
    pub(super) fn set_cursor(&self, key: &StreamKey, follower: &Follower, cursor: &impl Serialize) {
        match serde_json::to_vec(cursor) {
            Ok(cursor) => {
                let name = follower.cell(key);
                self.shared.store.put(&name, Some(cursor.into()), ignored());
            }
            Err(error) => tracing::error!(stream = %key, %error, "a cursor cannot be stored"),
        }
    }

    async fn try_run_due(self: &Arc<Self>, key: &StreamKey) -> Result<(), ServiceError> {
        let stream = match self.existing(key).await {
            // It was destroyed meanwhile, and its schedules with it.
            Err(ServiceError::NotFound(_)) => return Ok(()),
            found => found?,
        };
        let now = self.shared.clock.now();
        for slug in stream.due(now) {
            match stream.run(&self.shared, &slug) {
                Admitted::Queued { done, .. } => {
                    done.await.unwrap_or(Err(StoreError::Closed))?;
                }
                Admitted::NotDue => {}
                Admitted::Refused(error) => return Err(error),
                Admitted::Gone | Admitted::Repeated(_) | Admitted::RepeatedInFlight(_) => {
                    return Err(ServiceError::Unavailable("it was reopened".to_owned()));
                }
            }
        }
        if let Some(next) = stream.next_due(now) {
            self.shared.attend.look_again(key, next);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Options;
    use crate::store::memory::MemoryStore;
    use serde_json::json;

    #[tokio::test]
    async fn what_acts_by_itself_makes_no_stream() {
        let store = Arc::new(MemoryStore::new().unwrap());
        let service = Service::open(store.clone(), Options::default()).unwrap();
        let key = StreamKey {
            project: "public".parse().unwrap(),
            path: "/destroyed".parse().unwrap(),
        };
        let input = || Input::new("note".to_owned(), json!({}));
        let appended = service
            .append_existing(&key, Incoming::Valid(input()), Route::Hook)
            .await;
        let refusals = [
            appended.map(drop),
            service.put_through(&key, input()).await,
            service
                .read_existing(&key, Bounds::default())
                .await
                .map(drop),
            service.state_of_existing(&key).await.map(drop),
        ];
        for refusal in refusals {
            assert!(
                matches!(refusal, Err(ServiceError::NotFound(_))),
                "{refusal:?}"
            );
        }
        assert_eq!(store.streams(), Ok(Vec::new()));

        let made = service.append(&key, Incoming::Valid(input()), Route::Hook);
        assert_eq!(made.await.unwrap().offset.0, 2);
        service.put_through(&key, input()).await.unwrap();
        assert_eq!(
            service.state_of_existing(&key).await.unwrap().event_count,
            3
        );
    }
}
