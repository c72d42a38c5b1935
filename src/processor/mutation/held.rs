//! What a variable holds, as far as its initial value tells.

use super::collect::symbol_of;
use oxc_ast::ast::*;
use oxc_semantic::Scoping;

/// What a variable holds, as far as its declaration tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// A primitive, a function, a class: nothing that a call could change without naming it.
    Inert,
    /// A table or list of such things.
    Flat,
    /// Anything.
    Other,
}

/// Looks at initial values.
pub(super) struct Declared<'s>(pub &'s Scoping);

impl Declared<'_> {
    /// True for a name that no declaration of the program gives.
    pub fn is_global(&self, expression: &Expression<'_>, wanted: &str) -> bool {
        match expression.get_inner_expression() {
            Expression::Identifier(name) => {
                name.name == wanted && symbol_of(self.0, name).is_none()
            }
            _ => false,
        }
    }

    /// What a variable with this initial value holds.
    pub fn holds(&self, expression: &Expression<'_>) -> Held {
        let both = |a: Held, b: Held| match (a, b) {
            (Held::Inert, Held::Inert) => Held::Inert,
            (Held::Other, _) | (_, Held::Other) => Held::Other,
            _ => Held::Flat,
        };
        let flat = |all: bool| if all { Held::Flat } else { Held::Other };
        let is_inert = |e: &Expression<'_>| self.holds(e) == Held::Inert;
        match expression.get_inner_expression() {
            e if e.is_literal() && !matches!(e, Expression::RegExpLiteral(_)) => Held::Inert,
            Expression::RegExpLiteral(_) => Held::Flat,
            Expression::TemplateLiteral(_)
            | Expression::BinaryExpression(_)
            | Expression::UnaryExpression(_)
            | Expression::FunctionExpression(_)
            | Expression::ArrowFunctionExpression(_) => Held::Inert,
            Expression::Identifier(name) if symbol_of(self.0, name).is_none() => {
                match name.name.as_str() {
                    "undefined" | "NaN" | "Infinity" | "Boolean" | "String" | "Number" => {
                        Held::Inert
                    }
                    _ => Held::Other,
                }
            }
            Expression::ConditionalExpression(choice) => both(
                self.holds(&choice.consequent),
                self.holds(&choice.alternate),
            ),
            Expression::ArrayExpression(array) => flat(
                array
                    .elements
                    .iter()
                    .all(|e| e.as_expression().is_some_and(is_inert)),
            ),
            Expression::ObjectExpression(object) => flat(object.properties.iter().all(|p| {
                matches!(p, ObjectPropertyKind::ObjectProperty(p)
                    if p.kind == PropertyKind::Init && is_inert(&p.value))
            })),
            Expression::NewExpression(new) => {
                let is_known = ["Map", "Set"]
                    .iter()
                    .any(|c| self.is_global(&new.callee, c));
                let first = new.arguments.first().map(Argument::as_expression);
                let members = match first {
                    None => true,
                    Some(Some(Expression::ArrayExpression(array))) => {
                        array.elements.iter().all(|e| {
                            e.as_expression().is_some_and(|e| match e {
                                Expression::ArrayExpression(pair) => pair
                                    .elements
                                    .iter()
                                    .all(|e| e.as_expression().is_some_and(is_inert)),
                                other => is_inert(other),
                            })
                        })
                    }
                    Some(_) => false,
                };
                // A pair is itself an element of a set.
                let is_set = self.is_global(&new.callee, "Set");
                let has_pairs = matches!(first, Some(Some(Expression::ArrayExpression(array)))
                    if array.elements.iter().any(|e| matches!(e, ArrayExpressionElement::ArrayExpression(_))));
                flat(is_known && members && !(is_set && has_pairs))
            }
            Expression::CallExpression(call) => {
                let first = call.arguments.first().and_then(Argument::as_expression);
                if call.callee.is_specific_member_access("Object", "freeze") {
                    return first.map_or(Held::Other, |first| self.holds(first));
                }
                let is_primitive = ["String", "Number", "Boolean", "parseInt", "parseFloat"]
                    .iter()
                    .any(|f| self.is_global(&call.callee, f))
                    || call
                        .callee
                        .get_inner_expression()
                        .as_member_expression()
                        .is_some_and(|m| {
                            self.is_global(m.object(), "Math")
                                || m.static_property_name() == Some("join")
                                || call.callee.is_specific_member_access("JSON", "stringify")
                        });
                if is_primitive {
                    Held::Inert
                } else {
                    Held::Other
                }
            }
            _ => Held::Other,
        }
    }
}
