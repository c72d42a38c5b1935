//! The oldest forms still accepted: payloads that are plain strings, the processor's source as one
//! of them, a reducer over all events at once.

use super::stream::Stream;
use serde_json::{Value, json};

pub fn write() -> String {
    let mut stream = Stream::new("/jonas/agent1", "2026-02-24T10:30:00.950Z");
    let text = |text: &str| Value::String(text.to_owned());
    stream.wait(1_300).append("user_message", text("Hello"));
    // Nobody listens yet; this deploys who does.
    let source = text(include_str!("../processors/seed.js"));
    stream.wait(20_400).append(
        "https://events.iterate.com/dynamic-worker-configured",
        source,
    );
    stream.wait(8_700);
    let turns = [
        (
            "Hello again. What are you?",
            "I am a list of events, and a function that reads it. Everything that I know stands in it, this sentence included.",
        ),
        (
            "So if I restart you, you forget nothing?",
            "Nothing that was appended. I read the list again from the first event, and nobody has to ask a model twice.",
        ),
    ];
    for (question, answer) in turns {
        stream.append("user_message", text(question));
        stream.wait(510);
        for (chunk, took) in stream.chunks(answer) {
            stream
                .wait(took)
                .append("https://events.iterate.com/llm-chunk", text(&chunk));
        }
        stream.wait(30).append("assistant_message", text(answer));
        stream.wait(11_900);
    }
    // A form on a web page posted here; what is no event is stored as one that says so.
    let raw = json!({"name": "Jonas", "rating": "5"});
    let error = "type: missing; an event needs a type of 1 to 2048 characters";
    stream.append(
        "https://events.iterate.com/invalid-event-appended",
        json!({"rawInput": raw, "error": error}),
    );
    stream
        .wait(4_200)
        .append("user_message", text("That was my form, sorry."));
    stream.wait(480);
    let answer = "No harm done, it is in the log.";
    for (chunk, took) in stream.chunks(answer) {
        stream
            .wait(took)
            .append("https://events.iterate.com/llm-chunk", text(&chunk));
    }
    stream.wait(28).append("assistant_message", text(answer));
    stream.finish()
}
