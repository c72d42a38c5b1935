//! Snippets that change only what they made, and snippets that may change more.

use super::*;
use oxc_allocator::Allocator;
use oxc_parser::Parser;
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;

fn facts(code: &str) -> Facts {
    let allocator = Allocator::default();
    let source_type = SourceType::ts().with_unambiguous(true);
    let parsed = Parser::new(&allocator, code, source_type).parse();
    assert!(
        parsed.diagnostics.is_empty(),
        "{code}: {:?}",
        parsed.diagnostics
    );
    let semantic = SemanticBuilder::new_compiler().build(&parsed.program);
    let scoping = semantic.semantic.into_scoping();
    analyse(&parsed.program, &scoping)
}

fn never(modules: &[&str]) -> bool {
    let all: Vec<Facts> = modules.iter().map(|code| facts(code)).collect();
    Facts::never_mutates(&all)
}

#[test]
fn hooks_are_looked_at_by_themselves() {
    let hooked = |body: &str| {
        let code = format!(
            "export default {{ initialState: {{}}, reduce: ({{ state }}) => state, async afterAppend({{ append, event, state }}) {{ {body} }} }}"
        );
        let facts = [facts(&code)];
        assert!(Facts::never_mutates(&facts), "{body}");
        Facts::hooks_never_mutate(&facts)
    };
    for body in [
        "await append({ type: 'a', payload: { n: state.n } });",
        "const list = [...state.list, event]; await append({ type: 'a', payload: { list } });",
    ] {
        assert!(hooked(body), "{body}");
    }
    for body in [
        "state.n = 1;",
        "state.list.push(1);",
        "delete event.payload.x;",
    ] {
        assert!(!hooked(body), "{body}");
    }
}

/// The body of an incremental reducer.
fn reducer(body: &str) -> String {
    format!("export default {{ initialState: {{}}, reduce({{ event, state }}) {{ {body} }} }}")
}

