//! All modules of a program, found by following imports from the entry.

use super::compile::{Compiled, compile};
use super::error::SourceError;
use super::files::{self, Files, extension};
use super::imports::{Imports, unresolved_name};
use super::resolve::{self, listed, resolve};
use super::{Input, MAX_MODULES, MAX_SOURCE_BYTES, ModuleText, shim};
use crate::processor::mutation::Facts;
use crate::processor::program::{Module, Program};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Prepares `input`; see [`super::prepare`].
pub fn build(input: &Input) -> Result<Program, SourceError> {
    let files = Files::of(input);
    let entry = match (&files, input) {
        (Files::Map(map), _) => entry_of(map)?,
        (Files::Alone { name, .. }, _) => name.clone(),
        (Files::Disk, Input::File(path)) => resolve::normalize(&path.to_string_lossy()),
        (Files::Disk, _) => return Err(SourceError::general("no file was given")),
    };
    let mut building = Building::default();
    building.follow(&files, &entry)?;
    Ok(building.finish())
}

#[derive(Default)]
struct Building {
    modules: Vec<Module>,
    facts: Vec<Facts>,
    is_script: bool,
    sdk: bool,
    sdk_names: BTreeSet<String>,
    bytes: usize,
}

impl Building {
    fn follow(&mut self, files: &Files, entry: &str) -> Result<(), SourceError> {
        let mut seen = BTreeSet::from([entry.to_owned()]);
        let mut queue = VecDeque::from([entry.to_owned()]);
        while let Some(name) = queue.pop_front() {
            if self.modules.len() >= MAX_MODULES {
                return Err(SourceError::of_file(
                    entry,
                    format!("imports more than {MAX_MODULES} modules; is it meant to?"),
                ));
            }
            let file = files.read(&name)?;
            let (ModuleText::Code(text) | ModuleText::Json(text) | ModuleText::Text(text)) = &file;
            self.bytes = self.bytes.saturating_add(text.len());
            if self.bytes > MAX_SOURCE_BYTES {
                return Err(files::too_big(&name));
            }
            let is_entry = name == entry;
            match file {
                ModuleText::Code(text) => {
                    let compiled = compile(&name, &text, is_entry, &mut |specifier| {
                        resolve(files, &name, specifier)
                    })?;
                    for file in self.take(compiled, is_entry) {
                        if seen.insert(file.clone()) {
                            queue.push_back(file);
                        }
                    }
                }
                _ if is_entry => {
                    return Err(SourceError::of_file(
                        &name,
                        "this is data, not a processor; give a JavaScript or TypeScript file",
                    ));
                }
                ModuleText::Json(text) => {
                    self.facts.push(Facts::of_data(&name));
                    self.modules.push(json_module(&name, text)?);
                }
                ModuleText::Text(text) => self.modules.push(text_module(&name, text)),
            }
        }
        Ok(())
    }

    /// Keeps a compiled file, gives the files it imports.
    fn take(&mut self, compiled: Compiled, is_entry: bool) -> Vec<String> {
        let Imports {
            files,
            sdk,
            mut sdk_names,
            unresolved,
        } = compiled.imports;
        if is_entry {
            self.is_script = compiled.is_script;
        }
        self.sdk |= sdk;
        self.sdk_names.append(&mut sdk_names);
        self.facts.push(compiled.facts);
        let name = compiled.module.name.clone();
        self.modules.push(compiled.module);
        for (index, message) in unresolved.into_iter().enumerate() {
            let message = serde_json::Value::from(message);
            let code = format!("throw new TypeError({message});\n");
            self.modules.push(Module {
                name: unresolved_name(&name, index),
                original: code.clone(),
                code,
                source_map: None,
            });
        }
        files
    }

    fn finish(mut self) -> Program {
        if self.sdk {
            self.modules.push(shim::module(&self.sdk_names));
        }
        Program {
            modules: self.modules,
            is_script: self.is_script,
            never_mutates: Facts::never_mutates(&self.facts),
            hooks_never_mutate: Facts::hooks_never_mutate(&self.facts),
            remembers: Facts::remembers(&self.facts),
            env: Vec::new(),
        }
    }
}

fn json_module(name: &str, text: String) -> Result<Module, SourceError> {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        return Err(SourceError::of_file(name, format!("is not JSON: {error}")));
    }
    // Not as an object literal, in which "__proto__" would mean something.
    let literal = serde_json::Value::from(text.as_str());
    Ok(Module {
        name: name.to_owned(),
        code: format!("export default JSON.parse({literal});\n"),
        original: text,
        source_map: None,
    })
}

fn text_module(name: &str, text: String) -> Module {
    let literal = serde_json::Value::from(text.as_str());
    Module {
        name: name.to_owned(),
        code: format!("export default {literal};\n"),
        original: text,
        source_map: None,
    }
}

/// Which of an event's modules is the processor: the only one, else the best known name, else the
/// only one that no other imports.
fn entry_of(map: &BTreeMap<String, ModuleText>) -> Result<String, SourceError> {
    const NAMES: [&str; 6] = ["processor", "index", "main", "worker", "mod", "entry"];
    const EXTENSIONS: [&str; 7] = ["ts", "mts", "js", "mjs", "tsx", "cts", "cjs"];
    let code: Vec<&String> = map
        .iter()
        .filter(|(name, text)| matches!(text, ModuleText::Code(_)) && extension(name) != "json")
        .map(|(name, _)| name)
        .collect();
    if let [only] = code.as_slice() {
        return Ok((*only).clone());
    }
    for directory in ["", "src/"] {
        for name in NAMES {
            for extension in EXTENSIONS {
                let candidate = format!("{directory}{name}.{extension}");
                if map.contains_key(&candidate) {
                    return Ok(candidate);
                }
            }
        }
    }
    let files = Files::Map(map.clone());
    let mut imported = BTreeSet::new();
    for name in &code {
        if let Some(ModuleText::Code(text)) = map.get(*name) {
            let compiled = compile(name, text, true, &mut |specifier| {
                resolve(&files, name, specifier)
            })?;
            imported.extend(compiled.imports.files);
        }
    }
    let roots: Vec<&String> = code
        .iter()
        .copied()
        .filter(|name| !imported.contains(*name))
        .collect();
    match roots.as_slice() {
        [only] => Ok((*only).clone()),
        _ if map.is_empty() => Err(SourceError::general("`modules` is empty")),
        _ => Err(SourceError::general(format!(
            "cannot tell which of the modules is the processor: {}; name it processor.ts",
            listed(map.keys())
        ))),
    }
}
