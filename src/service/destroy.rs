//! Destroying streams: taken away from everybody first, then forgotten by the store all at once.

use super::Service;
use super::error::ServiceError;
use super::stream::End;
use super::streams::Claim;
use super::{attend, open};
use crate::model::path::{StreamKey, StreamPath};
use crate::model::stream_state::StreamState;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What was destroyed.
#[derive(Clone, Debug, PartialEq)]
pub struct Destroyed {
    /// Streams that existed.
    pub count: usize,
    /// The last state of each, by path; the one that was named is there even if it did not exist.
    pub final_states: Vec<(StreamPath, Option<StreamState>)>,
}

impl Service {
    /// Destroys a stream, with all streams below it if so wished. Live readers end; whoever uses it
    /// again starts over at offset 1. Goes on to the end even if the caller goes away.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`] and [`ServiceError::Internal`]: nothing was destroyed, but readers
    /// may have been ended.
    pub async fn destroy(
        self: &Arc<Self>,
        key: &StreamKey,
        children: bool,
    ) -> Result<Destroyed, ServiceError> {
        let (service, key) = (Arc::clone(self), key.clone());
        let task = tokio::spawn(async move { service.destroy_now(key, children).await });
        match task.await {
            Ok(result) => result,
            Err(error) => Err(ServiceError::Internal(error.to_string())),
        }
    }

    async fn destroy_now(
        self: &Arc<Self>,
        key: StreamKey,
        children: bool,
    ) -> Result<Destroyed, ServiceError> {
        // Two at a time could wait for each other's streams.
        let _one = self.destroying.lock().await;
        if self.is_closing() {
            return Err(ServiceError::shutting_down());
        }
        let mut keys = vec![key.clone()];
        if children {
            let below = self.listed(&key).await?.into_iter().map(|(key, _)| key);
            keys.extend(below.filter(|child| *child != key));
        }
        // The ones below first: opening a stream may wait for those above it, never the other way.
        keys.sort_unstable_by(|a, b| b.cmp(a));
        let mut claims = Vec::with_capacity(keys.len());
        let mut final_states = Vec::with_capacity(keys.len());
        let mut existing = Vec::with_capacity(keys.len());
        for key in keys {
            let (claim, old) = Claim::of(self, &key).await;
            if let Some(old) = &old {
                old.settled().await;
            }
            let (shared, of) = (Arc::clone(&self.shared), key.clone());
            let state = match super::blocking(move || open::load(&shared, &of)).await {
                Ok(loaded) => {
                    if loaded.head.is_some() {
                        existing.push(key.clone());
                    }
                    loaded.head.map(|_| loaded.state)
                }
                Err(error) => {
                    tracing::warn!(stream = %key, %error, "destroyed without knowing its last state");
                    existing.push(key.clone());
                    None
                }
            };
            final_states.push((key.path, state));
            claims.push((claim, old));
        }
        final_states.reverse();
        // Before the store forgets: what readers find from here on is not theirs.
        for old in claims.iter().filter_map(|(_, old)| old.as_ref()) {
            old.end_readers(End::Destroyed);
        }
        let count = existing.len();
        if count > 0 {
            let (reply, done) = oneshot::channel();
            let done_reply = Box::new(move |result| {
                let _ = reply.send(result);
            });
            for key in &existing {
                attend::forget(&*self.shared.store, key);
            }
            self.shared.store.destroy(existing, done_reply);
            done.await
                .unwrap_or(Err(crate::store::StoreError::Closed))?;
        }
        Ok(Destroyed {
            count,
            final_states,
        })
    }
}
