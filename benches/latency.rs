//! What a person waits for, measured from outside over a raw pseudo-terminal: first screen, the end
//! of the log, a key press to its frame, and what the program costs while nothing happens.
//!
//! `cargo bench --bench latency [-- LOG.jsonl [ROUNDS]]`, on a generated log of a million events
//! unless one is named. `less` opens the same log beside it where it is installed.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

#[path = "support/logs.rs"]
mod logs;

const ROWS: u16 = 50;
const COLUMNS: u16 = 200;
/// Nothing measured here may take longer; a wait that does ends the benchmark with the screen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program on a pseudo-terminal and the screen it has drawn so far.
struct Session {
    started: Instant,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: Receiver<(Instant, Vec<u8>)>,
    screen: vt100::Parser,
}

impl Session {
    fn start(command: CommandBuilder) -> Session {
        let size = PtySize {
            rows: ROWS,
            cols: COLUMNS,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system()
            .openpty(size)
            .expect("a pseudo-terminal");
        let mut reader = pair.master.try_clone_reader().expect("its output");
        let keys = pair.master.take_writer().expect("its input");
        let started = Instant::now();
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
        let screen = vt100::Parser::new(ROWS, COLUMNS, 0);
        Session {
            started,
            master: pair.master,
            child,
            keys,
            output,
            screen,
        }
    }

    /// Waits until the screen shows it; gives when the bytes that completed it arrived.
    fn wait(&mut self, shows: &dyn Fn(&str) -> bool) -> Instant {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self
                .output
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok((at, bytes)) => {
                    self.screen.process(&bytes);
                    if shows(&self.screen.screen().contents()) {
                        return at;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!(
                    "not on the screen after {PATIENCE:?}:\n{}",
                    self.screen.screen().contents()
                ),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the program ended:\n{}", self.screen.screen().contents())
                }
            }
        }
    }

    fn press(&mut self, keys: &str, shows: &dyn Fn(&str) -> bool) -> Duration {
        let pressed = Instant::now();
        self.keys
            .write_all(keys.as_bytes())
            .and_then(|()| self.keys.flush())
            .expect("keys are taken");
        self.wait(shows) - pressed
    }

    /// Takes in what is drawn until nothing has come for a while.
    fn settle(&mut self, quiet: Duration) {
        while let Ok((_, bytes)) = self.output.recv_timeout(quiet) {
            self.screen.process(&bytes);
        }
    }

    /// Processor time of the program and its children so far.
    fn processor_time(&self) -> Option<Duration> {
        let root = self.child.process_id()?;
        let mut ticks = 0;
        for entry in std::fs::read_dir("/proc").ok()?.flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
                continue;
            };
            let Some(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok() else {
                continue;
            };
            let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
            if pid == root || fields[1] == root.to_string() {
                ticks += fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?;
            }
        }
        // Linux counts in hundredths of a second on every machine that this runs on.
        Some(Duration::from_millis(ticks * 10))
    }

    /// Resident memory that is not the log's own pages, in MiB.
    fn own_memory(&self) -> Option<f64> {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.process_id()?)).ok()?;
        let line = status.lines().find(|l| l.starts_with("RssAnon:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.master.process_group_leader();
    }
}

/// Median and 99th percentile, in milliseconds.
fn spread(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    let at = |q: f64| times[((times.len() - 1) as f64 * q).round() as usize].as_secs_f64() * 1e3;
    (at(0.5), at(0.99))
}

fn row(what: &str, times: Vec<Duration>, bound: &str) {
    let n = times.len();
    let (p50, p99) = spread(times);
    println!("| {what} | {p50:.1} | {p99:.1} | {n} | {bound} |");
}

fn evtui(log: &PathBuf) -> CommandBuilder {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_evtui"));
    command.arg(log);
    command.env("TERM", "xterm-256color");
    command.env("EVTUI_CONFIG", "/dev/null");
    command
}

