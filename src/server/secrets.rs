//! Secrets over HTTP (SPEC §3): values go in and never come out.

use super::answer;
use super::error::Refusal;
use super::json;
use super::project;
use super::router::{Asked, PROJECT_ONLY};
use axum::body::Body;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

const DEFAULT_LIMIT: usize = 20;
const MOST: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSecret {
    name: String,
    value: String,
    description: Option<String>,
}

/// Keeps a secret.
///
/// # Errors
/// Of the body, `400` for another shape, and the service's.
pub async fn create(asked: &Asked<'_>, body: Body) -> Result<Response, Refusal> {
    asked.query.only(&PROJECT_ONLY)?;
    let body = asked.body(body).await?;
    // What serde says of a wrong shape names fields and never their values' text.
    let wrong = |why: String| {
        Refusal::bad(format!(
            "a secret is {{\"name\": …, \"value\": …, \"description\": … (optional)}}: {why}"
        ))
    };
    let value = json::parse(&body).map_err(wrong)?;
    let secret = NewSecret::deserialize(value).map_err(|why| wrong(shape(&why)))?;
    let description = secret.description.as_deref();
    let service = &asked.app.service;
    let kept = service
        .create_secret(&asked.project, &secret.name, &secret.value, description)
        .await?;
    answer::json(&kept)
}

/// serde's sentence, but for the value that it quotes.
fn shape(why: &serde_json::Error) -> String {
    let why = why.to_string();
    match why
        .strip_prefix("invalid type: ")
        .and_then(|rest| rest.rsplit_once(", expected "))
    {
        Some((_, expected)) => format!("a field has another type; expected {expected}"),
        None => why,
    }
}

/// One page of them.
///
/// # Errors
/// `400` for unknown parameters and numbers out of range.
pub fn list(asked: &Asked<'_>) -> Result<Response, Refusal> {
    asked.query.only(&["limit", "offset", project::PARAMETER])?;
    let number = |name: &str| -> Result<Option<usize>, Refusal> {
        let Some(text) = asked.query.one(name)? else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            Refusal::bad(format!(
                "query parameter {name} must be a number, not {text:?}"
            ))
        })
    };
    let limit = number("limit")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MOST).contains(&limit) {
        return Err(Refusal::bad(format!(
            "query parameter limit must be between 1 and {MOST}, not {limit}"
        )));
    }
    let skip = number("offset")?.unwrap_or(0);
    let page = asked.app.service.list_secrets(&asked.project, limit, skip);
    answer::json(&page)
}

/// Forgets one.
///
/// # Errors
/// `404`, and the service's.
pub async fn delete(asked: &Asked<'_>, id: &str) -> Result<Response, Refusal> {
    asked.query.only(&PROJECT_ONLY)?;
    asked.app.service.delete_secret(&asked.project, id).await?;
    answer::json(&json!({"deleted": true}))
}
