//! The command line: parsing, dispatch, errors and exit codes.

pub mod args;
pub mod failure;

mod append;
mod completions;
mod config;
mod demo;
mod deploy;
mod diff;
mod events;
mod export;
pub mod headless;
mod import;
mod man;
mod pause;
mod record;
mod recordings;
mod replay;
mod resume;
mod screen;
mod serve;
mod service;
mod state;
mod streams;
mod tail;
mod themes;
mod verify;

use crate::config::settings::Settings;
use crate::config::{self as sources, Sources};
use anyhow::Result;
use args::{Command, Evtui};
use clap::Parser;
use clap::error::ErrorKind;
use failure::{Failure, INTERRUPTED, NO, USAGE};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// How a command ended that did what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done; what was asked is true or was found. Exit code 0.
    Yes,
    /// Done; what was asked is false, differs or was not found. Exit code 1.
    No,
    /// Ended by Ctrl-c, in good order. Exit code 130.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        match outcome {
            Outcome::Yes => ExitCode::SUCCESS,
            Outcome::No => ExitCode::from(NO),
            Outcome::Interrupted => ExitCode::from(INTERRUPTED),
        }
    }
}

/// Runs the program on its arguments, the program's name first.
#[must_use]
pub fn main(args: Vec<OsString>) -> ExitCode {
    let parsed = match Evtui::try_parse_from(args) {
        Ok(parsed) => parsed,
        Err(error) => return usage(&error),
    };
    match run(parsed) {
        Ok(code) => code,
        Err(error) => failure::report(&error),
    }
}

/// clap's own report, with help and version on standard output and exit code 0.
fn usage(error: &clap::Error) -> ExitCode {
    // A reader that went away is no failure of ours.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(USAGE),
    }
}

fn run(args: Evtui) -> Result<ExitCode> {
    let sources = Sources {
        file: config_file(args.config.clone()),
        environment: std::env::vars_os()
            .filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)))
            .collect(),
        flags: args.flags(),
    };
    // Where the file is can be asked even when what is in it cannot be read.
    if let Some(Command::Config(args)) = &args.command
        && args.needs_no_settings()
    {
        return Ok(config::run(args, &sources, None)?.into());
    }
    let settings = sources::load(&sources).map_err(|error| {
        Failure::new(error).hint("evtui config print-default shows every setting with its form")
    })?;
    // On the screen these are messages.
    if args.command.is_some() {
        warn(&settings);
    }
    let outcome = match args.command {
        None => return screen::run(args, settings),
        Some(Command::Completions(args)) => completions::run(&args),
        Some(Command::Man) => man::run(),
        Some(Command::Config(args)) => config::run(&args, &sources, Some(&settings)),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Import(args)) => import::run(&args),
        Some(Command::Recordings(args)) => recordings::run(&args),
        Some(Command::Themes) => themes::run(&settings),
        Some(Command::State(args)) => state::run(&args, &settings),
        Some(Command::Events(args)) => events::run(&args, &settings),
        Some(Command::Diff(args)) => diff::run(&args, &settings),
        Some(Command::Replay(args)) => replay::run(&args, &settings),
        Some(Command::Tail(args)) => tail::run(&args, &settings),
        Some(Command::Append(args)) => append::run(&args, &settings),
        Some(Command::Deploy(args)) => deploy::run(&args, &settings),
        Some(Command::Record(args)) => record::run(&args, &settings),
        Some(Command::Streams(args)) => streams::run(&args, &settings),
        Some(Command::Pause(args)) => pause::run(&args, &settings),
        Some(Command::Resume(args)) => resume::run(&args, &settings),
        Some(Command::Verify(args)) => verify::run(&args, &settings),
        Some(Command::Serve(args)) => serve::run(&args),
    };
    Ok(outcome?.into())
}

/// The file that the person named, or else the usual one where it exists.
fn config_file(flag: Option<PathBuf>) -> Option<(PathBuf, bool)> {
    flag.or_else(|| std::env::var_os(sources::FILE_VARIABLE).map(PathBuf::from))
        .map(|path| (path, true))
        .or_else(|| sources::default_file().map(|path| (path, false)))
}

/// Says on standard error what was set without effect.
fn warn(settings: &Settings) {
    for warning in &settings.warnings {
        eprintln!("evtui: warning: {warning}");
    }
}

/// Writes a text to standard output.
///
/// # Errors
/// The write fails; a reader that went away becomes success in [`failure::report`].
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
