//! The steps of the workshop that the service's idea comes from, one by one: a client, an append, a
//! tail, a processor defined and deployed, a transformer, a schedule. Over HTTP as `curl` does it, on a
//! server of its own.

#![cfg(unix)]

#[path = "support/model.rs"]
mod model;
#[path = "support/process.rs"]
mod process;
#[path = "support/readme.rs"]
mod readme;

use model::Model;
use process::{Connection, serve};
use readme::{payloads, until};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use tokio::runtime::Runtime;

/// `pathPrefix` of the client.
const PATH: &str = "/yourname/agent";
const JSON: &str = "Content-Type: application/json\r\n";

/// The workshop's processor: a reducer over all events, and a hook that appends tokens as they come.
const PROCESSOR: &str = "
import { EventsClient } from '@iterate-labs/ai-engineer-workshop';

const processor = {
  reduce(events: any[]) {
    return {
      messages: events.filter(e => e.type === 'user_message').map(e => e.payload),
      assistant: events.filter(e => e.type === 'assistant_message').map(e => e.payload),
    };
  },
  async afterAppend(state, event) {
    if (event.type === 'user_message') {
      const messages = state.messages.map(content => ({ role: 'user', content }));
      const response = await fetch('MODEL_URL', { method: 'POST', body: JSON.stringify({ messages, stream: true }) });
      let answer = '', rest = '';
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split('\\n');
        rest = lines.pop();
        for (const line of lines.filter(line => line.startsWith('data: {'))) {
          const token = JSON.parse(line.slice(6)).choices[0].delta.content;
          answer += token;
          await client.append({ type: 'https://events.iterate.com/llm-chunk', payload: token });
        }
      }
      await append({ type: 'assistant_message', payload: answer });
    }
  }
};
";

