//! What can be written on the command line.

use super::append::AppendArgs;
use super::deploy::DeployArgs;
use super::diff::DiffArgs;
use super::events::EventsArgs;
use super::export::ExportArgs;
use super::import::ImportArgs;
use super::pause::GateArgs;
use super::record::RecordArgs;
use super::replay::ReplayArgs;
use super::serve::ServeArgs;
use super::state::StateArgs;
use super::streams::StreamsArgs;
use super::tail::TailArgs;
use super::verify::VerifyArgs;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

/// Travel through the event log of an agent: every moment's state, and what changed it.
#[derive(Debug, Parser)]
#[command(
    name = "evtui",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  evtui @coding-agent                    open a recording that comes with evtui
  evtui agent.jsonl --at 120             open a log at offset 120
  evtui agent.jsonl --processor agent.ts see what this processor makes of it
  evtui state agent.jsonl --at 120       the same state as JSON, no screen
  evtui /yourname/agent                  a stream of the service, live
  curl -sN URL | evtui -                 a saved or piped event stream"
)]
pub struct Evtui {
    /// A log file (JSONL, JSON array or saved event stream), - for standard input, @NAME of a
    /// recording, /PATH of a stream of the service, or '/PATH/**' for all streams under it
    #[arg(value_name = "TARGET", value_hint = ValueHint::FilePath)]
    pub target: Option<String>,

    #[command(flatten)]
    pub fold: FoldArgs,

    #[command(flatten)]
    pub screen: ScreenArgs,

    /// Read settings from this file instead of the usual one
    #[arg(long, value_name = "FILE", global = true, value_hint = ValueHint::FilePath, help_heading = "Settings")]
    pub config: Option<PathBuf>,

    #[command(flatten)]
    pub limits: LimitArgs,

    #[command(flatten)]
    pub service: ServiceArgs,

    /// With --local: deploy a sample agent that needs no model, and open it
    #[arg(
        long,
        requires = "local",
        conflicts_with = "target",
        help_heading = "Service"
    )]
    pub demo: bool,

    /// Append nothing to the service
    #[arg(long, help_heading = "Service")]
    pub read_only: bool,

    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Which events, and who folds them.
#[derive(Clone, Debug, Default, Args)]
pub struct FoldArgs {
    /// Fold with the processor in this JavaScript or TypeScript file
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub processor: Option<PathBuf>,

    /// Of the workers configured in the log, the one with this slug
    #[arg(long, short, value_name = "SLUG", conflicts_with = "processor")]
    pub worker: Option<String>,

    /// Of a log with several streams, the one with this path
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,
}

/// The log of a headless command, and who folds it.
#[derive(Clone, Debug, Args)]
pub struct LogArgs {
    /// A log file, - for standard input, @NAME of a recording, or /PATH of a stream of the service
    #[arg(value_name = "LOG", value_hint = ValueHint::FilePath)]
    pub log: String,

    #[command(flatten)]
    pub fold: FoldArgs,

    #[command(flatten)]
    pub service: ServiceArgs,
}

/// Options of the screen alone.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Screen")]
pub struct ScreenArgs {
    /// Start at this offset
    #[arg(long, value_name = "N")]
    pub at: Option<u64>,

    /// Follow the log as it grows
    #[arg(long, short, conflicts_with = "at")]
    pub follow: bool,

    /// Use this theme (see `evtui themes`)
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,

    /// Draw with ASCII only
    #[arg(long)]
    pub ascii: bool,

    /// Leave the mouse to the terminal
    #[arg(long)]
    pub no_mouse: bool,
}

/// What a processor may use up.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct LimitArgs {
    /// Stop a reducer that takes longer over one event [default: 2s]
    #[arg(long, value_name = "TIME", global = true)]
    pub reduce_timeout: Option<String>,

    /// Most memory for the processor's engine [default: 1GiB]
    #[arg(long, value_name = "SIZE", global = true)]
    pub reduce_memory: Option<String>,
}

/// Which event service, and as whom.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Service")]
pub struct ServiceArgs {
    /// Base URL of the event service [default: https://events.iterate.com]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,

    /// The project whose streams are meant [default: public]
    #[arg(long, value_name = "SLUG")]
    pub project: Option<String>,

    /// Send this bearer token (EVTUI_TOKEN keeps it out of the list of processes)
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,

    /// Run the service inside this process, for as long as it lives
    #[arg(long, conflicts_with_all = ["url", "token"])]
    pub local: bool,

