//! Finding the processor and calling it, in all forms (SPEC §9).

#[path = "support/boxed.rs"]
mod boxed;

use boxed::*;
use evtui::model::log::EventLog;
use evtui::replay::reducer::{Cancel, Form, NoteKind, Reducer, ReducerError};
use evtui::replay::timeline::Timeline;
use serde_json::{Value, json};

const COUNTER: &str = "{ initialState: { n: 0 }, reduce({ event, state }) { return { n: state.n + event.payload.n }; } }";

#[test]
fn finds_the_processor_wherever_it_may_be() {
    let programs = [
        module(&format!("export default {COUNTER}")),
        module(&format!(
            "export const other = 1; export const processor = {COUNTER}"
        )),
        module(&format!("export const anything = {COUNTER}")),
        module(&format!(
            "const define = f => f; export default define(() => ({COUNTER}))"
        )),
        prepared(&format!(
            "const processor = {COUNTER}; const x: boolean = import.meta.main;"
        )),
        prepared(&format!(
            "import {{ defineProcessor }} from 'ai-engineer-workshop'; export default defineProcessor(() => ({COUNTER}))"
        )),
        script(&format!("const processor = {COUNTER}; 42")),
        script(&format!("({COUNTER})")),
        script(&format!("function processor() {{ return {COUNTER}; }}")),
        pure_module(&format!("export default {COUNTER}")),
    ];
    for program in programs {
        let code = program.modules[0].code.clone();
        let (state, told) = run(program, &Lines::counting(5));
        assert_eq!(state, json!({ "n": 10 }), "{code}");
        assert_eq!(told.notes, [], "{code}");
    }
}

#[test]
fn stacks_are_those_of_the_source_as_written() {
    let source = "interface A { a: number }\n\nenum Kind { Bad }\nexport default {\n  initialState: [] as number[],\n  reduce({ event, state }: any) {\n    const all = [...state,\n      event.payload.n];\n    if (Kind.Bad in all) throw new Error('bad');\n    return all;\n  },\n};";
    let (_, told) = run(prepared(source), &Lines::counting(1));
    let NoteKind::Threw { message, stack } = told.at(0)[0] else {
        panic!("{:?}", told.notes);
    };
    assert_eq!(message, "Error: bad");
    assert_eq!(stack.lines().count(), 1, "{stack}");
    assert!(
        stack.contains("at reduce (") && stack.contains(":9:"),
        "{stack}"
    );
}

#[test]
fn the_array_form_gets_everything_at_once() {
    let code = "export default { reduce(events) { return { count: events.length, last: events.at(-1)?.payload.n ?? null }; } }";
    for program in [module(code), pure_module(code)] {
        let mut reducer = reducer(program);
        assert_eq!(reducer.form(), Ok(Form::Array));
        let log = Lines::counting(700);
        for to in [3, 2, 700, 0, 5, 6] {
            let (folded, told) = fold(&mut reducer, &log, to);
            let folded = folded.expect("folds");
            let expected = |n: usize| match n {
                0 => json!({ "count": 0, "last": null }),
                n => json!({ "count": n, "last": n - 1 }),
            };
            assert_eq!(value(&folded.state), expected(to));
            match to.checked_sub(1) {
                Some(n) => assert_eq!(folded.previous.map(|p| value(&p)), Some(expected(n))),
                None => assert_eq!(folded.previous, None),
            }
            assert_eq!(told.notes, []);
        }
    }
}

#[test]
fn an_array_reducer_that_throws_keeps_the_last_state_that_worked() {
    let code = "export default { reduce(events) { if (events.length > 4) throw new Error('full'); return events.length; } }";
    let mut reducer = reducer(module(code));
    let log = Lines::counting(9);
    let (folded, told) = fold(&mut reducer, &log, 9);
    assert_eq!(value(&folded.expect("folds").state), json!(4));
    assert_eq!(told.failed(), [8]);
}

