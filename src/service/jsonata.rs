//! JSONata expressions (SPEC §3 `?jsonataTransform=`, §6, §7), bounded in time, depth and size: an
//! expression comes from whoever can append an event.

use super::draft::{Incoming, Route};
use super::error::ServiceError;
use crate::model::validate;
use jsonata_core::Expression;
use jsonata_core::evaluator::EvaluatorOptions;
use jsonata_core::value::JValue;
use serde_json::Value;

/// Longest expression, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 64 << 10;
/// Longest that one evaluation may take.
pub const MAX_MILLIS: u64 = 500;
/// Deepest nesting of an evaluation.
const MAX_STACK: usize = 1_000;
/// Longest sequence that an evaluation may build.
const MAX_SEQUENCE: usize = 100_000;

/// Why an expression gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonataError {
    /// It is no JSONata.
    #[error("{0}")]
    Syntax(String),
    /// Evaluating it failed, or took too long, too deep or too much.
    #[error("{0}")]
    Evaluation(String),
}

/// A compiled expression; stays on its thread.
pub struct Jsonata(Expression);

impl Jsonata {
    /// Compiles an expression.
    ///
    /// # Errors
    /// [`JsonataError::Syntax`].
    pub fn compile(expression: &str) -> Result<Jsonata, JsonataError> {
        if expression.len() > MAX_EXPRESSION_BYTES {
            return Err(JsonataError::Syntax(format!(
                "an expression has at most {MAX_EXPRESSION_BYTES} bytes"
            )));
        }
        let options = EvaluatorOptions {
            timeout_ms: Some(MAX_MILLIS),
            max_stack_depth: Some(MAX_STACK),
            max_sequence_length: Some(MAX_SEQUENCE),
            ..EvaluatorOptions::default()
        };
        Expression::compile_with_options(expression, options)
            .map(Jsonata)
            .map_err(|error| JsonataError::Syntax(error.to_string()))
    }

    /// Evaluates it over a value; `None` when it gives nothing. Takes up to [`MAX_MILLIS`].
    ///
    /// # Errors
    /// [`JsonataError::Evaluation`].
    pub fn evaluate(&self, input: &Value) -> Result<Option<Value>, JsonataError> {
        let result = self
            .0
            .evaluate(&JValue::from(input.clone()))
            .map_err(|error| JsonataError::Evaluation(error.message().to_owned()))?;
        if result.is_undefined() {
            return Ok(None);
        }
        if deeper_than(&result, validate::MAX_DEPTH) {
            let levels = validate::MAX_DEPTH;
            let why = format!("the result is nested deeper than {levels} levels");
            return Err(JsonataError::Evaluation(why));
        }
        serde_json::to_value(&result)
            .map(Some)
            .map_err(|error| JsonataError::Evaluation(error.to_string()))
    }

    /// Whether what it gives is true in the sense of JavaScript.
    ///
    /// # Errors
    /// As [`Jsonata::evaluate`].
    pub fn holds(&self, input: &Value) -> Result<bool, JsonataError> {
        Ok(match self.evaluate(input)? {
            None | Some(Value::Null) => false,
            Some(Value::Bool(truth)) => truth,
            Some(Value::Number(number)) => number.as_f64().is_some_and(|n| n != 0.0),
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(_) | Value::Object(_)) => true,
        })
    }
}

fn deeper_than(value: &JValue, limit: usize) -> bool {
    match value {
        JValue::Array(_) | JValue::Object(_) if limit == 0 => true,
        JValue::Array(items) => items.iter().any(|item| deeper_than(item, limit - 1)),
        JValue::Object(members) => members.values().any(|item| deeper_than(item, limit - 1)),
        _ => false,
    }
}

/// `?jsonataTransform=` (SPEC §3): a body turned into the event to append.
///
/// # Errors
/// [`ServiceError::Invalid`] for an expression that is none or fails, and for a result that is no
/// event.
pub async fn transform_body(
    expression: String,
    body: Value,
    route: Route,
) -> Result<Incoming, ServiceError> {
    let invalid =
        |error: JsonataError| ServiceError::Invalid(format!("invalid_jsonata_transform: {error}"));
    super::blocking(move || {
        let transform = Jsonata::compile(&expression).map_err(invalid)?;
        let event = transform.evaluate(&body).map_err(invalid)?;
        event
            .and_then(|event| validate::take(event, route.payloads()).ok())
            .map(Incoming::Valid)
            .ok_or_else(|| {
                let why = "jsonataTransform must produce a valid single event body.";
                ServiceError::Invalid(why.to_owned())
            })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::{Duration, Instant};

    fn give(expression: &str, input: Value) -> Result<Option<Value>, JsonataError> {
        Jsonata::compile(expression)?.evaluate(&input)
    }

    #[test]
    fn what_transformers_are_made_of() {
        let event =
            json!({"type": "slack", "payload": {"user": "U1", "n": [1, 2.5], "text": "hi"}});
        let transform =
            r#"{"type": "message", "payload": {"from": payload.user, "sum": $sum(payload.n)}}"#;
        assert_eq!(
            give(transform, event.clone()).unwrap(),
            Some(json!({"type": "message", "payload": {"from": "U1", "sum": 3.5}}))
        );
        assert_eq!(give("payload.nothing", event.clone()), Ok(None));
        assert_eq!(give("payload.n[0]", event.clone()), Ok(Some(json!(1))));
        for (matcher, truth) in [
            ("type = 'slack'", true),
            ("payload.nothing", false),
            ("''", false),
            ("0", false),
            ("[]", true),
            ("payload", true),
        ] {
            let holds = Jsonata::compile(matcher).unwrap().holds(&event);
            assert_eq!(holds, Ok(truth), "{matcher}");
        }
        assert!(matches!(give("a.(", event), Err(JsonataError::Syntax(_))));
    }

    #[test]
    fn nothing_runs_away() {
        let begun = Instant::now();
        for hostile in [
            "($f := function($n) { $f($n + 1) }; $f(0))",
            "($f := function($n) { 1 + $f($n + 1) }; $f(0))",
            "$count([1..10000000])",
            "[1..100000].([1..100000])",
            "($f := function($n) { $n > 1 ? $f($n - 1) + $f($n - 2) : 1 }; $f(60))",
        ] {
            assert!(give(hostile, json!({})).is_err(), "{hostile}");
        }
        let deep = format!("{}1{}", "(".repeat(30_000), ")".repeat(30_000));
        // Whether these come to an end in time depends on the machine; come back they must.
        let _ = give(&deep, json!({}));
        let _ = give(
            "$reduce([1..90000], function($a, $b) { [$a] }, [])",
            json!({}),
        );
        assert!(Jsonata::compile(&"a".repeat(MAX_EXPRESSION_BYTES + 1)).is_err());
        // Not a measurement: without a bound it would not come back at all.
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}
