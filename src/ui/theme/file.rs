//! Theme files: TOML with one line a role, such as `error = "bold #ff5555 on black"`.

use super::Role;
use ratatui::style::{Color, Modifier, Style};
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// The themes that are compiled in, by name; the first is the default.
const BUILTIN: [(&str, &str); 5] = [
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    (
        "high-contrast",
        include_str!("../../../themes/high-contrast.toml"),
    ),
    (
        "colour-blind-safe",
        include_str!("../../../themes/colour-blind-safe.toml"),
    ),
    (MONO, include_str!("../../../themes/mono.toml")),
];

const MONO: &str = "mono";

/// What a theme file says, before fallbacks and before the terminal's limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// How the person calls it: the file's stem.
    pub name: String,
    styles: [Option<Style>; 16],
}

impl Definition {
    /// What the file says about a role.
    #[must_use]
    pub fn get(&self, role: Role) -> Option<Style> {
        self.styles[role as usize]
    }
}

/// A theme file that could be used, and what was odd about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The theme.
    pub definition: Definition,
    /// Keys that are no roles, each naming file and line.
    pub warnings: Vec<String>,
}

/// Why a theme cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// Not TOML.
    #[error("{file}:{line}: not a theme file: {why}")]
    Syntax {
        /// The file.
        file: String,
        /// 1 for the first.
        line: usize,
        /// What the parser says.
        why: String,
    },
    /// A role whose value is no style.
    #[error("{file}:{line}: {role}: {why}")]
    Style {
        /// The file.
        file: String,
        /// 1 for the first.
        line: usize,
        /// The role's name.
        role: String,
        /// What is wrong with it.
        why: String,
    },
    /// The file cannot be read.
    #[error("cannot read theme {file}: {why}")]
    Read {
        /// The file.
        file: String,
        /// What the system says.
        why: String,
    },
    /// No theme of that name.
    #[error("no theme is called {name:?}; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names that exist, separated by commas.
        known: String,
    },
}

/// Parses a theme file's text; `file` is only used in messages.
///
/// # Errors
/// [`ThemeError::Syntax`] and [`ThemeError::Style`], naming file and line.
pub fn parse(name: &str, file: &str, text: &str) -> Result<Parsed, ThemeError> {
    let line_at = |at: usize| {
        1 + text.as_bytes()[..at.min(text.len())]
            .iter()
            .filter(|b| **b == b'\n')
            .count()
    };
    let table = DeTable::parse(text).map_err(|e| ThemeError::Syntax {
        file: file.to_owned(),
        line: line_at(e.span().map_or(0, |s| s.start)),
        why: e.message().to_owned(),
    })?;
    let mut definition = Definition {
        name: name.to_owned(),
        styles: [None; 16],
    };
    let mut warnings = Vec::new();
    for (key, value) in table.get_ref() {
        let line = line_at(key.span().start);
        let Some(role) = Role::by_name(key.get_ref()) else {
            let known = Role::ALL.map(Role::name).join(" ");
            warnings.push(format!(
                "{file}:{line}: {:?} is no role and was ignored; there are {known}",
                key.get_ref()
            ));
            continue;
        };
        let style = match value.get_ref() {
            DeValue::String(words) => parse_style(words),
            _ => Err("a style is a text, such as \"bold red on black\"".to_owned()),
        };
        definition.styles[role as usize] = Some(style.map_err(|why| ThemeError::Style {
            file: file.to_owned(),
            line,
            role: role.name().to_owned(),
            why,
        })?);
    }
    warnings.sort();
    Ok(Parsed {
        definition,
        warnings,
    })
}

/// The themes that are compiled in; the first is the default.
#[must_use]
pub fn builtin() -> Vec<Definition> {
    BUILTIN
        .iter()
        .map(|(name, text)| embedded(name, text))
        .collect()
}

/// Text of a built-in theme's file, to start an own one from.
#[must_use]
pub fn builtin_text(name: &str) -> Option<&'static str> {
    BUILTIN.iter().find(|(n, _)| *n == name).map(|(_, t)| *t)
}

pub(super) fn mono() -> Definition {
    embedded(MONO, builtin_text(MONO).unwrap_or_default())
}

fn embedded(name: &str, text: &str) -> Definition {
    // A test parses them all; a theme without a line still is one.
    parse(name, name, text).map_or_else(
        |_| Definition {
            name: name.to_owned(),
            styles: [None; 16],
        },
        |parsed| parsed.definition,
    )
}

/// Every theme there is: the built-in ones, then `*.toml` of `dir` in name order, which replace
/// built-in ones of the same name. What is wrong with a file is reported and the file left out.
#[must_use]
pub fn load(dir: Option<&Path>) -> (Vec<Definition>, Vec<String>) {
    let mut themes = builtin();
    let mut warnings = Vec::new();
    let mut files: Vec<_> = dir
        .and_then(|d| std::fs::read_dir(d).ok())
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    for path in files {
        let file = path.display().to_string();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let parsed = std::fs::read_to_string(&path)
            .map_err(|e| ThemeError::Read {
                file: file.clone(),
                why: e.to_string(),
            })
            .and_then(|text| parse(&name, &file, &text));
        match parsed {
            Ok(parsed) => {
                warnings.extend(parsed.warnings);
                match themes.iter_mut().find(|t| t.name == parsed.definition.name) {
                    Some(place) => *place = parsed.definition,
                    None => themes.push(parsed.definition),
                }
            }
            Err(error) => warnings.push(error.to_string()),
        }
    }
    (themes, warnings)
}

