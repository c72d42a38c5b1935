//! The built-in state against SPEC §3 to §8.

use super::breaker::{BUCKET_REASON, WINDOW_REASON};
use super::*;
use crate::model::built_in::PREFIX;
use crate::model::offset::Offset;
use serde_json::json;

struct Stream {
    state: StreamState,
    offset: u64,
}

impl Stream {
    fn new() -> Stream {
        let mut stream = Stream {
            state: StreamState::default(),
            offset: 0,
        };
        stream.append(
            "initialized",
            json!({"projectSlug": "public", "path": "/a"}),
            0,
        );
        stream
    }

    fn append(&mut self, name: &str, payload: Value, millis: i64) {
        self.offset += 1;
        let event_type = if name.starts_with("user") {
            name.to_owned()
        } else {
            format!("{PREFIX}{name}")
        };
        self.state.reduce(&Event {
            stream_path: Some("/a".to_owned()),
            offset: Offset(self.offset),
            event_type,
            payload,
            metadata: None,
            idempotency_key: None,
            created_at: Some(Millis(millis).to_string()),
            rest: Map::new(),
        });
        // A state is the same after a trip through JSON: keyframes are JSON.
        let json = serde_json::to_string(&self.state).unwrap();
        assert_eq!(
            serde_json::from_str::<StreamState>(&json).unwrap(),
            self.state
        );
    }

    fn breaker(&self) -> &Breaker {
        &self.state.processors.circuit_breaker
    }
}

#[test]
fn the_shape_of_spec_3() {
    let state = Stream::new().state;
    assert_eq!(
        serde_json::to_value(&state).unwrap(),
        json!({
            "projectSlug": "public", "path": "/a", "eventCount": 1, "childPaths": [], "metadata": {},
            "processors": {
                "circuit-breaker": {"paused": false, "pauseReason": null, "pausedAt": null, "recentEventTimestamps": [0]},
                "dynamic-worker": {"workers": {}, "env": {}},
                "external-subscriber": {},
                "jsonata-transformer": {},
                "scheduler": {}
            }
        })
    );
}

#[test]
fn children_are_immediate_and_named_once() {
    let mut stream = Stream::new();
    for child in ["/a/b", "/a/b/c", "/a/d/e/f", "/other", "/ab"] {
        stream.append("child-stream-created", json!({"childPath": child}), 0);
    }
    assert!(stream.state.child_paths.iter().eq(["/a/b", "/a/d"]));
    let root = StreamState {
        path: "/".to_owned(),
        ..StreamState::default()
    };
    assert_eq!(root.immediate_child("/x/y").as_deref(), Some("/x"));
}

#[test]
fn metadata_is_replaced_whole() {
    let mut stream = Stream::new();
    stream.append("metadata-updated", json!({"metadata": {"a": 1}}), 0);
    stream.append("metadata-updated", json!({"metadata": {"b": 2}}), 0);
    stream.append("metadata-updated", json!("wrong"), 0);
    assert_eq!(Value::from(stream.state.metadata), json!({"b": 2}));
}

#[test]
fn a_hundred_within_a_second_trip_the_window_and_ninety_nine_never() {
    let mut stream = Stream::new();
    for i in 1..99 {
        stream.append("user_message", json!("x"), i * 10);
    }
    assert_eq!(
        stream.breaker().trip(Policy::default()),
        None,
        "99 within 980 ms"
    );
    stream.append("user_message", json!("x"), 999);
    assert_eq!(
        stream.breaker().trip(Policy::default()).as_deref(),
        Some(WINDOW_REASON)
    );

    let mut slower = Stream::new();
    for i in 1..500 {
        slower.append("user_message", json!("x"), i * 1_000 / 99 + 1);
        assert_eq!(slower.breaker().trip(Policy::default()), None, "after {i}");
    }
}

#[test]
fn a_policy_of_choice() {
    let mut stream = Stream::new();
    let policy: Policy = "3/50".parse().unwrap();
    for millis in [10, 59] {
        stream
            .state
            .reduce_ordinary_under(policy, Some(Millis(millis)));
    }
    assert_eq!(
        stream.breaker().trip(policy),
        None,
        "the first one is 50 ms old"
    );
    stream.state.reduce_ordinary_under(policy, Some(Millis(59)));
    assert_eq!(
        stream.breaker().trip(policy).as_deref(),
        Some("circuit breaker tripped: 3 events in under 50 ms")
    );
    assert_eq!("off".parse(), Ok(Policy::Off));
    assert_eq!("100/1000".parse(), Ok(Policy::default()));
    for wrong in ["", "1/1000", "10001/5", "5/0", "5/-1", "100", "on", "a/b"] {
        let error = wrong.parse::<Policy>().unwrap_err().to_string();
        assert!(error.contains(wrong) && error.contains("EVENTS/MILLISECONDS"));
    }
}

#[test]
fn a_clock_set_back_does_not_fill_the_window() {
    let mut stream = Stream::new();
    for i in 0..60 {
        stream.append("user_message", json!("x"), 3_600_000 + i);
    }
    for i in 0..60 {
        stream.append("user_message", json!("x"), 1_000 + i * 20);
        assert_eq!(stream.breaker().trip(Policy::default()), None);
    }
}

#[test]
fn the_hundredth_a_whole_second_later_is_outside() {
    let mut stream = Stream::new();
    for _ in 1..99 {
        stream.append("user_message", json!("x"), 500);
    }
    stream.append("user_message", json!("x"), 1_000);
    assert_eq!(stream.breaker().trip(Policy::default()), None);
}