const HARMLESS: &[&str] = &[
    "return { ...state, by: { ...state.by, [event.k]: [...(state.by[event.k] ?? []), event] } };",
    "const { [event.id]: gone, ...rest } = state.by; return { by: rest };",
    "const i = state.list.findIndex((m) => m.id === event.id); return { ...state, list: i < 0 ? [...state.list, event] : state.list.map((m, j) => j === i ? { ...m, ...event.payload } : m) };",
    "const last = state.list.at(-1); return { ...state, list: [...state.list.slice(0, -1), { ...last, text: last.text + event.payload.text }] };",
    "const handlers = { a: (s, e) => ({ ...s, n: e.n }) }; const h = handlers[event.type]; return h ? h(state, event) : state;",
    "return { ...state, total: state.items.reduce((a, b) => a + b.price, 0) };",
    "const [first, ...rest] = state.queue; return { ...state, first, queue: rest };",
    "try { const p = JSON.parse(event.payload.args); return { ...state, p }; } catch (e) { return { ...state, error: String(e) }; }",
    "return Object.fromEntries(Object.entries(state).filter(([k]) => k !== event.k));",
    "return Object.groupBy(state.list, (m) => m.k);",
    "const next = { ...state, n: 0 }; next.messages = next.messages.concat(event); return next;",
    "return { l: Array.from({ length: 3 }, (_, i) => i), z: new Array(3).fill(0), m: Math.max(...state.l) };",
    "const l = [...state.list]; l[l.length - 1] = { ...l.at(-1), done: true }; return { ...state, list: l };",
    "const words = [...event.text.matchAll(/\\w+/g)].map((m) => m[0]); return { words, host: new URL(event.url).hostname };",
    "console.log('x', event); return { ...state, at: Date.parse(event.createdAt) };",
    "const out = {}; for (const [k, v] of Object.entries(state.by)) { if (v.on) out[k] = { ...v, seen: true }; } return { by: out };",
    "const s = new Set([...state.a, event.x]); return { a: Array.from(s).sort() };",
    "return { ...state, n: state.n + 1 };",
    "switch (event.type) { case 'a': return { ...state, list: [...state.list, event.payload] }; default: return state; }",
    "return undefined;",
    "const next = { ...state }; next.n = 1; next.n++; next['m'] += 2; return next;",
    "const next: any = { ...state } as any; next.n = 1; delete next.old; return next;",
    "const out = []; out.push(event); return { ...state, out };",
    "const out = state.list.slice(); out.splice(1, 1); out[0] = event; return { list: out };",
    "const out = state.list.filter((x) => x).map((x) => x); out.sort(); return { out };",
    "return { list: [...state.list].sort((a, b) => a - b) };",
    "return { list: state.list.slice().reverse() };",
    "const out = []; for (const m of state.list) { out.push(m); } return { out };",
    "const out = []; state.list.forEach((m) => { out.push(m); }); return { out };",
    "const out = {}; state.list.forEach(function (m) { out[m.id] = m; }); return out;",
    "let out = []; if (event.x) { out = [1]; } out.push(2); return { out };",
    "let out; if (event.x) out = []; else out = [...state.out]; out.push(1); return { out };",
    "return state.list.reduce((all, m) => { all[m.id] = m; return all; }, {});",
    "return { l: state.list.reduce((all, m) => (all.push(m), all), []) };",
    "return { l: state.list.reduce((all, m) => Object.assign(all, { [m]: 1 }), {}) };",
    "return state.list.reduce((all, m) => { if (!m) return all; return { ...all, [m]: 1 }; }, {});",
    "const seen = new Set(state.seen); seen.add(event.id); return { seen: [...seen] };",
    "const m = new Map(Object.entries(state.m)); m.set(event.id, 1); m.delete('x'); return Object.fromEntries(m);",
    "return Object.assign({}, state, { n: 1 });",
    "const next = Object.assign({}, state); next.n = 2; return next;",
    "const next = structuredClone(state); next.n = 1; return next;",
    "const next = JSON.parse(JSON.stringify(state)); next.n = 1; return next;",
    "const keys = Object.keys(state).sort(); return { keys };",
    "return { l: state.list.toSorted(), s: state.list.toSpliced(0, 1), w: state.list.with(0, 1) };",
    "const n = state.n; let total = 0; for (const x of state.list) total += x; return { total };",
    "let last = null; state.list.forEach((m) => { last = m; }); return { last };",
    "const { list = [], ...rest } = state; return { ...rest, list: [...list, event] };",
    "const out = []; const put = (x) => { out.push(x); }; put(1); put(event); return { out };",
    "const out = []; function walk(x) { out.push(x.id); x.kids.forEach((k) => walk(k)); } walk(event); return { out };",
    "const out = []; (() => { out.push(1); })(); return { out };",
    "const has = Object.prototype.hasOwnProperty.call(state, 'a'); return { ...state, has };",
    "return Object.freeze({ ...state });",
    "const [a, b] = event.pair; let x, y; [x, y] = [b, a]; return { x, y };",
    "const d = new Date(event.createdAt); d.setHours(0); return { d: d.toISOString() };",
    "const s = String(event.payload).replace(/a/g, (m) => m.toUpperCase()); return { s };",
    "const out: string[] = []; const text = 'a-b'; for (const part of text.split('-')) out.push(part); return { out };",
];

