//! A worker that answers itself: 100 events in under a second, the breaker, a person who mends it.

use super::stream::{P, Stream};
use serde_json::{Value, json};

fn note(stream: &mut Stream, text: &str, source: Option<u64>) -> Option<u64> {
    let mut payload = json!({"text": text});
    if let (Some(source), Value::Object(fields)) = (source, &mut payload) {
        fields.insert("sourceOffset".to_owned(), source.into());
    }
    stream.append("note-added", payload)
}

pub fn write() -> String {
    let mut stream = Stream::new("/demo/notes", "2026-03-04T08:12:40.018Z");
    stream.wait(2_100);
    for text in [
        "ask Priya about the lease",
        "  the boiler man comes on Thursday",
        "buy oranges (and a cherry)",
    ] {
        note(&mut stream, text, None);
        stream.wait(3_800);
    }
    stream.deploy("tidy", include_str!("../processors/tidy-1.ts"));
    stream.wait(9_240);

    // Each note makes the next, as fast as an append and a hook take.
    let mut source = note(&mut stream, "the Friday call moves to three", None);
    while let Some(offset) = source {
        let hop = stream.about(5, 10);
        stream.wait(hop);
        source = note(&mut stream, "The Friday call moves to three", Some(offset));
    }

    // Refused while paused: a person's note, twice. A log holds only what was stored.
    stream.wait(31_000);
    note(&mut stream, "hello? is this on?", None);
    stream.wait(4_000);
    note(&mut stream, "HELLO", None);

    let reason = "tidy tidied its own notes; its second version comes next";
    stream
        .wait(71_400)
        .append(&format!("{P}resumed"), json!({"reason": reason}));
    stream
        .wait(2_050)
        .deploy("tidy", include_str!("../processors/tidy-2.ts"));

    for (text, tidied) in [
        ("  cancel the Friday call", Some("Cancel the Friday call")),
        (
            "write down what happened here",
            Some("Write down what happened here"),
        ),
        ("Already tidy", None),
    ] {
        stream.wait(12_600);
        let source = note(&mut stream, text, None);
        if let Some(tidied) = tidied {
            let more = [(
                "idempotencyKey".to_owned(),
                format!("tidy-{}", source.unwrap_or(0)).into(),
            )];
            let payload = json!({"text": tidied, "sourceOffset": source});
            stream
                .wait(7)
                .append_with("note-added", payload, more.into_iter().collect());
        }
    }
    stream.finish()
}
