//! The circuit breaker's panel: what comes in for it, and the keys it has of its own.

use super::{find, run, travel};
use crate::app::command::Verb;
use crate::app::dock::Dock;
use crate::app::effect::Effect;
use crate::app::key::{Code, Key};
use crate::app::state::{App, Level as Seriousness};
use crate::model::breaker_story::Story;
use crate::model::stream_state::breaker::Level;
use std::sync::Arc;

pub fn told(app: &mut App, rows: usize, level: Level, story: Option<Arc<Story>>) {
    app.breaker.level = Some((rows, level));
    if story.is_some() {
        app.breaker.story = story;
    }
}

/// Opens or closes the panel.
pub fn toggle(app: &mut App) {
    app.dock = match app.dock {
        Some(Dock::Breaker) => None,
        _ => Some(Dock::Breaker),
    };
}

/// Gives a key to the panel; `false` when it is not open or the key means nothing to it, so that
/// the playhead moves as ever.
pub fn takes_key(app: &mut App, key: Key, todo: &mut Vec<Effect>) -> bool {
    if app.dock != Some(Dock::Breaker) {
        return false;
    }
    match key.code {
        Code::Esc => app.dock = None,
        Code::Char('o') if !key.ctrl && !key.alt => follow_chain(app),
        Code::Char('r') if !key.ctrl && !key.alt => run::run(app, Verb::Resume, todo),
        Code::Enter => go_to_trip(app),
        _ => return false,
    }
    true
}

/// To the newest event of the chain that filled the limit; from one of its events on to its cause.
fn follow_chain(app: &mut App) {
    let chain = app
        .breaker
        .story
        .as_ref()
        .and_then(|story| story.filled.chain.as_ref())
        .map(|chain| (chain.root.row, chain.links.first().map_or(0, |l| l.row)));
    match (chain, app.row()) {
        (Some((root, newest)), Some(row)) if root < row && row <= newest => find::cause(app),
        (Some((root, _)), Some(row)) if root == row => {
            app.toast(Seriousness::Info, "this event started the chain");
        }
        (Some((_, newest)), _) => travel::go_to(app, newest + 1),
        (None, _) => app.toast(
            Seriousness::Info,
            "these events do not say what they came from (no sourceOffset)",
        ),
    }
}

fn go_to_trip(app: &mut App) {
    match app.pause_in_view() {
        Some(row) => travel::go_to(app, row + 1),
        None => app.toast(Seriousness::Info, "this stream was never paused"),
    }
}
