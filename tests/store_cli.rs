//! `evtui export` and `evtui import` from outside: what goes in comes out, byte for byte.

#[path = "support/store.rs"]
mod support;

use assert_cmd::Command;
use bytes::Bytes;
use evtui::model::event::Millis;
use evtui::model::offset::Offset;
use evtui::store::log::{LogStore, Options};
use evtui::store::{Record, Store};
use std::fs;
use std::path::Path;
use support::{all, append, key};

const LOG: &str = concat!(
    r#"{"streamPath":"/a","offset":1,"type":"https://events.iterate.com/events/stream/initialized","payload":{"projectSlug":"public","path":"/a"},"createdAt":"2026-03-01T09:00:00.000Z"}"#,
    "\n",
    r#"{"type":"x", "payload":"a string", "offset":2,"createdAt":"2026-03-01T09:00:00.123Z","streamPath":"/a","idempotencyKey":"k\u00e9y"}"#,
    "\n",
    r#"{"streamPath" : "\/a","offset":3,"type":"y","payload":{"n":1.0e5,"n2":12345678901234567890,"t":"é\ud83d\ude00"},"createdAt":"2026-03-02T09:00:00Z","extra":[1, 2]}"#,
    "\n",
);

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(folder: &Path, args: &[&str], input: &str) -> Ran {
    let output = Command::cargo_bin("evtui")
        .unwrap()
        .current_dir(folder)
        .env("XDG_CONFIG_HOME", folder)
        .args(args)
        .write_stdin(input)
        .output()
        .unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_stream_moves_out_and_in_without_a_change() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.jsonl"), LOG).unwrap();
    let ran = run(folder.path(), &["import", "a.jsonl", "--data", "d"], "");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{}", ran.err);
    assert!(ran.err.contains("3 events imported as /a"), "{}", ran.err);
    let ran = run(folder.path(), &["export", "/a", "--data", "d"], "");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), LOG), "{}", ran.err);
    let args = ["export", "/a", "--data", "d", "-o", "b.jsonl"];
    assert_eq!(run(folder.path(), &args, "").code, Some(0));
    assert_eq!(
        fs::read_to_string(folder.path().join("b.jsonl")).unwrap(),
        LOG
    );

    let store = LogStore::open(&folder.path().join("d"), Options::default()).unwrap();
    let head = store.head(&key("/a")).unwrap().unwrap();
    let time = |text| Millis::parse(text).unwrap();
    assert_eq!(head.created_at, time("2026-03-01T09:00:00.000Z"));
    assert_eq!(head.last_at, time("2026-03-02T09:00:00Z"));
    assert_eq!(head.last, Offset(3));
    let found = store.find(&key("/a"), "kéy").unwrap().unwrap();
    assert_eq!(found.offset, Offset(2));
}

#[test]
fn under_another_path_only_the_path_changes() {
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "import",
        "-",
        "--data",
        "d",
        "--path",
        "/b/c",
        "--project",
        "p",
    ];
    let ran = run(folder.path(), &args, LOG);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let args = ["export", "/b/c", "--data", "d", "--project", "p"];
    let want = LOG
        .replace(r#""streamPath":"/a""#, r#""streamPath":"/b/c""#)
        .replace(r#""streamPath" : "\/a""#, r#""streamPath" : "/b/c""#);
    assert_eq!(run(folder.path(), &args, "").out, want);
    let ran = run(folder.path(), &["export", "/b/c", "--data", "d"], "");
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err.contains("no stream /b/c in project public"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("/b/c --project p"), "{}", ran.err);
}

#[test]
fn a_stream_that_has_events_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["import", "-", "--data", "d"];
    assert_eq!(run(folder.path(), &args, LOG).code, Some(0));
    let ran = run(folder.path(), &args, LOG);
    assert_eq!(ran.code, Some(3));
    assert!(ran.err.contains("has 3 events already"), "{}", ran.err);
}

