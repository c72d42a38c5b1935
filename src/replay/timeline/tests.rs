//! What a timeline promises: any way through a log equals the naive fold, and steps are cheap.

use super::*;
use crate::replay::testing::{MemoryLog, WordReducer, deadline, naive};
use proptest::prelude::*;

fn timeline(reducer: WordReducer, budget: usize) -> Timeline {
    Timeline::new(Box::new(reducer), budget).unwrap()
}

fn texts(step: &Step) -> (Option<String>, Option<String>) {
    let text = |value: &Option<Arc<Value>>| value.as_ref().map(|v| v.to_string());
    (text(&step.state), text(&step.previous))
}

fn check(timeline: &mut Timeline, log: &MemoryLog, states: &[State], rows: usize) {
    let step = timeline
        .step_at(log, rows, &Cancel::new(), &mut |_| ())
        .unwrap();
    let want = |rows: usize| states[rows].as_ref().map(|s| s.to_string());
    let before = rows.checked_sub(1).and_then(want);
    assert_eq!(texts(&step), (want(rows), before), "at {rows}");
    // The row's failure is told however the playhead came there.
    let event = rows
        .checked_sub(1)
        .map(|row| log.0.lock().unwrap()[row].clone());
    let fails = event.is_some_and(|e| e.starts_with(b"!") || e.starts_with(b"w"));
    assert_eq!(step.notes.len(), usize::from(fails), "notes at {rows}");
}

fn events(most: usize) -> impl Strategy<Value = Vec<String>> {
    let event = prop_oneof![
        6 => "\\+[a-z]{1,40}",
        3 => Just("-".to_owned()),
        1 => Just("!".to_owned()),
        1 => Just("w".to_owned()),
    ];
    proptest::collection::vec(event, 1..most)
}

#[derive(Clone, Debug)]
enum Act {
    Seek(prop::sample::Index),
    Forward,
    Back,
    Advance,
    Cancelled,
    Grow(String),
    Suspend,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => any::<prop::sample::Index>().prop_map(Act::Seek),
        4 => Just(Act::Forward),
        6 => Just(Act::Back),
        2 => Just(Act::Advance),
        1 => Just(Act::Cancelled),
        1 => "\\+[a-z]{1,9}".prop_map(Act::Grow),
        1 => Just(Act::Suspend),
    ];
    proptest::collection::vec(act, 1..60)
}

proptest! {
    #[test]
    fn any_way_through_the_log_equals_the_naive_fold(
        mut events in events(120),
        acts in acts(),
        keyframe_rows in 1usize..40,
        budget in prop_oneof![0usize..4_000, Just(1 << 20)],
    ) {
        let log = MemoryLog::of(events.clone());
        let mut states = naive("t", &events);
        let mut timeline = timeline(WordReducer::new("t", keyframe_rows), budget);
        let mut playhead = 0usize;
        for act in acts {
            match act {
                Act::Seek(index) => playhead = index.index(events.len() + 1),
                Act::Forward => playhead = (playhead + 1).min(events.len()),
                Act::Back => playhead = playhead.saturating_sub(1),
                Act::Advance => {
                    timeline.advance(&*log, &Cancel::new(), Duration::from_micros(20)).unwrap();
                }
                Act::Cancelled => {
                    let cancel = Cancel::new();
                    let stop = cancel.clone();
                    let mut left = 5;
                    let _ = timeline.state_at(&*log, events.len(), &cancel, &mut |_| {
                        left -= 1;
                        if left == 0 {
                            stop.cancel();
                        }
                    });
                }
                Act::Grow(event) => {
                    log.push(&event);
                    events.push(event);
                    states = naive("t", &events);
                }
                Act::Suspend => {
                    timeline.suspend();
                    timeline.wake(Box::new(WordReducer::new("t", keyframe_rows)));
                }
            }
            check(&mut timeline, &log, &states, playhead);
            prop_assert!(timeline.keyframes().bytes() <= budget);
        }
    }

    #[test]
    fn failures_are_listed_once(events in events(60), seeks in proptest::collection::vec(any::<prop::sample::Index>(), 1..12)) {
        let log = MemoryLog::of(events.clone());
        let mut timeline = timeline(WordReducer::new("t", 7), 1 << 20);
        for seek in seeks {
            let rows = seek.index(events.len() + 1);
            timeline.state_at(&*log, rows, &Cancel::new(), &mut |_| ()).unwrap();
        }
        timeline.state_at(&*log, events.len(), &Cancel::new(), &mut |_| ()).unwrap();
        let want: Vec<usize> = (0..events.len())
            .filter(|&row| events[row] == "!" || events[row] == "w")
            .collect();
        let told: Vec<usize> = timeline.ledger().failures().map(|n| n.row).collect();
        prop_assert_eq!(told, want);
    }

    #[test]
    fn array_processors_are_asked_for_the_playhead_only(
        events in events(40),
        seeks in proptest::collection::vec(any::<prop::sample::Index>(), 1..12),
    ) {
        let log = MemoryLog::of(events.clone());
        let states = naive("t", &events);
        let mut reducer = WordReducer::new("t", 1);
        reducer.form = Form::Array;
        let mut timeline = timeline(reducer, 1 << 20);
        for seek in seeks {
            let rows = seek.index(events.len() + 1);
            let state = timeline.state_at(&*log, rows, &Cancel::new(), &mut |_| ()).unwrap();
            prop_assert_eq!(&state, &states[rows]);
            prop_assert!(timeline.keyframes().is_empty());
        }
        prop_assert!(timeline.progress(&*log).idle);
    }
}

