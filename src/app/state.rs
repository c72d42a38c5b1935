//! Everything the screen shows: one playhead over one log, seen by many panes.

use super::breaker::BreakerPane;
use super::composer::Composer;
use super::connection::{Connection, Link, Service};
use super::dock::Dock;
use super::layer::{Ask, Layer};
use super::layout::{Areas, Pane, Size};
use super::msg::{SearchWhere, Survey, Tokens};
use super::tabs::Tabs;
use super::timeline::Timeline;
use super::tree::Tree;
use super::update::Asked;
use crate::model::diff::Change;
use crate::model::event::Event;
use crate::model::json_path::JsonPath;
use crate::model::log::{Complaint, EventLog};
use crate::model::needle::Needle;
use crate::replay::moment::Moment;
use crate::replay::reducer::Note;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
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

/// A log on the screen.
#[derive(Clone)]
pub struct LogView {
    /// The events of the stream in view.
    pub log: Arc<dyn EventLog>,
    /// The file as the person named it, or `@name` of a recording, or `-`.
    pub name: String,
    /// The stream in view, when the log names it.
    pub stream: Option<String>,
    /// The person said which stream; otherwise the screen asks once there are several.
    pub chosen: bool,
    /// All streams of the log, the one in view included.
    pub streams: Vec<StreamInfo>,
    /// The log can grow under us.
    pub can_follow: bool,
    /// The person asked to follow it from the start.
    pub following: bool,
    /// Rows at the last look; growth is the difference.
    pub len: usize,
    /// Broken lines, gaps and repeats found so far.
    pub complaints: Arc<[Complaint]>,
    /// How the connection stands that brings the events; `None` for a log that is a file.
    pub connection: Option<Connection>,
}

/// One of several streams in a log.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamInfo {
    /// Its path as written in the events.
    pub path: String,
    /// Events counted so far.
    pub events: usize,
}

/// Where in time the screen stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Playhead {
    /// Events in the state: the playhead stands on row `rows - 1`; 0 is before the first event.
    pub rows: usize,
    /// Stay on the last event as the log grows.
    pub following: bool,
    /// Rows there were when the end was left; what came since is new.
    pub left_end_at: Option<usize>,
}

/// A place asked for before the log was indexed that far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arriving {
    /// The last event.
    End,
    /// The event with this offset.
    Offset(u64),
}

/// The word of the status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Following a log that can grow.
    Live,
    /// Following a stream whose history is not all here yet.
    Connecting,
    /// Following a stream whose connection is lost; it is tried again by itself.
    Retrying,
    /// Following a stream whose connection is lost for good.
    Offline,
    /// At the last event of a log that is not followed.
    End,
    /// Before the last event.
    Rewound,
    /// Time runs by itself.
    Playing,
}

impl Mode {
    /// The word that scripts rely on.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Mode::Live => "LIVE",
            Mode::Connecting => "CONNECTING",
            Mode::Retrying => "RETRYING",
            Mode::Offline => "OFFLINE",
            Mode::End => "END",
            Mode::Rewound => "REWOUND",
            Mode::Playing => "PLAYING",
        }
    }
}

/// How fast time runs while playing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// As recorded times this factor, long pauses capped at [`Settings::gap_cap`].
    Recorded(f32),
    /// This many events a second, whatever the times.
    Steady(f32),
}

/// Time running by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Play {
    /// Time saved up towards the next event.
    pub elapsed: Duration,
}

/// The state pane.
#[derive(Default)]
pub struct StatePane {
    /// The newest moment that came; may lag behind the playhead while folding.
    pub moment: Option<Arc<Moment>>,
    /// Compare with this instead of the previous event.
    pub mark: Option<Mark>,
    /// A seek under way.
    pub pending: Option<Pending>,
    /// Why nothing can be folded at all, for as long as this log is open.
    pub broken: Option<String>,
    /// Why the last seek gave no state.
    pub failure: Option<String>,
    /// The visible tree.
    pub tree: Tree,
    /// The value being watched.
    pub watch: Option<JsonPath>,
}

