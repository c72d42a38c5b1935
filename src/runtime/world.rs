//! Carries out effects: whatever takes time happens on a thread of its own and comes back as a
//! message.

use super::clipboard::{Clipboard, Outcome};
use super::drafts::Drafts;
use super::open::Options;
use super::replayer::Tell;
use super::service::Service;
use super::spawn;
use super::tab::{Tab, Wish};
use super::target::Target;
use crate::app::effect::Effect;
use crate::app::msg::Msg;
use crate::app::state::{Level, LogView};
use anyhow::Result;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;

/// What reaches the loop from other threads.
pub enum Event {
    /// Something for the app.
    Msg(Msg),
    /// A stream was destroyed and started over; what is known of it is another one's past.
    Restarted {
        /// The tab that shows it.
        tab: u64,
        /// Where its events are kept now.
        aside: Option<PathBuf>,
    },
    /// Bytes for the terminal that are no part of the picture.
    Write(Vec<u8>),
}

/// Everything outside the app.
pub struct World {
    events: UnboundedSender<Event>,
    fold: Options,
    service: Option<Service>,
    tabs: HashMap<u64, Tab>,
    clipboard: Clipboard,
    drafts: Drafts,
}

impl World {
    /// A world without a log. `events` leads to the loop; streams are those of `service`.
    #[must_use]
    pub fn new(events: UnboundedSender<Event>, fold: Options, service: Option<Service>) -> World {
        World {
            events,
            fold,
            service,
            tabs: HashMap::new(),
            clipboard: Clipboard::default(),
            drafts: Drafts::default(),
        }
    }

    /// Keeps what is written in the composer there from now on.
    pub fn keep_drafts(&mut self, drafts: Drafts) {
        self.drafts = drafts;
    }

    fn tell(&self) -> Tell {
        let events = self.events.clone();
        Arc::new(move |msg| events.send(Event::Msg(msg)).is_ok())
    }

    /// Opens a log in a tab; what of it is on the screen first can be read when this returns.
    ///
    /// # Errors
    /// It cannot be opened: what and why. The tab is left as it was.
    pub fn open(&mut self, wish: Wish<'_>) -> Result<LogView> {
        let tab = wish.tab;
        let before = self.tabs.get(&tab);
        let (opened, view) = Tab::open(
            wish,
            before,
            self.service.as_ref(),
            &self.fold,
            &self.events,
        )?;
        self.tabs.insert(tab, opened);
        Ok(view)
    }

    /// Opens the stream of a tab anew and says so.
    pub fn restarted(&mut self, tab: u64, aside: Option<&Path>) -> Vec<Msg> {
        let Some(target) = self.tabs.get(&tab).map(|tab| tab.target().clone()) else {
            return Vec::new();
        };
        let kept = match aside {
            Some(path) => format!("; its events so far are kept in {}", path.display()),
            None => String::new(),
        };
        let notice = format!("{target} was destroyed and started over{kept}");
        let opened = self.opened(tab, &target, None);
        let notice = Msg::Notice(Level::Warn, notice);
        vec![Msg::In(tab, Box::new(opened)), notice]
    }

    fn opened(&mut self, tab: u64, target: &Target, stream: Option<String>) -> Msg {
        let chosen = stream.is_some();
        let wish = Wish {
            tab,
            target,
            stream,
            following: false,
        };
        match self.open(wish) {
            Ok(view) => Msg::Opened(Box::new(LogView {
                chosen: chosen || view.chosen,
                ..view
            })),
            Err(error) => Msg::OpenFailed(format!("{error:#}")),
        }
    }

    /// The log of a tab changed: whoever waits for more of it goes on.
    pub fn log_changed(&self, tab: u64) {
        if let Some(tab) = self.tabs.get(&tab) {
            tab.log_changed();
        }
    }

    /// Carries out an effect that needs no terminal. Returns at once; what it gives is to be taken
    /// in before anything else, for what a log that was opened tells comes after it.
    #[must_use]
    pub fn perform(&mut self, tab: u64, effect: Effect) -> Option<Msg> {
        match effect {
            Effect::In(tab, effect) => return self.perform(tab, *effect),
            Effect::CloseTab(tab) => drop(self.tabs.remove(&tab)),
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
            Effect::Open { target, stream } => {
                let msg = match Target::resolve(&target) {
                    Ok(target) => self.opened(tab, &target, stream),
                    Err(error) => Msg::OpenFailed(error.to_string()),
                };
                return Some(Msg::In(tab, Box::new(msg)));
            }
            Effect::Append { id, path, input } => {
                if let Some(service) = &self.service {
                    service.append(id, path, input, self.tell());
                }
            }
            Effect::WatchStreams(prefix) => {
                let tell = self.tell();
                if let Some(service) = &mut self.service {
                    service.watch(prefix, tell);
                }
            }
            // A few kilobytes: nobody waits for them, and they must be there when the program ends.
            Effect::KeepDraft { place, draft } => {
                self.tell_failure(self.drafts.keep(&place, draft));
            }
            Effect::KeepSent(draft) => self.tell_failure(self.drafts.sent(draft)),
            // The loop's own.
            Effect::Edit { .. } | Effect::Mouse(_) | Effect::Suspend | Effect::Quit => {}
            effect => {
                if let Some(tab) = self.tabs.get_mut(&tab) {
                    tab.perform(effect);
                }
            }
        }
        None
    }

    fn tell_failure(&self, outcome: Result<()>) {
        if let Err(error) = outcome {
            (self.tell())(Msg::Notice(Level::Warn, format!("{error:#}")));
        }
    }
}
