//! `evtui import`: a log of JSON lines into a store's folder, as a stream of its own.

use super::Outcome;
use super::export::StoreArgs;
use super::failure::{Failure, REFUSED};
use crate::model::event::Millis;
use crate::model::offset::Offset;
use crate::model::path::{StreamKey, StreamPath};
use crate::store::log::LogStore;
use crate::store::{Batch, Done, Record, Store, StoreError};
use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use clap::{Args, ValueHint};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek};
use std::sync::mpsc::{Receiver, channel};

/// Events are stored in batches of about this many bytes.
const BATCH: usize = 1 << 20;

/// `evtui import`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The log must be one stream from offset 1 on, without gaps. Offsets, times, keys and JSON are kept
as they are; only --path changes an event, and of that only its streamPath. No server may have the
folder open.

Examples:
  evtui import coder.jsonl --data ./data
  evtui import coder.jsonl --data ./data --path /agents/copy")]
pub struct ImportArgs {
    /// The log, one event a line; - for standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: String,

    #[command(flatten)]
    pub store: StoreArgs,

    /// Import as this stream [default: the one that the events name]
    #[arg(long, value_name = "PATH")]
    pub path: Option<StreamPath>,
}

/// What an import looks at of an event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow)]
    stream_path: &'a RawValue,
    offset: Offset,
    #[serde(borrow, rename = "type")]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    created_at: Cow<'a, str>,
    #[serde(borrow, default)]
    idempotency_key: Option<Cow<'a, str>>,
}

/// An event ready to be stored.
struct Checked {
    path: StreamPath,
    record: Record,
    time: Millis,
}

/// Reads the log twice: once to see that it is whole, then to store it.
///
/// # Errors
/// The log or the store cannot be read or written, the log is not one whole stream, or the stream
/// has events already.
pub fn run(args: &ImportArgs) -> Result<Outcome> {
    let mut log = open(&args.file)?;
    let named = check(&mut log, &args.file, args.path.as_ref())?;
    let stream = args.store.stream(named);
    let store = args.store.open(true)?;
    if let Some(head) = store.head(&stream)? {
        let refused = Failure::new(format!(
            "stream {} of project {} has {} events already",
            stream.path, stream.project, head.last
        ));
        return Err(refused
            .hint("--path imports it as another stream")
            .code(REFUSED)
            .into());
    }
    log.rewind()?;
    match fill(&store, &stream, &mut log, args) {
        Ok(count) => {
            store.close();
            eprintln!("evtui: {count} events imported as {}", stream.path);
            Ok(Outcome::Yes)
        }
        Err(error) => {
            // All or nothing, as far as the disk lets us.
            let (done, asked) = asked();
            store.destroy(vec![stream], done);
            match wait(&asked) {
                Ok(()) => Err(error),
                Err(left) => Err(error.context(format!("part of it stays in the store ({left})"))),
            }
        }
    }
}

/// Opens the log so that it can be read twice.
fn open(file: &str) -> Result<File> {
    if file != "-" {
        return File::open(file).with_context(|| format!("cannot open {file}"));
    }
    let mut copy = tempfile::tempfile().context("cannot keep standard input")?;
    io::copy(&mut io::stdin().lock(), &mut copy).context("cannot read standard input")?;
    copy.rewind()?;
    Ok(copy)
}

/// Calls `with` for each event in order, with its line's number.
fn each(
    log: &mut File,
    name: &str,
    to: Option<&StreamPath>,
    mut with: impl FnMut(u64, Checked) -> Result<()>,
) -> Result<()> {
    let mut lines = BufReader::with_capacity(1 << 18, log);
    let mut bytes = Vec::new();
    let mut next = Offset::FIRST;
    for number in 1.. {
        bytes.clear();
        if lines.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let line = bytes.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let event =
            event(line, next, to).map_err(|error| bad(name, number, format!("{error:#}")))?;
        next = event.record.offset.next();
        with(number, event)?;
    }
    Ok(())
}

fn bad(name: &str, line: u64, why: impl Display) -> Failure {
    Failure::new(format!("{name}, line {line}: {why}"))
        .hint("nothing was imported; evtui FILE shows what is wrong with a log")
}

