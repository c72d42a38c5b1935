//! The global objects a reducer finds: the language's own, made deterministic, and the few of the
//! platform's that need no outside.

use super::ambient::{self, Ambient};
use super::{json_global, spread, web};
use crate::processor::program::SPREAD_HELPER;
use boa_engine::builtins::typed_array::TypedArrayKind;
use boa_engine::object::builtins::JsTypedArray;
use boa_engine::object::{FunctionObjectBuilder, ObjectInitializer};
use boa_engine::property::{Attribute, PropertyDescriptor, PropertyKey};
use boa_engine::{
    Context, JsArgs, JsBigInt, JsError, JsNativeError, JsObject, JsResult, JsString, JsSymbol,
    JsValue, NativeFunction, js_string,
};
use std::rc::Rc;

/// Things that would reach outside and are nowhere to be had; calling or constructing one throws, and
/// in a reducer is recorded.
const OUTSIDE: &[&str] = &[
    "requestAnimationFrame",
    "WebSocket",
    "EventSource",
    "XMLHttpRequest",
    "Worker",
    "BroadcastChannel",
    "MessageChannel",
];

/// Most bytes that `crypto.getRandomValues` gives at once, as its standard has it.
const MAX_RANDOM_BYTES: usize = 65536;

/// What a program finds in `process.env`.
pub type Env = [(String, String)];

/// Installs everything; due in a fresh context before any code of the program. `env` is for hooks,
/// `given` for the reducer.
///
/// # Errors
/// Never in a fresh context.
pub fn install(context: &mut Context, env: &Env, given: &Env) -> JsResult<()> {
    spread::prepare(context)?;
    global(context, SPREAD_HELPER, spread::spread)?;
    json_global::install(context)?;
    web::install(context)?;
    for name in OUTSIDE {
        outside(context, name)?;
    }
    chance(context)?;
    clock(context)?;
    let logger = logger(context);
    register(context, "console", logger)?;
    process(context, env, given)
}

/// `process.env`. A reducer finds what the program was given for good, so that its states can be had
/// again.
fn process(context: &mut Context, env: &Env, given: &Env) -> JsResult<()> {
    let mut filled = |env: &Env| -> JsResult<JsObject> {
        let object = ObjectInitializer::new(context).build();
        for (key, value) in env {
            let value = JsString::from(value.as_str());
            object.create_data_property(JsString::from(key.as_str()), value, context)?;
        }
        Ok(object)
    };
    let (given, filled) = (filled(given)?, filled(env)?);
    let get = NativeFunction::from_copy_closure_with_captures(
        |_, _, (given, filled), context| {
            let reducing = ambient::of(context)?.is_reducing();
            Ok(if reducing { given } else { filled }.clone().into())
        },
        (given, filled),
    );
    let get = FunctionObjectBuilder::new(context.realm(), get).build();
    let process = ObjectInitializer::new(context)
        .accessor(
            js_string!("env"),
            Some(get),
            None,
            Attribute::ENUMERABLE | Attribute::CONFIGURABLE,
        )
        .build();
    register(context, "process", process)
}

/// A `console`-like object; what it is told is kept with the row.
pub fn logger(context: &mut Context) -> JsObject {
    const METHODS: &[(&str, &str)] = &[
        ("log", "log"),
        ("info", "info"),
        ("warn", "warn"),
        ("error", "error"),
        ("debug", "debug"),
        ("trace", "debug"),
        ("dir", "log"),
        ("table", "log"),
    ];
    let mut object = ObjectInitializer::new(context);
    for &(name, level) in METHODS {
        let write = move |_: &JsValue, args: &[JsValue], context: &mut Context| {
            let ambient = ambient::of(context)?;
            if ambient.logs() {
                ambient.log(level, &super::inspect::line(args, context)?);
            }
            Ok(JsValue::undefined())
        };
        object.function(
            NativeFunction::from_copy_closure(write),
            JsString::from(name),
            0,
        );
    }
    for name in [
        "group",
        "groupCollapsed",
        "groupEnd",
        "time",
        "timeEnd",
        "timeLog",
        "count",
        "countReset",
        "assert",
    ] {
        let nothing = NativeFunction::from_fn_ptr(|_, _, _| Ok(JsValue::undefined()));
        object.function(nothing, JsString::from(name), 0);
    }
    object.build()
}

