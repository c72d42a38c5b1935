//! Talking to a server over TCP: ours in this process on a free port, or the one that
//! `EVTUI_CONTRACT_URL` names.

#![allow(dead_code)] // Each test uses its part.

use evtui::server;
use evtui::service::{Options, Service};
use evtui::store::memory::MemoryStore;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

/// Longest that a test waits for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// What the server writes before the names of its own types.
pub const P: &str = "https://events.iterate.com/events/stream/";

/// A server, and a project and a folder of streams in it that no other test uses.
pub struct Api {
    pub base: String,
    /// It is an evtui.
    pub ours: bool,
    pub project: String,
    pub client: reqwest::Client,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        evtui::model::json::read(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The stored event of an append.
    pub fn event(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()["event"].clone()
    }

    /// The message of an error, whose shape is checked (SPEC §3).
    pub fn error(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        let error = self.json();
        assert_eq!(error["defined"], false);
        assert_eq!(error["code"], code);
        assert_eq!(error["status"], status);
        assert_eq!(error.as_object().unwrap().len(), 4);
        error["message"].as_str().unwrap().to_owned()
    }
}

/// Whether a server has what only ours has: `/healthz`.
fn is_evtui(base: &str) -> bool {
    let Some(address) = base.strip_prefix("http://") else {
        return false;
    };
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let answer = raw(address, request.as_bytes());
    status(&answer) == 200 && String::from_utf8_lossy(&answer).contains("\"ok\": true")
}

/// A server on a thread of its own, for as long as the process lives.
pub fn start(options: server::Options, service: Options) -> String {
    let (told, base) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let store = Arc::new(MemoryStore::new().unwrap());
            let service = Service::open(store, service).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(format!("http://{}", listener.local_addr().unwrap()))
                .unwrap();
            server::run(listener, service, options, std::future::pending()).await;
        });
    });
    base.recv().unwrap()
}

impl Api {
    pub fn new() -> Api {
        static OURS: OnceLock<String> = OnceLock::new();
        match std::env::var("EVTUI_CONTRACT_URL") {
            Ok(base) => {
                let base = base.trim_end_matches('/');
                static IS_OURS: OnceLock<bool> = OnceLock::new();
                Api::at(base.to_owned(), *IS_OURS.get_or_init(|| is_evtui(base)))
            }
            Err(_) => {
                let options = || Options {
                    exe: env!("CARGO_BIN_EXE_evtui").into(),
                    ..Options::default()
                };
                let start = || start(server::Options::default(), options());
                Api::at(OURS.get_or_init(start).clone(), true)
            }
        }
    }

    pub fn at(base: String, ours: bool) -> Api {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_nanos();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Api {
            base,
            ours,
            project: format!("contract-{}-{now:x}-{count}", std::process::id()),
            client: reqwest::Client::builder().build().unwrap(),
        }
    }

    /// Says so when the server is not ours, and the test asks what only ours promises.
    pub fn is_ours(&self) -> bool {
        if !self.ours {
            eprintln!("left out: what is asked here is ours alone");
        }
        self.ours
    }

    fn request(&self, method: &str, target: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{target}", self.base);
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.client
            .request(method, url)
            .header("x-iterate-project", &self.project)
    }

    pub async fn call(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let mut request = self.request(method, target).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.timeout(PATIENCE).send().await.unwrap();
        let headers = response.headers().iter();
        Answer {
            status: response.status().as_u16(),
            headers: headers
                .map(|(name, value)| {
                    (
                        name.to_string(),
                        String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    )
                })
                .collect(),
            body: response.bytes().await.unwrap().to_vec(),
        }
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.call("GET", target, &[], "").await
    }

    pub async fn post(&self, target: &str, body: &Value) -> Answer {
        let kind = [("content-type", "application/json")];
        self.call("POST", target, &kind, body.to_string()).await
    }

