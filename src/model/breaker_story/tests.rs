//! The story against the plainest computation of the same, and on streams made to the letter.

use super::plot::SLICES;
use super::*;
use crate::model::built_in::PREFIX;
use crate::model::log::{Complaint, Indexing, Row};
use crate::model::needle::Needle;
use crate::model::offset::Offset;
use crate::model::stream_state::breaker::{BUCKET_REASON, WINDOW_MILLIS, WINDOW_REASON};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::borrow::Cow;

/// Events as JSON lines, a row each.
#[derive(Debug, Default)]
struct Lines(Vec<(Vec<u8>, Row)>);

impl Lines {
    fn add(&mut self, event_type: &str, payload: Value, time: i64) -> usize {
        self.add_with(event_type, payload, time, &json!({}))
    }

    fn add_with(&mut self, event_type: &str, payload: Value, time: i64, more: &Value) -> usize {
        let offset = self.0.len() as u64 + 1;
        let mut event = json!({"offset": offset, "type": event_type, "payload": payload,
            "createdAt": Millis(time).to_string()});
        if let (Some(event), Some(more)) = (event.as_object_mut(), more.as_object()) {
            event.extend(more.clone());
        }
        let kind = Kind::classify(event_type, || None);
        let row = Row {
            offset: Some(Offset(offset)),
            time: Some(Millis(time)),
            kind,
            event_type: event_type.into(),
        };
        self.0.push((event.to_string().into_bytes(), row));
        self.0.len() - 1
    }

    fn built_in(&mut self, name: &str, payload: Value, time: i64) -> usize {
        self.add(&format!("{PREFIX}{name}"), payload, time)
    }
}

impl EventLog for Lines {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn row(&self, row: usize) -> Option<Row> {
        self.0.get(row).map(|(_, row)| row.clone())
    }
    fn kind(&self, row: usize) -> Option<Kind> {
        self.0.get(row).map(|(_, row)| row.kind)
    }
    fn raw(&self, row: usize) -> Option<Cow<'_, [u8]>> {
        self.0.get(row).map(|(raw, _)| raw.into())
    }
    fn row_of_offset(&self, offset: Offset) -> Option<usize> {
        usize::try_from(offset.0).ok()?.checked_sub(1)
    }
    fn indexing(&self) -> Indexing {
        Indexing::DONE
    }
    fn version(&self) -> u64 {
        0
    }
    fn complaints(&self) -> Vec<Complaint> {
        Vec::new()
    }
    fn search(&self, _: &Needle, _: usize, _: bool, _: &dyn Fn() -> bool) -> Option<usize> {
        None
    }
}

fn tell(log: &Lines, rows: usize, pause: Option<usize>) -> Story {
    Story::tell(&mut Ledger::default(), log, rows, pause, &|| true).unwrap()
}

/// A worker that answers itself, `hop` milliseconds an answer, until the breaker trips. The pause's row.
fn runaway(log: &mut Lines, hop: i64) -> usize {
    log.built_in("initialized", json!({"projectSlug": "p", "path": "/a"}), 0);
    log.built_in(
        "dynamic-worker/configured",
        json!({"slug": "echo", "script": "x"}),
        10,
    );
    let mut time = 20_000;
    let mut source = log.add("user_message", json!({"text": "hi"}), time);
    for _ in 0..99 {
        time += hop;
        source = log.add("echo", json!({"sourceOffset": source + 1}), time);
    }
    log.built_in("paused", json!({"reason": WINDOW_REASON}), time)
}

#[test]
fn a_runaway_is_told_with_its_cause() {
    let mut log = Lines::default();
    let pause = runaway(&mut log, 9);
    log.built_in("resumed", json!({"reason": "mended"}), 60_000);
    let story = tell(&log, pause + 1, Some(pause));
    assert_eq!(
        story.level,
        Level {
            used: 100.0,
            limit: 100
        }
    );
    let told = story.pause.unwrap();
    assert_eq!(told.offset, Some(103));
    assert_eq!(told.tripped_by.as_ref().unwrap().offset, Some(102));
    assert_eq!(told.resumed.as_ref().unwrap().offset, Some(104));
    assert_eq!(told.lasted(), Some(60_000 - 20_000 - 99 * 9));
    let group = |family: &str, author, count| Group {
        family: family.to_owned(),
        author,
        count,
    };
    assert_eq!(
        story.filled.groups,
        [
            group("echo", Author::Worker("echo".to_owned()), 99),
            group("user_message", Author::Outside, 1),
        ]
    );
    assert_eq!(story.filled.events, 100);
    let chain = story.filled.chain.unwrap();
    assert_eq!((chain.length, chain.loop_of), (100, Some(1)));
    assert_eq!(chain.root.family, "user_message");
    assert_eq!(chain.links[0].offset, Some(102));
    assert_eq!(chain.links[1].offset, Some(101));
}

