//! Every setting once: its name, default, how it is read and shown.

use super::units;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Where a value was set.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// Nowhere: the built-in default.
    Default,
    /// In the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, 1 for the first.
        line: usize,
    },
    /// In this environment variable.
    Variable(String),
    /// By this flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Variable(name) | Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// A value and where it was set.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting<T> {
    /// The value in force.
    pub value: T,
    /// Where it was set.
    pub origin: Origin,
}

impl<T> From<T> for Setting<T> {
    fn from(value: T) -> Self {
        Setting {
            value,
            origin: Origin::Default,
        }
    }
}

/// When to write colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// What the terminal can show.
    Auto,
    /// Even where the output is no terminal.
    Always,
    /// Weight and reverse only.
    Never,
}

/// How fast playing starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlaySpeed {
    /// As recorded, times this factor.
    Recorded(f32),
    /// This many events a second.
    Steady(f32),
}

/// Keys given to one command.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The command's name.
    pub command: String,
    /// The keys it has instead of its own; may be none.
    pub keys: Vec<String>,
    /// Where it was set.
    pub origin: Origin,
}

/// All settings in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Name of the theme.
    pub theme: Setting<String>,
    /// When to write colours.
    pub colour: Setting<Colour>,
    /// Capture the mouse.
    pub mouse: Setting<bool>,
    /// Only ASCII on the screen.
    pub ascii: Setting<bool>,
    /// Longest that reducing one event may take.
    pub reduce_timeout: Setting<Duration>,
    /// Most memory of the processor's engine, in bytes.
    pub reduce_memory: Setting<u64>,
    /// Memory for keyframes, in bytes.
    pub keyframe_memory: Setting<u64>,
    /// Speed that playing starts at.
    pub play_speed: Setting<PlaySpeed>,
    /// Longest wait when playing as recorded.
    pub play_gap: Setting<Duration>,
    /// Base URL of the event service.
    pub url: Setting<String>,
    /// The project whose streams are meant.
    pub project: Setting<String>,
    /// Sent to the service as a bearer token; empty for none.
    pub token: Setting<String>,
    /// Nothing is appended.
    pub read_only: Setting<bool>,
    /// Keys by command, in the file's order.
    pub keys: Vec<Binding>,
    /// What was set and has no effect, in sentences.
    pub warnings: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            theme: "dark".to_owned().into(),
            colour: Colour::Auto.into(),
            mouse: true.into(),
            ascii: false.into(),
            reduce_timeout: Duration::from_secs(2).into(),
            reduce_memory: (1 << 30).into(),
            keyframe_memory: (256 << 20).into(),
            play_speed: PlaySpeed::Steady(8.0).into(),
            play_gap: Duration::from_secs(2).into(),
            url: "https://events.iterate.com".to_owned().into(),
            project: "public".to_owned().into(),
            token: String::new().into(),
            read_only: false.into(),
            keys: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

/// A value as it was written, before its key gives it a meaning.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    /// A text, also everything from flags and environment.
    Text(String),
    /// A TOML boolean.
    Bool(bool),
    /// A TOML array.
    List(Vec<Raw>),
    /// Numbers and times, as written.
    Other(String),
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Raw::Text(text) => write!(f, "{text:?}"),
            Raw::Bool(flag) => write!(f, "{flag}"),
            Raw::List(_) => f.write_str("a list"),
            Raw::Other(text) => f.write_str(text),
        }
    }
}

impl Raw {
    fn text(&self) -> Result<&str, String> {
        match self {
            Raw::Text(text) if !text.trim().is_empty() => Ok(text.trim()),
            other => Err(format!("must be a text, not {other}")),
        }
    }

    /// Texts and plain numbers alike: `65536` is a size, too.
    fn measure(&self) -> String {
        match self {
            Raw::Text(text) => text.clone(),
            other => other.to_string(),
        }
    }

    fn flag(&self) -> Result<bool, String> {
        match self {
            Raw::Bool(flag) => Ok(*flag),
            Raw::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Ok(true),
                "false" | "no" | "off" | "0" => Ok(false),
                _ => Err(format!("must be true or false, not {text:?}")),
            },
            other => Err(format!("must be true or false, not {other}")),
        }
    }

    /// One text or a list of texts.
    ///
    /// # Errors
    /// What else it is.
    pub fn texts(&self) -> Result<Vec<String>, String> {
        let wrong = |what: &Raw| format!("must be a key or a list of keys, not {what}");
        match self {
            Raw::Text(text) => Ok(vec![text.clone()]),
            Raw::List(items) => items
                .iter()
                .map(|item| match item {
                    Raw::Text(text) => Ok(text.clone()),
                    other => Err(wrong(other)),
                })
                .collect(),
            other => Err(wrong(other)),
        }
    }
}

impl PlaySpeed {
    fn parse(text: &str) -> Result<PlaySpeed, String> {
        let wrong = || {
            format!(
                "must be a speed such as \"8/s\", \"recorded\" or \"recorded x4\", not {text:?}"
            )
        };
        let number = |digits: &str| {
            digits
                .trim()
                .parse::<f32>()
                .ok()
                .filter(|n| n.is_finite() && (0.01..=10_000.0).contains(n))
                .ok_or_else(wrong)
        };
        if let Some(rest) = text.strip_prefix("recorded") {
            return match rest.trim().trim_start_matches(['x', '×']) {
                "" if rest.trim().is_empty() => Ok(PlaySpeed::Recorded(1.0)),
                factor => number(factor).map(PlaySpeed::Recorded),
            };
        }
        number(text.strip_suffix("/s").ok_or_else(wrong)?).map(PlaySpeed::Steady)
    }
}

