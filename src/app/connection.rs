//! The service that the screen talks to: how the connection of the stream in view stands, what may
//! be appended, what was refused, which streams there are.

use super::state::App;
use crate::model::event::Millis;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// The service of this session; one for all streams that are open.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its base URL, without a slash at the end.
    pub url: String,
    /// The project that every request names.
    pub project: String,
    /// It runs on this machine: appending to it needs no question.
    pub loopback: bool,
    /// Appending is refused here (`--read-only`).
    pub read_only: bool,
    /// The person said yes to appending to a service on another machine.
    pub confirmed: bool,
    /// Appends of this session that the service refused or that failed, the newest last; at most
    /// [`Service::REFUSED`] are kept.
    pub refused: VecDeque<Refused>,
    /// How many appends were refused or failed in all.
    pub refusals: usize,
    /// The streams of the tree, while it is watched.
    pub streams: Streams,
}

impl Service {
    /// Refused appends that are kept.
    pub const REFUSED: usize = 100;

    /// A service that nothing is known of yet.
    #[must_use]
    pub fn new(url: String, project: String, loopback: bool, read_only: bool) -> Service {
        Service {
            url,
            project,
            loopback,
            read_only,
            confirmed: false,
            refused: VecDeque::new(),
            refusals: 0,
            streams: Streams::default(),
        }
    }

    /// True when the person must be asked before the next append.
    #[must_use]
    pub fn must_ask(&self) -> bool {
        !self.loopback && !self.confirmed
    }

    /// Puts a refused append on record.
    pub fn refuse(&mut self, refused: Refused) {
        if self.refused.len() == Self::REFUSED {
            self.refused.pop_front();
        }
        self.refused.push_back(refused);
        self.refusals += 1;
    }
}

/// An append that did not become an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The stream it was for.
    pub path: String,
    /// HTTP status of the answer; `None` when there was none.
    pub status: Option<u16>,
    /// The service's words, or why there was no answer.
    pub message: String,
    /// When.
    pub at: Millis,
}

/// The connection of one open stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connection {
    /// How it stands.
    pub link: Link,
    /// Why events do not come, from when the connection was lost until it stands again.
    pub lost: Option<Lost>,
    /// Offset of the history's last event, as long as the history is being fetched and the service
    /// told where it ends.
    pub history: Option<u64>,
}

/// A connection that was lost, or never came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Lost {
    /// When.
    pub since: Millis,
    /// What happened at the last attempt.
    pub why: String,
}

impl Connection {
    /// True while events come as they are committed.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.link == Link::Live
    }
}

/// How a connection stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Link {
    /// Asking the service, or fetching the history.
    #[default]
    Connecting,
    /// Everything is here, and what is committed comes at once.
    Live,
    /// It was lost, or never came about; it is tried again by itself.
    Retrying {
        /// In this long.
        left: Duration,
        /// What happened.
        why: String,
    },
    /// It is not tried again by itself: trying would not help.
    Offline {
        /// What happened, and what helps.
        why: String,
    },
    /// The service said that no more events will come (`event: done`).
    Ended,
}

impl Link {
    /// The word of the status line; `None` when nothing is to be said.
    #[must_use]
    pub fn word(&self) -> Option<&'static str> {
        match self {
            Link::Connecting => Some("CONNECTING"),
            Link::Retrying { .. } => Some("RETRYING"),
            Link::Offline { .. } => Some("OFFLINE"),
            Link::Live | Link::Ended => None,
        }
    }
}

/// The streams under a path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Streams {
    /// The path; `None` while none is watched.
    pub prefix: Option<String>,
    /// The path itself (where it is a stream) and everything under it, by path; `None` until the
    /// service answered.
    pub list: Option<Arc<[StreamSummary]>>,
    /// Why the last look gave nothing new.
    pub failure: Option<String>,
}

/// What the tree says of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamSummary {
    /// Its path.
    pub path: String,
    /// When its first event was stored.
    pub created: Option<Millis>,
    /// Events in it; `None` until asked.
    pub events: Option<u64>,
    /// When its last event was stored; `None` until asked.
    pub last: Option<Millis>,
    /// The gate is closed; `None` until asked.
    pub paused: Option<bool>,
}

impl App {
    /// Why no events come, while the connection of the stream in view is lost.
    #[must_use]
    pub fn lost(&self) -> Option<&Lost> {
        self.connection()?.lost.as_ref()
    }

    /// True when the banner has something to say.
    #[must_use]
    pub fn has_banner(&self) -> bool {
        self.paused_at().is_some() || self.lost().is_some()
    }

    /// The path of the stream in view, if events can be appended to it.
    ///
    /// # Errors
    /// Why not, and what helps.
    pub fn can_append(&self) -> Result<String, String> {
        let no = |why: &str| Err(why.to_owned());
        let Some(view) = &self.log else {
            return no("no stream is open");
        };
        let (Some(service), Some(_)) = (&self.service, &view.connection) else {
            return no("this log is a file: nothing can be appended to it");
        };
        if service.read_only {
            return no("evtui was started with --read-only: nothing is appended");
        }
        match &view.stream {
            Some(path) => Ok(path.clone()),
            None => no("choose a stream first"),
        }
    }

    /// The stream is paused as it stands now, wherever the playhead is.
    #[must_use]
    pub fn paused_at_the_end(&self) -> bool {
        let gates = self.survey.as_ref().and_then(|s| s.gates.last());
        gates.is_some_and(|(_, paused)| *paused)
    }
}
