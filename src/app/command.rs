//! Every verb of the screen, once: its name, help, keys and whether it can run now. Footer, help,
//! palette and keymap are made from this table.

mod enabled;
mod keymap;
mod table;

pub use keymap::Keymap;
pub use table::COMMANDS;

use super::state::App;

/// What a person can make the screen do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the table says what each does
pub enum Verb {
    Down,
    Up,
    PageDown,
    PageUp,
    Open,
    StepForward,
    StepBack,
    LeapForward,
    LeapBack,
    First,
    Last,
    GoTo,
    Play,
    Faster,
    Slower,
    AsRecorded,
    Follow,
    Search,
    SearchNext,
    SearchPrevious,
    Filter,
    NextError,
    PreviousError,
    NextChange,
    PreviousChange,
    Watch,
    Cause,
    Effect,
    Compare,
    Bookmark,
    Bookmarks,
    Failures,
    Fold,
    Times,
    Raw,
    Envelope,
    Wrap,
    Changes,
    NextPane,
    PreviousPane,
    PaneTimeline,
    PaneState,
    PaneEvent,
    PaneSource,
    Zoom,
    Breaker,
    Compose,
    Again,
    Resume,
    Worker,
    Stream,
    NextTab,
    PreviousTab,
    CloseTab,
    Recordings,
    Reconnect,
    Copy,
    CopyMenu,
    Themes,
    Mouse,
    Palette,
    Help,
    Suspend,
    Back,
    Quit,
}

/// Where a command stands in the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Moving the playhead.
    Time,
    /// Looking for something.
    Find,
    /// What is seen and how.
    View,
    /// Writing events.
    Append,
    /// Everything else.
    Program,
}

impl Group {
    /// All groups in the help's order.
    pub const ALL: [Group; 5] = [
        Group::Time,
        Group::Find,
        Group::View,
        Group::Append,
        Group::Program,
    ];

    /// Its heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Group::Time => "Travel",
            Group::Find => "Find",
            Group::View => "View",
            Group::Append => "Append",
            Group::Program => "Program",
        }
    }
}

/// One verb and everything said about it.
#[derive(Debug)]
pub struct Command {
    /// What it does.
    pub verb: Verb,
    /// Its name in configuration files and the palette: `step-forward`.
    pub name: &'static str,
    /// One or two words for the footer.
    pub short: &'static str,
    /// One sentence for the help.
    pub help: &'static str,
    /// Its keys unless configured otherwise, as [`super::key::Key`] reads them.
    pub keys: &'static [&'static str],
    /// Where it stands in the help.
    pub group: Group,
    /// Its place in the footer, lower first; 0 is not there.
    pub footer: u8,
}

impl Verb {
    /// Its entry in the table.
    #[must_use]
    pub fn command(self) -> &'static Command {
        COMMANDS
            .iter()
            .find(|c| c.verb == self)
            // A test holds every verb to an entry.
            .unwrap_or(&COMMANDS[0])
    }

    /// Whether it can run now.
    ///
    /// # Errors
    /// Why not, as a sentence for the person.
    pub fn enabled(self, app: &App) -> Result<(), String> {
        enabled::enabled(self, app)
    }
}

/// The footer's commands in order of importance, with the key to show, without those that cannot
/// run now.
#[must_use]
pub fn footer(app: &App) -> Vec<(super::key::Key, &'static Command)> {
    // A lost connection and a paused stream ask their questions before all others.
    let (paused, lost) = (app.paused_at().is_some(), app.lost().is_some());
    let first = |c: &Command| match c.verb {
        Verb::Breaker => paused,
        Verb::Reconnect => lost,
        _ => false,
    };
    let mut shown: Vec<&Command> = COMMANDS
        .iter()
        .filter(|c| c.footer > 0 || first(c))
        .collect();
    shown.sort_by_key(|c| (!first(c), c.footer));
    shown
        .into_iter()
        .filter(|c| c.verb.enabled(app).is_ok())
        .filter_map(|c| Some((app.settings.keymap.keys(c.verb).next()?, c)))
        .collect()
}
