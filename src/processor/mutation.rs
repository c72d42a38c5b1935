//! Tells whether a program ever changes an object that it did not make in the same call, and whether
//! it keeps anything from one call to the next. Sound as far as it says "never" and "nothing":
//! everything that is not plainly harmless counts as a change.
//!
//! Changing an object is harmless while only the running call can have made it: a variable that never
//! held anything but new objects, changed in the activation that declared it or in a callback that
//! cannot outlive that activation. The limit of this: a program that hides a method of its own under
//! the name of an array's (`map`, `forEach`…) behind a computed key is taken at its word, and so is one
//! that takes `append` out of an older `URLSearchParams` and gives both to a callback's caller.

mod accumulate;
mod collect;
mod fresh;
mod held;
mod kept;
mod lasting;
mod visit;

#[cfg(test)]
mod tests;

use self::collect::{Collected, FnId, Site, Target};
use self::kept::Kept;
use self::lasting::Lasting;
use oxc_ast::ast::{BindingIdentifier, ImportDeclarationSpecifier, Program, Statement};
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
    /// The same without its exported functions that nothing but hooks may call.
    mutates_outside_exports: bool,
    /// Names of those.
    exports: Vec<String>,
    /// What its code outside hooks imports by name; `None`: perhaps everything.
    imports: Option<FxHashSet<String>>,
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
    let found = lasting::lasting(program, scoping);
    let hooks = judge.hooks(false);
    let with_exports = judge.hooks(true);
    let exports = judge.it.named_functions.iter();
    let exports = exports
        .filter(|(_, span)| with_exports.contains(span) && !hooks.contains(span))
        .filter(|(symbol, _)| judge.it.exported.contains(symbol))
        .map(|(symbol, _)| scoping.symbol_name(*symbol).to_owned());
    Facts {
        mutates: judge.mutates(&[]),
        mutates_outside_hooks: judge.mutates(&hooks),
        mutates_outside_exports: judge.mutates(&with_exports),
        exports: exports.collect(),
        imports: judge.imports(program, &found, &hooks),
        uses_hooks: collected.uses_hooks,
        kept: kept::kept(&judge, &found, &hooks, &with_exports),
        trusted: collected.trusted,
        defined: collected.defined,
    }
}

impl Facts {
    /// True when no module of a program changes what an earlier call may have kept.
    #[must_use]
    pub fn never_mutates(modules: &[Facts]) -> bool {
        let uses_hooks = modules.iter().any(|m| m.uses_hooks);
        let for_hooks = Self::for_hooks(modules);
        let mutates = |(index, m): (usize, &Facts)| {
            if uses_hooks {
                m.mutates
            } else if for_hooks[index] {
                m.mutates_outside_exports
            } else {
                m.mutates_outside_hooks
            }
        };
        !modules.iter().enumerate().any(mutates) && Self::impostors(modules).next().is_none()
    }

    /// As [`Facts::never_mutates`], of everything and thus of the hooks.
    #[must_use]
    pub fn hooks_never_mutate(modules: &[Facts]) -> bool {
        !modules.iter().any(|m| m.mutates) && Self::impostors(modules).next().is_none()
    }

    /// By module: the exported functions that could be for hooks alone are so. Not those of the entry,
    /// which are there for the service.
    fn for_hooks(modules: &[Facts]) -> Vec<bool> {
        let is_imported = |name: &String| {
            let mut all = modules.iter();
            all.any(|m| m.imports.as_ref().is_none_or(|names| names.contains(name)))
        };
        modules
            .iter()
            .enumerate()
            .map(|(index, m)| index > 0 && !m.exports.iter().any(is_imported))
            .collect()
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
        let for_hooks = Self::for_hooks(modules);
        for (index, module) in modules.iter().enumerate() {
            for kept in &module.kept {
                let in_hook = kept.in_hook || (kept.in_export && for_hooks[index]);
                if (mutates || !kept.only_if_mutating)
                    && (uses_hooks || !in_hook)
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
                in_export: false,
                only_if_imported: true,
            }],
            imports: Some(FxHashSet::default()),
            ..Facts::default()
        }
    }
}

struct Judge<'s> {
    scoping: &'s Scoping,
    it: &'s Collected,
}

impl Judge<'_> {
    /// The code that runs only in hooks: their own, and functions that nothing else names; with the
    /// exported ones that nothing else here names, if told so.
    fn hooks(&self, with_exports: bool) -> Vec<Span> {
        let mut hooks = self.it.hooks.clone();
        loop {
            let before = hooks.len();
            for (symbol, span) in &self.it.named_functions {
                let uses = self.it.uses.get(symbol).map_or(&[][..], Vec::as_slice);
                let only_hooks = uses.iter().all(|u| {
                    u.is_hook || within(&hooks, u.span) || span.contains_inclusive(u.span)
                });
                let has_outside = uses.iter().any(|u| !span.contains_inclusive(u.span));
                let may_be = if self.it.exported.contains(symbol) {
                    with_exports
                } else {
                    has_outside
                };
                if may_be && only_hooks && !hooks.contains(span) {
                    hooks.push(*span);
                }
            }
            if hooks.len() == before {
                return hooks;
            }
        }
    }

    /// The names that code outside hooks imports.
    fn imports(
        &self,
        program: &Program<'_>,
        found: &Lasting,
        hooks: &[Span],
    ) -> Option<FxHashSet<String>> {
        if found.imports.iter().any(|span| !within(hooks, *span)) {
            return None;
        }
        let is_live = |local: &BindingIdentifier<'_>| {
            let uses = local.symbol_id.get().and_then(|s| self.it.uses.get(&s));
            uses.is_some_and(|uses| uses.iter().any(|u| !u.is_hook && !within(hooks, u.span)))
        };
        let mut names = FxHashSet::default();
        for statement in &program.body {
            match statement {
                Statement::ImportDeclaration(import) => {
                    for specifier in import.specifiers.iter().flatten() {
                        match specifier {
                            ImportDeclarationSpecifier::ImportSpecifier(one) => {
                                if is_live(&one.local) {
                                    if one.imported.name() == "default" {
                                        return None;
                                    }
                                    names.insert(one.imported.name().to_string());
                                }
                            }
                            ImportDeclarationSpecifier::ImportDefaultSpecifier(one) => {
                                if is_live(&one.local) {
                                    return None;
                                }
                            }
                            ImportDeclarationSpecifier::ImportNamespaceSpecifier(all) => {
                                if is_live(&all.local) {
                                    return None;
                                }
                            }
                        }
                    }
                }
                Statement::ExportAllDeclaration(_) | Statement::ExportFromDeclaration(_) => {
                    return None;
                }
                _ => {}
            }
        }
        Some(names)
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
