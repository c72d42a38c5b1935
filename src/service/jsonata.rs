//! JSONata as the service uses it: for bodies (SPEC §3 `?jsonataTransform=`) here, for transformers and
//! subscriptions in their own files. Whoever asks in a request never stands in line before what acts on
//! streams.

use super::Service;
use super::draft::{Incoming, Route};
use super::error::ServiceError;
use crate::model::validate;
use crate::processor::jsonata::{Evaluators, Made};
use bytes::Bytes;
use std::path::Path;
use std::thread::available_parallelism;

/// The evaluators of a service.
pub(super) struct Jsonata {
    /// For transformers and subscriptions.
    pub(super) of_streams: Evaluators,
    of_requests: Evaluators,
}

impl Jsonata {
    pub(super) fn new(exe: &Path) -> Jsonata {
        let places = available_parallelism().map_or(2, |n| n.get().clamp(2, 8));
        Jsonata {
            of_streams: Evaluators::new(exe.to_owned(), places),
            of_requests: Evaluators::new(exe.to_owned(), places),
        }
    }
}

impl Service {
    /// Turns a body (JSON) into the event to append.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for an expression that is none or fails, and for a result that is no
    /// event.
    pub async fn transform_body(
        &self,
        expression: &str,
        body: &Bytes,
        route: Route,
    ) -> Result<Incoming, ServiceError> {
        let made = self.jsonata.of_requests.make(None, Some(expression), body);
        let event = match made.await {
            Ok(Made::Value(event)) => validate::take(event, route.payloads()).ok(),
            Ok(Made::Nothing | Made::Passed | Made::Filtered) => None,
            Err((_, error)) => {
                let why = format!("invalid_jsonata_transform: {error}");
                return Err(ServiceError::Invalid(why));
            }
        };
        event.map(Incoming::Valid).ok_or_else(|| {
            let why = "jsonataTransform must produce a valid single event body.";
            ServiceError::Invalid(why.to_owned())
        })
    }
}
