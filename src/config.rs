//! What the person set, from where: flag over environment over file over default. Every value knows
//! its origin.

pub mod file;
pub mod near;
pub mod settings;
pub mod units;

use etcetera::BaseStrategy;
use file::{Entry, FileError};
use settings::{Origin, Raw, Settings};
use std::path::{Path, PathBuf};

/// The configuration file with every default in it; `evtui config print-default` writes it out.
pub const DEFAULT_FILE: &str = include_str!("config/default.toml");

/// Environment variable that names the configuration file.
pub const FILE_VARIABLE: &str = "EVTUI_CONFIG";

/// Environment variable that holds the token `evtui serve` asks for.
pub const TOKEN_VARIABLE: &str = "EVTUI_SERVE_TOKEN";

const PREFIX: &str = "EVTUI_";

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read or is no TOML.
    #[error(transparent)]
    File(#[from] FileError),
    /// A value that its key cannot have.
    #[error("{origin}: {key} {why}")]
    Value {
        /// Where it was set.
        origin: Origin,
        /// Which key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Where settings come from. Nothing here reads the process's surroundings, so tests need not
/// change them.
#[derive(Debug, Default)]
pub struct Sources {
    /// The configuration file, and whether it must exist (the person named it).
    pub file: Option<(PathBuf, bool)>,
    /// Environment variables.
    pub environment: Vec<(String, String)>,
    /// Flags of the command line: the flag as written, its key, its value as text.
    pub flags: Vec<(String, &'static str, String)>,
}

/// Combines all sources. Unknown keys are warnings inside the result, near names suggested.
///
/// # Errors
/// The file cannot be read, is no TOML, or a key has a value that it cannot have.
pub fn load(sources: &Sources) -> Result<Settings, ConfigError> {
    let mut settings = Settings::default();
    if let Some((path, required)) = &sources.file
        && let Some(entries) = file::read(path, *required)?
    {
        apply_file(&mut settings, path, entries)?;
    }
    apply_environment(&mut settings, &sources.environment)?;
    for (flag, key, value) in &sources.flags {
        set(
            &mut settings,
            key,
            &Raw::Text(value.clone()),
            Origin::Flag(flag.clone()),
        )?;
    }
    Ok(settings)
}

fn apply_file(
    settings: &mut Settings,
    path: &Path,
    entries: Vec<Entry>,
) -> Result<(), ConfigError> {
    for entry in entries {
        let origin = Origin::File {
            path: path.to_owned(),
            line: entry.line,
        };
        if let Some(command) = entry.key.strip_prefix("keys.") {
            let keys = entry.value.texts().map_err(|why| ConfigError::Value {
                origin: origin.clone(),
                key: entry.key.clone(),
                why,
            })?;
            settings.bind(command, keys, origin);
        } else if settings::is_key(&entry.key) {
            set(settings, &entry.key, &entry.value, origin)?;
        } else {
            let hint = near::suggestion(&entry.key, settings::names());
            settings
                .warnings
                .push(format!("{origin}: unknown key {:?}{hint}", entry.key));
        }
    }
    Ok(())
}

fn apply_environment(
    settings: &mut Settings,
    environment: &[(String, String)],
) -> Result<(), ConfigError> {
    // https://no-color.org: any value but the empty one.
    if let Some((name, _)) = environment
        .iter()
        .find(|(name, value)| name == "NO_COLOR" && !value.is_empty())
    {
        let never = Raw::Text("never".to_owned());
        set(settings, "colour", &never, Origin::Variable(name.clone()))?;
    }
    for (name, value) in environment {
        let Some(key) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let key = key.to_ascii_lowercase();
        let origin = Origin::Variable(name.clone());
        if settings::is_key(&key) {
            set(settings, &key, &Raw::Text(value.clone()), origin)?;
        } else if name != FILE_VARIABLE && name != TOKEN_VARIABLE {
            let known = settings::names().map(variable);
            let hint = near::suggestion(name, known.chain([FILE_VARIABLE.to_owned()]));
            settings
                .warnings
                .push(format!("unknown environment variable {name}{hint}"));
        }
    }
    Ok(())
}

fn set(settings: &mut Settings, key: &str, raw: &Raw, origin: Origin) -> Result<(), ConfigError> {
    settings
        .set(key, raw, origin.clone())
        .map_err(|why| ConfigError::Value {
            origin,
            key: key.to_owned(),
            why,
        })
}

/// The environment variable of a key: `EVTUI_REDUCE_TIMEOUT`.
#[must_use]
pub fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase())
}

/// Where the program keeps what it remembers between runs; `None` when there is no home.
#[must_use]
pub fn state_folder() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    let folder = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Some(folder.join("evtui"))
}

/// The folder of configuration and themes, `~/.config/evtui` where nothing else is set; `None` when
/// the person has no home.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    etcetera::choose_base_strategy()
        .ok()
        .map(|base| base.config_dir().join("evtui"))
}

/// The folder of events received from services, `~/.cache/evtui/streams` where nothing else is
/// set; `None` when the person has no home.
#[must_use]
pub fn streams_folder() -> Option<PathBuf> {
    etcetera::choose_base_strategy()
        .ok()
        .map(|base| base.cache_dir().join("evtui").join("streams"))
}

/// The folder in which `evtui serve` keeps its data, `~/.local/share/evtui/store` where nothing else
/// is set; `None` when the person has no home.
#[must_use]
pub fn store_folder() -> Option<PathBuf> {
    etcetera::choose_base_strategy()
        .ok()
        .map(|base| base.data_dir().join("evtui").join("store"))
}