    /// Appends to a stream of this test's project.
    pub async fn append(&self, path: &str, body: &Value) -> Answer {
        self.post(&format!("/api/streams{path}"), body).await
    }

    /// All events of a stream.
    pub async fn history(&self, path: &str) -> Vec<Value> {
        self.events(&format!("/api/streams{path}?before=end")).await
    }

    /// The events of a finite reading.
    pub async fn events(&self, target: &str) -> Vec<Value> {
        let answer = self.get(target).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        frames(answer.text())
            .into_iter()
            .filter_map(|frame| match frame {
                Frame::Message { data, .. } => Some(data),
                _ => None,
            })
            .collect()
    }

    /// Begins to read server-sent events.
    pub async fn read(&self, target: &str, headers: &[(&str, &str)]) -> Reading {
        let mut request = self.request("GET", target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = tokio::time::timeout(PATIENCE, request.send())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(response.status(), 200);
        Reading {
            response,
            text: String::new(),
        }
    }

    /// The address of the server, for raw bytes.
    pub fn address(&self) -> &str {
        self.base
            .strip_prefix("http://")
            .expect("raw bytes are for plain HTTP")
    }
}

/// One frame of a server-sent event stream.
#[derive(Debug, PartialEq)]
pub enum Frame {
    Comment,
    Message { id: Option<u64>, data: Value },
    Other { event: String, data: String },
}

/// Splits a text of whole frames.
pub fn frames(text: &str) -> Vec<Frame> {
    text.split_terminator("\n\n").map(frame).collect()
}

fn frame(text: &str) -> Frame {
    let (mut id, mut event, mut data) = (None, "message".to_owned(), String::new());
    let mut comments = 0;
    for line in text.lines() {
        match line
            .split_once(':')
            .map(|(field, rest)| (field, rest.trim_start()))
        {
            Some(("", _)) => comments += 1,
            Some(("id", value)) => id = Some(value.parse().unwrap()),
            Some(("event", value)) => value.clone_into(&mut event),
            Some(("data", value)) => data.push_str(value),
            _ => panic!("no field: {line:?}"),
        }
    }
    match event.as_str() {
        "message" if data.is_empty() => {
            assert!(comments > 0, "an empty frame in {text:?}");
            Frame::Comment
        }
        "message" => Frame::Message {
            id,
            data: evtui::model::json::read(data.as_bytes()).unwrap(),
        },
        _ => Frame::Other { event, data },
    }
}

/// An open reading.
pub struct Reading {
    pub response: reqwest::Response,
    text: String,
}

impl Reading {
    /// The next frame; `None` at the end of the body.
    pub async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some((first, rest)) = self.text.split_once("\n\n") {
                let found = frame(first);
                self.text = rest.to_owned();
                return Some(found);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk.expect("nothing came").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event; `None` at the end of the body.
    pub async fn event(&mut self) -> Option<Value> {
        loop {
            match self.frame().await? {
                Frame::Comment => {}
                Frame::Message { data, .. } => return Some(data),
                other => panic!("{other:?}"),
            }
        }
    }

    /// The offsets of the next events.
    pub async fn offsets(&mut self, count: usize) -> Vec<u64> {
        let mut offsets = Vec::new();
        for _ in 0..count {
            let event = self.event().await.expect("the reading ended");
            offsets.push(event["offset"].as_u64().unwrap());
        }
        offsets
    }
}

/// Sends bytes as they are and reads until the other side closes.
pub fn raw(address: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // A server that has heard enough may close before all is written.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// The status of a raw answer.
pub fn status(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(answer);
    let status = text
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    status
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("no answer: {text:?}"))
}

/// The status of a request without body, its target as given.
pub fn raw_status(address: &str, method: &str, target: &str) -> u16 {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    status(&raw(address, request.as_bytes()))
}

/// An event input.
pub fn note(n: u64) -> Value {
    json!({"type": "note", "payload": {"n": n}})
}
