//! What one worker reaches of the service: its stream, its project's other streams and secrets.

use super::super::draft::{Incoming, Route};
use super::super::error::ServiceError;
use super::super::reader::{Bound, Bounds};
use super::super::{Service, Stored};
use crate::model::built_in::BuiltIn;
use crate::model::json;
use crate::model::offset::Offset;
use crate::model::path::{StreamKey, StreamPath};
use crate::model::peek;
use crate::processor::worker::{Append, Outside, Refused};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Longest stack that is put on record.
const MAX_STACK_CHARS: usize = 4000;

/// The hands of one worker.
pub struct Hands {
    service: Arc<Service>,
    key: StreamKey,
    slug: String,
    /// When the stream was made, in milliseconds since 1970.
    born: i64,
    /// Something was done that is seen outside, since this was last asked for.
    acted: AtomicBool,
    /// Appends that wait for a stream to be resumed.
    held: Arc<AtomicUsize>,
    strays: AtomicU64,
}

/// What went wrong at an event, to be put on record.
pub struct Failed<'a> {
    /// The event.
    pub offset: u64,
    /// In words, for people.
    pub message: String,
    /// Where in the code; may be empty.
    pub stack: &'a str,
    /// Tells apart what may be recorded of one event.
    pub what: &'a str,
}

impl Hands {
    pub fn new(service: Arc<Service>, key: StreamKey, slug: String, born: i64) -> Arc<Hands> {
        Arc::new(Hands {
            service,
            key,
            slug,
            born,
            acted: AtomicBool::new(false),
            held: Arc::default(),
            strays: AtomicU64::new(0),
        })
    }

    /// True when something was done outside since the last call.
    pub fn take_acted(&self) -> bool {
        self.acted.swap(false, Ordering::Relaxed)
    }

    /// Puts a failure on record in the stream (SPEC §8), however long the stream may be paused.
    pub async fn record(&self, failed: Failed<'_>) {
        let Failed {
            offset,
            message,
            stack,
            what,
        } = failed;
        tracing::warn!(stream = %self.key, worker = %self.slug, offset, "{message}");
        let mut metadata = json!({"worker": self.slug, "offset": offset});
        if !stack.is_empty() {
            let stack: String = stack.chars().take(MAX_STACK_CHARS).collect();
            metadata["stack"] = stack.into();
        }
        let event = json!({
            "type": BuiltIn::ErrorOccurred.to_string(),
            "payload": {"message": format!("worker {:?}: {message}", self.slug)},
            "metadata": metadata,
            "idempotencyKey": format!("{}@{offset}/{}!{what}", self.key.path, self.slug),
        });
        let appended = self.append_held(&self.key, &event).await;
        if let Err(error) = appended {
            tracing::error!(stream = %self.key, worker = %self.slug, %error, "this cannot be put on record");
        }
    }

    /// True for a record that this worker made of its own failure: failing at it again is not
    /// recorded, or it would never end.
    pub fn is_own_record(&self, event: &[u8]) -> bool {
        peek::text_member(event, "type").and_then(|t| BuiltIn::parse(&t))
            == Some(BuiltIn::ErrorOccurred)
            && peek::member(event, "metadata")
                .and_then(|metadata| peek::text_member(metadata, "worker"))
                .is_some_and(|slug| *slug == *self.slug)
    }

    /// Appends; to a paused stream, once it is resumed. Of streams that do not exist, others are made,
    /// but never its own: that one was destroyed.
    async fn append_held(&self, key: &StreamKey, event: &Value) -> Result<Stored, ServiceError> {
        loop {
            let incoming = Incoming::Json(event.clone());
            let appended = match *key == self.key {
                true => {
                    self.service
                        .append_existing(key, incoming, Route::Hook)
                        .await
                }
                false => self.service.append(key, incoming, Route::Hook).await,
            };
            match appended {
                Err(ServiceError::Paused) => {
                    let _held = Held::new(&self.held);
                    resumed(&self.service, key).await?;
                }
                other => return other,
            }
        }
    }

    /// Where a hook's append goes.
    fn target(&self, path: Option<&str>) -> Result<StreamKey, Refused> {
        let Some(path) = path else {
            return Ok(self.key.clone());
        };
        let path = resolve(&self.key.path, path).map_err(|message| Refused {
            message,
            code: "BAD_REQUEST",
            status: 400,
        })?;
        Ok(StreamKey {
            project: self.key.project.clone(),
            path,
        })
    }
}

