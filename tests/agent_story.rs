//! One agent's life: deployed by the one `curl` of README.md, answering through a model API, killed,
//! looping until the breaker pauses it, killed again, mended and resumed.

#![cfg(unix)]

#[path = "support/model.rs"]
mod model;
#[path = "support/process.rs"]
mod process;
#[path = "support/readme.rs"]
mod readme;

use model::Model;
use process::{Connection, Server, serve};
use readme::{Shell, block, has_curl, payloads, until};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

const PATH: &str = "/demo/one";
const P: &str = "https://events.iterate.com/events/stream/";

/// Lets the model answer whatever it is asked, for as long as it lives.
struct Answering(tokio::task::JoinHandle<()>);

impl Answering {
    fn start(runtime: &Runtime, pace: &Arc<Notify>) -> Answering {
        let pace = Arc::clone(pace);
        Answering(runtime.spawn(async move {
            loop {
                pace.notify_waiters();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn say(server: &Server, text: &str) {
    let mut connection = Connection::open(server.address()).unwrap();
    let event = json!({"type": "user_message", "payload": {"content": text}});
    connection.append(PATH, &event).unwrap();
}

fn answers(events: &[Value]) -> Vec<&str> {
    let answers = payloads(events, "assistant_message");
    answers
        .iter()
        .map(|a| a["content"].as_str().unwrap())
        .collect()
}

#[test]
fn deployed_by_one_curl_it_answers_is_paused_when_it_loops_and_survives_being_killed() {
    if !has_curl() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let model = runtime.block_on(Model::paced());
    let pace = model.pace.clone().unwrap();
    let serve = || serve(home.path(), &["--breaker", "off"]);
    let shell = |server: &Server| Shell {
        home: home.path().to_owned(),
        service: server.base.clone(),
        model: model.url.clone(),
    };
    let good = block("curl ");
    let (curl, _) = good.split_once("evtui append").unwrap();

    // One curl, and a message is answered.
    let mut server = serve();
    shell(&server).paste(curl);
    let answering = Answering::start(&runtime, &pace);
    say(&server, "first");
    until(&server, PATH, "answer", |events| answers(events).len() == 1);
    drop(answering);

    // Killed while the model is being asked: asked again afterwards, and answered once.
    say(&server, "second");
    let asked = |times: usize| {
        let all = || model.requests().len() >= times;
        let started = std::time::Instant::now();
        while !all() {
            assert!(started.elapsed() < Duration::from_secs(90), "not asked");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    asked(2);
    server.kill();
    server = serve();
    asked(3);
    let answering = Answering::start(&runtime, &pace);
    let events = until(&server, PATH, "answer", |events| answers(events).len() >= 2);
    assert_eq!(
        answers(&events),
        [
            "You said “first” in message 1.",
            "You said “second” in message 3."
        ]
    );

    // A breaker that trips on every machine, and a second version that answers itself, too.
    let mut connection = Connection::open(server.address()).unwrap();
    let config = json!({"burstCapacity": 25, "refillRatePerMinute": 1});
    let breaker = json!({"type": format!("{P}circuit-breaker-configured"), "payload": config});
    connection.append(PATH, &breaker).unwrap();
    let bug = curl.replace(
        "if (event.type !== 'user_message') return;",
        "if (event.type.includes('/')) return;",
    );
    assert_ne!(bug, curl);
    shell(&server).paste(&bug);
    say(&server, "third");
    let paused = |events: &[Value]| payloads(events, "/stream/paused").len();
    let events = until(&server, PATH, "pause", |events| paused(events) == 1);
    let reason = &events.last().unwrap()["payload"]["reason"];
    assert_eq!(reason, "circuit breaker tripped: burst rate limit exceeded");
    assert!(answers(&events).len() > 10, "it looped");
    let refused = connection
        .append(PATH, &json!({"type": "note"}))
        .unwrap_err();
    assert!(
        refused.to_string().contains("stream is paused"),
        "{refused}"
    );
    drop(answering);

    // Killed while it is paused: it is paused afterwards, and nothing was added but the awakening.
    let before = events.len();
    server.kill();
    server = serve();
    let events = until(&server, PATH, "awakening", |events| events.len() > before);
    let mut connection = Connection::open(server.address()).unwrap();
    let refused = connection
        .append(PATH, &json!({"type": "note"}))
        .unwrap_err();
    assert!(
        refused.to_string().contains("stream is paused"),
        "{refused}"
    );
    assert_eq!(payloads(&events, "durable-object-woke-up").len(), 2);
    assert_eq!(events.len(), before + 1);

    // Resumed, it goes on where it was, and is mended while the model thinks.
    let resumed = json!({"type": format!("{P}resumed"), "payload": {"reason": "mended"}});
    connection.append(PATH, &resumed).unwrap();
    shell(&server).paste(curl);
    let answering = Answering::start(&runtime, &pace);
    say(&server, "last");
    let is_last = |answer: &&str| answer.contains("You said “last”");
    let events = until(&server, PATH, "last answer", |events| {
        answers(events).iter().any(is_last)
    });
    drop(answering);
    // The whole story is in the log, without a gap.
    let offsets = events.iter().map(|e| e["offset"].as_u64().unwrap());
    assert!(offsets.eq(1..=events.len() as u64));
    assert_eq!(payloads(&events, "error-occurred"), Vec::<&Value>::new());
    assert_eq!(answers(&events).iter().filter(|a| is_last(a)).count(), 1);
    let times = |text: &str| {
        payloads(&events, "user_message")
            .iter()
            .filter(|m| m["content"] == text)
            .count()
    };
    for text in ["first", "second", "third", "last"] {
        assert_eq!(times(text), 1, "{text}");
    }
}
