//! Popups over the panes: help, lists to choose from, texts to read, and the line being typed.

mod changes;

use super::footer::plain_key;
use super::streams;
use super::text::{Canvas, bold, text_width, wrap};
use super::theme::Role;
use crate::app::command::{COMMANDS, Group};
use crate::app::layer::{Confirm, Layer, Picker, Prompt};
use crate::app::state::App;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

/// Draws a popup; where the person types, the place of the cursor.
pub fn draw(c: &mut Canvas, screen: Rect, app: &App, layer: &Layer) -> Option<Position> {
    match layer {
        Layer::Help { scroll } => {
            help(c, screen, app, *scroll);
            None
        }
        Layer::Tree(tree) => streams::draw(c, screen, app, tree),
        Layer::Changes { scroll } => {
            changes::draw(c, screen, app, *scroll);
            None
        }
        Layer::Picker(picker) => picker_box(c, screen, picker),
        Layer::Confirm(confirm) => {
            question(c, screen, confirm);
            None
        }
        Layer::Prompt(prompt) => prompt_line(c, screen, prompt),
        Layer::Text {
            title,
            lines,
            scroll,
        } => {
            let widest = lines.iter().map(|l| l.chars().count()).max().unwrap_or(0);
            let wish = (widest.min(200) as u16 + 4, lines.len().min(200) as u16 + 2);
            let inside = frame(c, centred(screen, wish), title, "Esc close");
            let first = (*scroll).min(lines.len().saturating_sub(inside.height.into()));
            for (i, line) in lines
                .iter()
                .skip(first)
                .take(inside.height.into())
                .enumerate()
            {
                c.pen(inside, i as u16).role(line, Role::Text);
            }
            None
        }
    }
}

/// A question before something is sent.
fn question(c: &mut Canvas, screen: Rect, confirm: &Confirm) {
    let hint = format!("y {}  Esc no", confirm.yes);
    let widest = confirm.lines.iter().map(|l| l.chars().count()).max();
    let width = widest.unwrap_or(0).max(hint.len()).min(76) as u16 + 6;
    let room = usize::from(width.min(screen.width).saturating_sub(4));
    let lines: Vec<&str> = confirm.lines.iter().flat_map(|l| wrap(l, room)).collect();
    let area = centred(screen, (width, lines.len().min(60) as u16 + 2));
    let inside = frame(c, area, &confirm.title, &hint);
    for (i, line) in lines.iter().enumerate() {
        c.pen(inside, i as u16).role(line, Role::Text);
    }
}

/// A box of about this size in the middle of the screen, under the status line where there is
/// room. A box that leaves only scraps of the panes beside it takes the whole width.
pub(super) fn centred(screen: Rect, (width, height): (u16, u16)) -> Rect {
    let width = if width + 12 > screen.width {
        screen.width
    } else {
        width
    };
    let top = u16::from(screen.height > 8);
    let room = screen.height - top - u16::from(screen.height > 8);
    let height = height.max(3).min(room);
    Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + top + (room - height) / 2,
        width,
        height,
    }
}

/// Draws a box with a title and a hint in its lower line; gives what is inside.
pub(super) fn frame(c: &mut Canvas, area: Rect, title: &str, hint: &str) -> Rect {
    c.clear(area);
    if area.width < 4 || area.height < 2 {
        return Rect {
            width: 0,
            height: 0,
            ..area
        };
    }
    let border = c.theme.style(Role::Border);
    let (side, across) = (c.glyph("│", "|"), c.glyph("─", "-"));
    let ends = [
        (0, c.glyph("┌", "+"), c.glyph("┐", "+")),
        (area.height - 1, c.glyph("└", "+"), c.glyph("┘", "+")),
    ];
    for (line, left, right) in ends {
        let rule = across.repeat(usize::from(area.width - 2));
        c.pen(area, line)
            .put(&format!("{left}{rule}{right}"), border);
    }
    for line in 1..area.height - 1 {
        c.pen(area, line).put(side, border);
        let mut pen = c.pen(area, line);
        pen.gap(area.width - 1);
        pen.put(side, border);
    }
    let title_style = bold(c.theme, Role::Accent);
    let inner_width = area.width - 4;
    let mut pen = c.pen(area, 0);
    pen.gap(2);
    pen.put_within(&format!(" {title} "), inner_width, title_style);
    let hint = format!(" {hint} ");
    let width = text_width(&hint, inner_width, c.theme.ascii);
    let dim = c.theme.style(Role::Dim);
    let mut pen = c.pen(area, area.height - 1);
    pen.gap(area.width - 2 - width);
    pen.put_within(&hint, width, dim);
    Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width - 4,
        height: area.height - 2,
    }
}

