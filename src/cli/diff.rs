//! `evtui diff`: what differs between the states at two offsets.

use super::Outcome;
use super::args::LogArgs;
use super::headless::{Folding, is_for_people, stdout};
use crate::config::settings::Settings;
use crate::model::diff::{Change, What};
use crate::model::summary::harmless;
use crate::replay::session::changes;
use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use std::io::Write;

/// Characters of a value in a line for people.
const LONGEST_VALUE: usize = 120;

/// `evtui diff`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Prints a JSON object a line into a pipe, and + - ~ lines on a terminal.
Exit code 0 when the states are equal, 1 when they differ, as diff(1) has it.

Examples:
  evtui diff @coding-agent --from 40 --to 60
  evtui diff agent.jsonl --from 0 --to 12 --worker planner")]
pub struct DiffArgs {
    #[command(flatten)]
    pub log: LogArgs,

    /// The older offset; 0 is before the first event
    #[arg(long, value_name = "A")]
    pub from: u64,

    /// The newer offset
    #[arg(long, value_name = "B")]
    pub to: u64,
}

/// Prints the differences.
///
/// # Errors
/// The log cannot be read or folded, or there is no such offset.
pub fn run(args: &DiffArgs, settings: &Settings) -> Result<Outcome> {
    let mut folding = Folding::open(&args.log, settings)?;
    let from = folding.reading.rows_at(Some(args.from))?;
    let to = folding.reading.rows_at(Some(args.to))?;
    let was = folding.moment(from)?.state;
    let now = folding.moment(to)?.state;
    folding.tell_failures(from.max(to));
    let changes = changes(was.as_deref(), now.as_deref());
    let mut out = stdout();
    for change in &changes {
        if is_for_people() {
            writeln!(out, "{}", line(change))?;
        } else {
            writeln!(out, "{}", object(change))?;
        }
    }
    out.flush()?;
    Ok(match changes.is_empty() {
        true => Outcome::Yes,
        false => Outcome::No,
    })
}

/// A change for programs.
pub fn object(change: &Change) -> Value {
    let path = change.path.to_string();
    match &change.what {
        What::Added(now) => json!({"op": "added", "path": path, "now": now}),
        What::Removed(was) => json!({"op": "removed", "path": path, "was": was}),
        What::Changed { was, now } => {
            json!({"op": "changed", "path": path, "was": was, "now": now})
        }
    }
}

/// A change for people.
pub fn line(change: &Change) -> String {
    let value = |value: &Value| harmless(&value.to_string(), LONGEST_VALUE);
    let path = harmless(&change.path.to_string(), LONGEST_VALUE);
    match &change.what {
        What::Added(now) => format!("+ {path} {}", value(now)),
        What::Removed(was) => format!("- {path} {}", value(was)),
        What::Changed { was, now } => format!("~ {path} {} → {}", value(was), value(now)),
    }
}
