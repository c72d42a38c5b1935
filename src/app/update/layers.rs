//! The stack of popups: the topmost gets the keys.

use super::{composer, pickers, prompt, send, streams, travel};
use crate::app::command::Verb;
use crate::app::effect::Effect;
use crate::app::key::Key;
use crate::app::layer::Layer;
use crate::app::state::App;

/// Gives a key to the topmost layer; `false` when there is none.
pub fn takes_key(app: &mut App, key: Key, todo: &mut Vec<Effect>) -> bool {
    match app.layers.last_mut() {
        None => return false,
        Some(Layer::Prompt(_)) => prompt::key(app, key, todo),
        Some(Layer::Picker(_)) => pickers::key(app, key, todo),
        Some(Layer::Tree(_)) => streams::key(app, key, todo),
        Some(Layer::Confirm(_)) => send::answer(app, key, todo),
        Some(Layer::Help { .. } | Layer::Changes { .. } | Layer::Text { .. }) => {
            read(app, key, todo)
        }
    }
    true
}

/// Texts to read follow the keys of the panes.
fn read(app: &mut App, key: Key, todo: &mut Vec<Effect>) {
    let page: isize = (app.size.height / 2).max(1).cast_signed().into();
    let by = match app.settings.keymap.verb(key) {
        Some(Verb::Down) => 1,
        Some(Verb::Up) => -1,
        Some(Verb::PageDown | Verb::Play) => page,
        Some(Verb::PageUp) => -page,
        Some(Verb::First) => isize::MIN / 2,
        Some(Verb::Last) => isize::MAX / 2,
        Some(Verb::Back | Verb::Quit | Verb::Help | Verb::Open) => {
            close(app, todo);
            return;
        }
        // The playhead moves under the changes, which are then another event's.
        Some(
            verb @ (Verb::StepForward
            | Verb::StepBack
            | Verb::LeapForward
            | Verb::LeapBack
            | Verb::Compare),
        ) if matches!(app.layers.last(), Some(Layer::Changes { .. })) => {
            super::run::run(app, verb, todo);
            if let Some(Layer::Changes { scroll }) = app.layers.last_mut() {
                *scroll = 0;
            }
            return;
        }
        Some(Verb::Changes) if matches!(app.layers.last(), Some(Layer::Changes { .. })) => {
            close(app, todo);
            return;
        }
        _ => return,
    };
    scroll(app, by);
}

/// Scrolls the text on top; its end stays in sight.
pub fn scroll(app: &mut App, by: isize) {
    // A help line a verb and a heading a group is the most there can be.
    let help = crate::app::command::COMMANDS.len() + 3 * crate::app::command::Group::ALL.len();
    let changes = app.changes().len();
    let (scroll, lines) = match app.layers.last_mut() {
        Some(Layer::Changes { scroll }) => {
            *scroll = scroll
                .saturating_add_signed(by)
                .min(changes.saturating_sub(1));
            return;
        }
        Some(Layer::Help { scroll }) => (scroll, help),
        Some(Layer::Text { scroll, lines, .. }) => (scroll, lines.len()),
        _ => return,
    };
    let height = usize::from(app.size.height).saturating_sub(6);
    *scroll = travel::scrolled(*scroll, by, lines, height);
}

pub fn paste(app: &mut App, text: &str, todo: &mut Vec<Effect>) {
    if app.layers.is_empty() && composer::paste(app, text) {
        return;
    }
    match app.layers.last_mut() {
        Some(Layer::Prompt(prompt)) => prompt::paste(prompt, text),
        Some(Layer::Picker(picker)) => {
            picker.query.insert(text);
            picker.narrow();
            pickers::preview(app);
        }
        Some(Layer::Tree(tree)) => tree.query.insert(text),
        // Pasted text is no run of commands.
        _ => todo.clear(),
    }
}

/// Takes the topmost layer away; `false` when there is none, or it must stay because nothing is
/// under it.
pub fn close(app: &mut App, todo: &mut Vec<Effect>) -> bool {
    let Some(layer) = app.layers.pop() else {
        return false;
    };
    let choice = matches!(layer, Layer::Picker(_) | Layer::Tree(_));
    match layer {
        Layer::Picker(picker) => {
            if let Some(theme) = picker.theme_before {
                app.settings.theme = theme;
            }
        }
        Layer::Tree(_) => streams::stop_watching(app, todo),
        _ => {}
    }
    let nothing_else = app.log.is_none() && app.layers.is_empty() && app.open_error.is_none();
    if choice && nothing_else && app.tab_count() < 2 {
        app.quitting = true;
        todo.push(Effect::Quit);
    }
    true
}
