//! What each verb does.

use super::{
    breaker, composer, connection, copy, find, layers, pickers, play, prompt, state_tree, streams,
    travel,
};
use crate::app::command::Verb;
use crate::app::effect::Effect;
use crate::app::layer::{Ask, Layer};
use crate::app::layout::Pane;
use crate::app::state::{App, Level, Mark};

/// Runs a verb, or tells why it cannot run now.
pub fn run(app: &mut App, verb: Verb, todo: &mut Vec<Effect>) {
    if let Err(why) = verb.enabled(app) {
        app.toast(Level::Warn, why);
        return;
    }
    match verb {
        Verb::Down => travel::lines(app, 1),
        Verb::Up => travel::lines(app, -1),
        Verb::PageDown => travel::lines(app, travel::page(app)),
        Verb::PageUp => travel::lines(app, -travel::page(app)),
        Verb::Open => open(app),
        Verb::StepForward => travel::step(app, 1),
        Verb::StepBack => travel::step(app, -1),
        Verb::LeapForward => travel::step(app, 10),
        Verb::LeapBack => travel::step(app, -10),
        Verb::First => travel::go_to(app, 1),
        Verb::Last => travel::last(app),
        Verb::GoTo => prompt::ask(app, Ask::GoTo),
        Verb::Play => play::toggle(app),
        Verb::Faster => play::change_speed(app, 2.0),
        Verb::Slower => play::change_speed(app, 0.5),
        Verb::AsRecorded => play::as_recorded(app),
        Verb::Follow => travel::follow(app, todo),
        Verb::Search if app.focus == Pane::State => prompt::ask(app, Ask::SearchState),
        Verb::Search => prompt::ask(app, Ask::SearchEvents),
        Verb::SearchNext => find::again(app, false, todo),
        Verb::SearchPrevious => find::again(app, true, todo),
        Verb::Filter => prompt::ask(app, Ask::Filter),
        Verb::NextError => find::error(app, false),
        Verb::PreviousError => find::error(app, true),
        Verb::NextChange => find::change(app, false, todo),
        Verb::PreviousChange => find::change(app, true, todo),
        Verb::Watch => state_tree::watch(app),
        Verb::Cause => find::cause(app),
        Verb::Effect => find::effect(app),
        Verb::Compare => compare(app),
        Verb::Bookmark => bookmark(app),
        Verb::Bookmarks => pickers::bookmarks(app),
        Verb::Failures => pickers::failures(app),
        Verb::Fold => {
            app.timeline.folding = !app.timeline.folding;
            app.timeline.unfolded.clear();
        }
        Verb::Times => app.timeline.absolute_times = !app.timeline.absolute_times,
        Verb::Raw => {
            app.event.raw = !app.event.raw;
            app.event.doc = None;
            app.event.scroll = 0;
        }
        Verb::Envelope => {
            app.event.envelope = !app.event.envelope;
            app.event.doc = None;
            app.event.scroll = 0;
        }
        Verb::Wrap => {
            app.event.wrap = !app.event.wrap;
            app.event.doc = None;
            app.event.scroll = 0;
        }
        Verb::Changes => app.layers.push(Layer::Changes { scroll: 0 }),
        Verb::NextPane => focus_by(app, 1),
        Verb::PreviousPane => focus_by(app, Pane::ALL.len() - 1),
        Verb::PaneTimeline => focus(app, Pane::Timeline),
        Verb::PaneState => focus(app, Pane::State),
        Verb::PaneEvent => focus(app, Pane::Event),
        Verb::PaneSource => focus(app, Pane::Source),
        Verb::Compose => composer::open(app, todo),
        Verb::Again => composer::open_event(app, todo),
        Verb::Resume => prompt::ask(app, Ask::Resume),
        Verb::Breaker => breaker::toggle(app),
        Verb::Zoom => app.zoom = !app.zoom,
        Verb::Worker => pickers::workers(app),
        Verb::Stream => streams::tree(app, None, todo),
        Verb::NextTab => streams::switch(app, true),
        Verb::PreviousTab => streams::switch(app, false),
        Verb::CloseTab => streams::close_tab(app, todo),
        Verb::Recordings => pickers::recordings(app),
        Verb::Reconnect => connection::reconnect(app, todo),
        Verb::Copy => copy::selected(app, todo),
        Verb::CopyMenu => pickers::copy(app),
        Verb::Themes => pickers::themes(app),
        Verb::Mouse => {
            app.settings.mouse = !app.settings.mouse;
            todo.push(Effect::Mouse(app.settings.mouse));
            let text = if app.settings.mouse {
                "the mouse works here; M gives it back to the terminal"
            } else {
                "the mouse is the terminal's: select text with it"
            };
            app.toast(Level::Info, text);
        }
        Verb::Palette => pickers::palette(app),
        Verb::Help => app.layers.push(Layer::Help { scroll: 0 }),
        Verb::Suspend => todo.push(Effect::Suspend),
        Verb::Back => back(app, todo),
        Verb::Quit => {
            composer::keep(app, todo);
            app.quitting = true;
            todo.push(Effect::Quit);
        }
    }
}

