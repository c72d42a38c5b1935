//! Guessing what a stream's messages look like.

use super::*;
use crate::model::event::Millis;
use crate::model::kind::Kind;
use crate::model::log::{Complaint, Indexing, Row};
use crate::model::message_form::MessageForm;
use crate::model::needle::Needle;
use crate::model::offset::Offset;
use serde_json::json;
use std::borrow::Cow;

struct Log(Vec<Value>);

impl EventLog for Log {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn row(&self, row: usize) -> Option<Row> {
        let event_type = self.0.get(row)?["type"].as_str()?;
        Some(Row {
            offset: Some(Offset(row as u64 + 1)),
            time: Some(Millis(0)),
            kind: self.kind(row)?,
            event_type: event_type.into(),
        })
    }
    fn kind(&self, row: usize) -> Option<Kind> {
        let event = self.0.get(row)?;
        let payload = event["payload"].to_string();
        Some(Kind::classify(event["type"].as_str()?, || {
            Some(payload.as_bytes())
        }))
    }
    fn raw(&self, row: usize) -> Option<Cow<'_, [u8]>> {
        Some(Cow::Owned(self.0.get(row)?.to_string().into_bytes()))
    }
    fn row_of_offset(&self, offset: Offset) -> Option<usize> {
        usize::try_from(offset.0).ok()?.checked_sub(1)
    }
    fn indexing(&self) -> Indexing {
        Indexing::DONE
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

fn log(events: Vec<(&str, Value)>) -> Log {
    let event = |(i, (event_type, payload)): (usize, (&str, Value))| json!({"offset": i + 1, "type": event_type, "payload": payload});
    Log(events.into_iter().enumerate().map(event).collect())
}

fn guess(events: Vec<(&str, Value)>, source: &str) -> Value {
    MessageForm::guess(&log(events), &[source]).wrap("hi")
}

#[test]
fn the_newest_message_of_the_stream_decides() {
    let wrapped = guess(
        vec![
            ("user_message", json!("the seed's form")),
            (
                "agent-input-added",
                json!({"role": "user", "content": "a", "id": 1}),
            ),
            (
                "agent-input-added",
                json!({"role": "assistant", "content": "no message"}),
            ),
        ],
        "",
    );
    let payload = json!({"role": "user", "content": "hi"});
    assert_eq!(
        wrapped,
        json!({"type": "agent-input-added", "payload": payload})
    );
    let wrapped = guess(vec![("user_message", json!("a text as payload"))], "");
    assert_eq!(wrapped, json!({"type": "user_message", "payload": "hi"}));
}

#[test]
fn what_all_messages_share_is_kept_and_what_workers_wrote_is_no_message() {
    let said = |n: u64| json!({"channel": "ops", "message": "m", "id": n});
    let wrapped = guess(
        vec![
            ("webchat-message-received", said(1)),
            ("webchat-message-received", said(2)),
            (
                "llm-input-added",
                json!({"content": "x", "sourceOffset": 2}),
            ),
        ],
        "",
    );
    let payload = json!({"channel": "ops", "message": "hi"});
    assert_eq!(wrapped["payload"], payload);
}

#[test]
fn content_in_parts_stays_in_parts() {
    let parts = json!([{"type": "image", "url": "u"}, {"type": "text", "text": "a"}]);
    let wrapped = guess(
        vec![(
            "agent-input-added",
            json!({"role": "user", "content": parts}),
        )],
        "",
    );
    let content = json!([{"type": "text", "text": "hi"}]);
    assert_eq!(
        wrapped["payload"],
        json!({"role": "user", "content": content})
    );
}

#[test]
fn a_fresh_stream_is_asked_what_its_processor_reads() {
    let source = "if (event.type === 'https://events.iterate.com/user_message') {}";
    let wrapped = guess(vec![], source);
    assert_eq!(wrapped["type"], "https://events.iterate.com/user_message");
    assert_eq!(wrapped["payload"], json!({"content": "hi"}));
    assert_eq!(guess(vec![], "")["type"], "agent-input-added");
}

#[test]
fn types_are_completed_from_the_log_first() {
    let mut composer = Composer::default();
    let log = log(vec![
        ("my/paused-thing", json!({})),
        ("b", json!({})),
        ("b", json!({})),
    ]);
    composer.turn_to("a place".to_owned(), &log, &[]);
    composer.mode = Mode::Event;
    assert_eq!(composer.completions()[..2], ["b", "my/paused-thing"]);
    composer.event_type = LineEdit::new("paused");
    let found = composer.completions();
    assert!(found.contains(&"my/paused-thing"));
    assert!(found.iter().any(|t| t.ends_with("stream/paused")));
    composer.event_type = LineEdit::new("b");
    assert!(composer.completions().is_empty(), "complete");
}

#[test]
fn each_stream_has_its_own_draft() {
    let mut composer = Composer::default();
    let log = log(vec![]);
    composer.turn_to("one".to_owned(), &log, &[]);
    composer.message = text_area("for one");
    composer.turn_to("two".to_owned(), &log, &[]);
    assert!(composer.draft().is_empty());
    composer.turn_to("one".to_owned(), &log, &[]);
    assert_eq!(composer.draft().message, "for one");
}
