//! Crashes and damage, done to the files: cut at every byte, flip every bit, and see that nothing
//! wrong ever comes back.

#[path = "support/store.rs"]
mod support;

use bytes::Bytes;
use evtui::model::offset::Offset;
use evtui::model::path::StreamKey;
use evtui::store::log::{LogStore, Options};
use evtui::store::{Record, Snapshot, Store, StoreError};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use support::{append, destroy, give_all, key, keyed, put, record};

fn options() -> Options {
    Options {
        segment_bytes: 4 << 10,
        ..Options::default()
    }
}

fn open(folder: &Path) -> LogStore {
    LogStore::open(folder, options()).unwrap()
}

/// The segments of a folder, oldest first.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("segments")).unwrap();
    let mut logs: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "log"))
        .collect();
    logs.sort();
    logs
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("segments")).unwrap();
    fs::copy(from.join("FORMAT"), to.join("FORMAT")).unwrap();
    for entry in fs::read_dir(from.join("segments")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join("segments").join(path.file_name().unwrap())).unwrap();
    }
}

/// Tries every place in several folders at once: most of the time goes to waiting for the disk.
fn everywhere(base: &Path, places: Range<usize>, test: impl Fn(usize, &Path) + Sync) {
    const AT_ONCE: usize = 6;
    std::thread::scope(|scope| {
        for first in 0..AT_ONCE {
            let (places, test) = (places.clone(), &test);
            scope.spawn(move || {
                for place in places.skip(first).step_by(AT_ONCE) {
                    let folder = tempfile::tempdir().unwrap();
                    copy(base, folder.path());
                    test(place, folder.path());
                }
            });
        }
    });
}

fn without_sidecars(folder: &Path) {
    for log in segments(folder) {
        let _ = fs::remove_file(log.with_extension("index"));
    }
}

/// As if the process had been killed: nothing says that the end was reached.
fn not_closed(folder: &Path) {
    let _ = fs::remove_file(folder.join("CLOSED"));
}

/// Where the bytes of a file that are in use end.
fn used(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1)
}

fn events(stream: &str, count: u64) -> Vec<Record> {
    (1..=count)
        .map(|n| keyed(n, stream, &format!("{stream} {n}")))
        .collect()
}

