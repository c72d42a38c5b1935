//! An event on its way into a stream: what came in, checked and encoded but for the offset and time
//! that only the stream can give.

use super::error::ServiceError;
use crate::model::built_in::{BuiltIn, SEED_INVALID_EVENT_APPENDED};
use crate::model::event::{Event, Millis};
use crate::model::offset::Offset;
use crate::model::path::StreamPath;
use crate::model::stream_state::StreamState;
use crate::model::stream_state::breaker::Policy;
use crate::model::validate::{self, Input, Payloads};
use crate::processor::deployments::named;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::io::Write as _;

/// Room for `"offset":…,"createdAt":"…"}`.
const TAIL_BYTES: usize = 80;

/// What is to be appended.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// JSON that should be an event input; stored as *invalid-event-appended* if it is not (SPEC §2).
    Json(Value),
    /// What cannot be an event, or not even JSON; stored as *invalid-event-appended*.
    NotAnEvent {
        /// What came: `rawInput`.
        raw: Value,
        /// How `raw` is to be read when it is not what came byte for byte: `base64`.
        encoding: Option<&'static str>,
        /// Why it is no event, in words.
        error: String,
    },
    /// An input that [`validate`] has passed already.
    Valid(Input),
}

/// By which way it came, which decides what payloads are allowed and how *invalid-event-appended* is
/// spelled (SPEC §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/api/streams`.
    Streams,
    /// The seed's own `POST /{path}`.
    Seed,
    /// A hook, a schedule or a transformer inside the service.
    Hook,
}

impl Route {
    pub(super) fn payloads(self) -> Payloads {
        match self {
            Route::Streams => Payloads::Objects,
            Route::Seed | Route::Hook => Payloads::Any,
        }
    }
}

pub(super) struct Draft {
    pub built_in: Option<BuiltIn>,
    pub key: Option<String>,
    pub precondition: Option<Offset>,
    /// True when the input was no event.
    pub invalid: bool,
    /// Of built-in types only: what the stream's state folds.
    event: Option<Box<Event>>,
    metadata: Option<Map<String, Value>>,
    /// The JSON up to the offset.
    open: Vec<u8>,
    /// The JSON as last sealed, and how much of it was `open`.
    sealed: Option<(Bytes, usize)>,
}

impl Draft {
    pub(super) fn new(path: &StreamPath, incoming: Incoming, route: Route) -> Draft {
        let (raw, encoding, error) = match incoming {
            Incoming::Valid(input) => return Draft::of(path, input),
            Incoming::Json(value) => match validate::take(value, route.payloads()) {
                Ok(input) => return Draft::of(path, input),
                Err((raw, invalid)) => (raw, None, invalid.to_string()),
            },
            Incoming::NotAnEvent {
                raw,
                encoding,
                error,
            } => (raw, encoding, error),
        };
        // Two levels are put around it, and no event may be deeper than others.
        let raw = match raw {
            deep if validate::depth_reaches(&deep, validate::MAX_DEPTH - 2) => {
                Value::String(deep.to_string())
            }
            raw => raw,
        };
        let mut payload = json!({"rawInput": raw});
        if let Some(encoding) = encoding {
            payload["encoding"] = encoding.into();
        }
        payload["error"] = error.into();
        let event_type = match route {
            Route::Seed => SEED_INVALID_EVENT_APPENDED.to_owned(),
            Route::Streams | Route::Hook => BuiltIn::InvalidEventAppended.to_string(),
        };
        let mut draft = Draft::of(path, Input::new(event_type, payload));
        draft.invalid = true;
        draft
    }

    /// An event of the service's own making.
    pub(super) fn own(path: &StreamPath, built_in: BuiltIn, payload: Value) -> Draft {
        Draft::of(path, Input::new(built_in.to_string(), payload))
    }

    pub(super) fn of(path: &StreamPath, input: Input) -> Draft {
        let open = encode(path, &input);
        let built_in = BuiltIn::parse(&input.event_type);
        let event = built_in.map(|_| {
            Box::new(Event {
                stream_path: Some(path.to_string()),
                offset: Offset::FIRST,
                event_type: input.event_type,
                payload: input.payload,
                metadata: None,
                idempotency_key: None,
                created_at: None,
                rest: Map::new(),
            })
        });
        Draft {
            built_in,
            key: input.idempotency_key,
            precondition: input.offset,
            invalid: false,
            event,
            metadata: input.metadata,
            open,
            sealed: None,
        }
    }

    pub(super) fn metadata(&self) -> Option<&Map<String, Value>> {
        self.metadata.as_ref()
    }

    /// Of built-in types only.
    pub(super) fn payload(&self) -> Option<&Value> {
        self.event.as_ref().map(|event| &event.payload)
    }

    /// Gives the event its place and time, and folds it.
    pub(super) fn seal(
        &mut self,
        offset: Offset,
        now: Millis,
        state: &mut StreamState,
        policy: Policy,
    ) -> Bytes {
        match &mut self.event {
            None => state.reduce_ordinary_under(policy, Some(now)),
            Some(event) => {
                event.offset = offset;
                event.created_at = Some(now.to_string());
                state.reduce_under(policy, &named(event));
            }
        }
        let mut json = match self.sealed.take() {
            // Sealed before, and not stored after all.
            Some((sealed, open)) => sealed[..open].to_vec(),
            None => std::mem::take(&mut self.open),
        };
        let open = json.len();
        json.reserve(TAIL_BYTES);
        put(&mut json, |json| {
            write!(json, "\"offset\":{offset},\"createdAt\":\"{now}\"}}")
        });
        let json = Bytes::from(json);
        self.sealed = Some((json.clone(), open));
        json
    }

    /// What the stream must be asked before it takes the event (SPEC §2, in that order).
    pub(super) fn gates(&self, next: Offset, state: &StreamState) -> Result<(), ServiceError> {
        let passes = matches!(self.built_in, Some(BuiltIn::Resumed | BuiltIn::WokeUp));
        if state.processors.circuit_breaker.paused && !passes {
            return Err(ServiceError::Paused);
        }
        if let Some(given) = self.precondition
            && given != next
        {
            return Err(ServiceError::OffsetMismatch { given, next });
        }
        if self.built_in == Some(BuiltIn::Initialized) && next != Offset::FIRST {
            return Err(ServiceError::InitializedTwice);
        }
        Ok(())
    }
}

fn encode(path: &StreamPath, input: &Input) -> Vec<u8> {
    let mut json = Vec::with_capacity(256);
    // A stream path has no character that JSON would escape.
    json.extend_from_slice(b"{\"streamPath\":\"");
    json.extend_from_slice(path.as_str().as_bytes());
    json.extend_from_slice(b"\",\"type\":");
    member(&mut json, &input.event_type);
    json.extend_from_slice(b"\"payload\":");
    member(&mut json, &input.payload);
    if let Some(metadata) = &input.metadata {
        json.extend_from_slice(b"\"metadata\":");
        member(&mut json, metadata);
    }
    if let Some(key) = &input.idempotency_key {
        json.extend_from_slice(b"\"idempotencyKey\":");
        member(&mut json, key);
    }
    json
}

fn member(json: &mut Vec<u8>, value: &impl Serialize) {
    put(json, |json| {
        serde_json::to_writer(&mut *json, value).map_err(Into::into)
    });
    json.push(b',');
}

/// Writing to memory cannot fail, nor can JSON values and texts be without JSON.
fn put(json: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) {
    let written = write(json);
    debug_assert!(written.is_ok(), "{written:?}");
}
