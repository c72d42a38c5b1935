//! Finding workers: spellings, versions, what is wrong, growth.

use super::*;
use crate::model::log::{Complaint, Indexing, Row};
use crate::model::needle::Needle;
use serde_json::json;
use std::borrow::Cow;

struct Log {
    lines: Vec<Vec<u8>>,
    known: usize,
}

impl Log {
    fn new(events: &[(&str, Value)]) -> Log {
        let lines: Vec<_> = events
            .iter()
            .enumerate()
            .map(|(row, (event_type, payload))| {
                let event = json!({"offset": row + 10, "type": event_type, "payload": payload});
                event.to_string().into_bytes()
            })
            .collect();
        let known = lines.len();
        Log { lines, known }
    }
}

impl EventLog for Log {
    fn len(&self) -> usize {
        self.lines.len()
    }

    fn row(&self, row: usize) -> Option<Row> {
        let event_type = peek::text_member(self.lines.get(row)?, "type")?;
        Some(Row {
            offset: Some(Offset(row as u64 + 10)),
            time: None,
            kind: self.kind(row)?,
            event_type: event_type.as_ref().into(),
        })
    }

    fn kind(&self, row: usize) -> Option<Kind> {
        let line = self.lines[..self.known].get(row)?;
        let event_type = peek::text_member(line, "type")?;
        Some(Kind::classify(&event_type, || None))
    }

    fn raw(&self, row: usize) -> Option<Cow<'_, [u8]>> {
        self.lines.get(row).map(|l| Cow::Borrowed(l.as_slice()))
    }

    fn row_of_offset(&self, _: Offset) -> Option<usize> {
        None
    }

    fn indexing(&self) -> Indexing {
        Indexing::DONE
    }

    fn version(&self) -> u64 {
        0
    }

    fn complaints(&self) -> Vec<Complaint> {
        Vec::new()
    }

    fn search(&self, _: &Needle, _: usize, _: bool, _: &dyn Fn() -> bool) -> Option<usize> {
        None
    }
}

const SEED: &str = "https://events.iterate.com/dynamic-worker-configured";
const FULL: &str = "https://events.iterate.com/events/stream/dynamic-worker/configured";
const NEWER: &str = "events.iterate.com/stream/dynamic-worker-configured";

fn rows(found: &Deployments, slug: &str) -> Vec<usize> {
    let versions = found.worker(slug).map(|w| w.versions.as_slice());
    versions.unwrap_or_default().iter().map(|v| v.row).collect()
}

#[test]
fn every_spelling_is_found_and_grouped_by_slug() {
    let log = Log::new(&[
        ("user_message", json!("hello")),
        (
            SEED,
            json!("const processor = { slug: 'agent', reduce(events) { return events } }"),
        ),
        (
            FULL,
            json!({"slug": "safety", "script": "({ reduce() {} })"}),
        ),
        (
            NEWER,
            json!({"slug": "agent", "modules": {"processor.ts": "export default 1"}}),
        ),
        (
            SEED,
            json!("const processor = { reduce(events) { return events } }"),
        ),
        (
            "https://events.iterate.com/events/stream/dynamic-worker/env-var-set",
            json!({"key": "a", "value": "b"}),
        ),
        (SEED, json!("this is { not code")),
    ]);
    let found = Deployments::find(&log);
    assert_eq!(found.troubles, []);
    let slugs: Vec<_> = found.workers.iter().map(|w| &*w.slug).collect();
    assert_eq!(slugs, ["agent", "safety", "default"]);
    assert_eq!(rows(&found, "agent"), [1, 3]);
    assert_eq!(rows(&found, "default"), [4, 6]);
    assert_eq!(
        found.version("agent", 3),
        Some(&Version {
            row: 3,
            offset: Some(Offset(13)),
            input: Input::Modules(
                [(
                    "processor.ts".into(),
                    ModuleText::Code("export default 1".into())
                )]
                .into()
            ),
            env: Env::default(),
        })
    );
    assert_eq!(found.deployed()[1].rows, [2]);
}

