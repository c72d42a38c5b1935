//! The service under load, each figure beside its peers on the same machine in the same run.
//!
//! `cargo bench --bench server [-- --quick] [--only evtui,floor] [--rows append,live] [--seconds 3]`;
//! `benches/server.sh` fetches the peers first. The disk's fsync is measured before and after every
//! figure: figures of one row are comparable when theirs is about the same, and a figure whose fsync
//! is far from the row's first is taken again, up to three times. Beside the rate stands the processor
//! time that the peer itself spent on an event, which depends less on what else the machine does.
//!
//! # What holds it back
//!
//! The processor: client and server share it. `perf` over `evtui serve`, 64 connections to one stream,
//! two cores, fsync 0.2 to 0.3 ms, 40 to 49 µs an event (the floor: 35 to 48, Redis: 20 to 26):
//!
//! ```text
//! 36 %  request tasks, kernel    TCP in and out, waking threads, epoll
//! 32 %  request tasks, own code  hyper, JSON, axum; no function has more than 1 %
//! 12 %  request tasks, libc      malloc and memmove
//! 15 %  writer thread, kernel    fdatasync: giving the blocks to the disk, waiting for it
//!  4 %  writer thread, own code  encoding, checksums, index
//! ```
//!
//! A commit costs about 100 µs of processor time however many events share it, so the writer lets those
//! who are about to append run first (`store::queue`): 17 to 24 events a commit instead of 10, which
//! took 4 to 10 µs off an event. Not routing through a tree of boxed services, giving the connection's buffer
//! back before waiting for the disk and sharing a stream's name instead of copying it took off
//! 4 to 14 more. What is left beyond Redis is HTTP and JSON.

#[path = "server/floor.rs"]
mod floor;
#[path = "server/load.rs"]
mod load;
#[path = "server/peers.rs"]
mod peers;
#[path = "server/wire.rs"]
mod wire;

use peers::{FLOOR, Peer, Running};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Two fsyncs are alike when neither takes more than so many times the other.
const ALIKE: f64 = 2.0;
const TRIES: usize = 3;

/// How much is measured.
struct Sizes {
    time: Duration,
    warm_up: Duration,
    /// Events of a fan-out to 1, 100 and 1,000 readers.
    fan_out: [(usize, u64); 3],
    history: u64,
    streams: u64,
    each: u64,
    idle: usize,
    fsyncs: usize,
}

impl Sizes {
    const FULL: Sizes = Sizes {
        time: Duration::from_secs(3),
        warm_up: Duration::from_millis(500),
        fan_out: [(1, 1_000), (100, 200), (1_000, 50)],
        history: 200_000,
        streams: 1_000,
        each: 1_000,
        idle: 10_000,
        fsyncs: 100,
    };
    const QUICK: Sizes = Sizes {
        time: Duration::from_millis(200),
        warm_up: Duration::from_millis(50),
        fan_out: [(1, 20), (10, 5), (50, 5)],
        history: 500,
        streams: 10,
        each: 10,
        idle: 50,
        fsyncs: 10,
    };
}

/// What is measured, one line of the table.
#[derive(Clone, Copy, Debug)]
enum Row {
    Appends {
        connections: usize,
        streams: usize,
    },
    FanOut {
        readers: usize,
        events: u64,
    },
    History,
    Idle,
    /// Memory with many streams, and the time to be ready again with them.
    Full,
}

impl Row {
    fn group(self) -> &'static str {
        match self {
            Row::Appends { .. } => "append",
            Row::FanOut { .. } => "live",
            Row::History => "history",
            Row::Idle => "idle",
            Row::Full => "full",
        }
    }

    fn title(self, sizes: &Sizes) -> String {
        match self {
            Row::Appends { connections: 1, .. } => {
                "appends/s, 1 connection (ms p50/p99; µs of processor each)".into()
            }
            Row::Appends {
                connections,
                streams,
            } => {
                format!(
                    "appends/s, {connections} connections, {streams} streams (ms p50/p99; µs of processor each)"
                )
            }
            Row::FanOut { readers: 1, .. } => "append to live reader, ms p50/p99 (append's)".into(),
            Row::FanOut { readers, .. } => {
                format!("one append to {readers} readers, ms p50/p99 (append's)")
            }
            Row::History => format!("history of {} events, MB/s (events/s)", sizes.history),
            Row::Idle => format!("{} idle live readers, MiB (KiB each)", sizes.idle),
            Row::Full => format!(
                "{} streams × {} events: MiB resident; ms to be ready again",
                sizes.streams, sizes.each
            ),
        }
    }

    async fn measure(self, peer: Peer, folder: &Path, sizes: &Sizes) -> io::Result<String> {
        let running = Arc::new(peer.start(folder).await?);
        match self {
            Row::Appends {
                connections,
                streams,
            } => {
                let (warm_up, time) = (sizes.warm_up, sizes.time);
                let appended = load::appends(&running, connections, streams, warm_up, time).await?;
                let processor = appended.processor.unwrap_or(f64::NAN);
                let latencies = appended.latencies.p50_p99();
                Ok(format!(
                    "{:.0} ({latencies}; {processor:.0})",
                    appended.rate
                ))
            }
            Row::FanOut { readers, events } => {
                let (appends, deliveries) = load::fan_out(&running, readers, events).await?;
                Ok(format!("{} ({})", deliveries.p50_p99(), appends.p50_p99()))
            }
            Row::History => {
                let events = peer.share_of(sizes.history);
                load::fill(&running, 1, events).await?;
                let (bytes, time) = load::history(&running, 3).await?;
                let seconds = time.as_secs_f64();
                let rate = bytes as f64 / 1e6 / seconds;
                Ok(format!("{rate:.0} ({:.0})", events as f64 / seconds))
            }
            Row::Idle => {
                let (each, all) = load::idle(&running, sizes.idle).await?;
                Ok(format!("{:.0} ({:.1})", mib(all), each as f64 / 1024.0))
            }
            Row::Full => {
                if matches!(peer, Peer::DurableStreams | Peer::Floor) {
                    return Ok("–".into());
                }
                load::fill(&running, sizes.streams, sizes.each).await?;
                let memory = running.memory().map_or(f64::NAN, mib);
                stop(running)?;
                let again = peer.start(folder).await?;
                Ok(format!(
                    "{memory:.0}; {:.0}",
                    again.ready.as_secs_f64() * 1e3
                ))
            }
        }
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn stop(running: Arc<Running>) -> io::Result<()> {
    match Arc::into_inner(running) {
        Some(running) => running.stop(),
        None => Err(io::Error::other("it is still in use")),
    }
}

/// The bare loop: the median time to write 200 bytes and have them on the disk, in milliseconds.
fn fsync(folder: &Path, times: usize) -> io::Result<f64> {
    let mut file = File::create(folder.join("fsync"))?;
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        let started = Instant::now();
        file.write_all(&[b'x'; 200])?;
        file.sync_data()?;
        took.push(started.elapsed());
    }
    took.sort_unstable();
    Ok(took[times / 2].as_secs_f64() * 1e3)
}

