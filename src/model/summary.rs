//! One line that says what an event is about, by family: read from the raw JSON, harmless on a
//! terminal, bounded in length, and never raw JSON if it can be helped.

mod gist;
mod say;

pub use gist::{Gist, harms_terminals};

use super::built_in::BuiltIn;
use super::kind::family;
use super::peek;

/// Most characters of a summary.
pub const LONGEST: usize = 300;

/// Summarises an event given as the log holds it. A line that is no event gives its own text.
#[must_use]
pub fn summary(event_type: &str, raw: &[u8]) -> String {
    let mut gist = Gist::new(LONGEST);
    match peek::member(raw, "payload") {
        _ if event_type.is_empty() => {
            gist.push(&String::from_utf8_lossy(&raw[..raw.len().min(2_000)]))
        }
        Some(payload) => match BuiltIn::parse(event_type) {
            Some(built_in) => say::built_in(built_in, payload, &mut gist),
            None => say::family(family(event_type), payload, &mut gist),
        },
        None => {
            if let Some(built_in) = BuiltIn::parse(event_type) {
                say::built_in(built_in, b"{}", &mut gist);
            }
        }
    }
    gist.finish()
}

/// Adds the text that a chunk carries, without anything between it and the text before.
pub fn chunk(raw: &[u8], gist: &mut Gist) {
    if let Some(payload) = peek::member(raw, "payload") {
        say::chunk(payload, gist);
    }
}

