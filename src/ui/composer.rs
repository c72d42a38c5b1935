//! The composer: mode tabs, the editor, exactly what will be appended, and what is wrong with it.

use super::json;
use super::text::{Canvas, bold, text_width};
use super::theme::{Role, Theme};
use crate::app::composer::{Composer, Field, Mode, Problem, templates};
use crate::app::state::App;
use crate::app::wrap;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use serde_json::Value;
use std::borrow::Cow;
use std::ops::Range;
use tui_textarea::TextArea;

/// From this many columns on the editor and what will be sent stand side by side.
const BESIDE: u16 = 72;
/// Cells of a field's label.
const LABEL: u16 = 10;

/// Draws it; gives the cursor's place.
pub fn draw(c: &mut Canvas, area: Rect, app: &App) -> Option<Position> {
    tabs(c, area, app);
    if area.height < 3 {
        return None;
    }
    let composer = &app.composer;
    let built = composer.build();
    verdict(c, line_of(area, area.height - 1), composer, &built);
    let inside = Rect {
        y: area.y + 1,
        height: area.height - 2,
        ..area
    };
    if area.width < BESIDE {
        // What is sent is told in the line over the verdict, as far as it fits.
        let editor = Rect {
            height: inside.height.saturating_sub(1),
            ..inside
        };
        let last = line_of(inside, inside.height.saturating_sub(1));
        if let Ok(input) = &built {
            let mut pen = c.pen(last, 0);
            pen.gap(1);
            pen.role(&input.to_string(), Role::Dim);
        }
        return self::editor(c, editor, app);
    }
    let left = inside.width / 2;
    let upright = c.glyph("│", "|");
    for line in 0..inside.height {
        let mut pen = c.pen(inside, line);
        pen.gap(left);
        pen.role(upright, Role::Border);
    }
    let right = Rect {
        x: inside.x + left + 1,
        width: inside.width - left - 1,
        ..inside
    };
    preview(c, right, app, &built);
    editor(
        c,
        Rect {
            width: left,
            ..inside
        },
        app,
    )
}

fn line_of(area: Rect, line: u16) -> Rect {
    Rect {
        y: area.y + line,
        height: area.height.saturating_sub(line).min(1),
        ..area
    }
}

fn tabs(c: &mut Canvas, area: Rect, app: &App) {
    let path = app.log.as_ref().and_then(|view| view.stream.as_deref());
    let path = path.filter(|_| area.width >= BESIDE).unwrap_or_default();
    super::header(c, area, app, true, "COMPOSE", path);
    let mut pen = c.pen(area, 0);
    pen.gap(10);
    for mode in Mode::ALL {
        let style = if mode == app.composer.mode {
            bold(pen.theme, Role::Accent).add_modifier(Modifier::REVERSED)
        } else {
            pen.theme.style(Role::Dim)
        };
        if pen.room() > 12 {
            pen.put(&format!(" {} ", mode.word()), style);
            pen.gap(1);
        }
    }
}

/// The keys that help now; the footer shows them in the place of the panes' own.
#[must_use]
pub fn hints(composer: &Composer) -> [(&'static str, &'static str); 5] {
    let enter = match (composer.mode, composer.field) {
        (Mode::Template, _) => ("Enter", "fill it in"),
        (Mode::Event, Field::Type) => ("Enter", "next"),
        _ => ("Alt-p", "sent before"),
    };
    [
        ("Ctrl-s", "send"),
        ("Tab", "mode"),
        ("Esc", "keep draft"),
        ("Ctrl-e", "editor"),
        enter,
    ]
}

