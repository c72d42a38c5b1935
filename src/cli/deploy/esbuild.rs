//! Packages from npm, bundled by esbuild where the person has it.

use super::unloadable;
use crate::processor::source::{SourceError, sdk_packages};
use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

/// What esbuild writes in front of the source map that it puts at the end.
const SOURCE_MAP: &str = "//# sourceMappingURL=data:application/json;base64,";

/// One file made of many.
pub struct Bundled {
    /// JavaScript.
    pub text: String,
    /// From where each place in it is (JSON, version 3).
    pub source_map: String,
}

/// Bundles a file that imports packages; `error` is what is wrong without that.
///
/// # Errors
/// esbuild is not on `PATH`, or cannot bundle it: in its own words, with file, line and column.
pub fn bundle(file: &Path, mut error: SourceError) -> Result<Bundled> {
    let output = Command::new("esbuild")
        .arg(file)
        .args([
            "--bundle",
            "--format=esm",
            "--platform=browser",
            "--target=es2022",
            "--charset=utf8",
            "--sourcemap=inline",
            "--log-level=warning",
            "--color=false",
        ])
        .args(sdk_packages().map(|package| format!("--external:{package}")))
        .output();
    let output = match output {
        Ok(output) => output,
        Err(missing) if missing.kind() == ErrorKind::NotFound => {
            // What can be done is said once, below.
            for problem in &mut error.problems {
                problem.help = None;
            }
            return Err(unloadable(file, &error.to_string())
                .hint(
                    "evtui deploy bundles packages by esbuild, which is not on PATH: npm install --global esbuild",
                )
                .into());
        }
        Err(other) => return Err(other).context("cannot run esbuild"),
    };
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let why = format!("esbuild cannot bundle it:\n{}", told.trim());
        return Err(unloadable(file, &why)
            .hint("packages must be installed beside the file, with npm install; there are no Node modules (fs, path) in a worker")
            .into());
    }
    if !told.trim().is_empty() {
        eprintln!("{}", told.trim());
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| unloadable(file, "esbuild's bundle is not UTF-8"))?;
    let (text, map) = text.rsplit_once(SOURCE_MAP).unwrap_or((&text, ""));
    let source_map = STANDARD
        .decode(map.trim())
        .ok()
        .and_then(|json| String::from_utf8(json).ok());
    Ok(Bundled {
        text: text.to_owned(),
        source_map: source_map.unwrap_or_default(),
    })
}