/// The configuration file where none is named.
#[must_use]
pub fn default_file() -> Option<PathBuf> {
    folder().map(|folder| folder.join("config.toml"))
}

/// The folder of the person's own themes, one `NAME.toml` each.
#[must_use]
pub fn themes_folder() -> Option<PathBuf> {
    folder().map(|folder| folder.join("themes"))
}

#[cfg(test)]
mod tests {
    use super::settings::{Colour, PlaySpeed};
    use super::*;
    use std::time::Duration;

    fn with(
        file: &str,
        environment: &[(&str, &str)],
        flags: &[(&str, &'static str, &str)],
    ) -> Result<Settings, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, file).unwrap();
        load(&Sources {
            file: Some((path, true)),
            environment: environment
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
            flags: flags
                .iter()
                .map(|(f, k, v)| ((*f).to_owned(), *k, (*v).to_owned()))
                .collect(),
        })
    }

    #[test]
    fn the_default_file_holds_every_key_at_its_default() {
        let settings = with(DEFAULT_FILE, &[], &[]).unwrap();
        assert_eq!(settings.warnings, [""; 0]);
        let defaults = Settings::default();
        for key in settings::names() {
            let (value, origin) = settings.show(key);
            assert_eq!(value, defaults.show(key).0, "{key}");
            assert!(
                matches!(origin, Origin::File { .. }),
                "{key} is not in the default file"
            );
        }
        assert!(settings.keys.is_empty());
    }

    #[test]
    fn flag_over_environment_over_file_over_default() {
        let file = "theme = \"light\"\nmouse = false\nreduce_timeout = \"3s\"\n";
        let env = [
            ("EVTUI_THEME", "mono"),
            ("EVTUI_REDUCE_TIMEOUT", "4s"),
            ("HOME", "/x"),
        ];
        let settings = with(file, &env, &[("--theme", "theme", "dark")]).unwrap();
        assert_eq!(settings.theme.value, "dark");
        assert_eq!(settings.theme.origin.to_string(), "--theme");
        assert_eq!(settings.reduce_timeout.value, Duration::from_secs(4));
        assert_eq!(
            settings.reduce_timeout.origin.to_string(),
            "EVTUI_REDUCE_TIMEOUT"
        );
        assert!(!settings.mouse.value);
        assert!(settings.mouse.origin.to_string().ends_with("config.toml:2"));
        assert_eq!(settings.reduce_memory.value, 1 << 30);
        assert_eq!(settings.reduce_memory.origin.to_string(), "default");
        assert_eq!(settings.warnings, [""; 0]);
    }

    #[test]
    fn unknown_names_warn_with_place_and_nearest_key() {
        let settings = with("\nthme = \"dark\"\n", &[("EVTUI_MOSE", "1")], &[]).unwrap();
        assert_eq!(settings.warnings.len(), 2, "{:?}", settings.warnings);
        assert!(
            settings.warnings[0]
                .ends_with("config.toml:2: unknown key \"thme\"; did you mean \"theme\"?")
        );
        assert_eq!(
            settings.warnings[1],
            "unknown environment variable EVTUI_MOSE; did you mean \"EVTUI_MOUSE\"?"
        );
    }

    #[test]
    fn values_of_the_wrong_sort_are_errors_with_their_place() {
        for (file, why) in [
            (
                "mouse = \"perhaps\"",
                "config.toml:1: mouse must be true or false, not \"perhaps\"",
            ),
            (
                "\n\nreduce_memory = \"lots\"",
                "config.toml:3: reduce_memory must be a size such as 256MiB",
            ),
            ("theme = 7", "config.toml:1: theme must be a text, not 7"),
            (
                "colour = \"red\"",
                "config.toml:1: colour must be auto, always or never",
            ),
            (
                "[keys]\nquit = 7",
                "config.toml:2: keys.quit must be a key or a list of keys",
            ),
            ("theme = ", "config.toml:1:"),
        ] {
            let error = with(file, &[], &[]).unwrap_err().to_string();
            assert!(error.contains(why), "{file:?} gave {error:?}");
        }
    }

    #[test]
    fn keys_speeds_and_no_color() {
        let file = "play_speed = \"recorded x4\"\n[keys]\nquit = \"x\"\nup = [\"k\", \"ctrl-p\"]\n";
        let settings = with(file, &[("NO_COLOR", "1")], &[]).unwrap();
        assert_eq!(settings.play_speed.value, PlaySpeed::Recorded(4.0));
        assert_eq!(settings.colour.value, Colour::Never);
        assert_eq!(settings.colour.origin.to_string(), "NO_COLOR");
        assert_eq!(settings.keys[0].command, "quit");
        assert_eq!(settings.keys[1].keys, ["k", "ctrl-p"]);
        let own = with("", &[("NO_COLOR", "1"), ("EVTUI_COLOUR", "always")], &[]).unwrap();
        assert_eq!(own.colour.value, Colour::Always);
    }

    #[test]
    fn a_file_that_must_be_there_and_is_not() {
        let missing = PathBuf::from("no/such/config.toml");
        let asked = Sources {
            file: Some((missing.clone(), true)),
            ..Sources::default()
        };
        assert!(
            load(&asked)
                .unwrap_err()
                .to_string()
                .starts_with("cannot read no/such/config.toml: ")
        );
        let usual = Sources {
            file: Some((missing, false)),
            ..Sources::default()
        };
        assert!(load(&usual).is_ok());
    }
}