/// Whether the service would take it, in words.
fn verdict(c: &mut Canvas, area: Rect, composer: &Composer, built: &Result<Value, Problem>) {
    let untouched = composer.draft().is_empty() && composer.mode != Mode::Template;
    let problem = match built {
        Ok(input) => Composer::check(input),
        Err(problem) => Some(problem.clone()),
    };
    let (sign, text, role) = match (&composer.failure, composer.sending, problem) {
        (Some(why), ..) => (c.glyph("✖", "x"), why.clone(), Role::Error),
        (None, Some(_), _) => (c.glyph("…", "~"), "on its way".to_owned(), Role::Dim),
        (None, None, Some(problem)) if untouched => (" ", problem.text, Role::Dim),
        (None, None, Some(problem)) => (c.glyph("✖", "x"), problem.text, Role::Error),
        (None, None, None) => {
            let text = match composer.mode {
                Mode::Message => {
                    let family = &composer.family;
                    format!("{}, {}", family.event_type, family.why)
                }
                Mode::Event => "the service takes this".to_owned(),
                Mode::Template => {
                    "a template: Enter fills it in, Ctrl-s sends it as it is".to_owned()
                }
            };
            (c.glyph("✔", "v"), text, Role::Live)
        }
    };
    let mut pen = c.pen(area, 0);
    pen.gap(1);
    pen.role(sign, role);
    pen.gap(1);
    pen.role(&text, role);
}

/// What will be appended, as it will be sent.
fn preview(c: &mut Canvas, area: Rect, app: &App, built: &Result<Value, Problem>) {
    let mut pen = c.pen(area, 0);
    pen.gap(1);
    let path = app.log.as_ref().and_then(|view| view.stream.as_deref());
    let title = format!("to be appended to {}", path.unwrap_or("this stream"));
    pen.role(&title, Role::Dim);
    let below = Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(1),
        height: area.height.saturating_sub(1),
    };
    let Ok(input) = built else {
        let mut pen = c.pen(below, 0);
        pen.role("not an event yet", Role::Dim);
        return;
    };
    let pretty = serde_json::to_string_pretty(input).unwrap_or_default();
    let pieces: Vec<(&str, Range<usize>)> = pretty
        .lines()
        .flat_map(|line| {
            pieces(line, below.width, c.theme.ascii)
                .into_iter()
                .map(move |p| (line, p))
        })
        .collect();
    let height = usize::from(below.height);
    let cut = pieces.len() > height;
    let shown = if cut {
        height.saturating_sub(1)
    } else {
        height
    };
    for (i, (line, piece)) in pieces.iter().take(shown).enumerate() {
        let mut pen = c.pen(below, i as u16);
        for (text, style) in coloured(pen.theme, line, piece) {
            pen.put(text, style);
        }
    }
    if cut {
        let more = format!("{} more lines", pieces.len() - shown);
        c.pen(below, shown as u16).role(&more, Role::Dim);
    }
}

/// The parts of a piece of a JSON line and their styles.
fn coloured<'t>(theme: &Theme, line: &'t str, piece: &Range<usize>) -> Vec<(&'t str, Style)> {
    let mut parts = Vec::new();
    for (range, role) in json::tokens(line) {
        let (from, to) = (range.start.max(piece.start), range.end.min(piece.end));
        if let Some(text) = line.get(from..to).filter(|_| from < to) {
            parts.push((text, theme.style(role)));
        }
    }
    parts
}

/// The pieces of a line that fit a width.
fn pieces(line: &str, width: u16, ascii: bool) -> Vec<Range<usize>> {
    wrap::pieces(line, width.into(), |text| {
        text_width(text, u16::MAX, ascii).into()
    })
}

/// Lines to draw, made before it is known which of them are in sight.
#[derive(Default)]
struct Sheet<'a> {
    lines: Vec<Vec<(Cow<'a, str>, Style)>>,
    /// Line and cell of the cursor.
    cursor: Option<(usize, u16)>,
    /// A line that must be in sight when there is no cursor.
    focus: usize,
}

impl Sheet<'_> {
    fn draw(&self, c: &mut Canvas, area: Rect) -> Option<Position> {
        let height = usize::from(area.height);
        let must = self.cursor.map_or(self.focus, |(line, _)| line);
        let first = (must + 1).saturating_sub(height);
        for (i, line) in self.lines.iter().skip(first).take(height).enumerate() {
            let mut pen = c.pen(area, i as u16);
            pen.gap(1);
            for (text, style) in line {
                pen.put(text, *style);
            }
        }
        let (line, cell) = self.cursor?;
        (height > 0 && area.width > 1).then(|| {
            let x = (area.x + 1 + cell).min(area.right() - 1);
            Position::new(x, area.y + (line - first) as u16)
        })
    }
}

