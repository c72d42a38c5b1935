//! The state as a tree of lines: what is open, what this event changed, what is selected.

use crate::model::diff::{Change, What};
use crate::model::json_path::{JsonPath, Step};
use serde_json::Value;
use std::collections::HashMap;

/// The visible tree and the place of the person in it.
#[derive(Debug, Default)]
pub struct Tree {
    /// All lines of the tree as it is opened, top first; values are looked up when drawn.
    pub lines: Vec<TreeLine>,
    /// Index of the selected line.
    pub selected: usize,
    /// Index of the first line shown.
    pub scroll: usize,
    /// What the person opened (`true`) or closed; anything else opens by itself on the way to a
    /// change.
    pub open: HashMap<JsonPath, bool>,
    /// Containers that open by themselves show at most this many unchanged members, and 24: in a
    /// low pane the change must not be pushed out of it by what stayed.
    pub few: usize,
    /// The changes are to be brought into view.
    pub seek_changes: bool,
}

/// One line of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeLine {
    /// The place in the state; for [`TreeLine::removed`] lines the place it had.
    pub path: JsonPath,
    /// How deep it is indented; 0 for the members of the root.
    pub depth: u16,
    /// What is drawn.
    pub shape: Shape,
    /// What happened to it at this offset.
    pub mark: Option<Mark>,
    /// The value that is no longer there, or was there before: shown beside the new one.
    pub was: Option<Value>,
}

/// What a line of the tree shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A value without members.
    Leaf,
    /// An array or object.
    Container {
        /// Members.
        len: usize,
        /// Its members follow.
        open: bool,
    },
    /// Members left out because nothing changed in them and there are many; `Enter` shows them.
    Elided {
        /// How many.
        count: usize,
    },
}

/// What happened to a value at this offset (or since the marked one).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `+`
    Added,
    /// `-`
    Removed,
    /// `~`
    Changed,
    /// Something inside it changed.
    Inside,
}

impl TreeLine {
    /// The value is no longer in the state; `was` holds it.
    #[must_use]
    pub fn removed(&self) -> bool {
        self.mark == Some(Mark::Removed)
    }
}

/// Containers that open by themselves show at most this many unchanged members.
const FEW: usize = 24;
/// Unchanged members shown to each side of one that changed.
const BESIDE: usize = 2;
/// An added container opens by itself when it has at most this many members.
const SMALL: usize = 8;

/// What changed, by place.
#[derive(Default)]
struct Node<'c> {
    what: Option<&'c What>,
    removed: Vec<(&'c Step, &'c Value)>,
    inside: HashMap<&'c Step, Node<'c>>,
}

impl<'c> Node<'c> {
    fn of(changes: &'c [Change]) -> Node<'c> {
        let mut root = Node::default();
        for change in changes {
            let mut steps: &[Step] = &change.path.0;
            let mut removed = None;
            if let What::Removed(value) = &change.what
                && let Some((last, before)) = steps.split_last()
            {
                steps = before;
                removed = Some((last, value));
            }
            let mut node = &mut root;
            for step in steps {
                node = node.inside.entry(step).or_default();
            }
            match removed {
                Some(gone) => node.removed.push(gone),
                None => node.what = Some(&change.what),
            }
        }
        root
    }

    fn touches_inside(&self) -> bool {
        !self.inside.is_empty() || !self.removed.is_empty()
    }
}

struct Build<'t> {
    few: usize,
    /// What the person stands on is never left out.
    held: Option<JsonPath>,
    lines: Vec<TreeLine>,
    open: &'t HashMap<JsonPath, bool>,
}

impl Tree {
    /// Makes the lines anew. The selected place stays selected where it still exists;
    /// `show_change` selects the first change instead.
    pub fn build(&mut self, state: Option<&Value>, changes: &[Change], show_change: bool) {
        let held = self.lines.get(self.selected).map(|l| l.path.clone());
        let root = Node::of(changes);
        let mut build = Build {
            held: held.clone(),
            few: if self.few == 0 {
                FEW
            } else {
                FEW.min(self.few)
            },
            lines: Vec::new(),
            open: &self.open,
        };
        let mut place = JsonPath::default();
        match state {
            Some(value) if !members(value).is_empty() || !root.removed.is_empty() => {
                build.members(&mut place, value, &root, 0, true);
            }
            Some(value) => build.line(&place, 0, leaf_or(value, false), &root),
            None => {}
        }
        // A root that is new or replaced as a whole marks all its members.
        if let Some(what @ (What::Added(_) | What::Changed { .. })) = root.what {
            for line in build.lines.iter_mut().filter(|l| l.depth == 0) {
                line.mark = Some(mark_of(what));
            }
        }
        self.lines = build.lines;
        let changed = || {
            self.lines
                .iter()
                .position(|l| l.mark.is_some_and(|m| m != Mark::Inside))
        };
        let still = || {
            let held = held.as_ref()?;
            self.lines.iter().position(|l| l.path == *held)
        };
        let last = self.lines.len().saturating_sub(1);
        self.selected = if show_change {
            changed().or_else(still)
        } else {
            still()
        }
        .unwrap_or(self.selected.min(last));
        self.seek_changes |= show_change;
    }

