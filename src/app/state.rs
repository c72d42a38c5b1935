//! Everything the screen shows: one playhead over one log, seen by many panes.

mod log_view;
mod looking;
mod panes;
mod time;
mod toast;
mod workers;

pub use log_view::{LogView, StreamInfo};
pub use looking::{Filter, Search};
pub use panes::{CodeFile, CodePane, EventDoc, EventPane, Mark, Pending, StatePane};
pub use time::{Arriving, Mode, Play, Playhead, Speed};
pub use toast::{Level, Toast};
pub use workers::{Worker, Workers};

use super::breaker::BreakerPane;
use super::composer::Composer;
use super::connection::{Connection, Link, Service};
use super::dock::Dock;
use super::layer::{Ask, Layer};
use super::layout::{Areas, Pane, Size};
use super::msg::Survey;
use super::tabs::Tabs;
use super::timeline::Timeline;
use super::update::Asked;
use crate::model::diff::Change;
use crate::model::event::Event;
use crate::replay::reducer::Note;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

/// The whole program as data. Only `update` changes it.
pub struct App {
    /// Size of the terminal in cells.
    pub size: Size,
    /// Where the panes stand at this size; kept up to date by `update`.
    pub areas: Areas,
    /// What the person set from outside, and themes and keys in force.
    pub settings: Settings,
    /// The log that is open; `None` while one is being picked or opened.
    pub log: Option<LogView>,
    /// The service that streams are read from and appended to; `None` when only files are read.
    pub service: Option<Service>,
    /// Number of the tab in view; what is done outside for another one goes by its number.
    pub tab: u64,
    /// The tabs beside the one in view.
    pub(super) tabs: Tabs,
    /// Why no log is open, when one was asked for and could not be opened.
    pub open_error: Option<String>,
    /// Where in time the screen stands.
    pub playhead: Playhead,
    /// Playing, when time runs by itself.
    pub play: Option<Play>,
    /// The last speed played at; `<` and `>` change it, playing or not.
    pub speed: Speed,
    /// The timeline's folds and scroll.
    pub timeline: Timeline,
    /// The state at the playhead.
    pub state: StatePane,
    /// The event at the playhead.
    pub event: EventPane,
    /// The processor's source.
    pub code: CodePane,
    /// Processors to choose from.
    pub workers: Workers,
    /// The pane that keys go to.
    pub focus: Pane,
    /// The focused pane fills the body.
    pub zoom: bool,
    /// The lower right pane where there is room for three: the event or the source.
    pub third: Pane,
    /// The running or last search.
    pub search: Option<Search>,
    /// The filter on the timeline.
    pub filter: Option<Filter>,
    /// Bookmarked rows.
    pub bookmarks: BTreeSet<usize>,
    /// Everything noted while folding (throws, impurities, console), by row.
    pub notes: BTreeMap<usize, Vec<Note>>,
    /// The log by column for the scrubber; `None` until the first survey came.
    pub survey: Option<Survey>,
    /// The circuit breaker at the playhead.
    pub breaker: BreakerPane,
    /// What is being written to append.
    pub composer: Composer,
    /// What stands under the panes, when something does.
    pub dock: Option<Dock>,
    /// Rows in the background fold, `(done, of)`; equal when finished.
    pub folded: (usize, usize),
    /// Popups, the topmost last; it gets the keys.
    pub layers: Vec<Layer>,
    /// Short messages to the person, the newest last.
    pub toasts: VecDeque<Toast>,
    /// Where the person goes as soon as the log is known that far; moving elsewhere forgets it.
    pub arriving: Option<Arriving>,
    /// The program is about to end.
    pub quitting: bool,
    /// A change of the watched value being looked for, by request.
    pub finding: Option<u64>,
    /// Recordings that can be opened, name and what each shows.
    pub recordings: Vec<(String, String)>,
    /// Following is wanted whenever the playhead is at the end.
    pub(super) follows: bool,
    pub(super) search_backward: bool,
    /// The left button went down on the scrubber and is still down.
    pub(super) dragging: bool,
    pub(super) history: HashMap<Ask, Vec<String>>,
    pub(super) asked: Asked,
    /// The last request's id.
    pub(super) last_id: u64,
}

/// What comes from configuration and the command line.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The theme in force, by name.
    pub theme: String,
    /// All themes there are.
    pub themes: Vec<String>,
    /// The mouse is captured.
    pub mouse: bool,
    /// Longest pause that playing as recorded waits for.
    pub gap_cap: Duration,
    /// Keys to verbs.
    pub keymap: super::command::Keymap,
}

impl App {
    /// Rows of the log in view.
    #[must_use]
    pub fn len(&self) -> usize {
        self.log.as_ref().map_or(0, |l| l.len)
    }

    /// True when there is no event to stand on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How the connection of the stream in view stands; `None` for a file.
    #[must_use]
    pub fn connection(&self) -> Option<&Connection> {
        self.log.as_ref()?.connection.as_ref()
    }