#[test]
fn undefined_leaves_the_state_and_no_initial_state_is_undefined() {
    let code = "export default { reduce({ event, state }) { if (event.payload.n === 3) return { seen: state ?? 'nothing' }; } }";
    let log = Lines::counting(6);
    let mut reducer = reducer(module(code));
    let (folded, _) = fold(&mut reducer, &log, 3);
    assert_eq!(folded.expect("folds").state, None);
    let (folded, _) = fold(&mut reducer, &log, 6);
    assert_eq!(
        value(&folded.expect("folds").state),
        json!({ "seen": "nothing" })
    );
}

#[test]
fn a_throw_keeps_the_state_and_says_where() {
    let code = "function fail() { throw new TypeError('no way'); }\nexport default {\n  initialState: 0,\n  reduce({ event, state }) {\n    if (event.payload.n === 2) fail();\n    if (event.payload.n === 3) throw 'text';\n    return state + 1;\n  },\n};";
    let (state, told) = run(module(code), &Lines::counting(5));
    assert_eq!(state, json!(3));
    assert_eq!(told.failed(), [2, 3]);
    let NoteKind::Threw { message, stack } = told.at(2)[0] else {
        panic!("{:?}", told.notes);
    };
    assert_eq!(message, "TypeError: no way");
    assert!(stack.contains("at fail (processor.js:1:"), "{stack}");
    assert!(stack.contains("at reduce (processor.js:5:"), "{stack}");
    let NoteKind::Threw { message, .. } = told.at(3)[0] else {
        panic!("{:?}", told.notes);
    };
    assert_eq!(message, "Uncaught text");
}

#[test]
fn what_cannot_be_loaded_says_why() {
    let cases = [
        ("export default 1", "instead of a processor"),
        ("export const a = 1, b = 2", "gives no processor"),
        ("throw new Error('at load')", "at load"),
        ("export default {", "SyntaxError"),
        ("import './missing.js'; export default {}", "missing.js"),
        ("export default { reduce: 5 }", "not a function"),
        (
            "await new Promise(() => {}); export default {}",
            "never comes",
        ),
    ];
    for (code, part) in cases {
        match reducer(module(code)).form() {
            Err(ReducerError::Load(message)) => assert!(message.contains(part), "{message}"),
            other => panic!("{code}: {other:?}"),
        }
    }
}

#[test]
fn modules_import_each_other_and_may_await() {
    let mut program = module(
        "import { step } from 'lib.js'; const one = await Promise.resolve(1); export default { initialState: 0, reduce: ({ state }) => step(state, one) }",
    );
    let mut lib = program.modules[0].clone();
    lib.name = "lib.js".into();
    lib.code =
        "export const step = (n, by) => n + by; export const main = import.meta.main;".into();
    program.modules.push(lib);
    let (state, _) = run(program, &Lines::counting(4));
    assert_eq!(state, json!(4));
}

#[test]
fn an_async_reducer_is_an_error_that_says_so() {
    let code = "export default { initialState: 0, async reduce({ state }) { return state + 1; } }";
    let (state, told) = run(module(code), &Lines::counting(2));
    assert_eq!(state, json!(0));
    let NoteKind::NotJson { message } = told.at(0)[0] else {
        panic!("{:?}", told.notes);
    };
    assert!(message.contains("synchronous"), "{message}");
}

#[test]
fn lines_that_are_not_json_leave_the_state() {
    let code = "export default { initialState: 0, reduce: ({ state }) => state + 1 }";
    let mut log = Lines::counting(4);
    log.0[1] = "{ torn".into();
    let (state, told) = run(module(code), &log);
    assert_eq!(state, json!(3));
    assert_eq!(told.notes, []);
}

