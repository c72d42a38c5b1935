//! The server is killed at random moments while it is written to, again and again: what it
//! acknowledged is there, unchanged, and everything goes on.

#[path = "support/process.rs"]
mod process;

use process::{Connection, Server, serve};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::time::Duration;

const ROUNDS: u64 = 50;
const WRITERS: u64 = 8;
const STREAMS: u64 = 3;

/// What a writer knows when its server is gone.
struct Written {
    /// Stored events, as they were answered.
    acknowledged: Vec<Value>,
    /// The one that got no answer: it may be there or not.
    unknown: Option<Value>,
}

fn path(writer: u64) -> String {
    format!("/crash/{}", writer % STREAMS)
}

fn event(round: u64, writer: u64, n: u64) -> Value {
    json!({
        "type": "note",
        "payload": {"text": "x".repeat(((n * 37 + writer * 11) % 400) as usize)},
        "idempotencyKey": format!("{round}-{writer}-{n}"),
    })
}

/// Appends until the server is gone.
fn write(address: &str, round: u64, writer: u64) -> Written {
    let mut written = Written {
        acknowledged: Vec::new(),
        unknown: None,
    };
    let Ok(mut connection) = Connection::open(address) else {
        return written;
    };
    for n in 0.. {
        let input = event(round, writer, n);
        match connection.append(&path(writer), &input) {
            Ok(stored) => written.acknowledged.push(stored),
            Err(error) if error.kind() == io::ErrorKind::Other => panic!("refused: {error}"),
            Err(_) => {
                written.unknown = Some(input);
                break;
            }
        }
    }
    written
}

/// Small numbers that are different in every run.
fn random(below: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) % below
}

/// What was seen of a stream so far.
#[derive(Default)]
struct Seen {
    last: u64,
    keys: HashSet<String>,
}

fn up(home: &Path) -> Server {
    serve(
        home,
        &[
            "--breaker",
            "off",
            "--data",
            home.join("d").to_str().unwrap(),
        ],
    )
}

#[test]
fn killed_at_any_moment_nothing_acknowledged_is_lost() {
    let home = tempfile::tempdir().unwrap();
    let mut seen: HashMap<String, Seen> = HashMap::new();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let mut server = up(home.path());
        let address = server.address().to_owned();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let address = address.clone();
                std::thread::spawn(move || write(&address, round, writer))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(1 + random(80)));
        server.kill();
        let written: Vec<Written> = writers.into_iter().map(|w| w.join().unwrap()).collect();

        let server = up(home.path());
        let mut connection = Connection::open(server.address()).unwrap();
        let mut stored: HashMap<String, HashMap<u64, Value>> = HashMap::new();
        for stream in 0..STREAMS {
            let path = path(stream);
            let seen = seen.entry(path.clone()).or_default();
            let events = connection.history(&path, seen.last).unwrap();
            for event in &events {
                seen.last += 1;
                assert_eq!(
                    event["offset"], seen.last,
                    "round {round}: {path} has a gap"
                );
                assert_eq!(event["streamPath"], path.as_str());
                if let Some(key) = event["idempotencyKey"].as_str() {
                    assert!(
                        seen.keys.insert(key.to_owned()),
                        "round {round}: {key} is there twice"
                    );
                }
            }
            let by_offset = events
                .into_iter()
                .map(|e| (e["offset"].as_u64().unwrap(), e));
            stored.insert(path, by_offset.collect());
        }
        for (writer, written) in (0..).zip(&written) {
            let path = path(writer);
            for event in &written.acknowledged {
                let offset = event["offset"].as_u64().unwrap();
                let found = stored[&path].get(&offset);
                assert_eq!(found, Some(event), "round {round}: {path} offset {offset}");
            }
            acknowledged += written.acknowledged.len();
            // Asked again, an acknowledged event is the same one.
            if let Some(last) = written.acknowledged.last() {
                let n = written.acknowledged.len() as u64 - 1;
                let again = connection.append(&path, &event(round, writer, n)).unwrap();
                assert_eq!(&again, last, "round {round}");
            }
            // One without an answer is stored once, before the crash or now.
            if let Some(unknown) = &written.unknown {
                let key = unknown["idempotencyKey"].as_str().unwrap();
                let there = seen[&path].keys.contains(key);
                let first = connection.append(&path, unknown).unwrap();
                assert_eq!(connection.append(&path, unknown).unwrap(), first);
                let offset = first["offset"].as_u64().unwrap();
                assert_eq!(offset <= seen[&path].last, there, "round {round}: {key}");
            }
        }
    }
    assert!(acknowledged > 0, "nothing was ever acknowledged");
    // All of it once more, from the beginning.
    let server = up(home.path());
    let mut connection = Connection::open(server.address()).unwrap();
    for (path, seen) in seen {
        let events = connection.history(&path, 0).unwrap();
        let offsets: Vec<u64> = events
            .iter()
            .map(|e| e["offset"].as_u64().unwrap())
            .collect();
        assert_eq!(offsets, (1..=events.len() as u64).collect::<Vec<_>>());
        let keys: HashSet<&str> = events
            .iter()
            .filter_map(|e| e["idempotencyKey"].as_str())
            .collect();
        let of_all = events
            .iter()
            .filter(|e| e["idempotencyKey"].is_string())
            .count();
        assert_eq!(keys.len(), of_all, "{path} holds a key twice");
        assert!(seen.keys.iter().all(|key| keys.contains(key.as_str())));
    }
}
