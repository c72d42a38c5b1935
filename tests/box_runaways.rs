//! Reducers that never end, or never stop growing: each is stopped, named at its row, and the fold
//! goes on. Nothing here asserts a duration; the harness's own time limit is the only hang guard.

#[path = "support/boxed.rs"]
mod boxed;

use boxed::*;
use evtui::processor::host::BoxReducer;
use evtui::processor::limits::Limits;
use evtui::replay::reducer::{Cancel, Form, NoteKind, Reducer, ReducerError};
use serde_json::json;
use std::time::Duration;

/// `bad` is a statement that runs away at row 3 of 6; the state counts the other rows.
fn survives(bad: &str, limits: Limits) -> NoteKind {
    let code = format!(
        "function* endless() {{ for (;;) yield 1; }}
         const deep = n => n === 0 ? 0 : 1 + deep(n + 1);
         const spin = () => {{ while (true) {{}} }};
         export default {{ initialState: {{ n: 0 }}, reduce({{ event, state }}) {{
             if (event.payload.n === 3) {{ {bad} }}
             return {{ ...state, n: state.n + 1 }};
         }} }}"
    );
    let mut reducer = BoxReducer::new(exe(), module(&code), limits);
    let log = Lines::counting(6);
    let (folded, told) = fold(&mut reducer, &log, 6);
    let folded = folded.expect("folds on");
    assert_eq!(value(&folded.state), json!({ "n": 5 }), "{bad}");
    assert_eq!(folded.previous.map(|p| value(&p)), Some(json!({ "n": 4 })));
    assert_eq!(told.failed(), [3], "{bad}");
    let note = told.at(3).last().map(|note| (*note).clone());
    // Again, by another road: the same, and told again.
    reducer.restore(0, &None).expect("restores");
    let (folded, told) = fold(&mut reducer, &log, 5);
    assert_eq!(value(&folded.expect("folds").state), json!({ "n": 4 }));
    assert_eq!(told.failed(), [3]);
    note.expect("has a note")
}

fn times_out(bad: &str) {
    let note = survives(bad, short());
    let limit = short().reduce_timeout;
    assert_eq!(note, NoteKind::TimedOut { limit }, "{bad}");
}

fn is_stopped(bad: &str) {
    let generous = Limits {
        reduce_timeout: Duration::from_secs(60),
        ..short()
    };
    let note = survives(bad, generous);
    let out_of_memory = NoteKind::OutOfMemory {
        limit: short().reduce_memory,
    };
    assert_eq!(note, out_of_memory, "{bad}");
}

#[test]
fn a_loop() {
    times_out("while (true) {}");
}

#[test]
fn a_loop_in_a_called_function() {
    times_out("spin();");
}

#[test]
fn a_loop_in_a_native_callback() {
    times_out("[1].map(() => { for (;;); });");
}

#[test]
fn a_loop_in_a_comparator() {
    times_out("[2, 1].sort(() => { for (;;); });");
}

#[test]
fn a_loop_that_catches() {
    times_out("for (;;) { try { for (;;) { null.x; } } catch {} }");
}

#[test]
fn a_catastrophic_regex() {
    times_out("/^(a+)+$/.test('a'.repeat(60) + 'b');");
}

#[test]
fn a_to_json_that_never_ends() {
    times_out("return { toJSON() { for (;;); } };");
}

#[test]
fn an_array_without_end() {
    is_stopped("const a = []; for (;;) a.push({ a });");
}

#[test]
fn a_string_that_doubles() {
    let note = survives(
        "let s = 'x'; const keep = []; for (;;) { s += s; keep.push(s + 'y'); }",
        short(),
    );
    assert!(note.is_failure(), "{note:?}");
}

#[test]
fn a_generator_spread_without_end() {
    let note = survives("[...endless()];", short());
    assert!(note.is_failure(), "{note:?}");
}

#[test]
fn a_huge_buffer() {
    let note = survives(
        "const b = []; for (;;) b.push(new Uint8Array(1e8).fill(1));",
        short(),
    );
    assert!(note.is_failure(), "{note:?}");
}

#[test]
fn recursion_without_end() {
    let note = survives("deep(1);", short());
    let NoteKind::Threw { message, .. } = note else {
        panic!("{note:?}");
    };
    assert!(message.starts_with("RangeError"), "{message}");
}

#[test]
fn recursion_through_native_functions() {
    let note = survives("const f = () => [1].map(f); f();", short());
    assert!(note.is_failure(), "{note:?}");
}

#[test]
fn a_state_nested_too_deep() {
    let note = survives(
        "let s = {}; for (let i = 0; i < 200000; i++) s = { s }; return s;",
        // Not about time: a slow machine may take its time to build it.
        Limits {
            reduce_timeout: Duration::from_secs(60),
            ..Limits::default()
        },
    );
    assert!(matches!(note, NoteKind::NotJson { .. }), "{note:?}");
}

