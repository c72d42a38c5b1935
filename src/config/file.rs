//! The configuration file: TOML to keys and values, each with its line.

use super::settings::Raw;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// One key of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name; inside a table `table.name`.
    pub key: String,
    /// Its value.
    pub value: Raw,
    /// Line it stands on, 1 for the first.
    pub line: usize,
}

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {}: {why}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// It is no TOML.
    #[error("{}:{line}: {why}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where, 1 for the first line.
        line: usize,
        /// What the parser said.
        why: String,
    },
}

/// All keys of a file in their order; `None` when it does not exist and need not.
///
/// # Errors
/// [`FileError`].
pub fn read(path: &Path, required: bool) -> Result<Option<Vec<Entry>>, FileError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(why) if !required && why.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(why) => {
            return Err(FileError::Read {
                path: path.to_owned(),
                why,
            });
        }
    };
    let line_at = |at: usize| 1 + text[..at.min(text.len())].matches('\n').count();
    let table = DeTable::parse(&text).map_err(|error| FileError::Syntax {
        path: path.to_owned(),
        line: error.span().map_or(1, |span| line_at(span.start)),
        why: error.message().to_owned(),
    })?;
    let mut entries = Vec::new();
    flatten(table.get_ref(), "", &line_at, &mut entries);
    entries.sort_by_key(|entry| entry.line);
    Ok(Some(entries))
}

fn flatten(
    table: &DeTable<'_>,
    prefix: &str,
    line_at: &dyn Fn(usize) -> usize,
    out: &mut Vec<Entry>,
) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        if let DeValue::Table(inner) = value.get_ref() {
            flatten(inner, &format!("{name}."), line_at, out);
        } else {
            out.push(Entry {
                key: name,
                value: raw(value.get_ref()),
                line: line_at(key.span().start),
            });
        }
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Boolean(flag) => Raw::Bool(*flag),
        DeValue::Array(items) => Raw::List(items.iter().map(|item| raw(item.get_ref())).collect()),
        DeValue::Integer(number) => Raw::Other(number.to_string()),
        DeValue::Float(number) => Raw::Other(number.to_string()),
        DeValue::Datetime(time) => Raw::Other(time.to_string()),
        DeValue::Table(_) => Raw::Other("a table".to_owned()),
    }
}
