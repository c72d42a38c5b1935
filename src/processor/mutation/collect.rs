//! What a walk over a module finds: what is changed where, what variables are given, how functions
//! are used.

use super::fresh::{changes_argument, is_fresh, is_mutator};
use oxc_ast::ast::*;
use oxc_ast_visit::VisitJs;
use oxc_semantic::Scoping;
use oxc_span::{GetSpan, Span};
use oxc_syntax::scope::ScopeId;
use oxc_syntax::symbol::SymbolId;
use rustc_hash::{FxHashMap, FxHashSet};

/// Index into [`Collected::functions`]; 0 is the module itself.
pub type FnId = usize;

/// What a change is made to.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// What a variable holds.
    Variable(SymbolId),
    /// Not a change if the variable is a table of functions written down as an object literal.
    Table(SymbolId),
    /// Anything, or not even known to be a change.
    Unknown,
}

/// Where something is changed.
#[derive(Debug)]
pub struct Site {
    /// What.
    pub target: Target,
    /// In which function.
    pub function: FnId,
    /// Where in the text.
    pub span: Span,
}

/// A variable and what is put into it.
#[derive(Debug)]
pub struct Binding {
    /// Whose activation it belongs to.
    pub function: FnId,
    /// It starts out with nothing or a new object.
    pub is_fresh: bool,
    /// Assignments that give it a new object.
    pub fresh_writes: usize,
}

/// A function.
#[derive(Debug, Default)]
pub struct Function {
    /// The function it is written in.
    pub parent: Option<FnId>,
    /// Async or a generator: its activation may go on in a later call.
    pub suspends: bool,
    /// Handed to a method that calls it at once and keeps it nowhere, or called where it stands.
    pub is_callback: bool,
    /// The variable it is declared as.
    pub name: Option<SymbolId>,
    /// It stands under the name `reduce`: it runs for events only.
    pub is_reduce: bool,
    pub(super) is_constructor: bool,
}

/// A mention of a variable.
#[derive(Debug)]
pub struct Use {
    /// Where.
    pub span: Span,
    /// In which function.
    pub function: FnId,
    /// It is called, and nothing else.
    pub is_callee: bool,
    /// It is given as a hook.
    pub is_hook: bool,
    /// It is given as the reducer.
    pub is_reduce: bool,
}

/// All that a walk finds.
#[derive(Debug, Default)]
pub struct Collected {
    pub functions: Vec<Function>,
    /// The functions by the scope they open.
    pub scopes: FxHashMap<ScopeId, FnId>,
    pub sites: Vec<Site>,
    pub bindings: FxHashMap<SymbolId, Binding>,
    pub uses: FxHashMap<SymbolId, Vec<Use>>,
    /// Constants that hold an object literal.
    pub tables: FxHashSet<SymbolId>,
    /// Variables that hold a function, with its place.
    pub named_functions: Vec<(SymbolId, Span)>,
    pub exported: FxHashSet<SymbolId>,
    /// Functions given as hooks.
    pub hooks: Vec<Span>,
    pub uses_hooks: bool,
    pub trusted: FxHashSet<String>,
    pub defined: FxHashSet<String>,
}

/// Names, as far as [`is_fresh`] asks for them.
pub struct Names<'s> {
    scoping: &'s Scoping,
    trusted: &'s mut FxHashSet<String>,
}

impl Names<'_> {
    /// What a name refers to; `None` for globals.
    pub fn symbol_of(&self, name: &IdentifierReference<'_>) -> Option<SymbolId> {
        symbol_of(self.scoping, name)
    }

    /// True when it is declared as a class.
    pub fn is_class(&self, symbol: SymbolId) -> bool {
        self.scoping.symbol_flags(symbol).is_class() && !self.scoping.symbol_is_mutated(symbol)
    }

    /// Notes that `name` is taken for a built-in method.
    pub fn trust(&mut self, name: &str) {
        self.trusted.insert(name.to_owned());
    }
}

pub(super) fn symbol_of(scoping: &Scoping, name: &IdentifierReference<'_>) -> Option<SymbolId> {
    scoping.get_reference(name.reference_id.get()?).symbol_id()
}

/// Walks over a module.
pub fn collect(program: &Program<'_>, scoping: &Scoping) -> Collected {
    let mut collect = Collect {
        scoping,
        it: Collected {
            functions: vec![Function::default()],
            ..Collected::default()
        },
        at: 0,
        next: Next::default(),
        in_loop_head: false,
    };
    collect.visit_program(program);
    collect.it
}

/// What is known of the next function before it is entered.
#[derive(Default)]
pub(super) struct Next {
    pub(super) is_callback: bool,
    pub(super) is_constructor: bool,
    pub(super) is_reduce: bool,
    pub(super) name: Option<SymbolId>,
}

pub(super) struct Collect<'s> {
    pub(super) scoping: &'s Scoping,
    pub(super) it: Collected,
    pub(super) at: FnId,
    pub(super) next: Next,
    pub(super) in_loop_head: bool,
}

pub(super) const HOOKS: [&str; 2] = ["afterAppend", "onEvent"];
pub(super) const REDUCE: &str = "reduce";

/// What a mentioned variable is used as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    Callee,
    Hook,
    Reduce,
    Value,
}