fn alike(a: f64, b: f64) -> bool {
    a <= b * ALIKE && b <= a * ALIKE
}

/// One figure, taken again while the disk changes its mood.
async fn figure(
    row: Row,
    peer: Peer,
    sizes: &Sizes,
    mood: &mut Option<f64>,
    root: &Path,
) -> io::Result<String> {
    let mut last = String::new();
    for _ in 0..TRIES {
        let folder = tempfile::tempdir_in(root)?;
        let before = fsync(folder.path(), sizes.fsyncs)?;
        let measured = row.measure(peer, &folder.path().join("data"), sizes).await;
        let after = fsync(folder.path(), sizes.fsyncs)?;
        let first = *mood.get_or_insert(before);
        let same = alike(before, after) && alike(before, first);
        let figure = measured.unwrap_or_else(|error| format!("failed: {error}"));
        last = format!(
            "{figure} [{before:.2}, {after:.2}]{}",
            if same { "" } else { " !" }
        );
        if same {
            break;
        }
    }
    Ok(last)
}

/// A flag's value among the arguments.
fn value<'a>(args: &'a [String], flag: &str) -> Option<&'a str> {
    let at = args.iter().position(|arg| arg == flag)?;
    args.get(at + 1).map(String::as_str)
}

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == FLOOR) {
        return floor::run(Path::new(&args[1]));
    }
    raise_file_limit();
    let mut sizes = match args.iter().any(|arg| arg == "--quick") {
        true => Sizes::QUICK,
        false => Sizes::FULL,
    };
    if let Some(seconds) = value(&args, "--seconds").and_then(|text| text.parse().ok()) {
        sizes.time = Duration::from_secs(seconds);
    }
    let wanted = |flag: &str, name: &str| {
        value(&args, flag).is_none_or(|list| list.split(',').any(|item| item == name))
    };
    let peers: Vec<Peer> = Peer::ALL
        .into_iter()
        .filter(|peer| wanted("--only", peer.name()))
        .filter(|peer| match peer.missing() {
            None => true,
            Some(why) => {
                println!("without {}: {why}", peer.name());
                false
            }
        })
        .collect();
    let mut rows: Vec<Row> = [(1, 1), (16, 1), (64, 1), (64, 64)]
        .map(|(connections, streams)| Row::Appends {
            connections,
            streams,
        })
        .into();
    rows.extend(
        sizes
            .fan_out
            .map(|(readers, events)| Row::FanOut { readers, events }),
    );
    rows.extend([Row::History, Row::Idle, Row::Full]);
    rows.retain(|row| wanted("--rows", row.group()));

    let root = match value(&args, "--on") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-server"),
    };
    std::fs::create_dir_all(&root)?;
    println!(
        "events of 200 bytes; in brackets the disk's fsync in ms before and after, ! where it changed"
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for row in rows {
        println!("\n{}", row.title(&sizes));
        let mut mood = None;
        for peer in &peers {
            let figure = runtime.block_on(figure(row, *peer, &sizes, &mut mood, &root))?;
            println!("  {:<16} {figure}", peer.name());
        }
        if let Some(fsync) = mood {
            println!(
                "  {:<16} {:.0}/s, one after the other",
                "write+fdatasync",
                1e3 / fsync
            );
        }
    }
    Ok(())
}

/// Ten thousand readers are as many sockets.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        println!("the limit on open files stays as it is: {error}");
    }
}
