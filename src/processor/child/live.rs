//! The live half of the box (`evtui __box live`): one worker whose hooks run, with timers and requests
//! to the service, on an event loop that sleeps while there is nothing to do.
//!
//! The process is guarded as in replay. What a hook does outside it asks of the service through the
//! pipes; between two turns of its code the process sleeps in one `recv`.

mod engine;
mod fold;
mod hook;

use self::engine::{Engine, Work};
use super::watchdog::{Kind, Watch};
use super::{clock, guard, serve};
use crate::processor::frames::live::Order;
use crate::processor::json::tape::{Interner, scan};
use std::io::{self, BufReader};
use std::process::ExitCode;
use std::sync::mpsc;

/// Serves one worker until standard input ends.
pub fn run() -> ExitCode {
    let (work, queue) = mpsc::channel();
    serve(
        Watch::new(Kind::Live),
        move |output, watch| Engine::new(output, watch, queue).run(),
        |watch| read(watch, &work),
    )
}

fn read(watch: &Watch, work: &mpsc::Sender<Work>) -> io::Result<()> {
    let mut input = BufReader::with_capacity(1 << 16, io::stdin());
    let mut interner = Interner::default();
    let mut clock = clock::Reader::new(&mut interner);
    while let Some(order) = Order::read(&mut input)? {
        let item = match order {
            Order::Load(load) => {
                watch.limit(load.reduce_timeout, load.memory);
                guard::lock(load.memory);
                Work::Load(load)
            }
            Order::Restore { offset, state } => Work::Restore {
                offset,
                state: state.map(|text| scan(text, None)),
            },
            Order::Event { offset, hook, json } => {
                let tape = scan(json, Some(&mut interner));
                let millis = tape.as_ref().map_or(0, |tape| clock.millis(tape));
                Work::Event {
                    offset,
                    hook,
                    keys: interner.take_fresh(),
                    tape,
                    millis,
                }
            }
            Order::Skip { offset } => Work::Skip { offset },
            Order::Answer { id, answer } => Work::Answer { id, answer },
            Order::Keep => Work::Keep,
        };
        if work.send(item).is_err() {
            break;
        }
    }
    Ok(())
}
