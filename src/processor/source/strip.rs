//! TypeScript made JavaScript where it stands: types become blanks, so that every line, column and
//! comment stays what and where the person wrote it.

use super::error::SourceError;
use super::files::Language;
use super::parse::{self, Parsed};
use super::{nesting, on_deep_stack};
use oxc_allocator::Allocator;
use oxc_ast::ast::{
    Class, ExportAllDeclaration, ExportDeclaration, ExportFromDeclaration, ExportNamedDeclaration,
    FormalParameter, Function, FunctionType, ImportDeclaration, ImportDeclarationSpecifier,
    ImportOrExportKind, Program, Statement, TSAsExpression, TSInstantiationExpression,
    TSInterfaceDeclaration, TSNonNullExpression, TSSatisfiesExpression, TSTypeAliasDeclaration,
    TSTypeAnnotation, TSTypeAssertion, TSTypeParameterDeclaration, TSTypeParameterInstantiation,
    VariableDeclaration, VariableDeclarator,
};
use oxc_ast_visit::{Visit, walk};
use oxc_codegen::{Codegen, CodegenOptions, CommentOptions};
use oxc_semantic::Scoping;
use oxc_span::{GetSpan, SourceType, Span};
use oxc_syntax::scope::ScopeFlags;
use oxc_transformer::{TransformOptions, Transformer};
use std::path::Path;

/// The same program without types. What is more than types (an enum, a parameter property) has to be
/// written anew, and then all of the file is: lines move, comments inside of expressions go.
///
/// # Errors
/// Syntax that is wrong or not supported, with its place.
pub fn strip_types(name: &str, text: &str) -> Result<String, SourceError> {
    let stack = nesting::stack_for(text).map_err(|why| SourceError::of_file(name, &why))?;
    on_deep_stack(stack.max(nesting::STACK), || strip(name, text))
        .unwrap_or_else(|why| Err(SourceError::of_file(name, &why)))
}

fn strip(name: &str, text: &str) -> Result<String, SourceError> {
    let allocator = Allocator::default();
    let parsed = parse::parse(&allocator, name, text, Language::of(name), false)
        .map_err(SourceError::new)?;
    let Parsed {
        mut program,
        scoping,
        is_script,
    } = parsed;
    if !program.source_type.is_typescript() {
        return Ok(text.to_owned());
    }
    let mut types = Types {
        text,
        scoping: &scoping,
        spans: Vec::new(),
    };
    types.visit_program(&program);
    let blanked = blank(text, types.spans);

    let options = TransformOptions::default();
    let transformed = Transformer::new(&allocator, Path::new(name), &options)
        .build_with_scoping(scoping, &mut program);
    if !transformed.diagnostics.is_empty() {
        let problems = transformed.diagnostics.iter();
        let problems = problems.map(|d| parse::to_problem(name, text, d).1);
        return Err(SourceError::new(problems.collect()));
    }
    // The blanks are right if and only if the same program comes of them.
    let source_type = SourceType::default().with_module(!is_script);
    let again = parse::attempt(&allocator, name, &blanked, source_type);
    if again.is_ok_and(|again| bare(&again.program) == bare(&program)) {
        return Ok(blanked);
    }
    Ok(Codegen::new().build(&program).code)
}

/// What a program does, whatever it looks like.
fn bare(program: &Program<'_>) -> String {
    let options = CodegenOptions {
        minify: true,
        comments: CommentOptions::disabled(),
        ..CodegenOptions::default()
    };
    Codegen::new().with_options(options).build(program).code
}

/// Blanks for the characters of these places; lines that have become blank end at once.
fn blank(text: &str, mut spans: Vec<Span>) -> String {
    spans.sort_unstable_by_key(|span| span.start);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for span in spans {
        let (start, end) = (span.start as usize, span.end as usize);
        if start < at {
            continue;
        }
        out.push_str(&text[at..start]);
        let kept = |c| if matches!(c, '\n' | '\r') { c } else { ' ' };
        out.extend(text[start..end].chars().map(kept));
        at = end;
    }
    out.push_str(&text[at..]);
    let mut lines = out.split('\n').zip(text.split('\n'));
    let mut trimmed = String::with_capacity(out.len());
    let mut is_first = true;
    for (line, before) in &mut lines {
        if !is_first {
            trimmed.push('\n');
        }
        is_first = false;
        trimmed.push_str(if line == before {
            line
        } else {
            line.trim_end()
        });
    }
    trimmed
}

/// Collects what is there for types only.
struct Types<'t> {
    text: &'t str,
    scoping: &'t Scoping,
    spans: Vec<Span>,
}

