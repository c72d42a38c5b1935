//! Running hand-written hooks in a real live worker, on a stream kept in memory.
#![allow(dead_code)] // Each test binary uses its part.

use bytes::Bytes;
use evtui::model::event::Millis;
use evtui::processor::program::Program;
use evtui::processor::source::{Input, prepare};
use evtui::processor::worker::egress::Egress;
use evtui::processor::worker::fetch::{Fetcher, Gateway};
use evtui::processor::worker::{Append, Config, Limits, Outcome, Outside, Refused, Worker};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a worker reaches, and what it did with it.
#[derive(Default)]
pub struct Stream(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    events: Vec<Bytes>,
    appends: Vec<Append>,
    logs: Vec<(String, String)>,
    strays: Vec<(u64, String)>,
    secrets: BTreeMap<String, String>,
    reads: usize,
    refuses: bool,
}

impl Stream {
    pub fn new() -> Arc<Stream> {
        Arc::default()
    }

    /// Adds an event of type `t` with this payload.
    pub fn push(&self, payload: Value) -> u64 {
        self.push_event(json!({ "type": "t", "payload": payload }))
    }

    pub fn push_event(&self, mut event: Value) -> u64 {
        let mut inner = self.0.lock().unwrap();
        let offset = inner.events.len() as u64 + 1;
        event["streamPath"] = json!("/t");
        event["offset"] = json!(offset);
        event["createdAt"] = json!(Millis(1_700_000_000_000 + offset as i64 * 1000).to_string());
        inner.events.push(event.to_string().into());
        offset
    }

    pub fn event(&self, offset: u64) -> Bytes {
        self.0.lock().unwrap().events[offset as usize - 1].clone()
    }

    pub fn len(&self) -> u64 {
        self.0.lock().unwrap().events.len() as u64
    }

    /// The events that the worker appended, as given.
    pub fn appended(&self) -> Vec<Value> {
        let inner = self.0.lock().unwrap();
        inner
            .appends
            .iter()
            .map(|a| serde_json::from_slice(&a.event).unwrap())
            .collect()
    }

    pub fn appends(&self) -> Vec<Append> {
        self.0.lock().unwrap().appends.clone()
    }

    pub fn logs(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap().logs.clone()
    }

    pub fn strays(&self) -> Vec<(u64, String)> {
        self.0.lock().unwrap().strays.clone()
    }

    /// How often history was read.
    pub fn reads(&self) -> usize {
        self.0.lock().unwrap().reads
    }

    pub fn secret(&self, name: &str, value: &str) {
        let mut inner = self.0.lock().unwrap();
        inner.secrets.insert(name.into(), value.into());
    }

    /// Every append is refused from now on, as on a paused stream.
    pub fn refuse(&self) {
        self.0.lock().unwrap().refuses = true;
    }
}

impl Outside for Stream {
    fn history(&self, from: u64) -> BoxFuture<'static, Result<Vec<Bytes>, Refused>> {
        let mut inner = self.0.lock().unwrap();
        inner.reads += 1;
        let events = inner.events.iter().skip(from as usize - 1).cloned();
        let events: Vec<Bytes> = events.collect();
        async move { Ok(events) }.boxed()
    }

    fn append(&self, append: Append) -> BoxFuture<'static, Result<Bytes, Refused>> {
        let mut inner = self.0.lock().unwrap();
        if inner.refuses {
            let refused = Refused {
                message: "stream is paused".into(),
                code: "PRECONDITION_FAILED",
                status: 412,
            };
            return async move { Err(refused) }.boxed();
        }
        let mut stored: Value = serde_json::from_slice(&append.event).unwrap();
        if stored.is_object() {
            stored["offset"] = json!(inner.appends.len() + 1000);
        }
        inner.appends.push(append);
        async move { Ok(stored.to_string().into()) }.boxed()
    }

    fn secret(&self, name: &str) -> BoxFuture<'static, Result<Option<String>, Refused>> {
        let secret = self.0.lock().unwrap().secrets.get(name).cloned();
        async move { Ok(secret) }.boxed()
    }

    fn log(&self, level: &str, text: &str) {
        let mut inner = self.0.lock().unwrap();
        inner.logs.push((level.into(), text.into()));
    }

    fn stray(&self, offset: u64, message: &str, _: &str) {
        let mut inner = self.0.lock().unwrap();
        inner.strays.push((offset, message.into()));
    }
}

/// A program as evtui prepares it.
pub fn prepared(source: &str) -> Program {
    let input = Input::Script {
        slug: "test".into(),
        text: source.into(),
    };
    prepare(&input).expect("prepares")
}

pub fn config(source: &str, stream: &Arc<Stream>) -> Config {
    Config {
        exe: env!("CARGO_BIN_EXE_evtui").into(),
        program: Arc::new(prepared(source)),
        limits: Limits::default(),
        env: BTreeMap::new(),
        gateway: None::<Gateway>,
        fetcher: Arc::new(Fetcher::new(Egress::default()).expect("a client")),
        outside: stream.clone(),
    }
}

/// With limits short enough for tests of runaways.
pub fn short(source: &str, stream: &Arc<Stream>) -> Config {
    Config {
        limits: Limits {
            reduce_timeout: Duration::from_millis(300),
            hook_timeout: Duration::from_millis(700),
            memory: 200 << 20,
        },
        ..config(source, stream)
    }
}

/// Pushes an event with this payload and delivers it.
pub async fn deliver(worker: &mut Worker, stream: &Stream, payload: Value) -> Outcome {
    let offset = stream.push(payload);
    let event = stream.event(offset);
    worker.deliver(offset, &event).await.expect("goes on")
}

/// What the body of an async function gives inside a hook, as JSON.
pub async fn eval(body: &str) -> Value {
    eval_on(&Stream::new(), body).await
}

/// The same on a stream of one's own.
pub async fn eval_on(stream: &Arc<Stream>, body: &str) -> Value {
    let code = format!(
        "const caught = async f => {{ try {{ await f(); return 'nothing thrown'; }} catch (e) {{ return e?.name; }} }};
         export default {{ initialState: null, async afterAppend({{ append, event, state, logger }}) {{
            const result = await (async () => {{ {body} }})();
            await append({{ type: 'result', payload: {{ result: result === undefined ? null : result }} }});
         }} }}"
    );
    let mut config = config(&code, stream);
    config.limits.hook_timeout = Duration::from_secs(30);
    let mut worker = Worker::new(config);
    let outcome = deliver(&mut worker, stream, json!({})).await;
    assert_eq!(outcome, Outcome::Done, "{body}");
    assert_eq!(stream.strays(), [], "{body}");
    stream.appended().pop().expect("a result")["payload"]["result"].clone()
}
