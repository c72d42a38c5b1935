//! The recordings are what their scripts write, keep to the rules of a stream, and replay to the
//! states that were computed for them elsewhere.

#[path = "../recordings/make.rs"]
mod make_recordings;

use assert_cmd::Command;
use evtui::model::event::{Event, Millis};
use evtui::source::recordings;
use serde_json::{Map, Value};

const BREAKER_REASON: &str = "circuit breaker tripped: 100 events in under 1 second";

fn events(jsonl: &[u8]) -> Vec<Event> {
    jsonl
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| Event::parse(line).unwrap())
        .collect()
}

#[test]
fn the_files_are_what_the_scripts_write() {
    for (name, text) in make_recordings::all() {
        let embedded = recordings::by_name(name).unwrap();
        assert!(
            embedded.jsonl == text.as_bytes(),
            "recordings/{name}.jsonl is not what its script writes; run `cargo run --example recordings`"
        );
    }
}

#[test]
fn streams_keep_to_the_rules() {
    for recording in &recordings::ALL {
        let events = events(recording.jsonl);
        let first = &events[0];
        assert!(first.event_type.ends_with("/initialized"));
        assert_eq!(first.payload["path"].as_str(), first.stream_path.as_deref());
        let mut times = Vec::new();
        let mut paused = false;
        for (row, event) in events.iter().enumerate() {
            let name = recording.name;
            assert_eq!(event.offset.0, row as u64 + 1, "{name}");
            assert_eq!(event.stream_path, first.stream_path, "{name}");
            let time = event.created_at.as_deref().unwrap();
            let millis = Millis::parse(time).unwrap();
            assert_eq!(millis.to_string(), time, "{name}");
            assert!(
                times.last().is_none_or(|last| *last <= millis),
                "{name}@{}",
                event.offset
            );
            times.push(millis);
            let resumes = event.event_type.ends_with("/resumed");
            assert!(
                !paused || resumes,
                "{name}@{}: appended while paused",
                event.offset
            );
            paused = event.event_type.ends_with("/stream/paused") || (paused && !resumes);
            for place in [Some(&event.payload), event.metadata.as_ref()]
                .into_iter()
                .flatten()
            {
                if let Some(source) = place["sourceOffset"].as_u64() {
                    assert!(
                        source < event.offset.0,
                        "{name}@{}: caused by its future",
                        event.offset
                    );
                }
            }
        }
    }
}

#[test]
fn the_breaker_trips_by_its_rule_and_nowhere_else() {
    for recording in &recordings::ALL {
        let mut window: Vec<i64> = Vec::new();
        let mut due = false;
        for event in events(recording.jsonl) {
            let time = Millis::parse(event.created_at.as_deref().unwrap())
                .unwrap()
                .0;
            if event.event_type.ends_with("/stream/paused") {
                assert!(
                    due,
                    "{}@{}: paused without need",
                    recording.name, event.offset
                );
                assert_eq!(event.payload["reason"], BREAKER_REASON);
                (due, window) = (false, Vec::new());
                continue;
            }
            assert!(
                !due,
                "{}@{}: not paused in time",
                recording.name, event.offset
            );
            if event.event_type.ends_with("/stream/resumed") {
                window.clear();
                continue;
            }
            window.push(time);
            window.retain(|then| time - then < 1000);
            due = window.len() >= 100;
        }
    }
    let runaway = events(recordings::by_name("runaway").unwrap().jsonl);
    let pauses = runaway
        .iter()
        .filter(|e| e.event_type.ends_with("/stream/paused"));
    assert_eq!(pauses.count(), 1);
}

/// `recordings/expected` was computed by folding the recordings in Node 20: the processors bundled
/// by esbuild, each event and state copied with `structuredClone`, the version of a worker's code in
/// force at an offset folded from the first event. Nothing of evtui took part in it.
#[test]
fn recordings_replay_to_their_expected_states() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings/expected");
    for recording in &recordings::ALL {
        let file = folder.join(format!("{}.json", recording.name));
        let expected: Map<String, Value> =
            serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for (worker, states) in expected {
            for (offset, state) in states.as_object().unwrap() {
                let log = format!("@{}", recording.name);
                let args = ["state", &log, "--worker", &worker, "--at", offset];
                let output = Command::cargo_bin("evtui")
                    .unwrap()
                    .args(args)
                    .output()
                    .unwrap();
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "evtui {}: {said}", args.join(" "));
                let found: Value = serde_json::from_slice(&output.stdout).unwrap();
                // As text: the order of keys counts, too.
                assert_eq!(
                    serde_json::to_string_pretty(&found).unwrap(),
                    serde_json::to_string_pretty(state).unwrap(),
                    "evtui {}",
                    args.join(" ")
                );
            }
        }
    }
}
