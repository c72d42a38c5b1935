//! Processors deployed by events, and their environment (SPEC §8). The code itself stays in the
//! log: the state names the event that holds it.

use super::payload;
use crate::model::built_in::BuiltIn;
use crate::model::event::Event;
use crate::model::offset::Offset;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Slug of a worker whose configuration names none (the seed's string payload).
pub const DEFAULT_SLUG: &str = "default";

/// All workers of a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Workers {
    /// By slug, the latest configuration of each.
    pub workers: BTreeMap<String, Worker>,
    /// `process.env` of every worker.
    pub env: BTreeMap<String, String>,
}

/// One worker's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Worker {
    /// Offset of the event that holds the code.
    pub configured_at: Offset,
    /// Tells whether two configurations hold the same code.
    pub fingerprint: String,
    /// Names of the modules; absent for a script.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub modules: Option<Vec<String>>,
    /// As configured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub compatibility_date: Option<Value>,
    /// As configured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub compatibility_flags: Option<Value>,
    /// As configured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outbound_gateway: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configured {
    slug: String,
    script: Option<String>,
    modules: Option<Map<String, Value>>,
    compatibility_date: Option<Value>,
    compatibility_flags: Option<Value>,
    outbound_gateway: Option<Value>,
}

#[derive(Deserialize)]
struct EnvVar {
    key: String,
    value: String,
}

impl Workers {
    /// Folds an event of a built-in type.
    pub fn reduce(&mut self, built_in: BuiltIn, event: &Event) {
        match built_in {
            BuiltIn::DynamicWorkerConfigured => self.configure(event),
            BuiltIn::DynamicWorkerEnvVarSet => {
                if let Some(EnvVar { key, value }) = payload(event) {
                    self.env.insert(key, value);
                }
            }
            _ => {}
        }
    }

    fn configure(&mut self, event: &Event) {
        let configured = match &event.payload {
            Value::String(source) => Configured {
                slug: DEFAULT_SLUG.to_owned(),
                script: Some(source.clone()),
                modules: None,
                compatibility_date: None,
                compatibility_flags: None,
                outbound_gateway: None,
            },
            _ => match payload::<Configured>(event) {
                Some(configured) => configured,
                None => return,
            },
        };
        if configured.script.is_some() == configured.modules.is_some() {
            return;
        }
        let code = match (&configured.script, &configured.modules) {
            (Some(script), _) => script.clone(),
            (None, modules) => serde_json::to_string(modules).unwrap_or_default(),
        };
        let worker = Worker {
            configured_at: event.offset,
            fingerprint: fingerprint(code.as_bytes()),
            modules: configured.modules.map(|m| m.keys().cloned().collect()),
            compatibility_date: configured.compatibility_date,
            compatibility_flags: configured.compatibility_flags,
            outbound_gateway: configured.outbound_gateway,
        };
        // Identical code: nothing happens.
        let same = |old: &Worker| {
            Worker {
                configured_at: old.configured_at,
                ..worker.clone()
            } == *old
        };
        if !self.workers.get(&configured.slug).is_some_and(same) {
            self.workers.insert(configured.slug, worker);
        }
    }
}

/// FNV-1a, 64 bits, in hexadecimal: the same on every machine and in every version.
fn fingerprint(code: &[u8]) -> String {
    let hash = code.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
