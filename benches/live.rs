//! A live stream, measured against the service in this process: catching up on a history, append to
//! screen, a burst, and what an idle session costs.
//!
//! `cargo bench --bench live [-- HISTORY [BURST]]`, 100,000 and 10,000 events unless said otherwise.

use evtui::model::path::StreamPath;
use evtui::runtime::local::{Data, Local};
use evtui::service::{BreakerPolicy, Options};
use evtui::source::Source;
use evtui::source::remote::client::{Client, Server};
use evtui::source::remote::dialect::{After, Bounds, Until};
use evtui::source::remote::wire::Batch;
use evtui::source::remote::{News, Remote, Status};
use futures_util::{StreamExt, stream};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Nothing measured here may take longer.
const PATIENCE: Duration = Duration::from_secs(300);
/// Connections that fill a stream.
const WRITERS: usize = 16;
/// Appends of which the latency is taken, and how many come in a second.
const SAMPLES: usize = 200;
const RATE: u32 = 100;

fn main() {
    let mut args = std::env::args().skip(1).filter_map(|a| a.parse().ok());
    let history: usize = args.next().unwrap_or(100_000);
    let burst: usize = args.next().unwrap_or(10_000);
    let options = Options {
        breaker: BreakerPolicy::Off,
        ..Options::default()
    };
    let local = Local::start(&Data::Memory, 0, options).expect("the service starts");
    let caches = tempfile::tempdir().expect("a folder");
    let remote = remote(&local, &caches);
    let path: StreamPath = "/bench/agent".parse().expect("a path");
    fill(&remote, &path, history);
    println!("history of {history} events, about 200 bytes each");
    let rate = |took: Duration| format!("{:>9.0} events/s", history as f64 / took.as_secs_f64());
    for (name, until) in [
        ("JSON lines", Until::End),
        ("server-sent events", Until::Never),
    ] {
        println!(
            "  read as {name:<28} {}",
            rate(read(&remote, &path, until, history))
        );
    }
    println!(
        "  caught up into the cache, indexed    {}",
        rate(catch_up(&remote, &path, history))
    );
    println!(
        "  opened again from the cache, live    {:>9.1?}",
        catch_up(&remote, &path, history)
    );
    on_screen(&local, &remote, &caches, burst);
}

fn remote(local: &Local, caches: &tempfile::TempDir) -> Remote {
    let server = Server {
        url: Server::parse_url(local.url()).expect("its own URL"),
        project: "public".parse().expect("a project"),
        token: None,
    };
    Remote::new(server, Some(caches.path().join("evtui/streams"))).expect("a connection")
}

fn wait<T>(remote: &Remote, work: impl Future<Output = T>) -> T {
    remote.wait(work).expect("the connection is open")
}

async fn append(client: &Client, path: &StreamPath, n: usize) -> u64 {
    let input = format!(
        r#"{{"type":"user_message","payload":{{"n":{n},"content":"{:60}"}}}}"#,
        n
    );
    client.append(path, input).await.expect("appended").offset
}

/// Appends over many connections; gives the last offset.
fn fill(remote: &Remote, path: &StreamPath, events: usize) -> u64 {
    let client = remote.client();
    let appends = stream::iter(0..events).map(|n| append(client, path, n));
    let all = appends.buffer_unordered(WRITERS);
    wait(
        remote,
        all.fold(0, |last, offset| async move { offset.max(last) }),
    )
}

fn read(remote: &Remote, path: &StreamPath, until: Until, events: usize) -> Duration {
    let bounds = Bounds {
        after: After::Offset(0),
        until,
    };
    let begun = Instant::now();
    wait(remote, async {
        let mut body = remote.client().read(path, bounds).await.expect("a body");
        let (mut batch, mut seen) = (Batch::default(), 0);
        while seen < events {
            batch.clear();
            body.next(&mut batch).await.expect("events");
            seen += batch.events.len();
        }
    });
    begun.elapsed()
}

/// Opens the stream as the screen does and waits until all is here and the connection is live.
fn catch_up(remote: &Remote, path: &StreamPath, events: usize) -> Duration {
    let live: Arc<(Mutex<bool>, Condvar)> = Arc::default();
    let told = Arc::clone(&live);
    let begun = Instant::now();
    let source = remote
        .open(
            path,
            Arc::new(move |news| {
                if news == News::Status(Status::Live) {
                    *told.0.lock().expect("no panic") = true;
                    told.1.notify_all();
                }
            }),
        )
        .expect("a source");
    let guard = live.0.lock().expect("no panic");
    let waited = live.1.wait_timeout_while(guard, PATIENCE, |live| !*live);
    drop(waited);
    source.wait(&|| begun.elapsed() < PATIENCE);
    let took = begun.elapsed();
    assert!(source.log(None).len() > events, "not all is here");
    took
}

