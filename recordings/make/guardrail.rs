//! Two workers on one stream: a help desk that waits 200 ms before it asks its model, and a safety
//! worker that uses the time. One context comes too late; one question needs the second version.

use super::stream::Stream;
use serde_json::json;

const DOSE: &str = "Do not state doses. Refer to the leaflet and to the pharmacist, reachable at the counter or on 020 7946 0100.";
const INTERACTION: &str = "This asks about taking medicines together. Do not call any combination safe. Ask what else is taken, and refer to the pharmacist.";

/// One question and its answer; `context` is the rule that fires, its words, and after how many
/// milliseconds they arrive.
struct Turn {
    question: &'static str,
    context: Option<(&'static str, &'static str, i64)>,
    answer: &'static str,
}

fn turn(stream: &mut Stream, turn: &Turn) {
    const WINDOW: i64 = 200;
    let received = json!({"content": turn.question, "from": "web"});
    let source = stream.append("webchat-message-received", received);
    let context = turn.context.map(|(rule, content, at)| {
        (
            json!({"source": "safety", "rule": rule, "content": content, "sourceOffset": source}),
            at,
        )
    });
    let mut passed = 0;
    let mut in_time = 0;
    if let Some((payload, at)) = &context
        && *at < WINDOW
    {
        stream.wait(*at).append("llm-input-added", payload.clone());
        passed = *at;
        in_time = 1;
    }
    let closed = stream
        .wait(WINDOW + 3 - passed)
        .append("context-window-closed", json!({"sourceOffset": source}));
    let id = format!("req_{}", closed.unwrap_or(0));
    let started = json!({"requestId": id, "model": "m-small", "context": in_time});
    stream.wait(6).append("llm-request-started", started);
    let mut thinking = 1_240;
    if let Some((payload, at)) = context
        && at >= WINDOW
    {
        let late = at - WINDOW - 9;
        stream.wait(late).append("llm-input-added", payload);
        thinking -= late;
    }
    let usage = json!({"input": 60 + turn.question.len() / 4 + 30 * in_time, "output": turn.answer.len() / 4});
    stream.wait(thinking).append(
        "llm-request-completed",
        json!({"requestId": id, "usage": usage}),
    );
    let answer = json!({"content": turn.answer, "sourceOffset": source});
    stream.wait(4).append("webchat-response-added", answer);
    stream.wait(17_500);
}

pub fn write() -> String {
    let mut stream = Stream::new("/demo/pharmacy", "2026-03-05T14:02:07.511Z");
    stream
        .wait(25)
        .deploy("helpdesk", include_str!("../processors/helpdesk.ts"));
    stream
        .wait(310)
        .deploy("safety", include_str!("../processors/safety-1.ts"));
    stream.wait(42_000);
    turn(
        &mut stream,
        &Turn {
            question: "Are you open on Sunday?",
            context: None,
            answer: "Yes, from ten to four. The counter for prescriptions closes at three.",
        },
    );
    turn(
        &mut stream,
        &Turn {
            question: "How many ibuprofen tablets can I take in a day?",
            context: Some(("dose", DOSE, 84)),
            answer: "The leaflet in the packet says how many, and it depends on your age and on what else you take. Our pharmacist can tell you exactly: at the counter, or on 020 7946 0100.",
        },
    );
    turn(
        &mut stream,
        &Turn {
            question: "ok but what is the usual dose of it for a child of 6?",
            context: Some(("dose", DOSE, 263)),
            answer: "For children it goes by weight. Usually that is 100 to 200 mg, but please check the leaflet.",
        },
    );
    turn(
        &mut stream,
        &Turn {
            question: "Can I take it along with my blood thinner?",
            context: None,
            answer: "Many people do without any trouble.",
        },
    );
    // Somebody read that answer.
    stream
        .wait(268_000)
        .deploy("safety", include_str!("../processors/safety-2.ts"));
    stream.wait(35_200);
    turn(
        &mut stream,
        &Turn {
            question: "So ibuprofen together with warfarin is fine?",
            context: Some(("interaction", INTERACTION, 71)),
            answer: "Please do not combine them before you have spoken to our pharmacist: at the counter, or on 020 7946 0100. What else do you take at the moment? I will note it down for the call.",
        },
    );
    turn(
        &mut stream,
        &Turn {
            question: "Nothing else. I will come by, thank you.",
            context: None,
            answer: "Good. Bring the packets of both, and ask for Ms Adeyemi.",
        },
    );
    stream.finish()
}
