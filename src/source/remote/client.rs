//! Requests to the event service (SPEC §3) and what can go wrong with them.

use super::dialect::{After, Bounds, Dialect, Route, Until};
pub use super::trouble::Trouble;
use super::trouble::{root, was_hung_up};
use super::wire::{self, Body, Break, Chunks};
use crate::model::event::Millis;
use crate::model::path::{Project, StreamPath};
use crate::model::peek;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION,
    RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Time for the network to answer a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Time for the service to begin its answer.
const ANSWER: Duration = Duration::from_secs(30);
/// A body that brings nothing for this long is opened anew: services send comments at least every
/// 5 s (SPEC §3.1), and opening anew loses nothing where they do not.
const SILENCE: Duration = Duration::from_secs(30);
/// An error's text that is shown.
const SHOWN: usize = 400;

const JSON_LINES: &str = "application/x-ndjson";
const EVENTS: &str = "text/event-stream";

/// Which service, and as whom.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// Base URL.
    pub url: Url,
    /// The namespace of all paths.
    pub project: Project,
    /// Sent as a bearer token.
    pub token: Option<String>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the token: errors are shown to others.
        write!(f, "{}:{}", self.url, self.project)
    }
}

impl Server {
    /// Reads a base URL.
    ///
    /// # Errors
    /// It is no `http` or `https` URL with a host, in words.
    pub fn parse_url(text: &str) -> Result<Url, String> {
        let url: Url = text
            .parse()
            .map_err(|error| format!("must be a URL such as http://127.0.0.1:7070 ({error})"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(format!(
                "must be a URL such as http://127.0.0.1:7070, not {text:?}"
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("must end with a path, not with ? or #: {text:?}"));
        }
        Ok(url)
    }

    /// The base URL without a slash at its end.
    #[must_use]
    pub fn base(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// True when the service runs on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        }
    }
}

/// An event that an append stored, or found stored under its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its offset.
    pub offset: u64,
    /// Its type.
    pub event_type: String,
    /// Its JSON text.
    pub json: Vec<u8>,
}

/// A stream of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its path.
    pub path: String,
    /// When its first event was stored.
    pub created: Option<Millis>,
}

/// Talks to one service in one project. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    server: Arc<Server>,
    http: reqwest::Client,
    /// A redirect would make a read of an append.
    appends: reqwest::Client,
    dialect: Arc<Mutex<Known>>,
}

#[derive(Clone, Copy)]
struct Known {
    dialect: Dialect,
    /// A read succeeded with it.
    proven: bool,
    /// The way of asking before [`Client::try_other_names`].
    before: Option<Dialect>,
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// The token or project cannot be sent in a header, or TLS cannot be set up.
    pub fn new(server: Server) -> Result<Client, String> {
        let mut headers = HeaderMap::new();
        let project = HeaderValue::from_bytes(server.project.as_str().as_bytes())
            .map_err(|_| format!("project {:?} cannot be sent in a header", server.project))?;
        headers.insert("x-project-slug", project.clone());
        headers.insert("x-iterate-project", project);
        if let Some(token) = &server.token {
            let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| "the token cannot be sent in a header".to_owned())?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        let local = server.is_loopback() && server.url.scheme() == "http";
        let builder = |redirects: Policy, authorities: bool| {
            let mut http = reqwest::Client::builder()
                .user_agent(concat!("evtui/", env!("CARGO_PKG_VERSION")))
                .default_headers(headers.clone())
                .redirect(redirects)
                .connect_timeout(CONNECT)
                .tcp_nodelay(true);
            if server.is_loopback() {
                http = http.no_proxy();
            }
            match authorities {
                true => http.build(),
                false => http.tls_certs_only([]).build(),
            }
        };
        let build = |redirects: fn() -> Policy| {
            // A machine may have no certificates of authorities at all: http:// needs none, and
            // https:// is then told to be trusted by nobody.
            let first = builder(redirects(), !local);
            let built = first.or_else(|_| builder(redirects(), false));
            built.map_err(|error| format!("cannot set up the connection: {}", root(&error)))
        };
        Ok(Client {
            http: build(Policy::default)?,
            appends: build(Policy::none)?,
            server: Arc::new(server),
            dialect: Arc::new(Mutex::new(Known {
                dialect: Dialect::ALL[0],
                proven: false,
                before: None,
            })),
        })
    }