    /// Scrolls so that the selected line is among `height` lines.
    pub fn reveal(&mut self, height: usize) {
        let height = height.max(1);
        let most = self.lines.len().saturating_sub(height);
        let is_change = |l: &TreeLine| l.mark.is_some_and(|m| m != Mark::Inside);
        if std::mem::take(&mut self.seek_changes)
            && let Some(first) = self.lines.iter().position(is_change)
            && let Some(last) = self.lines.iter().rposition(is_change)
        {
            // All of them where they fit, else from the first on, with what it is in above it.
            let above = (height / 4).min(3);
            let seen = self.scroll..self.scroll + height;
            if !(seen.contains(&first) && seen.contains(&last)) {
                self.scroll = if last - first < height {
                    let room = height - 1 - (last - first);
                    first.saturating_sub(above.min(room))
                } else {
                    first.saturating_sub(above)
                };
            }
        }
        let lowest = (self.selected + 1).saturating_sub(height);
        self.scroll = self
            .scroll
            .clamp(lowest, self.selected.max(lowest))
            .min(most);
    }
}

impl Build<'_> {
    fn line(&mut self, place: &JsonPath, depth: u16, shape: Shape, node: &Node<'_>) {
        let was = match node.what {
            Some(What::Changed { was, .. }) => Some(was.clone()),
            _ => None,
        };
        let mark = match node.what {
            Some(what) => Some(mark_of(what)),
            None if node.touches_inside() => Some(Mark::Inside),
            None => None,
        };
        self.lines.push(TreeLine {
            path: place.clone(),
            depth,
            shape,
            mark,
            was,
        });
    }

    /// The lines of a container's members; `all` of them, or only what changed when there are many.
    fn members(
        &mut self,
        place: &mut JsonPath,
        value: &Value,
        node: &Node<'_>,
        depth: u16,
        all: bool,
    ) {
        let members = members(value);
        let all = all || members.len() <= self.few;
        let touched = |step: &Step| {
            let inner = node.inside.get(step);
            inner.is_some_and(|inner| inner.what.is_some() || inner.touches_inside())
        };
        // What stands beside a change says where it is.
        let mut near = vec![false; if all { 0 } else { members.len() }];
        for (at, _) in members
            .iter()
            .enumerate()
            .filter(|(_, (step, _))| !all && touched(step))
        {
            let to = members.len().min(at + BESIDE + 1);
            near[at.saturating_sub(BESIDE)..to].fill(true);
        }
        let mut removed = node.removed.iter().peekable();
        let mut left_out = 0;
        let quiet = Node::default();
        for (at, (step, value)) in members.iter().enumerate() {
            while let Some((step, gone)) =
                removed.next_if(|(s, _)| matches!(s, Step::Index(i) if *i <= at))
            {
                self.elide(place, depth, &mut left_out);
                self.gone(place, step, gone, depth);
            }
            let inner = node.inside.get(step).unwrap_or(&quiet);
            let held = self.held.as_ref().is_some_and(|held| {
                held.0.starts_with(&place.0) && held.0.get(place.0.len()) == Some(step)
            });
            if !all && !near[at] && !held {
                left_out += 1;
                continue;
            }
            self.elide(place, depth, &mut left_out);
            place.0.push(step.clone());
            let chosen = self.open.get(place).copied();
            let small_news = inner.what.is_some() && len(value) <= SMALL;
            let open = len(value) > 0 && chosen.unwrap_or(inner.touches_inside() || small_news);
            self.line(place, depth, leaf_or(value, open), inner);
            if open || (len(value) == 0 && !inner.removed.is_empty()) {
                self.members(place, value, inner, depth + 1, chosen == Some(true));
            }
            place.0.pop();
        }
        self.elide(place, depth, &mut left_out);
        for (step, gone) in removed {
            self.gone(place, step, gone, depth);
        }
    }

    fn elide(&mut self, place: &JsonPath, depth: u16, left_out: &mut usize) {
        let count = std::mem::take(left_out);
        if count > 0 {
            self.line(place, depth, Shape::Elided { count }, &Node::default());
        }
    }

    fn gone(&mut self, place: &JsonPath, step: &Step, value: &Value, depth: u16) {
        let mut path = place.clone();
        path.0.push(step.clone());
        self.lines.push(TreeLine {
            path,
            depth,
            shape: leaf_or(value, false),
            mark: Some(Mark::Removed),
            was: Some(value.clone()),
        });
    }
}

fn mark_of(what: &What) -> Mark {
    match what {
        What::Added(_) => Mark::Added,
        What::Removed(_) => Mark::Removed,
        What::Changed { .. } => Mark::Changed,
    }
}

