//! What can go wrong with a request, told apart by what the person can do about it.

use std::error::Error;
use std::time::Duration;

/// Why a request came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// There was no answer, or it broke off.
    #[error("cannot reach {url}: {why}")]
    Unreachable {
        /// Base URL.
        url: String,
        /// What the network says.
        why: String,
        /// The service may have got the request and done it.
        sent: bool,
    },
    /// Nobody vouches for the service: its certificate is not accepted.
    #[error("cannot trust {url}: {why}; SSL_CERT_FILE=FILE adds the authorities in a PEM file")]
    Untrusted {
        /// Base URL.
        url: String,
        /// What is wrong with the certificate.
        why: String,
    },
    /// The service answered with an error.
    #[error("{url} refuses ({status}): {message}")]
    Refused {
        /// Base URL.
        url: String,
        /// HTTP status.
        status: u16,
        /// The service's words.
        message: String,
        /// It asks to be left alone for this long.
        retry_after: Option<Duration>,
    },
    /// The answer makes no sense.
    #[error("{url} does not answer like an event service: {why}")]
    Foreign {
        /// Base URL.
        url: String,
        /// What came.
        why: String,
    },
}

impl Trouble {
    /// True when the same request may well succeed later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Trouble::Unreachable { .. } => true,
            Trouble::Refused { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Trouble::Untrusted { .. } | Trouble::Foreign { .. } => false,
        }
    }

    /// HTTP status, when there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Trouble::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// What went wrong, without saying where.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Trouble::Unreachable { why, .. }
            | Trouble::Untrusted { why, .. }
            | Trouble::Foreign { why, .. } => why,
            Trouble::Refused { message, .. } => message,
        }
    }
}

impl Trouble {
    /// A request that brought no answer.
    pub(super) fn of(url: &str, error: &reqwest::Error) -> Trouble {
        let (url, why) = (url.to_owned(), root(error));
        let foreign = |why: String| Trouble::Foreign {
            url: url.clone(),
            why,
        };
        let parsing = causes(error).any(|cause| {
            cause
                .downcast_ref::<hyper::Error>()
                .is_some_and(|e| e.is_parse() || e.to_string().contains("unexpected message"))
        });
        if error.is_redirect() {
            return foreign(format!("it sends from one place to another ({why})"));
        }
        if parsing {
            return foreign(format!("what listens there does not speak HTTP ({why})"));
        }
        // The TLS library's words; its types are not handed through.
        if why.contains("InvalidContentType") {
            return foreign(format!(
                "it does not speak TLS, so it may be http:// ({why})"
            ));
        }
        if error.is_connect() && why.contains("certificate") {
            return Trouble::Untrusted { url, why };
        }
        Trouble::Unreachable {
            url,
            why,
            sent: !error.is_connect(),
        }
    }
}

/// True when the connection was closed with no answer to a request that it took.
pub(super) fn was_hung_up(error: &reqwest::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    let broke = |cause: &(dyn Error + 'static)| {
        let hyper = cause.downcast_ref::<hyper::Error>();
        let io = cause.downcast_ref::<std::io::Error>();
        hyper.is_some_and(|e| e.is_incomplete_message() || e.is_canceled() || e.is_closed())
            || io.is_some_and(|e| {
                matches!(e.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
            })
    };
    !error.is_connect() && causes(error).any(broke)
}

/// An error and what lies under it, layer by layer.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// What lies under an error: the layers above only say that a request failed.
pub(super) fn root(error: &(dyn Error + 'static)) -> String {
    causes(error)
        .last()
        .map_or_else(String::new, ToString::to_string)
}
