//! A log in a file or on standard input: JSON lines, JSON values or arrays, or a saved transcript
//! of server-sent events, told apart by content, indexed in the background, followed on demand.
//!
//! `split`, `array`, `sse` find the records; `text`, `scan`, `members` read one; `records`, `streams`, `packed`,
//! `names` keep what is known; `indexer`, `columns`, `tail`, `stdin` fill that; `view`, `search` answer.

mod array;
mod bytes;
mod columns;
pub mod feed;
mod indexer;
mod members;
mod names;
mod packed;
mod records;
mod scan;
mod search;
mod shared;
mod sniff;
mod split;
mod sse;
mod stdin;
mod streams;
mod tail;
mod text;
mod view;

#[cfg(test)]
mod tests;

use super::background::step_back;
use super::{OnChange, Source, StreamInfo};
use crate::model::log::{EventLog, Indexing};
use indexer::Indexer;
use records::{Owner, Records};
use shared::{Orders, Shared};
use sniff::NoLog;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use view::{Selection, View};

/// Why a file cannot be opened as a log.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing has that name.
    #[error(
        "cannot open {path:?}: there is no such file; check the name, or try `evtui recordings`"
    )]
    Missing {
        /// The name.
        path: PathBuf,
    },
    /// Not for this user.
    #[error("cannot open {path:?}: permission denied; try `ls -l {}`", path.display())]
    Permission {
        /// The name.
        path: PathBuf,
    },
    /// A directory.
    #[error("cannot open {path:?} as a log: it is a directory; name a file in it")]
    Directory {
        /// The name.
        path: PathBuf,
    },
    /// The bytes are a compressed file's.
    #[error(
        "cannot read {name} as a log: it is compressed ({what}); try `{tool} {name} | evtui -`"
    )]
    Compressed {
        /// The name.
        name: String,
        /// The format.
        what: &'static str,
        /// What unpacks it to standard output.
        tool: &'static str,
    },
    /// UTF-16 text.
    #[error(
        "cannot read {name} as a log: it is UTF-16; try `iconv -f utf-16 -t utf-8 {name} | evtui -`"
    )]
    Utf16 {
        /// The name.
        name: String,
    },
    /// Nothing in it looks like text that holds events.
    #[error(
        "cannot read {name} as a log: it is not text; a log is JSON events, one a line or in an \
         array, or a saved stream of server-sent events"
    )]
    Binary {
        /// The name.
        name: String,
    },
    /// Anything else the system says.
    #[error("cannot read {name}: {error}")]
    Io {
        /// The name.
        name: String,
        /// What the system says.
        error: io::Error,
    },
}

/// An open log.
pub struct FileSource {
    name: String,
    shared: Arc<Shared>,
}

