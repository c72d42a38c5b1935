//! Follows one stream: the history, then what is committed, each event once and in order, through
//! lost connections and restarted services.
//!
//! Every attempt begins by reading on from the last event that is held, that event included: when
//! the service has another one there, the stream was destroyed and started over.

use super::client::{Client, Trouble};
use super::dialect::{After, Bounds, Until};
use super::wire::{Batch, Body, WireError};
use super::{News, Status, Tell};
use crate::model::path::StreamPath;
use serde_json::Value;
use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedReceiver;

/// A history that pauses for this long is over: the service does not know upper bounds.
const PAUSE: Duration = Duration::from_secs(3);
/// How far the history goes is asked when fetching it takes longer than this.
const LONG: Duration = Duration::from_millis(150);
/// First wait after a lost connection.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// Longest wait that a service can ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(120);

/// Takes whole lines in, the last of which has this offset; `Break` ends the following.
pub type Sink = Box<dyn FnMut(&[u8], u64) -> io::Result<ControlFlow<()>> + Send>;

/// How following ended.
#[derive(Debug)]
pub enum Ended {
    /// The sink wanted no more.
    Enough,
    /// All of the history is there, and no more was wanted.
    History,
    /// The service said that no more events will come.
    Done,
    /// The stream was destroyed and started over: what is held is another stream's.
    Restarted,
    /// Trying again would not help.
    Failed(Trouble),
    /// What came could not be kept.
    Sink(io::Error),
}

/// Where a stream is held up to.
#[derive(Clone, Debug)]
pub struct Held {
    /// Events up to here are held.
    pub after: After,
    /// The first event's text, where it is to be checked once.
    pub first: Option<Vec<u8>>,
    /// The last event's text; it is checked at every connection.
    pub last: Option<Vec<u8>>,
}

/// See the module.
pub struct Follower {
    client: Client,
    path: StreamPath,
    held: Held,
    /// Go on after the history.
    live: bool,
    tell: Tell,
    sink: Sink,
    /// Each says: try now.
    nudges: UnboundedReceiver<()>,
    /// Attempts since the connection last stood.
    attempts: u32,
    /// The service was read from at all.
    reached: bool,
    /// A gap after this offset was seen; when it is there again, it is the stream's own.
    gap: Option<u64>,
    batch: Batch,
}

/// Why an attempt ended.
enum Stop {
    Ended(Ended),
    /// Try again.
    Lost(Trouble),
    /// Try again at once; the connection may well stand.
    Again,
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Stop {
        match trouble.may_pass() {
            true => Stop::Lost(trouble),
            false => Stop::Ended(Ended::Failed(trouble)),
        }
    }
}

impl Follower {
    /// Follows a stream from where it is held, or only reads on to its end.
    #[must_use]
    pub fn new(
        client: Client,
        path: StreamPath,
        held: Held,
        live: bool,
        tell: Tell,
        sink: Sink,
        nudges: UnboundedReceiver<()>,
    ) -> Follower {
        Follower {
            client,
            path,
            held,
            live,
            tell,
            sink,
            nudges,
            attempts: 0,
            reached: false,
            gap: None,
            batch: Batch::default(),
        }
    }

    /// Follows until there is nothing more to follow.
    pub async fn run(&mut self) -> Ended {
        self.say(Status::Connecting);
        loop {
            match self.attempt().await {
                Stop::Ended(ended) => return ended,
                Stop::Again => {}
                // Whoever wants what there is has no use for a service that may come some day.
                Stop::Lost(trouble) if !self.live && !self.reached => {
                    return Ended::Failed(trouble);
                }
                Stop::Lost(trouble) => {
                    self.wait(&trouble).await;
                    self.say(Status::Connecting);
                }
            }
        }
    }

    /// Waits for somebody who wants another try.
    pub async fn nudged(&mut self) -> Option<()> {
        while self.nudges.try_recv().is_ok() {}
        self.nudges.recv().await
    }

    async fn wait(&mut self, trouble: &Trouble) {
        let asked = match trouble {
            Trouble::Refused { retry_after, .. } => retry_after.map(|t| t.min(LONGEST_ASKED)),
            _ => None,
        };
        let after = asked.unwrap_or_else(|| pause(self.attempts));
        self.attempts = self.attempts.saturating_add(1);
        while self.nudges.try_recv().is_ok() {}
        self.say(Status::Retrying {
            after,
            why: trouble.to_string(),
        });
        tokio::select! {
            () = tokio::time::sleep(after) => {}
            // Nobody left to nudge is nobody left to read; the task is ended from outside.
            _ = self.nudges.recv() => {}
        }
    }

    fn say(&self, status: Status) {
        (self.tell)(News::Status(status));
    }

    async fn attempt(&mut self) -> Stop {
        let tried = async {
            self.check_first().await?;
            self.history().await?;
            if !self.live {
                return Err(Stop::Ended(Ended::History));
            }
            self.follow().await
        };
        match tried.await {
            Ok(never) => match never {},
            Err(stop) => stop,
        }
    }

