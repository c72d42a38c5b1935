//! From what a person or a log gives to a [`Program`]: types stripped, modules found, imports tied
//! to each other, positions kept. Runs no JavaScript.

mod compile;
mod entry;
mod error;
mod files;
mod graph;
mod imports;
mod nesting;
mod parse;
mod positions;
mod resolve;
mod shim;
mod strip;

pub use error::{Problem, SourceError};
pub use positions::{Positions, map_bundle, map_position, map_stack};
pub use strip::strip_types;

use super::program::Program;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Most bytes that all modules of one program may have together.
pub const MAX_SOURCE_BYTES: usize = 16 << 20;

/// Most modules of one program.
pub const MAX_MODULES: usize = 2000;

/// Where a processor's code comes from. Equal inputs give equal programs, except that a file's
/// content may have changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A file on disk; its relative imports are read from disk too.
    File(PathBuf),
    /// The `script` of a dynamic-worker configuration, or the seed's plain string (SPEC §8).
    Script {
        /// The worker's slug; the file name in stacks is made of it.
        slug: String,
        /// JavaScript or TypeScript.
        text: String,
    },
    /// The `modules` of a dynamic-worker configuration (SPEC §8), by file name.
    Modules(BTreeMap<String, ModuleText>),
}

/// One file of a `modules` map.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ModuleText {
    /// JavaScript or TypeScript, or JSON when the name ends in `.json`.
    Code(String),
    /// `{"json": …}`: a module whose default export is the value of this JSON text.
    Json(String),
    /// `{"text": …}`: a module whose default export is this text.
    Text(String),
}

impl ModuleText {
    /// The text, whatever it is of.
    #[must_use]
    pub fn into_text(self) -> String {
        match self {
            ModuleText::Code(text) | ModuleText::Json(text) | ModuleText::Text(text) => text,
        }
    }
}

/// Prepares a processor for the engine.
///
/// # Errors
/// What is wrong with the code or its imports, each with file, line and column: the first few.
pub fn prepare(input: &Input) -> Result<Program, SourceError> {
    on_deep_stack(nesting::STACK, || graph::build(input))
        .unwrap_or_else(|why| Err(SourceError::general(why)))
}

/// True for the name of a module that preparing adds to a program.
#[must_use]
pub fn is_added(module: &str) -> bool {
    module == shim::NAME || module.starts_with(imports::UNRESOLVED)
}

/// The packages that need not be bundled: a worker has them (SPEC §9).
pub fn sdk_packages() -> impl Iterator<Item = &'static str> {
    shim::PACKAGES.into_iter()
}

/// The `slug` that a processor gives itself, where it can be read without running it.
#[must_use]
pub fn own_slug(text: &str) -> Option<String> {
    // Not worth a look for most.
    memchr::memmem::find(text.as_bytes(), b"slug")?;
    let stack = nesting::stack_for(text).ok()?;
    on_deep_stack(stack, || parse::own_slug(text))
        .ok()
        .flatten()
}

/// What of a program that compiles is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit<'n> {
    /// The processor as a whole.
    Processor,
    /// This member of it; without one, the processor.
    Member(&'n str),
    /// The import of this name.
    Import(&'n str),
}

/// What is wrong with a file that compiles, told with the place of the culprit; `None` when that is
/// not in it.
#[must_use]
pub fn blame(name: &str, text: &str, culprit: Culprit<'_>, message: &str) -> Option<Problem> {
    let stack = nesting::stack_for(text).ok()?;
    on_deep_stack(stack, || parse::blame(name, text, culprit, message))
        .ok()
        .flatten()
}

/// Compiles on a thread with so much stack; only what is used of it is ever backed by memory.
fn on_deep_stack<T: Send>(bytes: usize, work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("prepare".into())
            .stack_size(bytes)
            .spawn_scoped(scope, work)
            .map_err(|e| format!("cannot start a thread to compile on: {e}"))?
            .join()
            .map_err(|_| "the compiler failed on this source; please report it".to_owned())
    })
}

#[cfg(test)]
mod tests;
