//! What array spreads mean, case by case (`tests/cases/spread`), as written and as rewritten.

#[path = "support/boxed.rs"]
mod boxed;

use boxed::*;
use evtui::processor::program::{Program, SPREAD_HELPER};
use std::fs;

fn value_of(program: Program) -> String {
    let mut reducer = reducer(program);
    let (folded, told) = fold(&mut reducer, &Lines::counting(1), 1);
    assert!(told.failed().is_empty(), "{:?}", told.notes);
    let state = folded.expect("folds").state;
    state.map_or_else(|| "undefined".into(), |text| text.to_string())
}

#[test]
fn every_case_gives_what_it_says_with_and_without_rewriting() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/spread");
    let mut wrong = Vec::new();
    let mut rewrites = 0;
    for entry in fs::read_dir(directory).expect("reads") {
        let path = entry.expect("reads").path();
        let text = fs::read_to_string(&path).expect("reads");
        let (first, case) = text.split_once('\n').expect("has lines");
        let expected = first.strip_prefix("// expect: ").expect("says what");
        let case = case.trim_end().trim_end_matches(';');
        let code =
            format!("const value = {case};\n({{ initialState: null, reduce: () => value }})");
        let rewritten = prepared(&code);
        rewrites += usize::from(rewritten.modules[0].code.contains(SPREAD_HELPER));
        for (how, program) in [("as written", script(&code)), ("rewritten", rewritten)] {
            let given = value_of(program);
            if given != expected {
                let name = path.file_name().unwrap_or_default().display();
                wrong.push(format!("{name} {how}: {given}, not {expected}"));
            }
        }
    }
    assert!(rewrites > 40);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