/// Gives the keys to a pane.
pub fn focus(app: &mut App, pane: Pane) {
    app.focus = pane;
    if matches!(pane, Pane::Event | Pane::Source) {
        app.third = pane;
    }
}

fn focus_by(app: &mut App, by: usize) {
    let at = Pane::ALL.iter().position(|p| *p == app.focus).unwrap_or(0);
    focus(app, Pane::ALL[(at + by) % Pane::ALL.len()]);
}

fn open(app: &mut App) {
    match app.focus {
        Pane::Timeline => travel::fold_here(app),
        Pane::State => state_tree::toggle(app),
        Pane::Event => run(app, Verb::Envelope, &mut Vec::new()),
        Pane::Source if app.code.files.len() > 1 => {
            app.code.current = (app.code.current + 1) % app.code.files.len();
            app.code.scroll = 0;
        }
        Pane::Source => app.toast(Level::Warn, "this processor is one file"),
    }
}

fn compare(app: &mut App) {
    if app.state.mark.take().is_some() {
        app.toast(Level::Info, "comparing with the previous event again");
        state_tree::rebuild(app, true);
        return;
    }
    let rows = app.playhead.rows;
    app.state.mark = Some(Mark {
        rows,
        changes: None,
    });
    let offset = app.offset_at(rows);
    app.toast(
        Level::Info,
        format!("comparing with offset {offset} from now on; d goes back to the previous event"),
    );
}

fn bookmark(app: &mut App) {
    let Some(row) = app.row() else { return };
    let offset = app.offset_at(row + 1);
    if app.bookmarks.remove(&row) {
        app.toast(Level::Info, format!("bookmark at {offset} taken away"));
    } else {
        app.bookmarks.insert(row);
        app.toast(Level::Info, format!("bookmark at {offset}; ' lists them"));
    }
}

/// One thing at a time: a layer, what is running, the zoom, then the search's marks and the filter.
fn back(app: &mut App, todo: &mut Vec<Effect>) {
    if layers::close(app, todo) || app.dock.take().is_some() {
    } else if app.play.take().is_some() {
        app.toast(Level::Info, "stopped");
    } else if app.search.as_ref().is_some_and(|s| s.running.is_some()) || app.finding.is_some() {
        find::stop(app, todo);
    } else if app.state.pending.take().is_some() {
        todo.push(Effect::CancelSeek);
        app.state.failure =
            Some("stopped before this offset was folded; move to try again".to_owned());
    } else if app.zoom {
        app.zoom = false;
    } else if app.search.take().is_some() {
        app.toast(Level::Info, "search cleared");
    } else if app.filter.take().is_some() {
        todo.push(Effect::CancelFilter);
        app.toast(Level::Info, "filter taken away: all events are shown");
    } else {
        app.toast(Level::Info, "q leaves evtui");
    }
}
