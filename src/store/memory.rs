//! A store that keeps nothing on disk: `--data :memory:`, and tests of what stands on a store.

use super::queue::{Order, Queue, Told, Worker, Writer, follow};
use super::{Batch, Commits, Done, Head, Record, Snapshot, Store, StoreError};
use crate::model::event::Millis;
use crate::model::offset::Offset;
use crate::model::path::StreamKey;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

/// Groups are cut here, so that no reader waits long for the lock.
const GROUP: usize = 8 << 20;

/// The store; gone with the process.
pub struct MemoryStore {
    kept: Arc<RwLock<Kept>>,
    worker: Worker,
}

#[derive(Default)]
struct Kept {
    streams: HashMap<StreamKey, Stream>,
    cells: BTreeMap<String, Bytes>,
}

struct Stream {
    created_at: Millis,
    last_at: Millis,
    /// The event at offset n stands at n - 1.
    records: Vec<Record>,
    keys: HashMap<String, usize>,
    snapshot: Option<Snapshot>,
}

impl MemoryStore {
    /// An empty store.
    ///
    /// # Errors
    /// The system gives no thread to it.
    pub fn new() -> io::Result<MemoryStore> {
        let kept = Arc::new(RwLock::new(Kept::default()));
        let writer = Memory(Arc::clone(&kept));
        let worker = Worker::start(GROUP, Arc::new(Queue::default()), writer)?;
        Ok(MemoryStore { kept, worker })
    }

    fn look<T>(&self, at: impl FnOnce(&Kept) -> T) -> Result<T, StoreError> {
        self.worker.open()?;
        // The writer leaves nothing half done behind, even if it panics.
        Ok(at(&self
            .kept
            .read()
            .unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Stream {
    fn last(&self) -> Offset {
        Offset(self.records.len() as u64)
    }

    fn head(&self) -> Head {
        Head {
            created_at: self.created_at,
            last_at: self.last_at,
            last: self.last(),
        }
    }
}

struct Memory(Arc<RwLock<Kept>>);

impl Writer for Memory {
    fn commit(&mut self, orders: Vec<Order>) -> Vec<Told> {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let carried = orders.into_iter().map(|order| match order {
            Order::Append(batch) => kept.append(batch),
            Order::Destroy { streams, done } => {
                for stream in &streams {
                    kept.streams.remove(stream);
                }
                (done, Ok(()))
            }
            Order::Put { cell, value, done } => {
                match value {
                    Some(value) => kept.cells.insert(cell, value),
                    None => kept.cells.remove(&cell),
                };
                (done, Ok(()))
            }
        });
        carried.collect()
    }
}

impl Kept {
    fn append(&mut self, batch: Batch) -> Told {
        let known = self.streams.get(&batch.stream);
        let last = known.map_or(Offset(0), Stream::last);
        if let Err(error) = follow(&batch, last) {
            return (batch.done, Err(error));
        }
        if known.is_none() && batch.records.is_empty() {
            return (batch.done, Ok(()));
        }
        let stream = self.streams.entry(batch.stream).or_insert_with(|| Stream {
            created_at: batch.time,
            last_at: batch.time,
            records: Vec::new(),
            keys: HashMap::new(),
            snapshot: None,
        });
        if !batch.records.is_empty() {
            stream.last_at = batch.time;
        }
        for record in batch.records {
            if let Some(key) = &record.idempotency_key {
                let at = stream.records.len();
                stream.keys.entry(key.clone()).or_insert(at);
            }
            stream.records.push(record);
        }
        if batch.snapshot.is_some() {
            stream.snapshot = batch.snapshot;
        }
        (batch.done, Ok(()))
    }
}

impl Store for MemoryStore {
    fn append(&self, batch: Batch) {
        self.worker.push(Order::Append(batch));
    }

    fn head(&self, stream: &StreamKey) -> Result<Option<Head>, StoreError> {
        self.look(|kept| kept.streams.get(stream).map(Stream::head))
    }

    fn read(
        &self,
        stream: &StreamKey,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.look(|kept| {
            let Some(stream) = kept.streams.get(stream) else {
                return Vec::new();
            };
            let start = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX);
            let mut bytes = 0;
            let records = stream.records.iter().skip(start);
            records
                .take_while(|record| {
                    let first = bytes == 0;
                    bytes += record.json.len().max(1);
                    first || bytes <= max_bytes
                })
                .cloned()
                .collect()
        })
    }

    fn find(&self, stream: &StreamKey, key: &str) -> Result<Option<Record>, StoreError> {
        self.look(|kept| {
            let stream = kept.streams.get(stream)?;
            stream.records.get(*stream.keys.get(key)?).cloned()
        })
    }

    fn snapshot(&self, stream: &StreamKey) -> Result<Option<Snapshot>, StoreError> {
        self.look(|kept| kept.streams.get(stream)?.snapshot.clone())
    }

    fn streams(&self) -> Result<Vec<(StreamKey, Head)>, StoreError> {
        self.look(|kept| {
            let streams = kept.streams.iter();
            streams.map(|(key, s)| (key.clone(), s.head())).collect()
        })
    }

    fn destroy(&self, streams: Vec<StreamKey>, done: Done) {
        self.worker.push(Order::Destroy { streams, done });
    }

    fn put(&self, cell: &str, value: Option<Bytes>, done: Done) {
        self.worker.push(Order::Put {
            cell: cell.to_owned(),
            value,
            done,
        });
    }

    fn cells(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        self.look(|kept| {
            let from = kept.cells.range(prefix.to_owned()..);
            from.take_while(|(name, _)| name.starts_with(prefix))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        })
    }

    fn commits(&self) -> Commits {
        self.worker.commits()
    }

    fn read_only(&self) -> Option<String> {
        self.worker.given_up()
    }

    fn close(&self) {
        self.worker.close();
    }
}
