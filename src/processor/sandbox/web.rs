//! Globals of the web platform: JavaScript over a few native functions, evaluated when first used.

mod text;
mod urls;

use super::effects;
use boa_engine::object::builtins::{JsArrayBuffer, JsUint8Array};
use boa_engine::object::{FunctionObjectBuilder, ObjectInitializer};
use boa_engine::property::PropertyDescriptor;
use boa_engine::{
    Context, JsArgs, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction, Source,
};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

/// A native function.
pub type Native = fn(&JsValue, &[JsValue], &mut Context) -> JsResult<JsValue>;

/// A file: a function of `need` (another file's exports by its name) and `native`, giving its exports.
struct File {
    name: &'static str,
    code: &'static str,
    /// Those of its exports that are globals.
    globals: &'static [&'static str],
}

macro_rules! file {
    ($name:literal, $globals:expr) => {
        File {
            name: $name,
            code: include_str!(concat!("web/", $name, ".js")),
            globals: $globals,
        }
    };
}

const FILES: &[File] = &[
    file!("abort", &["AbortController", "AbortSignal"]),
    file!("append", &["append", "client"]),
    file!("body", &["Request", "Response"]),
    file!("dom_exception", &["DOMException"]),
    file!("encoding", &["TextEncoder", "TextDecoder", "btoa", "atob"]),
    file!("events", &["Event", "EventTarget", "CustomEvent"]),
    file!("fetch", &["fetch"]),
    file!("headers", &["Headers"]),
    file!(
        "streams",
        &[
            "ReadableStream",
            "ReadableStreamDefaultReader",
            "ReadableStreamDefaultController",
            "CountQueuingStrategy",
            "ByteLengthQueuingStrategy",
        ]
    ),
    file!("structured_clone", &["structuredClone"]),
    file!("text_streams", &["TextDecoderStream", "TextEncoderStream"]),
    file!(
        "timers",
        &[
            "setTimeout",
            "setInterval",
            "setImmediate",
            "clearTimeout",
            "clearInterval",
            "clearImmediate",
            "queueMicrotask",
        ]
    ),
    file!("transform", &["WritableStream", "TransformStream"]),
    file!("url", &["URL", "URLSearchParams"]),
];

/// The files evaluated so far, and what they are given.
struct Platform {
    native: JsObject,
    need: JsObject,
    exports: RefCell<FxHashMap<&'static str, JsObject>>,
    /// Globals read or replaced so far.
    globals: RefCell<FxHashMap<&'static str, JsValue>>,
}

/// Installs them.
///
/// # Errors
/// Never in a fresh context.
pub fn install(context: &mut Context) -> JsResult<()> {
    for file in FILES {
        for global in file.globals {
            define(context, file.name, global)?;
        }
    }
    Ok(())
}

/// What a file exports under a name.
///
/// # Errors
/// What evaluating it throws; never for one of ours that is there.
pub fn export(file: &str, name: &str, context: &mut Context) -> JsResult<JsValue> {
    exports(file, context)?.get(JsString::from(name), context)
}

/// Defines a global that is evaluated when first read: most programs never do, and every seek makes a
/// new context. It stays an accessor: the engine's inline caches do not notice one becoming a value.
fn define(context: &mut Context, file: &'static str, name: &'static str) -> JsResult<()> {
    let get = move |_: &JsValue, _: &[JsValue], context: &mut Context| {
        let platform = platform(context)?;
        if let Some(value) = platform.globals.borrow().get(name) {
            return Ok(value.clone());
        }
        let value = export(file, name, context)?;
        platform.globals.borrow_mut().insert(name, value.clone());
        Ok(value)
    };
    let set = move |_: &JsValue, args: &[JsValue], context: &mut Context| {
        let value = args.get_or_undefined(0).clone();
        platform(context)?.globals.borrow_mut().insert(name, value);
        Ok(JsValue::undefined())
    };
    let realm = context.realm().clone();
    let function = |f| FunctionObjectBuilder::new(&realm, f).build();
    let property = PropertyDescriptor::builder()
        .get(function(NativeFunction::from_copy_closure(get)))
        .set(function(NativeFunction::from_copy_closure(set)))
        .enumerable(false)
        .configurable(true);
    context
        .global_object()
        .define_property_or_throw(JsString::from(name), property, context)?;
    Ok(())
}

fn platform(context: &mut Context) -> JsResult<Rc<Platform>> {
    if let Some(platform) = context.get_data::<Rc<Platform>>() {
        return Ok(platform.clone());
    }
    let mut native = ObjectInitializer::new(context);
    let all = [effects::NATIVES, text::NATIVES, urls::NATIVES];
    for (name, function) in all.into_iter().flatten() {
        let function = NativeFunction::from_fn_ptr(*function);
        native.function(function, JsString::from(*name), 0);
    }
    let native = native.build();
    let need = NativeFunction::from_fn_ptr(|_, args, context| {
        let name = args.get_or_undefined(0).to_string(context)?;
        Ok(exports(&name.to_std_string_lossy(), context)?.into())
    });
    let need = FunctionObjectBuilder::new(context.realm(), need).build();
    let platform = Rc::new(Platform {
        native,
        need: need.into(),
        exports: RefCell::default(),
        globals: RefCell::default(),
    });
    context.insert_data(platform.clone());
    Ok(platform)
}

fn exports(name: &str, context: &mut Context) -> JsResult<JsObject> {
    let platform = platform(context)?;
    if let Some(exports) = platform.exports.borrow().get(name) {
        return Ok(exports.clone());
    }
    let missing = || JsNativeError::error().with_message(format!("the platform lacks {name}"));
    let file = FILES.iter().find(|f| f.name == name).ok_or_else(missing)?;
    let source = Source::from_bytes(file.code).with_path(Path::new(file.name));
    let make = context.eval(source)?.as_callable().ok_or_else(missing)?;
    let given = [platform.need.clone().into(), platform.native.clone().into()];
    let exports = make.call(&JsValue::undefined(), &given, context)?;
    let exports = exports.as_object().ok_or_else(missing)?;
    platform
        .exports
        .borrow_mut()
        .insert(file.name, exports.clone());
    Ok(exports)
}

/// The bytes of a `Uint8Array`.
///
/// # Errors
/// When it is none.
pub fn bytes_of(value: &JsValue, context: &mut Context) -> JsResult<Vec<u8>> {
    let array = JsUint8Array::from_object(value.to_object(context)?)?;
    let (start, length) = (array.byte_offset(context)?, array.byte_length(context)?);
    let buffer = array.buffer(context)?.to_object(context)?;
    let buffer = JsArrayBuffer::from_object(buffer)?;
    let bytes = buffer
        .data()
        .and_then(|data| data.get(start..start + length).map(<[u8]>::to_vec));
    bytes.ok_or_else(|| {
        JsNativeError::typ()
            .with_message("the bytes are no longer there: their buffer was detached")
            .into()
    })
}
