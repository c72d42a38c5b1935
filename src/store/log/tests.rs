//! A disk that fails: what is asked then, what is kept, and that it goes on afterwards.

use super::disk::{Disk, DiskFile, LocalDisk};
use super::{LogStore, Options};
use crate::model::event::Millis;
use crate::model::offset::Offset;
use crate::model::path::{Project, StreamKey};
use crate::store::{Batch, Record, Store, StoreError};
use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// What goes wrong at a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// No space: nothing is written.
    Full,
    /// An I/O error after so many bytes.
    Broken(usize),
    /// Only so many bytes are written, which is no error.
    Short(usize),
}

/// What goes wrong at the next calls of each sort; afterwards nothing.
#[derive(Default)]
struct Plan {
    writes: VecDeque<Fault>,
    syncs: VecDeque<Fault>,
    cuts: VecDeque<Fault>,
    creates: VecDeque<Fault>,
    folder_syncs: VecDeque<Fault>,
    gate: Option<Gate>,
}

/// A sync that tells when it begins, and waits to be let go.
struct Gate {
    begun: Sender<()>,
    go: Receiver<()>,
}

fn gate() -> (Gate, Receiver<()>, Sender<()>) {
    let (begun, has_begun) = channel();
    let (let_go, go) = channel();
    (Gate { begun, go }, has_begun, let_go)
}

#[derive(Clone, Default)]
struct FaultyDisk(Arc<Mutex<Plan>>);

struct FaultyFile {
    plan: Arc<Mutex<Plan>>,
    file: Arc<dyn DiskFile>,
}

impl FaultyDisk {
    fn plan(&self, plan: impl FnOnce(&mut Plan)) {
        plan(&mut self.0.lock().unwrap());
    }

    /// Only segments fail: sidecars are written beside, nobody knows when.
    fn wrap(&self, path: &Path, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        match path.extension().is_some_and(|e| e == "log") {
            true => Arc::new(FaultyFile {
                plan: Arc::clone(&self.0),
                file,
            }),
            false => file,
        }
    }
}

fn next(faults: &mut VecDeque<Fault>) -> Fault {
    faults.pop_front().unwrap_or(Fault::None)
}

