//! The accumulator of `list.reduce((all, one) => …, {})`: as good as a local variable.

use super::collect::{Binding, Collect, symbol_of};
use oxc_ast::ast::*;
use oxc_syntax::symbol::SymbolId;

impl Collect<'_> {
    /// `list.reduce((all, one) => …, {})`: the accumulator is as good as a local variable.
    pub(super) fn accumulator(&mut self, call: &CallExpression<'_>) {
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
