//! JSONata transformers by slug (SPEC §6).

use super::payload;
use crate::model::built_in::BuiltIn;
use crate::model::event::Event;
use crate::model::offset::Offset;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All transformers of a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Transformers(pub BTreeMap<String, Transformer>);

/// One transformer; the latest configuration of its slug.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transformer {
    /// JSONata over the stored event: truthy runs the transform.
    pub matcher: String,
    /// JSONata over the stored event: gives an event input.
    pub transform: String,
    /// Offset of the configuration.
    pub configured_at: Offset,
}

#[derive(Deserialize)]
struct Configured {
    slug: String,
    matcher: String,
    transform: String,
}

impl Transformers {
    /// Folds an event of a built-in type.
    pub fn reduce(&mut self, built_in: BuiltIn, event: &Event) {
        if built_in == BuiltIn::JsonataTransformerConfigured
            && let Some(configured) = payload::<Configured>(event)
        {
            let transformer = Transformer {
                matcher: configured.matcher,
                transform: configured.transform,
                configured_at: event.offset,
            };
            self.0.insert(configured.slug, transformer);
        }
    }
}
