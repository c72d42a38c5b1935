//! SPEC §5 by a clock that is moved by hand.

use crate::house::{House, P, built_in, disk_full, message, short_type};
use evtui::model::event::Millis;
use evtui::service::{Bound, Bounds, Reader};
use serde_json::{Value, json};

/// Follows a stream from its end on, event by event.
struct Tail(Reader, Vec<Value>);

impl Tail {
    async fn of(house: &House, path: &str) -> Tail {
        let bounds = Bounds {
            after: Bound::End,
            ..Bounds::default()
        };
        Tail(house.reader(path, bounds).await, Vec::new())
    }

    async fn next(&mut self) -> (String, Value) {
        while self.1.is_empty() {
            for entry in self.0.next().await.unwrap().unwrap() {
                self.1.push(serde_json::from_slice(&entry.json).unwrap());
            }
        }
        let event = self.1.remove(0);
        (short_type(&event), event["payload"].clone())
    }

    async fn types(&mut self, count: usize) -> Vec<String> {
        let mut types = Vec::new();
        for _ in 0..count {
            types.push(self.next().await.0);
        }
        types
    }
}

fn schedule(slug: &str, append: Value, schedule: Value) -> Value {
    let payload = json!({"slug": slug, "append": append, "schedule": schedule});
    built_in("append-scheduled", payload)
}

fn every(seconds: u32) -> Value {
    json!({"kind": "every", "intervalSeconds": seconds})
}

/// With a stream `/a` to which a message comes every five seconds.
async fn beating() -> House {
    let house = House::new();
    let order = schedule("s", message("x"), every(5));
    house.append("/a", order).await.unwrap();
    house
}

/// What was woken has run.
async fn calm() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

const STARTED: &str = "schedule/internal/execution-started";
const FINISHED: &str = "schedule/internal/execution-finished";

#[tokio::test]
async fn once_in_a_while() {
    let house = House::new();
    let order = schedule(
        "s",
        message("hi"),
        json!({"kind": "once-in", "delaySeconds": 10}),
    );
    house.append("/a", order).await.unwrap();
    let events = house.events("/a").await;
    assert_eq!(
        events[2]["payload"],
        json!({"slug": "s", "callback": "append",
            "payloadJson": r#"{"type":"message","payload":{"text":"hi"}}"#,
            "schedule": {"kind": "once-in", "delaySeconds": 10}, "nextRunAt": 1_010})
    );
    assert_eq!(events[2]["type"], json!(format!("{P}schedule/configured")));
    let mut tail = Tail::of(&house, "/a").await;
    house.clock.advance(9_999);
    calm().await;
    assert_eq!(house.store_len("/a"), 3);
    house.clock.advance(1);
    assert_eq!(
        tail.next().await,
        ("message".to_owned(), json!({"text": "hi"}))
    );
    let done = json!({"slug": "s", "outcome": "succeeded", "nextRunAt": null});
    assert_eq!(tail.next().await, (FINISHED.to_owned(), done));
    assert_eq!(
        house.state("/a").await["processors"]["scheduler"],
        json!({})
    );
    house.clock.advance(1_000_000);
    calm().await;
    assert_eq!(house.store_len("/a"), 5);
}

#[tokio::test]
async fn every_so_often_in_step_and_missed_runs_are_not_made_up_for() {
    let house = beating().await;
    let mut tail = Tail::of(&house, "/a").await;
    for (wait, next) in [(5_000, 1_010), (5_400, 1_015), (100_000, 1_115)] {
        house.clock.advance(wait);
        assert_eq!(tail.types(2).await, [STARTED, "message"]);
        let done = json!({"slug": "s", "outcome": "succeeded", "nextRunAt": next});
        assert_eq!(tail.next().await, (FINISHED.to_owned(), done));
    }
    let state = &house.state("/a").await["processors"]["scheduler"]["s"];
    assert_eq!(state["executionCount"], json!(3));
    assert_eq!(state["running"], json!(false));
    // A clock set back holds no interval up: it runs, and goes on in step from there.
    for (set, next) in [(500_000, 505), (505_000, 510), (90_000, 95)] {
        house.clock.set(Millis(set));
        assert_eq!(tail.types(2).await, [STARTED, "message"]);
        let done = json!({"slug": "s", "outcome": "succeeded", "nextRunAt": next});
        assert_eq!(tail.next().await, (FINISHED.to_owned(), done));
    }
}

#[tokio::test]
async fn by_cron_and_at_a_time() {
    let house = House::new();
    let cron = json!({"kind": "cron", "cron": "*/10 * * * *"});
    house
        .append("/a", schedule("c", message("cron"), cron))
        .await
        .unwrap();
    let at = json!({"kind": "once-at", "at": "1970-01-01T00:21:00Z"});
    house
        .append("/a", schedule("o", message("once"), at))
        .await
        .unwrap();
    let mut tail = Tail::of(&house, "/a").await;
    house.clock.set(Millis(1_200_000));
    assert_eq!(tail.next().await.1, json!({"text": "cron"}));
    let done = json!({"slug": "c", "outcome": "succeeded", "nextRunAt": 1_800});
    assert_eq!(tail.next().await.1, done);
    house.clock.set(Millis(1_260_000));
    assert_eq!(tail.next().await.1, json!({"text": "once"}));
    assert_eq!(tail.next().await.0, FINISHED);
    let never = json!({"kind": "cron", "cron": "0 0 30 2 *"});
    house
        .append("/a", schedule("n", message("x"), never))
        .await
        .unwrap();
    let types = house.types("/a").await;
    assert_eq!(
        types[types.len() - 2..],
        ["append-scheduled", "error-occurred"]
    );
}

