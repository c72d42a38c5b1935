//! Which expressions give an object that nobody else holds yet, and which methods change their object.

use super::collect::Names;
use oxc_ast::ast::{Argument, CallExpression, Expression, NewExpression};

/// Methods that change what they are called on.
pub fn is_mutator(name: &str) -> bool {
    matches!(
        name,
        "push"
            | "pop"
            | "shift"
            | "unshift"
            | "splice"
            | "sort"
            | "reverse"
            | "fill"
            | "copyWithin"
            | "set"
            | "add"
            | "delete"
            | "clear"
            | "append"
            | "getOrInsert"
            | "getOrInsertComputed"
            | "__defineGetter__"
            | "__defineSetter__"
    ) || name
        .strip_prefix("set")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// Functions of `Object` that change their first argument.
pub fn changes_argument(name: &str) -> bool {
    matches!(
        name,
        "assign" | "defineProperty" | "defineProperties" | "setPrototypeOf"
    )
}

/// Functions of `Object` that only look. Not those by which a frozen state could be told from a copy.
pub fn only_looks(name: &str) -> bool {
    matches!(
        name,
        "keys"
            | "values"
            | "entries"
            | "fromEntries"
            | "create"
            | "freeze"
            | "is"
            | "hasOwn"
            | "getOwnPropertyNames"
            | "getOwnPropertySymbols"
            | "getOwnPropertyDescriptor"
            | "getOwnPropertyDescriptors"
            | "getPrototypeOf"
            | "groupBy"
            | "prototype"
    )
}

/// Array methods (and the like) that call their callback before they return and keep it nowhere.
pub fn calls_back(name: &str) -> bool {
    matches!(
        name,
        "forEach"
            | "map"
            | "filter"
            | "reduce"
            | "reduceRight"
            | "some"
            | "every"
            | "find"
            | "findIndex"
            | "findLast"
            | "findLastIndex"
            | "flatMap"
            | "sort"
            | "toSorted"
            | "replace"
            | "replaceAll"
            | "from"
    )
}

/// True when `expression` gives a new object each time. Names that are taken for built-in methods are
/// noted in `names`.
pub fn is_fresh(expression: &Expression<'_>, names: &mut Names<'_>) -> bool {
    match expression.get_inner_expression() {
        Expression::ObjectExpression(_)
        | Expression::ArrayExpression(_)
        | Expression::NullLiteral(_)
        | Expression::BooleanLiteral(_)
        | Expression::NumericLiteral(_)
        | Expression::StringLiteral(_)
        | Expression::TemplateLiteral(_) => true,
        Expression::ConditionalExpression(choice) => {
            is_fresh(&choice.consequent, names) && is_fresh(&choice.alternate, names)
        }
        Expression::LogicalExpression(logical) => {
            is_fresh(&logical.left, names) && is_fresh(&logical.right, names)
        }
        Expression::SequenceExpression(sequence) => sequence
            .expressions
            .last()
            .is_some_and(|last| is_fresh(last, names)),
        Expression::NewExpression(new) => is_fresh_new(new, names),
        Expression::CallExpression(call) => is_fresh_call(call, names),
        _ => false,
    }
}

fn is_fresh_new(new: &NewExpression<'_>, names: &Names<'_>) -> bool {
    let Expression::Identifier(class) = new.callee.get_inner_expression() else {
        return false;
    };
    match names.symbol_of(class) {
        // Constructors that return something else are told on by themselves.
        Some(symbol) => names.is_class(symbol),
        None => matches!(
            class.name.as_str(),
            "Map"
                | "Set"
                | "WeakMap"
                | "WeakSet"
                | "Array"
                | "Date"
                | "Error"
                | "TypeError"
                | "RangeError"
                | "URLSearchParams"
                | "Uint8Array"
                | "Int32Array"
                | "Float64Array"
        ),
    }
}

fn is_fresh_call(call: &CallExpression<'_>, names: &mut Names<'_>) -> bool {
    let callee = call.callee.get_inner_expression();
    if let Expression::Identifier(function) = callee {
        return names.symbol_of(function).is_none()
            && matches!(function.name.as_str(), "structuredClone" | "Array");
    }
    let Some(member) = callee.as_member_expression() else {
        return false;
    };
    let Some(name) = member.static_property_name() else {
        return false;
    };
    let first = call.arguments.first().and_then(Argument::as_expression);
    if let Expression::Identifier(object) = member.object().get_inner_expression()
        && names.symbol_of(object).is_none()
    {
        match (object.name.as_str(), name) {
            ("Object", "keys" | "values" | "entries" | "fromEntries" | "groupBy")
            | ("JSON", "parse")
            | ("Array", "from" | "of") => return true,
            ("Object", "assign") => return first.is_some_and(|target| is_fresh(target, names)),
            ("Object", "create") => {
                return matches!(first, Some(Expression::NullLiteral(_)));
            }
            _ => {}
        }
    }
    match name {
        "map" | "filter" | "slice" | "concat" | "flat" | "flatMap" | "toSorted" | "toReversed"
        | "toSpliced" | "with" | "split" => {
            names.trust(name);
            true
        }
        // These give back what they were called on.
        "sort" | "reverse" | "fill" | "copyWithin" | "set" | "add" => {
            names.trust(name);
            is_fresh(member.object(), names)
        }
        _ => false,
    }
}
