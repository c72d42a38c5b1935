//! One file: from source as written to the module that the engine gets.

use super::entry;
use super::error::SourceError;
use super::files::Language;
use super::imports::{self, Imports, Resolve};
use super::parse::{self, Parsed};
use super::{nesting, on_deep_stack};
use crate::processor::mutation::{self, Facts};
use crate::processor::program::Module;
use crate::processor::rewrite;
use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_transformer::{TransformOptions, Transformer};
use std::path::{Path, PathBuf};

/// A file, compiled.
pub struct Compiled {
    /// For the engine.
    pub module: Module,
    /// No import, export or top-level await in it.
    pub is_script: bool,
    /// Where its imports lead.
    pub imports: Imports,
    /// What its functions change.
    pub facts: Facts,
}

/// Compiles one file. The entry may be a script and gets its processor exported.
///
/// # Errors
/// Syntax that is wrong or not supported, static imports that lead nowhere.
pub fn compile(
    name: &str,
    text: &str,
    is_entry: bool,
    resolve: &mut Resolve<'_>,
) -> Result<Compiled, SourceError> {
    let stack = nesting::stack_for(text).map_err(|why| SourceError::of_file(name, &why))?;
    if stack <= nesting::STACK {
        return compile_here(name, text, is_entry, resolve);
    }
    on_deep_stack(stack, || compile_here(name, text, is_entry, resolve))
        .unwrap_or_else(|why| Err(SourceError::of_file(name, &why)))
}

fn compile_here(
    name: &str,
    text: &str,
    is_entry: bool,
    resolve: &mut Resolve<'_>,
) -> Result<Compiled, SourceError> {
    let allocator = Allocator::default();
    let parsed = parse::parse(&allocator, name, text, Language::of(name), !is_entry)
        .map_err(SourceError::new)?;
    let Parsed {
        mut program,
        scoping,
        is_script,
    } = parsed;
    let facts = mutation::analyse(&program, &scoping);

    let options = TransformOptions::default();
    let transformed = Transformer::new(&allocator, Path::new(name), &options)
        .build_with_scoping(scoping, &mut program);
    if !transformed.diagnostics.is_empty() {
        // Also warnings: they are about code that would not do what it says.
        let problems = transformed
            .diagnostics
            .iter()
            .map(|d| parse::to_problem(name, text, d).1)
            .collect();
        return Err(SourceError::new(problems));
    }

    let imports =
        imports::tie(&allocator, name, text, &mut program, resolve).map_err(SourceError::new)?;
    let appended = if is_entry && !is_script {
        entry::expose(&allocator, &mut program)
    } else {
        ""
    };
    rewrite::spreads(&allocator, &mut program);
    rewrite::lengths(&allocator, &mut program);

    let options = CodegenOptions {
        source_map_path: Some(PathBuf::from(name)),
        // Nobody reads it, and indentation grows with the square of the nesting.
        indent_width: 0,
        ..CodegenOptions::default()
    };
    let generated = Codegen::new().with_options(options).build(&program);
    let source_map = generated.map.map(|mut map| {
        // The text is in `Module::original` already.
        map.set_source_contents(vec![None]);
        map.to_json_string()
    });
    let mut code = generated.code;
    code.push_str(appended);
    Ok(Compiled {
        module: Module {
            name: name.to_owned(),
            code,
            original: text.to_owned(),
            source_map,
        },
        is_script,
        imports,
        facts,
    })
}
