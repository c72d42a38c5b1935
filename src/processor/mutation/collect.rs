//! One walk over a module: what is changed where, what variables are given, how functions are used.

use super::fresh::{calls_back, changes_argument, is_fresh, is_mutator, only_looks};
use oxc_ast::ast::*;
use oxc_ast_visit::{VisitJs, walk_js as walk};
use oxc_semantic::Scoping;
use oxc_span::{GetSpan, Span};
use oxc_syntax::scope::ScopeFlags;
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
    is_constructor: bool,
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
}

/// All that a walk finds.
#[derive(Debug, Default)]
pub struct Collected {
    pub functions: Vec<Function>,
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
        self.scoping.symbol_flags(symbol).is_class()
    }

    /// Notes that `name` is taken for a built-in method.
    pub fn trust(&mut self, name: &str) {
        self.trusted.insert(name.to_owned());
    }
}

fn symbol_of(scoping: &Scoping, name: &IdentifierReference<'_>) -> Option<SymbolId> {
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
struct Next {
    is_callback: bool,
    is_constructor: bool,
    name: Option<SymbolId>,
}

struct Collect<'s> {
    scoping: &'s Scoping,
    it: Collected,
    at: FnId,
    next: Next,
    in_loop_head: bool,
}

const HOOKS: [&str; 2] = ["afterAppend", "onEvent"];

impl Collect<'_> {
    fn fresh(&mut self, expression: &Expression<'_>) -> bool {
        let mut names = Names {
            scoping: self.scoping,
            trusted: &mut self.it.trusted,
        };
        is_fresh(expression, &mut names)
    }

    fn global<'n>(&self, expression: &'n Expression<'_>) -> Option<&'n str> {
        match expression.get_inner_expression() {
            Expression::Identifier(name) if symbol_of(self.scoping, name).is_none() => {
                Some(name.name.as_str())
            }
            _ => None,
        }
    }

    fn site(&mut self, target: Target, span: Span) {
        let function = self.at;
        self.it.sites.push(Site {
            target,
            function,
            span,
        });
    }

    fn unknown(&mut self, span: Span) {
        self.site(Target::Unknown, span);
    }

    /// `object` is changed.
    fn change(&mut self, object: &Expression<'_>, span: Span) {
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

    fn enter(&mut self, suspends: bool, work: impl FnOnce(&mut Self)) {
        let next = std::mem::take(&mut self.next);
        self.it.functions.push(Function {
            parent: Some(self.at),
            suspends,
            is_callback: next.is_callback,
            name: next.name,
            is_constructor: next.is_constructor,
        });
        let outer = std::mem::replace(&mut self.at, self.it.functions.len() - 1);
        let in_loop_head = std::mem::take(&mut self.in_loop_head);
        work(self);
        self.at = outer;
        self.in_loop_head = in_loop_head;
    }

    /// A property or method `name` is defined with a value that may be a function.
    fn define(&mut self, name: Option<&str>, value: Option<&Expression<'_>>) {
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
            && name != "reduce"
        {
            self.it.defined.insert(name.to_owned());
        }
    }

    fn declare_function(&mut self, id: Option<&BindingIdentifier<'_>>, span: Span) {
        if let Some(symbol) = id.and_then(|id| id.symbol_id.get()) {
            self.it.named_functions.push((symbol, span));
            self.next.name = Some(symbol);
        }
    }

    fn hook_value(&mut self, key: Option<&str>, value: &Expression<'_>) {
        if !key.is_some_and(|key| HOOKS.contains(&key)) {
            return;
        }
        match value.get_inner_expression() {
            Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_) => {
                self.it.hooks.push(value.span());
            }
            Expression::Identifier(name) => {
                if let Some(symbol) = symbol_of(self.scoping, name) {
                    self.mention(symbol, name.span, false, true);
                }
            }
            _ => {}
        }
    }

    fn mention(&mut self, symbol: SymbolId, span: Span, is_callee: bool, is_hook: bool) {
        let function = self.at;
        self.it.uses.entry(symbol).or_default().push(Use {
            span,
            function,
            is_callee,
            is_hook,
        });
    }

    /// A member read for its value, not called.
    fn read(&mut self, name: &str, span: Span) {
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
    fn arguments<'a>(&mut self, arguments: &[Argument<'a>], at_once: bool) {
        for argument in arguments {
            if let Some(expression) = argument.as_expression() {
                let inner = expression.get_inner_expression();
                self.next.is_callback = at_once && is_function(inner);
            }
            self.visit_argument(argument);
            self.next = Next::default();
        }
    }

    /// `list.reduce((all, one) => …, {})`: the accumulator is as good as a local variable.
    fn accumulator(&mut self, call: &CallExpression<'_>) {
        let [callback, initial] = call.arguments.as_slice() else {
            return;
        };
        let (Some(callback), Some(initial)) = (callback.as_expression(), initial.as_expression())
        else {
            return;
        };
        let (params, returned) = match callback.get_inner_expression() {
            Expression::ArrowFunctionExpression(f) => (&f.params, Returns::of_arrow(f)),
            Expression::FunctionExpression(f) => (&f.params, Returns::of_function(f)),
            _ => return,
        };
        let Some(first) = params.items.first() else {
            return;
        };
        let BindingPattern::BindingIdentifier(name) = &first.pattern else {
            return;
        };
        let Some(symbol) = name.symbol_id.get() else {
            return;
        };
        if first.initializer.is_none()
            && self.fresh(initial)
            && returned.iter().all(|r| self.gives_back(r, symbol))
        {
            // The callback is the next function to be entered.
            let function = self.it.functions.len();
            self.it.bindings.insert(
                symbol,
                Binding {
                    function,
                    is_fresh: true,
                    fresh_writes: 0,
                },
            );
        }
    }

    fn gives_back(&mut self, value: &Expression<'_>, accumulator: SymbolId) -> bool {
        match value.get_inner_expression() {
            Expression::Identifier(name) => symbol_of(self.scoping, name) == Some(accumulator),
            Expression::ConditionalExpression(choice) => {
                self.gives_back(&choice.consequent, accumulator)
                    && self.gives_back(&choice.alternate, accumulator)
            }
            Expression::SequenceExpression(all) => all
                .expressions
                .last()
                .is_some_and(|last| self.gives_back(last, accumulator)),
            Expression::CallExpression(call) => {
                let assigned = call.callee.is_specific_member_access("Object", "assign");
                let first = call.arguments.first().and_then(Argument::as_expression);
                match first {
                    Some(first) if assigned => self.gives_back(first, accumulator),
                    _ => self.fresh(value),
                }
            }
            inner => self.fresh(inner),
        }
    }
}

