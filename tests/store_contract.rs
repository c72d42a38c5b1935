//! What every store promises, asked of each backend.

#[path = "support/store.rs"]
mod support;

use bytes::Bytes;
use evtui::model::event::Millis;
use evtui::model::offset::Offset;
use evtui::store::log::{LogStore, Options};
use evtui::store::memory::MemoryStore;
use evtui::store::{Batch, Head, Snapshot, Store, StoreError};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use support::{all, append, asked, destroy, give, give_all, key, keyed, put as put_cell, record};

/// Runs a test on each backend.
fn each(test: impl Fn(Arc<dyn Store>)) {
    test(Arc::new(MemoryStore::new().unwrap()));
    for segment_bytes in [64 << 20, 4 << 10] {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            segment_bytes,
            ..Options::default()
        };
        test(Arc::new(LogStore::open(folder.path(), options).unwrap()));
    }
}

#[test]
fn events_come_back_as_they_were_given() {
    each(|store| {
        let a = key("/a");
        append(&*store, &a, vec![record(1, "one"), record(2, "two")]).unwrap();
        append(&*store, &a, vec![keyed(3, "three", "k3")]).unwrap();
        let want = [record(1, "one"), record(2, "two"), keyed(3, "three", "k3")];
        assert_eq!(store.read(&a, Offset(1), 1 << 20).unwrap(), want);
        assert_eq!(store.read(&a, Offset(0), 1 << 20).unwrap(), want);
        assert_eq!(store.read(&a, Offset(3), 1 << 20).unwrap(), want[2..]);
        assert_eq!(store.read(&a, Offset(4), 1 << 20).unwrap(), []);
        assert_eq!(store.read(&a, Offset(u64::MAX), 1 << 20).unwrap(), []);
        assert_eq!(store.read(&key("/b"), Offset(1), 1 << 20).unwrap(), []);
    });
}

#[test]
fn a_read_is_bounded_but_never_empty_before_the_end() {
    each(|store| {
        let a = key("/a");
        let records: Vec<_> = (1..=50).map(|n| record(n, "some text")).collect();
        let one = records[0].json.len();
        append(&*store, &a, records.clone()).unwrap();
        assert_eq!(store.read(&a, Offset(1), 0).unwrap(), records[..1]);
        assert_eq!(store.read(&a, Offset(1), one).unwrap(), records[..1]);
        assert_eq!(store.read(&a, Offset(1), 2 * one).unwrap(), records[..2]);
        assert_eq!(
            store.read(&a, Offset(1), 3 * one - 1).unwrap(),
            records[..2]
        );
        for chunk in [0, 1, 100, 1000, 1 << 20] {
            assert_eq!(all(&*store, &a, chunk).unwrap(), records, "{chunk}");
        }
    });
}

#[test]
fn big_and_empty_and_odd_events_are_kept_as_bytes() {
    each(|store| {
        let a = key("/a");
        let mut records = Vec::new();
        let big = vec![b'x'; 3 << 20];
        for (at, json) in [&big[..], b"", b"\xff\x00\n", &big[..70_000], b"{}"]
            .into_iter()
            .enumerate()
        {
            let mut record = keyed(at as u64 + 1, "", &"k\u{1F600}".repeat(at * 1000 + 1));
            record.json = Bytes::copy_from_slice(json);
            records.push(record);
        }
        append(&*store, &a, records.clone()).unwrap();
        assert_eq!(all(&*store, &a, 1000).unwrap(), records);
        assert_eq!(all(&*store, &a, 64 << 20).unwrap(), records);
        for record in &records {
            let key = record.idempotency_key.as_deref().unwrap();
            assert_eq!(store.find(&a, key).unwrap().as_ref(), Some(record));
        }
    });
}

