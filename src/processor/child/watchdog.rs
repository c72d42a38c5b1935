//! Ends the process when a row takes too much time or memory, saying which row it was.
//!
//! Time is what the row worked, where the system tells: a row is not to blame for a busy machine, nor
//! for a terminal that stopped the program for a while. Otherwise a state would depend on them.

use super::guard::{self, Gauge};
use super::output::Output;
use crate::processor::frames::jsonata::{Answer, Part};
use crate::processor::frames::{Death, Report, live};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// What kind of box is watched, and reports so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A fold.
    Fold,
    /// A live worker.
    Live,
    /// An evaluator of expressions.
    Jsonata,
}

/// How often the engine is looked at while it works.
const LOOK: Duration = Duration::from_millis(5);
/// A look that comes later than this after the one before counts as this: the process was stopped.
const LATE: Duration = Duration::from_millis(100);
/// A hook that has not come back to its event loop for so long gives way to others.
const LONG: Duration = Duration::from_millis(500);
/// How many times its limit a row may take by the clock when it did not work that long.
const PATIENCE: u32 = 20;

/// What engine and watchdog share. The engine pays two relaxed stores a row.
pub struct Watch {
    /// Counts up at every begin (to odd) and end (to even) of a row.
    turn: AtomicU64,
    /// The row begun last; `u64::MAX` while loading.
    row: AtomicU64,
    /// Nanoseconds it may take.
    allowed: AtomicU64,
    timeout: AtomicU64,
    memory: AtomicU64,
    working: AtomicBool,
    pressure: AtomicBool,
    cancel: AtomicBool,
    kind: Kind,
    /// The thread that code runs on, as the system numbers it; 0 while that is not known.
    engine: AtomicI32,
    /// What runs is a hook.
    hook: AtomicBool,
    watchdog: OnceLock<Thread>,
}

impl Watch {
    /// Nothing to watch yet.
    pub fn new(kind: Kind) -> Arc<Watch> {
        Arc::new(Watch {
            kind,
            engine: AtomicI32::new(0),
            hook: AtomicBool::new(false),
            turn: AtomicU64::new(0),
            row: AtomicU64::new(u64::MAX),
            allowed: AtomicU64::new(u64::MAX),
            timeout: AtomicU64::new(u64::MAX),
            memory: AtomicU64::new(u64::MAX),
            working: AtomicBool::new(false),
            pressure: AtomicBool::new(false),
            cancel: AtomicBool::new(false),
            watchdog: OnceLock::new(),
        })
    }

    /// Sets the limits.
    pub fn limit(&self, timeout: Duration, memory: u64) {
        self.timeout
            .store(timeout.as_nanos() as u64, Ordering::Relaxed);
        self.memory.store(memory, Ordering::Relaxed);
    }

    /// Code will run on the thread that calls this.
    pub fn runs_here(&self) {
        let thread = guard::this_thread().unwrap_or(0);
        self.engine.store(thread, Ordering::Relaxed);
    }

    /// Tells which thread to wake when work begins.
    pub fn wakes(&self, watchdog: Thread) {
        // Set once, by the only caller.
        let _ = self.watchdog.set(watchdog);
    }

    /// An order is being worked on (or no more): wakes the watchdog, or lets it sleep.
    pub fn working(&self, working: bool) {
        self.working.store(working, Ordering::Release);
        if working && let Some(watchdog) = self.watchdog.get() {
            watchdog.unpark();
        }
    }

    /// Code of the program runs from now on, for this row (`None`: loading), `times` the usual time.
    pub fn begin(&self, row: Option<u64>, times: u64) {
        self.row.store(row.unwrap_or(u64::MAX), Ordering::Relaxed);
        let timeout = self.timeout.load(Ordering::Relaxed);
        self.allowed
            .store(timeout.saturating_mul(times), Ordering::Relaxed);
        self.hook.store(false, Ordering::Relaxed);
        self.turn.fetch_add(1, Ordering::Release);
    }

    /// Code of a hook runs from now on, begun for the event at `offset`.
    pub fn begin_hook(&self, offset: u64, allowed: Duration) {
        self.row.store(offset, Ordering::Relaxed);
        self.allowed
            .store(allowed.as_nanos() as u64, Ordering::Relaxed);
        self.hook.store(true, Ordering::Relaxed);
        self.turn.fetch_add(1, Ordering::Release);
    }

