//! `evtui pause`: closes a stream's gate.

use super::Outcome;
use super::append::send;
use super::args::ServiceArgs;
use super::service::{connect, may_append, stream_path};
use crate::config::settings::Settings;
use crate::model::built_in::BuiltIn;
use anyhow::Result;
use clap::Args;
use serde_json::json;

/// `evtui pause` and `evtui resume`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Prints the stored event.

Examples:
  evtui pause /yourname/agent --reason 'it loops'
  evtui resume /yourname/agent --reason 'mended'")]
pub struct GateArgs {
    /// The stream
    #[arg(value_name = "PATH")]
    pub path: String,

    /// Why, for those who read the stream
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,

    #[command(flatten)]
    pub service: ServiceArgs,
}

/// Pauses the stream.
///
/// # Errors
/// The service refuses or cannot be reached.
pub fn run(args: &GateArgs, settings: &Settings) -> Result<Outcome> {
    gate(BuiltIn::Paused, args, settings)
}

/// Appends the event that closes or opens the gate.
///
/// # Errors
/// The service refuses or cannot be reached.
pub fn gate(what: BuiltIn, args: &GateArgs, settings: &Settings) -> Result<Outcome> {
    may_append(settings)?;
    let path = stream_path(&args.path)?;
    let connected = connect(&args.service, settings)?;
    let remote = &connected.remote;
    let payload = match &args.reason {
        Some(reason) => json!({"reason": reason}),
        None => json!({}),
    };
    let event = json!({"type": what.to_string(), "payload": payload});
    send(remote, &path, event.to_string())
}
