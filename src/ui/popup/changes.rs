//! What changed between two offsets: each change with its place, the old value and the new one.

use super::{centred, frame};
use crate::app::state::App;
use crate::model::diff::{Change, What};
use crate::ui::json;
use crate::ui::text::{Canvas, bold, text_width};
use crate::ui::theme::{Role, Theme};
use ratatui::layout::Rect;

/// Draws the list, from the change `scroll` on.
pub fn draw(c: &mut Canvas, screen: Rect, app: &App, scroll: usize) {
    let changes = app.changes();
    let to = app.offset_at(app.playhead.rows);
    let from = match &app.state.mark {
        Some(mark) => app.offset_at(mark.rows),
        None => app.offset_at(app.playhead.rows.saturating_sub(1)),
    };
    let arrow = c.glyph("→", "->");
    let title = format!("changes @{from} {arrow} @{to}");
    let room = screen.width.saturating_sub(8);
    let all: Vec<Line> = changes
        .iter()
        .skip(scroll)
        // No screen shows more than this.
        .take(usize::from(screen.height))
        .flat_map(|change| lines_of(change, room, c.theme))
        .collect();
    let height = (all.len().max(1) + 2).min(400) as u16;
    let nth = changes.len().min(scroll + 1);
    let hint = format!(
        "{nth}/{}  j/k scroll  h/l step  d mark  Esc close",
        changes.len()
    );
    let inside = frame(c, centred(screen, (screen.width, height)), &title, &hint);
    if !app.moment_is_current() {
        c.why_empty(inside, &["Folding the state of this offset…"]);
        return;
    }
    if all.is_empty() {
        c.why_empty(inside, &["Nothing changed here."]);
        return;
    }
    for (i, line) in all.iter().take(inside.height.into()).enumerate() {
        let mut pen = c.pen(inside, i as u16);
        for (text, role, strong) in line {
            let style = if *strong {
                bold(pen.theme, *role)
            } else {
                pen.theme.style(*role)
            };
            pen.put(text, style);
        }
    }
}

/// Texts, their roles, and whether they stand out.
type Line = Vec<(String, Role, bool)>;

/// A change on one line where it fits, else the old value and the new one on lines of their own.
fn lines_of(change: &Change, room: u16, theme: &Theme) -> Vec<Line> {
    let place = change.path.to_string();
    let arrow = theme.glyph(" → ", " -> ");
    let show = |value| json::preview(value, usize::from(room) * 2);
    let head = |sign: &str, role| vec![(format!("{sign} {place}  "), role, true)];
    match &change.what {
        What::Added(now) => {
            let mut line = head("+", Role::Added);
            line.push((show(now), Role::Added, false));
            vec![line]
        }
        What::Removed(was) => {
            let mut line = head("-", Role::Removed);
            line.push((show(was), Role::Removed, false));
            vec![line]
        }
        What::Changed { was, now } => {
            let (was, now) = (show(was), show(now));
            let width = |text: &str| text_width(text, u16::MAX, theme.ascii);
            let mut line = head("~", Role::Changed);
            if width(&place) + width(&was) + width(&now) + 7 <= room {
                line.push((was, Role::Dim, false));
                line.push((arrow.to_owned(), Role::Dim, false));
                line.push((now, Role::Changed, false));
                return vec![line];
            }
            let side = |sign: &str, text, role| {
                vec![(format!("    {sign} "), role, true), (text, role, false)]
            };
            vec![
                line,
                side("-", was, Role::Removed),
                side("+", now, Role::Added),
            ]
        }
    }
}
