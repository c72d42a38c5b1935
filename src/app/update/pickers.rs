//! Lists to choose from: commands, recordings, workers, themes, bookmarks, failures.

use super::{copy, layers, log, prompt, run, travel};
use crate::app::command::{COMMANDS, Verb};
use crate::app::effect::Effect;
use crate::app::key::{Code, Key};
use crate::app::layer::{Choose, Item, Layer, Picker, Value};
use crate::app::state::{App, Level};
use crate::replay::reducer::NoteKind;

fn push(app: &mut App, picker: Picker) {
    app.layers.push(Layer::Picker(picker));
}

pub fn palette(app: &mut App) {
    let items = COMMANDS
        .iter()
        .filter(|c| c.verb != Verb::Palette)
        .map(|c| Item {
            title: c.name.replace('-', " "),
            detail: c.help.to_owned(),
            hint: app
                .settings
                .keymap
                .keys(c.verb)
                .map(|k| k.to_string())
                .collect::<Vec<_>>()
                .join(" "),
            disabled: c.verb.enabled(app).err(),
            value: Value::Verb(c.verb),
        })
        .collect();
    let mut picker = Picker::new(Choose::Command, "command", items);
    picker.empty = "a number goes to that offset".to_owned();
    push(app, picker);
}

pub fn recordings(app: &mut App) {
    let items = app
        .recordings
        .iter()
        .map(|(name, about)| Item {
            title: name.clone(),
            detail: about.clone(),
            value: Value::Name(format!("@{name}")),
            ..Item::default()
        })
        .collect();
    let mut picker = Picker::new(Choose::Recording, "recordings", items);
    picker.empty = "this evtui was built without recordings; evtui FILE opens a log".to_owned();
    push(app, picker);
}

pub fn workers(app: &mut App) {
    let items = app
        .workers
        .list
        .iter()
        .enumerate()
        .map(|(i, w)| Item {
            title: w
                .slug
                .clone()
                .unwrap_or_else(|| "built-in state".to_owned()),
            detail: w.about.clone(),
            value: Value::Index(i),
            ..Item::default()
        })
        .collect();
    let mut picker = Picker::new(Choose::Worker, "whose state", items);
    picker.empty = "still looking for processors in the log".to_owned();
    picker.selected = app.workers.current;
    push(app, picker);
}

pub fn themes(app: &mut App) {
    let items = app
        .settings
        .themes
        .iter()
        .map(|name| Item {
            title: name.clone(),
            ..Item::default()
        })
        .collect();
    let mut picker = Picker::new(Choose::Theme, "themes", items);
    let current = &app.settings.theme;
    picker.selected = app
        .settings
        .themes
        .iter()
        .position(|t| t == current)
        .unwrap_or(0);
    picker.theme_before = Some(current.clone());
    push(app, picker);
}

pub fn bookmarks(app: &mut App) {
    let items = app
        .bookmarks
        .iter()
        .map(|row| row_item(app, *row))
        .collect();
    push(app, Picker::new(Choose::Bookmark, "bookmarks", items));
}

fn row_item(app: &App, row: usize) -> Item {
    let raw = app.log.as_ref().and_then(|v| v.log.raw(row));
    let known = app.log.as_ref().and_then(|v| v.log.row(row));
    let (title, detail) = match (known, raw) {
        (Some(known), Some(raw)) => (
            known.kind.word().to_owned(),
            crate::model::summary::summary(&known.event_type, &raw),
        ),
        _ => (String::new(), String::new()),
    };
    Item {
        title: format!("{} {title}", app.offset_at(row + 1)),
        detail,
        value: Value::Row(row),
        ..Item::default()
    }
}

pub fn failures(app: &mut App) {
    let complaints = app.log.as_ref().map_or(&[][..], |view| &view.complaints);
    let in_log = complaints.iter().enumerate().map(|(i, complaint)| Item {
        title: format!("line {}", complaint.line),
        detail: complaint.what.clone(),
        hint: "log".to_owned(),
        value: Value::Index(i),
        ..Item::default()
    });
    let notes = app.notes.iter();
    let items = notes
        .flat_map(|(row, notes)| notes.iter().map(move |note| (*row, note)))
        .map(|(row, note)| Item {
            title: format!("{} {}", app.offset_at(row + 1), headline(&note.what)),
            detail: detail(&note.what),
            value: Value::Row(row),
            ..Item::default()
        })
        .chain(in_log)
        .collect();
    push(app, Picker::new(Choose::Failure, "what went wrong", items));
}

