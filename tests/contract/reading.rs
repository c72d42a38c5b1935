//! Server-sent events and the other forms: bounds, history and live (SPEC §3.1).

use crate::offsets;
use crate::support::{Api, Frame, P, note};
use serde_json::{Value, json};
use std::time::Duration;

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
