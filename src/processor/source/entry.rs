//! Sees to it that the processor of an entry module can be found among its exports (SPEC §9).

use super::Culprit;
use oxc_allocator::Allocator;
use oxc_ast::ast::{
    BindingPattern, Declaration, ExportDefaultDeclarationKind, Expression, ImportDefaultSpecifier,
    ImportSpecifier, ModuleExportName, ObjectExpression, ObjectProperty, ObjectPropertyKind,
    Program, Statement,
};
use oxc_ast::builder::AstBuilder;
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan, Span};

/// What an entry module exports and binds at its top.
#[derive(Default)]
struct Top {
    exports: Vec<String>,
    has_star: bool,
    binds_processor: bool,
}

/// Exports what the person left unexported: a top-level `processor`, or else, in a module without
/// any export, the value of the last expression. Gives text to append to the generated code.
pub fn expose<'a>(allocator: &'a Allocator, program: &mut Program<'a>) -> &'static str {
    let top = Top::of(program);
    let is_found = top
        .exports
        .iter()
        .any(|e| e == "default" || e == "processor")
        || (top.exports.len() == 1 && !top.has_star);
    if is_found {
        return "";
    }
    if top.binds_processor {
        return "\nexport { processor };\n";
    }
    if top.exports.is_empty() && !top.has_star {
        export_last(allocator, program);
    }
    ""
}

fn export_last<'a>(allocator: &'a Allocator, program: &mut Program<'a>) {
    // Type declarations that follow it are gone by now; empty statements are nothing.
    let last = program
        .body
        .iter_mut()
        .rev()
        .find(|s| !matches!(s, Statement::EmptyStatement(_)) && !is_empty_export(s));
    let Some(statement) = last else { return };
    let Statement::ExpressionStatement(expression) = statement else {
        return;
    };
    let builder = AstBuilder::new(allocator);
    let span = expression.span;
    let null = Expression::new_null_literal(span, &builder);
    let value = std::mem::replace(&mut expression.expression, null);
    let value = ExportDefaultDeclarationKind::from(value);
    *statement = Statement::new_export_default_declaration(span, value, &builder);
}

fn is_empty_export(statement: &Statement<'_>) -> bool {
    matches!(statement, Statement::ExportNamedDeclaration(e) if e.specifiers.is_empty())
}

impl Top {
    fn of(program: &Program<'_>) -> Top {
        let mut top = Top::default();
        for statement in &program.body {
            top.statement(statement);
        }
        top
    }

    fn statement(&mut self, statement: &Statement<'_>) {
        match statement {
            Statement::ExportDefaultDeclaration(export) => {
                self.exports.push("default".into());
                if let ExportDefaultDeclarationKind::FunctionDeclaration(f) = &export.declaration {
                    self.bind(f.id.as_ref().map(|id| id.name.as_str()));
                }
            }
            Statement::ExportDeclaration(export) => {
                let mut names = Vec::new();
                declared(&export.declaration, &mut names);
                self.exports.append(&mut names);
            }
            Statement::ExportNamedDeclaration(export) => {
                self.exports
                    .extend(export.specifiers.iter().map(|s| exported(&s.exported)));
            }
            Statement::ExportFromDeclaration(export) => {
                self.exports
                    .extend(export.specifiers.iter().map(|s| exported(&s.exported)));
            }
            Statement::ExportAllDeclaration(export) => match &export.exported {
                Some(name) => self.exports.push(exported(name)),
                None => self.has_star = true,
            },
            Statement::ImportDeclaration(import) => {
                for specifier in import.specifiers.iter().flatten() {
                    self.bind(Some(&specifier.name()));
                }
            }
            Statement::FunctionDeclaration(f) => {
                self.bind(f.id.as_ref().map(|id| id.name.as_str()))
            }
            Statement::ClassDeclaration(c) => self.bind(c.id.as_ref().map(|id| id.name.as_str())),
            Statement::VariableDeclaration(variables) => {
                let mut names = Vec::new();
                for variable in &variables.declarations {
                    bound(&variable.id, &mut names);
                }
                for name in names {
                    self.bind(Some(&name));
                }
            }
            _ => {}
        }
    }

    fn bind(&mut self, name: Option<&str>) {
        self.binds_processor |= name == Some("processor");
    }
}

fn exported(name: &ModuleExportName<'_>) -> String {
    name.name().to_string()
}

fn declared(declaration: &Declaration<'_>, names: &mut Vec<String>) {
    match declaration {
        Declaration::VariableDeclaration(variables) => {
            for variable in &variables.declarations {
                bound(&variable.id, names);
            }
        }
        _ => names.extend(declaration.id().map(|id| id.name.to_string())),
    }
}

