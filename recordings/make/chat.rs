//! A short chat about tides; one answer is cut short by the person.

use super::stream::Stream;
use serde_json::json;

/// What the person asks, what the model says, and after how many chunks the person breaks in.
const TURNS: [(&str, &str, Option<usize>); 4] = [
    (
        "Why are there two high tides a day and not one?",
        "The Moon pulls hardest on the water that faces it, so that water is drawn ahead of the Earth: one bulge. \
         On the far side it is the other way round: there the Earth is pulled harder than the water, and the water is \
         left behind: the second bulge. The Earth turns under both once a day.",
        None,
    ),
    (
        "And why do they come 50 minutes later each day?",
        "That is a consequence of orbital mechanics. To understand it we should first look at the sidereal month, which \
         is the time in which the Moon",
        Some(12),
    ),
    (
        "Sorry, in one sentence please.",
        "While the Earth turns once, the Moon moves on by about 12 degrees, and the Earth needs some 50 minutes more to \
         catch up with it.",
        None,
    ),
    (
        "Thanks, that one I can tell my daughter.",
        "Tell her with an orange and a cherry: turn the orange once, move the cherry a little, and let her find how far \
         she has to turn on until they face each other again.",
        None,
    ),
];

pub fn write() -> String {
    let mut stream = Stream::new("/demo/chat", "2026-03-02T19:40:11.204Z");
    stream
        .wait(38)
        .deploy("chat", include_str!("../processors/chat.ts"));
    stream.wait(6_400);
    let mut sent: usize = 0;
    for (question, answer, cut) in TURNS {
        let input = json!({"role": "user", "content": question});
        let source = stream.append("agent-input-added", input);
        sent += question.len();
        let id = format!("req_{}", source.unwrap_or(0));
        let started = json!({"requestId": id, "model": "m-small", "sourceOffset": source});
        stream.wait(14).append("llm-request-started", started);
        stream.wait(430);
        let chunks = stream.chunks(answer);
        for (delta, took) in chunks.iter().take(cut.unwrap_or(usize::MAX)) {
            let event = json!({"type": "response.output_text.delta", "delta": delta});
            let payload = json!({"requestId": id, "event": event});
            stream
                .wait(*took)
                .append("openai-response-event-added", payload);
        }
        if let Some(cut) = cut {
            let payload = json!({"requestId": id, "reason": "stopped by the person"});
            stream.wait(120).append("llm-request-canceled", payload);
            // Two chunks were on their way already.
            for (delta, _) in chunks.iter().skip(cut).take(2) {
                let event = json!({"type": "response.output_text.delta", "delta": delta});
                let payload = json!({"requestId": id, "event": event});
                stream
                    .wait(9)
                    .append("openai-response-event-added", payload);
            }
            stream.wait(1_900);
            continue;
        }
        let usage = json!({"input": 40 + sent / 4, "output": answer.len() / 4});
        let completed = json!({"requestId": id, "usage": usage});
        stream.wait(21).append("llm-request-completed", completed);
        let output = json!({"content": answer, "sourceOffset": source});
        stream.wait(5).append("agent-output-added", output);
        sent += answer.len();
        stream.wait(7_300);
    }
    stream.finish()
}
