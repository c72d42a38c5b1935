//! The composer's keys, and what becomes of what was sent.

use super::send;
use crate::app::composer::draft::{self, Draft};
use crate::app::composer::{Field, KEPT_WITHIN, Mode, input_of, templates, text_area};
use crate::app::dock::Dock;
use crate::app::effect::Effect;
use crate::app::key::{Code, Key};
use crate::app::state::{App, Level};
use crate::model::event::Event;
use crate::model::message_form::MessageForm;
use std::time::Duration;
use tui_textarea::CursorMove;

/// Opens the composer on the stream in view.
pub fn open(app: &mut App, todo: &mut Vec<Effect>) {
    // What is written for another stream goes out of sight.
    if app.composer.unsaved.is_some() {
        keep(app, todo);
    }
    let Some(view) = &app.log else { return };
    let place = place(app);
    let sources = sources(app);
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    let log = std::sync::Arc::clone(&view.log);
    app.composer.turn_to(place, &*log, &sources);
    app.dock = Some(Dock::Composer);
}

/// The texts of the processor in view.
fn sources(app: &App) -> Vec<String> {
    let files = app.code.files.iter();
    files.map(|file| file.lines.join("\n")).collect()
}

/// The processor's source came while a message is being written: it says how messages look, where
/// the log does not.
pub fn source_came(app: &mut App) {
    let Some(view) = app
        .log
        .as_ref()
        .filter(|_| app.dock == Some(Dock::Composer))
    else {
        return;
    };
    let sources = sources(app);
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    app.composer.family = MessageForm::guess(&*view.log, &sources);
}

/// Opens it on the event at the playhead, to be changed and appended again. Its key stays behind:
/// with it the service would give the old event back.
pub fn open_event(app: &mut App, todo: &mut Vec<Effect>) {
    let event = app
        .row()
        .zip(app.log.as_ref())
        .and_then(|(row, view)| Event::parse(&view.log.raw(row)?).ok());
    let Some(event) = event else {
        app.toast(
            Level::Warn,
            "this line is no event that could be appended again",
        );
        return;
    };
    open(app, todo);
    touched(app);
    let metadata = event.metadata.as_ref();
    app.composer
        .fill(&event.event_type, &event.payload, metadata);
    if event.idempotency_key.is_some() {
        app.toast(
            Level::Info,
            "its idempotency key is left out: with it nothing new would be stored",
        );
    }
}

/// Whose draft it is.
fn place(app: &App) -> String {
    let service = app.service.as_ref();
    let (url, project) = service.map_or(("", ""), |s| (s.url.as_str(), s.project.as_str()));
    let view = app.log.as_ref();
    let stream = view.and_then(|v| v.stream.as_deref()).unwrap_or_default();
    format!("{url} {project} {stream}")
}

/// Keeps the draft outside.
pub fn keep(app: &mut App, todo: &mut Vec<Effect>) {
    app.composer.unsaved = None;
    if !app.composer.place.is_empty() {
        todo.push(Effect::KeepDraft {
            place: app.composer.place.clone(),
            draft: app.composer.draft(),
        });
    }
}

/// Something was written: it is kept outside soon, and not at every key.
fn touched(app: &mut App) {
    app.composer.unsaved.get_or_insert(KEPT_WITHIN);
}

/// Time passes: what was written is kept outside when it is due.
pub fn tick(app: &mut App, passed: Duration, todo: &mut Vec<Effect>) {
    if let Some(left) = &mut app.composer.unsaved {
        *left = left.saturating_sub(passed);
        if left.is_zero() {
            keep(app, todo);
        }
    }
}

