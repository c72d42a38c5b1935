//! The command line from outside: exit codes, the shape of errors, what goes to which stream.

use assert_cmd::Command;
use evtui::source::recordings;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

struct Said {
    code: i32,
    out: String,
    err: String,
}

/// Runs evtui in a folder, away from the settings of whoever runs the test.
fn evtui_in(folder: &Path, args: &[&str], vars: &[(&str, &str)]) -> Said {
    let mut command = Command::cargo_bin("evtui").unwrap();
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("EVTUI_")) {
        command.env_remove(name);
    }
    let output = command
        .args(args)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .envs(vars.iter().copied())
        .output()
        .unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn evtui(args: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    evtui_in(folder.path(), args, &[])
}

#[test]
fn what_cannot_be_opened_is_named_with_what_to_try() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("agent.jsonl"), "").unwrap();
    for (target, error, hint) in [
        (
            "agnet.jsonl",
            "cannot open agnet.jsonl: there is no such file",
            "try: evtui agent.jsonl",
        ),
        (
            "coding-agent",
            "cannot open coding-agent: there is no such file",
            "try: evtui @coding-agent",
        ),
        (
            "@chet",
            "cannot open @chet: there is no such recording",
            "try: evtui @chat",
        ),
        (
            "/team/Inbox.jsonl",
            "cannot open /team/Inbox.jsonl: there is no such file",
            "no stream has that name",
        ),
        (
            ".",
            "cannot open .: it is a folder",
            "try: name a log file inside it",
        ),
    ] {
        let said = evtui_in(folder.path(), &[target], &[]);
        assert_eq!(said.code, 2, "{target}");
        assert_eq!(said.out, "", "{target}");
        assert!(
            said.err.starts_with("evtui: ") && said.err.contains(error),
            "{}",
            said.err
        );
        assert!(said.err.contains(hint), "{}", said.err);
        assert_eq!(said.err.lines().count(), 2, "{}", said.err);
    }
}

#[test]
fn no_target_and_no_terminal_is_wrong_usage() {
    let said = evtui(&[]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("is not a terminal"), "{}", said.err);
}

#[test]
fn a_log_without_terminal_is_its_events_as_a_table() {
    let plain = evtui(&["@runaway", "--at", "105"]);
    let table = evtui(&["events", "@runaway", "--from", "105", "--format", "table"]);
    assert_eq!(
        (plain.code, plain.out.lines().count()),
        (0, 9),
        "{}",
        plain.err
    );
    assert_eq!(plain.out, table.out);
}

#[test]
fn help_and_version_are_answers_and_typing_errors_are_not() {
    let help = evtui(&["--help"]);
    assert_eq!(help.code, 0);
    assert!(help.out.contains("evtui @coding-agent") && help.err.is_empty());
    assert_eq!(
        evtui(&["--version"]).out,
        format!("evtui {}\n", env!("CARGO_PKG_VERSION"))
    );
    let wrong = evtui(&["--no-such-flag"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""));
    assert!(!help.out.contains("__box"), "the box is nobody's business");
}

#[test]
fn recordings_are_listed_and_written_out() {
    let list = evtui(&["recordings"]);
    assert_eq!(list.code, 0);
    assert_eq!(list.out.lines().count(), recordings::ALL.len());
    for recording in &recordings::ALL {
        assert!(list.out.contains(&format!("@{} ", recording.name)));
        let said = evtui(&["recordings", recording.name]);
        assert!(said.out.as_bytes() == recording.jsonl, "{}", recording.name);
    }
    assert_eq!(evtui(&["recordings", "nothing"]).code, 2);
}

#[test]
fn settings_from_everywhere_with_their_origin() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config/evtui");
    fs::create_dir_all(&config).unwrap();
    let path = evtui_in(folder.path(), &["config", "path"], &[]);
    assert_eq!(
        path.out.trim(),
        config.join("config.toml").display().to_string()
    );
    fs::write(
        config.join("config.toml"),
        "mouse = false\nascii = true\ntehme = \"x\"\n",
    )
    .unwrap();
    let vars = [("EVTUI_ASCII", "0")];
    let args = ["config", "show-origin", "--reduce-timeout", "5s"];
    let said = evtui_in(folder.path(), &args, &vars);
    assert_eq!(said.code, 0, "{}", said.err);
    let line = |key: &str| {
        said.out
            .lines()
            .find(|l| l.starts_with(key))
            .unwrap()
            .to_owned()
    };
    assert!(
        line("mouse").starts_with("mouse = false ") && line("mouse").ends_with("config.toml:1")
    );
    assert!(
        line("ascii").starts_with("ascii = false ") && line("ascii").ends_with("# EVTUI_ASCII")
    );
    assert!(line("reduce_timeout").ends_with("# --reduce-timeout"));
    assert!(line("theme").ends_with("# default"));
    assert!(
        said.err
            .contains("config.toml:3: unknown key \"tehme\"; did you mean \"theme\"?")
    );

    let bad = evtui_in(folder.path(), &["themes", "--reduce-memory", "much"], &[]);
    assert_eq!(bad.code, 2);
    assert!(
        bad.err
            .starts_with("evtui: --reduce-memory: reduce_memory must be a size"),
        "{}",
        bad.err
    );
    fs::write(config.join("config.toml"), "mouse = \n").unwrap();
    let broken = evtui_in(folder.path(), &["themes"], &[]);
    assert_eq!(broken.code, 2);
    assert!(broken.err.contains("config.toml:1:"), "{}", broken.err);
    let still = evtui_in(folder.path(), &["config", "path"], &[]);
    assert_eq!(still.code, 0, "where the broken file is can be asked");
}

#[test]
fn themes_built_in_and_own() {
    let folder = tempfile::tempdir().unwrap();
    let themes = folder.path().join("config/evtui/themes");
    fs::create_dir_all(&themes).unwrap();
    fs::write(
        themes.join("mine.toml"),
        "error = \"bold red\"\nerorr = \"red\"\n",
    )
    .unwrap();
    let said = evtui_in(folder.path(), &["themes"], &[("EVTUI_THEME", "light")]);
    assert_eq!(said.code, 0);
    for name in [
        "dark",
        "light",
        "high-contrast",
        "colour-blind-safe",
        "mono",
    ] {
        assert!(said.out.contains(&format!(" {name} ")), "{}", said.out);
    }
    assert!(said.out.contains("* light"), "{}", said.out);
    assert!(said.out.contains("mine.toml"), "{}", said.out);
    assert!(
        said.err.contains("mine.toml:2") && said.err.contains("erorr"),
        "{}",
        said.err
    );
}

#[test]
fn completions_and_manual() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = evtui(&["completions", shell]);
        assert_eq!(said.code, 0);
        assert!(said.out.contains("recordings"), "{shell}");
    }
    let page = evtui(&["man"]);
    assert_eq!(page.code, 0);
    assert!(page.out.contains(".TH evtui") && page.out.contains("reduce\\-timeout"));
}

#[test]
fn a_reader_that_goes_away_is_success() {
    let binary = assert_cmd::cargo::cargo_bin("evtui");
    let mut child = std::process::Command::new(binary)
        .args(["recordings", "coding-agent"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // More than a pipe holds is to be written; the reader leaves after a few bytes.
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 10]).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
