//! When the store does not take what it is given: nothing is acknowledged, nothing that could vanish
//! is served, and the stream goes on from its log.

use crate::house::{House, disk_full, drain, key, message, said};
use evtui::model::event::Millis;
use evtui::service::clock::Clock;
use evtui::service::{Bound, Bounds, BreakerPolicy, Options, Service, ServiceError};
use evtui::store::StoreError;
use futures_util::FutureExt;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test]
async fn only_durable_events_are_served() {
    let house = House::new();
    house.append("/a", message("durable")).await.unwrap();
    let mut live = house.reader("/a", Bounds::default()).await;
    live.next().await.unwrap().unwrap();
    house.store.hold();
    let doubtful = house.appending("/a", message("doubtful")).await;
    house.store.holds(1).await;
    assert!(live.next().now_or_never().is_none());
    assert_eq!(house.types("/a").await, ["initialized", "message"]);
    let mut state = Box::pin(house.state("/a"));
    assert!((&mut state).now_or_never().is_none(), "it waits");

    house.store.fail(disk_full());
    let error = doubtful.await.unwrap().unwrap_err();
    assert_eq!(
        error,
        ServiceError::Unavailable("No space left on device".to_owned())
    );
    assert_eq!(state.await["eventCount"], json!(2));
    house.store.let_through();
    let next = house.append("/a", message("certain")).await.unwrap();
    assert_eq!(next.offset.0, 3);
    let seen = live.next().await.unwrap().unwrap();
    assert_eq!(seen[0].json, next.json);
    assert_eq!(house.types("/a").await.len(), 3);
    assert_eq!(house.service.counted().failed, 1);
}

#[tokio::test]
async fn appends_behind_a_failed_one_are_tried_anew() {
    let house = House::new();
    house.append("/a", message("first")).await.unwrap();
    house.store.hold();
    let mut appends = Vec::new();
    for text in ["lost", "behind", "further behind"] {
        appends.push(house.appending("/a", message(text)).await);
    }
    house.store.holds(3).await;
    house.store.fail(disk_full());
    house.store.let_through();
    let mut results = Vec::new();
    for append in appends {
        results.push(append.await.unwrap());
    }
    assert!(matches!(results[0], Err(ServiceError::Unavailable(_))));
    let events = house.events("/a").await;
    assert_eq!(events.len(), 4);
    for result in &results[1..] {
        let stored = result.as_ref().unwrap();
        let index = usize::try_from(stored.offset.0 - 1).unwrap();
        assert_eq!(events[index], said(stored));
    }
}

#[tokio::test]
async fn a_key_in_flight_is_waited_for_and_taken_over_when_its_commit_fails() {
    let house = House::new();
    house.append("/a", message("first")).await.unwrap();
    house.store.hold();
    let keyed = json!({"type": "x", "idempotencyKey": "k"});
    let first = house.appending("/a", keyed.clone()).await;
    house.store.holds(1).await;
    let second = house.appending("/a", keyed.clone()).await;
    assert!(!second.is_finished());
    house.store.fail(disk_full());
    house.store.let_through();
    assert!(first.await.unwrap().is_err());
    let second = second.await.unwrap().unwrap();
    assert_eq!((second.offset.0, second.repeated), (3, false));
    let third = house.append("/a", keyed).await.unwrap();
    assert_eq!((third.offset.0, third.repeated), (3, true));
}

#[tokio::test]
async fn a_store_that_takes_nothing_is_still_read() {
    let mut house = House::new();
    house.append("/a", message("kept")).await.unwrap();
    let refusal = StoreError::ReadOnly("I/O error".to_owned());
    house.store.refuse(Some(refusal));
    for _ in 0..2 {
        for _ in 0..3 {
            let refused = house.append("/a", message("x")).await.unwrap_err();
            assert_eq!(
                refused,
                ServiceError::Unavailable("the store is read-only: I/O error".to_owned())
            );
            assert_eq!(house.types("/a").await, ["initialized", "message"]);
            assert_eq!(house.state("/a").await["eventCount"], json!(2));
        }
        let refused = house.append("/new", message("x")).await;
        assert!(matches!(refused, Err(ServiceError::Unavailable(_))));
        house.restart();
    }
    house.store.refuse(None);
    house.append("/a", message("after")).await.unwrap();
    assert_eq!(
        house.types("/a").await,
        [
            "initialized",
            "message",
            "durable-object-woke-up",
            "message"
        ]
    );
}

