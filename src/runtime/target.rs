//! What a TARGET names: a file, standard input, a recording, a stream of a service or all streams
//! under a path.

use crate::config::near;
use crate::model::path::StreamPath;
use crate::source::file::{FileSource, OpenError};
use crate::source::recordings::{self, Recording};
use std::fmt;
use std::path::{Path, PathBuf};

/// Where events are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file that exists.
    File(PathBuf),
    /// Standard input, `-`.
    Stdin,
    /// A recording inside the program, `@name`.
    Recording(&'static Recording),
    /// A stream of the service, `/path`.
    Stream(StreamPath),
    /// The streams of the service under a path, `/path/**`.
    Tree(StreamPath),
}

/// As the person would write it.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::File(path) => write!(f, "{}", path.display()),
            Target::Stdin => f.write_str("-"),
            Target::Recording(recording) => write!(f, "@{}", recording.name),
            Target::Stream(path) => path.fmt(f),
            Target::Tree(path) => write!(f, "{}/**", path.as_str().trim_end_matches('/')),
        }
    }
}

/// A TARGET that names nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct NoTarget {
    /// What cannot be opened and why.
    pub what: String,
    /// What to try.
    pub hint: String,
}

impl NoTarget {
    fn new(what: String, hint: impl Into<String>) -> NoTarget {
        let hint = hint.into();
        NoTarget { what, hint }
    }
}

impl Target {
    /// Finds out what was meant. A file wins over everything but `-` and `@name`.
    ///
    /// # Errors
    /// Nothing of the kind exists; near names are suggested.
    pub fn resolve(text: &str) -> Result<Target, NoTarget> {
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
        if let Some(stream) = stream(text) {
            return Ok(stream);
        }
        if path.is_dir() {
            let what = format!("cannot open {text}: it is a folder");
            return Err(NoTarget::new(what, "name a log file inside it"));
        }
        // Named pipes and devices (`<(zcat log.gz)`) are files as good as any.
        if path.exists() {
            return Ok(Target::File(path.to_owned()));
        }
        Err(missing(text, path))
    }

    /// Opens a target that is a log; `None` for a stream or tree, which need a service.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_log(&self) -> Result<Option<FileSource>, OpenError> {
        Ok(Some(match self {
            Target::File(path) => FileSource::open(path)?,
            Target::Stdin => FileSource::stdin()?,
            Target::Recording(recording) => {
                let source = FileSource::input(self.to_string(), recording.jsonl)?;
                // In memory already: a millisecond, and the first frame is whole.
                crate::source::Source::wait(&source, &|| true);
                source
            }
            Target::Stream(_) | Target::Tree(_) => return Ok(None),
        }))
    }
}

/// A folder or device of that name is hardly ever meant when it could be a stream, except where it
/// exists and is no root of streams.
fn stream(text: &str) -> Option<Target> {
    if let Some(prefix) = text.strip_suffix("/**") {
        let prefix = if prefix.is_empty() { "/" } else { prefix };
        return prefix.parse().ok().map(Target::Tree);
    }
    let path = text.parse().ok()?;
    match text {
        "/" => Some(Target::Stream(path)),
        _ => (!Path::new(text).exists()).then_some(Target::Stream(path)),
    }
}

/// The recording of this name.
///
/// # Errors
/// There is none; the nearest is suggested.
pub fn recording(name: &str) -> Result<&'static Recording, NoTarget> {
    recordings::by_name(name).ok_or_else(|| {
        let names: Vec<&str> = recordings::ALL.iter().map(|r| r.name).collect();
        let hint = match near::nearest(name, &names) {
            Some(near) => format!("evtui @{near}"),
            None => format!("one of {}", names.join(", ")),
        };
        let what = format!("cannot open @{name}: there is no such recording");
        NoTarget::new(what, hint)
    })
}

fn missing(text: &str, path: &Path) -> NoTarget {
    let what = format!("cannot open {text}: there is no such file");
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        let hint = match text.parse::<StreamPath>() {
            Err(error) if text.starts_with('/') => {
                format!("the folder does not exist either, and no stream has that name: {error}")
            }
            _ => format!("the folder {} does not exist either", folder.display()),
        };
        return NoTarget::new(what, hint);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let names = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let embedded = recordings::ALL.iter().map(|r| r.name);
    let hint = match near::nearest(&name, names) {
        Some(near) => format!("evtui {}", path.with_file_name(near).display()),
        None => match near::nearest(&name, embedded) {
            Some(near) => format!("evtui @{near}"),
            None => "evtui recordings lists logs that come with evtui".to_owned(),
        },
    };
    NoTarget::new(what, hint)
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
        // A temporary folder's name may be that of a stream, but it exists.
        assert!(refusal(&folder.path().display().to_string()).ends_with("it is a folder"));
    }

    #[test]
    fn streams_and_trees() {
        for (text, target) in [
            (
                "/yourname/agent",
                Target::Stream("/yourname/agent".parse().unwrap()),
            ),
            ("/", Target::Stream(StreamPath::root())),
            ("/yourname/**", Target::Tree("/yourname".parse().unwrap())),
            ("/**", Target::Tree(StreamPath::root())),
        ] {
            assert_eq!(Target::resolve(text).unwrap(), target);
            assert_eq!(target.to_string(), text);
        }
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
        let upper = Target::resolve("/Your/Agent").unwrap_err();
        assert!(upper.hint.contains("'Y' is not allowed"), "{}", upper.hint);
    }
}