#[tokio::test]
async fn overdue_after_a_restart_runs_once_at_once() {
    let mut house = House::new();
    let soon = json!({"kind": "once-in", "delaySeconds": 10});
    house
        .append("/a", schedule("once", message("once"), soon))
        .await
        .unwrap();
    house
        .append("/b", schedule("s", message("b"), every(60)))
        .await
        .unwrap();
    // The process is gone while both become due.
    house.crash();
    house.clock.advance(3_600_000);
    house.restart();
    let seen = async |path: &str, want: &[&str]| {
        let mut reader = house.reader(path, Bounds::default()).await;
        let mut types = Vec::new();
        while types.len() < want.len() {
            for entry in reader.next().await.unwrap().unwrap() {
                types.push(short_type(&serde_json::from_slice(&entry.json).unwrap()));
            }
        }
        assert_eq!(types, want);
    };
    let woken = "durable-object-woke-up";
    let (order, configured) = ("append-scheduled", "schedule/configured");
    seen(
        "/a",
        &["initialized", order, configured, woken, "message", FINISHED],
    )
    .await;
    seen(
        "/b",
        &[
            "initialized",
            order,
            configured,
            woken,
            STARTED,
            "message",
            FINISHED,
        ],
    )
    .await;
    calm().await;
    assert_eq!((house.store_len("/a"), house.store_len("/b")), (6, 7));
}

#[tokio::test]
async fn a_run_is_whole_or_not_at_all() {
    let house = beating().await;
    let mut tail = Tail::of(&house, "/a").await;
    house.store.hold();
    house.clock.advance(5_000);
    house.store.holds(1).await;
    house.store.fail(disk_full());
    house.store.let_through();
    calm().await;
    assert_eq!(house.store_len("/a"), 3, "nothing of it is stored");
    // It is tried again a second later.
    loop {
        house.clock.advance(1_000);
        calm().await;
        if house.store_len("/a") > 3 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(tail.types(3).await, [STARTED, "message", FINISHED]);
}

#[tokio::test]
async fn while_paused_a_run_fails_on_record() {
    let house = beating().await;
    house
        .append("/a", built_in("paused", json!({})))
        .await
        .unwrap();
    let mut tail = Tail::of(&house, "/a").await;
    house.clock.advance(5_000);
    assert_eq!(tail.next().await.0, STARTED);
    let done = json!({"slug": "s", "outcome": "failed", "nextRunAt": 1_010});
    assert_eq!(tail.next().await, (FINISHED.to_owned(), done));
    house
        .append("/a", built_in("resumed", json!({})))
        .await
        .unwrap();
    house.clock.advance(5_000);
    assert_eq!(
        tail.types(4).await,
        ["resumed", STARTED, "message", FINISHED]
    );
}

#[tokio::test]
async fn cancelled_replaced_and_repeated() {
    let house = beating().await;
    let keyed = json!({"type": "message", "idempotencyKey": "k"});
    house
        .append("/a", schedule("s", keyed, every(7)))
        .await
        .unwrap();
    let mut tail = Tail::of(&house, "/a").await;
    house.clock.advance(5_000);
    calm().await;
    house.clock.advance(2_000);
    assert_eq!(tail.types(3).await, [STARTED, "message", FINISHED]);
    house.clock.advance(7_000);
    // Its key is known: nothing is stored, and that is a success.
    assert_eq!(tail.next().await.0, STARTED);
    assert_eq!(tail.next().await.1["outcome"], json!("succeeded"));
    house
        .append("/a", built_in("schedule/cancelled", json!({"slug": "s"})))
        .await
        .unwrap();
    let before = house.store_len("/a");
    house.clock.advance(70_000);
    calm().await;
    assert_eq!(house.store_len("/a"), before);
}

#[tokio::test]
async fn a_run_that_is_going_is_skipped_and_given_up_after_thirty_seconds() {
    let house = beating().await;
    let hung = built_in(STARTED, json!({"slug": "s", "startedAt": 1_000}));
    house.append("/a", hung).await.unwrap();
    let mut tail = Tail::of(&house, "/a").await;
    house.clock.advance(29_999);
    calm().await;
    assert_eq!(house.store_len("/a"), 4);
    house.clock.advance(1);
    assert_eq!(tail.types(3).await, [STARTED, "message", FINISHED]);
}

#[tokio::test]
async fn a_destroyed_stream_takes_its_schedules_along() {
    let house = beating().await;
    let key = crate::house::key("/a");
    house.service.destroy(&key, false).await.unwrap();
    house.clock.advance(60_000);
    calm().await;
    assert_eq!(house.store_len("/a"), 0);
}