#[tokio::test]
async fn another_writer_is_given_way_to() {
    let house = House::new();
    house.append("/a", message("ours")).await.unwrap();
    // Another service on the same store.
    let other = Service::open(house.store.clone(), house.options.clone()).unwrap();
    let incoming = evtui::service::Incoming::Json(message("theirs"));
    let route = evtui::service::Route::Streams;
    let theirs = other.append(&key("/a"), incoming, route).await.unwrap();
    assert_eq!(theirs.offset.0, 4, "after waking the stream");
    let ours = house.append("/a", message("ours again")).await.unwrap();
    assert_eq!(ours.offset.0, 5);
    let keyed = json!({"type": "x", "idempotencyKey": "k"});
    let incoming = evtui::service::Incoming::Json(keyed.clone());
    let theirs = other.append(&key("/a"), incoming, route).await.unwrap();
    // Known before its offset is.
    let ours = house.append("/a", keyed).await.unwrap();
    assert_eq!((ours.json, ours.repeated), (theirs.json, true));
    assert_eq!(house.store_len("/a"), 6);
}

#[tokio::test]
async fn a_panic_is_contained_and_the_stream_reopens() {
    let house = House::new();
    for path in ["/a", "/b"] {
        house.append(path, message("first")).await.unwrap();
    }
    let mut live = house
        .reader(
            "/a",
            Bounds {
                after: Bound::End,
                ..Bounds::default()
            },
        )
        .await;
    house.store.panic_on_find.store(true, Ordering::SeqCst);
    let keyed = json!({"type": "x", "idempotencyKey": "k"});
    let refused = house.append("/a", keyed.clone()).await.unwrap_err();
    assert_eq!(
        refused,
        ServiceError::Internal("the append failed inside the service: find met its end".to_owned())
    );
    assert_eq!(house.append("/b", message("x")).await.unwrap().offset.0, 3);
    let stored = house.append("/a", keyed).await.unwrap();
    assert_eq!(stored.offset.0, 3);
    assert_eq!(live.next().await.unwrap().unwrap()[0].json, stored.json);
    assert_eq!(house.service.counted().panics, 1);
}

/// Panics when it is asked, once told to.
struct FragileClock(AtomicBool);

impl Clock for FragileClock {
    fn now(&self) -> Millis {
        assert!(!self.0.swap(false, Ordering::SeqCst), "the clock broke");
        Millis(0)
    }
}

#[tokio::test]
async fn a_panic_with_commits_in_flight_loses_none_of_them() {
    let house = House::new();
    let clock = Arc::new(FragileClock(AtomicBool::new(false)));
    let options = Options {
        clock: clock.clone(),
        breaker: BreakerPolicy::Off,
        ..Options::default()
    };
    let house = House {
        service: Service::open(house.store.clone(), options).unwrap(),
        ..house
    };
    house.append("/a", message("first")).await.unwrap();
    house.store.hold();
    let flying = house.appending("/a", message("in flight")).await;
    house.store.holds(1).await;
    clock.0.store(true, Ordering::SeqCst);
    assert!(house.append("/a", message("panics")).await.is_err());
    let after = house.appending("/a", message("after")).await;
    house.store.let_through();
    assert_eq!(flying.await.unwrap().unwrap().offset.0, 3);
    assert_eq!(after.await.unwrap().unwrap().offset.0, 4);
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_nothing_half_done() {
    let house = House::new();
    house.store.hold();
    let opening = house.appending("/a", message("gone")).await;
    house.store.holds(1).await;
    opening.abort();
    house.store.let_through();
    let stored = house.append("/a", message("here")).await.unwrap();
    let events = house.events("/a").await;
    assert_eq!(events.last(), Some(&said(&stored)));
    assert!(events.len() <= 3);
    let bounds = Bounds {
        before: Some(Bound::End),
        ..Bounds::default()
    };
    let all: Vec<Value> = drain(&mut house.reader("/", bounds).await).await;
    assert_eq!(all.len(), 2);
}
