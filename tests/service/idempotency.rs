//! SPEC §2: a key that is there returns the stored event and stores nothing.

use crate::house::{House, built_in, message};
use evtui::service::Bounds;
use futures_util::FutureExt;
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn a_known_key_wins_over_everything_behind_it() {
    let mut house = House::new();
    let first = json!({"type": "x", "payload": {"n": 1}, "idempotencyKey": "k"});
    let stored = house.append("/a", first).await.unwrap();
    let mut live = house.reader("/a", Bounds::default()).await;
    live.next().await.unwrap().unwrap();
    house
        .append("/a", built_in("paused", json!({})))
        .await
        .unwrap();
    live.next().await.unwrap().unwrap();
    for _ in 0..2 {
        // Another event, at a wrong offset, into a paused stream.
        let again = json!({"type": "y", "idempotencyKey": "k", "offset": 99});
        let again = house.append("/a", again).await.unwrap();
        assert_eq!(
            (again.offset, again.json),
            (stored.offset, stored.json.clone())
        );
        assert!(again.repeated);
        assert!(live.next().now_or_never().is_none(), "nothing is pushed");
        house.restart();
        live = house.reader("/a", Bounds::default()).await;
        live.next().await.unwrap().unwrap();
    }
    assert_eq!(house.service.counted().repeated, 0, "of this one");
    let elsewhere = json!({"type": "y", "idempotencyKey": "k"});
    let elsewhere = house.append("/b", elsewhere).await.unwrap();
    assert!(!elsewhere.repeated, "keys belong to a stream");
}

#[tokio::test]
async fn a_key_is_compared_trimmed() {
    let house = House::new();
    let one = json!({"type": "x", "idempotencyKey": "k"});
    let two = json!({"type": "x", "idempotencyKey": "  k\n"});
    house.append("/a", one).await.unwrap();
    assert!(house.append("/a", two).await.unwrap().repeated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_with_one_key_store_one() {
    let house = House::new();
    for round in 0..20 {
        let mut tasks = Vec::new();
        for i in 0..16 {
            let input =
                json!({"type": "x", "payload": {"i": i}, "idempotencyKey": format!("k{round}")});
            tasks.push(house.appending("/a", input).await);
            if i % 4 == 0 {
                tasks.push(house.appending("/a", message("between")).await);
            }
        }
        let mut keyed = BTreeSet::new();
        let mut fresh = 0;
        for (i, task) in tasks.into_iter().enumerate() {
            let stored = task.await.unwrap().unwrap();
            if i % 5 != 1 {
                keyed.insert(stored.json.clone());
                fresh += usize::from(!stored.repeated);
            }
        }
        assert_eq!((keyed.len(), fresh), (1, 1));
    }
    assert_eq!(house.store_len("/a"), 1 + 20 * 5);
}
