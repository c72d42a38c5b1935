//! What an append makes of what comes (SPEC §2).

use crate::support::{Api, Frame, P, note};
use crate::{offsets, types};
use serde_json::{Value, json};

#[tokio::test]
async fn a_stored_event_has_this_shape() {
    let api = Api::new();
    let input = json!({
        "type": "  note ",
        "payload": {"z": 1, "a": [true, null, "é\u{1F600}\n"]},
        "metadata": {"who": "me"},
        "idempotencyKey": " k1 ",
    });
    let event = api.append("/shape", &input).await.event();
    let time = event["createdAt"].as_str().unwrap();
    assert_eq!(time.len(), "2026-03-04T09:14:02.123Z".len(), "{time}");
    assert!(time.ends_with('Z') && time.as_bytes()[19] == b'.', "{time}");
    let mut expected = input.clone();
    expected["type"] = json!("note");
    expected["idempotencyKey"] = json!("k1");
    expected["streamPath"] = json!("/shape");
    expected["offset"] = json!(2);
    expected["createdAt"] = event["createdAt"].clone();
    assert_eq!(event, expected);
    // The order of a payload's keys is kept.
    assert_eq!(
        event["payload"].as_object().unwrap().keys().next().unwrap(),
        "z"
    );
    assert_eq!(api.history("/shape").await[1], event);
}

#[tokio::test]
async fn what_is_absent_stays_absent() {
    let api = Api::new();
    let event = api.append("/least", &json!({"type": "note"})).await.event();
    assert_eq!(event["payload"], json!({}));
    assert_eq!(event.get("metadata"), None);
    assert_eq!(event.get("idempotencyKey"), None);
}

#[tokio::test]
async fn an_event_may_come_wrapped() {
    let api = Api::new();
    let event = api
        .append("/wrapped", &json!({"event": note(7)}))
        .await
        .event();
    assert_eq!(event["payload"], json!({"n": 7}));
}

#[tokio::test]
async fn what_is_no_event_becomes_one() {
    let api = Api::new();
    for (input, named) in [
        (json!({"type": "a", "colour": 1}), "colour"),
        (json!({"payload": {}}), "type"),
        (json!({"type": ""}), "type"),
        (json!({"type": "x".repeat(2049)}), "type"),
        (json!({"type": 7}), "type"),
        (json!({"type": "a", "payload": "text"}), "payload"),
        (json!({"type": "a", "payload": [1]}), "payload"),
        (json!({"type": "a", "payload": null}), "payload"),
        (json!({"type": "a", "metadata": "m"}), "metadata"),
        (
            json!({"type": "a", "idempotencyKey": " "}),
            "idempotencyKey",
        ),
        (json!({"type": "a", "offset": 0}), "offset"),
        (json!({"type": "a", "offset": 1.5}), "offset"),
        (json!([1, 2]), "object"),
        (json!("text"), "object"),
        (json!(null), "object"),
        (json!({"event": {"type": 1}}), "type"),
        (
            json!({"type": format!("{P}metadata-updated"), "payload": {}}),
            "metadata",
        ),
        (
            json!({"type": format!("{P}circuit-breaker-configured"), "payload": {"burstCapacity": 0, "refillRatePerMinute": 1}}),
            "burstCapacity",
        ),
        (
            json!({"type": "https://events.iterate.com/jsonata-transformer-configured", "payload": {"slug": "a"}}),
            "matcher",
        ),
        (
            json!({"type": "events.iterate.com/stream/append-scheduled", "payload": {}}),
            "payload",
        ),
    ] {
        let event = api.append("/invalid", &input).await.event();
        assert_eq!(
            event["type"],
            format!("{P}invalid-event-appended"),
            "{input}"
        );
        assert_eq!(event["payload"]["rawInput"], input);
        let error = event["payload"]["error"].as_str().unwrap();
        assert!(error.contains(named), "{input}: {error}");
    }
    let longest = json!({"type": "x".repeat(2048)});
    assert_eq!(
        api.append("/invalid", &longest).await.event()["type"],
        longest["type"]
    );
}

#[tokio::test]
async fn bodies_of_any_kind_are_put_on_record() {
    let api = Api::new();
    let post = async |kind: Option<&str>, body: &[u8]| -> Value {
        let headers: Vec<_> = kind
            .map(|kind| ("content-type", kind))
            .into_iter()
            .collect();
        let answer = api
            .call("POST", "/api/streams/hooks", &headers, body.to_vec())
            .await;
        let event = answer.event();
        assert_eq!(event["type"], format!("{P}invalid-event-appended"));
        event["payload"].clone()
    };
    let form = post(
        Some("application/x-www-form-urlencoded"),
        b"name=Ada+L&tag=a&tag=b",
    )
    .await;
    assert_eq!(
        form["rawInput"],
        json!({"name": "Ada L", "tag": ["a", "b"]})
    );
    let multipart = post(
        Some("multipart/form-data; boundary=X"),
        b"--X\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nAda\r\n--X--\r\n",
    )
    .await;
    assert_eq!(multipart["rawInput"], json!({"name": "Ada"}));
    assert_eq!(
        post(Some("text/plain"), b"just text").await["rawInput"],
        "just text"
    );
    assert_eq!(
        post(None, b"no kind given").await["rawInput"],
        "no kind given"
    );
    assert_eq!(
        post(Some("application/json"), b"{broken").await["rawInput"],
        "{broken"
    );
    let bytes = post(Some("application/octet-stream"), b"\xff\x00\x01").await;
    assert_eq!(bytes["rawInput"], "/wAB");
    assert_eq!(bytes["encoding"], "base64");
    let empty = post(Some("application/json"), b"").await;
    assert_eq!(empty["rawInput"], "");
    assert!(empty["error"].as_str().unwrap().contains("empty"));
    assert_eq!(post(None, b"").await["rawInput"], "");
}

