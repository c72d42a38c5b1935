//! The walk that finds what a module could keep things in from one call to the next: variables and
//! who writes and reads them, iterators and regular expressions that remember where they stand.

use super::collect::{is_function, symbol_of};
use super::fresh::{calls_back, is_mutator};
use super::held::{Declared, Held};
use oxc_ast::ast::*;
use oxc_ast_visit::{VisitJs, walk_js as walk};
use oxc_semantic::Scoping;
use oxc_span::{GetSpan, Span};
use oxc_syntax::scope::{ScopeFlags, ScopeId};
use oxc_syntax::symbol::SymbolId;
use rustc_hash::{FxHashMap, FxHashSet};

/// A mention of a variable.
#[derive(Debug)]
pub(super) struct Mention {
    /// `None`: a global.
    pub symbol: Option<SymbolId>,
    pub name: String,
    pub scope: ScopeId,
    pub span: Span,
    pub is_write: bool,
    /// In the initial value of a class's field, which runs whenever an instance is made.
    pub in_field: bool,
}

/// Something that may keep what a call does, whatever the variables.
#[derive(Debug)]
pub(super) struct Suspect {
    pub what: String,
    pub span: Span,
    /// Only a program that changes objects it did not make can use it so.
    pub only_if_mutating: bool,
}

/// All that the walk finds.
#[derive(Debug, Default)]
pub(super) struct Lasting {
    pub mentions: Vec<Mention>,
    pub held: FxHashMap<SymbolId, Held>,
    /// Mentions that only look at what the variable holds.
    pub looks: FxHashSet<Span>,
    /// Mentions that hand what the variable holds to a callback.
    pub handed_out: FxHashSet<Span>,
    /// Generators with the variable they are declared as.
    pub generators: Vec<(Option<SymbolId>, Span)>,
    /// Regular expressions with a place of their own: is it sticky, and the variable it is put into.
    pub regexes: Vec<(bool, Option<SymbolId>, Span)>,
    /// Mentions as what `replace` and the like look for: they leave a global one at its start.
    pub sought: FxHashSet<Span>,
    /// Mentions as what a method of a regular expression is called on.
    pub tested: FxHashSet<Span>,
    /// Iterators and calls of generators whose result is used up at once.
    pub consumed: FxHashSet<Span>,
    /// Mentions as the initial state: it is taken as JSON while the program loads.
    pub given: FxHashSet<Span>,
    /// Modules asked for by `import()`.
    pub imports: Vec<Span>,
    pub suspects: Vec<Suspect>,
    /// Variables that are exported under a name.
    pub exported: Vec<(SymbolId, Span)>,
    /// The default export is an object that other modules get.
    pub default_object: Option<Span>,
}

/// Walks over a module.
pub(super) fn lasting(program: &Program<'_>, scoping: &Scoping) -> Lasting {
    let mut walk = Walk {
        scoping,
        it: Lasting::default(),
        in_field: false,
        in_constructor: false,
        bound: None,
    };
    walk.visit_program(program);
    walk.it
}

struct Walk<'s> {
    scoping: &'s Scoping,
    it: Lasting,
    in_field: bool,
    in_constructor: bool,
    /// The variable that the next expression is put into.
    bound: Option<SymbolId>,
}