/// Gives a key to the composer; `false` when it is not open.
pub fn takes_key(app: &mut App, key: Key, todo: &mut Vec<Effect>) -> bool {
    if app.dock != Some(Dock::Composer) {
        return false;
    }
    match (key.code, key.ctrl, key.alt) {
        (Code::Esc, ..) => {
            app.dock = None;
            if !app.composer.draft().is_empty() {
                app.toast(Level::Info, "the draft is kept; i goes on with it");
            }
            keep(app, todo);
        }
        (Code::Char('s'), true, _) | (Code::Enter, _, true) => send(app, todo),
        (Code::Char('e'), true, _) => edit_outside(app, todo),
        (Code::Tab, false, false) => {
            turn(app, if key.shift { Mode::ALL.len() - 1 } else { 1 });
            touched(app);
        }
        (Code::Up, true, _) | (Code::Char('p'), false, true) => recall(app, true),
        (Code::Down, true, _) | (Code::Char('n'), false, true) => recall(app, false),
        _ => {
            app.composer.failure = None;
            match app.composer.mode {
                Mode::Message => {
                    app.composer.message.input(input_of(key));
                }
                Mode::Event => event_key(app, key),
                Mode::Template => template_key(app, key),
            }
            touched(app);
        }
    }
    true
}

/// Pasted text, where it can go; `false` when the composer is not open.
pub fn paste(app: &mut App, text: &str) -> bool {
    if app.dock != Some(Dock::Composer) {
        return false;
    }
    let composer = &mut app.composer;
    composer.failure = None;
    // Terminals paste line ends as the Enter key would write them.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    if let Some(area) = composer.text_mut() {
        area.insert_str(&text);
    } else if let Some(line) = composer.line_mut() {
        line.insert(&text);
    }
    touched(app);
    true
}

/// To another mode. A message that was begun goes along to an event that was not.
fn turn(app: &mut App, by: usize) {
    let composer = &mut app.composer;
    let at = Mode::ALL.iter().position(|m| *m == composer.mode);
    let to = Mode::ALL[(at.unwrap_or(0) + by) % Mode::ALL.len()];
    let from = composer.mode;
    let empty = composer.event_type.text().is_empty() && composer.payload.is_empty();
    if from == Mode::Message
        && to == Mode::Event
        && empty
        && let Ok(input) = composer.input()
    {
        let event_type = composer.family.event_type.clone();
        composer.fill(&event_type, &input["payload"], None);
    }
    composer.mode = to;
    composer.failure = None;
}

fn event_key(app: &mut App, key: Key) {
    let composer = &mut app.composer;
    let plain = !key.ctrl && !key.alt && !key.shift;
    if composer.field == Field::Payload {
        let (row, last) = (
            composer.payload.cursor().0,
            composer.payload.lines().len().saturating_sub(1),
        );
        match key.code {
            Code::Up if plain && row == 0 => composer.field = Field::Type,
            Code::Down if plain && row == last => composer.field = Field::Metadata,
            _ => {
                composer.payload.input(input_of(key));
            }
        }
        return;
    }
    let offered = composer.completions().len();
    let choosing = composer.field == Field::Type && offered > 0;
    match key.code {
        Code::Down if plain && choosing => {
            composer.completion = match composer.completion {
                Some(at) if at + 1 >= offered => None,
                Some(at) => Some(at + 1),
                None => Some(0),
            };
        }
        Code::Up if plain && choosing && composer.completion.is_some() => {
            composer.completion = composer.completion.and_then(|at| at.checked_sub(1));
        }
        Code::Enter if choosing => {
            let at = composer.completion.unwrap_or(0);
            // What is typed in full needs no completion, so that the best match is meant.
            let typed = composer.event_type.text().trim();
            let chosen = match composer.completion {
                None if !typed.is_empty() => typed.to_owned(),
                _ => composer.completions().get(at).map_or("", |t| t).to_owned(),
            };
            composer.event_type = crate::app::line_edit::LineEdit::new(&chosen);
            composer.completion = None;
            composer.field = Field::Payload;
        }
        Code::Enter | Code::Down => step_field(app, 1),
        Code::Up => step_field(app, Field::ALL.len() - 1),
        _ => {
            if let Some(line) = composer.line_mut() {
                line.key(key);
            }
            composer.completion = None;
        }
    }
}

