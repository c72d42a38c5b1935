//! The status line: where in time the screen stands, in words that scripts may rely on.

use super::text::{Canvas, bold, text_width};
use super::theme::Role;
use crate::app::command::Verb;
use crate::app::connection::Link;
use crate::app::state::{App, LogView, Mode, Speed};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A piece of the line; pieces of low `keep` go first when room is short.
struct Piece {
    text: String,
    style: Style,
    keep: u8,
    /// Starts with a glyph and a space.
    glyph: bool,
}

/// Never left out.
const ALWAYS: u8 = u8::MAX;

/// Less than this is left out for the rest of a long name.
const WORTH_A_NAME: u8 = 10;

/// Draws the line. The name of the log is shortened first, then what is least needed goes; mode,
/// offset and pause are never cut.
pub fn draw(c: &mut Canvas, area: Rect, app: &App) {
    let mut pieces = pieces(c, app);
    let name = name(app);
    let room = area.width;
    let ascii = c.theme.ascii;
    let width = |p: &Piece| text_width(&p.text, u16::MAX, ascii) + 3;
    let mut needed: u16 = pieces.iter().map(width).sum();
    // A name shorter than this says nothing.
    let least_name = text_width(&name, 12, ascii) + 2;
    while needed + least_name > room
        && let Some(at) = least(&pieces)
    {
        needed -= width(&pieces.remove(at));
    }
    // The whole name is worth more than what can be looked up in the help.
    if needed + text_width(&name, u16::MAX, ascii) + 1 > room
        && let Some(at) = least(&pieces)
        && pieces[at].keep < WORTH_A_NAME
    {
        needed -= width(&pieces.remove(at));
    }
    let title = bold(c.theme, Role::Accent);
    let least_gap: u16 = pieces.iter().map(|p| width(p) - 2).sum();
    if least_gap > room {
        // Glyphs repeat what the words say.
        for piece in pieces.iter_mut().filter(|p| p.glyph) {
            piece.text = piece.text.chars().skip(2).collect();
        }
    }
    let dim = c.theme.style(Role::Dim);
    let gap = if needed <= room { 3 } else { 1 };
    let mut pen = c.pen(area, 0);
    pen.gap(u16::from(room > needed));
    let name_room = room.saturating_sub(needed + 1);
    let with_program = name_room > text_width(&name, u16::MAX, ascii) + 9;
    if with_program {
        pen.put("evtui  ", dim);
    }
    let name_room = pen.room().saturating_sub(needed);
    // Fewer cells than this name nothing.
    if name_room >= 6 {
        pen.put(&shorten(&name, name_room, ascii), title);
    }
    let pad = pen.room().saturating_sub(needed);
    pen.gap(pad);
    for piece in &pieces {
        pen.gap(if pen.column() > area.x { gap } else { 0 });
        pen.put(&piece.text, piece.style);
    }
}

fn least(pieces: &[Piece]) -> Option<usize> {
    let (at, piece) = pieces.iter().enumerate().min_by_key(|(_, p)| p.keep)?;
    (piece.keep != ALWAYS).then_some(at)
}

