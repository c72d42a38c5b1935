//! Tells whether a program ever changes an object that it did not make in the same call, and whether
//! it keeps anything from one call to the next. Sound as far as it says "never" and "nothing":
//! everything that is not plainly harmless counts as a change.
//!
//! Changing an object is harmless while only the running call can have made it: a variable that never
//! held anything but new objects, changed in the activation that declared it or in a callback that
//! cannot outlive that activation. The limit of this: a program that hides a method of its own under
//! the name of an array's (`map`, `forEach`…) behind a computed key is taken at its word.

mod accumulate;
mod collect;
mod fresh;
mod kept;
mod lasting;
mod visit;

#[cfg(test)]
mod tests;

use self::collect::{Collected, FnId, Site, Target};
use self::kept::Kept;
use oxc_ast::ast::Program;
use oxc_semantic::Scoping;
use oxc_span::Span;
use oxc_syntax::symbol::SymbolId;
use rustc_hash::FxHashSet;

/// What one module's functions change.
#[derive(Debug, Default)]
pub struct Facts {
    /// Something in it changes what may be older than the call.
    mutates: bool,
    /// The same without its hooks, which never run in replay (SPEC §9).
    mutates_outside_hooks: bool,
    /// It reads hooks from objects, perhaps to call them.
    uses_hooks: bool,
    /// Names that are taken for the built-in methods.
    trusted: FxHashSet<String>,
    /// Names under which it may define functions.
    defined: FxHashSet<String>,
    /// What may outlast a call.
    kept: Vec<Kept>,
}

/// Looks at one module, before its types are stripped.
#[must_use]
pub fn analyse(program: &Program<'_>, scoping: &Scoping) -> Facts {
    let collected = collect::collect(program, scoping);
    let judge = Judge {
        scoping,
        it: &collected,
    };
    let hooks = judge.hooks();
    Facts {
        mutates: judge.mutates(&[]),
        mutates_outside_hooks: judge.mutates(&hooks),
        uses_hooks: collected.uses_hooks,
        kept: kept::kept(&judge, &lasting::lasting(program, scoping), &hooks),
        trusted: collected.trusted,
        defined: collected.defined,
    }
}

impl Facts {
    /// True when no module of a program changes what an earlier call may have kept.
    #[must_use]
    pub fn never_mutates(modules: &[Facts]) -> bool {
        let uses_hooks = modules.iter().any(|m| m.uses_hooks);
        let mutates = |m: &Facts| {
            if uses_hooks {
                m.mutates
            } else {
                m.mutates_outside_hooks
            }
        };
        !modules.iter().any(mutates) && Self::impostors(modules).next().is_none()
    }

    /// Methods of the program's own that may be called where a built-in one is expected.
    fn impostors(modules: &[Facts]) -> impl Iterator<Item = &String> {
        let is_defined = |name: &&String| modules.iter().any(|m| m.defined.contains(*name));
        modules.iter().flat_map(|m| &m.trusted).filter(is_defined)
    }

    /// What a program may keep from one call to the next beside its state, by name; the entry is the
    /// first of the modules. Nothing: its reducer depends on state and event alone.
    #[must_use]
    pub fn remembers(modules: &[Facts]) -> Vec<String> {
        let mutates = !Self::never_mutates(modules);
        let uses_hooks = modules.iter().any(|m| m.uses_hooks);
        let mut names: Vec<String> = Vec::new();
        for (index, module) in modules.iter().enumerate() {
            for kept in &module.kept {
                if (mutates || !kept.only_if_mutating)
                    && (uses_hooks || !kept.in_hook)
                    && (index > 0 || !kept.only_if_imported)
                    && !names.contains(&kept.name)
                {
                    names.push(kept.name.clone());
                }
            }
        }
        names.extend(Self::impostors(modules).map(|name| format!("its own `{name}()`")));
        names
    }

