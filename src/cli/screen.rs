//! `evtui [TARGET]`: the screen, or plain events where there is no terminal to draw on.

use super::args::Evtui;
use super::demo;
use super::events::{self, EventsArgs, Format};
use super::failure::Failure;
use super::service::connect;
use super::streams::{self, StreamsArgs};
use super::tail::{self, Begin, TailArgs, TailHow};
use crate::config::settings::Settings;
use crate::config::{state_folder, themes_folder};
use crate::model::path::StreamPath;
use crate::runtime::local::IN_MEMORY;
use crate::runtime::screen::{self, Options};
use crate::runtime::target::Target;
use anyhow::Result;
use std::io::IsTerminal;
use std::process::ExitCode;

pub fn run(args: Evtui, settings: Settings) -> Result<ExitCode> {
    let target = args.target.as_deref().map(Target::resolve);
    let target = target.transpose().map_err(Failure::from)?;
    if !std::io::stdout().is_terminal() {
        let outcome = match target {
            Some(Target::Stream(path)) => tail::run(
                &TailArgs {
                    path: path.to_string(),
                    how: TailHow {
                        from: args.screen.at.map(Begin::Offset).unwrap_or_default(),
                        plain: true,
                        ..TailHow::default()
                    },
                    service: args.service,
                },
                &settings,
            ),
            Some(Target::Tree(prefix)) => streams::run(
                &StreamsArgs {
                    prefix: prefix.to_string(),
                    long: false,
                    service: args.service,
                },
                &settings,
            ),
            Some(target) => events::run(
                &EventsArgs {
                    log: target.to_string(),
                    path: args.fold.path,
                    filter: None,
                    from: args.screen.at,
                    to: None,
                    format: Some(Format::Table),
                    service: args.service,
                },
                &settings,
            ),
            None => {
                let what = "cannot open the screen: standard output is not a terminal";
                return Err(Failure::new(what)
                    .hint("evtui LOG prints a log's events, evtui --help says what else there is")
                    .into());
            }
        };
        return Ok(outcome?.into());
    }
    let mut service = args.service;
    if args.demo {
        // A first look leaves nothing behind unless it is told to.
        service.data.get_or_insert_with(|| IN_MEMORY.into());
    }
    let needed = service.local || matches!(target, Some(Target::Stream(_) | Target::Tree(_)));
    let connected = needed.then(|| connect(&service, &settings)).transpose()?;
    let target = match (target, &connected) {
        (None, Some(connected)) if args.demo => Some(Target::Stream(demo::deploy(connected)?)),
        // A service of one's own is there to be looked at.
        (None, Some(_)) => Some(Target::Tree(StreamPath::root())),
        (target, _) => target,
    };
    let (service, local) = match connected {
        Some(connected) => (Some(connected.remote), connected.local),
        None => (None, None),
    };
    let code = screen::run(Options {
        target,
        service,
        read_only: settings.read_only.value,
        stream: args.fold.path,
        processor: args.fold.processor,
        worker: args.fold.worker,
        at: args.screen.at,
        follow: args.screen.follow,
        config: settings,
        state: state_folder(),
        themes: themes_folder(),
    });
    // The screen's connections are closed by now.
    drop(local);
    code
}
