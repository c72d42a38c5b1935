//! What a TARGET names: a file, standard input, a recording.

use super::failure::Failure;
use crate::config::near;
use crate::source::recordings::{self, Recording};
use std::fmt;
use std::path::{Path, PathBuf};

/// Where events are read from.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A file that exists.
    File(PathBuf),
    /// Standard input, `-`.
    Stdin,
    /// A recording inside the program, `@name`.
    Recording(&'static Recording),
}

/// As the person would write it.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::File(path) => write!(f, "{}", path.display()),
            Target::Stdin => f.write_str("-"),
            Target::Recording(recording) => write!(f, "@{}", recording.name),
        }
    }
}

impl Target {
    /// Finds out what was meant. A file wins over everything but `-` and `@name`.
    ///
    /// # Errors
    /// Nothing of the kind exists; near names are suggested.
    pub fn resolve(text: &str) -> Result<Target, Failure> {
        if text == "-" {
            return Ok(Target::Stdin);
        }
        let path = Path::new(text);
        if path.is_file() {
            return Ok(Target::File(path.to_owned()));
        }
        if let Some(name) = text.strip_prefix('@') {
            return recording(name).map(Target::Recording);
        }
        if path.is_dir() {
            return Err(Failure::new(format!("cannot open {text}: it is a folder"))
                .hint("name a log file inside it"));
        }
        // Named pipes and devices (`<(zcat log.gz)`) are files as good as any.
        if path.exists() {
            return Ok(Target::File(path.to_owned()));
        }
        if text.parse::<crate::model::path::StreamPath>().is_ok() {
            return Err(Failure::new(format!(
                "cannot open {text}: there is no such file, and streams of a service cannot be opened yet"
            ))
            .hint("save the stream to a file and open that, or open a recording: evtui @coding-agent")
            );
        }
        Err(missing(text, path))
    }
}

/// The recording of this name.
///
/// # Errors
/// There is none; the nearest is suggested.
pub fn recording(name: &str) -> Result<&'static Recording, Failure> {
    recordings::by_name(name).ok_or_else(|| {
        let names: Vec<&str> = recordings::ALL.iter().map(|r| r.name).collect();
        let hint = match near::nearest(name, &names) {
            Some(near) => format!("evtui @{near}"),
            None => format!("one of {}", names.join(", ")),
        };
        Failure::new(format!("cannot open @{name}: there is no such recording")).hint(hint)
    })
}

fn missing(text: &str, path: &Path) -> Failure {
    let failure = Failure::new(format!("cannot open {text}: there is no such file"));
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return failure.hint(format!(
            "the folder {} does not exist either",
            folder.display()
        ));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let names = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let embedded = recordings::ALL.iter().map(|r| r.name);
    match near::nearest(&name, names) {
        Some(near) => failure.hint(format!("evtui {}", path.with_file_name(near).display())),
        None => match near::nearest(&name, embedded) {
            Some(near) => failure.hint(format!("evtui @{near}")),
            None => failure.hint("evtui recordings lists logs that come with evtui"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Target::resolve(text).unwrap_err().to_string()
    }

    #[test]
    fn files_standard_input_and_recordings() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("agent.jsonl");
        std::fs::write(&log, "").unwrap();
        let name = log.display().to_string();
        assert_eq!(Target::resolve(&name).unwrap(), Target::File(log));
        assert_eq!(Target::resolve("-").unwrap(), Target::Stdin);

        assert!(refusal(&folder.path().display().to_string()).ends_with("it is a folder"));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(
            refusal("no-such.jsonl"),
            "cannot open no-such.jsonl: there is no such file"
        );
        assert_eq!(
            refusal("@chet"),
            "cannot open @chet: there is no such recording"
        );
        assert!(refusal("/team/inbox").contains("cannot be opened yet"));
    }
}
