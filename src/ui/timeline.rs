//! The timeline pane: events around the playhead, one a line, runs of chunks folded.

use super::Cache;
use super::clock;
use super::text::{Canvas, Pen, text_width};
use super::theme::{Role, Theme};
use crate::app::state::App;
use crate::app::timeline::Line;
use crate::model::kind::{Kind, family};
use crate::model::log::Row;
use crate::model::turn;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use std::ops::Range;

/// Cells of a time, right-aligned.
const TIME: u16 = 8;
/// Cells of a glyph and a word.
const WORD: u16 = 12;
/// The time goes before the summary gets fewer cells than this.
const LEAST_SUMMARY: u16 = 30;

/// The colour of a kind's glyph and word.
#[must_use]
pub fn role_of(kind: Kind) -> Role {
    match kind {
        Kind::You => Role::User,
        Kind::Agent => Role::Agent,
        Kind::Tool | Kind::Result => Role::Tool,
        Kind::Error | Kind::Invalid | Kind::Unreadable => Role::Error,
        Kind::Paused => Role::Paused,
        Kind::Resumed => Role::Live,
        Kind::Processor => Role::Accent,
        Kind::Chunk | Kind::Request | Kind::Schedule | Kind::Stream | Kind::Other => Role::Dim,
    }
}

/// Draws the pane's body.
pub fn draw(c: &mut Canvas, area: Rect, app: &App, cache: &mut Cache) {
    let Some(view) = &app.log else {
        match &app.open_error {
            Some(error) => c.why_empty(area, &["The log could not be opened.", error]),
            None => c.why_empty(area, &["No log is open."]),
        }
        return;
    };
    if app.is_empty() {
        let more = if view.can_follow {
            "New events show up here by themselves."
        } else {
            "Nothing was ever appended to it."
        };
        c.why_empty(area, &["This log has no events.", more]);
        return;
    }
    let (lines, current) = app.timeline_window(area.height.into());
    for (i, line) in lines.iter().enumerate() {
        let mut pen = c.pen(area, i as u16);
        draw_line(
            &mut pen,
            app,
            line,
            Look {
                first: i == 0,
                current: i == current,
            },
            cache,
        );
    }
    if let Some(filter) = &app.filter
        && filter.rows.is_empty()
        && filter.scanned >= app.len()
    {
        let rest = Rect {
            y: area.y + (lines.len() as u16).min(area.height),
            height: area.height.saturating_sub(lines.len() as u16),
            ..area
        };
        let none = format!("No event passes the filter {}", filter.text);
        c.why_empty(rest, &[&none, "& changes it, Esc drops it."]);
    }
}

/// How a line is drawn.
#[derive(Clone, Copy)]
pub struct Look {
    /// It stands first and shows the time of day.
    pub first: bool,
    /// The playhead stands on it.
    pub current: bool,
}

/// Draws one line of the timeline to the pen's end.
pub fn draw_line(pen: &mut Pen, app: &App, line: &Line, look: Look, cache: &mut Cache) {
    let theme = pen.theme;
    let Some(view) = &app.log else { return };
    let rows = line.rows();
    let offset_width = digits(app.offset_at(app.len())).max(3);
    let paint = Paint::of(theme, app, &rows, look);
    let marker = if look.current {
        theme.glyph("▸", ">")
    } else {
        " "
    };
    pen.left(marker, 1, paint.at(Role::Accent));
    let sign = if rows.clone().any(|row| app.bookmarks.contains(&row)) {
        theme.glyph("◆", "%")
    } else if app
        .state
        .mark
        .as_ref()
        .is_some_and(|m| m.rows > 0 && rows.contains(&(m.rows - 1)))
    {
        theme.glyph("◇", "o")
    } else {
        " "
    };
    pen.left(sign, 1, paint.at(Role::Accent));
    if *line == Line::Start {
        pen.right("0", offset_width, paint.at(Role::Dim));
        pen.put("  before the first event", paint.at(Role::Dim));
        fill(pen, paint.at(Role::Dim));
        return;
    }
    // Inside a folded run the line speaks of the playhead's own event.
    let shown = app
        .row()
        .filter(|row| rows.contains(row))
        .unwrap_or(rows.start);
    let Some(row) = view.log.row(shown) else {
        pen.right("…", offset_width, paint.at(Role::Dim));
        pen.put("  being indexed", paint.at(Role::Dim));
        fill(pen, paint.at(Role::Dim));
        return;
    };
    let offset = row.offset.map_or("-".to_owned(), |o| o.0.to_string());
    pen.right(&offset, offset_width, paint.at(Role::Text));
    if pen.room() >= TIME + WORD + LEAST_SUMMARY + 3 {
        pen.put(" ", paint.at(Role::Dim));
        let before = rows
            .start
            .checked_sub(1)
            .and_then(|r| view.log.row(r)?.time);
        let text = match (row.time, before) {
            (Some(now), Some(before)) if !look.first && !app.timeline.absolute_times => {
                let from = if shown == rows.start {
                    before
                } else {
                    view.log
                        .row(shown - 1)
                        .and_then(|r| r.time)
                        .unwrap_or(before)
                };
                clock::since(from, now)
            }
            (Some(now), _) => clock::time_of_day(now),
            (None, _) => String::new(),
        };
        pen.right(&text, TIME, paint.at(Role::Dim));
    }
    pen.put("  ", paint.at(Role::Dim));
    word(pen, &row, &rows, shown, look.current, paint);
    summary(pen, app, line, &row, shown, paint, cache);
    fill(pen, paint.at(Role::Text));
}

