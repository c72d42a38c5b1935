//! Random logs, and what reading them line by line with serde says is in them.

use crate::model::event::Millis;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Read;

/// One row as the naive reading has it.
#[derive(Clone, Debug)]
pub struct Naive {
    pub offset: Option<u64>,
    pub event_type: String,
    pub time: Option<Millis>,
    pub path: Option<String>,
    pub readable: bool,
    pub text: Vec<u8>,
    pub line: u64,
}

/// One line of a log.
#[derive(Clone, Debug)]
pub enum Line {
    Event(Value),
    Wrapped(Value),
    Raw(Vec<u8>),
    Blank(&'static str),
}

pub fn event() -> impl Strategy<Value = Value> {
    let payload = prop_oneof![
        Just(json!({"role": "assistant", "content": "type\":\"x\\\"}]"})),
        Just(json!({"type": "no", "offset": 99, "streamPath": "/no", "deep": [[{"a": []}]]})),
        Just(json!("a \"string\" of source }{][")),
        Just(json!({"ok": false})),
        any::<f64>().prop_map(|n| json!({ "n": n })),
        ".{0,40}".prop_map(|s| json!({ "text": s })),
    ];
    let path = prop_oneof![
        4 => Just(Some("/a")),
        2 => Just(Some("/b/c")),
        1 => Just(None),
        1 => Just(Some("/odd \" path")),
    ];
    let time = prop_oneof![
        3 => Just(Some("2026-03-01T09:00:00.123Z")),
        1 => Just(Some("2026-03-31T09:00:00+02:00")),
        1 => Just(Some("yesterday")),
        1 => Just(None),
    ];
    let offset = prop_oneof![5 => (0u64..20).prop_map(Some), 1 => Just(None)];
    let kind = prop_oneof![
        Just("tool-result"),
        Just("user_message"),
        Just("événement \"quoted\""),
        Just("x"),
    ];
    (path, offset, kind, payload, time, any::<bool>()).prop_map(
        |(path, offset, kind, payload, time, payload_first)| {
            let mut event = serde_json::Map::new();
            if payload_first {
                event.insert("payload".into(), payload.clone());
            }
            if let Some(path) = path {
                event.insert("streamPath".into(), path.into());
            }
            if let Some(time) = time {
                event.insert("createdAt".into(), time.into());
            }
            if let Some(offset) = offset {
                event.insert("offset".into(), offset.into());
            }
            event.insert("type".into(), kind.into());
            if !payload_first {
                event.insert("payload".into(), payload);
            }
            Value::Object(event)
        },
    )
}

pub fn events() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(event(), 1..25)
}

/// Lines that are no events.
const BROKEN: &[&[u8]] = &[
    b"nonsense",
    b"{\"type\":1}",
    b"[]",
    b"\xff\xfe",
    b"\0\0\0",
    b"{\"type\":\"a\",\"offset\":-1}",
    b"{\"type\":\"a\"}{\"type\":\"b\"}",
];

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        8 => event().prop_map(Line::Event),
        1 => event().prop_map(Line::Wrapped),
        1 => event().prop_flat_map(|e| {
            let text = e.to_string();
            (1..text.len()).prop_map(move |at| Line::Raw(text.as_bytes()[..at].to_vec()))
        }),
        1 => prop::sample::select(BROKEN).prop_map(|b| Line::Raw(b.to_vec())),
        1 => prop_oneof![Just(""), Just("  "), Just("\r"), Just("\t \r")].prop_map(Line::Blank),
    ]
}

/// Lines, whether they end in CRLF, and whether the last one lacks its newline. The first line is
/// an event, as it tells the format.
pub fn lines() -> impl Strategy<Value = (Vec<Line>, bool, bool)> {
    let first = event().prop_map(Line::Event);
    let rest = prop::collection::vec(line(), 0..40);
    (first, rest, any::<bool>(), any::<bool>()).prop_map(|(first, mut rest, crlf, torn)| {
        rest.insert(0, first);
        (rest, crlf, torn)
    })
}

pub fn lines_file((lines, crlf, torn): &(Vec<Line>, bool, bool)) -> (Vec<u8>, Vec<Naive>) {
    let mut bytes = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        match line {
            Line::Event(event) => bytes.extend(event.to_string().bytes()),
            Line::Wrapped(event) => bytes.extend(json!({ "event": event }).to_string().bytes()),
            Line::Raw(raw) => bytes.extend(raw),
            Line::Blank(blank) => bytes.extend(blank.bytes()),
        }
        if !(*torn && at + 1 == lines.len()) {
            bytes.extend(if *crlf { &b"\r\n"[..] } else { b"\n" });
        }
    }
    let rows = read_lines(&bytes);
    (bytes, rows)
}