    /// The service.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    fn known(&self) -> Known {
        *self.dialect.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn know(&self, known: Known) {
        *self.dialect.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    /// The service did not keep to the lower bound: asks in another way from now on, unless that is
    /// refused. False when that was tried already or there is none left.
    pub fn try_other_names(&self) -> bool {
        let known = self.known();
        let next = known.dialect.next();
        match next.filter(|next| known.before.is_none() && next.route == known.dialect.route) {
            Some(dialect) => {
                self.know(Known {
                    dialect,
                    proven: true,
                    before: Some(known.dialect),
                });
                true
            }
            None => false,
        }
    }

    /// Appends one event. The input is sent as it is; one that is no event is stored as another
    /// event, which is what comes back then (SPEC §2).
    ///
    /// # Errors
    /// [`Trouble`]. After [`Trouble::Unreachable`] that was sent the event may be stored or not:
    /// only an idempotency key makes it safe to send again.
    pub async fn append(&self, path: &StreamPath, input: String) -> Result<Stored, Trouble> {
        // Payloads that are no objects are taken on the seed's route only.
        let payload = peek::member(input.as_bytes(), "payload");
        let route = match payload.and_then(|p| p.first()) {
            None | Some(b'{') => self.known().dialect.route,
            Some(_) => Route::Seed,
        };
        let url = self.url(&route.stream(path));
        let request = self.appends.request(Method::POST, url);
        let request = request.header(CONTENT_TYPE, "application/json").body(input);
        let body = match self.whole(request).await {
            Ok(body) => body,
            Err(Trouble::Unreachable {
                url,
                why,
                sent: true,
            }) => {
                let why = format!(
                    "{why}; it may have been stored all the same: look before sending again"
                );
                return Err(Trouble::Unreachable {
                    url,
                    why,
                    sent: true,
                });
            }
            Err(trouble) => return Err(trouble),
        };
        let event = peek::member(&body, "event").unwrap_or(&body);
        let offset = wire::offset(event);
        let event_type = peek::text_member(event, "type");
        match (offset, event_type) {
            (Some(offset), Some(event_type)) => Ok(Stored {
                offset,
                event_type: event_type.into_owned(),
                json: event.to_vec(),
            }),
            _ => Err(self.foreign(format!("it answered an append with {:?}", excerpt(&body)))),
        }
    }

    /// The stream's reduced state as JSON text.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn state(&self, path: &StreamPath) -> Result<Vec<u8>, Trouble> {
        let of = match path.as_str() {
            "/" => "/%2F",
            path => path,
        };
        let url = self.url(&format!("/api/streams/__state{of}"));
        self.whole(self.http.get(url).header(ACCEPT, "application/json"))
            .await
    }