/// A marked offset to compare with.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Events in the marked state.
    pub rows: usize,
    /// From the marked state to the moment's; `None` until it came.
    pub changes: Option<Arc<[Change]>>,
}

/// A seek whose moment has not come yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pending {
    /// Names the request; answers to older ones are ignored.
    pub id: u64,
    /// Rows folded so far and rows wanted, once the fold reported them.
    pub progress: Option<(usize, usize)>,
}

/// The event pane.
pub struct EventPane {
    /// Show the line as the log holds it instead of pretty JSON.
    pub raw: bool,
    /// Long lines take several lines of the pane instead of being cut.
    pub wrap: bool,
    /// Show everything around the payload too (metadata, times, key).
    pub envelope: bool,
    /// The text of the playhead's event; `None` before the first event.
    pub doc: Option<EventDoc>,
    /// First line shown.
    pub scroll: usize,
}

impl Default for EventPane {
    fn default() -> Self {
        Self {
            raw: false,
            wrap: true,
            envelope: false,
            doc: None,
            scroll: 0,
        }
    }
}

/// The playhead's event as lines of text.
#[derive(Clone, Debug, PartialEq)]
pub struct EventDoc {
    /// The row it was made from.
    pub row: usize,
    /// The lines: pretty JSON, or the raw line cut to pieces of at most 4,096 characters.
    pub lines: Arc<[String]>,
    /// What the pane shows of them, a line of the pane each: the line, and the bytes of it.
    pub pieces: Arc<[(usize, Range<usize>)]>,
    /// Columns that the pieces were made for.
    pub width: u16,
    /// The lines are JSON (and not an unreadable line's bytes).
    pub is_json: bool,
}

/// The source pane.
#[derive(Default)]
pub struct CodePane {
    /// The modules of the worker in view, the entry first.
    pub files: Vec<CodeFile>,
    /// The file shown.
    pub current: usize,
    /// First line shown.
    pub scroll: usize,
    /// Why there is nothing to show.
    pub why_empty: Option<String>,
}

/// One file of a processor's source.
#[derive(Clone, Debug)]
pub struct CodeFile {
    /// Its name as the person knows it.
    pub name: Arc<str>,
    /// Its lines.
    pub lines: Arc<[String]>,
    /// One list of tokens a line; `None` until the highlighter is done.
    pub tokens: Option<Tokens>,
}

/// A processor that can be replayed.
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// Its slug; `None` is the service's built-in state, a processor file bears its file name.
    pub slug: Option<String>,
    /// What it is, in words: `agent.ts`, `built-in state`, `3 deployments`.
    pub about: String,
}

/// Processors to choose from.
#[derive(Default)]
pub struct Workers {
    /// All of them, in order of first deployment; the built-in state last.
    pub list: Vec<Worker>,
    /// The one whose state is shown.
    pub current: usize,
    /// Still looking for deployments in the log.
    pub discovering: bool,
}

impl Workers {
    /// The worker whose state is shown.
    #[must_use]
    pub fn in_view(&self) -> Option<&Worker> {
        self.list.get(self.current)
    }
}

/// A search and where it stands.
pub struct Search {
    /// What is looked for.
    pub needle: Needle,
    /// Where.
    pub place: SearchWhere,
    /// The running request, when one is.
    pub running: Option<u64>,
    /// Nothing was found (all the way round).
    pub nothing: bool,
    /// It went past the log's end and on from the other one.
    pub wrapped: bool,
}

/// A filter on the timeline.
pub struct Filter {
    /// As the person wrote it.
    pub text: String,
    /// Rows that pass, ascending, as far as looked at.
    pub rows: Vec<usize>,
    /// Rows looked at so far.
    pub scanned: usize,
    /// The request that fills `rows`.
    pub id: u64,
}

/// A short message to the person.
#[derive(Clone, Debug, PartialEq)]
pub struct Toast {
    /// How serious.
    pub level: Level,
    /// What it says.
    pub text: String,
    /// How long it still shows.
    pub left: Duration,
}

/// How serious a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something was done.
    Info,
    /// Something could not be done, nothing is broken.
    Warn,
    /// Something failed.
    Error,
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
            banner: self.paused_at().is_some(),
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
