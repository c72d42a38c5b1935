//! Prepared programs run in the real box: TypeScript means what it says, modules find each other, and
//! stacks name the source as written.

#[path = "support/boxed.rs"]
mod boxed;

use boxed::*;
use evtui::processor::source::{Input, ModuleText, prepare};
use evtui::replay::reducer::NoteKind;
use serde_json::{Value, json};

fn modules(files: &[(&str, &str)]) -> Input {
    Input::Modules(
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), ModuleText::Code((*text).to_owned())))
            .collect(),
    )
}

fn state_after(input: &Input, events: usize) -> Value {
    let program = prepare(input).unwrap_or_else(|e| panic!("{e}"));
    let mut reducer = reducer(program);
    let (folded, told) = fold(&mut reducer, &Lines::counting(events), events);
    assert!(told.failed().is_empty(), "{:?}", told.notes);
    let state = folded.expect("folds").state.expect("has a state");
    serde_json::from_str(&state).expect("is JSON")
}

#[test]
fn typescript_means_what_it_says() {
    let text = r#"
import type { Event } from "nowhere";
enum Color { Red, Green = 4, Blue }
enum Word { Yes = "yes" }
const enum Bit { A = 1 << 2, B = A | 1 }
namespace Tools {
  export const twice = (n: number): number => n * 2;
  export namespace Deep { export const name = "deep"; }
}
abstract class Base<T> {
  kind = "base";
  constructor(protected readonly seed: T, public extra = 1) {}
  abstract show(): string;
}
class Shown extends Base<number> { override show() { return `${this.kind}${this.seed}${this.extra}`; } }
interface State { seen: unknown[]; n: number }
const start = { seen: [], n: 0 } satisfies State;
function pick<T>(list: readonly T[], at: number): T { return list[at]!; }
const processor = {
  slug: "typed" as const,
  initialState: start as State,
  reduce({ event, state }: { event: any; state: State }): State {
    const mine = <number>event.payload.n;
    return {
      seen: [...state.seen, Color.Blue, Color[4], Word.Yes, Bit.B, Tools.twice(mine), Tools.Deep.name, new Shown(mine).show(), pick<string>(["a", "b"], 1)],
      n: state.n + 1,
    };
  },
};
"#;
    let input = Input::Script {
        slug: "typed".into(),
        text: text.into(),
    };
    assert_eq!(
        state_after(&input, 1),
        json!({"seen": [5, "Green", "yes", 5, 0, "deep", "base01", "b"], "n": 1})
    );
}

#[test]
fn modules_find_each_other_in_cycles_too() {
    let input = modules(&[
        (
            "processor.ts",
            "import { defineProcessor, normalizePathPrefix, EventsClient } from 'ai-engineer-workshop';\n\
             import { even } from './lib/even.js';\n\
             import data from './data.json' with { type: 'json' };\n\
             import * as again from './lib';\n\
             const refused = () => { try { return new EventsClient(); } catch (e) { return e.message.slice(0, 19); } };\n\
             export default defineProcessor(() => ({\n\
               initialState: {}, reduce: ({ event }) => ({ even: even(event.payload.n + 10), data, same: again.even === even,\n\
               main: import.meta.main, path: normalizePathPrefix('a/b//'), refused: refused() }),\n\
             }));",
        ),
        (
            "lib/even.ts",
            "import { odd } from './odd'; export const even = (n: number): boolean => n === 0 || odd(n - 1);",
        ),
        (
            "lib/odd.mjs",
            "import { even } from './even.ts'; export const odd = (n) => n !== 0 && even(n - 1);",
        ),
        ("lib/index.ts", "export * from './even';"),
        ("data.json", "{\"__proto__\": {\"a\": 1}, \"b\": [2]}"),
    ]);
    assert_eq!(
        state_after(&input, 1),
        serde_json::from_str::<Value>(
            r#"{"even":true,"data":{"__proto__":{"a":1},"b":[2]},"same":true,"main":false,"path":"/a/b","refused":"EventsClient cannot"}"#
        )
        .expect("is JSON")
    );
}

#[test]
fn a_stack_names_the_source_as_written() {
    let input = modules(&[
        (
            "processor.ts",
            "import { fail } from './lib/fail';\ninterface Gone {\n  a: string;\n}\n\nexport default {\n  initialState: { list: [] as string[] },\n  reduce({ event, state }: { event: any; state: { list: string[] } }) {\n    const list: string[] = [...state.list, fail<string>(event)];\n    return { list };\n  },\n};\n",
        ),
        (
            "lib/fail.ts",
            "type T0 = {\n  x: 1;\n};\nexport function fail<T>(event: T): never {\n  const é: string = '😀'; throw new Error(`no ${é}`);\n}\n",
        ),
    ]);
    let program = prepare(&input).unwrap_or_else(|e| panic!("{e}"));
    let mut reducer = reducer(program);
    let (_, told) = fold(&mut reducer, &Lines::counting(1), 1);
    let Some(NoteKind::Threw { message, stack }) = told.notes.iter().map(|n| &n.what).next() else {
        panic!("{:?}", told.notes);
    };
    assert_eq!(message, "Error: no 😀");
    // Of `new Error` and of the call of `fail`, in characters of the source.
    assert_eq!(
        stack,
        "at fail (lib/fail.ts:5:32)\nat reduce (processor.ts:9:44)"
    );
}

#[test]
fn a_dynamic_import_in_a_hook_does_not_keep_a_log_from_replaying() {
    let input = Input::Script {
        slug: "hooked".into(),
        text: "export default { initialState: 0, reduce: ({ state }) => state + 1, async afterAppend() { await import('openai'); } }".into(),
    };
    assert_eq!(state_after(&input, 3), json!(3));
}

#[test]
fn a_script_finds_its_modules_by_dynamic_import() {
    let input = modules(&[
        (
            "processor.js",
            "const found = {}; import('./lib.js').then((lib) => { Object.assign(found, lib); });\n\
             const processor = { initialState: null, reduce: () => ({ twice: found.twice?.(4) ?? 'not found' }) };",
        ),
        ("lib.js", "export const twice = (n) => n * 2;"),
    ]);
    assert!(prepare(&input).unwrap_or_else(|e| panic!("{e}")).is_script);
    assert_eq!(state_after(&input, 1), json!({"twice": 8}));
}

#[test]
fn process_env_is_what_the_program_was_given() {
    let text = "export default { initialState: null, reduce: () => ({ ...process.env, none: process.env.NONE ?? 'none' }) };";
    let mut program = prepared(text);
    program.env = [("__proto__", "é"), ("MODE", "test")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let mut reducer = reducer(program);
    let (folded, _) = fold(&mut reducer, &Lines::counting(1), 1);
    assert_eq!(
        folded.expect("folds").state.as_deref(),
        Some(r#"{"__proto__":"é","MODE":"test","none":"none"}"#)
    );
}