fn is_function(expression: &Expression<'_>) -> bool {
    matches!(
        expression,
        Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_)
    )
}

/// What a function returns, not counting the functions in it.
struct Returns<'r, 'a>(Vec<&'r Expression<'a>>);

impl<'r, 'a> Returns<'r, 'a> {
    fn of_arrow(f: &'r ArrowFunctionExpression<'a>) -> Vec<&'r Expression<'a>> {
        match &f.body {
            ArrowFunctionBody::FunctionBody(body) => Self::of_body(body),
            body => body.as_expression().into_iter().collect(),
        }
    }

    fn of_function(f: &'r oxc_ast::ast::Function<'a>) -> Vec<&'r Expression<'a>> {
        f.body.as_deref().map(Self::of_body).unwrap_or_default()
    }

    fn of_body(body: &'r FunctionBody<'a>) -> Vec<&'r Expression<'a>> {
        let mut returns = Returns(Vec::new());
        for statement in &body.statements {
            returns.statement(statement);
        }
        returns.0
    }

    fn statement(&mut self, statement: &'r Statement<'a>) {
        match statement {
            Statement::ReturnStatement(it) => self.0.extend(&it.argument),
            Statement::BlockStatement(it) => self.all(&it.body),
            Statement::IfStatement(it) => {
                self.statement(&it.consequent);
                if let Some(alternate) = &it.alternate {
                    self.statement(alternate);
                }
            }
            Statement::ForStatement(it) => self.statement(&it.body),
            Statement::ForInStatement(it) => self.statement(&it.body),
            Statement::ForOfStatement(it) => self.statement(&it.body),
            Statement::WhileStatement(it) => self.statement(&it.body),
            Statement::DoWhileStatement(it) => self.statement(&it.body),
            Statement::LabeledStatement(it) => self.statement(&it.body),
            Statement::SwitchStatement(it) => {
                for case in &it.cases {
                    self.all(&case.consequent);
                }
            }
            Statement::TryStatement(it) => {
                self.all(&it.block.body);
                if let Some(handler) = &it.handler {
                    self.all(&handler.body.body);
                }
                if let Some(finalizer) = &it.finalizer {
                    self.all(&finalizer.body);
                }
            }
            // Everything else holds no return; `with` is told on by itself.
            _ => {}
        }
    }

