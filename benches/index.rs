//! `cargo bench --bench index [-- SIZE…]`: opening, indexing and searching generated logs, each
//! figure beside `wc -l` on the same file, run in turn with it, warm cache, medians. The logs are
//! written to `target/` once.

#[path = "support/logs.rs"]
mod logs;

use evtui::model::needle::Needle;
use evtui::model::offset::Offset;
use evtui::source::Source;
use evtui::source::file::FileSource;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;

fn main() {
    // Measured in a process of its own: what indexing leaves behind would count otherwise.
    if let Ok(log) = std::env::var("EVTUI_BENCH_MEMORY") {
        memory(Path::new(&log));
        return;
    }
    let sizes: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|a| a.parse().ok())
        .collect();
    let sizes = if sizes.is_empty() {
        vec![10_000, 100_000, 1_000_000]
    } else {
        sizes
    };
    for size in sizes {
        let log = logs::generated(size);
        measure(size, &log);
    }
}

/// What is measured of one opening.
#[derive(Default)]
struct Times {
    wc: Vec<Duration>,
    first_rows: Vec<Duration>,
    last_rows: Vec<Duration>,
    lines: Vec<Duration>,
    columns: Vec<Duration>,
    exact: Vec<Duration>,
    any_case: Vec<Duration>,
    backward: Vec<Duration>,
}

fn measure(events: u64, path: &Path) {
    let mut times = Times::default();
    time(|| wc(path)); // warms the cache
    for _ in 0..ROUNDS {
        times.wc.push(time(|| wc(path)));
        open(events, path, &mut times);
        times.wc.push(time(|| wc(path)));
        search(events, path, &mut times);
    }
    let wc = median(&mut times.wc);
    let bytes = fs::metadata(path).expect("the log").len();
    println!(
        "\n{events} events, {:.0} MB; wc -l {:.1} ms",
        bytes as f64 / 1e6,
        ms(wc)
    );
    println!("{:<34}{:>10}{:>9}{:>12}", "", "ms", "× wc -l", "bound");
    let line = |what: &str, times: &mut Vec<Duration>, bound: &str| {
        let time = median(times);
        let ratio = time.as_secs_f64() / wc.as_secs_f64();
        println!("{what:<34}{:>10.2}{ratio:>9.2}{bound:>12}", ms(time));
    };
    line("first 50 rows", &mut times.first_rows, "50 ms");
    line(
        "last 50 rows, while indexing",
        &mut times.last_rows,
        "50 ms",
    );
    line("line index", &mut times.lines, "2 ×");
    line("columns of all events", &mut times.columns, "8 ×");
    line("search, hit at the end", &mut times.exact, "3 ×");
    line("the same, any case", &mut times.any_case, "3 ×");
    line("backward, hit at the front", &mut times.backward, "");
    let own = std::env::current_exe().expect("this program");
    let out = Command::new(own)
        .env("EVTUI_BENCH_MEMORY", path)
        .output()
        .expect("runs");
    print!("{}", String::from_utf8_lossy(&out.stdout));
}

fn open(events: u64, path: &Path, times: &mut Times) {
    let start = Instant::now();
    let source = FileSource::open(path).expect("opens");
    let log = source.log(None);
    for row in 0..50 {
        assert!(log.row(row).is_some() && log.raw(row).is_some());
    }
    times.first_rows.push(start.elapsed());
    let again = Instant::now();
    let last = log.len() - 1;
    assert_eq!(log.row(last).and_then(|r| r.offset), Some(Offset(events)));
    for row in last - 49..=last {
        assert!(log.raw(row).is_some());
    }
    times.last_rows.push(again.elapsed());
    while source.progress().lines < 1.0 {
        std::thread::sleep(Duration::from_micros(200));
    }
    times.lines.push(start.elapsed());
    source.wait(&|| true);
    times.columns.push(start.elapsed());
    assert_eq!(log.len() as u64, events);
}

fn search(events: u64, path: &Path, times: &mut Times) {
    let source = FileSource::open(path).expect("opens");
    source.wait(&|| true);
    let log = source.log(None);
    let last = usize::try_from(events).ok().map(|n| n - 1);
    let find = |text: &str, from: usize, backward: bool| {
        let needle = Needle::new(text).expect("a text");
        log.search(&needle, from, backward, &|| true)
    };
    times
        .exact
        .push(time(|| assert_eq!(find(logs::HIT, 0, false), last)));
    let lower = logs::HIT.to_lowercase();
    times
        .any_case
        .push(time(|| assert_eq!(find(&lower, 0, false), last)));
    times.backward.push(time(|| {
        assert_eq!(
            find("\"projectSlug\"".trim_matches('"'), last.unwrap_or(0), true),
            Some(0)
        )
    }));
}

fn wc(path: &Path) {
    let status = Command::new("wc")
        .arg("-l")
        .arg(path)
        .stdout(Stdio::null())
        .status();
    assert!(status.expect("wc runs").success());
}

/// Memory of this process with the log wholly indexed; files read are not mapped, so no page of
/// the log is among it.
fn memory(path: &Path) {
    let before = resident();
    let source = FileSource::open(path).expect("opens");
    source.wait(&|| true);
    let log = source.log(None);
    let (now, peak) = (resident(), status("VmHWM:"));
    let more = now.saturating_sub(before) * 1024;
    println!(
        "memory: {:.1} MiB resident, peak {:.1}; the index {:.1} MiB = {:.1} bytes an event   (bound 64 MiB)",
        now as f64 / 1024.0,
        peak as f64 / 1024.0,
        more as f64 / (1 << 20) as f64,
        more as f64 / log.len() as f64,
    );
}

fn resident() -> u64 {
    status("VmRSS:")
}

/// A figure of /proc/self/status, in KiB; 0 where there is none.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(name));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
