//! What is written in the composer, kept in a file between runs.

use crate::app::composer::draft::{Draft, Remembered};
use anyhow::{Context, Result};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Where drafts are kept; nowhere when there is no state folder.
#[derive(Clone, Debug, Default)]
pub struct Drafts(Option<PathBuf>);

impl Drafts {
    /// In a folder, which is made when there is something to keep.
    #[must_use]
    pub fn in_folder(folder: Option<&Path>) -> Drafts {
        Drafts(folder.map(|folder| folder.join("composer.json")))
    }

    /// What is remembered.
    ///
    /// # Errors
    /// The file cannot be read or is no such file.
    pub fn load(&self) -> Result<Remembered> {
        let Some(file) = &self.0 else {
            return Ok(Remembered::default());
        };
        match fs::read(file) {
            Ok(json) => serde_json::from_slice(&json)
                .with_context(|| format!("cannot use the drafts in {}", file.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Remembered::default()),
            Err(error) => {
                Err(error).with_context(|| format!("cannot read the drafts in {}", file.display()))
            }
        }
    }

    /// Keeps what is written for a stream.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn keep(&self, place: &str, draft: Draft) -> Result<()> {
        self.change(|remembered| remembered.keep(place, draft))
    }

    /// Keeps what was sent.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn sent(&self, draft: Draft) -> Result<()> {
        self.change(|remembered| remembered.sent(draft))
    }

    /// Another evtui may have written since: its drafts are of other streams, or older.
    fn change(&self, change: impl FnOnce(&mut Remembered)) -> Result<()> {
        let Some(file) = &self.0 else { return Ok(()) };
        let before = self.load()?;
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(());
        }
        write(file, &after).with_context(|| format!("cannot keep the draft in {}", file.display()))
    }
}

/// Whoever reads sees the old file or the new one, never half of it. Only the person may read it:
/// drafts can hold secrets.
fn write(file: &Path, remembered: &Remembered) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(&serde_json::to_vec(remembered)?)?;
    new.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drafts_and_history_come_back_and_an_empty_draft_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let drafts = Drafts::in_folder(Some(&folder.path().join("new")));
        assert_eq!(drafts.load().unwrap(), Remembered::default());
        let draft = Draft {
            message: "half a thought".to_owned(),
            ..Draft::default()
        };
        drafts.keep("/a", draft.clone()).unwrap();
        drafts.keep("/b", Draft::default()).unwrap();
        drafts.sent(draft.clone()).unwrap();
        drafts.sent(draft.clone()).unwrap();
        let found = drafts.load().unwrap();
        assert_eq!(found.drafts.get("/a"), Some(&draft));
        assert_eq!((found.drafts.len(), found.history.len()), (1, 1));
        drafts.keep("/a", Draft::default()).unwrap();
        assert!(drafts.load().unwrap().drafts.is_empty());
    }

    #[test]
    fn a_broken_file_is_told_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("composer.json");
        fs::write(&file, "no json").unwrap();
        let drafts = Drafts::in_folder(Some(folder.path()));
        assert!(
            drafts
                .load()
                .unwrap_err()
                .to_string()
                .contains("composer.json")
        );
        assert!(drafts.sent(Draft::default()).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "no json");
    }
}
