//! SPEC §1, §2: what an append makes of what comes in, and what a reader finds.

use crate::house::{House, P, built_in, drain, key, message, said};
use evtui::model::offset::Offset;
use evtui::model::path::StreamKey;
use evtui::service::{Bound, Bounds, Incoming, Route, ServiceError};
use serde_json::{Value, json};

#[tokio::test]
async fn the_first_append_makes_the_stream() {
    let house = House::new();
    let input = json!({
        "type": " message ", "payload": {"text": "hi \"you\" \u{0} é"}, "metadata": {"a": [1.5, null]},
        "idempotencyKey": " k "
    });
    let stored = house.append("/team/inbox", input).await.unwrap();
    assert_eq!((stored.offset, stored.repeated), (Offset(2), false));
    assert_eq!(
        said(&stored),
        json!({
            "streamPath": "/team/inbox", "type": "message", "payload": {"text": "hi \"you\" \u{0} é"},
            "metadata": {"a": [1.5, null]}, "idempotencyKey": "k", "offset": 2,
            "createdAt": "1970-01-01T00:16:40.000Z"
        })
    );
    let events = house.events("/team/inbox").await;
    assert_eq!(
        events[0],
        json!({
            "streamPath": "/team/inbox", "type": format!("{P}initialized"),
            "payload": {"projectSlug": "public", "path": "/team/inbox"}, "metadata": {"a": [1.5, null]},
            "offset": 1, "createdAt": "1970-01-01T00:16:40.000Z"
        })
    );
    assert_eq!(events[1], said(&stored));
    assert_eq!(events.len(), 2);
}

#[tokio::test]
async fn the_first_read_makes_the_stream_too() {
    let house = House::new();
    assert_eq!(house.types("/a").await, ["initialized"]);
    assert_eq!(house.state("/b").await["eventCount"], json!(1));
    assert_eq!(
        house.types("/").await,
        [
            "initialized",
            "child-stream-created",
            "child-stream-created"
        ]
    );
}

#[tokio::test]
async fn projects_do_not_see_each_other() {
    let house = House::new();
    house.append("/a", message("mine")).await.unwrap();
    let other = StreamKey {
        project: "other".parse().unwrap(),
        ..key("/a")
    };
    let incoming = Incoming::Json(message("yours"));
    let stored = house.service.append(&other, incoming, Route::Streams).await;
    assert_eq!(stored.unwrap().offset, Offset(2));
    let state = house.service.state(&other).await.unwrap();
    assert_eq!((state.event_count, &*state.project_slug), (2, "other"));
    let listed = house.service.project_streams(&other.project).await.unwrap();
    assert_eq!(listed.len(), 2);
}

#[tokio::test]
async fn what_is_no_event_becomes_one() {
    let house = House::new();
    for (input, error) in [
        (json!(5), "event: expected a JSON object, got a number"),
        (json!({"payload": {}}), "type: missing"),
        (
            json!({"type": "x", "payload": "text"}),
            "payload: expected a JSON object, got a string",
        ),
        (
            built_in("circuit-breaker-configured", json!({"burstCapacity": 0})),
            "payload.burstCapacity: expected a positive integer",
        ),
    ] {
        let stored = said(&house.append("/a", input.clone()).await.unwrap());
        assert_eq!(stored["type"], json!(format!("{P}invalid-event-appended")));
        assert_eq!(
            stored["payload"],
            json!({"rawInput": input, "error": error})
        );
    }
    let incoming = Incoming::NotAnEvent {
        raw: json!("/w=="),
        encoding: Some("base64"),
        error: "not UTF-8".to_owned(),
    };
    let stored = house
        .service
        .append(&key("/a"), incoming, Route::Seed)
        .await;
    let stored = said(&stored.unwrap());
    assert_eq!(
        stored["type"],
        json!("https://events.iterate.com/invalid-event-appended")
    );
    let payload = json!({"rawInput": "/w==", "encoding": "base64", "error": "not UTF-8"});
    assert_eq!(stored["payload"], payload);
    assert_eq!(house.service.counted().invalid, 5);
}

#[tokio::test]
async fn the_seeds_route_and_hooks_take_any_payload() {
    let house = House::new();
    for route in [Route::Seed, Route::Hook] {
        let incoming = Incoming::Json(json!({"type": "user_message", "payload": "Hello"}));
        let stored = house.service.append(&key("/a"), incoming, route).await;
        assert_eq!(said(&stored.unwrap())["payload"], json!("Hello"));
    }
}

