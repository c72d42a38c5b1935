//! The state pane: the state as a tree, what changed at this offset marked, old value beside new.

use super::text::{Canvas, Pen, bold, text_width};
use super::theme::{Role, Theme};
use super::{clock, json, notes};
use crate::app::Origin;
use crate::app::layout::Pane;
use crate::app::msg::SearchWhere;
use crate::app::state::App;
use crate::app::tree::{Mark, Shape, TreeLine};
use crate::model::diff::{Change, What};
use crate::model::json_path::Step;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use serde_json::Value;

/// Keys up to this many cells get their values aligned; nothing moves while scrolling.
const KEY: u16 = 10;
/// Texts from this many bytes on say their size.
const LARGE: usize = 1000;

/// Draws the pane's body.
pub fn draw(c: &mut Canvas, area: Rect, app: &App) {
    if app.log.is_none() {
        return;
    }
    if let Some(broken) = &app.state.broken {
        let what = "There is no state: the processor cannot be used.";
        c.why_empty(area, &[what, broken]);
        return;
    }
    let Some(moment) = &app.state.moment else {
        waiting(c, area, app);
        return;
    };
    if let Some(failure) = &app.state.failure {
        c.why_empty(area, &["There is no state here.", failure]);
        return;
    }
    let Some(state) = &moment.state else {
        c.why_empty(
            area,
            &[
                "The state is undefined.",
                "This processor has no state before its first event.",
            ],
        );
        return;
    };
    let tree = &app.state.tree;
    if tree.lines.is_empty() {
        let text = json::preview(state, usize::from(area.width) * 2);
        let mut pen = c.pen(area, 0);
        pen.gap(3);
        pen.role(&text, json::role_of(state));
        return;
    }
    for (i, line) in tree
        .lines
        .iter()
        .skip(tree.scroll)
        .take(area.height.into())
        .enumerate()
    {
        let selected = tree.scroll + i == tree.selected && app.focus == Pane::State;
        let now = line.path.get(state);
        draw_line(&mut c.pen(area, i as u16), app, line, now);
        if selected {
            let row = Rect {
                y: area.y + i as u16,
                height: 1,
                ..area
            };
            c.tint(row, Role::Selection);
        }
    }
    if !app.moment_is_current() && app.state.pending.is_some_and(|p| p.progress.is_some()) {
        // Another offset's state, until the playhead's comes.
        c.tint(area, Role::Dim);
    }
    let used = tree
        .lines
        .len()
        .saturating_sub(tree.scroll)
        .min(area.height.into()) as u16;
    aside(
        c,
        Rect {
            y: area.y + used,
            height: area.height - used,
            ..area
        },
        app,
    );
}

/// What else is to be known of this state, where the tree leaves room.
fn aside(c: &mut Canvas, area: Rect, app: &App) {
    let Some(moment) = &app.state.moment else {
        return;
    };
    let mut line = 1;
    for note in &moment.notes {
        let role = if note.what.is_failure() {
            Role::Error
        } else {
            Role::Dim
        };
        let text = notes::headline(&note.what);
        let mut pen = c.pen(area, line);
        pen.gap(1);
        let glyph = if note.what.is_failure() {
            pen.theme.glyph("✖ ", "x ")
        } else {
            "! "
        };
        pen.role(glyph, role);
        pen.role(&text, role);
        line += 1;
    }
    if app.workers.list.iter().all(|w| w.slug.is_none())
        && moment.origin == Origin::BuiltIn
        && !app.workers.discovering
    {
        let mut pen = c.pen(area, line.max(area.height.saturating_sub(2)));
        pen.gap(1);
        pen.role(
            "No processor in this log: --processor FILE gives one.",
            Role::Dim,
        );
    }
}

fn waiting(c: &mut Canvas, area: Rect, app: &App) {
    if let Some(failure) = &app.state.failure {
        c.why_empty(area, &["There is no state here.", failure]);
    } else if let Some(pending) = app.state.pending {
        let text = match pending.progress {
            Some((rows, of)) => format!(
                "Folding {} of {of} events, {}",
                rows,
                clock::percent(rows, of)
            ),
            None => "Folding…".to_owned(),
        };
        c.why_empty(area, &[&text, "Esc stops it."]);
        if let Some((rows, of)) = pending.progress {
            let below = Rect {
                y: area.y + (area.height / 3 + 3).min(area.height),
                height: area.height.saturating_sub(area.height / 3 + 3),
                ..area
            };
            c.bar(below, rows, of);
        }
    } else if app.workers.discovering {
        c.why_empty(area, &["Looking for a processor in the log…"]);
    } else if app.is_empty() {
        c.why_empty(area, &["No events, no state."]);
    }
}

