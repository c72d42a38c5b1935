//! A service with workers, in this process.

#![allow(dead_code)] // Each test uses its part.

use evtui::model::path::StreamKey;
use evtui::service::workers::{WorkerOptions, Workers};
use evtui::service::{Bound, Bounds, Incoming, Options, Route, Service};
use evtui::store::Store;
use evtui::store::memory::MemoryStore;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

pub const PATIENCE: Duration = Duration::from_secs(180);
pub const P: &str = "https://events.iterate.com/events/stream/";

/// A service with workers.
pub struct Bench {
    pub service: Arc<Service>,
    pub workers: Workers,
}

impl Bench {
    pub async fn new() -> Bench {
        Bench::on(Arc::new(MemoryStore::new().unwrap())).await
    }

    pub async fn on(store: Arc<dyn Store>) -> Bench {
        Bench::with(store, |options| options).await
    }

    pub async fn with(
        store: Arc<dyn Store>,
        change: impl FnOnce(WorkerOptions) -> WorkerOptions,
    ) -> Bench {
        let options = Options {
            exe: env!("CARGO_BIN_EXE_evtui").into(),
            ..Options::default()
        };
        let service = Service::open(store, options).unwrap();
        let options = change(WorkerOptions::new(env!("CARGO_BIN_EXE_evtui").into()));
        let workers = Workers::start(&service, options).await.unwrap();
        Bench { service, workers }
    }

    pub async fn append(&self, path: &str, event: Value) -> Value {
        let incoming = Incoming::Json(event);
        let stored = self.service.append(&key(path), incoming, Route::Seed).await;
        serde_json::from_slice(&stored.unwrap().json).unwrap()
    }

    pub async fn deploy(&self, path: &str, slug: &str, script: &str) -> Value {
        let payload = json!({"slug": slug, "script": script});
        self.append(
            path,
            json!({"type": format!("{P}dynamic-worker/configured"), "payload": payload}),
        )
        .await
    }

    pub async fn events(&self, path: &str) -> Vec<Value> {
        let bounds = Bounds {
            after: Bound::Start,
            before: Some(Bound::End),
            live: false,
        };
        // The bound is exclusive: the last event is read by the finite reading without one.
        let bounds = Bounds {
            before: None,
            ..bounds
        };
        let mut reader = self.service.read(&key(path), bounds).await.unwrap();
        let mut events = Vec::new();
        while let Some(chunk) = reader.next().await {
            for entry in chunk.unwrap() {
                events.push(serde_json::from_slice(&entry.json).unwrap());
            }
        }
        events
    }

    /// Waits until some event of the stream is like this; gives it.
    pub async fn until(&self, path: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut reader = self
            .service
            .read(&key(path), Bounds::default())
            .await
            .unwrap();
        let found = timeout(PATIENCE, async {
            loop {
                for entry in reader.next().await.expect("goes on").unwrap() {
                    let event: Value = serde_json::from_slice(&entry.json).unwrap();
                    if is(&event) {
                        return event;
                    }
                }
            }
        });
        match found.await {
            Ok(event) => event,
            Err(_) => panic!("no {what} in {:#?}", self.events(path).await),
        }
    }

    pub async fn until_type(&self, path: &str, event_type: &str) -> Value {
        self.until(path, event_type, |event| event["type"] == event_type)
            .await
    }

    pub async fn secret(&self, name: &str, value: &str) {
        let project = "public".parse().unwrap();
        self.service
            .create_secret(&project, name, value, None)
            .await
            .unwrap();
    }

    pub async fn stop(self) {
        self.workers.stop().await;
        self.service.shutdown().await;
    }
}

pub fn key(path: &str) -> StreamKey {
    StreamKey {
        project: "public".parse().unwrap(),
        path: path.parse().unwrap(),
    }
}

pub fn payloads(events: &[Value], event_type: &str) -> Vec<Value> {
    let of_type = events.iter().filter(|e| e["type"] == event_type);
    of_type.map(|e| e["payload"].clone()).collect()
}

pub fn is_error(event: &Value) -> bool {
    event["type"] == format!("{P}error-occurred")
}

/// Counts the notes and echoes each with the count.
pub const ECHO: &str = "export default {
    initialState: { n: 0 },
    reduce: ({ event, state }) => event.type === 'note' ? { n: state.n + 1 } : undefined,
    async afterAppend({ append, event, state }) {
        if (event.type === 'note') await append({ type: 'echo', payload: { n: state.n, of: event.offset } });
    },
}";
