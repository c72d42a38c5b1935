//! The footer: the keys that help now, generated from the commands, and work that is under way.
//! Also the banner of a paused stream and short messages.

use super::clock;
use super::text::{Canvas, bold, text_width, wrap};
use super::theme::Role;
use crate::app::command::{self, Verb};
use crate::app::connection::{Link, Lost};
use crate::app::dock::Dock;
use crate::app::state::{App, Level, Mode};
use ratatui::layout::Rect;

/// Draws the footer.
pub fn draw(c: &mut Canvas, area: Rect, app: &App) {
    let right = work(app);
    let ascii = c.theme.ascii;
    let right_width = text_width(&right, area.width / 2, ascii);
    let room = area
        .width
        .saturating_sub(if right_width > 0 { right_width + 3 } else { 1 });
    let hints = hints(app, ascii);
    let width = |hint: &Hint| text_width(&hint.key, u16::MAX, ascii) + hint.short.len() as u16 + 3;
    // The way to everything else never falls off the end.
    let kept: u16 = hints.iter().filter(|h| h.always).map(width).sum();
    let mut left = room.saturating_sub(1 + kept);
    let line = Rect {
        width: room,
        ..area
    };
    let mut pen = c.pen(line, 0);
    let key_style = bold(pen.theme, Role::Accent);
    pen.gap(1);
    let mut full = false;
    for hint in &hints {
        if !hint.always {
            full |= width(hint) > left;
            if full {
                continue;
            }
            left -= width(hint);
        }
        pen.put(&hint.key, key_style);
        pen.gap(1);
        pen.role(hint.short, Role::Dim);
        pen.gap(2);
    }
    let corner = Rect {
        x: area.right().saturating_sub(right_width + 1),
        width: right_width.min(area.width),
        ..area
    };
    c.pen(corner, 0).role(&right, Role::Dim);
}

/// One key and what it does.
struct Hint {
    key: String,
    short: &'static str,
    always: bool,
}

fn hints(app: &App, ascii: bool) -> Vec<Hint> {
    if app.dock == Some(Dock::Composer) {
        let hints = super::composer::hints(&app.composer).into_iter();
        return hints
            .map(|(key, short)| Hint {
                key: key.to_owned(),
                short,
                always: false,
            })
            .collect();
    }
    command::footer(app)
        .into_iter()
        .map(|(key, command)| Hint {
            key: plain_key(&key.to_string(), ascii),
            short: command.short,
            always: matches!(command.verb, Verb::Palette | Verb::Help),
        })
        .collect()
}

/// A key's name where only ASCII may be written.
#[must_use]
pub fn plain_key(key: &str, ascii: bool) -> String {
    if !ascii {
        return key.to_owned();
    }
    key.replace('←', "Left")
        .replace('→', "Right")
        .replace('↑', "Up")
        .replace('↓', "Down")
}

/// What runs in the background, in words.
fn work(app: &App) -> String {
    let mut parts = Vec::new();
    if let Some(view) = &app.log {
        let indexing = view.log.indexing();
        if !indexing.is_done() {
            let part = ((indexing.lines + indexing.columns) * 50.0).clamp(0.0, 99.0);
            parts.push(format!("indexing {part:.0} %"));
        }
        if !view.complaints.is_empty() {
            let list = app.settings.keymap.keys(Verb::Failures).next();
            let list = list.map_or(String::new(), |key| format!(": {key}"));
            parts.push(match view.complaints.len() {
                1 => format!("1 problem in the log{list}"),
                n => format!("{n} problems in the log{list}"),
            });
        }
    }
    let (done, of) = app.folded;
    if done < of {
        parts.push(format!("folding {}", clock::percent(done, of)));
    }
    if let Some(filter) = &app.filter
        && filter.scanned < app.len()
    {
        parts.push(format!(
            "filtering {}",
            clock::percent(filter.scanned, app.len())
        ));
    }
    if let Some(search) = &app.search {
        parts.push(match (search.running, search.nothing) {
            (Some(_), _) => format!("searching {}", search.needle.text()),
            (None, true) => format!("no match for {}", search.needle.text()),
            (None, false) => format!("/{}", search.needle.text()),
        });
    }
    parts.join("  ")
}

