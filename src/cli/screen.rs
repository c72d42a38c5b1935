//! `evtui [TARGET]`: the screen.

use super::args::Evtui;
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
        let what = "cannot open the screen: standard output is not a terminal";
        return Err(Failure::new(what)
            .hint("evtui --help says what works without one")
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
