//! The level over time as bars, the line where it trips, and the time the gate was closed.

use crate::app::state::App;
use crate::model::breaker_story::Story;
use crate::model::event::Millis;
use crate::model::stream_state::breaker::Policy;
use crate::ui::clock;
use crate::ui::text::{Canvas, bold, text_width};
use crate::ui::theme::Role;
use ratatui::layout::Rect;

const BARS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const BARS_ASCII: [&str; 9] = [" ", ".", ".", ":", ":", "+", "+", "#", "#"];

/// Draws the story's plot; its last two lines are the axis and the times.
pub fn draw(c: &mut Canvas, area: Rect, app: &App, story: &Story) {
    let plot = &story.plot;
    if plot.levels.is_empty() {
        c.why_empty(area, &["These events have no times to draw."]);
        return;
    }
    let limit = plot.limit.to_string();
    let label = limit.len() as u16 + 1;
    let lines = area.height - 2;
    // The line to trip at stands on the second row: what is over it shows above.
    let bars = Rect {
        x: area.x + label + 1,
        width: area.width.saturating_sub(label + 1),
        height: lines,
        ..area
    };
    for line in 0..lines {
        let text = match line {
            0 => limit.as_str(),
            l if l + 1 == lines => "0",
            _ => "",
        };
        let dim = c.theme.style(Role::Dim);
        let mut pen = c.pen(area, line);
        pen.right(text, label, dim);
        pen.role(
            if line == 0 {
                pen.theme.glyph("┼", "+")
            } else {
                pen.theme.glyph("┤", "|")
            },
            Role::Dim,
        );
    }
    let slices = plot.levels.len();
    let column_of =
        |time: Millis| Some((plot.slice_of(time)? * usize::from(bars.width) / slices) as u16);
    let tripped = story
        .pause
        .as_ref()
        .filter(|pause| pause.tripped_by.is_some())
        .and_then(|pause| column_of(pause.time?));
    let full = f64::from(lines.saturating_sub(1)) * 8.0;
    for x in 0..bars.width {
        let from = usize::from(x) * slices / usize::from(bars.width);
        let to = (usize::from(x) + 1) * slices / usize::from(bars.width);
        let level = plot.levels[from..to.max(from + 1).min(slices)]
            .iter()
            .copied()
            .fold(0.0, f64::max);
        let eighths = (level / plot.limit.max(1) as f64 * full).ceil() as u16;
        let over = level >= plot.limit as f64;
        for line in 0..lines {
            let above = (lines - 1 - line) * 8;
            let here = usize::from(eighths.saturating_sub(above).min(8));
            let cell = Rect {
                x: bars.x + x,
                y: bars.y + line,
                width: 1,
                height: 1,
            };
            let mut pen = c.pen(cell, 0);
            if line == 0 {
                let role = if over { Role::Paused } else { Role::Border };
                let sign = if tripped == Some(x) {
                    pen.theme.glyph("●", "o")
                } else if over {
                    pen.theme.glyph("▄", "#")
                } else {
                    pen.theme.glyph("┄", "-")
                };
                pen.role(sign, role);
            } else if here > 0 {
                let role = if over { Role::Paused } else { Role::Accent };
                pen.role(pen.theme.glyph(BARS[here], BARS_ASCII[here]), role);
            }
        }
    }
    word(c, bars, tripped);
    axis(c, area, bars, app, story, &column_of);
}

/// Says what the upper line is, where it has room.
fn word(c: &mut Canvas, bars: Rect, tripped: Option<u16>) {
    let text = " trips here ";
    let width = text.len() as u16;
    let at = match tripped {
        Some(x) if x + 2 + width < bars.width => x + 2,
        Some(x) if x > width + 2 => x - width - 1,
        Some(_) => return,
        None => bars.width.saturating_sub(width + 1),
    };
    let mut pen = c.pen(bars, 0);
    pen.gap(at);
    pen.role(text, Role::Dim);
}

fn axis(
    c: &mut Canvas,
    area: Rect,
    bars: Rect,
    app: &App,
    story: &Story,
    column_of: &dyn Fn(Millis) -> Option<u16>,
) {
    let plot = &story.plot;
    let y = area.bottom() - 2;
    let line = Rect {
        y,
        height: 1,
        ..bars
    };
    let across = c.glyph("─", "-");
    c.pen(line, 0)
        .role(&across.repeat(bars.width.into()), Role::Border);
    for (from, to) in &plot.paused {
        let start = column_of(*from).unwrap_or(0);
        let end = to.and_then(column_of).unwrap_or(bars.width);
        let mut pen = c.pen(line, 0);
        pen.gap(start);
        let closed = pen.theme.glyph("‖", "=");
        pen.role(
            &closed.repeat(end.saturating_sub(start).max(1).into()),
            Role::Paused,
        );
    }
    let here = app
        .row()
        .and_then(|row| app.log.as_ref()?.log.row(row)?.time);
    if let Some(x) = here.and_then(column_of) {
        let style = bold(c.theme, Role::Accent);
        let mut pen = c.pen(line, 0);
        pen.gap(x);
        let sign = pen.theme.glyph("▲", "^");
        pen.put(sign, style);
    }
    let times = Rect { y: y + 1, ..line };
    let Some(from) = plot.from else { return };
    let start = clock::time_of_day(from);
    c.pen(times, 0).role(&start, Role::Dim);
    let end = clock::time_of_day(Millis(from.0.saturating_add(plot.span)));
    let width = text_width(&end, u16::MAX, true);
    if bars.width > 2 * width + 4 {
        let mut pen = c.pen(times, 0);
        pen.gap(bars.width - width);
        pen.role(&end, Role::Dim);
    }
    let what = match (story.bucket, story.policy) {
        (None, Policy::Window { millis: 1000, .. }) => "events in a second",
        (None, _) => "events in the window",
        (Some(_), _) => "tokens taken",
    };
    let room = bars.width.saturating_sub(2 * width + 4);
    if usize::from(room) > what.len() {
        let mut pen = c.pen(times, 0);
        pen.gap(width + 2 + (room - what.len() as u16) / 2);
        pen.role(what, Role::Dim);
    }
}
