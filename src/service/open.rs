//! Opening a stream: from the store if it is there, or else made, with a word to every stream above
//! it (SPEC §1, §2).

use super::draft::Draft;
use super::error::ServiceError;
use super::stream::{Admitted, End, Stream};
use super::streams::{Claim, Look};
use super::{Service, Shared, To};
use crate::model::built_in::BuiltIn;
use crate::model::event::{Event, Millis};
use crate::model::offset::Offset;
use crate::model::path::{StreamKey, StreamPath};
use crate::model::peek;
use crate::model::stream_state::StreamState;
use crate::model::stream_state::breaker::Policy;
use crate::model::validate::Input;
use crate::processor::deployments::named;
use crate::store::{Head, Store, StoreError};
use serde_json::{Map, Value, json};
use std::pin::Pin;
use std::sync::Arc;

/// Bytes read from the store at a time while folding.
const FOLD_BYTES: usize = 1 << 20;
/// How often an open is tried again after another writer was faster.
const TRIES: usize = 5;

/// What to do about a stream that is not there.
#[derive(Clone)]
enum Absent {
    /// Make it, with this metadata on `initialized`.
    Make(Option<Map<String, Value>>),
    /// Say so.
    Leave,
}

impl Service {
    /// The stream, opened or made if need be. `metadata` goes onto `initialized` if it is made now.
    pub(super) async fn stream(
        self: &Arc<Self>,
        key: &StreamKey,
        metadata: Option<&Map<String, Value>>,
    ) -> Result<Arc<Stream>, ServiceError> {
        loop {
            match self.reach(key, Absent::Make(metadata.cloned())).await {
                // Whoever was first to ask would not have it made.
                Err(ServiceError::NotFound(_)) => {}
                result => return result,
            }
        }
    }

