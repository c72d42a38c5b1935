//! Events on their way to a reader (SPEC §3.1): framed, flushed, kept alive, ended in order.

use super::bounds::Format;
use super::router::App;
use crate::model::json;
use crate::service::{Entry, Reader, ServiceError};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use std::io::Write as _;
use std::sync::Arc;

/// A body that gives what a reader reads. It ends at the upper bound, with the stream, and when the
/// server stops.
pub fn response(app: &Arc<App>, reader: Reader, format: Format) -> Response {
    let live = reader.is_live().then(|| {
        app.metrics.live_readers.inc();
        Live(Arc::clone(app))
    });
    let feed = Feed {
        app: Arc::clone(app),
        reader,
        format,
        opened: false,
        _live: live,
    };
    let mut response = Response::new(Body::from_stream(stream::unfold(feed, Feed::step)));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, format.content_type()),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Proxies that gather an answer before they pass it on would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

struct Feed {
    app: Arc<App>,
    reader: Reader,
    format: Format,
    opened: bool,
    _live: Option<Live>,
}

/// Counts a live reader for as long as it is there.
struct Live(Arc<App>);

impl Drop for Live {
    fn drop(&mut self) {
        self.0.metrics.live_readers.dec();
    }
}

impl Feed {
    async fn step(mut self) -> Option<(Result<Bytes, ServiceError>, Feed)> {
        if !self.opened {
            self.opened = true;
            // So that whoever waits for the head gets it, and sees that the stream is there.
            if self.format == Format::EventStream {
                return Some((Ok(Bytes::from_static(b":\n\n")), self));
            }
        }
        let keep_alive = self.app.options.keep_alive;
        let read = tokio::select! {
            biased;
            () = self.app.stop.cancelled() => return None,
            read = self.reader.next() => read?,
            () = tokio::time::sleep(keep_alive), if self.format == Format::EventStream => {
                return Some((Ok(Bytes::from_static(b":\n\n")), self));
            }
        };
        let frames = match read {
            Ok(entries) => frames(self.format, &entries),
            Err(error) => {
                tracing::error!(stream = %self.reader.key(), %error, "reading failed");
                failed(self.format, error)
            }
        };
        if let Ok(frames) = &frames {
            self.app.metrics.sent.inc_by(frames.len() as u64);
        }
        Some((frames, self))
    }
}

/// A failure half way. Server-sent events have a word for it, the other forms break off.
fn failed(format: Format, error: ServiceError) -> Result<Bytes, ServiceError> {
    if format != Format::EventStream {
        return Err(error);
    }
    let message = json!({"message": error.to_string()});
    Ok(Bytes::from(format!("event: error\ndata: {message}\n\n")))
}

/// Events in their form.
fn frames(format: Format, entries: &[Entry]) -> Result<Bytes, ServiceError> {
    let json: usize = entries.iter().map(|entry| entry.json.len()).sum();
    let mut out = Vec::with_capacity(json + entries.len() * 56);
    for entry in entries {
        match format {
            Format::EventStream => {
                // Writing to memory cannot fail. One line: JSON has its line ends escaped.
                let _ = write!(out, "id: {}\nevent: message\ndata: ", entry.offset);
                out.extend_from_slice(&entry.json);
                out.extend_from_slice(b"\n\n");
            }
            Format::Lines => {
                out.extend_from_slice(&entry.json);
                out.push(b'\n');
            }
            Format::Yaml => yaml(entry, &mut out)?,
        }
    }
    Ok(Bytes::from(out))
}

fn yaml(entry: &Entry, out: &mut Vec<u8>) -> Result<(), ServiceError> {
    let offset = entry.offset;
    let wrong = |why: String| ServiceError::Internal(format!("event {offset} as YAML: {why}"));
    let event: Value = json::read(&entry.json).map_err(|e| wrong(e.to_string()))?;
    out.extend_from_slice(b"---\n");
    serde_norway::to_writer(out, &event).map_err(|e| wrong(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::offset::Offset;

    fn entries() -> Vec<Entry> {
        [r#"{"offset":1,"a":"x\ny"}"#, r#"{"offset":2}"#]
            .into_iter()
            .enumerate()
            .map(|(index, json)| Entry {
                offset: Offset(index as u64 + 1),
                json: Bytes::from_static(json.as_bytes()),
            })
            .collect()
    }

    #[test]
    fn three_forms() {
        for (format, text) in [
            (
                Format::EventStream,
                "id: 1\nevent: message\ndata: {\"offset\":1,\"a\":\"x\\ny\"}\n\n\
                 id: 2\nevent: message\ndata: {\"offset\":2}\n\n",
            ),
            (
                Format::Lines,
                "{\"offset\":1,\"a\":\"x\\ny\"}\n{\"offset\":2}\n",
            ),
            (
                Format::Yaml,
                "---\noffset: 1\na: |-\n  x\n  y\n---\noffset: 2\n",
            ),
        ] {
            assert_eq!(frames(format, &entries()).unwrap(), text);
        }
    }

    #[test]
    fn failures_are_told_or_break_off() {
        let error = ServiceError::Internal("a\nb".into());
        let told = failed(Format::EventStream, error.clone()).unwrap();
        assert_eq!(told, "event: error\ndata: {\"message\":\"a\\nb\"}\n\n");
        assert!(failed(Format::Lines, error).is_err());
    }
}
