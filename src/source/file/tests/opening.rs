//! What can be opened, what cannot and why, and what is known before indexing is done.

use super::super::shared::Orders;
use super::super::{Indexer, OpenError, Records, Selection, Shared, View};
use super::*;
use crate::model::log::EventLog;

fn event(offset: u64) -> String {
    format!("{{\"streamPath\":\"/s\",\"offset\":{offset},\"type\":\"t\",\"payload\":{{}}}}\n")
}

fn log_of(events: u64) -> Vec<u8> {
    (1..=events).map(event).collect::<String>().into_bytes()
}

fn complaints(source: &FileSource) -> Vec<(u64, String)> {
    let complaints = source.log(None).complaints();
    complaints.into_iter().map(|c| (c.line, c.what)).collect()
}

#[test]
fn what_cannot_be_opened_says_why_and_what_to_try() {
    let dir = tempfile::tempdir().unwrap();
    let error = |bytes: &[u8]| FileSource::open(file(bytes).path()).err().unwrap();
    assert!(matches!(
        FileSource::open(dir.path()).err().unwrap(),
        OpenError::Directory { .. }
    ));
    assert!(matches!(
        FileSource::open(dir.path().join("none")).err().unwrap(),
        OpenError::Missing { .. }
    ));
    assert!(error(b"\x1f\x8b\x08\0").to_string().contains("gunzip -c"));
    assert!(error(b"\xff\xfe{\0").to_string().contains("iconv"));
    assert!(matches!(
        error(b"\x7fELF\0\0\0\x01"),
        OpenError::Binary { .. }
    ));
}

#[test]
fn empty_and_blank_files_are_empty_logs_that_say_so() {
    for (bytes, why) in [
        (&b""[..], "is empty"),
        (b"\n\n\n", "holds no event"),
        (b" ", "holds no event"),
        (b"[\n]", "holds no event"),
        (b":\n\n", "holds no event"),
    ] {
        let (_file, source) = open(bytes);
        assert!(source.log(None).is_empty());
        let complaints = complaints(&source);
        assert!(
            complaints.len() == 1 && complaints[0].1.contains(why),
            "{complaints:?}"
        );
    }
    let (_file, source) = open(&b"\n".repeat(3_000_000));
    assert!(source.log(None).is_empty());
}

#[test]
fn a_torn_last_line_is_an_event_if_it_is_whole_and_else_unreadable() {
    let whole = event(2).trim_end().to_owned();
    let (_file, source) = open(format!("{}{whole}", event(1)).as_bytes());
    assert_eq!(source.log(None).len(), 2);
    assert_eq!(complaints(&source), []);
    let (_file, source) = open(format!("{}{}", event(1), &whole[..30]).as_bytes());
    let log = source.log(Some("/s"));
    assert_eq!(log.kind(1), Some(Kind::Unreadable));
    assert_eq!(log.raw(1).unwrap(), &whole.as_bytes()[..30]);
    let complaints = complaints(&source);
    assert_eq!(complaints[0].0, 2);
    assert!(complaints[0].1.starts_with("torn last line: not JSON"));
}

#[test]
fn gaps_repeats_and_disorder_are_reported() {
    let offsets = [3, 4, 4, 6, 9, 5, 6];
    let lines: String = offsets.map(event).join("\n");
    let (_file, source) = open(lines.as_bytes());
    let want = [
        (1, "begins at offset 3"),
        (5, "offset 4 stands here again"),
        (7, "offset 5 is missing"),
        (9, "offsets 7 to 8 are missing"),
        (11, "offset 5 comes after 9"),
    ];
    let found = complaints(&source);
    assert_eq!(found.len(), want.len(), "{found:?}");
    for ((line, what), (want_line, want)) in found.iter().zip(want) {
        assert!(*line == want_line && what.contains(want), "{line} {what}");
    }
    assert_eq!(source.log(None).row_of_offset(Offset(6)), Some(6));
}

#[test]
fn complaints_are_kept_in_bounds_and_counted() {
    let (_file, source) = open(&b"{\"type\":\"a\"}\nx\n".repeat(3000));
    let complaints = complaints(&source);
    assert_eq!(complaints.len(), 1001);
    assert_eq!(complaints[1000].0, 6000);
    assert!(complaints[1000].1.contains("2000 more"));
}

#[test]
fn a_failure_in_a_transcript_is_a_row() {
    let text = "data: {\"type\":\"a\"}\n\nevent: error\ndata: {\"message\":\"gone\"}\n\n";
    let (_file, source) = open(text.as_bytes());
    assert_eq!(source.log(None).kind(1), Some(Kind::Unreadable));
    let complaints = complaints(&source);
    assert_eq!(complaints[0].0, 3);
    assert!(complaints[0].1.contains("reported a failure") && complaints[0].1.contains("gone"));
}