#[test]
fn identical_code_is_no_new_version() {
    let a = json!({"slug": "s", "script": "a"});
    let b = json!({"slug": "s", "script": "b"});
    let log = Log::new(&[
        (FULL, a.clone()),
        (SEED, a.clone()),
        (FULL, b.clone()),
        (FULL, a),
        (FULL, b),
    ]);
    let found = Deployments::find(&log);
    assert_eq!(rows(&found, "s"), [0, 2, 3, 4]);
    let at = |n| found.workers[0].version_at(n).map(|v| v.row);
    assert_eq!(
        [at(0), at(1), at(2), at(3), at(9)],
        [None, Some(0), Some(0), Some(2), Some(4)]
    );
}

#[test]
fn what_configures_nothing_is_told() {
    for (payload, words) in [
        (json!(7), "not a number"),
        (json!({"slug": "s"}), "neither"),
        (json!({"slug": "s", "script": "a", "modules": {}}), "both"),
        (json!({"slug": "", "script": "a"}), "slug"),
        (json!({"slug": 1, "script": "a"}), "slug"),
        (json!({"slug": "s", "script": ["a"]}), "an array"),
        (json!({"slug": "s", "script": "  "}), "empty"),
        (json!({"slug": "s", "modules": []}), "modules"),
        (json!({"slug": "s", "modules": {}}), "empty"),
        (json!({"slug": "s", "modules": {"a.ts": 1}}), "a.ts"),
        (
            json!({"slug": "s", "modules": {"a.ts": {"wasm": ""}}}),
            "a.ts",
        ),
    ] {
        let found = Deployments::find(&Log::new(&[("x", json!({})), (FULL, payload.clone())]));
        assert_eq!(found.workers, [], "{payload}");
        assert_eq!(found.troubles.len(), 1, "{payload}");
        let trouble = &found.troubles[0];
        assert_eq!((trouble.row, trouble.offset), (1, Some(Offset(11))));
        assert!(trouble.what.contains(words), "{payload}: {}", trouble.what);
    }
}

#[test]
fn modules_may_say_what_they_are() {
    let modules = json!({"a.ts": {"js": "1"}, "b": {"json": {"k": [1]}}, "c": {"text": "t"}});
    let log = Log::new(&[(FULL, json!({"slug": "s", "modules": modules}))]);
    let found = Deployments::find(&log);
    let want = [
        ("a.ts".to_owned(), ModuleText::Code("1".into())),
        ("b".to_owned(), ModuleText::Json("{\"k\":[1]}".into())),
        ("c".to_owned(), ModuleText::Text("t".into())),
    ];
    assert_eq!(
        found.workers[0].versions[0].input,
        Input::Modules(want.into())
    );
}

#[test]
fn a_growing_log_is_looked_through_once() {
    let script = |text: &str| (FULL, json!({"slug": "s", "script": text}));
    let mut log = Log::new(&[script("a"), script("a"), script("b"), script("c")]);
    log.known = 2;
    let mut found = Deployments::default();
    let next = found.find_in(&log, 0..4);
    assert_eq!(next, 2);
    log.known = 4;
    assert_eq!(found.find_in(&log, next..4), 4);
    assert_eq!(found, Deployments::find(&log));
    assert_eq!(rows(&found, "s"), [0, 2, 3]);
}

#[test]
fn a_variable_makes_a_version_of_code_that_may_read_it() {
    const ENV_VAR: &str = "https://events.iterate.com/events/stream/dynamic-worker/env-var-set";
    let reads = "export default { reduce: () => process.env.MODE }";
    let log = Log::new(&[
        (ENV_VAR, json!({"key": "MODE", "value": "first"})),
        (FULL, json!({"slug": "reads", "script": reads})),
        (
            FULL,
            json!({"slug": "plain", "script": "export default { reduce() {} }"}),
        ),
        (ENV_VAR, json!({"key": "MODE", "value": "second"})),
        (ENV_VAR, json!({"key": "MODE", "value": "second"})),
        (ENV_VAR, json!({"key": "MODE", "value": 3})),
    ]);
    let found = Deployments::find(&log);
    assert_eq!(rows(&found, "reads"), [1, 3]);
    assert_eq!(rows(&found, "plain"), [2]);
    let mode = |row| found.version("reads", row).unwrap().env["MODE"].as_str();
    assert_eq!((mode(1), mode(3)), ("first", "second"));
    assert_eq!(found.troubles.len(), 1);
    assert!(
        found.troubles[0]
            .what
            .contains("payload.value must be a string")
    );
}
