//! A model server: streaming chat completions over server-sent events, always the same answer to the
//! same messages.
#![allow(dead_code)] // Each test uses its part.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::stream;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// A running model.
#[derive(Clone, Default)]
pub struct Model {
    pub url: String,
    /// Requests that came: authorization and body.
    requests: Arc<Mutex<Vec<(String, Value)>>>,
    /// Chunks wait for this, one each, when it is there.
    pub pace: Option<Arc<Notify>>,
}

impl Model {
    pub async fn start() -> Model {
        Model::with(None).await
    }

    /// One whose chunks each wait to be let go.
    pub async fn paced() -> Model {
        Model::with(Some(Arc::new(Notify::new()))).await
    }

    async fn with(pace: Option<Arc<Notify>>) -> Model {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let model = Model {
            url: format!("http://{address}/v1/chat/completions"),
            pace,
            ..Model::default()
        };
        let router = Router::new()
            .route("/v1/chat/completions", post(complete))
            .with_state(model.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        model
    }

    pub fn requests(&self) -> Vec<(String, Value)> {
        self.requests.lock().unwrap().clone()
    }
}

/// What it says to these messages, word by word.
pub fn answer(messages: &[Value]) -> Vec<String> {
    let last = messages.last().and_then(|m| m["content"].as_str());
    let said = last.unwrap_or_default();
    let count = messages.len();
    let text = format!("You said “{said}” in message {count}.");
    text.split_inclusive(' ').map(str::to_owned).collect()
}

async fn complete(State(model): State<Model>, headers: HeaderMap, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let authorization = headers
        .get(header::AUTHORIZATION)
        .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
        .unwrap_or_default();
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    model
        .requests
        .lock()
        .unwrap()
        .push((authorization.clone(), body));
    if !authorization.starts_with("Bearer ") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut lines: Vec<String> = answer(&messages)
        .into_iter()
        .map(|content| {
            let chunk = json!({"choices": [{"index": 0, "delta": {"content": content}}]});
            format!("data: {chunk}\n\n")
        })
        .collect();
    lines.push("data: [DONE]\n\n".into());
    let chunks = stream::unfold((lines.into_iter(), model.pace), |(mut lines, pace)| async {
        let line = lines.next()?;
        if let Some(pace) = &pace {
            pace.notified().await;
        }
        Some((Ok::<_, Infallible>(Bytes::from(line)), (lines, pace)))
    });
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        Body::from_stream(chunks),
    )
        .into_response()
}
