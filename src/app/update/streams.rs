//! The tree of streams and the tabs they open in.

use super::layers;
use crate::app::effect::Effect;
use crate::app::key::{Code, Key};
use crate::app::layer::Layer;
use crate::app::msg::Msg;
use crate::app::state::{App, Level};
use crate::app::streams::StreamTree;

/// Opens the tree: of the service from a path down, or of the log's own streams.
pub fn tree(app: &mut App, prefix: Option<&str>, todo: &mut Vec<Effect>) {
    let of_file = app
        .log
        .as_ref()
        .is_some_and(|view| view.connection.is_none());
    if let Some(service) = app.service.as_mut().filter(|_| !of_file) {
        let prefix = prefix.map(str::to_owned);
        let prefix = prefix.or_else(|| service.streams.prefix.clone());
        let prefix = prefix.unwrap_or_else(|| "/".to_owned());
        service.streams.prefix = Some(prefix.clone());
        todo.push(Effect::WatchStreams(Some(prefix)));
    }
    let view = app.log.as_ref();
    let selected = view.and_then(|v| v.stream.clone()).unwrap_or_default();
    app.layers.push(Layer::Tree(StreamTree {
        selected,
        ..StreamTree::default()
    }));
}

/// A key for the tree on top.
pub fn key(app: &mut App, key: Key, todo: &mut Vec<Effect>) {
    let page = isize::try_from(app.size.height / 2).unwrap_or(1).max(1);
    match (key.code, key.ctrl) {
        (Code::Esc, _) => {
            layers::close(app, todo);
        }
        (Code::Enter, _) => open_selected(app, todo),
        (Code::Down | Code::Tab, _) | (Code::Char('n' | 'j'), true) => select_by(app, 1),
        (Code::Up, _) | (Code::Char('p' | 'k'), true) => select_by(app, -1),
        (Code::PageDown, _) => select_by(app, page),
        (Code::PageUp, _) => select_by(app, -page),
        (Code::Left, false) => fold(app, true),
        (Code::Right, false) => fold(app, false),
        _ => {
            if let Some(Layer::Tree(tree)) = app.layers.last_mut() {
                tree.query.key(key);
            }
            select_match(app);
        }
    }
}

/// Moves the selection by lines; a selection that is no more in the tree goes to its first stream.
fn select_by(app: &mut App, by: isize) {
    let Some(Layer::Tree(tree)) = app.layers.last() else {
        return;
    };
    let nodes = app.tree_nodes(tree);
    let at = nodes.iter().position(|n| n.path == tree.selected);
    let to = match at {
        Some(at) => at
            .saturating_add_signed(by)
            .min(nodes.len().saturating_sub(1)),
        None => nodes.iter().position(|n| n.stream).unwrap_or(0),
    };
    let path = nodes.get(to).map(|n| n.path.clone());
    if let (Some(Layer::Tree(tree)), Some(path)) = (app.layers.last_mut(), path) {
        tree.selected = path;
    }
}

/// After typing: the selected stream where it is among those meant, else the first of them.
fn select_match(app: &mut App) {
    let Some(Layer::Tree(tree)) = app.layers.last() else {
        return;
    };
    let wanted = tree.query.text().trim().to_lowercase();
    let meant = |path: &str| path.to_lowercase().contains(&wanted);
    if meant(&tree.selected) {
        return;
    }
    let nodes = app.tree_nodes(tree);
    let found = nodes.into_iter().find(|n| n.stream && meant(&n.path));
    if let (Some(Layer::Tree(tree)), Some(node)) = (app.layers.last_mut(), found) {
        tree.selected = node.path;
    }
}

/// Turns the wheel over the tree.
pub fn wheel(app: &mut App, by: isize) {
    select_by(app, by.signum());
}

/// Folds the selected line away or open; what has nothing to fold goes to its parent.
fn fold(app: &mut App, close: bool) {
    let Some(Layer::Tree(tree)) = app.layers.last_mut() else {
        return;
    };
    let path = tree.selected.clone();
    if !close {
        tree.closed.remove(&path);
        return;
    }
    let Some(Layer::Tree(tree)) = app.layers.last() else {
        return;
    };
    let nodes = app.tree_nodes(tree);
    let here = nodes.iter().find(|n| n.path == path);
    let foldable = here.is_some_and(|n| n.children && !n.closed);
    let parent = path.rsplit_once('/').map(|(parent, _)| parent.to_owned());
    let Some(Layer::Tree(tree)) = app.layers.last_mut() else {
        return;
    };
    if foldable {
        tree.closed.insert(path);
    } else if let Some(parent) = parent {
        let parent = if parent.is_empty() {
            "/".to_owned()
        } else {
            parent
        };
        if nodes.iter().any(|n| n.path == parent) {
            tree.selected = parent;
        }
    }
}

fn open_selected(app: &mut App, todo: &mut Vec<Effect>) {
    select_by(app, 0);
    let Some(Layer::Tree(tree)) = app.layers.last() else {
        return;
    };
    let nodes = app.tree_nodes(tree);
    let Some(node) = nodes.into_iter().find(|n| n.path == tree.selected) else {
        return;
    };
    if !node.stream {
        fold(app, !node.closed);
        return;
    }
    app.layers.pop();
    stop_watching(app, todo);
    let of_file = app.log.as_ref().filter(|view| view.connection.is_none());
    if let Some(view) = of_file {
        todo.push(Effect::Open {
            target: view.name.clone(),
            stream: Some(node.path),
        });
    } else if let Some(tab) = app.tab_of(&node.path) {
        app.switch_tab(tab);
    } else {
        if app.log.is_some() {
            app.open_tab();
        }
        todo.push(Effect::Open {
            target: node.path,
            stream: None,
        });
    }
}

/// The tree is closed: nobody looks at the streams any more.
pub fn stop_watching(app: &App, todo: &mut Vec<Effect>) {
    if app.service.is_some() {
        todo.push(Effect::WatchStreams(None));
    }
}

/// Shows the next tab or the one before.
pub fn switch(app: &mut App, forward: bool) {
    let to = app.tab_towards(forward);
    app.switch_tab(to);
}

/// Closes the tab in view.
pub fn close_tab(app: &mut App, todo: &mut Vec<Effect>) {
    if let Some(closed) = app.close_tab() {
        todo.push(Effect::CloseTab(closed));
    }
}

/// Something happened to a tab that is not in view: it takes note, and what it wants done outside
/// is done for it.
pub fn in_background(app: &mut App, tab: u64, msg: Msg, todo: &mut Vec<Effect>) {
    let Some(parked) = app.parked_mut(tab) else {
        // The tab was closed meanwhile.
        return;
    };
    let effects = super::update(parked, msg);
    let told: Vec<_> = parked.toasts.drain(..).collect();
    let stream = parked.log.as_ref().and_then(|l| l.stream.clone());
    let effects = effects.into_iter().map(|e| Effect::In(tab, Box::new(e)));
    todo.extend(effects);
    for toast in told.into_iter().filter(|t| t.level != Level::Info) {
        let whose = stream.as_deref().unwrap_or("another tab");
        app.toast(toast.level, format!("{whose}: {}", toast.text));
    }
}
