//! Looking for things: text, errors, causes, changes of a watched value, the filter's rows.

use super::{state_tree, travel};
use crate::app::effect::Effect;
use crate::app::layout::Pane;
use crate::app::msg::SearchWhere;
use crate::app::state::{App, Filter, Level, Search};
use crate::model::cause;
use crate::model::json_path::{JsonPath, Step};
use crate::model::kind::Kind;
use crate::model::needle::Needle;
use crate::model::offset::Offset;
use serde_json::Value;

/// A cause's effects are looked for among this many events after it.
const NEAR: usize = 20_000;

/// Starts a search from the playhead, which may itself be a match.
pub fn search(app: &mut App, needle: Needle, place: SearchWhere, todo: &mut Vec<Effect>) {
    app.search = Some(Search {
        needle,
        place,
        running: None,
        nothing: false,
        wrapped: false,
    });
    match place {
        SearchWhere::Events => {
            let from = app.row().unwrap_or(0);
            ask(app, from, false, todo);
        }
        SearchWhere::State => again_in_state(app, false, true),
    }
}

/// To the next or previous match.
pub fn again(app: &mut App, backward: bool, todo: &mut Vec<Effect>) {
    let Some(search) = &mut app.search else {
        return;
    };
    search.wrapped = false;
    if search.place == SearchWhere::State {
        again_in_state(app, backward, false);
        return;
    }
    let len = app.len();
    let from = match (backward, app.row()) {
        (false, Some(row)) if row + 1 >= len => 0,
        (false, row) => row.map_or(0, |row| row + 1),
        (true, Some(row)) if row > 0 => row - 1,
        (true, _) => len.saturating_sub(1),
    };
    ask(app, from, backward, todo);
}

fn ask(app: &mut App, from: usize, backward: bool, todo: &mut Vec<Effect>) {
    let id = app.new_id();
    let Some(search) = &mut app.search else {
        return;
    };
    search.running = Some(id);
    search.nothing = false;
    app.search_backward = backward;
    todo.push(Effect::Search {
        id,
        needle: search.needle.clone(),
        from,
        backward,
    });
}

/// An answer came.
pub fn found(app: &mut App, id: u64, row: Option<usize>, todo: &mut Vec<Effect>) {
    if app.finding == Some(id) {
        app.finding = None;
        match row {
            Some(row) => travel::go_to(app, row + 1),
            None => app.toast(Level::Info, "the watched value does not change there"),
        }
        return;
    }
    let Some(search) = &mut app.search else {
        return;
    };
    if search.running != Some(id) {
        return;
    }
    search.running = None;
    if let Some(row) = row {
        if search.wrapped {
            let text = if app.search_backward {
                "went on from the end"
            } else {
                "went on from the start"
            };
            app.toast(Level::Info, text);
        }
        travel::go_to(app, row + 1);
    } else if search.wrapped {
        search.nothing = true;
        let text = format!("no event holds {:?}", search.needle.text());
        app.toast(Level::Warn, text);
    } else {
        search.wrapped = true;
        let backward = app.search_backward;
        let from = if backward {
            app.len().saturating_sub(1)
        } else {
            0
        };
        ask(app, from, backward, todo);
    }
}

/// Stops what is being looked for.
pub fn stop(app: &mut App, todo: &mut Vec<Effect>) {
    if let Some(search) = &mut app.search {
        search.running = None;
    }
    if app.finding.take().is_some() {
        todo.push(Effect::CancelSeek);
        app.asked.seek = None;
    }
    todo.push(Effect::CancelSearch);
    app.toast(Level::Info, "search stopped");
}

fn again_in_state(app: &mut App, backward: bool, from_here: bool) {
    let Some(search) = &app.search else { return };
    let state = app.state.moment.as_ref().and_then(|m| m.state.clone());
    let mut hits = Vec::new();
    if let Some(state) = &state {
        collect(&search.needle, &mut JsonPath::default(), state, &mut hits);
    }
    let tree = &app.state.tree;
    let here = tree.lines.get(tree.selected).map(|l| l.path.clone());
    let order = state
        .as_deref()
        .zip(here)
        .map_or(Vec::new(), |(state, here)| rank(state, &here));
    let ranked = |path: &JsonPath| state.as_deref().map_or(Vec::new(), |s| rank(s, path));
    let at = hits.partition_point(|hit| {
        let rank = ranked(hit);
        if backward || from_here {
            rank < order
        } else {
            rank <= order
        }
    });
    let hit = if backward {
        at.checked_sub(1)
            .and_then(|i| hits.get(i))
            .or(hits.last())
            .cloned()
    } else {
        hits.get(at).or(hits.first()).cloned()
    };
    let Some(hit) = hit else {
        let text = format!("the state here holds no {:?}", search.needle.text());
        if let Some(search) = &mut app.search {
            search.nothing = true;
        }
        app.toast(Level::Warn, text);
        return;
    };
    let mut place = JsonPath::default();
    for step in &hit.0 {
        if !place.0.is_empty() {
            app.state.tree.open.insert(place.clone(), true);
        }
        place.0.push(step.clone());
    }
    state_tree::rebuild(app, false);
    let tree = &mut app.state.tree;
    if let Some(at) = tree.lines.iter().position(|l| l.path == hit) {
        tree.selected = at;
    }
    super::run::focus(app, Pane::State);
}

