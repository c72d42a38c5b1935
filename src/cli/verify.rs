//! `evtui verify`: a stream folded here, compared with what the service says its state is.

use super::Outcome;
use super::args::ServiceArgs;
use super::failure::Failure;
use super::headless::failure_text;
use super::service::{Fetched, failure, fetch, stream_path};
use crate::config::settings::Settings;
use crate::model::diff::{What, diff};
use crate::model::log::EventLog;
use crate::model::path::StreamPath;
use crate::processor::limits::Limits;
use crate::replay::reducer::Cancel;
use crate::replay::session::Who;
use crate::runtime::open::{Desk, Options};
use crate::source::Source;
use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// `evtui verify`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Folds the built-in state and every worker's state over the whole stream and compares the
built-in state with what the service answers to __state. Prints one JSON object a state. Exit
code 1 when the states differ or a worker's state cannot be folded.

Example:
  evtui verify /yourname/agent")]
pub struct VerifyArgs {
    /// The stream
    #[arg(value_name = "PATH")]
    pub path: String,

    #[command(flatten)]
    pub service: ServiceArgs,
}

/// Compares the states.
///
/// # Errors
/// The service cannot be reached, or the stream grows faster than it can be folded.
pub fn run(args: &VerifyArgs, settings: &Settings) -> Result<Outcome> {
    let path = stream_path(&args.path)?;
    let fetched = fetch(&args.service, &path, settings)?;
    let log = fetched.source.log(None);
    let (theirs, rows) = state_of(&fetched, &path, &*log)?;
    let options = Options {
        processor: None,
        worker: None,
        limits: Limits {
            reduce_timeout: settings.reduce_timeout.value,
            reduce_memory: settings.reduce_memory.value,
        },
        keyframe_memory: usize::try_from(settings.keyframe_memory.value).unwrap_or(usize::MAX),
    };
    let mut desk = Desk::new(log, &options)?;
    desk.look();
    let mut same = true;
    for who in desk.all() {
        let folded = desk
            .session
            .state_at(&who, rows, &Cancel::new(), &mut |_| {});
        let state: Option<Value> = match &folded {
            Ok(state) => state.as_ref().and_then(|s| serde_json::from_str(s).ok()),
            Err(_) => None,
        };
        let failures = desk.session.failures(&who);
        let mut failed: Vec<Value> = failures
            .notes
            .iter()
            .filter(|note| note.row < rows)
            .map(|note| json!({"row": note.row + 1, "what": failure_text(&note.what)}))
            .collect();
        if let Err(error) = &folded {
            failed.push(json!({"what": error.to_string()}));
        }
        let mut line = json!({
            "state": name(&who),
            "offset": rows,
            "bytes": state.as_ref().map_or(0, |s| s.to_string().len()),
            "failures": failed,
        });
        same &= folded.is_ok();
        if who == Who::BuiltIn {
            let first = state
                .as_ref()
                .and_then(|ours| first_difference(ours, &theirs));
            line["same"] = json!(first.is_none());
            if let Some((path, ours, theirs)) = first {
                same = false;
                if path.starts_with("$.processors.circuit-breaker") {
                    eprintln!(
                        "evtui: the service may run with another breaker than the default one"
                    );
                }
                line["difference"] = json!({"path": path, "folded": ours, "service": theirs});
            }
        }
        super::print(&format!("{line}\n"))?;
    }
    Ok(match same {
        true => Outcome::Yes,
        false => Outcome::No,
    })
}

fn name(who: &Who) -> String {
    match who {
        Who::BuiltIn => "built-in".to_owned(),
        Who::Worker(slug) => format!("worker {slug}"),
        Who::File(name) => name.to_string(),
    }
}

/// Longest wait for the events that a state counts.
const PATIENCE: Duration = Duration::from_secs(30);

/// The service's state, and how many events it counts; all of them are here then.
fn state_of(fetched: &Fetched, path: &StreamPath, log: &dyn EventLog) -> Result<(Value, usize)> {
    let remote = &fetched.connected.remote;
    let state = remote.wait(remote.client().state(path));
    let state = state
        .context("the connection is closed")?
        .map_err(|trouble| failure(&format!("ask for the state of {path}"), &trouble))?;
    let state: Value = serde_json::from_slice(&state)
        .map_err(|error| Failure::new(format!("the state of {path} is not JSON: {error}")))?;
    let count = state["eventCount"].as_u64().with_context(|| {
        format!("the state of {path} has no eventCount: the service is of another kind")
    })?;
    let rows = usize::try_from(count).unwrap_or(usize::MAX);
    let begun = Instant::now();
    while log.len() < rows {
        if begun.elapsed() > PATIENCE {
            let what = format!(
                "cannot verify {path}: its state counts {count} events, but only {} came",
                log.len()
            );
            return Err(Failure::new(what).into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    fetched.source.wait(&|| begun.elapsed() < PATIENCE);
    Ok((state, rows))
}

/// Place of the first difference, with what either side holds there.
fn first_difference(ours: &Value, theirs: &Value) -> Option<(String, Value, Value)> {
    let change = diff(theirs, ours).into_iter().next()?;
    let path = change.path.to_string();
    Some(match change.what {
        What::Added(ours) => (path, ours, Value::Null),
        What::Removed(theirs) => (path, Value::Null, theirs),
        What::Changed { was, now } => (path, now, was),
    })
}
