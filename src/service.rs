//! The event service (SPEC §1 to §4): streams in a tree, appended to, read, watched and destroyed, on
//! top of a store. It knows nothing of HTTP.
//!
//! ```text
//! append ─► draft (checked, encoded) ─► stream's critical section ─► store ─┬─► durable head ─► readers
//!            outside of any lock        offset, time, gates, state          └─► answer
//! ```

mod attend;
pub mod clock;
mod counts;
mod destroy;
mod draft;
mod error;
mod jsonata;
mod open;
mod reader;
mod recent;
mod schedule;
mod secrets;
mod stream;
mod streams;
mod transform;
mod webhook;
mod websocket;
pub mod workers;

pub use crate::model::stream_state::breaker::Policy as BreakerPolicy;
pub use counts::{Counted, Counts};
pub use destroy::Destroyed;
pub use draft::{Incoming, Route};
pub use error::ServiceError;
pub use reader::{Bound, Bounds, Reader};
pub use recent::Entry;
pub use secrets::{KeyError, KeySource, MAX_NAME_CHARS, Secret, SecretPage, SecretsError};
pub use stream::Stored;

use crate::model::built_in::BuiltIn;
use crate::model::event::Millis;
use crate::model::path::{Project, StreamKey, StreamPath};
use crate::model::stream_state::StreamState;
use crate::processor::worker::egress::Egress;
use crate::store::{Store, StoreError};
use clock::{Clock, SystemClock};
use draft::Draft;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use stream::{Admitted, End};
use streams::Streams;

/// How often idle streams are looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(30);
/// How often an append is tried again after another writer took its offset.
const TRIES: usize = 5;

/// How a service works.
#[derive(Clone)]
pub struct Options {
    /// The limit on streams that have not configured one of their own.
    pub breaker: BreakerPolicy,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where the key of the secrets is.
    pub secrets_key: KeySource,
    /// More streams than so many are not kept in memory without need.
    pub max_open_streams: usize,
    /// A stream unused for so long leaves memory.
    pub idle_after: Duration,
    /// Bytes of the newest events that a stream with live readers keeps for them.
    pub recent_bytes: usize,
    /// Where webhooks may go.
    pub egress: Egress,
    /// This program's own binary, started to evaluate JSONata. Empty: there is none, and every
    /// expression fails.
    pub exe: PathBuf,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            breaker: BreakerPolicy::default(),
            clock: Arc::new(SystemClock),
            secrets_key: KeySource::Memory,
            max_open_streams: 10_000,
            idle_after: Duration::from_secs(300),
            recent_bytes: 1 << 20,
            egress: Egress::default(),
            exe: PathBuf::new(),
        }
    }
}

/// One stream of a list (SPEC §3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Its path.
    pub path: StreamPath,
    /// When its first event was stored, RFC 3339.
    pub created_at: String,
}

/// Which streams an append may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    /// Made if it does not exist.
    Any,
    /// [`ServiceError::NotFound`] if it does not exist.
    Existing,
}

/// What every stream needs of the service.
pub(in crate::service) struct Shared {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    options: Options,
    counts: Counts,
    attend: attend::Attend,
}

/// The event service. All of it works from any number of tasks at once.
pub struct Service {
    shared: Arc<Shared>,
    streams: Arc<Streams>,
    /// Streams that this process has had open before, by [`Streams::hash`]: they are not woken again.
    met: Mutex<std::collections::HashSet<u64>>,
    secrets: secrets::Secrets,
    workers: workers::Door,
    destroying: tokio::sync::Mutex<()>,
    closing: AtomicBool,
    webhooks: webhook::Client,
    jsonata: jsonata::Jsonata,
}