#[test]
fn a_batch_that_does_not_follow_is_a_conflict_and_changes_nothing() {
    each(|store| {
        let a = key("/a");
        let conflict = |expected, next| {
            Err(StoreError::Conflict {
                stream: a.clone(),
                expected: Offset(expected),
                next: Offset(next),
            })
        };
        assert_eq!(append(&*store, &a, vec![record(2, "")]), conflict(2, 1));
        assert_eq!(append(&*store, &a, vec![record(0, "")]), conflict(0, 1));
        assert_eq!(store.head(&a).unwrap(), None);
        append(&*store, &a, vec![record(1, "one")]).unwrap();
        assert_eq!(
            append(&*store, &a, vec![record(1, "again")]),
            conflict(1, 2)
        );
        let gap = vec![record(2, ""), record(4, "")];
        assert_eq!(append(&*store, &a, gap), conflict(4, 3));
        let snapshot = Snapshot {
            offset: Offset(3),
            state: Bytes::from_static(b"{}"),
        };
        let ahead = give_all(&*store, &a, 0, vec![record(2, "")], Some(snapshot));
        assert_eq!(ahead.wait(), conflict(3, 2));
        assert_eq!(all(&*store, &a, 1000).unwrap(), [record(1, "one")]);
        append(&*store, &a, vec![record(2, "two")]).unwrap();
    });
}

#[test]
fn streams_do_not_mix_nor_do_projects() {
    each(|store| {
        let (a, b) = (key("/a"), key("/a/b"));
        let mut other = key("/a");
        other.project = "other".parse().unwrap();
        let mut waiting = Vec::new();
        for n in 1..=100 {
            waiting.push(give(&*store, &a, vec![record(n, "a")]));
            waiting.push(give(&*store, &b, vec![record(n, "b")]));
            waiting.push(give(&*store, &other, vec![record(n, "other")]));
        }
        for asked in waiting {
            asked.wait().unwrap();
        }
        for (stream, text) in [(&a, "a"), (&b, "b"), (&other, "other")] {
            let want: Vec<_> = (1..=100).map(|n| record(n, text)).collect();
            assert_eq!(all(&*store, stream, 1000).unwrap(), want);
        }
        let mut streams: Vec<_> = store.streams().unwrap();
        streams.sort_by(|(a, _), (b, _)| a.cmp(b));
        let names: Vec<_> = streams.into_iter().map(|(key, _)| key).collect();
        assert_eq!(names, [other, a, b]);
    });
}

#[test]
fn the_head_knows_the_first_and_the_last_time() {
    each(|store| {
        let a = key("/a");
        assert_eq!(store.head(&a).unwrap(), None);
        give_all(&*store, &a, 5, vec![record(1, "")], None)
            .wait()
            .unwrap();
        give_all(&*store, &a, -7, vec![record(2, ""), record(3, "")], None)
            .wait()
            .unwrap();
        let want = Head {
            created_at: Millis(5),
            last_at: Millis(-7),
            last: Offset(3),
        };
        assert_eq!(store.head(&a).unwrap(), Some(want.clone()));
        assert_eq!(store.streams().unwrap(), [(a, want)]);
    });
}

#[test]
fn keys_are_found_in_their_stream_only() {
    each(|store| {
        let (a, b) = (key("/a"), key("/b"));
        for n in 1..=200 {
            let records = vec![keyed(n, "a", &format!("key-{n}"))];
            append(&*store, &a, records).unwrap();
        }
        append(
            &*store,
            &b,
            vec![keyed(1, "b", "key-7"), keyed(2, "b", "key-7")],
        )
        .unwrap();
        assert_eq!(
            store.find(&a, "key-7").unwrap(),
            Some(keyed(7, "a", "key-7"))
        );
        assert_eq!(
            store.find(&b, "key-7").unwrap(),
            Some(keyed(1, "b", "key-7"))
        );
        for nothing in ["key-201", "", "key", "key-7 "] {
            assert_eq!(store.find(&a, nothing).unwrap(), None);
        }
        assert_eq!(store.find(&key("/c"), "key-7").unwrap(), None);
    });
}

