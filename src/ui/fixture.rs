//! A log in memory and screens over it, for the tests of this room.

use crate::app::layout::{self, Pane, Size};
use crate::app::msg::{Column, Survey};
use crate::app::state::{
    App, CodeFile, EventDoc, LogView, Playhead, Settings, StreamInfo, Worker, Workers,
};
use crate::app::tree::{Mark, Shape, TreeLine};
use crate::app::{Moment, Origin};
use crate::model::diff::diff;
use crate::model::event::{Event, Millis};
use crate::model::json_path::{JsonPath, Step};
use crate::model::kind::Kind;
use crate::model::log::{Complaint, EventLog, Indexing, Row};
use crate::model::needle::Needle;
use crate::model::offset::Offset;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::sync::Arc;

/// Lines of a JSONL file, as they are.
pub struct Lines {
    lines: Vec<Vec<u8>>,
    rows: Vec<Row>,
    indexing: Indexing,
}

impl Lines {
    pub fn new(lines: Vec<Vec<u8>>, indexing: Indexing) -> Lines {
        Lines {
            rows: lines.iter().map(|raw| row_of(raw)).collect(),
            lines,
            indexing,
        }
    }
}

fn row_of(raw: &[u8]) -> Row {
    let Ok(event) = Event::parse(raw) else {
        return Row {
            offset: None,
            time: None,
            kind: Kind::Unreadable,
            event_type: "".into(),
        };
    };
    let payload = event.payload.to_string();
    Row {
        offset: Some(event.offset),
        time: event.created_at.as_deref().and_then(Millis::parse),
        kind: Kind::classify(&event.event_type, || Some(payload.as_bytes())),
        event_type: event.event_type.as_str().into(),
    }
}

impl EventLog for Lines {
    fn len(&self) -> usize {
        self.lines.len()
    }

    fn row(&self, row: usize) -> Option<Row> {
        self.rows.get(row).cloned()
    }

    fn kind(&self, row: usize) -> Option<Kind> {
        Some(self.rows.get(row)?.kind)
    }

    fn raw(&self, row: usize) -> Option<Cow<'_, [u8]>> {
        self.lines.get(row).map(|l| Cow::Borrowed(l.as_slice()))
    }

    fn row_of_offset(&self, offset: Offset) -> Option<usize> {
        self.rows.iter().position(|row| row.offset == Some(offset))
    }

    fn indexing(&self) -> Indexing {
        self.indexing
    }

    fn version(&self) -> u64 {
        0
    }

    fn complaints(&self) -> Vec<Complaint> {
        Vec::new()
    }

    fn search(&self, _: &Needle, _: usize, _: bool, _: &dyn Fn() -> bool) -> Option<usize> {
        None
    }
}

/// A short coding session with an error, a run of chunks, a pause and a broken line.
pub fn coding_lines() -> Vec<Vec<u8>> {
    let p = "https://events.iterate.com/events/stream/";
    let mut at = 33_242_000;
    let mut lines = Vec::new();
    let mut add = |gap: i64, event_type: &str, payload: Value| {
        at += gap;
        let event = json!({
            "streamPath": "/agents/coder",
            "offset": lines.len() + 1,
            "type": event_type,
            "payload": payload,
            "createdAt": Millis(1_770_000_000_000 - 1_770_000_000_000 % 86_400_000 + at).to_string(),
        });
        lines.push(event.to_string().into_bytes());
    };
    add(
        0,
        &format!("{p}initialized"),
        json!({"projectSlug": "public", "path": "/agents/coder"}),
    );
    add(
        40,
        &format!("{p}dynamic-worker/configured"),
        json!({"slug": "agent", "script": "x".repeat(900)}),
    );
    add(
        1_200,
        "agent-input-added",
        json!({"role": "user", "content": "fix the failing test in parser.rs"}),
    );
    add(
        200,
        "llm-request-started",
        json!({"requestId": "r1", "model": "m-large"}),
    );
    for word in "I'll look at the parser first. It fails on empty input.".split_inclusive(' ') {
        add(
            64,
            "https://events.iterate.com/llm-chunk",
            json!({"requestId": "r1", "text": word}),
        );
    }
    add(
        100,
        "llm-request-completed",
        json!({"requestId": "r1", "usage": {"input": 1204, "output": 311}, "stopReason": "tool_use"}),
    );
    add(
        9,
        "agent-output-added",
        json!({"content": "I'll look at the parser first. It fails on empty input."}),
    );
    add(
        30,
        "tool-call",
        json!({"callId": "c7", "name": "bash", "arguments": {"cmd": "cargo test -p parser"}}),
    );
    add(
        4_200,
        "tool-result",
        json!({"callId": "c7", "ok": true, "output": "running 12 tests\ntest lexer::empty … FAILED"}),
    );
    add(
        120,
        &format!("{p}error-occurred"),
        json!({"message": "call_7: retry timeout"}),
    );
    add(
        3,
        &format!("{p}paused"),
        json!({"reason": "circuit breaker tripped: 100 events in under 1 second"}),
    );
    add(
        12_400,
        &format!("{p}resumed"),
        json!({"reason": "operator override"}),
    );
    add(
        300,
        "acme/日本語-event",
        json!({"title": "配送が\u{202e}完了\u{1b}[31mしました"}),
    );
    lines.push(b"{\"broken\": ".to_vec());
    lines
}