impl Collect<'_> {
    pub(super) fn fresh(&mut self, expression: &Expression<'_>) -> bool {
        let mut names = Names {
            scoping: self.scoping,
            trusted: &mut self.it.trusted,
        };
        is_fresh(expression, &mut names)
    }

    pub(super) fn global<'n>(&self, expression: &'n Expression<'_>) -> Option<&'n str> {
        match expression.get_inner_expression() {
            Expression::Identifier(name) if symbol_of(self.scoping, name).is_none() => {
                Some(name.name.as_str())
            }
            _ => None,
        }
    }

    pub(super) fn site(&mut self, target: Target, span: Span) {
        let function = self.at;
        self.it.sites.push(Site {
            target,
            function,
            span,
        });
    }

    pub(super) fn unknown(&mut self, span: Span) {
        self.site(Target::Unknown, span);
    }

    /// `object` is changed.
    pub(super) fn change(&mut self, object: &Expression<'_>, span: Span) {
        match object.get_inner_expression() {
            Expression::ThisExpression(_) if self.it.functions[self.at].is_constructor => {}
            Expression::Identifier(name) => match symbol_of(self.scoping, name) {
                Some(symbol) => self.site(Target::Variable(symbol), span),
                None => self.unknown(span),
            },
            object if self.fresh(object) => {}
            _ => self.unknown(span),
        }
    }

    pub(super) fn enter(
        &mut self,
        suspends: bool,
        scope: Option<ScopeId>,
        work: impl FnOnce(&mut Self),
    ) {
        let next = std::mem::take(&mut self.next);
        self.it.functions.push(Function {
            parent: Some(self.at),
            suspends,
            is_callback: next.is_callback,
            name: next.name,
            is_reduce: next.is_reduce,
            is_constructor: next.is_constructor,
        });
        let outer = std::mem::replace(&mut self.at, self.it.functions.len() - 1);
        self.it.scopes.extend(scope.map(|scope| (scope, self.at)));
        let in_loop_head = std::mem::take(&mut self.in_loop_head);
        work(self);
        self.at = outer;
        self.in_loop_head = in_loop_head;
    }

    /// A property or method `name` is defined with a value that may be a function.
    pub(super) fn define(&mut self, name: Option<&str>, value: Option<&Expression<'_>>) {
        let is_data = value.is_some_and(|value| {
            let inner = value.get_inner_expression();
            inner.is_literal()
                || matches!(
                    inner,
                    Expression::TemplateLiteral(_)
                        | Expression::ArrayExpression(_)
                        | Expression::ObjectExpression(_)
                        | Expression::BinaryExpression(_)
                        | Expression::UnaryExpression(_)
                )
        });
        // Every processor has a `reduce`; it is never handed a callback with an accumulator.
        if let Some(name) = name
            && !is_data
            && name != REDUCE
        {
            self.it.defined.insert(name.to_owned());
        }
    }

    pub(super) fn declare_function(&mut self, id: Option<&BindingIdentifier<'_>>, span: Span) {
        if let Some(symbol) = id.and_then(|id| id.symbol_id.get()) {
            self.it.named_functions.push((symbol, span));
            self.next.name = Some(symbol);
        }
    }

    pub(super) fn hook_value(&mut self, key: Option<&str>, value: &Expression<'_>) {
        let as_what = match key {
            Some(REDUCE) => As::Reduce,
            Some(key) if HOOKS.contains(&key) => As::Hook,
            _ => return,
        };
        match value.get_inner_expression() {
            Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_) => {
                if as_what == As::Hook {
                    self.it.hooks.push(value.span());
                } else {
                    self.next.is_reduce = true;
                }
            }
            Expression::Identifier(name) => {
                if let Some(symbol) = symbol_of(self.scoping, name) {
                    self.mention(symbol, name.span, as_what);
                }
            }
            _ => {}
        }
    }

    pub(super) fn mention(&mut self, symbol: SymbolId, span: Span, as_what: As) {
        let function = self.at;
        self.it.uses.entry(symbol).or_default().push(Use {
            span,
            function,
            is_callee: as_what == As::Callee,
            is_hook: as_what == As::Hook,
            is_reduce: as_what == As::Reduce,
        });
    }

    /// A member read for its value, not called.
    pub(super) fn read(&mut self, name: &str, span: Span) {
        self.it.uses_hooks |= HOOKS.contains(&name);
        let is_bad = is_mutator(name)
            || changes_argument(name)
            || matches!(
                name,
                "call" | "apply" | "bind" | "constructor" | "__proto__" | "species"
            );
        if is_bad {
            self.unknown(span);
        }
    }

    /// The arguments of a call; functions among them are called at once if `at_once`.
    pub(super) fn arguments<'a>(&mut self, arguments: &[Argument<'a>], at_once: bool) {
        for argument in arguments {
            if let Some(expression) = argument.as_expression() {
                let inner = expression.get_inner_expression();
                self.next.is_callback = at_once && is_nameless(inner);
            }
            self.visit_argument(argument);
            self.next = Next::default();
        }
    }
}

/// A function that nothing can name, not even itself.
pub(super) fn is_nameless(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::FunctionExpression(function) => function.id.is_none(),
        other => is_function(other),
    }
}

pub(super) fn is_function(expression: &Expression<'_>) -> bool {
    matches!(
        expression,
        Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_)
    )
}