const MAYBE_NOT: &[&str] = &[
    "state.n = 1; return state;",
    "state.n++; return state;",
    "state['n'] += 1; return state;",
    "delete state.n; return state;",
    "delete state?.n; return state;",
    "state.list.push(event); return state;",
    "state.list?.push(event); return state;",
    "state.list.sort(); return { ...state };",
    "const list = state.list; list.push(1); return { ...state, list };",
    "const { list } = state; list.push(1); return { ...state };",
    "const next = { ...state }; next.list.push(event); return next;",
    "const next = { ...state }; next.a.b = 1; return next;",
    "let next = { ...state }; if (event.x) next = state; next.n = 1; return next;",
    "let next = state; next = { ...next }; next.n = 1; return next;",
    "const list = state.list ?? []; list.push(1); return { list };",
    "const list = event.x ? state.list : []; list.push(1); return { list };",
    "for (const m of state.list) m.seen = true; return { ...state };",
    "for (state.k of event.list) {} return state;",
    "for (state.k in event) {} return state;",
    "for (let x of state.list) { x.push(1); } return state;",
    "state.list.forEach((m) => { m.seen = true; }); return { ...state };",
    "[state.a, state.b] = [1, 2]; return state;",
    "({ x: state.x } = event); return state;",
    "({ x: [state.x = 1] } = event); return state;",
    "Object.assign(state, { n: 1 }); return state;",
    "Object.assign(state.inner, { n: 1 }); return { ...state };",
    "Object.defineProperty(state, 'n', { value: 1 }); return state;",
    "Object.setPrototypeOf(state, null); return state;",
    "Reflect.set(state, 'n', 1); return state;",
    "state.__proto__.x = 1; return state;",
    "Array.prototype.push.call(state.list, 1); return { ...state };",
    "Array.prototype.push.apply(state.list, [1]); return { ...state };",
    "const push = [].push; push.call(state.list, 1); return { ...state };",
    "const { push } = []; push.call(state.list, 1); return { ...state };",
    "const { assign } = Object; assign(state, event); return state;",
    "const o = Object; o.assign(state, event); return state;",
    "const assign = Object.assign; assign(state, event); return state;",
    "Object['assign'](state, event); return state;",
    "state.list[event.method](1); return { ...state };",
    "state.list['push'](1); return { ...state };",
    "return state.list.reduce((all, m) => { all.push(m); return all; }, state.other);",
    "return state.list.reduce((all, m) => { all.push(m); return m.list; }, []);",
    "return state.list.reduce((all, m) => { m.n = 1; return all; }, {});",
    "eval('state.n = 1'); return state;",
    "new Function('s', 's.n = 1')(state); return state;",
    "(() => {}).constructor('return 1')(); return state;",
    "const p = new Proxy(state, {}); return p;",
    "const m = state.m; m.set('a', 1); return { ...state };",
    "state.when.setHours(0); return { ...state };",
    "const out = []; const later = () => { out.push(1); }; keep(later); return { out };",
    "const out = []; return { out, add: () => { out.push(1); } };",
    "const out = []; function* g() { out.push(1); yield 1; } return { l: [...g()] };",
    "function put(list, x) { list.push(x); } put(state.list, event); return { ...state };",
    "var state = []; state.push(1); return state;",
    "this.count = 1; return state;",
    "globalThis.kept ??= []; return state;",
    "arguments[0].state.n = 1; return state;",
    "return Object.isFrozen(state) ? 1 : state;",
    "(state as any)!.n = 1; return state;",
    "((state)).n = 1; return state;",
];

#[test]
fn what_only_changes_its_own() {
    for body in HARMLESS {
        assert!(never(&[&reducer(body)]), "{body}");
    }
}

#[test]
fn what_may_change_more() {
    for body in MAYBE_NOT {
        assert!(!never(&[&reducer(body)]), "{body}");
    }
}

