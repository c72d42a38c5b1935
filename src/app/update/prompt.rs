//! Lines that the person types: offsets, searches, filters, paths.

use super::{find, send, travel};
use crate::app::effect::Effect;
use crate::app::key::{Code, Key};
use crate::app::layer::{Ask, Layer, Prompt};
use crate::app::line_edit::LineEdit;
use crate::app::msg::SearchWhere;
use crate::app::state::{App, Arriving, Level};
use crate::model::filter::Filter;
use crate::model::json_path::JsonPath;
use crate::model::needle::Needle;
use crate::model::offset::Offset;

/// Lines remembered of each kind.
const REMEMBERED: usize = 50;

/// Opens a prompt; a filter in force is there to be changed.
pub fn ask(app: &mut App, ask: Ask) {
    let text = match (ask, &app.filter) {
        (Ask::Filter, Some(filter)) => filter.text.clone(),
        _ => String::new(),
    };
    app.layers.push(Layer::Prompt(Prompt {
        ask,
        edit: LineEdit::new(&text),
        problem: None,
        recalled: None,
    }));
}

/// A key for the prompt on top.
pub fn key(app: &mut App, key: Key, todo: &mut Vec<Effect>) {
    let Some(Layer::Prompt(prompt)) = app.layers.last_mut() else {
        return;
    };
    match key.code {
        Code::Esc => {
            app.layers.pop();
        }
        Code::Enter => accept(app, todo),
        Code::Up | Code::Down => {
            let lines = app.history.get(&prompt.ask).map_or(&[][..], |l| l);
            let at = match (key.code, prompt.recalled) {
                (Code::Up, None) => Some(0),
                (Code::Up, Some(at)) => Some(at + 1),
                (_, Some(at)) => at.checked_sub(1),
                (_, None) => return,
            };
            let line = at.map(|at| lines.len().checked_sub(at + 1).map(|i| &lines[i]));
            match line {
                Some(Some(line)) => prompt.edit = LineEdit::new(line),
                Some(None) => return,
                None => prompt.edit = LineEdit::default(),
            }
            prompt.recalled = at;
            prompt.problem = problem(prompt);
        }
        Code::Backspace if prompt.edit.text().is_empty() => {
            app.layers.pop();
        }
        _ => {
            prompt.edit.key(key);
            prompt.problem = problem(prompt);
        }
    }
}

pub fn paste(prompt: &mut Prompt, text: &str) {
    prompt.edit.insert(text);
    prompt.problem = problem(prompt);
}

/// What is wrong with a line while it is typed; only what more typing does not mend by itself.
fn problem(prompt: &Prompt) -> Option<String> {
    let text = prompt.edit.text().trim();
    if text.is_empty() {
        return None;
    }
    match prompt.ask {
        Ask::GoTo => offset(text)
            .is_none()
            .then(|| "an offset is a whole number".to_owned()),
        Ask::Filter => text.parse::<Filter>().err().map(|e| e.to_string()),
        Ask::Watch => text.parse::<JsonPath>().err().map(|e| e.to_string()),
        Ask::Resume | Ask::SearchEvents | Ask::SearchState => None,
    }
}

fn offset(text: &str) -> Option<u64> {
    text.trim().trim_start_matches(':').parse().ok()
}

fn accept(app: &mut App, todo: &mut Vec<Effect>) {
    let Some(Layer::Prompt(prompt)) = app.layers.last_mut() else {
        return;
    };
    prompt.problem = problem(prompt);
    if prompt.problem.is_some() {
        return;
    }
    let (ask, text) = (prompt.ask, prompt.edit.text().to_owned());
    app.layers.pop();
    if !text.trim().is_empty() {
        let lines = app.history.entry(ask).or_default();
        lines.retain(|line| *line != text);
        lines.push(text.clone());
        if lines.len() > REMEMBERED {
            lines.remove(0);
        }
    }
    match ask {
        Ask::GoTo => {
            if let Some(offset) = offset(&text) {
                go_to_offset(app, offset);
            }
        }
        Ask::SearchEvents | Ask::SearchState => {
            let place = if ask == Ask::SearchEvents {
                SearchWhere::Events
            } else {
                SearchWhere::State
            };
            match Needle::new(&text) {
                Some(needle) => find::search(app, needle, place, todo),
                None => find::again(app, false, todo),
            }
        }
        Ask::Filter => find::filter(app, &text, todo),
        Ask::Resume => send::resume(app, &text),
        Ask::Watch => app.state.watch = text.parse().ok().filter(|_| !text.trim().is_empty()),
    }
}

/// Goes to the event with an offset, or tells which offsets there are.
pub fn go_to_offset(app: &mut App, offset: u64) {
    if offset == 0 {
        travel::go_to(app, 0);
        return;
    }
    let row = app
        .log
        .as_ref()
        .and_then(|view| view.log.row_of_offset(Offset(offset)));
    match row {
        Some(row) => travel::go_to(app, row + 1),
        None if app
            .log
            .as_ref()
            .is_some_and(|l| !l.log.indexing().is_done()) =>
        {
            app.arriving = Some(Arriving::Offset(offset));
        }
        None => {
            let (first, last) = (app.offset_at(1), app.offset_at(app.len()));
            app.toast(
                Level::Warn,
                format!("this log has no offset {offset}; it goes from {first} to {last}"),
            );
        }
    }
}
