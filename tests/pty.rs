//! The real binary on a real pseudo-terminal: what a person would see, and what is left behind.
#![cfg(unix)]

#[path = "support/terminal.rs"]
mod terminal;

use evtui::runtime::terminal::Guard;
use portable_pty::CommandBuilder;
use std::io::Write;
use std::time::Duration;
use terminal::Terminal;

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

/// The test runs itself once more on a terminal, and panics there with the screen on.
#[test]
fn a_panic_leaves_the_terminal_whole() {
    const PANICS: &str = "EVTUI_TEST_PANICS";
    if std::env::var_os(PANICS).is_some() {
        let _guard = Guard::enter(true).unwrap();
        std::thread::spawn(|| panic!("on another thread"))
            .join()
            .unwrap_err();
        print!("a picture");
        panic!("a bug was met");
    }
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "a_panic_leaves_the_terminal_whole",
        "--nocapture",
    ]);
    let terminal = Terminal::run(command, &[(PANICS, "1")], 100, 30);
    // What the harness says of a failed test.
    assert_eq!(terminal.ends_whole_saying("a bug was met"), 101);
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