#[test]
fn one_pretty_printed_answer_is_a_log() {
    let text = "{\n  \"event\": {\n    \"type\": \"a\",\n    \"offset\": 1\n  }\n}\n";
    let (_file, source) = open(text.as_bytes());
    let log = source.log(None);
    assert_eq!(log.row(0).unwrap().offset, Some(Offset(1)));
    assert_eq!(
        log.raw(0).unwrap().as_ref(),
        b"{\n    \"type\": \"a\",\n    \"offset\": 1\n  }"
    );
}

#[test]
fn long_and_deep_lines() {
    let mut long = b"{\"type\":\"long\",\"offset\":1,\"payload\":\"".to_vec();
    long.resize(100_000_000, b'x');
    long.extend_from_slice(b"\"}\n{\"type\":\"deep\",\"offset\":2,\"payload\":");
    long.extend(std::iter::repeat_n(b'[', 300_000));
    long.extend(std::iter::repeat_n(b']', 300_000));
    long.extend_from_slice(b"}\n");
    let (_file, source) = open(&long);
    let log = source.log(None);
    assert_eq!(log.len(), 2);
    assert_eq!(log.row(0).unwrap().event_type.as_ref(), "long");
    assert_eq!(log.row(1).unwrap().event_type.as_ref(), "deep");
    assert_eq!(log.raw(0).unwrap().len(), 100_000_002);
}

/// Places beyond four gigabytes, in a file that is mostly a hole.
#[cfg(unix)]
#[test]
fn places_past_four_gigabytes() {
    use std::os::unix::fs::FileExt;
    let far = 5_000_000_000;
    let mut streams = super::super::packed::Packed::default();
    for at in [0, 10, far, far + 10] {
        streams.push(at);
    }
    assert_eq!(streams.get(3), Some(far + 10));
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(b"{\"type\":\"far\"}", far).unwrap();
    let read = super::super::bytes::read_range(&file, far, far + 14);
    assert_eq!(read.unwrap(), b"{\"type\":\"far\"}");
}

/// A view of a file whose two ends were looked at and whose index was not begun.
fn ends_only(bytes: &[u8]) -> (Arc<Shared>, Indexer, View) {
    let file = Arc::new(file(bytes).into_file());
    let records = Records::new(Arc::clone(&file), 0);
    let shared = Arc::new(Shared::new(records, Orders::default()));
    let mut indexer = Indexer::new(Arc::clone(&shared), file, None);
    indexer.ends();
    let view = View {
        shared: Arc::clone(&shared),
        selection: Selection::Path("/s".into()),
    };
    (shared, indexer, view)
}

#[test]
fn both_ends_are_known_before_the_middle() {
    let bytes = log_of(100_000);
    let (_shared, mut indexer, log) = ends_only(&bytes);
    assert_eq!(log.len(), 100_000);
    assert!(!log.indexing().is_done());
    for row in [0, 1, 500, 99_999, 99_998, 99_500] {
        let offset = Offset(row as u64 + 1);
        assert_eq!(log.row(row).unwrap().offset, Some(offset), "row {row}");
        assert_eq!(log.raw(row).unwrap(), event(offset.0).trim().as_bytes());
        assert_eq!(log.row_of_offset(offset), Some(row));
    }
    assert!(log.row(50_000).is_none());
    assert!(log.row(100_000).is_none());
    indexer.take_in(Orders::default());
    assert!(log.indexing().is_done());
    assert_eq!(log.len(), 100_000);
    assert_eq!(log.row(50_000).unwrap().offset, Some(Offset(50_001)));
}

#[test]
fn a_wrong_guess_of_the_length_is_put_right() {
    let mut bytes = log_of(20_000);
    bytes.extend_from_slice(b"broken\n\n");
    bytes.extend_from_slice(&log_of(40_000)[..]);
    bytes.extend_from_slice(b"{\"torn");
    let (_shared, mut indexer, log) = ends_only(&bytes);
    assert_eq!(log.len(), 40_000);
    assert_eq!(log.row(39_999).unwrap().offset, Some(Offset(40_000)));
    indexer.take_in(Orders::default());
    assert_eq!(log.len(), 60_002);
    assert_eq!(log.row_of_offset(Offset(40_000)), Some(60_000));
    assert_eq!(log.kind(60_001), Some(Kind::Unreadable));
}

#[test]
fn ends_of_different_streams_give_no_guess() {
    let mut bytes = log_of(20_000);
    bytes.extend(
        String::from_utf8(log_of(9000))
            .unwrap()
            .replace("/s", "/t")
            .bytes(),
    );
    let (_shared, mut indexer, log) = ends_only(&bytes);
    assert!(log.len() < 20_000);
    let known = log.len();
    assert!(log.row(known - 1).is_some() && log.row(known).is_none());
    indexer.take_in(Orders::default());
    assert_eq!(log.len(), 20_000);
}
