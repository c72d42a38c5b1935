//! `evtui serve` as a process while what is deployed to it misbehaves: loops come to rest, expressions
//! take no memory, a busy worker takes nobody's turn.

#![cfg(target_os = "linux")]

#[path = "support/process.rs"]
mod process;

use process::{Connection, Server, serve};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(180);
const P: &str = "https://events.iterate.com/events/stream/";
/// The default's shape, with a second that is long enough for a slow machine: a hundred events within
/// it are a loop.
const BREAKER: &str = "100/30000";

fn deploy(connection: &mut Connection, path: &str, slug: &str, script: &str) {
    let payload = json!({"slug": slug, "script": script});
    let event = json!({"type": format!("{P}dynamic-worker/configured"), "payload": payload});
    connection.append(path, &event).unwrap();
}

fn until(server: &Server, path: &str, what: &str, is: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let started = Instant::now();
    let mut connection = Connection::open(server.address()).unwrap();
    loop {
        let events = connection.history(path, 0).unwrap();
        if is(&events) {
            return events;
        }
        let last = &events[events.len().saturating_sub(5)..];
        assert!(
            started.elapsed() < PATIENCE,
            "no {what} in {path}: {last:#?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn pauses(events: &[Value]) -> usize {
    let paused = format!("{P}paused");
    events.iter().filter(|e| e["type"] == paused).count()
}

/// A process and its children.
fn family(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let child = entry.file_name().to_string_lossy().parse();
        let status = fs::read_to_string(entry.path().join("status"));
        if let (Ok(child), Ok(status)) = (child, status)
            && status.contains(&format!("\nPPid:\t{pid}\n"))
        {
            family.push(child);
        }
    }
    family
}

/// What a process and its children have computed, in hundredths of a second.
fn computed(pid: u32) -> u64 {
    let of_one = |pid: u32| -> u64 {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let times = fields.split_ascii_whitespace().skip(11).take(2);
        times.map(|time| time.parse::<u64>().unwrap_or(0)).sum()
    };
    family(pid).into_iter().map(of_one).sum()
}

/// Waits for a second in which next to nothing is computed.
fn until_calm(server: &Server) {
    let started = Instant::now();
    loop {
        let before = computed(server.pid());
        std::thread::sleep(Duration::from_secs(1));
        let spent = computed(server.pid()).saturating_sub(before);
        if spent <= 5 {
            return;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "{spent} hundredths in the last second"
        );
    }
}

fn resume(connection: &mut Connection, path: &str) {
    let event = json!({"type": format!("{P}resumed"), "payload": {}});
    connection.append(path, &event).unwrap();
}

/// Answers events of one type with another, in its own or another stream.
fn answers(to: &str, with: &str, path: &str) -> String {
    format!(
        "export default {{ initialState: 0, async afterAppend({{ append, event }}) {{
            if (event.type === '{to}') await append({{ path: '{path}', event: {{ type: '{with}', payload: {{ of: event.offset }} }} }});
        }} }}"
    )
}

/// Each event of the loop names the one before it: none is lost, none is there twice.
fn chain(events: &[Value]) -> Vec<u64> {
    let of = events.iter().filter_map(|e| e["payload"]["of"].as_u64());
    let of: Vec<u64> = of.collect();
    let different: HashSet<u64> = of.iter().copied().collect();
    assert_eq!(different.len(), of.len(), "something was answered twice");
    of
}