    /// The stream, if there is one: what acts by itself must not make a destroyed stream anew.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub(super) async fn existing(
        self: &Arc<Self>,
        key: &StreamKey,
    ) -> Result<Arc<Stream>, ServiceError> {
        self.reach(key, Absent::Leave).await
    }

    async fn reach(
        self: &Arc<Self>,
        key: &StreamKey,
        absent: Absent,
    ) -> Result<Arc<Stream>, ServiceError> {
        loop {
            let mut outcome = match self.streams.look(key) {
                Look::Open(stream) => return Ok(stream),
                Look::Wait(outcome) => outcome,
                Look::Mine(claim, old) => {
                    if self.is_closing() {
                        return Err(ServiceError::shutting_down());
                    }
                    let outcome = claim.outcome();
                    // On a task of its own: a caller that goes away leaves nothing half opened.
                    let open = Arc::clone(self).open_claimed(claim, old, absent.clone());
                    tokio::spawn(open);
                    outcome
                }
            };
            if let Ok(outcome) = outcome.wait_for(Option::is_some).await
                && let Some(result) = &*outcome
            {
                return result.clone();
            }
        }
    }

    /// Boxed, since opening a stream may append to the ones above it, which opens them.
    fn open_claimed(
        self: Arc<Self>,
        claim: Claim,
        old: Option<Arc<Stream>>,
        absent: Absent,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            if let Some(old) = old {
                old.settled().await;
            }
            let result = self.open_stream(claim.key(), absent).await;
            if let Ok(stream) = &result {
                stream.call(&self.shared);
            }
            match &result {
                Ok(_) | Err(ServiceError::NotFound(_)) => {}
                Err(error) => {
                    tracing::error!(stream = %claim.key(), %error, "a stream cannot be opened");
                }
            }
            claim.finish(result);
            if self.streams.len() > self.shared.options.max_open_streams {
                self.let_go_of_idle();
            }
        })
    }

    async fn open_stream(
        self: &Arc<Self>,
        key: &StreamKey,
        absent: Absent,
    ) -> Result<Arc<Stream>, ServiceError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let loaded = self.load(key).await?;
            let exists = loaded.head.is_some();
            let woken = exists && !self.first_time(key);
            if woken {
                return Ok(loaded.into_stream(key));
            }
            let stream = loaded.into_stream(key);
            let mut draft = match &absent {
                _ if exists => Draft::own(&key.path, BuiltIn::WokeUp, json!({})),
                Absent::Leave => {
                    let why = format!("there is no stream {key}");
                    return Err(ServiceError::NotFound(why));
                }
                Absent::Make(metadata) => {
                    let payload =
                        json!({"projectSlug": key.project.as_str(), "path": key.path.as_str()});
                    Draft::of(
                        &key.path,
                        Input {
                            metadata: metadata.clone(),
                            ..Input::new(BuiltIn::Initialized.to_string(), payload)
                        },
                    )
                }
            };
            match self.commit(&stream, &mut draft).await {
                Ok(created) => {
                    self.remember(key);
                    let of = match exists {
                        false => Event::parse(&created).ok(),
                        true => self.first_event(key).await,
                    };
                    if let Some(initialized) = of {
                        self.announce(key, &initialized).await;
                    }
                    return Ok(stream);
                }
                Err(StoreError::Conflict { .. }) if tries < TRIES => {}
                // What cannot be written to can still be read.
                Err(error) if exists => {
                    tracing::warn!(stream = %key, %error, "opened for reading only");
                    return Ok(self.load(key).await?.into_stream(key));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// One event of the service's own into a stream that is not open to others yet.
    async fn commit(
        &self,
        stream: &Arc<Stream>,
        draft: &mut Draft,
    ) -> Result<bytes::Bytes, StoreError> {
        match stream.admit(&self.shared, draft) {
            Admitted::Queued { json, done, .. } => match done.await {
                Ok(result) => result.map(|()| json),
                Err(_) => Err(StoreError::Closed),
            },
            Admitted::Repeated(entry) | Admitted::RepeatedInFlight(entry) => Ok(entry.json),
            Admitted::Refused(error) => Err(StoreError::Write(error.to_string())),
            Admitted::Gone | Admitted::NotDue => Err(StoreError::Closed),
        }
    }

    async fn load(&self, key: &StreamKey) -> Result<Loaded, ServiceError> {
        let (shared, key) = (Arc::clone(&self.shared), key.clone());
        super::blocking(move || load(&shared, &key)).await
    }

    async fn first_event(&self, key: &StreamKey) -> Option<Event> {
        let (store, key) = (Arc::clone(&self.shared.store), key.clone());
        let read = move || Ok(store.read(&key, Offset::FIRST, 1)?);
        let records = super::blocking(read).await.ok()?;
        Event::parse(&records.first()?.json).ok()
    }

    /// Tells every stream above that this one was initialized, without waking those that know.
    async fn announce(self: &Arc<Self>, child: &StreamKey, initialized: &Event) {
        for above in child.path.ancestors() {
            let ancestor = StreamKey {
                project: child.project.clone(),
                path: above,
            };
            let known = announcement_key(&child.path, initialized);
            if !self.knows(&ancestor, &known).await {
                self.tell(&ancestor, child, initialized).await;
            }
        }
    }

    /// Tells a stream once of one below it: the event's idempotency key is made of the child and its
    /// time of birth, so that what a crash or a pause kept from being told can be told later.
    async fn tell(self: &Arc<Self>, ancestor: &StreamKey, child: &StreamKey, initialized: &Event) {
        let draft = Draft::of(
            &ancestor.path,
            Input {
                metadata: match &initialized.metadata {
                    Some(Value::Object(metadata)) => Some(metadata.clone()),
                    _ => None,
                },
                idempotency_key: Some(announcement_key(&child.path, initialized)),
                ..Input::new(
                    BuiltIn::ChildStreamCreated.to_string(),
                    json!({"childPath": child.path.as_str()}),
                )
            },
        );
        match self.append_draft(ancestor, draft, To::Any).await {
            Ok(_) => {}
            Err(ServiceError::Paused) => {
                tracing::info!(stream = %ancestor, %child, "paused; told of its child once resumed");
            }
            Err(error) => {
                tracing::warn!(stream = %ancestor, %child, %error, "not told of its child until that is opened again");
            }
        }
    }

    async fn knows(&self, stream: &StreamKey, key: &str) -> bool {
        let store = Arc::clone(&self.shared.store);
        let (stream, key) = (stream.clone(), key.to_owned());
        let found = super::blocking(move || Ok(store.find(&stream, &key)?.is_some())).await;
        found.unwrap_or(false)
    }

    /// After a pause: tells a stream of what was initialized below it meanwhile. Boxed, since telling
    /// is appending, which may end a pause.
    pub(super) fn catch_up_with_children(
        self: Arc<Self>,
        key: StreamKey,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let store = Arc::clone(&self.shared.store);
            let of = key.clone();
            let untold = super::blocking(move || Ok(untold(&*store, &of)?)).await;
            match untold {
                Ok(children) => {
                    for (child, initialized) in children {
                        self.tell(&key, &child, &initialized).await;
                    }
                }
                Err(error) => tracing::warn!(%error, "children not looked for after a pause"),
            }
        })
    }

    /// Whether this process has not had the stream open before.
    fn first_time(&self, key: &StreamKey) -> bool {
        !self.met().contains(&self.streams.hash(key))
    }

    fn remember(&self, key: &StreamKey) {
        self.met().insert(self.streams.hash(key));
    }
}