    fn all(&mut self, statements: &'r [Statement<'a>]) {
        for statement in statements {
            self.statement(statement);
        }
    }
}

impl<'a> VisitJs<'a> for Collect<'_> {
    fn visit_function(&mut self, it: &oxc_ast::ast::Function<'a>, flags: ScopeFlags) {
        if it.is_declaration() {
            self.next = Next::default();
            self.declare_function(it.id.as_ref(), it.span);
        }
        let suspends = it.r#async || it.generator;
        self.enter(suspends, |this| walk::walk_function(this, it, flags));
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.enter(it.r#async, |this| {
            walk::walk_arrow_function_expression(this, it)
        });
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        self.next = Next::default();
        if let Some(heritage) = &it.heritage {
            // A base that returns something else than `this` makes `this` that.
            let is_known = match heritage.expression.get_inner_expression() {
                Expression::Identifier(base) => match symbol_of(self.scoping, base) {
                    Some(symbol) => self.scoping.symbol_flags(symbol).is_class(),
                    None => true,
                },
                _ => false,
            };
            if !is_known {
                self.unknown(heritage.expression.span());
            }
        }
        walk::walk_class(self, it);
    }

    fn visit_method_definition(&mut self, it: &MethodDefinition<'a>) {
        let name = it.key.static_name();
        self.define(name.as_deref(), None);
        if name.is_some_and(|name| HOOKS.contains(&&*name)) {
            self.it.hooks.push(it.value.span);
        }
        if it.computed {
            self.visit_property_key(&it.key);
        }
        self.next = Next {
            is_constructor: it.kind.is_constructor(),
            ..Next::default()
        };
        self.visit_function(&it.value, ScopeFlags::Function);
    }

    fn visit_property_definition(&mut self, it: &PropertyDefinition<'a>) {
        let name = it.key.static_name();
        self.define(name.as_deref(), it.value.as_ref());
        if let Some(value) = &it.value {
            self.hook_value(name.as_deref(), value);
        }
        // It runs whenever an instance is made.
        self.enter(false, |this| walk::walk_property_definition(this, it));
    }

    fn visit_static_block(&mut self, it: &StaticBlock<'a>) {
        self.enter(false, |this| walk::walk_static_block(this, it));
    }

    fn visit_return_statement(&mut self, it: &ReturnStatement<'a>) {
        if self.it.functions[self.at].is_constructor && it.argument.is_some() {
            self.unknown(it.span);
        }
        walk::walk_return_statement(self, it);
    }

    fn visit_object_property(&mut self, it: &ObjectProperty<'a>) {
        let name = it.key.static_name();
        let name = name.as_deref();
        self.define(name, Some(&it.value));
        if name == Some("__proto__") {
            self.unknown(it.span);
        }
        self.hook_value(name, &it.value);
        let is_named_hook = name.is_some_and(|n| HOOKS.contains(&n))
            && matches!(it.value.get_inner_expression(), Expression::Identifier(_));
        if it.computed {
            self.visit_property_key(&it.key);
        }
        if !is_named_hook {
            self.visit_expression(&it.value);
        }
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if let BindingPattern::BindingIdentifier(id) = &it.id
            && let Some(symbol) = id.symbol_id.get()
        {
            let inner = it.init.as_ref().map(Expression::get_inner_expression);
            if !self.in_loop_head {
                let is_fresh = inner.is_none_or(|init| self.fresh(init));
                let function = self.at;
                let binding = Binding {
                    function,
                    is_fresh,
                    fresh_writes: 0,
                };
                // An assignment may have been seen before a hoisted declaration.
                let known = self.it.bindings.entry(symbol).or_insert(Binding {
                    fresh_writes: 0,
                    ..binding
                });
                known.function = function;
                known.is_fresh = is_fresh;
            }
            match inner {
                Some(Expression::ObjectExpression(_)) => {
                    self.it.tables.insert(symbol);
                }
                Some(init) if is_function(init) => self.declare_function(Some(id), init.span()),
                _ => {}
            }
        }
        let was = std::mem::take(&mut self.in_loop_head);
        walk::walk_variable_declarator(self, it);
        self.next = Next::default();
        self.in_loop_head = was;
    }

    fn visit_for_statement_left(&mut self, it: &ForStatementLeft<'a>) {
        self.in_loop_head = true;
        walk::walk_for_statement_left(self, it);
        self.in_loop_head = false;
    }

    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        if let AssignmentTarget::AssignmentTargetIdentifier(name) = &it.left
            && let Some(symbol) = symbol_of(self.scoping, name)
            && (it.operator.is_assign() || it.operator.is_logical())
            && self.fresh(&it.right)
        {
            let function = self.at;
            let binding = self.it.bindings.entry(symbol).or_insert(Binding {
                function,
                // Not until its declaration says so: a parameter never is.
                is_fresh: false,
                fresh_writes: 0,
            });
            binding.fresh_writes += 1;
        }
        walk::walk_assignment_expression(self, it);
    }

    fn visit_simple_assignment_target(&mut self, it: &SimpleAssignmentTarget<'a>) {
        self.written(it.as_member_expression(), it.get_expression(), it.span());
        walk::walk_simple_assignment_target(self, it);
    }

    fn visit_assignment_target_property_identifier(
        &mut self,
        it: &AssignmentTargetPropertyIdentifier<'a>,
    ) {
        self.read(&it.binding.name, it.span);
        walk::walk_assignment_target_property_identifier(self, it);
    }

    fn visit_assignment_target_property_property(
        &mut self,
        it: &AssignmentTargetPropertyProperty<'a>,
    ) {
        if let Some(name) = it.name.static_name() {
            self.read(&name, it.span);
        }
        walk::walk_assignment_target_property_property(self, it);
    }

    fn visit_binding_property(&mut self, it: &BindingProperty<'a>) {
        if let Some(name) = it.key.static_name() {
            self.read(&name, it.span);
        }
        walk::walk_binding_property(self, it);
    }

    fn visit_unary_expression(&mut self, it: &UnaryExpression<'a>) {
        if it.operator == UnaryOperator::Delete {
            let operand = it.argument.get_inner_expression();
            let member = operand.as_member_expression().or(match operand {
                Expression::ChainExpression(chain) => chain.expression.as_member_expression(),
                _ => None,
            });
            match member {
                Some(member) => self.change(member.object(), it.span),
                None => self.unknown(it.span),
            }
        }
        walk::walk_unary_expression(self, it);
    }

    fn visit_with_statement(&mut self, it: &WithStatement<'a>) {
        self.unknown(it.span);
    }

    fn visit_static_member_expression(&mut self, it: &StaticMemberExpression<'a>) {
        let name = it.property.name.as_str();
        self.read(name, it.span);
        if self.global(&it.object) == Some("Object") {
            if !only_looks(name) {
                self.unknown(it.span);
            }
            return;
        }
        self.visit_expression(&it.object);
    }

    fn visit_computed_member_expression(&mut self, it: &ComputedMemberExpression<'a>) {
        if let Some(name) = it.static_property_name() {
            self.read(&name, it.span);
        }
        walk::walk_computed_member_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        let callee = it.callee.get_inner_expression();
        match callee {
            Expression::Identifier(name) => {
                if let Some(symbol) = symbol_of(self.scoping, name) {
                    self.mention(symbol, name.span, true, false);
                } else {
                    self.visit_identifier_reference(name);
                }
                self.arguments(&it.arguments, false);
            }
            _ if is_function(callee) => {
                self.next.is_callback = true;
                self.visit_expression(&it.callee);
                self.arguments(&it.arguments, false);
            }
            _ => match callee.as_member_expression() {
                Some(member) => self.method_call(it, member),
                None => {
                    self.visit_expression(&it.callee);
                    self.arguments(&it.arguments, false);
                }
            },
        }
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        match symbol_of(self.scoping, it) {
            Some(symbol) => self.mention(symbol, it.span, false, false),
            None => {
                if matches!(
                    it.name.as_str(),
                    "eval"
                        | "Function"
                        | "Proxy"
                        | "Reflect"
                        | "Object"
                        | "globalThis"
                        | "window"
                        | "self"
                        | "global"
                        | "arguments"
                ) {
                    self.unknown(it.span);
                }
            }
        }
    }

    fn visit_export_declaration(&mut self, it: &ExportDeclaration<'a>) {
        match &it.declaration {
            Declaration::VariableDeclaration(variables) => {
                for variable in &variables.declarations {
                    for id in variable.id.get_binding_identifiers() {
                        self.it.exported.extend(id.symbol_id.get());
                    }
                }
            }
            declaration => {
                let id = declaration.id().and_then(|id| id.symbol_id.get());
                self.it.exported.extend(id);
            }
        }
        walk::walk_export_declaration(self, it);
    }

    fn visit_export_default_declaration(&mut self, it: &ExportDefaultDeclaration<'a>) {
        if let ExportDefaultDeclarationKind::FunctionDeclaration(f) = &it.declaration {
            self.it
                .exported
                .extend(f.id.as_ref().and_then(|id| id.symbol_id.get()));
        }
        walk::walk_export_default_declaration(self, it);
    }
}

