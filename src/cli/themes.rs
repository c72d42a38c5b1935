//! `evtui themes`: the names `--theme` takes.

use super::{Outcome, print};
use crate::config::settings::Settings;
use crate::config::themes_folder;
use crate::ui::theme::file;
use anyhow::Result;

pub fn run(settings: &Settings) -> Result<Outcome> {
    let folder = themes_folder();
    let (themes, warnings) = file::load(folder.as_deref());
    for warning in warnings {
        eprintln!("evtui: warning: {warning}");
    }
    let mut text = String::new();
    for theme in &themes {
        let name = &theme.name;
        let own = folder
            .as_ref()
            .map(|folder| folder.join(format!("{name}.toml")))
            .filter(|path| path.is_file());
        let from = own.map_or_else(|| "built-in".to_owned(), |path| path.display().to_string());
        let mark = if *name == settings.theme.value {
            '*'
        } else {
            ' '
        };
        text += &format!("{mark} {name:<20} {from}\n");
    }
    print(&text)?;
    Ok(Outcome::Yes)
}