/// Draws the two lines of the banner: why the stream takes nothing, why nothing of it comes.
pub fn draw_banner(c: &mut Canvas, area: Rect, app: &App) {
    match (app.paused_at(), app.lost()) {
        (Some(row), lost) => {
            draw_paused(c, area, app, row);
            match lost {
                Some(lost) => c
                    .pen(area, 1)
                    .role(&format!("   {}", lost.why), role_of(app)),
                None => draw_since(c, area, app, row),
            }
        }
        (None, Some(lost)) => draw_lost(c, area, app, lost),
        (None, None) => {}
    }
}

fn role_of(app: &App) -> Role {
    match app.connection().map(|c| &c.link) {
        Some(Link::Offline { .. }) => Role::Error,
        _ => Role::Paused,
    }
}

fn draw_lost(c: &mut Canvas, area: Rect, app: &App, lost: &Lost) {
    let glyph = match role_of(app) {
        Role::Error => c.glyph("✖", "x"),
        _ => c.glyph("◌", "~"),
    };
    let dash = c.glyph("—", "-");
    let since = clock::time_of_day(lost.since);
    let text = format!("{glyph} no connection since {since} {dash} {}", lost.why);
    let key = app.settings.keymap.keys(Verb::Reconnect).next();
    let key = key.map_or(String::new(), |key| {
        format!("{}: try now", plain_key(&key.to_string(), c.theme.ascii))
    });
    let style = c.theme.style(role_of(app));
    let key_style = bold(c.theme, Role::Accent);
    let mut pen = c.pen(area, 0);
    pen.gap(1);
    let room = pen.room().saturating_sub(key.len() as u16 + 3);
    let first = wrap(&text, room.into())
        .first()
        .map_or(0, |line| line.len());
    let (line, rest) = text.split_at(first);
    pen.put_within(line, room, style);
    pen.gap(2);
    pen.put(&key, key_style);
    let mut pen = c.pen(area, 1);
    pen.gap(3);
    pen.put(rest.trim_start(), style);
}

fn draw_paused(c: &mut Canvas, area: Rect, app: &App, row: usize) {
    let glyph = c.glyph("‖", "=");
    let at = app.offset_at(row + 1);
    let reason = app.pause_reason();
    let dash = c.glyph("—", "-");
    let text = if reason.is_empty() {
        format!("{glyph} PAUSED at {at}")
    } else {
        format!("{glyph} PAUSED at {at} {dash} {reason}")
    };
    let style = c.theme.style(Role::Paused);
    let why = match (app.dock, app.settings.keymap.keys(Verb::Breaker).next()) {
        (None, Some(key)) => format!("{key}: why"),
        _ => String::new(),
    };
    let key_style = bold(c.theme, Role::Accent);
    let mut pen = c.pen(area, 0);
    pen.gap(1);
    let room = pen.room().saturating_sub(why.len() as u16 + 3);
    pen.put_within(&text, room, style);
    pen.gap(2);
    pen.put(&why, key_style);
}

fn draw_since(c: &mut Canvas, area: Rect, app: &App, row: usize) {
    let since = match (app.mode(), app.playhead.rows.saturating_sub(row + 1)) {
        (_, 0) => "This event paused the stream; only a resume can be appended now.".to_owned(),
        (mode, n) if mode != Mode::Rewound && mode != Mode::Playing => {
            format!("Nothing but a resume is taken since; {n} events later.")
        }
        (_, n) => format!("Here the stream has been paused for {n} events."),
    };
    let mut pen = c.pen(area, 1);
    pen.gap(3);
    pen.role(&since, Role::Dim);
}

/// Draws the short messages over the lower right of the panes, the newest lowest.
pub fn draw_toasts(c: &mut Canvas, above: Rect, app: &App) {
    let lines = above.height.min(4);
    for (i, toast) in app.toasts.iter().rev().take(lines.into()).enumerate() {
        let (sign, role) = match toast.level {
            Level::Info => (c.glyph("✔", "v"), Role::Live),
            Level::Warn => ("!", Role::Paused),
            Level::Error => (c.glyph("✖", "x"), Role::Error),
        };
        let text = format!(" {sign} {} ", toast.text);
        let width = text_width(&text, above.width, c.theme.ascii);
        let place = Rect {
            x: above.right().saturating_sub(width),
            y: above.bottom().saturating_sub(1 + i as u16),
            width,
            height: 1,
        };
        c.clear(place);
        let style = c.theme.style(role);
        c.pen(place, 0).put(&text, style);
    }
}
