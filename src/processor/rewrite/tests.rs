//! Spreads: text in, text out.

use super::*;
use oxc_codegen::Codegen;
use oxc_parser::Parser;
use oxc_span::SourceType;

fn rewritten(code: &str) -> String {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, code, SourceType::unambiguous()).parse();
    assert!(parsed.diagnostics.is_empty(), "{code}");
    let mut program = parsed.program;
    spreads(&allocator, &mut program);
    let printed = Codegen::new().build(&program).code;
    printed.replace(SPREAD_HELPER, "S").trim_end().to_owned()
}

#[test]
fn calls_keep_the_order_of_effects() {
    for (code, want) in [
        // One call where nothing follows the last spread that could tell.
        ("x = [...a];", "x = S(1, a);"),
        ("x = [b(), ...a];", "x = S(0, b(), 1, a);"),
        (
            "x = [...a, 1, \"s\", `t`];",
            "x = S(1, a, 0, 1, 0, \"s\", 0, `t`);",
        ),
        (
            "x = [...a, [1, {k: null}]];",
            "x = S(1, a, 0, [1, { k: null }]);",
        ),
        ("x = [...a, () => b];", "x = S(1, a, 0, () => b);"),
        // Otherwise the spread is iterated before what follows is evaluated.
        ("x = [...a, b];", "x = S(2, S(1, a), 0, b);"),
        ("x = [...a, a.push(1)];", "x = S(2, S(1, a), 0, a.push(1));"),
        (
            "x = [...a, { k: b.c }];",
            "x = S(2, S(1, a), 0, { k: b.c });",
        ),
        (
            "x = [...a, { [b]: 1 }];",
            "x = S(2, S(1, a), 0, { [b]: 1 });",
        ),
        ("x = [...a, ...b];", "x = S(2, S(1, a), 1, b);"),
        (
            "x = [...a, ...b, ...c];",
            "x = S(2, S(2, S(1, a), 1, b), 1, c);",
        ),
        (
            "x = [p, ...a, q, r, ...b, s];",
            "x = S(2, S(2, S(0, p, 1, a), 0, q, 0, r, 1, b), 0, s);",
        ),
        ("x = [...a, ...b, 1];", "x = S(2, S(1, a), 1, b, 0, 1);"),
        (
            "x = [...[...a, b], c];",
            "x = S(2, S(1, S(2, S(1, a), 0, b)), 0, c);",
        ),
        ("x = [...a, [...b]];", "x = S(2, S(1, a), 0, S(1, b));"),
        // Everywhere an expression may stand.
        ("f = () => [...a];", "f = () => S(1, a);"),
        ("f(...g, [...a]);", "f(...g, S(1, a));"),
        (
            "x = { ...o, m: [...a] };",
            "x = {\n\t...o,\n\tm: S(1, a)\n};",
        ),
        ("export default [...a];", "export default S(1, a);"),
        ("t`${[...a]}`;", "t`${S(1, a)}`;"),
        ("[x = [...a]] = b;", "[x = S(1, a)] = b;"),
        ("const [y = [...a]] = b;", "const [y = S(1, a)] = b;"),
        (
            "class C { f = [...a]; static { [...b].x } }",
            "class C {\n\tf = S(1, a);\n\tstatic {\n\t\tS(1, b).x;\n\t}\n}",
        ),
        (
            "function* g() { x = [...a, yield]; }",
            "function* g() {\n\tx = S(2, S(1, a), 0, yield);\n}",
        ),
    ] {
        assert_eq!(rewritten(code), want, "{code}");
    }
}

#[test]
fn what_is_left_alone() {
    for code in [
        "x = [1, 2];",
        "x = [, ...a];",
        "x = [...a, , b];",
        "f(...a);",
        "new F(...a);",
        "x = { ...a };",
        "[x, ...y] = a;",
        "const [x, ...y] = a;",
        "function f(...a) {}",
    ] {
        assert!(!rewritten(code).contains('S'), "{code}");
    }
}

#[test]
fn a_module_where_the_name_may_mean_something_else_is_left_alone() {
    for code in [
        "const __evtui_spread = 1; x = [...a];",
        "function f(__evtui_spread) { return [...a]; }",
        "typeof __evtui_spread; x = [...a];",
        "with (o) { x = [...a]; }",
        "eval(code); x = [...a];",
    ] {
        assert!(rewritten(code).contains("[...a]"), "{code}");
    }
    let long = format!("x = [...a{}];", ", b".repeat(MOST_ELEMENTS));
    assert!(rewritten(&long).contains("...a"));
}
