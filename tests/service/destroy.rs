//! Destroying: what is told of it, what readers see, and starting over.

use crate::house::{House, drain, key, message};
use evtui::service::Bounds;
use futures_util::FutureExt;
use serde_json::{Value, json};

#[tokio::test]
async fn a_stream_starts_over() {
    let house = House::new();
    house.append("/a", message("one")).await.unwrap();
    house.append("/a/b", message("two")).await.unwrap();
    let mut live = house.reader("/a", Bounds::default()).await;
    assert_eq!(live.next().await.unwrap().unwrap().len(), 3);
    let destroyed = house.service.destroy(&key("/a"), false).await.unwrap();
    assert_eq!(destroyed.count, 1);
    let (path, state) = &destroyed.final_states[0];
    assert_eq!(path.as_str(), "/a");
    let state = serde_json::to_value(state).unwrap();
    assert_eq!(state["eventCount"], json!(3));
    assert_eq!(state["childPaths"], json!(["/a/b"]));
    assert!(live.next().await.is_none(), "its readers end");

    let again = house.append("/a", message("one")).await.unwrap();
    assert_eq!(again.offset.0, 2);
    assert_eq!(house.types("/a").await, ["initialized", "message"]);
    assert_eq!(house.types("/a/b").await, ["initialized", "message"]);
    let root: Vec<Value> = house.events("/").await;
    let told: Vec<&str> = root[1..]
        .iter()
        .map(|event| event["payload"]["childPath"].as_str().unwrap())
        .collect();
    // The same millisecond makes it the same birth; a later one is told again.
    assert_eq!(told, ["/a", "/a/b"]);
    house.clock.advance(1);
    house.service.destroy(&key("/a"), false).await.unwrap();
    house.append("/a", message("one")).await.unwrap();
    assert_eq!(house.store_len("/"), 4);
}

#[tokio::test]
async fn children_go_along_if_so_wished() {
    let house = House::new();
    for path in ["/a/b/c", "/a/d", "/ab"] {
        house.append(path, message("x")).await.unwrap();
    }
    let destroyed = house.service.destroy(&key("/a"), true).await.unwrap();
    let paths: Vec<&str> = destroyed
        .final_states
        .iter()
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(paths, ["/a", "/a/b", "/a/b/c", "/a/d"]);
    assert_eq!(destroyed.count, 4);
    let left = house.service.children(&key("/")).await.unwrap();
    let left: Vec<&str> = left.iter().map(|listed| listed.path.as_str()).collect();
    assert_eq!(left, ["/ab", "/"]);
}

#[tokio::test]
async fn what_is_not_there_is_destroyed_too() {
    let house = House::new();
    let destroyed = house.service.destroy(&key("/a"), true).await.unwrap();
    assert_eq!(destroyed.count, 0);
    assert_eq!(destroyed.final_states, [("/a".parse().unwrap(), None)]);
    assert_eq!(house.store_len("/a"), 0);
}

#[tokio::test]
async fn appends_in_flight_are_stored_before_or_after_never_lost() {
    let house = House::new();
    house.append("/a", message("first")).await.unwrap();
    house.store.hold();
    let before = house.appending("/a", message("before")).await;
    house.store.holds(1).await;
    let service = house.service.clone();
    let destroying = tokio::spawn(async move { service.destroy(&key("/a"), false).await });
    tokio::task::yield_now().await;
    let mut after = Box::pin(house.append("/a", message("after")));
    assert!((&mut after).now_or_never().is_none());
    house.store.let_through();
    assert_eq!(before.await.unwrap().unwrap().offset.0, 3);
    let destroyed = destroying.await.unwrap().unwrap();
    let after = after.await.unwrap();
    let state = destroyed.final_states[0].1.as_ref().unwrap();
    // It came too late for the destroyed stream, or in time to go with it.
    match after.offset.0 {
        2 => {
            assert_eq!(state.event_count, 3);
            assert_eq!(house.types("/a").await, ["initialized", "message"]);
        }
        4 => assert_eq!(state.event_count, 4),
        other => panic!("offset {other}"),
    }
}

#[tokio::test]
async fn a_reader_never_goes_on_in_the_stream_that_follows() {
    let house = House::new();
    for _ in 0..5 {
        house.append("/a", message("old")).await.unwrap();
    }
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(house.reader("/a", Bounds::default()).await);
    }
    readers[1].next().await.unwrap().unwrap();
    house.service.destroy(&key("/a"), false).await.unwrap();
    for _ in 0..9 {
        house.append("/a", message("new")).await.unwrap();
    }
    for reader in &mut readers {
        assert_eq!(drain(reader).await, [] as [Value; 0]);
    }
}
