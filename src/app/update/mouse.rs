//! The mouse: wheel, click on a row, drag on the scrubber.

use super::{layers, pickers, run, state_tree, streams, travel};
use crate::app::effect::Effect;
use crate::app::key::{Mouse, MouseWhat};
use crate::app::layer::Layer;
use crate::app::layout::{Pane, Rect};
use crate::app::state::App;

/// Lines a turn of the wheel moves.
const WHEEL: isize = 3;

pub fn mouse(app: &mut App, mouse: Mouse, todo: &mut Vec<Effect>) {
    let wheel = match mouse.what {
        MouseWhat::WheelUp => Some(-WHEEL),
        MouseWhat::WheelDown => Some(WHEEL),
        _ => None,
    };
    match (app.layers.last_mut(), wheel) {
        (Some(Layer::Picker(picker)), Some(by)) => {
            let last = picker.matches.len().saturating_sub(1);
            picker.selected = picker.selected.saturating_add_signed(by.signum()).min(last);
            pickers::preview(app);
            return;
        }
        (Some(Layer::Tree(_)), Some(by)) => {
            streams::wheel(app, by);
            return;
        }
        (Some(Layer::Prompt(_) | Layer::Confirm(_)), _) => return,
        (Some(_), Some(by)) => {
            layers::scroll(app, by);
            return;
        }
        (Some(_), None) => {
            if mouse.what == MouseWhat::Down {
                layers::close(app, todo);
            }
            return;
        }
        (None, _) => {}
    }
    let on_scrubber = within(app.areas.scrubber, mouse.x, mouse.y);
    match mouse.what {
        MouseWhat::Down if on_scrubber => {
            app.dragging = true;
            drag(app, mouse.x);
        }
        MouseWhat::Drag if app.dragging => drag(app, mouse.x),
        MouseWhat::Up => app.dragging = false,
        MouseWhat::Down => click(app, mouse),
        MouseWhat::Drag => {}
        MouseWhat::WheelUp | MouseWhat::WheelDown => {
            let by = wheel.unwrap_or(0);
            if on_scrubber {
                travel::step(app, by.signum());
            } else if let Some(pane) = pane_at(app, mouse) {
                travel::move_in(app, pane, by);
            }
        }
    }
}

fn within(area: Rect, x: u16, y: u16) -> bool {
    area.contains((x, y).into())
}

fn pane_at(app: &App, mouse: Mouse) -> Option<Pane> {
    app.areas
        .panes
        .iter()
        .find(|(_, area)| within(*area, mouse.x, mouse.y))
        .map(|(pane, _)| *pane)
}

/// The last row of the scrubber's column under the mouse.
fn drag(app: &mut App, x: u16) {
    let area = app.areas.scrubber;
    let width = u128::from(area.width.max(1));
    let column = u128::from(x.saturating_sub(area.x)).min(width - 1);
    let rows = (column + 1) * app.len() as u128 / width;
    travel::go_to(app, usize::try_from(rows).unwrap_or(usize::MAX).max(1));
}

fn click(app: &mut App, mouse: Mouse) {
    if within(app.areas.strip, mouse.x, mouse.y) {
        let other = if app.focus == Pane::Timeline {
            Pane::State
        } else {
            Pane::Timeline
        };
        run::focus(app, other);
        return;
    }
    let Some(pane) = pane_at(app, mouse) else {
        return;
    };
    let had_focus = app.focus == pane;
    run::focus(app, pane);
    let Some(body) = app.areas.body(pane) else {
        return;
    };
    if !within(body, mouse.x, mouse.y) {
        return;
    }
    let line = usize::from(mouse.y - body.y);
    match pane {
        Pane::Timeline => {
            let (lines, here) = app.timeline_window(body.height.into());
            match lines.get(line) {
                Some(_) if line == here && had_focus => travel::fold_here(app),
                Some(clicked) => travel::go_to(app, clicked.playhead()),
                None => {}
            }
        }
        Pane::State => {
            let tree = &mut app.state.tree;
            let at = tree.scroll + line;
            if at < tree.lines.len() {
                let again = tree.selected == at && had_focus;
                tree.selected = at;
                if again {
                    state_tree::toggle(app);
                }
            }
        }
        Pane::Event | Pane::Source => {}
    }
}
