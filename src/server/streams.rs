//! What can be done with streams but reading them (SPEC §3): append, state, children, destroy.

use super::error::Refusal;
use super::project;
use super::router::{Asked, PROJECT_ONLY};
use super::{answer, input, json};
use crate::model::path::StreamPath;
use crate::service::{Route, ServiceError};
use axum::body::Body;
use axum::response::Response;
use serde_json::{Map, Value, json};
use std::time::Instant;

/// Appends what came, as an event or as *invalid-event-appended*.
///
/// # Errors
/// Of the body, and the service's.
pub async fn append(
    asked: Asked<'_>,
    path: StreamPath,
    route: Route,
    body: Body,
) -> Result<Response, Refusal> {
    let body = asked.body(body).await?;
    let started = Instant::now();
    let key = asked.key(path);
    let incoming = match asked.query.one("jsonataTransform")? {
        None => input::read(&asked.parts.headers, &body, route).await,
        Some(expression) => {
            let body = json::parse(&body)
                .map_err(|why| ServiceError::Invalid(format!("the body is no JSON: {why}")))?;
            let service = &asked.app.service;
            let body = body.to_string().into();
            service.transform_body(expression, &body, route).await?
        }
    };
    // Body and head lie in the connection's buffer, which is free for the next request once they
    // are gone.
    drop(body);
    let Asked { app, .. } = asked;
    let stored = app.service.append(&key, incoming, route).await?;
    let seconds = started.elapsed().as_secs_f64();
    app.metrics.append_seconds.observe(seconds);
    let mut out = Vec::with_capacity(stored.json.len() * 3 / 2 + 128);
    out.extend_from_slice(b"{\n  \"event\": ");
    json::pretty(&stored.json, 1, &mut out);
    out.extend_from_slice(b"\n}");
    Ok(answer::body("application/json", out))
}

/// The reduced state.
///
/// # Errors
/// `400` for unknown parameters, and the service's.
pub async fn state(asked: &Asked<'_>, path: StreamPath) -> Result<Response, Refusal> {
    asked.query.only(&PROJECT_ONLY)?;
    let state = asked.app.service.state(&asked.key(path)).await?;
    answer::json(&state)
}

/// The stream and its descendants.
///
/// # Errors
/// `400` for unknown parameters, and the service's.
pub async fn children(asked: &Asked<'_>, path: StreamPath) -> Result<Response, Refusal> {
    asked.query.only(&PROJECT_ONLY)?;
    let children = asked.app.service.children(&asked.key(path)).await?;
    answer::json(&children)
}

/// Destroys a stream, and what is below it if so asked.
///
/// # Errors
/// `400` for unknown parameters, and the service's.
pub async fn destroy(asked: &Asked<'_>, path: StreamPath) -> Result<Response, Refusal> {
    asked.query.only(&["destroyChildren", project::PARAMETER])?;
    let children = asked.query.flag("destroyChildren")?.unwrap_or(false);
    let destroyed = asked
        .app
        .service
        .destroy(&asked.key(path), children)
        .await?;
    let states: Map<String, Value> = destroyed
        .final_states
        .iter()
        .map(|(path, state)| (path.to_string(), json!({"finalState": state})))
        .collect();
    answer::json(&json!({
        "destroyedStreamCount": destroyed.count,
        "finalStateByPath": states,
    }))
}