#[tokio::test]
async fn a_form_that_is_an_event_is_one() {
    let api = Api::new();
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let answer = api
        .call(
            "POST",
            "/api/streams/form",
            &kind,
            "type=note&idempotencyKey=k",
        )
        .await;
    let event = answer.event();
    assert_eq!(event["type"], "note");
    assert_eq!(event["idempotencyKey"], "k");
}

#[tokio::test]
async fn the_seeds_route_takes_any_payload() {
    let api = Api::new();
    for payload in [
        json!("Hello"),
        json!([1]),
        json!(null),
        json!(7),
        json!({"a": 1}),
    ] {
        let event = api
            .post(
                "/seed/a",
                &json!({"type": "user_message", "payload": payload}),
            )
            .await;
        let event = event.event();
        assert_eq!(event["type"], "user_message");
        assert_eq!(event["payload"], payload);
    }
    let event = api.post("/seed/a", &json!({"nothing": 1})).await.event();
    assert_eq!(
        event["type"],
        "https://events.iterate.com/invalid-event-appended"
    );
    // One stream, whichever way it is reached.
    assert_eq!(
        api.events("/seed/a?live=false").await,
        api.history("/seed/a").await
    );
}

#[tokio::test]
async fn an_offset_is_a_precondition() {
    let api = Api::new();
    api.append("/pre", &note(1)).await.event();
    for wrong in [1, 2, 4, 1000] {
        let input = json!({"type": "note", "offset": wrong});
        let message = api
            .append("/pre", &input)
            .await
            .error(412, "PRECONDITION_FAILED");
        assert!(message.contains("next generated offset"), "{message}");
    }
    let right = json!({"type": "note", "offset": 3});
    assert_eq!(api.append("/pre", &right).await.event()["offset"], 3);
    assert_eq!(offsets(&api.history("/pre").await), [1, 2, 3]);
}

#[tokio::test]
async fn an_idempotency_key_stores_once() {
    let api = Api::new();
    let first = json!({"type": "note", "payload": {"n": 1}, "idempotencyKey": "k"});
    let stored = api.append("/once", &first).await.event();
    let mut live = api.read("/api/streams/once?after=end", &[]).await;
    assert_eq!(live.frame().await, Some(Frame::Comment));
    let again = json!({"type": "other", "idempotencyKey": " k ", "offset": 99});
    assert_eq!(api.append("/once", &again).await.event(), stored);
    assert_eq!(offsets(&api.history("/once").await), [1, 2]);
    // Nothing was pushed: the next event is the next one.
    api.append("/once", &note(2)).await.event();
    assert_eq!(live.offsets(1).await, [3]);
    // Another stream knows nothing of the key.
    assert_eq!(api.append("/twice", &first).await.event()["offset"], 2);
}

#[tokio::test]
async fn a_stream_is_initialized_once() {
    let api = Api::new();
    api.append("/init", &note(1)).await.event();
    for name in [
        format!("{P}initialized"),
        "https://events.iterate.com/initialized".to_owned(),
        "events.iterate.com/stream/created".to_owned(),
    ] {
        let input = json!({"type": name, "payload": {"projectSlug": api.project, "path": "/init"}});
        let message = api.append("/init", &input).await.error(400, "BAD_REQUEST");
        assert!(
            message.contains("stream-initialized may only be appended once"),
            "{message}"
        );
    }
    assert_eq!(api.history("/init").await.len(), 2);
}

#[tokio::test]
async fn every_ancestor_is_told_of_a_child() {
    let api = Api::new();
    let input = json!({"type": "note", "metadata": {"by": "test"}});
    api.append("/x/y/z", &input).await.event();
    for ancestor in ["/", "/x", "/x/y"] {
        let events = api.history(ancestor).await;
        assert_eq!(types(&events)[0], "initialized");
        let told: Vec<_> = events
            .iter()
            .filter(|event| event["type"] == format!("{P}child-stream-created"))
            .filter(|event| event["payload"]["childPath"] == "/x/y/z")
            .collect();
        assert_eq!(told.len(), 1, "{ancestor}: {events:?}");
        assert_eq!(told[0]["metadata"], json!({"by": "test"}), "{ancestor}");
    }
    let state = api.get("/api/streams/__state/x").await.json();
    assert_eq!(state["childPaths"], json!(["/x/y"]));
}

#[tokio::test]
async fn built_in_types_keep_the_name_they_came_with() {
    let api = Api::new();
    for name in [
        format!("{P}metadata-updated"),
        "https://events.iterate.com/metadata-updated".to_owned(),
        "events.iterate.com/stream/metadata-updated".to_owned(),
    ] {
        let input = json!({"type": name, "payload": {"metadata": {"as": name}}});
        assert_eq!(
            api.append("/names", &input).await.event()["type"],
            name.as_str()
        );
        let state = api.get("/api/__state/names").await.json();
        assert_eq!(state["metadata"], json!({"as": name}));
    }
    let worker = "https://events.iterate.com/dynamic-worker-configured";
    let script = "const processor = { reduce(events) { return events.length } }";
    for target in ["/api/streams/names", "/names"] {
        let event = api
            .post(target, &json!({"type": worker, "payload": script}))
            .await
            .event();
        assert_eq!(
            (&event["type"], &event["payload"]),
            (&json!(worker), &json!(script))
        );
    }
}
