//! `evtui [TARGET]`: the screen, or plain events where there is no terminal to draw on.

use super::args::Evtui;
use super::events::{self, EventsArgs, Format};
use super::failure::Failure;
use super::target::Target;
use crate::config::settings::Settings;
use crate::config::themes_folder;
use crate::runtime::screen::{self, Options};
use crate::runtime::world;
use anyhow::Result;
use std::io::IsTerminal;
use std::process::ExitCode;

pub fn run(args: Evtui, settings: Settings) -> Result<ExitCode> {
    let target = args.target.as_deref().map(Target::resolve).transpose()?;
    if !std::io::stdout().is_terminal() {
        if let Some(target) = target {
            return Ok(events::run(&EventsArgs {
                log: target.to_string(),
                path: args.fold.path,
                filter: None,
                from: args.screen.at,
                to: None,
                format: Some(Format::Table),
            })?
            .into());
        }
        let what = "cannot open the screen: standard output is not a terminal";
        return Err(Failure::new(what)
            .hint("evtui LOG prints a log's events, evtui --help says what else there is")
            .into());
    }
    screen::run(Options {
        target: target.map(|target| match target {
            Target::File(path) => world::Target::File(path),
            Target::Stdin => world::Target::Stdin,
            Target::Recording(recording) => world::Target::Recording(recording.name.to_owned()),
        }),
        stream: args.fold.path,
        processor: args.fold.processor,
        worker: args.fold.worker,
        at: args.screen.at,
        follow: args.screen.follow,
        config: settings,
        themes: themes_folder(),
    })
}
