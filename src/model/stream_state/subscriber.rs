//! Push subscriptions by slug (SPEC §7).

use super::payload;
use crate::model::built_in::BuiltIn;
use crate::model::event::Event;
use crate::model::offset::Offset;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All subscriptions of a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Subscriptions(pub BTreeMap<String, Subscription>);

/// One subscription; the latest configuration of its slug.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// How events are delivered.
    pub r#type: Delivery,
    /// Where to.
    pub callback_url: String,
    /// JSONata: which events.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub jsonata_filter: Option<String>,
    /// JSONata: what is sent of them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub jsonata_transform: Option<String>,
    /// Offset of the configuration.
    pub configured_at: Offset,
}

/// How events are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// One `POST` an event.
    Webhook,
    /// Frames on one outbound connection.
    Websocket,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configured {
    slug: String,
    r#type: Delivery,
    callback_url: String,
    jsonata_filter: Option<String>,
    jsonata_transform: Option<String>,
}

impl Subscriptions {
    /// Folds an event of a built-in type.
    pub fn reduce(&mut self, built_in: BuiltIn, event: &Event) {
        if built_in == BuiltIn::SubscriptionConfigured
            && let Some(configured) = payload::<Configured>(event)
        {
            let subscription = Subscription {
                r#type: configured.r#type,
                callback_url: configured.callback_url,
                jsonata_filter: configured.jsonata_filter,
                jsonata_transform: configured.jsonata_transform,
                configured_at: event.offset,
            };
            self.0.insert(configured.slug, subscription);
        }
    }
}
