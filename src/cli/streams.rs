//! `evtui streams`: the streams of the service.

use super::Outcome;
use super::args::ServiceArgs;
use super::headless::{is_for_people, stdout};
use super::service::{connect, failure, stream_path};
use crate::config::settings::Settings;
use crate::model::event::Millis;
use crate::runtime::service::details;
use anyhow::{Context, Result};
use clap::Args;
use futures_util::{StreamExt, stream};
use serde_json::json;
use std::io::Write;

/// Streams asked about at the same time.
const AT_ONCE: usize = 8;

/// `evtui streams`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
One JSON object a line into a pipe, a table on a terminal. Exit code 1 when there is none.

Examples:
  evtui streams
  evtui streams /yourname --long")]
pub struct StreamsArgs {
    /// Only this stream and those under it
    #[arg(value_name = "PREFIX", default_value = "/")]
    pub prefix: String,

    /// Also how many events each holds, when the last one came, whether it is paused
    #[arg(long, short)]
    pub long: bool,

    #[command(flatten)]
    pub service: ServiceArgs,
}

/// Lists the streams.
///
/// # Errors
/// The service refuses or cannot be reached.
pub fn run(args: &StreamsArgs, settings: &Settings) -> Result<Outcome> {
    let written = args.prefix.strip_suffix("/**").unwrap_or(&args.prefix);
    let prefix = stream_path(if written.is_empty() { "/" } else { written })?;
    let connected = connect(&args.service, settings)?;
    let remote = &connected.remote;
    let client = remote.client();
    let children = remote
        .wait(client.children(&prefix))
        .context("the connection is closed")?;
    let mut children = children.map_err(|t| failure("list the streams", &t))?;
    children.sort_by(|a, b| a.path.cmp(&b.path));
    let found = !children.is_empty();
    let all = async {
        let mut out = stdout();
        let asked = children.into_iter().map(|child| async {
            let details = match args.long {
                true => details(client, &child.path).await,
                false => None,
            };
            (child, details)
        });
        let mut asked = stream::iter(asked).buffered(AT_ONCE);
        while let Some((child, details)) = asked.next().await {
            let time = |time: Option<Millis>| time.map(|time| time.to_string());
            if is_for_people() {
                let created = time(child.created).unwrap_or_default();
                write!(out, "{created:<24}  ")?;
                if let Some(details) = details {
                    let last = time(details.last).unwrap_or_default();
                    let paused = match details.paused {
                        Some(true) => "PAUSED",
                        _ => "",
                    };
                    write!(out, "{last:<24}  {:>9}  {paused:<6}  ", details.events)?;
                }
                writeln!(out, "{}", child.path)?;
                continue;
            }
            let mut line = json!({"path": child.path, "createdAt": time(child.created)});
            if let Some(details) = details {
                line["eventCount"] = json!(details.events);
                line["lastAt"] = json!(time(details.last));
                line["paused"] = json!(details.paused);
            }
            writeln!(out, "{line}")?;
        }
        out.flush()
    };
    remote.wait(all).transpose()?;
    Ok(match found {
        true => Outcome::Yes,
        false => Outcome::No,
    })
}