/// A text made harmless: one line, no control characters, no bidi overrides, at most `most`
/// characters with `…` for the rest.
#[must_use]
pub fn harmless(text: &str, most: usize) -> String {
    let mut gist = Gist::new(most);
    gist.push(text);
    gist.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const P: &str = "https://events.iterate.com/events/stream/";

    fn told(event_type: &str, payload: Value) -> String {
        let raw = json!({"offset": 1, "type": event_type, "payload": payload}).to_string();
        summary(event_type, raw.as_bytes())
    }

    #[test]
    fn families() {
        for (event_type, payload, want) in [
            ("user_message", json!("fix\nthe   test"), "fix the test"),
            (
                "agent-input-added",
                json!({"role": "user", "content": "hi"}),
                "hi",
            ),
            (
                "agent-input-added",
                json!({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
                "a b",
            ),
            (
                "llm-request-started",
                json!({"requestId": "r", "model": "m-large", "messages": [1, 2]}),
                "m-large · 2 messages",
            ),
            (
                "llm-request-completed",
                json!({"requestId": "r", "usage": {"input": 1204, "output": 311}, "stopReason": "tool_use", "durationMs": 2900}),
                "tool_use · 1,204 → 311 tok · 2.9 s",
            ),
            (
                "llm-request-completed",
                json!({"usage": {"input_tokens": 12, "output_tokens": 3}}),
                "12 → 3 tok",
            ),
            (
                "llm-request-failed",
                json!({"requestId": "r", "error": {"message": "overloaded"}}),
                "overloaded",
            ),
            (
                "llm-request-canceled",
                json!({"requestId": "r", "reason": "user"}),
                "user",
            ),
            (
                "https://events.iterate.com/llm-chunk",
                json!({"requestId": "r", "index": 4, "text": "I'll look"}),
                "I'll look",
            ),
            (
                "openai-response-event-added",
                json!({"event": {"type": "response.output_text.delta", "delta": "Hel"}}),
                "Hel",
            ),
            (
                "openai-response-event-added",
                json!({"event": {"type": "response.completed", "response": {"usage": {"input_tokens": 1, "output_tokens": 2}}}}),
                "response.completed · 1 → 2 tok",
            ),
            (
                "tool-call",
                json!({"callId": "c", "name": "bash", "arguments": {"cmd": "cargo test", "body": "x"}}),
                "bash  cargo test",
            ),
            (
                "tool-call",
                json!({"callId": "c", "name": "bash", "arguments": "{\"cmd\":\"ls\"}"}),
                "bash  ls",
            ),
            (
                "tool-result",
                json!({"callId": "c", "ok": true, "output": "running 12 tests", "sourceOffset": 1}),
                "ok · 16 B  running 12 tests",
            ),
            (
                "tool-result",
                json!({"ok": false, "error": "no such file"}),
                "failed · no such file",
            ),
            ("codemode-block-added", json!({"code": "1 + 1"}), "1 + 1"),
            ("webchat-response-added", json!({"message": "done"}), "done"),
            (
                "agent-status-updated",
                json!({"status": "thinking"}),
                "thinking",
            ),
            (
                "odd",
                json!({"id": "x1", "n": 3, "note": "look here"}),
                "look here",
            ),
            ("odd", json!({"deep": {"er": {"text": "found"}}}), "found"),
            ("odd", json!({"n": 3, "ok": false}), "n 3 · ok false"),
            ("odd", json!({}), ""),
            ("odd", json!([1, "two"]), "1 two"),
        ] {
            assert_eq!(
                told(event_type, payload.clone()),
                want,
                "{event_type} {payload}"
            );
        }
    }

    #[test]
    fn built_in() {
        for (name, payload, want) in [
            (
                "initialized",
                json!({"projectSlug": "public", "path": "/a/b"}),
                "/a/b · project public",
            ),
            (
                "durable-object-woke-up",
                json!({}),
                "re-opened after a restart",
            ),
            ("child-stream-created", json!({"childPath": "/a/b"}), "/a/b"),
            (
                "metadata-updated",
                json!({"metadata": {"title": "x", "n": 1}}),
                "title x · n 1",
            ),
            (
                "error-occurred",
                json!({"message": "call_7: retry timeout"}),
                "call_7: retry timeout",
            ),
            (
                "invalid-event-appended",
                json!({"rawInput": {"a": 1}, "error": "type: missing"}),
                "type: missing",
            ),
            (
                "paused",
                json!({"reason": "circuit breaker tripped"}),
                "circuit breaker tripped",
            ),
            ("resumed", json!({}), ""),
            (
                "circuit-breaker-configured",
                json!({"burstCapacity": 10, "refillRatePerMinute": 60}),
                "burst 10 · refill 60 a minute",
            ),
            (
                "append-scheduled",
                json!({"slug": "tick", "append": {"type": "x"}, "schedule": {"kind": "every", "intervalSeconds": 30}}),
                "tick · every 30 s · appends x",
            ),
            (
                "schedule/configured",
                json!({"slug": "tick", "callback": "append", "payloadJson": "{\"type\":\"x\"}", "schedule": {"kind": "cron", "cron": "* * * * *"}, "nextRunAt": 0}),
                "tick · cron * * * * * · appends x · next 1970-01-01T00:00:00Z",
            ),
            ("schedule/cancelled", json!({"slug": "tick"}), "tick"),
            (
                "schedule/internal/execution-finished",
                json!({"slug": "tick", "outcome": "failed", "nextRunAt": null}),
                "tick · failed · retired",
            ),
            (
                "jsonata-transformer-configured",
                json!({"slug": "t", "matcher": "a = 1", "transform": "{}"}),
                "t · when a = 1 → {}",
            ),
            (
                "subscription/configured",
                json!({"slug": "s", "type": "webhook", "callbackUrl": "https://x.test/"}),
                "s · webhook https://x.test/",
            ),
            (
                "dynamic-worker/configured",
                json!({"slug": "agent", "modules": {"processor.ts": "a", "b.ts": "b"}}),
                "agent · 2 modules: processor.ts, b.ts",
            ),
            (
                "dynamic-worker/configured",
                json!({"slug": "agent", "script": "abc"}),
                "agent · script of 3 B",
            ),
            (
                "dynamic-worker/configured",
                json!("const processor = {}"),
                "script of 20 B",
            ),
            (
                "dynamic-worker/env-var-set",
                json!({"key": "TOKEN", "value": "secret"}),
                "TOKEN",
            ),
            (
                "html-renderer-configured",
                json!({"slug": "h", "matcher": "true", "template": "<b>"}),
                "h · when true",
            ),
        ] {
            assert_eq!(
                told(&format!("{P}{name}"), payload.clone()),
                want,
                "{name} {payload}"
            );
        }
    }

    #[test]
    fn terminals_are_not_harmed() {
        let text = told(
            "user_message",
            json!("a\u{1b}[31mred\u{202e}evil\u{7}\r\nb\u{2066}"),
        );
        assert_eq!(text, "a\u{fffd}[31mred\u{fffd}evil\u{fffd} b\u{fffd}");
        assert_eq!(
            summary("", b"not \x1b json \xff"),
            "not \u{fffd} json \u{fffd}"
        );
    }

    #[test]
    fn length_is_bounded() {
        let long = told("user_message", json!("é".repeat(1_000_000)));
        assert_eq!(long.chars().count(), LONGEST);
        assert!(long.ends_with('…'));
    }

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::vec(
                    (
                        "(slug|text|content|schedule|usage|event|name|arguments|modules|.)",
                        inner
                    ),
                    0..5
                )
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_payload_of_any_family_gives_one_harmless_line(payload in anything()) {
            let families = ["user_message", "llm-chunk", "tool-call", "tool-result", "llm-request-completed",
                "llm-request-started", "llm-request-failed", "openai-response-event-added", "x"];
            let built_in = BuiltIn::ALL.into_iter().map(|b| b.to_string());
            for event_type in built_in.chain(families.map(str::to_owned)) {
                let line = told(&event_type, payload.clone());
                prop_assert!(line.chars().count() <= LONGEST);
                prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            }
        }

        #[test]
        fn broken_json_does_not_panic(raw in "[{}\\[\\]\":,\\\\ptay1 ]{0,60}") {
            let _ = summary("tool-call", format!("{{\"payload\":{raw}").as_bytes());
        }
    }
}