/// The program on a pseudo-terminal.
struct Screen {
    _master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: Receiver<(Instant, Vec<u8>)>,
    screen: vt100::Parser,
}

impl Screen {
    fn start(url: &str, path: &StreamPath, caches: &tempfile::TempDir) -> Screen {
        let size = PtySize {
            rows: 50,
            cols: 200,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system()
            .openpty(size)
            .expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_evtui"));
        command.args(["--url", url, path.as_str()]);
        command.env("TERM", "xterm-256color");
        command.env("XDG_CONFIG_HOME", "/nonexistent");
        command.env("XDG_CACHE_HOME", caches.path());
        let mut reader = pair.master.try_clone_reader().expect("its output");
        let keys = pair.master.take_writer().expect("its input");
        let child = pair
            .slave
            .spawn_command(command)
            .expect("the program starts");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 1 << 16];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if sender.send((Instant::now(), buffer[..n].to_vec())).is_err() {
                    break;
                }
            }
        });
        Screen {
            _master: pair.master,
            child,
            keys,
            output,
            screen: vt100::Parser::new(50, 200, 0),
        }
    }

    /// When the bytes came that completed this on the screen.
    fn shows(&mut self, text: &str) -> Instant {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.screen.screen().contents().contains(text) {
                return Instant::now();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok((at, bytes)) = self.output.recv_timeout(left) else {
                panic!(
                    "never showed {text:?}:\n{}",
                    self.screen.screen().contents()
                );
            };
            self.screen.process(&bytes);
            if self.screen.screen().contents().contains(text) {
                return at;
            }
        }
    }

    /// Processor time of the program so far.
    fn used(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.process_id()?));
        let stat = stat.ok()?;
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        let ticks: u64 =
            fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        // A hundred ticks a second wherever there is such a file.
        Some(Duration::from_millis(ticks * 10))
    }
}

fn on_screen(local: &Local, remote: &Remote, caches: &tempfile::TempDir, burst: usize) {
    let path: StreamPath = "/bench/screen".parse().expect("a path");
    fill(remote, &path, 10);
    let mut screen = Screen::start(local.url(), &path, caches);
    screen.shows("LIVE");
    let mut taken = Vec::new();
    for n in 0..SAMPLES {
        let begun = Instant::now();
        let offset = wait(remote, append(remote.client(), &path, n));
        let at = screen.shows(&format!("offset {offset}/{offset}"));
        taken.push(at.saturating_duration_since(begun));
        std::thread::sleep((Duration::from_secs(1) / RATE).saturating_sub(begun.elapsed()));
    }
    taken.sort();
    println!("append to screen, answer included, {SAMPLES} appends at up to {RATE}/s");
    println!(
        "  p50 {:.1?}   p99 {:.1?}   worst {:.1?}",
        taken[taken.len() / 2],
        taken[taken.len() * 99 / 100],
        taken[taken.len() - 1]
    );
    let (begun, before) = (Instant::now(), screen.used());
    let last = fill(remote, &path, burst);
    let appended = Instant::now();
    let at = screen.shows(&format!("offset {last}/{last}"));
    let used = screen
        .used()
        .zip(before)
        .map(|(now, before)| now.saturating_sub(before));
    println!("burst of {burst} events in {:.1?}", appended - begun);
    println!(
        "  on the screen {:.1?} after the last answer; the program used {:.1?} of processor time",
        at.saturating_duration_since(appended),
        used.unwrap_or_default()
    );
    // Messages that fade are redrawn for a while.
    std::thread::sleep(Duration::from_secs(5));
    let before = screen.used();
    std::thread::sleep(Duration::from_secs(5));
    let used = screen
        .used()
        .zip(before)
        .map(|(now, before)| now.saturating_sub(before));
    println!(
        "idle for 5 s: {:?} of processor time",
        used.unwrap_or_default()
    );
    // The program ends with its terminal if it does not hear this.
    let _ = screen.keys.write_all(b"q");
    let _ = screen.child.wait();
}
