//! The body of a read as events: lines of JSON, or server-sent events. An event that the body does
//! not hold whole is no event: whoever reads asks for it again.

use crate::model::peek;
use eventsource_stream::{EventStream, EventStreamError};
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, Stream, StreamExt};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// No event is longer than this; a body that says so is no stream of events.
const MOST: usize = 256 << 20;
/// Bytes of events handed over at once, about.
const BATCH: usize = 256 << 10;

/// Why a body cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Transport(String),
    /// Nothing came for a long time, not even a comment.
    #[error("the connection is silent")]
    Silent,
    /// The service said so (`event: error`).
    #[error("the service reports a failure: {0}")]
    Reported(String),
    /// What came is no stream of events.
    #[error("what the service sends is no stream of events: {0}")]
    Format(String),
}

/// Events as they came.
#[derive(Debug, Default)]
pub struct Batch {
    /// The events' JSON texts, a line each.
    pub lines: Vec<u8>,
    /// Offset of each, and where its line ends in `lines`, the newline included.
    pub events: Vec<(u64, usize)>,
    /// What came in place of an event and is none, shortened.
    pub odd: Vec<String>,
    /// The service said that no more will come.
    pub done: bool,
}

impl Batch {
    /// Empties it for the next use.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.events.clear();
        self.odd.clear();
        self.done = false;
    }

    /// True when nothing came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.odd.is_empty() && !self.done
    }

    /// Takes in one event's text.
    fn take(&mut self, text: &[u8]) {
        let text = text.trim_ascii();
        if text.is_empty() {
            return;
        }
        let Some(offset) = offset(text) else {
            let most = text.len().min(200);
            self.odd
                .push(String::from_utf8_lossy(&text[..most]).into_owned());
            return;
        };
        let start = self.lines.len();
        self.lines.extend_from_slice(text);
        // Line ends in JSON are white space: data fields may have brought some.
        for byte in &mut self.lines[start..] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        self.lines.push(b'\n');
        self.events.push((offset, self.lines.len()));
    }
}