impl FileSource {
    /// Opens a log by name. Returns as soon as its first rows (and, in a log of lines, its last
    /// ones) can be read; the rest is indexed in the background. A pipe is read like
    /// [`FileSource::stdin`].
    ///
    /// # Errors
    /// [`OpenError`]. An empty file is an empty log, whose complaints say so.
    pub fn open(path: impl AsRef<Path>) -> Result<FileSource, OpenError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => OpenError::Missing { path: path.into() },
            io::ErrorKind::PermissionDenied => OpenError::Permission { path: path.into() },
            io::ErrorKind::IsADirectory => OpenError::Directory { path: path.into() },
            _ => OpenError::Io {
                name: name.clone(),
                error,
            },
        };
        let metadata = std::fs::metadata(path).map_err(failed)?;
        if metadata.is_dir() {
            return Err(OpenError::Directory { path: path.into() });
        }
        let file = File::open(path).map_err(failed)?;
        if !metadata.is_file() {
            return FileSource::input(name, file);
        }
        let mut head = vec![0; sniff::HEAD];
        let read = bytes::read_at(&file, &mut head, 0).map_err(failed)?;
        if let Some(reason) = sniff::refuse(&head[..read]) {
            return Err(refused(name, reason));
        }
        FileSource::start(name, file, Some(path.into()), Orders::default())
    }

    /// Reads a log from standard input, which is kept in an unnamed temporary file. Events appear
    /// as they come; it is followed until it ends.
    ///
    /// # Errors
    /// [`OpenError::Io`] when there is no place for the temporary file.
    pub fn stdin() -> Result<FileSource, OpenError> {
        FileSource::input("standard input".to_owned(), io::stdin())
    }

    /// Reads a log from anything that gives bytes, like [`FileSource::stdin`].
    ///
    /// # Errors
    /// As there.
    pub fn input(name: String, input: impl Read + Send + 'static) -> Result<FileSource, OpenError> {
        let failed = |error| OpenError::Io {
            name: "a temporary file".to_owned(),
            error,
        };
        let spool = stdin::spool_file().map_err(failed)?;
        let reading = spool.try_clone().map_err(failed)?;
        let orders = Orders {
            spooled: Some(0),
            ..Orders::default()
        };
        let source = FileSource::start(name, reading, None, orders)?;
        let shared = Arc::downgrade(&source.shared);
        spawn("spool", move || stdin::spool(input, spool, &shared))?;
        Ok(source)
    }

    fn start(
        name: String,
        file: File,
        path: Option<PathBuf>,
        orders: Orders,
    ) -> Result<FileSource, OpenError> {
        let file = Arc::new(file);
        let shared = Arc::new(Shared::new(Records::new(Arc::clone(&file), 0), orders));
        let mut indexer = Indexer::new(Arc::clone(&shared), file, path);
        indexer.ends();
        spawn("index", move || indexer.run())?;
        Ok(FileSource { name, shared })
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            step_back();
            work();
        })
        .map(drop)
        .map_err(|error| OpenError::Io {
            name: format!("the log: cannot start a thread to {name} it"),
            error,
        })
}

fn refused(name: String, reason: NoLog) -> OpenError {
    match reason {
        NoLog::Compressed { what, tool } => OpenError::Compressed { name, what, tool },
        NoLog::Utf16 => OpenError::Utf16 { name },
        NoLog::Binary => OpenError::Binary { name },
    }
}

impl Source for FileSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn streams(&self) -> Vec<StreamInfo> {
        let records = self.shared.read();
        let all = records.streams.all().iter().filter(|s| s.rows > 0);
        all.map(|stream| StreamInfo {
            path: match stream.owner {
                Owner::Stream(id) => Some(self.shared.names.name(id)),
                Owner::Nameless | Owner::Unknown => None,
            },
            events: stream.rows,
        })
        .collect()
    }

    /// `Some("")` is the stream of events that name none.
    fn log(&self, stream: Option<&str>) -> Arc<dyn EventLog> {
        let selection = match stream {
            None => Selection::All,
            Some("") => Selection::Nameless,
            Some(path) => Selection::Path(path.into()),
        };
        Arc::new(View {
            shared: Arc::clone(&self.shared),
            selection,
        })
    }

    fn on_change(&self, on_change: OnChange) {
        self.shared.set_on_change(on_change);
    }

    fn follow(&self) {
        self.shared.order(|orders| orders.follow = true);
    }

    fn unfollow(&self) {
        self.shared.order(|orders| orders.follow = false);
    }

    fn is_following(&self) -> bool {
        self.shared.orders().expects_more()
    }

    fn progress(&self) -> Indexing {
        self.shared.read().indexing()
    }

    fn wait(&self, keep_going: &dyn Fn() -> bool) -> bool {
        let turn = Duration::from_millis(20);
        loop {
            let orders = self.shared.orders();
            if self.shared.wait_idle(turn) {
                if orders.spooled.is_none() || orders.ended {
                    return true;
                }
                self.shared.wait_orders(orders, Some(turn));
            }
            if !keep_going() {
                return false;
            }
        }
    }
}

impl Drop for FileSource {
    fn drop(&mut self) {
        self.shared.order(|orders| orders.close = true);
    }
}
