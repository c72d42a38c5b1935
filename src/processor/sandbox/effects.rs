//! The native functions by which the web platform's JavaScript reaches outside.

use super::ambient;
use super::outlet::Outlet;
use super::web::{Native, bytes_of};
use crate::processor::frames::live::{Body, Request};
use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, JsArgs, JsNativeError, JsResult, JsValue};
use std::rc::Rc;

/// By the name they have in `native`.
pub const NATIVES: &[(&str, Native)] = &[
    ("outside", outside),
    ("append", append),
    ("fetch", fetch),
    ("pull", pull),
    ("push", push),
    ("cancel", cancel),
    ("setTimer", set_timer),
    ("clearTimer", clear_timer),
];

/// The way outside.
///
/// # Errors
/// When a reducer runs: `api` is recorded and refused.
fn outlet(context: &Context, api: &str) -> JsResult<Rc<Outlet>> {
    let ambient = ambient::of(context)?;
    if let Some(outlet) = ambient.outlet() {
        return Ok(outlet.clone());
    }
    ambient.impure(api);
    Err(JsNativeError::error()
        .with_message(format!(
            "{api} is not available in a reducer: a replay has no network, no timers and no outside; move this to a hook"
        ))
        .into())
}

/// `outside(name)`: throws in a reducer.
fn outside(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = text(args, 0, context)?;
    outlet(context, &name)?;
    Ok(JsValue::undefined())
}

/// `append(cause, nth, path | undefined, json)`: a promise of the stored event.
fn append(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let outlet = outlet(context, "append")?;
    let request = Request::Append {
        cause: number(args, 0, context)?,
        nth: number(args, 1, context)?,
        path: match args.get_or_undefined(2) {
            path if path.is_undefined() => None,
            path => Some(path.to_string(context)?.to_std_string_lossy()),
        },
        event: text(args, 3, context)?.into_bytes(),
    };
    Ok(outlet.ask(request, context).1.into())
}

/// `fetch(head, body)`: `[id, promise of the response's head]`. The body is `undefined`, bytes, or
/// `true` for one that is pushed.
fn fetch(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let outlet = outlet(context, "fetch")?;
    let body = match args.get_or_undefined(1) {
        body if body.is_undefined() => Body::Empty,
        body if body.is_object() => Body::Bytes(bytes_of(body, context)?),
        _ => Body::Stream,
    };
    let head = text(args, 0, context)?.into_bytes();
    let (id, promise) = outlet.ask(Request::Fetch { head, body }, context);
    let both = [JsValue::new(id as f64), promise.into()];
    Ok(JsArray::from_iter(both, context).into())
}

/// `pull(id)`: a promise of the next chunk, or `undefined` at the end.
fn pull(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let outlet = outlet(context, "reading a response")?;
    let fetch = number(args, 0, context)?;
    Ok(outlet.ask(Request::Pull { fetch }, context).1.into())
}

/// `push(id, chunk | undefined)`: a promise that it was taken.
fn push(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let outlet = outlet(context, "sending a request")?;
    let fetch = number(args, 0, context)?;
    let chunk = match args.get_or_undefined(1) {
        chunk if chunk.is_undefined() => None,
        chunk => Some(bytes_of(chunk, context)?),
    };
    Ok(outlet.ask(Request::Push { fetch, chunk }, context).1.into())
}

/// `cancel(id)`
fn cancel(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let fetch = number(args, 0, context)?;
    if let Some(outlet) = ambient::of(context)?.any_outlet() {
        outlet.tell(Request::Cancel { fetch });
    }
    Ok(JsValue::undefined())
}

/// `setTimer(name, callback, milliseconds, repeats, args)`: its number.
fn set_timer(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = text(args, 0, context)?;
    let outlet = outlet(context, &name)?;
    let Some(callback) = args.get_or_undefined(1).as_callable() else {
        return Err(JsNativeError::typ()
            .with_message(format!("{name} needs a function"))
            .into());
    };
    let millis = args.get_or_undefined(2).to_number(context)?;
    let repeats = args.get_or_undefined(3).to_boolean();
    let mut given = Vec::new();
    if let Some(list) = args.get_or_undefined(4).as_object() {
        let list = JsArray::from_object(list)?;
        for index in 0..list.length(context)? {
            given.push(list.get(index, context)?);
        }
    }
    let id = outlet.set_timer(callback, millis, repeats, given);
    Ok(JsValue::new(id as f64))
}

/// `clearTimer(number)`
fn clear_timer(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let id = number(args, 0, context)?;
    if let Some(outlet) = ambient::of(context)?.any_outlet() {
        outlet.clear_timer(id);
    }
    Ok(JsValue::undefined())
}

fn text(args: &[JsValue], index: usize, context: &mut Context) -> JsResult<String> {
    let text = args.get_or_undefined(index).to_string(context)?;
    Ok(text.to_std_string_lossy())
}

fn number(args: &[JsValue], index: usize, context: &mut Context) -> JsResult<u64> {
    args.get_or_undefined(index).to_length(context)
}
