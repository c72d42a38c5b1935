//! The headless commands from outside: output, exit codes, and errors that say what to try.

use assert_cmd::Command;
use std::path::PathBuf;

const LOG: &str = r#"{"streamPath":"/a","offset":1,"type":"https://events.iterate.com/events/stream/initialized","payload":{"projectSlug":"public","path":"/a"},"createdAt":"2026-03-01T09:00:00.000Z"}
{"streamPath":"/a","offset":2,"type":"https://events.iterate.com/dynamic-worker-configured","payload":"export default { initialState: {n: 0, list: []}, reduce({event, state}) { if (event.type === 'boom') throw new TypeError('bad ' + event.offset); return {n: state.n + 1, list: [...state.list, event.offset]}; } }","createdAt":"2026-03-01T09:00:00.100Z"}
{"streamPath":"/a","offset":3,"type":"user_message","payload":"hi","createdAt":"2026-03-01T09:00:01.000Z"}
broken
{"streamPath":"/a","offset":4,"type":"boom","payload":{},"createdAt":"2026-03-01T09:00:01.000Z"}
{"streamPath":"/a","offset":5,"type":"user_message","payload":"multi\nline","createdAt":"2026-03-01T09:00:02.000Z"}
"#;

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run_on(log: &str, args: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("log.jsonl");
    std::fs::write(&path, log).unwrap();
    let (command, rest) = args.split_first().unwrap();
    let output = Command::cargo_bin("evtui")
        .unwrap()
        .current_dir(folder.path())
        .env("XDG_CONFIG_HOME", folder.path())
        .arg(command)
        .arg("log.jsonl")
        .args(rest)
        .output()
        .unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn run(args: &[&str]) -> Ran {
    run_on(LOG, args)
}

#[test]
fn state_is_exact_json_on_one_line() {
    let ran = run(&["state", "--at", "3"]);
    assert_eq!(ran.out, "{\"n\":3,\"list\":[1,2,3]}\n");
    assert_eq!(ran.code, Some(0));
    assert!(ran.err.contains("line 4: not JSON"), "{}", ran.err);
    assert_eq!(run(&["state"]).out, "{\"n\":4,\"list\":[1,2,3,5]}\n");
    assert_eq!(run(&["state", "--at", "0"]).out, "{\"n\":0,\"list\":[]}\n");
}

#[test]
fn a_failed_event_leaves_the_state_and_is_told() {
    let ran = run(&["state", "--at", "4"]);
    assert_eq!(ran.out, "{\"n\":3,\"list\":[1,2,3]}\n");
    assert!(ran.err.contains("offset 4 failed to reduce"), "{}", ran.err);
    assert!(ran.err.contains("TypeError: bad 4"), "{}", ran.err);
}

#[test]
fn before_its_deployment_a_worker_says_so() {
    let ran = run(&["state", "--at", "1"]);
    assert!(ran.err.contains("not yet deployed"), "{}", ran.err);
    assert_eq!(ran.out, "{\"n\":1,\"list\":[1]}\n");
}

#[test]
fn select_prints_a_part_or_says_what_there_is() {
    assert_eq!(run(&["state", "--select", "$.list[1]"]).out, "2\n");
    let ran = run(&["state", "--select", "$.list[9]"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(ran.err.contains("$.list has 4 elements"), "{}", ran.err);
    let ran = run(&["state", "--select", "$.["]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("column 3"), "{}", ran.err);
}

#[test]
fn what_is_not_there_is_exit_code_1_with_a_way_out() {
    let ran = run(&["state", "--at", "99"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("from 1 to 5"), "{}", ran.err);
    let ran = run(&["state", "--worker", "planner"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err.contains("the log configures default"),
        "{}",
        ran.err
    );
    let ran = run(&["state", "--path", "/b"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("--path with one of /a"), "{}", ran.err);
}

#[test]
fn a_log_without_processor_gives_the_services_own_state() {
    let log = LOG.lines().next().unwrap();
    let ran = run_on(log, &["state", "--select", "$.path"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "\"/a\"\n"));
    assert!(ran.err.contains("--processor FILE"), "{}", ran.err);
}

#[test]
fn a_log_of_several_streams_wants_a_path() {
    let other = LOG.replace("\"/a\"", "\"/b\"");
    let both = format!("{LOG}{other}");
    let ran = run_on(&both, &["state"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("/a, /b"), "{}", ran.err);
    let ran = run_on(&both, &["state", "--path", "/b", "--select", "$.n"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "4\n"));
}

#[test]
fn diff_follows_diff_1() {
    let ran = run(&["diff", "--from", "2", "--to", "3"]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(
        ran.out,
        "{\"op\":\"changed\",\"path\":\"$.n\",\"was\":2,\"now\":3}\n{\"op\":\"added\",\"path\":\"$.list[2]\",\"now\":3}\n"
    );
    let ran = run(&["diff", "--from", "3", "--to", "4"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""));
}

#[test]
fn replay_tells_each_offset() {
    let ran = run(&["replay", "--from", "3"]);
    let lines: Vec<serde_json::Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let offsets: Vec<u64> = lines
        .iter()
        .map(|l| l["offset"].as_u64().unwrap())
        .collect();
    assert_eq!(offsets, [3, 4, 5]);
    assert_eq!(lines[1]["changes"], serde_json::json!([]));
    assert_eq!(lines[1]["notes"][0]["failed"], true);
    assert_eq!(lines[2]["changes"][0]["path"], "$.n");
    assert_eq!(ran.code, Some(1), "an event failed");
}

#[test]
fn events_in_every_format() {
    let ran = run(&["events", "--filter", "kind:you", "--to", "4"]);
    assert_eq!((ran.code, ran.out.lines().count()), (Some(0), 1));
    assert_eq!(ran.out.trim_end(), LOG.lines().nth(2).unwrap());
    let ran = run(&["events", "--format", "yaml", "--from", "5"]);
    assert!(
        ran.out.starts_with("---\nstreamPath: /a\noffset: 5\n"),
        "{}",
        ran.out
    );
    let ran = run(&["events", "--format", "table"]);
    assert!(
        ran.out.contains("3  2026-03-01T09:00:01.000Z  you"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("unreadable"), "{}", ran.out);
    assert_eq!(run(&["events", "--filter", "kind:paused"]).code, Some(1));
    let ran = run(&["events", "--filter", "kind:pause"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("there are: you, agent"), "{}", ran.err);
    let ran = run(&["events", "--from", "5", "--to", "4"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.contains("try: --from 4 --to 5"), "{}", ran.err);
}

#[test]
fn a_processor_given_by_hand_comes_first_and_errors_name_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("count.ts");
    std::fs::write(
        &good,
        "export default { initialState: 0, reduce({ state }: any): number { return state + 10 } }",
    )
    .unwrap();
    let ran = run(&["state", "--processor", good.to_str().unwrap(), "--at", "2"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "20\n"));
    let bad = folder.path().join("bad.ts");
    std::fs::write(&bad, "export default {\n  reduce(: }").unwrap();
    let ran = run(&["state", "--processor", bad.to_str().unwrap()]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.contains("bad.ts:2:"), "{}", ran.err);
}

#[test]
fn standard_input_is_a_log_too() {
    let output = Command::cargo_bin("evtui")
        .unwrap()
        .args(["state", "-", "--at", "3", "--select", "n"])
        .write_stdin(LOG)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "3\n");
}

/// JavaScript would read it; the engine and the service's own fold say where they do not, and go on.
#[test]
fn an_event_nested_too_deep_is_told_and_the_rest_goes_on() {
    let event = |offset: usize, levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(
            r#"{{"streamPath":"/a","offset":{offset},"type":"x","payload":{{"t":{open}{close}}},"createdAt":"2026-03-01T09:00:00.000Z"}}"#
        )
    };
    let log = format!("{}\n{}\n{}\n", event(1, 5_000), event(2, 200), event(3, 1));
    let own = run_on(&log, &["state", "--select", "$.eventCount"]);
    assert_eq!(
        (own.out.as_str(), own.code),
        ("3\n", Some(0)),
        "{}",
        own.err
    );
    let own = run_on(&log, &["state", "--select", "$.path"]);
    assert_eq!(own.out, "\"/a\"\n");
    let counter = "export default { initialState: 0, reduce: ({ state }) => state + 1 };";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counter.js");
    std::fs::write(&file, counter).unwrap();
    let file = file.to_str().unwrap();
    let folded = run_on(&log, &["replay", "--processor", file]);
    let lines: Vec<&str> = folded.out.lines().collect();
    assert!(
        lines[0].contains("nested deeper than 4096 levels"),
        "{}",
        folded.out
    );
    assert!(lines[2].contains(r#""was":1,"now":2"#), "{}", folded.out);
}
