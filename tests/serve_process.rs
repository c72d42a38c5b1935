//! `evtui serve` from outside: how it starts, what it prints, how it stops, what stays.

#![cfg(unix)]

#[path = "support/process.rs"]
mod process;

use process::{Connection, command, serve, start, wait};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};

fn note(n: u64) -> Value {
    json!({"type": "note", "payload": {"n": n}})
}

/// Runs a server that should end by itself.
fn refused(home: &Path, args: &[&str]) -> Output {
    let mut child = command(home)
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait(&mut child);
    child.wait_with_output().unwrap()
}

fn types(events: &[Value]) -> Vec<&str> {
    let types = events.iter().map(|event| event["type"].as_str().unwrap());
    types.map(|t| t.rsplit('/').next().unwrap()).collect()
}

#[test]
fn one_line_says_that_it_is_ready_and_signals_stop_it() {
    for signal in [Signal::INT, Signal::TERM] {
        let home = tempfile::tempdir().unwrap();
        let mut server = serve(home.path(), &[]);
        assert!(
            server.base.starts_with("http://127.0.0.1:"),
            "{}",
            server.base
        );
        let mut connection = Connection::open(server.address()).unwrap();
        connection.append("/a", &note(1)).unwrap();
        // A live reader, a request that never comes whole, and an idle connection.
        let mut reader = std::net::TcpStream::connect(server.address()).unwrap();
        let mut stuck = std::net::TcpStream::connect(server.address()).unwrap();
        use std::io::Write;
        write!(reader, "GET /api/streams/a HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        write!(
            stuck,
            "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"
        )
        .unwrap();
        let mut first = [0; 15];
        reader.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        server.signal(signal);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        // The body ended in order: with the last chunk.
        assert!(
            rest.ends_with(b"\r\n0\r\n\r\n"),
            "{}",
            String::from_utf8_lossy(&rest)
        );
        let (status, more) = server.wait();
        assert_eq!(status.code(), Some(0), "{}", server.log());
        assert_eq!(more, "", "standard output has one line");
        assert!(server.log().contains("stopped"), "{}", server.log());
    }
}

#[test]
fn nobody_keeps_it_from_stopping() {
    use std::io::Write;
    use std::net::TcpStream;
    let home = tempfile::tempdir().unwrap();
    let mut server = serve(home.path(), &["--breaker", "off"]);
    let mut connection = Connection::open(server.address()).unwrap();
    // A hook that never ends,
    let script = "export default { initialState: {}, reduce: ({state}) => state, \
        async afterAppend({event, append}) { \
            if (event.type !== 'go') return; \
            await append({event: {type: 'hung'}}); \
            await new Promise(() => setInterval(() => {}, 1000)); } }";
    let worker = json!({
        "type": "https://events.iterate.com/events/stream/dynamic-worker/configured",
        "payload": {"slug": "hangs", "script": script},
    });
    connection.append("/hook", &worker).unwrap();
    connection.append("/hook", &json!({"type": "go"})).unwrap();
    let mut waited = 0;
    while !types(&connection.history("/hook", 0).unwrap()).contains(&"hung") {
        waited += 1;
        assert!(waited < 600, "{}", server.log());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    // live readers, some of whom take nothing of what is more than the system buffers,
    let large = json!({"type": "large", "payload": {"text": "x".repeat(1 << 20)}});
    for _ in 0..24 {
        connection.append("/large", &large).unwrap();
    }
    let mut clients: Vec<TcpStream> = (0..200)
        .map(|n| {
            let mut client = TcpStream::connect(server.address()).unwrap();
            let path = if n % 50 == 0 { "large" } else { "hook" };
            write!(
                client,
                "GET /api/streams/{path} HTTP/1.1\r\nHost: x\r\n\r\n"
            )
            .unwrap();
            let mut first = [0; 15];
            client.read_exact(&mut first).unwrap();
            assert_eq!(&first, b"HTTP/1.1 200 OK");
            client
        })
        .collect();
    // requests that never come whole, and connections that say nothing.
    for start in [
        "",
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
    ] {
        let mut client = TcpStream::connect(server.address()).unwrap();
        client.write_all(start.as_bytes()).unwrap();
        clients.push(client);
    }
    server.signal(Signal::TERM);
    let (status, _) = server.wait();
    assert_eq!(status.code(), Some(0), "{}", server.log());
    drop(clients);
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let mut server = serve(home.path(), &[]);
    let mut connection = Connection::open(server.address()).unwrap();
    let stored = connection.append("/a", &note(1)).unwrap();
    let keyed = json!({"type": "note", "idempotencyKey": "k"});
    let keyed_stored = connection.append("/a", &keyed).unwrap();
    server.signal(Signal::TERM);
    assert_eq!(server.wait().0.code(), Some(0));
    // Where nothing else is said, it is below the user's data folder.
    assert!(home.path().join("data/evtui/store").is_dir());

    let server = serve(home.path(), &[]);
    let mut connection = Connection::open(server.address()).unwrap();
    let events = connection.history("/a", 0).unwrap();
    assert_eq!(
        types(&events),
        ["initialized", "note", "note", "durable-object-woke-up"]
    );
    assert_eq!(events[1], stored);
    assert_eq!(connection.append("/a", &keyed).unwrap(), keyed_stored);
    assert_eq!(connection.append("/a", &note(2)).unwrap()["offset"], 5);
}

#[test]
fn a_damaged_store_is_read_and_says_so() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("d");
    let args = ["--data", data.to_str().unwrap()];
    let mut server = serve(home.path(), &args);
    let mut connection = Connection::open(server.address()).unwrap();
    for path in ["/a", "/b"] {
        connection.append(path, &note(1)).unwrap();
    }
    server.signal(Signal::TERM);
    server.wait();
    // The head of the record that holds the first event of /a.
    let log = data.join("segments/00000001.log");
    let mut bytes = std::fs::read(&log).unwrap();
    let event = b"{\"streamPath\":\"/a\"";
    let at = bytes
        .windows(event.len())
        .position(|window| window == event);
    bytes[at.unwrap() - 20] ^= 1;
    std::fs::write(&log, bytes).unwrap();

    let mut server = serve(home.path(), &args);
    assert!(
        server.log().contains("nothing is added"),
        "{}",
        server.log()
    );
    let mut connection = Connection::open(server.address()).unwrap();
    let (status, why) = connection.call("GET", "/healthz", "", "").unwrap();
    assert_eq!(status, 503, "{why}");
    assert!(why.contains("read-only"), "{why}");
    let refused = connection.append("/b", &note(2)).unwrap_err().to_string();
    assert!(refused.starts_with("503: "), "{refused}");
    assert_eq!(
        types(&connection.history("/b", 0).unwrap()),
        ["initialized", "note"]
    );
}

