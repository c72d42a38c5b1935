//! `fetch` as the service makes it for a hook: redirects, egress, secrets, and bodies chunk by chunk.

use super::egress::Egress;
use super::outside::{Outside, Refused};
use super::secrets;
use crate::processor::frames::live;
use bytes::Bytes;
use futures_util::stream;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue,
    LOCATION, PROXY_AUTHORIZATION, TRANSFER_ENCODING,
};
use reqwest::{Client, Method, Response, StatusCode};
use serde::{Deserialize, Serialize};
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use url::Url;

/// As the fetch standard has it.
const MAX_REDIRECTS: usize = 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes requests for all workers of a service, which share its connections.
pub struct Fetcher {
    client: Client,
    egress: Egress,
}

/// The header that a worker's `outboundGateway` sets on every request (SPEC §8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// `secretHeaderName`.
    pub name: String,
    /// `secretHeaderValue`.
    pub value: String,
}

/// What `fetch.js` says of a request.
#[derive(Debug, Deserialize)]
struct Head {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    redirect: Redirect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Redirect {
    Follow,
    Error,
    Manual,
}

/// What `fetch.js` is told of a response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status: u16,
    status_text: String,
    headers: Vec<(String, String)>,
    url: String,
    redirected: bool,
    body: bool,
}

/// Where the chunks of a streamed request body go.
pub type Upload = mpsc::Sender<Bytes>;

/// A request's body, ready to be sent.
pub enum Outgoing {
    /// None.
    Empty,
    /// All of it; it can be sent again after a redirect.
    Bytes(Bytes),
    /// As it comes.
    Stream(mpsc::Receiver<Bytes>),
}

/// A response's body.
pub struct Body(Response);

impl Body {
    /// The next chunk; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Refused> {
        loop {
            match self.0.chunk().await {
                Ok(Some(chunk)) if chunk.is_empty() => {}
                other => return other.map_err(|e| refused(&e)),
            }
        }
    }
}

/// Where a request's body comes from, and where its chunks are to be given.
pub fn upload(body: live::Body) -> (Outgoing, Option<Upload>) {
    match body {
        live::Body::Empty => (Outgoing::Empty, None),
        live::Body::Bytes(bytes) => (Outgoing::Bytes(bytes.into()), None),
        live::Body::Stream => {
            let (upload, chunks) = mpsc::channel(1);
            (Outgoing::Stream(chunks), Some(upload))
        }
    }
}

impl Fetcher {
    /// A fetcher that goes where `egress` lets it.
    ///
    /// # Errors
    /// In words, when TLS cannot be set up.
    pub fn new(egress: Egress) -> Result<Fetcher, String> {
        let builder = || {
            Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                // A proxy would resolve names out of our sight.
                .no_proxy()
                .dns_resolver(egress.resolver())
                .connect_timeout(CONNECT_TIMEOUT)
                .user_agent(concat!("evtui/", env!("CARGO_PKG_VERSION")))
        };
        let client = builder()
            .build()
            // A machine without certificates of authorities has http:// all the same.
            .or_else(|_| builder().tls_certs_only([]).build())
            .map_err(|e| format!("cannot make an HTTP client: {}", words(&e)))?;
        Ok(Fetcher { client, egress })
    }

    /// Makes a request; gives the response's head as JSON, and its body if it has one.
    pub fn fetch(
        self: &Arc<Self>,
        head: &[u8],
        body: Outgoing,
        gateway: Option<Gateway>,
        outside: Arc<dyn Outside>,
    ) -> impl Future<Output = Result<(Vec<u8>, Option<Body>), Refused>> + Send + use<> {
        let head = serde_json::from_slice::<Head>(head);
        let fetcher = self.clone();
        async move {
            let head = head.map_err(|e| refuse(e.to_string()))?;
            fetcher.go(head, body, gateway, outside).await
        }
    }