impl<'a> VisitJs<'a> for Walk<'_> {
    fn visit_function(&mut self, it: &oxc_ast::ast::Function<'a>, flags: ScopeFlags) {
        if it.generator {
            let name = it.id.as_ref().and_then(|id| id.symbol_id.get());
            self.it
                .generators
                .push((name.filter(|_| it.is_declaration()), it.span));
        }
        let was = (
            std::mem::take(&mut self.in_field),
            std::mem::take(&mut self.in_constructor),
        );
        walk::walk_function(self, it, flags);
        (self.in_field, self.in_constructor) = was;
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        let was = std::mem::take(&mut self.in_field);
        walk::walk_arrow_function_expression(self, it);
        self.in_field = was;
    }

    fn visit_object_property(&mut self, it: &ObjectProperty<'a>) {
        if it.key.static_name().as_deref() == Some("initialState")
            && let Expression::Identifier(name) = it.value.get_inner_expression()
        {
            self.it.given.insert(name.span);
        }
        walk::walk_object_property(self, it);
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        self.it.imports.push(it.span);
        walk::walk_import_expression(self, it);
    }

    fn visit_method_definition(&mut self, it: &MethodDefinition<'a>) {
        self.visit_property_key(&it.key);
        if it.kind.is_constructor() {
            let was = std::mem::take(&mut self.in_field);
            self.in_constructor = true;
            walk::walk_function(self, &it.value, ScopeFlags::Function);
            self.in_constructor = false;
            self.in_field = was;
        } else {
            self.visit_function(&it.value, ScopeFlags::Function);
        }
    }

    fn visit_property_definition(&mut self, it: &PropertyDefinition<'a>) {
        self.visit_property_key(&it.key);
        if let Some(value) = &it.value {
            if it.r#static && self.holds(value) != Held::Inert {
                let name = it.key.static_name().unwrap_or_default();
                self.suspect(format!("the class's static {name}"), it.span, true);
            }
            let was = std::mem::replace(&mut self.in_field, true);
            self.visit_expression(value);
            self.in_field = was;
        }
    }

    fn visit_static_block(&mut self, it: &StaticBlock<'a>) {
        self.suspect("a class's static block".into(), it.span, true);
        walk::walk_static_block(self, it);
    }

    fn visit_this_expression(&mut self, it: &ThisExpression) {
        if !self.in_constructor {
            self.suspect("`this`".into(), it.span, true);
        }
    }

    fn visit_with_statement(&mut self, it: &WithStatement<'a>) {
        self.suspect("`with`".into(), it.span, false);
        walk::walk_with_statement(self, it);
    }

    fn visit_reg_exp_literal(&mut self, it: &RegExpLiteral<'a>) {
        let flags = it.regex.flags;
        let is_sticky = flags.contains(RegExpFlags::Y);
        if flags.contains(RegExpFlags::G) || is_sticky {
            self.it.regexes.push((is_sticky, self.bound, it.span));
        }
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        match (&it.id, &it.init) {
            (BindingPattern::BindingIdentifier(id), Some(init)) => {
                if let Some(symbol) = id.symbol_id.get() {
                    let held = self.holds(init);
                    self.it.held.insert(symbol, held);
                    let is_regex =
                        matches!(init.get_inner_expression(), Expression::RegExpLiteral(_));
                    self.bound = is_regex.then_some(symbol);
                }
            }
            (BindingPattern::ArrayPattern(_), Some(init)) => {
                self.consumes(init);
                self.looks_at(init);
            }
            (_, Some(init)) => self.looks_at(init),
            _ => {}
        }
        walk::walk_variable_declarator(self, it);
        self.bound = None;
    }

    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        self.consumes(&it.right);
        self.looks_at(&it.right);
        walk::walk_for_of_statement(self, it);
    }

    fn visit_for_in_statement(&mut self, it: &ForInStatement<'a>) {
        self.looks_at(&it.right);
        walk::walk_for_in_statement(self, it);
    }

    fn visit_spread_element(&mut self, it: &SpreadElement<'a>) {
        self.consumes(&it.argument);
        self.looks_at(&it.argument);
        walk::walk_spread_element(self, it);
    }

    fn visit_yield_expression(&mut self, it: &YieldExpression<'a>) {
        if let Some(argument) = it.argument.as_ref().filter(|_| it.delegate) {
            self.consumes(argument);
        }
        walk::walk_yield_expression(self, it);
    }

    fn visit_binary_expression(&mut self, it: &BinaryExpression<'a>) {
        self.looks_at(&it.left);
        self.looks_at(&it.right);
        walk::walk_binary_expression(self, it);
    }

    fn visit_conditional_expression(&mut self, it: &ConditionalExpression<'a>) {
        self.looks_at(&it.test);
        walk::walk_conditional_expression(self, it);
    }

    fn visit_if_statement(&mut self, it: &IfStatement<'a>) {
        self.looks_at(&it.test);
        walk::walk_if_statement(self, it);
    }

    fn visit_template_literal(&mut self, it: &TemplateLiteral<'a>) {
        it.expressions.iter().for_each(|e| self.looks_at(e));
        walk::walk_template_literal(self, it);
    }

    fn visit_simple_assignment_target(&mut self, it: &SimpleAssignmentTarget<'a>) {
        if let Some(member) = it.as_member_expression() {
            self.root_is_changed(member.object());
        }
        walk::walk_simple_assignment_target(self, it);
    }

    fn visit_static_member_expression(&mut self, it: &StaticMemberExpression<'a>) {
        let name = it.property.name.as_str();
        if self.is_global(&it.object, "Symbol") && matches!(name, "iterator" | "asyncIterator") {
            self.suspect("an iterator".into(), it.span, false);
        }
        if matches!(name, "prototype" | "__proto__" | "constructor") {
            self.suspect(format!("`{name}`"), it.span, true);
        }
        self.looks_at(&it.object);
        // Of a method taken from there nothing is kept: `Object.prototype.hasOwnProperty`.
        if let Some(inner) = it.object.get_inner_expression().as_member_expression()
            && inner.static_property_name() == Some("prototype")
            && !is_mutator(name)
        {
            self.visit_expression(inner.object());
            return;
        }
        walk::walk_static_member_expression(self, it);
    }

    fn visit_computed_member_expression(&mut self, it: &ComputedMemberExpression<'a>) {
        self.looks_at(&it.object);
        walk::walk_computed_member_expression(self, it);
    }

    fn visit_new_expression(&mut self, it: &NewExpression<'a>) {
        self.makes_regex(&it.callee, &it.arguments, it.span);
        if let Expression::Identifier(name) = it.callee.get_inner_expression()
            && symbol_of(self.scoping, name).is_none()
            && matches!(name.name.as_str(), "Map" | "Set" | "Array" | "Date")
        {
            self.takes(&it.arguments);
        }
        walk::walk_new_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        self.makes_regex(&it.callee, &it.arguments, it.span);
        let callee = it.callee.get_inner_expression();
        match callee.as_member_expression() {
            Some(member) => self.method_call(it, member),
            None => {
                if let Expression::Identifier(name) = callee
                    && symbol_of(self.scoping, name).is_none()
                    && matches!(
                        name.name.as_str(),
                        "String" | "Number" | "Boolean" | "structuredClone" | "parseInt"
                    )
                {
                    self.takes(&it.arguments);
                }
            }
        }
        walk::walk_call_expression(self, it);
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        let Some(id) = it.reference_id.get() else {
            return;
        };
        let reference = self.scoping.get_reference(id);
        if reference.symbol_id().is_none()
            && matches!(
                it.name.as_str(),
                "eval"
                    | "Function"
                    | "globalThis"
                    | "window"
                    | "self"
                    | "global"
                    | "arguments"
                    | "Atomics"
                    | "Iterator"
                    | "WeakRef"
                    | "TextDecoder"
            )
        {
            self.suspect(format!("`{}`", it.name), it.span, it.name == "arguments");
        }
        self.it.mentions.push(Mention {
            symbol: reference.symbol_id(),
            name: it.name.to_string(),
            scope: reference.scope_id(),
            span: it.span,
            is_write: reference.is_write(),
            in_field: self.in_field,
        });
    }

    fn visit_export_declaration(&mut self, it: &ExportDeclaration<'a>) {
        if let Declaration::VariableDeclaration(variables) = &it.declaration {
            for variable in &variables.declarations {
                for id in variable.id.get_binding_identifiers() {
                    let symbol = id.symbol_id.get();
                    self.it.exported.extend(symbol.map(|s| (s, id.span)));
                }
            }
        }
        walk::walk_export_declaration(self, it);
    }

    fn visit_export_specifier(&mut self, it: &ExportSpecifier<'a>) {
        if let ModuleExportName::IdentifierReference(name) = &it.local {
            let symbol = symbol_of(self.scoping, name);
            self.it.exported.extend(symbol.map(|s| (s, it.span)));
        }
        walk::walk_export_specifier(self, it);
    }

    fn visit_export_default_declaration(&mut self, it: &ExportDefaultDeclaration<'a>) {
        if let Some(value) = it.declaration.as_expression() {
            match value.get_inner_expression() {
                Expression::Identifier(name) => {
                    let symbol = symbol_of(self.scoping, name);
                    self.it.exported.extend(symbol.map(|s| (s, it.span)));
                }
                value if self.holds(value) != Held::Inert => {
                    self.it.default_object = Some(it.span);
                }
                _ => {}
            }
        }
        walk::walk_export_default_declaration(self, it);
    }
}