/// A line of the help.
enum HelpLine {
    Title(&'static str),
    Command {
        keys: String,
        help: String,
        why_not: Option<String>,
    },
    Blank,
}

fn help_lines(app: &App, ascii: bool) -> Vec<HelpLine> {
    let mut lines = Vec::new();
    for group in Group::ALL {
        if !lines.is_empty() {
            lines.push(HelpLine::Blank);
        }
        lines.push(HelpLine::Title(group.title()));
        for command in COMMANDS.iter().filter(|command| command.group == group) {
            let keys: Vec<String> = app
                .settings
                .keymap
                .keys(command.verb)
                .map(|key| plain_key(&key.to_string(), ascii))
                .collect();
            lines.push(HelpLine::Command {
                keys: keys.join(" "),
                help: command.help.to_owned(),
                why_not: command.verb.enabled(app).err(),
            });
        }
    }
    lines
}

fn help(c: &mut Canvas, screen: Rect, app: &App, scroll: usize) {
    let lines = help_lines(app, c.theme.ascii);
    let two = screen.width >= 130;
    let width = if two { 136 } else { 76 };
    let height = lines.len().div_ceil(1 + usize::from(two)) as u16 + 2;
    let area = centred(screen, (width, height));
    let shown = usize::from(area.height.saturating_sub(2)) * (1 + usize::from(two));
    let first = scroll.min(lines.len().saturating_sub(shown));
    let hint = if lines.len() > shown {
        format!(
            "{}-{} of {}  j/k scroll  Esc close",
            first + 1,
            first + shown,
            lines.len()
        )
    } else {
        "Esc close".to_owned()
    };
    let inside = frame(c, area, "keys", &hint);
    if inside.is_empty() {
        return;
    }
    let column_width = if two {
        inside.width / 2 - 1
    } else {
        inside.width
    };
    for (i, line) in lines.iter().skip(first).take(shown).enumerate() {
        let column = Rect {
            x: inside.x + (i / usize::from(inside.height)) as u16 * (column_width + 2),
            width: column_width,
            ..inside
        };
        let mut pen = c.pen(column, (i % usize::from(inside.height)) as u16);
        match line {
            HelpLine::Blank => {}
            HelpLine::Title(title) => {
                let style = bold(pen.theme, Role::Text);
                pen.put(title, style);
            }
            HelpLine::Command {
                keys,
                help,
                why_not,
            } => {
                let key_style = match why_not {
                    Some(_) => pen.theme.style(Role::Dim),
                    None => bold(pen.theme, Role::Accent),
                };
                pen.right(keys, 15.min(column.width / 3), key_style);
                pen.gap(2);
                let role = if why_not.is_some() {
                    Role::Dim
                } else {
                    Role::Text
                };
                pen.role(help, role);
                if let Some(why) = why_not {
                    pen.role(&format!("  ({why})"), Role::Dim);
                }
            }
        }
    }
}

fn picker_box(c: &mut Canvas, screen: Rect, picker: &Picker) -> Option<Position> {
    let ascii = c.theme.ascii;
    let wish = (86, (picker.items.len().clamp(1, 20)) as u16 + 4);
    let hint = format!(
        "{}/{}  Enter choose  Esc close",
        picker.matches.len(),
        picker.items.len()
    );
    let inside = frame(c, centred(screen, wish), &picker.title, &hint);
    if inside.is_empty() {
        return None;
    }
    let mut pen = c.pen(inside, 0);
    pen.role(pen.theme.glyph("› ", "> "), Role::Accent);
    let query = picker.query.text();
    let cursor = edit(&mut pen, query, picker.query.cursor());
    let list = Rect {
        y: inside.y + 1,
        height: inside.height - 1,
        ..inside
    };
    if picker.matches.is_empty() {
        let text = if picker.items.is_empty() {
            picker.empty.clone()
        } else {
            format!("Nothing here matches {query}; Backspace widens it again.")
        };
        c.why_empty(list, &[&text]);
        return Some(Position::new(cursor, inside.y));
    }
    let height = usize::from(list.height);
    let first = (picker.selected + 1).saturating_sub(height.max(1));
    let widest = picker
        .items
        .iter()
        .take(500)
        .map(|item| text_width(&item.title, 40, ascii))
        .max()
        .unwrap_or(0);
    let title_width = widest.min(list.width / 2);
    for (i, found) in picker.matches.iter().skip(first).take(height).enumerate() {
        let Some(item) = picker.items.get(found.item) else {
            continue;
        };
        let selected = first + i == picker.selected;
        let hint = plain_key(&item.hint, ascii);
        let hint_width = text_width(&hint, list.width / 3, ascii);
        let mut pen = c.pen(list, i as u16);
        pen.role(
            if selected {
                pen.theme.glyph("▸ ", "> ")
            } else {
                "  "
            },
            Role::Accent,
        );
        let disabled = item.disabled.is_some();
        let style = pen
            .theme
            .style(if disabled { Role::Dim } else { Role::Text });
        let style = if selected {
            style.add_modifier(Modifier::BOLD)
        } else {
            style
        };
        let accent = Style::new().patch(pen.theme.style(Role::Accent));
        let accent = accent.add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
        let start = pen.column();
        title(&mut pen, &item.title, &found.at, style, accent, title_width);
        let used = pen.column() - start;
        pen.gap((title_width + 2).saturating_sub(used));
        let detail = item.disabled.as_ref().unwrap_or(&item.detail);
        let room = pen
            .room()
            .saturating_sub(if hint_width > 0 { hint_width + 2 } else { 0 });
        let dim = pen.theme.style(Role::Dim);
        pen.put_within(detail, room, dim);
        let gap = pen.room().saturating_sub(hint_width);
        pen.gap(gap);
        pen.role(&hint, if disabled { Role::Dim } else { Role::Accent });
        if selected {
            c.tint(
                Rect {
                    y: list.y + i as u16,
                    height: 1,
                    ..list
                },
                Role::Selection,
            );
        }
    }
    Some(Position::new(cursor, inside.y))
}

/// A title with the characters that matched the query drawn brighter.
fn title(
    pen: &mut super::text::Pen,
    text: &str,
    at: &[u32],
    style: Style,
    found: Style,
    width: u16,
) {
    if text_width(text, u16::MAX, pen.theme.ascii) > width {
        pen.put_within(text, width, style);
        return;
    }
    let marks: Vec<_> = text
        .char_indices()
        .enumerate()
        .filter(|(nth, _)| at.contains(&(*nth as u32)))
        .map(|(_, (start, c))| start..start + c.len_utf8())
        .collect();
    pen.put_marked(text, style, &marks, found);
}

/// Draws a line being edited so that its cursor stays in view; gives the cursor's column.
pub(super) fn edit(pen: &mut super::text::Pen, text: &str, cursor: usize) -> u16 {
    let ascii = pen.theme.ascii;
    let room = pen.room().saturating_sub(1);
    let mut start = 0;
    let before = text.get(..cursor).unwrap_or(text);
    for (at, _) in before.char_indices() {
        start = at;
        if text_width(&before[at..], u16::MAX, ascii) <= room {
            break;
        }
    }
    let shown = &before[start..];
    pen.role(shown, Role::Text);
    let column = pen.column();
    pen.role(text.get(cursor..).unwrap_or_default(), Role::Text);
    column
}

fn prompt_line(c: &mut Canvas, screen: Rect, prompt: &Prompt) -> Option<Position> {
    let line = Rect {
        y: screen.bottom().saturating_sub(1),
        height: screen.height.min(1),
        ..screen
    };
    if line.is_empty() {
        return None;
    }
    c.clear(line);
    let label = prompt.ask.label();
    let style = bold(c.theme, Role::Accent);
    let mut pen = c.pen(line, 0);
    pen.gap(1);
    pen.put(label, style);
    let cursor = edit(&mut pen, prompt.edit.text(), prompt.edit.cursor());
    if prompt.edit.text().is_empty() {
        pen.gap(1);
        pen.role(prompt.ask.hint(), Role::Dim);
    }
    if let Some(problem) = &prompt.problem
        && line.y > screen.y
    {
        let above = Rect {
            y: line.y - 1,
            ..line
        };
        c.clear(above);
        let mut pen = c.pen(above, 0);
        pen.gap(1);
        let text = format!("{} {problem}", pen.theme.glyph("✖", "x"));
        pen.role(&text, Role::Error);
    }
    Some(Position::new(cursor.min(line.right() - 1), line.y))
}
