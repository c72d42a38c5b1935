//! `evtui [TARGET]`: the screen, or plain events where there is no terminal to draw on.

use super::Outcome;
use super::args::Evtui;
use super::failure::Failure;
use super::target::Target;
use crate::config::settings::Settings;
use anyhow::Result;
use std::io::IsTerminal;

pub fn run(args: &Evtui, settings: &Settings) -> Result<Outcome> {
    let target = args.target.as_deref().map(Target::resolve).transpose()?;
    if !std::io::stdout().is_terminal() {
        super::warn(settings);
        return plain(args, target.as_ref());
    }
    Err(Failure::new("cannot open the screen").into())
}

fn plain(_args: &Evtui, target: Option<&Target>) -> Result<Outcome> {
    let Some(_target) = target else {
        return Err(
            Failure::new("cannot open the screen: standard output is not a terminal")
                .hint("evtui LOG prints a log's events, evtui --help says what else there is")
                .into(),
        );
    };
    Ok(Outcome::Yes)
}
