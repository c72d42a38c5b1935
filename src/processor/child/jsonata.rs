//! The box for JSONata (`evtui __box jsonata`): one expression at a time, over one value.
//!
//! Expressions come from whoever can append an event, and the evaluator looks at its time between
//! steps only: `$pad` over a billion characters is one step. Here such a step ends the process.

use super::output::Output;
use super::watchdog::{Kind, Watch};
use super::{guard, serve};
use crate::model::json;
use crate::processor::frames::jsonata::{Answer, Ask, Part};
use crate::processor::jsonata::{CPU_TIME, Jsonata, JsonataError, MAX_RESULT_BYTES, MEMORY};
use jsonata_core::value::JValue;
use rustc_hash::FxHashMap;
use serde_json::Value;
use std::io::{self, BufReader};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

/// Compiled expressions that are kept; a service has few that are in use.
const KEPT: usize = 128;

/// Serves questions until standard input ends.
pub fn run() -> ExitCode {
    let (ask, asked) = mpsc::channel();
    serve(
        Watch::new(Kind::Jsonata),
        move |output, watch| Engine::new(output, watch).run(&asked),
        |watch| {
            watch.limit(CPU_TIME, MEMORY);
            guard::lock(MEMORY);
            let mut input = BufReader::with_capacity(1 << 16, io::stdin());
            while let Some(question) = Ask::read(&mut input)? {
                if ask.send(question).is_err() {
                    break;
                }
            }
            Ok(())
        },
    )
}

struct Engine {
    output: Output,
    watch: Arc<Watch>,
    compiled: FxHashMap<String, Jsonata>,
}

impl Engine {
    fn new(output: Output, watch: Arc<Watch>) -> Engine {
        Engine {
            output,
            watch,
            compiled: FxHashMap::default(),
        }
    }

    fn run(mut self, asked: &Receiver<Ask>) {
        let mut frame = Vec::new();
        for ask in asked {
            self.watch.working(true);
            let answer = self.answer(&ask).unwrap_or_else(|(part, error)| {
                let (syntax, message) = match error {
                    JsonataError::Syntax(message) => (true, message),
                    JsonataError::Evaluation(message) => (false, message),
                };
                Answer::Failed {
                    part,
                    syntax,
                    message,
                }
            });
            answer.put(&mut frame);
            self.output.write(&mut frame);
            self.watch.working(false);
        }
    }

    fn answer(&mut self, ask: &Ask) -> Result<Answer, (Part, JsonataError)> {
        let first = match ask.filter {
            Some(_) => Part::Filter,
            None => Part::Transform,
        };
        let input = self.watched(first, |_| {
            let input = json::read::<Value>(&ask.input);
            let input = input.map_err(|error| JsonataError::Evaluation(error.to_string()))?;
            Ok(JValue::from(input))
        })?;
        if let Some(filter) = &ask.filter
            && !self.watched(Part::Filter, |engine| {
                engine.compiled(filter)?.holds(&input)
            })?
        {
            return Ok(Answer::Filtered);
        }
        let Some(transform) = &ask.transform else {
            return Ok(Answer::Passed);
        };
        self.watched(Part::Transform, |engine| {
            let made = engine.compiled(transform)?.evaluate(&input)?;
            match made.map(|value| value.to_string()) {
                None => Ok(Answer::Nothing),
                Some(json) if json.len() > MAX_RESULT_BYTES => {
                    Err(JsonataError::Evaluation(format!(
                        "the result has {} bytes of JSON, and may have {MAX_RESULT_BYTES}",
                        json.len()
                    )))
                }
                Some(json) => Ok(Answer::Value(json)),
            }
        })
    }

    fn compiled(&mut self, expression: &str) -> Result<&Jsonata, JsonataError> {
        if !self.compiled.contains_key(expression) {
            let compiled = Jsonata::compile(expression)?;
            if self.compiled.len() >= KEPT {
                self.compiled.clear();
            }
            self.compiled.insert(expression.to_owned(), compiled);
        }
        Ok(&self.compiled[expression])
    }

    fn watched<T>(
        &mut self,
        part: Part,
        work: impl FnOnce(&mut Engine) -> Result<T, JsonataError>,
    ) -> Result<T, (Part, JsonataError)> {
        self.watch.begin(Some(part.row()), 1);
        let done = work(self);
        self.watch.end();
        done.map_err(|error| (part, error))
    }
}
