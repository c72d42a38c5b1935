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
const GREETING: &str = "I am a sample agent that needs no model. Press i and write to me; say help \
                        to hear what I can do, count WORD to see a tool, loop to trip my breaker.";

/// Deploys the agent to its stream; one that is there already stays as it is.
///
/// # Errors
/// The service refuses.
pub fn deploy(connected: &Connected) -> Result<StreamPath> {
    let path: StreamPath = PATH.parse().map_err(Failure::new)?;
    let events = [
        json!({
            "type": BuiltIn::DynamicWorkerConfigured.to_string(),
            "payload": {"slug": SLUG, "script": AGENT},
            "idempotencyKey": format!("{SLUG} {}", env!("CARGO_PKG_VERSION")),
        }),
        json!({
            "type": "assistant_message",
            "payload": {"content": GREETING},
            "idempotencyKey": format!("{SLUG} greeting"),
        }),
    ];
    let remote = &connected.remote;
    for event in events {
        let stored = remote.wait(remote.client().append(&path, event.to_string()));
        let stored = stored.context("the connection is closed")?;
        stored.map_err(|trouble| failure("deploy the sample agent", &trouble))?;
    }
    Ok(path)
}
