//! Moving the playhead, and moving through lines of the pane that has the keys.

use super::state_tree;
use crate::app::effect::Effect;
use crate::app::layout::Pane;
use crate::app::state::{App, Arriving, Level, LogView};
use crate::app::timeline::Line;

/// Lines kept between the playhead and the pane's edge.
const MARGIN: usize = 2;

/// Puts the playhead after this many events. Stops playing; leaving the end stops following.
pub fn go_to(app: &mut App, rows: usize) {
    app.play = None;
    app.arriving = None;
    place(app, rows);
}

/// The same, while time may run on by itself.
pub fn place(app: &mut App, rows: usize) {
    let len = app.len();
    let rows = rows.min(len);
    if rows < len {
        app.playhead.following = false;
        app.playhead.left_end_at.get_or_insert(len);
    } else {
        app.playhead.left_end_at = None;
    }
    if rows != app.playhead.rows {
        scroll_to(app, rows);
    }
}

/// Moves the playhead and keeps the lines around it where they are as far as the pane allows.
fn scroll_to(app: &mut App, rows: usize) {
    let height = app.areas.lines(Pane::Timeline).max(1);
    let margin = MARGIN.min((height - 1) / 2);
    let from = app.playhead_line();
    let forward = rows > app.playhead.rows;
    let above = app.timeline_window(height).1;
    app.playhead.rows = rows;
    let to = app.playhead_line();
    let mut between = 0;
    let mut line = from;
    while line != to && between < height {
        match app.line_towards(&line, forward) {
            Some(next) => line = next,
            None => break,
        }
        between += 1;
    }
    app.timeline.above = if line != to {
        height / 2
    } else if forward {
        (above + between).min(height - 1 - margin)
    } else {
        above.saturating_sub(between).max(margin)
    };
}

/// Steps by events.
pub fn step(app: &mut App, by: isize) {
    go_to(app, app.playhead.rows.saturating_add_signed(by));
}

/// To the last event; follows again if the end was left while following.
pub fn last(app: &mut App) {
    go_to(app, app.len());
    app.playhead.following = app.follows;
    let counting = |l: &LogView| !l.log.indexing().is_done();
    app.arriving = app
        .log
        .as_ref()
        .is_some_and(counting)
        .then_some(Arriving::End);
}

/// Turns following on or off.
pub fn follow(app: &mut App, todo: &mut Vec<Effect>) {
    app.follows = !app.playhead.following;
    todo.push(Effect::Follow(app.follows));
    if app.follows {
        last(app);
        app.toast(Level::Info, "following: new events move the playhead");
    } else {
        app.playhead.following = false;
        app.toast(Level::Info, "not following any more");
    }
}

/// Lines of a page in the pane that has the keys.
pub fn page(app: &App) -> isize {
    let lines = app.areas.lines(app.focus).saturating_sub(1).max(1);
    lines.try_into().unwrap_or(isize::MAX)
}

/// Moves by lines of the pane that has the keys.
pub fn lines(app: &mut App, by: isize) {
    move_in(app, app.focus, by);
}

/// Moves by lines of a pane: the playhead in the timeline, the selection in the state, the text
/// elsewhere.
pub fn move_in(app: &mut App, pane: Pane, by: isize) {
    let height = app.areas.lines(pane);
    match pane {
        Pane::Timeline => {
            let mut line = app.playhead_line();
            for _ in 0..by.unsigned_abs() {
                match app.line_towards(&line, by > 0) {
                    Some(next) => line = next,
                    None => break,
                }
            }
            // Up from the first line leads to before the first event.
            let before = by < 0 && line.rows().start == 0 && line == app.playhead_line();
            go_to(app, if before { 0 } else { line.playhead() });
        }
        Pane::State => state_tree::select_by(app, by),
        Pane::Event => {
            let most = app.event.doc.as_ref().map_or(0, |d| d.pieces.len());
            app.event.scroll = scrolled(app.event.scroll, by, most, height);
        }
        Pane::Source => {
            let most = app
                .code
                .files
                .get(app.code.current)
                .map_or(0, |f| f.lines.len());
            app.code.scroll = scrolled(app.code.scroll, by, most, height);
        }
    }
}

/// A text's first line after scrolling.
pub fn scrolled(scroll: usize, by: isize, lines: usize, height: usize) -> usize {
    scroll
        .saturating_add_signed(by)
        .min(lines.saturating_sub(height.max(1)))
}

/// Folds or unfolds the run of chunks at the playhead.
pub fn fold_here(app: &mut App) {
    match app.playhead_line() {
        Line::Run { rows } => {
            app.timeline.unfolded.insert(rows.start);
        }
        Line::Event {
            row, in_run: true, ..
        } => {
            let run = app
                .log
                .as_ref()
                .and_then(|view| crate::model::turn::run_at(&*view.log, row));
            if !run.is_some_and(|run| app.timeline.unfolded.remove(&run.start)) {
                app.timeline.folding = true;
            }
        }
        Line::Event { .. } | Line::Start => {
            app.focus = Pane::Event;
            app.third = Pane::Event;
        }
    }
}
