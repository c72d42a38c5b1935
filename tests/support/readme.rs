//! The commands that README.md shows, taken out of it and run as a person would paste them.
#![allow(dead_code)] // Each test uses its part.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::process::{Connection, Server};

/// Longest that a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(90);

/// The `sh` blocks of the section about agents.
pub fn blocks() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, section) = text
        .split_once("\n## Agents that live on a stream\n")
        .unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let blocks = section.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split_once("```").unwrap().0.to_owned())
        .collect()
}

/// The block that begins with this comment or command.
pub fn block(start: &str) -> String {
    let found = blocks().into_iter().find(|block| block.starts_with(start));
    found.unwrap_or_else(|| panic!("README.md has no block that begins {start:?}"))
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// False, and says so, where there is no curl.
pub fn has_curl() -> bool {
    let found = Command::new("curl").arg("--version").output().is_ok();
    if !found {
        eprintln!("LEFT OUT: curl is not installed");
    }
    found
}

/// Where commands are pasted.
pub struct Shell {
    pub home: PathBuf,
    pub service: String,
    pub model: String,
}

impl Shell {
    /// Runs a block; every command of it must succeed.
    pub fn paste(&self, block: &str) -> Output {
        let binary = Path::new(env!("CARGO_BIN_EXE_evtui")).parent().unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(
            [binary.to_owned()]
                .into_iter()
                .chain(std::env::split_paths(&path)),
        );
        let output = Command::new("sh")
            .args(["-e", "-c", block])
            .current_dir(root())
            .env_remove("EVTUI_CONFIG")
            .env("HOME", &self.home)
            .env("XDG_CONFIG_HOME", &self.home)
            .env("XDG_CACHE_HOME", &self.home)
            .env("PATH", path.unwrap())
            .env("EVTUI_URL", &self.service)
            .env("MODEL_URL", &self.model)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{block}\n{told}");
        output
    }
}

/// Waits until the events of a stream are like this; gives them.
#[track_caller]
pub fn until(
    server: &Server,
    path: &str,
    what: &str,
    mut is: impl FnMut(&[Value]) -> bool,
) -> Vec<Value> {
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

/// The payloads of a type.
pub fn payloads<'e>(events: &'e [Value], event_type: &str) -> Vec<&'e Value> {
    let found = events
        .iter()
        .filter(|event| event["type"].as_str().unwrap().ends_with(event_type));
    found.map(|event| &event["payload"]).collect()
}
