//! What the benchmark holds the service against: the least that an axum handler can do which stores
//! events durably. It parses JSON, gives an offset, commits in groups with one fdatasync, answers,
//! and passes events on. No validation, no state, no recovery.

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{broadcast, oneshot};

struct Waiting {
    line: Bytes,
    live: broadcast::Sender<Bytes>,
    done: oneshot::Sender<()>,
}

struct Stream {
    offset: u64,
    live: broadcast::Sender<Bytes>,
}

#[derive(Clone)]
struct Floor {
    streams: Arc<Mutex<HashMap<String, Stream>>>,
    queue: Sender<Waiting>,
    log: Arc<std::path::PathBuf>,
}

/// Serves until it is killed.
pub fn run(folder: &std::path::Path) -> io::Result<()> {
    let log = folder.join("log");
    let file = File::create(&log)?;
    let (queue, waiting) = channel();
    std::thread::spawn(move || commit(file, &waiting));
    let floor = Floor {
        streams: Arc::default(),
        queue,
        log: Arc::new(log),
    };
    tokio::runtime::Runtime::new()?.block_on(async {
        let app = axum::Router::new()
            .route("/api/streams/{stream}", post(append).get(read))
            .with_state(floor);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        use axum::serve::ListenerExt;
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, app).await
    })
}

/// Everything that waits shares one fdatasync.
fn commit(mut file: File, waiting: &Receiver<Waiting>) -> io::Result<()> {
    let mut bytes = Vec::new();
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        group.extend(waiting.try_iter());
        bytes.clear();
        for waiting in &group {
            bytes.extend_from_slice(&waiting.line);
            bytes.push(b'\n');
        }
        file.write_all(&bytes)?;
        file.sync_data()?;
        for waiting in group {
            let _ = waiting.live.send(waiting.line);
            let _ = waiting.done.send(());
        }
    }
    Ok(())
}

fn of(floor: &Floor, stream: String) -> (u64, broadcast::Sender<Bytes>) {
    let mut streams = floor.streams.lock().unwrap_or_else(PoisonError::into_inner);
    let stream = streams.entry(stream).or_insert_with(|| Stream {
        offset: 0,
        live: broadcast::Sender::new(1024),
    });
    stream.offset += 1;
    (stream.offset, stream.live.clone())
}

async fn append(State(floor): State<Floor>, Path(stream): Path<String>, body: Bytes) -> Response {
    let event: Value = match serde_json::from_slice(&body) {
        Ok(event) => event,
        Err(error) => return Response::new(Body::from(error.to_string())),
    };
    let (offset, live) = of(&floor, stream.clone());
    let stored = json!({"streamPath": stream, "offset": offset, "event": event});
    let line = Bytes::from(stored.to_string());
    let (done, committed) = oneshot::channel();
    let _ = floor.queue.send(Waiting {
        line: line.clone(),
        live,
        done,
    });
    let _ = committed.await;
    Response::new(Body::from(line))
}

async fn read(
    State(floor): State<Floor>,
    Path(stream): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    if query.as_deref() == Some("before=end") {
        // All streams share the log; the benchmark reads where there is one.
        return match File::open(&*floor.log) {
            Ok(file) => Response::new(Body::from_stream(stream::unfold(file, chunk))),
            Err(error) => Response::new(Body::from(error.to_string())),
        };
    }
    let (_, live) = of(&floor, stream);
    let events = stream::unfold(live.subscribe(), |mut live| async {
        let line = live.recv().await.ok()?;
        let frame = [b"data: ".as_slice(), &line, b"\n\n"].concat();
        Some((Ok::<_, io::Error>(Bytes::from(frame)), live))
    });
    Response::new(Body::from_stream(events))
}

async fn chunk(file: File) -> Option<(io::Result<Bytes>, File)> {
    let read = tokio::task::spawn_blocking(move || {
        let mut file = file;
        let mut chunk = vec![0; 256 << 10];
        let read = io::Read::read(&mut file, &mut chunk).map(|length| {
            chunk.truncate(length);
            Bytes::from(chunk)
        });
        (read, file)
    });
    let (read, file) = read.await.ok()?;
    match read {
        Ok(chunk) if chunk.is_empty() => None,
        read => Some((read, file)),
    }
}