impl Walk<'_> {
    fn suspect(&mut self, what: String, span: Span, only_if_mutating: bool) {
        self.it.suspects.push(Suspect {
            what,
            span,
            only_if_mutating,
        });
    }

    fn is_global(&self, expression: &Expression<'_>, wanted: &str) -> bool {
        Declared(self.scoping).is_global(expression, wanted)
    }

    fn holds(&self, expression: &Expression<'_>) -> Held {
        Declared(self.scoping).holds(expression)
    }

    fn looks_at(&mut self, expression: &Expression<'_>) {
        if let Expression::Identifier(name) = expression.get_inner_expression() {
            self.it.looks.insert(name.span);
        }
    }

    /// The iterator that `expression` gives is used up at once.
    fn consumes(&mut self, expression: &Expression<'_>) {
        if let Expression::CallExpression(call) = expression.get_inner_expression() {
            self.it.consumed.insert(call.span);
            if let Expression::Identifier(name) = call.callee.get_inner_expression() {
                self.it.consumed.insert(name.span);
            }
        }
    }

    /// A function that reads its arguments and keeps none of them.
    fn takes(&mut self, arguments: &[Argument<'_>]) {
        for argument in arguments.iter().filter_map(Argument::as_expression) {
            self.consumes(argument);
            self.looks_at(argument);
        }
    }

    fn makes_regex(&mut self, callee: &Expression<'_>, arguments: &[Argument<'_>], span: Span) {
        if !self.is_global(callee, "RegExp") {
            return;
        }
        let remembers = match arguments.get(1).and_then(Argument::as_expression) {
            None => arguments.len() > 1,
            Some(Expression::StringLiteral(flags)) => flags.value.contains(['g', 'y']),
            Some(_) => true,
        };
        if remembers && !self.it.consumed.contains(&span) {
            self.suspect("a regular expression with a place".into(), span, false);
        }
    }

    /// Something reached from `object` is changed.
    fn root_is_changed(&mut self, object: &Expression<'_>) {
        let mut at = object.get_inner_expression();
        while let Some(member) = at.as_member_expression() {
            at = member.object().get_inner_expression();
        }
        if let Expression::Identifier(name) = at
            && symbol_of(self.scoping, name).is_none()
        {
            self.suspect(format!("the global `{}`", name.name), name.span, true);
        }
    }

    fn method_call(&mut self, call: &CallExpression<'_>, member: &MemberExpression<'_>) {
        let object = member.object();
        let Some(name) = member.static_property_name() else {
            return;
        };
        match name {
            "values" | "entries" | "keys" | "matchAll"
                if !self.is_global(object, "Object") && !self.it.consumed.contains(&call.span) =>
            {
                self.suspect("an iterator".into(), call.span, false);
            }
            "valueOf" | "getPrototypeOf" => {
                self.suspect(format!("`{name}`"), call.span, true);
            }
            "toArray" | "forEach" | "some" | "every" | "find" | "reduce" | "next" => {
                self.consumes(object);
            }
            _ => {}
        }
        if is_mutator(name) {
            self.root_is_changed(object);
        }
        if ["Object", "Array", "JSON", "Math"]
            .iter()
            .any(|global| self.is_global(object, global))
        {
            let first = usize::from(matches!(name, "assign"));
            self.takes(call.arguments.get(first..).unwrap_or_default());
        }
        // What a regular expression is sought for, and those that are asked themselves.
        let is_search = matches!(
            name,
            "match" | "matchAll" | "replace" | "replaceAll" | "split" | "search"
        );
        let is_asked = matches!(name, "test" | "exec");
        let subject = match call.arguments.first().and_then(Argument::as_expression) {
            Some(first) if is_search => Some(first),
            _ if is_asked => Some(object),
            _ => None,
        };
        if let Some(subject) = subject {
            let subject = subject.get_inner_expression();
            let span = subject.span();
            if is_search {
                self.it.sought.insert(span);
            } else {
                self.it.tested.insert(span);
            }
            self.it.consumed.insert(span);
        }
        // `list.map((item, index, list) => …)` hands out the list itself.
        if calls_back(name) {
            let most = if name.starts_with("reduce") { 3 } else { 2 };
            let keeps_to_itself = call.arguments.iter().all(|a| match a.as_expression() {
                Some(e) => match e.get_inner_expression() {
                    Expression::ArrowFunctionExpression(f) => {
                        f.params.items.len() <= most && f.params.rest.is_none()
                    }
                    Expression::FunctionExpression(f) => {
                        f.params.items.len() <= most && f.params.rest.is_none()
                    }
                    other => !is_function(other) && self.holds(other) == Held::Inert,
                },
                None => false,
            });
            if !keeps_to_itself && let Expression::Identifier(name) = object.get_inner_expression()
            {
                self.it.handed_out.insert(name.span);
            }
        }
    }
}
