//! What the service promises on the wire (SPEC §1–§4), over TCP. `EVTUI_CONTRACT_URL` points it at
//! another server; what is ours alone is left out there.

#[path = "support/server.rs"]
mod support;

use serde_json::{Value, json};
use std::time::Duration;
use support::{Api, Frame, P, note, raw, raw_status, status};

/// The types of events, without the prefix of built-in ones.
fn types(events: &[Value]) -> Vec<&str> {
    let types = events.iter().map(|event| event["type"].as_str().unwrap());
    types.map(|t| t.strip_prefix(P).unwrap_or(t)).collect()
}

fn offsets(events: &[Value]) -> Vec<u64> {
    events
        .iter()
        .map(|event| event["offset"].as_u64().unwrap())
        .collect()
}

// §1 Streams, paths, projects

#[tokio::test]
async fn the_first_append_makes_the_stream() {
    let api = Api::new();
    let event = api.append("/a", &note(1)).await.event();
    assert_eq!(event["offset"], 2);
    let events = api.history("/a").await;
    assert_eq!(types(&events), ["initialized", "note"]);
    assert_eq!(offsets(&events), [1, 2]);
    assert_eq!(
        events[0]["payload"],
        json!({"projectSlug": api.project, "path": "/a"})
    );
    assert_eq!(events[0]["streamPath"], "/a");
}

#[tokio::test]
async fn the_first_read_makes_the_stream_too() {
    let api = Api::new();
    let events = api.history("/never/written").await;
    assert_eq!(types(&events), ["initialized"]);
    let listed = api.get("/api/streams/__children/never").await.json();
    let paths: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["path"].clone())
        .collect();
    assert!(paths.contains(&json!("/never/written")), "{paths:?}");
}

#[tokio::test]
async fn every_spelling_of_a_path_is_one_stream() {
    let api = Api::new();
    let spellings = [
        "/team/inbox",
        "/team%2Finbox",
        "/%2Fteam%2Finbox",
        "/%2fteam/inbox",
    ];
    for (index, path) in spellings.iter().enumerate() {
        let event = api.append(path, &note(0)).await.event();
        assert_eq!(event["streamPath"], "/team/inbox");
        assert_eq!(event["offset"], index as u64 + 2);
    }
    for path in ["/", "//", "/%2F"] {
        assert_eq!(api.append(path, &note(0)).await.event()["streamPath"], "/");
    }
}

#[tokio::test]
async fn other_paths_are_refused_and_never_repaired() {
    let api = Api::new();
    let long = format!("/{}", "a".repeat(1023));
    for path in [
        "/A",
        "/a.b",
        "/a/",
        "/a%2F",
        "/a%20b",
        "/%252Fa",
        "/%C3%A9",
        "/a%00",
        long.as_str(),
    ] {
        let message = api.append(path, &note(0)).await.error(400, "BAD_REQUEST");
        assert!(message.contains("stream path"), "{path}: {message}");
        api.get(&format!("/api/streams{path}"))
            .await
            .error(400, "BAD_REQUEST");
    }
    let longest = format!("/{}", "a".repeat(1022));
    api.append(&longest, &note(0)).await.event();
}

#[tokio::test]
async fn path_tricks_are_refused() {
    let api = Api::new();
    if !api.is_ours() {
        return;
    }
    for target in [
        "/api/streams/..",
        "/api/streams/a/../b",
        "/api/streams/%2e%2e/%2e%2e/etc",
        "/api/streams/./a",
        "/api/streams/a%00b",
        "/api/streams//a",
        "/api/streams/a//b",
        "/../../etc/passwd",
        "/%2e%2e%2fetc",
        "/api/streams/a?project%Slug=x",
        "/api/streams/a?projectSlug=%00",
    ] {
        assert_eq!(raw_status(api.address(), "GET", target), 400, "{target}");
        assert_eq!(raw_status(api.address(), "POST", target), 400, "{target}");
    }
}

