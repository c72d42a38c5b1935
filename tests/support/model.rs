//! A model server: chat completions, streamed as server-sent events or whole, always the same answer
//! to the same messages.
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
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A running model.
#[derive(Clone, Default)]
pub struct Model {
    pub url: String,
    /// Requests that came: authorization and body.
    requests: Arc<Mutex<Vec<(String, Value)>>>,
    /// Chunks wait for this, one each, when it is there.
    pub pace: Option<Arc<Notify>>,
    /// Each chunk takes so long.
    delay: Duration,
}

impl Model {
    pub async fn start() -> Model {
        Model::here(None).await
    }

    /// One whose chunks each wait to be let go.
    pub async fn paced() -> Model {
        Model::here(Some(Arc::new(Notify::new()))).await
    }

    async fn here(pace: Option<Arc<Notify>>) -> Model {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let model = Model {
            pace,
            ..Model::default()
        };
        model.listen(listener)
    }

    /// One that takes so long over every chunk.
    pub fn slow(listener: TcpListener, delay: Duration) -> Model {
        let model = Model {
            delay,
            ..Model::default()
        };
        model.listen(listener)
    }

    fn listen(self, listener: TcpListener) -> Model {
        let address = listener.local_addr().unwrap();
        let model = Model {
            url: format!("http://{address}/v1/chat/completions"),
            ..self
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
    let said = |role: &str| {
        let of_role = messages.iter().filter(|m| m["role"] == role);
        let texts = of_role.filter_map(|m| m["content"].as_str());
        texts.map(str::to_owned).collect::<Vec<String>>()
    };
    let last = messages.last().and_then(|m| m["content"].as_str());
    let last = last.unwrap_or_default();
    let system = said("system");
    let text = match renaming(last) {
        Some((from, to)) => rename(&system.concat(), from, to),
        None => {
            let count = messages.len() - system.len();
            let told = system.iter().map(|text| format!(" I was told: {text}"));
            let told: String = told.collect();
            format!("You said “{last}” in message {count}.{told}")
        }
    };
    text.split_inclusive([' ', '\n'])
        .map(str::to_owned)
        .collect()
}

/// ``rename `a` to `b` ``
fn renaming(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.split_once("rename `")?.1.split('`');
    let (from, between, to) = (parts.next()?, parts.next()?, parts.next()?);
    (between == " to ").then_some((from, to))
}

/// The edits that rename a word in the files that the system's message shows (`--- PATH`, a line each).
fn rename(shown: &str, from: &str, to: &str) -> String {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut out, mut path) = (Vec::new(), "");
    for line in shown.lines() {
        if let Some(next) = line.strip_prefix("--- ") {
            path = next;
            continue;
        }
        if path.is_empty() {
            continue;
        }
        let whole =
            |at: usize| !line[..at].ends_with(word) && !line[at + from.len()..].starts_with(word);
        let places: Vec<usize> = line.match_indices(from).map(|(at, _)| at).collect();
        let Some(_) = places.iter().find(|at| whole(**at)) else {
            continue;
        };
        let mut new = line.to_owned();
        for at in places.into_iter().rev().filter(|at| whole(*at)) {
            new.replace_range(at..at + from.len(), to);
        }
        out.push(format!(
            "FILE {path}\n<<<<<<< SEARCH\n{line}\n=======\n{new}\n>>>>>>> REPLACE\n"
        ));
    }
    match out.len() {
        0 => format!("I see no `{from}` in what I was shown.\n"),
        1 => format!("One line names it.\n\n{}", out.concat()),
        n => format!("{n} lines name it.\n\n{}", out.join("\n")),
    }
}

async fn complete(State(model): State<Model>, headers: HeaderMap, body: Bytes) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "the body is no JSON").into_response();
    };
    let authorization = headers
        .get(header::AUTHORIZATION)
        .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
        .unwrap_or_default();
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let streams = body["stream"] == true;
    model.requests.lock().unwrap().push((authorization, body));
    let words = answer(&messages);
    if !streams {
        if let Some(pace) = &model.pace {
            pace.notified().await;
        }
        let message = json!({"role": "assistant", "content": words.concat()});
        let whole = json!({"choices": [{"index": 0, "message": message}]});
        let kind = [(header::CONTENT_TYPE, "application/json")];
        return (kind, whole.to_string()).into_response();
    }
    let mut lines: Vec<String> = words
        .into_iter()
        .map(|content| {
            let chunk = json!({"choices": [{"index": 0, "delta": {"content": content}}]});
            format!("data: {chunk}\n\n")
        })
        .collect();
    lines.push("data: [DONE]\n\n".into());
    let chunks = stream::unfold((lines.into_iter(), model), |(mut lines, model)| async {
        let line = lines.next()?;
        if let Some(pace) = &model.pace {
            pace.notified().await;
        }
        if !model.delay.is_zero() {
            tokio::time::sleep(model.delay).await;
        }
        Some((Ok::<_, Infallible>(Bytes::from(line)), (lines, model)))
    });
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    (kind, Body::from_stream(chunks)).into_response()
}
