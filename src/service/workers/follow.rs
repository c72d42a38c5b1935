//! Follows one stream for its workers: starts each, replaces it, and ends all with the stream.

use super::super::Service;
use super::super::error::ServiceError;
use super::super::reader::{Bound, Bounds};
use super::configured::{self, Configured, News};
use super::hands::{Failed, Hands};
use super::job::{Job, Predecessor};
use super::plan::Plans;
use super::{Tools, mark_name, plan_name};
use crate::model::offset::Offset;
use crate::model::path::StreamKey;
use crate::processor::deployments;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// After its stream could not be read.
const RETRY: Duration = Duration::from_secs(1);
/// How far is looked for configurations is stored this often.
const SCANNED_EVERY: u64 = 4096;

/// A worker that was started.
struct Slot {
    configured: Configured,
    configured_at: u64,
    /// Set to the first event that is not its any more.
    until: watch::Sender<Option<u64>>,
    task: JoinHandle<()>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Follower {
    service: Arc<Service>,
    tools: Arc<Tools>,
    key: StreamKey,
    born: i64,
    plans: Arc<Plans>,
    env: BTreeMap<String, String>,
    /// Up to this event it is in `env`.
    env_at: u64,
    slots: FxHashMap<String, Slot>,
}

/// Runs the workers of a stream until it is destroyed or the service ends.
pub async fn follow(service: Arc<Service>, tools: Arc<Tools>, key: StreamKey) {
    let ended = match start(&service, tools, &key).await {
        Ok(Some(mut follower)) => follower.run().await,
        // A stream that is no more.
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    let ended = match ended {
        Err(ServiceError::NotFound(_)) => Ok(()),
        ended => ended,
    };
    if let Err(error) = &ended {
        tracing::error!(stream = %key, %error, "its workers cannot run; tried again in {RETRY:?}");
        tokio::time::sleep(RETRY).await;
    }
    if ended.is_ok() && !service.is_closing() {
        // Destroyed: whatever comes under this name is another stream.
        for cell in [plan_name(&key), mark_name(&key)] {
            service.shared.store.put(&cell, None, Box::new(|_| {}));
        }
        if let Ok(Some(_)) = service.shared.store.head(&key) {
            service.expect_workers(&key);
        }
    }
}

async fn start(
    service: &Arc<Service>,
    tools: Arc<Tools>,
    key: &StreamKey,
) -> Result<Option<Follower>, ServiceError> {
    let (store, of) = (Arc::clone(&service.shared.store), key.clone());
    let Some(head) = super::super::blocking(move || Ok(store.head(&of)?)).await? else {
        return Ok(None);
    };
    let born = head.created_at;
    let state = service.state_of_existing(key).await?;
    let mut follower = Follower {
        plans: Arc::new(Plans::load(service, key, born)),
        env: state.processors.dynamic_worker.env,
        env_at: state.event_count,
        service: Arc::clone(service),
        tools,
        key: key.clone(),
        born: born.0,
        slots: FxHashMap::default(),
    };
    for (slug, place) in follower.plans.now().workers {
        match follower.event(place.configured_at).await? {
            News::Worker(configured) if configured.slug == slug => {
                follower.begin(configured, place.configured_at, None);
            }
            _ => tracing::error!(stream = %key, worker = slug, "its code is no longer there"),
        }
    }
    Ok(Some(follower))
}

impl Follower {
    async fn event(&self, offset: u64) -> Result<News, ServiceError> {
        let bounds = Bounds {
            after: Bound::Offset(Offset(offset - 1)),
            before: Some(Bound::Offset(Offset(offset + 1))),
            live: false,
        };
        let mut reader = self.service.read_existing(&self.key, bounds).await?;
        match reader.next().await {
            Some(Ok(chunk)) => Ok(chunk
                .first()
                .map_or(News::Nothing, |entry| configured::read(&entry.json))),
            Some(Err(error)) => Err(error),
            None => Ok(News::Nothing),
        }
    }

    async fn run(&mut self) -> Result<(), ServiceError> {
        let mut saved = self.plans.now().scanned;
        let after = match saved {
            0 => Bound::Start,
            offset => Bound::Offset(Offset(offset)),
        };
        let bounds = Bounds {
            after,
            ..Bounds::default()
        };
        let mut reader = self.service.read_existing(&self.key, bounds).await?;
        while let Some(chunk) = reader.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(ServiceError::Damaged { .. }) => continue,
                Err(error) => return Err(error),
            };
            let mut env_at = None;
            for entry in &chunk {
                let offset = entry.offset.0;
                match configured::read(&entry.json) {
                    News::Worker(configured) => self.configure(configured, offset),
                    News::Trouble(message) => {
                        let slug = String::from("?");
                        self.hands(&slug)
                            .record(Failed {
                                offset,
                                message: format!("the configuration in event {offset} configures nothing: {message}"),
                                stack: "",
                                what: "configured",
                            })
                            .await;
                    }
                    News::Variable(key, value) if offset > self.env_at => {
                        if self.env.get(&key) != Some(&value) {
                            self.env.insert(key, value);
                            env_at = Some(offset);
                        }
                    }
                    News::Nothing | News::Variable(..) => {}
                }
            }
            if let Some(offset) = env_at {
                self.renew(offset);
            }
            if let Some(last) = chunk.last().map(|entry| entry.offset.0) {
                let due = last >= saved + SCANNED_EVERY;
                self.plans.scanned(last, due);
                if due {
                    saved = last;
                }
            }
        }
        Ok(())
    }