    /// The row the playhead stands on; `None` before the first event.
    #[must_use]
    pub fn row(&self) -> Option<usize> {
        self.playhead.rows.checked_sub(1)
    }

    /// The status line's word.
    #[must_use]
    pub fn mode(&self) -> Mode {
        if self.play.is_some() {
            Mode::Playing
        } else if self.playhead.following {
            match self.connection().map(|c| &c.link) {
                None | Some(Link::Live) => Mode::Live,
                Some(Link::Connecting) => Mode::Connecting,
                Some(Link::Retrying { .. }) => Mode::Retrying,
                Some(Link::Offline { .. }) => Mode::Offline,
                Some(Link::Ended) => Mode::End,
            }
        } else if self.playhead.rows >= self.len() {
            Mode::End
        } else {
            Mode::Rewound
        }
    }

    /// Events that came since the end was left.
    #[must_use]
    pub fn new_events(&self) -> usize {
        self.playhead
            .left_end_at
            .map_or(0, |at| self.len().saturating_sub(at))
    }

    /// The offset displayed for a playhead of `rows` events: the one written in the event on the
    /// row, or its number in the log when none is written; 0 before the first event.
    #[must_use]
    pub fn offset_at(&self, rows: usize) -> u64 {
        let Some(row) = rows.checked_sub(1) else {
            return 0;
        };
        self.log
            .as_ref()
            .and_then(|l| l.log.row(row))
            .and_then(|r| r.offset)
            .map_or(rows as u64, |o| o.0)
    }

    /// The changes that the state pane marks: against the previous event or the marked offset.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        match (&self.state.mark, &self.state.moment) {
            (Some(mark), _) => mark.changes.as_deref().unwrap_or(&[]),
            (None, Some(moment)) => &moment.changes,
            (None, None) => &[],
        }
    }

    /// True when the moment on the screen is the playhead's.
    #[must_use]
    pub fn moment_is_current(&self) -> bool {
        self.state
            .moment
            .as_ref()
            .is_some_and(|m| m.rows == self.playhead.rows)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: "dark".to_owned(),
            themes: vec!["dark".to_owned()],
            mouse: true,
            gap_cap: Duration::from_secs(2),
            keymap: super::command::Keymap::default(),
        }
    }
}

impl App {
    /// An empty screen of this size; a log comes with `Msg::Opened`.
    #[must_use]
    pub fn new(size: Size, settings: Settings) -> App {
        let mut app = App {
            size,
            areas: Areas::default(),
            settings,
            log: None,
            service: None,
            tab: 0,
            tabs: Tabs::default(),
            open_error: None,
            playhead: Playhead::default(),
            play: None,
            speed: Speed::Steady(8.0),
            timeline: Timeline::default(),
            state: StatePane::default(),
            event: EventPane::default(),
            code: CodePane::default(),
            workers: Workers::default(),
            focus: Pane::Timeline,
            zoom: false,
            third: Pane::Event,
            search: None,
            filter: None,
            bookmarks: BTreeSet::new(),
            notes: BTreeMap::new(),
            survey: None,
            breaker: BreakerPane::default(),
            composer: Composer::default(),
            dock: None,
            folded: (0, 0),
            layers: Vec::new(),
            toasts: VecDeque::new(),
            arriving: None,
            quitting: false,
            finding: None,
            recordings: Vec::new(),
            follows: false,
            search_backward: false,
            dragging: false,
            history: HashMap::new(),
            asked: Asked::default(),
            last_id: 0,
        };
        app.lay_out();
        app
    }

    /// A new request's id.
    pub(super) fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Places the panes anew.
    pub(super) fn lay_out(&mut self) {
        self.areas = super::layout::layout(super::layout::Wish {
            size: self.size,
            focus: self.focus,
            zoom: self.zoom,
            third: self.third,
            banner: self.has_banner(),
            dock: self.dock.is_some(),
            tabs: self.tab_count() > 1,
        });
    }

    /// The row that paused the stream, when it is paused at the playhead. Known once the log was
    /// surveyed.
    #[must_use]
    pub fn paused_at(&self) -> Option<usize> {
        let gates = &self.survey.as_ref()?.gates;
        let last = gates
            .partition_point(|(row, _)| *row < self.playhead.rows)
            .checked_sub(1)?;
        let (row, paused) = gates[last];
        // A second pause inside a pause does not start it anew.
        let first = gates[..last].iter().rev().take_while(|(_, p)| *p).last();
        paused.then(|| first.map_or(row, |(row, _)| *row))
    }

    /// Why the stream is paused, as its paused event says; empty when it says nothing.
    #[must_use]
    pub fn pause_reason(&self) -> String {
        let event = self
            .paused_at()
            .zip(self.log.as_ref())
            .and_then(|(row, view)| Event::parse(&view.log.raw(row)?).ok());
        event
            .and_then(|e| e.payload.get("reason")?.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}
