//! Keeps the house in order: which room of `src/` may know which other, which crates stay outside
//! which rooms, how long a file may be, and that every module says what it owns.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Longest file allowed in `src/`, `tests/` and `benches/`, in lines.
const MAX_LINES: usize = 600;
/// Longest `src/main.rs`.
const MAX_MAIN_LINES: usize = 80;

/// What one room may reach for.
struct Room {
    name: &'static str,
    /// Rooms it may name; `room::module` allows that module of the room only.
    may_use: &'static [&'static str],
    /// Crates that stay outside; `boa_*` is a prefix.
    without: &'static [&'static str],
}

const TERMINAL_AND_ENGINE: &[&str] = &["tokio", "boa_*", "oxc_*", "ratatui", "crossterm", "anyhow"];

#[rustfmt::skip]
const ROOMS: &[Room] = &[
    Room { name: "model", may_use: &[], without: TERMINAL_AND_ENGINE },
    Room { name: "replay", may_use: &["model"], without: TERMINAL_AND_ENGINE },
    Room { name: "processor", may_use: &["replay", "model"], without: &["ratatui", "crossterm", "anyhow"] },
    Room { name: "store", may_use: &["model"], without: &["axum", "boa_*", "oxc_*", "ratatui", "crossterm", "anyhow"] },
    Room { name: "service", may_use: &["store", "processor", "model"], without: &["axum", "boa_*", "oxc_*", "ratatui", "crossterm", "anyhow"] },
    Room { name: "server", may_use: &["service", "model"], without: &["boa_*", "oxc_*", "ratatui", "crossterm", "anyhow"] },
    Room { name: "source", may_use: &["model"], without: &["boa_*", "ratatui", "crossterm", "anyhow"] },
    // Of ratatui, `app` shares the plain `Rect`: where panes stand decides what keys and mouse mean.
    Room { name: "app", may_use: &["replay", "model"], without: &["tokio", "boa_*", "oxc_*", "crossterm", "anyhow"] },
    Room { name: "ui", may_use: &["app", "model"], without: &["tokio", "boa_*", "oxc_*", "anyhow"] },
    Room { name: "config", may_use: &["model"], without: &["tokio", "boa_*", "oxc_*", "ratatui", "crossterm"] },
    Room {
        name: "runtime",
        may_use: &["model", "replay", "processor", "source", "app", "ui", "config", "store", "service", "server"],
        without: &["boa_*", "oxc_*"],
    },
    Room {
        name: "cli",
        may_use: &["model", "replay", "processor", "source", "app", "config", "runtime", "ui::theme", "store", "service", "server"],
        without: &["boa_*", "oxc_*", "ratatui"],
    },
];

/// One broken rule.
#[derive(Debug, PartialEq)]
struct Fault {
    file: String,
    line: usize,
    why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.why)
    }
}

#[test]
fn the_house_is_in_order() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    assert!(files.len() > 10, "found only {} files in src/", files.len());
    let mut faults = Vec::new();
    for file in &files {
        let relative = file.strip_prefix(&src).unwrap();
        let name = relative.to_string_lossy().replace('\\', "/");
        faults.extend(check(&name, &fs::read_to_string(file).unwrap()));
    }
    let report: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(
        faults.is_empty(),
        "{} broken rules:\n{}",
        faults.len(),
        report.join("\n")
    );
}

