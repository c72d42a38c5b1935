//! A processor ready to be loaded into the engine: plain JavaScript modules and how to read them back.

use serde::{Deserialize, Serialize};

/// A processor's code, types stripped, imports resolved; what crosses the pipe to the box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// All modules, the entry first. Imports between them use the `name` of the target.
    pub modules: Vec<Module>,
    /// The entry is a plain script (no import, export or top-level `await`): the processor is a
    /// top-level `processor` or the value of the last expression (SPEC §9). In a module, the
    /// processor is always among the exports: preparing adds one where the person wrote none.
    pub is_script: bool,
    /// No code in any module changes an object that it did not make in the same call, so states may
    /// share structure with each other: a fold may keep the live value from event to event.
    pub never_mutates: bool,
    /// `never_mutates` holds of the hooks too, which run in live workers only (SPEC §9).
    pub hooks_never_mutate: bool,
    /// What may carry something from one event to the next beside the state, by name ("`count`").
    /// Empty: it was proven that nothing does, so a fold may go on from any state in any context.
    /// Otherwise only a fold from the first event gives the state that the log had.
    pub remembers: Vec<String>,
    /// `process.env` of the reducer.
    pub env: Vec<(String, String)>,
}

impl Program {
    /// True when what the reducer is given may be kept for later calls though hooks run in between:
    /// no hook changes it, or none can reach it once each is given copies of its own.
    #[must_use]
    pub fn shares_beside_hooks(&self) -> bool {
        self.never_mutates && (self.hooks_never_mutate || self.remembers.is_empty())
    }
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

impl Module {
    /// True for a module that preparing added: no file of the person's.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        super::source::is_added(&self.name)
    }
}

/// Name of the native helper that rewritten array spreads call, a global that no enumeration shows.
/// A module that itself uses this name is not rewritten.
///
/// Arguments come in pairs, a kind and an operand, and are handled from left to right:
/// - [`SPREAD_ITERATE`], `iterable`: its elements, by the iterator protocol;
/// - [`SPREAD_VALUE`], `value`: one element;
/// - [`SPREAD_CONTINUE`], `array`: only as the first pair, and `array` is what a nested call of the
///   helper has just made, in reach of nobody else: its elements may be taken instead of copied.
///
/// It gives a new plain array, as the array literal would. The nesting keeps the order of effects:
/// JavaScript iterates a spread before it evaluates the elements after it, so `[p, ...a, f()]`
/// becomes `helper(CONTINUE, helper(VALUE, p, ITERATE, a), VALUE, f())`. One call is made of it
/// only where nothing after the spread can tell the difference.
pub const SPREAD_HELPER: &str = "__evtui_spread";

/// Kind of a [`SPREAD_HELPER`] operand that is one element.
pub const SPREAD_VALUE: i32 = 0;
/// Kind of a [`SPREAD_HELPER`] operand whose elements are iterated.
pub const SPREAD_ITERATE: i32 = 1;
/// Kind of a [`SPREAD_HELPER`] operand that is the result of a nested call, to be continued.
pub const SPREAD_CONTINUE: i32 = 2;