#[test]
fn pause_and_resume() {
    let mut stream = Stream::new();
    for _ in 0..99 {
        stream.append("user_message", json!("x"), 5);
    }
    stream.append("paused", json!({"reason": WINDOW_REASON}), 6);
    assert!(stream.breaker().paused);
    assert_eq!(
        stream.breaker().pause_reason.as_deref(),
        Some(WINDOW_REASON)
    );
    assert_eq!(
        stream.breaker().paused_at.as_deref(),
        Some("1970-01-01T00:00:00.006Z")
    );
    assert_eq!(
        stream.breaker().trip(Policy::default()),
        None,
        "paused already"
    );
    stream.append("resumed", json!({"reason": "operator"}), 7);
    assert_eq!(*stream.breaker(), Breaker::default());
}

#[test]
fn the_bucket() {
    let mut stream = Stream::new();
    let config = json!({"burstCapacity": 3, "refillRatePerMinute": 60});
    stream.append("circuit-breaker/configured", config, 1_000);
    for tokens in [2.0, 1.0, 0.0] {
        stream.append("user_message", json!("x"), 1_000);
        assert_eq!(stream.breaker().available_tokens, Some(tokens));
        assert_eq!(stream.breaker().trip(Policy::default()), None);
    }
    stream.append("user_message", json!("x"), 1_500);
    assert_eq!(stream.breaker().available_tokens, Some(-0.5));
    assert_eq!(
        stream.breaker().trip(Policy::default()).as_deref(),
        Some(BUCKET_REASON)
    );
    stream.append("paused", json!({"reason": BUCKET_REASON}), 1_500);
    stream.append("resumed", json!({}), 2_000);
    assert_eq!(stream.breaker().available_tokens, Some(3.0));
    stream.append("user_message", json!("x"), 600_000);
    assert_eq!(
        stream.breaker().available_tokens,
        Some(2.0),
        "capped at the burst"
    );
    let json = serde_json::to_value(stream.breaker()).unwrap();
    assert_eq!(json["availableTokens"], json!(2));
    assert_eq!(json["lastRefillAtMs"], json!(600_000));
}

#[test]
fn schedules_run_and_retire() {
    let mut stream = Stream::new();
    let configured = json!({"slug": "tick", "callback": "append", "payloadJson": "{}",
        "schedule": {"kind": "every", "intervalSeconds": 5}, "nextRunAt": 10});
    stream.append("schedule/configured", configured, 1);
    stream.append(
        "schedule/internal/execution-started",
        json!({"slug": "tick", "startedAt": 10}),
        2,
    );
    let tick = |stream: &Stream| {
        serde_json::to_value(&stream.state.processors.scheduler).unwrap()["tick"].clone()
    };
    assert_eq!(
        tick(&stream),
        json!({"callback": "append", "payloadJson": "{}", "schedule": {"kind": "every", "intervalSeconds": 5},
            "nextRunAt": 10, "executionCount": 0, "running": true, "executionStartedAt": 10,
            "createdAt": "1970-01-01T00:00:00.001Z"})
    );
    let finished = json!({"slug": "tick", "outcome": "succeeded", "nextRunAt": 15});
    stream.append("schedule/internal/execution-finished", finished, 3);
    assert_eq!(tick(&stream)["executionCount"], json!(1));
    assert_eq!(tick(&stream)["running"], json!(false));
    assert_eq!(tick(&stream)["nextRunAt"], json!(15));
    let last = json!({"slug": "tick", "outcome": "succeeded", "nextRunAt": null});
    stream.append("schedule/internal/execution-finished", last, 4);
    assert_eq!(tick(&stream), Value::Null);
}

#[test]
fn the_latest_configuration_of_a_slug_wins() {
    let mut stream = Stream::new();
    let worker = |script: &str| json!({"slug": "w", "script": script});
    stream.append("dynamic-worker/configured", worker("one"), 0);
    stream.append("dynamic-worker/configured", worker("one"), 0);
    let configured_at = |stream: &Stream| {
        stream.state.processors.dynamic_worker.workers["w"]
            .configured_at
            .0
    };
    assert_eq!(configured_at(&stream), 2, "identical code: nothing happens");
    stream.append("dynamic-worker/configured", worker("two"), 0);
    assert_eq!(configured_at(&stream), 4);
    stream.append("dynamic-worker/configured", json!("seed source"), 0);
    stream.append(
        "dynamic-worker/env-var-set",
        json!({"key": "K", "value": "v"}),
        0,
    );
    let state = serde_json::to_value(&stream.state.processors.dynamic_worker).unwrap();
    assert_eq!(state["env"], json!({"K": "v"}));
    assert!(state["workers"]["default"].is_object());

    stream.append(
        "subscription/configured",
        json!({"slug": "s", "type": "webhook", "callbackUrl": "http://x/"}),
        0,
    );
    stream.append(
        "subscription/configured",
        json!({"slug": "s", "type": "carrier-pigeon", "callbackUrl": "y"}),
        0,
    );
    assert_eq!(
        stream.state.processors.external_subscriber.0["s"].callback_url,
        "http://x/"
    );
    stream.append(
        "jsonata-transformer-configured",
        json!({"slug": "t", "matcher": "m", "transform": "{}"}),
        0,
    );
    assert_eq!(
        stream.state.processors.jsonata_transformer.0["t"].matcher,
        "m"
    );
}
