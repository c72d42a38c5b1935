//! `evtui state`: the state at an offset as JSON.

use super::Outcome;
use super::args::LogArgs;
use super::failure::{Failure, NO};
use super::headless::{Folding, is_for_people, pretty, stdout, tell_origin};
use crate::config::settings::Settings;
use crate::model::json_path::JsonPath;
use crate::model::peek;
use anyhow::Result;
use clap::Args;
use std::io::Write;

/// `evtui state`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Prints exactly what JSON.stringify gives: on one line into a pipe, laid out on a terminal.
Exit code 1 when there is no such offset, or nothing at the place that --select names.

Examples:
  evtui state @coding-agent --at 40
  evtui state agent.jsonl --processor agent.ts --select '$.messages[0].content'")]
pub struct StateArgs {
    #[command(flatten)]
    pub log: LogArgs,

    /// The offset to stand at; 0 is before the first event [default: the last one]
    #[arg(long, value_name = "N")]
    pub at: Option<u64>,

    /// Print only what is at this place
    #[arg(long, value_name = "JSONPATH")]
    pub select: Option<JsonPath>,
}

/// Prints the state.
///
/// # Errors
/// The log cannot be read or folded, or there is no such offset or place.
pub fn run(args: &StateArgs, settings: &Settings) -> Result<Outcome> {
    let mut folding = Folding::open(&args.log, settings)?;
    let rows = folding.reading.rows_at(args.at)?;
    // As text throughout: it may be nested too deep to be parsed.
    let state = folding.state(rows)?;
    tell_origin(
        &folding.session.origin(&folding.who, rows)?,
        &folding.reading,
    );
    folding.tell_failures(rows);
    let offset = folding.reading.offset_of(rows);
    let Some(state) = state else {
        let what = format!("the state at offset {offset} is undefined");
        let hint = "a processor without initialState has no state before its first event";
        return Err(Failure::new(what).hint(hint).code(NO).into());
    };
    let selected = match &args.select {
        None => &*state,
        Some(path) => {
            let found = peek::at(state.as_bytes(), path).and_then(|v| std::str::from_utf8(v).ok());
            found.ok_or_else(|| {
                let what = format!("the state at offset {offset} has nothing at {path}");
                Failure::new(what).hint(whats_there(&state, path)).code(NO)
            })?
        }
    };
    let mut out = stdout();
    if is_for_people() {
        writeln!(out, "{}", pretty(selected))?;
    } else {
        writeln!(out, "{selected}")?;
    }
    out.flush()?;
    Ok(Outcome::Yes)
}

/// What there is at the last step of a path that exists.
fn whats_there(state: &str, path: &JsonPath) -> String {
    let mut near = path.clone();
    while near.0.pop().is_some() {
        let Some(value) = peek::at(state.as_bytes(), &near) else {
            continue;
        };
        let keys: Vec<_> = peek::members(value)
            .filter_map(|item| peek::text(item.key).map(std::borrow::Cow::into_owned))
            .take(20)
            .collect();
        return match value.first() {
            Some(b'{') => format!("at {near} there are: {}", keys.join(", ")),
            Some(b'[') => format!("{near} has {} elements", peek::elements(value).count()),
            _ => format!(
                "{near} is {}",
                String::from_utf8_lossy(&value[..value.len().min(80)])
            ),
        };
    }
    "--select '$' prints all of it".to_owned()
}