/// What a stream gives from an offset on, going on behind what is damaged.
fn readable(store: &LogStore, stream: &StreamKey) -> (Vec<Record>, Vec<(u64, u64)>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let mut next = Offset::FIRST;
    loop {
        match store.read(stream, next, 300) {
            Ok(records) if records.is_empty() => return (good, bad),
            Ok(records) => {
                next = records.last().unwrap().offset.next();
                good.extend(records);
            }
            Err(StoreError::Corrupt {
                stream: named,
                from,
                until,
                ..
            }) => {
                assert_eq!((&named, from), (stream, next));
                assert!(until >= from);
                bad.push((from.0, until.0));
                next = until.next();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Commits of several streams, cut off at every byte: what is complete is there, the rest is not,
/// and writing goes on.
#[test]
fn a_file_cut_anywhere_keeps_the_whole_commits() {
    let base = tempfile::tempdir().unwrap();
    let (a, b) = (key("/a"), key("/b"));
    // Lengths of the file's used part, and of each stream, after each commit.
    let mut commits = Vec::new();
    {
        let store = open(base.path());
        let log = segments(base.path()).remove(0);
        for n in 1..=4 {
            append(
                &store,
                &a,
                vec![keyed(2 * n - 1, "a", &format!("k{n}")), record(2 * n, "a")],
            )
            .unwrap();
            commits.push((used(&fs::read(&log).unwrap()), 2 * n, n - 1));
            append(&store, &b, vec![record(n, "b")]).unwrap();
            commits.push((used(&fs::read(&log).unwrap()), 2 * n, n));
        }
    }
    let log = segments(base.path()).remove(0);
    let bytes = fs::read(&log).unwrap();
    let end = used(&bytes);
    everywhere(base.path(), 0..end + 1, |cut, folder| {
        // Cut short, and, as space is made ahead, with zeros behind.
        for zeros in [0, 256] {
            let mut torn = bytes[..cut].to_vec();
            torn.resize(cut + zeros, 0);
            fs::write(folder.join("segments/00000001.log"), torn).unwrap();
            not_closed(folder);
            let store = open(folder);
            if cut < 64 && zeros > 0 {
                // No crash does that: the segment's header was durable before all else.
                assert!(store.read_only().is_some(), "cut at {cut}");
                continue;
            }
            assert_eq!(store.read_only(), None, "cut at {cut}");
            // A commit is padded with zeros, and is not whole without them.
            let padding = if zeros > 0 { 1 } else { 8 };
            let mut latest = commits.iter().rev();
            let whole = latest.find(|(len, ..)| len.next_multiple_of(padding) <= cut);
            let (_, a_len, b_len) = whole.copied().unwrap_or((0, 0, 0));
            for (stream, len) in [(&a, a_len), (&b, b_len)] {
                let (good, bad) = readable(&store, stream);
                assert_eq!((good.len() as u64, bad.len()), (len, 0), "cut at {cut}");
                append(&store, stream, vec![record(len + 1, "more")]).unwrap();
            }
            drop(store);
            if cut % 8 == 0 {
                assert_eq!(readable(&open(folder), &a).0.len() as u64, a_len + 1);
            }
        }
    });
}

/// Sectors of the last commit that did not reach the disk, each by itself.
#[test]
fn a_last_commit_with_holes_is_no_commit() {
    let base = tempfile::tempdir().unwrap();
    let a = key("/a");
    let before;
    {
        let store = open(base.path());
        append(&store, &a, vec![record(1, "kept")]).unwrap();
        before = used(&fs::read(&segments(base.path())[0]).unwrap()).next_multiple_of(8);
        append(&store, &a, events("torn", 30)[1..].to_vec()).unwrap();
    }
    let log = segments(base.path()).remove(0);
    let bytes = fs::read(&log).unwrap();
    let end = used(&bytes);
    for hole in (before..end).step_by(64) {
        let mut torn = bytes.clone();
        torn[hole..(hole + 64).min(end)].fill(0);
        fs::write(&log, &torn).unwrap();
        not_closed(base.path());
        let store = open(base.path());
        assert_eq!(store.read_only(), None, "hole at {hole}");
        let (good, bad) = readable(&store, &a);
        assert_eq!((good, bad.len()), (vec![record(1, "kept")], 0));
        append(&store, &a, vec![record(2, "next")]).unwrap();
    }
}

/// Every bit of a small log flipped, one at a time: every event comes back as it was or is named
/// as damaged, and no stream goes on as if it had never had the lost ones.
#[test]
fn a_flipped_bit_never_makes_an_event() {
    let base = tempfile::tempdir().unwrap();
    let (a, b, c) = (key("/a"), key("/b"), key("/c"));
    let (of_a, of_b) = (events("a", 5), events("b", 4));
    {
        let store = open(base.path());
        append(&store, &a, of_a[..2].to_vec()).unwrap();
        append(&store, &b, of_b[..1].to_vec()).unwrap();
        append(&store, &c, events("c", 1)).unwrap();
        put(&store, "cell", Some("value")).unwrap();
        let snapshot = Snapshot {
            offset: Offset(3),
            state: Bytes::from_static(b"state"),
        };
        give_all(&store, &a, 1, of_a[2..4].to_vec(), Some(snapshot))
            .wait()
            .unwrap();
        destroy(&store, &[&c]).unwrap();
        append(&store, &b, of_b[1..].to_vec()).unwrap();
        append(&store, &a, of_a[4..].to_vec()).unwrap();
        // So that what is before was durable when it was written.
        put(&store, "last", Some("")).unwrap();
    }
    let log = segments(base.path()).remove(0);
    let bytes = fs::read(&log).unwrap();
    let end = used(&bytes);
    let last_commit = {
        let at = bytes.windows(4).rposition(|w| w == b"last").unwrap();
        at - 80
    };
    everywhere(base.path(), 0..end, |at, folder| {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(folder.join("segments/00000001.log"), &flipped).unwrap();
        let store = open(folder);
        for (stream, want) in [(&a, &of_a), (&b, &of_b)] {
            let (good, bad) = readable(&store, stream);
            for record in &good {
                assert_eq!(*record, want[record.offset.0 as usize - 1], "byte {at}");
            }
            let damaged: u64 = bad.iter().map(|(from, until)| until - from + 1).sum();
            let known = good.len() as u64 + damaged;
            assert!(known <= want.len() as u64);
            // A stream that is shorter than it was takes no more events.
            if known < want.len() as u64 {
                assert!(
                    store.read_only().is_some(),
                    "byte {at}: {stream} lost its end"
                );
                let refused = append(&store, stream, vec![record(known + 1, "new")]);
                assert!(
                    matches!(refused, Err(StoreError::ReadOnly(_))),
                    "{refused:?}"
                );
            }
            for record in want {
                let key = record.idempotency_key.as_deref().unwrap();
                match store.find(stream, key) {
                    Ok(found) => assert!(found.is_none_or(|f| f == *record)),
                    Err(error) => assert!(matches!(error, StoreError::Corrupt { .. })),
                }
            }
            let snapshot = store.snapshot(stream).unwrap();
            assert!(snapshot.is_none_or(|s| s.state == "state" && s.offset == Offset(3)));
        }
        let gone = readable(&store, &c).0;
        assert!(gone.is_empty() || store.read_only().is_some());
        let cells = store.cells("cell").unwrap();
        match cells.first() {
            Some((_, value)) => assert_eq!(*value, "value"),
            None => assert!(store.read_only().is_some(), "byte {at}: a cell is lost"),
        }
        // Only the last commit can be a torn one.
        let torn = at >= last_commit;
        let whole = store.read_only().is_none()
            && readable(&store, &a).1.is_empty()
            && readable(&store, &b).1.is_empty();
        if whole && !torn {
            // Nothing that counts was hit: a commit's own header, or a snapshot.
            assert_eq!(readable(&store, &a).0, of_a, "byte {at}");
            assert_eq!(readable(&store, &b).0, of_b, "byte {at}");
        }
    });
}

/// The body of an event in the middle: exactly this one is named, all others are there, and the
/// stream goes on.
#[test]
fn a_damaged_event_is_named_and_the_rest_is_readable() {
    for sidecars in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let a = key("/a");
        let all = events("a", 100);
        {
            let store = open(folder.path());
            for record in &all {
                append(&store, &a, vec![record.clone()]).unwrap();
            }
        }
        assert!(segments(folder.path()).len() > 2);
        for hit in [20, 21, 22, 50, 99] {
            let wanted = &all[hit - 1].json;
            for log in segments(folder.path()) {
                let mut bytes = fs::read(&log).unwrap();
                let at = bytes.windows(wanted.len()).position(|w| w == &wanted[..]);
                if let Some(at) = at {
                    bytes[at + 5] ^= 0x10;
                    fs::write(&log, bytes).unwrap();
                }
            }
        }
        if !sidecars {
            without_sidecars(folder.path());
        }
        let store = open(folder.path());
        assert_eq!(store.read_only(), None);
        let (good, bad) = readable(&store, &a);
        assert_eq!(bad, [(20, 22), (50, 50), (99, 99)]);
        let damaged = [20, 21, 22, 50, 99];
        let want: Vec<_> = all
            .iter()
            .filter(|r| !damaged.contains(&r.offset.0))
            .cloned()
            .collect();
        assert_eq!(good, want);
        append(&store, &a, vec![record(101, "more")]).unwrap();
    }
}

/// After an orderly end nothing is torn: then damage to the last commit is damage too.
#[test]
fn once_closed_the_last_commit_is_never_taken_for_torn() {
    let folder = tempfile::tempdir().unwrap();
    let a = key("/a");
    let all = events("a", 5);
    {
        let store = open(folder.path());
        append(&store, &a, all[..1].to_vec()).unwrap();
        append(&store, &a, all[1..].to_vec()).unwrap();
    }
    let log = segments(folder.path()).remove(0);
    let bytes = fs::read(&log).unwrap();
    let last = &all[4].json;
    let at = bytes
        .windows(last.len())
        .position(|w| w == &last[..])
        .unwrap();
    let mut flipped = bytes.clone();
    flipped[at + 3] ^= 4;
    fs::write(&log, flipped).unwrap();
    {
        let store = open(folder.path());
        assert_eq!(store.read_only(), None);
        assert_eq!(readable(&store, &a), (all[..4].to_vec(), vec![(5, 5)]));
    }
    for cut in [None, Some(0), Some(64), Some(65), Some(200), Some(at + 10)] {
        match cut {
            Some(cut) => fs::write(&log, &bytes[..cut]).unwrap(),
            None => fs::remove_file(&log).unwrap(),
        }
        let store = open(folder.path());
        assert!(store.read_only().is_some(), "cut at {cut:?}");
        let refused = append(&store, &a, vec![record(1, "")]);
        assert!(refused.is_err());
    }
    fs::write(&log, &bytes).unwrap();
    assert_eq!(readable(&open(folder.path()), &a), (all, vec![]));
}

#[test]
fn a_missing_segment_is_told_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (key("/a"), key("/b"));
    let all = events("a", 100);
    {
        let store = open(folder.path());
        append(&store, &b, events("b", 1)).unwrap();
        for record in &all {
            append(&store, &a, vec![record.clone()]).unwrap();
        }
    }
    fs::remove_file(&segments(folder.path())[1]).unwrap();
    let store = open(folder.path());
    let why = store.read_only().expect("damaged");
    assert!(why.contains("segment 2 is missing"), "{why}");
    let (good, bad) = readable(&store, &a);
    assert_eq!(bad.len(), 1);
    let (from, until) = bad[0];
    assert_eq!(good.len() as u64 + until - from + 1, 100);
    assert_eq!(readable(&store, &b).0, events("b", 1));
    let refused = append(&store, &b, vec![record(2, "")]);
    assert!(
        matches!(refused, Err(StoreError::ReadOnly(_))),
        "{refused:?}"
    );
}

#[test]
fn damaged_or_missing_sidecars_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let a = key("/a");
    let all = events("a", 100);
    {
        let store = open(folder.path());
        for record in &all {
            append(&store, &a, vec![record.clone()]).unwrap();
        }
    }
    let sidecar = segments(folder.path())[0].with_extension("index");
    let right = fs::read(&sidecar).unwrap();
    for at in (0..right.len()).step_by(7) {
        let mut wrong = right.clone();
        wrong[at] ^= 0x40;
        fs::write(&sidecar, wrong).unwrap();
        let store = open(folder.path());
        assert_eq!(readable(&store, &a), (all.clone(), vec![]));
        // What is left to do beside is done before it is gone.
        drop(store);
        assert_eq!(fs::read(&sidecar).unwrap(), right);
    }
    // Another segment's.
    fs::copy(segments(folder.path())[1].with_extension("index"), &sidecar).unwrap();
    let store = open(folder.path());
    assert_eq!(readable(&store, &a), (all, vec![]));
}
