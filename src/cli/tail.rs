//! `evtui tail`: a stream's events as they are committed.

use super::Outcome;
use super::args::ServiceArgs;
use super::events::{Format, Printer};
use super::service::{connect, follow, stream_path};
use crate::config::settings::Settings;
use crate::source::remote::dialect::After;
use anyhow::Result;
use clap::Args;
use std::future::pending;
use std::ops::ControlFlow;
use std::str::FromStr;

/// `evtui tail`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Prints the history, then every event as it is committed, each once, also through lost
connections. One JSON object a line unless another form is asked for.

Examples:
  evtui tail /yourname/agent
  evtui tail /yourname/agent --from end --plain
  evtui tail /yourname/agent --no-follow | jq .type")]
pub struct TailArgs {
    /// The stream
    #[arg(value_name = "PATH")]
    pub path: String,

    #[command(flatten)]
    pub how: TailHow,

    #[command(flatten)]
    pub service: ServiceArgs,
}

/// From where, and in which form.
#[derive(Clone, Debug, Default, Args)]
pub struct TailHow {
    /// Begin with this offset, or with the next event (`end`)
    #[arg(long, value_name = "N", default_value = "1")]
    pub from: Begin,

    /// Stop at the end of what there is
    #[arg(long)]
    pub no_follow: bool,

    /// One JSON object a line, as the stream holds it (this is the default)
    #[arg(long, group = "form")]
    pub json: bool,

    /// YAML documents parted by ---
    #[arg(long, group = "form")]
    pub yaml: bool,

    /// Offset, time, kind, type and summary, for people
    #[arg(long, group = "form")]
    pub plain: bool,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// With this offset.
    Offset(u64),
    /// With the next event.
    End,
}

impl Default for Begin {
    fn default() -> Begin {
        Begin::Offset(1)
    }
}

impl FromStr for Begin {
    type Err = String;

    fn from_str(text: &str) -> Result<Begin, String> {
        match text {
            "end" => Ok(Begin::End),
            _ => match text.parse() {
                Ok(offset) => Ok(Begin::Offset(offset)),
                Err(_) => Err("an offset is a whole number, or end".to_owned()),
            },
        }
    }
}

impl Begin {
    /// The exclusive lower bound.
    #[must_use]
    pub fn after(self) -> After {
        match self {
            Begin::Offset(offset) => After::Offset(offset.saturating_sub(1)),
            Begin::End => After::End,
        }
    }
}

/// Prints the events.
///
/// # Errors
/// The stream cannot be read, or standard output not be written.
pub fn run(args: &TailArgs, settings: &Settings) -> Result<Outcome> {
    let path = stream_path(&args.path)?;
    let connected = connect(&args.service, settings)?;
    let remote = &connected.remote;
    let format = match (args.how.yaml, args.how.plain) {
        (true, _) => Format::Yaml,
        (_, true) => Format::Table,
        _ => Format::Json,
    };
    let mut printer = Printer::new(format);
    let sink = Box::new(move |lines: &[u8], _| {
        printer.print(lines)?;
        Ok(ControlFlow::Continue(()))
    });
    let live = !args.how.no_follow;
    follow(remote, &path, args.how.from.after(), live, pending(), sink)?;
    Ok(Outcome::Yes)
}
