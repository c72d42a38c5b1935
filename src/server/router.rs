//! From a request to its answer: who asks, about what, and what for.

use super::access::{self, Token};
use super::body::{self, BodyLimits};
use super::bounds::{self, Format};
use super::error::Refusal;
use super::metrics::{self, Metrics};
use super::project::{self, project};
use super::query::Query;
use super::target::Target;
use super::{answer, docs, reading, secrets, streams};
use crate::model::path::{Project, StreamKey, StreamPath};
use crate::service::{Route, Service};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::service::Service as Serves;
use hyper_util::service::TowerToHyperService;
use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// What every request can reach.
pub struct App {
    pub service: Arc<Service>,
    pub options: AppOptions,
    pub metrics: Metrics,
    /// Cancelled when the server stops.
    pub stop: CancellationToken,
}

/// How requests are answered.
#[derive(Clone, Debug)]
pub struct AppOptions {
    /// Asked for on every route but `/healthz`.
    pub token: Option<Token>,
    /// Limits of a request's body.
    pub body: BodyLimits,
    /// An idle reader hears a comment after so long.
    pub keep_alive: Duration,
}

/// What answers the requests of a connection.
pub trait Answering:
    Serves<
        hyper::Request<Incoming>,
        Response = Response,
        Error = Infallible,
        Future: Send + 'static,
    > + Clone
    + Send
    + 'static
{
}

impl<S> Answering for S where
    S: Serves<
            hyper::Request<Incoming>,
            Response = Response,
            Error = Infallible,
            Future: Send + 'static,
        > + Clone
        + Send
        + 'static
{
}

/// Answers everything: paths are read as they were sent, so one handler takes them all.
pub fn router(app: Arc<App>) -> impl Answering {
    TowerToHyperService::new(access::cors(handle.with_state(app)))
}

async fn handle(State(app): State<Arc<App>>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let span = tracing::debug_span!(
        "request",
        method = %parts.method,
        path = parts.uri.path(),
        status = tracing::field::Empty,
    );
    let answered = async {
        let responded = AssertUnwindSafe(respond(&app, parts, body)).catch_unwind();
        let response = match responded.await {
            Ok(Ok(response)) => response,
            Ok(Err(refusal)) => refusal.into_response(),
            Err(panic) => panicked(&*panic),
        };
        let status = response.status();
        tracing::Span::current().record("status", status.as_u16());
        tracing::debug!(ms = started.elapsed().as_secs_f64() * 1e3, "answered");
        app.metrics.answered(status);
        response
    };
    answered.instrument(span).await
}

/// Parts of a request that what it asks for needs.
pub struct Asked<'a> {
    pub app: &'a Arc<App>,
    pub parts: Parts,
    pub query: Query,
    pub project: Project,
}

impl Asked<'_> {
    /// The stream of this path in the request's project.
    pub fn key(&self, path: StreamPath) -> StreamKey {
        let project = self.project.clone();
        StreamKey { project, path }
    }

    /// Reads the request's body.
    ///
    /// # Errors
    /// As [`body::read`].
    pub async fn body(&self, body: Body) -> Result<Bytes, Refusal> {
        let bytes = body::read(&self.parts.headers, body, self.app.options.body).await?;
        self.app.metrics.received.inc_by(bytes.len() as u64);
        Ok(bytes)
    }
}

async fn respond(app: &Arc<App>, parts: Parts, body: Body) -> Result<Response, Refusal> {
    let target = Target::parse(parts.uri.path());
    if let Some(token) = &app.options.token
        && target != Ok(Target::Health)
    {
        token.check(&parts.headers)?;
    }
    let target = target?;
    if !target.methods().contains(&parts.method.as_str()) {
        return Ok(not_allowed(&parts.method, &target));
    }
    match target {
        Target::Health => return Ok(health(app)),
        Target::OpenApi => {
            return Ok(answer::body("application/json", docs::OPENAPI));
        }
        Target::Docs => return Ok(answer::body("text/html; charset=utf-8", docs::page())),
        Target::Metrics => return Ok(answer::body(metrics::CONTENT_TYPE, app.metrics.text())),
        _ => {}
    }
    let query = Query::parse(parts.uri.query())?;
    let project = project(
        &parts.headers,
        &query,
        parts.uri.authority().map(|a| a.as_str()),
    )?;
    let method = parts.method.clone();
    let asked = Asked {
        app,
        parts,
        query,
        project,
    };
    match (target, method.as_str()) {
        (Target::Stream(path), "POST") => streams::append(asked, path, Route::Streams, body).await,
        (Target::SeedStream(path), "POST") => streams::append(asked, path, Route::Seed, body).await,
        (Target::Stream(path) | Target::SeedStream(path), "GET") => read(&asked, path).await,
        (Target::Stream(path), _) => streams::destroy(&asked, path).await,
        (Target::State(path), _) => streams::state(&asked, path).await,
        (Target::Children(path), _) => streams::children(&asked, path).await,
        (Target::Secrets, "POST") => secrets::create(&asked, body).await,
        (Target::Secrets, _) => secrets::list(&asked),
        (Target::Secret(id), _) => secrets::delete(&asked, &id).await,
        (target, _) => Ok(not_allowed(&method, &target)),
    }
}

async fn read(asked: &Asked<'_>, path: StreamPath) -> Result<Response, Refusal> {
    let headers = &asked.parts.headers;
    let bounds = bounds::bounds(&asked.query, headers)?;
    let format = Format::parse(&asked.query, headers)?;
    let reader = asked.app.service.read(&asked.key(path), bounds).await?;
    Ok(reading::response(asked.app, reader, format))
}

fn health(app: &App) -> Response {
    let why = match app.service.read_only() {
        _ if app.stop.is_cancelled() => "the server is stopping".to_owned(),
        Some(why) => format!("only reading works: the store is read-only: {why}"),
        None => return answer::body("application/json", "{\n  \"ok\": true\n}"),
    };
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}

fn not_allowed(method: &Method, target: &Target) -> Response {
    let allowed = target.methods().join(", ");
    let why = format!("{method} is not possible here; {allowed} is");
    let mut response = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, why).into_response();
    // Made of method names: always a valid header.
    if let Ok(allowed) = HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

/// The answer to a request whose handling panicked.
fn panicked(panic: &(dyn Any + Send)) -> Response {
    let what = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given");
    tracing::error!(panic = what, "a request's handling panicked");
    let why = "the server failed inside; what it was has been logged";
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, why).into_response()
}

/// Known query parameters where only the project is asked for.
pub const PROJECT_ONLY: [&str; 1] = [project::PARAMETER];
