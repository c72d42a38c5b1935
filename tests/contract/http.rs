//! Routes, answers, state, lists, destroying, secrets, documentation (SPEC §3).

use crate::support::{Answer, Api, note};
use serde_json::{Value, json};

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
    let post = async |target: &str, expression: &str, body: &Value| -> Answer {
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
