//! Rewrites `a.length = n` to `a["length"] = n`: the same in JavaScript, but Boa 0.22 caches the
//! place of a named property, and through that cache a length is set without dropping elements.

use oxc_allocator::Allocator;
use oxc_ast::ast::{Expression, Program, SimpleAssignmentTarget};
use oxc_ast::builder::AstBuilder;
use oxc_ast_visit::{VisitJsMut, walk_js_mut};
use oxc_span::Span;

/// Rewrites every assignment to a property named `length`.
pub fn lengths<'a>(allocator: &'a Allocator, program: &mut Program<'a>) {
    let builder = AstBuilder::new(allocator);
    Lengths { builder }.visit_program(program);
}

struct Lengths<'a> {
    builder: AstBuilder<'a>,
}

impl<'a> VisitJsMut<'a> for Lengths<'a> {
    fn visit_simple_assignment_target(&mut self, it: &mut SimpleAssignmentTarget<'a>) {
        walk_js_mut::walk_simple_assignment_target(self, it);
        if let SimpleAssignmentTarget::StaticMemberExpression(member) = it
            && member.property.name == "length"
        {
            let span = member.span;
            let null = Expression::new_null_literal(Span::default(), &self.builder);
            let object = std::mem::replace(&mut member.object, null);
            let name =
                Expression::new_string_literal(member.property.span, "length", None, &self.builder);
            *it = SimpleAssignmentTarget::new_computed_member_expression(
                span,
                object,
                name,
                false,
                &self.builder,
            );
        }
    }
}