#[test]
fn two_workers_that_answer_each_other_are_a_loop_of_two() {
    let mut log = Lines::default();
    for slug in ["ping", "pong"] {
        log.built_in(
            "dynamic-worker/configured",
            json!({"slug": slug, "script": "x"}),
            0,
        );
    }
    let mut source = log.add("go", json!({}), 5_000);
    for i in 0..40 {
        let (slug, time) = (["ping", "pong"][i % 2], 5_001 + i as i64);
        let key = json!({"idempotencyKey": format!("/a@{}/{slug}/0", source + 1)});
        let payload = json!({"sourceOffset": source + 1});
        source = log.add_with(slug, payload, time, &key);
    }
    let story = tell(&log, log.len(), None);
    assert_eq!(story.filled.chain.as_ref().unwrap().loop_of, Some(2));
    let authors = story.filled.by_author();
    let worker = |slug: &str| Author::Worker(slug.to_owned());
    assert_eq!(
        authors,
        [
            (worker("ping"), 20),
            (worker("pong"), 20),
            (Author::Outside, 1)
        ]
    );
    assert_eq!(story.pause, None);
}

#[test]
fn a_short_chain_is_no_loop_and_an_unnamed_worker_is_not_guessed() {
    let mut log = Lines::default();
    log.add("a", json!({}), 0);
    log.add("b", json!({"sourceOffset": 1}), 1);
    // A cause that is not there, and one that comes later.
    log.add("c", json!({"sourceOffset": 99}), 2);
    log.add("d", json!({"sourceOffset": 4}), 3);
    let filled = tell(&log, 2, None).filled;
    let chain = filled.chain.unwrap();
    assert_eq!((chain.length, chain.loop_of), (2, None));
    assert!(filled.groups.iter().any(|g| g.author == Author::SomeWorker));
    let chain = tell(&log, 4, None).filled.chain.unwrap();
    assert_eq!(chain.length, 2, "b came from a; c and d lead nowhere");
}

#[test]
fn a_pause_by_hand_trips_nothing() {
    let mut log = Lines::default();
    log.add("a", json!({}), 0);
    let pause = log.built_in("paused", json!({"reason": "lunch"}), 1);
    let told = tell(&log, 2, Some(pause)).pause.unwrap();
    assert_eq!(told.reason, "lunch");
    assert_eq!(told.tripped_by, None);
    assert_eq!((told.resumed.clone(), told.lasted()), (None, None));
}

#[test]
fn a_bucket_is_explained_from_when_it_was_last_full() {
    let mut log = Lines::default();
    let config = json!({"burstCapacity": 5, "refillRatePerMinute": 60});
    log.built_in("circuit-breaker-configured", config, 0);
    for i in 0..4 {
        log.add("early", json!({}), i);
    }
    for i in 0..6 {
        log.add("late", json!({}), 60_000 + i);
    }
    let pause = log.built_in("paused", json!({"reason": BUCKET_REASON}), 60_006);
    let story = tell(&log, pause + 1, Some(pause));
    assert_eq!(story.bucket.unwrap().burst_capacity, 5);
    assert_eq!(story.filled.events, 6);
    assert_eq!(story.filled.groups[0].family, "late");
    assert!(!story.filled.more);
    assert_eq!(
        story.pause.unwrap().tripped_by.unwrap().offset,
        Some(pause as u64)
    );
    assert_eq!(story.plot.limit, 5);
}

#[test]
fn a_pause_names_the_limit_of_its_service() {
    let mut log = Lines::default();
    for i in 0..5 {
        log.add("x", json!({}), i * 100);
    }
    let reason = "circuit breaker tripped: 5 events in under 2000 ms";
    let pause = log.built_in("paused", json!({"reason": reason}), 401);
    let story = tell(&log, 3, Some(pause));
    let (used, limit) = (3.0, 5);
    assert_eq!(story.level, Level { used, limit });
    assert_eq!(story.policy, "5/2000".parse().unwrap());
    assert_eq!(story.filled.events, 5);
    assert_eq!(story.pause.unwrap().tripped_by.unwrap().offset, Some(5));
}

#[test]
fn it_stops_when_told_to() {
    let mut log = Lines::default();
    let pause = runaway(&mut log, 9);
    let mut ledger = Ledger::default();
    assert_eq!(
        Story::tell(&mut ledger, &log, 50, Some(pause), &|| false),
        None
    );
}