/// Places whose key or value holds the text, in document order.
fn collect(needle: &Needle, place: &mut JsonPath, value: &Value, hits: &mut Vec<JsonPath>) {
    let mut member = |step: Step, value: &Value| {
        let by_key = matches!(&step, Step::Key(key) if holds(needle, &Value::from(key.as_str())));
        place.0.push(step);
        let is_leaf = !value.is_array() && !value.is_object();
        if by_key || (is_leaf && holds(needle, value)) {
            hits.push(place.clone());
        }
        if !is_leaf {
            collect(needle, place, value, hits);
        }
        place.0.pop();
    };
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(k, v)| member(Step::Key(k.clone()), v)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(i, v)| member(Step::Index(i), v)),
        leaf if place.0.is_empty() && holds(needle, leaf) => hits.push(place.clone()),
        _ => {}
    }
}

fn holds(needle: &Needle, value: &Value) -> bool {
    serde_json::to_vec(value).is_ok_and(|json| needle.regex().is_match(&json))
}

/// The place's indices on the way down: compares as the document's order.
fn rank(document: &Value, place: &JsonPath) -> Vec<usize> {
    let mut value = Some(document);
    let mut rank = Vec::new();
    for step in &place.0 {
        let at = match (step, value) {
            (Step::Index(i), _) => Some(*i),
            (Step::Key(key), Some(Value::Object(members))) => members.keys().position(|k| k == key),
            (Step::Key(_), _) => None,
        };
        rank.push(at.unwrap_or(usize::MAX));
        value = match (step, value) {
            (Step::Index(i), Some(v)) => v.get(i),
            (Step::Key(k), Some(v)) => v.get(k),
            (_, None) => None,
        };
    }
    rank
}

/// To the next or previous error: on record in the log, or a reducer's failure.
pub fn error(app: &mut App, backward: bool) {
    let Some(view) = &app.log else { return };
    let is_error = |row: &usize| {
        matches!(
            view.log.kind(*row),
            Some(Kind::Error | Kind::Invalid | Kind::Unreadable)
        )
    };
    let failed = |(row, notes): (&usize, &Vec<crate::replay::reducer::Note>)| {
        notes.iter().any(|n| n.what.is_failure()).then_some(*row)
    };
    let rows = app.playhead.rows;
    let (in_log, in_notes) = if backward {
        let before = rows.saturating_sub(1);
        (
            (0..before).rev().find(is_error),
            app.notes.range(..before).rev().find_map(failed),
        )
    } else {
        (
            (rows..view.len).find(is_error),
            app.notes.range(rows..).find_map(failed),
        )
    };
    let row = match (in_log, in_notes) {
        (Some(a), Some(b)) if backward => Some(a.max(b)),
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    match row {
        Some(row) => travel::go_to(app, row + 1),
        None if backward => app.toast(Level::Info, "no error before this event"),
        None => app.toast(Level::Info, "no error after this event"),
    }
}

/// To where the watched value changes next, or changed last.
pub fn change(app: &mut App, backward: bool, todo: &mut Vec<Effect>) {
    let Some(path) = app.state.watch.clone() else {
        return;
    };
    let id = app.new_id();
    app.finding = Some(id);
    todo.push(Effect::FindChange {
        id,
        path,
        rows: app.playhead.rows,
        backward,
    });
}

/// To the event that this one came from.
pub fn cause(app: &mut App) {
    let source = app.row().and_then(|row| source_of(app, row));
    let Some(source) = source else {
        app.toast(
            Level::Info,
            "this event does not say what it came from (no sourceOffset)",
        );
        return;
    };
    let row = app
        .log
        .as_ref()
        .and_then(|view| view.log.row_of_offset(Offset(source)));
    match row {
        Some(row) => travel::go_to(app, row + 1),
        None => app.toast(
            Level::Warn,
            format!("it came from offset {source}, which this log does not hold"),
        ),
    }
}

/// To the next event that came from this one.
pub fn effect(app: &mut App) {
    let Some(row) = app.row() else { return };
    let offset = app.offset_at(row + 1);
    let until = app.len().min(row + 1 + NEAR);
    match (row + 1..until).find(|r| source_of(app, *r) == Some(offset)) {
        Some(row) => travel::go_to(app, row + 1),
        None => app.toast(Level::Info, "no later event nearby came from this one"),
    }
}

fn source_of(app: &App, row: usize) -> Option<u64> {
    cause::source_offset(&app.log.as_ref()?.log.raw(row)?)
}

/// Puts a filter on the timeline, or takes it away when the text is empty.
pub fn filter(app: &mut App, text: &str, todo: &mut Vec<Effect>) {
    if text.trim().is_empty() {
        app.filter = None;
        todo.push(Effect::CancelFilter);
        return;
    }
    let id = app.new_id();
    app.filter = Some(Filter {
        text: text.to_owned(),
        rows: Vec::new(),
        scanned: 0,
        id,
    });
    todo.push(Effect::Filter {
        id,
        text: text.to_owned(),
    });
}

pub fn filtered(app: &mut App, id: u64, rows: Vec<usize>, scanned: usize) {
    if let Some(filter) = &mut app.filter
        && filter.id == id
    {
        filter.rows.extend(rows);
        filter.scanned = scanned;
    }
}
