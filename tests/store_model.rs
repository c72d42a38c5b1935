//! Random appends, destroys, cells, reads and reopens against a plain model of a store.

#[path = "support/store.rs"]
mod support;

use bytes::Bytes;
use evtui::model::event::Millis;
use evtui::model::offset::Offset;
use evtui::model::path::StreamKey;
use evtui::store::log::{LogStore, Options};
use evtui::store::memory::MemoryStore;
use evtui::store::{Head, Record, Snapshot, Store, StoreError};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use support::{Asked, all, asked, give_all, key};

/// What is done to the store; streams and cells by number.
#[derive(Clone, Debug)]
enum Step {
    Append {
        stream: usize,
        /// Length of each event's text.
        texts: Vec<usize>,
        keyed: bool,
        /// How far behind the last event a snapshot is taken.
        snapshot: Option<u64>,
        /// Begins so far from where it should.
        skew: i64,
    },
    Destroy(Vec<usize>),
    Put(usize, Option<Vec<u8>>),
    /// Wait for all, compare.
    Look {
        chunk: usize,
        from: u64,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let append = (
        0..4usize,
        vec(prop_oneof![9 => 0..60usize, 1 => 0..6000usize], 0..6),
        any::<bool>(),
        proptest::option::weighted(0.2, 0..3u64),
        prop_oneof![12 => Just(0i64), 1 => -2..3i64],
    );
    prop_oneof![
        12 => append.prop_map(|(stream, texts, keyed, snapshot, skew)| Step::Append {
            stream,
            texts,
            keyed,
            snapshot,
            skew,
        }),
        1 => vec(0..4usize, 1..3).prop_map(Step::Destroy),
        2 => (0..3usize, proptest::option::of(vec(any::<u8>(), 0..40)))
            .prop_map(|(cell, value)| Step::Put(cell, value)),
        2 => (0..2000usize, 0..40u64).prop_map(|(chunk, from)| Step::Look { chunk, from }),
        1 => Just(Step::Reopen),
    ]
}

#[derive(Default)]
struct Model {
    streams: BTreeMap<StreamKey, Kept>,
    cells: BTreeMap<String, Bytes>,
}

#[derive(Default)]
struct Kept {
    created_at: i64,
    last_at: i64,
    records: Vec<Record>,
    snapshot: Option<Snapshot>,
}

/// A store that can be closed and opened again, if it keeps anything.
struct Subject<'a> {
    store: Option<Box<dyn Store>>,
    folder: Option<&'a Path>,
}

impl Subject<'_> {
    fn open(folder: Option<&Path>) -> Subject<'_> {
        let store: Box<dyn Store> = match folder {
            None => Box::new(MemoryStore::new().unwrap()),
            Some(folder) => {
                let options = Options {
                    segment_bytes: 4 << 10,
                    ..Options::default()
                };
                Box::new(LogStore::open(folder, options).unwrap())
            }
        };
        let store = Some(store);
        Subject { store, folder }
    }

    fn store(&self) -> &dyn Store {
        &**self.store.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        if self.folder.is_some() {
            self.store = None;
            self.store = Subject::open(self.folder).store;
        }
    }
}

fn stream(number: usize) -> StreamKey {
    let mut key = key(["/", "/a", "/a/b", "/a"][number]);
    if number == 3 {
        key.project = "other".parse().unwrap();
    }
    key
}

impl Model {
    /// Does the step to both; what the store will say must be this.
    fn append(&mut self, store: &dyn Store, time: i64, step: &Step) -> (Asked, bool) {
        let Step::Append {
            stream: number,
            texts,
            keyed,
            snapshot,
            skew,
        } = step
        else {
            unreachable!("only appends come here");
        };
        let key = stream(*number);
        let last = self.streams.get(&key).map_or(0, |k| k.records.len() as u64);
        let first = (last + 1).saturating_add_signed(*skew);
        let records: Vec<Record> = texts
            .iter()
            .enumerate()
            .map(|(at, len)| {
                let mut record = support::record(first + at as u64, &"x".repeat(*len));
                record.idempotency_key = keyed.then(|| format!("{time}/{at}"));
                record
            })
            .collect();
        let after = last + records.len() as u64;
        let snapshot = snapshot.map(|behind| Snapshot {
            offset: Offset(after.saturating_sub(behind)),
            state: Bytes::from(format!("state {time}")),
        });
        let asked = give_all(store, &key, time, records.clone(), snapshot.clone());
        let follows = records.is_empty() || first == last + 1;
        if follows && (last > 0 || !records.is_empty()) {
            let kept = self.streams.entry(key).or_insert_with(|| Kept {
                created_at: time,
                ..Kept::default()
            });
            if !records.is_empty() {
                kept.last_at = time;
            }
            kept.records.extend(records);
            kept.snapshot = snapshot.or(kept.snapshot.take());
        }
        (asked, follows)
    }

