//! The server is killed at random moments while workers, transformers, schedules and a webhook are at
//! work: afterwards everything that was due has been done, once, and nothing acknowledged is lost.

#![cfg(unix)]

#[path = "support/process.rs"]
mod process;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use process::{Connection, Server, serve};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const ROUNDS: u64 = 10;
const STREAMS: u64 = 2;
const PATIENCE: Duration = Duration::from_secs(180);
const P: &str = "https://events.iterate.com/events/stream/";

/// What came at the peer, in order.
#[derive(Clone, Default)]
struct Peer {
    /// Offsets of delivered events, by stream.
    delivered: Arc<Mutex<BTreeMap<String, Vec<u64>>>>,
    /// How often each hook has begun, by `stream@offset/slug`.
    hooks: Arc<Mutex<BTreeMap<String, u64>>>,
}

async fn deliver(State(peer): State<Peer>, body: String) {
    let event: Value = serde_json::from_str(&body).unwrap();
    let path = event["streamPath"].as_str().unwrap().to_owned();
    let offset = event["offset"].as_u64().unwrap();
    let mut delivered = peer.delivered.lock().unwrap();
    delivered.entry(path).or_default().push(offset);
}

async fn hook(State(peer): State<Peer>, body: String) {
    *peer.hooks.lock().unwrap().entry(body).or_default() += 1;
}

fn start(peer: &Peer) -> (tokio::runtime::Runtime, String) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let app = Router::new()
        .route("/deliver", post(deliver))
        .route("/hook", post(hook))
        .with_state(peer.clone());
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(async move { axum::serve(listener, app).await.unwrap() });
    (runtime, url)
}

/// Tells the peer that its hook runs, then appends twice to its own stream and once to another.
fn worker(slug: &str, peer: &str) -> Value {
    let script = format!(
        "export default {{ initialState: {{ notes: 0 }},
            reduce: ({{ event, state }}) => event.type === 'note' ? {{ notes: state.notes + 1 }} : undefined,
            async afterAppend({{ append, event, state }}) {{
                if (event.type !== 'note') return;
                await fetch('{peer}/hook', {{ method: 'POST', body: `${{event.streamPath}}@${{event.offset}}/{slug}` }});
                const payload = {{ of: event.offset, from: event.streamPath, notes: state.notes }};
                await append({{ type: '{slug}-one', payload }});
                await append({{ path: '/crash/out', event: {{ type: '{slug}-out', payload }} }});
                await append({{ type: '{slug}-two', payload }});
            }} }}"
    );
    json!({"type": format!("{P}dynamic-worker/configured"), "payload": {"slug": slug, "script": script}})
}

fn up(home: &Path) -> Server {
    let data = home.join("d");
    serve(
        home,
        &["--breaker", "off", "--data", data.to_str().unwrap()],
    )
}

fn path(stream: u64) -> String {
    format!("/crash/s{stream}")
}

fn note(round: u64, stream: u64, n: u64) -> Value {
    json!({"type": "note", "idempotencyKey": format!("{round}-{stream}-{n}"), "payload": {"n": n}})
}

/// Due a few milliseconds later.
fn schedule(round: u64, stream: u64, n: u64) -> Value {
    let slug = format!("s-{round}-{stream}-{n}");
    json!({
        "type": format!("{P}append-scheduled"),
        "idempotencyKey": slug,
        "payload": {
            "slug": slug,
            "append": {"type": "tick", "payload": {"slug": slug}},
            "schedule": {"kind": "once-in", "delaySeconds": (n % 40) as f64 / 1000.0},
        },
    })
}

/// Appends until the server is gone; gives what it acknowledged.
fn write(address: &str, round: u64, stream: u64) -> Vec<Value> {
    let mut acknowledged = Vec::new();
    let Ok(mut connection) = Connection::open(address) else {
        return acknowledged;
    };
    for n in 0.. {
        for input in [note(round, stream, n), schedule(round, stream, n)] {
            match connection.append(&path(stream), &input) {
                Ok(stored) => acknowledged.push(stored),
                Err(error) if error.kind() == std::io::ErrorKind::Other => {
                    panic!("refused: {error}")
                }
                Err(_) => return acknowledged,
            }
        }
        // Hooks are slower than appends: what is left to do in the end is kept small.
        std::thread::sleep(Duration::from_millis(15));
    }
    acknowledged
}

/// Small numbers that are different in every run.
fn random(below: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) % below
}

fn count(events: &[Value], event_type: &str, is: impl Fn(&Value) -> bool) -> usize {
    let of_type = events.iter().filter(|e| e["type"] == event_type);
    of_type.filter(|e| is(&e["payload"])).count()
}

fn configure(server: &Server, peer: &str) {
    let mut connection = Connection::open(server.address()).unwrap();
    for stream in 0..STREAMS {
        for event in [
            worker("left", peer),
            worker("right", peer),
            json!({"type": format!("{P}jsonata-transformer-configured"), "payload": {
                "slug": "shout", "matcher": "type = 'note'",
                "transform": "{\"type\": \"shout\", \"payload\": {\"of\": offset}}",
            }}),
            json!({"type": format!("{P}subscription/configured"), "payload": {
                "slug": "sink", "type": "webhook", "callbackUrl": format!("{peer}/deliver"),
            }}),
        ] {
            connection.append(&path(stream), &event).unwrap();
        }
    }
}