impl Types<'_> {
    fn drop(&mut self, start: u32, end: u32) {
        self.spans.push(Span::new(start, end));
    }

    /// From a place up to and with the comma that follows.
    fn drop_listed(&mut self, span: Span) {
        let rest = &self.text[span.end as usize..];
        let blanks = rest.len() - rest.trim_start().len();
        let comma = u32::from(rest.trim_start().starts_with(','));
        let after = u32::try_from(blanks).unwrap_or(0) + 1;
        self.drop(span.start, span.end + comma * after);
    }

    fn is_for_types(&self, specifier: &ImportDeclarationSpecifier<'_>) -> bool {
        let by_word = matches!(specifier, ImportDeclarationSpecifier::ImportSpecifier(named)
            if named.import_kind == ImportOrExportKind::Type);
        let symbol = specifier.local().symbol_id();
        let mut uses = self.scoping.get_resolved_references(symbol);
        by_word || !uses.any(|reference| reference.is_value())
    }
}

impl<'a> Visit<'a> for Types<'_> {
    fn visit_ts_type_annotation(&mut self, it: &TSTypeAnnotation<'a>) {
        self.spans.push(it.span);
    }

    fn visit_ts_type_parameter_declaration(&mut self, it: &TSTypeParameterDeclaration<'a>) {
        self.spans.push(it.span);
    }

    fn visit_ts_type_parameter_instantiation(&mut self, it: &TSTypeParameterInstantiation<'a>) {
        self.spans.push(it.span);
    }

    fn visit_ts_interface_declaration(&mut self, it: &TSInterfaceDeclaration<'a>) {
        self.spans.push(it.span);
    }

    fn visit_ts_type_alias_declaration(&mut self, it: &TSTypeAliasDeclaration<'a>) {
        self.spans.push(it.span);
    }

    fn visit_ts_as_expression(&mut self, it: &TSAsExpression<'a>) {
        self.drop(it.expression.span().end, it.span.end);
        self.visit_expression(&it.expression);
    }

    fn visit_ts_satisfies_expression(&mut self, it: &TSSatisfiesExpression<'a>) {
        self.drop(it.expression.span().end, it.span.end);
        self.visit_expression(&it.expression);
    }

    fn visit_ts_non_null_expression(&mut self, it: &TSNonNullExpression<'a>) {
        self.drop(it.expression.span().end, it.span.end);
        self.visit_expression(&it.expression);
    }

    fn visit_ts_instantiation_expression(&mut self, it: &TSInstantiationExpression<'a>) {
        self.drop(it.expression.span().end, it.span.end);
        self.visit_expression(&it.expression);
    }

    fn visit_ts_type_assertion(&mut self, it: &TSTypeAssertion<'a>) {
        self.drop(it.span.start, it.expression.span().start);
        self.visit_expression(&it.expression);
    }

    fn visit_formal_parameter(&mut self, it: &FormalParameter<'a>) {
        if it.optional {
            let annotated = it.type_annotation.as_ref().map(|types| types.span.start);
            self.drop(it.pattern.span().end, annotated.unwrap_or(it.span.end));
        }
        walk::walk_formal_parameter(self, it);
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if it.definite
            && let Some(annotation) = &it.type_annotation
        {
            self.drop(it.id.span().end, annotation.span.start);
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_variable_declaration(&mut self, it: &VariableDeclaration<'a>) {
        if it.declare {
            return self.spans.push(it.span);
        }
        walk::walk_variable_declaration(self, it);
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        if it.declare || it.r#type == FunctionType::TSDeclareFunction {
            return self.spans.push(it.span);
        }
        walk::walk_function(self, it, flags);
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        if let (Some(first), Some(last)) = (it.implements.first(), it.implements.last()) {
            let word = self.text[..first.span.start as usize].rfind("implements");
            let start = word.and_then(|at| u32::try_from(at).ok());
            self.drop(start.unwrap_or(first.span.start), last.span.end);
        }
        walk::walk_class(self, it);
    }

    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        let specifiers = it.specifiers.iter().flatten().collect::<Vec<_>>();
        let gone = specifiers.iter().filter(|s| self.is_for_types(s)).count();
        if it.import_kind == ImportOrExportKind::Type || (gone > 0 && gone == specifiers.len()) {
            return self.spans.push(it.span);
        }
        for specifier in specifiers {
            if self.is_for_types(specifier) {
                self.drop_listed(specifier.span());
            }
        }
    }

    fn visit_export_declaration(&mut self, it: &ExportDeclaration<'a>) {
        let before = self.spans.len();
        walk::walk_export_declaration(self, it);
        // All that it exports is a type.
        if self.spans.get(before) == Some(&it.declaration.span()) {
            self.spans.push(it.span);
        }
    }

    fn visit_export_named_declaration(&mut self, it: &ExportNamedDeclaration<'a>) {
        if it.export_kind == ImportOrExportKind::Type {
            return self.spans.push(it.span);
        }
        for specifier in &it.specifiers {
            if specifier.export_kind == ImportOrExportKind::Type {
                self.drop_listed(specifier.span);
            }
        }
    }

    fn visit_export_from_declaration(&mut self, it: &ExportFromDeclaration<'a>) {
        if it.export_kind == ImportOrExportKind::Type {
            return self.spans.push(it.span);
        }
        for specifier in &it.specifiers {
            if specifier.export_kind == ImportOrExportKind::Type {
                self.drop_listed(specifier.span);
            }
        }
    }

    fn visit_export_all_declaration(&mut self, it: &ExportAllDeclaration<'a>) {
        if it.export_kind == ImportOrExportKind::Type {
            self.spans.push(it.span);
        }
    }

    fn visit_statement(&mut self, it: &Statement<'a>) {
        let is_global = matches!(
            it,
            Statement::TSGlobalDeclaration(_) | Statement::TSExternalModuleDeclaration(_)
        );
        if is_global {
            return self.spans.push(it.span());
        }
        walk::walk_statement(self, it);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn stripped(text: &str) -> String {
        match strip_types("p.ts", text) {
            Ok(code) => code,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn types_become_blanks_and_all_else_stays_in_its_place() {
        let text = r#"// A comment — with “marks”.
import { type A, b, type C, d } from "./x.ts";
import { Only } from "./types.ts";
import type { Gone } from "./types.ts";
export type { Only };
interface State<T extends object = {}> {
  n: number; // of notes
}
export type Alias = A | C;
declare const outside: string;
function over(a: string): void;
function over(a: any, x?: number, ...rest: Only[]): asserts a is string { return b(a!, d as unknown); }
class K<T> extends Map<string, T> implements Iterable<Gone> { m<U>(this_: U) { return super.get("é") satisfies T | undefined; } }
export default /* kept */ {
  slug: "p",
  initialState: { n: 0 } satisfies State<{}> as State<{}>,
  reduce: ({ event, state }: { event: any; state: State<{}> }): State<{}> => ({ n: state.n + <number>event.payload.n }),
  async afterAppend(it: any) { let x!: K<string>; try { over<string>("x"); } catch (e: unknown) { it.append(x = new K<string>()); } },
};
"#;
        let code = stripped(text);
        for (line, before) in code.lines().zip(text.lines()) {
            let mut kept = before.chars();
            for c in line.chars().filter(|c| *c != ' ') {
                assert!(kept.any(|k| k == c), "{line}\n{before}");
            }
            let columns = line.chars().zip(before.chars());
            assert!(
                columns.into_iter().all(|(a, b)| a == b || a == ' '),
                "{line}\n{before}"
            );
        }
        assert_eq!(code.lines().count(), text.lines().count());
        for gone in [
            "interface",
            "Alias",
            "type ",
            "number",
            "implements",
            "declare",
            "asserts",
            ": any",
            "unknown",
            "!",
            "?",
        ] {
            assert!(!code.contains(gone), "{gone}:\n{code}");
        }
        for kept in [
            "// A comment — with “marks”.",
            "/* kept */",
            "import {         b,         d } from",
            "event.payload.n",
        ] {
            assert!(code.contains(kept), "{kept}:\n{code}");
        }
    }

    #[test]
    fn what_is_more_than_types_is_written_anew() {
        for text in [
            "enum Status { Idle = 'idle' }\nexport default { initialState: Status.Idle };",
            "class A { constructor(private n: number) {} }\nexport default { a: new A(1) };",
            "namespace N { export const one = 1; }\nexport default { one: N.one };",
            // A blank would join these two lines.
            "let a = 1\ntype T = string\n;[a] = [2]\nexport default { a };",
            "const f = (a: number): Array<\n  number\n> => [a];\nexport default { f };",
        ] {
            let code = stripped(text);
            let source = SourceType::default().with_module(true);
            let allocator = Allocator::default();
            assert!(
                parse::attempt(&allocator, "p.js", &code, source).is_ok(),
                "{code}"
            );
            assert!(
                !code.contains(": number") && !code.contains("namespace"),
                "{code}"
            );
        }
    }

    #[test]
    fn javascript_stays_as_it_is() {
        let text = "import unused from './x.js';\nconst processor = { reduce(events) { return events.length } }\n";
        assert_eq!(strip_types("p.js", text).as_deref(), Ok(text));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let error = strip_types("p.ts", "export default {\n  reduce(").unwrap_err();
        assert!(error.to_string().starts_with("p.ts:2:"), "{error}");
    }
}
