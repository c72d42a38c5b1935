//! Push subscriptions (SPEC §7): a follower of the stream for each slug, so that one that is slow or
//! fails holds up nobody else.

use super::attend::Follower;
use super::websocket::Line;
use super::{Bound, Bounds, Entry, Service, ServiceError};
use crate::model::built_in::BuiltIn;
use crate::model::event::Event;
use crate::model::json;
use crate::model::offset::Offset;
use crate::model::path::StreamKey;
use crate::model::stream_state::subscriber::{Delivery, Subscription, Subscriptions};
use crate::model::validate::Input;
use crate::processor::jsonata::{Made, Part};
use crate::processor::worker::egress::Egress;
use bytes::Bytes;
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
    Body(Subscription, Bytes),
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
                let (of, parcel) = self.packed(&mut cursor, slug, &entry).await;
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
    async fn send(&self, subscription: &Subscription, body: Bytes) -> Result<(), String> {
        let egress = &self.shared.options.egress;
        let url = &subscription.callback_url;
        let url = url::Url::parse(url).map_err(|error| format!("{url:?} is no URL: {error}"))?;
        egress.check(&url).map_err(|error| error.to_string())?;
        let client = self.webhooks.get(egress)?;
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

impl Service {
    /// What a subscription makes of an event.
    async fn packed(
        &self,
        cursor: &mut Cursor,
        slug: &str,
        entry: &Entry,
    ) -> (Option<BuiltIn>, Parcel) {
        cursor.done = entry.offset;
        let Ok(event) = Event::parse(&entry.json) else {
            return (None, Parcel::Broken("it is no event".to_owned()));
        };
        let built_in = BuiltIn::parse(&event.event_type);
        if built_in == Some(BuiltIn::SubscriptionConfigured) {
            let mut configured = Subscriptions::default();
            configured.reduce(BuiltIn::SubscriptionConfigured, &event);
            if let Some(subscription) = configured.0.remove(slug) {
                let told = subscription.r#type == Delivery::Websocket;
                cursor.subscription = Some(subscription);
                // A webhook is not told of its own configuration; a websocket is.
                if !told {
                    return (built_in, Parcel::Nothing);
                }
            }
        }
        let parcel = match &cursor.subscription {
            Some(subscription) => match self.pack(subscription, entry).await {
                Ok(parcel) => parcel,
                Err(why) => Parcel::Broken(why),
            },
            None => Parcel::Nothing,
        };
        (built_in, parcel)
    }

    /// The event, or what the transform makes of it, if it passes the filter.
    async fn pack(&self, subscription: &Subscription, entry: &Entry) -> Result<Parcel, String> {
        let filter = subscription.jsonata_filter.as_deref();
        let transform = subscription.jsonata_transform.as_deref();
        let made = match (filter, transform) {
            (None, None) => Made::Passed,
            _ => {
                let made = self.jsonata.of_streams.make(filter, transform, &entry.json);
                made.await.map_err(|(part, error)| match part {
                    Part::Filter => format!("its jsonataFilter failed: {error}"),
                    Part::Transform => format!("its jsonataTransform failed: {error}"),
                })?
            }
        };
        let made = match made {
            Made::Filtered => return Ok(Parcel::Nothing),
            Made::Passed => None,
            Made::Nothing => Some(Value::Null),
            Made::Value(value) => Some(value),
        };
        let of = subscription.clone();
        Ok(match subscription.r#type {
            Delivery::Webhook => Parcel::Body(
                of,
                made.map_or_else(|| entry.json.clone(), |made| made.to_string().into()),
            ),
            Delivery::Websocket => Parcel::Frame(
                of,
                match made {
                    Some(made) => made,
                    None => json::read(&entry.json).map_err(|e| e.to_string())?,
                },
            ),
        })
    }
}
