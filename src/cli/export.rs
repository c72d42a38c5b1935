//! `evtui export`: a stream out of a store's folder, as JSON lines.

use super::Outcome;
use super::failure::{Failure, NO, REFUSED};
use crate::config;
use crate::model::offset::Offset;
use crate::model::path::{Project, StreamKey, StreamPath};
use crate::store::log::{LogStore, OpenError, Options};
use crate::store::{Store, StoreError};
use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use std::io::{BufWriter, IntoInnerError, Write};
use std::path::{Path, PathBuf};

/// Read from the store at once.
const CHUNK: usize = 1 << 20;

/// `evtui export`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Every event is one line, byte for byte as it is stored; evtui import reads it back. No server may
have the folder open.

Examples:
  evtui export /agents/coder --data ./data -o coder.jsonl
  evtui export /agents/coder --data ./data | evtui -")]
pub struct ExportArgs {
    /// The stream's path
    #[arg(value_name = "PATH")]
    pub path: StreamPath,

    #[command(flatten)]
    pub store: StoreArgs,

    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Go on behind damaged events; names them, and ends with exit code 1
    #[arg(long)]
    pub partial: bool,
}

/// Which store, and whose streams in it.
#[derive(Clone, Debug, Args)]
pub struct StoreArgs {
    /// The folder that evtui serve keeps its streams in [default: the one that it takes itself]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data: Option<PathBuf>,

    /// The project that the stream belongs to
    #[arg(long, value_name = "SLUG", default_value_t)]
    pub project: Project,
}

/// Writes the stream out.
///
/// # Errors
/// The store cannot be opened or read, the stream does not exist, or the output cannot be written.
pub fn run(args: &ExportArgs) -> Result<Outcome> {
    let store = args.store.open(false)?;
    let key = args.store.stream(args.path.clone());
    if store.head(&key)?.is_none() {
        return Err(missing(&store, &key)?.into());
    }
    let Some(path) = &args.output else {
        let mut out = super::headless::stdout();
        let outcome = write(&store, &key, args.partial, &mut out)?;
        out.flush()?;
        return Ok(outcome);
    };
    let cannot = || format!("cannot write {}", path.display());
    // The file is there whole, or as it was before.
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let part = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
    let mut out = BufWriter::new(part.with_context(cannot)?);
    let outcome = write(&store, &key, args.partial, &mut out)?;
    let part = out.into_inner().map_err(IntoInnerError::into_error);
    let part = part.with_context(cannot)?;
    part.persist(path).with_context(cannot)?;
    Ok(outcome)
}

fn write(
    store: &dyn Store,
    key: &StreamKey,
    partial: bool,
    out: &mut dyn Write,
) -> Result<Outcome> {
    let mut outcome = Outcome::Yes;
    let mut next = Offset::FIRST;
    loop {
        let records = match store.read(key, next, CHUNK) {
            Err(StoreError::Corrupt { until, .. }) if partial => {
                eprintln!("evtui: left out: events {next} to {until} are damaged");
                outcome = Outcome::No;
                next = until.next();
                continue;
            }
            Err(error @ StoreError::Corrupt { .. }) => {
                let failure = Failure::new(error);
                return Err(failure
                    .hint("--partial goes on with the events behind them")
                    .into());
            }
            records => records?,
        };
        let Some(last) = records.last() else {
            return Ok(outcome);
        };
        next = last.offset.next();
        for record in &records {
            out.write_all(&record.json)?;
            out.write_all(b"\n")?;
        }
    }
}

fn missing(store: &dyn Store, key: &StreamKey) -> Result<Failure, StoreError> {
    let mut streams: Vec<String> = store
        .streams()?
        .into_iter()
        .map(|(key, _)| match key.project == Project::default() {
            true => key.path.to_string(),
            false => format!("{} --project {}", key.path, key.project),
        })
        .collect();
    streams.sort();
    let more = streams.len().saturating_sub(8);
    streams.truncate(8);
    let mut list = streams.join(", ");
    if more > 0 {
        list.push_str(&format!(" and {more} more"));
    }
    let failure =
        Failure::new(format!("no stream {} in project {}", key.path, key.project)).code(NO);
    Ok(match list.is_empty() {
        true => failure.hint("the store is empty; is --data the right folder?"),
        false => failure.hint(format!("there are {list}")),
    })
}

impl StoreArgs {
    /// Opens the store, or makes one.
    ///
    /// # Errors
    /// As [`LogStore::open`].
    pub fn open(&self, create: bool) -> Result<LogStore> {
        let options = Options {
            create,
            ..Options::default()
        };
        let folder = self.data.clone().or_else(config::store_folder);
        let folder = folder.ok_or_else(|| {
            Failure::new("there is no home folder that data could be kept in").hint("--data DIR")
        })?;
        LogStore::open(&folder, options).map_err(|error| {
            let hint = match &error {
                OpenError::Locked(_) => {
                    "stop the server that uses it, or ask that one: curl URL/api/streams/PATH"
                }
                OpenError::NoStore { .. } => "--data is the folder that evtui serve was given",
                OpenError::Newer { .. } => "use the evtui that wrote it",
                OpenError::Io { .. } => "see that the folder can be read and written",
            };
            let locked = matches!(error, OpenError::Locked(_));
            let failure = Failure::new(error).hint(hint);
            match locked {
                true => failure.code(REFUSED).into(),
                false => failure.into(),
            }
        })
    }

    /// The stream of this path.
    #[must_use]
    pub fn stream(&self, path: StreamPath) -> StreamKey {
        StreamKey {
            project: self.project.clone(),
            path,
        }
    }
}
