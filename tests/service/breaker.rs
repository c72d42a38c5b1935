//! SPEC §4 from outside.

use crate::house::{House, built_in, message};
use evtui::service::{BreakerPolicy, ServiceError};
use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::json;

#[tokio::test]
async fn the_hundredth_within_a_second_pauses_and_the_ninety_ninth_does_not() {
    let house = House::with(|_| {});
    for i in 2..=99 {
        house.append("/a", message(&i.to_string())).await.unwrap();
    }
    assert_eq!(house.store_len("/a"), 99);
    house.clock.advance(999);
    let hundredth = house.append("/a", message("100")).await.unwrap();
    assert_eq!(hundredth.offset.0, 100);
    let events = house.events("/a").await;
    assert_eq!(events.len(), 101, "paused in the same commit");
    assert_eq!(
        events[100]["payload"],
        json!({"reason": "circuit breaker tripped: 100 events in under 1 second"})
    );
    let refused = house.append("/a", message("101")).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "stream is paused; only stream/resumed is allowed"
    );
    assert_eq!(house.service.counted().trips, 1);
}

#[tokio::test]
async fn ninety_nine_a_second_never_trip() {
    let house = House::with(|_| {});
    house.append("/a", message("first")).await.unwrap();
    house.clock.advance(1_000);
    for i in 0..600 {
        house.clock.advance(if i % 99 == 0 { 20 } else { 10 });
        house.append("/a", message("x")).await.unwrap();
    }
    assert_eq!(house.service.counted().trips, 0);
}

#[tokio::test]
async fn a_burst_at_once_stops_at_a_hundred() {
    let house = House::with(|_| {});
    house.append("/a", message("first")).await.unwrap();
    let burst = (0..300).map(|i| house.append("/a", message(&i.to_string())).boxed_local());
    let results = join_all(burst).await;
    let stored = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(stored, 98);
    assert!(
        results
            .iter()
            .all(|result| !matches!(result, Err(error) if *error != ServiceError::Paused))
    );
    assert_eq!(house.store_len("/a"), 101);
}

#[tokio::test]
async fn while_paused_only_resumed_is_let_in() {
    let mut house = House::with(|_| {});
    house
        .append("/a", built_in("paused", json!({"reason": "by hand"})))
        .await
        .unwrap();
    for input in [
        message("x"),
        json!("no event"),
        built_in("paused", json!({})),
        built_in(
            "circuit-breaker-configured",
            json!({"burstCapacity": 5, "refillRatePerMinute": 5}),
        ),
        json!({"type": "x", "offset": 77}),
    ] {
        assert_eq!(house.append("/a", input).await, Err(ServiceError::Paused));
    }
    house.restart();
    let breaker = house.state("/a").await["processors"]["circuit-breaker"].clone();
    assert_eq!(breaker["paused"], json!(true));
    assert_eq!(breaker["pauseReason"], json!("by hand"));
    assert_eq!(breaker["pausedAt"], json!("1970-01-01T00:16:40.000Z"));
    house
        .append("/a", built_in("resumed", json!({})))
        .await
        .unwrap();
    house.append("/a", message("x")).await.unwrap();
    assert_eq!(
        house.types("/a").await,
        [
            "initialized",
            "paused",
            "durable-object-woke-up",
            "resumed",
            "message"
        ]
    );
}

#[tokio::test]
async fn the_bucket_pauses_below_zero_and_refills() {
    let house = House::with(|_| {});
    let config = json!({"burstCapacity": 3, "refillRatePerMinute": 60});
    house
        .append("/a", built_in("circuit-breaker/configured", config))
        .await
        .unwrap();
    for _ in 0..3 {
        house.append("/a", message("x")).await.unwrap();
    }
    house.clock.advance(2_000);
    for _ in 0..3 {
        house.append("/a", message("x")).await.unwrap();
    }
    assert_eq!(
        house.types("/a").await.last().map(String::as_str),
        Some("paused")
    );
    let reason = &house.events("/a").await[8]["payload"]["reason"];
    assert_eq!(
        *reason,
        json!("circuit breaker tripped: burst rate limit exceeded")
    );
    house
        .append("/a", built_in("resumed", json!({})))
        .await
        .unwrap();
    let breaker = &house.state("/a").await["processors"]["circuit-breaker"];
    assert_eq!(breaker["availableTokens"], json!(3));
}

#[tokio::test]
async fn a_policy_of_choice_and_none() {
    let house = House::with(|options| options.breaker = "4/100".parse().unwrap());
    for _ in 0..3 {
        house.append("/a", message("x")).await.unwrap();
    }
    let reason = &house.events("/a").await[4]["payload"]["reason"];
    assert_eq!(
        *reason,
        json!("circuit breaker tripped: 4 events in under 100 ms")
    );

    let house = House::with(|options| options.breaker = BreakerPolicy::Off);
    for _ in 0..500 {
        house.append("/a", message("x")).await.unwrap();
    }
    assert_eq!(house.store_len("/a"), 501);
}