fn words(n: usize) -> Vec<String> {
    (0..n)
        .map(|i| {
            if i % 3 == 2 {
                "-".to_owned()
            } else {
                format!("+w{i}")
            }
        })
        .collect()
}

#[test]
fn the_first_pass_ends_and_goes_on_when_the_log_grows() {
    let events = words(5_000);
    let log = MemoryLog::of(events.clone());
    let mut timeline = timeline(WordReducer::new("t", 50), 1 << 20);
    let late = deadline();
    while !timeline
        .advance(&*log, &Cancel::new(), Duration::from_millis(1))
        .unwrap()
        .idle
    {
        late();
    }
    assert_eq!(timeline.folded(), 5_000);
    log.push("+more");
    let progress = timeline
        .advance(&*log, &Cancel::new(), Duration::from_millis(1))
        .unwrap();
    assert_eq!((progress.folded, progress.of), (5_001, 5_001));
}

#[test]
fn walking_back_folds_little_more_than_walking_forward() {
    let events = words(4_000);
    let log = MemoryLog::of(events.clone());
    let reducer = WordReducer::new("t", 500);
    let work = Arc::clone(&reducer.work);
    let mut timeline = timeline(reducer, 1 << 20);
    let states = naive("t", &events);
    check(&mut timeline, &log, &states, 4_000);
    *work.lock().unwrap() = 0;
    for rows in (0..4_000).rev() {
        check(&mut timeline, &log, &states, rows);
    }
    let work = *work.lock().unwrap();
    assert!(work < 4_000 * 10, "{work} events reduced");
}

#[test]
fn an_event_that_ran_away_is_never_run_again() {
    let log = MemoryLog::of(["+a", "w", "+b"].map(str::to_owned));
    let reducer = WordReducer::new("t", 1_000);
    let work = Arc::clone(&reducer.work);
    let mut timeline = timeline(reducer, 0);
    let at = |timeline: &mut Timeline, rows| {
        timeline
            .step_at(&*log, rows, &Cancel::new(), &mut |_| ())
            .unwrap()
    };
    at(&mut timeline, 3);
    *work.lock().unwrap() = 0;
    let step = at(&mut timeline, 2);
    assert!(matches!(step.notes[0].what, NoteKind::TimedOut { .. }));
    assert_eq!(texts(&step).0.unwrap(), r#"["t","a"]"#);
    assert!(
        *work.lock().unwrap() <= 1,
        "only the event before may be folded"
    );
}

#[test]
fn giving_up_leaves_the_rows_before_it() {
    let log = MemoryLog::of(["+a", "+b", "x", "+c"].map(str::to_owned));
    let mut timeline = timeline(WordReducer::new("t", 1), 1 << 20);
    let mut at = |rows| timeline.state_at(&*log, rows, &Cancel::new(), &mut |_| ());
    assert!(matches!(at(4), Err(ReducerError::GaveUp { row: 2, .. })));
    assert!(matches!(at(3), Err(ReducerError::GaveUp { row: 2, .. })));
    assert_eq!(at(2).unwrap().unwrap().as_ref(), r#"["t","a","b"]"#);
    assert!(timeline.progress(&*log).idle);
}

#[test]
fn rows_the_log_does_not_have_are_refused() {
    let log = MemoryLog::of(["+a".to_owned()]);
    let mut timeline = timeline(WordReducer::new("t", 1), 0);
    let error = timeline.state_at(&*log, 2, &Cancel::new(), &mut |_| ());
    assert!(error.unwrap_err().to_string().contains("1 events, not 2"));
}