impl Collect<'_> {
    fn written(
        &mut self,
        member: Option<&MemberExpression<'_>>,
        wrapped: Option<&Expression<'_>>,
        span: Span,
    ) {
        let member = member.or_else(|| wrapped?.get_inner_expression().as_member_expression());
        if let Some(member) = member {
            self.change(member.object(), span);
        }
    }

    fn method_call<'a>(&mut self, call: &CallExpression<'a>, member: &MemberExpression<'a>) {
        let object = member.object();
        let Some(name) = member.static_property_name() else {
            // `#private(…)` is a method of the program's own; `table[key](…)` may be anything.
            if let MemberExpression::ComputedMemberExpression(computed) = member {
                match object.get_inner_expression() {
                    Expression::Identifier(table) if symbol_of(self.scoping, table).is_some() => {
                        if let Some(symbol) = symbol_of(self.scoping, table) {
                            self.site(Target::Table(symbol), call.span);
                        }
                    }
                    _ => self.unknown(call.span),
                }
                self.visit_expression(&computed.expression);
            }
            self.visit_expression(object);
            self.arguments(&call.arguments, false);
            return;
        };
        self.it.uses_hooks |= HOOKS.contains(&name);
        let on_object = self.global(object) == Some("Object");
        if changes_argument(name) {
            let first = call.arguments.first().and_then(Argument::as_expression);
            match first {
                Some(target) if on_object => self.change(target, call.span),
                _ => self.unknown(call.span),
            }
        } else if on_object && !only_looks(name) {
            self.unknown(call.span);
        } else if is_mutator(name) {
            self.change(object, call.span);
        } else if matches!(name, "call" | "apply" | "bind") {
            // Of a method by name, that is fine: `{}.hasOwnProperty.call(o, k)`. Reading a method
            // that changes its object is told on where it is read.
            let is_named = object
                .get_inner_expression()
                .as_member_expression()
                .is_some_and(|m| m.static_property_name().is_some());
            if !is_named {
                self.unknown(call.span);
            }
        } else if name == "constructor" {
            self.unknown(call.span);
        }
        let at_once = calls_back(name);
        if at_once {
            let has_callback = call.arguments.iter().any(|a| {
                a.as_expression()
                    .is_some_and(|e| is_function(e.get_inner_expression()))
            });
            if has_callback {
                self.it.trusted.insert(name.to_owned());
            }
        }
        if !on_object {
            self.visit_expression(object);
        }
        if matches!(name, "reduce" | "reduceRight") {
            self.accumulator(call);
        }
        self.arguments(&call.arguments, at_once);
    }
}