#[test]
fn whole_modules() {
    for (code, want) in [
        (
            "const processor = { reduce(events) { const out = []; for (const e of events) out.push(e.payload); return out; } };",
            true,
        ),
        (
            "const processor = { reduce(events) { return events.sort(); } };",
            false,
        ),
        (
            "const processor = { reduce(events) { const by = {}; for (const e of events) { (by[e.type] ??= []).push(e); } return by; } };",
            false,
        ),
        // What outlives a call.
        (
            "const seen = []; export default { reduce({ event, state }) { seen.push(event); return state; } };",
            false,
        ),
        (
            "let cache = {}; export default { reduce({ event, state }) { cache.x = 1; return state; } };",
            false,
        ),
        (
            "let cache; export default { reduce({ state }) { cache = cache ?? {}; cache.n = 1; return cache; } };",
            false,
        ),
        (
            "let keep; export default { reduce({ state }) { const out = []; keep = keep ?? (() => { out.push(1); }); keep(); return { out }; } };",
            false,
        ),
        (
            "function make() { const kept = []; return { reduce({ event }) { kept.push(event); return { kept }; } }; } export default make();",
            false,
        ),
        (
            "let keep; export default { reduce({ state }) { const out = []; [1].forEach(function f() { keep = keep ?? f; out.push(1); }); keep(); return { out }; } };",
            false,
        ),
        (
            "class P {} P = function () { return shared; }; export default { reduce({ state }) { const p = new P(); p.n = 1; return p; } };",
            false,
        ),
        // At load, once.
        (
            "const table = {}; for (const k of ['a', 'b']) table[k] = 1; export default { reduce: ({ state }) => ({ ...state, table }) };",
            true,
        ),
        (
            "enum Color { Red, Green } export default { reduce({ state }) { return { ...state, c: Color.Red }; } };",
            true,
        ),
        (
            "namespace N { export const twice = (n: number) => n * 2; } export default { reduce({ state }) { return { n: N.twice(state.n) }; } };",
            true,
        ),
        // Tables of functions.
        (
            "const on = { a: (s) => ({ ...s }), b: (s) => s }; export default { reduce({ state, event }) { return on[event.type]?.(state) ?? state; } };",
            true,
        ),
        (
            "const on = { a: (s) => { s.n = 1; return s; } }; export default { reduce({ state, event }) { return on[event.type](state); } };",
            false,
        ),
        (
            "let on = { a: (s) => s }; on = []; export default { reduce({ state, event }) { return on[event.type](state); } };",
            false,
        ),
        (
            "const on = [].concat(1); export default { reduce({ state, event }) { return on[event.type](state); } };",
            false,
        ),
        // Classes.
        (
            "class P { constructor(n) { this.n = n; } } export default { reduce({ state }) { const p = new P(1); p.n = 2; return { p: p.n }; } };",
            true,
        ),
        (
            "class P { add() { this.n = 1; } } export default { reduce({ state }) { return state; } };",
            false,
        ),
        (
            "class P { constructor(o) { return o; } } export default { reduce({ state }) { const p = new P(state); p.n = 2; return p; } };",
            false,
        ),
        (
            "class P extends base() { constructor() { super(); this.n = 1; } } export default { reduce({ state }) { return new P(); } };",
            false,
        ),
        (
            "class P { constructor(o) { o.list.forEach(() => { this.n = 1; }); } } export default { reduce: () => new P({}) };",
            false,
        ),
        (
            "class P { constructor(private readonly n = 1, public list: number[] = []) {} } export default { reduce: () => new P() };",
            true,
        ),
        (
            "function F(s) { this.n = s; } export default { reduce: ({ state }) => new F(state) };",
            false,
        ),
        // Methods of one's own under a built-in name.
        (
            "const box = { map: (f) => kept, list: 1 }; const kept = []; export default { reduce({ state }) { const x = box.map((y) => y); x.push(1); return { x }; } };",
            false,
        ),
        (
            "let f; const box = { forEach(g) { f = g; } }; export default { reduce({ state }) { const out = []; box.forEach((y) => { out.push(y); }); f?.(1); return { out }; } };",
            false,
        ),
        (
            "export default { reduce({ state }) { const out = state.l.map((y) => y); out.push(1); return { out, map: 'data' }; } };",
            true,
        ),
        // Hooks never run.
        (
            "export default { reduce({ state }) { return { ...state }; }, async afterAppend({ state }) { state.n = 1; state.list.push(1); } };",
            true,
        ),
        (
            "export default { reduce({ state }) { return { ...state }; }, onEvent: async ({ state }) => { state.n = 1; } };",
            true,
        ),
        (
            "async function ask(m) { m.push(1); } async function afterAppend(s) { await ask(s.m); s.n = 1; } const processor = { reduce: (e) => e.length, afterAppend };",
            true,
        ),
        (
            "function touch(m) { m.push(1); } const processor = { reduce(e) { touch(e); return e; }, async afterAppend(s) { touch(s); } };",
            false,
        ),
        (
            "const p = { reduce({ state }) { p.afterAppend(state); return state; }, afterAppend(s) { s.n = 1; } }; export default p;",
            false,
        ),
        (
            "const p = { reduce({ state }) { const { afterAppend: f } = p; f(state); return state; }, afterAppend(s) { s.n = 1; } }; export default p;",
            false,
        ),
        (
            "class A { reduce({ state }) { return { ...state }; } async afterAppend({ state }) { this.n = 1; } } export default new A();",
            true,
        ),
        (
            "export default { reduce({ state }) { return state; }, helper(s) { s.n = 1; } };",
            false,
        ),
        ("with (x) { y = 1; }", false),
    ] {
        assert_eq!(never(&[code]), want, "{code}");
    }
}

