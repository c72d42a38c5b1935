//! `state(n)` through the box, by any road, equals the naive fold with a deep copy through JSON text
//! around every event.

#[path = "support/boxed.rs"]
mod boxed;
#[path = "support/reducers.rs"]
mod reducers;

use boa_engine::{Context, JsString, Source};
use boxed::*;
use evtui::model::log::EventLog;
use evtui::processor::program::Program;
use evtui::replay::reducer::{Cancel, Reducer, State};
use evtui::replay::timeline::Timeline;
use proptest::prelude::*;
use serde_json::json;
use std::time::Duration;

/// All states of the naive fold, as text; evaluated here, by the engine's own JSON.
fn oracle(code: &str, log: &Lines) -> Vec<State> {
    const FOLD: &str = "(texts) => {
        const copy = value => value === undefined ? undefined : JSON.parse(JSON.stringify(value));
        let state = copy(processor.initialState);
        const states = [JSON.stringify(state)];
        for (const text of texts) {
            try {
                const result = processor.reduce({ event: JSON.parse(text), state: copy(state), logger: {} });
                if (result !== undefined) {
                    const json = JSON.stringify(result);
                    if (json !== undefined) state = JSON.parse(json);
                }
            } catch {}
            states.push(JSON.stringify(state));
        }
        return states;
    }";
    let mut context = Context::default();
    // Modules are strict.
    let code = code.replace("export default", "globalThis.processor =");
    let code = format!("'use strict'; {code}");
    context.eval(Source::from_bytes(&code)).expect("loads");
    let fold = context.eval(Source::from_bytes(FOLD)).expect("parses");
    let texts = log
        .0
        .iter()
        .map(|line| JsString::from(line.as_str()).into());
    let texts = boa_engine::object::builtins::JsArray::from_iter(texts, &mut context);
    let states = fold
        .as_callable()
        .expect("a function")
        .call(
            &boa_engine::JsValue::undefined(),
            &[texts.into()],
            &mut context,
        )
        .expect("folds");
    let states = states.as_object().expect("an array");
    (0..=log.len())
        .map(|rows| {
            let text = states.get(rows, &mut context).expect("has it");
            text.as_string()
                .map(|text| text.to_std_string_lossy().into())
        })
        .collect()
}

#[derive(Clone, Debug)]
enum Seek {
    /// Fold to this part of the log from wherever we are.
    To(prop::sample::Index, bool),
    /// Restore one of the keyframes told so far, then fold on by so much.
    Restore(prop::sample::Index, usize),
    /// From the beginning.
    Fresh(prop::sample::Index),
}

fn seeks() -> impl Strategy<Value = Vec<Seek>> {
    let seek = prop_oneof![
        (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(to, p)| Seek::To(to, p)),
        (any::<prop::sample::Index>(), 0..5usize).prop_map(|(k, by)| Seek::Restore(k, by)),
        any::<prop::sample::Index>().prop_map(Seek::Fresh),
    ];
    prop::collection::vec(seek, 1..8)
}

