//! The JSONata crate against the reference implementation: `tests/cases/jsonata/reference.json` holds
//! expressions with what jsonata 2.2.2 for JavaScript gave for them, `known.json` those of them for
//! which the service gives something else, and why.

use evtui::service::jsonata::Jsonata;
use serde_json::Value;

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
    let mut slow = 0;
    let all = cases["cases"].as_array().unwrap();
    for case in all {
        let expression = case["expr"].as_str().unwrap();
        let data = &cases["data"][case["set"].as_str().unwrap()];
        let got = Jsonata::compile(expression).and_then(|compiled| compiled.evaluate(data));
        // A busy machine is no difference: the bound is there for what runs away.
        if matches!(&got, Err(error) if error.to_string().starts_with("D1012")) {
            slow += 1;
            continue;
        }
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
    assert!(slow < 10, "{slow} took too long");
}
