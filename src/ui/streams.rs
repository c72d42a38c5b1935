//! The tree of streams, and the line of tabs.

use super::clock;
use super::popup::{centred, edit, frame};
use super::text::{Canvas, bold, text_width};
use super::theme::Role;
use crate::app::state::App;
use crate::app::streams::{Node, StreamTree};
use crate::model::event::Millis;
use ratatui::layout::{Position, Rect};

/// Cells of the columns at the right: events, time of the last one, paused.
const COUNT: u16 = 14;
const LAST: u16 = 12;
const STATE: u16 = 10;

/// Draws the tree; gives the cursor's place.
pub fn draw(c: &mut Canvas, screen: Rect, app: &App, tree: &StreamTree) -> Option<Position> {
    let nodes = app.tree_nodes(tree);
    let service = app.service.as_ref().map(|service| &service.streams);
    let of_file = app
        .log
        .as_ref()
        .is_some_and(|view| view.connection.is_none());
    let title = match service.and_then(|streams| streams.prefix.as_deref()) {
        Some(prefix) if !of_file => format!("streams under {prefix}"),
        _ => "streams of this log".to_owned(),
    };
    let height = nodes.len().clamp(3, 24) as u16 + 3;
    let open = if of_file {
        "Enter open"
    } else {
        "Enter open in a tab"
    };
    let arrows = c.glyph("←→ fold", "Left/Right fold");
    let hint = format!("{open}  {arrows}  Esc close");
    let inside = frame(c, centred(screen, (90, height)), &title, &hint);
    if inside.is_empty() {
        return None;
    }
    let mut pen = c.pen(inside, 0);
    pen.role(pen.theme.glyph("› ", "> "), Role::Accent);
    let cursor = edit(&mut pen, tree.query.text(), tree.query.cursor());
    let cursor = Some(Position::new(cursor.min(inside.right() - 1), inside.y));
    let list = Rect {
        y: inside.y + 1,
        height: inside.height - 1,
        ..inside
    };
    let failure = service
        .and_then(|s| s.failure.as_deref())
        .filter(|_| !of_file);
    if nodes.is_empty() {
        let typed = tree.query.text();
        let none = format!("No stream's path holds {typed}; Backspace widens it again.");
        let why = match (failure, app.known_streams()) {
            (Some(why), _) => why,
            (None, None) => "Asking the service for its streams…",
            (None, Some(_)) if typed.is_empty() => "There is no stream here yet.",
            (None, Some(_)) => &none,
        };
        c.why_empty(list, &[why]);
        return cursor;
    }
    let newest = nodes.iter().filter_map(|n| n.last).max();
    let at = nodes.iter().position(|n| n.path == tree.selected);
    let height = usize::from(list.height);
    let first = (at.unwrap_or(0) + 1).saturating_sub(height.max(1));
    for (i, node) in nodes.iter().skip(first).take(height).enumerate() {
        let line = Rect {
            y: list.y + i as u16,
            height: 1,
            ..list
        };
        draw_node(c, line, node, newest);
        if at == Some(first + i) {
            c.tint(line, Role::Selection);
        }
    }
    if let Some(why) = failure {
        let last = Rect {
            y: list.bottom() - 1,
            height: 1,
            ..list
        };
        c.clear(last);
        c.pen(last, 0).role(why, Role::Error);
    }
    cursor
}

fn draw_node(c: &mut Canvas, line: Rect, node: &Node, newest: Option<Millis>) {
    let mut pen = c.pen(line, 0);
    let theme = pen.theme;
    let tab = match node.in_tab {
        Some(true) => theme.glyph("▸", ">"),
        Some(false) => theme.glyph("·", "."),
        None => " ",
    };
    pen.role(tab, Role::Accent);
    pen.gap(1 + 2 * node.depth.min(line.width / 8));
    let fold = match (node.children, node.closed) {
        (true, true) => theme.glyph("▸ ", "> "),
        (true, false) => theme.glyph("▾ ", "v "),
        (false, _) => "  ",
    };
    pen.role(fold, Role::Dim);
    let wide = line.width >= 60;
    let columns = if wide { COUNT + LAST + STATE } else { COUNT };
    let room = pen.room().saturating_sub(columns + 1);
    let style = match (node.stream, node.in_tab) {
        (true, Some(_)) => bold(theme, Role::Text),
        (true, None) => theme.style(Role::Text),
        (false, _) => theme.style(Role::Dim),
    };
    pen.left(&node.name, room, style);
    pen.gap(1);
    let dim = theme.style(Role::Dim);
    let events = match node.events {
        Some(1) => "1 event".to_owned(),
        Some(n) => format!("{n} events"),
        None if node.stream => theme.glyph("…", "...").to_owned(),
        None => String::new(),
    };
    pen.right(&events, COUNT, dim);
    if !wide {
        return;
    }
    let last = node.last.map_or(String::new(), |last| when(last, newest));
    pen.right(&last, LAST, dim);
    if node.paused == Some(true) {
        let text = format!("  {} paused", theme.glyph("‖", "="));
        pen.put(&text, theme.style(Role::Paused));
    }
}

/// The time of day, or the day where the newest event is of another one.
fn when(time: Millis, newest: Option<Millis>) -> String {
    let day = |t: Millis| t.0.div_euclid(86_400_000);
    if newest.is_none_or(|newest| day(newest) == day(time)) {
        return clock::time_of_day(time);
    }
    time.to_string().chars().take(10).collect()
}

/// Draws the line of tabs.
pub fn draw_tabs(c: &mut Canvas, area: Rect, app: &App) {
    if area.is_empty() {
        return;
    }
    let labels = app.tab_labels();
    let (paused, dots, here) = (c.glyph("‖", "="), c.glyph("…", "~"), c.glyph("▸", ">"));
    let texts: Vec<String> = labels
        .iter()
        .map(|label| {
            let mut text = label.name.clone();
            if label.paused {
                text = format!("{text} {paused}");
            }
            if label.new > 0 {
                text = format!("{text} +{}", label.new);
            }
            text
        })
        .collect();
    let ascii = c.theme.ascii;
    let most = (area.width / labels.len().max(1) as u16)
        .saturating_sub(3)
        .max(4);
    let mut pen = c.pen(area, 0);
    pen.gap(1);
    for (label, text) in labels.iter().zip(&texts) {
        let mut shown = text.as_str();
        while text_width(shown, u16::MAX, ascii) > most && !shown.is_empty() {
            shown = shown
                .char_indices()
                .nth(1)
                .map_or("", |(at, _)| &shown[at..]);
        }
        let cut = if shown.len() < text.len() { dots } else { "" };
        let style = if label.in_view {
            pen.theme.style(Role::Selection)
        } else if label.paused {
            pen.theme.style(Role::Paused)
        } else {
            pen.theme.style(Role::Dim)
        };
        let sign = if label.in_view { here } else { " " };
        pen.put(&format!("{sign}{cut}{shown} "), style);
        pen.gap(1);
    }
}
