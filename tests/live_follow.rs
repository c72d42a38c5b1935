//! Following a stream through everything that can happen to a connection: each event is there
//! once, in order, whole.

#[path = "support/peer.rs"]
mod peer;

use evtui::model::log::EventLog;
use evtui::source::Source;
use evtui::source::remote::client::Server;
use evtui::source::remote::{News, Remote, RemoteSource, Status};
use peer::{Harm, Manners, Peer, proxy};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A hang fails the test after this long; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(180);

struct Session {
    source: RemoteSource,
    log: Arc<dyn EventLog>,
    news: Arc<(Mutex<Vec<News>>, Condvar)>,
    _remote: Remote,
}

fn open(url: &str, caches: Option<&Path>) -> Session {
    let server = Server {
        url: Server::parse_url(url).unwrap(),
        project: "public".parse().unwrap(),
        token: None,
    };
    let remote = Remote::new(server, caches.map(Path::to_owned)).unwrap();
    let news: Arc<(Mutex<Vec<News>>, Condvar)> = Arc::default();
    let told = Arc::clone(&news);
    let tell = move |one| {
        told.0.lock().unwrap().push(one);
        told.1.notify_all();
    };
    let source = remote.open(&"/a".parse().unwrap(), Arc::new(tell)).unwrap();
    let changed = Arc::clone(&news);
    source.on_change(Box::new(move || {
        // Taken, so that nobody is between looking and waiting.
        drop(changed.0.lock().unwrap());
        changed.1.notify_all();
    }));
    Session {
        log: source.log(None),
        source,
        news,
        _remote: remote,
    }
}

/// Waits until no session uses the caches in a folder: one that is dropped ends by and by, and who
/// comes before that reads a copy of its own.
fn let_go(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = std::fs::File::open(entry.unwrap().path()).unwrap();
        file.lock().unwrap();
    }
}

impl Session {
    #[track_caller]
    fn wait(&self, what: &str, holds: impl Fn(&[News]) -> bool) {
        let begun = Instant::now();
        let mut news = self.news.0.lock().unwrap();
        while !holds(&news) {
            // The waits between attempts are not what is tested.
            if let Some(News::Status(Status::Retrying { .. })) = news.last() {
                self.source.reconnect();
            }
            let left = PATIENCE.saturating_sub(begun.elapsed());
            assert!(
                !left.is_zero(),
                "never {what}: {} rows, {news:?}",
                self.log.len()
            );
            news = self.news.1.wait_timeout(news, left).unwrap().0;
        }
    }

    #[track_caller]
    fn is(&self, status: &Status) {
        self.wait(&format!("{status:?}"), |news| {
            let last = news.iter().rev().find_map(|n| match n {
                News::Status(status) => Some(status),
                _ => None,
            });
            last == Some(status)
        });
    }

    /// The log must come to hold exactly these events.
    #[track_caller]
    fn holds(&self, events: &[String]) {
        self.wait("all events", |_| {
            self.log.len() >= events.len() && self.log.indexing().is_done()
        });
        let held: Vec<String> = (0..self.log.len())
            .map(|row| String::from_utf8(self.log.raw(row).unwrap().into_owned()).unwrap())
            .collect();
        assert!(held == events, "held {held:#?}");
        assert!(
            self.log
                .complaints()
                .iter()
                .all(|c| c.what.contains("empty")),
            "{:?}",
            self.log.complaints()
        );
    }
}

#[test]
fn history_then_live_in_every_dialect() {
    for names in 0..3 {
        for lines in [false, true] {
            let manners = Manners {
                names,
                lines,
                says_done: true,
                ..Manners::default()
            };
            let peer = Peer::start(manners);
            let history = peer.append(30);
            let session = open(&peer.url, None);
            session.holds(&history);
            session.is(&Status::Live);
            let all = peer.append(5);
            session.holds(&all);
            // What a service does not know it is asked once, whatever is asked later.
            assert_eq!(peer.refusals(), names, "{:#?}", peer.requests());
        }
    }
}