fn bound(pattern: &BindingPattern<'_>, names: &mut Vec<String>) {
    names.extend(
        pattern
            .get_binding_identifiers()
            .iter()
            .map(|id| id.name.to_string()),
    );
}

/// The `slug` that a processor gives itself, where it can be read without running it: the first
/// `slug: "…"` property of an object, or of a class, that has a `reduce` too.
pub fn own_slug(program: &Program<'_>) -> Option<String> {
    #[derive(Default)]
    struct Find(Option<String>);

    impl<'a> Visit<'a> for Find {
        fn visit_object_expression(&mut self, object: &ObjectExpression<'a>) {
            let property = |name: &str| {
                object.properties.iter().find_map(|p| match p {
                    ObjectPropertyKind::ObjectProperty(p)
                        if p.key.static_name().as_deref() == Some(name) =>
                    {
                        Some(&p.value)
                    }
                    _ => None,
                })
            };
            if property("reduce").is_some()
                && let Some(slug) = property("slug")
            {
                let slug = match slug.get_inner_expression() {
                    Expression::StringLiteral(text) => Some(text.value.to_string()),
                    Expression::TemplateLiteral(text) => text.single_quasi().map(|t| t.to_string()),
                    _ => None,
                };
                self.0 = self.0.take().or(slug);
            }
            walk::walk_object_expression(self, object);
        }
    }

    let mut find = Find::default();
    find.visit_program(program);
    find.0.filter(|slug| !slug.trim().is_empty())
}

/// Where a culprit is; the processor itself is what is exported as default, or named `processor`, or
/// comes last.
pub fn place(program: &Program<'_>, culprit: Culprit<'_>) -> Option<Span> {
    struct Find<'m>(Culprit<'m>, Option<Span>);

    impl<'a> Visit<'a> for Find<'_> {
        fn visit_object_property(&mut self, property: &ObjectProperty<'a>) {
            if let Culprit::Member(name) = self.0
                && property.key.static_name().as_deref() == Some(name)
            {
                self.1.get_or_insert(property.key.span());
            }
            walk::walk_object_property(self, property);
        }

        fn visit_import_specifier(&mut self, import: &ImportSpecifier<'a>) {
            if matches!(self.0, Culprit::Import(name) if import.imported.name() == name) {
                self.1.get_or_insert(import.span);
            }
        }

        fn visit_import_default_specifier(&mut self, import: &ImportDefaultSpecifier<'a>) {
            if self.0 == Culprit::Import("default") {
                self.1.get_or_insert(import.span);
            }
        }
    }

    let mut find = Find(culprit, None);
    find.visit_program(program);
    if find.1.is_some() || matches!(culprit, Culprit::Import(_)) {
        return find.1;
    }
    let is_default = |s: &&Statement<'_>| matches!(s, Statement::ExportDefaultDeclaration(_));
    let binds = |statement: &&Statement<'_>| {
        let mut top = Top::default();
        top.statement(statement);
        top.binds_processor || top.exports.iter().any(|name| name == "processor")
    };
    let body = &program.body;
    let statement = body.iter().find(is_default);
    let statement = statement.or_else(|| body.iter().find(binds));
    statement.or_else(|| body.last()).map(GetSpan::span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxc_parser::Parser;
    use oxc_span::SourceType;

    #[test]
    fn slugs_are_read_without_running() {
        for (code, want) in [
            (
                "export default { slug: 'agent', reduce() {} }",
                Some("agent"),
            ),
            (
                "defineProcessor(() => ({ slug: `a-b`, initialState: {}, reduce() {} }))",
                Some("a-b"),
            ),
            (
                "const processor = { reduce, slug: 'x' as const }",
                Some("x"),
            ),
            (
                "const tool = { slug: 'tool' }; export default { reduce() {} }",
                None,
            ),
            (
                "const s = 'x'; export default { slug: s, reduce() {} }",
                None,
            ),
            ("export default { slug: '', reduce() {} }", None),
        ] {
            let allocator = Allocator::default();
            let program = Parser::new(&allocator, code, SourceType::ts())
                .parse()
                .program;
            assert_eq!(own_slug(&program).as_deref(), want, "{code}");
        }
    }

    #[test]
    fn spans_of_an_exposed_expression_stay() {
        let allocator = Allocator::default();
        let code = "import a from 'a'; a(() => 1);";
        let mut program = Parser::new(&allocator, code, SourceType::mjs())
            .parse()
            .program;
        assert_eq!(expose(&allocator, &mut program), "");
        let last = program.body.last().map(|s| s.span().source_text(code));
        assert_eq!(last, Some("a(() => 1);"));
        assert!(matches!(
            program.body.last(),
            Some(Statement::ExportDefaultDeclaration(_))
        ));
    }
}
