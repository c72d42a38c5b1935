//! One open log: where it is read from, who folds it, and the scans that run over it.

use super::breaker::Breaker;
use super::finder;
use super::open::Options;
use super::replayer::{Replayer, Tell};
use super::service::Service;
use super::spawn;
use super::surveyor::Surveyor;
use super::target::Target;
use super::world::Event;
use crate::app::connection::Connection;
use crate::app::effect::Effect;
use crate::app::msg::Msg;
use crate::app::state::{LogView, StreamInfo};
use crate::model::filter::Filter;
use crate::model::log::EventLog;
use crate::replay::reducer::Cancel;
use crate::source::Source;
use crate::source::file::FileSource;
use crate::source::remote::RemoteSource;
use anyhow::{Context, Result};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use tokio::sync::mpsc::UnboundedSender;

/// See the module.
pub struct Tab {
    target: Target,
    from: Whence,
    log: Arc<dyn EventLog>,
    replayer: Replayer,
    breaker: Breaker,
    surveyor: Surveyor,
    search: Cancel,
    filter: Option<(Cancel, Sender<()>)>,
    tell: Tell,
}

/// Where a log is read from.
#[derive(Clone)]
enum Whence {
    File(Arc<FileSource>),
    Remote(Arc<RemoteSource>),
}

impl Whence {
    fn source(&self) -> Arc<dyn Source> {
        match self {
            Whence::File(source) => Arc::clone(source) as Arc<dyn Source>,
            Whence::Remote(source) => Arc::clone(source) as Arc<dyn Source>,
        }
    }
}

/// What a tab opens.
pub struct Wish<'a> {
    /// Number of the tab.
    pub tab: u64,
    /// The log.
    pub target: &'a Target,
    /// The stream in a log of several.
    pub stream: Option<String>,
    /// Follow it from the start.
    pub following: bool,
}

impl Tab {
    /// Opens a log; what of it is on the screen first can be read when this returns. `before` is
    /// what the tab showed until now.
    ///
    /// # Errors
    /// It cannot be opened: what and why.
    pub fn open(
        wish: Wish<'_>,
        before: Option<&Tab>,
        service: Option<&Service>,
        fold: &Options,
        events: &UnboundedSender<Event>,
    ) -> Result<(Tab, LogView)> {
        let Wish {
            tab,
            target,
            stream,
            following,
        } = wish;
        let from = match (before, target) {
            // Standard input can be read once; another stream of it is another view of the same.
            (Some(before), Target::File(_) | Target::Stdin) if before.target == *target => {
                before.from.clone()
            }
            (_, Target::Stream(path)) => {
                let service = service.context("no service is set up to open streams on")?;
                Whence::Remote(Arc::new(service.open(path, tab, events)?))
            }
            (_, target) => {
                let opened = target.open_log()?;
                let opened = opened.with_context(|| format!("{target} is no log"))?;
                Whence::File(Arc::new(opened))
            }
        };
        let source = from.source();
        let log = source.log(stream.as_deref());
        if following {
            source.follow();
        }
        let tell: Tell = {
            let events = events.clone();
            Arc::new(move |msg| events.send(Event::Msg(Msg::In(tab, Box::new(msg)))).is_ok())
        };
        let (watched, weak) = (Arc::clone(&log), Arc::downgrade(&source));
        let told = Arc::clone(&tell);
        source.on_change(Box::new(move || {
            let Some(source) = weak.upgrade() else { return };
            let complaints = if watched.indexing().is_done() {
                watched.complaints()
            } else {
                Vec::new()
            };
            told(Msg::LogChanged {
                complaints: complaints.into(),
                streams: streams(&*source),
            });
        }));
        let known = streams(&*source);
        let connection = matches!(from, Whence::Remote(_)).then(Connection::default);
        let stream = stream.or_else(|| match (target, &known[..]) {
            (Target::Stream(path), _) => Some(path.to_string()),
            (_, [only]) => Some(only.path.clone()),
            _ => None,
        });
        let view = LogView {
            log: Arc::clone(&log),
            name: target.to_string(),
            stream,
            chosen: connection.is_some(),
            streams: known,
            can_follow: !matches!(target, Target::Recording(_)),
            following: following || source.is_following(),
            len: log.len(),
            complaints: log.complaints().into(),
            connection,
        };
        let replayer = Replayer::start(Arc::clone(&log), fold.clone(), Arc::clone(&tell));
        let breaker = Breaker::start(Arc::clone(&log), Arc::clone(&tell));
        let surveyor = Surveyor::start(Arc::clone(&log), Arc::clone(&tell));
        let tab = Tab {
            target: target.clone(),
            from,
            log,
            replayer,
            breaker,
            surveyor,
            search: Cancel::new(),
            filter: None,
            tell,
        };
        Ok((tab, view))
    }

