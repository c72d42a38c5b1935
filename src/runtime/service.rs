//! The event service of the session: streams opened on it, appends to it, its streams listed again
//! and again while the tree is watched.

use super::replayer::Tell;
use super::world::Event;
use crate::app::connection::{Link, Refused, StreamSummary, Streams};
use crate::app::msg::Msg;
use crate::app::state::Level;
use crate::model::event::Millis;
use crate::model::json_path::{JsonPath, Step};
use crate::model::path::StreamPath;
use crate::model::peek;
use crate::source::remote::client::{Child, Client, Trouble};
use crate::source::remote::{News, Remote, RemoteSource, Running, Status};
use anyhow::Result;
use futures_util::{StreamExt, stream};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc::UnboundedSender;

/// The tree is looked at this often.
const LOOK: Duration = Duration::from_secs(2);
/// Streams asked about at the same time.
const AT_ONCE: usize = 8;
/// Streams asked about again at each look, beside those that are new.
const AGAIN: usize = 64;

/// See the module.
pub struct Service {
    remote: Remote,
    watching: Option<Running>,
}

impl Service {
    /// Takes a connection over for the screen.
    #[must_use]
    pub fn new(remote: Remote) -> Service {
        Service {
            remote,
            watching: None,
        }
    }

    /// Opens a stream in a tab.
    ///
    /// # Errors
    /// There is no place to keep its events in.
    pub fn open(
        &self,
        path: &StreamPath,
        tab: u64,
        events: &UnboundedSender<Event>,
    ) -> Result<RemoteSource> {
        let events = events.clone();
        let tell = move |news: News| {
            let msg = match news {
                News::Status(status) => Msg::Linked {
                    link: link(status),
                    at: now(),
                },
                News::HistoryEnd(end) => Msg::History(end),
                News::Odd(what) => Msg::Notice(Level::Warn, what),
                News::Restarted { aside } => {
                    // Nobody is left to be told when the program ends.
                    let _ = events.send(Event::Restarted { tab, aside });
                    return;
                }
            };
            let _ = events.send(Event::Msg(Msg::In(tab, Box::new(msg))));
        };
        Ok(self.remote.open(path, Arc::new(tell))?)
    }

    /// Appends to a stream.
    pub fn append(&self, id: u64, path: String, input: String, tell: Tell) {
        let client = self.remote.client().clone();
        let work = async move {
            let msg = match path.parse::<StreamPath>() {
                Ok(stream) => match client.append(&stream, input).await {
                    Ok(stored) => Msg::Appended {
                        id,
                        path,
                        offset: stored.offset,
                        event_type: stored.event_type,
                    },
                    Err(trouble) => failed(id, path, &trouble),
                },
                Err(error) => Msg::AppendFailed {
                    id,
                    refused: Refused {
                        path,
                        status: None,
                        message: error.to_string(),
                        at: now(),
                    },
                },
            };
            tell(msg);
        };
        self.remote.spawn(work).forget();
    }

    /// Tells the streams under a path from now on, or no more.
    pub fn watch(&mut self, prefix: Option<String>, tell: Tell) {
        self.watching = None;
        let Some(prefix) = prefix else { return };
        let client = self.remote.client().clone();
        self.watching = Some(self.remote.spawn(async move {
            let told = |list, failure| {
                tell(Msg::Streams(Streams {
                    prefix: Some(prefix.clone()),
                    list,
                    failure,
                }))
            };
            match prefix.parse::<StreamPath>() {
                Ok(path) => watch(&client, &path, &told).await,
                Err(error) => {
                    told(None, Some(error.to_string()));
                }
            }
        }));
    }
}

fn failed(id: u64, path: String, trouble: &Trouble) -> Msg {
    Msg::AppendFailed {
        id,
        refused: Refused {
            path,
            status: trouble.status(),
            message: trouble.message().to_owned(),
            at: now(),
        },
    }
}

/// Tells a list, or why there is none; `false` when nobody listens any more.
type Told<'a> = &'a (dyn Fn(Option<Arc<[StreamSummary]>>, Option<String>) -> bool + Sync);

