//! Turns a group of orders into one commit's bytes, and into what changes in the index when it is
//! durable. Later orders of the group see what earlier ones will have done.

use super::format::{Entry, Frame, Kind};
use super::index::{Catalog, Cell, EventPlace, Name, SnapshotPlace, key_hash};
use crate::model::event::Millis;
use crate::model::offset::Offset;
use crate::model::path::StreamKey;
use crate::store::queue::{Order, Told, follow};
use crate::store::{Batch, StoreError};
use bytes::Bytes;
use rustc_hash::FxHashSet;
use std::collections::HashMap;

/// A group being encoded for one segment.
pub(super) struct Group<'a> {
    catalog: &'a Catalog,
    segment: u32,
    /// Streams whose name this segment tells already.
    declared: &'a FxHashSet<u32>,
    /// Those that it will.
    declares: FxHashSet<u32>,
    streams: HashMap<StreamKey, Standing>,
    last_stream: u32,
    frame: Frame,
    changes: Vec<Change>,
}

/// A group ready to be written.
pub(super) struct Encoded {
    pub frame: Frame,
    pub changes: Vec<Change>,
    pub declares: FxHashSet<u32>,
    pub last_stream: u32,
    /// The streams that events are appended to.
    pub streams: Vec<StreamKey>,
}

/// A stream as it will be after the orders so far.
#[derive(Clone, Copy)]
struct Standing {
    /// `None` when it does not exist.
    number: Option<u32>,
    last: Offset,
}

/// What a record changes in the index.
pub(super) enum Change {
    Named(u32, Name),
    Event(u32, EventPlace),
    Snapshot(u32, SnapshotPlace),
    Destroyed(u32, StreamKey),
    Cell(String, Cell),
    CellRemoved(String),
}

impl<'a> Group<'a> {
    pub(super) fn new(
        catalog: &'a Catalog,
        segment: u32,
        declared: &'a FxHashSet<u32>,
        last_stream: u32,
        frame: Frame,
    ) -> Group<'a> {
        Group {
            catalog,
            segment,
            declared,
            declares: FxHashSet::default(),
            streams: HashMap::new(),
            last_stream,
            frame,
            changes: Vec::new(),
        }
    }

    /// Encodes an order; `Ok` holds if the group becomes durable.
    pub(super) fn take(&mut self, order: Order) -> Told {
        match order {
            Order::Append(batch) => {
                let taken = self.append(&batch);
                (batch.done, taken)
            }
            Order::Destroy { streams, done } => {
                for stream in streams {
                    self.destroy(stream);
                }
                (done, Ok(()))
            }
            Order::Put { cell, value, done } => {
                self.put(cell, value);
                (done, Ok(()))
            }
        }
    }

    pub(super) fn finish(self) -> Encoded {
        Encoded {
            frame: self.frame,
            changes: self.changes,
            declares: self.declares,
            last_stream: self.last_stream,
            streams: self.streams.into_keys().collect(),
        }
    }

    fn standing(&self, key: &StreamKey) -> Standing {
        self.streams.get(key).copied().unwrap_or_else(|| {
            let known = self.catalog.stream(key);
            Standing {
                number: known.map(|(number, _)| number),
                last: known.map_or(Offset(0), |(_, stream)| stream.last()),
            }
        })
    }

    fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let standing = self.standing(&batch.stream);
        let last = follow(batch, standing.last)?;
        if standing.number.is_none() && batch.records.is_empty() {
            return Ok(());
        }
        let number = self.number(standing, batch);
        for record in &batch.records {
            let key = record.idempotency_key.as_deref().map(str::as_bytes);
            let (position, length) = self.frame.push(&Entry {
                kind: Kind::Event,
                stream: number,
                offset: record.offset,
                time: batch.time,
                key,
                body: &record.json,
            });
            let place = EventPlace {
                segment: self.segment,
                position,
                length,
                offset: record.offset,
                time: batch.time,
                key_hash: key.map(key_hash),
            };
            self.changes.push(Change::Event(number, place));
        }
        if let Some(snapshot) = &batch.snapshot {
            let (position, length) = self.frame.push(&Entry {
                kind: Kind::Snapshot,
                stream: number,
                offset: snapshot.offset,
                time: batch.time,
                key: None,
                body: &snapshot.state,
            });
            let place = SnapshotPlace {
                segment: self.segment,
                position,
                length,
            };
            self.changes.push(Change::Snapshot(number, place));
        }
        let number = Some(number);
        self.streams
            .insert(batch.stream.clone(), Standing { number, last });
        Ok(())
    }

    /// The number of a stream, whose name the segment tells before anything else of it.
    fn number(&mut self, standing: Standing, batch: &Batch) -> u32 {
        let number = standing.number.unwrap_or_else(|| {
            self.last_stream += 1;
            self.last_stream
        });
        if self.declared.contains(&number) || !self.declares.insert(number) {
            return number;
        }
        let known = self.catalog.index.streams.get(&number);
        let name = known.and_then(|stream| stream.name.clone());
        let name = name.unwrap_or_else(|| Name {
            key: batch.stream.clone(),
            created_at: batch.time,
        });
        self.frame.push(&Entry {
            kind: Kind::Stream,
            stream: number,
            offset: Offset(0),
            time: name.created_at,
            key: Some(name.key.project.as_str().as_bytes()),
            body: name.key.path.as_str().as_bytes(),
        });
        if standing.number.is_none() {
            self.changes.push(Change::Named(number, name));
        }
        number
    }

    fn destroy(&mut self, stream: StreamKey) {
        let Some(number) = self.standing(&stream).number else {
            return;
        };
        self.frame.push(&Entry {
            kind: Kind::Destroyed,
            stream: number,
            offset: Offset(0),
            time: Millis(0),
            key: None,
            body: &[],
        });
        let gone = Standing {
            number: None,
            last: Offset(0),
        };
        self.streams.insert(stream.clone(), gone);
        self.changes.push(Change::Destroyed(number, stream));
    }

    fn put(&mut self, name: String, value: Option<Bytes>) {
        let (position, _) = self.frame.push(&Entry {
            kind: match value {
                Some(_) => Kind::Cell,
                None => Kind::CellRemoved,
            },
            stream: 0,
            offset: Offset(0),
            time: Millis(0),
            key: Some(name.as_bytes()),
            body: value.as_deref().unwrap_or_default(),
        });
        let segment = self.segment;
        self.changes.push(match value {
            Some(value) => Change::Cell(
                name,
                Cell {
                    value,
                    segment,
                    position,
                },
            ),
            None => Change::CellRemoved(name),
        });
    }
}

impl Catalog {
    /// Takes in what a commit changed, once it is durable.
    pub(super) fn publish(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Named(number, name) => {
                    self.names.insert(name.key.clone(), number);
                    self.index.declare(number, name);
                }
                Change::Event(number, place) => {
                    if let Some(stream) = self.index.streams.get_mut(&number) {
                        stream.add_event(&place);
                    }
                }
                Change::Snapshot(number, place) => {
                    if let Some(stream) = self.index.streams.get_mut(&number) {
                        stream.snapshot = Some(place);
                    }
                }
                Change::Destroyed(number, key) => {
                    self.index.streams.remove(&number);
                    // In the same commit the name may have been given anew; that comes later.
                    self.names.remove(&key);
                }
                Change::Cell(name, cell) => {
                    self.index.cells.insert(name, cell);
                }
                Change::CellRemoved(name) => {
                    self.index.cells.remove(&name);
                }
            }
        }
    }
}
