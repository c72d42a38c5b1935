//! A processor ready to be loaded into the engine: plain JavaScript modules and how to read them back.

use serde::{Deserialize, Serialize};

/// A processor's code, types stripped, imports resolved; what crosses the pipe to the box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// All modules, the entry first. Imports between them use the `name` of the target.
    pub modules: Vec<Module>,
    /// The entry is a plain script (no import or export): the processor is a top-level
    /// `processor` or the value of the last expression (SPEC §9).
    pub is_script: bool,
    /// No code in any module changes an object that it did not make in the same call, so states may
    /// share structure with each other: a fold may keep the live value from event to event.
    pub never_mutates: bool,
}

/// One JavaScript module as the engine gets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Module {
    /// The file name that the person knows (`processor.ts`), also the module specifier.
    pub name: String,
    /// JavaScript, rewritten (array spreads call a native helper).
    pub code: String,
    /// The source as the person wrote it, for the source pane.
    pub original: String,
    /// Source map (JSON, version 3) from `code` to `original`; `None` when positions agree.
    pub source_map: Option<String>,
}

/// Name of the native helper that rewritten spreads call: `[...a, b]` becomes
/// `__evtui_spread(1, a, 0, b)`-like calls; agreed between the rewriter and the engine only.
pub const SPREAD_HELPER: &str = "__evtui_spread";
