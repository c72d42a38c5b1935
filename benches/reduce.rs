//! Reductions per second through the box, beside a bare loop of the same engine over events that are
//! already converted, and beside Node where there is one. `cargo bench --bench reduce`; all figures of
//! a line are of the same run, medians of several pairs taken in turn.

#[path = "../tests/support/boxed.rs"]
mod boxed;

use boa_engine::object::builtins::JsArray;
use boa_engine::property::PropertyKey;
use boa_engine::{Context, JsValue, Source, js_string};
use boxed::*;
use evtui::model::log::EventLog;
use evtui::processor::program::{Program, SPREAD_HELPER};
use evtui::replay::reducer::{Cancel, Reducer};
use serde_json::json;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

struct Case {
    name: &'static str,
    code: String,
    events: usize,
    pure: bool,
    array: bool,
    /// What the bare loop runs, if the same code would not do.
    bare: Option<String>,
}

fn cases() -> Vec<Case> {
    let counter = "export default { initialState: { count: 0 }, reduce({ event, state }) { return { ...state, count: state.count + 1 }; } }";
    let switch = "export default { initialState: { users: 0, assistants: 0, tools: 0, last: null, sizes: {} }, reduce({ event, state }) {
        switch (event.type) {
            case 'user_message': return { ...state, users: state.users + 1, last: event.payload.content };
            case 'assistant_message': return { ...state, assistants: state.assistants + 1, last: event.payload.content };
            case 'tool_call': return { ...state, tools: state.tools + 1, sizes: { ...state.sizes, [event.payload.tool]: (state.sizes[event.payload.tool] ?? 0) + event.payload.content.length } };
            default: return state;
        }
    } }";
    let append = "export default { initialState: { messages: [] }, reduce({ event, state }) { return { ...state, messages: [...state.messages, { role: event.type, content: event.payload.content }] }; } }";
    let rewritten = append.replace(
        "[...state.messages, {",
        &format!("{SPREAD_HELPER}(1, state.messages, 0, {{"),
    );
    let rewritten = rewritten.replace("content }]", "content })");
    let in_place = "export default { initialState: { messages: [] }, reduce({ event, state }) { state.messages.push({ role: event.type, content: event.payload.content }); return state; } }";
    let array = "export default { reduce(events) { let n = 0, users = 0; for (const e of events) { n += e.payload.content.length; if (e.type === 'user_message') users++; } return { n, users }; } }";
    let case = |name, code: &str, events| Case {
        name,
        code: code.into(),
        events,
        pure: true,
        array: false,
        bare: None,
    };
    vec![
        case("counter, 100k", counter, 100_000),
        Case {
            pure: false,
            ..case("counter, 100k, copied state", counter, 100_000)
        },
        case("switch and clone, 100k", switch, 100_000),
        case("append by spread to 5,000, as written", append, 5000),
        Case {
            bare: Some(append.into()),
            ..case("append by spread to 5,000, rewritten", &rewritten, 5000)
        },
        Case {
            pure: false,
            ..case("push in place to 5,000, copied state", in_place, 5000)
        },
        Case {
            array: true,
            ..case("reduce(events) over 100k", array, 100_000)
        },
    ]
}

fn log(events: usize) -> Lines {
    const TYPES: [&str; 4] = [
        "user_message",
        "assistant_message",
        "tool_call",
        "llm-chunk",
    ];
    Lines(
        (0..events)
            .map(|row| {
                let mut event = event(
                    row,
                    json!({ "content": format!("message number {row}, some words of it"), "tool": format!("tool{}", row % 7) }),
                );
                event["type"] = json!(TYPES[row % 4]);
                event.to_string()
            })
            .collect(),
    )
}

fn bare(case: &Case, log: &Lines) -> Duration {
    let mut context = Context::default();
    let code = case.bare.as_ref().unwrap_or(&case.code);
    let code = code.replace("export default", "globalThis.processor =");
    context.eval(Source::from_bytes(&code)).expect("loads");
    let processor = context
        .global_object()
        .get(js_string!("processor"), &mut context)
        .expect("is there");
    let object = processor.as_object().expect("an object");
    let reduce = object
        .get(js_string!("reduce"), &mut context)
        .expect("is there")
        .as_callable()
        .expect("a function");
    let mut state = object
        .get(js_string!("initialState"), &mut context)
        .expect("is there");
    let make = context
        .eval(Source::from_bytes(
            "(event, state) => ({ event, state, logger: console_ })"
                .replace("console_", "null")
                .as_str(),
        ))
        .expect("parses")
        .as_callable()
        .expect("a function");
    let events: Vec<JsValue> = log
        .0
        .iter()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
            JsValue::from_json(&value, &mut context).expect("converts")
        })
        .collect();
    let start = Instant::now();
    if case.array {
        let events = JsArray::from_iter(events, &mut context);
        reduce
            .call(&processor, &[events.into()], &mut context)
            .expect("reduces");
        return start.elapsed();
    }
    let _ = PropertyKey::from(js_string!("event"));
    for event in events {
        let input = make
            .call(&JsValue::undefined(), &[event, state], &mut context)
            .expect("makes");
        state = reduce
            .call(&processor, &[input], &mut context)
            .expect("reduces");
    }
    start.elapsed()
}

