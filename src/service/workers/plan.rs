//! How far the workers of a stream are, kept in one cell of the store.

use super::super::Service;
use super::plan_name;
use crate::model::event::Millis;
use crate::model::path::StreamKey;
use crate::store::Store;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// What the cell holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// When the stream was made, in milliseconds since 1970: a stream that was destroyed and begun
    /// anew is another one.
    pub born: i64,
    /// Configurations up to this offset are in `workers`.
    pub scanned: u64,
    /// By slug.
    pub workers: BTreeMap<String, Place>,
}

/// Where a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Offset of the event that holds its code.
    pub configured_at: u64,
    /// The last event whose hook is done.
    pub cursor: u64,
}

/// The plan of one stream, shared by its tasks.
pub struct Plans {
    store: Arc<dyn Store>,
    cell: String,
    plan: Mutex<(Plan, BTreeSet<u64>)>,
}

/// Told once the plan is durable.
pub type Saved = oneshot::Receiver<()>;

impl Plans {
    /// The plan of a stream as the store has it.
    pub fn load(service: &Service, key: &StreamKey, born: Millis) -> Plans {
        let store = Arc::clone(&service.shared.store);
        let cell = plan_name(key);
        let cells = store.cells(&cell).unwrap_or_default();
        let saved = cells.into_iter().find(|(name, _)| *name == cell);
        let plan = saved
            .and_then(|(_, json)| serde_json::from_slice::<Plan>(&json).ok())
            .filter(|plan| plan.born == born.0)
            .unwrap_or_else(|| Plan {
                born: born.0,
                ..Plan::default()
            });
        Plans {
            store,
            cell,
            plan: Mutex::new((plan, BTreeSet::new())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, (Plan, BTreeSet<u64>)> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy.
    pub fn now(&self) -> Plan {
        self.lock().0.clone()
    }

    /// Where the worker of this slug is.
    pub fn place(&self, slug: &str) -> Option<Place> {
        self.lock().0.workers.get(slug).copied()
    }

    /// A configuration was found that is not in force yet: if we die now, it is to be found again.
    pub fn expect(&self, configured_at: u64) {
        self.lock().1.insert(configured_at);
    }

    /// From now on this configuration is in force.
    pub fn configure(&self, slug: &str, configured_at: u64) -> Saved {
        let mut plan = self.lock();
        plan.1.remove(&configured_at);
        let place = Place {
            configured_at,
            cursor: configured_at,
        };
        plan.0.workers.insert(slug.to_owned(), place);
        self.save(&plan)
    }

    /// Everything up to `offset` was looked at for configurations.
    pub fn scanned(&self, offset: u64, save: bool) {
        let mut plan = self.lock();
        plan.0.scanned = offset;
        if save {
            self.save(&plan);
        }
    }

    /// A worker has done the hook of this event; of no effect when another configuration is in force.
    pub fn advance(&self, slug: &str, configured_at: u64, cursor: u64) -> Saved {
        let mut plan = self.lock();
        if let Some(place) = plan.0.workers.get_mut(slug)
            && place.configured_at == configured_at
        {
            place.cursor = place.cursor.max(cursor);
        }
        self.save(&plan)
    }

    /// Saves are queued while the lock is held: a later one never comes before an earlier one.
    fn save(&self, plan: &(Plan, BTreeSet<u64>)) -> Saved {
        let mut saved = plan.0.clone();
        if let Some(first) = plan.1.first() {
            saved.scanned = saved.scanned.min(first.saturating_sub(1));
        }
        let (done, told) = oneshot::channel();
        match serde_json::to_vec(&saved) {
            Ok(json) => self.store.put(
                &self.cell,
                Some(json.into()),
                Box::new(move |result| {
                    if let Err(error) = result {
                        tracing::error!(%error, "how far workers are cannot be stored");
                    }
                    // Whoever waited may be gone.
                    let _ = done.send(());
                }),
            ),
            Err(error) => tracing::error!(%error, "how far workers are has no JSON"),
        }
        told
    }
}