fn editor(c: &mut Canvas, area: Rect, app: &App) -> Option<Position> {
    let (theme, composer) = (c.theme, &app.composer);
    let mut sheet = Sheet::default();
    // A cell is left for the margin and one for a cursor after the last character.
    let width = area.width.saturating_sub(2).max(1);
    match composer.mode {
        Mode::Message => {
            text(&mut sheet, theme, &composer.message, width, Look::Plain);
            if composer.message.is_empty() {
                sheet.lines[0] = vec![("what do you want to say?".into(), theme.style(Role::Dim))];
            }
        }
        Mode::Event => form(&mut sheet, theme, composer, width),
        Mode::Template => template_list(&mut sheet, theme, composer),
    }
    sheet.draw(c, area)
}

/// How a text is drawn.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    Plain,
    Json,
}

/// Adds a text of several lines, and the cursor in it.
fn text<'a>(
    sheet: &mut Sheet<'a>,
    theme: &Theme,
    area: &'a TextArea<'static>,
    width: u16,
    look: Look,
) {
    let cursor = area.cursor();
    let selected = area.selection_range();
    for (row, line) in area.lines().iter().enumerate() {
        let at = (row == cursor.0).then(|| byte_of(line, cursor.1));
        let marked = selected.and_then(|(from, to)| {
            let from = (row >= from.0).then(|| {
                if row == from.0 {
                    byte_of(line, from.1)
                } else {
                    0
                }
            })?;
            let to = (row <= to.0).then(|| {
                if row == to.0 {
                    byte_of(line, to.1)
                } else {
                    line.len()
                }
            })?;
            (from < to).then_some(from..to)
        });
        let pieces = pieces(line, width, theme.ascii);
        let last = pieces.len() - 1;
        for (i, piece) in pieces.into_iter().enumerate() {
            if let Some(at) = at
                && (piece.contains(&at) || (i == last && at == piece.end))
            {
                let before = &line[piece.start..at];
                let cell = text_width(before, u16::MAX, theme.ascii);
                sheet.cursor = Some((sheet.lines.len(), cell));
            }
            let parts = match look {
                Look::Json => coloured(theme, line, &piece),
                Look::Plain => vec![(&line[piece.clone()], theme.style(Role::Text))],
            };
            let parts = match &marked {
                Some(marked) => mark(theme, parts, piece.start, marked),
                None => parts,
            };
            let parts = parts.into_iter().map(|(text, style)| (text.into(), style));
            sheet.lines.push(parts.collect());
        }
    }
}

/// Puts the selection's style over the parts of a piece that begins at `start`.
fn mark<'t>(
    theme: &Theme,
    parts: Vec<(&'t str, Style)>,
    start: usize,
    marked: &Range<usize>,
) -> Vec<(&'t str, Style)> {
    let mut out = Vec::new();
    let mut at = start;
    for (text, style) in parts {
        let end = at + text.len();
        let from = marked.start.clamp(at, end);
        let to = marked.end.clamp(from, end);
        let chosen = style.patch(theme.style(Role::Selection));
        for (range, style) in [(at..from, style), (from..to, chosen), (to..end, style)] {
            if let Some(text) = text
                .get(range.start - at..range.end - at)
                .filter(|t| !t.is_empty())
            {
                out.push((text, style));
            }
        }
        at = end;
    }
    out
}

fn byte_of(line: &str, chars: usize) -> usize {
    line.char_indices()
        .nth(chars)
        .map_or(line.len(), |(at, _)| at)
}

