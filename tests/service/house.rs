//! A service to try things on: a clock moved by hand, and a store in memory between which and the
//! service commits can be held back, failed or refused.

use bytes::Bytes;
use evtui::model::event::Millis;
use evtui::model::offset::Offset;
use evtui::model::path::StreamKey;
use evtui::service::clock::{Clock, ManualClock};
use evtui::service::{
    Bound, Bounds, BreakerPolicy, Incoming, Options, Reader, Route, Service, ServiceError, Stored,
};
use evtui::store::memory::MemoryStore;
use evtui::store::{Batch, Commits, Done, Head, Record, Snapshot, Store, StoreError};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

pub const P: &str = "https://events.iterate.com/events/stream/";

/// Passes everything on to a store in memory, unless told otherwise.
pub struct HeldStore {
    inner: Arc<MemoryStore>,
    held: Mutex<VecDeque<Batch>>,
    holding: AtomicBool,
    waiting: watch::Sender<usize>,
    /// What every batch fails with.
    refusing: Mutex<Option<StoreError>>,
    pub panic_on_find: AtomicBool,
}

impl HeldStore {
    pub fn new() -> Arc<HeldStore> {
        HeldStore::of(Arc::new(MemoryStore::new().unwrap()), None)
    }

    fn of(inner: Arc<MemoryStore>, refusing: Option<StoreError>) -> Arc<HeldStore> {
        Arc::new(HeldStore {
            inner,
            held: Mutex::default(),
            holding: AtomicBool::new(false),
            waiting: watch::Sender::new(0),
            refusing: Mutex::new(refusing),
            panic_on_find: AtomicBool::new(false),
        })
    }

    /// The process on this side is gone: what it held is lost, what it still does has no effect.
    fn crash(&self) -> Arc<HeldStore> {
        let refusing = self.refusing.lock().unwrap().replace(StoreError::Closed);
        while let Some(batch) = self.take() {
            self.tell_failed(batch, StoreError::Closed);
        }
        HeldStore::of(self.inner.clone(), refusing)
    }

    /// Batches stay where they are until released or failed.
    pub fn hold(&self) {
        self.holding.store(true, Ordering::SeqCst);
    }

    /// Batches go through again, those held first.
    pub fn let_through(&self) {
        self.holding.store(false, Ordering::SeqCst);
        while self.release() {}
    }

    /// Lets the oldest batch held go to the store.
    pub fn release(&self) -> bool {
        let Some(batch) = self.take() else {
            return false;
        };
        self.inner.append(batch);
        true
    }

    /// The oldest batch held meets an error.
    pub fn fail(&self, error: StoreError) {
        let batch = self.take().expect("a batch held");
        self.tell_failed(batch, error);
    }

    /// Behind whatever was let through before, as a store would.
    fn tell_failed(&self, batch: Batch, error: StoreError) {
        let tell = Box::new(move |_| (batch.done)(Err(error)));
        self.inner.put("in order", None, tell);
    }

    /// As [`HeldStore::fail`], if one is held.
    pub fn fail_if_held(&self) {
        if let Some(batch) = self.take() {
            self.tell_failed(batch, disk_full());
        }
    }

    /// From now on every batch meets this error.
    pub fn refuse(&self, error: Option<StoreError>) {
        *self.refusing.lock().unwrap() = error;
    }

    /// Waits until so many batches are held.
    pub async fn holds(&self, count: usize) {
        let mut waiting = self.waiting.subscribe();
        waiting.wait_for(|held| *held >= count).await.unwrap();
    }

    fn take(&self) -> Option<Batch> {
        let batch = self.held.lock().unwrap().pop_front()?;
        self.waiting.send_modify(|held| *held -= 1);
        Some(batch)
    }
}

impl Store for HeldStore {
    fn append(&self, batch: Batch) {
        if let Some(error) = self.refusing.lock().unwrap().clone() {
            return self.tell_failed(batch, error);
        }
        if self.holding.load(Ordering::SeqCst) {
            self.held.lock().unwrap().push_back(batch);
            self.waiting.send_modify(|held| *held += 1);
            return;
        }
        self.inner.append(batch);
    }

    fn head(&self, stream: &StreamKey) -> Result<Option<Head>, StoreError> {
        self.inner.head(stream)
    }

    fn read(&self, s: &StreamKey, from: Offset, max: usize) -> Result<Vec<Record>, StoreError> {
        self.inner.read(s, from, max)
    }

    fn find(&self, stream: &StreamKey, key: &str) -> Result<Option<Record>, StoreError> {
        assert!(
            !self.panic_on_find.swap(false, Ordering::SeqCst),
            "find met its end"
        );
        self.inner.find(stream, key)
    }

    fn snapshot(&self, stream: &StreamKey) -> Result<Option<Snapshot>, StoreError> {
        self.inner.snapshot(stream)
    }

    fn streams(&self) -> Result<Vec<(StreamKey, Head)>, StoreError> {
        self.inner.streams()
    }

