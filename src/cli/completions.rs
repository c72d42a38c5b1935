//! `evtui completions SHELL`.

use super::args::{CompletionsArgs, Evtui};
use super::{Outcome, print};
use anyhow::Result;
use clap::CommandFactory;

pub fn run(args: &CompletionsArgs) -> Result<Outcome> {
    // Generated into memory first: the generator panics when its writer fails.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Evtui::command(), "evtui", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Yes)
}