impl fmt::Display for PlaySpeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlaySpeed::Recorded(1.0) => f.write_str("recorded"),
            PlaySpeed::Recorded(factor) => write!(f, "recorded x{factor}"),
            PlaySpeed::Steady(rate) => write!(f, "{rate}/s"),
        }
    }
}

/// How a key is read into the settings and shown from them.
struct Key {
    name: &'static str,
    set: fn(&mut Settings, &Raw, Origin) -> Result<(), String>,
    /// As TOML.
    show: fn(&Settings) -> (String, &Origin),
}

/// A key whose value is `$read` from a [`Raw`] and `$show`n as TOML.
macro_rules! key {
    ($field:ident, $read:expr, $show:expr) => {
        Key {
            name: stringify!($field),
            set: |settings, raw, origin| {
                let read: fn(&Raw) -> Result<_, String> = $read;
                settings.$field = Setting {
                    value: read(raw)?,
                    origin,
                };
                Ok(())
            },
            show: |settings| {
                let show: fn(&_) -> String = $show;
                (show(&settings.$field.value), &settings.$field.origin)
            },
        }
    };
}

fn read_colour(raw: &Raw) -> Result<Colour, String> {
    match raw {
        Raw::Text(text) if text == "auto" => Ok(Colour::Auto),
        Raw::Text(text) if text == "always" => Ok(Colour::Always),
        Raw::Text(text) if text == "never" => Ok(Colour::Never),
        other => Err(format!("must be auto, always or never, not {other}")),
    }
}

fn show_colour(colour: &Colour) -> String {
    let word = match colour {
        Colour::Auto => "auto",
        Colour::Always => "always",
        Colour::Never => "never",
    };
    format!("{word:?}")
}

fn read_token(raw: &Raw) -> Result<String, String> {
    match raw {
        Raw::Text(text) => Ok(text.trim().to_owned()),
        other => Err(format!("must be a text, not {other}")),
    }
}

/// A secret is not shown, only whether there is one.
fn show_token(token: &str) -> String {
    match token {
        "" => "\"\"".to_owned(),
        _ => "\"(not shown)\"".to_owned(),
    }
}

const KEYS: &[Key] = &[
    key!(theme, |raw| raw.text().map(str::to_owned), |v| format!(
        "{v:?}"
    )),
    key!(colour, read_colour, show_colour),
    key!(mouse, Raw::flag, ToString::to_string),
    key!(ascii, Raw::flag, ToString::to_string),
    key!(
        reduce_timeout,
        |raw| units::duration(&raw.measure()),
        |v| format!("{:?}", units::show_duration(*v))
    ),
    key!(
        reduce_memory,
        |raw| units::bytes(&raw.measure()),
        |v| format!("{:?}", units::show_bytes(*v))
    ),
    key!(
        keyframe_memory,
        |raw| units::bytes(&raw.measure()),
        |v| format!("{:?}", units::show_bytes(*v))
    ),
    key!(
        play_speed,
        |raw| PlaySpeed::parse(raw.text()?),
        |v: &PlaySpeed| format!("{:?}", v.to_string())
    ),
    key!(
        play_gap,
        |raw| units::duration(&raw.measure()),
        |v| format!("{:?}", units::show_duration(*v))
    ),
    key!(url, |raw| raw.text().map(str::to_owned), |v| format!(
        "{v:?}"
    )),
    key!(project, |raw| raw.text().map(str::to_owned), |v| format!(
        "{v:?}"
    )),
    key!(token, read_token, |v| show_token(v)),
    key!(read_only, Raw::flag, ToString::to_string),
];

/// Names of all keys but `[keys]`, in the order they are shown.
pub fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}

/// True for the name of a key.
#[must_use]
pub fn is_key(name: &str) -> bool {
    KEYS.iter().any(|key| key.name == name)
}

impl Settings {
    /// Sets one key.
    ///
    /// # Errors
    /// What the value must be, when it is something else; an unknown key.
    pub fn set(&mut self, name: &str, raw: &Raw, origin: Origin) -> Result<(), String> {
        let key = KEYS
            .iter()
            .find(|key| key.name == name)
            .ok_or("is no setting")?;
        (key.set)(self, raw, origin)
    }

    /// A key's value as TOML, and where it was set. Empty for a name that is no key.
    #[must_use]
    pub fn show(&self, name: &str) -> (String, &Origin) {
        KEYS.iter()
            .find(|key| key.name == name)
            .map_or((String::new(), &Origin::Default), |key| (key.show)(self))
    }

    /// Gives a command other keys.
    pub fn bind(&mut self, command: &str, keys: Vec<String>, origin: Origin) {
        self.keys.push(Binding {
            command: command.to_owned(),
            keys,
            origin,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_read_back_as_shown() {
        for (text, speed) in [
            ("8/s", PlaySpeed::Steady(8.0)),
            ("0.5/s", PlaySpeed::Steady(0.5)),
            ("recorded", PlaySpeed::Recorded(1.0)),
            ("recorded x4", PlaySpeed::Recorded(4.0)),
        ] {
            assert_eq!(PlaySpeed::parse(text), Ok(speed));
            assert_eq!(speed.to_string(), text);
        }
        for bad in [
            "",
            "fast",
            "0/s",
            "-1/s",
            "recorded x",
            "recorded xx",
            "NaN/s",
            "8",
        ] {
            assert!(PlaySpeed::parse(bad).is_err(), "{bad}");
        }
    }
}
