//! JSONata expressions (SPEC §3 `?jsonataTransform=`, §6, §7), which come from whoever can append an
//! event: evaluated by [`Jsonata`] in processes of their own, which [`Evaluators`] keeps.

mod evaluators;

pub use super::frames::jsonata::Part;
pub use evaluators::{Evaluators, Made};

use crate::model::validate;
use jsonata_core::Expression;
use jsonata_core::evaluator::EvaluatorOptions;
use jsonata_core::value::JValue;
use serde_json::Value;
use std::time::Duration;

/// Longest expression, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 64 << 10;
/// Largest result, in bytes of its JSON.
pub const MAX_RESULT_BYTES: usize = 8 << 20;
/// Time of the processor that one expression may take over one value.
pub const CPU_TIME: Duration = Duration::from_millis(500);
/// Resident bytes that its process may use.
pub const MEMORY: u64 = 256 << 20;
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

/// A compiled expression. Bounded in depth; in time and memory by the process that it runs in.
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
            max_stack_depth: Some(MAX_STACK),
            max_sequence_length: Some(MAX_SEQUENCE),
            ..EvaluatorOptions::default()
        };
        Expression::compile_with_options(expression, options)
            .map(Jsonata)
            .map_err(|error| JsonataError::Syntax(error.to_string()))
    }

    /// Evaluates it over a value; `None` when it gives nothing.
    ///
    /// # Errors
    /// [`JsonataError::Evaluation`].
    pub fn evaluate(&self, input: &JValue) -> Result<Option<Value>, JsonataError> {
        let result = self
            .0
            .evaluate(input)
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
    pub fn holds(&self, input: &JValue) -> Result<bool, JsonataError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn give(expression: &str, input: Value) -> Result<Option<Value>, JsonataError> {
        Jsonata::compile(expression)?.evaluate(&JValue::from(input))
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
            let holds = Jsonata::compile(matcher).unwrap();
            let holds = holds.holds(&JValue::from(event.clone()));
            assert_eq!(holds, Ok(truth), "{matcher}");
        }
        assert!(matches!(give("a.(", event), Err(JsonataError::Syntax(_))));
        assert!(Jsonata::compile(&"a".repeat(MAX_EXPRESSION_BYTES + 1)).is_err());
    }
}