fn len(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    }
}

fn leaf_or(value: &Value, open: bool) -> Shape {
    match value {
        Value::Array(_) | Value::Object(_) => Shape::Container {
            len: len(value),
            open,
        },
        _ => Shape::Leaf,
    }
}

fn members(value: &Value) -> Vec<(Step, &Value)> {
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(i, v)| (Step::Index(i), v))
            .collect(),
        Value::Object(members) => members
            .iter()
            .map(|(k, v)| (Step::Key(k.clone()), v))
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::diff::diff;
    use serde_json::json;

    fn lines(was: Value, now: Value, open: &[(&str, bool)]) -> Vec<String> {
        let mut tree = Tree::default();
        for (path, is_open) in open {
            tree.open.insert(path.parse().unwrap(), *is_open);
        }
        tree.build(Some(&now), &diff(&was, &now), true);
        let say = |l: &TreeLine| {
            let mark = match l.mark {
                Some(Mark::Added) => '+',
                Some(Mark::Removed) => '-',
                Some(Mark::Changed) => '~',
                Some(Mark::Inside) => '>',
                None => ' ',
            };
            match l.shape {
                Shape::Elided { count } => format!("{}… {count}", " ".repeat(l.depth.into())),
                _ => format!("{mark}{} {}", " ".repeat(l.depth.into()), l.path),
            }
        };
        tree.lines.iter().map(say).collect()
    }

    #[test]
    fn the_way_to_a_change_opens_by_itself() {
        let was = json!({"a": {"x": 1}, "b": {"y": 1}, "gone": 0});
        let now = json!({"a": {"x": 2}, "b": {"y": 1}, "c": {"z": 1}});
        let shown = lines(was.clone(), now.clone(), &[]);
        assert_eq!(
            shown,
            [
                "> $.a", "~  $.a.x", "  $.b", "+ $.c", "   $.c.z", "- $.gone"
            ]
        );
        let shown = lines(was, now, &[("$.a", false), ("$.b", true)]);
        assert_eq!(
            shown,
            [
                "> $.a", "  $.b", "   $.b.y", "+ $.c", "   $.c.z", "- $.gone"
            ]
        );
    }

    #[test]
    fn a_long_list_opens_only_around_what_changed_until_it_is_asked_for() {
        let was: Vec<u32> = (0..5_000).collect();
        let mut now = was.clone();
        now.push(9);
        let (was, now) = (json!({"m": was}), json!({"m": now}));
        let shown = lines(was.clone(), now.clone(), &[]);
        assert_eq!(
            shown,
            [
                "> $.m",
                " … 4998",
                "   $.m[4998]",
                "   $.m[4999]",
                "+  $.m[5000]"
            ]
        );
        assert_eq!(lines(was, now, &[("$.m", true)]).len(), 5_002);
    }

    #[test]
    fn all_changes_come_into_view_where_they_fit() {
        let was = json!({"a": (0..12).collect::<Vec<_>>(), "b": {"x": 1}, "c": vec![0; 9]});
        let mut now = was.clone();
        now["a"][11] = json!("new");
        now["b"]["x"] = json!(2);
        let mut tree = Tree {
            few: 4,
            ..Tree::default()
        };
        tree.build(Some(&now), &diff(&was, &now), true);
        assert!(
            tree.lines
                .iter()
                .any(|l| l.shape == Shape::Elided { count: 9 })
        );
        for height in [1, 2, 3, 4, 6, 40] {
            tree.scroll = 3;
            tree.seek_changes = true;
            tree.reveal(height);
            let seen = tree.scroll..tree.scroll + height;
            let changed = |l: &TreeLine| l.mark == Some(Mark::Changed);
            let first = tree.lines.iter().position(changed).unwrap();
            let last = tree.lines.iter().rposition(changed).unwrap();
            assert!(seen.contains(&first), "{height}");
            assert!(last - first >= height || seen.contains(&last), "{height}");
        }
    }

    #[test]
    fn a_state_that_is_one_value_is_one_line() {
        assert_eq!(lines(json!(1), json!(2), &[]), ["~ $"]);
        assert_eq!(lines(json!(null), json!({"a": 1}), &[]), ["~ $.a"]);
        assert_eq!(lines(json!([1, 2]), json!([2]), &[]), ["- $[0]", "  $[0]"]);
    }

    #[test]
    fn the_selection_stays_in_view_at_any_height() {
        let now = json!((0..50).collect::<Vec<_>>());
        let mut tree = Tree::default();
        tree.build(Some(&now), &[], false);
        for height in [0, 1, 7, 50, 80] {
            for selected in [0, 10, 49, 3] {
                tree.selected = selected;
                tree.reveal(height);
                let seen = tree.scroll..tree.scroll + height.max(1);
                assert!(seen.contains(&selected), "{height} {selected} {seen:?}");
            }
        }
    }
}
