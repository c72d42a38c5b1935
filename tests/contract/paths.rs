//! Streams, paths, projects (SPEC §1).

use crate::support::{Api, note, raw, raw_status, status};
use crate::{offsets, types};
use serde_json::json;

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
