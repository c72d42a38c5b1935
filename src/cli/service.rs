//! What the commands that talk to a service share: connecting, reading a stream's path, telling
//! what went wrong with which exit code.

use super::args::ServiceArgs;
use super::failure::{Failure, NO, REFUSED};
use crate::config::settings::{Origin, Settings};
use crate::config::{store_folder, streams_folder};
use crate::model::built_in::BuiltIn;
use crate::model::event::Event;
use crate::model::message_form::MessageForm;
use crate::model::path::StreamPath;
use crate::processor::deployments::configuration;
use crate::processor::source::{Input, ModuleText};
use crate::runtime::local::{Data, Local};
use crate::runtime::service::details;
use crate::source::Source;
use crate::source::remote::client::{Client, Server, Trouble};
use crate::source::remote::dialect::{After, Bounds, Until};
use crate::source::remote::follow::{Ended, Follower, Held, Sink};
use crate::source::remote::wire::Batch;
use crate::source::remote::{News, Remote, RemoteSource, Status};
use crate::store::log::OpenError;
use anyhow::{Context, Result};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The service in force.
///
/// # Errors
/// The URL or the project cannot be right; says where it was set.
pub fn server(settings: &Settings) -> Result<Server, Failure> {
    let wrong = |what: &str, origin: &Origin, why: String| {
        let whence = match origin {
            Origin::Default => String::new(),
            origin => format!(" (set by {origin})"),
        };
        Failure::new(format!("cannot use the service's {what}{whence}: {why}"))
    };
    let url = Server::parse_url(&settings.url.value)
        .map_err(|why| wrong("url", &settings.url.origin, why))?;
    let project = settings.project.value.parse();
    let project = project.map_err(|error: crate::model::path::ProjectError| {
        wrong("project", &settings.project.origin, error.to_string())
    })?;
    let token = &settings.token.value;
    Ok(Server {
        url,
        project,
        token: (!token.is_empty()).then(|| token.clone()),
    })
}

/// A connection, and the service itself where it runs in this process.
pub struct Connected {
    /// The connection.
    pub remote: Remote,
    /// Stopped after the connection is closed.
    pub local: Option<Local>,
}

/// A connection to the service in force, started first where it is to run in this process.
/// Otherwise nothing is sent yet.
///
/// # Errors
/// As [`server`]; the service's data cannot be opened.
pub fn connect(args: &ServiceArgs, settings: &Settings) -> Result<Connected> {
    let server = server(settings)?;
    if !args.local {
        let remote = Remote::new(server, streams_folder()).map_err(Failure::new)?;
        return Ok(Connected {
            remote,
            local: None,
        });
    }
    let local = Local::start(
        &data(args.data.as_deref())?,
        0,
        crate::service::Options::default(),
    );
    let local = local.map_err(|error| unopened(&error))?;
    let server = Server {
        url: Server::parse_url(local.url()).map_err(Failure::new)?,
        ..server
    };
    // Its port is another one each time: no later session would find what is kept.
    let remote = Remote::new(server, None).map_err(Failure::new)?;
    Ok(Connected {
        remote,
        local: Some(local),
    })
}

/// Where a service of one's own keeps its streams.
///
/// # Errors
/// Nothing was said, and there is no home.
pub fn data(given: Option<&Path>) -> Result<Data, Failure> {
    match given {
        Some(path) => Ok(Data::of(path)),
        None => store_folder().map(Data::Folder).ok_or_else(|| {
            Failure::new("there is no home folder to keep data in")
                .hint("--data DIR, or --data :memory:")
        }),
    }
}

/// A service of one's own that did not start.
#[must_use]
pub fn unopened(error: &anyhow::Error) -> Failure {
    let failure = Failure::new(format!("cannot open the data: {error:#}"));
    match error.downcast_ref::<OpenError>() {
        Some(OpenError::Locked(_)) => failure.code(REFUSED).hint(
            "--url talks to the server that has it; or stop that one, or give this one another --data",
        ),
        _ => failure.hint("another --data, or --data :memory: to keep nothing"),
    }
}

/// Reads the path of a stream.
///
/// # Errors
/// It is none.
pub fn stream_path(text: &str) -> Result<StreamPath, Failure> {
    text.parse()
        .map_err(|error| Failure::new(error).hint("a stream's path looks like /yourname/agent"))
}

/// A request that came to nothing, with the exit code that says how.
pub fn failure(doing: &str, trouble: &Trouble) -> Failure {
    let failure = Failure::new(format!("cannot {doing}: {trouble}"));
    match trouble {
        Trouble::Unreachable { .. } => {
            failure.hint("--url names another service; evtui serve starts one here")
        }
        // It says what to try.
        Trouble::Untrusted { .. } => failure,
        Trouble::Foreign { .. } => failure.hint("--url must name the base URL of an event service"),
        Trouble::Refused { status, .. } => match status {
            401 | 403 => failure
                .hint("--token or EVTUI_TOKEN sends a token")
                .code(REFUSED),
            300..=399 => failure.hint("--url with the place that it names"),
            404 => failure.code(NO),
            400..=499 => failure.code(REFUSED),
            _ => failure,
        },
    }
}

/// Opens a stream and waits until its history is here.
///
/// # Errors
/// The service cannot be reached or refuses.
pub fn fetch(args: &ServiceArgs, path: &StreamPath, settings: &Settings) -> Result<Fetched> {
    let connected = connect(args, settings)?;
    loop {
        if let Some(source) = history(&connected.remote, path)? {
            return Ok(Fetched { source, connected });
        }
    }
}

