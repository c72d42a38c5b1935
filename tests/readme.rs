//! What README.md shows is what happens: every `$ evtui …` in a `console` block is run, and its
//! output compared. A line `...` stands for any lines.

use assert_cmd::Command;
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// Fenced blocks: their language, first line number and text.
fn blocks(text: &str) -> Vec<(&str, usize, String)> {
    let mut out = Vec::new();
    let mut open: Option<(&str, usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(language), None) => open = Some((language, number + 2, String::new())),
            (Some(_), Some(_)) => out.extend(open.take()),
            (None, Some(block)) => {
                block.2.push_str(line);
                block.2.push('\n');
            }
            (None, None) => {}
        }
    }
    out
}

/// True when `found` is `wanted`, a line `...` in it standing for any lines.
fn agrees(wanted: &[&str], found: &[&str]) -> bool {
    match wanted.split_first() {
        None => found.is_empty(),
        Some((&"...", rest)) => (0..=found.len()).any(|skip| agrees(rest, &found[skip..])),
        Some((first, rest)) => {
            found.first().is_some_and(|line| line.trim_end() == *first) && agrees(rest, &found[1..])
        }
    }
}

/// Splits a command line at blanks, minding quotes.
fn words(command: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut quote = None;
    let mut word: Option<String> = None;
    for c in command.chars() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ', None) => out.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word);
    out
}

#[test]
fn headless_commands_print_what_is_shown() {
    let text = readme();
    let mut ran = 0;
    for (language, line, block) in blocks(&text) {
        if language != "console" {
            continue;
        }
        for example in block.split("$ ").filter(|part| !part.trim().is_empty()) {
            let (command, wanted) = example.split_once('\n').unwrap();
            let command_words = words(command);
            assert_eq!(command_words[0], "evtui", "README.md:{line}: {command}");
            let output = Command::cargo_bin("evtui")
                .unwrap()
                .args(&command_words[1..])
                .current_dir(root())
                .env_remove("EVTUI_CONFIG")
                .env("XDG_CONFIG_HOME", root().join("tests/no-config"))
                .env("COLUMNS", "100")
                .output()
                .unwrap();
            let found = [output.stdout, output.stderr].concat();
            let found = String::from_utf8(found).unwrap();
            let found: Vec<&str> = found.trim_end().lines().collect();
            let wanted: Vec<&str> = wanted.trim_end().lines().collect();
            assert!(
                agrees(&wanted, &found),
                "README.md:{line}: `{command}` printed\n{}\n",
                found.join("\n")
            );
            ran += 1;
        }
    }
    assert!(ran >= 4, "only {ran} commands in README.md were run");
}

#[test]
fn the_two_commands_come_first_and_are_the_ones_in_use() {
    let text = readme();
    let all = blocks(&text);
    let (_, _, commands) = all.iter().find(|(language, ..)| *language == "sh").unwrap();
    let lines: Vec<&str> = commands
        .lines()
        .map(|l| l.split('#').next().unwrap().trim())
        .collect();
    assert_eq!(
        lines,
        ["cargo run --release -- --local --demo", "cargo test"]
    );
    let checks = fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(
        checks.lines().any(|line| line == lines[1]),
        ".ci/run must run `{}`",
        lines[1]
    );
}

#[test]
fn a_difference_is_seen() {
    assert!(agrees(&["a", "...", "d"], &["a", "b", "c", "d"]));
    assert!(!agrees(&["a", "d"], &["a", "b"]));
    assert!(!agrees(&["a"], &["a", "b"]));
    assert_eq!(
        words("evtui state 'a b' --at 3"),
        ["evtui", "state", "a b", "--at", "3"]
    );
}
