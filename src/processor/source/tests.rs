//! Preparing: types, modules, imports, errors, positions.

use super::*;
use crate::processor::program::Module;

fn script(text: &str) -> Result<Program, SourceError> {
    prepare(&Input::Script {
        slug: "agent".into(),
        text: text.into(),
    })
}

fn modules(files: &[(&str, &str)]) -> Result<Program, SourceError> {
    prepare(&Input::Modules(
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), ModuleText::Code((*text).to_owned())))
            .collect(),
    ))
}

#[track_caller]
fn code(text: &str) -> String {
    match script(text) {
        Ok(program) => program.modules[0].code.clone(),
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn error(program: Result<Program, SourceError>) -> String {
    match program {
        Ok(program) => panic!("prepared: {}", program.modules[0].code),
        Err(error) => error.to_string(),
    }
}

fn names(program: &Program) -> Vec<&str> {
    program.modules.iter().map(|m| m.name.as_str()).collect()
}

#[test]
fn types_vanish_and_meaning_stays() {
    let code = code(
        r#"
import type { Event } from "somewhere-without-code";
import { type Other, Gone } from "elsewhere";
enum Color { Red, Green = "g", Blue = 1 << 3 }
const enum Small { A = 1, B }
namespace Tools { export const twice = (n: number) => n * 2; export namespace Deep { export const x = 1 } }
abstract class Base<T extends object> { declare gone: string; abstract f(): void; constructor(private readonly a: T, public b = 2) {} }
interface State { n: number }
type Alias = Gone | Other;
declare const window: unknown;
function over(a: string): void;
function over(a: any) { return a!; }
const state = { n: 0 } satisfies State as const;
let assured!: number;
const generic = new Map<string, Array<number>>();
const call = over<string>("x" as any as string);
export default { reduce<S>(this: void, { state, event }: { state: S; event: Event }): S { return state; } };
"#,
    );
    for gone in [
        "import",
        "interface",
        "type Alias",
        "declare",
        "abstract",
        "satisfies",
        "private",
        "readonly",
        "Map<",
        "over<",
        "reduce<",
        ": number",
        ": string",
        "as any",
        "a!",
        "assured!",
    ] {
        assert!(!code.contains(gone), "{gone:?} in\n{code}");
    }
    for kept in [
        "Red",
        "\"g\"",
        "8",
        "Small",
        "Tools",
        "twice",
        "this.a = a",
        "this.b = b",
    ] {
        assert!(code.contains(kept), "{kept:?} not in\n{code}");
    }
}

#[test]
fn scripts_are_told_from_modules() {
    for (text, is_script) in [
        (
            "const processor = { reduce(events) { return events } }",
            true,
        ),
        ("({ reduce(events) { return events } })", true),
        ("with ({}) {}; processor = 1", true),
        ("export default {}", false),
        ("import 'ai-engineer-workshop'; const processor = {}", false),
        ("import type { X } from 'x'; const processor: X = {}", false),
        ("const processor = await Promise.resolve({})", false),
        ("const url = import.meta.url", false),
        ("const f = async () => { await 1 }", true),
        ("const f = () => import('ai-engineer-workshop')", true),
    ] {
        let program = script(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(program.is_script, is_script, "{text}");
    }
}

#[test]
fn an_unexported_processor_is_exported() {
    for (text, want) in [
        (
            "import 'ai-engineer-workshop'; const processor = {}",
            Some("export { processor };"),
        ),
        (
            "export const a = 1, b = 2; const processor = {}",
            Some("export { processor };"),
        ),
        (
            "export * from 'ai-engineer-workshop'; let processor = {}",
            Some("export { processor };"),
        ),
        (
            "import { defineProcessor as d } from 'ai-engineer-workshop'; d(() => ({}));",
            Some("export default d(() => ({}));"),
        ),
        (
            "import type { X } from 'x'; ({ reduce() {} }); type Y = X;",
            Some("export default"),
        ),
        ("await 1; ({ reduce() {} })", Some("export default")),
        ("export default 1; const processor = {}", None),
        ("export const only = {}; const processor = {}", None),
        ("const p = {}; export { p as processor }", None),
        ("const processor = {}; export { processor }", None),
        ("export const a = 1, b = 2; a;", None),
    ] {
        let plain = code(text);
        match want {
            Some(want) => assert!(plain.contains(want), "{text}:\n{plain}"),
            None => {
                let count = |t: &str| t.matches("export").count();
                assert_eq!(count(&plain), count(text), "{text}:\n{plain}");
            }
        }
    }
}

#[test]
fn a_modules_map_is_followed_from_its_entry() {
    let program = modules(&[
        ("processor.ts", "import { a } from './lib/a.js'; import data from './data.json'; export default { a, data }"),
        ("./lib/a.ts", "import { b } from '../b'; export const a = b;"),
        ("b.mjs", "import './lib/a'; export const b = 1; export const lazy = () => import('./lazy');"),
        ("lazy.ts", "export {}"),
        ("unused.ts", "this is not even code"),
        ("data.json", "{\"__proto__\": 1}"),
    ])
    .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        names(&program),
        ["processor.ts", "lib/a.ts", "data.json", "b.mjs", "lazy.ts"]
    );
    assert!(program.modules[0].code.contains("from \"lib/a.ts\""));
    assert!(program.modules[1].code.contains("from \"b.mjs\""));
    assert!(
        program.modules[2]
            .code
            .starts_with("export default JSON.parse(")
    );
    assert!(program.modules[3].code.contains("import \"lib/a.ts\""));
    assert!(program.modules[3].code.contains("import(\"lazy.ts\")"));
    assert!(!program.is_script);
}

#[test]
fn the_entry_of_a_map() {
    for (files, want) in [
        (&["only.js"][..], "only.js"),
        (&["a.ts", "processor.ts"], "processor.ts"),
        (&["a.ts", "index.js", "main.ts"], "index.js"),
        (&["a.ts", "src/index.ts"], "src/index.ts"),
    ] {
        let files: Vec<_> = files.iter().map(|f| (*f, "export default {}")).collect();
        let program = modules(&files).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(program.modules[0].name, want);
    }
    let program = modules(&[
        ("a.ts", "export const a = 1"),
        ("agent.ts", "import { a } from './a'; export default { a }"),
    ])
    .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(program.modules[0].name, "agent.ts");
    let two = error(modules(&[("a.ts", "export {}"), ("b.ts", "export {}")]));
    assert!(two.contains("a.ts, b.ts"), "{two}");
    assert!(error(modules(&[])).contains("empty"));
}

#[test]
fn the_sdk_is_a_module_and_what_it_lacks_refuses() {
    let program = script(
        "import { defineProcessor, EventsClient, Surprise } from '@iterate-labs/ai-engineer-workshop';\n\
         import * as sdk from 'ai-engineer-workshop';\n\
         EventsClient; Surprise; sdk;\n\
         export default defineProcessor(() => ({}))",
    )
    .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(names(&program), ["agent", "ai-engineer-workshop"]);
    let sdk = &program.modules[1].code;
    for name in ["EventsClient", "createEventsClient", "Surprise"] {
        assert!(sdk.contains(&format!("as \"{name}\"")), "{name} in\n{sdk}");
    }
    assert!(!sdk.contains("as \"defineProcessor\""));
}

#[test]
fn what_cannot_be_imported_is_told_with_its_place() {
    let text = error(script(
        "const a = 1;\nimport { z } from 'zod';\nexport default { z }",
    ));
    assert!(
        text.starts_with("agent:2:19: cannot import \"zod\""),
        "{text}"
    );
    assert!(
        text.contains("  2 | import { z } from 'zod';\n    |                   ^^^^^"),
        "{text}"
    );
    assert!(text.contains("bundle"), "{text}");
    assert!(error(script("import './x'")).contains("stands alone"));
    assert!(error(script("import 'node:fs'")).contains("Node.js"));
    let map = error(modules(&[("processor.ts", "import './gone.ts'")]));
    assert!(
        map.contains("processor.ts:1:8") && map.contains("no such file"),
        "{map}"
    );
}

#[test]
fn a_dynamic_import_that_leads_nowhere_fails_when_it_runs() {
    let program = script(
        "export default { async afterAppend(s, e) { await import('openai'); await import(e.type, {}); } }",
    )
    .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        names(&program),
        [
            "agent",
            "evtui:unresolved/agent#0",
            "evtui:unresolved/agent#1"
        ]
    );
    let entry = &program.modules[0].code;
    assert!(
        entry.contains("import(\"evtui:unresolved/agent#0\")"),
        "{entry}"
    );
    assert!(
        entry.contains("import((e.type, \"evtui:unresolved/agent#1\"))"),
        "{entry}"
    );
    let thrown = &program.modules[1].code;
    assert!(
        thrown.contains("agent:1:57: cannot import \\\"openai\\\""),
        "{thrown}"
    );
}

#[test]
fn syntax_errors_show_line_and_caret() {
    let text = error(script("const fine = 1;\n\tconst broken = = 2;\n"));
    assert!(text.starts_with("agent:2:17: "), "{text}");
    assert!(
        text.contains("\n  2 | \tconst broken = = 2;\n    | \t               ^"),
        "{text}"
    );
    for wrong in [
        "const x: = 1;",
        "let a; let a;",
        "return 1",
        "const a = <div/>;",
        "@d class A {}",
        "export default { reduce( }",
        "'unterminated",
        "/(/.test('')",
        "import x from 'ai-engineer-workshop'; import x from 'ai-engineer-workshop';",
        "namespace N { export let x = 1 }",
        "break;",
        "{",
    ] {
        let text = error(script(wrong));
        assert!(
            text.contains("agent:1:") && text.contains('^'),
            "{wrong}: {text}"
        );
    }
    let many = error(script(&"let a;\n".repeat(9)));
    assert!(many.contains("more errors"), "{many}");
    assert!(many.matches('^').count() <= 6, "{many}");
}

#[test]
fn jsx_and_decorators_are_named() {
    let jsx = error(modules(&[("processor.tsx", "export default <div/>")]));
    assert!(jsx.contains("JSX"), "{jsx}");
    assert!(error(script("@d class A {}")).contains("decorators"));
}

#[test]
fn a_long_line_is_cut_around_the_column() {
    let text = error(script(&format!(
        "{};let 1;{}",
        "a;".repeat(3000),
        "b;".repeat(3000)
    )));
    let line = text.lines().nth(1).unwrap_or_default();
    assert!(line.chars().count() < 120, "{line}");
    let caret = text.lines().nth(2).and_then(|l| l.find('^')).unwrap_or(0);
    assert_eq!(line.get(caret..=caret), Some("1"), "{text}");
}

#[test]
fn too_much_source_and_data_as_processor_are_refused() {
    assert!(error(script(&" ".repeat(MAX_SOURCE_BYTES + 1))).contains("too large"));
    assert!(error(modules(&[("processor.json", "{}")])).contains("processor"));
    let data = prepare(&Input::Modules(BTreeMap::from([
        (
            "processor.ts".into(),
            ModuleText::Code("import x from './x.json'; export default x".into()),
        ),
        ("x.json".into(), ModuleText::Json("{".into())),
    ])));
    assert!(error(data).contains("x.json: is not JSON"));
}

#[test]
fn files_on_disk() -> std::io::Result<()> {
    let dir = tempfile::tempdir()?;
    let root = dir.path();
    std::fs::create_dir_all(root.join("agents/lib"))?;
    std::fs::write(
        root.join("agents/p.ts"),
        "\u{feff}import { x } from './lib';\nimport y from '../shared.js';\nexport default { x, y }",
    )?;
    std::fs::write(
        root.join("agents/lib/index.ts"),
        "export const x: number = 1",
    )?;
    std::fs::write(root.join("shared.ts"), "export default 2")?;
    let program = prepare(&Input::File(root.join("agents/p.ts"))).unwrap_or_else(|e| panic!("{e}"));
    let base = root.to_string_lossy();
    assert_eq!(
        names(&program),
        [
            format!("{base}/agents/p.ts"),
            format!("{base}/agents/lib/index.ts"),
            format!("{base}/shared.ts")
        ]
    );
    let gone = error(prepare(&Input::File(root.join("gone.ts"))));
    assert!(gone.contains("gone.ts: cannot read the file"), "{gone}");
    std::fs::write(root.join("bin.ts"), [0xff, 0xfe])?;
    assert!(error(prepare(&Input::File(root.join("bin.ts")))).contains("not UTF-8"));
    Ok(())
}

#[test]
fn stacks_are_mapped_to_the_source() {
    let source = "interface Gone {\n  a: string;\n}\nconst é = '😀'; const processor = {\n    reduce(events: Gone[]): never {\n        throw new Error(`${[...events, 1].length}`); },\n};\n";
    let program = script(source).unwrap_or_else(|e| panic!("{e}"));
    let module: &Module = &program.modules[0];
    let place = |needle: &str, text: &str| -> (u32, u32) {
        let at = text
            .find(needle)
            .unwrap_or_else(|| panic!("{needle} in {text}"));
        let before = &text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        (line as u32, column as u32)
    };
    for needle in ["new Error", "reduce", "throw"] {
        let (line, column) = place(needle, &module.code);
        let (want_line, want_column) = place(needle, source);
        assert_eq!(
            map_position(module, line, column),
            Some(("agent".to_owned(), want_line, want_column)),
            "{needle} in\n{}",
            module.code
        );
    }
    let (line, column) = place("__evtui_spread", &module.code);
    assert_eq!(
        map_position(module, line, column).map(|(_, l, c)| (l, c)),
        Some(place("[...events", source))
    );
    let (line, column) = place("new Error", &module.code);
    let stack = format!(
        "at __evtui_spread (native)\n    at reduce (agent:{line}:{column})\n    at map (native)\n    at <main> (other.ts:1:1)\nat x (agent:?:?)"
    );
    let (want_line, want_column) = place("new Error", source);
    assert_eq!(
        map_stack(&program, &stack),
        format!(
            "    at reduce (agent:{want_line}:{want_column})\n    at map (native)\n    at <main> (other.ts:1:1)\nat x (agent:?:?)"
        )
    );
}

#[test]
fn deep_nesting_does_not_end_the_program() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("!", ""),
        ("1+", ""),
        ("a=>", ""),
        ("if(1)", ""),
        ("1?1:", ""),
        ("if(1);else ", ""),
        ("typeof ", ""),
        ("new ", ""),
        ("b[", "]"),
        ("`${", "}`"),
        ("({a:", "})"),
        ("async()=>", ""),
        ("(function(){", "})"),
    ] {
        // As deep as the stack that is always there is meant for.
        let depth = 60_000
            / open
                .bytes()
                .filter(|b| !b.is_ascii_alphanumeric())
                .count()
                .max(1);
        let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        assert!(script(&text).is_ok(), "{open}");
    }
    let text = format!("{}1{}", "(".repeat(3_000_000), ")".repeat(3_000_000));
    assert!(error(script(&text)).contains("brackets"));
}