/// Opens a stream and waits for its history; `None` when it was started over meanwhile.
fn history(remote: &Remote, path: &StreamPath) -> Result<Option<RemoteSource>> {
    let (sender, statuses) = std::sync::mpsc::channel();
    let tell = Arc::new(move |news| {
        // Nobody waits any more once the history is here.
        let _ = sender.send(news);
    });
    let source = remote.open(path, tell)?;
    loop {
        match statuses.recv().context("the connection is closed")? {
            News::Status(Status::Live | Status::Ended) => break,
            News::Status(Status::Retrying { why, .. } | Status::Offline { why }) => {
                let failure = Failure::new(format!("cannot read {path}: {why}"));
                return Err(failure.hint("--url or EVTUI_URL names the service").into());
            }
            News::Restarted { .. } => return Ok(None),
            News::Odd(what) => eprintln!("evtui: {path}: {what}"),
            News::Status(Status::Connecting) | News::HistoryEnd(_) => {}
        }
    }
    source.wait(&|| true);
    Ok(Some(source))
}

/// The code that these events deploy, the newest first.
fn sources(events: &[Vec<u8>]) -> Vec<String> {
    let deployed = events.iter().rev().filter(|raw| {
        Event::parse(raw).is_ok_and(|event| {
            BuiltIn::parse(&event.event_type) == Some(BuiltIn::DynamicWorkerConfigured)
        })
    });
    let inputs = deployed.filter_map(|raw| Some(configuration(raw).ok()?.1));
    inputs
        .flat_map(|input| match input {
            Input::Script { text, .. } => vec![text],
            Input::Modules(modules) => modules.into_values().map(ModuleText::into_text).collect(),
            Input::File(_) => Vec::new(),
        })
        .collect()
}

/// A stream whose history is here.
pub struct Fetched {
    /// Its events; more come as they are committed.
    pub source: RemoteSource,
    /// The connection.
    pub connected: Connected,
}

/// Refuses where nothing may be appended.
///
/// # Errors
/// `read_only` is in force.
pub fn may_append(settings: &Settings) -> Result<(), Failure> {
    if !settings.read_only.value {
        return Ok(());
    }
    let what = format!(
        "cannot append: read_only is set by {}",
        settings.read_only.origin
    );
    Err(Failure::new(what).code(REFUSED))
}

/// Follows a stream into `sink` and says on standard error when the connection is lost.
///
/// # Errors
/// It can be followed no more, or the sink fails.
pub fn follow(
    remote: &Remote,
    path: &StreamPath,
    after: After,
    live: bool,
    until: impl Future<Output = ()>,
    sink: Sink,
) -> Result<()> {
    let held = Held {
        after,
        first: None,
        last: None,
    };
    let told = path.clone();
    let lost = std::sync::atomic::AtomicBool::new(false);
    let tell = move |news: News| match news {
        News::Status(Status::Retrying { after, why }) => {
            lost.store(true, std::sync::atomic::Ordering::Relaxed);
            eprintln!(
                "evtui: {told}: {why}; trying again in {:.1} s",
                after.as_secs_f32()
            );
        }
        News::Status(Status::Live) => {
            if lost.swap(false, std::sync::atomic::Ordering::Relaxed) {
                eprintln!("evtui: {told}: connected again");
            }
        }
        News::Odd(what) => eprintln!("evtui: {told}: {what}"),
        News::Status(_) | News::HistoryEnd(_) | News::Restarted { .. } => {}
    };
    let client = remote.client().clone();
    let (_nudge, nudges) = tokio::sync::mpsc::unbounded_channel();
    let mut follower = Follower::new(
        client,
        path.clone(),
        held,
        live,
        Arc::new(tell),
        sink,
        nudges,
    );
    let ended = remote.wait(async {
        tokio::select! {
            ended = follower.run() => ended,
            () = until => Ended::Enough,
        }
    });
    match ended.unwrap_or(Ended::Enough) {
        Ended::Enough | Ended::History | Ended::Done => Ok(()),
        Ended::Failed(trouble) => Err(failure(&format!("read {path}"), &trouble).into()),
        Ended::Sink(error) => Err(write_error(error)),
        Ended::Restarted => {
            let what = format!("cannot read on in {path}: it was destroyed and started over");
            Err(Failure::new(what).code(NO).into())
        }
    }
}

/// An error of writing; a reader that went away is found in it by [`super::failure::report`].
fn write_error(error: io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context("cannot write the events")
}

/// Events at a stream's end that are looked at for the form of its messages.
const LOOKED_AT: u64 = 500;

/// How messages of a stream are written.
///
/// # Errors
/// The stream cannot be read.
pub async fn message_form(client: &Client, path: &StreamPath) -> Result<MessageForm, Trouble> {
    let from = match details(client, path.as_str()).await {
        Some(details) => details.events.saturating_sub(LOOKED_AT),
        None => 0,
    };
    let bounds = Bounds {
        after: After::Offset(from),
        until: Until::End,
    };
    let mut body = client.read(path, bounds).await?;
    let (mut batch, mut lines) = (Batch::default(), Vec::new());
    loop {
        batch.clear();
        let more = body.next(&mut batch).await;
        let events = batch.lines.split(|byte| *byte == b'\n');
        lines.extend(events.map(<[u8]>::to_vec));
        // A history that breaks off has shown enough to guess from.
        if !matches!(more, Ok(true)) || batch.done {
            return Ok(MessageForm::of_messages(lines.iter().rev())
                .or_else(|| MessageForm::of_sources(&sources(&lines)))
                .unwrap_or_default());
        }
    }
}
