//! How long it takes to stand somewhere else in a log of 100k events: to a random offset after the
//! first pass, and one step either way. `cargo bench --bench seek [EVENTS]`; the first line is the
//! built-in state folded in Rust, what the time machine costs by itself. Each figure is of the
//! quietest of a few rounds, as a machine with other work to do adds its own pauses.

#[path = "support/generate.rs"]
mod generate;

use evtui::model::log::EventLog;
use evtui::processor::deployments::named;
use evtui::processor::host::BoxReducer;
use evtui::processor::limits::Limits;
use evtui::processor::source::{Input, prepare};
use evtui::replay::built_in::BuiltInReducer;
use evtui::replay::reducer::{Cancel, Reducer};
use evtui::replay::timeline::{DEFAULT_BUDGET, Timeline};
use evtui::source::Source;
use evtui::source::file::FileSource;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;
const SEEKS: usize = 400;
const STEPS: usize = 400;

const COUNTER: &str = "export default { initialState: { count: 0 }, reduce({ event, state }) { return { ...state, count: state.count + 1 }; } }";
/// 250 slots of 200 characters, of which each event replaces one.
const FIFTY_KB: &str = "export default {
    initialState: { count: 0, slots: Object.fromEntries(Array.from({ length: 250 }, (_, i) => ['slot' + i, 'x'.repeat(190)])) },
    reduce({ event, state }) {
        const key = 'slot' + (event.offset % 250);
        return { count: state.count + 1, slots: { ...state.slots, [key]: String(event.offset).padStart(190, 'y') } };
    },
}";

fn main() {
    let events = std::env::args()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(100_000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log.jsonl");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).expect("a file"));
    generate::write(events, 1, 42, &mut file).expect("a log");
    drop(file);
    let source = FileSource::open(&path).expect("a log");
    source.wait(&|| true);
    let log = source.log(None);
    println!(
        "{:<16} {:>12} {:>10} {:>10} {:>22} {:>22} {:>22}",
        "reducer",
        "first pass",
        "keyframes",
        "MiB",
        "seek p50/p99 ms",
        "forward p50/p99 ms",
        "back p50/p99 ms"
    );
    line(
        "built-in, Rust",
        Box::new(BuiltInReducer::new(named)),
        &*log,
    );
    line("counter", boxed(COUNTER), &*log);
    line("50 kB state", boxed(FIFTY_KB), &*log);
}

fn boxed(code: &str) -> Box<dyn Reducer> {
    let input = Input::Script {
        slug: "bench".to_owned(),
        text: code.to_owned(),
    };
    let program = prepare(&input).expect("a processor");
    let exe = PathBuf::from(env!("CARGO_BIN_EXE_evtui"));
    Box::new(BoxReducer::new(exe, program, Limits::default()))
}

fn line(name: &str, reducer: Box<dyn Reducer>, log: &dyn EventLog) {
    let len = log.len();
    let mut timeline = Timeline::new(reducer, DEFAULT_BUDGET).expect("a reducer");
    let cancel = Cancel::new();
    let started = Instant::now();
    while !timeline
        .advance(log, &cancel, Duration::from_millis(100))
        .expect("a fold")
        .idle
    {}
    let first_pass = started.elapsed();
    let mut at = |rows: usize| {
        let started = Instant::now();
        timeline
            .step_at(log, rows, &cancel, &mut |_| ())
            .expect("a state");
        started.elapsed()
    };
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut anywhere = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % (len as u64 + 1)) as usize
    };
    let (mut seeks, mut forward, mut back) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        seeks.push((0..SEEKS).map(|_| at(anywhere())).collect());
        // Each time somewhere else, where nothing is remembered yet.
        let middle = len * round / (ROUNDS + 1);
        at(middle);
        let on = STEPS.min(len - middle);
        forward.push((1..=on).map(|i| at(middle + i)).collect());
        let late = len - len * round / 17;
        at(late);
        back.push((1..=STEPS.min(late)).map(|i| at(late - i)).collect());
    }
    println!(
        "{name:<16} {:>10.2} s {:>10} {:>10.1} {:>22} {:>22} {:>22}",
        first_pass.as_secs_f64(),
        timeline.keyframes().len(),
        timeline.keyframes().bytes() as f64 / f64::from(1 << 20),
        quantiles(seeks),
        quantiles(forward),
        quantiles(back),
    );
}

/// Of the round with the lowest 99th percentile.
fn quantiles(rounds: Vec<Vec<Duration>>) -> String {
    let of = |mut times: Vec<Duration>| {
        times.sort();
        [0.5, 0.99].map(|share| times[((times.len() - 1) as f64 * share) as usize])
    };
    let best = rounds.into_iter().map(of).min_by_key(|[_, p99]| *p99);
    let [p50, p99] = best
        .unwrap_or_default()
        .map(|time| time.as_secs_f64() * 1e3);
    format!("{p50:.2} / {p99:.2}")
}
