//! The real binary on a real pseudo-terminal: what a person would see, and what is left behind.
#![cfg(unix)]

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A hang fails the test after this long; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);

struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    parser: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    fn start(args: &[&str], cols: u16, rows: u16) -> Terminal {
        let size = PtySize {
            rows,
            cols,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_evtui"));
        command.args(args);
        for name in ["NO_COLOR", "EVTUI_CONFIG", "SSH_CONNECTION"] {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("XDG_CONFIG_HOME", "/nonexistent");
        let child = pair.slave.spawn_command(command).unwrap();
        let parser = Arc::new(Mutex::new(vt100::Parser::new(rows, cols, 0)));
        let (mut output, shared) = (pair.master.try_clone_reader().unwrap(), parser.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = output.read(&mut buffer) {
                shared.lock().unwrap().process(&buffer[..n]);
            }
        });
        Terminal {
            keys: pair.master.take_writer().unwrap(),
            master: pair.master,
            child,
            parser,
        }
    }

    fn text(&self) -> String {
        self.parser.lock().unwrap().screen().contents()
    }

    #[track_caller]
    fn wait(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let text = self.text();
            if holds(&text) {
                return text;
            }
            assert!(begun.elapsed() < PATIENCE, "never {what}:\n{text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn shows(&self, word: &str) -> String {
        self.wait(&format!("showed {word:?}"), |text| text.contains(word))
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn resize(&self, cols: u16, rows: u16) {
        let mut parser = self.parser.lock().unwrap();
        // The emulator cannot wrap a line in a single cell; the program must cope with it all the same.
        parser.screen_mut().set_size(rows.max(2), cols.max(2));
        drop(parser);
        let size = PtySize {
            rows,
            cols,
            pixel_width: 0,
            pixel_height: 0,
        };
        self.master.resize(size).unwrap();
    }

    /// Waits for the end; the terminal must be as it was before.
    #[track_caller]
    fn ends_whole(mut self) -> u32 {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < PATIENCE, "never ended:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        };
        self.wait("left the alternate screen", |_| {
            !self.parser.lock().unwrap().screen().alternate_screen()
        });
        let parser = self.parser.lock().unwrap();
        let screen = parser.screen();
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is on");
        assert_eq!(
            screen.mouse_protocol_mode(),
            vt100::MouseProtocolMode::None,
            "the mouse is captured"
        );
        drop(parser);
        status.exit_code()
    }
}

/// A log of `n` events, one a second.
fn log(n: usize) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new()
        .suffix(".jsonl")
        .tempfile()
        .unwrap();
    for i in 1..=n {
        writeln!(
            file,
            r#"{{"streamPath":"/a","offset":{i},"type":"user_message","payload":{{"content":"word{i}"}},"createdAt":"2026-01-01T00:{:02}:{:02}.000Z"}}"#,
            i / 60 % 60,
            i % 60
        )
        .unwrap();
    }
    file.flush().unwrap();
    file
}

fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

#[test]
fn a_person_travels_and_leaves() {
    let file = log(50);
    let mut terminal = Terminal::start(&[path(&file)], 100, 30);
    let text = terminal.shows("offset 50/50");
    assert!(text.contains("END"), "{text}");
    terminal.press("h");
    assert!(terminal.shows("offset 49/50").contains("REWOUND"));
    terminal.press(":7\r");
    terminal.shows("offset 7/50");
    terminal.press("G");
    terminal.shows("offset 50/50");
    terminal.press("g/word33\r");
    terminal.shows("offset 33/50");
    terminal.press("?");
    terminal.shows("─ keys ─");
    terminal.press("\x1b");
    // Together the two would be Alt-q.
    terminal.wait("closed the help", |text| !text.contains("─ keys ─"));
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
}

#[test]
fn any_size_at_any_moment() {
    let file = log(50);
    let mut terminal = Terminal::start(&[path(&file)], 80, 24);
    terminal.shows("offset 50/50");
    for (cols, rows) in [(1, 1), (39, 9), (40, 10), (200, 60), (2, 50), (120, 40)] {
        terminal.resize(cols, rows);
        terminal.press("h");
        std::thread::sleep(Duration::from_millis(50));
    }
    terminal.shows("offset 44/50");
    terminal.press("\x03");
    assert_eq!(terminal.ends_whole(), 0);
}

#[test]
fn a_growing_log_is_followed() {
    let mut file = log(5);
    let mut terminal = Terminal::start(&["--follow", path(&file)], 100, 30);
    assert!(terminal.shows("offset 5/5").contains("LIVE"));
    writeln!(
        file,
        r#"{{"streamPath":"/a","offset":6,"type":"user_message","payload":{{}},"createdAt":"2026-01-01T01:00:00.000Z"}}"#
    )
    .unwrap();
    file.flush().unwrap();
    terminal.shows("offset 6/6");
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
}

#[test]
fn a_recording_shows_its_workers_state() {
    let mut terminal = Terminal::start(&["@coding-agent"], 140, 40);
    terminal.shows("STATE @453");
    terminal.wait("showed the worker's state", |t| {
        t.contains("{role: \"assistant\", content:")
    });
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
}

#[test]
fn a_request_to_end_leaves_the_terminal_whole() {
    let file = log(5);
    let terminal = Terminal::start(&[path(&file)], 80, 24);
    terminal.shows("offset 5/5");
    let pid = i32::try_from(terminal.child.process_id().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(terminal.ends_whole(), 143);
}

#[test]
fn without_a_log_there_are_recordings_to_choose() {
    let mut terminal = Terminal::start(&[], 100, 30);
    terminal.shows("coding-agent");
    terminal.press("chat\r");
    terminal.shows("@chat");
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
}
