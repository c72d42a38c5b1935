//! The index against a naive reading of the same bytes, and what happens when files change.

mod following;
mod naive;
mod opening;
mod searching;

use super::*;
use crate::model::kind::Kind;
use crate::model::offset::Offset;
use naive::Naive;
use proptest::prelude::*;
use std::io::Write;

/// A file with these bytes.
fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Opens bytes as a log and waits for its index.
fn open(bytes: &[u8]) -> (tempfile::NamedTempFile, FileSource) {
    let file = file(bytes);
    let source = FileSource::open(file.path()).unwrap();
    assert!(source.wait(&|| true));
    (file, source)
}

/// Everything a view says must be what the naive reading says.
fn same(log: &dyn EventLog, want: &[Naive]) {
    assert_eq!(log.len(), want.len());
    for (at, want) in want.iter().enumerate() {
        let row = log.row(at).unwrap();
        assert_eq!(row.offset.map(|o| o.0), want.offset, "offset of row {at}");
        assert_eq!(row.event_type.as_ref(), want.event_type, "type of row {at}");
        assert_eq!(row.time, want.time, "time of row {at}");
        assert_eq!(
            row.kind == Kind::Unreadable,
            !want.readable,
            "row {at} {want:?}"
        );
        assert_eq!(log.kind(at), Some(row.kind));
        let raw = log.raw(at).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&raw),
            String::from_utf8_lossy(&want.text),
            "text of row {at}"
        );
    }
    assert!(log.row(want.len()).is_none());
    assert!(log.raw(want.len()).is_none());
    for offset in want.iter().filter_map(|n| n.offset).chain([0, 77]) {
        let last = want.iter().rposition(|n| n.offset == Some(offset));
        assert_eq!(
            log.row_of_offset(Offset(offset)),
            last,
            "row of offset {offset}"
        );
    }
}

/// All views of a source, and the lines complained of as unreadable.
fn same_all(source: &FileSource, want: &[Naive]) {
    same(source.log(None).as_ref(), want);
    let streams = naive::streams(want);
    let paths: Vec<Option<String>> = streams.iter().map(|(path, _)| path.clone()).collect();
    let ours: Vec<Option<String>> = source
        .streams()
        .iter()
        .map(|s| s.path.as_deref().map(str::to_owned))
        .collect();
    assert_eq!(ours, paths);
    for (path, rows) in streams {
        let log = source.log(Some(path.as_deref().unwrap_or("")));
        same(log.as_ref(), &rows);
    }
    let complained: Vec<u64> = source
        .log(None)
        .complaints()
        .iter()
        .filter(|c| c.what.starts_with("not ") || c.what.starts_with("torn "))
        .map(|c| c.line)
        .collect();
    let unreadable: Vec<u64> = want
        .iter()
        .filter(|n| !n.readable)
        .map(|n| n.line)
        .collect();
    assert_eq!(complained, unreadable);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn lines_are_what_a_naive_reading_finds(lines in naive::lines()) {
        let (bytes, want) = naive::lines_file(&lines);
        let (_file, source) = open(&bytes);
        same_all(&source, &want);
    }

    #[test]
    fn arrays_are_what_a_naive_reading_finds(events in naive::events(), pretty: bool, wrap: bool) {
        let (bytes, want) = naive::array_file(&events, pretty, wrap);
        let (_file, source) = open(&bytes);
        same_all(&source, &want);
    }

    #[test]
    fn transcripts_are_what_a_naive_reading_finds(
        events in naive::events(), crlf: bool, bom: bool, split: bool, torn: bool,
    ) {
        let (bytes, want) = naive::sse_file(&events, crlf, bom, split, torn);
        let (_file, source) = open(&bytes);
        same_all(&source, &want);
    }

    #[test]
    fn standard_input_in_pieces_of_any_size(lines in naive::lines(), size in 1usize..200) {
        let (bytes, want) = naive::lines_file(&lines);
        let source = FileSource::input("test".to_owned(), naive::Pieces { bytes, at: 0, size }).unwrap();
        prop_assert!(source.wait(&|| true));
        same_all(&source, &want);
    }
}