/// One random event: a type by number, and milliseconds since the one before.
fn events() -> impl Strategy<Value = Vec<(u8, i64)>> {
    let gap = prop_oneof![8 => 0..15i64, 2 => 0..700i64, 1 => 0..20_000i64];
    proptest::collection::vec((0..60u8, gap), 0..400)
}

fn log_of(events: &[(u8, i64)]) -> Lines {
    let mut log = Lines::default();
    let mut time = 1_000_000;
    for (what, gap) in events {
        time += gap;
        match what {
            0 => log.built_in("paused", json!({}), time),
            1 | 2 => log.built_in("resumed", json!({}), time),
            3 => {
                let config = json!({"burstCapacity": 20, "refillRatePerMinute": 600});
                log.built_in("circuit-breaker-configured", config, time)
            }
            4 => log.built_in("circuit-breaker-configured", json!({"wrong": 1}), time),
            5 => log.built_in("durable-object-woke-up", json!({}), time),
            _ => log.add("x", json!({}), time),
        };
    }
    log
}

/// The breaker after so many events, by folding each of them wholly parsed.
fn naive(log: &Lines, rows: usize) -> Breaker {
    let mut breaker = Breaker::default();
    for (raw, row) in &log.0[..rows] {
        let event = Event::parse(raw).unwrap();
        match crate::model::built_in::BuiltIn::parse(&row.event_type) {
            Some(built_in) => breaker.reduce(built_in, &event, row.time, Policy::default()),
            None => breaker.count(row.time, Policy::default()),
        }
    }
    breaker
}

proptest! {
    #[test]
    fn the_ledger_is_the_fold(events in events(), asked in proptest::collection::vec(0..400usize, 1..6)) {
        let log = log_of(&events);
        let mut ledger = Ledger::default();
        for rows in asked {
            let rows = rows.min(log.len());
            prop_assert_eq!(ledger.at(&log, rows, &|| true).unwrap(), naive(&log, rows));
        }
    }

    #[test]
    fn the_window_holds_what_lies_in_it(mut events in events(), rows in 0..400usize) {
        events.iter_mut().filter(|(what, _)| *what == 3).for_each(|(what, _)| *what = 4);
        let log = log_of(&events);
        let rows = rows.min(log.len());
        let state = naive(&log, rows);
        prop_assume!(!state.paused);
        let story = tell(&log, rows, None);
        // Since the gate last moved, no older than a second at the last event, at most 100.
        let is_gate = |row: &Row| matches!(row.kind, Kind::Paused | Kind::Resumed);
        let since = log.0[..rows].iter().rposition(|(_, row)| is_gate(row)).map_or(0, |at| at + 1);
        let counts = |row: &Row| !row.event_type.ends_with("circuit-breaker-configured");
        let times: Vec<i64> = log.0[since..rows].iter()
            .filter(|(_, row)| counts(row)).map(|(_, row)| row.time.unwrap().0).collect();
        let last = times.last().copied().unwrap_or(0);
        let inside = times.iter().filter(|t| last - **t < WINDOW_MILLIS).count().min(100);
        prop_assert_eq!(story.level.used, inside as f64);
        prop_assert_eq!(story.filled.events, inside);
        let summed: usize = story.filled.groups.iter().map(|g| g.count).sum();
        prop_assert_eq!(summed, inside);
    }

}

proptest! {
    // Each case folds the log hundreds of times.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_plot_shows_the_highest_level_of_each_slice(events in events(), rows in 1..400usize) {
        let log = log_of(&events);
        prop_assume!(log.len() > 0);
        let rows = rows.min(log.len());
        let plot = tell(&log, rows, None).plot;
        prop_assert_eq!(plot.levels.len(), SLICES);
        for (slice, level) in plot.levels.iter().enumerate() {
            let (from, to) = (plot.time_of(slice).unwrap(), plot.time_of(slice + 1).unwrap());
            // At the slice's begin, and after each event in it.
            let before = log.0.partition_point(|(_, row)| row.time.unwrap() < from);
            let mut highest = naive(&log, before).level_at(from, Policy::default()).used;
            for (at, (_, row)) in log.0.iter().enumerate().skip(before) {
                let time = row.time.unwrap();
                if time >= to {
                    break;
                }
                highest = highest.max(naive(&log, at + 1).level_at(time, Policy::default()).used);
            }
            prop_assert!((level - highest).abs() < 1e-6, "slice {} is {} for {}", slice, level, highest);
        }
    }
}
