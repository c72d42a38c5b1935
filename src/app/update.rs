//! What each message does to the screen. One file a concern; this one hands messages on and sees
//! to what must follow from any change.

mod breaker;
mod composer;
mod connection;
mod copy;
mod find;
mod layers;
mod log;
mod mouse;
mod pickers;
mod play;
mod prompt;
mod refresh;
mod run;
mod send;
mod state_tree;
mod streams;
mod travel;

#[cfg(test)]
mod tests;

use super::effect::Effect;
use super::key::Key;
use super::layout::Size;
use super::msg::Msg;
use super::state::{App, Arriving, Level, Toast};
use std::time::Duration;

pub(super) use refresh::Asked;

/// Takes one message in: changes the screen's state and says what is to be done outside.
pub fn update(app: &mut App, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    let todo = &mut effects;
    match msg {
        Msg::Key(key) => press(app, key, todo),
        Msg::Paste(text) => layers::paste(app, &text, todo),
        Msg::Mouse(mouse) => mouse::mouse(app, mouse, todo),
        Msg::Resize(width, height) => app.size = Size { width, height },
        Msg::Tick(passed) => tick(app, passed, todo),
        Msg::Opened(view) => log::opened(app, *view),
        Msg::OpenFailed(why) => log::open_failed(app, why),
        Msg::LogChanged {
            complaints,
            streams,
        } => log::changed(app, complaints, streams),
        Msg::Workers {
            list,
            current,
            done,
        } => log::workers(app, list, current, done),
        Msg::Code { files, why_empty } => {
            log::code(app, files, why_empty, todo);
            composer::source_came(app);
        }
        Msg::Highlighted { name, tokens } => log::highlighted(app, &name, tokens),
        Msg::Moment {
            id,
            moment,
            against,
        } => state_tree::moment(app, id, moment, against),
        Msg::SeekProgress { id, rows, of } => state_tree::progress(app, id, rows, of),
        Msg::SeekFailed { id, error } => state_tree::failed(app, id, error),
        Msg::CannotFold(why) => {
            app.state.pending = None;
            app.state.broken = Some(why);
            app.workers.discovering = false;
        }
        Msg::Folded { rows, of } => app.folded = (rows, of),
        Msg::Notes(notes) => log::notes(app, notes),
        Msg::NotesCleared => app.notes.clear(),
        Msg::Found { id, row } => find::found(app, id, row, todo),
        Msg::Filtered { id, rows, scanned } => find::filtered(app, id, rows, scanned),
        Msg::Surveyed(survey) => app.survey = Some(survey),
        Msg::Linked { link, at } => connection::linked(app, link, at),
        Msg::History(end) => connection::history(app, end),
        Msg::Appended {
            id,
            path,
            offset,
            event_type,
        } => {
            composer::appended(app, id, todo);
            connection::appended(app, &path, offset, &event_type);
        }
        Msg::AppendFailed { id, refused } => {
            composer::failed(app, id, &refused.message);
            connection::append_failed(app, refused);
        }
        Msg::Edited(text) => composer::edited(app, &text),
        Msg::Streams(streams) => connection::streams(app, streams),
        Msg::In(tab, msg) if tab == app.tab => return update(app, *msg),
        Msg::In(tab, msg) => streams::in_background(app, tab, *msg, todo),
        Msg::Breaker { rows, level, story } => breaker::told(app, rows, level, story),
        Msg::Copied(how) => app.toast(Level::Info, how),
        Msg::Notice(level, text) => app.toast(level, text),
        Msg::Run(verb) => run::run(app, verb, todo),
        Msg::Quit => {
            composer::keep(app, todo);
            app.quitting = true;
            todo.push(Effect::Quit);
        }
    }
    refresh::refresh(app, todo);
    effects
}

/// Starts at an offset instead of the log's end.
pub fn go_to_offset(app: &mut App, offset: u64) -> Vec<Effect> {
    let mut effects = Vec::new();
    if log::is_under_way(app, offset) {
        app.arriving = Some(Arriving::Offset(offset));
    } else {
        prompt::go_to_offset(app, offset);
    }
    refresh::refresh(app, &mut effects);
    effects
}

/// Starts with the streams under a path to choose from.
pub fn show_tree(app: &mut App, prefix: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    streams::tree(app, Some(prefix), &mut effects);
    effects
}

/// Starts with the recordings to choose from.
pub fn show_recordings(app: &mut App) {
    pickers::recordings(app);
}

fn press(app: &mut App, key: Key, todo: &mut Vec<Effect>) {
    if key == Key::ctrl('c') {
        composer::keep(app, todo);
        app.quitting = true;
        todo.push(Effect::Quit);
    } else if layers::takes_key(app, key, todo) {
        // The topmost layer had it.
    } else if composer::takes_key(app, key, todo) || breaker::takes_key(app, key, todo) {
        // The docked panel had it.
    } else if let Some(verb) = app.settings.keymap.verb(key) {
        run::run(app, verb, todo);
    }
}

fn tick(app: &mut App, passed: Duration, todo: &mut Vec<Effect>) {
    for toast in &mut app.toasts {
        toast.left = toast.left.saturating_sub(passed);
    }
    app.toasts.retain(|toast| !toast.left.is_zero());
    connection::tick(app, passed);
    composer::tick(app, passed, todo);
    play::tick(app, passed);
}

/// How long a message stays.
const TOAST: Duration = Duration::from_secs(4);
/// More messages than this push the oldest out.
const TOASTS: usize = 4;

impl App {
    /// Tells the person something.
    pub(super) fn toast(&mut self, level: Level, text: impl Into<String>) {
        let text = text.into();
        self.toasts.retain(|t| t.text != text);
        if self.toasts.len() == TOASTS {
            self.toasts.pop_front();
        }
        let left = match level {
            Level::Error => TOAST * 2,
            Level::Info | Level::Warn => TOAST,
        };
        self.toasts.push_back(Toast { level, text, left });
    }

    /// How often `Msg::Tick` is wanted; `None` while nothing moves by itself.
    #[must_use]
    pub fn tick_every(&self) -> Option<Duration> {
        if self.play.is_some() {
            Some(Duration::from_millis(33))
        } else if self.toasts.is_empty()
            && self.composer.unsaved.is_none()
            && !connection::counts_down(self)
        {
            None
        } else {
            Some(Duration::from_millis(250))
        }
    }
}