fn form<'a>(sheet: &mut Sheet<'a>, theme: &Theme, composer: &'a Composer, width: u16) {
    let completions = if composer.field == Field::Type {
        composer.completions()
    } else {
        Vec::new()
    };
    for field in Field::ALL {
        let focused = field == composer.field;
        let label_style = if focused {
            bold(theme, Role::Accent)
        } else {
            theme.style(Role::Dim)
        };
        let label = format!("{:<1$}", field.label(), usize::from(LABEL));
        let (edit, hint) = match field {
            Field::Type => (&composer.event_type, "its type; the arrows choose"),
            Field::Metadata => (&composer.metadata, "a JSON object, or nothing"),
            Field::Key => (&composer.key, "sent twice with one key, stored once"),
            Field::Payload => {
                let mut line = vec![(label.into(), label_style)];
                if composer.payload.is_empty() {
                    line.push(("{}".into(), theme.style(Role::Dim)));
                }
                let before = sheet.cursor;
                sheet.lines.push(line);
                if !composer.payload.is_empty() || focused {
                    text(sheet, theme, &composer.payload, width, Look::Json);
                }
                if !focused {
                    sheet.cursor = before;
                }
                continue;
            }
        };
        let shown = edit.text();
        if focused {
            let before = shown.get(..edit.cursor()).unwrap_or(shown);
            let room = width.saturating_sub(LABEL);
            let cell = LABEL + text_width(before, room, theme.ascii);
            sheet.cursor = Some((sheet.lines.len(), cell));
        }
        let room = width.saturating_sub(LABEL);
        let value = match focused {
            _ if shown.is_empty() => (hint.into(), theme.style(Role::Dim)),
            // The end of a type says most; where it is written, what is before the cursor.
            true if edit.cursor() < shown.len() => (shown.into(), theme.style(Role::Text)),
            _ => (tail(shown, room, theme), theme.style(Role::Text)),
        };
        sheet.lines.push(vec![(label.into(), label_style), value]);
        if field == Field::Type {
            for (i, name) in completions.iter().enumerate() {
                let chosen = composer.completion == Some(i);
                let sign = match chosen {
                    true => theme.glyph("        ▸ ", "        > "),
                    false => "          ",
                };
                let style = theme.style(if chosen { Role::Accent } else { Role::Dim });
                let name = tail(name, width.saturating_sub(LABEL), theme);
                sheet.lines.push(vec![(sign.into(), style), (name, style)]);
                if chosen {
                    // The cursor stays on the type; the choice must be in sight too.
                    sheet.focus = sheet.lines.len() - 1;
                }
            }
        }
    }
}

/// A text cut at its front to fit.
fn tail<'t>(text: &'t str, width: u16, theme: &Theme) -> Cow<'t, str> {
    if text_width(text, u16::MAX, theme.ascii) <= width {
        return text.into();
    }
    let fits = |at: &usize| text_width(&text[*at..], u16::MAX, theme.ascii) < width;
    let at = text.char_indices().map(|(at, _)| at).find(fits);
    let rest = at.map_or("", |at| &text[at..]);
    format!("{}{rest}", theme.glyph("…", "~")).into()
}

fn template_list(sheet: &mut Sheet, theme: &Theme, composer: &Composer) {
    let widest = templates::ALL
        .iter()
        .map(|t| t.name.len())
        .max()
        .unwrap_or(0);
    for (i, template) in templates::ALL.iter().enumerate() {
        let chosen = i == composer.template;
        let sign = if chosen {
            theme.glyph("▸ ", "> ")
        } else {
            "  "
        };
        let name = format!("{:<widest$}  ", template.name);
        let style = match chosen {
            true => bold(theme, Role::Accent),
            false => theme.style(Role::Text),
        };
        sheet.lines.push(vec![
            (sign.into(), theme.style(Role::Accent)),
            (name.into(), style),
            (template.about.into(), theme.style(Role::Dim)),
        ]);
    }
    sheet.focus = composer.template;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_segmentation::UnicodeSegmentation;

    proptest! {
        #[test]
        fn pieces_cover_a_line_and_fit(line in "\\PC{0,60}", width in 1..20u16) {
            let pieces = pieces(&line, width, false);
            let mut at = 0;
            for piece in &pieces {
                prop_assert_eq!(piece.start, at);
                at = piece.end;
                let text = &line[piece.clone()];
                let whole = text.graphemes(true).count() <= 1;
                prop_assert!(whole || text_width(text, u16::MAX, false) <= width);
            }
            prop_assert_eq!(at, line.len());
        }
    }
}
