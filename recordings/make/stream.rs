//! A stream by the letter: dense offsets from 1, times that never go back, the circuit breaker's
//! sliding window, and a gate that lets nothing but `resumed` through while paused.

use evtui::model::event::Millis;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;

/// What the service writes its own types with.
pub const P: &str = "https://events.iterate.com/events/stream/";

const BREAKER_EVENTS: usize = 100;
const BREAKER_WINDOW: i64 = 1000;

/// Everything that was appended.
pub struct Stream {
    path: &'static str,
    clock: i64,
    lines: Vec<String>,
    window: VecDeque<i64>,
    paused: bool,
    chance: u64,
}

impl Stream {
    /// A stream that its first append has just made.
    pub fn new(path: &'static str, start: &str) -> Stream {
        let mut stream = Stream {
            path,
            clock: Millis::parse(start).expect("an RFC 3339 time").0,
            lines: Vec::new(),
            window: VecDeque::new(),
            paused: false,
            chance: path.len() as u64 + 7,
        };
        let initialized = json!({"projectSlug": "public", "path": path});
        stream.append(&format!("{P}initialized"), initialized);
        stream
    }

    /// Lets time pass.
    pub fn wait(&mut self, ms: i64) -> &mut Self {
        self.clock += ms;
        self
    }

    /// A number from `low` to `high`, always the same ones in the same order.
    pub fn about(&mut self, low: i64, high: i64) -> i64 {
        self.chance = self
            .chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        low + (self.chance >> 33) as i64 % (high - low + 1)
    }

    /// Appends an event; gives its offset, or `None` when the stream is paused and refuses it.
    pub fn append(&mut self, event_type: &str, payload: Value) -> Option<u64> {
        self.append_with(event_type, payload, Map::new())
    }

    /// The same with metadata or an idempotency key.
    pub fn append_with(
        &mut self,
        event_type: &str,
        payload: Value,
        more: Map<String, Value>,
    ) -> Option<u64> {
        let resumed = event_type == format!("{P}resumed");
        if self.paused && !resumed {
            return None;
        }
        if resumed {
            self.paused = false;
            self.window.clear();
        }
        let offset = self.store(event_type, payload, more);
        if !resumed {
            self.window.push_back(self.clock);
        }
        while self
            .window
            .front()
            .is_some_and(|t| self.clock - t >= BREAKER_WINDOW)
        {
            self.window.pop_front();
        }
        if self.window.len() >= BREAKER_EVENTS {
            let reason = "circuit breaker tripped: 100 events in under 1 second";
            self.store(&format!("{P}paused"), json!({"reason": reason}), Map::new());
            self.paused = true;
        }
        Some(offset)
    }

    fn store(&mut self, event_type: &str, payload: Value, more: Map<String, Value>) -> u64 {
        let offset = self.lines.len() as u64 + 1;
        let mut event = json!({
            "streamPath": self.path,
            "type": event_type,
            "payload": payload,
        });
        if let Value::Object(fields) = &mut event {
            fields.extend(more);
            fields.insert("offset".to_owned(), offset.into());
            fields.insert(
                "createdAt".to_owned(),
                Millis(self.clock).to_string().into(),
            );
        }
        self.lines.push(event.to_string());
        offset
    }

    /// Deploys a worker whose code is one file.
    pub fn deploy(&mut self, slug: &str, script: &str) -> Option<u64> {
        let payload = json!({"slug": slug, "script": script});
        self.append(&format!("{P}dynamic-worker/configured"), payload)
    }

    /// Cuts a text the way models stream it: a word or two at a time, with the time each took.
    pub fn chunks(&mut self, text: &str) -> Vec<(String, i64)> {
        let mut out = Vec::new();
        let mut chunk = String::new();
        let mut words = self.about(1, 2);
        for piece in text.split_inclusive([' ', '\n']) {
            chunk += piece;
            words -= 1;
            if words == 0 {
                out.push((std::mem::take(&mut chunk), self.about(24, 70)));
                words = self.about(1, 2);
            }
        }
        if !chunk.is_empty() {
            out.push((chunk, self.about(24, 70)));
        }
        out
    }

    /// The log, one event a line.
    pub fn finish(self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}
