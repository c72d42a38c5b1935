//! What of a file is sent: one script, or modules by name, types stripped; checked in the form in
//! which it is sent.

use super::esbuild;
use super::unloadable;
use crate::processor::program::Program;
use crate::processor::source::{Input, ModuleText, SourceError, prepare, strip_types};
use anyhow::Result;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What is sent.
pub struct Bundle {
    /// `script` or `modules` of the configuration (SPEC §8).
    pub code: Map<String, Value>,
    /// The same, ready to be loaded.
    pub program: Program,
    /// The text of the processor itself.
    pub text: String,
    /// Of what esbuild made: where each place in it is from.
    pub source_map: Option<String>,
}

impl Bundle {
    /// The file with all that it imports.
    ///
    /// # Errors
    /// It cannot be compiled, or imports what is not there; says where.
    pub fn of(file: &Path) -> Result<Bundle> {
        let program = match prepare(&Input::File(file.to_owned())) {
            Ok(program) => program,
            Err(error) if error.wants_packages() => return packaged(file, error),
            Err(error) => return Err(unloadable(file, &error.to_string()).into()),
        };
        let own: Vec<_> = program.modules.iter().filter(|m| !m.is_ours()).collect();
        let Some(entry) = own.first() else {
            return Err(unloadable(file, "there is nothing in it").into());
        };
        let wrong = |error: SourceError| unloadable(file, &error.to_string());
        if own.len() == 1 {
            let text = strip_types(&entry.name, &entry.original).map_err(wrong)?;
            return Ok(script(file, text, None)?);
        }
        let names: Vec<&str> = own.iter().map(|module| module.name.as_str()).collect();
        let folder = common_folder(&names);
        let inside = |name: &str| name[folder.len()..].to_owned();
        let mut modules = BTreeMap::new();
        for module in &own {
            let text = match module.name.ends_with(".json") {
                true => module.original.clone(),
                false => strip_types(&module.name, &module.original).map_err(wrong)?,
            };
            modules.insert(inside(&module.name), text);
        }
        let entry = inside(&entry.name);
        let text = modules[&entry].clone();
        let code = Map::from_iter([("modules".to_owned(), json!(modules))]);
        let modules = modules.into_iter();
        let input = Input::Modules(modules.map(|(n, t)| (n, ModuleText::Code(t))).collect());
        // What is sent is what is checked.
        let program = prepare(&input).map_err(wrong)?;
        if program.modules.first().map(|module| module.name.as_str()) != Some(entry.as_str()) {
            let why = format!(
                "among its modules, {entry} would not be taken for the processor: call the file processor.ts"
            );
            return Err(unloadable(file, &why).into());
        }
        Ok(Bundle {
            code,
            program,
            text,
            source_map: None,
        })
    }
}

/// One script of a file that imports packages.
fn packaged(file: &Path, error: SourceError) -> Result<Bundle> {
    let made = esbuild::bundle(file, error)?;
    Ok(script(file, made.text, Some(made.source_map))?)
}

fn script(file: &Path, text: String, source_map: Option<String>) -> Result<Bundle, super::Failure> {
    let input = Input::Script {
        // Goes by the file's own name in what is told of it here; the slug is the processor's.
        slug: file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        text: text.clone(),
    };
    let program = prepare(&input).map_err(|error| unloadable(file, &error.to_string()))?;
    Ok(Bundle {
        code: Map::from_iter([("script".to_owned(), json!(text))]),
        program,
        text,
        source_map,
    })
}

/// The folder that all of these are in, with its slash; may be empty.
fn common_folder(names: &[&str]) -> String {
    let folder = |name: &str| name.rfind('/').map_or(0, |slash| slash + 1);
    let first = names.first().copied().unwrap_or_default();
    let mut common = &first[..folder(first)];
    while !names.iter().all(|name| name.starts_with(common)) {
        common = &common[..folder(common.trim_end_matches('/'))];
    }
    common.to_owned()
}

#[cfg(test)]
mod tests {
    use super::common_folder;

    #[test]
    fn the_folder_that_all_are_in() {
        for (names, expected) in [
            (&["a.ts"][..], ""),
            (&["x/a.ts", "x/b.ts"], "x/"),
            (&["x/a.ts", "x/y/b.ts"], "x/"),
            (&["x/y/a.ts", "x/z/b.ts"], "x/"),
            (&["/r/x/a.ts", "/r/xy/b.ts"], "/r/"),
            (&["../a/b.ts", "../c.ts"], "../"),
            (&["x/a.ts", "b.ts"], ""),
        ] {
            assert_eq!(common_folder(names), expected, "{names:?}");
        }
    }
}
