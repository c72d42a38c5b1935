//! The cases in `tests/cases/spread` are sound: each says what it gives and is really rewritten.

use evtui::processor::program::SPREAD_HELPER;
use evtui::processor::source::{Input, prepare};
use std::fs;

#[test]
fn every_case_has_an_expectation_and_is_rewritten() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/spread");
    let mut count = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display();
        let text = fs::read_to_string(&path).unwrap();
        let expected = text
            .lines()
            .next()
            .and_then(|l| l.strip_prefix("// expect: "));
        let expected =
            expected.unwrap_or_else(|| panic!("{name} does not open with `// expect: `"));
        serde_json::from_str::<serde_json::Value>(expected)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let program = prepare(&Input::Script {
            slug: "case".into(),
            text,
        });
        let program = program.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(program.is_script, "{name}");
        assert!(program.modules[0].code.contains(SPREAD_HELPER), "{name}");
        count += 1;
    }
    assert!(count > 40, "only {count} cases");
}