    fn compare(&self, store: &dyn Store, chunk: usize, from: u64) {
        let mut streams = store.streams().unwrap();
        streams.sort_by(|(a, _), (b, _)| a.cmp(b));
        let want: Vec<_> = self
            .streams
            .iter()
            .map(|(key, kept)| {
                let head = Head {
                    created_at: Millis(kept.created_at),
                    last_at: Millis(kept.last_at),
                    last: Offset(kept.records.len() as u64),
                };
                (key.clone(), head)
            })
            .collect();
        assert_eq!(streams, want);
        for (key, kept) in &self.streams {
            assert_eq!(all(store, key, chunk).unwrap(), kept.records);
            assert_eq!(store.snapshot(key).unwrap(), kept.snapshot);
            let start = usize::try_from(from.saturating_sub(1)).unwrap();
            let mut bytes = 0;
            let want: Vec<_> = kept
                .records
                .iter()
                .skip(start)
                .take_while(|r| {
                    let first = bytes == 0;
                    bytes += r.json.len();
                    first || bytes <= chunk
                })
                .collect();
            let read = store.read(key, Offset(from), chunk).unwrap();
            assert_eq!(read.iter().collect::<Vec<_>>(), want);
            for record in &kept.records {
                if let Some(k) = &record.idempotency_key {
                    assert_eq!(store.find(key, k).unwrap().as_ref(), Some(record));
                }
            }
            assert_eq!(store.find(key, "nothing").unwrap(), None);
        }
        let cells = store.cells("").unwrap();
        assert_eq!(cells, Vec::from_iter(self.cells.clone()));
    }
}

fn run(mut subject: Subject<'_>, steps: &[Step]) {
    let mut model = Model::default();
    let mut waiting: Vec<(Asked, bool)> = Vec::new();
    let settle = |waiting: &mut Vec<(Asked, bool)>| {
        for (asked, good) in waiting.drain(..) {
            match asked.wait() {
                Ok(()) => assert!(good),
                Err(StoreError::Conflict { .. }) => assert!(!good),
                Err(error) => panic!("{error}"),
            }
        }
    };
    for (time, step) in (1..).zip(steps) {
        match step {
            Step::Append { .. } => waiting.push(model.append(subject.store(), time, step)),
            Step::Destroy(numbers) => {
                let (done, asked) = asked();
                let streams: Vec<_> = numbers.iter().map(|n| stream(*n)).collect();
                for stream in &streams {
                    model.streams.remove(stream);
                }
                subject.store().destroy(streams, done);
                waiting.push((asked, true));
            }
            Step::Put(cell, value) => {
                let (done, asked) = asked();
                let (name, value) = (format!("cell/{cell}"), value.clone().map(Bytes::from));
                subject.store().put(&name, value.clone(), done);
                match value {
                    Some(value) => model.cells.insert(name, value),
                    None => model.cells.remove(&name),
                };
                waiting.push((asked, true));
            }
            Step::Look { chunk, from } => {
                settle(&mut waiting);
                model.compare(subject.store(), *chunk, *from);
            }
            Step::Reopen => {
                settle(&mut waiting);
                subject.reopen();
            }
        }
    }
    settle(&mut waiting);
    model.compare(subject.store(), 500, 1);
    subject.reopen();
    model.compare(subject.store(), 1 << 20, 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn the_disk_does_what_the_model_does(steps in vec(step(), 1..120)) {
        let folder = tempfile::tempdir().unwrap();
        run(Subject::open(Some(folder.path())), &steps);
    }

    #[test]
    fn memory_does_what_the_model_does(steps in vec(step(), 1..120)) {
        run(Subject::open(None), &steps);
    }
}
