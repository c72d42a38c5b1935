//! `JSON.parse`, native: the engine's own compiles the text as a script.

use crate::processor::json::build::{Keys, build};
use crate::processor::json::tape::{ScanError, scan};
use boa_engine::object::FunctionObjectBuilder;
use boa_engine::property::PropertyDescriptor;
use boa_engine::property::PropertyKey;
use boa_engine::{
    Context, JsArgs, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction,
    js_string,
};

/// The engine's own `JSON.parse`, for the calls ours does not take.
struct Original(JsObject);

/// Replaces `JSON.parse`.
///
/// # Errors
/// Never in a fresh context.
pub fn install(context: &mut Context) -> JsResult<()> {
    let json = context.global_object().get(js_string!("JSON"), context)?;
    let Some(json) = json.as_object() else {
        return Ok(());
    };
    let original = json.get(js_string!("parse"), context)?.as_callable();
    let Some(original) = original else {
        return Ok(());
    };
    context.insert_data(Original(original));
    let parse = FunctionObjectBuilder::new(context.realm(), NativeFunction::from_fn_ptr(parse))
        .name(js_string!("parse"))
        .length(2)
        .build();
    json.insert_property(
        PropertyKey::from(js_string!("parse")),
        PropertyDescriptor::builder()
            .value(parse)
            .writable(true)
            .enumerable(false)
            .configurable(true)
            .build(),
    );
    Ok(())
}

fn parse(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    // A reviver is given the source of each primitive, which only the engine's parser keeps.
    if args.get_or_undefined(1).is_callable()
        && let Some(original) = context.get_data::<Original>().map(|o| o.0.clone())
    {
        check(&text)?;
        let mut args = args.to_vec();
        args[0] = text.into();
        return original.call(this, &args, context);
    }
    let tape = check(&text)?;
    Ok(build(&tape, &Keys::default(), context))
}

fn check(text: &JsString) -> JsResult<crate::processor::json::tape::Tape> {
    // A lone surrogate in the text can only stand inside a string: as an escape it means the same.
    let utf8 = text.to_std_string().unwrap_or_else(|_| {
        char::decode_utf16(text.to_vec()).fold(String::new(), |mut out, c| {
            match c {
                Ok(c) => out.push(c),
                Err(lone) => out.push_str(&format!("\\u{:04x}", lone.unpaired_surrogate())),
            }
            out
        })
    });
    scan(utf8.into_bytes(), None).map_err(|e| match e {
        ScanError::TooDeep => JsNativeError::range().with_message(e.to_string()).into(),
        _ => JsNativeError::syntax().with_message(e.to_string()).into(),
    })
}
