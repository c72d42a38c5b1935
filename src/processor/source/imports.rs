//! Ties a module's imports to the names that other modules have in the program.

use super::error::{Problem, problem_at};
use super::resolve::Target;
use oxc_allocator::{Allocator, ArenaVec};
use oxc_ast::ast::{
    ExportAllDeclaration, ExportFromDeclaration, Expression, ImportDeclaration,
    ImportDeclarationSpecifier, ImportExpression, ModuleExportName, Program, StringLiteral,
};
use oxc_ast::builder::AstBuilder;
use oxc_ast_visit::{VisitJsMut, walk_js_mut as walk};
use oxc_span::{GetSpan, Span};
use std::collections::BTreeSet;

/// Resolves a specifier; an error is (message, help).
pub type Resolve<'r> = dyn FnMut(&str) -> Result<Target, (String, String)> + Send + 'r;

/// Where imports of a module lead.
#[derive(Default)]
pub struct Imports {
    /// Files of the program, in order of appearance.
    pub files: Vec<String>,
    /// The SDK is imported.
    pub sdk: bool,
    /// What is imported from the SDK by name.
    pub sdk_names: BTreeSet<String>,
    /// Messages of dynamic imports that can never succeed; each has become the import of
    /// [`unresolved_name`] with this module and its index.
    pub unresolved: Vec<String>,
}

/// Names of modules that only throw begin so.
pub const UNRESOLVED: &str = "evtui:unresolved/";

/// The name of a module that throws what is wrong with a dynamic import.
pub fn unresolved_name(module: &str, index: usize) -> String {
    format!("{UNRESOLVED}{module}#{index}")
}

/// Rewrites the specifiers of `program`.
///
/// # Errors
/// The static imports that cannot be resolved. Dynamic ones may never be reached (a hook does not
/// run in replay): they are told when they run.
pub fn tie<'a>(
    allocator: &'a Allocator,
    name: &str,
    text: &str,
    program: &mut Program<'a>,
    resolve: &mut Resolve<'_>,
) -> Result<Imports, Vec<Problem>> {
    let mut tie = Tie {
        allocator,
        name,
        text,
        resolve,
        imports: Imports::default(),
        problems: Vec::new(),
    };
    tie.visit_program(program);
    if tie.problems.is_empty() {
        Ok(tie.imports)
    } else {
        Err(tie.problems)
    }
}

struct Tie<'a, 'r> {
    allocator: &'a Allocator,
    name: &'r str,
    text: &'r str,
    resolve: &'r mut Resolve<'r>,
    imports: Imports,
    problems: Vec<Problem>,
}

impl<'a> Tie<'a, '_> {
    /// True when it leads to the SDK.
    fn source(&mut self, source: &mut StringLiteral<'a>) -> bool {
        match (self.resolve)(&source.value) {
            Ok(target) => {
                let is_sdk = target == Target::Sdk;
                let name = self.note(target);
                self.set(source, &name);
                is_sdk
            }
            Err((message, help)) => {
                let span = source.span;
                let mut problem = problem_at(self.name, self.text, span.start, span.end, message);
                problem.help = Some(help);
                self.problems.push(problem);
                false
            }
        }
    }

    fn note(&mut self, target: Target) -> String {
        match target {
            Target::File(file) => {
                if !self.imports.files.contains(&file) {
                    self.imports.files.push(file.clone());
                }
                file
            }
            Target::Sdk => {
                self.imports.sdk = true;
                super::shim::NAME.to_owned()
            }
        }
    }

    fn set(&self, source: &mut StringLiteral<'a>, name: &str) {
        source.value = self.allocator.alloc_str(name).into();
        source.raw = None;
    }

    fn sdk_name(&mut self, name: &ModuleExportName<'a>) {
        self.imports.sdk_names.insert(name.name().to_string());
    }

    /// Makes a dynamic import one that rejects with `message`.
    fn refuse(&mut self, span: Span, message: &str, help: &str) -> Expression<'a> {
        let problem = problem_at(self.name, self.text, span.start, span.end, "");
        let (line, column) = problem.at.unwrap_or_default();
        let name = unresolved_name(self.name, self.imports.unresolved.len());
        self.imports
            .unresolved
            .push(format!("{}:{line}:{column}: {message} ({help})", self.name));
        Expression::new_string_literal(
            span,
            self.allocator.alloc_str(&name) as &str,
            None,
            &AstBuilder::new(self.allocator),
        )
    }
}

impl<'a> VisitJsMut<'a> for Tie<'a, '_> {
    fn visit_import_declaration(&mut self, it: &mut ImportDeclaration<'a>) {
        it.with_clause = None;
        it.phase = None;
        if self.source(&mut it.source) {
            for specifier in it.specifiers.iter().flatten() {
                if let ImportDeclarationSpecifier::ImportSpecifier(specifier) = specifier {
                    self.sdk_name(&specifier.imported);
                }
            }
        }
    }

    fn visit_export_from_declaration(&mut self, it: &mut ExportFromDeclaration<'a>) {
        it.with_clause = None;
        if self.source(&mut it.source) {
            for specifier in &it.specifiers {
                self.sdk_name(&specifier.local);
            }
        }
    }

    fn visit_export_all_declaration(&mut self, it: &mut ExportAllDeclaration<'a>) {
        it.with_clause = None;
        self.source(&mut it.source);
    }

    fn visit_import_expression(&mut self, it: &mut ImportExpression<'a>) {
        it.phase = None;
        let literal = match it.source.get_inner_expression() {
            Expression::StringLiteral(literal) => Some(literal.value),
            Expression::TemplateLiteral(template) => template.single_quasi(),
            _ => None,
        };
        let span = it.source.span();
        let builder = AstBuilder::new(self.allocator);
        let Some(specifier) = literal else {
            // What it is computed from still runs, before the refusal.
            walk::walk_import_expression(self, it);
            let refused = self.refuse(
                span,
                "cannot import what is only known when it runs",
                "import() takes a literal \"./file\" in a processor",
            );
            let mut both = ArenaVec::new_in(&self.allocator);
            let null = Expression::new_null_literal(span, &builder);
            both.push(std::mem::replace(&mut it.source, null));
            both.push(refused);
            it.source = Expression::new_sequence_expression(span, both, &builder);
            it.options = None;
            return;
        };
        it.options = None;
        it.source = match (self.resolve)(&specifier) {
            Ok(target) => {
                let is_sdk = target == Target::Sdk;
                let name = self.note(target);
                debug_assert!(!is_sdk || self.imports.sdk);
                Expression::new_string_literal(
                    span,
                    self.allocator.alloc_str(&name) as &str,
                    None,
                    &builder,
                )
            }
            Err((message, help)) => self.refuse(span, &message, &help),
        };
    }
}