    /// Where --local keeps its streams, :memory: to keep nothing [default: as evtui serve]
    #[arg(long, value_name = "DIR", requires = "local", value_hint = ValueHint::DirPath)]
    pub data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the events of a stream as they are committed
    Tail(TailArgs),
    /// Append an event to a stream
    Append(AppendArgs),
    /// Deploy a processor to a stream, which becomes an agent
    Deploy(DeployArgs),
    /// Save a stream to a file as it grows
    Record(RecordArgs),
    /// List the streams of the service
    Streams(StreamsArgs),
    /// Pause a stream: nothing but a resume can be appended
    Pause(GateArgs),
    /// Resume a paused stream
    Resume(GateArgs),
    /// Fold a stream and compare with the service's own state
    Verify(VerifyArgs),
    /// Print the state at an offset as JSON
    State(StateArgs),
    /// Print the events of a log, filtered
    Events(EventsArgs),
    /// Print what differs between the states at two offsets
    Diff(DiffArgs),
    /// Print what each event changed, one line an offset
    Replay(ReplayArgs),
    /// Run the event service: streams over HTTP, on disk
    Serve(ServeArgs),
    /// Write a stream of a service's folder out as JSON lines
    Export(ExportArgs),
    /// Read JSON lines into a service's folder as a stream
    Import(ImportArgs),
    /// List the recordings that come with evtui, or write one out
    Recordings(RecordingsArgs),
    /// List the themes, built-in and your own; * marks the one in force
    Themes,
    /// Where settings are, what they can be and what is in force
    Config(ConfigArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page (roff)
    Man,
}

/// `evtui recordings`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  evtui recordings\n  evtui recordings runaway > runaway.jsonl")]
pub struct RecordingsArgs {
    /// Write this recording's events to standard output
    pub name: Option<String>,
}

/// `evtui config`
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What to print
    pub what: ConfigWhat,
}

impl ConfigArgs {
    /// True when the answer does not depend on the settings in force.
    #[must_use]
    pub fn needs_no_settings(&self) -> bool {
        !matches!(self.what, ConfigWhat::ShowOrigin)
    }
}

/// What `evtui config` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConfigWhat {
    /// Where the settings file is (it need not exist)
    Path,
    /// A settings file with every default in it
    PrintDefault,
    /// Every setting in force, and where it was set
    ShowOrigin,
}

/// `evtui completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell to complete for
    pub shell: clap_complete::Shell,
}

impl Command {
    /// Which service a command talks to, when it does.
    fn service(&self) -> Option<&ServiceArgs> {
        match self {
            Command::Tail(args) => Some(&args.service),
            Command::Append(args) => Some(&args.service),
            Command::Deploy(args) => Some(&args.service),
            Command::Record(args) => Some(&args.service),
            Command::Streams(args) => Some(&args.service),
            Command::Pause(args) | Command::Resume(args) => Some(&args.service),
            Command::Verify(args) => Some(&args.service),
            Command::State(args) => Some(&args.log.service),
            Command::Events(args) => Some(&args.service),
            Command::Diff(args) => Some(&args.log.service),
            Command::Replay(args) => Some(&args.log.service),
            _ => None,
        }
    }
}

impl Evtui {
    /// Which service is meant.
    #[must_use]
    pub fn service(&self) -> &ServiceArgs {
        let command = self.command.as_ref().and_then(Command::service);
        command.unwrap_or(&self.service)
    }

    /// Flags that are settings: as written, their key, their value.
    #[must_use]
    pub fn flags(&self) -> Vec<(String, &'static str, String)> {
        let yes = |set: bool, value: &str| set.then(|| value.to_owned());
        let service = self.service();
        [
            ("--url", "url", service.url.clone()),
            ("--project", "project", service.project.clone()),
            ("--token", "token", service.token.clone()),
            ("--read-only", "read_only", yes(self.read_only, "true")),
            ("--theme", "theme", self.screen.theme.clone()),
            ("--ascii", "ascii", yes(self.screen.ascii, "true")),
            ("--no-mouse", "mouse", yes(self.screen.no_mouse, "false")),
            (
                "--reduce-timeout",
                "reduce_timeout",
                self.limits.reduce_timeout.clone(),
            ),
            (
                "--reduce-memory",
                "reduce_memory",
                self.limits.reduce_memory.clone(),
            ),
        ]
        .into_iter()
        .filter_map(|(flag, key, value)| Some((flag.to_owned(), key, value?)))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Evtui::command().debug_assert();
    }
}