async fn watch(client: &Client, prefix: &StreamPath, told: Told<'_>) {
    let mut known: HashMap<String, StreamSummary> = HashMap::new();
    let mut turn = 0;
    loop {
        let failure = match client.children(prefix).await {
            Ok(children) => {
                look(client, children, &mut known, &mut turn, told).await;
                None
            }
            Err(trouble) => Some(trouble.to_string()),
        };
        if !told(Some(sorted(&known)), failure) {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Brings what is known up to date: new streams at once, the others in turn.
async fn look(
    client: &Client,
    children: Vec<Child>,
    known: &mut HashMap<String, StreamSummary>,
    turn: &mut usize,
    told: Told<'_>,
) {
    let there: std::collections::HashSet<&str> =
        children.iter().map(|child| child.path.as_str()).collect();
    known.retain(|path, _| there.contains(path.as_str()));
    let (mut asked, mut old) = (Vec::new(), Vec::new());
    for child in children {
        match known.get(&child.path) {
            Some(summary) if summary.created == child.created => old.push(child.path),
            _ => {
                asked.push(child.path.clone());
                let created = child.created;
                let path = child.path.clone();
                known.insert(
                    child.path,
                    StreamSummary {
                        path,
                        created,
                        events: None,
                        last: None,
                        paused: None,
                    },
                );
            }
        }
    }
    if !asked.is_empty() {
        told(Some(sorted(known)), None);
    }
    if !old.is_empty() {
        let from = *turn % old.len();
        asked.extend(
            old.iter()
                .cycle()
                .skip(from)
                .take(AGAIN.min(old.len()))
                .cloned(),
        );
        *turn = from + AGAIN;
    }
    let looks = asked.into_iter().map(|path| async move {
        let details = details(client, &path).await;
        (path, details)
    });
    let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    while let Some((path, details)) = looks.next().await {
        if let (Some(details), Some(summary)) = (details, known.get_mut(&path)) {
            summary.events = Some(details.events);
            summary.paused = details.paused;
            summary.last = details.last.or(summary.last);
        }
    }
}

/// What a stream's state and last event say of it.
pub struct Details {
    /// Events in it.
    pub events: u64,
    /// The gate is closed.
    pub paused: Option<bool>,
    /// When its last event was stored.
    pub last: Option<Millis>,
}

/// Asks for a stream's details; `None` when the service does not tell.
pub async fn details(client: &Client, path: &str) -> Option<Details> {
    let path: StreamPath = path.parse().ok()?;
    let state = client.state(&path).await.ok()?;
    let events = std::str::from_utf8(peek::member(&state, "eventCount")?);
    let events = events.ok()?.parse::<u64>().ok()?;
    let place = ["processors", "circuit-breaker", "paused"];
    let place = JsonPath(place.map(|key| Step::Key(key.to_owned())).to_vec());
    let paused = match peek::at(&state, &place) {
        Some(b"true") => Some(true),
        Some(b"false") => Some(false),
        _ => None,
    };
    let last = match events.checked_sub(1) {
        Some(before) => client.event_after(&path, before).await.ok().flatten(),
        None => None,
    };
    let last = last.and_then(|event| Millis::parse(&peek::text_member(&event, "createdAt")?));
    Some(Details {
        events,
        paused,
        last,
    })
}

fn sorted(known: &HashMap<String, StreamSummary>) -> Arc<[StreamSummary]> {
    let mut list: Vec<StreamSummary> = known.values().cloned().collect();
    list.sort_by(|a, b| a.path.cmp(&b.path));
    list.into()
}

fn link(status: Status) -> Link {
    match status {
        Status::Connecting => Link::Connecting,
        Status::Live => Link::Live,
        Status::Retrying { after, why } => Link::Retrying { left: after, why },
        Status::Offline { why } => Link::Offline { why },
        Status::Ended => Link::Ended,
    }
}

/// The time by this machine's clock.
#[must_use]
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // A clock before 1970 is no clock.
    let since = since.unwrap_or_default();
    Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
