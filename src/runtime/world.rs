//! Carries out effects: whatever takes time happens on a thread of its own and comes back as a
//! message.

use super::breaker::Breaker;
use super::clipboard::{Clipboard, Outcome};
use super::finder;
use super::open::Options;
use super::replayer::{Replayer, Tell};
use super::spawn;
use crate::app::effect::Effect;
use crate::app::msg::Msg;
use crate::app::state::{Level, LogView, StreamInfo};
use crate::model::filter::Filter;
use crate::model::log::EventLog;
use crate::replay::reducer::Cancel;
use crate::source::Source;
use crate::source::file::FileSource;
use crate::source::recordings;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use tokio::sync::mpsc::UnboundedSender;

/// What reaches the loop from other threads.
pub enum Event {
    /// Something for the app.
    Msg(Msg),
    /// Bytes for the terminal that are no part of the picture.
    Write(Vec<u8>),
}

/// What to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// One of the program's own recordings, by name.
    Recording(String),
}

impl Target {
    /// As the person would write it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Target::File(path) => path.display().to_string(),
            Target::Stdin => "-".to_owned(),
            Target::Recording(name) => format!("@{name}"),
        }
    }

    /// Reads what [`Target::name`] writes.
    #[must_use]
    pub fn of(name: &str) -> Target {
        match name.strip_prefix('@') {
            Some(recording) if recordings::by_name(recording).is_some() => {
                Target::Recording(recording.to_owned())
            }
            _ if name == "-" => Target::Stdin,
            _ => Target::File(name.into()),
        }
    }

    fn open(&self) -> Result<FileSource> {
        let name = self.name();
        let source = match self {
            Target::File(path) => FileSource::open(path)?,
            Target::Stdin => FileSource::stdin()?,
            Target::Recording(recording) => {
                let found = recordings::by_name(recording)
                    .with_context(|| format!("no recording is named {recording:?}"))?;
                let source = FileSource::input(name, found.jsonl)?;
                // In memory already: a millisecond, and the first frame is whole.
                source.wait(&|| true);
                source
            }
        };
        Ok(source)
    }
}

/// Everything outside the app.
pub struct World {
    events: UnboundedSender<Event>,
    fold: Options,
    target: Option<Target>,
    source: Option<Arc<FileSource>>,
    log: Option<Arc<dyn EventLog>>,
    replayer: Option<Replayer>,
    breaker: Option<Breaker>,
    search: Cancel,
    survey: Cancel,
    filter: Option<(Cancel, Sender<()>)>,
    clipboard: Clipboard,
}

impl World {
    /// A world without a log. `events` leads to the loop.
    #[must_use]
    pub fn new(events: UnboundedSender<Event>, fold: Options) -> World {
        World {
            events,
            fold,
            target: None,
            source: None,
            log: None,
            replayer: None,
            breaker: None,
            search: Cancel::new(),
            survey: Cancel::new(),
            filter: None,
            clipboard: Clipboard::default(),
        }
    }

    fn tell(&self) -> Tell {
        let events = self.events.clone();
        Arc::new(move |msg| events.send(Event::Msg(msg)).is_ok())
    }

    /// Opens a log; what of it is on the screen first can be read when this returns.
    ///
    /// # Errors
    /// It cannot be opened: what and why.
    pub fn open(
        &mut self,
        target: &Target,
        stream: Option<String>,
        following: bool,
    ) -> Result<LogView> {
        // Standard input can be read once; another stream of it is another view of the same.
        let source = match &self.source {
            Some(source) if self.target.as_ref() == Some(target) => Arc::clone(source),
            _ => Arc::new(target.open()?),
        };
        self.stop();
        let log = source.log(stream.as_deref());
        if following {
            source.follow();
        }
        let (watched, weak) = (Arc::clone(&log), Arc::downgrade(&source));
        let tell = self.tell();
        source.on_change(Box::new(move || {
            let Some(source) = weak.upgrade() else { return };
            let complaints = if watched.indexing().is_done() {
                watched.complaints()
            } else {
                Vec::new()
            };
            tell(Msg::LogChanged {
                complaints: complaints.into(),
                streams: streams(&*source),
            });
        }));
        let known = streams(&*source);
        let view = LogView {
            log: Arc::clone(&log),
            name: target.name(),
            stream: stream.or_else(|| match &known[..] {
                [only] => Some(only.path.clone()),
                _ => None,
            }),
            chosen: false,
            streams: known,
            can_follow: !matches!(target, Target::Recording(_)),
            following: following || source.is_following(),
            len: log.len(),
            complaints: log.complaints().into(),
            connection: None,
        };
        self.replayer = Some(Replayer::start(
            Arc::clone(&log),
            self.fold.clone(),
            self.tell(),
        ));
        self.breaker = Some(Breaker::start(Arc::clone(&log), self.tell()));
        self.log = Some(log);
        self.source = Some(source);
        self.target = Some(target.clone());
        Ok(view)
    }