/// Waits until everything that follows from a stream's last note has been done: whatever acts on a
/// stream does so in the order of its events.
fn until_done(server: &Server, peer: &Peer, stream: u64) {
    let mut connection = Connection::open(server.address()).unwrap();
    let path = path(stream);
    let last = json!({"type": "note", "payload": {}});
    let last = connection.append(&path, &last).unwrap()["offset"].clone();
    let started = Instant::now();
    loop {
        let events = connection.history(&path, 0).unwrap();
        let open = open_schedules(&events);
        let end = events.len() as u64;
        let delivered = peer.delivered.lock().unwrap();
        let has_all = delivered.get(&path).is_some_and(|all| all.contains(&end));
        drop(delivered);
        let done = ["left-two", "right-two", "shout"]
            .iter()
            .all(|what| count(&events, what, |p| p["of"] == last) > 0);
        if done && has_all && open.is_empty() {
            return;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "{path}: {done} {has_all} {open:?}; the last events: {:#?}",
            &events[events.len().saturating_sub(5)..]
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Schedules that were configured and have not run.
fn open_schedules(events: &[Value]) -> Vec<String> {
    let of = |event_type: &str| {
        let event_type = format!("{P}{event_type}");
        let events = events.iter().filter(move |e| e["type"] == event_type);
        events.map(|e| e["payload"]["slug"].as_str().unwrap().to_owned())
    };
    let done: std::collections::HashSet<String> =
        of("schedule/internal/execution-finished").collect();
    of("schedule/configured")
        .filter(|slug| !done.contains(slug))
        .collect()
}

#[test]
fn killed_at_any_moment_hooks_and_schedules_go_on_and_nothing_is_done_twice() {
    let home = tempfile::tempdir().unwrap();
    let peer = Peer::default();
    let (_runtime, url) = start(&peer);
    let mut acknowledged: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut server = up(home.path());
        if round == 0 {
            configure(&server, &url);
        }
        let writers: Vec<_> = (0..STREAMS)
            .map(|stream| {
                let address = server.address().to_owned();
                std::thread::spawn(move || write(&address, round, stream))
            })
            .collect();
        // Long enough for the workers' processes to start, most of the time.
        std::thread::sleep(Duration::from_millis(50 + random(900)));
        server.kill();
        for (stream, writer) in (0..).zip(writers) {
            let written = writer.join().unwrap();
            acknowledged.entry(stream).or_default().extend(written);
        }
    }

    let server = up(home.path());
    for stream in 0..STREAMS {
        until_done(&server, &peer, stream);
    }
    let mut connection = Connection::open(server.address()).unwrap();
    let out = connection.history("/crash/out", 0).unwrap();
    let mut repeated = 0;
    for stream in 0..STREAMS {
        let path = path(stream);
        let events = connection.history(&path, 0).unwrap();
        let offsets: Vec<u64> = events
            .iter()
            .map(|e| e["offset"].as_u64().unwrap())
            .collect();
        assert_eq!(offsets, (1..=events.len() as u64).collect::<Vec<_>>());
        for event in &acknowledged[&stream] {
            let offset = event["offset"].as_u64().unwrap() as usize;
            assert_eq!(
                events.get(offset - 1),
                Some(event),
                "{path} was acknowledged"
            );
        }
        assert_eq!(
            count(&events, &format!("{P}error-occurred"), |_| true),
            0,
            "{path}"
        );

        // Each note has had each of its effects once, on the state that it had.
        let notes = events.iter().filter(|e| e["type"] == "note");
        for (n, note) in (1..).zip(notes) {
            let of = &note["offset"];
            assert_eq!(
                count(&events, "shout", |p| p["of"] == *of),
                1,
                "{path} {of}"
            );
            for slug in ["left", "right"] {
                for (events, what) in [(&events, "one"), (&events, "two"), (&out, "out")] {
                    let is = |p: &Value| p["of"] == *of && p["from"] == path && p["notes"] == n;
                    let found = count(events, &format!("{slug}-{what}"), is);
                    assert_eq!(found, 1, "{path} {of} {slug}-{what}");
                }
                let hook = format!("{path}@{of}/{slug}");
                let begun = peer.hooks.lock().unwrap().get(&hook).copied();
                repeated += begun.unwrap_or_else(|| panic!("{hook} has not run")) - 1;
            }
        }

        // Each schedule has run once.
        let configured = format!("{P}schedule/configured");
        let finished = format!("{P}schedule/internal/execution-finished");
        for event in events.iter().filter(|e| e["type"] == configured) {
            let slug = &event["payload"]["slug"];
            let is = |p: &Value| p["slug"] == *slug;
            assert_eq!(count(&events, "tick", is), 1, "{path} {slug}");
            let ok = |p: &Value| p["slug"] == *slug && p["outcome"] == "succeeded";
            assert_eq!(count(&events, &finished, ok), 1, "{path} {slug}");
        }

        // Every later event was delivered, in order; after a crash it may begin again at the last.
        let delivered = peer.delivered.lock().unwrap()[&path].clone();
        let all: std::collections::BTreeSet<u64> = delivered.iter().copied().collect();
        let first = delivered[0];
        assert_eq!(all, (first..=events.len() as u64).collect(), "{path}");
        let back = delivered
            .windows(2)
            .filter(|pair| pair[1] <= pair[0])
            .count() as u64;
        assert!(back <= ROUNDS, "{path}: delivered again {back} times");
    }
    // Of each worker at most the hook in flight, each time.
    assert!(
        repeated <= ROUNDS * STREAMS * 2,
        "{repeated} hooks were repeated"
    );
}