#[test]
fn loops_end_in_a_pause_and_go_on_after_it() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("d");
    let server = serve(
        home.path(),
        &["--breaker", BREAKER, "--data", data.to_str().unwrap()],
    );
    let mut connection = Connection::open(server.address()).unwrap();
    // A worker that answers itself, and a second one beside it that answers as well.
    deploy(
        &mut connection,
        "/self",
        "self",
        &answers("tick", "tick", "."),
    );
    // Two that answer each other.
    deploy(&mut connection, "/pair", "a", &answers("tick", "tock", "."));
    deploy(&mut connection, "/pair", "b", &answers("tock", "tick", "."));
    // Two that do so across streams.
    deploy(
        &mut connection,
        "/left",
        "a",
        &answers("tick", "tick", "/right"),
    );
    deploy(
        &mut connection,
        "/right",
        "b",
        &answers("tick", "tick", "../left"),
    );
    // A transformer that matches what it makes.
    let transformer = json!({"type": format!("{P}jsonata-transformer-configured"), "payload": {
        "slug": "t", "matcher": "type = 'tick'",
        "transform": "{\"type\": \"tick\", \"payload\": {\"of\": offset}}",
    }});
    connection.append("/transformer", &transformer).unwrap();
    let loops = ["/self", "/pair", "/left", "/transformer"];
    for path in loops {
        connection.append(path, &json!({"type": "tick"})).unwrap();
    }
    let mut lengths = Vec::new();
    for path in loops {
        let events = until(&server, path, "pause", |events| pauses(events) == 1);
        let last = events.last().unwrap();
        let reason = last["payload"]["reason"].as_str().unwrap_or_default();
        assert!(
            reason.starts_with("circuit breaker tripped: 100 events"),
            "{last}"
        );
        lengths.push(chain(&events).len());
    }
    until_calm(&server);
    for path in loops {
        resume(&mut connection, path);
    }
    // The other side of the one across streams may be paused as well.
    let right = connection.history("/right", 0).unwrap();
    if pauses(&right) > 0 {
        resume(&mut connection, "/right");
    }
    for (path, before) in loops.into_iter().zip(lengths) {
        let events = until(&server, path, "going on", |events| {
            chain(events).len() > before
        });
        let errors = events
            .iter()
            .filter(|e| e["type"] == format!("{P}error-occurred"));
        assert_eq!(errors.count(), 0, "{path}");
    }
}

/// Largest resident size so far, in KiB.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let line = line.unwrap().trim().trim_end_matches("kB").trim();
    line.parse().unwrap()
}

#[test]
fn expressions_take_neither_memory_nor_time_of_the_server() {
    let home = tempfile::tempdir().unwrap();
    let server = serve(home.path(), &["--breaker", "off", "--data", ":memory:"]);
    let mut connection = Connection::open(server.address()).unwrap();
    connection.append("/a", &json!({"type": "warm"})).unwrap();
    let before = peak(server.pid());
    for hostile in [
        "$pad('x', 1000000000)",
        "($d := function($s, $n) { $n = 0 ? $s : $d($s & $s, $n - 1) }; $d('xxxxxxxxxx', 40))",
        "($a := [1..90000]; $string($map($a, function($v) { $a })))",
        "($f := function($n) { 1 + $f($n + 1) }; $f(0))",
    ] {
        let slug = format!("t{}", hostile.len());
        let transformer = json!({"type": format!("{P}jsonata-transformer-configured"), "payload": {
            "slug": slug, "matcher": "type = 'go'", "transform": hostile,
        }});
        connection.append("/a", &transformer).unwrap();
        let url: String = url::form_urlencoded::byte_serialize(hostile.as_bytes()).collect();
        let target = format!("/api/streams/b?jsonataTransform={url}");
        let kind = "Content-Type: application/json\r\n";
        let (status, body) = connection.call("POST", &target, kind, "{}").unwrap();
        assert_eq!(status, 400, "{hostile}: {body}");
        assert!(body.contains("invalid_jsonata_transform"), "{body}");
    }
    let good = json!({"type": format!("{P}jsonata-transformer-configured"), "payload": {
        "slug": "zgood", "matcher": "type = 'go'", "transform": "{\"type\": \"went\"}",
    }});
    connection.append("/a", &good).unwrap();
    connection.append("/a", &json!({"type": "go"})).unwrap();
    let events = until(&server, "/a", "result", |events| {
        events.iter().any(|e| e["type"] == "went")
    });
    let errors = events.iter().filter(|e| {
        e["type"] == format!("{P}error-occurred")
            && e["payload"]["message"]
                .as_str()
                .unwrap()
                .contains("at offset 8:")
    });
    assert_eq!(errors.count(), 4, "{events:#?}");
    let grown = peak(server.pid()).saturating_sub(before);
    assert!(grown < 64 << 10, "the server grew by {grown} KiB");
}

