//! `evtui record`: a stream saved to a file as it grows.

use super::Outcome;
use super::args::ServiceArgs;
use super::failure::Failure;
use super::service::{connect, follow, stream_path};
use super::tail::Begin;
use crate::config::settings::Settings;
use crate::config::units;
use anyhow::Result;
use clap::{Args, ValueHint};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// `evtui record`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Saves the history, then every event as it is committed, one JSON object a line, until one of
the ends that were given, or Ctrl-c. Only whole events are in the file at any moment.

Examples:
  evtui record /yourname/agent -o agent.jsonl --idle 2s
  evtui record /yourname/agent -o agent.jsonl --until 500")]
pub struct RecordArgs {
    /// The stream
    #[arg(value_name = "PATH")]
    pub path: String,

    /// The file to write, - for standard output; one that exists is not touched
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,

    /// Begin with this offset, or with the next event (`end`)
    #[arg(long, value_name = "N", default_value = "1")]
    pub from: Begin,

    /// End with this offset
    #[arg(long, value_name = "N")]
    pub until: Option<u64>,

    /// End after this time
    #[arg(long = "for", value_name = "TIME", value_parser = units::duration)]
    pub duration: Option<Duration>,

    /// End when no event has come for this long
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub idle: Option<Duration>,

    #[command(flatten)]
    pub service: ServiceArgs,
}

/// Saves the stream.
///
/// # Errors
/// The stream cannot be read, or the file not be written.
pub fn run(args: &RecordArgs, settings: &Settings) -> Result<Outcome> {
    let path = stream_path(&args.path)?;
    let connected = connect(&args.service, settings)?;
    let remote = &connected.remote;
    let mut file = output(args)?;
    let heard = Arc::new(Mutex::new((Instant::now(), 0u64)));
    let hears = Arc::clone(&heard);
    let until = args.until;
    let sink = Box::new(move |lines: &[u8], last: u64| {
        let (lines, enough) = match until {
            Some(until) if last >= until => (up_to(lines, until), true),
            _ => (lines, false),
        };
        file.write_all(lines)?;
        file.flush()?;
        let count = memchr::memchr_iter(b'\n', lines).count() as u64;
        let mut heard = hears.lock().unwrap_or_else(PoisonError::into_inner);
        *heard = (Instant::now(), heard.1 + count);
        Ok(match enough {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    });
    let (over, idle) = (args.duration, args.idle);
    let listens = Arc::clone(&heard);
    let interrupted = Arc::<AtomicBool>::default();
    let interrupts = Arc::clone(&interrupted);
    let end = async move {
        tokio::select! {
            () = after(over) => {}
            () = silence(idle, &listens) => {}
            // Not the signal's own way, which may end the program in the middle of an event.
            _ = tokio::signal::ctrl_c() => interrupts.store(true, Ordering::Relaxed),
        }
    };
    follow(remote, &path, args.from.after(), true, end, sink)?;
    let events = heard.lock().unwrap_or_else(PoisonError::into_inner).1;
    eprintln!("evtui: {events} events of {path} saved");
    Ok(match interrupted.load(Ordering::Relaxed) {
        true => Outcome::Interrupted,
        false => Outcome::Yes,
    })
}

fn output(args: &RecordArgs) -> Result<Box<dyn Write + Send>> {
    if args.output.as_os_str() == "-" {
        return Ok(Box::new(io::stdout()));
    }
    let shown = args.output.display();
    let mut options = OpenOptions::new();
    let file: io::Result<File> = options.write(true).create_new(true).open(&args.output);
    match file {
        Ok(file) => Ok(Box::new(file)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let what = format!("cannot record to {shown}: it exists already");
            Err(Failure::new(what)
                .hint("another name, or remove it first")
                .into())
        }
        Err(error) => Err(Failure::new(format!("cannot record to {shown}: {error}")).into()),
    }
}

/// The lines whose offset is not greater than `until`.
fn up_to(lines: &[u8], until: u64) -> &[u8] {
    let mut end = 0;
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let offset = crate::source::remote::wire::offset(line);
        if offset.is_some_and(|offset| offset > until) {
            break;
        }
        end += line.len();
    }
    &lines[..end]
}

async fn after(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// Ends when nothing was heard for so long.
async fn silence(time: Option<Duration>, heard: &Mutex<(Instant, u64)>) {
    let Some(time) = time else {
        return std::future::pending().await;
    };
    loop {
        let last = heard.lock().unwrap_or_else(PoisonError::into_inner).0;
        match time.checked_sub(last.elapsed()) {
            Some(left) if !left.is_zero() => tokio::time::sleep(left).await,
            _ => return,
        }
    }
}
