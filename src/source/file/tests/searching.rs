//! Search against looking at every row.

use super::*;
use crate::model::log::EventLog;
use crate::model::needle::Needle;

fn naive(log: &dyn EventLog, needle: &Needle, from: usize, backward: bool) -> Option<usize> {
    let has = |row: &usize| needle.regex().is_match(&log.raw(*row).unwrap());
    if backward {
        (0..log.len().min(from.saturating_add(1))).rev().find(has)
    } else {
        (from..log.len()).find(has)
    }
}

fn same_as_naive(source: &FileSource, text: &str, from: usize) {
    let needle = Needle::new(text).unwrap();
    let mut logs = vec![source.log(None)];
    for stream in source.streams() {
        logs.push(source.log(Some(stream.path.as_deref().unwrap_or(""))));
    }
    for log in logs {
        for backward in [false, true] {
            let found = log.search(&needle, from, backward, &|| true);
            let want = naive(log.as_ref(), &needle, from, backward);
            assert_eq!(found, want, "{text:?} from {from}, backward: {backward}");
        }
    }
}

/// What the events of `naive` are made of, and what only the formats around them have.
const TEXTS: &[&str] = &[
    "assistant",
    "ASSISTANT",
    "tool-result",
    "quoted",
    "\"quoted\"",
    "événement",
    "ÉVÉNEMENT",
    "/b/c",
    "source }{][",
    "data:",
    "event: message",
    "id",
    "},{",
    "events",
    "nonsense",
    "1",
    "torn",
    ":",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn in_lines(lines in naive::lines(), text in prop::sample::select(TEXTS), from in 0usize..45) {
        let (_file, source) = open(&naive::lines_file(&lines).0);
        same_as_naive(&source, text, from);
    }

    #[test]
    fn in_arrays(
        events in naive::events(), text in prop::sample::select(TEXTS), from in 0usize..30,
        pretty: bool, wrap: bool,
    ) {
        let (_file, source) = open(&naive::array_file(&events, pretty, wrap).0);
        same_as_naive(&source, text, from);
    }

    #[test]
    fn in_transcripts(
        events in naive::events(), text in prop::sample::select(TEXTS), from in 0usize..30,
        split: bool, torn: bool,
    ) {
        let (_file, source) = open(&naive::sse_file(&events, false, false, split, torn).0);
        same_as_naive(&source, text, from);
    }
}

/// Longer than a block, so that hits lie in others than the first.
#[test]
fn across_blocks_and_streams() {
    let mut bytes = Vec::new();
    for at in 0..6000 {
        let path = if at % 3 == 0 { "/a" } else { "/b" };
        let mark = if at % 1000 == 999 { "HERE" } else { "" };
        let filler = "x".repeat(at % 400);
        writeln!(
            bytes,
            r#"{{"streamPath":"{path}","type":"t","payload":"{mark}{filler}"}}"#
        )
        .unwrap();
    }
    let (_file, source) = open(&bytes);
    for from in [0, 1, 333, 1999, 2000, 3333, 5999, 6000, usize::MAX] {
        same_as_naive(&source, "here", from);
        same_as_naive(&source, "HERE", from);
        same_as_naive(&source, "nowhere", from);
    }
}

#[test]
fn a_search_can_be_stopped() {
    let (_file, source) = open(&b"{\"type\":\"a\"}\n".repeat(100_000));
    let needle = Needle::new("b").unwrap();
    let asked = std::cell::Cell::new(0);
    let keep_going = || {
        asked.set(asked.get() + 1);
        asked.get() < 3
    };
    assert_eq!(
        source.log(None).search(&needle, 0, false, &keep_going),
        None
    );
    assert_eq!(asked.get(), 3);
}