impl Service {
    /// Opens the service on a store, which is its own from here on. Must be called inside a Tokio
    /// runtime; reads the secrets, so it may block on the disk for a moment.
    ///
    /// # Errors
    /// The store cannot be read, or the key of the secrets cannot be had.
    pub fn open(store: Arc<dyn Store>, options: Options) -> Result<Arc<Service>, SecretsError> {
        let secrets = secrets::Secrets::open(&*store, &options.secrets_key)?;
        let jsonata = jsonata::Jsonata::new(&options.exe);
        let service = Arc::new(Service {
            shared: Arc::new(Shared {
                store,
                clock: Arc::clone(&options.clock),
                options,
                counts: Counts::default(),
                attend: attend::Attend::default(),
            }),
            streams: Streams::new(),
            met: Mutex::default(),
            secrets,
            workers: workers::Door::default(),
            destroying: tokio::sync::Mutex::default(),
            closing: AtomicBool::new(false),
            webhooks: webhook::Client::default(),
            jsonata,
        });
        tokio::spawn(keep_house(Arc::downgrade(&service)));
        attend::start(&service);
        Ok(service)
    }

    /// Appends one event and answers once it is durable (SPEC §2). What is no event is stored too, as
    /// *invalid-event-appended*. The stream is made if it does not exist. A caller that goes away may
    /// leave the event appended.
    ///
    /// # Errors
    /// [`ServiceError::Paused`], [`ServiceError::OffsetMismatch`], [`ServiceError::InitializedTwice`] and
    /// [`ServiceError::Unavailable`]: nothing was stored. [`ServiceError::Internal`] and
    /// [`ServiceError::Damaged`] when the stream cannot be read.
    pub async fn append(
        self: &Arc<Self>,
        key: &StreamKey,
        incoming: Incoming,
        route: Route,
    ) -> Result<Stored, ServiceError> {
        self.append_to(key, incoming, route, To::Any).await
    }

    async fn append_to(
        self: &Arc<Self>,
        key: &StreamKey,
        incoming: Incoming,
        route: Route,
        to: To,
    ) -> Result<Stored, ServiceError> {
        let draft = Draft::new(&key.path, incoming, route);
        let invalid = draft.invalid;
        let stored = self.append_draft(key, draft, to).await?;
        if invalid {
            self.shared.counts.invalid();
        }
        Ok(stored)
    }

    async fn append_draft(
        self: &Arc<Self>,
        key: &StreamKey,
        mut draft: Draft,
        to: To,
    ) -> Result<Stored, ServiceError> {
        let mut tries = 0;
        let configures = draft.built_in == Some(BuiltIn::DynamicWorkerConfigured);
        if configures {
            self.expect_workers(key);
        }
        loop {
            let stream = match to {
                To::Any => self.stream(key, draft.metadata()).await?,
                To::Existing => self.existing(key).await?,
            };
            match stream.admit(&self.shared, &mut draft) {
                Admitted::Gone | Admitted::NotDue => {}
                Admitted::Refused(error) => return Err(error),
                Admitted::Repeated(entry) => return Ok(self.repeated(entry)),
                Admitted::RepeatedInFlight(entry) => {
                    if stream.durable(entry.offset).await {
                        return Ok(self.repeated(entry));
                    }
                    // The one with the same key was not stored: now this one may be.
                }
                Admitted::Queued { offset, json, done } => match done.await {
                    Ok(Ok(())) => {
                        if draft.built_in == Some(BuiltIn::Resumed) {
                            let catch_up = Arc::clone(self).catch_up_with_children(key.clone());
                            // Waited for so that who resumed finds it whole, and on a task of its own
                            // so that it happens even if nobody waits; it tells its failures itself.
                            let _ = tokio::spawn(catch_up).await;
                        }
                        if configures {
                            self.workers.configured(key);
                        }
                        return Ok(Stored {
                            offset,
                            json,
                            repeated: false,
                        });
                    }
                    Ok(Err(StoreError::Conflict { .. })) if tries < TRIES => tries += 1,
                    Ok(Err(error)) => return Err(error.into()),
                    Err(_) => {
                        stream.abandon();
                        return Err(StoreError::Closed.into());
                    }
                },
            }
        }
    }

    fn repeated(&self, entry: Entry) -> Stored {
        self.shared.counts.repeated();
        Stored {
            offset: entry.offset,
            json: entry.json,
            repeated: true,
        }
    }