    /// The first event held must be the stream's.
    async fn check_first(&mut self) -> Result<(), Stop> {
        let Some(first) = &self.held.first else {
            return Ok(());
        };
        let now = self.client.event_after(&self.path, 0).await?;
        if !now.is_some_and(|now| same(&now, first)) {
            return Err(Stop::Ended(Ended::Restarted));
        }
        self.held.first = None;
        Ok(())
    }

    /// Reads up to the last event there is.
    async fn history(&mut self) -> Result<(), Stop> {
        let witness = self.held.last.clone();
        let after = match (self.held.after, &witness) {
            (After::Offset(last), Some(_)) => After::Offset(last.saturating_sub(1)),
            // Only what comes from now on is wanted: from a known offset on, so that nothing is
            // lost with a connection.
            (After::End, _) => {
                if let Ok(state) = self.client.state(&self.path).await
                    && let Some(count) = event_count(&state)
                {
                    self.held.after = After::Offset(count);
                }
                return Ok(());
            }
            (after, None) => after,
        };
        let bounds = Bounds {
            after,
            until: Until::End,
        };
        let mut body = self.client.read(&self.path, bounds).await?;
        self.reached = true;
        let asking = self.ask_length();
        let read = self.read_history(&mut body, witness.as_deref()).await;
        asking.abort();
        read
    }

    async fn read_history(&mut self, body: &mut Body, witness: Option<&[u8]>) -> Result<(), Stop> {
        let mut witness = witness;
        loop {
            let over = match (self.live, witness) {
                (true, None) => match tokio::time::timeout(PAUSE, self.next(body)).await {
                    Ok(more) => !more?,
                    // A body that does not end and brings nothing is live already.
                    Err(_) => {
                        self.say(Status::Live);
                        return Err(self.pump(body).await);
                    }
                },
                _ => match self.next(body).await {
                    Ok(more) => !more,
                    // The same where nothing more is wanted.
                    Err(Stop::Again) if !self.live && witness.is_none() => true,
                    Err(stop) => return Err(stop),
                },
            } || self.batch.done;
            if let Some(held) = witness
                && let After::Offset(last) = self.held.after
                && let Some(&(first, _)) = self.batch.events.first()
            {
                if first < last && self.client.try_other_names() {
                    return Err(Stop::Again);
                }
                // Where no name of the lower bound is kept to, it comes after all before it.
                match self.text_of(last) {
                    Some(text) if same(text, held) => witness = None,
                    None if first < last => {}
                    _ => return Err(self.suspect(last).await),
                }
            }
            self.take()?;
            if over {
                return match (witness, self.held.after) {
                    (Some(_), After::Offset(last)) => Err(self.suspect(last).await),
                    _ => Ok(()),
                };
            }
        }
    }

    /// The last event held did not come as expected: asks for it alone before all that is held is
    /// given up.
    async fn suspect(&mut self, last: u64) -> Stop {
        let now = self.client.event_after(&self.path, last.saturating_sub(1));
        match now.await {
            Err(trouble) => trouble.into(),
            Ok(now) => match (now, &self.held.last) {
                (Some(now), Some(held)) if same(&now, held) => {
                    let why = "the history broke off".to_owned();
                    Stop::Lost(self.client.unreachable(why))
                }
                _ => Stop::Ended(Ended::Restarted),
            },
        }
    }

    /// The text of the event with this offset in the batch.
    fn text_of(&self, wanted: u64) -> Option<&[u8]> {
        let at = self.batch.events.iter().position(|(o, _)| *o == wanted)?;
        let start = match at {
            0 => 0,
            at => self.batch.events[at - 1].1,
        };
        Some(&self.batch.lines[start..self.batch.events[at].1 - 1])
    }

    /// Reads what is committed from now on.
    async fn follow(&mut self) -> Result<std::convert::Infallible, Stop> {
        let bounds = Bounds {
            after: self.held.after,
            until: Until::Never,
        };
        let mut body = self.client.read(&self.path, bounds).await?;
        self.say(Status::Live);
        Err(self.pump(&mut body).await)
    }

    async fn pump(&mut self, body: &mut Body) -> Stop {
        let since = Instant::now();
        loop {
            let more = match self.next(body).await {
                Ok(more) => more,
                Err(stop) => return stop,
            };
            if since.elapsed() > LONGEST_WAIT {
                self.attempts = 0;
            }
            if let Err(stop) = self.take() {
                return stop;
            }
            if self.batch.done {
                return Stop::Ended(Ended::Done);
            }
            if !more {
                let why = "the service closed the connection".to_owned();
                return Stop::Lost(self.client.unreachable(why));
            }
        }
    }

