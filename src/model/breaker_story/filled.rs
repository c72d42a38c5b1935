//! What filled the limit: the rows in it, by type, by who appended them, and the chain of causes
//! they form.

use super::ledger::{Ledger, Read, fold};
use super::{KeepGoing, Link as Event};
use crate::model::cause;
use crate::model::event::Millis;
use crate::model::log::EventLog;
use crate::model::offset::Offset;
use crate::model::stream_state::breaker::{Breaker, Policy};
use rustc_hash::FxHashMap;
use std::ops::Range;

/// Most rows looked at to explain a bucket that ran dry.
const MOST_ROWS: usize = 4_096;
/// Most links followed back to a chain's root.
const MOST_LINKS: usize = 10_000;
/// Links of a chain that are named.
const NAMED_LINKS: usize = 16;
/// Longest cycle of types that is called a loop.
const LONGEST_LOOP: usize = 8;

/// What filled the limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filled {
    /// From the first to after the last event that counts; others may lie between.
    pub rows: Range<usize>,
    /// Events that count.
    pub events: usize,
    /// There were more than can be looked at; the oldest are left out.
    pub more: bool,
    /// By type and author, the largest first.
    pub groups: Vec<Group>,
    /// The longest chain of causes among them.
    pub chain: Option<Chain>,
}

/// Events of one type by one author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The type's last part.
    pub family: String,
    /// Who appended them.
    pub author: Author,
    /// How many.
    pub count: usize,
}

/// Who appended an event, as far as the log tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Author {
    /// A worker, by slug: its key names it, or it answers an event and there is only this worker.
    Worker(String),
    /// It answers an event, and any of several workers (or none that the log configures) may have
    /// appended it.
    SomeWorker,
    /// Nothing says that a worker did.
    Outside,
}

/// One event, named.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Its row.
    pub row: usize,
    /// Its offset, when it has one.
    pub offset: Option<u64>,
    /// The type's last part.
    pub family: String,
    /// When.
    pub time: Option<Millis>,
}

/// Events of which each came from the one before (`sourceOffset`), told from the last one back.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// The newest links, at most 16, the newest first.
    pub links: Vec<Link>,
    /// Links in all, the root among them; at most 10,001.
    pub length: usize,
    /// The event that started it.
    pub root: Link,
    /// Types that repeat along the chain: 1 when each event answers its own type, 2 for a ping
    /// and a pong; `None` when nothing repeats.
    pub loop_of: Option<usize>,
}

impl Filled {
    /// Finds what filled the limit of `before`, the breaker after the rows before `until`. `None`
    /// when it was stopped.
    pub(super) fn find(
        ledger: &mut Ledger,
        log: &dyn EventLog,
        until: usize,
        before: &Breaker,
        keep_going: KeepGoing<'_>,
    ) -> Option<Filled> {
        let (rows, more) = match before.config {
            None => {
                let wanted = before.recent_event_timestamps.len();
                (counted_back(log, until, wanted), false)
            }
            Some(_) => drained(ledger, log, until, keep_going)?,
        };
        let mut groups: FxHashMap<(String, Author), usize> = FxHashMap::default();
        let workers: Vec<String> = ledger
            .workers_before(until)
            .into_iter()
            .map(str::to_owned)
            .collect();
        // Offsets in the window, and how long a chain of causes ends there.
        let mut depths: FxHashMap<u64, usize> = FxHashMap::default();
        let mut deepest: Option<(usize, usize)> = None;
        for &row in &rows {
            let (Some(event), Some(raw)) = (Event::of(log, row), log.raw(row)) else {
                continue;
            };
            let source = cause::source_offset(&raw);
            let author = author(&raw, source, &workers);
            *groups.entry((event.family, author)).or_default() += 1;
            let depth = source.map_or(0, |source| match depths.get(&source) {
                Some(depth) => depth + 1,
                // A cause older than the window, if the log holds it at all.
                None => usize::from(earlier(log, source, row).is_some()),
            });
            if let Some(offset) = event.offset {
                depths.insert(offset, depth);
            }
            if depth > 0 && deepest.is_none_or(|(d, _)| depth >= d) {
                deepest = Some((depth, row));
            }
        }
        let mut groups: Vec<Group> = groups
            .into_iter()
            .map(|((family, author), count)| Group {
                family,
                author,
                count,
            })
            .collect();
        groups
            .sort_by(|a, b| (b.count, &a.family, &a.author).cmp(&(a.count, &b.family, &b.author)));
        Some(Filled {
            events: rows.len(),
            rows: rows.first().map_or(until..until, |first| *first..until),
            more,
            groups,
            chain: deepest.and_then(|(_, row)| chain(log, row)),
        })
    }