#[test]
fn several_modules_are_judged_together() {
    let pure = "import { put } from './b'; export default { reduce: ({ state }) => put(state) };";
    assert!(never(&[pure, "export const put = (s) => ({ ...s });"]));
    assert!(!never(&[
        pure,
        "export const put = (s) => { s.n = 1; return s; };"
    ]));
    let hook =
        "export default { reduce: ({ state }) => state, afterAppend({ state }) { state.n = 1; } };";
    assert!(never(&[hook, "export const x = 1;"]));
    assert!(!never(&[
        hook,
        "export const call = (p, s) => p.afterAppend(s);"
    ]));
    let trusting = "export default { reduce({ state }) { const l = state.l.map((x) => x); l.push(1); return { l }; } };";
    assert!(never(&[trusting]));
    assert!(!never(&[
        trusting,
        "export class L { map() { return shared; } }"
    ]));
    let helper = "export function tidy(m) { m.push(1); }";
    let tidies = "import { tidy } from './helper'; export default { reduce({ state }) { tidy(state); return state; } };";
    assert!(!never(&[tidies, helper]));
    // Nobody calls it.
    assert!(never(&[hook, helper]));
}

fn remembers(modules: &[&str]) -> Vec<String> {
    let all: Vec<Facts> = modules.iter().map(|code| facts(code)).collect();
    Facts::remembers(&all)
}

#[test]
fn what_keeps_nothing() {
    let bodies = HARMLESS.iter().copied().chain([
        // Changing what one is given is no memory: each event gets its own.
        "state.n++; state.list.push(event); return state;",
        "const list = state.list; list.push(1); return { ...state, list };",
        "let n = 0; for (const x of state.list) n += x; state.n = n; return state;",
        "let n = 0; state.list.forEach((x) => { n += x; }); state.n = n; return state;",
        "let n = 0; const walk = (x) => { n++; x.kids.forEach(walk); }; walk(state); return { n };",
        "let n = 0; const add = () => { n++; }; each(state.list, add); return { n }; function each(l, f) { for (const x of l) f(x); }",
        "const re = /a/g; let m; while ((m = re.exec(event.text))) state.n++; return state;",
        "state.text = event.text.replace(/a/g, 'b'); return state;",
        "state.ok = /a/gy.test(event.text); return state;",
        "state.keys = [...new Map(Object.entries(state.m)).keys()]; return state;",
        "for (const [k, v] of state.list.entries()) { state.m[k] = v; } return state;",
        "state.list = Array.from(new Set(state.list).values()); return state;",
        "state.words = [...event.text.matchAll(/a/g)].length; return state;",
        "const has = Object.prototype.hasOwnProperty.call(state, 'a'); state.has = has; return state;",
    ]);
    for body in bodies {
        assert_eq!(remembers(&[&reducer(body)]), [""; 0], "{body}");
    }
    for code in [
        "const LIMIT = 3; export default { reduce({ state }) { state.n = LIMIT; return state; } };",
        "const KINDS = ['a', 'b']; export default { reduce({ event, state }) { if (KINDS.includes(event.type)) state.n++; return state; } };",
        "const KINDS = new Set(['a', 'b']); export default { reduce({ event, state }) { if (KINDS.has(event.type)) state.n++; return state; } };",
        "const on = { a(s) { s.n++; }, b: (s) => { s.m++; } }; export default { reduce({ event, state }) { on[event.type]?.(state); return state; } };",
        "const NAMES = { a: 'A' } as const; export default { reduce({ event, state }) { state.name = NAMES[event.type] ?? 'none'; return state; } };",
        "const MORE = { x: 1 }; export default { reduce({ event, state }) { state.all = { ...MORE, ...event }; return state; } };",
        "function add(list, x) { list.push(x); } export default { reduce({ event, state }) { add(state.list, event); return state; } };",
        "function count(t) { let n = 0; walk(t, () => { n++; }); return n; } function walk(t, f) { f(t); t.kids.forEach((k) => walk(k, f)); } export default { reduce({ state }) { return { n: count(state) }; } };",
        "let n = 0; n = 5; for (const k of ['a']) n++; export default { reduce: ({ state }) => ({ ...state, n }) };",
        "const RE = /a/g; export default { reduce({ event, state }) { state.t = event.text.replace(RE, ''); return state; } };",
        "const RE = /a/; export default { reduce({ event, state }) { state.t = RE.test(event.text); return state; } };",
        "function* walk(t) { yield t; for (const k of t.kids) yield* walk(k); } export default { reduce({ state }) { state.n = [...walk(state)].length; return state; } };",
        "import { defineProcessor } from 'ai-engineer-workshop'; export default defineProcessor(() => ({ initialState: { list: [] }, reduce({ event, state }) { state.list.push(event); return state; } }));",
        "let timer; export default { reduce({ state }) { state.n++; return state; }, afterAppend() { timer = 1; } };",
        "class P { constructor(n) { this.n = n; } } export default { reduce({ state }) { state.p = new P(1); return state; } };",
        "const START = { list: [], m: {} }; export default { initialState: START, reduce: ({ state, event }) => event.reset ? START : { ...state, event } };",
        "enum Color { Red, Green } export default { reduce({ state }) { state.c = Color.Red; return state; } };",
        "const reduce = ({ state }) => { let n = 0; each(state.list, () => n++); state.n = n; return state; }; function each(l, f) { for (const x of l) f(x); } export default { reduce };",
        "const processor = { reduce(events) { const by = {}; for (const e of events) { (by[e.type] ??= []).push(e); } return by; } };",
    ] {
        assert_eq!(remembers(&[code]), [""; 0], "{code}");
    }
}