    /// Fills the batch; what came before a failure is taken in first.
    async fn next(&mut self, body: &mut Body) -> Result<bool, Stop> {
        self.batch.clear();
        match body.next(&mut self.batch).await {
            Ok(more) => Ok(more),
            Err(error) => {
                self.take()?;
                let trouble = self.client.unreachable(error.to_string());
                Err(match error {
                    WireError::Silent => Stop::Again,
                    WireError::Transport(_) | WireError::Reported(_) => Stop::Lost(trouble),
                    WireError::Format(_) => Stop::Ended(Ended::Failed(trouble)),
                })
            }
        }
    }

    /// Hands the batch's new events on, those that are held already left out.
    fn take(&mut self) -> Result<(), Stop> {
        for odd in self.batch.odd.drain(..) {
            (self.tell)(News::Odd(odd));
        }
        let mut start = 0;
        let mut run = 0..0;
        let mut flow = ControlFlow::Continue(());
        let events = std::mem::take(&mut self.batch.events);
        let (mut lost, mut newest) = (None, None);
        for &(offset, end) in &events {
            let next = match self.held.after {
                After::Offset(last) => last + 1,
                After::End => offset,
            };
            if offset < next {
                // Held already: a doubled line must not be part of the run.
                flow = self.hand_on(run.clone())?;
                run = end..end;
            } else if offset > next && self.gap != Some(next) && next > 1 {
                self.gap = Some(next);
                lost = Some((next, offset - 1));
                break;
            } else {
                if offset > next {
                    let what = match next == offset - 1 {
                        true => format!("the service has no event {next}"),
                        false => format!("the service has no events {next} to {}", offset - 1),
                    };
                    (self.tell)(News::Odd(what));
                }
                self.held.after = After::Offset(offset);
                run.end = end;
                newest = Some(start..end - 1);
            }
            if flow.is_break() {
                return Err(Stop::Ended(Ended::Enough));
            }
            start = end;
        }
        self.batch.events = events;
        if let Some(newest) = newest {
            let last = self.held.last.get_or_insert_default();
            last.clear();
            last.extend_from_slice(&self.batch.lines[newest]);
            self.attempts = 0;
        }
        if self.hand_on(run)?.is_break() {
            return Err(Stop::Ended(Ended::Enough));
        }
        if let Some((from, to)) = lost {
            let why = format!("events {from} to {to} are missing");
            return Err(Stop::Lost(self.client.unreachable(why)));
        }
        Ok(())
    }

    fn hand_on(&mut self, run: std::ops::Range<usize>) -> Result<ControlFlow<()>, Stop> {
        let After::Offset(last) = self.held.after else {
            return Ok(ControlFlow::Continue(()));
        };
        if run.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        (self.sink)(&self.batch.lines[run], last).map_err(|error| Stop::Ended(Ended::Sink(error)))
    }

    /// Asks where the history ends, once fetching it turns out to be long.
    fn ask_length(&self) -> tokio::task::JoinHandle<()> {
        let (client, path, tell) = (
            self.client.clone(),
            self.path.clone(),
            std::sync::Arc::clone(&self.tell),
        );
        tokio::spawn(async move {
            tokio::time::sleep(LONG).await;
            // Without an answer the progress shows no share.
            if let Ok(state) = client.state(&path).await
                && let Some(count) = event_count(&state)
            {
                tell(News::HistoryEnd(count));
            }
        })
    }
}

/// Offset of a stream's last event, from its state.
fn event_count(state: &[u8]) -> Option<u64> {
    let count = crate::model::peek::member(state, "eventCount")?;
    std::str::from_utf8(count).ok()?.parse().ok()
}

/// True for two texts of the same event, whatever the order of their members.
fn same(a: &[u8], b: &[u8]) -> bool {
    a == b
        || match (
            serde_json::from_slice::<Value>(a),
            serde_json::from_slice::<Value>(b),
        ) {
            (Ok(a), Ok(b)) => a == b,
            _ => false,
        }
}

/// The wait before an attempt, a quarter more or less so that many readers do not come at once.
fn pause(attempts: u32) -> Duration {
    let wait = FIRST_WAIT
        .saturating_mul(1 << attempts.min(10))
        .min(LONGEST_WAIT);
    let mut random = [0];
    // Without randomness all come at once, which is no harm to this one.
    let _ = getrandom::fill(&mut random);
    wait.mul_f32(0.75 + f32::from(random[0]) / 512.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_capped() {
        assert!(pause(0) <= FIRST_WAIT.mul_f32(1.25));
        assert!(pause(3) > pause(0));
        for attempts in [8, 40, u32::MAX] {
            assert!(pause(attempts) <= LONGEST_WAIT.mul_f32(1.25));
            assert!(pause(attempts) >= LONGEST_WAIT.mul_f32(0.7));
        }
    }

    #[test]
    fn the_same_event_in_another_order_is_the_same() {
        assert!(same(br#"{"a":1,"b":{"c":2}}"#, br#"{"b": {"c":2}, "a":1}"#));
        assert!(!same(br#"{"a":1}"#, br#"{"a":2}"#));
        assert!(!same(b"{", b"{}"));
    }
}
