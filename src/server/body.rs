//! Reading a request's body within limits of size and time.

use super::error::Refusal;
use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// What a body may take.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// Most bytes.
    pub bytes: u64,
    /// Longest wait for its next bytes.
    pub idle: Duration,
    /// Longest time for all of it.
    pub total: Duration,
}

/// After a refusal so many bytes are still taken from the connection, and thrown away: a client that
/// writes everything before it reads would otherwise see a reset instead of the answer.
const DRAIN_BYTES: usize = 16 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(3);

/// Reads all of a body.
///
/// # Errors
/// `413` as soon as it is known to be too large, by its `Content-Length` before anything is read;
/// `408` when it comes too slowly; `400` when it breaks off.
pub async fn read(headers: &HeaderMap, body: Body, limits: BodyLimits) -> Result<Bytes, Refusal> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.bytes) {
        return Err(too_large(body, limits.bytes));
    }
    let deadline = Instant::now() + limits.total;
    let mut body = body;
    let mut first: Option<Bytes> = None;
    let mut more = BytesMut::new();
    let mut length = 0u64;
    while !body.is_end_stream() {
        let frame = timeout_at(deadline, timeout(limits.idle, body.frame())).await;
        let Ok(Ok(frame)) = frame else {
            let why = "the body came too slowly";
            return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, why));
        };
        let Some(frame) = frame else {
            break;
        };
        let frame = frame.map_err(|why| Refusal::bad(format!("the body broke off: {why}")))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length += data.len() as u64;
        if length > limits.bytes {
            return Err(too_large(body, limits.bytes));
        }
        // Nearly every body comes in one piece; that one is not copied.
        match first.take() {
            None if more.is_empty() => first = Some(data),
            None => more.extend_from_slice(&data),
            Some(first) => {
                more.reserve(first.len() + data.len());
                more.extend_from_slice(&first);
                more.extend_from_slice(&data);
            }
        }
    }
    Ok(first.unwrap_or_else(|| more.freeze()))
}

fn too_large(body: Body, most: u64) -> Refusal {
    tokio::spawn(timeout(DRAIN_TIME, drain(body)));
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!(
            "the body is larger than {most} bytes; the server's --max-body says how much it takes"
        ),
    )
}

async fn drain(mut body: Body) {
    let mut drained = 0;
    while drained < DRAIN_BYTES
        && let Some(Ok(frame)) = body.frame().await
    {
        drained += frame.data_ref().map_or(0, Bytes::len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::convert::Infallible;

    const LIMITS: BodyLimits = BodyLimits {
        bytes: 10,
        idle: Duration::from_secs(5),
        total: Duration::from_secs(20),
    };

    fn pieces(pieces: &[&'static str]) -> Body {
        let pieces: Vec<Result<Bytes, Infallible>> = pieces
            .iter()
            .map(|p| Ok(Bytes::from_static(p.as_bytes())))
            .collect();
        Body::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn pieces_are_put_together() {
        for (given, whole) in [
            (&[][..], ""),
            (&["abc"], "abc"),
            (&["a", "", "b", "c"], "abc"),
            (&["0123456789"], "0123456789"),
        ] {
            let read = read(&HeaderMap::new(), pieces(given), LIMITS)
                .await
                .unwrap();
            assert_eq!(read, whole);
        }
    }

    #[tokio::test]
    async fn too_large_is_known_early() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_LENGTH, 11.into());
        let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let refusal = read(&headers, never, LIMITS).await.unwrap_err();
        assert_eq!(refusal.status, StatusCode::PAYLOAD_TOO_LARGE);
        let endless = Body::from_stream(stream::repeat_with(|| {
            Ok::<_, Infallible>(Bytes::from_static(b"abcdef"))
        }));
        let refusal = read(&HeaderMap::new(), endless, LIMITS).await.unwrap_err();
        assert_eq!(refusal.status, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn slow_bodies_time_out() {
        let limits = BodyLimits {
            bytes: 1 << 30,
            idle: Duration::from_millis(20),
            total: Duration::from_millis(60),
        };
        let silent = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let dripping = Body::from_stream(stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Some((Ok::<_, Infallible>(Bytes::from_static(b"a")), ()))
        }));
        for body in [silent, dripping] {
            let refusal = read(&HeaderMap::new(), body, limits).await.unwrap_err();
            assert_eq!(refusal.status, StatusCode::REQUEST_TIMEOUT);
        }
    }
}