/// Defines a global as the platform does: writable, configurable, not enumerable.
///
/// # Errors
/// Never in a fresh context.
pub fn register(context: &mut Context, name: &str, value: impl Into<JsValue>) -> JsResult<()> {
    let attribute = Attribute::WRITABLE | Attribute::CONFIGURABLE;
    context.register_global_property(JsString::from(name), value, attribute)
}

/// Defines a global function.
///
/// # Errors
/// Never in a fresh context.
pub fn global(
    context: &mut Context,
    name: &str,
    function: fn(&JsValue, &[JsValue], &mut Context) -> JsResult<JsValue>,
) -> JsResult<()> {
    let function = NativeFunction::from_fn_ptr(function);
    context.register_global_builtin_callable(JsString::from(name), 0, function)
}

fn outside(context: &mut Context, name: &'static str) -> JsResult<()> {
    let refuse = move |_: &JsValue, _: &[JsValue], context: &mut Context| -> JsResult<JsValue> {
        let ambient = ambient::of(context)?;
        ambient.impure(name);
        let why = if ambient.outlet().is_some() {
            "in a worker"
        } else {
            "in a reducer: a replay has no network, no timers and no outside"
        };
        Err(JsNativeError::error()
            .with_message(format!("{name} is not available {why}"))
            .into())
    };
    context.register_global_callable(
        JsString::from(name),
        0,
        NativeFunction::from_copy_closure(refuse),
    )
}

/// A number in [0, 1) with 53 random bits.
fn fraction(ambient: &Ambient) -> f64 {
    (ambient.random() >> 11) as f64 / (1u64 << 53) as f64
}

fn method(
    context: &mut Context,
    object: &JsObject,
    name: &str,
    length: usize,
    function: NativeFunction,
) {
    let function = FunctionObjectBuilder::new(context.realm(), function)
        .name(JsString::from(name))
        .length(length)
        .build();
    object.insert_property(
        JsString::from(name),
        PropertyDescriptor::builder()
            .value(function)
            .writable(true)
            .enumerable(false)
            .configurable(true)
            .build(),
    );
}

fn chance(context: &mut Context) -> JsResult<()> {
    let math = context.global_object().get(js_string!("Math"), context)?;
    if let Some(math) = math.as_object() {
        let random = NativeFunction::from_fn_ptr(|_, _, context| {
            let ambient = ambient::of(context)?;
            ambient.impure("Math.random");
            Ok(JsValue::new(fraction(&ambient)))
        });
        method(context, &math, "random", 0, random);
    }
    let crypto = ObjectInitializer::new(context).build();
    let uuid = NativeFunction::from_fn_ptr(|_, _, context| {
        let ambient = ambient::of(context)?;
        ambient.impure("crypto.randomUUID");
        let (high, low) = (ambient.random(), ambient.random());
        let text = format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        );
        Ok(JsString::from(text).into())
    });
    method(context, &crypto, "randomUUID", 0, uuid);
    let fill = NativeFunction::from_fn_ptr(|_, args, context| {
        let ambient = ambient::of(context)?;
        ambient.impure("crypto.getRandomValues");
        let given = args.get_or_undefined(0).to_object(context)?;
        let array = JsTypedArray::from_object(given)?;
        let wide = match array.kind() {
            Some(TypedArrayKind::BigInt64 | TypedArrayKind::BigUint64) => true,
            Some(TypedArrayKind::Float32 | TypedArrayKind::Float64) | None => {
                let message = "crypto.getRandomValues needs a typed array of integers";
                return Err(dom_error(message, "TypeMismatchError", context)?);
            }
            Some(_) => false,
        };
        if array.byte_length(context)? > MAX_RANDOM_BYTES {
            let message = "crypto.getRandomValues gives at most 65536 bytes at once";
            return Err(dom_error(message, "QuotaExceededError", context)?);
        }
        for index in 0..array.length(context)? {
            let bits = ambient.random();
            let bits = match wide {
                true => JsBigInt::from(bits).into(),
                false => JsValue::new((bits >> 32) as f64),
            };
            array.set(index as u64, bits, true, context)?;
        }
        Ok(args.get_or_undefined(0).clone())
    });
    method(context, &crypto, "getRandomValues", 1, fill);
    let tag = PropertyDescriptor::builder()
        .value(js_string!("Crypto"))
        .configurable(true);
    crypto.define_property_or_throw(JsSymbol::to_string_tag(), tag, context)?;
    register(context, "crypto", crypto)
}

