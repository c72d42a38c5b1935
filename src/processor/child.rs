//! The box's own process (`evtui __box`): reads orders from standard input, reports on standard output.
//!
//! Why a process: Boa's loop limit counts per call frame, and its budgeted evaluation interrupts
//! neither a loop inside a native callback nor a regular expression nor an allocation. A process can
//! be ended from outside whatever it does, and can be given limits by the operating system.
//!
//! What is guarded: the engine is given no function that opens a file, a socket or a process; the
//! process starts with an empty environment and, once loaded, may open no file (`RLIMIT_NOFILE`),
//! write none (`RLIMIT_FSIZE`) and map only so much memory (`RLIMIT_AS`, Linux). What is not: there is
//! no system-call filter, so a flaw in the engine that gives an attacker machine code is not contained.
//!
//! Three threads: this one reads orders and parses events, `engine` reduces, `watchdog` ends the process
//! when a row takes too long or too much.

mod array;
mod clock;
mod engine;
mod guard;
mod incremental;
mod jsonata;
mod live;
mod output;
mod watchdog;

use self::engine::{Engine, Item, Work};
use self::output::Output;
use self::watchdog::{Kind, Watch};
use super::frames::Order;
use super::json::tape::{Interner, Tape, scan, scan_onto};
use std::io::{self, BufReader};
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::thread;

/// Stack of the engine's thread; only what is used of it is ever backed by memory.
const ENGINE_STACK: usize = 256 << 20;

/// Serves one program until standard input ends; with the argument `live`, one whose hooks run; with
/// `jsonata`, expressions instead.
#[must_use]
pub fn run() -> ExitCode {
    match std::env::args_os().nth(2) {
        Some(word) if word == "live" => return live::run(),
        Some(word) if word == "jsonata" => return jsonata::run(),
        _ => {}
    }
    let (work, queue) = mpsc::channel();
    let (spent, spare) = mpsc::channel();
    serve(
        Watch::new(Kind::Fold),
        move |output, watch| Engine::new(output, watch, queue, spent).run(),
        |watch| read(watch, &work, &spare),
    )
}

/// Runs an engine on a thread of its own under a watchdog, and reads its orders until they end.
fn serve(
    watch: Arc<Watch>,
    engine: impl FnOnce(Output, Arc<Watch>) + Send + 'static,
    read: impl FnOnce(&Watch) -> io::Result<()>,
) -> ExitCode {
    let output = Output::default();
    let engine = thread::Builder::new()
        .name("engine".into())
        .stack_size(ENGINE_STACK)
        .spawn({
            let (watch, output) = (watch.clone(), output.clone());
            move || {
                let _guard = ExitOnPanic;
                watch.runs_here();
                engine(output, watch);
            }
        });
    let watchdog = watchdog::spawn(watch.clone(), output);
    if let (Ok(_), Ok(watchdog)) = (engine, watchdog) {
        watch.wakes(watchdog.thread().clone());
        // An error here is the parent's death or a broken pipe: the same end.
        let _ = read(&watch);
    }
    // The engine may be in a loop that never ends: leave without waiting for it.
    std::process::exit(0)
}

/// A flaw in the engine that panics ends the process, which the parent is prepared for; a thread that
/// ends alone would leave it waiting.
struct ExitOnPanic;

impl Drop for ExitOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            std::process::exit(101);
        }
    }
}

/// Events handed over at once, if so many have come: what each costs by itself is felt.
const BATCH: usize = 64;

fn read(
    watch: &Watch,
    work: &mpsc::Sender<Work>,
    spare: &mpsc::Receiver<Vec<Tape>>,
) -> io::Result<()> {
    let mut input = BufReader::with_capacity(1 << 18, io::stdin());
    let mut interner = Interner::default();
    let mut clock = clock::Reader::new(&mut interner);
    let mut batch = Vec::new();
    let mut tapes: Vec<Tape> = Vec::new();
    loop {
        // Nothing that has come waits for what is still to come.
        if !batch.is_empty() && (batch.len() >= BATCH || input.buffer().is_empty()) {
            let batch = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if work.send(Work::Events(batch)).is_err() {
                return Ok(());
            }
        }
        if tapes.is_empty() {
            tapes.extend(spare.try_iter().flatten());
        }
        let mut tape = tapes.pop().unwrap_or_default();
        let body = std::mem::take(&mut tape.source);
        let Some(order) = Order::read(&mut input, body)? else {
            return Ok(());
        };
        let item = match order {
            Order::Event(json) => {
                let tape = scan_onto(tape, json, Some(&mut interner));
                let millis = tape.as_ref().map_or(0, |tape| clock.millis(tape));
                batch.push(Item {
                    keys: interner.take_fresh(),
                    event: Some((tape, millis)),
                });
                continue;
            }
            Order::Skip => {
                batch.push(Item::default());
                continue;
            }
            Order::Load {
                timeout,
                memory,
                program,
            } => {
                watch.limit(timeout, memory);
                guard::lock(memory);
                Work::Load(program)
            }
            Order::Restore { rows, state } => Work::Restore {
                rows,
                state: state.map(|text| scan(text, None)),
            },
            Order::Fold {
                to,
                keyframe_every,
                want_previous,
                careful,
            } => Work::Fold(engine::Fold {
                to,
                keyframe_every,
                want_previous,
                careful,
            }),
            Order::Cancel => {
                watch.cancel();
                Work::Cancel
            }
        };
        let before = std::mem::take(&mut batch);
        if work.send(Work::Events(before)).is_err() || work.send(item).is_err() {
            return Ok(());
        }
    }
}
