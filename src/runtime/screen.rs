//! Opens the screen on the real terminal and runs it to its end.

use super::drafts::Drafts;
use super::open;
use super::program::{Hands, Program, lets_go};
use super::service::Service;
use super::tab::Wish;
use super::target::Target;
use super::terminal::Guard;
use super::world::World;
use super::{editor, input, world};
use crate::app::command::Keymap;
use crate::app::connection;
use crate::app::layout::Size;
use crate::app::msg::Msg;
use crate::app::state::{App, Level, Settings, Speed};
use crate::app::update::{go_to_offset, show_recordings, show_tree, update};
use crate::config::settings::{Colour, PlaySpeed, Settings as Config};
use crate::processor::limits::Limits;
use crate::source::recordings;
use crate::source::remote::Remote;
use crate::ui::View;
use crate::ui::theme::depth::{Depth, needs_ascii};
use crate::ui::theme::file;
use anyhow::{Context, Result};
use futures_util::{Stream, stream};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender};

/// What the person asked for.
pub struct Options {
    /// The log; `None` opens the picker of recordings.
    pub target: Option<Target>,
    /// The service that streams are read from; needed for a stream or a tree.
    pub service: Option<Remote>,
    /// Appending is refused.
    pub read_only: bool,
    /// The stream in it.
    pub stream: Option<String>,
    /// A processor on disk.
    pub processor: Option<PathBuf>,
    /// The worker whose state to show.
    pub worker: Option<String>,
    /// The offset to start at; the end when absent.
    pub at: Option<u64>,
    /// Follow the log from the start.
    pub follow: bool,
    /// Settings in force.
    pub config: Config,
    /// Where drafts are kept between runs.
    pub state: Option<PathBuf>,
    /// Where the person's own themes are.
    pub themes: Option<PathBuf>,
}

/// Bytes of a frame that are written at once.
const FRAME: usize = 1 << 16;
/// Exit code after an interrupt from outside.
const INTERRUPTED: u8 = 130;
/// Exit code after a request to end from outside.
const TERMINATED: u8 = 143;