    /// Of a module that only exports data.
    #[must_use]
    pub fn of_data(name: &str) -> Facts {
        Facts {
            kept: vec![Kept {
                name: format!("the data of {name}"),
                only_if_mutating: true,
                in_hook: false,
                only_if_imported: true,
            }],
            ..Facts::default()
        }
    }
}

struct Judge<'s> {
    scoping: &'s Scoping,
    it: &'s Collected,
}

impl Judge<'_> {
    /// The code that runs only in hooks: their own, and functions that nothing else names.
    fn hooks(&self) -> Vec<Span> {
        let mut hooks = self.it.hooks.clone();
        loop {
            let before = hooks.len();
            for (symbol, span) in &self.it.named_functions {
                let uses = self.it.uses.get(symbol).map_or(&[][..], Vec::as_slice);
                let only_hooks = uses.iter().all(|u| {
                    u.is_hook || within(&hooks, u.span) || span.contains_inclusive(u.span)
                });
                let has_outside = uses.iter().any(|u| !span.contains_inclusive(u.span));
                if has_outside
                    && only_hooks
                    && !self.it.exported.contains(symbol)
                    && !hooks.contains(span)
                {
                    hooks.push(*span);
                }
            }
            if hooks.len() == before {
                return hooks;
            }
        }
    }

    fn mutates(&self, without: &[Span]) -> bool {
        let is_bad = |site: &Site| !within(without, site.span) && !self.is_harmless(site);
        self.it.sites.iter().any(is_bad)
    }

    fn is_harmless(&self, site: &Site) -> bool {
        match site.target {
            Target::Unknown => false,
            Target::Table(symbol) => self.it.tables.contains(&symbol) && self.never_written(symbol),
            Target::Variable(symbol) => self.is_own(symbol, site.function),
        }
    }

    /// True when `symbol` holds only what the running activation of its function made, and
    /// `function` runs only while that activation does.
    fn is_own(&self, symbol: SymbolId, function: FnId) -> bool {
        let Some(binding) = self.it.bindings.get(&symbol) else {
            return false;
        };
        let writes = self
            .scoping
            .get_resolved_references(symbol)
            .filter(|r| r.is_write())
            .count();
        binding.is_fresh
            && writes == binding.fresh_writes
            && self.scoping.symbol_redeclarations(symbol).is_empty()
            && !self.it.functions[binding.function].suspends
            && self.runs_within(function, binding.function, &mut Vec::new())
    }

    /// True when `inner` runs only while the activation of `outer` that made it does.
    fn runs_within(&self, inner: FnId, outer: FnId, asked: &mut Vec<FnId>) -> bool {
        let mut at = inner;
        while at != outer {
            let function = &self.it.functions[at];
            if function.suspends || !self.is_bounded(at, asked) {
                return false;
            }
            let Some(parent) = function.parent else {
                return false;
            };
            at = parent;
        }
        true
    }

    /// True when a function cannot be called after the activation that made it is over.
    fn is_bounded(&self, id: FnId, asked: &mut Vec<FnId>) -> bool {
        let function = &self.it.functions[id];
        if function.is_callback || asked.contains(&id) {
            return true;
        }
        let (Some(name), Some(parent)) = (function.name, function.parent) else {
            return false;
        };
        if self.it.exported.contains(&name) || !self.never_written(name) {
            return false;
        }
        asked.push(id);
        let uses = self.it.uses.get(&name).map_or(&[][..], Vec::as_slice);
        uses.iter()
            .all(|u| u.is_callee && self.runs_within(u.function, parent, asked))
    }

    fn never_written(&self, symbol: SymbolId) -> bool {
        self.scoping.symbol_redeclarations(symbol).is_empty()
            && !self.scoping.symbol_is_mutated(symbol)
    }
}

fn within(spans: &[Span], inner: Span) -> bool {
    spans.iter().any(|span| span.contains_inclusive(inner))
}