#[test]
fn tests_and_benchmarks_are_about_one_thing_too() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["tests", "benches"] {
        collect(&root.join(folder), &mut files);
    }
    let lines = |file: &PathBuf| fs::read_to_string(file).unwrap().lines().count();
    let long: Vec<(PathBuf, usize)> = files
        .into_iter()
        .map(|file| (file.strip_prefix(root).unwrap().to_owned(), lines(&file)))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .collect();
    assert!(long.is_empty(), "longer than {MAX_LINES} lines: {long:?}");
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// Checks one file; `name` is relative to `src/`, with `/`.
fn check(name: &str, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |line: usize, why: String| {
        faults.push(Fault {
            file: format!("src/{name}"),
            line,
            why,
        });
    };

    let lines = text.lines().count();
    let most = if name == "main.rs" {
        MAX_MAIN_LINES
    } else {
        MAX_LINES
    };
    if lines > most {
        fault(
            lines,
            format!("{lines} lines, at most {most}: what second thing does it do?"),
        );
    }
    if name.ends_with("mod.rs") {
        fault(1, "use `foo.rs` beside `foo/` instead of `mod.rs`".into());
    }
    if !text.starts_with("//! ") {
        fault(
            1,
            "does not open with a `//!` that says what it owns".into(),
        );
    }

    let module: Vec<&str> = name
        .trim_end_matches(".rs")
        .split('/')
        .filter(|part| !matches!(*part, "lib" | "main"))
        .collect();
    let paths = paths(text, module.len());
    let Some(&room_name) = module.first() else {
        if name == "main.rs" {
            for path in paths.iter().filter(|path| path.segments[0] == "evtui") {
                let path = path.to_string();
                if !["evtui::cli", "evtui::processor::child"]
                    .iter()
                    .any(|p| path.starts_with(p))
                {
                    fault(
                        1,
                        format!(
                            "the binary may use only its command line and its box, not `{path}`"
                        ),
                    );
                }
            }
        }
        return faults;
    };
    let Some(room) = ROOMS.iter().find(|room| room.name == room_name) else {
        fault(
            1,
            format!("room `{room_name}` is not in the table of tests/layering.rs"),
        );
        return faults;
    };

    for path in &paths {
        let first = path.segments[0].as_str();
        if first == "crate" {
            let Some(target) = path.segments.get(1) else {
                continue;
            };
            if target == room.name || !ROOMS.iter().any(|r| r.name == *target) && target != "*" {
                continue;
            }
            let deeper = path
                .segments
                .get(2)
                .map_or_else(String::new, |s| format!("{target}::{s}"));
            if !room.may_use.contains(&target.as_str()) && !room.may_use.contains(&deeper.as_str())
            {
                let may = if room.may_use.is_empty() {
                    "no other room".to_owned()
                } else {
                    room.may_use.join(", ")
                };
                fault(
                    path.line,
                    format!("`{room_name}` may not use `{path}` (it may use {may})"),
                );
            }
        } else if let Some(banned) = room.without.iter().find(|banned| matches(banned, first)) {
            fault(
                path.line,
                format!("crate `{banned}` stays out of `{room_name}`, found `{path}`"),
            );
        }
    }
    faults
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

/// A path of at least two segments, as written; one that goes by `super` out of every module of
/// its file starts with `crate` here.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    line: usize,
    segments: Vec<String>,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.segments.join("::"))
    }
}

/// All paths in a file whose module is `depth` levels under the crate's root. Groups
/// (`use crate::{a, b::c}`) give one path a member.
fn paths(text: &str, depth: usize) -> BTreeSet<Named> {
    let tokens = tokens(text);
    let mut found = BTreeSet::new();
    // One entry per open brace: did it open an inline module?
    let mut braces: Vec<bool> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        match token.text.as_str() {
            "{" => {
                let opens_module = at >= 2 && tokens[at - 2].text == "mod";
                braces.push(opens_module);
            }
            "}" => {
                braces.pop();
            }
            word if is_word(word) => {
                let inside_path = at > 0 && matches!(tokens[at - 1].text.as_str(), "::" | ".");
                let in_use = at > 0 && tokens[at - 1].text == "use";
                let starts = tokens.get(at + 1).is_some_and(|t| t.text == "::");
                if !inside_path && (starts || in_use) {
                    let here = depth + braces.iter().filter(|module| **module).count();
                    let mut members = Vec::new();
                    at = read_path(&tokens, at, &mut Vec::new(), &mut members);
                    for (line, segments) in members {
                        found.insert(Named {
                            line,
                            segments: from_root(segments, here),
                        });
                    }
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Turns `super::super::x` into `crate::x` when that many steps leave every module.
fn from_root(segments: Vec<String>, depth: usize) -> Vec<String> {
    let ups = segments.iter().take_while(|s| *s == "super").count();
    if ups > 0 && ups >= depth {
        let mut out = vec!["crate".to_owned()];
        out.extend(segments.into_iter().skip(ups));
        return out;
    }
    segments
}

/// Reads one path or use tree from `at`; gives back where it ended.
fn read_path(
    tokens: &[Token],
    mut at: usize,
    prefix: &mut Vec<String>,
    out: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let kept = prefix.len();
    let line = tokens.get(at).map_or(0, |t| t.line);
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|t| t.text != "}") {
                    if tokens[at].text == "," {
                        at += 1;
                    } else {
                        let before = at;
                        at = read_path(tokens, at, prefix, out);
                        if at == before {
                            at += 1;
                        }
                    }
                }
                prefix.truncate(kept);
                return at + 1;
            }
            word if is_word(word) || word == "*" => {
                prefix.push(token.text.clone());
                at += 1;
            }
            _ => break,
        }
        if tokens.get(at).is_some_and(|t| t.text == "::")
            && tokens
                .get(at + 1)
                .is_some_and(|t| is_word(&t.text) || matches!(t.text.as_str(), "{" | "*"))
        {
            at += 1;
        } else {
            break;
        }
    }
    if prefix.len() > kept {
        out.push((line, prefix.clone()));
    }
    prefix.truncate(kept);
    // `x as y`
    if tokens.get(at).is_some_and(|t| t.text == "as") {
        at += 2;
    }
    at
}