/// As a proxy does whose time for idle connections is over.
#[test]
fn a_kept_connection_that_is_closed_is_no_lost_one() {
    let peer = Peer::start(Manners {
        lines: true,
        hangs_up: true,
        ..Manners::default()
    });
    peer.append(30);
    let session = open(&peer.url, None);
    session.is(&Status::Live);
    session.holds(&peer.append(5));
    assert_eq!(peer.requests().len(), 2, "{:#?}", peer.requests());
    let news = session.news.0.lock().unwrap();
    let lost = |one: &News| matches!(one, News::Status(Status::Retrying { .. }));
    assert!(!news.iter().any(lost), "{news:?}");
}

#[test]
fn an_empty_stream_fills() {
    let peer = Peer::start(Manners::default());
    let session = open(&peer.url, None);
    session.is(&Status::Live);
    session.holds(&peer.append(1));
}

/// Wherever the connection is cut: in a header, in an event, in a character.
#[test]
fn cut_anywhere() {
    let cuts = [
        0, 17, 100, 155, 190, 251, 252, 253, 254, 255, 400, 700, 1001, 2000, 2001, 2002, 2003,
    ];
    for (lines, packs) in [(true, false), (false, false), (true, true), (false, true)] {
        let peer = Peer::start(Manners {
            lines,
            packs,
            ..Manners::default()
        });
        let history = peer.append(20);
        let harms = cuts.map(Harm::Cut).to_vec();
        let session = open(&proxy(&peer.url, harms), None);
        session.holds(&history);
        session.is(&Status::Live);
        session.holds(&peer.append(3));
        assert_eq!(peer.packed() > 0, packs);
    }
}

/// Gzip where it is offered, and for history only: a live event must not wait in a packer's window.
#[test]
fn packed_histories() {
    let peer = Peer::start(Manners {
        lines: true,
        packs: true,
        ..Manners::default()
    });
    let history = peer.append(3_000);
    let session = open(&peer.url, None);
    session.holds(&history);
    session.is(&Status::Live);
    session.holds(&peer.append(5));
    assert!(peer.packed() > 0, "it was not accepted");
}

/// Held up in the middle of an event, and of a character, for longer than any buffer waits.
#[test]
fn held_up() {
    let peer = Peer::start(Manners::default());
    let history = peer.append(6);
    let wait = Duration::from_millis(700);
    let harms = vec![Harm::Hold(333, wait), Harm::Hold(254, wait)];
    let session = open(&proxy(&peer.url, harms), None);
    session.holds(&history);
    session.is(&Status::Live);
    session.holds(&peer.append(3));
}

/// Live connections are cut over and over while events come.
#[test]
fn cut_while_live() {
    let peer = Peer::start(Manners {
        again: 3,
        lines: true,
        ..Manners::default()
    });
    peer.append(3);
    // Odd ones are the short histories, even ones the live readers.
    let harms = (0..12)
        .flat_map(|i| [Harm::None, Harm::Cut(300 + 173 * i)])
        .collect();
    let session = open(&proxy(&peer.url, harms), None);
    session.is(&Status::Live);
    let mut all = Vec::new();
    for _ in 0..12 {
        all = peer.append(7);
        session.holds(&all);
    }
    session.holds(&all);
}

#[test]
fn dripping_and_doubling() {
    let peer = Peer::start(Manners {
        again: 5,
        ..Manners::default()
    });
    let history = peer.append(12);
    let session = open(&proxy(&peer.url, vec![Harm::Drip(1), Harm::Drip(3)]), None);
    session.holds(&history);
    session.is(&Status::Live);
    session.holds(&peer.append(9));
}