    async fn go(
        &self,
        head: Head,
        mut body: Outgoing,
        gateway: Option<Gateway>,
        outside: Arc<dyn Outside>,
    ) -> Result<(Vec<u8>, Option<Body>), Refused> {
        let mut url = Url::parse(&head.url).map_err(|e| refuse(e.to_string()))?;
        let mut method = Method::from_bytes(head.method.as_bytes())
            .map_err(|_| refuse(format!("{} is no method", head.method)))?;
        let (mut headers, mut secret) = substitute(head.headers, &*outside).await?;
        if let Some(gateway) = gateway {
            let (name, mut value) = header(&gateway.name, &gateway.value)?;
            value.set_sensitive(true);
            secret.push(name.clone());
            headers.insert(name, value);
        }
        headers
            .entry(ACCEPT)
            .or_insert(HeaderValue::from_static("*/*"));
        // The connection's own business.
        for name in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING] {
            headers.remove(name);
        }
        for redirects in 0..=MAX_REDIRECTS {
            if !matches!(url.scheme(), "http" | "https") {
                let scheme = url.scheme();
                return Err(refuse(format!(
                    "only http and https can be fetched, not {scheme}"
                )));
            }
            self.egress.check(&url).map_err(|e| refuse(e.to_string()))?;
            let request = self
                .client
                .request(method.clone(), url.clone())
                .headers(headers.clone());
            let request = match &mut body {
                Outgoing::Empty if method == Method::POST || method == Method::PUT => {
                    request.body(Bytes::new())
                }
                Outgoing::Empty => request,
                Outgoing::Bytes(bytes) => request.body(bytes.clone()),
                Outgoing::Stream(chunks) => {
                    let chunks = std::mem::replace(chunks, mpsc::channel(1).1);
                    let chunks = stream::unfold(chunks, |mut chunks| async {
                        let chunk = chunks.recv().await?;
                        Some((Ok::<_, std::io::Error>(chunk), chunks))
                    });
                    request.body(reqwest::Body::wrap_stream(chunks))
                }
            };
            let response = request.send().await.map_err(|e| refused(&e))?;
            let Some(target) = redirect(&response, &url) else {
                return answer(response, &url, &method, redirects > 0);
            };
            match head.redirect {
                Redirect::Manual => return answer(response, &url, &method, redirects > 0),
                Redirect::Error => {
                    return Err(refuse(format!(
                        "{url} redirects, and redirect is \"error\""
                    )));
                }
                Redirect::Follow => {}
            }
            let target = target
                .map_err(|e| refuse(format!("{url} redirects to where nobody can follow: {e}")))?;
            let status = response.status();
            let to_get = status == StatusCode::SEE_OTHER && method != Method::HEAD
                || matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND)
                    && method == Method::POST;
            if to_get && method != Method::GET {
                method = Method::GET;
                body = Outgoing::Empty;
                for name in [
                    "content-encoding",
                    "content-language",
                    "content-location",
                    "content-type",
                ] {
                    headers.remove(name);
                }
            } else if matches!(body, Outgoing::Stream(_)) {
                return Err(refuse(format!(
                    "{url} redirects, and a streamed body cannot be sent a second time"
                )));
            }
            if target.origin() != url.origin() {
                for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION]
                    .iter()
                    .chain(&secret)
                {
                    headers.remove(name);
                }
            }
            url = target;
        }
        Err(refuse(format!("more than {MAX_REDIRECTS} redirects")))
    }
}

/// The headers with their secrets in place, and the names of those that have any.
async fn substitute(
    given: Vec<(String, String)>,
    outside: &dyn Outside,
) -> Result<(HeaderMap, Vec<HeaderName>), Refused> {
    let mut headers = HeaderMap::new();
    let mut secret = Vec::new();
    for (name, mut value) in given {
        let places = secrets::places(&value).map_err(refuse)?;
        let has_secret = !places.is_empty();
        for place in places.into_iter().rev() {
            let Some(found) = outside.secret(&place.name).await? else {
                return Err(refuse(format!(
                    "the header {name} asks for the secret {:?}, and there is none of that name",
                    place.name
                )));
            };
            value.replace_range(place.at, &found);
        }
        let (name, mut value) = header(&name, &value)?;
        if has_secret {
            value.set_sensitive(true);
            secret.push(name.clone());
        }
        headers.append(name, value);
    }
    Ok((headers, secret))
}

/// Characters of a header's value stand for bytes, as everywhere on the web.
fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Refused> {
    let wrong = || refuse(format!("the header {name} cannot be sent as it is"));
    let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(c).ok()).collect();
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
    let value = HeaderValue::from_bytes(&bytes.ok_or_else(wrong)?).map_err(|_| wrong())?;
    Ok((name, value))
}

/// Where a response leads on to.
fn redirect(response: &Response, url: &Url) -> Option<Result<Url, url::ParseError>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    let location = String::from_utf8_lossy(location.as_bytes());
    Some(url.join(&location).map(|mut target| {
        if target.fragment().is_none() {
            target.set_fragment(url.fragment());
        }
        target
    }))
}

fn answer(
    response: Response,
    url: &Url,
    method: &Method,
    redirected: bool,
) -> Result<(Vec<u8>, Option<Body>), Refused> {
    let status = response.status();
    let has_body = *method != Method::HEAD
        && !matches!(status.as_u16(), 101 | 103 | 204 | 205 | 304)
        && response.content_length() != Some(0);
    let mut url = url.clone();
    url.set_fragment(None);
    let answer = Answer {
        status: status.as_u16(),
        status_text: status.canonical_reason().unwrap_or_default().into(),
        headers: response
            .headers()
            .iter()
            .map(|(name, value)| {
                let value = value.as_bytes().iter().copied().map(char::from).collect();
                (name.as_str().to_owned(), value)
            })
            .collect(),
        url: url.into(),
        redirected,
        body: has_body,
    };
    let head = serde_json::to_vec(&answer).map_err(|e| refuse(e.to_string()))?;
    Ok((head, has_body.then_some(Body(response))))
}

fn refuse(message: String) -> Refused {
    Refused {
        message,
        ..Refused::default()
    }
}

fn refused(error: &reqwest::Error) -> Refused {
    refuse(words(error))
}

/// An error with all that it comes from; the URL is named by who asked.
fn words(error: &reqwest::Error) -> String {
    let mut words = String::new();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !words.contains(&text) {
            if !words.is_empty() {
                words.push_str(": ");
            }
            words.push_str(&text);
        }
        source = cause.source();
    }
    if words.is_empty() {
        words = error.to_string();
    }
    words
}
