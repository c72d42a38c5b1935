//! The tree of streams: those of the service under a path, or those of a log that holds several.

use super::connection::StreamSummary;
use super::line_edit::LineEdit;
use super::state::App;
use crate::model::event::Millis;
use std::collections::{BTreeMap, BTreeSet};

/// The tree and the place of the person in it.
#[derive(Debug, Default)]
pub struct StreamTree {
    /// What was typed to narrow it.
    pub query: LineEdit,
    /// Path of the selected line.
    pub selected: String,
    /// Paths that are folded.
    pub closed: BTreeSet<String>,
}

/// One line of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The whole path.
    pub path: String,
    /// Its last part; the whole path on the first line.
    pub name: String,
    /// How deep it is indented.
    pub depth: u16,
    /// It is a stream, and not only on the way to one.
    pub stream: bool,
    /// Events in it, when known.
    pub events: Option<u64>,
    /// Time of its last event, when known.
    pub last: Option<Millis>,
    /// The gate is closed, when known.
    pub paused: Option<bool>,
    /// Something is under it.
    pub children: bool,
    /// What is under it is folded away.
    pub closed: bool,
    /// It is open in a tab; `true` in the one in view.
    pub in_tab: Option<bool>,
}

impl App {
    /// The streams that the tree is made of; `None` while the service was not heard of yet.
    #[must_use]
    pub fn known_streams(&self) -> Option<Vec<StreamSummary>> {
        let of_file = |view: &super::state::LogView| view.connection.is_none();
        if let Some(view) = self.log.as_ref().filter(|view| of_file(view)) {
            let summary = |s: &super::state::StreamInfo| StreamSummary {
                path: s.path.clone(),
                created: None,
                events: Some(s.events as u64),
                last: None,
                paused: None,
            };
            return Some(view.streams.iter().map(summary).collect());
        }
        let streams = &self.service.as_ref()?.streams;
        streams.list.as_ref().map(|list| list.to_vec())
    }

    /// The lines of the tree, top first.
    #[must_use]
    pub fn tree_nodes(&self, tree: &StreamTree) -> Vec<Node> {
        let known = self.known_streams().unwrap_or_default();
        let wanted = tree.query.text().trim().to_lowercase();
        // By parts, so that a stream stands before what is under it and after its elder siblings.
        let mut places: BTreeMap<Vec<&str>, Option<&StreamSummary>> = BTreeMap::new();
        for summary in &known {
            if !summary.path.to_lowercase().contains(&wanted) {
                continue;
            }
            let parts: Vec<&str> = summary.path.split('/').filter(|p| !p.is_empty()).collect();
            for depth in 1..parts.len() {
                places.entry(parts[..depth].to_vec()).or_default();
            }
            places.insert(parts, Some(summary));
        }
        let top = places.keys().map(Vec::len).min().unwrap_or(0);
        let mut nodes: Vec<Node> = Vec::new();
        let mut folded: Option<Vec<&str>> = None;
        let all: Vec<(&Vec<&str>, &Option<&StreamSummary>)> = places.iter().collect();
        for (i, (parts, summary)) in all.iter().enumerate() {
            if folded
                .as_ref()
                .is_some_and(|under| parts.starts_with(under))
            {
                continue;
            }
            let path = format!("/{}", parts.join("/"));
            let next = all.get(i + 1).map(|(next, _)| *next);
            let children = next.is_some_and(|next| next.starts_with(parts));
            let closed = children && wanted.is_empty() && tree.closed.contains(&path);
            folded = closed.then(|| (*parts).clone());
            let first = nodes.is_empty();
            nodes.push(Node {
                name: match parts.last() {
                    Some(last) if !first => (*last).to_owned(),
                    _ => path.clone(),
                },
                depth: u16::try_from(parts.len() - top).unwrap_or(u16::MAX),
                stream: summary.is_some(),
                events: summary.and_then(|s| s.events),
                last: summary.and_then(|s| s.last),
                paused: summary.and_then(|s| s.paused),
                children,
                closed,
                in_tab: self.tab_of(&path).map(|tab| tab == self.tab),
                path,
            });
        }
        nodes
    }
}
