//! What a configuration event says (SPEC §8), beyond the code.

use crate::model::built_in::BuiltIn;
use crate::model::peek;
use crate::processor::deployments;
use crate::processor::source::Input;
use crate::processor::worker::fetch::Gateway;
use serde_json::Value;

/// What an event means to the workers of its stream.
pub enum News {
    /// Nothing.
    Nothing,
    /// A worker's configuration.
    Worker(Configured),
    /// A configuration that configures nothing, and why.
    Trouble(String),
    /// A variable of all workers' environment.
    Variable(String, String),
}

/// One worker's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Configured {
    pub slug: String,
    pub input: Input,
    pub gateway: Option<Gateway>,
}

/// Reads a stored event.
pub fn read(event: &[u8]) -> News {
    let built_in = peek::text_member(event, "type").and_then(|t| BuiltIn::parse(&t));
    match built_in {
        Some(BuiltIn::DynamicWorkerConfigured) => match deployments::configuration(event) {
            Ok((slug, input)) => match gateway(event) {
                Ok(gateway) => News::Worker(Configured {
                    slug,
                    input,
                    gateway,
                }),
                Err(what) => News::Trouble(what),
            },
            Err(what) => News::Trouble(what),
        },
        Some(BuiltIn::DynamicWorkerEnvVarSet) => {
            let payload = peek::member(event, "payload").unwrap_or_default();
            let text = |key| peek::text_member(payload, key).map(|text| text.into_owned());
            match (text("key"), text("value")) {
                (Some(key), Some(value)) => News::Variable(key, value),
                _ => News::Nothing,
            }
        }
        _ => News::Nothing,
    }
}

fn gateway(event: &[u8]) -> Result<Option<Gateway>, String> {
    let payload = peek::member(event, "payload").unwrap_or_default();
    let Some(gateway) = peek::member(payload, "outboundGateway") else {
        return Ok(None);
    };
    let gateway: Value = serde_json::from_slice(gateway).map_err(|e| e.to_string())?;
    if gateway.is_null() {
        return Ok(None);
    }
    let text = |key: &str| gateway["props"][key].as_str().map(str::to_owned);
    match (text("secretHeaderName"), text("secretHeaderValue")) {
        (Some(name), Some(value)) => Ok(Some(Gateway { name, value })),
        _ => Err(
            "payload.outboundGateway.props needs secretHeaderName and secretHeaderValue as texts"
                .into(),
        ),
    }
}