#[test]
fn busy_workers_take_nobodys_turn() {
    let home = tempfile::tempdir().unwrap();
    let server = serve(home.path(), &["--breaker", "off", "--data", ":memory:"]);
    let mut connection = Connection::open(server.address()).unwrap();
    for n in 0..4 {
        let spins = "export default { initialState: 0, async afterAppend({ append, event }) {
            if (event.type !== 'go') return;
            await append({ type: 'spinning' });
            for (;;);
        } }";
        let busy = format!("busy{n}");
        deploy(&mut connection, "/a", &busy, spins);
    }
    deploy(&mut connection, "/a", "echo", &answers("note", "echo", "."));
    deploy(&mut connection, "/b", "echo", &answers("note", "echo", "."));
    connection.append("/a", &json!({"type": "go"})).unwrap();
    let spinning = |events: &[Value]| events.iter().filter(|e| e["type"] == "spinning").count();
    until(&server, "/a", "spinning", |events| spinning(events) == 4);
    for path in ["/a", "/b"] {
        for _ in 0..20 {
            connection.append(path, &json!({"type": "note"})).unwrap();
        }
        let events = until(&server, path, "twenty echoes", |events| {
            chain(events).len() == 20
        });
        let echoes: Vec<u64> = chain(&events);
        assert!(echoes.is_sorted(), "{echoes:?}");
    }
}

#[test]
fn a_killed_worker_is_put_on_record_and_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let server = serve(home.path(), &["--data", ":memory:"]);
    let mut connection = Connection::open(server.address()).unwrap();
    let waits = "export default { initialState: 0, async afterAppend({ append, event }) {
        if (event.type !== 'note') return;
        await append({ type: 'began', payload: { of: event.offset } });
        if (event.payload.waits) await new Promise(() => {});
    } }";
    deploy(&mut connection, "/a", "w", waits);
    let note = json!({"type": "note", "payload": {"waits": true}});
    let note = connection.append("/a", &note).unwrap()["offset"].clone();
    until(&server, "/a", "beginning", |events| {
        chain(events).len() == 1
    });
    let children = family(server.pid());
    assert_eq!(children.len(), 2, "the server and its worker");
    let child = i32::try_from(children[1]).unwrap();
    let child = rustix::process::Pid::from_raw(child).unwrap();
    rustix::process::kill_process(child, rustix::process::Signal::KILL).unwrap();
    connection
        .append("/a", &json!({"type": "note", "payload": {}}))
        .unwrap();
    let events = until(&server, "/a", "second", |events| chain(events).len() == 2);
    let error = events
        .iter()
        .find(|e| e["type"] == format!("{P}error-occurred"));
    let message = error.unwrap()["payload"]["message"].as_str().unwrap();
    let expected = format!("worker \"w\": the hook of event {note} failed: its process died");
    assert!(message.contains(&expected), "{message}");
}

/// Ctrl-c reaches every process of the terminal's foreground group; a hook that it finds at work is no
/// failed hook.
#[test]
fn an_interrupt_of_the_whole_group_fails_no_hook() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("d");
    let mut command = process::command(home.path());
    command.args(["--port", "0", "--data", data.to_str().unwrap()]);
    command.process_group(0);
    let mut server = process::start(command);
    let mut connection = Connection::open(server.address()).unwrap();
    let waits = "export default { initialState: 0, async afterAppend({ append, event }) {
        if (event.type !== 'note') return;
        await append({ type: 'began' });
        await new Promise((done) => setTimeout(done, 1000));
        await append({ type: 'ended' });
    } }";
    deploy(&mut connection, "/a", "waits", waits);
    connection.append("/a", &json!({"type": "note"})).unwrap();
    until(&server, "/a", "hook", |events| {
        events.iter().any(|e| e["type"] == "began")
    });
    let pid = |id: u32| rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    let group = pid(server.pid());
    // Which of the two hears it first is chance: the box must not hear it at all.
    for child in &family(server.pid())[1..] {
        let of_child = rustix::process::getpgid(Some(pid(*child))).unwrap();
        assert_ne!(of_child, group, "box {child}");
    }
    rustix::process::kill_process_group(group, rustix::process::Signal::INT).unwrap();
    assert!(server.wait().0.success(), "{}", server.log());
    let server = serve(home.path(), &["--data", data.to_str().unwrap()]);
    let events = until(&server, "/a", "end of the hook", |events| {
        events.iter().any(|e| e["type"] == "ended")
    });
    let failed = format!("{P}error-occurred");
    assert!(!events.iter().any(|e| e["type"] == failed), "{events:#?}");
}
