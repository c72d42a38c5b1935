//! `evtui append`: an event for a stream.

use super::Outcome;
use super::args::ServiceArgs;
use super::failure::{Failure, REFUSED};
use super::service::{connect, failure, may_append, stream_path};
use crate::config::settings::Settings;
use crate::model::built_in::BuiltIn;
use crate::model::validate::{self, Payloads};
use crate::source::remote::client::Stored;
use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Map, Value, json};
use std::io::{Read, Write};

/// `evtui append`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Prints the stored event. Exit code 1 when the service stored it as an invalid event, 3 when it
refused (the stream is paused, the offset is taken).

Examples:
  evtui append /yourname/agent --message 'fix the failing test'
  evtui append /yourname/agent --type note --payload '{\"text\":\"hello\"}'
  cat event.json | evtui append /yourname/agent --raw -")]
pub struct AppendArgs {
    /// The stream
    #[arg(value_name = "PATH")]
    pub path: String,

    #[command(flatten)]
    pub what: What,

    /// The event's payload, a JSON object [default: {}]
    #[arg(long, value_name = "JSON", requires = "event_type")]
    pub payload: Option<String>,

    /// The event's metadata, a JSON object
    #[arg(long, value_name = "JSON", conflicts_with = "raw")]
    pub metadata: Option<String>,

    /// Store nothing when the stream has an event with this key; print that one
    #[arg(long, value_name = "KEY", conflicts_with = "raw")]
    pub idempotency_key: Option<String>,

    /// Append only if the event gets this offset
    #[arg(long, value_name = "N", conflicts_with = "raw")]
    pub offset: Option<u64>,

    #[command(flatten)]
    pub service: ServiceArgs,
}

/// What is appended.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct What {
    /// An event of this type
    #[arg(long = "type", value_name = "TYPE", id = "event_type")]
    pub event_type: Option<String>,

    /// A message, in the form that the stream's own messages have
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,

    /// The whole body as it is: a file, or - for standard input
    #[arg(long, value_name = "FILE")]
    pub raw: Option<String>,
}

/// Appends the event.
///
/// # Errors
/// It is no event, the service refuses it or cannot be reached.
pub fn run(args: &AppendArgs, settings: &Settings) -> Result<Outcome> {
    may_append(settings)?;
    let path = stream_path(&args.path)?;
    let connected = connect(&args.service, settings)?;
    let remote = &connected.remote;
    let input = match (&args.what.raw, &args.what.message, &args.what.event_type) {
        (Some(raw), _, _) => body(raw)?,
        (_, Some(text), _) => {
            let found = remote.wait(super::service::message_form(remote.client(), &path));
            let form = found
                .transpose()
                .map_err(|t| failure("read the stream", &t))?;
            let message = form.unwrap_or_default().wrap(text);
            event(args, message)?
        }
        (_, _, event_type) => {
            let payload = match &args.payload {
                Some(text) => object("--payload", text)?,
                None => Map::new(),
            };
            let event_type = event_type.as_deref().unwrap_or_default();
            event(args, json!({"type": event_type, "payload": payload}))?
        }
    };
    send(remote, &path, input)
}

/// Appends and prints what was stored.
///
/// # Errors
/// The service refuses or cannot be reached.
pub fn send(
    remote: &crate::source::remote::Remote,
    path: &crate::model::path::StreamPath,
    input: String,
) -> Result<Outcome> {
    let stored = remote.wait(remote.client().append(path, input));
    let stored: Stored = stored
        .context("the connection is closed")?
        .map_err(|trouble| failure(&format!("append to {path}"), &trouble))?;
    let mut out = std::io::stdout().lock();
    out.write_all(&super::headless::one_line(&stored.json))?;
    out.write_all(b"\n")?;
    out.flush()?;
    if BuiltIn::parse(&stored.event_type) == Some(BuiltIn::InvalidEventAppended) {
        eprintln!("evtui: the service stored it as an invalid event; its payload says why");
        return Ok(Outcome::No);
    }
    Ok(Outcome::Yes)
}

fn body(raw: &str) -> Result<String> {
    let mut bytes = Vec::new();
    if raw == "-" {
        std::io::stdin()
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
    } else {
        bytes = std::fs::read(raw).with_context(|| format!("cannot read {raw}"))?;
    }
    let text = String::from_utf8(bytes);
    Ok(text.map_err(|_| Failure::new(format!("cannot append {raw}: it is not UTF-8")))?)
}

/// The event with what else was given, checked by the service's own rules.
fn event(args: &AppendArgs, mut event: Value) -> Result<String> {
    if let Some(text) = &args.metadata {
        event["metadata"] = Value::Object(object("--metadata", text)?);
    }
    if let Some(key) = &args.idempotency_key {
        event["idempotencyKey"] = json!(key);
    }
    if let Some(offset) = args.offset {
        event["offset"] = json!(offset);
    }
    match validate::input(&event, Payloads::Objects) {
        Ok(_) => Ok(event.to_string()),
        Err(invalid) => {
            let what = format!("cannot append: it is no valid event: {invalid}");
            Err(Failure::new(what)
                .code(REFUSED)
                .hint("--raw sends it all the same")
                .into())
        }
    }
}

fn object(flag: &str, text: &str) -> Result<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Failure::new(format!("{flag} must be a JSON object, not {text}")).into()),
        Err(error) => Err(Failure::new(format!("{flag} is not JSON: {error}")).into()),
    }
}
