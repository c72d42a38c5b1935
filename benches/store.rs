//! `cargo bench --bench store [-- EVENTS]`: the store on disk beside redb with one group-committing
//! writer and beside a bare loop of write and fdatasync, 200-byte events, on the disk that `target/`
//! is on. Disks have moods: what one fsync takes is measured before and after each row.

use bytes::Bytes;
use evtui::model::event::Millis;
use evtui::model::offset::Offset;
use evtui::model::path::{Project, StreamKey};
use evtui::store::log::{LogStore, Options};
use evtui::store::{Batch, Record, Store};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Bytes of an event.
const EVENT: usize = 200;
/// How long a row of single commits runs.
const LONG: Duration = Duration::from_secs(2);
const TABLE: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("events");

fn main() {
    if let Ok(folder) = std::env::var("EVTUI_BENCH_STORE") {
        child(Path::new(&folder));
        return;
    }
    let events = std::env::args()
        .skip(1)
        .find_map(|a| a.parse().ok())
        .unwrap_or(1_000_000);
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-store");
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).expect("a place");
    println!(
        "{:<38}{:>12}{:>12}{:>12}{:>18}",
        "", "log", "redb", "bare", "fsync ms"
    );
    commits(&place, 1);
    commits(&place, 100);
    in_flight(&place, 16);
    in_flight(&place, 64);
    bulk(&place, events);
    reading(&place, events);
    streams(&place);
    let _ = fs::remove_dir_all(&place);
}

/// Runs what each column is, in turn, with the fsync floor around.
fn row(what: &str, unit: &str, place: &Path, columns: [Option<&mut dyn FnMut() -> f64>; 3]) {
    let before = fsync_floor(place);
    let figures = columns.map(|column| column.map(|run| run()));
    let after = fsync_floor(place);
    let cell =
        |figure: Option<f64>| figure.map_or("–".to_owned(), |f| format!("{f:.*}", digits(f)));
    println!(
        "{what:<38}{:>12}{:>12}{:>12}{:>11.2} {:>6.2}  {unit}",
        cell(figures[0]),
        cell(figures[1]),
        cell(figures[2]),
        before.as_secs_f64() * 1e3,
        after.as_secs_f64() * 1e3,
    );
}

fn digits(figure: f64) -> usize {
    if figure < 10.0 {
        2
    } else {
        usize::from(figure < 100.0)
    }
}

