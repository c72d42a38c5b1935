//! The state pane: moments that come in, the tree's selection and folds, the watched value.

use crate::app::layout::Pane;
use crate::app::state::{App, Level};
use crate::app::tree::Shape;
use crate::model::diff::Change;
use crate::replay::moment::Moment;
use std::sync::Arc;

pub fn moment(app: &mut App, id: u64, moment: Arc<Moment>, against: Option<Arc<[Change]>>) {
    if app.state.pending.is_none_or(|p| p.id != id) {
        return;
    }
    app.state.pending = None;
    app.state.failure = None;
    if !moment.notes.is_empty() {
        super::log::notes(app, moment.notes.clone());
    }
    if let Some(mark) = &mut app.state.mark {
        mark.changes = against;
    }
    app.state.moment = Some(moment);
    rebuild(app, app.focus != Pane::State);
}

pub fn progress(app: &mut App, id: u64, rows: usize, of: usize) {
    if let Some(pending) = &mut app.state.pending
        && pending.id == id
    {
        pending.progress = Some((rows, of));
    }
}

pub fn failed(app: &mut App, id: u64, error: String) {
    if app.state.pending.is_some_and(|p| p.id == id) {
        app.state.pending = None;
        app.state.failure = Some(error);
    }
}

/// Makes the tree's lines anew from the moment and the changes in force.
pub fn rebuild(app: &mut App, show_change: bool) {
    let state = app.state.moment.as_ref().and_then(|m| m.state.clone());
    let mut tree = std::mem::take(&mut app.state.tree);
    tree.few = app.areas.lines(Pane::State) / 3;
    tree.build(state.as_deref(), app.changes(), show_change);
    app.state.tree = tree;
}

pub fn select_by(app: &mut App, by: isize) {
    let tree = &mut app.state.tree;
    let last = tree.lines.len().saturating_sub(1);
    tree.selected = tree.selected.saturating_add_signed(by).min(last);
}

/// Opens or closes the selected line.
pub fn toggle(app: &mut App) {
    let tree = &mut app.state.tree;
    let Some(line) = tree.lines.get(tree.selected) else {
        return;
    };
    match line.shape {
        Shape::Container { open, len } if len > 0 && !line.removed() => {
            tree.open.insert(line.path.clone(), !open);
        }
        Shape::Elided { .. } => {
            tree.open.insert(line.path.clone(), true);
        }
        Shape::Leaf | Shape::Container { .. } => {
            app.toast(Level::Warn, "there is nothing inside this value");
            return;
        }
    }
    rebuild(app, false);
}

/// Watches the selected value; the same again stops it.
pub fn watch(app: &mut App) {
    if app.focus != Pane::State && app.state.watch.take().is_some() {
        app.toast(Level::Info, "no value is watched any more");
        return;
    }
    if app.focus != Pane::State {
        super::prompt::ask(app, crate::app::layer::Ask::Watch);
        return;
    }
    let tree = &app.state.tree;
    let Some(line) = tree.lines.get(tree.selected) else {
        app.toast(Level::Warn, "there is no value to watch");
        return;
    };
    if app.state.watch.as_ref() == Some(&line.path) {
        app.state.watch = None;
        app.toast(Level::Info, "no value is watched any more");
    } else {
        let text = format!("watching {}; {{ and }} go to where it changes", line.path);
        app.state.watch = Some(line.path.clone());
        app.toast(Level::Info, text);
    }
}