#[test]
fn the_last_snapshot_counts() {
    each(|store| {
        let a = key("/a");
        let snapshot = |offset, state: &str| Snapshot {
            offset: Offset(offset),
            state: Bytes::copy_from_slice(state.as_bytes()),
        };
        let give = |records, snapshot| give_all(&*store, &a, 1, records, Some(snapshot)).wait();
        // There is no stream yet that it could be of.
        give(vec![], snapshot(0, "none")).unwrap();
        assert_eq!(store.snapshot(&a).unwrap(), None);
        assert_eq!(store.head(&a).unwrap(), None);
        give(vec![record(1, ""), record(2, "")], snapshot(1, "first")).unwrap();
        assert_eq!(store.snapshot(&a).unwrap(), Some(snapshot(1, "first")));
        give(vec![], snapshot(2, "second")).unwrap();
        append(&*store, &a, vec![record(3, "")]).unwrap();
        assert_eq!(store.snapshot(&a).unwrap(), Some(snapshot(2, "second")));
        assert_eq!(store.head(&a).unwrap().unwrap().last, Offset(3));
    });
}

#[test]
fn destroyed_streams_start_over() {
    each(|store| {
        let (a, b, c) = (key("/a"), key("/b"), key("/c"));
        for stream in [&a, &b, &c] {
            let snapshot = Snapshot {
                offset: Offset(1),
                state: Bytes::from_static(b"1"),
            };
            give_all(
                &*store,
                stream,
                1,
                vec![keyed(1, "old", "k")],
                Some(snapshot),
            )
            .wait()
            .unwrap();
        }
        destroy(&*store, &[&a, &b, &key("/never-was")]).unwrap();
        for stream in [&a, &b] {
            assert_eq!(store.head(stream).unwrap(), None);
            assert_eq!(store.read(stream, Offset(1), 1000).unwrap(), []);
            assert_eq!(store.find(stream, "k").unwrap(), None);
            assert_eq!(store.snapshot(stream).unwrap(), None);
        }
        assert_eq!(store.streams().unwrap().len(), 1);
        // One after the other in the line, without waiting in between.
        let (done, asked) = asked();
        let first = give(&*store, &c, vec![record(2, "old")]);
        store.destroy(vec![c.clone()], done);
        let second = give_all(&*store, &c, 9, vec![record(1, "new")], None);
        first.wait().unwrap();
        asked.wait().unwrap();
        second.wait().unwrap();
        assert_eq!(all(&*store, &c, 1000).unwrap(), [record(1, "new")]);
        assert_eq!(store.head(&c).unwrap().unwrap().created_at, Millis(9));
        assert_eq!(store.find(&c, "k").unwrap(), None);
    });
}

