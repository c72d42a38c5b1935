//! The files a program is made of: on disk, or in an event's `modules`.

use super::error::SourceError;
use super::{Input, MAX_SOURCE_BYTES, ModuleText};
use std::collections::BTreeMap;
use std::path::Path;

/// How to read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `.ts`, `.mts`, `.cts`.
    TypeScript,
    /// `.tsx`.
    Tsx,
    /// `.js`, `.mjs`, `.cjs`, `.jsx`.
    JavaScript,
    /// No name to tell by.
    Unknown,
}

impl Language {
    /// What the extension of `name` says.
    pub fn of(name: &str) -> Language {
        match extension(name) {
            "ts" | "mts" | "cts" => Language::TypeScript,
            "tsx" => Language::Tsx,
            "js" | "mjs" | "cjs" | "jsx" => Language::JavaScript,
            _ => Language::Unknown,
        }
    }
}

/// What comes after the last dot of the last segment; empty without one.
pub fn extension(name: &str) -> &str {
    let last = name.rsplit('/').next().unwrap_or(name);
    match last.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension,
        _ => "",
    }
}

/// Where modules are looked up.
pub enum Files {
    /// The disk; names are paths.
    Disk,
    /// An event's `modules`, by clean name.
    Map(BTreeMap<String, ModuleText>),
    /// One text alone.
    Alone {
        /// Its name.
        name: String,
        /// Its text.
        text: String,
    },
}

impl Files {
    /// The files of an input.
    pub fn of(input: &Input) -> Files {
        match input {
            Input::File(_) => Files::Disk,
            Input::Script { slug, text } => Files::Alone {
                name: script_name(slug),
                text: text.clone(),
            },
            Input::Modules(map) => Files::Map(
                map.iter()
                    .map(|(name, text)| (super::resolve::clean(name), text.clone()))
                    .collect(),
            ),
        }
    }

    /// True when a file of that name can be read.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Files::Disk => Path::new(name).is_file(),
            Files::Map(map) => map.contains_key(name),
            Files::Alone { name: own, .. } => own == name,
        }
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> Result<ModuleText, SourceError> {
        match self {
            Files::Disk => read_disk(name).map(|text| {
                if extension(name) == "json" {
                    ModuleText::Json(text)
                } else {
                    ModuleText::Code(text)
                }
            }),
            Files::Map(map) => match map.get(name) {
                Some(ModuleText::Code(text)) if extension(name) == "json" => {
                    Ok(ModuleText::Json(text.clone()))
                }
                Some(text) => Ok(text.clone()),
                None => Err(SourceError::of_file(name, "no such module")),
            },
            Files::Alone { text, .. } => Ok(ModuleText::Code(text.clone())),
        }
    }
}

/// The file name that a worker's script goes by in stacks and messages.
fn script_name(slug: &str) -> String {
    // A stack line is taken apart at parentheses, colons and line ends.
    let clean: String = slug
        .chars()
        .map(|c| {
            if c.is_control() || matches!(c, '(' | ')' | ':' | '\\') {
                '_'
            } else {
                c
            }
        })
        .collect();
    match clean.trim() {
        "" => "processor".into(),
        name => name.into(),
    }
}

fn read_disk(name: &str) -> Result<String, SourceError> {
    let fail = |why: String| SourceError::of_file(name, format!("cannot read the file: {why}"));
    let length = std::fs::metadata(name)
        .map_err(|e| fail(e.to_string()))?
        .len();
    if length > MAX_SOURCE_BYTES as u64 {
        return Err(too_big(name));
    }
    let bytes = std::fs::read(name).map_err(|e| fail(e.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        fail(format!(
            "byte {} is not UTF-8; is this really source code?",
            e.utf8_error().valid_up_to()
        ))
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// The complaint about too much source.
pub fn too_big(name: &str) -> SourceError {
    SourceError::of_file(
        name,
        format!(
            "too large: the modules of a processor may have {} MiB together",
            MAX_SOURCE_BYTES >> 20
        ),
    )
}
