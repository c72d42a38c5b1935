//! Push subscriptions (SPEC §7): a follower of the stream for each slug, so that one that is slow or
//! fails holds up nobody else.

use super::attend::Follower;
use super::jsonata::{Jsonata, JsonataError};
use super::websocket::Line;
use super::{Bound, Bounds, Entry, Service, ServiceError};
use crate::model::built_in::BuiltIn;
use crate::model::event::Event;
use crate::model::json;
use crate::model::offset::Offset;
use crate::model::path::StreamKey;
use crate::model::stream_state::subscriber::{Delivery, Subscription, Subscriptions};
use crate::model::validate::Input;
use crate::processor::worker::egress::Egress;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Longest that one delivery may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a delivery is tried, with a pause that doubles.
const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Sends webhooks; its connections are shared by all streams.
#[derive(Default)]
pub(super) struct Client(OnceLock<Result<reqwest::Client, String>>);

/// Where a subscription stands, with its configuration as of there.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cursor {
    done: Offset,
    subscription: Option<Subscription>,
}

/// What is to be sent of an event.
enum Parcel {
    Nothing,
    Body(Subscription, Vec<u8>),
    Frame(Subscription, Value),
    /// A filter or a transform failed.
    Broken(String),
}

impl Service {
    /// Delivers a stream's events to one subscriber, in order, until the stream ends.
    ///
    /// # Errors
    /// The stream cannot be read, or the store takes nothing.
    pub(super) async fn deliver(
        self: &Arc<Self>,
        key: &StreamKey,
        slug: &str,
    ) -> Result<(), ServiceError> {
        let me = Follower::Subscription(slug.to_owned());
        let mut cursor = match self.cursor::<Cursor>(key, &me).await? {
            Some(cursor) => cursor,
            None => {
                let configured = self
                    .state_of_existing(key)
                    .await?
                    .processors
                    .external_subscriber;
                let at = configured.0.get(slug).map_or(1, |s| s.configured_at.0);
                Cursor {
                    done: Offset(at.saturating_sub(1)),
                    subscription: None,
                }
            }
        };
        let bounds = Bounds {
            after: Bound::Offset(cursor.done),
            ..Bounds::default()
        };
        let mut reader = self.read_existing(key, bounds).await?;
        let mut line = Line::default();
        loop {
            let chunk = tokio::select! {
                chunk = reader.next() => chunk,
                () = line.keep(self, key, cursor.subscription.as_ref()) => continue,
            };
            let Some(chunk) = chunk else {
                return Ok(());
            };
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error @ ServiceError::Damaged { .. }) => {
                    tracing::error!(stream = %key, slug, %error, "passed over by a subscription");
                    continue;
                }
                Err(error) => return Err(error),
            };
            for entry in chunk {
                let (of, parcel);
                let wanted = slug.to_owned();
                (cursor, of, parcel) =
                    super::blocking(move || Ok(cursor.pack(&wanted, &entry))).await?;
                let failure = match parcel {
                    Parcel::Nothing => None,
                    Parcel::Broken(why) => Some(why),
                    Parcel::Body(subscription, body) => self.send(&subscription, body).await.err(),
                    Parcel::Frame(subscription, event) => {
                        line.send(self, key, &subscription, &event).await.err()
                    }
                };
                // The record of a failure that cannot be delivered is not put on record: that would
                // have no end.
                if let Some(why) = failure
                    && of != Some(BuiltIn::ErrorOccurred)
                {
                    let offset = cursor.done;
                    let message =
                        format!("subscription {slug:?} did not get offset {offset}: {why}");
                    let input = Input {
                        idempotency_key: Some(format!("{}@{offset}/{slug}/error", key.path)),
                        ..Input::new(
                            BuiltIn::ErrorOccurred.to_string(),
                            json!({"message": message}),
                        )
                    };
                    self.put_through(key, input).await?;
                }
                self.set_cursor(key, &me, &cursor);
            }
        }
    }

    /// Whether a stream is there and has this very subscription.
    pub(super) async fn is_subscribed(
        self: &Arc<Self>,
        key: &StreamKey,
        subscription: &Subscription,
    ) -> bool {
        if self.is_closing() {
            return false;
        }
        match self.existing(key).await {
            Ok(stream) => stream.is_subscribed(subscription),
            Err(_) => false,
        }
    }

    /// Sends one webhook: again after network errors and a server's own faults, then not any more.
    async fn send(&self, subscription: &Subscription, body: Vec<u8>) -> Result<(), String> {
        let egress = &self.shared.options.egress;
        let url = &subscription.callback_url;
        let url = url::Url::parse(url).map_err(|error| format!("{url:?} is no URL: {error}"))?;
        egress.check(&url).map_err(|error| error.to_string())?;
        let client = self.webhooks.get(egress)?;
        let body = bytes::Bytes::from(body);
        let mut pause = FIRST_PAUSE;
        let mut tries = 0;
        loop {
            tries += 1;
            let request = client
                .post(url.clone())
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .body(body.clone());
            let (why, again) = match request.send().await {
                Ok(response) if response.status().is_success() => return Ok(()),
                Ok(response) => {
                    let status = response.status();
                    let again = status.is_server_error() || status.as_u16() == 429;
                    (format!("the answer was {status}"), again)
                }
                Err(error) => (chain(&error), !error.is_builder()),
            };
            if !again || tries == TRIES {
                return Err(match tries {
                    1 => why,
                    _ => format!("{why}, after {tries} tries"),
                });
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

/// An error and what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl Client {
    fn get(&self, egress: &Egress) -> Result<&reqwest::Client, String> {
        let client = self.0.get_or_init(|| {
            let builder = || {
                reqwest::Client::builder()
                    .timeout(TIMEOUT)
                    .redirect(reqwest::redirect::Policy::none())
                    .dns_resolver(egress.resolver())
                    .no_proxy()
            };
            builder()
                .build()
                // A machine without certificates of authorities has http:// all the same.
                .or_else(|_| builder().tls_certs_only([]).build())
                .map_err(|error| format!("no HTTP client: {error}"))
        });
        client.as_ref().map_err(Clone::clone)
    }
}

impl Cursor {
    /// What the subscription makes of an event.
    fn pack(mut self, slug: &str, entry: &Entry) -> (Cursor, Option<BuiltIn>, Parcel) {
        self.done = entry.offset;
        let Ok(event) = Event::parse(&entry.json) else {
            return (self, None, Parcel::Broken("it is no event".to_owned()));
        };
        let built_in = BuiltIn::parse(&event.event_type);
        if built_in == Some(BuiltIn::SubscriptionConfigured) {
            let mut configured = Subscriptions::default();
            configured.reduce(BuiltIn::SubscriptionConfigured, &event);
            if let Some(subscription) = configured.0.remove(slug) {
                let told = subscription.r#type == Delivery::Websocket;
                self.subscription = Some(subscription);
                // A webhook is not told of its own configuration; a websocket is.
                if !told {
                    return (self, built_in, Parcel::Nothing);
                }
            }
        }
        let parcel = match &self.subscription {
            Some(subscription) => match pack(subscription, entry) {
                Ok(parcel) => parcel,
                Err(why) => Parcel::Broken(why),
            },
            None => Parcel::Nothing,
        };
        (self, built_in, parcel)
    }
}

/// The event, or what the transform makes of it, if it passes the filter.
fn pack(subscription: &Subscription, entry: &Entry) -> Result<Parcel, String> {
    let plain = subscription.jsonata_filter.is_none() && subscription.jsonata_transform.is_none();
    if plain && subscription.r#type == Delivery::Webhook {
        return Ok(Parcel::Body(subscription.clone(), entry.json.to_vec()));
    }
    let event: Value = json::read(&entry.json).map_err(|error| error.to_string())?;
    let failed = |part: &str, error: JsonataError| format!("its {part} failed: {error}");
    if let Some(filter) = &subscription.jsonata_filter {
        let passes = Jsonata::compile(filter).and_then(|filter| filter.holds(&event));
        if !passes.map_err(|error| failed("jsonataFilter", error))? {
            return Ok(Parcel::Nothing);
        }
    }
    let event = match &subscription.jsonata_transform {
        None => event,
        Some(transform) => {
            let made = Jsonata::compile(transform).and_then(|made| made.evaluate(&event));
            made.map_err(|error| failed("jsonataTransform", error))?
                .unwrap_or(Value::Null)
        }
    };
    Ok(match subscription.r#type {
        Delivery::Webhook => Parcel::Body(subscription.clone(), event.to_string().into_bytes()),
        Delivery::Websocket => Parcel::Frame(subscription.clone(), event),
    })
}