#[test]
fn a_log_that_is_not_whole_is_refused_naming_the_line() {
    let line = |n: usize| LOG.lines().nth(n - 1).unwrap();
    let third = |what: &str, with: &str| line(3).replace(what, with);
    let cases = [
        (
            third("\"offset\":3", "\"offset\":4"),
            "offset 4 where 3 is expected",
        ),
        (
            third("\"offset\":3", "\"offset\":2"),
            "offset 2 again, where 3",
        ),
        (
            third("\"offset\":3", "\"offset\":\"3\""),
            "no event: invalid type",
        ),
        (line(3)[..80].to_owned(), "no event: EOF"),
        ("broken".to_owned(), "no event"),
        (third("\\/a", "/b"), "an event of /b, after those of /a"),
        (third("\\/a", "/A"), "'A' is not allowed"),
        (third("\"y\"", "\"\""), "type is empty"),
        (
            third("2026-03-02T09:00:00Z", "yesterday"),
            "\"yesterday\" is no time",
        ),
        (
            third("\"createdAt\"", "\"made\""),
            "missing field `createdAt`",
        ),
        (
            third("\"extra\":[1, 2]", "\"idempotencyKey\":\"kéy\""),
            "key of line 2 again",
        ),
        (
            third("\"extra\"", "\"offset\":3,\"extra\""),
            "duplicate field `offset`",
        ),
    ];
    for (bad, why) in cases {
        let folder = tempfile::tempdir().unwrap();
        let log = format!("{}\n{}\n{bad}\n", line(1), line(2));
        let ran = run(folder.path(), &["import", "-", "--data", "d"], &log);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{why}");
        assert!(ran.err.contains("line 3: "), "{}", ran.err);
        assert!(ran.err.contains(why), "{why}: {}", ran.err);
        assert!(!folder.path().join("d").exists(), "{why}");
    }
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["import", "-", "--data", "d"], "\n\n");
    assert!(ran.err.contains("no events"), "{}", ran.err);
}

#[test]
fn a_folder_in_use_or_none_at_all_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["export", "/a", "--data", "d"], "");
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("no evtui store"), "{}", ran.err);
    let store = LogStore::open(&folder.path().join("d"), Options::default()).unwrap();
    for args in [
        ["export", "/a", "--data", "d"],
        ["import", "-", "--data", "d"],
    ] {
        let ran = run(folder.path(), &args, LOG);
        assert_eq!(ran.code, Some(3));
        assert!(
            ran.err.contains("another process has this store open"),
            "{}",
            ran.err
        );
        assert!(ran.err.contains("try: stop the server"), "{}", ran.err);
    }
    drop(store);
}

#[test]
fn big_streams_move_in_pieces_and_damage_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = "x".repeat(3000);
    let events: Vec<Record> = (1..=1000)
        .map(|n| Record {
            offset: Offset(n),
            idempotency_key: None,
            json: Bytes::from(format!(
                r#"{{"streamPath":"/a","offset":{n},"type":"t","payload":{{"text":"{text}"}},"createdAt":"2026-03-01T09:00:00.000Z"}}"#
            )),
        })
        .collect();
    {
        let store = LogStore::open(&folder.path().join("d"), Options::default()).unwrap();
        append(&store, &key("/a"), events.clone()).unwrap();
    }
    let args = ["export", "/a", "--data", "d", "-o", "a.jsonl"];
    assert_eq!(run(folder.path(), &args, "").code, Some(0));
    let ran = run(folder.path(), &["import", "a.jsonl", "--data", "d2"], "");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    {
        let store = LogStore::open(&folder.path().join("d2"), Options::default()).unwrap();
        assert_eq!(all(&store, &key("/a"), 1 << 20).unwrap(), events);
    }

    let log = folder.path().join("d/segments/00000001.log");
    // So that the damaged commit is not the last one, which might be torn.
    {
        let store = LogStore::open(&folder.path().join("d"), Options::default()).unwrap();
        append(&store, &key("/b"), vec![support::record(1, "")]).unwrap();
    }
    let mut bytes = fs::read(&log).unwrap();
    let wanted = &events[499].json;
    let at = bytes.windows(wanted.len()).position(|w| w == &wanted[..]);
    bytes[at.unwrap() + 200] ^= 1;
    fs::write(&log, bytes).unwrap();
    let ran = run(folder.path(), &["export", "/a", "--data", "d"], "");
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.err.contains("events 500 to 500 are damaged"),
        "{}",
        ran.err
    );
    let ran = run(
        folder.path(),
        &["export", "/a", "--data", "d", "--partial"],
        "",
    );
    assert_eq!((ran.code, ran.out.lines().count()), (Some(1), 999));
    assert!(
        ran.err.contains("left out: events 500 to 500"),
        "{}",
        ran.err
    );
}
