//! The pure globals a reducer may use, and exactness of the ones we replace.

#[path = "support/boxed.rs"]
mod boxed;

use boxed::*;
use serde_json::{Value, json};

/// What an expression gives inside a reducer.
fn eval(expression: &str) -> Value {
    let code = format!(
        "const caught = f => {{ try {{ return f(); }} catch (e) {{ return e.name; }} }};
         export default {{ initialState: null, reduce() {{ return [{expression}]; }} }}"
    );
    let (state, told) = run(module(&code), &Lines::counting(1));
    assert_eq!(told.notes, [], "{expression}");
    state[0].clone()
}

#[test]
fn json_parse_is_exact() {
    let cases = [
        (
            "JSON.parse('{\"a\":[1,2.5,-0,1e3,true,null,\"x\\\\u00e9\\\\n\"]}')",
            json!({"a": [1, 2.5, 0, 1000, true, null, "xé\n"]}),
        ),
        ("Object.is(JSON.parse('-0'), -0)", json!(true)),
        (
            "Object.keys(JSON.parse('{\"b\":1,\"2\":1,\"a\":1,\"1\":1}'))",
            json!(["1", "2", "b", "a"]),
        ),
        (
            "Object.hasOwn(JSON.parse('{\"__proto__\":1}'), '__proto__')",
            json!(true),
        ),
        ("JSON.parse('{\"a\":1,\"a\":2}')", json!({"a": 2})),
        (
            "JSON.parse('[1,[2,{\"x\":3}]]', (k, v) => typeof v === 'number' ? v + 1 : v)",
            json!([2, [3, {"x": 4}]]),
        ),
        ("JSON.parse(' \\t\\r\\n7 ')", json!(7)),
        ("JSON.parse(true)", json!(true)),
        (
            "['', '{', '[1,]', '{\"a\":1,}', '01', '1.', '+1', '.5', 'nul', '\"\\t\"', '\"\\\\x\"', '[1]x', 'NaN', '\\'a\\'', '\\u00a01'].map(t => caught(() => JSON.parse(t)))",
            json!(vec!["SyntaxError"; 15]),
        ),
        (
            "caught(() => JSON.parse('['.repeat(9999)))",
            json!("RangeError"),
        ),
        ("caught(() => JSON.parse())", json!("SyntaxError")),
        ("JSON.parse.length + JSON.parse.name", json!("2parse")),
    ];
    for (expression, expected) in cases {
        assert_eq!(eval(expression), expected, "{expression}");
    }
}

#[test]
fn pure_globals_work() {
    let cases = [
        (
            "btoa('hello') + atob('aGVsbG8=') + atob('/w==').charCodeAt(0)",
            json!("aGVsbG8=hello255"),
        ),
        ("caught(() => btoa('€'))", json!("InvalidCharacterError")),
        (
            "Array.from(new TextEncoder().encode('é€😀'))",
            json!([195, 169, 226, 130, 172, 240, 159, 152, 128]),
        ),
        (
            "new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 226, 130, 172, 255]))",
            json!("€\u{fffd}"),
        ),
        (
            "caught(() => new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255])))",
            json!("TypeError"),
        ),
        (
            "(() => { const d = new TextDecoder(); return d.decode(new Uint8Array([226, 130]), { stream: true }) + d.decode(new Uint8Array([172])); })()",
            json!("€"),
        ),
        (
            "(() => { const a = { d: new Date(5), m: new Map([[1, { x: 1 }]]), s: new Set([1]) }; a.self = a; const b = structuredClone(a); return [b !== a, b.self === b, b.d.getTime(), b.m.get(1).x, b.m.get(1) !== a.m.get(1), b.s.has(1)]; })()",
            json!([true, true, 5, 1, true, true]),
        ),
        (
            "caught(() => structuredClone(() => 1))",
            json!("DataCloneError"),
        ),
        (
            "[...new URLSearchParams('?a=1&b=x+y&a=%E2%82%AC&c')]",
            json!([["a", "1"], ["b", "x y"], ["a", "€"], ["c", ""]]),
        ),
        (
            "(() => { const p = new URLSearchParams({ q: 'a b&c', n: 1 }); p.append('q', 'é'); p.delete('n'); return [p.toString(), p.get('q'), p.getAll('q').length, p.has('n'), p.size]; })()",
            json!(["q=a+b%26c&q=%C3%A9", "a b&c", 2, false, 2]),
        ),
        (
            "typeof structuredClone + typeof process.env.HOME + Object.keys(process.env).length",
            json!("functionundefined0"),
        ),
        ("new Date(0).getTimezoneOffset()", json!(0)),
        (
            "(() => { structuredClone = 5; return structuredClone; })()",
            json!(5),
        ),
    ];
    for (expression, expected) in cases {
        assert_eq!(eval(expression), expected, "{expression}");
    }
}

/// Globals are made when first read; the same place in the code reads them again and again.
#[test]
fn globals_are_the_same_at_every_read() {
    let code = "const f = x => btoa(x); export default { initialState: [], reduce: ({ state }) => [...state, f('a') + structuredClone(1)] }";
    let (state, told) = run(module(code), &Lines::counting(3));
    assert_eq!(told.notes, []);
    assert_eq!(state, json!(["YQ==1", "YQ==1", "YQ==1"]));
}

#[test]
fn a_promise_left_behind_never_runs() {
    let code = "let ran = 0; export default { initialState: 0, reduce() { Promise.resolve().then(() => { ran++; }); return ran; } }";
    let (state, _) = run(module(code), &Lines::counting(5));
    assert_eq!(state, json!(0));
}

#[test]
fn logs_are_bounded() {
    let code = "export default { initialState: 0, reduce({ logger }) { const line = 'x'.repeat(20000); for (let i = 0; i < 3000; i++) logger.info(line); return 1; } }";
    let (_, told) = run(module(code), &Lines::counting(1));
    assert_eq!(told.notes.len(), 101);
}

/// The engine's inline cache lets `length` be set without dropping elements; the state must not
/// show what is beyond.
#[test]
fn elements_beyond_the_length_are_no_part_of_a_state() {
    let code = "export default { initialState: [1, 2, 3], reduce({ state }) { state.length = 1; return state; } }";
    let (state, _) = run(module(code), &Lines::counting(3));
    assert_eq!(state, json!([1]));
    let code = "export default { initialState: 0, reduce() { const a = [1, 2, 3]; a.length = 1; return a; } }";
    let (state, _) = run(module(code), &Lines::counting(3));
    assert_eq!(state, json!([1]));
}

/// As prepared, the code does not meet that cache at all.
#[test]
fn setting_a_length_drops_elements() {
    let code = "const cut = a => { a.length = 1; a.push(9); a.length -= 0; a.length++; [a.length] = [2]; return [a, a.length, [...a], 2 in a]; };
        export default { initialState: [], reduce: ({ state }) => [...state, cut([1, 2, 3])] }";
    let (state, told) = run(prepared(code), &Lines::counting(3));
    assert_eq!(told.notes, []);
    let one = json!([[1, 9], 2, [1, 9], false]);
    assert_eq!(state, json!([one, one, one]));
}