/// The offset in an event's text, also of one wrapped as `{"event": …}`.
#[must_use]
pub fn offset(text: &[u8]) -> Option<u64> {
    let number = |object: &[u8]| {
        let digits = peek::member(object, "offset")?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    number(text).or_else(|| number(peek::member(text, "event")?))
}

/// Why a chunk did not come.
#[derive(Clone, Debug)]
pub enum Break {
    /// The connection broke.
    Lost(String),
    /// It says nothing.
    Silent,
}

impl From<Break> for WireError {
    fn from(cause: Break) -> WireError {
        match cause {
            Break::Lost(why) => WireError::Transport(why),
            Break::Silent => WireError::Silent,
        }
    }
}

/// Chunks of a body.
pub type Chunks = BoxStream<'static, Result<bytes::Bytes, Break>>;

/// A body being read.
pub enum Body {
    /// `application/x-ndjson`.
    Lines(Lines),
    /// `text/event-stream`.
    Events(Box<Events>),
}

/// The reader of server-sent events.
pub struct Events {
    events: EventStream<Text>,
    /// Bytes since the last event.
    since: Arc<AtomicUsize>,
}

/// The reader of lines.
pub struct Lines {
    chunks: Chunks,
    /// The beginning of a line whose end has not come yet.
    torn: Vec<u8>,
}

impl Body {
    /// Reads lines of JSON.
    #[must_use]
    pub fn lines(chunks: Chunks) -> Body {
        Body::Lines(Lines {
            chunks,
            torn: Vec::new(),
        })
    }

    /// Reads server-sent events.
    #[must_use]
    pub fn events(chunks: Chunks) -> Body {
        let since = Arc::<AtomicUsize>::default();
        let text = Text {
            chunks,
            torn: Vec::new(),
            since: Arc::clone(&since),
        };
        Body::Events(Box::new(Events {
            events: EventStream::new(text),
            since,
        }))
    }

    /// Waits for something and puts all that has come into `batch`. False at the body's end.
    ///
    /// # Errors
    /// [`WireError`]; what came before is in `batch`.
    pub async fn next(&mut self, batch: &mut Batch) -> Result<bool, WireError> {
        match self {
            Body::Lines(lines) => lines.next(batch).await,
            Body::Events(events) => events.next(batch).await,
        }
    }
}

impl Events {
    async fn next(&mut self, batch: &mut Batch) -> Result<bool, WireError> {
        while batch.lines.len() < BATCH {
            let event = if batch.is_empty() {
                self.events.next().await
            } else {
                // What has come already, without waiting for more.
                match self.events.next().now_or_never() {
                    Some(event) => event,
                    None => return Ok(true),
                }
            };
            let Some(event) = event else {
                return Ok(false);
            };
            let event = event.map_err(said)?;
            self.since.store(0, Ordering::Relaxed);
            match event.event.as_str() {
                "done" => {
                    batch.done = true;
                    return Ok(true);
                }
                "error" => return Err(WireError::Reported(reason(&event.data))),
                _ => batch.take(event.data.as_bytes()),
            }
        }
        Ok(true)
    }
}

impl Lines {
    async fn next(&mut self, batch: &mut Batch) -> Result<bool, WireError> {
        loop {
            let Some(chunk) = self.chunks.next().await else {
                return Ok(false);
            };
            let chunk = chunk?;
            let Some(last) = memchr::memrchr(b'\n', &chunk) else {
                self.torn.extend_from_slice(&chunk);
                if self.torn.len() > MOST {
                    return Err(too_long());
                }
                continue;
            };
            let (whole, rest) = chunk.split_at(last + 1);
            let mut lines = whole;
            if !self.torn.is_empty()
                && let Some(end) = memchr::memchr(b'\n', lines)
            {
                self.torn.extend_from_slice(&lines[..end]);
                batch.take(&self.torn);
                lines = &lines[end + 1..];
            }
            for line in lines.split(|byte| *byte == b'\n') {
                batch.take(line);
            }
            self.torn.clear();
            self.torn.extend_from_slice(rest);
            if !batch.is_empty() {
                return Ok(true);
            }
        }
    }
}

fn said(error: EventStreamError<Break>) -> WireError {
    match error {
        EventStreamError::Transport(cause) => cause.into(),
        EventStreamError::Utf8(_) => WireError::Transport("it ended inside a character".to_owned()),
        EventStreamError::Parser(_) => WireError::Format("no field of an event".to_owned()),
    }
}

fn too_long() -> WireError {
    WireError::Format(format!("an event of more than {} MiB", MOST >> 20))
}

/// The message in an `event: error`.
fn reason(data: &str) -> String {
    let message = peek::text_member(data.as_bytes(), "message")
        .or_else(|| peek::text_member(peek::member(data.as_bytes(), "error")?, "message"));
    match message {
        Some(message) => message.into_owned(),
        None => data.chars().take(500).collect(),
    }
}

/// Chunks made fit for the parser of events: it would wait for ever at a byte that is no UTF-8, and
/// keep an event of any length.
pub struct Text {
    chunks: Chunks,
    /// The beginning of a character whose end has not come yet.
    torn: Vec<u8>,
    since: Arc<AtomicUsize>,
}

impl Stream for Text {
    type Item = Result<String, Break>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        match this.chunks.poll_next_unpin(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(cause))) => Poll::Ready(Some(Err(cause))),
            Poll::Ready(Some(Ok(chunk))) => {
                let since = this.since.fetch_add(chunk.len(), Ordering::Relaxed);
                if since > MOST {
                    return Poll::Ready(Some(Err(Break::Lost(too_long().to_string()))));
                }
                Poll::Ready(Some(Ok(text(&mut this.torn, &chunk))))
            }
        }
    }
}

