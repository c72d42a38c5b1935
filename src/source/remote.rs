//! Streams of an event service, over HTTP (SPEC §3.1 as a client). What is received is kept in a
//! file and read from there like any log, while a task follows the service.

mod cache;
pub mod client;
pub mod dialect;
pub mod follow;
mod trouble;
pub mod wire;

use super::file::feed::Feed;
use super::file::{FileSource, OpenError};
use super::{OnChange, Source, StreamInfo};
use crate::model::log::{EventLog, Indexing};
use crate::model::path::StreamPath;
use cache::Cache;
use client::{Client, Server, Trouble};
use dialect::After;
use follow::{Ended, Follower, Held, Sink};
use std::future::Future;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

/// How the connection of a stream stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Asking, or fetching the history.
    Connecting,
    /// Events come as they are committed.
    Live,
    /// Lost; tried again by itself.
    Retrying {
        /// In this long.
        after: Duration,
        /// What happened.
        why: String,
    },
    /// Lost; trying again by itself would not help.
    Offline {
        /// What happened.
        why: String,
    },
    /// The service said that no more events will come.
    Ended,
}

/// What following a stream brings beside its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The connection stands otherwise now.
    Status(Status),
    /// The history being fetched ends at this offset.
    HistoryEnd(u64),
    /// The stream was destroyed and started over: the log that was opened is another stream's past
    /// and grows no more.
    Restarted {
        /// Where its events are kept now; `None` when they are gone with this log.
        aside: Option<PathBuf>,
    },
    /// Something came that is no event, or events that should be there do not come.
    Odd(String),
}

/// Told from a task; must return soon.
pub type Tell = Arc<dyn Fn(News) + Send + Sync>;

/// A service, and the thread that talks to it.
pub struct Remote {
    client: Client,
    caches: Option<PathBuf>,
    /// `None` only while it is being dropped.
    runtime: Option<Runtime>,
}

/// Why a service cannot be talked to at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// What was given cannot be sent.
    #[error("{0}")]
    Client(String),
    /// There is no thread for it.
    #[error("cannot start the connection's thread: {0}")]
    Thread(io::Error),
}

impl Remote {
    /// Prepares to talk to a service; nothing is sent yet. Received events are kept in the folder
    /// `caches`, or in unnamed files.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(server: Server, caches: Option<PathBuf>) -> Result<Remote, SetupError> {
        let client = Client::new(server).map_err(SetupError::Client)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("remote")
            .enable_all()
            .build()
            .map_err(SetupError::Thread)?;
        Ok(Remote {
            client,
            caches,
            runtime: Some(runtime),
        })
    }

    /// Requests to the service, to be made inside [`Remote::spawn`] or [`Remote::wait`].
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Runs something on the connection's thread; dropping the guard ends it.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Running {
        // Without a runtime this is being dropped, and so is whoever would wait.
        let task = self.runtime.as_ref().map(|runtime| runtime.spawn(work));
        Running(task.map(|task| task.abort_handle()))
    }

    /// Waits for an answer; not to be called inside an async task. `None` only while the
    /// connection is being dropped.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.runtime.as_ref().map(|runtime| runtime.block_on(work))
    }

    /// Opens a stream: what is kept of it can be read at once, the rest follows.
    ///
    /// # Errors
    /// [`OpenError::Io`] when there is no place to keep events in.
    pub fn open(&self, path: &StreamPath, tell: Tell) -> Result<RemoteSource, OpenError> {
        let server = self.client.server();
        let name = Cache::name(server.base(), &server.project, path);
        let failed = |error| OpenError::Io {
            name: format!("the cache of {path}"),
            error,
        };
        let cache = Cache::open(self.caches.as_deref(), &name).map_err(failed)?;
        let reading = cache.file.try_clone().map_err(failed)?;
        let (file, feed) = FileSource::fed(path.to_string(), reading, cache.bytes)?;
        let (nudge, nudges) = unbounded_channel();
        let work = keep(self.client.clone(), path.clone(), cache, feed, tell, nudges);
        let running = self.spawn(work);
        Ok(RemoteSource {
            file,
            nudge,
            _running: running,
        })
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Something that runs on the connection's thread, until this is dropped.
pub struct Running(Option<AbortHandle>);

impl Running {
    /// Lets it run to its end.
    pub fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Follows a stream into its cache until there is nothing more to follow.
async fn keep(
    client: Client,
    path: StreamPath,
    cache: Cache,
    feed: Feed,
    tell: Tell,
    nudges: UnboundedReceiver<()>,
) {
    let held = Held {
        after: After::Offset(cache.last.as_ref().map_or(0, |(offset, _)| *offset)),
        first: cache.first,
        last: cache.last.map(|(_, text)| text),
    };
    let (file, mut bytes) = (cache.file, cache.bytes);
    let feed = Arc::new(feed);
    let fed = Arc::clone(&feed);
    let sink: Sink = Box::new(move |lines, _| {
        cache::append(&file, lines)?;
        bytes += lines.len() as u64;
        fed.grew(bytes);
        Ok(ControlFlow::Continue(()))
    });
    let mut follower = Follower::new(client, path, held, true, Arc::clone(&tell), sink, nudges);
    loop {
        let ended = follower.run().await;
        let offline = |why: String| tell(News::Status(Status::Offline { why }));
        match ended {
            Ended::Restarted => {
                let aside = cache.path.and_then(|path| Cache::set_aside(&path).ok());
                feed.end();
                tell(News::Restarted { aside });
                return;
            }
            Ended::Sink(error) => {
                // What was half written is cut off when the cache is opened the next time.
                offline(format!("cannot keep the events that come: {error}"));
                feed.end();
                return;
            }
            Ended::Done => tell(News::Status(Status::Ended)),
            Ended::Failed(trouble) => offline(advice(&trouble)),
            Ended::Enough | Ended::History => {}
        }
        if follower.nudged().await.is_none() {
            return;
        }
    }
}

/// A failure that stays, and what may help.
fn advice(trouble: &Trouble) -> String {
    match trouble.status() {
        Some(401 | 403) => format!("{trouble}; --token or EVTUI_TOKEN sends a token"),
        _ => trouble.to_string(),
    }
}

/// One stream of a service.
pub struct RemoteSource {
    file: FileSource,
    nudge: UnboundedSender<()>,
    _running: Running,
}

impl RemoteSource {
    /// Tries a lost connection now.
    pub fn reconnect(&self) {
        // A task that ended has told why.
        let _ = self.nudge.send(());
    }
}

/// Reading goes on whether the screen follows or not: what is kept is there when it comes back.
impl Source for RemoteSource {
    fn name(&self) -> String {
        self.file.name()
    }

    fn streams(&self) -> Vec<StreamInfo> {
        self.file.streams()
    }

    fn log(&self, stream: Option<&str>) -> Arc<dyn EventLog> {
        self.file.log(stream)
    }

    fn on_change(&self, on_change: OnChange) {
        self.file.on_change(on_change);
    }

    fn follow(&self) {}

    fn unfollow(&self) {}

    fn is_following(&self) -> bool {
        self.file.is_following()
    }

    fn progress(&self) -> Indexing {
        self.file.progress()
    }

    /// For what is here: a stream has no end to wait for.
    fn wait(&self, keep_going: &dyn Fn() -> bool) -> bool {
        self.file.settle(keep_going)
    }
}