#[tokio::test]
async fn what_is_nested_too_deep_is_kept_as_text() {
    let house = House::new();
    let nest = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    // The event's own braces are two levels.
    let deepest = json!({"type": "x", "payload": {"deep": nest(126)}});
    let stored = house.append("/a", deepest.clone()).await.unwrap();
    assert_eq!(said(&stored)["payload"], deepest["payload"]);
    for levels in [127, 128, 129, 300] {
        let input = json!({"type": "x", "payload": {"deep": nest(levels)}});
        let stored = said(&house.append("/a", input.clone()).await.unwrap());
        assert_eq!(
            stored["payload"]["error"],
            "event: nested deeper than 128 levels"
        );
        let raw = match &stored["payload"]["rawInput"] {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        assert_eq!(raw, input.to_string());
    }
}

#[tokio::test]
async fn an_offset_is_a_precondition() {
    let house = House::new();
    let at = |offset: u64| json!({"type": "x", "offset": offset});
    let refused = house.append("/a", at(1)).await.unwrap_err();
    assert_eq!(
        refused,
        ServiceError::OffsetMismatch {
            given: Offset(1),
            next: Offset(2)
        }
    );
    assert!(refused.to_string().contains("next generated offset"));
    assert_eq!(house.append("/a", at(2)).await.unwrap().offset, Offset(2));
    assert!(house.append("/a", at(2)).await.is_err());
    assert_eq!(house.types("/a").await, ["initialized", "x"]);
}

#[tokio::test]
async fn initialized_is_appended_once() {
    let house = House::new();
    for event_type in [
        format!("{P}initialized"),
        format!("{P}created"),
        "https://events.iterate.com/initialized".to_owned(),
        "events.iterate.com/stream/created".to_owned(),
    ] {
        let input = json!({"type": event_type, "payload": {"projectSlug": "public", "path": "/a"}});
        let refused = house.append("/a", input).await.unwrap_err();
        assert_eq!(refused, ServiceError::InitializedTwice);
        let text = "stream-initialized may only be appended once";
        assert_eq!(refused.to_string(), text);
    }
    assert_eq!(house.types("/a").await, ["initialized"]);
}

#[tokio::test]
async fn bounds_are_exclusive() {
    let house = House::new();
    for text in ["2", "3", "4", "5"] {
        house.append("/a", message(text)).await.unwrap();
    }
    let at = |offset| Bound::Offset(Offset(offset));
    for (after, before, want) in [
        (Bound::Start, Some(Bound::End), 1..6),
        (Bound::Start, None, 1..6),
        (at(2), Some(at(5)), 3..5),
        (at(2), Some(at(99)), 3..6),
        (at(4), None, 5..6),
        (at(5), None, 6..6),
        (at(99), Some(Bound::End), 6..6),
        (at(5), Some(at(2)), 6..6),
        (Bound::End, None, 6..6),
        (Bound::Start, Some(Bound::Start), 6..6),
        (Bound::Start, Some(at(1)), 6..6),
        (Bound::Start, Some(at(2)), 1..2),
    ] {
        let bounds = Bounds {
            after,
            before,
            live: before.is_some(),
        };
        let mut reader = house.reader("/a", bounds).await;
        assert!(!reader.is_live());
        let offsets: Vec<u64> = drain(&mut reader)
            .await
            .iter()
            .map(|event| event["offset"].as_u64().unwrap())
            .collect();
        assert_eq!(offsets, want.collect::<Vec<_>>(), "{bounds:?}");
    }
    assert_eq!(house.service.counted().readers, 0);
}

#[tokio::test]
async fn a_restart_wakes_a_stream_once() {
    let mut house = House::new();
    house.append("/a", message("one")).await.unwrap();
    house.restart();
    house.append("/a", message("two")).await.unwrap();
    house.append("/a", message("three")).await.unwrap();
    assert_eq!(
        house.types("/a").await,
        [
            "initialized",
            "message",
            "durable-object-woke-up",
            "message",
            "message"
        ]
    );
    assert_eq!(house.state("/a").await["eventCount"], json!(5));
    // Its parent was told before, and sleeps on.
    assert_eq!(house.store_len("/"), 2);
}

#[tokio::test]
async fn streams_nobody_uses_leave_memory_and_come_back_whole() {
    let house = House::with(|options| {
        options.breaker = evtui::service::BreakerPolicy::Off;
        options.max_open_streams = 8;
    });
    let held = house.reader("/s0", Bounds::default()).await;
    for round in 0..3 {
        for i in 0..50 {
            let path = format!("/s{i}");
            house
                .append(&path, message(&round.to_string()))
                .await
                .unwrap();
        }
    }
    let open = house.service.counted().open_streams;
    assert!(open <= 10, "{open} streams in memory");
    drop(held);
    for i in 0..50 {
        let path = format!("/s{i}");
        assert_eq!(
            house.types(&path).await,
            ["initialized", "message", "message", "message"]
        );
        assert_eq!(house.state(&path).await["eventCount"], json!(4));
    }
}

#[tokio::test]
async fn a_long_stream_opens_from_its_snapshot() {
    let mut house = House::new();
    for i in 0..2_500 {
        house.append("/a", message(&i.to_string())).await.unwrap();
    }
    let snapshot = house.snapshot("/a").expect("a snapshot");
    assert!(snapshot.0 > 1_500, "the newest is at {}", snapshot.0);
    let before = house.state("/a").await;
    house.restart();
    let after = house.state("/a").await;
    assert_eq!(after["eventCount"], json!(2_502));
    assert_eq!(after["childPaths"], before["childPaths"]);
}

#[tokio::test]
async fn shutting_down_refuses_ends_and_loses_nothing() {
    let house = House::new();
    let mut live = house.reader("/a", Bounds::default()).await;
    live.next().await.unwrap().unwrap();
    house.store.hold();
    let last = house.appending("/a", message("last")).await;
    house.store.holds(1).await;
    let service = house.service.clone();
    let down = tokio::spawn(async move { service.shutdown().await });
    tokio::task::yield_now().await;
    let refused = house.append("/a", message("late")).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Unavailable(_)), "{refused}");
    house.store.let_through();
    down.await.unwrap();
    let last = last.await.unwrap();
    let seen = drain(&mut live).await;
    match last {
        Ok(stored) => assert_eq!(seen.last(), Some(&said(&stored))),
        Err(error) => assert!(matches!(error, ServiceError::Unavailable(_)), "{error}"),
    }
    assert!(house.service.state(&key("/a")).await.is_err());
}