fn fsync_floor(place: &Path) -> Duration {
    let path = place.join("floor");
    let file = File::create(&path).expect("a file");
    file.write_all_at(&[1; 64 << 10], 0).expect("written");
    file.sync_all().expect("synced");
    let mut times: Vec<Duration> = (0..40u64)
        .map(|n| {
            let start = Instant::now();
            file.write_all_at(&[2; EVENT], n * EVENT as u64)
                .expect("written");
            file.sync_data().expect("synced");
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let _ = fs::remove_file(path);
    times[times.len() / 2]
}

fn event(offset: u64) -> Bytes {
    let mut json = format!(
        r#"{{"streamPath":"/bench","offset":{offset},"type":"llm-chunk","createdAt":"2026-03-01T09:00:00.000Z","payload":{{"text":""#
    );
    while json.len() < EVENT - 3 {
        json.push((b'a' + (json.len() as u64 * 7 + offset) as u8 % 26) as char);
    }
    json.push_str("\"}}");
    Bytes::from(json)
}

fn stream(number: u64) -> StreamKey {
    StreamKey {
        project: Project::default(),
        path: format!("/bench/{number}").parse().expect("a path"),
    }
}

fn record(offset: u64) -> Record {
    Record {
        offset: Offset(offset),
        idempotency_key: None,
        json: event(offset),
    }
}

fn log(folder: &Path) -> LogStore {
    LogStore::open(folder, Options::default()).expect("opens")
}

fn give(store: &LogStore, stream: &StreamKey, records: Vec<Record>) -> Receiver<()> {
    let (tell, told) = channel();
    store.append(Batch {
        stream: stream.clone(),
        time: Millis(1),
        records,
        snapshot: None,
        done: Box::new(move |result| {
            result.expect("stored");
            tell.send(()).expect("awaited");
        }),
    });
    told
}

/// Events a second when each commit is awaited before the next.
fn commits(place: &Path, size: u64) {
    let mut ours = || {
        let folder = place.join(format!("log-{size}"));
        let store = log(&folder);
        let key = stream(1);
        let mut next = 1;
        let rate = rate(|| {
            let records = (next..next + size).map(record).collect();
            next += size;
            give(&store, &key, records).recv().expect("told");
            size
        });
        drop(store);
        let _ = fs::remove_dir_all(folder);
        rate
    };
    let mut redb = || {
        let path = place.join(format!("redb-{size}"));
        let database = Database::create(&path).expect("opens");
        let mut next = 1;
        let rate = rate(|| {
            put(&database, next, size);
            next += size;
            size
        });
        drop(database);
        let _ = fs::remove_file(path);
        rate
    };
    let mut bare = || {
        let path = place.join("bare");
        let file = File::create(&path).expect("a file");
        let (mut at, mut next) = (0, 1);
        let rate = rate(|| {
            let bytes: Vec<u8> = (next..next + size).flat_map(event).collect();
            next += size;
            file.write_all_at(&bytes, at).expect("written");
            file.sync_data().expect("synced");
            at += bytes.len() as u64;
            size
        });
        let _ = fs::remove_file(path);
        rate
    };
    row(
        &format!("{size} events a commit"),
        "events/s",
        place,
        [Some(&mut ours), Some(&mut redb), Some(&mut bare)],
    );
}

/// Events a second when so many single ones are always on their way.
fn in_flight(place: &Path, count: usize) {
    let mut ours = || {
        let folder = place.join("log-flight");
        let store = log(&folder);
        let key = stream(1);
        let mut waiting = std::collections::VecDeque::new();
        let mut next = 1;
        let rate = rate(|| {
            while waiting.len() < count {
                waiting.push_back(give(&store, &key, vec![record(next)]));
                next += 1;
            }
            // Take all that are there, as their commit ends.
            let first: Receiver<()> = waiting.pop_front().expect("one");
            first.recv().expect("told");
            let mut done = 1;
            while waiting.front().is_some_and(|w| w.try_recv().is_ok()) {
                waiting.pop_front();
                done += 1;
            }
            done
        });
        for told in waiting {
            told.recv().expect("told");
        }
        drop(store);
        let _ = fs::remove_dir_all(folder);
        rate
    };
    row(
        &format!("single events, {count} on their way"),
        "events/s",
        place,
        [Some(&mut ours), None, None],
    );
}

/// Runs a step over and over; how much it did a second.
fn rate(mut step: impl FnMut() -> u64) -> f64 {
    for _ in 0..20 {
        step();
    }
    let start = Instant::now();
    let mut done = 0;
    while start.elapsed() < LONG {
        done += step();
    }
    done as f64 / start.elapsed().as_secs_f64()
}

fn put(database: &Database, first: u64, count: u64) {
    let transaction = database.begin_write().expect("begins");
    {
        let mut table = transaction.open_table(TABLE).expect("a table");
        for offset in first..first + count {
            table.insert((1, offset), &*event(offset)).expect("put");
        }
    }
    transaction.commit().expect("committed");
}

fn bulk(place: &Path, events: u64) {
    let (ours, theirs) = (place.join("log"), place.join("redb"));
    let chunk = 1000.min(events);
    let mut fill_ours = || {
        let store = log(&ours);
        let key = stream(1);
        let start = Instant::now();
        let mut last: Option<Receiver<()>> = None;
        for first in (1..=events).step_by(chunk as usize) {
            let records = (first..first + chunk).map(record).collect();
            let given = give(&store, &key, records);
            if let Some(before) = last.replace(given) {
                before.recv().expect("told");
            }
        }
        last.expect("some").recv().expect("told");
        events as f64 / start.elapsed().as_secs_f64()
    };
    let mut fill_redb = || {
        let database = Database::create(&theirs).expect("opens");
        let start = Instant::now();
        for first in (1..=events).step_by(chunk as usize) {
            put(&database, first, chunk);
        }
        events as f64 / start.elapsed().as_secs_f64()
    };
    let mut bare = || {
        let path = place.join("bare");
        let mut file = File::create(&path).expect("a file");
        let start = Instant::now();
        for first in (1..=events).step_by(chunk as usize) {
            let bytes: Vec<u8> = (first..first + chunk).flat_map(event).collect();
            file.write_all(&bytes).expect("written");
            file.sync_data().expect("synced");
        }
        let rate = events as f64 / start.elapsed().as_secs_f64();
        let _ = fs::remove_file(path);
        rate
    };
    row(
        &format!("{events} in commits of {chunk}"),
        "events/s",
        place,
        [Some(&mut fill_ours), Some(&mut fill_redb), Some(&mut bare)],
    );
    let size = |path: &Path| fs::metadata(path).map_or(0, |m| m.len()) as f64 / 1e6;
    let segments = || {
        let entries = fs::read_dir(ours.join("segments")).expect("segments");
        entries.map(|e| size(&e.expect("one").path())).sum::<f64>()
    };
    let redb = size(&theirs);
    row(
        "on disk",
        "MB",
        place,
        [Some(&mut { segments }), Some(&mut || redb), None],
    );
}

fn reading(place: &Path, events: u64) {
    let (ours, theirs) = (place.join("log"), place.join("redb"));
    let once = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    // As after a kill: the last segment is looked through in any case.
    let mut open_ours = || once(&mut || drop(std::hint::black_box(log(&ours)))) * 1e3;
    let mut open_redb = || {
        once(&mut || {
            drop(std::hint::black_box(
                Database::open(&theirs).expect("opens"),
            ))
        }) * 1e3
    };
    row(
        "open and close",
        "ms",
        place,
        [Some(&mut open_ours), Some(&mut open_redb), None],
    );
    let store = log(&ours);
    let database = Database::open(&theirs).expect("opens");
    let table = || {
        let transaction = database.begin_read().expect("begins");
        transaction.open_table(TABLE).expect("a table")
    };
    let key = stream(1);
    let mut scan_ours = || {
        let mut next = Offset::FIRST;
        let time = once(&mut || {
            loop {
                let records = store.read(&key, next, 1 << 18).expect("read");
                let Some(last) = records.last() else { break };
                next = last.offset.next();
            }
        });
        assert_eq!(next.0, events + 1);
        events as f64 * EVENT as f64 / time / 1e6
    };
    let mut scan_redb = || {
        let table = table();
        let mut bytes = 0;
        let time = once(&mut || {
            for entry in table.iter().expect("reads") {
                bytes += entry.expect("one").1.value().to_vec().len();
            }
        });
        bytes as f64 / time / 1e6
    };
    row(
        "whole history",
        "MB/s",
        place,
        [Some(&mut scan_ours), Some(&mut scan_redb), None],
    );
    let offsets = |n: u64| 1 + n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % events;
    let mut get_ours = || {
        let mut n = 0;
        rate(|| {
            n += 1;
            let found = store.read(&key, Offset(offsets(n)), 0).expect("read");
            assert_eq!(found.len(), 1);
            1
        })
    };
    let mut get_redb = || {
        let table = table();
        let mut n = 0;
        rate(|| {
            n += 1;
            let found = table.get((1, offsets(n))).expect("read");
            std::hint::black_box(found.expect("there").value().to_vec());
            1
        })
    };
    row(
        "one event, anywhere",
        "events/s",
        place,
        [Some(&mut get_ours), Some(&mut get_redb), None],
    );
}

/// A thousand streams of a thousand events, all with keys: memory, and opening after a kill.
fn streams(place: &Path) {
    let folder = place.join("streams");
    {
        let store = log(&folder);
        for part in 0..100 {
            let given: Vec<_> = (0..1000)
                .map(|number| {
                    let first = part * 10 + 1;
                    let records = (first..first + 10).map(|offset| Record {
                        idempotency_key: Some(format!("{number}/{offset}")),
                        ..record(offset)
                    });
                    give(&store, &stream(number), records.collect())
                })
                .collect();
            for told in given {
                told.recv().expect("told");
            }
        }
    }
    let own = std::env::current_exe().expect("this program");
    let out = Command::new(own)
        .env("EVTUI_BENCH_STORE", &folder)
        .output()
        .expect("runs");
    print!("{}", String::from_utf8_lossy(&out.stdout));
}

/// In a process of its own: what it takes to have that store open.
fn child(folder: &Path) {
    let before = resident();
    let start = Instant::now();
    let store = log(folder);
    let opened = start.elapsed();
    let after = resident();
    let start = Instant::now();
    let mut bytes = 0;
    for number in 0..1000 {
        let mut next = Offset::FIRST;
        loop {
            let records = store.read(&stream(number), next, 1 << 18).expect("read");
            let Some(last) = records.last() else { break };
            next = last.offset.next();
            bytes += records.iter().map(|r| r.json.len()).sum::<usize>();
        }
    }
    let read = start.elapsed();
    let start = Instant::now();
    for n in 0..100_000u64 {
        let (number, offset) = (n * 7919 % 1000, n % 1000 + 1);
        let key = format!("{number}/{offset}");
        assert!(store.find(&stream(number), &key).expect("read").is_some());
    }
    println!(
        "1,000 streams × 1,000 events with keys: opened in {:.1} ms, {:.1} MiB more resident;\n\
         their histories at {:.0} MB/s, events by key {:.0}/s",
        opened.as_secs_f64() * 1e3,
        (after - before) as f64 / 1024.0,
        bytes as f64 / read.as_secs_f64() / 1e6,
        1e5 / start.elapsed().as_secs_f64(),
    );
}

/// KiB of this process; 0 where /proc is not.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}
