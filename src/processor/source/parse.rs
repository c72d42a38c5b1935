//! Telling JavaScript from TypeScript and a script from a module, by what can be parsed.

use super::Culprit;
use super::error::{Problem, problem_at};
use super::files::Language;
use oxc_allocator::Allocator;
use oxc_ast::ast::{Decorator, JSXElement, JSXFragment, Program};
use oxc_ast_visit::{Visit, walk};
use oxc_parser::{ParseOptions, Parser};
use oxc_semantic::{Scoping, SemanticBuilder};
use oxc_span::{GetSpan, SourceType, Span};

/// A source without syntax errors.
pub struct Parsed<'a> {
    /// The tree, with its names resolved.
    pub program: Program<'a>,
    /// What the names mean.
    pub scoping: Scoping,
    /// Not a module.
    pub is_script: bool,
}

/// Deepest nesting of brackets; the stack that compiling runs on has room for several times as much.
const MOST_NESTED: usize = 100_000;

/// Where brackets nest too deep. Counts those in strings too: text with so many more opening than
/// closing ones is no program anyone wrote.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    text.bytes().position(|byte| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MOST_NESTED
    })
}

/// Parses `text`. Whether it is a module is told by its content unless `module` says so.
pub fn parse<'a>(
    allocator: &'a Allocator,
    name: &str,
    text: &'a str,
    language: Language,
    module: bool,
) -> Result<Parsed<'a>, Vec<Problem>> {
    if let Some(at) = too_deep(text) {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        let message = format!("more than {MOST_NESTED} brackets within each other");
        return Err(vec![problem_at(name, text, at, at, message)]);
    }
    let tried: &[SourceType] = match language {
        Language::TypeScript => &[SourceType::ts()],
        Language::Tsx => &[SourceType::tsx()],
        // People paste TypeScript into files of any name.
        Language::JavaScript => &[SourceType::unambiguous().with_jsx(true), SourceType::ts()],
        // `f<T>(x)` is also JavaScript, but means it seldom.
        Language::Unknown => &[SourceType::ts(), SourceType::unambiguous()],
    };
    let mut best: Option<(u32, Vec<Problem>)> = None;
    for source_type in tried {
        // Without import and export only top-level await makes a module.
        for as_module in [false, true] {
            if module && !as_module {
                continue;
            }
            let source_type = if as_module {
                source_type.with_module(true)
            } else {
                source_type.with_unambiguous(true)
            };
            match attempt(allocator, name, text, source_type) {
                Ok(parsed) => return Ok(parsed),
                // The reading that got furthest says best what is wrong.
                Err((at, problems)) => {
                    if best.as_ref().is_none_or(|(furthest, _)| at > *furthest) {
                        best = Some((at, problems));
                    }
                }
            }
        }
    }
    Err(best.map(|(_, problems)| problems).unwrap_or_default())
}

/// One reading of `text`; or how far it got, and what stopped it.
pub fn attempt<'a>(
    allocator: &'a Allocator,
    name: &str,
    text: &'a str,
    source_type: SourceType,
) -> Result<Parsed<'a>, (u32, Vec<Problem>)> {
    let options = ParseOptions {
        parse_regular_expression: true,
        ..ParseOptions::default()
    };
    let parsed = Parser::new(allocator, text, source_type)
        .with_options(options)
        .parse();
    let program = parsed.program;
    let mut found = Vec::new();
    let mut report = |diagnostics: &[oxc_diagnostics::OxcDiagnostic]| {
        for diagnostic in diagnostics {
            found.push(to_problem(name, text, diagnostic));
        }
    };
    report(&parsed.diagnostics);
    if parsed.panicked || !parsed.diagnostics.is_empty() {
        return Err(furthest(found));
    }
    let semantic = SemanticBuilder::new_compiler()
        .with_enum_eval(true)
        .with_excess_capacity(2.0)
        .build(&program);
    report(&semantic.diagnostics);
    if !semantic.diagnostics.is_empty() {
        return Err(furthest(found));
    }
    let scoping = semantic.semantic.into_scoping();
    let mut unsupported = Unsupported::default();
    unsupported.visit_program(&program);
    if let Some((span, message, help)) = unsupported.first {
        let mut problem = problem_at(name, text, span.start, span.end, message);
        problem.help = Some(help.to_owned());
        // Nothing else can be wrong: this reading wins.
        return Err((u32::MAX, vec![problem]));
    }
    let is_script = !program.source_type.is_module();
    Ok(Parsed {
        program,
        scoping,
        is_script,
    })
}

fn furthest(found: Vec<(u32, Problem)>) -> (u32, Vec<Problem>) {
    let at = found.iter().map(|(at, _)| *at).min().unwrap_or(0);
    (at, found.into_iter().map(|(_, problem)| problem).collect())
}

/// The compiler's own report of a problem, with its first place.
pub fn to_problem(
    name: &str,
    text: &str,
    diagnostic: &oxc_diagnostics::OxcDiagnostic,
) -> (u32, Problem) {
    let (start, end) = diagnostic.labels.first().map_or((0, 0), |label| {
        let start = label.offset();
        (start, start.saturating_add(label.len()))
    });
    let mut problem = problem_at(name, text, start, end, diagnostic.message.to_string());
    problem.help = diagnostic.help.as_ref().map(ToString::to_string);
    (start, problem)
}

/// Looks for syntax that parses but that the engine does not have.
#[derive(Default)]
struct Unsupported {
    first: Option<(Span, &'static str, &'static str)>,
}

impl Unsupported {
    fn found(&mut self, span: Span, message: &'static str, help: &'static str) {
        self.first.get_or_insert((span, message, help));
    }

    fn jsx(&mut self, span: Span) {
        self.found(
            span,
            "JSX is not supported in a processor",
            "build it to plain JavaScript first",
        );
    }
}

impl<'a> Visit<'a> for Unsupported {
    fn visit_decorator(&mut self, it: &Decorator<'a>) {
        self.found(
            it.span(),
            "decorators are not supported in a processor",
            "call the decorating function by hand, or build to plain JavaScript first",
        );
        walk::walk_decorator(self, it);
    }

    fn visit_jsx_element(&mut self, it: &JSXElement<'a>) {
        self.jsx(it.span);
    }

    fn visit_jsx_fragment(&mut self, it: &JSXFragment<'a>) {
        self.jsx(it.span);
    }
}

/// See [`super::own_slug`].
pub fn own_slug(text: &str) -> Option<String> {
    let allocator = Allocator::default();
    let parsed = parse(&allocator, "", text, Language::Unknown, false).ok()?;
    super::entry::own_slug(&parsed.program)
}

/// See [`super::blame`].
pub fn blame(name: &str, text: &str, culprit: Culprit<'_>, message: &str) -> Option<Problem> {
    let allocator = Allocator::default();
    let parsed = parse(&allocator, name, text, Language::of(name), false).ok()?;
    let span = super::entry::place(&parsed.program, culprit)?;
    // Of a whole statement, its first line.
    let len = text[span.start as usize..]
        .lines()
        .next()
        .map_or(0, str::len);
    let end = span
        .end
        .min(span.start + u32::try_from(len).unwrap_or(u32::MAX));
    Some(problem_at(name, text, span.start, end, message))
}