fn announcement_key(child: &StreamPath, initialized: &Event) -> String {
    let born = initialized.created_at.as_deref().unwrap_or_default();
    format!("child-stream-created:{child}@{born}")
}

/// Streams below `key` that it has not been told of, oldest first, with their first events.
fn untold(store: &dyn Store, key: &StreamKey) -> Result<Vec<(StreamKey, Event)>, StoreError> {
    let mut below: Vec<(StreamKey, Head)> = store
        .streams()?
        .into_iter()
        .filter(|(child, _)| {
            child.project == key.project && child != key && key.path.holds(&child.path)
        })
        .collect();
    below.sort_by(|(a, of_a), (b, of_b)| (of_a.created_at, a).cmp(&(of_b.created_at, b)));
    let mut untold = Vec::new();
    for (child, _) in below {
        let first = store.read(&child, Offset::FIRST, 1)?;
        let Some(initialized) = first.first().and_then(|r| Event::parse(&r.json).ok()) else {
            continue;
        };
        let told = store.find(key, &announcement_key(&child.path, &initialized))?;
        if told.is_none() {
            untold.push((child, initialized));
        }
    }
    Ok(untold)
}

/// A stream as the store has it.
pub(super) struct Loaded {
    pub head: Option<Head>,
    pub state: StreamState,
    /// Events folded since the newest snapshot.
    unsaved: u64,
}

impl Loaded {
    fn into_stream(self, key: &StreamKey) -> Arc<Stream> {
        let last = self.head.map_or(Offset(0), |head| head.last);
        Arc::new(Stream::new(key.clone(), self.state, last, self.unsaved))
    }
}

/// Folds a stream from its newest snapshot on. Damaged events are counted and passed over.
pub(super) fn load(shared: &Shared, key: &StreamKey) -> Result<Loaded, ServiceError> {
    let store = &*shared.store;
    let Some(head) = store.head(key)? else {
        return Ok(Loaded {
            head: None,
            state: StreamState::default(),
            unsaved: 0,
        });
    };
    let snapshot = store
        .snapshot(key)?
        .filter(|snapshot| snapshot.offset <= head.last)
        .and_then(|s| Some((s.offset, serde_json::from_slice(&s.state).ok()?)));
    let (folded, mut state): (Offset, StreamState) =
        snapshot.unwrap_or((Offset(0), StreamState::default()));
    let mut next = folded.next();
    while next <= head.last {
        match store.read(key, next, FOLD_BYTES) {
            Ok(records) if records.is_empty() => {
                let missing = format!("stream {key}: the store has no event {next}");
                return Err(ServiceError::Internal(missing));
            }
            Ok(records) => {
                for record in records.iter().filter(|record| record.offset <= head.last) {
                    fold(&mut state, shared.options.breaker, &record.json);
                    next = record.offset.next();
                }
            }
            Err(StoreError::Corrupt { until, what, .. }) => {
                tracing::error!(stream = %key, from = next.0, until = until.0, what, "damaged events left out of the state");
                state.event_count += until.0 + 1 - next.0;
                next = until.next();
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Loaded {
        unsaved: head.last.0 - folded.0,
        head: Some(head),
        state,
    })
}

/// Only events of built-in types are parsed whole.
fn fold(state: &mut StreamState, policy: Policy, json: &[u8]) {
    let event_type = peek::text_member(json, "type").unwrap_or_default();
    if BuiltIn::parse(&event_type).is_none() {
        let time = peek::text_member(json, "createdAt");
        state.reduce_ordinary_under(policy, time.as_deref().and_then(Millis::parse));
        return;
    }
    match Event::parse(json) {
        Ok(event) => state.reduce_under(policy, &named(&event)),
        Err(error) => {
            tracing::error!(%error, "a stored event is no event; left out of the state");
            state.event_count += 1;
        }
    }
}

impl Claim {
    /// Takes a stream away from everybody, waiting for who is at it.
    pub(super) async fn of(
        service: &Arc<Service>,
        key: &StreamKey,
    ) -> (Claim, Option<Arc<Stream>>) {
        loop {
            match service.streams.claim(key) {
                Look::Mine(claim, old) => {
                    if let Some(old) = &old {
                        old.close(End::Reopen);
                    }
                    return (claim, old);
                }
                Look::Wait(mut outcome) => {
                    // Told or left without a word: look again either way.
                    let _ = outcome.wait_for(Option::is_some).await;
                }
                Look::Open(_) => tokio::task::yield_now().await,
            }
        }
    }
}
