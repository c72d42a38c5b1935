//! `evtui replay`: a walk through the log, one line an offset with what it changed.

use super::Outcome;
use super::args::LogArgs;
use super::diff::{line, object};
use super::headless::{Folding, failure_text, is_for_people, stdout};
use crate::config::settings::Settings;
use crate::model::kind::{Kind, family};
use crate::model::log::EventLog;
use crate::model::summary::harmless;
use crate::replay::moment::Moment;
use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};
use std::io::Write;

/// Changes of one event that a line for people shows.
const MOST_CHANGES: usize = 6;

/// From so many calls on, a walk with a processor that takes all events at once is worth a warning.
const MANY_CALLS: usize = 2_000;

/// `evtui replay`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Into a pipe each line is a JSON object: offset, type, changes and notes (what the reducer threw,
logged or reached for). Exit code 1 when an event failed to reduce.

Examples:
  evtui replay @coding-agent
  evtui replay agent.jsonl --processor agent.ts --from 100 --to 200")]
pub struct ReplayArgs {
    #[command(flatten)]
    pub log: LogArgs,

    /// Begin with this offset
    #[arg(long, value_name = "A")]
    pub from: Option<u64>,

    /// End with this offset
    #[arg(long, value_name = "B")]
    pub to: Option<u64>,
}

/// Prints the walk.
///
/// # Errors
/// The log cannot be read or folded, or there is no such offset.
pub fn run(args: &ReplayArgs, settings: &Settings) -> Result<Outcome> {
    let mut folding = Folding::open(&args.log, settings)?;
    let from = match args.from {
        None => 1,
        Some(_) => folding.reading.rows_at(args.from)?.max(1),
    };
    let to = folding.reading.rows_at(args.to)?;
    let calls = to.saturating_sub(from) + 1;
    if calls > MANY_CALLS && folding.takes_all_at_once(to)? {
        eprintln!(
            "evtui: this processor takes all events at once: it is called {calls} times, each time with more of them; --from and --to ask for less, evtui diff compares two offsets in two calls"
        );
    }
    let mut out = stdout();
    let mut outcome = Outcome::Yes;
    for rows in from..=to {
        if folding.reading.log.kind(rows - 1) == Some(Kind::Unreadable) {
            // Named on standard error already; it changes nothing.
            continue;
        }
        let moment = folding.moment(rows)?;
        if moment.notes.iter().any(|note| note.what.is_failure()) {
            outcome = Outcome::No;
        }
        if is_for_people() {
            people_line(&mut out, &*folding.reading.log, &moment)?;
        } else {
            let told = told(&*folding.reading.log, &moment);
            serde_json::to_writer(&mut out, &told).map_err(std::io::Error::from)?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()?;
    Ok(outcome)
}

fn told(log: &dyn EventLog, moment: &Moment) -> Value {
    let row = log.row(moment.rows.saturating_sub(1));
    let changes: Vec<Value> = moment.changes.iter().map(object).collect();
    let mut told = json!({
        "offset": row.as_ref().and_then(|row| row.offset),
        "type": row.map(|row| row.event_type.to_string()),
        "changes": changes,
    });
    if !moment.notes.is_empty() {
        let notes = moment.notes.iter().map(
            |note| json!({"failed": note.what.is_failure(), "text": failure_text(&note.what)}),
        );
        told["notes"] = notes.collect();
    }
    told
}

fn people_line(out: &mut impl Write, log: &dyn EventLog, moment: &Moment) -> std::io::Result<()> {
    let row = log.row(moment.rows.saturating_sub(1));
    let offset = row.as_ref().and_then(|row| row.offset);
    let offset = offset.map_or_else(|| "?".to_owned(), |offset| offset.to_string());
    let event_type = row.map(|row| harmless(family(&row.event_type), 28));
    write!(out, "{offset:>6}  {:<28}", event_type.unwrap_or_default())?;
    for note in moment.notes.iter().filter(|note| note.what.is_failure()) {
        write!(out, "  ✖ {}", harmless(&failure_text(&note.what), 200))?;
    }
    for change in moment.changes.iter().take(MOST_CHANGES) {
        write!(out, "  {}", line(change))?;
    }
    if let more @ 1.. = moment.changes.len().saturating_sub(MOST_CHANGES) {
        write!(out, "  … {more} more")?;
    }
    writeln!(out)
}