#[test]
fn what_may_keep_something() {
    for (code, name) in [
        (
            "let n = 0; export default { reduce: ({ state }) => ({ n: ++n }) };",
            "`n`",
        ),
        (
            "let last; export default { reduce({ event, state }) { const was = last; last = event.type; return { ...state, was }; } };",
            "`last`",
        ),
        (
            "let a, b; export default { reduce({ event }) { [a, { b }] = event.pair; return { a, b }; } };",
            "`a`",
        ),
        (
            "function bump() { n++; } let n = 0; export default { reduce: ({ state }) => { bump(); return { n }; } };",
            "`n`",
        ),
        (
            "export default { reduce: ({ state }) => { seen = (globalThis.seen ?? 0) + 1; return { seen }; } };",
            "`seen`",
        ),
        (
            "const make = () => { let n = 0; return { initialState: {}, reduce: () => ({ n: n++ }) }; }; export default make();",
            "`n`",
        ),
        (
            "export default () => { let n = 0; return { initialState: {}, reduce: () => ({ n: n++ }) }; };",
            "`n`",
        ),
        (
            "const seen = []; export default { reduce({ event, state }) { seen.push(event); return { n: seen.length }; } };",
            "`seen`",
        ),
        (
            "const cache = new Map(); export default { reduce({ event, state }) { cache.set(event.type, 1); return { n: cache.size }; } };",
            "`cache`",
        ),
        (
            "const START = { list: [] }; export default { reduce({ event, state }) { const s = { ...START }; s.list.push(event); return s; } };",
            "`START`",
        ),
        (
            "const START = { list: [] }; function put(l, x) { l.push(x); } export default { reduce({ event }) { put(START.list, event); return START; } };",
            "`START`",
        ),
        (
            "const T = {}; T.inner = []; export default { reduce({ event, state }) { T.inner.push(event); return { n: T.inner.length }; } };",
            "`T`",
        ),
        (
            "const T = [1, 2]; export default { reduce({ event }) { return { n: T[event.method](1) }; } };",
            "`T`",
        ),
        (
            "const T = [1, 2]; export default { reduce({ event }) { T.map((x, i, all) => all.push(i)); return { n: T.length }; } };",
            "`T`",
        ),
        (
            "export default { n: 0, reduce() { this.n++; return { n: this.n }; } };",
            "`this`",
        ),
        (
            "class P { list = []; initialState = 0; reduce({ event }) { this.list.push(event); return this.list.length; } } export default new P();",
            "`this`",
        ),
        (
            "let next = 0; class Id { id = next++; } export default { reduce: () => ({ id: new Id().id }) };",
            "`next`",
        ),
        (
            "class A { static all = []; } export default { reduce({ event }) { A.all.push(event); return { n: A.all.length }; } };",
            "the class's static all",
        ),
        (
            "function f() { f.n = (f.n ?? 0) + 1; return f.n; } export default { reduce: () => ({ n: f() }) };",
            "`f`",
        ),
        (
            "export default { reduce({ event }) { Math.n = (Math.n ?? 0) + 1; return { n: Math.n }; } };",
            "the global `Math`",
        ),
        (
            "export default { reduce({ event }) { Array.prototype.n = event; return { n: [].n }; } };",
            "the global `Array`",
        ),
        (
            "function* ids() { let n = 0; while (true) yield n++; } const id = ids(); export default { reduce: () => ({ id: id.next().value }) };",
            "a generator",
        ),
        (
            "const ids = [1, 2, 3].values(); export default { reduce: () => ({ id: ids.next().value }) };",
            "an iterator",
        ),
        (
            "const ids = [1, 2, 3][Symbol.iterator](); export default { reduce: () => ({ id: ids.next().value }) };",
            "an iterator",
        ),
        (
            "const RE = /a/g; export default { reduce: ({ event }) => ({ ok: RE.test(event.text) }) };",
            "a regular expression with a place",
        ),
        (
            "const RE = /a/y; export default { reduce: ({ event }) => ({ t: event.text.replace(RE, '') }) };",
            "a regular expression with a place",
        ),
        (
            "const all = [/a/g]; export default { reduce: ({ event }) => ({ ok: all[0].test(event.text) }) };",
            "a regular expression with a place",
        ),
        (
            "const RE = new RegExp('a', flags); export default { reduce: ({ event }) => ({ ok: RE.test(event.text) }) };",
            "a regular expression with a place",
        ),
        (
            "let f; const box = { forEach(g) { f = g; } }; export default { reduce({ state }) { let n = 0; box.forEach(() => { n++; }); f(); return { n }; } };",
            "`f`",
        ),
        (
            "eval('x = 1'); export default { reduce: () => ({ x }) };",
            "`eval`",
        ),
    ] {
        assert!(
            remembers(&[code]).iter().any(|n| n == name),
            "{code}: {:?}",
            remembers(&[code])
        );
    }
}

