//! `evtui --local --demo`: a sample agent that needs no model, to talk to at once.

use super::failure::Failure;
use super::service::{Connected, failure};
use crate::model::built_in::BuiltIn;
use crate::model::path::StreamPath;
use anyhow::{Context, Result};
use serde_json::json;

const AGENT: &str = include_str!("../../recordings/processors/demo-agent.ts");
const SLUG: &str = "demo-agent";
const PATH: &str = "/demo/agent";
/// The service's answer to an append while the stream is paused (SPEC §4).
const PAUSED: u16 = 412;
/// What the agent says first: short enough to be read whole on a terminal of 80 columns.
const GREETING: [&str; 5] = [
    "I am a sample agent, in this process, with no model.",
    "Press i, write to me, send it with Ctrl-s.",
    "h steps back through time, l on, G is the end again.",
    "Ask me to count a word, and I use a tool.",
    "Tell me to loop: my breaker trips. p shows why.",
];

/// Deploys the agent to its stream; the same one is deployed and greets once.
///
/// # Errors
/// The service refuses.
pub fn deploy(connected: &Connected) -> Result<StreamPath> {
    let path: StreamPath = PATH.parse().map_err(Failure::new)?;
    let worker = json!({
        "type": BuiltIn::DynamicWorkerConfigured.to_string(),
        "payload": {"slug": SLUG, "script": AGENT},
        "idempotencyKey": format!("{SLUG} {:08x}", crc32c::crc32c(AGENT.as_bytes())),
    });
    let greeting = GREETING.iter().enumerate().map(|(i, content)| {
        json!({
            "type": "assistant_message",
            "payload": {"content": content},
            "idempotencyKey": format!("{SLUG} greeting {i}"),
        })
    });
    let remote = &connected.remote;
    for event in [worker].into_iter().chain(greeting) {
        let stored = remote.wait(remote.client().append(&path, event.to_string()));
        match stored.context("the connection is closed")? {
            Ok(_) => {}
            // Kept data may hold the stream as it was left, paused: that is seen and mended there.
            Err(trouble) if trouble.status() == Some(PAUSED) => break,
            Err(trouble) => return Err(failure("deploy the sample agent", &trouble).into()),
        }
    }
    Ok(path)
}