    fn destroy(&self, streams: Vec<StreamKey>, done: Done) {
        self.inner.destroy(streams, done);
    }

    fn put(&self, cell: &str, value: Option<Bytes>, done: Done) {
        self.inner.put(cell, value, done);
    }

    fn cells(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        self.inner.cells(prefix)
    }

    fn commits(&self) -> Commits {
        self.inner.commits()
    }

    fn read_only(&self) -> Option<String> {
        self.inner.read_only()
    }

    fn close(&self) {
        self.inner.close();
    }
}

pub struct House {
    pub store: Arc<HeldStore>,
    pub clock: Arc<ManualClock>,
    pub options: Options,
    pub service: Arc<Service>,
}

impl House {
    /// Without a circuit breaker.
    pub fn new() -> House {
        House::with(|options| options.breaker = BreakerPolicy::Off)
    }

    pub fn with(set: impl FnOnce(&mut Options)) -> House {
        let clock = Arc::new(ManualClock::new(Millis(1_000_000)));
        let mut options = Options {
            clock: clock.clone(),
            exe: env!("CARGO_BIN_EXE_evtui").into(),
            ..Options::default()
        };
        set(&mut options);
        let store = HeldStore::new();
        let service = Service::open(store.clone(), options.clone()).unwrap();
        House {
            store,
            clock,
            options,
            service,
        }
    }

    /// The process is gone: the clock that it looks at stands still from here on.
    pub fn crash(&mut self) {
        let clock = Arc::new(ManualClock::new(self.clock.now()));
        self.clock = clock.clone();
        self.options.clock = clock;
    }

    /// As after a crash: another service on what is durable.
    pub fn restart(&mut self) {
        self.store = self.store.crash();
        self.service = Service::open(self.store.clone(), self.options.clone()).unwrap();
    }

    pub async fn append(&self, path: &str, input: Value) -> Result<Stored, ServiceError> {
        let incoming = Incoming::Json(input);
        self.service
            .append(&key(path), incoming, Route::Streams)
            .await
    }

    /// Appends on a task of its own, which has begun when this returns.
    pub async fn appending(
        &self,
        path: &str,
        input: Value,
    ) -> tokio::task::JoinHandle<Result<Stored, ServiceError>> {
        let (service, key) = (self.service.clone(), key(path));
        let task = tokio::spawn(async move {
            service
                .append(&key, Incoming::Json(input), Route::Streams)
                .await
        });
        tokio::task::yield_now().await;
        task
    }

    pub async fn reader(&self, path: &str, bounds: Bounds) -> Reader {
        self.service.read(&key(path), bounds).await.unwrap()
    }

    /// All events, through a finite reading.
    pub async fn events(&self, path: &str) -> Vec<Value> {
        let bounds = Bounds {
            before: Some(Bound::End),
            ..Bounds::default()
        };
        drain(&mut self.reader(path, bounds).await).await
    }

    /// The types of all events, without the long prefix.
    pub async fn types(&self, path: &str) -> Vec<String> {
        let events = self.events(path).await;
        events.iter().map(short_type).collect()
    }

    pub async fn state(&self, path: &str) -> Value {
        serde_json::to_value(self.service.state(&key(path)).await.unwrap()).unwrap()
    }
}

pub fn short_type(event: &Value) -> String {
    let event_type = event["type"].as_str().unwrap();
    event_type.strip_prefix(P).unwrap_or(event_type).to_owned()
}

pub async fn drain(reader: &mut Reader) -> Vec<Value> {
    let mut events = Vec::new();
    while let Some(chunk) = reader.next().await {
        for entry in chunk.unwrap() {
            let event: Value = serde_json::from_slice(&entry.json).unwrap();
            assert_eq!(event["offset"], json!(entry.offset.0));
            events.push(event);
        }
    }
    events
}

pub fn key(path: &str) -> StreamKey {
    StreamKey {
        project: Default::default(),
        path: path.parse().unwrap(),
    }
}

pub fn said(stored: &Stored) -> Value {
    evtui::model::json::read(&stored.json).unwrap()
}

pub fn message(text: &str) -> Value {
    json!({"type": "message", "payload": {"text": text}})
}

pub fn built_in(name: &str, payload: Value) -> Value {
    json!({"type": format!("{P}{name}"), "payload": payload})
}

pub fn disk_full() -> StoreError {
    StoreError::Write("No space left on device".to_owned())
}

impl House {
    /// Durable events, asked of the store.
    pub fn store_len(&self, path: &str) -> u64 {
        self.store
            .head(&key(path))
            .unwrap()
            .map_or(0, |head| head.last.0)
    }

    /// The newest snapshot's offset.
    pub fn snapshot(&self, path: &str) -> Option<Offset> {
        let snapshot = self.store.snapshot(&key(path)).unwrap();
        snapshot.map(|snapshot| snapshot.offset)
    }
}