/// A worker that answers itself until the breaker trips, and the resume a minute later.
pub fn runaway_lines() -> Vec<Vec<u8>> {
    let p = "https://events.iterate.com/events/stream/";
    let mut lines = Vec::new();
    let mut at = 1_770_000_000_000;
    let mut add = |gap: i64, event_type: &str, payload: Value| {
        at += gap;
        let event = json!({"streamPath": "/agents/echo", "offset": lines.len() + 1, "type": event_type,
            "payload": payload, "createdAt": Millis(at).to_string()});
        lines.push(event.to_string().into_bytes());
        lines.len()
    };
    let worker = json!({"slug": "echo", "script": "x"});
    add(
        0,
        &format!("{p}initialized"),
        json!({"projectSlug": "public", "path": "/agents/echo"}),
    );
    add(40, &format!("{p}dynamic-worker/configured"), worker);
    let mut source = add(9_000, "user_message", json!({"text": "hello"}));
    for _ in 0..99 {
        source = add(7, "echo", json!({"text": "hello", "sourceOffset": source}));
    }
    let reason = "circuit breaker tripped: 100 events in under 1 second";
    add(0, &format!("{p}paused"), json!({"reason": reason}));
    add(
        61_300,
        &format!("{p}resumed"),
        json!({"reason": "echo is mended"}),
    );
    lines
}

/// A screen over these lines, following nothing, standing after `rows` events.
pub fn screen(lines: Vec<Vec<u8>>, width: u16, height: u16, rows: usize) -> App {
    let len = lines.len();
    let log = Arc::new(Lines::new(lines, Indexing::DONE));
    let mut app = App::new(Size { width, height }, Settings::default());
    let kinds: Vec<Kind> = (0..len).filter_map(|row| log.kind(row)).collect();
    app.log = Some(LogView {
        log,
        name: "recordings/coding-agent.jsonl".to_owned(),
        stream: Some("/agents/coder".to_owned()),
        streams: vec![StreamInfo {
            path: "/agents/coder".to_owned(),
            events: len,
        }],
        can_follow: false,
        following: false,
        chosen: true,
        len,
        complaints: Arc::new([]),
        connection: None,
    });
    app.playhead = Playhead {
        rows,
        ..Playhead::default()
    };
    app.workers = Workers {
        list: vec![Worker {
            slug: Some("agent".to_owned()),
            about: "agent.ts".to_owned(),
        }],
        ..Workers::default()
    };
    let width = usize::from(width.max(1));
    let columns = (0..width).map(|i| {
        let range = i * len / width..(i + 1) * len / width;
        let has = |kind| kinds[range.clone()].contains(&kind);
        Column {
            level: if has(Kind::Chunk) { 6 } else { 0 },
            errors: u32::from(has(Kind::Error)),
            paused: has(Kind::Paused),
        }
    });
    app.survey = Some(Survey {
        len,
        columns: columns.collect(),
        gates: kinds
            .iter()
            .enumerate()
            .filter(|(_, kind)| matches!(kind, Kind::Paused | Kind::Resumed))
            .map(|(row, kind)| (row, *kind == Kind::Paused))
            .collect(),
    });
    if let Some(row) = app.row() {
        let raw = app
            .log
            .as_ref()
            .and_then(|l| l.log.raw(row).map(|r| r.into_owned()));
        let event = raw.and_then(|raw| Event::parse(&raw).ok());
        let text = event.map(|e| serde_json::to_string_pretty(&e.payload).unwrap_or_default());
        let lines = text.as_deref().unwrap_or_default().lines().enumerate();
        let pieces = lines.map(|(i, line)| (i, 0..line.len())).collect();
        app.event.doc = Some(EventDoc {
            row,
            pieces,
            width: 0,
            is_json: text.is_some(),
            lines: text
                .unwrap_or_default()
                .lines()
                .map(str::to_owned)
                .collect(),
        });
    }
    place(&mut app);
    app
}

