//! The server section of README.md: every `$ curl …` of a `shell` block is run against a fresh server,
//! in order, and its output compared. A line `...` stands for any lines.

#![cfg(unix)]

#[path = "support/process.rs"]
mod process;

use std::process::Command;

/// True when `found` is `wanted`, a line `...` in it standing for any lines.
fn agrees(wanted: &[&str], found: &[&str]) -> bool {
    match wanted.split_first() {
        None => found.is_empty(),
        Some((&"...", rest)) => (0..=found.len()).any(|skip| agrees(rest, &found[skip..])),
        Some((first, rest)) => found.first() == Some(first) && agrees(rest, &found[1..]),
    }
}

#[test]
fn the_commands_work_as_pasted() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("left out: curl is not installed");
        return;
    }
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let home = tempfile::tempdir().unwrap();
    let server = process::serve(home.path(), &[]);
    let mut ran = 0;
    for block in readme.split("```shell\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for example in block.split("$ ").filter(|part| !part.trim().is_empty()) {
            let (command, wanted) = example.split_once('\n').unwrap();
            assert!(command.contains("localhost:7070"), "{command}");
            let here = command.replace("localhost:7070", server.address());
            let output = Command::new("sh").args(["-c", &here]).output().unwrap();
            let found = String::from_utf8(output.stdout).unwrap();
            let found: Vec<&str> = found.lines().collect();
            let wanted: Vec<&str> = wanted.trim_end().lines().collect();
            assert!(
                agrees(&wanted, &found),
                "`{command}` printed\n{}\n",
                found.join("\n")
            );
            ran += 1;
        }
    }
    assert!(ran >= 9, "only {ran} commands were run");
}