    /// Begins to read a stream, which is made if it does not exist (SPEC §1, §3.1).
    ///
    /// # Errors
    /// As [`Service::append`], when the stream cannot be opened.
    pub async fn read(
        self: &Arc<Self>,
        key: &StreamKey,
        bounds: Bounds,
    ) -> Result<Reader, ServiceError> {
        let stream = self.stream(key, None).await?;
        Reader::new(Arc::clone(self), stream, bounds)
    }

    /// A stream's reduced state (SPEC §3), of durable events only. The stream is made if it does not
    /// exist, as by any reading.
    ///
    /// # Errors
    /// As [`Service::append`], when the stream cannot be opened.
    pub async fn state(self: &Arc<Self>, key: &StreamKey) -> Result<StreamState, ServiceError> {
        loop {
            let stream = self.stream(key, None).await?;
            if let Some(state) = stream.durable_state().await {
                return Ok(state);
            }
        }
    }

    /// The stream itself, if it exists, and all streams below it, newest first (SPEC §3). Creates
    /// nothing. A project's streams are those at and below its root.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`], [`ServiceError::Internal`].
    pub async fn children(&self, key: &StreamKey) -> Result<Vec<Listed>, ServiceError> {
        let mut listed = self.listed(key).await?;
        listed.sort_unstable_by(|(a, of_a), (b, of_b)| (of_b, b).cmp(&(of_a, a)));
        Ok(listed
            .into_iter()
            .map(|(key, created_at)| Listed {
                path: key.path,
                created_at: created_at.to_string(),
            })
            .collect())
    }

    /// The streams at and below a path, with their times of birth.
    async fn listed(&self, key: &StreamKey) -> Result<Vec<(StreamKey, Millis)>, ServiceError> {
        let (store, top) = (Arc::clone(&self.shared.store), key.clone());
        blocking(move || {
            let all = store.streams()?.into_iter();
            let below = |key: &StreamKey| key.project == top.project && top.path.holds(&key.path);
            Ok(all
                .filter(|(key, _)| below(key))
                .map(|(key, head)| (key, head.created_at))
                .collect())
        })
        .await
    }

    /// All streams of a project, newest first: [`Service::children`] of `/`.
    ///
    /// # Errors
    /// As [`Service::children`].
    pub async fn project_streams(&self, project: &Project) -> Result<Vec<Listed>, ServiceError> {
        let root = StreamKey {
            project: project.clone(),
            path: StreamPath::root(),
        };
        self.children(&root).await
    }

    /// What was counted so far.
    #[must_use]
    pub fn counted(&self) -> Counted {
        let commits = self.shared.store.commits();
        self.shared.counts.now(self.streams.len(), commits)
    }

    /// Why nothing can be appended though everything can be read, if so: the store takes no writes
    /// until it is opened anew.
    #[must_use]
    pub fn read_only(&self) -> Option<String> {
        self.shared.store.read_only()
    }

    /// Refuses new appends, commits what was accepted, closes the store and ends all readers: those
    /// that kept up after the last durable event, slower ones where they are.
    pub async fn shutdown(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.shared.attend.stop();
        let streams = self.streams.close_all(End::Shutdown);
        let store = Arc::clone(&self.shared.store);
        // Fails only if the store panics, which it says itself.
        let _ = tokio::task::spawn_blocking(move || store.close()).await;
        for stream in streams {
            stream.settled().await;
        }
        // Streams that were being opened meanwhile.
        self.streams.close_all(End::Shutdown);
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    fn let_go_of_idle(&self) {
        let options = &self.shared.options;
        let idle = i64::try_from(options.idle_after.as_millis()).unwrap_or(i64::MAX);
        // Some below the limit, so that not every stream opened has to look for another to close.
        let most = options.max_open_streams - options.max_open_streams / 8;
        self.streams.let_go(most, idle);
    }

    fn met(&self) -> MutexGuard<'_, std::collections::HashSet<u64>> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.attend.stop();
    }
}

/// Lets idle streams go now and then, as long as the service is there.
async fn keep_house(service: Weak<Service>) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    loop {
        ticks.tick().await;
        match service.upgrade() {
            Some(service) if !service.is_closing() => service.let_go_of_idle(),
            _ => return,
        }
    }
}

/// Runs what may wait for the disk where that holds up nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, ServiceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ServiceError::Internal(error.to_string())),
    }
}