fn headline(what: &NoteKind) -> String {
    match what {
        NoteKind::Threw { message, .. } => message.clone(),
        NoteKind::NotJson { message } => format!("not JSON: {message}"),
        NoteKind::TimedOut { limit } => format!("ran over {} s", limit.as_secs_f32()),
        NoteKind::OutOfMemory { limit } => format!("ran over {} MiB", limit >> 20),
        NoteKind::Crashed { message } => format!("the engine died: {message}"),
        NoteKind::Impure { api } => format!("reached for {api}"),
        NoteKind::Log { level, text } => format!("{level}: {text}"),
    }
}

fn detail(what: &NoteKind) -> String {
    match what {
        NoteKind::Threw { stack, .. } => stack.lines().next().unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

pub fn copy(app: &mut App) {
    let items = copy::choices(app)
        .into_iter()
        .map(|(title, text)| Item {
            title: title.to_owned(),
            detail: text.chars().take(80).collect(),
            value: Value::Text(text),
            ..Item::default()
        })
        .collect();
    push(app, Picker::new(Choose::Copy, "copy", items));
}

/// A key for the picker on top.
pub fn key(app: &mut App, key: Key, todo: &mut Vec<Effect>) {
    let page = usize::from(app.size.height / 2).max(1);
    let Some(Layer::Picker(picker)) = app.layers.last_mut() else {
        return;
    };
    let last = picker.matches.len().saturating_sub(1);
    match (key.code, key.ctrl) {
        (Code::Esc, _) => {
            layers::close(app, todo);
            return;
        }
        (Code::Enter, _) => {
            choose(app, todo);
            return;
        }
        (Code::Down | Code::Tab, _) | (Code::Char('n' | 'j'), true) => {
            picker.selected = if picker.selected >= last {
                0
            } else {
                picker.selected + 1
            };
        }
        (Code::Up, _) | (Code::Char('p' | 'k'), true) => {
            picker.selected = picker.selected.checked_sub(1).unwrap_or(last);
        }
        (Code::PageDown, _) => picker.selected = (picker.selected + page).min(last),
        (Code::PageUp, _) => picker.selected = picker.selected.saturating_sub(page),
        _ => {
            let before = picker.query.text().to_owned();
            picker.query.key(key);
            if picker.query.text() != before {
                picker.narrow();
            }
        }
    }
    preview(app);
}

/// A theme under the cursor is shown at once.
pub fn preview(app: &mut App) {
    if let Some(Layer::Picker(picker)) = app.layers.last()
        && picker.choose == Choose::Theme
        && let Some(item) = picker.chosen()
    {
        app.settings.theme = item.title.clone();
    }
}

/// Takes the selected item.
pub fn choose(app: &mut App, todo: &mut Vec<Effect>) {
    let Some(Layer::Picker(picker)) = app.layers.last() else {
        return;
    };
    let number = picker.query.text().trim().parse::<u64>().ok();
    let purpose = picker.choose;
    if let (Choose::Command, Some(offset)) = (purpose, number) {
        app.layers.pop();
        if app.log.is_some() {
            prompt::go_to_offset(app, offset);
        }
        return;
    }
    let Some(item) = picker.chosen().cloned() else {
        return;
    };
    if let Some(why) = item.disabled {
        app.toast(Level::Warn, why);
        return;
    }
    app.layers.pop();
    match (purpose, item.value) {
        (_, Value::Verb(verb)) => run::run(app, verb, todo),
        (Choose::Recording, Value::Name(target)) => todo.push(Effect::Open {
            target,
            stream: None,
        }),
        (Choose::Failure, Value::Index(_)) => {
            let lines = vec![item.detail];
            app.layers.push(Layer::Text {
                title: format!("{} of the log", item.title),
                lines,
                scroll: 0,
            });
        }
        (Choose::Failure, Value::Row(row)) => {
            travel::go_to(app, row + 1);
            tell_failure(app, row);
        }
        (_, Value::Row(row)) => travel::go_to(app, row + 1),
        (_, Value::Index(index)) => log::use_worker(app, index, todo),
        (_, Value::Text(text)) => todo.push(Effect::Copy {
            text,
            what: item.title,
        }),
        (_, Value::Title | Value::Name(_)) => {}
    }
}

/// What went wrong at a row, with its stack.
fn tell_failure(app: &mut App, row: usize) {
    let mut lines = Vec::new();
    for note in app.notes.get(&row).map_or(&[][..], |n| n) {
        lines.push(headline(&note.what));
        if let NoteKind::Threw { stack, .. } = &note.what {
            lines.extend(stack.lines().map(|l| format!("  {}", l.trim())));
        }
    }
    let title = format!("at offset {}", app.offset_at(row + 1));
    app.layers.push(Layer::Text {
        title,
        lines,
        scroll: 0,
    });
}
