//! `evtui config path|print-default|show-origin`.

use super::args::{ConfigArgs, ConfigWhat};
use super::failure::Failure;
use super::{Outcome, print};
use crate::config::settings::{self, Settings};
use crate::config::{DEFAULT_FILE, Sources};
use anyhow::Result;

/// `settings` may be absent for what does not need them.
pub fn run(args: &ConfigArgs, sources: &Sources, settings: Option<&Settings>) -> Result<Outcome> {
    match (args.what, settings) {
        (ConfigWhat::Path, _) => {
            let (path, _) = sources.file.as_ref().ok_or_else(|| {
                Failure::new("cannot tell where settings are: there is no home folder")
                    .hint("set HOME, or name a file with --config")
            })?;
            print(&format!("{}\n", path.display()))?;
        }
        (ConfigWhat::ShowOrigin, Some(settings)) => {
            print(&in_force(settings))?;
        }
        (ConfigWhat::PrintDefault | ConfigWhat::ShowOrigin, _) => print(DEFAULT_FILE)?,
    }
    Ok(Outcome::Yes)
}

/// Every setting as a line of TOML, its origin as the comment behind it.
fn in_force(settings: &Settings) -> String {
    let mut lines: Vec<(String, String)> = settings::names()
        .map(|name| {
            let (value, origin) = settings.show(name);
            (format!("{name} = {value}"), origin.to_string())
        })
        .collect();
    if !settings.keys.is_empty() {
        lines.push(("[keys]".to_owned(), String::new()));
    }
    for binding in &settings.keys {
        let line = format!("{} = {:?}", binding.command, binding.keys);
        lines.push((line, binding.origin.to_string()));
    }
    let width = lines.iter().map(|(line, _)| line.len()).max().unwrap_or(0);
    lines
        .iter()
        .map(|(line, origin)| match origin.as_str() {
            "" => format!("{line}\n"),
            _ => format!("{line:width$}  # {origin}\n"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_force_is_toml_again() {
        let text = in_force(&Settings::default());
        assert!(text.starts_with("theme = \"dark\""), "{text}");
        assert!(
            text.lines().all(|line| line.ends_with("# default")),
            "{text}"
        );
        let again: toml::Table = text.parse().unwrap();
        assert_eq!(again["reduce_timeout"].as_str(), Some("2s"));
        assert_eq!(again.len(), settings::names().count());
    }
}
