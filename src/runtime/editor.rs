//! The person's own editor, on a text of the composer.

use anyhow::{Context, Result, bail};
use std::io::Write;
use std::process::Command;

/// Lets the person edit a text and gives back what they saved. The terminal must have been left.
///
/// # Errors
/// The editor cannot be started or ended with a failure, or its file cannot be written or read.
pub fn edit(text: &str, json: bool) -> Result<String> {
    let editor = ["VISUAL", "EDITOR"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|editor| !editor.trim().is_empty())
        .unwrap_or_else(|| "vi".to_owned());
    edit_with(&editor, text, json)
}

fn edit_with(editor: &str, text: &str, json: bool) -> Result<String> {
    let mut file = tempfile::Builder::new()
        .prefix("evtui-")
        .suffix(if json { ".json" } else { ".md" })
        .tempfile()
        .context("cannot write the text for the editor")?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.flush())
        .context("cannot write the text for the editor")?;
    // Editors replace files: no handle of ours may stay on the old one.
    let path = file.into_temp_path();
    // `EDITOR` may hold arguments, and is meant for a shell.
    let status = Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(&path)
        .status()
        .with_context(|| format!("cannot start the editor {editor:?}"))?;
    if !status.success() {
        bail!("the editor {editor:?} ended with {status}: the text is as it was");
    }
    std::fs::read_to_string(&path).context("cannot read what the editor saved")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_the_editor_saved_comes_back() {
        let appends = "sh -c 'printf \" and more\" >> \"$0\"'";
        assert_eq!(
            edit_with(appends, "a text", false).unwrap(),
            "a text and more"
        );
        let renames = "sh -c 'printf new > \"$0.tmp\" && mv \"$0.tmp\" \"$0\"'";
        assert_eq!(edit_with(renames, "old", true).unwrap(), "new");
    }

    #[test]
    fn an_editor_that_fails_changes_nothing() {
        let error = edit_with("false", "a text", false).unwrap_err().to_string();
        assert!(
            error.contains("\"false\"") && error.contains("as it was"),
            "{error}"
        );
    }
}
