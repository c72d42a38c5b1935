//! What must follow from any change: the layout, the playhead's event, and what is asked outside.

use crate::app::dock::Dock;
use crate::app::effect::Effect;
use crate::app::layout::Pane;
use crate::app::state::{App, EventDoc, Pending};
use crate::app::wrap::pieces;
use crate::model::event::Event;
use serde_json::Value;
use std::sync::Arc;
use unicode_width::UnicodeWidthStr;

/// What was asked for last, so that nothing is asked twice.
#[derive(Debug, Default)]
pub struct Asked {
    /// Rows and mark of the last seek.
    pub seek: Option<(usize, Option<usize>)>,
    /// Columns, rows and indexed share (in per mille) of the last survey.
    pub survey: Option<(usize, usize, u16)>,
    /// Rows of the last look at the breaker, and what its story was about.
    pub breaker: Option<(usize, Option<Subject>)>,
}

/// What the breaker's story is about: the pause's row, and how many gates there were, for a resume
/// may have come since.
type Subject = (Option<usize>, usize);

/// Longest piece of a raw line.
const PIECE: usize = 4096;

pub fn refresh(app: &mut App, todo: &mut Vec<Effect>) {
    app.lay_out();
    seek(app, todo);
    survey(app, todo);
    breaker(app, todo);
    event(app);
    let height = app.areas.lines(Pane::State);
    if height > 0 {
        app.state.tree.reveal(height);
    }
}

fn seek(app: &mut App, todo: &mut Vec<Effect>) {
    if app.log.is_none() || app.workers.discovering || app.state.broken.is_some() {
        return;
    }
    let against = app.state.mark.as_ref().map(|m| m.rows);
    let wanted = (app.playhead.rows, against);
    if app.asked.seek == Some(wanted) {
        return;
    }
    // Without a mark any more, the moment on the screen says all that is needed.
    let only_unmarked = against.is_none()
        && app.asked.seek.is_some_and(|(rows, _)| rows == wanted.0)
        && app.moment_is_current();
    app.asked.seek = Some(wanted);
    if only_unmarked {
        return;
    }
    if let Some(mark) = &mut app.state.mark {
        mark.changes = None;
    }
    let id = app.new_id();
    app.state.pending = Some(Pending { id, progress: None });
    app.state.failure = None;
    todo.push(Effect::Seek {
        id,
        rows: wanted.0,
        against,
    });
}

fn survey(app: &mut App, todo: &mut Vec<Effect>) {
    let Some(view) = &app.log else { return };
    let columns = usize::from(app.areas.scrubber.width);
    if columns == 0 || view.len == 0 {
        return;
    }
    let share = view.log.indexing().columns.clamp(0.0, 1.0);
    // Tens of surveys while a log is indexed would be work that nobody sees.
    let wanted = (columns, view.len, (share * 4.0) as u16);
    if app.asked.survey != Some(wanted) {
        app.asked.survey = Some(wanted);
        todo.push(Effect::Survey { columns });
    }
}

fn breaker(app: &mut App, todo: &mut Vec<Effect>) {
    let Some(view) = &app.log else { return };
    if view.len == 0 || !view.log.indexing().is_done() {
        return;
    }
    let story = app
        .survey
        .as_ref()
        .filter(|_| app.dock == Some(Dock::Breaker))
        .map(|survey| (app.pause_in_view(), survey.gates.len()));
    let rows = app.playhead.rows;
    let wanted = Some((rows, story));
    if app.asked.breaker != wanted {
        app.asked.breaker = wanted;
        let story = story.map(|(pause, _)| pause);
        todo.push(Effect::Breaker { rows, story });
    }
}

fn event(app: &mut App) {
    let row = app.row();
    let Some(pane) = app.areas.pane(Pane::Event) else {
        return;
    };
    // A cell is left for the margin.
    let width = pane.width.saturating_sub(1);
    let doc = app.event.doc.as_ref();
    if doc.map(|d| d.row) != row {
        app.event.scroll = 0;
    } else if doc.is_none_or(|d| d.width == width) {
        return;
    }
    app.event.doc = row.and_then(|row| document(app, row, width));
}

fn document(app: &App, row: usize, width: u16) -> Option<EventDoc> {
    let view = app.log.as_ref()?;
    let raw = view.log.raw(row)?;
    let pretty = |value: &Value| serde_json::to_string_pretty(value).ok();
    let text = if app.event.raw {
        None
    } else if app.event.envelope {
        crate::model::json::read::<Value>(&raw)
            .ok()
            .as_ref()
            .and_then(pretty)
    } else {
        Event::parse(&raw).ok().and_then(|e| pretty(&e.payload))
    };
    let is_json = text.is_some() || serde_json::from_slice::<serde::de::IgnoredAny>(&raw).is_ok();
    let lines: Arc<[String]> = match text {
        Some(text) => text.lines().map(str::to_owned).collect(),
        None => cut(&String::from_utf8_lossy(&raw)),
    };
    let pieces = if app.event.wrap {
        let numbered = lines.iter().enumerate();
        let wrapped = |(i, line): (usize, &String)| {
            let pieces = pieces(line, width.into(), UnicodeWidthStr::width).into_iter();
            pieces.map(move |piece| (i, piece)).collect::<Vec<_>>()
        };
        numbered.flat_map(wrapped).collect()
    } else {
        let whole = |(i, line): (usize, &String)| (i, 0..line.len());
        lines.iter().enumerate().map(whole).collect()
    };
    Some(EventDoc {
        row,
        lines,
        pieces,
        width,
        is_json,
    })
}

/// A long line in pieces that a screen can scroll through.
fn cut(text: &str) -> Arc<[String]> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut rest = line;
        while rest.len() > PIECE {
            let cut = rest.floor_char_boundary(PIECE);
            lines.push(rest[..cut].to_owned());
            rest = &rest[cut..];
        }
        lines.push(rest.to_owned());
    }
    lines.into()
}
