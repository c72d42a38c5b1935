//! Answers: bodies with their type, JSON with two spaces (SPEC §3).

use super::error::Refusal;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A whole body of a type.
pub fn body(content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    let content_type = HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

/// A value as indented JSON.
///
/// # Errors
/// `500` when it has no JSON.
pub fn json(value: &impl Serialize) -> Result<Response, Refusal> {
    match serde_json::to_vec_pretty(value) {
        Ok(json) => Ok(body("application/json", json)),
        Err(error) => Err(Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            error.to_string(),
        )),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = body("application/json", self.body());
        *response.status_mut() = self.status;
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