fn draw_line(pen: &mut Pen, app: &App, line: &TreeLine, now: Option<&Value>) {
    let theme = pen.theme;
    let (sign, role) = match line.mark {
        Some(Mark::Added) => ("+", Role::Added),
        Some(Mark::Removed) => ("-", Role::Removed),
        Some(Mark::Changed) => ("~", Role::Changed),
        Some(Mark::Inside) => (theme.glyph("·", "."), Role::Changed),
        None => (" ", Role::Text),
    };
    pen.gap(1);
    pen.put(sign, bold(theme, role));
    pen.gap(1 + 2 * line.depth.min(pen.room() / 4));
    let changed = matches!(line.mark, Some(Mark::Added | Mark::Removed | Mark::Changed));
    if let Shape::Elided { count } = line.shape {
        pen.role(
            &format!("{} {count} more, unchanged", theme.glyph("⋯", "...")),
            Role::Dim,
        );
        return;
    }
    let fold = match line.shape {
        Shape::Container { open: true, len } if len > 0 => theme.glyph("▾", "v"),
        Shape::Container { len, .. } if len > 0 => theme.glyph("▸", ">"),
        _ => " ",
    };
    pen.put(fold, theme.style(Role::Dim));
    pen.gap(1);
    let key = match line.path.0.last() {
        Some(Step::Key(key)) => key.clone(),
        Some(Step::Index(index)) => index.to_string(),
        None => "$".to_owned(),
    };
    let mut key_style = theme.style(if changed { role } else { Role::Text });
    if changed {
        key_style = key_style.add_modifier(Modifier::BOLD);
    }
    let searched = app
        .search
        .as_ref()
        .filter(|search| search.place == SearchWhere::State);
    let found = |text: &str| searched.is_some_and(|s| s.needle.regex().is_match(text.as_bytes()));
    if app.state.watch.as_ref() == Some(&line.path) || found(&key) {
        key_style = key_style.add_modifier(Modifier::UNDERLINED);
    }
    let aligned = match line.path.0.last() {
        Some(Step::Index(_)) => 0,
        _ => KEY,
    };
    let width = text_width(&key, u16::MAX, theme.ascii)
        .max(aligned)
        .min(pen.room() / 2);
    pen.left(&key, width, key_style);
    pen.gap(2);
    let removed = line.removed();
    let Some(value) = (if removed { line.was.as_ref() } else { now }) else {
        return;
    };
    let right = right_of(line, value);
    let right_width = text_width(&right, pen.room() / 3, theme.ascii);
    let value_room = match right_width {
        0 => pen.room(),
        width => pen.room().saturating_sub(width + 3),
    };
    if !matches!(line.shape, Shape::Container { open: true, .. }) {
        let text = json::preview(value, usize::from(value_room));
        let value_role = match line.mark {
            Some(Mark::Added | Mark::Changed | Mark::Removed) => role,
            _ => json::role_of(value),
        };
        let mut style = theme.style(value_role);
        if removed {
            style = style.add_modifier(Modifier::CROSSED_OUT);
        }
        if found(&text) {
            style = style.add_modifier(Modifier::UNDERLINED | Modifier::BOLD);
        }
        pen.put_within(&text, value_room, style);
    }
    if right_width > 0 {
        let gap = pen.room().saturating_sub(right_width + 1);
        pen.gap(gap);
        let room = pen.room().saturating_sub(1);
        pen.put_within(&right, room, theme.style(Role::Dim));
    }
}

/// What stands at the right end: the old value, the count of members, a large text's size.
fn right_of(line: &TreeLine, value: &Value) -> String {
    if line.mark == Some(Mark::Changed)
        && let Some(was) = &line.was
    {
        return format!("was {}", json::preview(was, 60));
    }
    if line.removed() {
        return "gone".to_owned();
    }
    match (line.shape, value) {
        (Shape::Container { len, .. }, Value::Array(_)) => format!("[{len}]"),
        (Shape::Container { len, .. }, _) => format!("{{{len}}}"),
        (_, Value::String(text)) if text.len() >= LARGE => clock::size(text.len()),
        _ => String::new(),
    }
}

