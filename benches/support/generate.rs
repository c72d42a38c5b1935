//! Writes logs like those of a busy coding agent, about 400 bytes an event, always the same for the
//! same arguments: per turn a user message, 10 to 50 model chunks of 20 to 60 bytes, tool calls and
//! results of 0.2 to 5 kB, some errors.

use serde_json::{Value, json};
use std::io::{self, Write};

const P: &str = "https://events.iterate.com/events/stream/";
const WORDS: &str = "the a of to and in file error test function read write parse stream state event reducer \
    offset agent tool call result output line code build run check plan step retry timeout request response \
    token value quick brown naïve 日本 → ✓ null undefined \"quoted\" back\\slash";
const TOOLS: [&str; 6] = [
    "bash",
    "read_file",
    "edit_file",
    "search",
    "http_get",
    "list_dir",
];

/// 2026-03-01T09:00:00Z.
const START: i64 = 1_772_355_600_000;

/// Writes `events` events of `streams` streams to `out`, one a line.
pub fn write(events: u64, streams: usize, seed: u64, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer::new(events, streams, seed, out);
    for stream in 0..writer.streams.len() {
        let path = writer.streams[stream].path.clone();
        let payload = json!({"projectSlug": "public", "path": path});
        writer.emit(stream, &format!("{P}initialized"), &payload, "")?;
    }
    while writer.written < writer.events {
        writer.turn()?;
    }
    writer.out.flush()
}

/// SplitMix64: small, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number from `low` to `high`, both included.
    fn number(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[(self.next() % of.len() as u64) as usize]
    }

    /// Words of `low` to `high` characters in all, as JSON text.
    fn words(&mut self, low: u64, high: u64) -> String {
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        let want = self.number(low, high) as usize;
        let mut text = String::new();
        let mut chars = 0;
        while chars < want {
            let word = self.one(&words);
            text.push_str(word);
            text.push(' ');
            chars += word.chars().count() + 1;
        }
        let cut: String = text.chars().take(want).collect();
        Value::from(cut).to_string()
    }

    fn pool(&mut self, size: usize, low: u64, high: u64) -> Vec<String> {
        (0..size).map(|_| self.words(low, high)).collect()
    }
}

struct Stream {
    path: String,
    offset: u64,
}

/// Texts are made once and used again, as JSON already, so that writing stays fast.
struct Pools {
    chunk: Vec<String>,
    middle: Vec<String>,
    big: Vec<String>,
    user: Vec<String>,
}

struct Writer<'a> {
    out: &'a mut dyn Write,
    chance: Chance,
    pools: Pools,
    streams: Vec<Stream>,
    events: u64,
    written: u64,
    clock: i64,
    calls: u64,
}

impl<'a> Writer<'a> {
    fn new(events: u64, streams: usize, seed: u64, out: &'a mut dyn Write) -> Writer<'a> {
        let mut chance = Chance(seed);
        let pools = Pools {
            chunk: chance.pool(4000, 20, 60),
            middle: chance.pool(1500, 200, 1500),
            big: chance.pool(300, 1500, 5000),
            user: chance.pool(800, 40, 400),
        };
        let streams = (0..streams.max(1))
            .map(|at| Stream {
                path: if streams <= 1 {
                    "/agents/coder".to_owned()
                } else {
                    let role = chance.one(&["coder", "planner", "reviewer"]);
                    format!("/agents/{role}/{at:04x}")
                },
                offset: 0,
            })
            .collect();
        Writer {
            out,
            chance,
            pools,
            streams,
            events,
            written: 0,
            clock: START,
            calls: 0,
        }
    }

    /// `payload` is JSON; `more` are further members of the event, each with its comma before it.
    fn emit(
        &mut self,
        stream: usize,
        kind: &str,
        payload: &dyn std::fmt::Display,
        more: &str,
    ) -> io::Result<()> {
        if self.written >= self.events {
            return Ok(());
        }
        self.clock += self.chance.number(11, 80) as i64; // under the breaker's rate
        self.written += 1;
        let stream = &mut self.streams[stream];
        stream.offset += 1;
        let time = jiff::Timestamp::from_millisecond(self.clock).map_err(io::Error::other)?;
        writeln!(
            self.out,
            r#"{{"streamPath":"{}","offset":{},"type":"{kind}","payload":{payload},"createdAt":"{time:.3}"{more}}}"#,
            stream.path, stream.offset,
        )
    }

    /// One user message and all that comes of it.
    fn turn(&mut self) -> io::Result<()> {
        let stream = (self.chance.next() % self.streams.len() as u64) as usize;
        let said = self.chance.one(&self.pools.user).clone();
        let key = format!(r#","idempotencyKey":"{:016x}""#, self.chance.next());
        let payload = format!(r#"{{"role":"user","content":{said}}}"#);
        self.emit(stream, "agent-input-added", &payload, &key)?;
        for _ in 0..self.chance.number(1, 4) {
            self.answer(stream)?;
            for _ in 0..self.chance.number(0, 5) {
                self.tool(stream)?;
            }
        }
        Ok(())
    }

    fn answer(&mut self, stream: usize) -> io::Result<()> {
        let request = format!("req_{:012x}", self.chance.next() >> 16);
        let offset = self.streams[stream].offset;
        let payload =
            format!(r#"{{"requestId":"{request}","model":"m-large","inputOffset":{offset}}}"#);
        self.emit(stream, "llm-request-started", &payload, "")?;
        for index in 0..self.chance.number(10, 50) {
            let text = self.chance.one(&self.pools.chunk);
            let payload = format!(r#"{{"requestId":"{request}","index":{index},"text":{text}}}"#);
            self.emit(stream, "https://events.iterate.com/llm-chunk", &payload, "")?;
        }
        let (input, output) = (
            self.chance.number(500, 90_000),
            self.chance.number(20, 3000),
        );
        let stop = self.chance.one(&["tool_use", "end_turn"]);
        let payload = format!(
            r#"{{"requestId":"{request}","usage":{{"input":{input},"output":{output}}},"stopReason":"{stop}"}}"#
        );
        self.emit(stream, "llm-request-completed", &payload, "")?;
        let said = self.chance.one(&self.pools.middle).clone();
        let payload = format!(r#"{{"role":"assistant","content":{said}}}"#);
        self.emit(stream, "agent-input-added", &payload, "")
    }

    fn tool(&mut self, stream: usize) -> io::Result<()> {
        self.calls += 1;
        let call = format!("call_{:08}", self.calls);
        let source = self.streams[stream].offset + 1;
        let name = self.chance.one(&TOOLS);
        let command = self.chance.one(&self.pools.chunk);
        let body = self.chance.one(&self.pools.middle);
        let payload = format!(
            r#"{{"callId":"{call}","name":"{name}","arguments":{{"cmd":{command},"body":{body}}}}}"#
        );
        self.emit(stream, "tool-call", &payload, "")?;
        if self.chance.number(1, 100) <= 6 {
            let why = self.chance.one(&self.pools.chunk);
            let why = &why[1..why.len() - 1];
            let payload = format!(r#"{{"message":"{call}: {why}"}}"#);
            let more = format!(r#","metadata":{{"sourceOffset":{source}}}"#);
            return self.emit(stream, &format!("{P}error-occurred"), &payload, &more);
        }
        let pool = if self.chance.number(1, 100) <= 15 {
            &self.pools.big
        } else {
            &self.pools.middle
        };
        let output = self.chance.one(pool);
        let payload =
            format!(r#"{{"callId":"{call}","ok":true,"output":{output},"sourceOffset":{source}}}"#);
        self.emit(stream, "tool-result", &payload, "")
    }
}
