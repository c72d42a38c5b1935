//! The outbound connection of a websocket subscription (SPEC §7): re-opened when it fails, events out
//! in order, appends in.

use super::{Incoming, Route, Service};
use crate::model::json;
use crate::model::path::StreamKey;
use crate::model::stream_state::subscriber::{Delivery, Subscription};
use crate::processor::worker::egress::Egress;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Largest frame that a peer may send.
const MAX_FRAME_BYTES: usize = 8 << 20;

type Peer = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Outgoing = (Message, oneshot::Sender<()>);

/// The connection of one subscription, if there is one now.
#[derive(Default)]
pub(super) struct Line(Option<Open>);

struct Open {
    /// Which configuration it belongs to.
    of: Subscription,
    out: mpsc::Sender<Outgoing>,
    task: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why there is no connection.
enum NoConnection {
    /// It may come.
    Yet(String),
    /// It will not come.
    Ever(String),
}

impl Line {
    /// Keeps a websocket's connection open, so that the peer may append; returns when it was lost.
    /// Never returns for what is no websocket.
    pub(super) async fn keep(
        &mut self,
        service: &Arc<Service>,
        key: &StreamKey,
        subscription: Option<&Subscription>,
    ) {
        match subscription {
            Some(subscription) if subscription.r#type == Delivery::Websocket => {
                if self.connect(service, key, subscription).await.is_ok()
                    && let Some(open) = &mut self.0
                {
                    // However it ended, it has.
                    let _ = (&mut open.task).await;
                    self.0 = None;
                    tokio::time::sleep(FIRST_PAUSE).await;
                    return;
                }
            }
            _ => self.0 = None,
        }
        std::future::pending::<()>().await;
    }

    /// Sends one event, over a new connection if need be.
    ///
    /// # Errors
    /// There will be no connection for this configuration.
    pub(super) async fn send(
        &mut self,
        service: &Arc<Service>,
        key: &StreamKey,
        subscription: &Subscription,
        event: &Value,
    ) -> Result<(), String> {
        let frame = json!({"type": "event", "event": event}).to_string();
        loop {
            self.connect(service, key, subscription).await?;
            let Some(open) = &self.0 else { continue };
            let (sent, was_sent) = oneshot::channel();
            let frame = Message::text(frame.clone());
            if open.out.send((frame, sent)).await.is_ok() && was_sent.await.is_ok() {
                return Ok(());
            }
            self.0 = None;
        }
    }

    /// Opens the connection if it is not open, however long it takes.
    async fn connect(
        &mut self,
        service: &Arc<Service>,
        key: &StreamKey,
        subscription: &Subscription,
    ) -> Result<(), String> {
        if let Some(open) = &self.0
            && open.of == *subscription
            && !open.task.is_finished()
        {
            return Ok(());
        }
        self.0 = None;
        let mut pause = FIRST_PAUSE;
        loop {
            match connect(&service.shared.options.egress, &subscription.callback_url).await {
                Ok(peer) => {
                    let (out, outgoing) = mpsc::channel(1);
                    let talk = talk(Arc::clone(service), key.clone(), peer, outgoing);
                    self.0 = Some(Open {
                        of: subscription.clone(),
                        out,
                        task: tokio::spawn(talk),
                    });
                    return Ok(());
                }
                Err(NoConnection::Ever(why)) => return Err(why),
                Err(NoConnection::Yet(why)) => {
                    tracing::info!(stream = %key, url = subscription.callback_url, why, "no connection yet");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            if !service.is_subscribed(key, subscription).await {
                return Err("its configuration was replaced while there was no connection".into());
            }
        }
    }
}

async fn connect(egress: &Egress, url: &str) -> Result<Peer, NoConnection> {
    let ever = |why: String| NoConnection::Ever(why);
    let yet = |why: String| NoConnection::Yet(why);
    let parsed = Url::parse(url).map_err(|error| ever(format!("{url:?} is no URL: {error}")))?;
    if !matches!(parsed.scheme(), "ws" | "wss") {
        return Err(ever(format!("{url:?} is no ws:// or wss:// URL")));
    }
    egress
        .check(&parsed)
        .map_err(|error| ever(error.to_string()))?;
    let connecting = async {
        let host = parsed.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = parsed.port_or_known_default().unwrap_or(80);
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
            .await
            .map_err(|error| yet(error.to_string()))?
            .collect();
        let address = permitted(egress, &addresses).map_err(ever)?;
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| yet(error.to_string()))?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_FRAME_BYTES))
            .max_frame_size(Some(MAX_FRAME_BYTES));
        client_async_tls_with_config(url, stream, Some(config), None)
            .await
            .map(|(peer, _)| peer)
            .map_err(|error| yet(error.to_string()))
    };
    tokio::time::timeout(CONNECT_TIMEOUT, connecting)
        .await
        .unwrap_or_else(|_| Err(yet("it took too long".to_owned())))
}

/// The first address that a name leads to and that is permitted.
fn permitted(egress: &Egress, addresses: &[SocketAddr]) -> Result<SocketAddr, String> {
    let guard = match egress {
        Egress::All => Egress::All,
        _ => Egress::Guarded,
    };
    let mut why = "the name leads nowhere".to_owned();
    for address in addresses {
        let url = Url::parse(&format!("http://{address}/")).map_err(|error| error.to_string())?;
        match guard.check(&url) {
            Ok(()) => return Ok(*address),
            Err(forbidden) => why = forbidden.to_string(),
        }
    }
    Err(why)
}

/// Carries frames both ways until the connection fails. One append of the peer's at a time: a peer
/// that appends faster than the store takes it is slowed down.
async fn talk(
    service: Arc<Service>,
    key: StreamKey,
    mut peer: Peer,
    mut outgoing: mpsc::Receiver<Outgoing>,
) {
    loop {
        let answer = tokio::select! {
            next = outgoing.recv() => {
                let Some((frame, sent)) = next else { return };
                if peer.send(frame).await.is_err() {
                    return;
                }
                // Whoever sent it may have gone on.
                let _ = sent.send(());
                continue;
            }
            frame = peer.next() => match frame {
                Some(Ok(Message::Text(text))) => heard(&service, &key, &text).await,
                Some(Ok(Message::Binary(_))) => Some("only text frames are understood".to_owned()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => None,
            },
        };
        if let Some(message) = answer {
            let frame = json!({"type": "error", "message": message}).to_string();
            if peer.send(Message::text(frame)).await.is_err() {
                return;
            }
        }
    }
}

/// What a peer said; what it is to be told in return.
async fn heard(service: &Arc<Service>, key: &StreamKey, text: &str) -> Option<String> {
    let mut frame: Value = match json::read(text.as_bytes()) {
        Ok(frame) => frame,
        Err(error) => return Some(format!("the frame is no JSON: {error}")),
    };
    match frame["type"].as_str() {
        Some("append") => {
            let input = frame.get_mut("event").map(Value::take).unwrap_or_default();
            let appended = service
                .append_existing(key, Incoming::Json(input), Route::Streams)
                .await;
            appended.err().map(|error| error.to_string())
        }
        Some("error") => {
            let message = frame["message"].as_str().unwrap_or_default();
            tracing::warn!(stream = %key, message, "a websocket peer reports an error");
            None
        }
        _ => None,
    }
}
