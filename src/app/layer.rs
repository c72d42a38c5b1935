//! Popups: a stack of layers over the panes. The topmost gets the keys, `Esc` takes it away.

use super::line_edit::LineEdit;
use super::streams::StreamTree;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// One popup.
#[derive(Debug)]
pub enum Layer {
    /// All keys and what they do, made from the commands.
    Help {
        /// First line shown.
        scroll: usize,
    },
    /// A list to choose from, narrowed by typing.
    Picker(Picker),
    /// A line to type.
    Prompt(Prompt),
    /// A question before something is sent.
    Confirm(Confirm),
    /// What changed at the playhead, old and new; made from the changes in force.
    Changes {
        /// First change shown.
        scroll: usize,
    },
    /// The streams there are.
    Tree(StreamTree),
    /// A text to read, such as an error with its stack.
    Text {
        /// What it is.
        title: String,
        /// Its lines.
        lines: Vec<String>,
        /// First line shown.
        scroll: usize,
    },
}

/// A question before something is sent; only `y` says yes.
#[derive(Debug)]
pub struct Confirm {
    /// What is asked.
    pub title: String,
    /// What a yes does.
    pub lines: Vec<String>,
    /// What a yes does, in a word.
    pub yes: &'static str,
    /// What is sent then.
    pub outgoing: Outgoing,
}

/// An event on its way out.
#[derive(Debug)]
pub struct Outgoing {
    /// The stream it is for.
    pub path: String,
    /// The event input as JSON text.
    pub input: String,
    /// It was written in the composer, whose draft waits for the answer.
    pub composed: bool,
}

/// What a picker's choice is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choose {
    /// A command to run.
    Command,
    /// A recording to open.
    Recording,
    /// A worker whose state to show.
    Worker,
    /// A theme; shown at once while moving through the list.
    Theme,
    /// A bookmark to go to.
    Bookmark,
    /// A row with a reducer's failure to go to.
    Failure,
    /// What to copy.
    Copy,
}

/// A list to choose from.
#[derive(Debug)]
pub struct Picker {
    /// What for.
    pub choose: Choose,
    /// What it is, in words.
    pub title: String,
    /// What to say when there are no items at all.
    pub empty: String,
    /// Everything there is.
    pub items: Vec<Item>,
    /// What was typed to narrow the list.
    pub query: LineEdit,
    /// The items that match, best first.
    pub matches: Vec<Match>,
    /// Index into `matches`.
    pub selected: usize,
    /// The theme to go back to when it is left with `Esc`.
    pub theme_before: Option<String>,
}

/// One item of a picker.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// What it is called; matched against the query.
    pub title: String,
    /// What is said about it; matched too.
    pub detail: String,
    /// Shown at the right: its keys, say.
    pub hint: String,
    /// Why it cannot be chosen now.
    pub disabled: Option<String>,
    /// What the choice stands for (a row, an index, a name), as the picker's maker gave it.
    pub value: Value,
}

/// What an item stands for.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Its title says it.
    #[default]
    Title,
    /// A verb.
    Verb(super::command::Verb),
    /// Another name than the title.
    Name(String),
    /// A row of the log.
    Row(usize),
    /// A place in a list.
    Index(usize),
    /// A text, ready to copy.
    Text(String),
}

/// One match of a picker's query.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// Index of the item.
    pub item: usize,
    /// Character indices of the title that matched, ascending; to be drawn brighter.
    pub at: Vec<u32>,
}

impl Picker {
    /// A picker that shows all items.
    #[must_use]
    pub fn new(choose: Choose, title: &str, items: Vec<Item>) -> Self {
        let mut picker = Self {
            choose,
            title: title.to_owned(),
            empty: "nothing here".to_owned(),
            items,
            query: LineEdit::default(),
            matches: Vec::new(),
            selected: 0,
            theme_before: None,
        };
        picker.narrow();
        picker
    }

    /// The item that `Enter` takes.
    #[must_use]
    pub fn chosen(&self) -> Option<&Item> {
        self.matches
            .get(self.selected)
            .and_then(|m| self.items.get(m.item))
    }

    /// Matches the items with the query anew; the best is selected.
    pub fn narrow(&mut self) {
        let pattern = Pattern::parse(self.query.text(), CaseMatching::Smart, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, Match)> = Vec::new();
        for (item, it) in self.items.iter().enumerate() {
            let mut at = Vec::new();
            let title = Utf32Str::new(&it.title, &mut buffer);
            let by_title = pattern.indices(title, &mut matcher, &mut at);
            let score = by_title.map(|s| s.saturating_mul(2)).or_else(|| {
                at.clear();
                let detail = Utf32Str::new(&it.detail, &mut buffer);
                pattern.score(detail, &mut matcher)
            });
            if let Some(score) = score {
                at.sort_unstable();
                at.dedup();
                scored.push((score, Match { item, at }));
            }
        }
        if !self.query.text().is_empty() {
            scored.sort_by_key(|(score, m)| (std::cmp::Reverse(*score), m.item));
        }
        self.matches = scored.into_iter().map(|(_, m)| m).collect();
        self.selected = 0;
    }
}

/// What a prompt asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// An offset to go to.
    GoTo,
    /// A text to look for in events.
    SearchEvents,
    /// A text to look for in the state.
    SearchState,
    /// A filter expression.
    Filter,
    /// A JSON path to watch.
    Watch,
    /// The reason to resume the stream.
    Resume,
}

/// A line to type.
#[derive(Debug)]
pub struct Prompt {
    /// What for.
    pub ask: Ask,
    /// The line.
    pub edit: LineEdit,
    /// What is wrong with it, as it stands; shown under the line.
    pub problem: Option<String>,
    /// Index into the history while going through it, the newest being 0.
    pub recalled: Option<usize>,
}

impl Ask {
    /// What stands before the line.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Ask::GoTo => ":",
            Ask::SearchEvents => "search events /",
            Ask::SearchState => "search state /",
            Ask::Filter => "filter &",
            Ask::Watch => "watch ",
            Ask::Resume => "resume, because: ",
        }
    }

    /// What can be typed, in a few words; shown while the line is empty.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Ask::GoTo => "an offset",
            Ask::SearchEvents => "text in events; a capital letter makes case matter",
            Ask::SearchState => "text in keys and values of the state",
            Ask::Filter => "type:chunk  !type:chunk  text  $.payload.ok=false",
            Ask::Resume => "a reason for the log, or nothing; Esc leaves it paused",
            Ask::Watch => "$.messages[0].role",
        }
    }
}
