//! Tells what a program may carry from one event to the next beside its state. Sound as far as it
//! says "nothing": then a state and an event alone make the next state, whatever ran before.
//!
//! Why it holds: what exists once the program is loaded is all that a later call could find again. If
//! no call writes a variable of that time and none changes an object of that time, nothing that a
//! call makes can be found by the next.

use super::collect::{FnId, Target};
use super::held::Held;
use super::lasting::{Lasting, Mention};
use super::{Judge, within};
use oxc_span::Span;
use oxc_syntax::scope::ScopeId;
use oxc_syntax::symbol::SymbolId;
use rustc_hash::FxHashSet;

/// A thing that may outlast the call that changes it.
#[derive(Debug)]
pub struct Kept {
    /// As a person knows it: "`count`".
    pub name: String,
    /// Only in a program that changes objects it did not make.
    pub only_if_mutating: bool,
    /// Only hooks do it.
    pub in_hook: bool,
    /// Only exported functions do it, which may be called by hooks alone.
    pub in_export: bool,
    /// Only if another module imports it.
    pub only_if_imported: bool,
}

/// Everything in the module that may outlast a call.
pub(super) fn kept(
    judge: &Judge<'_>,
    found: &Lasting,
    hooks: &[Span],
    exports: &[Span],
) -> Vec<Kept> {
    let keeper = Keeper {
        judge,
        found,
        changed: changed(judge),
        call_time: call_time(judge),
    };
    let mut kept = Vec::new();
    let mut keep = |name: String, span: Span, when: When| {
        kept.push(Kept {
            name,
            only_if_mutating: when != When::Always,
            in_hook: within(hooks, span),
            in_export: within(exports, span),
            only_if_imported: when == When::Imported,
        });
    };
    for suspect in &found.suspects {
        let when = if suspect.only_if_mutating {
            When::Mutating
        } else {
            When::Always
        };
        keep(suspect.what.clone(), suspect.span, when);
    }
    for mention in &found.mentions {
        if let Some(when) = keeper.mention(mention) {
            keep(format!("`{}`", mention.name), mention.span, when);
        }
    }
    for (name, span) in &found.generators {
        if !keeper.is_used_up(*name) {
            keep("a generator".into(), *span, When::Always);
        }
    }
    for (is_sticky, bound, span) in &found.regexes {
        if !keeper.starts_over(*is_sticky, *bound, *span) {
            let name = "a regular expression with a place".into();
            keep(name, *span, When::Always);
        }
    }
    for (symbol, span) in &found.exported {
        if keeper.held(*symbol) != Held::Inert {
            let name = format!("`{}`", judge.scoping.symbol_name(*symbol));
            keep(name, *span, When::Imported);
        }
    }
    if let Some(span) = found.default_object {
        keep("an exported object".into(), span, When::Imported);
    }
    kept
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    Mutating,
    Imported,
}

/// Variables of which what they hold is changed by name.
fn changed(judge: &Judge<'_>) -> FxHashSet<SymbolId> {
    let sites = judge.it.sites.iter();
    sites
        .filter_map(|site| match site.target {
            Target::Variable(symbol) => Some(symbol),
            // A list called by a computed name may be told to change itself.
            Target::Table(symbol) => Some(symbol).filter(|s| !judge.it.tables.contains(s)),
            Target::Unknown => None,
        })
        .collect()
}

/// By function: it never runs while the program loads, only for an event. All that may be so are taken
/// to be, then those called from elsewhere fall out.
fn call_time(judge: &Judge<'_>) -> Vec<bool> {
    const MOST_ROUNDS: usize = 100;
    let it = judge.it;
    let mut is: Vec<bool> = vec![true; it.functions.len()];
    for round in 0..=MOST_ROUNDS {
        let mut changed = false;
        for (id, function) in it.functions.iter().enumerate() {
            let inherits = function.parent.is_some_and(|parent| is[parent]);
            let uses = function
                .name
                .filter(|name| !it.exported.contains(name))
                .and_then(|name| it.uses.get(&name));
            let is_called_so = round < MOST_ROUNDS
                && uses.is_some_and(|uses| {
                    uses.iter()
                        .all(|u| u.is_reduce || u.is_hook || is[u.function])
                });
            let now = function.is_reduce || inherits || is_called_so;
            changed |= now != is[id];
            is[id] = now;
        }
        if !changed {
            break;
        }
    }
    is
}

