//! What the service tells: how the connection stands, what became of appends, which streams there
//! are.

use super::{log, prompt};
use crate::app::connection::{Link, Lost, Refused, Streams};
use crate::app::effect::Effect;
use crate::app::state::{App, Arriving, Level};
use crate::model::built_in::BuiltIn;
use crate::model::event::Millis;
use std::time::Duration;

pub fn linked(app: &mut App, link: Link, at: Millis) {
    let Some(connection) = app.log.as_mut().and_then(|l| l.connection.as_mut()) else {
        return;
    };
    let why = match &link {
        Link::Retrying { why, .. } | Link::Offline { why } => Some(why.clone()),
        // One attempt more: what is wrong stays in sight until it is over.
        Link::Connecting => None,
        Link::Live | Link::Ended => {
            connection.history = None;
            connection.lost = None;
            None
        }
    };
    if let Some(why) = why {
        let since = connection.lost.as_ref().map_or(at, |lost| lost.since);
        connection.lost = Some(Lost { since, why });
    }
    connection.link = link;
}

pub fn history(app: &mut App, end: u64) {
    if let Some(connection) = app.log.as_mut().and_then(|l| l.connection.as_mut()) {
        connection.history = Some(end);
    }
}

/// Counts down to the next attempt; the outside says when it begins.
pub fn tick(app: &mut App, passed: Duration) {
    let connection = app.log.as_mut().and_then(|l| l.connection.as_mut());
    if let Some(Link::Retrying { left, .. }) = connection.map(|c| &mut c.link) {
        *left = left.saturating_sub(passed);
    }
}

/// True while a countdown is on the screen.
pub fn counts_down(app: &App) -> bool {
    let link = app.connection().map(|c| &c.link);
    matches!(link, Some(Link::Retrying { left, .. }) if !left.is_zero())
}

pub fn reconnect(app: &mut App, todo: &mut Vec<Effect>) {
    todo.push(Effect::Reconnect);
    app.toast(Level::Info, "trying the connection again now");
}

/// The new event is gone to, unless the screen follows and comes there by itself.
pub fn appended(app: &mut App, path: &str, offset: u64, event_type: &str) {
    if BuiltIn::parse(event_type) == Some(BuiltIn::InvalidEventAppended) {
        let what = format!("the service took offset {offset} as an invalid event: see its error");
        app.toast(Level::Warn, what);
    } else {
        app.toast(Level::Info, format!("appended at offset {offset}"));
    }
    let in_view = app.log.as_ref().and_then(|view| view.stream.as_deref());
    if in_view == Some(path) && !app.playhead.following {
        if log::is_under_way(app, offset) {
            app.arriving = Some(Arriving::Offset(offset));
        } else {
            prompt::go_to_offset(app, offset);
        }
    }
}

pub fn append_failed(app: &mut App, refused: Refused) {
    let what = match refused.status {
        Some(status) => format!("not appended ({status}): {}", refused.message),
        None => format!("not appended: {}", refused.message),
    };
    if let Some(service) = &mut app.service {
        service.refuse(refused);
    }
    app.toast(Level::Error, what);
}

pub fn streams(app: &mut App, streams: Streams) {
    if let Some(service) = &mut app.service {
        service.streams = streams;
    }
}
