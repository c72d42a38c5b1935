//! JSONata transformers (SPEC §6): a follower of the stream that turns events into events.

use super::attend::Follower;
use super::{Bound, Bounds, Entry, Service, ServiceError};
use crate::model::built_in::BuiltIn;
use crate::model::event::Event;
use crate::model::offset::Offset;
use crate::model::path::StreamKey;
use crate::model::stream_state::transformer::{Transformer, Transformers};
use crate::model::validate::{self, Input, Payloads};
use crate::processor::jsonata::Made;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// Where the transformers of a stream stand, with their configurations as of there.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cursor {
    done: Offset,
    transformers: Transformers,
}

impl Service {
    /// Runs the transformers of a stream over its events, until it ends.
    ///
    /// # Errors
    /// The stream cannot be read, or the store takes nothing.
    pub(super) async fn transform(self: &Arc<Self>, key: &StreamKey) -> Result<(), ServiceError> {
        let me = Follower::Transformers;
        let mut cursor = match self.cursor::<Cursor>(key, &me).await? {
            Some(cursor) => cursor,
            None => {
                let configured = self
                    .state_of_existing(key)
                    .await?
                    .processors
                    .jsonata_transformer;
                let first = configured.0.values().map(|t| t.configured_at.0).min();
                Cursor {
                    done: Offset(first.unwrap_or(1).saturating_sub(1)),
                    transformers: Transformers::default(),
                }
            }
        };
        let bounds = Bounds {
            after: Bound::Offset(cursor.done),
            ..Bounds::default()
        };
        let mut reader = self.read_existing(key, bounds).await?;
        while let Some(chunk) = reader.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error @ ServiceError::Damaged { .. }) => {
                    tracing::error!(stream = %key, %error, "passed over by transformers");
                    continue;
                }
                Err(error) => return Err(error),
            };
            for entry in chunk {
                for input in self.transformed(key, &mut cursor, &entry).await {
                    self.put_through(key, input).await?;
                }
            }
            self.set_cursor(key, &me, &cursor);
        }
        Ok(())
    }

    /// What the transformers make of an event. One that fails stops no other; its failure goes on
    /// record, but for that over such a record, which would have no end.
    async fn transformed(&self, key: &StreamKey, cursor: &mut Cursor, entry: &Entry) -> Vec<Input> {
        let mut inputs = Vec::new();
        cursor.done = entry.offset;
        let Ok(event) = Event::parse(&entry.json) else {
            tracing::error!(stream = %key, offset = entry.offset.0, "a stored event is no event");
            return inputs;
        };
        let built_in = BuiltIn::parse(&event.event_type);
        if let Some(built_in) = built_in {
            cursor.transformers.reduce(built_in, &event);
        }
        for (slug, transformer) in &cursor.transformers.0 {
            let origin = format!("{}@{}/{slug}", key.path, entry.offset);
            match self.transform_with(transformer, entry).await {
                Ok(None) => {}
                Ok(Some(mut input)) => {
                    input.idempotency_key.get_or_insert(origin);
                    inputs.push(input);
                }
                Err(_) if built_in == Some(BuiltIn::ErrorOccurred) => {}
                Err(error) => {
                    let message = format!(
                        "JSONata transformer {slug:?} at offset {}: {error}",
                        entry.offset
                    );
                    inputs.push(Input {
                        idempotency_key: Some(format!("{origin}/error")),
                        ..Input::new(
                            BuiltIn::ErrorOccurred.to_string(),
                            json!({"message": message}),
                        )
                    });
                }
            }
        }
        inputs
    }

    async fn transform_with(
        &self,
        transformer: &Transformer,
        entry: &Entry,
    ) -> Result<Option<Input>, String> {
        let (matcher, transform) = (&transformer.matcher, &transformer.transform);
        let evaluators = &self.jsonata.of_streams;
        let made = evaluators.make(Some(matcher), Some(transform), &entry.json);
        match made.await.map_err(|(_, error)| error.to_string())? {
            Made::Value(event) => validate::take(event, Payloads::Any)
                .map(Some)
                .map_err(|(_, invalid)| format!("no event came out: {invalid}")),
            Made::Filtered | Made::Passed | Made::Nothing => Ok(None),
        }
    }
}