fn step_field(app: &mut App, by: usize) {
    let composer = &mut app.composer;
    let at = Field::ALL.iter().position(|f| *f == composer.field);
    composer.field = Field::ALL[(at.unwrap_or(0) + by) % Field::ALL.len()];
    composer.completion = None;
}

fn template_key(app: &mut App, key: Key) {
    let composer = &mut app.composer;
    let last = templates::ALL.len() - 1;
    match key.code {
        Code::Down | Code::Char('j') => composer.template = (composer.template + 1).min(last),
        Code::Up | Code::Char('k') => composer.template = composer.template.saturating_sub(1),
        Code::PageDown | Code::End | Code::Char('G') => composer.template = last,
        Code::PageUp | Code::Home | Code::Char('g') => composer.template = 0,
        Code::Enter | Code::Right | Code::Char('l') => {
            let Some(template) = templates::ALL.get(composer.template) else {
                return;
            };
            let before = Draft {
                mode: Mode::Event,
                ..composer.draft()
            };
            if !before.event_type.is_empty() || !before.payload.is_empty() {
                // What it takes the place of can be had again.
                draft::sent(&mut composer.history, before);
            }
            composer.fill(&template.built_in.to_string(), &template.payload(), None);
        }
        _ => {}
    }
}

/// Through what was sent before, and back to what is being written.
fn recall(app: &mut App, older: bool) {
    let composer = &mut app.composer;
    let at = match (older, composer.recalled) {
        (true, None) => Some(0),
        (true, Some(at)) => Some(at + 1),
        (false, Some(at)) => at.checked_sub(1),
        (false, None) => return,
    };
    let draft = match at {
        Some(at) => {
            let Some(index) = composer.history.len().checked_sub(at + 1) else {
                app.toast(Level::Info, "nothing older was sent");
                return;
            };
            if composer.recalled.is_none() {
                composer.aside = Some(composer.draft());
            }
            composer.history.get(index).cloned()
        }
        None => composer.aside.take(),
    };
    composer.load(draft.unwrap_or_default());
    composer.recalled = at;
    touched(app);
}

fn edit_outside(app: &mut App, todo: &mut Vec<Effect>) {
    match app.composer.text() {
        Some(area) => todo.push(Effect::Edit {
            text: area.lines().join("\n"),
            json: app.composer.mode == Mode::Event,
        }),
        None => app.toast(
            Level::Warn,
            "only a message and a payload are edited outside",
        ),
    }
}

/// The editor gave a text back.
pub fn edited(app: &mut App, text: &str) {
    if let Some(area) = app.composer.text_mut() {
        *area = text_area(text.trim_end_matches('\n'));
        area.move_cursor(CursorMove::Bottom);
        app.composer.failure = None;
        touched(app);
    }
}

fn send(app: &mut App, todo: &mut Vec<Effect>) {
    if app.composer.sending.is_some() {
        app.toast(Level::Info, "the last one is still on its way");
        return;
    }
    let path = match app.can_append() {
        Ok(path) => path,
        Err(why) => {
            app.composer.failure = Some(why);
            return;
        }
    };
    match app.composer.input() {
        Ok(input) => {
            keep(app, todo);
            send::send(app, path, &input, todo);
        }
        Err(problem) => app.composer.failure = Some(format!("not sent: {}", problem.text)),
    }
}

/// An append became an event: what was written goes into the history.
pub fn appended(app: &mut App, id: u64, todo: &mut Vec<Effect>) {
    if app.composer.sending != Some(id) {
        return;
    }
    let composer = &mut app.composer;
    composer.sending = None;
    composer.recalled = None;
    composer.aside = None;
    let written = composer.draft();
    if !written.is_empty() {
        draft::sent(&mut composer.history, written.clone());
        todo.push(Effect::KeepSent(written));
    }
    composer.clear_sent();
    keep(app, todo);
}

/// An append did not become an event: the draft stays, and says why.
pub fn failed(app: &mut App, id: u64, why: &str) {
    if app.composer.sending == Some(id) {
        app.composer.sending = None;
        app.composer.failure = Some(format!("not appended: {why}"));
    }
}
