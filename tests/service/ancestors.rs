//! SPEC §2 `child-stream-created`: every stream above is told once, whatever comes between.

use crate::house::{House, built_in, key, message};
use evtui::service::{BreakerPolicy, ServiceError};
use serde_json::{Value, json};

async fn told(house: &House, path: &str) -> Vec<String> {
    let events = house.events(path).await;
    let children = events.iter().filter_map(|event| {
        let child = event["payload"]["childPath"].as_str()?;
        Some(child.to_owned())
    });
    children.collect()
}

#[tokio::test]
async fn every_stream_above_is_made_and_told_before_the_answer() {
    let house = House::new();
    let input = json!({"type": "x", "metadata": {"by": "me"}});
    house.append("/a/b/c", input).await.unwrap();
    assert_eq!(house.store_len("/a/b"), 2);
    assert_eq!(told(&house, "/a/b").await, ["/a/b/c"]);
    assert_eq!(told(&house, "/a").await, ["/a/b", "/a/b/c"]);
    assert_eq!(told(&house, "/").await, ["/a", "/a/b", "/a/b/c"]);
    let event = &house.events("/a/b").await[1];
    assert_eq!(event["metadata"], json!({"by": "me"}));
    assert_eq!(house.state("/a").await["childPaths"], json!(["/a/b"]));
    assert_eq!(house.state("/").await["childPaths"], json!(["/a"]));
}

#[tokio::test]
async fn children_are_listed_newest_first() {
    let house = House::new();
    for path in ["/a/b", "/c", "/a/d", "/ab"] {
        house.clock.advance(1_000);
        house.append(path, message("x")).await.unwrap();
    }
    let list = house.service.children(&key("/a")).await.unwrap();
    let paths: Vec<&str> = list.iter().map(|listed| listed.path.as_str()).collect();
    assert_eq!(paths, ["/a/d", "/a/b", "/a"]);
    assert_eq!(
        serde_json::to_value(&list[0]).unwrap(),
        json!({"path": "/a/d", "createdAt": "1970-01-01T00:16:43.000Z"})
    );
    let all = house.service.children(&key("/")).await.unwrap();
    let paths: Vec<&str> = all.iter().map(|listed| listed.path.as_str()).collect();
    assert_eq!(paths, ["/ab", "/a/d", "/c", "/a/b", "/a", "/"]);
    let none = house.service.children(&key("/nowhere")).await.unwrap();
    assert_eq!(none, []);
    assert_eq!(house.store_len("/nowhere"), 0, "asking makes nothing");
}

#[tokio::test]
async fn what_a_crash_kept_from_being_told_is_told_on_opening() {
    let mut house = House::new();
    house.append("/a", message("x")).await.unwrap();
    house.store.hold();
    let append = house.appending("/a/b/c", message("x")).await;
    // The child is there, then the crash.
    house.store.holds(1).await;
    house.store.release();
    house.store.holds(1).await;
    append.abort();
    house.restart();
    house.append("/a/b/c", message("y")).await.unwrap();
    for path in ["/a/b", "/a", "/"] {
        let told = told(&house, path).await;
        let times = told.iter().filter(|child| *child == "/a/b/c").count();
        assert_eq!(times, 1, "{path}: {told:?}");
    }
}

#[tokio::test]
async fn a_paused_stream_is_told_when_it_is_resumed() {
    let house = House::new();
    let pause = built_in("paused", json!({"reason": "lunch"}));
    house.append("/a", pause).await.unwrap();
    house.append("/a/b", message("x")).await.unwrap();
    house.append("/a/c/d", message("x")).await.unwrap();
    assert_eq!(told(&house, "/a").await, [] as [&str; 0]);
    assert_eq!(told(&house, "/").await, ["/a", "/a/b", "/a/c", "/a/c/d"]);
    house
        .append("/a", built_in("resumed", json!({})))
        .await
        .unwrap();
    assert_eq!(told(&house, "/a").await, ["/a/b", "/a/c", "/a/c/d"]);
    assert_eq!(told(&house, "/").await, ["/a", "/a/b", "/a/c", "/a/c/d"]);
}

#[tokio::test]
async fn a_burst_of_children_trips_the_stream_above_and_loses_none() {
    let house = House::with(|options| {
        options.breaker = BreakerPolicy::Window {
            events: 10,
            millis: 1_000,
        };
    });
    for i in 0..30 {
        house.append(&format!("/c{i}"), message("x")).await.unwrap();
    }
    assert_eq!(
        house.append("/", message("x")).await,
        Err(ServiceError::Paused)
    );
    let mut rounds = 0;
    while house.state("/").await["processors"]["circuit-breaker"]["paused"] == json!(true) {
        house.clock.advance(2_000);
        house
            .append("/", built_in("resumed", json!({})))
            .await
            .unwrap();
        rounds += 1;
        assert!(rounds < 10);
    }
    let mut children: Vec<String> = told(&house, "/").await;
    assert_eq!(children.len(), 30);
    children.sort();
    children.dedup();
    assert_eq!(children.len(), 30);
    let state: Value = house.state("/").await;
    assert_eq!(state["childPaths"].as_array().unwrap().len(), 30);
}
