//! Workers of `evtui serve` as a process: deployed by the command line, killed at any moment, and what
//! the process leaves behind.

#![cfg(unix)]

#[path = "support/process.rs"]
mod process;

use process::{Connection, Server, serve};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(180);

/// Two appends for each note, with time between them to be killed in.
const TWICE: &str = "import { name } from './names.ts';
interface State { notes: number }
export default {
    slug: 'twice',
    initialState: { notes: 0 } as State,
    reduce: ({ event, state }: { event: any; state: State }) => event.type === 'note' ? { notes: state.notes + 1 } : state,
    async afterAppend({ append, event, state }: any) {
        if (event.type !== 'note') return;
        await append({ type: name, payload: { of: event.offset, notes: state.notes } });
        await new Promise(resolve => setTimeout(resolve, 2));
        await append({ type: 'second', payload: { of: event.offset } });
    },
};";

fn deploy(home: &Path, server: &Server, path: &str, file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_evtui"))
        .args(["deploy", path, "--url", &server.base, "--file"])
        .arg(file)
        .env_clear()
        .env("HOME", home)
        .output()
        .unwrap()
}

fn until(server: &Server, path: &str, what: &str, is: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let started = Instant::now();
    let mut connection = Connection::open(server.address()).unwrap();
    loop {
        let events = connection.history(path, 0).unwrap();
        if is(&events) {
            return events;
        }
        assert!(started.elapsed() < PATIENCE, "no {what}: {events:#?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn of(events: &[Value], event_type: &str) -> Vec<u64> {
    let found = events.iter().filter(|e| e["type"] == event_type);
    found
        .map(|e| e["payload"]["of"].as_u64().unwrap())
        .collect()
}

#[test]
fn a_worker_survives_being_killed_at_any_moment() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("twice.ts");
    fs::write(&file, TWICE).unwrap();
    fs::write(
        home.path().join("names.ts"),
        "export const name: string = 'first';",
    )
    .unwrap();
    let args = ["--breaker", "off"];
    let mut server = serve(home.path(), &args);
    let deployed = deploy(home.path(), &server, "/a", &file);
    assert!(deployed.status.success(), "{deployed:?}");
    let event: Value = serde_json::from_slice(&deployed.stdout).unwrap();
    assert_eq!(event["payload"]["slug"], "twice");
    let modules = event["payload"]["modules"].as_object().unwrap();
    assert_eq!(modules.keys().collect::<Vec<_>>(), ["names.ts", "twice.ts"]);

    let mut notes = Vec::new();
    for round in 0..4 {
        let mut connection = Connection::open(server.address()).unwrap();
        for n in 0..15 {
            let note = connection.append("/a", &json!({"type": "note", "payload": {"n": n}}));
            notes.push(note.unwrap()["offset"].as_u64().unwrap());
        }
        // Somewhere among its hooks.
        let enough = notes.len() - 10;
        until(&server, "/a", "hooks", |events| {
            of(events, "first").len() >= enough.min(3 + round * 15)
        });
        server.kill();
        server = serve(home.path(), &args);
    }
    let all = notes.len();
    let events = until(&server, "/a", "all hooks", |events| {
        of(events, "second").len() >= all
    });
    // None lost, none doubled, all in order.
    assert_eq!(of(&events, "first"), notes);
    assert_eq!(of(&events, "second"), notes);
    let counts = events.iter().filter(|e| e["type"] == "first");
    let counts: Vec<u64> = counts
        .map(|e| e["payload"]["notes"].as_u64().unwrap())
        .collect();
    assert_eq!(counts, (1..=all as u64).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_loaded_is_not_deployed() {
    let home = tempfile::tempdir().unwrap();
    let server = serve(home.path(), &["--data", ":memory:"]);
    let file = home.path().join("p.ts");
    for (code, expected) in [
        ("export default {\n  reduce(", "p.ts:2:"),
        ("throw new Error('at the top');", "Error: at the top"),
        ("export default 5;", "gives number instead of a processor"),
        (
            "import './missing.ts'; export default { reduce() {} };",
            "\"./missing.ts\": no such file",
        ),
        (
            "import { z } from 'zod'; export default { reduce: () => z };",
            "evtui deploy bundles packages by esbuild, which is not on PATH",
        ),
    ] {
        fs::write(&file, code).unwrap();
        let refused = deploy(home.path(), &server, "/a", &file);
        let told = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{told}");
        assert!(told.contains(expected), "{told}");
    }
    let mut connection = Connection::open(server.address()).unwrap();
    let events = connection.history("/a", 0).unwrap();
    assert!(
        events
            .iter()
            .all(|e| !e["type"].as_str().unwrap().contains("worker"))
    );
}

/// Whatever way the server ends, no process of a worker outlives it.
#[cfg(target_os = "linux")]
#[test]
fn workers_end_with_their_server() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("spins.ts");
    let code = "export default { async afterAppend({ append, event }) {
        if (event.type !== 'note') return;
        await append({ type: 'spinning' });
        for (;;);
    } };";
    fs::write(&file, code).unwrap();
    let mut server = serve(home.path(), &["--data", ":memory:"]);
    assert!(deploy(home.path(), &server, "/a", &file).status.success());
    let mut connection = Connection::open(server.address()).unwrap();
    connection.append("/a", &json!({"type": "note"})).unwrap();
    until(&server, "/a", "spinning", |events| {
        events.iter().any(|e| e["type"] == "spinning")
    });
    let children = children(server.pid());
    assert_eq!(children.len(), 1);
    server.kill();
    let started = Instant::now();
    while children.iter().any(|pid| is_running(*pid)) {
        assert!(started.elapsed() < PATIENCE, "it still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(target_os = "linux")]
fn children(of: u32) -> Vec<u32> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else {
            continue;
        };
        if parent(pid) == Some(of) {
            children.push(pid);
        }
    }
    children
}

#[cfg(target_os = "linux")]
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let rest = text.rsplit_once(')')?.1;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

#[cfg(target_os = "linux")]
fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.get(1)?.parse().ok()
}

#[cfg(target_os = "linux")]
fn is_running(pid: u32) -> bool {
    stat(pid).is_some_and(|fields| fields[0] != "Z")
}