impl Outside for Hands {
    fn history(&self, from: u64) -> BoxFuture<'static, Result<Vec<Bytes>, Refused>> {
        let (service, key) = (Arc::clone(&self.service), self.key.clone());
        async move {
            let bounds = Bounds {
                after: from
                    .checked_sub(1)
                    .filter(|n| *n > 0)
                    .map_or(Bound::Start, |n| Bound::Offset(Offset(n))),
                before: None,
                live: false,
            };
            let mut reader = service.read_existing(&key, bounds).await.map_err(refused)?;
            match reader.next().await {
                None => Ok(Vec::new()),
                Some(Ok(chunk)) => Ok(chunk.into_iter().map(|entry| entry.json).collect()),
                // What cannot be read changes no state.
                Some(Err(ServiceError::Damaged { from, until, .. })) => {
                    Ok((from.0..=until.0).map(|_| Bytes::new()).collect())
                }
                Some(Err(error)) => Err(refused(error)),
            }
        }
        .boxed()
    }

    fn append(&self, append: Append) -> BoxFuture<'static, Result<Bytes, Refused>> {
        self.acted.store(true, Ordering::Relaxed);
        let key = match self.target(append.path.as_deref()) {
            Ok(key) => key,
            Err(refused) => return async move { Err(refused) }.boxed(),
        };
        let mut base = format!(
            "{}@{}/{}#{}",
            self.key.path, append.cause, self.slug, append.nth
        );
        if key != self.key {
            // There it stays when this stream is destroyed and begun anew.
            base.push_str(&format!("~{}", self.born));
        }
        let hands = self.clone();
        async move {
            let mut event: Value = json::read(&append.event).map_err(|e| Refused {
                message: e.to_string(),
                ..Refused::default()
            })?;
            if let Value::Object(event) = &mut event
                && event.get("idempotencyKey").is_none_or(Value::is_null)
            {
                event.insert("idempotencyKey".into(), base.into());
            }
            let stored = hands.append_held(&key, &event).await;
            stored.map(|stored| stored.json).map_err(refused)
        }
        .boxed()
    }

    fn secret(&self, name: &str) -> BoxFuture<'static, Result<Option<String>, Refused>> {
        let found = match self.service.reveal_secret(&self.key.project, name) {
            Ok(value) => Ok(Some(value)),
            Err(ServiceError::NotFound(_)) => Ok(None),
            Err(error) => Err(refused(error)),
        };
        async move { found }.boxed()
    }

    fn log(&self, level: &str, text: &str) {
        let (stream, worker) = (&self.key, &self.slug);
        match level {
            "error" => tracing::error!(%stream, worker, "{text}"),
            "warn" => tracing::warn!(%stream, worker, "{text}"),
            "debug" => tracing::debug!(%stream, worker, "{text}"),
            _ => tracing::info!(%stream, worker, "{text}"),
        }
    }

    fn stray(&self, offset: u64, message: &str, stack: &str) {
        let nth = self.strays.fetch_add(1, Ordering::Relaxed);
        let message =
            format!("the hook of event {offset} left something behind that failed: {message}");
        let (hands, stack) = (self.clone(), stack.to_owned());
        tokio::spawn(async move {
            let failed = Failed {
                offset,
                message,
                stack: &stack,
                what: &format!("stray{nth}"),
            };
            hands.record(failed).await;
        });
    }

    fn acts(&self) {
        self.acted.store(true, Ordering::Relaxed);
    }

    fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed) > 0
    }
}

impl Clone for Hands {
    fn clone(&self) -> Hands {
        Hands {
            service: Arc::clone(&self.service),
            key: self.key.clone(),
            slug: self.slug.clone(),
            born: self.born,
            acted: AtomicBool::new(false),
            held: Arc::clone(&self.held),
            strays: AtomicU64::new(0),
        }
    }
}

/// Counts an append as held while it waits.
struct Held<'a>(&'a AtomicUsize);

impl<'a> Held<'a> {
    fn new(count: &'a AtomicUsize) -> Held<'a> {
        count.fetch_add(1, Ordering::Relaxed);
        Held(count)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits until a stream is not paused.
async fn resumed(service: &Arc<Service>, key: &StreamKey) -> Result<(), ServiceError> {
    let bounds = Bounds {
        after: Bound::End,
        before: None,
        live: true,
    };
    let mut reader = service.read_existing(key, bounds).await?;
    // Looked at after the reader stands: what comes in between is in one of them.
    if !service
        .state_of_existing(key)
        .await?
        .processors
        .circuit_breaker
        .paused
    {
        return Ok(());
    }
    while let Some(chunk) = reader.next().await {
        let resumed = chunk?.iter().any(|entry| {
            let event_type = peek::text_member(&entry.json, "type");
            event_type.and_then(|t| BuiltIn::parse(&t)) == Some(BuiltIn::Resumed)
        });
        if resumed {
            return Ok(());
        }
    }
    Err(ServiceError::Unavailable(
        "the stream was destroyed, or the service is shutting down".into(),
    ))
}

/// A path as a hook writes it, seen from its own stream (SPEC §9).
fn resolve(own: &StreamPath, path: &str) -> Result<StreamPath, String> {
    let wrong = |error: crate::model::path::PathError| format!("append: {error}");
    if path.starts_with('/') {
        return path.parse().map_err(wrong);
    }
    let mut segments: Vec<&str> = own.as_str().split('/').filter(|s| !s.is_empty()).collect();
    for segment in path.split('/') {
        match segment {
            "." | "" => {}
            ".." => {
                if segments.pop().is_none() {
                    return Err(format!("append: {path:?} leads out of the tree from {own}"));
                }
            }
            other => segments.push(other),
        }
    }
    format!("/{}", segments.join("/")).parse().map_err(wrong)
}

fn refused(error: ServiceError) -> Refused {
    let (code, status) = match &error {
        ServiceError::Paused | ServiceError::OffsetMismatch { .. } => ("PRECONDITION_FAILED", 412),
        ServiceError::InitializedTwice | ServiceError::Invalid(_) => ("BAD_REQUEST", 400),
        ServiceError::NotFound(_) => ("NOT_FOUND", 404),
        _ => ("INTERNAL_SERVER_ERROR", 500),
    };
    Refused {
        message: error.to_string(),
        code,
        status,
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn paths_are_seen_from_the_stream() {
        let own = "/team/inbox".parse().unwrap();
        for (path, expected) in [
            ("/other", "/other"),
            ("/", "/"),
            (".", "/team/inbox"),
            ("./child", "/team/inbox/child"),
            ("child/a", "/team/inbox/child/a"),
            ("..", "/team"),
            ("../", "/team"),
            ("../outbox", "/team/outbox"),
            ("../../x", "/x"),
            ("../..", "/"),
        ] {
            assert_eq!(resolve(&own, path).unwrap().as_str(), expected, "{path}");
        }
        for path in ["../../..", "./Bad", "/a//b", "/a/"] {
            assert!(resolve(&own, path).is_err(), "{path}");
        }
    }
}