#[test]
fn in_memory_nothing_is_kept() {
    let home = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let server = serve(home.path(), &["--data", ":memory:"]);
        let mut connection = Connection::open(server.address()).unwrap();
        assert_eq!(connection.append("/a", &note(1)).unwrap()["offset"], 2);
        connection
            .call("POST", "/api/secrets", "", r#"{"name":"a","value":"b"}"#)
            .unwrap();
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn a_second_server_on_the_folder_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("d");
    let data = data.to_str().unwrap();
    let first = serve(home.path(), &["--data", data]);
    let second = refused(home.path(), &["--port", "0", "--data", data]);
    assert_eq!(second.status.code(), Some(3));
    assert_eq!(second.stdout, b"");
    let error = String::from_utf8(second.stderr).unwrap();
    assert!(
        error.contains("another process has this store open"),
        "{error}"
    );
    assert!(error.contains("try: "), "{error}");
    // The first one does not mind.
    let mut connection = Connection::open(first.address()).unwrap();
    connection.append("/a", &note(1)).unwrap();
    drop(first);
    // Once it is gone, another may have the folder.
    let third = serve(home.path(), &["--data", data]);
    let mut connection = Connection::open(third.address()).unwrap();
    assert!(connection.history("/a", 0).unwrap().len() >= 2);
}

#[test]
fn a_port_in_use_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let second = refused(home.path(), &["--port", &port, "--data", ":memory:"]);
    assert_eq!(second.status.code(), Some(2));
    let error = String::from_utf8(second.stderr).unwrap();
    assert!(
        error.contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{error}"
    );
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let home = tempfile::tempdir().unwrap();
    for (args, why) in [
        (&["--breaker", "fast"][..], "EVENTS/MILLISECONDS"),
        (&["--max-body", "big"], "must be a size"),
        (&["--durability", "maybe"], "possible values: fsync, os"),
        (&["--port", "70000"], "70000"),
        (&["--token", ""], "visible ASCII"),
        (
            &["--host", "no such host", "--data", ":memory:"],
            "cannot listen on no such host",
        ),
    ] {
        let output = refused(home.path(), args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(why), "{args:?}: {error}");
    }
    // A folder that is something else is left as it is.
    let other = home.path().join("other");
    std::fs::write(&other, "mine").unwrap();
    let output = refused(home.path(), &["--data", other.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(std::fs::read(&other).unwrap(), b"mine");
}

#[test]
fn a_token_is_asked_for_everywhere_but_at_healthz() {
    let home = tempfile::tempdir().unwrap();
    let by_flag = serve(home.path(), &["--data", ":memory:", "--token", "s3cret"]);
    let mut by_environment = command(home.path());
    by_environment
        .args(["--port", "0", "--data", ":memory:"])
        .env("EVTUI_SERVE_TOKEN", "s3cret");
    for mut server in [by_flag, start(by_environment)] {
        let mut connection = Connection::open(server.address()).unwrap();
        let routes = [
            ("GET", "/api/streams"),
            ("GET", "/api/streams/a?live=false"),
            ("POST", "/api/streams/a"),
            ("DELETE", "/api/streams/a"),
            ("GET", "/api/streams/BAD"),
            ("GET", "/api/nothing"),
            ("GET", "/api/__state/a"),
            ("GET", "/api/secrets"),
            ("GET", "/api/openapi.json"),
            ("GET", "/api/docs"),
            ("GET", "/apidocs"),
            ("GET", "/metrics"),
            ("GET", "/a?live=false"),
            ("POST", "/a"),
            ("PUT", "/a"),
        ];
        for (method, target) in routes {
            for header in [
                "",
                "Authorization: Bearer wrong\r\n",
                "Authorization: Basic s3cret\r\n",
            ] {
                let (status, body) = connection.call(method, target, header, "").unwrap();
                assert_eq!(status, 401, "{method} {target}: {body}");
                assert!(body.contains("UNAUTHORIZED"), "{body}");
            }
            let right = "Authorization: Bearer s3cret\r\n";
            let (status, body) = connection.call(method, target, right, "").unwrap();
            assert_ne!(status, 401, "{method} {target}: {body}");
        }
        let (status, _) = connection.call("GET", "/healthz", "", "").unwrap();
        assert_eq!(status, 200);
        assert!(!server.log().contains("s3cret"));
    }
}

#[test]
fn an_open_address_without_token_is_warned_of() {
    let home = tempfile::tempdir().unwrap();
    let warning = "there is no authentication";
    let mut open = serve(home.path(), &["--host", "0.0.0.0", "--data", ":memory:"]);
    assert!(open.base.starts_with("http://0.0.0.0:"), "{}", open.base);
    assert!(open.log().contains(warning), "{}", open.log());
    let args = ["--host", "0.0.0.0", "--data", ":memory:", "--token", "t"];
    assert!(!serve(home.path(), &args).log().contains(warning));
    assert!(
        !serve(home.path(), &["--data", ":memory:"])
            .log()
            .contains(warning)
    );
}

#[test]
fn logs_are_lines_of_text_or_json() {
    let home = tempfile::tempdir().unwrap();
    let mut text = serve(home.path(), &["--data", ":memory:"]);
    assert!(text.log().contains("INFO"), "{}", text.log());
    assert!(!text.log().contains('\x1b'));
    let mut command = command(home.path());
    command.args(["--port", "0", "--data", ":memory:", "--log-format", "json"]);
    command.env("RUST_LOG", "evtui=debug");
    let mut json = start(command);
    let mut connection = Connection::open(json.address()).unwrap();
    connection.append("/a", &note(1)).unwrap();
    let lines: Vec<Value> = json
        .log()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // A request is a span with what it was about.
    let answered = lines
        .iter()
        .find(|line| line["fields"]["message"] == "answered");
    let span = &answered.unwrap_or_else(|| panic!("{lines:?}"))["span"];
    assert_eq!(span["method"], "POST");
    assert_eq!(span["path"], "/api/streams/a");
    assert_eq!(span["status"], 200);
}

#[test]
fn flags_reach_the_service() {
    let home = tempfile::tempdir().unwrap();
    let off = serve(
        home.path(),
        &[
            "--data",
            ":memory:",
            "--breaker",
            "off",
            "--max-body",
            "1KiB",
        ],
    );
    let mut connection = Connection::open(off.address()).unwrap();
    for n in 0..300 {
        connection.append("/a", &note(n)).unwrap();
    }
    assert_eq!(connection.history("/a", 0).unwrap().len(), 301);
    let large = json!({"type": "note", "payload": {"text": "x".repeat(1024)}}).to_string();
    let (status, body) = connection.call("POST", "/a", "", &large).unwrap();
    assert_eq!(status, 413, "{body}");

    let strict = serve(home.path(), &["--data", ":memory:", "--breaker", "5/60000"]);
    let mut connection = Connection::open(strict.address()).unwrap();
    for n in 0..4 {
        connection.append("/a", &note(n)).unwrap();
    }
    let refused = connection.append("/a", &note(5)).unwrap_err().to_string();
    assert!(refused.starts_with("412: "), "{refused}");
}

#[test]
fn secrets_are_unreadable_at_rest() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("d");
    let args = ["--data", data.to_str().unwrap()];
    let mut server = serve(home.path(), &args);
    let mut connection = Connection::open(server.address()).unwrap();
    let secret = r#"{"name":"openai","value":"sk-plain-to-see"}"#;
    let kind = "Content-Type: application/json\r\n";
    let (status, kept) = connection
        .call("POST", "/api/secrets", kind, secret)
        .unwrap();
    assert_eq!(status, 200, "{kept}");
    server.signal(Signal::TERM);
    server.wait();
    let mut files = 0;
    let mut folders = vec![data.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(9).any(|window| window == b"sk-plain-");
            assert!(!found, "{} holds the value", path.display());
        }
    }
    assert!(files >= 2);
    let key = data.join("secrets.key").metadata().unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let server = serve(home.path(), &args);
    let mut connection = Connection::open(server.address()).unwrap();
    let (_, listed) = connection.call("GET", "/api/secrets", "", "").unwrap();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        listed["secrets"][0],
        serde_json::from_str::<Value>(&kept).unwrap()
    );
}