#[test]
fn a_state_that_grows_from_row_to_row() {
    let code = "export default { initialState: { s: 'x'.repeat(1 << 20) }, reduce: ({ state, event }) => event.payload.n < 12 ? { s: state.s + state.s } : state }";
    let small = Limits {
        reduce_memory: 96 << 20,
        ..Limits::default()
    };
    let mut reducer = BoxReducer::new(exe(), module(code), small);
    let (folded, told) = fold(&mut reducer, &Lines::counting(8), 8);
    match folded {
        Ok(_) => assert!(!told.failed().is_empty()),
        Err(ReducerError::GaveUp { runaways, .. }) => assert_eq!(runaways, 5),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_loop_while_loading() {
    let mut reducer = BoxReducer::new(exe(), module("while (true) {} export default {}"), short());
    match reducer.form() {
        Err(ReducerError::Load(message)) => assert!(message.contains("endless loop"), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_loop_in_an_array_reducer() {
    let code = "export default { reduce(events) { if (events.length === 4) for (;;); return events.length; } }";
    let mut reducer = BoxReducer::new(exe(), module(code), short());
    let log = Lines::counting(8);
    assert_eq!(reducer.form(), Ok(Form::Array));
    for _ in 0..2 {
        let (folded, told) = fold(&mut reducer, &log, 4);
        assert_eq!(folded.expect("folds").state, None);
        assert_eq!(told.failed(), [3]);
        let (folded, _) = fold(&mut reducer, &log, 8);
        assert_eq!(value(&folded.expect("folds").state), json!(8));
        let (folded, _) = fold(&mut reducer, &log, 5);
        assert_eq!(value(&folded.expect("folds").state), json!(5));
    }
}

#[test]
fn five_in_a_row_and_it_gives_up() {
    let code = "export default { initialState: 0, reduce({ state, event }) { if (event.payload.n > 1) for (;;); return state + 1; } }";
    let mut reducer = BoxReducer::new(exe(), module(code), short());
    let log = Lines::counting(50);
    let (folded, told) = fold(&mut reducer, &log, 50);
    match folded {
        Err(ReducerError::GaveUp { row, runaways, .. }) => assert_eq!((row, runaways), (6, 5)),
        other => panic!("{other:?}"),
    }
    assert_eq!(told.failed(), [2, 3, 4, 5, 6]);
    // Usable still.
    reducer.restore(0, &None).expect("restores");
    let (folded, _) = fold(&mut reducer, &log, 3);
    assert_eq!(value(&folded.expect("folds").state), json!(2));
}

#[test]
fn cancelling_a_runaway() {
    let code = "export default { initialState: 0, reduce({ state, event }) { if (event.payload.n === 3) for (;;); return state + 1; } }";
    let patient = Limits {
        reduce_timeout: Duration::from_secs(3600),
        ..Limits::default()
    };
    let mut reducer = BoxReducer::new(exe(), module(code), patient);
    let log = Lines::counting(6);
    let cancel = Cancel::new();
    let canceller = std::thread::spawn({
        let cancel = cancel.clone();
        move || {
            std::thread::sleep(Duration::from_millis(300));
            cancel.cancel();
        }
    });
    let (folded, _) = fold_with(&mut reducer, &log, 6, None, false, &cancel);
    assert_eq!(folded, Err(ReducerError::Cancelled));
    canceller.join().expect("joins");
    let (folded, _) = fold(&mut reducer, &log, 3);
    assert_eq!(value(&folded.expect("folds").state), json!(3));
}

#[test]
fn cancelling_a_long_fold_and_going_on() {
    let code = "export default { initialState: 0, reduce: ({ state }) => state + 1 }";
    for program in [module(code), pure_module(code)] {
        let mut reducer = BoxReducer::new(exe(), program, Limits::default());
        let log = Lines::counting(30_000);
        let cancel = Cancel::new();
        let mut told = Told::default();
        let flag = cancel.clone();
        told.at_progress = Some(Box::new(move |rows| {
            if rows > 500 {
                flag.cancel();
            }
        }));
        let folded = reducer.fold(evtui::replay::reducer::FoldRequest {
            log: &log,
            to: 30_000,
            keyframe_every: None,
            want_previous: false,
            cancel: &cancel,
            sink: &mut told,
        });
        assert_eq!(folded, Err(ReducerError::Cancelled));
        let stopped = reducer.rows();
        assert!((500..30_000).contains(&stopped), "{stopped}");
        let (folded, _) = fold(&mut reducer, &log, stopped + 3);
        assert_eq!(value(&folded.expect("folds").state), json!(stopped + 3));
    }
}