#[tokio::test]
async fn projects_are_apart_and_named_in_this_order() {
    let api = Api::new();
    if !api.is_ours() {
        return;
    }
    let slug = |name: &str| format!("{}-{name}", api.project);
    let of = async |headers: &[&str], query: &str, host: &str| -> String {
        let mut request = format!("POST /api/streams/p{query} HTTP/1.1\r\nHost: {host}\r\n");
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        let body = note(1).to_string();
        request.push_str("Content-Type: application/json\r\nConnection: close\r\n");
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let answer = raw(api.address(), request.as_bytes());
        assert_eq!(status(&answer), 200);
        String::from_utf8(answer).unwrap()
    };
    let (seed, newer) = (slug("seed"), slug("newer"));
    let (by_query, by_host) = (slug("query"), slug("host"));
    let headers = [
        format!("X-Project-Slug: {seed}"),
        format!("x-iterate-project: {newer}"),
    ];
    let query = format!("?projectSlug={by_query}");
    let host = format!("{by_host}.localhost:7070");
    of(&[&headers[0], &headers[1]], &query, &host).await;
    of(&[&headers[1]], &query, &host).await;
    of(&[], &query, &host).await;
    of(&[], "", &host).await;
    // Same path, four projects, one event each.
    for project in [seed, newer, by_query, by_host] {
        let target = format!("/api/streams/p?before=end&projectSlug={project}");
        let url = format!("{}{target}", api.base);
        let text = api
            .client
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert_eq!(
            text.matches("\"type\":\"note\"").count(),
            1,
            "{project}: {text}"
        );
        assert!(
            text.contains(&format!("\"projectSlug\":\"{project}\"")),
            "{text}"
        );
    }
}

// §2 Events

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

// §3 HTTP

#[tokio::test]
async fn json_is_indented_by_two_spaces() {
    let api = Api::new();
    let input = json!({"type": "note", "payload": {"a": [], "b": {}, "c": [1, {"d": "x: {,}"}]}});
    let answer = api.append("/pretty", &input).await;
    assert_eq!(answer.header("content-type").unwrap(), "application/json");
    assert_eq!(
        answer.text(),
        serde_json::to_string_pretty(&answer.json()).unwrap()
    );
    assert!(
        answer.text().starts_with("{\n  \"event\": {\n    \""),
        "{}",
        answer.text()
    );
    for target in ["/api/streams", "/api/__state/pretty"] {
        let answer = api.get(target).await;
        assert_eq!(
            answer.text(),
            serde_json::to_string_pretty(&answer.json()).unwrap()
        );
    }
}

#[tokio::test]
async fn a_body_may_be_transformed_into_an_event() {
    let api = Api::new();
    let body = json!({"user": "Ada", "items": [1, 2, 3]});
    let post = async |target: &str, expression: &str, body: &Value| -> support::Answer {
        let expression: String = form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        api.post(&format!("{target}?jsonataTransform={expression}"), body)
            .await
    };
    let transform = r#"{"type": "order", "payload": {"by": user, "sum": $sum(items)}}"#;
    let event = post("/api/streams/jsonata", transform, &body).await.event();
    assert_eq!(event["type"], "order");
    assert_eq!(event["payload"]["by"], "Ada");
    assert_eq!(event["payload"]["sum"].as_f64(), Some(6.0));
    let seed = post(
        "/jsonata",
        r#"{"type": "user_message", "payload": user}"#,
        &body,
    )
    .await;
    assert_eq!(seed.event()["payload"], "Ada");
    for bad in ["{", "$nothing(", "$error('no')"] {
        let message = post("/api/streams/jsonata", bad, &body)
            .await
            .error(400, "BAD_REQUEST");
        assert!(
            message.starts_with("invalid_jsonata_transform: "),
            "{bad}: {message}"
        );
    }
    for no_event in ["user", "{\"payload\": {}}", "items", "nothing.there"] {
        let refused = post("/api/streams/jsonata", no_event, &body).await;
        let message = refused.error(400, "BAD_REQUEST");
        assert_eq!(
            message,
            "jsonataTransform must produce a valid single event body."
        );
    }
    post("/api/streams/jsonata", "$", &json!([1]))
        .await
        .error(400, "BAD_REQUEST");
    assert_eq!(api.history("/jsonata").await.len(), 3);
}

