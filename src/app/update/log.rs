//! The log that is open and what the outside tells about it.

use super::{prompt, streams, travel};
use crate::app::effect::Effect;
use crate::app::msg::Tokens;
use crate::app::state::{App, Arriving, CodeFile, Level, LogView, StreamInfo, Worker};
use crate::model::log::Complaint;
use crate::replay::reducer::Note;
use std::sync::Arc;

/// A log takes the screen; everything about another one is gone, what the person set stays.
pub fn opened(app: &mut App, mut view: LogView) {
    // It may have grown since, and nobody was there to be told.
    view.len = view.log.len();
    let mut fresh = App::new(app.size, app.settings.clone());
    fresh.last_id = app.last_id;
    fresh.recordings = std::mem::take(&mut app.recordings);
    fresh.history = std::mem::take(&mut app.history);
    fresh.toasts = std::mem::take(&mut app.toasts);
    fresh.service = app.service.take();
    fresh.tab = app.tab;
    fresh.tabs = std::mem::take(&mut app.tabs);
    fresh.composer = std::mem::take(&mut app.composer);
    fresh.speed = app.speed;
    fresh.focus = app.focus;
    fresh.third = app.third;
    fresh.follows = view.can_follow && view.following;
    fresh.log = Some(view);
    fresh.workers.discovering = true;
    *app = fresh;
    app.lay_out();
    travel::last(app);
    ask_stream(app);
}

/// Asks for the stream as soon as a log is known to hold several; until then all are shown.
fn ask_stream(app: &mut App) {
    if let Some(view) = &mut app.log
        && !view.chosen
        && view.streams.len() > 1
    {
        view.chosen = true;
        view.stream = None;
        streams::tree(app, None, &mut Vec::new());
    }
}

pub fn open_failed(app: &mut App, why: String) {
    if app.log.is_some() {
        app.toast(Level::Error, why);
    } else {
        app.open_error = Some(why);
    }
}

pub fn changed(app: &mut App, complaints: Arc<[Complaint]>, streams: Vec<StreamInfo>) {
    let Some(view) = &mut app.log else { return };
    let before = view.len;
    view.len = view.log.len();
    view.complaints = complaints;
    view.streams = streams;
    if let ([only], None) = (&view.streams[..], &view.stream) {
        view.stream = Some(only.path.clone());
    }
    let at_end = app.playhead.rows >= before;
    let (len, done) = (view.len, view.log.indexing().is_done());
    if app.playhead.rows > len || (at_end && app.playhead.following) {
        travel::place(app, len);
    } else if at_end && len > before && app.arriving.is_none() {
        app.playhead.left_end_at.get_or_insert(before);
    }
    arrive(app, done);
    ask_stream(app);
}

/// Goes where the person asked to be, now that more of the log is known.
fn arrive(app: &mut App, done: bool) {
    match app.arriving.take() {
        // A log being indexed may count its rows anew: whoever stands at its end stays there.
        Some(Arriving::End) => {
            travel::place(app, app.len());
            app.playhead.following = app.follows;
            app.arriving = (!done).then_some(Arriving::End);
        }
        // The service told of it before it came over the connection.
        Some(Arriving::Offset(offset)) if is_under_way(app, offset) => {
            app.arriving = Some(Arriving::Offset(offset));
        }
        Some(Arriving::Offset(offset)) => prompt::go_to_offset(app, offset),
        None => {}
    }
}

/// True for an offset after those that a connection has brought so far.
pub fn is_under_way(app: &App, offset: u64) -> bool {
    app.connection().is_some() && offset > app.offset_at(app.len())
}

pub fn workers(app: &mut App, list: Vec<Worker>, current: usize, done: bool) {
    let before = app.workers.in_view().map(|w| w.slug.clone());
    let held = before
        .clone()
        .filter(|_| app.workers.by_hand)
        .and_then(|slug| list.iter().position(|w| w.slug == slug));
    app.workers.current = held.unwrap_or(current);
    app.workers.list = list;
    app.workers.discovering = !done;
    let now = app.workers.in_view().map(|w| w.slug.clone());
    if before.is_some() && before != now {
        forget_states(app);
    }
}

/// Shows another worker's state.
pub fn use_worker(app: &mut App, index: usize, todo: &mut Vec<Effect>) {
    let Some(worker) = app.workers.list.get(index) else {
        return;
    };
    todo.push(Effect::UseWorker(worker.slug.clone()));
    app.workers.current = index;
    app.workers.by_hand = true;
    forget_states(app);
}

/// What is on the screen is another one's state: it is asked for anew.
fn forget_states(app: &mut App) {
    app.state.moment = None;
    app.state.tree.lines.clear();
    app.notes.clear();
    app.folded = (0, 0);
    app.asked.seek = None;
}

pub fn code(
    app: &mut App,
    files: Vec<(Arc<str>, Arc<str>)>,
    why_empty: Option<String>,
    todo: &mut Vec<Effect>,
) {
    let held = app.code.files.get(app.code.current).map(|f| f.name.clone());
    for (name, text) in &files {
        todo.push(Effect::Highlight {
            name: Arc::clone(name),
            text: Arc::clone(text),
        });
    }
    app.code.current = files
        .iter()
        .position(|(name, _)| Some(name) == held.as_ref())
        .unwrap_or(0);
    app.code.files = files
        .into_iter()
        .map(|(name, text)| CodeFile {
            name,
            lines: text.lines().map(str::to_owned).collect(),
            tokens: None,
        })
        .collect();
    app.code.why_empty = why_empty;
}

pub fn highlighted(app: &mut App, name: &str, tokens: Tokens) {
    if let Some(file) = app.code.files.iter_mut().find(|f| &*f.name == name)
        && file.lines.len() <= tokens.len()
    {
        file.tokens = Some(tokens);
    }
}

pub fn notes(app: &mut App, notes: Vec<Note>) {
    let mut told = None;
    for note in notes {
        if told != Some(note.row) {
            told = Some(note.row);
            app.notes.remove(&note.row);
        }
        app.notes.entry(note.row).or_default().push(note);
    }
}