    /// Code of the program no longer runs.
    pub fn end(&self) {
        self.turn.fetch_add(1, Ordering::Release);
    }

    /// The parent wants the fold to stop.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// True from a cancel until it was taken.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// The cancel was answered.
    pub fn take_cancel(&self) {
        self.cancel.store(false, Ordering::Relaxed);
    }

    /// True once each time memory is getting short: collecting garbage may help. The engine counts
    /// its objects but not their texts, so left alone it may wait too long.
    pub fn take_pressure(&self) -> bool {
        self.pressure.load(Ordering::Relaxed) && self.pressure.swap(false, Ordering::Relaxed)
    }
}

/// Starts watching.
///
/// # Errors
/// When there can be no more threads.
pub fn spawn(watch: Arc<Watch>, output: Output) -> io::Result<JoinHandle<()>> {
    let gauge = Gauge::open();
    thread::Builder::new()
        .name("watchdog".into())
        .spawn(move || look(&watch, &output, gauge))
}

/// The row that runs, as far as it was watched.
#[derive(Default)]
struct Seen {
    turn: u64,
    /// By the clock.
    lasted: Duration,
    /// Processor time at its begin.
    worked: Option<Duration>,
}

impl Seen {
    fn is_over(&self, allowed: Duration, gauge: &mut Gauge) -> bool {
        if self.lasted < allowed {
            return false;
        }
        match (self.worked, gauge.worked()) {
            // The row was seen some milliseconds after its begin.
            (Some(begin), Some(now)) => {
                now.saturating_sub(begin) >= allowed.mul_f32(0.9)
                    || self.lasted >= allowed.saturating_mul(PATIENCE)
            }
            _ => true,
        }
    }
}

fn look(watch: &Watch, output: &Output, mut gauge: Gauge) {
    let mut seen = Seen::default();
    let mut looked = Instant::now();
    let mut warned = Instant::now();
    loop {
        if !watch.working.load(Ordering::Acquire) {
            thread::park();
            continue;
        }
        thread::sleep(LOOK);
        let turn = watch.turn.load(Ordering::Acquire);
        let passed = std::mem::replace(&mut looked, Instant::now()).elapsed();
        seen.lasted += passed.min(LATE);
        if turn != seen.turn {
            seen = Seen {
                turn,
                lasted: Duration::ZERO,
                worked: gauge.worked(),
            };
        }
        let memory = watch.memory.load(Ordering::Relaxed);
        let running = turn % 2 == 1;
        if let Some(resident) = gauge.resident() {
            if resident > memory {
                die(watch, output, Death::Memory);
            }
            if resident > memory / 2 && warned.elapsed() > Duration::from_millis(200) {
                warned = Instant::now();
                watch.pressure.store(true, Ordering::Relaxed);
            }
        }
        let allowed = Duration::from_nanos(watch.allowed.load(Ordering::Relaxed));
        if running && watch.kind == Kind::Live && seen.lasted >= LONG {
            // It stays so: who has done it once will do it again.
            let engine = watch.engine.swap(0, Ordering::Relaxed);
            if engine != 0 {
                guard::give_way(engine);
            }
        }
        if running && seen.is_over(allowed, &mut gauge) {
            // The row may just have ended: only what still runs is to blame.
            if watch.turn.load(Ordering::Acquire) == turn {
                die(watch, output, Death::Time);
            }
        }
    }
}

fn die(watch: &Watch, output: &Output, why: Death) -> ! {
    let row = Some(watch.row.load(Ordering::Relaxed)).filter(|row| *row != u64::MAX);
    let mut frame = Vec::new();
    match watch.kind {
        Kind::Fold => Report::Died { row, why }.put(&mut frame),
        Kind::Live => {
            let hook = watch.hook.load(Ordering::Relaxed);
            let offset = row;
            live::Report::Died { offset, hook, why }.put(&mut frame);
        }
        Kind::Jsonata => {
            let part = row.and_then(Part::of_row);
            Answer::Died { part, why }.put(&mut frame);
        }
    }
    output.write(&mut frame);
    std::process::exit(1)
}
