//! Whether a verb can run now, and if not, why.

use super::Verb;
use crate::app::connection::Link;
use crate::app::state::App;

pub(super) fn enabled(verb: Verb, app: &App) -> Result<(), String> {
    let no = |why: &str| Err(why.to_owned());
    match verb {
        Verb::Palette
        | Verb::Help
        | Verb::Quit
        | Verb::Back
        | Verb::Suspend
        | Verb::Themes
        | Verb::Mouse
        | Verb::Recordings => Ok(()),
        Verb::NextTab | Verb::PreviousTab | Verb::CloseTab if app.tab_count() < 2 => {
            no("this is the only tab: t opens another stream beside it")
        }
        Verb::NextTab | Verb::PreviousTab | Verb::CloseTab => Ok(()),
        Verb::Stream if app.service.is_some() && app.log.is_none() => Ok(()),
        _ if app.log.is_none() => no("no log is open yet"),
        Verb::Follow if app.log.as_ref().is_some_and(|l| !l.can_follow) => {
            no("this log cannot grow, so there is nothing to follow")
        }
        Verb::Stream
            if app
                .log
                .as_ref()
                .is_some_and(|l| l.connection.is_none() && l.streams.len() < 2) =>
        {
            no("this log holds one stream only")
        }
        Verb::Reconnect => match app.connection().map(|c| &c.link) {
            Some(Link::Retrying { .. } | Link::Offline { .. }) => Ok(()),
            Some(_) => no("the connection stands"),
            None => no("this log is a file: there is no connection"),
        },
        Verb::Compose => app.can_append().map(drop),
        Verb::Follow
        | Verb::Stream
        | Verb::Worker
        | Verb::Filter
        | Verb::NextPane
        | Verb::PreviousPane
        | Verb::PaneTimeline
        | Verb::PaneState
        | Verb::PaneEvent
        | Verb::PaneSource
        | Verb::Zoom
        | Verb::Fold
        | Verb::Times
        | Verb::Raw
        | Verb::Envelope
        | Verb::Wrap
        | Verb::Faster
        | Verb::Slower
        | Verb::AsRecorded => Ok(()),
        _ if app.is_empty() => no("the log is empty"),
        Verb::StepForward | Verb::LeapForward if app.playhead.rows >= app.len() => {
            no("this is the last event")
        }
        Verb::StepBack | Verb::LeapBack if app.playhead.rows == 0 => {
            no("this is before the first event")
        }
        Verb::Play if app.play.is_none() && app.len() < 2 => no("there is only one event"),
        Verb::SearchNext | Verb::SearchPrevious if app.search.is_none() => {
            no("nothing was searched for yet: / asks for a text")
        }
        Verb::Cause | Verb::Effect if app.row().is_none() => no("there is no event here"),
        Verb::NextChange | Verb::PreviousChange if app.state.watch.is_none() => {
            no("no value is watched: w in the state pane watches the selected one")
        }
        Verb::Again | Verb::Resume => {
            app.can_append()?;
            match verb {
                Verb::Again if app.row().is_none() => no("there is no event here"),
                Verb::Resume if !app.paused_at_the_end() => no("the stream is not paused"),
                _ => Ok(()),
            }
        }
        Verb::Changes if app.changes().is_empty() => no("nothing changed here"),
        Verb::Bookmark if app.row().is_none() => no("there is no event here to set a bookmark on"),
        Verb::Bookmarks if app.bookmarks.is_empty() => no("no bookmark is set: m sets one"),
        Verb::Failures
            if app.notes.is_empty()
                && app.log.as_ref().is_some_and(|l| l.complaints.is_empty()) =>
        {
            no("nothing went wrong, neither in the log nor while reducing")
        }
        _ => Ok(()),
    }
}
