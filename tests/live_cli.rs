//! The headless commands on a real service in this process: output, exit codes, errors that say
//! what to try.

#[path = "support/process.rs"]
mod process;

use assert_cmd::Command;
use evtui::runtime::local::{Data, Local};
use evtui::service::Options;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::time::Duration;

/// A hang fails the test after this long; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(180);
const PAUSED: &str = "https://events.iterate.com/events/stream/paused";

struct House {
    server: Local,
    home: tempfile::TempDir,
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn lines(&self) -> Vec<Value> {
        let parsed = self.out.lines().map(serde_json::from_str);
        parsed.collect::<Result<_, _>>().expect(&self.out)
    }
}

impl House {
    fn new() -> House {
        House {
            server: Local::start(&Data::Memory, 0, Options::default()).unwrap(),
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn run_with(&self, args: &[&str], input: &str) -> Ran {
        let output = Command::cargo_bin("evtui")
            .unwrap()
            .current_dir(self.home.path())
            .env("XDG_CONFIG_HOME", self.home.path())
            .env("XDG_CACHE_HOME", self.home.path())
            .env("XDG_DATA_HOME", self.home.path())
            .env("EVTUI_URL", self.server.url())
            .args(args)
            .write_stdin(input)
            .timeout(PATIENCE)
            .output()
            .unwrap();
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn run(&self, args: &[&str], code: i32) -> Ran {
        let ran = self.run_with(args, "");
        assert_eq!(ran.code, Some(code), "{}{}", ran.out, ran.err);
        ran
    }

    fn start(&self, args: &[&str]) -> Child {
        std::process::Command::new(env!("CARGO_BIN_EXE_evtui"))
            .env("XDG_CONFIG_HOME", self.home.path())
            .env("XDG_CACHE_HOME", self.home.path())
            .args(args)
            .args(["--url", self.server.url()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

#[test]
fn what_is_appended_is_read_back() {
    let house = House::new();
    let ran = house.run(
        &["append", "/a", "--type", "note", "--payload", r#"{"n":1}"#],
        0,
    );
    let stored = &ran.lines()[0];
    assert_eq!(
        (&stored["offset"], &stored["payload"]),
        (&json!(2), &json!({"n": 1}))
    );
    // A message takes the form of the stream's own messages.
    house.run(&["append", "/a", "--message", "hello"], 0);
    let raw = r#"{"type":"agent-input-added","payload":{"role":"user","content":"hi"}}"#;
    assert_eq!(
        house.run_with(&["append", "/a", "--raw", "-"], raw).code,
        Some(0)
    );
    let ran = house.run(&["append", "/a", "--message", "hello again"], 0);
    assert_eq!(ran.lines()[0]["type"], "agent-input-added");
    assert_eq!(
        ran.lines()[0]["payload"],
        json!({"role": "user", "content": "hello again"})
    );

    let ran = house.run(&["tail", "/a", "--no-follow"], 0);
    let offsets: Vec<_> = ran
        .lines()
        .iter()
        .map(|e| e["offset"].as_u64().unwrap())
        .collect();
    assert_eq!(offsets, [1, 2, 3, 4, 5]);
    let ran = house.run(&["tail", "/a", "--no-follow", "--from", "5", "--plain"], 0);
    assert!(
        ran.out.contains("agent-input-added") && ran.out.contains("hello again"),
        "{}",
        ran.out
    );
    let ran = house.run(&["tail", "/a", "--no-follow", "--from", "2", "--yaml"], 0);
    assert_eq!(ran.out.matches("---\n").count(), 4, "{}", ran.out);

    // The commands for logs take streams, too.
    let ran = house.run(&["state", "/a", "--select", "$.eventCount"], 0);
    assert_eq!(ran.out, "5\n");
    let ran = house.run(&["events", "/a", "--filter", "type:note"], 0);
    assert_eq!(ran.lines().len(), 1);
}

#[test]
fn inputs_that_are_no_events() {
    let house = House::new();
    let ran = house.run(&["append", "/a", "--type", " "], 3);
    assert!(ran.err.contains("type: must not be empty"), "{}", ran.err);
    let ran = house.run(&["append", "/a", "--type", "x", "--payload", "[1]"], 2);
    assert!(
        ran.err.contains("--payload must be a JSON object"),
        "{}",
        ran.err
    );
    let ran = house.run_with(&["append", "/a", "--raw", "-"], "hello");
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert_eq!(ran.lines()[0]["payload"]["rawInput"], "hello");
    let ran = house.run(&["append", "/A", "--type", "x"], 2);
    assert!(ran.err.contains("'A' is not allowed"), "{}", ran.err);
    house.run(&["append", "/a"], 2);
    let ran = house.run(&["--read-only", "append", "/a", "--type", "x"], 2);
    assert!(ran.err.contains("--read-only"), "{}", ran.err);
}

#[test]
fn a_paused_stream_refuses_until_it_is_resumed() {
    let house = House::new();
    house.run(&["append", "/a", "--type", "x"], 0);
    let ran = house.run(&["pause", "/a", "--reason", "it loops"], 0);
    assert_eq!(ran.lines()[0]["type"], PAUSED);
    let ran = house.run(&["append", "/a", "--type", "x"], 3);
    assert!(ran.err.contains("stream is paused"), "{}", ran.err);
    let ran = house.run(&["streams", "--long"], 0);
    let lines = ran.lines();
    let a = lines.iter().find(|s| s["path"] == "/a").unwrap();
    assert_eq!((&a["eventCount"], &a["paused"]), (&json!(3), &json!(true)));
    assert!(a["lastAt"].is_string(), "{a}");
    house.run(&["resume", "/a", "--reason", "mended"], 0);
    house.run(&["append", "/a", "--type", "x"], 0);
}

#[test]
fn streams_under_a_path() {
    let house = House::new();
    for path in ["/a/b", "/a/b/c", "/z"] {
        house.run(&["append", path, "--type", "x"], 0);
    }
    let paths = |args: &[&str], code| -> Vec<String> {
        let lines = house.run(args, code).lines();
        lines
            .iter()
            .map(|l| l["path"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(paths(&["streams", "/a"], 0), ["/a", "/a/b", "/a/b/c"]);
    assert_eq!(paths(&["/a/b/**"], 0), ["/a/b", "/a/b/c"]);
    assert_eq!(paths(&["streams", "/a", "--project", "other"], 1), [""; 0]);
}

#[test]
fn tail_follows_and_a_reader_that_goes_away_is_no_failure() {
    let house = House::new();
    house.run(&["append", "/a", "--type", "x"], 0);
    let mut tail = house.start(&["tail", "/a"]);
    let mut out = BufReader::new(tail.stdout.take().unwrap());
    let mut offset = |expected: u64| {
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&line).unwrap()["offset"],
            expected
        );
    };
    offset(1);
    offset(2);
    house.run(&["append", "/a", "--type", "y"], 0);
    offset(3);
    drop(out);
    let status = loop {
        house.run(&["append", "/a", "--type", "z"], 0);
        if let Some(status) = tail.try_wait().unwrap() {
            break status;
        }
    };
    let mut err = String::new();
    tail.stderr.unwrap().read_to_string(&mut err).unwrap();
    assert!(status.success(), "{err}");
}

#[test]
fn record_ends_where_it_is_told_to() {
    let house = House::new();
    for _ in 0..5 {
        house.run(&["append", "/a", "--type", "x"], 0);
    }
    let ran = house.run(&["record", "/a", "-o", "log.jsonl", "--until", "4"], 0);
    assert!(ran.err.contains("4 events of /a saved"), "{}", ran.err);
    let log = std::fs::read_to_string(house.home.path().join("log.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 4);
    let ran = house.run(&["record", "/a", "-o", "log.jsonl", "--until", "4"], 2);
    assert!(ran.err.contains("exists already"), "{}", ran.err);
    let ran = house.run(
        &["record", "/a", "-o", "-", "--from", "3", "--idle", "200ms"],
        0,
    );
    assert_eq!(ran.lines().len(), 4);
    house.run(&["state", "log.jsonl"], 0);
}

#[test]
fn verify_agrees_with_the_service() {
    let house = House::new();
    let worker =
        "export default { slug: 'count', initialState: 0, reduce: ({ state }) => state + 1 }";
    let payload = json!({"slug": "count", "script": worker}).to_string();
    let configured = "https://events.iterate.com/events/stream/dynamic-worker/configured";
    house.run(
        &["append", "/a", "--type", configured, "--payload", &payload],
        0,
    );
    for _ in 0..3 {
        house.run(&["append", "/a", "--type", "x"], 0);
    }
    house.run(&["pause", "/a"], 0);
    let ran = house.run(&["verify", "/a"], 0);
    let lines = ran.lines();
    assert_eq!(lines[0]["state"], "worker count");
    assert_eq!(lines[0]["failures"], json!([]));
    let built_in = lines.last().unwrap();
    assert_eq!(
        (&built_in["state"], &built_in["same"]),
        (&json!("built-in"), &json!(true))
    );
    assert_eq!(built_in["offset"], 6);
}

#[test]
fn without_a_terminal_a_stream_is_printed() {
    let house = House::new();
    house.run(
        &[
            "append",
            "/a",
            "--type",
            "note",
            "--payload",
            r#"{"text":"for people"}"#,
        ],
        0,
    );
    let mut plain = house.start(&["/a"]);
    let mut out = BufReader::new(plain.stdout.take().unwrap());
    let (mut first, mut second) = (String::new(), String::new());
    out.read_line(&mut first).unwrap();
    out.read_line(&mut second).unwrap();
    assert!(
        first.contains("initialized") && second.contains("for people"),
        "{first}{second}"
    );
    plain.kill().unwrap();
    plain.wait().unwrap();
}

#[test]
fn a_service_that_is_not_there_is_named() {
    let house = House::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    for args in [
        &["append", "/a", "--type", "x", "--url", &url][..],
        &["streams", "--url", &url],
        &["verify", "/a", "--url", &url],
    ] {
        let ran = house.run(args, 2);
        assert!(
            ran.err.contains(&url) && ran.err.contains("refused"),
            "{}",
            ran.err
        );
        assert!(ran.err.contains("try: "), "{}", ran.err);
    }
    let ran = house.run(&["streams", "--url", "localhost:7070"], 2);
    assert!(
        ran.err.contains("set by --url") && ran.err.contains("http://"),
        "{}",
        ran.err
    );
}

#[test]
fn a_service_of_ones_own_keeps_its_streams() {
    let house = House::new();
    let local =
        |args: &[&str], code| house.run(&[args, &["--local", "--data", "store"]].concat(), code);
    local(&["append", "/a", "--type", "x"], 0);
    let ran = local(&["tail", "/a", "--no-follow", "--from", "2"], 0);
    assert_eq!(ran.lines()[0]["type"], "x");
    let ran = local(&["streams"], 0);
    assert!(ran.lines().iter().any(|s| s["path"] == "/a"), "{}", ran.out);
}

/// What listens there is no event service: each is told in words, at once, with what to try.
#[test]
fn what_is_no_event_service_is_told() {
    let house = House::new();
    let html = answering(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: 6\r\n\r\n<html>",
    );
    let moved = answering(
        "HTTP/1.1 301 Moved Permanently\r\nlocation: /login\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    );
    let ssh = answering("SSH-2.0-OpenSSH_9.0\r\n");
    let tail = ["tail", "/a", "--no-follow"];
    let append = ["append", "/a", "--type", "x"];
    for (url, args, code, word) in [
        (&html, &tail[..], 2, "it answered a read with text/html"),
        (&html, &append, 2, "it answered an append with \"<html>\""),
        (&html, &["streams"], 2, "it answered a list of streams with"),
        (&moved, &tail, 2, "from one place to another"),
        // Followed, it would be a read.
        (
            &moved,
            &append,
            2,
            "refuses (301): moved permanently: it is at /login",
        ),
        (&ssh, &tail, 2, "does not speak HTTP"),
        (&ssh, &["verify", "/a"], 2, "does not speak HTTP"),
    ] {
        let ran = house.run_with(&[args, &["--url", url]].concat(), "");
        assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.err);
        assert!(
            ran.err.contains(word) && ran.err.contains("--url"),
            "{args:?}: {}",
            ran.err
        );
    }
}

/// Answers everything with these bytes.
fn answering(bytes: &'static str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            std::thread::spawn(move || {
                // What is asked is read first, unless it is the answer's way to come before.
                if bytes.starts_with("HTTP") {
                    let mut asked = BufReader::new(connection.try_clone().unwrap());
                    let mut line = String::new();
                    while asked.read_line(&mut line).is_ok_and(|n| n > 0) && line != "\r\n" {
                        line.clear();
                    }
                }
                let _ = connection.write_all(bytes.as_bytes());
                let _ = connection.flush();
                // Until the other side has had enough.
                let _ = connection.read(&mut [0; 4096]);
                let _ = connection.read(&mut [0; 4096]);
            });
        }
    });
    url
}

#[test]
fn a_token_that_is_wrong_is_asked_for() {
    let house = House::new();
    let server = process::serve(house.home.path(), &["--token", "right"]);
    for args in [
        &["tail", "/a", "--no-follow"][..],
        &["append", "/a", "--type", "x"],
        &["streams"],
    ] {
        let wrong = ["--url", &server.base, "--token", "wrong"];
        let ran = house.run(&[args, &wrong].concat(), 3);
        assert!(
            ran.err.contains("401") && ran.err.contains("--token or EVTUI_TOKEN"),
            "{}",
            ran.err
        );
    }
    let right = ["--url", &server.base, "--token", "right"];
    house.run(&[&["append", "/a", "--type", "x"][..], &right].concat(), 0);
}

#[test]
fn verify_names_the_first_difference() {
    let house = House::new();
    house.run(&["append", "/a", "--type", "x"], 0);
    // A service that says of its stream what is not so.
    let url = lying(house.server.url(), "\"metadata\": {}", "\"metadata\": 12");
    let ran = house.run(&["verify", "/a", "--url", &url], 1);
    let line = &ran.lines()[0];
    assert_eq!(line["same"], false);
    assert_eq!(
        line["difference"],
        json!({"path": "$.metadata", "folded": {}, "service": 12})
    );
}

/// A proxy that answers with one text in the place of another of the same length.
fn lying(url: &str, truth: &'static str, lie: &'static str) -> String {
    assert_eq!(truth.len(), lie.len());
    let to = url.trim_start_matches("http://").to_owned();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = std::net::TcpStream::connect(&to).unwrap();
            let (mut up_from, mut up_to) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut up_from, &mut up_to));
            let (mut from, mut to) = (server, client);
            std::thread::spawn(move || {
                let mut buffer = vec![0; 1 << 20];
                while let Ok(read @ 1..) = from.read(&mut buffer) {
                    let text = String::from_utf8_lossy(&buffer[..read]).replace(truth, lie);
                    if to.write_all(text.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

/// A reader that goes away is no failure, whatever is printed.
#[test]
fn a_broken_pipe_is_no_failure() {
    let house = House::new();
    let long = "x".repeat(200_000);
    for _ in 0..3 {
        let payload = json!({ "text": long }).to_string();
        house.run(&["append", "/a", "--raw", "-"], 1);
        let raw = format!(r#"{{"type":"note","payload":{payload}}}"#);
        assert_eq!(
            house.run_with(&["append", "/a", "--raw", "-"], &raw).code,
            Some(0)
        );
    }
    for args in [
        &["tail", "/a", "--no-follow"][..],
        &["tail", "/a", "--no-follow", "--plain"],
        &["tail", "/a", "--no-follow", "--yaml"],
        &["record", "/a", "-o", "-", "--idle", "100ms"],
        &["streams", "--long"],
        &["verify", "/a"],
        &["append", "/a", "--type", "x"],
        &["events", "/a"],
        &["state", "/a"],
    ] {
        let mut child = house.start(args);
        drop(child.stdout.take());
        let status = process::wait(&mut child);
        let mut err = String::new();
        child.stderr.unwrap().read_to_string(&mut err).unwrap();
        assert!(status.success(), "{args:?}: {err}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_recording_in_good_order() {
    use rustix::process::{Pid, Signal, kill_process};
    let house = House::new();
    for _ in 0..3 {
        house.run(&["append", "/a", "--type", "x"], 0);
    }
    let file = house.home.path().join("log.jsonl");
    let mut child = house.start(&["record", "/a", "-o", file.to_str().unwrap()]);
    let begun = std::time::Instant::now();
    while std::fs::read_to_string(&file).map_or(0, |text| text.lines().count()) < 4 {
        assert!(begun.elapsed() < PATIENCE, "nothing is recorded");
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let status = process::wait(&mut child);
    let mut err = String::new();
    child.stderr.unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(status.code(), Some(130), "{err}");
    assert!(err.contains("4 events of /a saved"), "{err}");
}
