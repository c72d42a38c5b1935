//! SPEC §6: transformers on a live stream.

use crate::house::{House, built_in, message, short_type};
use evtui::service::{Bounds, BreakerPolicy};
use serde_json::{Value, json};

fn transformer(slug: &str, matcher: &str, transform: &str) -> Value {
    let payload = json!({"slug": slug, "matcher": matcher, "transform": transform});
    built_in("jsonata-transformer-configured", payload)
}

/// The first events of a stream, as many as asked for.
async fn first(house: &House, path: &str, count: usize) -> Vec<Value> {
    let mut reader = house.reader(path, Bounds::default()).await;
    let mut events = Vec::new();
    while events.len() < count {
        for entry in reader.next().await.unwrap().unwrap() {
            events.push(serde_json::from_slice(&entry.json).unwrap());
        }
    }
    events
}

const SLACK: &str = r#"{"type": "message", "payload": {"text": payload.event.text}}"#;

#[tokio::test]
async fn an_event_is_turned_into_another() {
    let house = House::new();
    let configured = transformer("slack", "type = 'slack'", SLACK);
    house.append("/a", configured).await.unwrap();
    let slack = json!({"type": "slack", "payload": {"event": {"text": "hi"}}});
    house.append("/a", slack).await.unwrap();
    let events = first(&house, "/a", 4).await;
    assert_eq!(events[3]["type"], json!("message"));
    assert_eq!(events[3]["payload"], json!({"text": "hi"}));
    assert_eq!(events[3]["idempotencyKey"], json!("/a@3/slack"));
}

#[tokio::test]
async fn one_that_fails_stops_no_other_and_is_on_record_once() {
    let house = House::new();
    for configured in [
        transformer("bad", "type = 'x' or true", "$error('broken')"),
        transformer("none", "type = 'x'", "5"),
        transformer("syntax", "((", "5"),
        transformer("good", "type = 'x'", r#"{"type": "y"}"#),
    ] {
        house.append("/a", configured).await.unwrap();
    }
    // Records of earlier failures may have come before it.
    let x = house
        .append("/a", json!({"type": "x"}))
        .await
        .unwrap()
        .offset;
    let mut reader = house.reader("/a", Bounds::default()).await;
    let mut types = Vec::new();
    let mut messages = Vec::new();
    while !(types.contains(&"y".to_owned()) && messages.len() >= 3) {
        for entry in reader.next().await.unwrap().unwrap() {
            let event: Value = serde_json::from_slice(&entry.json).unwrap();
            types.push(short_type(&event));
            if let Some(text) = event["payload"]["message"].as_str()
                && text.contains(&format!("at offset {x}:"))
            {
                messages.push(text.to_owned());
            }
        }
    }
    assert!(
        messages
            .iter()
            .any(|m| m.contains("\"bad\"") && m.contains("broken"))
    );
    assert!(
        messages
            .iter()
            .any(|m| m.contains("\"none\"") && m.contains("no event came out"))
    );
    assert!(messages.iter().any(|m| m.contains("\"syntax\"")));
}

#[tokio::test]
async fn a_restart_repeats_nothing_and_leaves_nothing_out() {
    let mut house = House::new();
    let configured = transformer("t", "type = 'x'", r#"{"type": "y", "payload": payload}"#);
    house.append("/a", configured).await.unwrap();
    for round in 0..4 {
        for i in 0..5 {
            let input = json!({"type": "x", "payload": {"n": round * 5 + i}});
            house.append("/a", input).await.unwrap();
        }
        // Whatever is done by now is done, the rest comes after the crash.
        house.restart();
    }
    house
        .append("/a", json!({"type": "x", "payload": {"n": 20}}))
        .await
        .unwrap();
    let mut reader = house.reader("/a", Bounds::default()).await;
    let mut made = Vec::new();
    while made.len() < 21 {
        for entry in reader.next().await.unwrap().unwrap() {
            let event: Value = serde_json::from_slice(&entry.json).unwrap();
            if event["type"] == json!("y") {
                made.push(event["payload"]["n"].as_u64().unwrap());
            }
        }
    }
    assert_eq!(made, (0..21).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_loop_ends_in_a_pause_and_goes_on_after_it() {
    let house = House::with(|options| {
        options.breaker = BreakerPolicy::Window {
            events: 20,
            millis: 1_000,
        };
    });
    let own_output = r#"{"type": "tick", "payload": {"n": payload.n + 1}}"#;
    house
        .append("/a", transformer("loop", "type = 'tick'", own_output))
        .await
        .unwrap();
    house
        .append("/a", json!({"type": "tick", "payload": {"n": 0}}))
        .await
        .unwrap();
    let events = first(&house, "/a", 21).await;
    assert_eq!(short_type(&events[20]), "paused");
    let last = events[19]["payload"]["n"].as_u64().unwrap();
    house.clock.advance(5_000);
    house
        .append("/a", built_in("resumed", json!({})))
        .await
        .unwrap();
    let events = first(&house, "/a", 24).await;
    let next = events[22]["payload"]["n"].as_u64().unwrap();
    assert_eq!(next, last + 1, "nothing is lost");
    assert_ne!(short_type(&events[23]), "paused");
    house
        .append("/b", message("others are not disturbed"))
        .await
        .unwrap();
}