/// A command that is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_workshop_step_by_step() {
    let home = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let model = runtime.block_on(Model::start());
    let mut server = serve(home.path(), &[]);
    let evtui = |args: &[&str], url: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evtui"));
        command
            .args(args)
            .env_clear()
            .env("HOME", home.path())
            .env("EVTUI_URL", url);
        command
    };

    // A client: a base URL and a path.
    let mut client = Connection::open(server.address()).unwrap();
    let post = |client: &mut Connection, body: &Value| -> Value {
        let (status, answer) = client.call("POST", PATH, JSON, &body.to_string()).unwrap();
        assert_eq!(status, 200, "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["event"].clone()
    };

    // Append: the first one makes the stream; what is no event becomes one.
    let hello = post(
        &mut client,
        &json!({"type": "user_message", "payload": "Hello"}),
    );
    assert_eq!(
        (&hello["offset"], &hello["payload"]),
        (&json!(2), &json!("Hello"))
    );
    assert_eq!(hello["streamPath"], PATH);
    let (status, answer) = client.call("POST", PATH, "", "no event at all").unwrap();
    assert_eq!(status, 200);
    let invalid: Value = serde_json::from_str(&answer).unwrap();
    let kind = "https://events.iterate.com/invalid-event-appended";
    assert_eq!(invalid["event"]["type"], kind);

    // Tail: what there is, and then everything as it comes.
    let mut tail = evtui(&["tail", PATH], &server.base)
        .stdout(Stdio::piped())
        .spawn()
        .map(Running)
        .unwrap();
    let mut tailed = BufReader::new(tail.0.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&tailed.next().unwrap().unwrap()).unwrap() };
    for offset in 1..=3 {
        assert_eq!(next()["offset"], offset);
    }
    let note = post(
        &mut client,
        &json!({"type": "note", "idempotencyKey": "once"}),
    );
    assert_eq!(next(), note);
    // The same key again is the same event.
    assert_eq!(
        post(
            &mut client,
            &json!({"type": "note", "idempotencyKey": "once"})
        ),
        note
    );

    // Define: the whole history, fetched and reduced by hand, without any model.
    let source = PROCESSOR.replace("MODEL_URL", &model.url);
    let (log, file) = (
        home.path().join("log.jsonl"),
        home.path().join("processor.ts"),
    );
    let target = format!("{PATH}?before=end&format=ndjson");
    let (_, history) = client.call("GET", &target, "", "").unwrap();
    std::fs::write(&log, history).unwrap();
    std::fs::write(&file, &source).unwrap();
    let (log, file) = (log.to_str().unwrap(), file.to_str().unwrap());
    let state = evtui(&["state", log, "--processor", file], &server.base)
        .output()
        .unwrap();
    let state: Value = serde_json::from_slice(&state.stdout).unwrap();
    assert_eq!(state, json!({"messages": ["Hello"], "assistant": []}));

    // Deploy: the source as a payload string. Messages from before are not answered, later ones are.
    let kind = "https://events.iterate.com/dynamic-worker-configured";
    post(&mut client, &json!({"type": kind, "payload": source}));
    post(
        &mut client,
        &json!({"type": "user_message", "payload": "How are you?"}),
    );
    let said = "You said “How are you?” in message 2.";
    let answered = |events: &[Value], text: &str| {
        payloads(events, "assistant_message").contains(&&json!(text))
    };
    let events = until(&server, PATH, "answer", |events| answered(events, said));
    let tokens = payloads(&events, "llm-chunk");
    let tokens: String = tokens.iter().map(|t| t.as_str().unwrap()).collect();
    assert_eq!(tokens, said);
    assert_eq!(model.requests().len(), 1);

    // The program restarts: it catches up without asking the model again. Only the hook that ran last
    // may run once more, if its end was not on disk, and that adds nothing to the stream.
    server.kill();
    server = serve(home.path(), &[]);
    client = Connection::open(server.address()).unwrap();
    post(
        &mut client,
        &json!({"type": "user_message", "payload": "Again?"}),
    );
    let said = "You said “Again?” in message 3.";
    let events = until(&server, PATH, "answer", |events| answered(events, said));
    assert_eq!(payloads(&events, "assistant_message").len(), 2);
    let asked_for = |text: &str| {
        let requests = model.requests();
        let last = |body: &Value| body["messages"].as_array().unwrap().last().unwrap().clone();
        let of_text = requests
            .iter()
            .filter(|(_, body)| last(body)["content"] == text);
        of_text.count()
    };
    assert_eq!((asked_for("Hello"), asked_for("Again?")), (0, 1));
    assert!(asked_for("How are you?") <= 2);

    // Transformer: a form becomes a message, and that is answered.
    let transformer = json!({
        "slug": "forms",
        "matcher": "$contains(type, 'invalid-event-appended') and $exists(payload.rawInput.question)",
        "transform": "{'type': 'user_message', 'payload': payload.rawInput.name & ' asks: ' & payload.rawInput.question}",
    });
    let kind = "https://events.iterate.com/events/stream/jsonata-transformer-configured";
    post(&mut client, &json!({"type": kind, "payload": transformer}));
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let (status, _) = client
        .call("POST", PATH, form, "name=Ada&question=why%3F")
        .unwrap();
    assert_eq!(status, 200);
    let said = "You said “Ada asks: why?” in message 4.";
    until(&server, PATH, "answer to the form", |events| {
        answered(events, said)
    });

    // Schedule: a message that comes by itself, once.
    let scheduled = json!({
        "slug": "reminder",
        "append": {"type": "user_message", "payload": "Anything new?"},
        "schedule": {"kind": "once-in", "delaySeconds": 1},
    });
    let kind = "https://events.iterate.com/events/stream/append-scheduled";
    post(&mut client, &json!({"type": kind, "payload": scheduled}));
    let said = "You said “Anything new?” in message 5.";
    until(&server, PATH, "answer to the schedule", |events| {
        answered(events, said) && !payloads(events, "execution-finished").is_empty()
    });
    let (_, state) = client
        .call("GET", "/api/__state/yourname/agent", "", "")
        .unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["processors"]["scheduler"], json!({}));

    // All of it is in the log, and the state can be had from there, without any of it happening again.
    let asked = model.requests().len();
    let state = evtui(&["state", PATH], &server.base).output().unwrap();
    let state: Value = serde_json::from_slice(&state.stdout).unwrap();
    let messages = json!([
        "Hello",
        "How are you?",
        "Again?",
        "Ada asks: why?",
        "Anything new?"
    ]);
    assert_eq!(state["messages"], messages);
    assert_eq!(state["assistant"].as_array().unwrap().len(), 4);
    assert_eq!(model.requests().len(), asked);
}