    /// What it shows.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The log changed: whoever waits for more of it goes on.
    pub fn log_changed(&self) {
        self.replayer.grew();
        if let Some((_, grew)) = &self.filter {
            // A filter that ended needs no more rows.
            let _ = grew.send(());
        }
    }

    /// Carries out an effect on the log; any other one is nothing to it.
    pub fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Seek { id, rows, against } => {
                self.replayer.seek(id, rows, against);
            }
            Effect::CancelSeek => {
                self.replayer.stop();
            }
            Effect::UseWorker(slug) => {
                self.replayer.use_worker(slug);
            }
            Effect::FindChange {
                id,
                path,
                rows,
                backward,
            } => {
                self.replayer.find_change(id, path, rows, backward);
            }
            Effect::Search {
                id,
                needle,
                from,
                backward,
            } => {
                let cancel = fresh(&mut self.search);
                self.with_log("search", move |log, tell| {
                    finder::search(log, id, &needle, (from, backward), &cancel, tell);
                });
            }
            Effect::CancelSearch => self.search.cancel(),
            Effect::Filter { id, text } => self.filter(id, &text),
            Effect::CancelFilter => self.stop_filter(),
            Effect::Survey { columns } => self.surveyor.ask(columns),
            Effect::Breaker { rows, story } => self.breaker.ask(rows, story),
            Effect::Follow(on) => {
                let source = self.from.source();
                if on {
                    source.follow();
                } else {
                    source.unfollow();
                }
            }
            Effect::Reconnect => {
                if let Whence::Remote(source) = &self.from {
                    source.reconnect();
                }
            }
            _ => {}
        }
    }

    fn filter(&mut self, id: u64, text: &str) {
        self.stop_filter();
        let Ok(filter) = text.parse::<Filter>() else {
            // The prompt takes valid ones only.
            return;
        };
        let cancel = Cancel::new();
        let (grew, more) = channel();
        self.filter = Some((cancel.clone(), grew));
        self.with_log("filter", move |log, tell| {
            finder::filter(log, id, &filter, &cancel, &more, tell);
        });
    }

    fn stop_filter(&mut self) {
        if let Some((cancel, _)) = self.filter.take() {
            cancel.cancel();
        }
    }

    fn with_log(
        &self,
        name: &'static str,
        work: impl FnOnce(&dyn EventLog, &Tell) + Send + 'static,
    ) {
        let (log, tell) = (Arc::clone(&self.log), Arc::clone(&self.tell));
        spawn(name, &self.tell, move || work(&*log, &tell));
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        self.stop_filter();
        self.search.cancel();
    }
}

/// Cancels what runs under a flag and puts a new one in its place.
fn fresh(flag: &mut Cancel) -> Cancel {
    flag.cancel();
    *flag = Cancel::new();
    flag.clone()
}

fn streams(source: &dyn Source) -> Vec<StreamInfo> {
    source
        .streams()
        .into_iter()
        .filter_map(|s| {
            Some(StreamInfo {
                path: s.path?.to_string(),
                events: s.events,
            })
        })
        .collect()
}