/// The naive reading of lines.
pub fn read_lines(bytes: &[u8]) -> Vec<Naive> {
    let mut rows = Vec::new();
    for (number, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let line = line.trim_ascii();
        if !line.is_empty() {
            rows.push(naive(line, number as u64 + 1));
        }
    }
    give_unreadable_a_stream(&mut rows);
    rows
}

fn naive(text: &[u8], line: u64) -> Naive {
    let mut value: Value = serde_json::from_slice(text).unwrap_or_default();
    let mut text = text.to_vec();
    if value.get("type").is_none() && value.get("event").is_some_and(Value::is_object) {
        value = value["event"].take();
        text = value.to_string().into_bytes();
    }
    let offset = value.get("offset").cloned().unwrap_or_default();
    let readable =
        value.get("type").is_some_and(Value::is_string) && (offset.is_null() || offset.is_u64());
    let whole = |key: &str| value.get(key).filter(|_| readable);
    let string = |key: &str| whole(key).and_then(Value::as_str).map(str::to_owned);
    let path = if readable {
        string("streamPath")
    } else {
        crate::model::peek::text_member(&text, "streamPath").map(|p| p.into_owned())
    };
    Naive {
        offset: whole("offset").and_then(Value::as_u64),
        event_type: string("type").unwrap_or_default(),
        time: string("createdAt").and_then(|t| Millis::parse(&t)),
        path,
        readable,
        text,
        line,
    }
}

/// Unreadable rows that name no stream go with the row before, or with the first that can be told.
fn give_unreadable_a_stream(rows: &mut [Naive]) {
    let told = |row: &Naive| row.readable || row.path.is_some();
    let mut path = rows.iter().find(|r| told(r)).and_then(|r| r.path.clone());
    for row in rows {
        if told(row) {
            path.clone_from(&row.path);
        } else {
            row.path.clone_from(&path);
        }
    }
}

/// Streams in order of their first rows.
pub fn streams(rows: &[Naive]) -> Vec<(Option<String>, Vec<Naive>)> {
    let mut streams: Vec<(Option<String>, Vec<Naive>)> = Vec::new();
    for row in rows {
        match streams.iter_mut().find(|(path, _)| *path == row.path) {
            Some((_, rows)) => rows.push(row.clone()),
            None => streams.push((row.path.clone(), vec![row.clone()])),
        }
    }
    streams
}

/// An array of the events; rows carry the text as it stands in the file.
pub fn array_file(events: &[Value], pretty: bool, wrap: bool) -> (Vec<u8>, Vec<Naive>) {
    let mut file = String::new();
    if wrap {
        file.push_str(if pretty {
            "{\n  \"events\": "
        } else {
            "{\"events\":"
        });
    }
    file.push('[');
    let mut rows = Vec::new();
    for (at, event) in events.iter().enumerate() {
        if at > 0 {
            file.push(',');
        }
        let text = if pretty {
            file.push_str("\n  ");
            serde_json::to_string_pretty(event).unwrap()
        } else {
            event.to_string()
        };
        rows.push(naive(
            text.as_bytes(),
            1 + file.matches('\n').count() as u64,
        ));
        file.push_str(&text);
    }
    file.push_str(if pretty { "\n]" } else { "]" });
    if wrap {
        file.push_str(", \"more\": [{\"type\":\"not an event\"}]}");
    }
    (file.into_bytes(), rows)
}

/// A transcript of the events.
pub fn sse_file(
    events: &[Value],
    crlf: bool,
    bom: bool,
    split: bool,
    torn: bool,
) -> (Vec<u8>, Vec<Naive>) {
    let end = if crlf { "\r\n" } else { "\n" };
    let mut file = format!(":{end}{end}");
    let mut rows = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let text = if split {
            serde_json::to_string_pretty(event).unwrap()
        } else {
            event.to_string()
        };
        rows.push(naive(
            text.as_bytes(),
            1 + file.matches('\n').count() as u64,
        ));
        file.push_str(&format!("id: {at}{end}event: message{end}"));
        for line in text.split('\n') {
            file.push_str(&format!("data: {line}{end}"));
        }
        if !(torn && at + 1 == events.len()) {
            file.push_str(&format!("{end}: keep-alive{end}{end}"));
        }
    }
    if !torn {
        file.push_str(&format!("event: done{end}data: {{}}{end}{end}"));
    }
    let bom: &[u8] = if bom { b"\xef\xbb\xbf" } else { b"" };
    ([bom, file.as_bytes()].concat(), rows)
}

/// Gives its bytes in pieces.
pub struct Pieces {
    pub bytes: Vec<u8>,
    pub at: usize,
    pub size: usize,
}

impl Read for Pieces {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let len = self.size.min(to.len()).min(self.bytes.len() - self.at);
        to[..len].copy_from_slice(&self.bytes[self.at..self.at + len]);
        self.at += len;
        Ok(len)
    }
}
