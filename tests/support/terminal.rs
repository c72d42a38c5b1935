//! The real binary on a real pseudo-terminal.

#![allow(dead_code)] // Each test uses its part.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A hang fails the test after this long; nothing is measured by it.
pub const PATIENCE: Duration = Duration::from_secs(180);

pub struct Terminal {
    pub master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    pub child: Box<dyn Child + Send + Sync>,
    parser: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    pub fn start(args: &[&str], cols: u16, rows: u16) -> Terminal {
        Terminal::start_with(args, &[], cols, rows)
    }

    pub fn start_with(args: &[&str], vars: &[(&str, &str)], cols: u16, rows: u16) -> Terminal {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_evtui"));
        command.args(args);
        Terminal::run(command, vars, cols, rows)
    }

    /// Any program.
    pub fn run(
        mut command: CommandBuilder,
        vars: &[(&str, &str)],
        cols: u16,
        rows: u16,
    ) -> Terminal {
        let size = PtySize {
            rows,
            cols,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        for name in ["NO_COLOR", "EVTUI_CONFIG", "SSH_CONNECTION"] {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("XDG_CONFIG_HOME", "/nonexistent");
        for (name, value) in vars {
            command.env(name, value);
        }
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

    pub fn text(&self) -> String {
        self.parser.lock().unwrap().screen().contents()
    }

    #[track_caller]
    pub fn wait(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
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
    pub fn shows(&self, word: &str) -> String {
        self.wait(&format!("showed {word:?}"), |text| text.contains(word))
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    pub fn resize(&self, cols: u16, rows: u16) {
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
    pub fn ends_whole(self) -> u32 {
        self.ends_whole_saying("")
    }

    /// The same, and what was printed at last can be read.
    #[track_caller]
    pub fn ends_whole_saying(mut self, word: &str) -> u32 {
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
        self.shows(word);
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