#[test]
fn a_service_that_keeps_to_no_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let peer = Peer::start(Manners {
        ignores: true,
        ..Manners::default()
    });
    let history = peer.append(4);
    {
        let session = open(&peer.url, Some(folder.path()));
        session.holds(&history);
        session.is(&Status::Live);
        session.holds(&peer.append(2));
    }
    let_go(folder.path());
    let all = peer.append(2);
    let session = open(&peer.url, Some(folder.path()));
    session.holds(&all);
    session.is(&Status::Live);
}

#[test]
fn the_cache_is_gone_on_from_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let peer = Peer::start(Manners {
        lines: true,
        ..Manners::default()
    });
    let history = peer.append(100);
    open(&peer.url, Some(folder.path())).holds(&history);
    let_go(folder.path());
    let cache = std::fs::read_dir(folder.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let whole = std::fs::metadata(&cache).unwrap().len();
    // The last write was torn in the middle of an event.
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(&cache)
        .unwrap();
    file.set_len(whole - 400).unwrap();
    let asked_before = peer.requests().len();
    let all = peer.append(10);
    let session = open(&peer.url, Some(folder.path()));
    session.holds(&all);
    session.is(&Status::Live);
    let asked = peer.requests().split_off(asked_before);
    let from = |request: &String| {
        let after = request.split("afterOffset=").nth(1)?;
        after.split(['&', ' ']).next()?.parse::<u64>().ok()
    };
    let history = asked.iter().filter_map(from).min().unwrap();
    assert!(
        (90..100).contains(&history),
        "asked from the start: {asked:#?}"
    );
}

#[test]
fn a_stream_started_over_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let peer = Peer::start(Manners::default());
    peer.append(4);
    let session = open(&peer.url, Some(folder.path()));
    session.is(&Status::Live);
    // Under a live reader: what it brought shows that it reads.
    let old = peer.append(1);
    session.holds(&old);
    peer.destroy();
    peer.append(9);
    let restarted = |news: &[News]| news.iter().any(|n| matches!(n, News::Restarted { .. }));
    session.wait("restarted", restarted);
    session.holds(&old);
    drop(session);
    let_go(folder.path());
    let session = open(&peer.url, Some(folder.path()));
    session.holds(&peer.append(1));
    drop(session);
    let_go(folder.path());
    // Between two sessions, and already longer than before.
    peer.destroy();
    let new = peer.append(30);
    let session = open(&peer.url, Some(folder.path()));
    session.wait("restarted", restarted);
    drop(session);
    let_go(folder.path());
    open(&peer.url, Some(folder.path())).holds(&new);
    let aside = std::fs::read_dir(folder.path()).unwrap().flatten();
    assert_eq!(
        aside
            .filter(|e| e.file_name().to_string_lossy().ends_with(".old.jsonl"))
            .count(),
        1
    );
}

#[test]
fn a_service_that_is_not_there_and_comes_back() {
    let peer = Peer::start(Manners::default());
    let history = peer.append(3);
    let url = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let session = open(&url, None);
    let retrying = |news: &[News]| {
        news.iter().any(
            |n| matches!(n, News::Status(Status::Retrying { why, .. }) if why.contains("refused")),
        )
    };
    session.wait("retrying", retrying);
    drop(session);
    let session = open(&proxy(&peer.url, vec![Harm::Cut(0); 4]), None);
    session.wait("retrying", |news| {
        news.iter()
            .any(|n| matches!(n, News::Status(Status::Retrying { .. })))
    });
    session.holds(&history);
    session.is(&Status::Live);
}

#[test]
fn an_end_and_a_refusal_are_final() {
    let peer = Peer::start(Manners::default());
    let history = peer.append(3);
    let session = open(&peer.url, None);
    session.is(&Status::Live);
    peer.done();
    session.is(&Status::Ended);
    session.holds(&history);

    // Nothing of what it answers is a stream.
    let session = open(&format!("{}/elsewhere", peer.url), None);
    session.wait("offline", |news| {
        news.iter()
            .any(|n| matches!(n, News::Status(Status::Offline { why }) if why.contains("404")))
    });
}