#[tokio::test]
async fn pages_of_any_origin_may_ask() {
    let api = Api::new();
    let origin = [("origin", "https://example.com")];
    let answer = api.call("GET", "/api/__state/cors", &origin, "").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let refused = api.call("GET", "/api/streams/BAD", &origin, "").await;
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
    let asked = [
        ("origin", "https://example.com"),
        ("access-control-request-method", "DELETE"),
        (
            "access-control-request-headers",
            "authorization,x-project-slug",
        ),
    ];
    let allowed = api.call("OPTIONS", "/api/streams/cors", &asked, "").await;
    assert!(allowed.status < 300, "{}", allowed.status);
    assert!(
        allowed
            .header("access-control-allow-methods")
            .unwrap()
            .contains("DELETE")
    );
    let headers = allowed.header("access-control-allow-headers").unwrap();
    assert!(
        headers.contains("authorization") && headers.contains("x-project-slug"),
        "{headers}"
    );
}

#[tokio::test]
async fn what_is_not_there_and_what_cannot_be_done() {
    let api = Api::new();
    if !api.is_ours() {
        return;
    }
    api.get("/api/nothing").await.error(404, "NOT_FOUND");
    let refused = api.call("PUT", "/api/streams/a", &[], "").await;
    refused.error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(refused.header("allow"), Some("GET, POST, DELETE"));
    api.call("DELETE", "/a", &[], "")
        .await
        .error(405, "METHOD_NOT_ALLOWED");
    let typo = api
        .get("/api/streams/a?afterOfset=3")
        .await
        .error(400, "BAD_REQUEST");
    assert!(
        typo.contains("afterOfset") && typo.contains("afterOffset"),
        "{typo}"
    );
}

