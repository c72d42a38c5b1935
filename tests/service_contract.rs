//! What the service promises on the wire (SPEC §1–§4), over TCP. `EVTUI_CONTRACT_URL` points it at
//! another server:
//!
//! ```text
//! evtui serve --data :memory: &
//! EVTUI_CONTRACT_URL=http://127.0.0.1:7070 cargo test --test service_contract
//! ```
//!
//! What is ours alone is left out there, unless that server is an evtui, which its `/healthz` tells.

#[path = "support/server.rs"]
mod support;

#[path = "contract/breaker.rs"]
mod breaker;
#[path = "contract/events.rs"]
mod events;
#[path = "contract/http.rs"]
mod http;
#[path = "contract/paths.rs"]
mod paths;
#[path = "contract/reading.rs"]
mod reading;
#[path = "contract/workshop.rs"]
mod workshop;

use serde_json::Value;
use support::P;

/// The types of events, without the prefix of built-in ones.
fn types(events: &[Value]) -> Vec<&str> {
    let types = events.iter().map(|event| event["type"].as_str().unwrap());
    types.map(|t| t.strip_prefix(P).unwrap_or(t)).collect()
}

fn offsets(events: &[Value]) -> Vec<u64> {
    events
        .iter()
        .map(|event| event["offset"].as_u64().unwrap())
        .collect()
}