#[derive(Debug)]
struct Token {
    line: usize,
    text: String,
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words and punctuation of Rust source, without comments, strings, characters and numbers.
fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < bytes.len() {
        let rest = &text[at..];
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = string(rest) {
            length
        } else if bytes[at] == b'\'' {
            character_or_lifetime(rest)
        } else if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            let length = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            if is_word(rest) {
                out.push(Token {
                    line,
                    text: rest[..length].to_owned(),
                });
            }
            length
        } else {
            let length = if rest.starts_with("::") {
                2
            } else {
                rest.chars().next().map_or(1, char::len_utf8)
            };
            if !rest[..length].trim().is_empty() {
                out.push(Token {
                    line,
                    text: rest[..length].to_owned(),
                });
            }
            length
        };
        line += rest[..length].matches('\n').count();
        at += length;
    }
    out
}

/// Length of a `/* … */`, which may hold others.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest.as_bytes()[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.as_bytes()[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// Length of a string literal of any sort at the start of `rest`.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""]
        .into_iter()
        .find(|p| rest.starts_with(p) && rest[p.len()..].starts_with(['"', '#']))?;
    let after = &rest[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = after.len() - after.trim_start_matches('#').len();
        if !after[hashes..].starts_with('"') {
            return None;
        }
        let end = format!("\"{}", "#".repeat(hashes));
        let body = &after[hashes + 1..];
        let length = body.find(&end).map_or(body.len(), |i| i + end.len());
        return Some(prefix.len() + hashes + 1 + length);
    }
    if !after.starts_with('"') {
        return None;
    }
    let mut escaped = false;
    for (i, c) in after.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(prefix.len() + i + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

/// Length of `'x'`, `'\n'` or of the quote that starts a lifetime.
fn character_or_lifetime(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            let body = &rest[2..];
            let escaped = body.chars().next().map_or(0, char::len_utf8);
            body[escaped..]
                .find('\'')
                .map_or(rest.len(), |i| 2 + escaped + i + 1)
        }
        Some(_) => match chars.next() {
            Some((i, '\'')) => i + 1,
            _ => 1,
        },
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(name: &str, text: &str) -> Vec<String> {
        check(name, &format!("//! Head.\n{text}"))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn forbidden_arrows_are_found_with_their_line() {
        assert_eq!(
            why("model/kind.rs", "\nuse crate::replay::moment;\n"),
            [
                "src/model/kind.rs:3: `model` may not use `crate::replay::moment` (it may use no other room)"
            ]
        );
        assert_eq!(why("ui/tree.rs", "use crate::source::file::Log;").len(), 1);
        assert_eq!(why("ui/tree.rs", "fn f() -> crate::runtime::X {}").len(), 1);
        assert_eq!(why("cli/state.rs", "use crate::ui::tree::Tree;").len(), 1);
    }

    #[test]
    fn groups_renames_and_supers_hide_nothing() {
        let group = "use crate::{\n    model::event as e,\n    source::{file, map::Map},\n};";
        let found = why("replay/session.rs", group);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("src/replay/session.rs:4:"));
        assert_eq!(why("app/state.rs", "use super::super::ui::theme;").len(), 1);
        assert_eq!(why("model.rs", "use super::replay;").len(), 1);
        let inline = "mod tests {\n    use super::super::super::replay::moment;\n}";
        assert_eq!(why("model/event.rs", inline).len(), 1);
        assert!(
            why(
                "model/event.rs",
                "mod tests {\n    use super::super::kind;\n}"
            )
            .is_empty()
        );
    }

    #[test]
    fn banned_crates_are_found() {
        assert_eq!(why("app/update.rs", "use tokio::sync::mpsc;").len(), 1);
        assert_eq!(
            why("replay/x.rs", "fn f(c: &boa_engine::Context) {}").len(),
            1
        );
        assert_eq!(why("source/file.rs", "use anyhow::Context;").len(), 1);
        assert!(why("runtime/x.rs", "use tokio::sync::mpsc;").is_empty());
    }

    #[test]
    fn allowed_arrows_comments_and_strings_pass() {
        assert!(
            why(
                "ui/tree.rs",
                "use crate::app::state::App;\nuse crate::model::diff;"
            )
            .is_empty()
        );
        assert!(why("cli/themes.rs", "use crate::ui::theme::Theme;").is_empty());
        assert!(why("model/x.rs", "// use crate::replay::x;\n/* crate::ui::x */").is_empty());
        assert!(why("model/x.rs", "const A: &str = \"crate::ui::x\";").is_empty());
        assert!(why("model/x.rs", "const A: &str = r#\"\" crate::ui::x\"#;").is_empty());
        assert!(
            why(
                "model/x.rs",
                "fn f<'a>(c: char) -> bool { c == '\"' } // \""
            )
            .is_empty()
        );
    }

    #[test]
    fn shape_of_files() {
        assert_eq!(why("model/mod.rs", "").len(), 1);
        assert_eq!(check("model/x.rs", "use std::fmt;\n").len(), 1);
        assert_eq!(why("model/x.rs", &"\n".repeat(MAX_LINES)).len(), 1);
        assert_eq!(why("cellar/x.rs", "").len(), 1);
        assert_eq!(why("main.rs", "use evtui::model::event;").len(), 1);
        assert!(why("main.rs", "use evtui::cli;").is_empty());
    }
}