#[test]
fn restores_and_folds_on_from_keyframes() {
    let code = "export default { initialState: { list: [] }, reduce: ({ event, state }) => ({ list: [...state.list, event.payload.n] }) }";
    for program in [module(code), pure_module(code)] {
        let log = Lines::counting(600);
        let mut whole = reducer(program);
        let (folded, told) = fold(&mut whole, &log, log.len());
        let last = folded.expect("folds").state;
        assert!(!told.keyframes.is_empty());
        let middle = told.keyframes[told.keyframes.len() / 2].clone();
        whole.restore(middle.0, &middle.1).expect("restores");
        assert_eq!(whole.rows(), middle.0);
        let (folded, _) = fold(&mut whole, &log, middle.0 + 7);
        let state = value(&folded.expect("folds").state);
        let expected: Vec<usize> = (0..middle.0 + 7).collect();
        assert_eq!(state, json!({ "list": expected }));
        let (folded, _) = fold(&mut whole, &log, log.len());
        assert_eq!(folded.expect("folds").state, last);
        // Back without being told where to: the reducer finds its own way.
        let (folded, _) = fold(&mut whole, &log, 2);
        assert_eq!(
            value(&folded.expect("folds").state),
            json!({ "list": [0, 1] })
        );
    }
}

#[test]
fn clock_and_chance_are_the_rows_and_reaching_out_is_told() {
    let code = "export default { initialState: [], reduce({ event, state, logger }) {
        if (event.payload.n === 0) return [...state, Date.now(), new Date().toISOString(), Temporal.Now.instant().epochMilliseconds];
        if (event.payload.n === 1) return [...state, Math.random(), crypto.randomUUID(), process.env];
        if (event.payload.n === 2) { logger.info('hello', { a: [1] }); console.warn('careful'); return; }
        if (event.payload.n === 3) fetch('http://x');
        if (event.payload.n === 4) setTimeout(() => {}, 1);
    } }";
    let log = Lines::counting(5);
    let (state, told) = run(module(code), &log);
    assert_eq!(state[0], json!(1_700_000_000_000_i64));
    assert_eq!(state[1], json!("2023-11-14T22:13:20.000Z"));
    assert_eq!(state[2], state[0]);
    let impure = |api: &str| NoteKind::Impure { api: api.into() };
    assert_eq!(
        told.at(0),
        [
            &impure("Date.now"),
            &impure("new Date()"),
            &impure("Temporal.Now.instant")
        ]
    );
    assert_eq!(
        told.at(1),
        [&impure("Math.random"), &impure("crypto.randomUUID")]
    );
    let log_note = |level: &str, text: &str| NoteKind::Log {
        level: level.into(),
        text: text.into(),
    };
    assert_eq!(
        told.at(2),
        [
            &log_note("info", "hello {\"a\":[1]}"),
            &log_note("warn", "careful")
        ]
    );
    assert_eq!(told.at(3)[0], &impure("fetch"));
    assert!(
        matches!(told.at(3)[1], NoteKind::Threw { message, .. } if message.contains("fetch is not available"))
    );
    assert_eq!(told.at(4)[0], &impure("setTimeout"));
    // The same along another road.
    let mut reducer = reducer(module(code));
    reducer.restore(1, &Some("[]".into())).expect("restores");
    let (folded, _) = fold(&mut reducer, &log, 5);
    let other = value(&folded.expect("folds").state);
    assert_eq!(
        other.as_array().map(Vec::as_slice),
        state.as_array().map(|s| &s[3..])
    );
    assert_eq!(other[2], Value::Object(Default::default()));
}

#[test]
fn failures_before_a_keyframe_are_told_before_it() {
    let code = "export default { initialState: 0, reduce({ event, state }) { if (event.payload.n % 3 === 0) throw new Error('no'); return state + 1; } }";
    let mut timeline = Timeline::new(Box::new(reducer(module(code))), 1 << 20).expect("loads");
    let log = Lines::counting(3000);
    timeline
        .state_at(&log, 3000, &Cancel::new(), &mut |_| ())
        .expect("folds");
    assert_eq!(timeline.ledger().failures().count(), 1000);
}