#[tokio::test]
async fn the_reduced_state() {
    let api = Api::new();
    api.append("/s", &note(1)).await.event();
    api.append("/s/child", &note(1)).await.event();
    for target in [
        "/api/streams/__state/s",
        "/api/__state/s",
        "/api/__state/%2Fs",
    ] {
        let state = api.get(target).await.json();
        assert_eq!(state["projectSlug"], api.project.as_str());
        assert_eq!(state["path"], "/s");
        assert_eq!(state["eventCount"], 3);
        assert_eq!(state["childPaths"], json!(["/s/child"]));
        assert_eq!(state["metadata"], json!({}));
        let mut processors: Vec<_> = state["processors"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        processors.sort();
        assert_eq!(
            processors,
            [
                "circuit-breaker",
                "dynamic-worker",
                "external-subscriber",
                "jsonata-transformer",
                "scheduler"
            ]
        );
    }
}

#[tokio::test]
async fn streams_are_listed_newest_first() {
    let api = Api::new();
    for path in ["/l/a", "/l/b", "/l/b/c", "/other"] {
        api.append(path, &note(1)).await.event();
    }
    let paths = async |target: &str| -> Vec<String> {
        let listed = api.get(target).await.json();
        let listed = listed.as_array().unwrap();
        let times: Vec<_> = listed
            .iter()
            .map(|l| l["createdAt"].as_str().unwrap())
            .collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
        assert!(listed.iter().all(|l| l.as_object().unwrap().len() == 2));
        let mut paths: Vec<_> = listed
            .iter()
            .map(|l| l["path"].as_str().unwrap().to_owned())
            .collect();
        paths.sort();
        paths
    };
    assert_eq!(
        paths("/api/streams/__children/l").await,
        ["/l", "/l/a", "/l/b", "/l/b/c"]
    );
    assert_eq!(
        paths("/api/streams/__children/l/b").await,
        ["/l/b", "/l/b/c"]
    );
    let all = ["/", "/l", "/l/a", "/l/b", "/l/b/c", "/other"];
    assert_eq!(paths("/api/streams").await, all);
    assert_eq!(paths("/api/streams/__children/").await, all);
}

#[tokio::test]
async fn a_destroyed_stream_starts_over() {
    let api = Api::new();
    api.append("/d", &note(1)).await.event();
    api.append("/d/e", &note(1)).await.event();
    let mut live = api.read("/api/streams/d", &[]).await;
    live.offsets(2).await;
    let answer = api.call("DELETE", "/api/streams/d", &[], "").await.json();
    assert_eq!(answer["destroyedStreamCount"], 1);
    let state = &answer["finalStateByPath"]["/d"]["finalState"];
    assert_eq!(
        (&state["path"], &state["eventCount"]),
        (&json!("/d"), &json!(3))
    );
    // What it still had to give may come; then it ends.
    while live.event().await.is_some() {}
    assert_eq!(api.append("/d", &note(2)).await.event()["offset"], 2);
    // The child was not asked for.
    assert_eq!(api.history("/d/e").await.len(), 2);

    let answer = api
        .call("DELETE", "/api/streams/d?destroyChildren=true", &[], "")
        .await
        .json();
    assert_eq!(answer["destroyedStreamCount"], 2);
    let states = answer["finalStateByPath"].as_object().unwrap();
    assert_eq!(states.len(), 2);
    assert_eq!(states["/d/e"]["finalState"]["eventCount"], 2);
    let nothing = api
        .call("DELETE", "/api/streams/not-there", &[], "")
        .await
        .json();
    assert_eq!(
        nothing,
        json!({"destroyedStreamCount": 0, "finalStateByPath": {"/not-there": {"finalState": null}}})
    );
}

#[tokio::test]
async fn secrets_go_in_and_never_come_out() {
    let api = Api::new();
    let input = json!({"name": "openai", "value": "sk-very-secret", "description": "for tests"});
    let kept = api.post("/api/secrets", &input).await;
    assert_eq!(kept.status, 200);
    assert!(!kept.text().contains("sk-very-secret"));
    let kept = kept.json();
    let mut keys: Vec<_> = kept.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(
        keys,
        ["createdAt", "description", "id", "name", "updatedAt"]
    );
    api.post("/api/secrets", &json!({"name": "other", "value": "x"}))
        .await;
    let listed = api.get("/api/secrets").await;
    assert!(!listed.text().contains("sk-very-secret"));
    assert_eq!(listed.json()["total"], 2);
    assert!(listed.json()["secrets"].as_array().unwrap().contains(&kept));
    let page = api.get("/api/secrets?limit=1&offset=1").await.json();
    assert_eq!(
        (page["secrets"].as_array().unwrap().len(), &page["total"]),
        (1, &json!(2))
    );
    for bad in ["limit=0", "limit=101", "limit=x", "offset=-1"] {
        api.get(&format!("/api/secrets?{bad}"))
            .await
            .error(400, "BAD_REQUEST");
    }
    for bad in [
        json!({}),
        json!({"name": "a"}),
        json!({"name": "a", "value": 7}),
        json!([]),
    ] {
        api.post("/api/secrets", &bad)
            .await
            .error(400, "BAD_REQUEST");
    }
    let target = format!("/api/secrets/{}", kept["id"].as_str().unwrap());
    assert_eq!(api.call("DELETE", &target, &[], "").await.status, 200);
    api.call("DELETE", &target, &[], "")
        .await
        .error(404, "NOT_FOUND");
    assert_eq!(api.get("/api/secrets").await.json()["total"], 1);
}

#[tokio::test]
async fn the_documentation_is_whole() {
    let api = Api::new();
    let document = api.get("/api/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    if !api.is_ours() {
        return;
    }
    for page in ["/api/docs", "/apidocs"] {
        let page = api.get(page).await;
        assert!(
            page.header("content-type")
                .unwrap()
                .starts_with("text/html")
        );
        assert!(page.text().contains("/api/streams/{path}"));
    }
    // Every documented route is answered by what answers it.
    let sample = |path: &str| {
        path.replace("{path}", "docs/sample")
            .replace("{id}", "none")
    };
    let mut documented = Vec::new();
    for (path, verbs) in document["paths"].as_object().unwrap() {
        for (verb, operation) in verbs.as_object().unwrap() {
            let method = verb.to_uppercase();
            let mut target = sample(path);
            if operation["operationId"]
                .as_str()
                .unwrap()
                .starts_with("readEvents")
            {
                target.push_str("?live=false");
            }
            let answer = api.call(&method, &target, &[], "").await;
            let known = operation["responses"].as_object().unwrap();
            let status = answer.status.to_string();
            assert!(
                known.contains_key(&status),
                "{method} {path} answered {status}"
            );
            assert_ne!(status, "405", "{method} {path}");
            let kind = answer
                .header("content-type")
                .unwrap()
                .split(';')
                .next()
                .unwrap();
            let response = match known[&status].get("$ref") {
                Some(at) => document.pointer(&at.as_str().unwrap()[1..]).unwrap(),
                None => &known[&status],
            };
            assert!(
                response["content"].get(kind).is_some(),
                "{method} {path}: {kind}"
            );
            documented.push((method, path.clone()));
        }
    }
    // Every method that is possible somewhere is documented there.
    for (path, _) in document["paths"].as_object().unwrap() {
        let refused = api.call("PATCH", &sample(path), &[], "").await;
        refused.error(405, "METHOD_NOT_ALLOWED");
        for method in refused
            .header("allow")
            .unwrap()
            .split(", ")
            .filter(|m| *m != "HEAD")
        {
            let route = (method.to_owned(), path.clone());
            assert!(documented.contains(&route), "{route:?} is not documented");
        }
    }
}

#[tokio::test]
async fn health_and_metrics() {
    let api = Api::new();
    if !api.is_ours() {
        return;
    }
    assert_eq!(api.get("/healthz").await.json(), json!({"ok": true}));
    api.append("/metered", &note(1)).await.event();
    let mut live = api.read("/api/streams/metered", &[]).await;
    live.offsets(2).await;
    let metrics = api.get("/metrics").await;
    let value = |name: &str| -> f64 {
        let text = metrics.text();
        let line = text
            .lines()
            .find(|line| line.split([' ', '{']).next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!(value("evtui_appends_total") >= 2.0);
    let commits = value("evtui_commits_total");
    assert!(commits >= 1.0 && value("evtui_committed_events_total") >= commits);
    assert!(value("evtui_live_readers") >= 1.0);
    assert!(value("evtui_append_duration_seconds_count") >= 1.0);
    assert!(value("evtui_received_bytes_total") > 0.0);
    assert!(value("evtui_sent_bytes_total") > 0.0);
    assert!(
        metrics
            .text()
            .contains("evtui_requests_total{status=\"200\"}")
    );
    assert!(value("evtui_breaker_trips_total") >= 0.0);
}

// §3.1 Reading

#[tokio::test]
async fn bounds_of_all_generations() {
    let api = Api::new();
    for n in 0..5 {
        api.append("/b", &note(n)).await.event();
    }
    for (query, expected) in [
        ("live=false", &[1, 2, 3, 4, 5, 6][..]),
        ("before=end", &[1, 2, 3, 4, 5, 6]),
        ("beforeOffset=end", &[1, 2, 3, 4, 5, 6]),
        ("afterOffset=2&beforeOffset=5", &[3, 4]),
        ("after=2&before=5", &[3, 4]),
        ("after=start&before=3", &[1, 2]),
        ("offset=4", &[5, 6]),
        ("offset=start", &[1, 2, 3, 4, 5, 6]),
        ("offset=4&live=false", &[5, 6]),
        ("after=4&live=false", &[5, 6]),
        ("after=end&before=end", &[]),
        ("before=start", &[]),
        ("after=5&before=3", &[]),
        ("after=100&live=false", &[]),
        ("after=3&before=100", &[4, 5, 6]),
        ("before=end&live=true", &[1, 2, 3, 4, 5, 6]),
    ] {
        let events = api.events(&format!("/api/streams/b?{query}")).await;
        assert_eq!(offsets(&events), expected, "{query}");
        assert_eq!(
            offsets(&api.events(&format!("/b?{query}")).await),
            expected,
            "/b?{query}"
        );
    }
    for query in [
        "after=0",
        "before=x",
        "after=-1",
        "live=perhaps",
        "offset=",
        "after=1&offset=1",
    ] {
        api.get(&format!("/api/streams/b?{query}"))
            .await
            .error(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn live_reading_goes_on_where_history_ends() {
    let api = Api::new();
    api.append("/live", &note(1)).await.event();
    for (query, first) in [
        ("", 1),
        ("?after=1", 2),
        ("?offset=1&live=true", 2),
        ("?afterOffset=start", 1),
    ] {
        let history = api.history("/live").await.len() as u64;
        let mut live = api.read(&format!("/api/streams/live{query}"), &[]).await;
        let kind = live.response.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        let expected: Vec<u64> = (first..=history).collect();
        assert_eq!(live.offsets(expected.len()).await, expected, "{query}");
        let stored = api.append("/live", &note(2)).await.event();
        assert_eq!(live.event().await, Some(stored), "{query}");
    }
    let mut new = api.read("/api/streams/live?after=end", &[]).await;
    assert_eq!(new.frame().await, Some(Frame::Comment));
    let stored = api.append("/live", &note(3)).await.event();
    match new.frame().await {
        Some(Frame::Message { id, data }) => {
            assert_eq!(data, stored);
            if api.ours {
                assert_eq!(id, stored["offset"].as_u64());
            }
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_reader_that_comes_back_goes_on_where_it_was() {
    let api = Api::new();
    if !api.is_ours() {
        return;
    }
    for n in 0..4 {
        api.append("/back", &note(n)).await.event();
    }
    for query in ["", "?after=end", "?after=1"] {
        let target = format!("/api/streams/back{query}");
        let mut live = api.read(&target, &[("last-event-id", "3")]).await;
        assert_eq!(live.offsets(2).await, [4, 5], "{query}");
    }
}

#[tokio::test]
async fn an_idle_reader_is_kept_alive() {
    let api = Api::new();
    let mut live = api.read("/api/streams/idle?after=end", &[]).await;
    assert_eq!(live.frame().await, Some(Frame::Comment));
    let next = tokio::time::timeout(Duration::from_secs(5), live.frame()).await;
    assert_eq!(next.expect("no comment within 5 s"), Some(Frame::Comment));
}

#[tokio::test]
async fn ndjson_and_yaml() {
    let api = Api::new();
    if !api.is_ours() {
        return;
    }
    let input = json!({"type": "note", "payload": {"text": "two\nlines: yes"}});
    api.append("/forms", &input).await.event();
    let events = api.history("/forms").await;
    let accept = [("accept", "application/x-ndjson")];
    for (target, headers) in [
        ("/api/streams/forms?live=false&format=ndjson", &[][..]),
        ("/api/streams/forms?live=false", &accept),
    ] {
        let answer = api.call("GET", target, headers, "").await;
        assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
        let lines: Vec<Value> = answer
            .text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines, events);
    }
    let yaml = api.get("/api/streams/forms?live=false&format=yaml").await;
    let documents: Vec<Value> = yaml
        .text()
        .split("---\n")
        .skip(1)
        .map(|document| serde_norway::from_str(document).unwrap())
        .collect();
    assert_eq!(documents, events);
    api.get("/api/streams/forms?format=xml")
        .await
        .error(400, "BAD_REQUEST");
}

#[tokio::test]
async fn many_readers_and_writers_lose_and_double_nothing() {
    let api = Api::new();
    let breaker = json!({
        "type": format!("{P}circuit-breaker-configured"),
        "payload": {"burstCapacity": 100_000, "refillRatePerMinute": 100_000},
    });
    api.append("/busy", &breaker).await.event();
    const WRITERS: u64 = 4;
    const EACH: u64 = 50;
    const TOTAL: u64 = 2 + WRITERS * EACH;
    let write = async |writer: u64| {
        for n in 0..EACH {
            api.append("/busy", &note(writer * EACH + n)).await.event();
        }
    };
    let read = async |pause: u64| {
        let mut live = api.read("/api/streams/busy", &[]).await;
        for expected in 1..=TOTAL {
            assert_eq!(live.offsets(1).await, [expected]);
            if pause > 0 && expected % 16 == 0 {
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
        }
    };
    tokio::join!(
        write(0),
        write(1),
        write(2),
        write(3),
        read(0),
        read(0),
        read(5),
        read(20)
    );
    let mut written: Vec<u64> = api.history("/busy").await[2..]
        .iter()
        .map(|event| event["payload"]["n"].as_u64().unwrap())
        .collect();
    written.sort_unstable();
    assert_eq!(written, (0..WRITERS * EACH).collect::<Vec<_>>());
}

// §4 Circuit breaker

#[tokio::test]
async fn a_paused_stream_takes_only_resumed() {
    let api = Api::new();
    let pause = json!({"type": format!("{P}paused"), "payload": {"reason": "lunch"}});
    api.append("/p", &pause).await.event();
    for input in [note(1), json!({"not": "an event"}), pause.clone()] {
        let message = api
            .append("/p", &input)
            .await
            .error(412, "PRECONDITION_FAILED");
        assert!(
            message.contains("stream is paused; only stream/resumed is allowed"),
            "{message}"
        );
    }
    let breaker = api.get("/api/__state/p").await.json()["processors"]["circuit-breaker"].clone();
    assert_eq!(breaker["paused"], true);
    assert_eq!(breaker["pauseReason"], "lunch");
    assert!(breaker["pausedAt"].is_string(), "{breaker}");
    api.append("/p", &json!({"type": format!("{P}resumed")}))
        .await
        .event();
    api.append("/p", &note(1)).await.event();
    let breaker = api.get("/api/__state/p").await.json()["processors"]["circuit-breaker"].clone();
    assert_eq!(breaker["paused"], false);
    assert!(breaker["recentEventTimestamps"].is_array());
}

#[tokio::test]
async fn a_hundred_events_in_a_second_trip_the_breaker() {
    let api = Api::new();
    if !api.is_ours() {
        return;
    }
    // Until the gate says no: the stream paused itself, once, for this reason.
    let mut appended = 0;
    let refused = loop {
        let batch = futures_util::future::join_all((0..20).map(|n| {
            let api = &api;
            async move { api.append("/trip", &note(n)).await.status }
        }));
        let statuses = batch.await;
        appended += statuses.iter().filter(|status| **status == 200).count();
        if statuses.contains(&412) {
            break statuses;
        }
        assert!(appended < 5_000, "never tripped");
    };
    assert!(refused.iter().all(|status| [200, 412].contains(status)));
    let events = api.history("/trip").await;
    let last = events.last().unwrap();
    assert_eq!(last["type"], format!("{P}paused"));
    assert_eq!(
        last["payload"]["reason"],
        "circuit breaker tripped: 100 events in under 1 second"
    );
    assert_eq!(events.len(), appended + 2);
}

#[tokio::test]
async fn a_configured_breaker_is_a_bucket() {
    let api = Api::new();
    let configured = json!({
        "type": format!("{P}circuit-breaker-configured"),
        "payload": {"burstCapacity": 3, "refillRatePerMinute": 1},
    });
    api.append("/bucket", &configured).await.event();
    for n in 0..4 {
        api.append("/bucket", &note(n)).await.event();
    }
    api.append("/bucket", &note(9))
        .await
        .error(412, "PRECONDITION_FAILED");
    let events = api.history("/bucket").await;
    let last = events.last().unwrap();
    assert_eq!(
        last["payload"]["reason"],
        "circuit breaker tripped: burst rate limit exceeded"
    );
    let breaker =
        api.get("/api/__state/bucket").await.json()["processors"]["circuit-breaker"].clone();
    assert_eq!(breaker["config"], configured["payload"]);
    assert!(
        breaker["availableTokens"].as_f64().unwrap() < 1.0,
        "{breaker}"
    );
    assert!(breaker["lastRefillAtMs"].is_number());
}

// The workshop's way of talking

#[tokio::test]
async fn the_workshops_client() {
    let api = Api::new();
    let path = "/yourname/agent";
    // append({type, payload: string}) on the seed's route.
    let hello = json!({"type": "user_message", "payload": "Hello"});
    assert_eq!(api.post(path, &hello).await.event()["payload"], "Hello");
    // The newer client escapes the whole path and wraps nothing.
    let chunk = json!({"type": "https://events.iterate.com/llm-chunk", "payload": {"text": "Hi"}});
    let event = api.append("/%2Fyourname%2Fagent", &chunk).await.event();
    assert_eq!(event["streamPath"], path);
    // tail({live: true})
    let mut tail = api
        .read(
            &format!("{path}?live=true"),
            &[("accept", "text/event-stream")],
        )
        .await;
    assert_eq!(tail.offsets(3).await, [1, 2, 3]);
    // Deploying is appending: source as a string.
    let deploy = json!({
        "type": "https://events.iterate.com/dynamic-worker-configured",
        "payload": "export default { reduce(events) { return { n: events.length } } }",
    });
    let deployed = api.post(path, &deploy).await.event();
    assert_eq!(tail.event().await, Some(deployed));
    // A webhook posts what it has.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let hook = api
        .call("POST", path, &form, "ref=refs%2Fheads%2Fmain")
        .await
        .event();
    assert_eq!(
        hook["type"],
        "https://events.iterate.com/invalid-event-appended"
    );
    assert_eq!(
        hook["payload"]["rawInput"],
        json!({"ref": "refs/heads/main"})
    );
    // Curl the whole history, pipe it on.
    let lines = api.events(&format!("{path}?live=false")).await;
    assert_eq!(
        offsets(&lines),
        (1..=lines.len() as u64).collect::<Vec<_>>()
    );
}