/// Runs the screen. The exit code is 0 when the person left, 130 or 143 when a signal ended it.
///
/// # Errors
/// The log or the theme cannot be opened, or the terminal fails.
pub fn run(options: Options) -> Result<ExitCode> {
    let (themes, complaints) = file::load(options.themes.as_deref());
    let config = &options.config;
    file::find(&themes, &config.theme.value)?;
    let env = |name: &str| std::env::var(name).ok();
    let depth = match config.colour.value {
        Colour::Never => Depth::Mono,
        Colour::Always | Colour::Auto => Depth::detect(env),
    };
    let ascii = config.ascii.value || needs_ascii(env);
    let bindings = config.keys.iter();
    let (keymap, key_warnings) = Keymap::with(bindings.map(|b| {
        let keys = b.keys.iter().map(String::as_str).collect();
        (b.command.as_str(), keys)
    }));
    let settings = Settings {
        theme: config.theme.value.clone(),
        themes: themes.iter().map(|t| t.name.clone()).collect(),
        mouse: config.mouse.value,
        gap_cap: config.play_gap.value,
        keymap,
    };
    let fold = open::Options {
        processor: options.processor.clone(),
        worker: options.worker.clone(),
        limits: Limits {
            reduce_timeout: config.reduce_timeout.value,
            reduce_memory: config.reduce_memory.value,
        },
        keyframe_memory: usize::try_from(config.keyframe_memory.value).unwrap_or(usize::MAX),
    };
    let (sender, events) = tokio::sync::mpsc::unbounded_channel::<world::Event>();
    let about = options.service.as_ref().map(|remote| {
        let server = remote.client().server();
        connection::Service::new(
            server.base().to_owned(),
            server.project.to_string(),
            server.is_loopback(),
            options.read_only,
        )
    });
    let mut world = World::new(sender, fold, options.service.map(Service::new));
    let (width, height) = crossterm::terminal::size().context("cannot ask the terminal's size")?;
    let mut app = App::new(Size { width, height }, settings);
    let drafts = Drafts::in_folder(options.state.as_deref());
    match drafts.load() {
        Ok(remembered) => app.composer.remember(remembered),
        Err(error) => {
            update(&mut app, Msg::Notice(Level::Warn, format!("{error:#}")));
        }
    }
    world.keep_drafts(drafts);
    app.speed = match config.play_speed.value {
        PlaySpeed::Recorded(factor) => Speed::Recorded(factor),
        PlaySpeed::Steady(rate) => Speed::Steady(rate),
    };
    app.recordings = recordings::ALL
        .iter()
        .map(|r| (r.name.to_owned(), r.shows.to_owned()))
        .collect();
    app.service = about;
    let warnings = complaints.into_iter().chain(key_warnings);
    for warning in warnings.chain(config.warnings.iter().cloned()) {
        update(&mut app, Msg::Notice(Level::Warn, warning));
    }
    let mut effects = Vec::new();
    match &options.target {
        Some(Target::Tree(prefix)) => {
            effects.extend(show_tree(&mut app, prefix.as_str()));
        }
        Some(target) => {
            let mut view = world.open(Wish {
                tab: app.tab,
                target,
                stream: options.stream.clone(),
                following: options.follow,
            })?;
            view.chosen |= options.stream.is_some();
            effects = update(&mut app, Msg::Opened(Box::new(view)));
            if let Some(at) = options.at {
                effects.extend(go_to_offset(&mut app, at));
            }
        }
        None => show_recordings(&mut app),
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?;
    let guard = Guard::enter(app.settings.mouse).context("cannot take the terminal")?;
    // A frame in one write: the terminal has nothing half done to show.
    let out = io::BufWriter::with_capacity(FRAME, io::stdout());
    let mut terminal = Terminal::new(CrosstermBackend::new(out))?;
    let (go_on, permission) = std::sync::mpsc::channel();
    let mut program = Program {
        terminal: &mut terminal,
        view: View::new(themes, depth, ascii),
        app,
        world,
        hands: Terminals { guard, go_on },
    };
    for effect in effects {
        // Nothing of this opens a log.
        let _ = program.world.perform(program.app.tab, effect);
    }
    let code = std::rc::Rc::new(std::cell::Cell::new(0));
    runtime.block_on(async {
        let keys = keys(permission).context("cannot listen to the terminal")?;
        let signals = signals(&code)?;
        program.run(stream::select(keys, signals), events).await
    })?;
    drop(program);
    Ok(ExitCode::from(code.get()))
}

/// What the person does, as messages. Read on a thread of its own, so that the loop hears signals
/// whatever the terminal does; and through crossterm's `use-dev-tty` source, which loses no key
/// that is pressed while the terminal is resized and ends when it is torn away.
fn keys(permission: Receiver<()>) -> io::Result<impl Stream<Item = Msg> + Unpin> {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let listen = move || {
        loop {
            let msg = match crossterm::event::read() {
                Ok(event) => input::message(event),
                // An error of the terminal is its end: there is nobody to ask any more.
                Err(_) => Some(Msg::Quit),
            };
            let last = matches!(msg, Some(Msg::Quit));
            let waits = msg.as_ref().is_some_and(lets_go);
            if msg.is_some_and(|msg| sender.send(msg).is_err()) || last {
                return;
            }
            if waits && permission.recv().is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("keys".to_owned())
        .spawn(listen)?;
    Ok(stream::poll_fn(move |context| receiver.poll_recv(context)))
}

/// Signals that end or stop the program, as messages; `code` is set to the exit code of the last.
#[cfg(unix)]
fn signals(code: &std::rc::Rc<std::cell::Cell<u8>>) -> Result<impl Stream<Item = Msg> + Unpin> {
    use crate::app::command::Verb;
    use tokio::signal::unix::{SignalKind, signal};
    let of = |kind: SignalKind, exit: u8, msg: fn() -> Msg| {
        let code = std::rc::Rc::clone(code);
        let mut signal = signal(kind)?;
        Ok::<_, io::Error>(stream::poll_fn(move |context| {
            signal.poll_recv(context).map(|got| {
                got.map(|()| {
                    code.set(exit);
                    msg()
                })
            })
        }))
    };
    let end = stream::select(
        of(SignalKind::interrupt(), INTERRUPTED, || Msg::Quit)?,
        of(SignalKind::terminate(), TERMINATED, || Msg::Quit)?,
    );
    const SIGTSTP: i32 = rustix::process::Signal::TSTP.as_raw();
    let rest = stream::select(
        of(SignalKind::hangup(), TERMINATED, || Msg::Quit)?,
        of(SignalKind::from_raw(SIGTSTP), 0, || Msg::Run(Verb::Suspend))?,
    );
    Ok(stream::select(end, rest))
}

/// There are no such signals here.
#[cfg(not(unix))]
fn signals(_: &std::rc::Rc<std::cell::Cell<u8>>) -> Result<impl Stream<Item = Msg> + Unpin> {
    Ok(stream::pending())
}

/// The real terminal, and the leave for its listener to go on.
struct Terminals {
    guard: Guard,
    go_on: Sender<()>,
}

impl Hands for Terminals {
    fn mouse(&mut self, on: bool) -> Result<()> {
        Ok(self.guard.mouse(on)?)
    }

    fn suspend(&mut self) -> Result<()> {
        Ok(self.guard.suspend()?)
    }

    fn edit(&mut self, text: &str, json: bool) -> Result<Result<String>> {
        Ok(self.guard.lend(|| editor::edit(text, json))?)
    }

    fn heard(&mut self) {
        // A listener that ended needs no leave.
        let _ = self.go_on.send(());
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.guard.write(bytes)?)
    }
}