/// What the event did to the state, on one line: for the strip at 80×24.
pub fn draw_strip(c: &mut Canvas, area: Rect, app: &App) {
    let theme = c.theme;
    let mut pen = c.pen(area, 0);
    pen.gap(1);
    pen.put("STATE  ", theme.style(Role::Dim));
    let Some(moment) = &app.state.moment else {
        let text = match (&app.state.broken, app.state.pending) {
            (Some(broken), _) => broken,
            (None, Some(_)) => "folding…",
            (None, None) => "none yet",
        };
        pen.role(text, Role::Dim);
        return;
    };
    if !app.moment_is_current() {
        pen.role("folding…", Role::Dim);
        return;
    }
    if let Some(note) = moment.notes.iter().find(|n| n.what.is_failure()) {
        let glyph = theme.glyph("✖", "x");
        let text = format!("{glyph} {}", notes::headline(&note.what));
        pen.role(&text, Role::Error);
        return;
    }
    let total = app.changes().len();
    if total == 0 {
        pen.role("this event changed nothing", Role::Dim);
        return;
    }
    // What changed its value says most. No line shows more than this many.
    let mut changes: Vec<&Change> = app.changes().iter().take(100).collect();
    changes.sort_by_key(|change| match &change.what {
        What::Changed { .. } => 0,
        What::Added(_) => 1,
        What::Removed(_) => 2,
    });
    for (i, change) in changes.into_iter().enumerate() {
        let (text, role) = change_in_words(change, theme);
        let more = if i + 1 < total { MORE } else { 1 };
        let width = text_width(&text, u16::MAX, theme.ascii);
        if i > 0 && width + more > pen.room() {
            pen.role(&format!("{} more", total - i), Role::Dim);
            break;
        }
        let room = pen.room().saturating_sub(more);
        pen.put_within(&text, room, theme.style(role));
        pen.gap(2);
    }
}

/// Cells kept for saying how many changes do not fit.
const MORE: u16 = 9;

fn change_in_words(change: &Change, theme: &Theme) -> (String, Role) {
    let path = change.path.to_string();
    let path = path.strip_prefix("$.").unwrap_or(&path);
    let arrow = theme.glyph("→", "->");
    let short = |value: &Value| match value {
        Value::Array(items) if items.len() > 3 => format!("[{}]", items.len()),
        Value::Object(members) if !members.is_empty() => format!("{{{}}}", members.len()),
        value => json::preview(value, 16),
    };
    match &change.what {
        What::Added(Value::Array(_) | Value::Object(_)) => (format!("+ {path}"), Role::Added),
        What::Added(now) => (format!("+ {path} {}", short(now)), Role::Added),
        What::Removed(_) => (format!("- {path}"), Role::Removed),
        What::Changed { was, now } => (
            format!("~ {path} {}{arrow}{}", short(was), short(now)),
            Role::Changed,
        ),
    }
}

/// The pane's title and what stands right of it: `STATE @182 · agent`, `~2 +1 -0`.
#[must_use]
pub fn title(app: &App) -> (String, String) {
    let at = app.offset_at(
        app.state
            .moment
            .as_ref()
            .map_or(app.playhead.rows, |m| m.rows),
    );
    let mut title = format!("STATE @{at}");
    if let Some(moment) = &app.state.moment {
        match &moment.origin {
            Origin::BuiltIn => title.push_str("  built-in"),
            Origin::File(_) => {}
            Origin::Worker {
                not_yet_deployed: true,
                slug,
                ..
            } => {
                title.push_str(&format!("  {slug} not yet deployed"));
            }
            Origin::Worker { .. } => {}
        }
    }
    if let Some(mark) = &app.state.mark {
        title.push_str(&format!("  against @{}", app.offset_at(mark.rows)));
    }
    if !app.moment_is_current()
        && let Some(pending) = app.state.pending
    {
        let right = match pending.progress {
            Some((rows, of)) => format!("folding {}", clock::percent(rows, of)),
            None => "folding".to_owned(),
        };
        return (title, right);
    }
    (title, counts(app))
}

fn counts(app: &App) -> String {
    let (mut changed, mut added, mut removed) = (0, 0, 0);
    for change in app.changes() {
        match change.what {
            What::Added(_) => added += 1,
            What::Removed(_) => removed += 1,
            What::Changed { .. } => changed += 1,
        }
    }
    let parts = [('~', changed), ('+', added), ('-', removed)];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(sign, n)| format!("{sign}{n}"))
        .collect();
    if parts.is_empty() {
        "no change".to_owned()
    } else {
        parts.join(" ")
    }
}
