//! The event pane and the source pane: the text behind the playhead's event and its state.

use super::json;
use super::text::Canvas;
use super::theme::Role;
use crate::app::NoteKind;
use crate::app::msg::TokenClass;
use crate::app::state::App;
use ratatui::layout::Rect;

/// Draws the body of the event pane.
pub fn draw_event(c: &mut Canvas, area: Rect, app: &App) {
    let Some(doc) = &app.event.doc else {
        if app.playhead.rows == 0 && !app.is_empty() {
            c.why_empty(area, &["Before the first event.", "l or → steps onto it."]);
        }
        return;
    };
    let needle = app.search.as_ref().map(|search| &search.needle);
    let shown = doc.pieces.iter().skip(app.event.scroll);
    // Parts of a line are told apart from its start, however many pieces it has.
    let mut parts = (usize::MAX, Vec::new());
    for (i, (at, piece)) in shown.take(area.height.into()).enumerate() {
        let Some(line) = doc.lines.get(*at) else {
            continue;
        };
        let mut pen = c.pen(area, i as u16);
        pen.gap(1);
        if !doc.is_json {
            pen.role(line.get(piece.clone()).unwrap_or_default(), Role::Text);
            continue;
        }
        if piece.len() == line.len() {
            json::put_line(&mut pen, line, needle);
            continue;
        }
        if parts.0 != *at {
            parts = (*at, json::tokens(line));
        }
        json::put_piece(&mut pen, line, piece, &parts.1, needle);
    }
    more(c, area, app.event.scroll, doc.pieces.len());
}

/// Draws the body of the source pane.
pub fn draw_source(c: &mut Canvas, area: Rect, app: &App) {
    let Some(file) = app.code.files.get(app.code.current) else {
        let why = app
            .code
            .why_empty
            .as_deref()
            .unwrap_or("No processor is in view.");
        c.why_empty(
            area,
            &[
                why,
                "evtui LOG --processor FILE replays a processor of yours.",
            ],
        );
        return;
    };
    let failed = failed_line(app, &file.name);
    let digits = file.lines.len().max(1).ilog10() as u16 + 1;
    for (i, line) in file
        .lines
        .iter()
        .enumerate()
        .skip(app.code.scroll)
        .take(area.height.into())
    {
        let y = (i - app.code.scroll) as u16;
        let mut pen = c.pen(area, y);
        let number = (i + 1).to_string();
        let here = failed == Some(i + 1);
        let number_role = if here { Role::Error } else { Role::Dim };
        pen.gap(1);
        pen.put(
            if here {
                pen.theme.glyph("✖", "x")
            } else {
                " "
            },
            pen.theme.style(Role::Error),
        );
        let style = pen.theme.style(number_role);
        pen.right(&number, digits, style);
        pen.gap(2);
        let tokens = file
            .tokens
            .as_ref()
            .and_then(|t| t.get(i))
            .map_or(&[][..], Vec::as_slice);
        let mut at = 0;
        for token in tokens {
            let (Some(plain), Some(text)) = (
                line.get(at..token.range.start),
                line.get(token.range.clone()),
            ) else {
                continue;
            };
            pen.role(plain, Role::Text);
            pen.role(text, role_of(token.class));
            at = token.range.end;
        }
        pen.role(line.get(at..).unwrap_or_default(), Role::Text);
    }
    more(c, area, app.code.scroll, file.lines.len());
}

fn role_of(class: TokenClass) -> Role {
    match class {
        TokenClass::Plain => Role::Text,
        TokenClass::Keyword => Role::Accent,
        TokenClass::String => Role::Added,
        TokenClass::Number | TokenClass::Type => Role::Tool,
        TokenClass::Comment => Role::Dim,
        TokenClass::Function => Role::User,
    }
}

/// Line (1 for the first) of a file where the reducer threw at the playhead, if it did.
fn failed_line(app: &App, name: &str) -> Option<usize> {
    let notes = app.notes.get(&app.row()?)?;
    notes.iter().find_map(|note| match &note.what {
        NoteKind::Threw { stack, .. } => stack.lines().find_map(|frame| {
            let place = frame.split_once(name)?.1.strip_prefix(':')?;
            place.split(':').next()?.parse().ok()
        }),
        _ => None,
    })
}

/// Says at the lower right how much is not on the screen.
fn more(c: &mut Canvas, area: Rect, scroll: usize, lines: usize) {
    let seen = scroll + usize::from(area.height);
    if lines <= seen || area.height == 0 {
        return;
    }
    let text = format!(" {} more ", lines - seen);
    let width = (text.len() as u16).min(area.width);
    let corner = Rect::new(area.right() - width, area.bottom() - 1, width, 1);
    c.pen(corner, 0).role(&text, Role::Dim);
}