#[test]
fn what_modules_keep_together() {
    let entry = "import { put, T } from './b'; export default { reduce({ event, state }) { put(state, event); return state; } };";
    let quiet = "export const put = (s, e) => { s.list.push(e); };";
    assert_eq!(remembers(&[entry, quiet]), [""; 0]);
    let table = "export const T = { list: [] }; export const put = (s, e) => { s.list.push(e); };";
    assert_eq!(remembers(&[entry, table]), ["`T`"]);
    let counting = "let n = 0; export const put = (s) => { s.n = n++; };";
    assert_eq!(remembers(&[entry, counting]), ["`n`"]);
    let hooks = "let n = 0; export default { reduce: ({ state }) => state, onEvent() { n++; } };";
    assert_eq!(remembers(&[hooks]), [""; 0]);
    let calls_them = "export const call = (p, s) => p.onEvent(s);";
    assert_eq!(remembers(&[hooks, calls_them]), ["`n`"]);
}

#[test]
fn what_only_hooks_import_is_theirs() {
    let wire = "export async function ask(m) { m.push(1); for await (const p of parts(m)) last = p; } async function* parts(m) { const d = new TextDecoder(); yield d.decode(m); } let last;";
    let entry = "import { ask } from './wire'; const initialState = { list: [] }; export default define(() => ({ initialState, reduce: ({ state, event }) => ({ ...state, event }), async afterAppend({ state }) { await ask(state.list); } }));";
    assert!(never(&[entry, wire]));
    assert_eq!(remembers(&[entry, wire]), [""; 0]);
    let live = "import { ask } from './wire'; export default { reduce({ state }) { ask(state.list); return state; } };";
    assert!(!never(&[live, wire]));
    assert!(!remembers(&[live, wire]).is_empty());
    for other in [
        "import * as wire from './wire'; export const x = wire['ask'];",
        "export * from './wire';",
        "export { ask as query } from './wire';",
        "import { ask as query } from './wire'; export const all = [query];",
        "import query from './wire'; query([]);",
        "export const load = () => import('./wire');",
    ] {
        assert!(!never(&[entry, wire, other]), "{other}");
        assert!(!remembers(&[entry, wire, other]).is_empty(), "{other}");
    }
    // The entry's exports are there for the service.
    assert!(!never(&[wire]));
    let leaks = "const START = { list: [] }; export default { reduce({ event }) { const p = { initialState: START }; p.initialState.list.push(event); return START; } };";
    assert_eq!(remembers(&[leaks]), ["`START`"]);
}
