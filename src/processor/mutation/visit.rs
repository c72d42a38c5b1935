//! The walk itself: which syntax changes something.

use super::collect::{
    As, Binding, Collect, HOOKS, Next, REDUCE, Target, is_function, is_nameless, symbol_of,
};
use super::fresh::{calls_back, changes_argument, is_mutator, only_looks};
use oxc_ast::ast::*;
use oxc_ast_visit::{VisitJs, walk_js as walk};
use oxc_span::{GetSpan, Span};
use oxc_syntax::scope::ScopeFlags;

impl<'a> VisitJs<'a> for Collect<'_> {
    fn visit_function(&mut self, it: &oxc_ast::ast::Function<'a>, flags: ScopeFlags) {
        if it.is_declaration() {
            self.next = Next::default();
            self.declare_function(it.id.as_ref(), it.span);
        }
        let suspends = it.r#async || it.generator;
        self.enter(suspends, Some(it.scope_id()), |this| {
            walk::walk_function(this, it, flags)
        });
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.enter(it.r#async, Some(it.scope_id()), |this| {
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
            is_reduce: it.key.static_name().as_deref() == Some(REDUCE),
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
        self.next = Next::default();
        // It runs whenever an instance is made.
        self.enter(false, None, |this| walk::walk_property_definition(this, it));
    }

    fn visit_static_block(&mut self, it: &StaticBlock<'a>) {
        self.enter(false, Some(it.scope_id()), |this| {
            walk::walk_static_block(this, it)
        });
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
        if it.computed {
            self.visit_property_key(&it.key);
        }
        self.hook_value(name, &it.value);
        let is_named_hook = name.is_some_and(|n| HOOKS.contains(&n) || n == REDUCE)
            && matches!(it.value.get_inner_expression(), Expression::Identifier(_));
        if !is_named_hook {
            self.visit_expression(&it.value);
        }
        self.next.is_reduce = false;
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
        // Every hook takes `append` so. That of a `URLSearchParams` does nothing without its object.
        if let Some(name) = it.key.static_name()
            && name != "append"
        {
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
                    self.mention(symbol, name.span, As::Callee);
                } else {
                    self.visit_identifier_reference(name);
                }
                self.arguments(&it.arguments, false);
            }
            _ if is_function(callee) => {
                self.next.is_callback = is_nameless(callee);
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
            Some(symbol) => self.mention(symbol, it.span, As::Value),
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