fn word(pen: &mut Pen, row: &Row, rows: &Range<usize>, shown: usize, current: bool, paint: Paint) {
    let (theme, kind) = (pen.theme, row.kind);
    let glyph = if theme.ascii {
        kind.ascii()
    } else {
        kind.glyph()
    };
    let mut text = match rows.len() {
        // The one kind that stops everything speaks up.
        1 if kind == Kind::Paused => format!("{glyph} PAUSED"),
        // What has no word of its own is known by its family.
        1 if kind == Kind::Other => format!("{glyph} {}", family(&row.event_type)),
        1 => format!("{glyph} {}", kind.word()),
        n if current => format!("{glyph} {}/{n}", shown - rows.start + 1),
        n => format!("{glyph} {}{}{n}", kind.word(), theme.glyph("×", "x")),
    };
    if text_width(&text, u16::MAX, theme.ascii) >= WORD {
        text = match rows.len() {
            1 => text,
            n => format!("{glyph} {}{n}", theme.glyph("×", "x")),
        };
    }
    let width = if kind == Kind::Other { WORD - 1 } else { WORD };
    pen.left(&text, width, paint.at(role_of(kind)));
    if width < WORD || text_width(&text, u16::MAX, theme.ascii) >= WORD {
        pen.put(" ", paint.at(Role::Dim));
    }
}

fn summary(
    pen: &mut Pen,
    app: &App,
    line: &Line,
    row: &Row,
    shown: usize,
    paint: Paint,
    cache: &mut Cache,
) {
    let theme = pen.theme;
    let Some(view) = &app.log else { return };
    if let Some(note) = app
        .notes
        .get(&shown)
        .and_then(|notes| notes.iter().find(|n| n.what.is_failure()))
    {
        let glyph = theme.glyph("✖", "x");
        let text = format!("{glyph} {}  ", super::notes::headline(&note.what));
        pen.put(&text, paint.at(Role::Error));
    }
    if let Line::Run { rows } = line {
        let text = run_text(pen.room(), app, rows, shown);
        if let Some(took) = turn::duration(&*view.log, rows)
            && pen.room() > LEAST_SUMMARY
        {
            let took = clock::span(took.max(0).unsigned_abs());
            let width = took.len() as u16;
            let text_room = pen.room() - width - 3;
            pen.left(&text, text_room, paint.at(Role::Text));
            pen.put("  ", paint.at(Role::Dim));
            pen.put(&took, paint.at(Role::Dim));
            return;
        }
        pen.put(&text, paint.at(Role::Text));
        return;
    }
    let text = cache.summary(&view.log, shown, &row.event_type);
    let role = match row.kind {
        Kind::Error | Kind::Paused => role_of(row.kind),
        Kind::Request | Kind::Stream | Kind::Schedule => Role::Dim,
        _ => Role::Text,
    };
    let marks: Vec<Range<usize>> = match &app.search {
        Some(search) => search
            .needle
            .regex()
            .find_iter(text.as_bytes())
            .take(16)
            .map(|m| m.range())
            .collect(),
        None => Vec::new(),
    };
    let found = Style::new().add_modifier(Modifier::UNDERLINED | Modifier::BOLD);
    pen.put_marked(text, paint.at(role), &marks, found);
}

/// The text that a run makes: from its start, or the end of what was said at the playhead.
fn run_text(width: u16, app: &App, rows: &Range<usize>, shown: usize) -> String {
    let Some(view) = &app.log else {
        return String::new();
    };
    let wanted = usize::from(width);
    // Chunks without text must not make this a scan of the whole run.
    let looked_at = wanted.max(16);
    if app.row() == Some(shown) {
        let part = shown.saturating_sub(looked_at).max(rows.start)..shown + 1;
        let text = turn::text(&*view.log, &part, wanted * 16);
        let skip = text
            .chars()
            .count()
            .saturating_sub(wanted.saturating_sub(12));
        text.chars().skip(skip).collect()
    } else {
        let part = rows.start..rows.end.min(rows.start + looked_at);
        turn::text(&*view.log, &part, wanted)
    }
}

fn fill(pen: &mut Pen, style: Style) {
    let room = pen.room();
    pen.left("", room, style);
}

fn digits(number: u64) -> u16 {
    number.checked_ilog10().unwrap_or(0) as u16 + 1
}

/// Styles of one line: its own colours, or those of the playhead's line, or the future's.
#[derive(Clone, Copy)]
struct Paint<'a> {
    theme: &'a Theme,
    all: Option<Style>,
}

impl<'a> Paint<'a> {
    fn of(theme: &'a Theme, app: &App, rows: &Range<usize>, look: Look) -> Paint<'a> {
        let focused = app.focus == crate::app::layout::Pane::Timeline;
        let all = if look.current && focused {
            Some(theme.style(Role::Selection))
        } else if !look.current && rows.start >= app.playhead.rows {
            // What is still to come at the playhead.
            Some(theme.style(Role::Dim))
        } else {
            None
        };
        Paint { theme, all }
    }

    fn at(self, role: Role) -> Style {
        self.all.unwrap_or_else(|| self.theme.style(role))
    }
}