    /// Events by author, whatever their type, the most first.
    #[must_use]
    pub fn by_author(&self) -> Vec<(Author, usize)> {
        let mut sums: Vec<(Author, usize)> = Vec::new();
        for group in &self.groups {
            match sums.iter_mut().find(|(author, _)| *author == group.author) {
                Some((_, count)) => *count += group.count,
                None => sums.push((group.author.clone(), group.count)),
            }
        }
        sums.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        sums
    }
}

fn author(raw: &[u8], source: Option<u64>, workers: &[String]) -> Author {
    match (cause::worker(raw), source, workers) {
        (Some(slug), ..) => Author::Worker(slug),
        (None, Some(_), [only]) => Author::Worker(only.clone()),
        (None, Some(_), _) => Author::SomeWorker,
        (None, None, _) => Author::Outside,
    }
}

/// The last `wanted` rows before `until` that were counted, ascending.
fn counted_back(log: &dyn EventLog, until: usize, wanted: usize) -> Vec<usize> {
    let mut rows = Vec::with_capacity(wanted);
    for row in (0..until).rev() {
        if rows.len() == wanted {
            break;
        }
        // A breaker of its own says what the row is; what it counts does not matter here.
        match fold(&mut Breaker::default(), log, row, Policy::Off) {
            Some(Read::Counted | Read::Worker(_))
                if log.row(row).is_some_and(|r| r.time.is_some()) =>
            {
                rows.push(row);
            }
            _ => {}
        }
    }
    rows.reverse();
    rows
}

/// The rows that emptied the bucket: all since it was last full. True: and more before them.
fn drained(
    ledger: &mut Ledger,
    log: &dyn EventLog,
    until: usize,
    keep_going: KeepGoing<'_>,
) -> Option<(Vec<usize>, bool)> {
    let from = until.saturating_sub(MOST_ROWS);
    let mut breaker = ledger.at(log, from, keep_going)?;
    let mut rows = Vec::new();
    let mut more = from > 0;
    for row in from..until {
        let counts = !breaker.paused && log.row(row).is_some_and(|r| r.time.is_some());
        match fold(&mut breaker, log, row, ledger.policy())? {
            Read::Gate => {
                rows.clear();
                more = false;
            }
            Read::Counted | Read::Worker(_) if counts => {
                // One token is gone: it was full before this event.
                if breaker.level(ledger.policy()).used <= 1.0 {
                    rows.clear();
                    more = false;
                }
                rows.push(row);
            }
            _ => {}
        }
    }
    Some((rows, more))
}

/// The row of an event's cause. An effect is later than its cause; anything else would go round for
/// ever.
fn earlier(log: &dyn EventLog, source: u64, effect: usize) -> Option<usize> {
    log.row_of_offset(Offset(source))
        .filter(|row| *row < effect)
}

/// Follows an event's causes back to the first one.
fn chain(log: &dyn EventLog, newest: usize) -> Option<Chain> {
    let mut links = vec![Event::of(log, newest)?];
    let mut root = links[0].clone();
    let mut length = 1;
    while length <= MOST_LINKS {
        let source = log.raw(root.row).and_then(|raw| cause::source_offset(&raw));
        let before = source
            .and_then(|source| earlier(log, source, root.row))
            .and_then(|row| Event::of(log, row));
        let Some(before) = before else { break };
        if links.len() < NAMED_LINKS {
            links.push(before.clone());
        }
        root = before;
        length += 1;
    }
    Some(Chain {
        loop_of: period(&links, length),
        links,
        length,
        root,
    })
}

/// The shortest cycle of types in the newest links; at least two rounds of it must be there.
fn period(links: &[Link], length: usize) -> Option<usize> {
    // Where a chain is this short its root, which somebody else appended, is among the links.
    let end = if length == links.len() {
        links.len() - 1
    } else {
        links.len()
    };
    let looped = &links[..end];
    (1..=LONGEST_LOOP).find(|&cycle| {
        looped.len() >= 2 * cycle
            && (cycle..looped.len()).all(|i| looped[i].family == looped[i - cycle].family)
    })
}