/// The characters that are whole; what is no UTF-8 becomes U+FFFD, a torn end stays behind.
fn text(torn: &mut Vec<u8>, chunk: &[u8]) -> String {
    torn.extend_from_slice(chunk);
    let mut text = String::with_capacity(torn.len());
    let mut rest = &torn[..];
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                rest = &[];
            }
            Err(error) => {
                let (valid, after) = rest.split_at(error.valid_up_to());
                text.push_str(&String::from_utf8_lossy(valid));
                rest = after;
                if let Some(bad) = error.error_len() {
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &rest[bad..];
                    continue;
                }
            }
        }
        let left = rest.len();
        torn.drain(..torn.len() - left);
        return text;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunks(bytes: &[u8], sizes: &[usize]) -> Chunks {
        let mut rest = bytes;
        let mut sizes = sizes.iter().copied().cycle();
        let mut cut = Vec::new();
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(sizes.next().unwrap_or(1).clamp(1, rest.len()));
            cut.push(Ok(bytes::Bytes::copy_from_slice(chunk)));
            rest = after;
        }
        futures_util::stream::iter(cut).boxed()
    }

    fn read(mut body: Body) -> (String, Vec<u64>, Vec<String>, bool, Option<WireError>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (mut all, mut batch) = (Batch::default(), Batch::default());
            let mut failure = None;
            loop {
                batch.clear();
                let more = body.next(&mut batch).await;
                all.lines.extend_from_slice(&batch.lines);
                all.events.append(&mut batch.events);
                all.odd.append(&mut batch.odd);
                all.done |= batch.done;
                match more {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        failure = Some(error);
                        break;
                    }
                }
            }
            let offsets = all.events.iter().map(|(offset, _)| *offset).collect();
            (
                String::from_utf8(all.lines).unwrap(),
                offsets,
                all.odd,
                all.done,
                failure,
            )
        })
    }

    #[test]
    fn an_event_cut_off_is_no_event() {
        let body = b"{\"offset\":1,\"t\":\"\xc3\xa9\"}\n\n{\"offset\":2}\n{\"offset\":3";
        let (lines, offsets, ..) = read(Body::lines(chunks(body, &[7])));
        assert_eq!(lines, "{\"offset\":1,\"t\":\"é\"}\n{\"offset\":2}\n");
        assert_eq!(offsets, [1, 2]);
        let body = b": hi\n\nid: 1\nevent: message\ndata: {\"offset\":1}\n\ndata: {\"offset\":2}\n";
        assert_eq!(read(Body::events(chunks(body, &[5]))).1, [1]);
    }

    #[test]
    fn done_errors_and_what_is_no_event() {
        let body = b"data: {\ndata: \"offset\":1}\n\ndata: hello\n\nevent: done\ndata: x\n\n";
        let (lines, offsets, odd, done, failure) = read(Body::events(chunks(body, &[64])));
        assert_eq!(
            (lines.as_str(), &offsets[..]),
            ("{ \"offset\":1}\n", &[1][..])
        );
        assert_eq!((odd, done), (vec!["hello".to_owned()], true));
        assert!(failure.is_none());
        let body = b"event: error\ndata: {\"message\":\"disk full\"}\n\n";
        let failure = read(Body::events(chunks(body, &[64]))).4.unwrap();
        assert_eq!(
            failure.to_string(),
            "the service reports a failure: disk full"
        );
    }

    #[test]
    fn bytes_that_are_no_text_do_not_hold_up_the_rest() {
        let body = b"data: {\"offset\":1,\"x\":\"\xff\xc3\"}\n\ndata: {\"offset\":2}\n\n";
        assert_eq!(read(Body::events(chunks(body, &[3]))).1, [1, 2]);
    }

    proptest! {
        #[test]
        fn chunks_may_be_cut_anywhere(texts in proptest::collection::vec("[a-z é日😀\\\\\"]{0,12}", 1..6),
                                      sizes in proptest::collection::vec(1usize..40, 1..5)) {
            let events: Vec<String> = texts.iter().enumerate()
                .map(|(i, text)| serde_json::json!({"payload": {"text": text}, "offset": i + 1}).to_string())
                .collect();
            let whole: String = events.iter().map(|e| format!("{e}\n")).collect();
            let sse: String = events.iter().map(|e| format!(": ping\n\nevent: message\ndata: {e}\n\n")).collect();
            prop_assert_eq!(&read(Body::lines(chunks(whole.as_bytes(), &sizes))).0, &whole);
            prop_assert_eq!(&read(Body::events(chunks(sse.as_bytes(), &sizes))).0, &whole);
        }
    }
}
