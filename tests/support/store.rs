//! What the tests of the store share: events to write, and waiting for what was asked.
#![allow(dead_code, reason = "not every test uses all of it")]

use bytes::Bytes;
use evtui::model::event::Millis;
use evtui::model::offset::Offset;
use evtui::model::path::{Project, StreamKey};
use evtui::store::{Batch, Done, Record, Snapshot, Store, StoreError};
use std::sync::mpsc::{Receiver, channel};

/// The result of something asked of a store, when it is there.
pub struct Asked(Receiver<Result<(), StoreError>>);

impl Asked {
    pub fn wait(self) -> Result<(), StoreError> {
        self.0.recv().expect("done is always called")
    }
}

pub fn asked() -> (Done, Asked) {
    let (tell, told) = channel();
    let done: Done = Box::new(move |result| drop(tell.send(result)));
    (done, Asked(told))
}

pub fn key(path: &str) -> StreamKey {
    StreamKey {
        project: Project::default(),
        path: path.parse().expect("a path"),
    }
}

/// An event whose JSON tells it from every other one's.
pub fn record(offset: u64, text: &str) -> Record {
    Record {
        offset: Offset(offset),
        idempotency_key: None,
        json: Bytes::from(format!(r#"{{"offset":{offset},"text":"{text}"}}"#)),
    }
}

pub fn keyed(offset: u64, text: &str, idempotency_key: &str) -> Record {
    Record {
        idempotency_key: Some(idempotency_key.to_owned()),
        ..record(offset, text)
    }
}

pub fn give(store: &dyn Store, stream: &StreamKey, records: Vec<Record>) -> Asked {
    give_all(store, stream, 1_000, records, None)
}

pub fn give_all(
    store: &dyn Store,
    stream: &StreamKey,
    time: i64,
    records: Vec<Record>,
    snapshot: Option<Snapshot>,
) -> Asked {
    let (done, asked) = asked();
    store.append(Batch {
        stream: stream.clone(),
        time: Millis(time),
        records,
        snapshot,
        done,
    });
    asked
}

pub fn append(
    store: &dyn Store,
    stream: &StreamKey,
    records: Vec<Record>,
) -> Result<(), StoreError> {
    give(store, stream, records).wait()
}

pub fn destroy(store: &dyn Store, streams: &[&StreamKey]) -> Result<(), StoreError> {
    let (done, asked) = asked();
    store.destroy(streams.iter().map(|s| (*s).clone()).collect(), done);
    asked.wait()
}

pub fn put(store: &dyn Store, cell: &str, value: Option<&str>) -> Result<(), StoreError> {
    let (done, asked) = asked();
    store.put(
        cell,
        value.map(|v| Bytes::copy_from_slice(v.as_bytes())),
        done,
    );
    asked.wait()
}

/// All events of a stream, read in chunks of about `chunk` bytes.
pub fn all(store: &dyn Store, stream: &StreamKey, chunk: usize) -> Result<Vec<Record>, StoreError> {
    let mut all: Vec<Record> = Vec::new();
    loop {
        let from = all.last().map_or(Offset::FIRST, |r| r.offset.next());
        let more = store.read(stream, from, chunk)?;
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
    }
}