fn logs(ops: u8) -> impl Strategy<Value = Lines> {
    let event = (0..ops, 0..4u8, 0..6i32);
    prop::collection::vec(event, 1..40).prop_map(|events| {
        Lines::of(
            events
                .into_iter()
                .map(|(op, k, v)| json!({ "op": op, "k": format!("k{k}"), "v": v })),
        )
    })
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

fn equals_the_oracle(program: Program, log: &Lines, seeks: &[Seek]) -> Result<(), TestCaseError> {
    let expected = oracle(&program.modules[0].code, log);
    let mut reducer = reducer(program);
    let mut keyframes: Vec<(usize, State)> = vec![(0, None)];
    let mut visit =
        |reducer: &mut evtui::processor::host::BoxReducer, to: usize, previous: bool| {
            let every = Some(Duration::ZERO);
            let (folded, told) = fold_with(reducer, log, to, every, previous, &Cancel::new());
            let folded = folded.map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(&folded.state, &expected[to], "state({})", to);
            if previous && to > 0 {
                prop_assert_eq!(folded.previous, Some(expected[to - 1].clone()));
            }
            for (rows, state) in told.keyframes {
                prop_assert_eq!(&state, &expected[rows], "keyframe at {}", rows);
                keyframes.push((rows, state));
            }
            Ok(keyframes.clone())
        };
    let mut known = visit(&mut reducer, log.len(), true)?;
    for seek in seeks {
        known = match seek {
            Seek::To(to, previous) => visit(&mut reducer, to.index(log.len() + 1), *previous)?,
            Seek::Restore(keyframe, by) => {
                let (rows, state) = keyframe.get(&known).clone();
                reducer.restore(rows, &state).expect("restores");
                visit(&mut reducer, (rows + by).min(log.len()), false)?
            }
            Seek::Fresh(to) => {
                reducer.restore(0, &None).expect("restores");
                visit(&mut reducer, to.index(log.len() + 1), true)?
            }
        };
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reducers_that_change_their_state(log in logs(reducers::MUTATING_OPS), seeks in seeks()) {
        equals_the_oracle(module(reducers::MUTATING), &log, &seeks)?;
    }

    #[test]
    fn reducers_that_share_structure(log in logs(reducers::SHARING_OPS), seeks in seeks()) {
        equals_the_oracle(pure_module(reducers::SHARING), &log, &seeks)?;
    }

    #[test]
    fn reducers_that_share_structure_and_might_change_it(
        log in logs(reducers::SHARING_OPS), seeks in seeks()
    ) {
        equals_the_oracle(module(reducers::SHARING), &log, &seeks)?;
    }

    #[test]
    fn reducers_that_keep_things_outside_their_state(
        log in logs(reducers::REMEMBERING_OPS), seeks in seeks()
    ) {
        let program = prepared(reducers::REMEMBERING);
        prop_assert!(program.remembers.len() >= 6, "{:?}", program.remembers);
        let program = Program { remembers: program.remembers, ..module(reducers::REMEMBERING) };
        equals_the_oracle(program, &log, &seeks)?;
    }

    /// The same by the roads that the screen takes: seeks, steps back, folding ahead in between.
    #[test]
    fn a_timeline_of_what_remembers(
        log in logs(reducers::REMEMBERING_OPS), roads in prop::collection::vec((any::<prop::sample::Index>(), 0..12usize, any::<bool>()), 1..5)
    ) {
        let expected = oracle(reducers::REMEMBERING, &log);
        let reducer = Box::new(reducer(prepared(reducers::REMEMBERING)));
        let mut timeline = Timeline::new(reducer, 1 << 20).expect("loads");
        let cancel = Cancel::new();
        for (to, back, ahead) in roads {
            let to = to.index(log.len() + 1);
            for rows in (to.saturating_sub(back)..=to).rev() {
                let state = timeline.state_at(&log, rows, &cancel, &mut |_| ());
                prop_assert_eq!(&state.expect("folds"), &expected[rows], "state({})", rows);
                timeline.step_at(&log, rows, &cancel, &mut |_| ()).expect("folds");
            }
            if ahead {
                timeline.advance(&log, &cancel, Duration::from_micros(10)).expect("folds");
            }
        }
        let told: Vec<_> = timeline.ledger().impurities().collect();
        prop_assert_eq!(told.is_empty(), timeline.folded() == 0);
        prop_assert!(told.iter().all(|(api, row, times)| {
            api.contains("`calls`") && (*row, *times) == (0, 1)
        }), "{:?}", told);
    }
}

/// The engine's own `JSON.parse` refuses these, so the oracle cannot say.
#[test]
fn lone_surrogates_are_kept_and_written_as_escapes() {
    let code = r#"export default { initialState: '', reduce({ event, state }) {
        if (event.payload.n === 0) return ['\ud800 lone', JSON.parse('"\\udc00"') === '\udc00', JSON.parse('"\udc00"') === '\udc00'];
        return [...state, state[0].charCodeAt(0) === 0xd800, event.payload.text === '\ud83d'];
    } }"#;
    let mut log = Lines::of([json!({ "n": 0 }), json!({ "n": 1, "text": "@" })]);
    log.0[1] = log.0[1].replace('@', "\\ud83d");
    for program in [module(code), pure_module(code)] {
        let mut reducer = reducer(program);
        let (folded, told) = fold(&mut reducer, &log, 2);
        assert_eq!(told.notes, []);
        assert_eq!(
            folded.expect("folds").state.as_deref(),
            Some(r#"["\ud800 lone",true,true,true,true]"#)
        );
    }
}
