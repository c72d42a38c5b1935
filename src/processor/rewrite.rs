//! Rewrites array spreads into calls of a native helper (`program::SPREAD_HELPER`): the engine's own
//! spread costs twenty times as much per element.

mod length;

pub use length::lengths;

use super::program::{SPREAD_CONTINUE, SPREAD_HELPER, SPREAD_ITERATE, SPREAD_VALUE};
use oxc_allocator::{Allocator, ArenaVec};
use oxc_ast::ast::{
    Argument, ArrayExpression, ArrayExpressionElement, BindingIdentifier, CallExpression,
    Expression, IdentifierReference, NumberBase, ObjectPropertyKind, Program, PropertyKind,
    WithStatement,
};
use oxc_ast::builder::AstBuilder;
use oxc_ast_visit::{VisitJs, VisitJsMut, walk_js, walk_js_mut};
use oxc_span::Span;

/// More elements than this make no call: arguments live on the engine's stack.
const MOST_ELEMENTS: usize = 200;

/// Rewrites every array literal with a spread whose meaning the helper keeps exactly. Array literals
/// with holes stay as they are, and so does a whole module where the helper's name might mean
/// something else: one that uses it, `with`, or a direct `eval`.
pub fn spreads<'a>(allocator: &'a Allocator, program: &mut Program<'a>) {
    let mut safe = NameIsFree(true);
    safe.visit_program(program);
    if safe.0 {
        let builder = AstBuilder::new(allocator);
        Rewrite { allocator, builder }.visit_program(program);
    }
}

struct NameIsFree(bool);

impl<'a> VisitJs<'a> for NameIsFree {
    fn visit_binding_identifier(&mut self, it: &BindingIdentifier<'a>) {
        self.0 &= it.name != SPREAD_HELPER;
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        self.0 &= it.name != SPREAD_HELPER;
    }

    fn visit_with_statement(&mut self, _: &WithStatement<'a>) {
        self.0 = false;
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        self.0 &= !it.callee.is_specific_id("eval");
        walk_js::walk_call_expression(self, it);
    }
}

struct Rewrite<'a> {
    allocator: &'a Allocator,
    builder: AstBuilder<'a>,
}

impl<'a> VisitJsMut<'a> for Rewrite<'a> {
    fn visit_expression(&mut self, it: &mut Expression<'a>) {
        walk_js_mut::walk_expression(self, it);
        if let Expression::ArrayExpression(array) = it
            && is_rewritten(array)
        {
            *it = self.call(array);
        }
    }
}

fn is_rewritten(array: &ArrayExpression<'_>) -> bool {
    let mut has_spread = false;
    for element in &array.elements {
        match element {
            ArrayExpressionElement::SpreadElement(_) => has_spread = true,
            ArrayExpressionElement::Elision(_) => return false,
            _ => {}
        }
    }
    has_spread && array.elements.len() <= MOST_ELEMENTS
}

impl<'a> Rewrite<'a> {
    fn call(&self, array: &mut ArrayExpression<'a>) -> Expression<'a> {
        let span = array.span;
        let mut elements: Vec<_> = array.elements.drain(..).collect();
        // Elements from here on cannot tell whether the spreads before them have been iterated.
        let inert_from = elements
            .iter()
            .rposition(|e| !e.as_expression().is_some_and(is_inert))
            .map_or(0, |last| last + 1);
        let mut done: Option<Expression<'a>> = None;
        let mut arguments = ArenaVec::new_in(&self.allocator);
        let count = elements.len();
        for (index, element) in elements.drain(..).enumerate() {
            if let ArrayExpressionElement::SpreadElement(spread) = element {
                let spread = spread.unbox();
                self.pair(&mut arguments, SPREAD_ITERATE, spread.argument);
                let next = index + 1;
                if next < count && next < inert_from {
                    // What follows must be evaluated after this iteration: a call of its own.
                    let finished =
                        std::mem::replace(&mut arguments, ArenaVec::new_in(&self.allocator));
                    done = Some(self.helper(span, done.take(), finished));
                }
            } else if let Ok(expression) = Expression::try_from(element) {
                self.pair(&mut arguments, SPREAD_VALUE, expression);
            }
        }
        self.helper(span, done, arguments)
    }

    /// A call of the helper that continues `done`.
    fn helper(
        &self,
        span: Span,
        done: Option<Expression<'a>>,
        rest: ArenaVec<'a, Argument<'a>>,
    ) -> Expression<'a> {
        let mut arguments = ArenaVec::new_in(&self.allocator);
        if let Some(done) = done {
            self.pair(&mut arguments, SPREAD_CONTINUE, done);
        }
        arguments.extend(rest);
        let callee = Expression::new_identifier(span, SPREAD_HELPER, &self.builder);
        Expression::new_call_expression(span, callee, None, arguments, false, &self.builder)
    }

    fn pair(&self, arguments: &mut ArenaVec<'a, Argument<'a>>, kind: i32, operand: Expression<'a>) {
        let kind = Expression::new_numeric_literal(
            Span::default(),
            f64::from(kind),
            None,
            NumberBase::Decimal,
            &self.builder,
        );
        arguments.push(Argument::from(kind));
        arguments.push(Argument::from(operand));
    }
}

/// True when evaluating `expression` runs no code of the program and gives the same whatever ran
/// before it.
fn is_inert(expression: &Expression<'_>) -> bool {
    match expression.get_inner_expression() {
        Expression::BooleanLiteral(_)
        | Expression::NullLiteral(_)
        | Expression::NumericLiteral(_)
        | Expression::BigIntLiteral(_)
        | Expression::StringLiteral(_)
        | Expression::ArrowFunctionExpression(_)
        | Expression::FunctionExpression(_) => true,
        Expression::TemplateLiteral(template) => template.expressions.is_empty(),
        Expression::ArrayExpression(array) => array
            .elements
            .iter()
            .all(|e| e.as_expression().is_some_and(is_inert)),
        Expression::ObjectExpression(object) => object.properties.iter().all(|p| match p {
            ObjectPropertyKind::ObjectProperty(p) => {
                !p.computed && p.kind == PropertyKind::Init && is_inert(&p.value)
            }
            ObjectPropertyKind::SpreadProperty(_) => false,
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