/// The theme of that name.
///
/// # Errors
/// [`ThemeError::Unknown`], listing the names there are.
pub fn find<'a>(themes: &'a [Definition], name: &str) -> Result<&'a Definition, ThemeError> {
    themes.iter().find(|t| t.name == name).ok_or_else(|| {
        let known: Vec<_> = themes.iter().map(|t| t.name.as_str()).collect();
        ThemeError::Unknown {
            name: name.to_owned(),
            known: known.join(", "),
        }
    })
}

/// Reads `[modifier…] [colour] [on colour]`, in any order.
fn parse_style(words: &str) -> Result<Style, String> {
    let mut style = Style::new();
    let mut background = false;
    for word in words.split_whitespace() {
        let modifier = match word {
            "on" if !background => {
                background = true;
                continue;
            }
            "bold" => Modifier::BOLD,
            "dim" => Modifier::DIM,
            "italic" => Modifier::ITALIC,
            "underline" => Modifier::UNDERLINED,
            "reverse" => Modifier::REVERSED,
            _ => {
                let color = parse_color(word)?;
                let place = if std::mem::take(&mut background) {
                    &mut style.bg
                } else {
                    &mut style.fg
                };
                if place.replace(color).is_some() {
                    return Err(format!("{word:?} is one colour too many"));
                }
                continue;
            }
        };
        style = style.add_modifier(modifier);
    }
    if background {
        return Err("a colour must follow \"on\"".to_owned());
    }
    Ok(style)
}

fn parse_color(word: &str) -> Result<Color, String> {
    let hex = |digits: &str| u32::from_str_radix(digits, 16).ok();
    if let Some(digits) = word.strip_prefix('#') {
        let value = hex(digits).filter(|_| digits.len() == 6 && digits.is_ascii());
        let Some(value) = value else {
            return Err(format!("{word:?} is no colour; write #rrggbb"));
        };
        let [_, r, g, b] = value.to_be_bytes();
        return Ok(Color::Rgb(r, g, b));
    }
    if word.bytes().all(|b| b.is_ascii_digit()) {
        return word
            .parse()
            .map(Color::Indexed)
            .map_err(|_| format!("{word:?} is no colour index; they go from 0 to 255"));
    }
    // ANSI's own names; ratatui calls 7 Gray, 8 DarkGray and 15 White.
    Ok(match word {
        "default" => Color::Reset,
        "black" => Color::Black,
        "red" => Color::Red,
        "green" => Color::Green,
        "yellow" => Color::Yellow,
        "blue" => Color::Blue,
        "magenta" => Color::Magenta,
        "cyan" => Color::Cyan,
        "white" => Color::Gray,
        "bright-black" => Color::DarkGray,
        "bright-red" => Color::LightRed,
        "bright-green" => Color::LightGreen,
        "bright-yellow" => Color::LightYellow,
        "bright-blue" => Color::LightBlue,
        "bright-magenta" => Color::LightMagenta,
        "bright-cyan" => Color::LightCyan,
        "bright-white" => Color::White,
        _ => {
            return Err(format!(
                "{word:?} is neither a colour (black red green yellow blue magenta cyan white, \
                 bright-…, default, 0 to 255, #rrggbb) nor a modifier (bold dim italic underline \
                 reverse)"
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_themes_parse_and_set_every_role() {
        for (name, text) in BUILTIN {
            let parsed = parse(name, name, text).unwrap();
            assert_eq!(parsed.warnings, Vec::<String>::new());
            for role in Role::ALL {
                assert!(parsed.definition.get(role).is_some(), "{name} {role:?}");
            }
        }
    }

    #[test]
    fn unknown_keys_warn_with_file_and_line() {
        let parsed = parse("x", "x.toml", "text = \"red\"\n\ncursor = \"blue\"\n").unwrap();
        assert_eq!(parsed.warnings.len(), 1);
        assert!(parsed.warnings[0].starts_with("x.toml:3: \"cursor\" is no role"));
    }

    #[test]
    fn errors_name_file_and_line() {
        let of = |text: &str| parse("x", "x.toml", text).unwrap_err().to_string();
        assert!(of("text = \"red\"\ndim = = 3\n").starts_with("x.toml:2: not a theme file"));
        assert!(of("\nerror = \"rde\"").starts_with("x.toml:2: error: \"rde\" is neither"));
        assert!(of("error = 3").contains("a style is a text"));
        assert!(of("error = \"#12345\"").contains("#rrggbb"));
        assert!(of("error = \"#1234ü\"").contains("#rrggbb"));
        assert!(of("error = \"256\"").contains("0 to 255"));
        assert!(of("error = \"red on\"").contains("must follow"));
        assert!(of("error = \"red blue\"").contains("too many"));
    }

    #[test]
    fn styles_are_read_in_any_order() {
        let style = parse_style("on 17 bold white underline").unwrap();
        assert_eq!(style.fg, Some(Color::Gray));
        assert_eq!(style.bg, Some(Color::Indexed(17)));
        assert_eq!(style.add_modifier, Modifier::BOLD | Modifier::UNDERLINED);
        assert_eq!(parse_style("default").unwrap().fg, Some(Color::Reset));
    }

    #[test]
    fn a_persons_file_replaces_the_built_in_one_of_its_name() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("light.toml"), "text = \"blue\"").unwrap();
        std::fs::write(
            dir.path().join("own.toml"),
            "text = \"green\"\nnope = \"red\"",
        )
        .unwrap();
        std::fs::write(dir.path().join("broken.toml"), "text = \"gren\"").unwrap();
        let (themes, warnings) = load(Some(dir.path()));
        let light = find(&themes, "light").unwrap();
        assert_eq!(light.get(Role::Text).unwrap().fg, Some(Color::Blue));
        assert!(find(&themes, "own").is_ok());
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        let error = find(&themes, "broken").unwrap_err().to_string();
        assert!(error.contains("dark, light, high-contrast"), "{error}");
    }
}