    fn stop(&mut self) {
        self.search.cancel();
        self.survey.cancel();
        self.filter = None;
        self.replayer = None;
        self.breaker = None;
    }

    /// The log changed: whoever waits for more of it goes on.
    pub fn log_changed(&self) {
        if let Some(replayer) = &self.replayer {
            replayer.grew();
        }
        if let Some((_, grew)) = &self.filter {
            // A filter that ended needs no more rows.
            let _ = grew.send(());
        }
    }

    /// Carries out an effect that needs no terminal. Returns at once.
    pub fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Seek { id, rows, against } => {
                if let Some(replayer) = &self.replayer {
                    replayer.seek(id, rows, against);
                }
            }
            Effect::CancelSeek => {
                if let Some(replayer) = &self.replayer {
                    replayer.stop();
                }
            }
            Effect::UseWorker(slug) => {
                if let Some(replayer) = &self.replayer {
                    replayer.use_worker(slug);
                }
            }
            Effect::FindChange {
                id,
                path,
                rows,
                backward,
            } => {
                if let Some(replayer) = &self.replayer {
                    replayer.find_change(id, path, rows, backward);
                }
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
            Effect::Survey { columns } => {
                let cancel = fresh(&mut self.survey);
                self.with_log("survey", move |log, tell| {
                    if let Some(survey) = finder::survey(log, columns, &cancel) {
                        tell(Msg::Surveyed(survey));
                    }
                });
            }
            Effect::Breaker { rows, story } => {
                if let Some(breaker) = &self.breaker {
                    breaker.ask(rows, story);
                }
            }
            Effect::Highlight { name, text } => {
                let tell = self.tell();
                spawn("highlight", &self.tell(), move || {
                    let tokens = crate::ui::highlight::tokens(&name, &text);
                    tell(Msg::Highlighted { name, tokens });
                });
            }
            Effect::Copy { text, what } => {
                let events = self.events.clone();
                self.clipboard.copy(text, move |outcome| {
                    let msg = match outcome {
                        Outcome::Native => Msg::Copied(format!("{what} copied")),
                        Outcome::Terminal(bytes) => {
                            let _ = events.send(Event::Write(bytes));
                            Msg::Copied(format!("{what} copied through the terminal"))
                        }
                        Outcome::TooLong(bytes) => Msg::Notice(
                            Level::Warn,
                            format!(
                                "{what} was not copied: there is no clipboard here, and {bytes} \
                                 bytes are too many to send through the terminal"
                            ),
                        ),
                    };
                    // Nobody is left to be told when the program ends.
                    let _ = events.send(Event::Msg(msg));
                });
            }
            Effect::Follow(on) => {
                if let Some(source) = &self.source {
                    if on {
                        source.follow();
                    } else {
                        source.unfollow();
                    }
                }
            }
            Effect::Open { target, stream } => {
                let msg = match self.open(&Target::of(&target), stream.clone(), false) {
                    Ok(view) => Msg::Opened(Box::new(LogView {
                        chosen: stream.is_some(),
                        ..view
                    })),
                    Err(error) => Msg::OpenFailed(format!("{error:#}")),
                };
                (self.tell())(msg);
            }
            Effect::In(_, _)
            | Effect::CloseTab(_)
            | Effect::Append { .. }
            | Effect::Reconnect
            | Effect::WatchStreams(_) => {}
            // The loop's own.
            Effect::Mouse(_) | Effect::Suspend | Effect::Quit => {}
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
        let Some(log) = self.log.clone() else { return };
        let tell = self.tell();
        spawn(name, &self.tell(), move || work(&*log, &tell));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop_filter();
        self.stop();
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