fn pieces(c: &Canvas, app: &App) -> Vec<Piece> {
    let style = |role| c.theme.style(role);
    let mut pieces = Vec::new();
    if app.log.is_none() {
        return pieces;
    }
    let mode = app.mode();
    let (glyph, role) = match mode {
        Mode::Live => (c.glyph("●", "*"), Role::Live),
        Mode::End => (c.glyph("■", "#"), Role::Text),
        Mode::Rewound => (c.glyph("◀", "<"), Role::Rewound),
        Mode::Playing => (c.glyph("▶", ">"), Role::Rewound),
        Mode::Connecting => (c.glyph("○", "o"), Role::Live),
        Mode::Retrying => (c.glyph("◌", "~"), Role::Paused),
        Mode::Offline => (c.glyph("✖", "x"), Role::Error),
    };
    pieces.push(Piece {
        text: format!("{glyph} {}", mode.word()),
        style: bold(c.theme, role),
        keep: ALWAYS,
        glyph: true,
    });
    pieces.extend(connection(c, app, mode));
    let last = app.offset_at(app.len()).to_string();
    let at = app.offset_at(app.playhead.rows);
    pieces.push(Piece {
        // Padded in front, so that nothing jitters and the words stay whole.
        text: format!(
            "{:>width$}",
            format!("offset {at}/{last}"),
            width = "offset /".len() + 2 * last.len()
        ),
        style: bold(c.theme, Role::Text),
        keep: ALWAYS,
        glyph: false,
    });
    if app.play.is_some() {
        let speed = match app.speed {
            Speed::Recorded(1.0) => "as recorded".to_owned(),
            Speed::Recorded(factor) => format!("recorded ×{factor}"),
            Speed::Steady(rate) => format!("{rate} ev/s"),
        };
        let speed = if c.theme.ascii {
            speed.replace('×', "x")
        } else {
            speed
        };
        pieces.push(Piece {
            text: speed,
            style: style(Role::Dim),
            keep: 40,
            glyph: false,
        });
    }
    let new = app.new_events();
    pieces.push(Piece {
        text: format!("+{new}"),
        style: if new > 0 {
            bold(c.theme, Role::Live)
        } else {
            style(Role::Dim)
        },
        keep: if new > 0 { ALWAYS } else { 30 },
        glyph: false,
    });
    if app.paused_at().is_some() {
        let glyph = c.glyph("‖", "=");
        pieces.push(Piece {
            text: format!("{glyph} PAUSED"),
            style: style(Role::Paused),
            keep: ALWAYS,
            glyph: true,
        });
        let reason = app.pause_reason();
        // Where the banner has room it says the reason.
        if !reason.is_empty() && app.areas.banner.is_empty() {
            pieces.push(Piece {
                text: reason,
                style: style(Role::Paused),
                keep: 20,
                glyph: false,
            });
        }
    }
    if let Some((_, level)) = app.breaker.level {
        let paused = app.paused_at().is_some();
        let role = super::breaker::role_of(level, paused);
        let gauge = super::breaker::gauge(c.theme, level);
        let near = role == Role::Paused;
        pieces.push(Piece {
            text: format!("breaker {gauge}"),
            style: style(role),
            // A gauge that is filling up is news; at rest it can be looked up.
            keep: if near && !paused { 25 } else { 7 },
            glyph: false,
        });
    }
    if mode == Mode::Rewound
        && let Some(key) = app.settings.keymap.keys(Verb::Last).next()
    {
        pieces.push(Piece {
            text: format!("({key}: to the end)"),
            style: style(Role::Dim),
            keep: 5,
            glyph: false,
        });
    }
    if let Some(worker) = app.workers.in_view() {
        let text = worker.slug.as_ref().unwrap_or(&worker.about).clone();
        pieces.push(Piece {
            text,
            style: style(Role::Dim),
            keep: 10,
            glyph: false,
        });
    }
    pieces
}

/// What the mode's word leaves open about the connection: how far, how long, and off the live edge
/// all of it.
fn connection(c: &Canvas, app: &App, mode: Mode) -> Option<Piece> {
    let connection = app.connection()?;
    let word = connection.link.word()?;
    let detail = match &connection.link {
        Link::Retrying { left, .. } => format!("in {} s", left.as_secs_f32().ceil()),
        Link::Connecting => {
            let end = connection.history.filter(|end| *end > 0)?;
            let share = app.offset_at(app.len()).min(end) * 100 / end;
            format!("{share} %")
        }
        _ => String::new(),
    };
    let text = match mode.word() == word {
        true => detail,
        false => format!("{word} {detail}").trim_end().to_owned(),
    };
    (!text.is_empty()).then(|| Piece {
        text,
        style: c.theme.style(match connection.link {
            Link::Offline { .. } => Role::Error,
            Link::Retrying { .. } => Role::Paused,
            _ => Role::Dim,
        }),
        keep: 60,
        glyph: false,
    })
}

/// The stream when the log names it, else the file.
fn name(app: &App) -> String {
    match &app.log {
        Some(LogView {
            connection: Some(_),
            stream: Some(stream),
            ..
        }) => stream.clone(),
        Some(view) => match &view.stream {
            Some(stream) => format!("{}  {stream}", base_name(&view.name)),
            None => base_name(&view.name).to_owned(),
        },
        None => "evtui".to_owned(),
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\'])
        .next()
        .filter(|n| !n.is_empty())
        .unwrap_or(path)
}

/// Cuts a name at its front: the end of a path says most.
fn shorten(name: &str, width: u16, ascii: bool) -> String {
    if text_width(name, u16::MAX, ascii) <= width {
        return name.to_owned();
    }
    let mut rest = name;
    while !rest.is_empty() && text_width(rest, u16::MAX, ascii) + 1 > width {
        let mut chars = rest.chars();
        chars.next();
        rest = chars.as_str();
    }
    match (width, ascii) {
        (0, _) => String::new(),
        (_, true) => format!("~{rest}"),
        (_, false) => format!("…{rest}"),
    }
}
