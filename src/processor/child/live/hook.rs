//! Running a hook until its promise is settled and its appends are through.

use super::engine::Engine;
use super::fold::Folded;
use crate::processor::frames::live::Report;
use crate::processor::json::build::{new_object, put};
use crate::processor::sandbox::{Thrown, globals, web};
use crate::replay::reducer::Form;
use boa_engine::builtins::promise::PromiseState;
use boa_engine::object::FunctionObjectBuilder;
use boa_engine::object::builtins::JsPromise;
use boa_engine::property::PropertyKey;
use boa_engine::{
    Context, JsError, JsObject, JsResult, JsString, JsValue, NativeFunction, js_string,
};
use std::collections::VecDeque;

/// A hook that has begun.
pub struct Running {
    offset: u64,
    /// Its functions still to be called, with their arguments.
    calls: VecDeque<(JsObject, Vec<JsValue>)>,
    promise: Option<JsPromise>,
    threw: Option<Thrown>,
}

impl Engine {
    /// Begins the hook of an event.
    pub fn begin_hook(&mut self, offset: u64, folded: Folded) {
        self.outlet.cause.set(offset);
        let Some(sandbox) = &mut self.sandbox else {
            return;
        };
        let threw;
        let calls = match calls(sandbox, offset, folded) {
            Ok(calls) => {
                threw = None;
                calls
            }
            Err(error) => {
                threw = Some(Thrown::new(error, &mut sandbox.context));
                VecDeque::new()
            }
        };
        self.running = Some(Running {
            offset,
            calls,
            promise: None,
            threw,
        });
    }

    /// Sees how far the running hook is, goes on with it, and reports its end.
    pub fn look_at_hook(&mut self) {
        while let Some(running) = &mut self.running {
            match running.promise.as_ref().map(JsPromise::state) {
                Some(PromiseState::Pending) => return,
                Some(PromiseState::Rejected(reason)) => {
                    if let Some(sandbox) = &mut self.sandbox {
                        let error = JsError::from_opaque(reason);
                        running.threw = Some(Thrown::new(error, &mut sandbox.context));
                    }
                    running.calls.clear();
                }
                Some(PromiseState::Fulfilled(_)) | None => {}
            }
            running.promise = None;
            let Some((function, args)) = running.calls.pop_front() else {
                // Appends that nobody awaits belong to the hook all the same: once it is told to be
                // done, it is not run again.
                if self.outlet.is_appending(running.offset) {
                    return;
                }
                let offset = running.offset;
                let threw = running.threw.take().map(|t| (t.message, t.stack));
                self.running = None;
                self.outlet.report(&Report::Hooked { offset, threw });
                return;
            };
            self.act(|engine| {
                engine.start(&function, &args);
                Ok(())
            });
        }
    }

    fn start(&mut self, function: &JsObject, args: &[JsValue]) {
        let (Some(sandbox), Some(running)) = (&mut self.sandbox, &mut self.running) else {
            return;
        };
        let context = &mut sandbox.context;
        let result = function
            .call(&sandbox.processor.this, args, context)
            .and_then(|value| watched(value, context));
        match result {
            Ok(promise) => running.promise = Some(promise),
            Err(error) => {
                running.threw = Some(Thrown::new(error, context));
                running.calls.clear();
            }
        }
    }
}

/// A promise of the value whose rejection is looked at here.
fn watched(value: JsValue, context: &mut Context) -> JsResult<JsPromise> {
    let promise = JsPromise::resolve(value, context)?;
    let nothing = NativeFunction::from_fn_ptr(|_, _, _| Ok(JsValue::undefined()));
    let nothing = FunctionObjectBuilder::new(context.realm(), nothing).build();
    promise.catch(nothing, context)?;
    Ok(promise)
}

fn calls(
    sandbox: &mut crate::processor::sandbox::Sandbox,
    offset: u64,
    folded: Folded,
) -> JsResult<VecDeque<(JsObject, Vec<JsValue>)>> {
    let context = &mut sandbox.context;
    sandbox.ambient.act();
    let begin = web::export("append", "begin", context)?;
    let append = match begin.as_callable() {
        Some(begin) => begin.call(
            &JsValue::undefined(),
            &[JsValue::new(offset as f64)],
            context,
        )?,
        None => JsValue::undefined(),
    };
    let logger = JsValue::from(globals::logger(context));
    let processor = &sandbox.processor;
    let mut calls = VecDeque::new();
    let object = |context: &Context, members: Vec<(JsString, JsValue)>| {
        let object = new_object(context);
        for (name, value) in members {
            put(&object, PropertyKey::from(name), value);
        }
        vec![JsValue::from(object)]
    };
    if let Some(function) = &processor.after_append {
        let args = if processor.form == Form::Array {
            vec![folded.state.clone(), folded.event.clone()]
        } else {
            object(
                context,
                vec![
                    (js_string!("append"), append.clone()),
                    (js_string!("event"), folded.event.clone()),
                    (js_string!("state"), folded.state.clone()),
                    (js_string!("logger"), logger.clone()),
                ],
            )
        };
        calls.push_back((function.clone(), args));
    }
    if let Some(function) = &processor.on_event {
        let args = object(
            context,
            vec![
                (js_string!("append"), append),
                (js_string!("event"), folded.event),
                (js_string!("prevState"), folded.previous),
                (js_string!("state"), folded.state),
                (js_string!("logger"), logger),
            ],
        );
        calls.push_back((function.clone(), args));
    }
    Ok(calls)
}
