//! What can be copied.

use crate::app::effect::Effect;
use crate::app::layout::Pane;
use crate::app::state::{App, Level};
use serde_json::Value;

/// Copies what is selected in the pane that has the keys.
pub fn selected(app: &mut App, todo: &mut Vec<Effect>) {
    let wanted = match app.focus {
        Pane::Timeline | Pane::Event => "event",
        Pane::State => "value",
        Pane::Source => "source",
    };
    let found = choices(app).into_iter().find(|(name, _)| *name == wanted);
    match found {
        Some((name, text)) => todo.push(Effect::Copy {
            text,
            what: name.to_owned(),
        }),
        None => app.toast(Level::Warn, format!("there is no {wanted} to copy here")),
    }
}

/// Everything that can be copied here, by name.
pub fn choices(app: &App) -> Vec<(&'static str, String)> {
    let mut choices = Vec::new();
    let raw = app
        .row()
        .zip(app.log.as_ref())
        .and_then(|(row, view)| Some(String::from_utf8_lossy(&view.log.raw(row)?).into_owned()));
    if let Some(raw) = raw {
        choices.push(("event", raw));
    }
    let state = app.state.moment.as_ref().and_then(|m| m.state.clone());
    let tree = &app.state.tree;
    if let (Some(state), Some(line)) = (&state, tree.lines.get(tree.selected)) {
        let value = match (&line.was, line.removed()) {
            (Some(was), true) => Some(was),
            _ => line.path.get(state),
        };
        if let Some(value) = value {
            choices.push(("value", text_of(value)));
        }
        choices.push(("path", line.path.to_string()));
    }
    if let Some(state) = &state {
        let json = serde_json::to_string_pretty(&**state).unwrap_or_default();
        choices.push(("state", json));
    }
    choices.push(("offset", app.offset_at(app.playhead.rows).to_string()));
    if let Some(file) = app.code.files.get(app.code.current) {
        choices.push(("source", file.lines.join("\n")));
    }
    choices
}

/// A text without its quotes, anything else as JSON.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}