fn fail(fault: Fault) -> io::Result<()> {
    match fault {
        Fault::None | Fault::Short(_) => Ok(()),
        Fault::Full => Err(io::ErrorKind::StorageFull.into()),
        Fault::Broken(_) => Err(io::Error::other("I/O error on purpose")),
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        if path.extension().is_some_and(|e| e == "log") {
            fail(next(&mut self.0.lock().unwrap().creates))?;
        }
        Ok(self.wrap(path, LocalDisk.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.wrap(path, LocalDisk.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        LocalDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        fail(next(&mut self.0.lock().unwrap().folder_syncs))?;
        LocalDisk.sync_folder(path)
    }
}

impl DiskFile for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        fail(next(&mut self.plan.lock().unwrap().cuts))?;
        self.file.set_len(len)
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.file.read_at(buffer, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<usize> {
        let fault = next(&mut self.plan.lock().unwrap().writes);
        match fault {
            Fault::None => self.file.write_at(bytes, at),
            Fault::Short(most) => self.file.write_at(&bytes[..bytes.len().min(most)], at),
            Fault::Broken(most) if most > 0 => {
                self.file.write_at(&bytes[..bytes.len().min(most)], at)?;
                self.plan
                    .lock()
                    .unwrap()
                    .writes
                    .push_front(Fault::Broken(0));
                Ok(bytes.len().min(most))
            }
            fault => fail(fault).map(|()| 0),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let gate = self.plan.lock().unwrap().gate.take();
        if let Some(gate) = gate {
            gate.begun.send(()).unwrap();
            gate.go.recv().unwrap();
        }
        fail(next(&mut self.plan.lock().unwrap().syncs))?;
        self.file.sync()
    }
}

fn stream(path: &str) -> StreamKey {
    StreamKey {
        project: Project::default(),
        path: path.parse().unwrap(),
    }
}

fn record(offset: u64) -> Record {
    Record {
        offset: Offset(offset),
        idempotency_key: Some(format!("key {offset}")),
        json: Bytes::from(format!("{{\"offset\":{offset}}}")),
    }
}

fn give(store: &LogStore, path: &str, records: Vec<Record>) -> Receiver<Result<(), StoreError>> {
    let (tell, told) = channel();
    store.append(Batch {
        stream: stream(path),
        time: Millis(1),
        records,
        snapshot: None,
        done: Box::new(move |result| drop(tell.send(result))),
    });
    told
}

fn append(store: &LogStore, path: &str, offset: u64) -> Result<(), StoreError> {
    give(store, path, vec![record(offset)]).recv().unwrap()
}

fn offsets(store: &LogStore, path: &str) -> Vec<u64> {
    let records = store.read(&stream(path), Offset(1), 1 << 20).unwrap();
    for read in &records {
        assert_eq!(*read, record(read.offset.0));
    }
    records.iter().map(|r| r.offset.0).collect()
}

fn open(disk: &FaultyDisk, folder: &Path) -> LogStore {
    let options = Options {
        segment_bytes: 64 << 10,
        ..Options::default()
    };
    LogStore::open_on(Arc::new(disk.clone()), folder, options).unwrap()
}

/// Appends an event with the faults planned, which must fail; then all must be as if it had never
/// been asked for, and go on, also when opened anew.
fn survives(plan: impl Fn(&mut Plan)) {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let store = open(&disk, folder.path());
    append(&store, "/a", 1).unwrap();
    append(&store, "/b", 1).unwrap();
    disk.plan(&plan);
    let failed = append(&store, "/a", 2);
    assert!(matches!(failed, Err(StoreError::Write(_))), "{failed:?}");
    // Whatever else was planned and not come to pass.
    disk.plan(|plan| *plan = Plan::default());
    assert_eq!(offsets(&store, "/a"), [1]);
    assert_eq!(store.find(&stream("/a"), "key 2").unwrap(), None);
    append(&store, "/b", 2).unwrap();
    append(&store, "/a", 2).unwrap();
    append(&store, "/a", 3).unwrap();
    drop(store);
    for last in [3, 4] {
        let store = open(&disk, folder.path());
        assert_eq!(Store::read_only(&store), None);
        assert_eq!(offsets(&store, "/a"), Vec::from_iter(1..=last));
        assert_eq!(offsets(&store, "/b"), [1, 2]);
        append(&store, "/a", last + 1).unwrap();
    }
}

#[test]
fn a_full_disk() {
    survives(|plan| plan.writes = [Fault::Full].into());
}

#[test]
fn a_write_that_breaks_off() {
    for bytes in [0, 1, 39, 40, 50, 100] {
        survives(|plan| plan.writes = [Fault::Broken(bytes)].into());
    }
}

#[test]
fn a_write_that_breaks_off_and_cannot_be_cut_back() {
    for bytes in [0, 50, 100] {
        survives(|plan| {
            plan.writes = [Fault::Broken(bytes)].into();
            plan.cuts = [Fault::Broken(0)].into();
        });
    }
}

#[test]
fn a_sync_that_fails() {
    survives(|plan| plan.syncs = [Fault::Broken(0)].into());
    survives(|plan| plan.syncs = [Fault::Full].into());
}

#[test]
fn short_writes_are_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let store = open(&disk, folder.path());
    disk.plan(|plan| plan.writes = [Fault::Short(7); 5].into());
    append(&store, "/a", 1).unwrap();
    assert_eq!(offsets(&store, "/a"), [1]);
}

#[test]
fn no_space_made_ahead_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let store = open(&disk, folder.path());
    for n in 1..=20 {
        disk.plan(|plan| plan.writes = [Fault::None, Fault::Full].into());
        append(&store, "/a", n).unwrap();
        disk.plan(|plan| plan.writes.clear());
    }
    drop(store);
    assert_eq!(offsets(&open(&disk, folder.path()), "/a").len(), 20);
}

/// The commit whose sync failed is whole in the file, and must not come back: its place has been
/// taken by another.
#[test]
fn after_a_failed_sync_the_failed_commit_stays_away() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let store = open(&disk, folder.path());
    append(&store, "/a", 1).unwrap();
    disk.plan(|plan| plan.syncs = [Fault::Broken(0)].into());
    let lost = give(&store, "/a", vec![record(2), record(3), record(4)]);
    assert!(lost.recv().unwrap().is_err());
    append(&store, "/a", 2).unwrap();
    drop(store);
    std::fs::remove_file(folder.path().join("segments/00000001.index")).unwrap();
    let store = open(&disk, folder.path());
    assert_eq!(offsets(&store, "/a"), [1, 2]);
}

/// As long as no segment can be begun, everything is refused; then it goes on.
#[test]
fn a_new_segment_that_cannot_be_begun_is_tried_again() {
    type Faults = fn(&mut Plan);
    let ways: [Faults; 4] = [
        |plan| plan.creates = [Fault::Full, Fault::Full].into(),
        |plan| plan.writes = [Fault::Broken(20), Fault::Full].into(),
        |plan| plan.syncs = [Fault::Broken(0), Fault::Broken(0)].into(),
        |plan| plan.folder_syncs = [Fault::Broken(0), Fault::Broken(0)].into(),
    ];
    for way in ways {
        let folder = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::default();
        let store = open(&disk, folder.path());
        append(&store, "/a", 1).unwrap();
        disk.plan(|plan| plan.syncs = [Fault::Broken(0)].into());
        append(&store, "/a", 2).unwrap_err();
        disk.plan(way);
        append(&store, "/a", 2).unwrap_err();
        append(&store, "/a", 2).unwrap_err();
        assert_eq!(offsets(&store, "/a"), [1]);
        disk.plan(|plan| *plan = Plan::default());
        append(&store, "/a", 2).unwrap();
        drop(store);
        assert_eq!(offsets(&open(&disk, folder.path()), "/a"), [1, 2]);
    }
}

/// Ended instead of recovering: the event may be there or not, but nothing else is lost.
#[test]
fn ending_after_a_fault_loses_nothing() {
    type Faults = fn(&mut Plan);
    let ways: [(Faults, &[u64]); 3] = [
        (|plan| plan.writes = [Fault::Broken(30)].into(), &[1]),
        (|plan| plan.syncs = [Fault::Broken(0)].into(), &[1, 2]),
        (
            |plan| {
                plan.writes = [Fault::Broken(60)].into();
                plan.cuts = [Fault::Full].into();
            },
            &[1],
        ),
    ];
    for (way, want) in ways {
        let folder = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::default();
        let store = open(&disk, folder.path());
        append(&store, "/a", 1).unwrap();
        disk.plan(way);
        append(&store, "/a", 2).unwrap_err();
        drop(store);
        let store = open(&disk, folder.path());
        assert_eq!(offsets(&store, "/a"), want);
        append(&store, "/a", want.len() as u64 + 1).unwrap();
    }
}

/// What waits behind a failed batch counts on it, and fails with it; other streams do not.
#[test]
fn batches_behind_a_failed_one_fail_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let store = open(&disk, folder.path());
    append(&store, "/a", 1).unwrap();
    let (gate, begun, let_go) = gate();
    disk.plan(|plan| {
        plan.gate = Some(gate);
        plan.syncs = [Fault::Broken(0)].into();
    });
    let first = give(&store, "/a", vec![record(2)]);
    begun.recv().unwrap();
    let second = give(&store, "/a", vec![record(3)]);
    let other = give(&store, "/b", vec![record(1)]);
    let third = give(&store, "/a", vec![record(4)]);
    let_go.send(()).unwrap();
    let failed = first.recv().unwrap();
    assert!(matches!(failed, Err(StoreError::Write(_))));
    assert_eq!(second.recv().unwrap(), failed);
    assert_eq!(third.recv().unwrap(), failed);
    assert_eq!(other.recv().unwrap(), Ok(()));
    append(&store, "/a", 2).unwrap();
    assert_eq!(offsets(&store, "/a"), [1, 2]);
    assert_eq!(offsets(&store, "/b"), [1]);
}

/// Nothing of a commit can be read while it is not durable.
#[test]
fn what_is_not_durable_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let store = open(&disk, folder.path());
    let (gate, begun, let_go) = gate();
    disk.plan(|plan| plan.gate = Some(gate));
    let told = give(&store, "/a", vec![record(1)]);
    begun.recv().unwrap();
    assert_eq!(store.head(&stream("/a")).unwrap(), None);
    assert!(offsets(&store, "/a").is_empty());
    assert_eq!(store.find(&stream("/a"), "key 1").unwrap(), None);
    let_go.send(()).unwrap();
    told.recv().unwrap().unwrap();
    assert_eq!(offsets(&store, "/a"), [1]);
}