fn event(line: &[u8], next: Offset, to: Option<&StreamPath>) -> Result<Checked> {
    let text = std::str::from_utf8(line).context("not UTF-8")?;
    let event: Line<'_> = serde_json::from_str(text)
        .map_err(|error| anyhow!("no event: {}", error.to_string().replace(" at line 1", "")))?;
    if event.event_type.is_empty() {
        bail!("the event's type is empty");
    }
    if event.offset > next {
        bail!(
            "offset {} where {next} is expected: events are missing",
            event.offset
        );
    }
    if event.offset < next {
        bail!("offset {} again, where {next} is expected", event.offset);
    }
    let time = Millis::parse(&event.created_at)
        .with_context(|| format!("createdAt {:?} is no time", event.created_at))?;
    let own: StreamPath = serde_json::from_str(event.stream_path.get()).context("streamPath")?;
    let json = match to {
        Some(to) if *to != own => {
            // Its value is a part of the line, so this is where it stands.
            let value = event.stream_path.get();
            let start = value.as_ptr().addr() - text.as_ptr().addr();
            let renamed = serde_json::to_string(to)?;
            Bytes::from([&text[..start], &renamed, &text[start + value.len()..]].concat())
        }
        _ => Bytes::copy_from_slice(line),
    };
    Ok(Checked {
        path: to.cloned().unwrap_or(own),
        record: Record {
            offset: event.offset,
            idempotency_key: event.idempotency_key.map(Cow::into_owned),
            json,
        },
        time,
    })
}

/// Sees that the log is one whole stream; which.
fn check(log: &mut File, name: &str, to: Option<&StreamPath>) -> Result<StreamPath> {
    let mut path: Option<StreamPath> = None;
    let mut keys: HashMap<String, u64> = HashMap::new();
    each(log, name, to, |number, event| {
        let path = path.get_or_insert_with(|| event.path.clone());
        if *path != event.path {
            let why = format!("an event of {}, after those of {path}", event.path);
            return Err(bad(name, number, why).into());
        }
        if let Some(key) = event.record.idempotency_key
            && let Some(earlier) = keys.insert(key, number)
        {
            let why = format!("the idempotency key of line {earlier} again");
            return Err(bad(name, number, why).into());
        }
        Ok(())
    })?;
    path.ok_or_else(|| Failure::new(format!("{name}: no events")).into())
}

/// Stores the log's events; how many.
fn fill(store: &LogStore, stream: &StreamKey, log: &mut File, args: &ImportArgs) -> Result<u64> {
    let mut count = 0;
    let mut batch: Vec<Record> = Vec::new();
    let (mut bytes, mut time) = (0, Millis(0));
    let mut given: Option<Receiver<Result<(), StoreError>>> = None;
    let mut give = |records: Vec<Record>, time: Millis| -> Result<()> {
        // One batch is read while the one before is written.
        let (done, asked) = asked();
        let stream = stream.clone();
        store.append(Batch {
            stream,
            time,
            records,
            snapshot: None,
            done,
        });
        match given.replace(asked) {
            Some(before) => Ok(wait(&before)?),
            None => Ok(()),
        }
    };
    each(log, &args.file, args.path.as_ref(), |_, event| {
        count += 1;
        time = event.time;
        bytes += event.record.json.len();
        batch.push(event.record);
        // The time of the first batch is the stream's own.
        if count == 1 || bytes >= BATCH {
            bytes = 0;
            give(std::mem::take(&mut batch), time)?;
        }
        Ok(())
    })?;
    if !batch.is_empty() {
        give(batch, time)?;
    }
    if let Some(last) = given {
        wait(&last)?;
    }
    Ok(count)
}

fn asked() -> (Done, Receiver<Result<(), StoreError>>) {
    let (tell, told) = channel();
    let done: Done = Box::new(move |result| {
        // Who asked may have failed meanwhile.
        let _ = tell.send(result);
    });
    (done, told)
}

fn wait(asked: &Receiver<Result<(), StoreError>>) -> Result<(), StoreError> {
    asked.recv().unwrap_or(Err(StoreError::Closed))
}