#[test]
fn cells_are_set_replaced_removed_and_listed_by_name() {
    each(|store| {
        for (cell, value) in [
            ("b/2", "x"),
            ("b/1", "y"),
            ("a", ""),
            ("b0", "z"),
            ("c", "w"),
        ] {
            put_cell(&*store, cell, Some(value)).unwrap();
        }
        put_cell(&*store, "b/2", Some("new")).unwrap();
        put_cell(&*store, "c", None).unwrap();
        put_cell(&*store, "never-was", None).unwrap();
        let list = |prefix: &str| -> Vec<(String, String)> {
            let cells = store.cells(prefix).unwrap().into_iter();
            cells
                .map(|(name, value)| (name, String::from_utf8(value.to_vec()).unwrap()))
                .collect()
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(list("b/"), [pair("b/1", "y"), pair("b/2", "new")]);
        assert_eq!(list("").len(), 4);
        assert_eq!(list("d"), []);
    });
}

#[test]
fn each_is_told_once_in_order_and_never_inside_the_call() {
    each(|store| {
        let a = key("/a");
        let order = Arc::new(Mutex::new(Vec::new()));
        let (tell, told) = channel();
        // Held as a caller holds its stream's lock; a `done` inside `append` would never get it.
        let guard = order.lock().unwrap();
        for n in 1..=500u64 {
            let (order, tell) = (Arc::clone(&order), tell.clone());
            store.append(Batch {
                stream: a.clone(),
                time: Millis(1),
                // Every fifth does not follow.
                records: vec![record(if n % 5 == 0 { 0 } else { n - n / 5 }, "")],
                snapshot: None,
                done: Box::new(move |result| {
                    order.lock().unwrap().push((n, result.is_ok()));
                    tell.send(()).unwrap();
                }),
            });
        }
        drop(guard);
        for _ in 0..500 {
            told.recv().unwrap();
        }
        let want: Vec<_> = (1..=500).map(|n| (n, n % 5 != 0)).collect();
        assert_eq!(*order.lock().unwrap(), want);
        assert_eq!(store.head(&a).unwrap().unwrap().last, Offset(400));
    });
}

#[test]
fn what_was_told_can_be_read_and_nothing_before() {
    each(|store| {
        let a = key("/a");
        let reader = {
            let (store, a) = (Arc::clone(&store), a.clone());
            std::thread::spawn(move || {
                let mut seen = 0;
                while seen < 300 {
                    let records = store.read(&a, Offset(seen + 1), 1000).unwrap();
                    for record in records {
                        seen += 1;
                        assert_eq!(record, keyed(seen, "live", &format!("k{seen}")));
                    }
                }
            })
        };
        for n in 1..=300 {
            append(&*store, &a, vec![keyed(n, "live", &format!("k{n}"))]).unwrap();
            assert_eq!(store.head(&a).unwrap().unwrap().last, Offset(n));
            let found = store.find(&a, &format!("k{n}")).unwrap().unwrap();
            assert_eq!(found.offset, Offset(n));
        }
        reader.join().unwrap();
    });
}

#[test]
fn many_writers_at_once_lose_nothing() {
    each(|store| {
        let writers: Vec<_> = (0..8)
            .map(|w| {
                let store = Arc::clone(&store);
                std::thread::spawn(move || {
                    let stream = key(&format!("/w{w}"));
                    for n in 1..=200 {
                        append(&*store, &stream, vec![record(n, &format!("w{w}"))]).unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        for w in 0..8 {
            let want: Vec<_> = (1..=200).map(|n| record(n, &format!("w{w}"))).collect();
            assert_eq!(all(&*store, &key(&format!("/w{w}")), 4096).unwrap(), want);
        }
    });
}

#[test]
fn a_caller_that_panics_harms_no_other() {
    each(|store| {
        let a = key("/a");
        store.append(Batch {
            stream: a.clone(),
            time: Millis(1),
            records: vec![record(1, "one")],
            snapshot: None,
            done: Box::new(|_| panic!("a caller's fault, on purpose")),
        });
        append(&*store, &a, vec![record(2, "two")]).unwrap();
        assert_eq!(all(&*store, &a, 1000).unwrap().len(), 2);
    });
}

#[test]
fn closing_commits_what_is_queued_then_refuses() {
    each(|store| {
        let a = key("/a");
        let given: Vec<_> = (1..=100)
            .map(|n| give(&*store, &a, vec![record(n, "")]))
            .collect();
        store.close();
        for asked in given {
            asked.wait().unwrap();
        }
        let closed = StoreError::Closed;
        assert_eq!(
            append(&*store, &a, vec![record(101, "")]),
            Err(closed.clone())
        );
        assert_eq!(destroy(&*store, &[&a]), Err(closed.clone()));
        assert_eq!(put_cell(&*store, "c", None), Err(closed.clone()));
        assert_eq!(store.head(&a), Err(closed.clone()));
        assert_eq!(store.read(&a, Offset(1), 10), Err(closed));
        store.close();
    });
}

#[test]
fn the_last_owner_may_be_a_caller_being_told() {
    each(|store| {
        let (tell, told) = channel();
        let own = Arc::clone(&store);
        store.append(Batch {
            stream: key("/a"),
            time: Millis(1),
            records: vec![record(1, "")],
            snapshot: None,
            done: Box::new(move |result| {
                drop(own);
                tell.send(result).unwrap();
            }),
        });
        drop(store);
        told.recv().unwrap().unwrap();
    });
}
