//! The JSONata crate against the reference implementation: `tests/cases/jsonata/reference.json` holds
//! expressions with what jsonata 2.2.2 for JavaScript gave for them, `known.json` those of them for
//! which the service gives something else, and why.

use bytes::Bytes;
use evtui::processor::jsonata::{Evaluators, Jsonata, JsonataError, Made, Part};
use jsonata_core::value::JValue;
use serde_json::{Value, json};

fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64().unwrap()),
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(key, value)| (key.clone(), normal(value)));
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

#[test]
fn agrees_with_the_reference() {
    let cases: Value =
        serde_json::from_str(include_str!("../cases/jsonata/reference.json")).unwrap();
    let known: Vec<Value> =
        serde_json::from_str(include_str!("../cases/jsonata/known.json")).unwrap();
    let mut differ = Vec::new();
    let all = cases["cases"].as_array().unwrap();
    for case in all {
        let expression = case["expr"].as_str().unwrap();
        let data = &cases["data"][case["set"].as_str().unwrap()];
        let got = Jsonata::compile(expression)
            .and_then(|compiled| compiled.evaluate(&JValue::from(data.clone())));
        let same = match (case.get("error"), case.get("value"), &got) {
            (Some(_), _, Err(_)) | (None, None, Ok(None)) => true,
            (None, Some(want), Ok(Some(got))) => normal(want) == normal(got),
            _ => false,
        };
        let expected_to_differ = known.iter().any(|known| known["expr"] == case["expr"]);
        if same == expected_to_differ {
            differ.push(format!(
                "{expression} on {}: {case} but {got:?}",
                case["set"]
            ));
        }
    }
    let count = differ.len();
    assert!(
        differ.is_empty(),
        "{count} of {}:\n{}",
        all.len(),
        differ.join("\n")
    );
}

fn evaluators() -> Evaluators {
    Evaluators::new(env!("CARGO_BIN_EXE_evtui").into(), 2)
}

#[tokio::test]
async fn a_question_has_a_filter_a_transform_or_both() {
    let evaluators = evaluators();
    let input = Bytes::from_static(br#"{"a": 5, "text": "\u00e9"}"#);
    for (filter, transform, expected) in [
        (Some("a = 5"), None, Ok(Made::Passed)),
        (Some("a = 6"), Some("a"), Ok(Made::Filtered)),
        (
            Some("a"),
            Some("{\"b\": text}"),
            Ok(Made::Value(json!({"b": "é"}))),
        ),
        (None, Some("nothing"), Ok(Made::Nothing)),
        (None, Some("null"), Ok(Made::Value(Value::Null))),
    ] {
        assert_eq!(evaluators.make(filter, transform, &input).await, expected);
    }
    let (part, error) = evaluators.make(Some("(("), None, &input).await.unwrap_err();
    assert_eq!(part, Part::Filter);
    assert!(matches!(error, JsonataError::Syntax(_)), "{error}");
    let failed = evaluators.make(Some("a"), Some("$error('x')"), &input);
    let (part, error) = failed.await.unwrap_err();
    assert_eq!(part, Part::Transform);
    assert!(matches!(error, JsonataError::Evaluation(_)), "{error}");
}

/// Each of these would take the memory or the time of whoever evaluates it.
#[tokio::test]
async fn nothing_runs_away() {
    let evaluators = evaluators();
    let letters = "a".repeat(200_000);
    let input = Bytes::from(json!({ "s": letters }).to_string());
    for hostile in [
        "$pad('x', 1000000000)",
        "$pad('x', 1e15)",
        "($d := function($s, $n) { $n = 0 ? $s : $d($s & $s, $n - 1) }; $length($d('xxxxxxxxxx', 40)))",
        "($a := [1..90000]; $b := $map($a, function($v) { $a }); $length($string($b)))",
        "($f := function($n) { $f($n + 1) }; $f(0))",
        "($f := function($n) { 1 + $f($n + 1) }; $f(0))",
        "($f := function($n) { $n > 1 ? $f($n - 1) + $f($n - 2) : 1 }; $f(60))",
        "$count([1..10000000])",
        "[1..1e9]",
        "[1..100000].([1..100000])",
        "$map([1..90000], function($v) { $pad('x', 50000) })",
        "$join($map([1..90000], function($v) { $pad('x', 50000) }))",
        "$replace($pad('', 90000, 'a'), 'a', $pad('', 90000, 'b'))",
        "$pad('x', 9000000)",
    ] {
        let failed = evaluators.make(None, Some(hostile), &input).await;
        assert!(failed.is_err(), "{hostile}");
        // Whoever asks next is not concerned.
        let next = evaluators.make(None, Some("$length(s)"), &input).await;
        assert_eq!(next, Ok(Made::Value(json!(200_000))), "{hostile}");
    }
    // These may come to an end in time; come back they must.
    let deep = format!("{}1{}", "(".repeat(30_000), ")".repeat(30_000));
    let classes = format!("$match(s, /{}/)", "(a?){50}".repeat(50));
    for either in [
        &*deep,
        &*classes,
        "$match(s, /(a+)+$/)",
        "$match(s, /((a|aa)*)*b/)",
        "$reduce([1..90000], function($a, $b) { [$a] }, [])",
        "$sort([1..90000], function($a, $b) { true })",
    ] {
        let _ = evaluators.make(None, Some(either), &input).await;
    }
    let next = evaluators.make(None, Some("$length(s)"), &input).await;
    assert_eq!(next, Ok(Made::Value(json!(200_000))));
}

#[tokio::test]
async fn without_a_binary_it_says_so() {
    let none = Evaluators::new("/nowhere/evtui".into(), 1);
    let (_, error) = none.make(None, Some("1"), &Bytes::new()).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/evtui"), "{error}");
}
