//! `evtui man`.

use super::args::Evtui;
use super::{Outcome, print};
use anyhow::Result;
use clap::CommandFactory;

pub fn run() -> Result<Outcome> {
    let mut page = Vec::new();
    let mut command = Evtui::command();
    command.build();
    let man = clap_mangen::Man::new(command.clone());
    man.render(&mut page)?;
    // One page for all: a subcommand's options follow as sections of their own.
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let title = sub.get_display_name().unwrap_or_else(|| sub.get_name());
        page.extend_from_slice(
            format!(".SH {}\n", title.replace('-', " ").to_uppercase()).as_bytes(),
        );
        let man = clap_mangen::Man::new(sub.clone());
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    print(&String::from_utf8_lossy(&page))?;
    Ok(Outcome::Yes)
}