/// True for a whole picture of this offset: the first line names it, and so does the last pane.
fn shows_offset(n: u64) -> impl Fn(&str) -> bool {
    let (first, last) = (format!("offset {n}/"), format!("EVENT {n} "));
    move |screen| screen.contains(&first) && screen.contains(&last)
}

fn main() {
    let mut words = std::env::args().skip(1).filter(|a| a != "--bench");
    let log = words
        .next()
        .map_or_else(|| logs::generated(1_000_000), PathBuf::from);
    let rounds = words.next().and_then(|n| n.parse().ok()).unwrap_or(15);
    let lines = std::process::Command::new("wc")
        .arg("-l")
        .arg(&log)
        .output()
        .expect("wc counts the log");
    let last: u64 = String::from_utf8_lossy(&lines.stdout)
        .split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .expect("a count");
    println!(
        "log: {last} events, {} MB; terminal {COLUMNS}x{ROWS}; times in ms\n",
        log.metadata().map_or(0, |m| m.len() / 1_000_000)
    );
    println!("| what | p50 | p99 | runs | bound |\n|---|---|---|---|---|");

    let (mut first, mut start, mut end) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let mut session = Session::start(evtui(&log));
        first.push(session.wait(&shows_offset(last)) - session.started);
        start.push(session.press(":1\r", &shows_offset(1)));
        end.push(session.press("G", &shows_offset(last)));
    }
    row(
        "first screen, at the last event, from process start",
        first,
        "50",
    );
    row("`:1` at once, the first event on screen", start, "50");
    row("`G` at once, the last event on screen", end, "50");

    if std::process::Command::new("less")
        .arg("--version")
        .output()
        .is_ok()
    {
        let (mut first, mut end) = (Vec::new(), Vec::new());
        for _ in 0..rounds.min(3) {
            let mut command = CommandBuilder::new("less");
            command.args(["-n", "-S"]);
            command.arg(&log);
            command.env("TERM", "xterm-256color");
            let mut session = Session::start(command);
            first.push(session.wait(&|s| s.contains("\"offset\":1,")) - session.started);
            let tail = format!("\"offset\":{last},");
            end.push(session.press("G", &move |s| s.contains(&tail)));
        }
        row("less -n: first screen", first, "peer");
        row("less -n: `G`", end, "peer");
    }

    let (mut busy, mut idle) = (Vec::new(), Vec::new());
    let mut session = None;
    for _ in 0..rounds {
        drop(session.take());
        let mut fresh = Session::start(evtui(&log));
        fresh.wait(&shows_offset(last));
        fresh.press(":1\r", &shows_offset(1));
        for n in 2..=200 {
            busy.push(fresh.press("l", &shows_offset(n)));
        }
        session = Some(fresh);
    }
    let mut session = session.expect("at least one round");
    session.settle(Duration::from_secs(3));
    while session.screen.screen().contents().contains("folding") {
        session.settle(Duration::from_secs(3));
    }
    for n in 201..=600 {
        idle.push(session.press("l", &shows_offset(n)));
    }
    row("key to frame, step, while indexing and folding", busy, "16");
    row("key to frame, step, folded", idle, "16");
    let mut far = Vec::new();
    for i in 0..200_u64 {
        let n = (i.wrapping_mul(2_654_435_761) % last) + 1;
        far.push(session.press(&format!(":{n}\r"), &shows_offset(n)));
    }
    row("`:n` to a random offset, its row on screen", far, "16");

    session.settle(Duration::from_secs(2));
    let before = session.processor_time();
    std::thread::sleep(Duration::from_secs(5));
    if let (Some(before), Some(after)) = (before, session.processor_time()) {
        println!(
            "\nprocessor time in 5 idle seconds: {} ms (counted in steps of 10)",
            (after.saturating_sub(before)).as_millis()
        );
    }
    if let Some(memory) = session.own_memory() {
        println!("memory of its own (anonymous, resident): {memory:.1} MiB");
    }
}
