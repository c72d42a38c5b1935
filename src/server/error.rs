//! Refusals and failures as they are told on the wire (SPEC §3).

use crate::service::ServiceError;
use axum::http::StatusCode;
use serde::Serialize;

/// Why a request is not answered as asked; becomes
/// `{"defined":false,"code":…,"status":…,"message":…}`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// What, and what to try.
    pub message: String,
}

/// The body of a refusal.
#[derive(Serialize)]
struct Body<'a> {
    defined: bool,
    code: &'static str,
    status: u16,
    message: &'a str,
}

impl Refusal {
    /// Any refusal.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Refusal {
        let message = message.into();
        Refusal { status, message }
    }

    /// `400`
    pub fn bad(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, message)
    }

    /// `404`
    pub fn not_found(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, message)
    }

    /// The code that goes with the status.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.status {
            StatusCode::BAD_REQUEST => "BAD_REQUEST",
            StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
            StatusCode::NOT_FOUND => "NOT_FOUND",
            StatusCode::METHOD_NOT_ALLOWED => "METHOD_NOT_ALLOWED",
            StatusCode::REQUEST_TIMEOUT => "REQUEST_TIMEOUT",
            StatusCode::PRECONDITION_FAILED => "PRECONDITION_FAILED",
            StatusCode::PAYLOAD_TOO_LARGE => "PAYLOAD_TOO_LARGE",
            StatusCode::TOO_MANY_REQUESTS => "TOO_MANY_REQUESTS",
            StatusCode::SERVICE_UNAVAILABLE => "SERVICE_UNAVAILABLE",
            _ => "INTERNAL_SERVER_ERROR",
        }
    }

    /// The body of the answer, indented.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let body = Body {
            defined: false,
            code: self.code(),
            status: self.status.as_u16(),
            message: &self.message,
        };
        // A struct of plain fields cannot fail to be written into memory.
        serde_json::to_vec_pretty(&body).unwrap_or_default()
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Refusal {
        let status = match &error {
            ServiceError::Paused | ServiceError::OffsetMismatch { .. } => {
                StatusCode::PRECONDITION_FAILED
            }
            ServiceError::InitializedTwice | ServiceError::Invalid(_) => StatusCode::BAD_REQUEST,
            ServiceError::NotFound(_) => StatusCode::NOT_FOUND,
            ServiceError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            ServiceError::Damaged { .. } | ServiceError::Internal(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        if status.is_server_error() {
            tracing::error!(%error, "a request failed");
        }
        Refusal::new(status, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_of_an_error() {
        assert_eq!(
            String::from_utf8(Refusal::bad("no \"path\"").body()).unwrap(),
            "{\n  \"defined\": false,\n  \"code\": \"BAD_REQUEST\",\n  \"status\": 400,\n  \
             \"message\": \"no \\\"path\\\"\"\n}"
        );
    }
}
