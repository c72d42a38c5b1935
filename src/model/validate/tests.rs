//! Event inputs that SPEC §2 accepts and refuses.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const P: &str = "https://events.iterate.com/events/stream/";

fn refused(value: Value, payloads: Payloads) -> String {
    input(&value, payloads).unwrap_err().to_string()
}

#[test]
fn the_envelope() {
    let valid = json!({"type": "  user_message ", "metadata": {"a": 1}, "idempotencyKey": " k ", "offset": 7});
    assert_eq!(
        input(&valid, Payloads::Objects).unwrap(),
        Input {
            event_type: "user_message".to_owned(),
            payload: json!({}),
            metadata: Some(json!({"a": 1}).as_object().unwrap().clone()),
            idempotency_key: Some("k".to_owned()),
            offset: Some(Offset(7)),
        }
    );
    for (value, want) in [
        (
            json!("hello"),
            "event: expected a JSON object, got a string",
        ),
        (json!({}), "type: missing"),
        (json!({"type": 1}), "type: expected a string, got a number"),
        (json!({"type": " \n"}), "type: must not be empty"),
        (
            json!({"type": "x".repeat(2_049)}),
            "type: 2049 characters; at most 2048 are allowed",
        ),
        (
            json!({"type": "x", "metadata": []}),
            "metadata: expected a JSON object, got an array",
        ),
        (
            json!({"type": "x", "idempotencyKey": " "}),
            "idempotencyKey: must not be empty",
        ),
        (
            json!({"type": "x", "offset": 0}),
            "offset: expected a positive integer",
        ),
        (
            json!({"type": "x", "offset": 1.5}),
            "offset: expected a positive integer",
        ),
        (
            json!({"type": "x", "createdAt": ""}),
            "createdAt: unknown key; an event has type, payload, metadata, idempotencyKey, offset",
        ),
    ] {
        assert_eq!(refused(value, Payloads::Any), want);
    }
}

#[test]
fn payloads_that_are_no_objects_depend_on_the_route() {
    let value = json!({"type": "user_message", "payload": "Hello"});
    assert!(input(&value, Payloads::Any).is_ok());
    assert_eq!(
        refused(value, Payloads::Objects),
        "payload: expected a JSON object, got a string"
    );
    let worker = json!({"type": "https://events.iterate.com/dynamic-worker-configured", "payload": "source"});
    assert!(input(&worker, Payloads::Objects).is_ok());
}

#[test]
fn built_in_payloads() {
    let check = |name: &str, payload: Value| {
        input(
            &json!({"type": format!("{P}{name}"), "payload": payload}),
            Payloads::Any,
        )
        .map(drop)
        .map_err(|error| error.to_string())
    };
    let schedule = |schedule: Value| json!({"slug": "s", "append": {"type": "x", "payload": "y"}, "schedule": schedule});
    for (name, payload) in [
        ("initialized", json!({"projectSlug": "p", "path": "/a"})),
        ("woken", json!({})),
        ("paused", json!({})),
        ("resumed", json!({"reason": "r"})),
        (
            "invalid-event-appended",
            json!({"rawInput": null, "error": "e"}),
        ),
        (
            "circuit-breaker-configured",
            json!({"burstCapacity": 1, "refillRatePerMinute": 60.0}),
        ),
        (
            "append-scheduled",
            schedule(json!({"kind": "every", "intervalSeconds": 2_592_000})),
        ),
        (
            "append-scheduled",
            schedule(json!({"kind": "once-in", "delaySeconds": 0})),
        ),
        (
            "append-scheduled",
            schedule(json!({"kind": "once-at", "at": "2026-01-01T00:00:00Z"})),
        ),
        (
            "append-scheduled",
            schedule(json!({"kind": "cron", "cron": "0 9 * * 1"})),
        ),
        (
            "schedule/internal/execution-finished",
            json!({"slug": "s", "outcome": "failed", "nextRunAt": null}),
        ),
        (
            "dynamic-worker/configured",
            json!({"slug": "s", "modules": {"a.ts": ""}, "compatibilityFlags": ["x"]}),
        ),
        (
            "subscription/configured",
            json!({"slug": "s", "type": "webhook", "callbackUrl": "http://x"}),
        ),
    ] {
        assert_eq!(check(name, payload), Ok(()), "{name}");
    }
    for (name, payload, want) in [
        (
            "initialized",
            json!({"projectSlug": "p", "path": "a"}),
            "payload.path: stream path \"a\" must start with \"/\"",
        ),
        (
            "paused",
            json!({"reason": 1}),
            "payload.reason: expected a string, got a number",
        ),
        (
            "paused",
            json!([]),
            "payload: expected a JSON object, got an array",
        ),
        ("error-occurred", json!({}), "payload.message: missing"),
        (
            "circuit-breaker-configured",
            json!({"burstCapacity": 0}),
            "payload.burstCapacity: expected a positive integer",
        ),
        (
            "append-scheduled",
            json!({"slug": "s", "append": {}, "schedule": {}}),
            "payload.append.type: missing",
        ),
        (
            "append-scheduled",
            schedule(json!({"kind": "never"})),
            "payload.schedule.kind: \"never\" is not one of once-at, once-in, every, cron",
        ),
        (
            "append-scheduled",
            schedule(json!({"kind": "every", "intervalSeconds": 2_592_001})),
            "payload.schedule.intervalSeconds: must be more than 0 and at most 2592000 (30 days)",
        ),
        (
            "append-scheduled",
            schedule(json!({"kind": "cron", "cron": "* *"})),
            "payload.schedule.cron: expected five fields, got 2",
        ),
        (
            "dynamic-worker/configured",
            json!({"slug": "s"}),
            "payload: one of script and modules is missing",
        ),
        (
            "dynamic-worker/configured",
            json!({"slug": "s", "script": "a", "modules": {}}),
            "payload: script and modules exclude each other",
        ),
        (
            "subscription/configured",
            json!({"slug": "s", "type": "fax"}),
            "payload.type: \"fax\" is not one of webhook, websocket",
        ),
        (
            "dynamic-worker/env-var-set",
            json!({"key": "K"}),
            "payload.value: missing",
        ),
    ] {
        assert_eq!(check(name, payload), Err(want.to_owned()), "{name}");
    }
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        "[a-z/]{0,5}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let key = "(slug|type|path|append|schedule|kind|modules|script|x)";
        proptest::collection::vec((key, inner), 0..5)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    })
}

proptest! {
    #[test]
    fn any_payload_is_accepted_or_refused_by_name(payload in anything()) {
        for built_in in BuiltIn::ALL {
            let value = json!({"type": built_in.to_string(), "payload": payload});
            if let Err(error) = input(&value, Payloads::Any) {
                prop_assert!(error.to_string().starts_with("payload"), "{error}");
            }
        }
    }
}