struct Keeper<'j> {
    judge: &'j Judge<'j>,
    found: &'j Lasting,
    changed: FxHashSet<SymbolId>,
    call_time: Vec<bool>,
}

impl Keeper<'_> {
    /// When this mention may make something outlast the call.
    fn mention(&self, mention: &Mention) -> Option<When> {
        let Some(symbol) = mention.symbol else {
            return mention.is_write.then_some(When::Always);
        };
        if !self.outlasts(mention, symbol) {
            return None;
        }
        if mention.is_write {
            return Some(When::Always);
        }
        if self.found.given.contains(&mention.span)
            && !self.call_time[self.function_of(mention.scope)]
        {
            return None;
        }
        let is_safe = match self.held(symbol) {
            Held::Inert => true,
            Held::Flat => {
                (self.found.looks.contains(&mention.span)
                    || self.found.sought.contains(&mention.span))
                    && !self.found.handed_out.contains(&mention.span)
            }
            Held::Other => false,
        };
        (!is_safe).then_some(When::Mutating)
    }

    /// True when the variable may be of an activation that was there before the call in which it is
    /// mentioned.
    fn outlasts(&self, mention: &Mention, symbol: SymbolId) -> bool {
        let owner = self.owner(symbol);
        let at = self.function_of(mention.scope);
        let is_inside = at == owner || self.judge.runs_within(at, owner, &mut Vec::new());
        (mention.in_field || !is_inside) && !self.call_time[owner]
    }

    fn owner(&self, symbol: SymbolId) -> FnId {
        self.function_of(self.judge.scoping.symbol_scope_id(symbol))
    }

    fn function_of(&self, scope: ScopeId) -> FnId {
        self.judge
            .scoping
            .scope_ancestors(scope)
            .find_map(|scope| self.judge.it.scopes.get(&scope).copied())
            .unwrap_or(0)
    }

    fn held(&self, symbol: SymbolId) -> Held {
        let scoping = self.judge.scoping;
        if scoping.symbol_is_mutated(symbol) || self.changed.contains(&symbol) {
            return Held::Other;
        }
        let flags = scoping.symbol_flags(symbol);
        if flags.is_function() || flags.is_class() || flags.is_import() {
            return Held::Inert;
        }
        if flags.is_enum() {
            return Held::Flat;
        }
        self.found.held.get(&symbol).copied().unwrap_or(Held::Other)
    }

    /// True for a generator that is always run to its end where it is called.
    fn is_used_up(&self, name: Option<SymbolId>) -> bool {
        let it = self.judge.it;
        name.is_some_and(|name| {
            let uses = it.uses.get(&name).map_or(&[][..], Vec::as_slice);
            !it.exported.contains(&name)
                && uses
                    .iter()
                    .all(|u| u.is_callee && self.found.consumed.contains(&u.span))
        })
    }

    /// True for a regular expression that no call finds where another left it.
    fn starts_over(&self, is_sticky: bool, bound: Option<SymbolId>, span: Span) -> bool {
        let (sought, tested) = (&self.found.sought, &self.found.tested);
        let Some(symbol) = bound else {
            // Made anew each time, used where it stands.
            return sought.contains(&span) || tested.contains(&span);
        };
        let at_load = !self.call_time[self.owner(symbol)];
        let mut mentions = self.found.mentions.iter();
        mentions.all(|m| {
            m.symbol != Some(symbol)
                || !m.is_write
                    && if at_load {
                        // `replace` and the like leave a global one at its start.
                        sought.contains(&m.span) && !is_sticky
                    } else {
                        sought.contains(&m.span) || tested.contains(&m.span)
                    }
        })
    }
}