    fn hands(&self, slug: &str) -> Arc<Hands> {
        let service = Arc::clone(&self.service);
        Hands::new(service, self.key.clone(), slug.to_owned(), self.born)
    }

    /// A configuration was met: the latest of a slug is the one in force, and the same code again
    /// changes nothing.
    fn configure(&mut self, configured: Configured, offset: u64) {
        let old = self.slots.remove(&configured.slug);
        if let Some(slot) = old {
            if slot.configured == configured || slot.configured_at >= offset {
                self.slots.insert(configured.slug.clone(), slot);
                return;
            }
            self.begin(configured, offset, Some(slot));
        } else {
            self.begin(configured, offset, None);
        }
    }

    /// The environment has changed: every worker that looks at it starts anew with it, where it is.
    fn renew(&mut self, offset: u64) {
        let looks = |slot: &Slot| deployments::reads_env(&slot.configured.input);
        let (renewed, others) = std::mem::take(&mut self.slots)
            .into_iter()
            .partition::<Vec<_>, _>(|(_, slot)| looks(slot));
        self.slots.extend(others);
        for (_, slot) in renewed {
            let (configured, at) = (slot.configured.clone(), slot.configured_at);
            if slot.task.is_finished() {
                self.begin(configured, at, None);
            } else {
                // Up to here it is the old one's, with the old environment.
                slot.until.send_replace(Some(offset));
                self.begin(configured, at, Some(slot));
            }
        }
    }

    fn begin(&mut self, configured: Configured, configured_at: u64, old: Option<Slot>) {
        let (until, stop) = watch::channel(None);
        let slug = configured.slug.clone();
        let known = self.plans.place(&slug);
        let is_new = known.is_none_or(|place| place.configured_at != configured_at);
        if is_new {
            self.plans.expect(configured_at);
        }
        let predecessor = old.map(|mut slot| {
            if is_new {
                slot.until.send_replace(Some(configured_at));
            }
            let (task, until) = (&mut slot.task, slot.until.clone());
            let task = std::mem::replace(task, tokio::spawn(async {}));
            Predecessor::new(task, until)
        });
        let job = Job {
            service: Arc::clone(&self.service),
            tools: Arc::clone(&self.tools),
            key: self.key.clone(),
            hands: self.hands(&slug),
            configured: configured.clone(),
            configured_at,
            is_new,
            env: self.env.clone(),
            plans: Arc::clone(&self.plans),
            until: stop,
            predecessor,
        };
        let slot = Slot {
            configured,
            configured_at,
            until,
            task: self.tools.tasks.spawn(job.run()),
        };
        self.slots.insert(slug, slot);
    }
}