fn program(case: &Case) -> Program {
    Program {
        never_mutates: case.pure,
        ..module(&case.code)
    }
}

fn boxed(case: &Case, log: &Lines) -> Duration {
    let mut reducer = reducer(program(case));
    reducer.form().expect("loads");
    let start = Instant::now();
    let (folded, told) = fold_with(
        &mut reducer,
        log,
        log.len(),
        Some(Duration::from_millis(8)),
        false,
        &Cancel::new(),
    );
    let time = start.elapsed();
    folded.expect("folds");
    assert_eq!(told.notes, []);
    time
}

fn node(case: &Case, log: &Lines) -> Option<Duration> {
    let driver = "
        const texts = require('fs').readFileSync(0, 'utf8').split('\\n').filter(Boolean);
        const events = texts.map(text => JSON.parse(text));
        let state = processor.initialState;
        const start = performance.now();
        if (array) state = processor.reduce(events);
        else for (const event of events) state = processor.reduce({ event, state, logger: null });
        console.log(performance.now() - start);";
    let code = case.bare.as_ref().unwrap_or(&case.code);
    let code = code.replace("export default", "const processor =");
    let code = format!("{code}; const array = {}; {driver}", case.array);
    let mut child = Command::new("node")
        .args(["-e", &code])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let text = log.0.join("\n");
    child.stdin.take()?.write_all(text.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    let millis: f64 = String::from_utf8(output.stdout).ok()?.trim().parse().ok()?;
    Some(Duration::from_secs_f64(millis / 1000.0))
}

fn percentile(times: &mut [Duration], part: f64) -> Duration {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * part) as usize]
}

fn steps() {
    // About 50 kB of state.
    let code = format!(
        "export default {{ initialState: {{ messages: Array.from({{ length: 500 }}, (_, i) => ({{ role: 'user', content: 'x'.repeat(64) + i }})) }},
           reduce({{ event, state }}) {{ return {{ ...state, messages: {SPREAD_HELPER}(1, state.messages.slice(1), 0, {{ role: event.type, content: event.payload.content }}) }}; }} }}"
    );
    let log = log(4000);
    println!("\n{:<50} {:>10} {:>10}", "50 kB of state, ms", "p50", "p99");
    let line = |what: &str, mut times: Vec<Duration>| {
        let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!("{what:<50} {:>10.2} {:>10.2}", ms(p50), ms(p99));
    };
    for pure in [true, false] {
        let kind = if pure { "shared state" } else { "copied state" };
        let mut program = module(&code);
        program.never_mutates = pure;
        let mut reducer = reducer(program);
        let (folded, _) = fold(&mut reducer, &log, 1);
        let size = folded.expect("folds").state.map_or(0, |text| text.len());
        let times = (2..1002)
            .map(|to| {
                let start = Instant::now();
                let (folded, _) = fold_with(&mut reducer, &log, to, None, true, &Cancel::new());
                folded.expect("folds");
                start.elapsed()
            })
            .collect();
        line(&format!("a step, {kind} ({size} bytes)"), times);
        let (folded, _) = fold_with(&mut reducer, &log, 500, None, false, &Cancel::new());
        let state = folded.expect("folds").state;
        let times = (0..300)
            .map(|i| {
                let start = Instant::now();
                reducer.restore(500, &state).expect("restores");
                let to = 500 + 1 + i % 16;
                let (folded, _) = fold_with(&mut reducer, &log, to, None, true, &Cancel::new());
                folded.expect("folds");
                start.elapsed()
            })
            .collect();
        line(&format!("restore and fold 1 to 16, {kind}"), times);
    }
}

/// Medians of a few pairs: a machine that is busy with something else treats both of a pair alike.
fn line(case: &Case, bare_time: &mut Option<Duration>) {
    let log = log(case.events);
    let rate = |time: Duration| case.events as f64 / time.as_secs_f64();
    // The slow ones take half a minute.
    let pairs = if case.events > 10_000 { 5 } else { 1 };
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..pairs {
        let our = boxed(case, &log);
        let their = match (&case.bare, *bare_time) {
            // The same loop as of the line before.
            (Some(_), Some(time)) => time,
            _ => bare(case, &log),
        };
        ours.push(our);
        theirs.push(their);
        ratios.push(their.as_secs_f64() / our.as_secs_f64());
    }
    *bare_time = theirs.first().copied();
    ratios.sort_unstable_by(f64::total_cmp);
    let node = node(case, &log).map_or_else(|| "-".into(), |t| format!("{:.0}", rate(t)));
    println!(
        "{:<40} {:>12.0} {:>12.0} {:>7.2} {node:>12}",
        case.name,
        rate(percentile(&mut ours, 0.5)),
        rate(percentile(&mut theirs, 0.5)),
        ratios[pairs / 2],
    );
}

fn main() {
    println!(
        "{:<40} {:>12} {:>12} {:>7} {:>12}",
        "events per second", "box", "bare Boa", "ratio", "Node"
    );
    let mut bare_time = None;
    for case in cases() {
        line(&case, &mut bare_time);
    }
    steps();
}
