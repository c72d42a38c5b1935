//! The agents of README.md, started by the commands that stand there, on a server of their own and with
//! a model that speaks over HTTP.

#![cfg(unix)]

#[path = "support/model.rs"]
mod model;
#[path = "support/process.rs"]
mod process;
#[path = "support/readme.rs"]
mod readme;

use model::Model;
use process::{Connection, Server, serve};
use readme::{Shell, block, blocks, has_curl, payloads, until};
use serde_json::{Value, json};
use std::process::Command;
use tokio::runtime::Runtime;

struct Bench {
    server: Server,
    shell: Shell,
    model: Model,
    /// Runs the model.
    _runtime: Runtime,
    _home: tempfile::TempDir,
}

fn bench() -> Bench {
    let home = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let model = runtime.block_on(Model::start());
    // A loop trips it however slow the machine is; nothing else here writes so much.
    let args = ["--data", ":memory:", "--breaker", "100/600000"];
    let server = serve(home.path(), &args);
    let shell = Shell {
        home: home.path().to_owned(),
        service: server.base.clone(),
        model: model.url.clone(),
    };
    Bench {
        server,
        shell,
        model,
        _runtime: runtime,
        _home: home,
    }
}

impl Bench {
    fn state(&self, path: &str) -> Value {
        let output = self.shell.paste(&format!("evtui state {path}"));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn answer(&self, path: &str, content: &str) -> Vec<Value> {
        until(&self.server, path, content, |events| {
            let answers = payloads(events, "assistant_message");
            answers.iter().any(|answer| answer["content"] == content)
        })
    }
}

/// The commands of a block, without comments.
fn commands(block: &str) -> Vec<&str> {
    let lines = block.lines().filter(|line| !line.starts_with('#'));
    lines.collect()
}

#[test]
fn each_is_started_by_two_commands() {
    let all = blocks();
    let [setup, examples @ .., one] = all.as_slice() else {
        panic!("{all:#?}");
    };
    assert_eq!(
        commands(setup),
        [
            "evtui serve &",
            "cargo run --release --example model &",
            "export EVTUI_URL=http://127.0.0.1:7070 MODEL_URL=http://127.0.0.1:7071/v1/chat/completions",
        ],
        "what the tests here do in its place"
    );
    let model = std::fs::read_to_string(readme::root().join("recordings/model.rs")).unwrap();
    assert!(model.contains("const PORT: u16 = 7071;"));
    assert_eq!(examples.len(), 5);
    for example in examples {
        let commands = commands(example);
        assert!(commands[0].starts_with("evtui deploy /demo/"), "{example}");
        assert!(commands[1].starts_with("evtui append /demo/"), "{example}");
        // What comes third is no start: it is what the world sends.
        assert!(commands.len() == 2 || commands[2].starts_with("curl "));
    }
    assert!(one.starts_with("curl "));
}

#[test]
fn ping_pong_ends_in_a_pause() {
    let bench = bench();
    bench.shell.paste(&block("# ping-pong"));
    let paused = |events: &[Value]| payloads(events, "/stream/paused").len();
    let events = until(&bench.server, "/demo/ping-pong", "pause", |e| {
        paused(e) == 1
    });
    let reason = events.last().unwrap()["payload"]["reason"]
        .as_str()
        .unwrap();
    assert!(reason.starts_with("circuit breaker tripped"), "{reason}");
    bench.shell.paste("evtui resume /demo/ping-pong");
    let events = until(&bench.server, "/demo/ping-pong", "pause", |e| {
        paused(e) == 2
    });
    // Each answers the one before it: nothing was lost at the pause.
    let (pings, pongs) = (payloads(&events, "ping"), payloads(&events, "pong"));
    assert!(pings.len().abs_diff(pongs.len()) <= 1);
    let sources: Vec<u64> = events
        .iter()
        .filter_map(|event| event["payload"]["sourceOffset"].as_u64())
        .collect();
    assert!(
        sources.windows(2).all(|pair| pair[0] < pair[1]),
        "{sources:?}"
    );
}

#[test]
fn the_chat_agent_streams_and_the_guardrail_comes_before_it() {
    let bench = bench();
    bench.shell.paste(&block("# a chat agent"));
    let said = model::answer(&[json!({"role": "user", "content": "Good morning!"})]);
    let events = bench.answer("/demo/chat", &said.concat());
    let chunks = payloads(&events, "llm-chunk");
    let deltas: Vec<&str> = chunks
        .iter()
        .map(|c| c["delta"].as_str().unwrap())
        .collect();
    assert_eq!(deltas, said);

    // The guardrail's process may take its time to start on this machine.
    bench.shell.paste(
        "evtui append /demo/chat --type https://events.iterate.com/events/stream/dynamic-worker/env-var-set \
         --payload '{\"key\": \"CONTEXT_WINDOW_MS\", \"value\": \"3000\"}'",
    );
    bench.shell.paste(&block("# a guardrail"));
    let guarded = |events: &[Value]| {
        let answers = payloads(events, "assistant_message");
        let told = "I was told: Do not state doses. Refer to the leaflet and to a pharmacist.";
        let is_told = |a: &&Value| a["content"].as_str().unwrap().ends_with(told);
        answers.iter().any(is_told)
    };
    let mut asked = 1;
    let events = until(&bench.server, "/demo/chat", "guarded answer", |events| {
        let answered = payloads(events, "assistant_message").len();
        // The context of an earlier one was late: asked again, with the process there.
        if answered > asked && !guarded(events) {
            asked = answered;
            let again = "evtui append /demo/chat --message 'How many tablets may I take at once?'";
            bench.shell.paste(again);
        }
        guarded(events)
    });
    let added = payloads(&events, "llm-input-added");
    assert_eq!(added[0]["source"], "guardrail");
    assert!(bench.model.requests().iter().all(|(key, _)| key.is_empty()));
    let state = bench.state("/demo/chat --worker guardrail");
    assert_eq!(
        state["guarded"].as_array().unwrap().last().unwrap()["inTime"],
        true
    );
}

#[test]
fn the_coding_agent_edits_what_it_was_shown() {
    let bench = bench();
    bench.shell.paste(&block("# a coding agent"));
    let events = until(&bench.server, "/demo/coder", "edit", |events| {
        !payloads(events, "code-edited").is_empty()
    });
    assert_eq!(payloads(&events, "code-added").len(), 1);
    let shown = bench.model.requests()[0].1["messages"][0]["content"].clone();
    assert!(
        shown
            .as_str()
            .unwrap()
            .ends_with("--- price.js\nconst total = 1;\n"),
        "{shown}"
    );
    let state = bench.state("/demo/coder");
    assert_eq!(state["files"]["price.js"]["content"], "const sum = 1;");
    assert_eq!(state["window"]["shown"], json!(["price.js"]));
}

#[test]
fn slacks_webhooks_become_messages() {
    if !has_curl() {
        return;
    }
    let bench = bench();
    let block = block("# Slack's webhooks");
    bench.shell.paste(&block);
    let message = |events: &[Value]| !payloads(events, "user_message").is_empty();
    until(&bench.server, "/demo/slack", "message", message);
    // Slack sends again what it takes for lost.
    bench.shell.paste(commands(&block)[2]);
    let mut connection = Connection::open(bench.server.address()).unwrap();
    let other = json!({"type": "event_callback", "event_id": "Ev2", "event": {"type": "message", "text": "next", "ts": "2", "channel": "C", "user": "U"}});
    let body = other.to_string();
    let kind = "Content-Type: application/json\r\n";
    connection
        .call("POST", "/api/streams/demo/slack", kind, &body)
        .unwrap();
    let events = until(&bench.server, "/demo/slack", "second message", |events| {
        payloads(events, "user_message").len() >= 2
    });
    let messages = payloads(&events, "user_message");
    let texts: Vec<&Value> = messages.iter().map(|m| &m["content"]).collect();
    assert_eq!(texts, ["is it everything a river should be? 2 < 3", "next"]);
    assert_eq!(messages[0]["channel"], "C024BE91L");
}

#[test]
fn one_curl_makes_an_agent() {
    if !has_curl() {
        return;
    }
    let bench = bench();
    bench.shell.paste(&block("curl "));
    bench.answer("/demo/one", "You said “Hello!” in message 1.");
}

/// The model that the README starts is built along with the tests, where all of them are.
#[test]
fn the_model_says_where_it_is_and_answers() {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_evtui"));
    let model = binary.with_file_name("examples").join("model");
    if !model.exists() {
        eprintln!(
            "LEFT OUT: {} is not built; cargo test builds it",
            model.display()
        );
        return;
    }
    let mut command = Command::new(model);
    command.args(["0", "0"]);
    let server = process::start(command);
    let address = server.address().split('/').next().unwrap();
    let mut connection = Connection::open(address).unwrap();
    let body = json!({"messages": [{"role": "user", "content": "hi"}]}).to_string();
    let (status, answer) = connection
        .call("POST", "/v1/chat/completions", "", &body)
        .unwrap();
    assert_eq!(status, 200);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let content = &answer["choices"][0]["message"]["content"];
    assert_eq!(content, "You said “hi” in message 1.");
}