/// A `DOMException` to be thrown.
fn dom_error(message: &str, name: &str, context: &mut Context) -> JsResult<JsError> {
    let made = super::web::export("dom_exception", "DOMException", context)?;
    let Some(constructor) = made.as_constructor() else {
        return Err(JsNativeError::error()
            .with_message(message.to_owned())
            .into());
    };
    let args = [JsString::from(message).into(), JsString::from(name).into()];
    let error = constructor.construct(&args, None, context)?;
    Ok(JsError::from_opaque(error.into()))
}

fn clock(context: &mut Context) -> JsResult<()> {
    let date = context.intrinsics().constructors().date().constructor();
    let now = NativeFunction::from_fn_ptr(|_, _, context| {
        let ambient = ambient::of(context)?;
        ambient.impure("Date.now");
        Ok(JsValue::new(ambient.now() as f64))
    });
    method(context, &date, "now", 0, now);
    let origin = NativeFunction::from_fn_ptr(|_, _, context| {
        Ok(JsValue::new(ambient::of(context)?.origin()))
    });
    let origin = FunctionObjectBuilder::new(context.realm(), origin).build();
    let performance = ObjectInitializer::new(context)
        .accessor(
            js_string!("timeOrigin"),
            Some(origin),
            None,
            Attribute::ENUMERABLE | Attribute::CONFIGURABLE,
        )
        .build();
    let now = NativeFunction::from_fn_ptr(|_, _, context| {
        let ambient = ambient::of(context)?;
        ambient.impure("performance.now");
        Ok(JsValue::new(ambient.performance()))
    });
    method(context, &performance, "now", 0, now);
    register(context, "performance", performance)?;
    name_temporal(context)
}

/// `Temporal.Now.*` read the same clock; recorded by their own names.
fn name_temporal(context: &mut Context) -> JsResult<()> {
    let temporal = context
        .global_object()
        .get(js_string!("Temporal"), context)?;
    let Some(temporal) = temporal.as_object() else {
        return Ok(());
    };
    let Some(now) = temporal.get(js_string!("Now"), context)?.as_object() else {
        return Ok(());
    };
    for key in now.own_property_keys(context)? {
        if key == PropertyKey::from(JsSymbol::to_string_tag()) {
            continue;
        }
        let Some(original) = now.get(key.clone(), context)?.as_callable() else {
            continue;
        };
        let name = key.to_string();
        let api = format!("Temporal.Now.{name}");
        let named = NativeFunction::from_copy_closure_with_captures(
            |this, args, (original, api): &(JsObject, String), context| {
                let ambient: Rc<Ambient> = ambient::of(context)?;
                ambient.impure(api);
                ambient.quietly(|| original.call(this, args, context))
            },
            (original, api),
        );
        method(context, &now, &name, 0, named);
    }
    Ok(())
}