    /// The stream and all streams below it, in the service's order.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn children(&self, path: &StreamPath) -> Result<Vec<Child>, Trouble> {
        let url = match path.as_str() {
            "/" => self.url("/api/streams"),
            path => self.url(&format!("/api/streams/__children{path}")),
        };
        let body = self
            .whole(self.http.get(url).header(ACCEPT, "application/json"))
            .await?;
        if !body.trim_ascii_start().starts_with(b"[") {
            let said = excerpt(&body);
            return Err(self.foreign(format!("it answered a list of streams with {said:?}")));
        }
        let children = peek::elements(&body).filter_map(|item| {
            Some(Child {
                path: peek::text_member(item.value, "path")?.into_owned(),
                created: peek::text_member(item.value, "createdAt")
                    .and_then(|text| Millis::parse(&text)),
            })
        });
        Ok(children.collect())
    }

    /// Begins to read a stream, in the first way of asking that the service understands.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn read(&self, path: &StreamPath, bounds: Bounds) -> Result<Body, Trouble> {
        let Known {
            dialect,
            proven,
            before,
        } = self.known();
        let mut first = None;
        let mut asked = Some(dialect);
        while let Some(dialect) = asked {
            match self.read_in(dialect, path, bounds).await {
                Ok(body) => {
                    self.know(Known {
                        dialect,
                        proven: true,
                        before,
                    });
                    return Ok(body);
                }
                // What another way of asking may change.
                Err(trouble) if matches!(trouble.status(), Some(400 | 404)) => {
                    first.get_or_insert(trouble);
                    asked = match proven {
                        true => before.filter(|before| *before != dialect),
                        false => dialect.next(),
                    };
                }
                Err(trouble) => return Err(first.unwrap_or(trouble)),
            }
        }
        // Every way of asking was refused; the newest way's answer says most.
        Err(first.unwrap_or_else(|| self.foreign("it knows no way to read a stream".to_owned())))
    }

    async fn read_in(
        &self,
        dialect: Dialect,
        path: &StreamPath,
        bounds: Bounds,
    ) -> Result<Body, Trouble> {
        let query = dialect.query(bounds);
        let mut url = self.url(&dialect.route.stream(path));
        if !query.is_empty() {
            url = format!("{url}?{query}");
        }
        let request = if bounds.until == Until::Never {
            // A packed body may hold events back until more of them fill its window.
            let request = self.http.get(url).header(ACCEPT, EVENTS);
            request.header(ACCEPT_ENCODING, "identity")
        } else {
            let request = self.http.get(url);
            request.header(ACCEPT, format!("{JSON_LINES}, {EVENTS};q=0.9"))
        };
        let response = self.send(request).await?;
        let kind = response.headers().get(CONTENT_TYPE).cloned();
        let kind = kind.as_ref().and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_ascii_lowercase();
        let chunks = alive(response.bytes_stream().map_err(|e| root(&e)).boxed());
        if kind.starts_with(EVENTS) {
            Ok(Body::events(chunks))
        } else if kind.starts_with(JSON_LINES) {
            Ok(Body::lines(chunks))
        } else {
            let kind = if kind.is_empty() { "nothing" } else { &kind };
            Err(self.foreign(format!("it answered a read with {kind}")))
        }
    }

    /// The stream's first event, or the one after an offset; `None` when there is none.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn event_after(
        &self,
        path: &StreamPath,
        after: u64,
    ) -> Result<Option<Vec<u8>>, Trouble> {
        let bounds = Bounds {
            after: After::Offset(after),
            until: Until::Before(after + 2),
        };
        let mut body = self.read(path, bounds).await?;
        let mut batch = wire::Batch::default();
        loop {
            let more = body.next(&mut batch).await;
            let mut start = 0;
            for (offset, end) in &batch.events {
                // A service that does not keep to the lower bound sends what is before, too.
                if *offset > after {
                    return Ok(Some(batch.lines[start..end - 1].to_vec()));
                }
                start = *end;
            }
            match more {
                Ok(true) if !batch.done => batch.clear(),
                Ok(_) => return Ok(None),
                Err(error) => return Err(self.unreachable(error.to_string())),
            }
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.base())
    }

    /// Sends a request and reads its whole answer.
    async fn whole(&self, request: RequestBuilder) -> Result<Vec<u8>, Trouble> {
        let response = self.send(request).await?;
        let body = tokio::time::timeout(ANSWER, response.bytes()).await;
        match body {
            Ok(Ok(body)) => Ok(body.into()),
            Ok(Err(error)) => Err(self.unreachable(root(&error))),
            Err(_) => Err(self.unreachable("the answer broke off".to_owned())),
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Trouble> {
        let (http, request) = request.build_split();
        let sending = async {
            let request = request?;
            // A kept connection may be closed by the other side just as a request goes out on it,
            // which says nothing about the service: what changes nothing is asked anew.
            let again = match request.method().is_safe() {
                true => request.try_clone(),
                false => None,
            };
            match (http.execute(request).await, again) {
                (Err(error), Some(again)) if was_hung_up(&error) => http.execute(again).await,
                (answer, _) => answer,
            }
        };
        let response = match tokio::time::timeout(ANSWER, sending).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(Trouble::of(self.server.base(), &error)),
            Err(_) => {
                let why = format!("no answer in {} s", ANSWER.as_secs());
                return Err(self.unreachable(why));
            }
        };
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refused(response).await)
    }

    async fn refused(&self, response: Response) -> Trouble {
        let status = response.status();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let moved = response.headers().get(LOCATION);
        let moved = moved.and_then(|value| value.to_str().ok());
        let moved = moved.filter(|_| status.is_redirection());
        let moved = moved.map(|place| format!("{}: it is at {place}", name(status)));
        let body = tokio::time::timeout(ANSWER, response.bytes()).await;
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        let said = moved.or_else(|| said_in(&body));
        let message = said.unwrap_or_else(|| match excerpt(&body) {
            text if text.is_empty() || text.starts_with('<') => name(status),
            text => text,
        });
        Trouble::Refused {
            url: self.server.base().to_owned(),
            status: status.as_u16(),
            message,
            retry_after,
        }
    }

    pub(super) fn unreachable(&self, why: String) -> Trouble {
        Trouble::Unreachable {
            url: self.server.base().to_owned(),
            why,
            sent: true,
        }
    }

    fn foreign(&self, why: String) -> Trouble {
        Trouble::Foreign {
            url: self.server.base().to_owned(),
            why,
        }
    }
}

/// Ends a body that says nothing for [`SILENCE`].
fn alive(chunks: BoxStream<'static, Result<Bytes, String>>) -> Chunks {
    futures_util::stream::unfold(chunks, |mut chunks| async {
        let chunk = match tokio::time::timeout(SILENCE, chunks.next()).await {
            Ok(chunk) => chunk?.map_err(Break::Lost),
            Err(_) => Err(Break::Silent),
        };
        Some((chunk, chunks))
    })
    .boxed()
}

/// The message of an error in the service's form.
fn said_in(body: &[u8]) -> Option<String> {
    peek::text_member(body, "message").map(std::borrow::Cow::into_owned)
}

fn name(status: StatusCode) -> String {
    let words = status.canonical_reason().unwrap_or("no reason given");
    words.to_ascii_lowercase()
}

fn excerpt(body: &[u8]) -> String {
    let most = body.len().min(SHOWN);
    let text = String::from_utf8_lossy(&body[..most]);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