/// Lays the panes out after a test changed what they depend on.
pub fn place(app: &mut App) {
    app.areas = layout::layout(layout::Wish {
        size: app.size,
        focus: app.focus,
        zoom: app.zoom,
        third: app.third,
        banner: app.has_banner(),
        dock: app.dock.is_some(),
        tabs: app.tab_count() > 1,
    });
}

/// Shows a state that came from another one.
pub fn show_state(app: &mut App, was: &Value, now: Value) {
    let changes = diff(was, &now);
    let mut lines = Vec::new();
    let place = |key: &str| JsonPath(vec![Step::Key(key.to_owned())]);
    let members = now.as_object().cloned().unwrap_or_default();
    for (key, value) in &members {
        let before = was.get(key);
        let mark = match before {
            None => Some(Mark::Added),
            Some(before) if before == value => None,
            Some(_) if value.is_array() || value.is_object() => Some(Mark::Inside),
            Some(_) => Some(Mark::Changed),
        };
        let open = mark == Some(Mark::Inside);
        let shape = match value {
            Value::Array(items) => Shape::Container {
                len: items.len(),
                open,
            },
            Value::Object(items) => Shape::Container {
                len: items.len(),
                open,
            },
            _ => Shape::Leaf,
        };
        lines.push(TreeLine {
            path: place(key),
            depth: 0,
            shape,
            mark,
            was: before.filter(|_| mark == Some(Mark::Changed)).cloned(),
        });
        if let (true, Value::Array(items)) = (open, value) {
            let old = before.and_then(Value::as_array).map_or(0, Vec::len);
            for (i, item) in items.iter().enumerate() {
                let mut path = place(key);
                path.0.push(Step::Index(i));
                lines.push(TreeLine {
                    path,
                    depth: 1,
                    shape: Shape::Container {
                        len: item.as_object().map_or(0, |o| o.len()),
                        open: false,
                    },
                    mark: (i >= old).then_some(Mark::Added),
                    was: None,
                });
            }
        }
    }
    for (key, value) in was.as_object().into_iter().flatten() {
        if !members.contains_key(key) {
            lines.push(TreeLine {
                path: place(key),
                depth: 0,
                shape: Shape::Leaf,
                mark: Some(Mark::Removed),
                was: Some(value.clone()),
            });
        }
    }
    app.state.tree.lines = lines;
    app.state.moment = Some(Arc::new(Moment {
        rows: app.playhead.rows,
        state: Some(Arc::new(now)),
        previous: Some(Arc::new(was.clone())),
        changes: changes.into(),
        notes: app
            .row()
            .and_then(|row| app.notes.get(&row).cloned())
            .unwrap_or_default(),
        origin: Origin::Worker {
            slug: "agent".into(),
            row: 1,
            not_yet_deployed: false,
        },
    }));
}

/// The state of the coding session after its tool result, and the one before.
pub fn coding_state(app: &mut App) {
    let was = json!({
        "messages": [{"role": "user", "content": "fix the failing test in parser.rs"}, {"role": "assistant", "content": "I'll look at the parser first."}],
        "pending": true, "tokens": 1204, "plan": null, "draft": "I'll look",
    });
    let now = json!({
        "messages": [{"role": "user", "content": "fix the failing test in parser.rs"}, {"role": "assistant", "content": "I'll look at the parser first."}, {"role": "tool", "content": "running 12 tests"}],
        "pending": false, "tokens": 1515, "plan": null, "log": "x".repeat(2100),
    });
    show_state(app, &was, now);
}

/// A source file in the source pane.
pub fn source(app: &mut App, text: &str) {
    app.code.files = vec![CodeFile {
        name: "agent.ts".into(),
        lines: text.lines().map(str::to_owned).collect(),
        tokens: Some(super::highlight::tokens("agent.ts", text)),
    }];
    app.focus = Pane::Source;
    place(app);
}
