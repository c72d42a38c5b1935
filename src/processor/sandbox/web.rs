//! Globals of the web platform that are pure, made when first used.

use super::globals::{global, register};
use crate::processor::json::plain::{Dense, dense};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use boa_engine::object::FunctionObjectBuilder;
use boa_engine::object::builtins::JsUint8Array;
use boa_engine::property::PropertyDescriptor;
use boa_engine::{
    Context, JsArgs, JsNativeError, JsResult, JsString, JsValue, NativeFunction, Source,
};

/// Installs them.
///
/// # Errors
/// Never in a fresh context.
pub fn install(context: &mut Context) -> JsResult<()> {
    global(context, "btoa", btoa)?;
    global(context, "atob", atob)?;
    for lazy in LAZY {
        define(context, lazy)?;
    }
    Ok(())
}

type Native = fn(&JsValue, &[JsValue], &mut Context) -> JsResult<JsValue>;

/// A global written in JavaScript: the code is a function of these native ones.
struct Lazy {
    name: &'static str,
    code: &'static str,
    natives: &'static [Native],
}

const LAZY: &[Lazy] = &[
    Lazy {
        name: "structuredClone",
        code: include_str!("web/structured_clone.js"),
        natives: &[],
    },
    Lazy {
        name: "TextEncoder",
        code: include_str!("web/text_encoder.js"),
        natives: &[encode_utf8],
    },
    Lazy {
        name: "TextDecoder",
        code: include_str!("web/text_decoder.js"),
        natives: &[decode_utf8],
    },
    Lazy {
        name: "URLSearchParams",
        code: include_str!("web/url_search_params.js"),
        natives: &[decode_form, encode_form],
    },
];

/// Defines a global that is evaluated when first read: most programs never do, and every seek makes a
/// new context.
fn define(context: &mut Context, lazy: &'static Lazy) -> JsResult<()> {
    let get = move |_: &JsValue, _: &[JsValue], context: &mut Context| {
        let make = context.eval(Source::from_bytes(lazy.code))?;
        let Some(make) = make.as_callable() else {
            return Ok(make);
        };
        let natives: Vec<JsValue> = lazy
            .natives
            .iter()
            .map(|f| {
                NativeFunction::from_fn_ptr(*f)
                    .to_js_function(context.realm())
                    .into()
            })
            .collect();
        let value = make.call(&JsValue::undefined(), &natives, context)?;
        register(context, lazy.name, value.clone())?;
        Ok(value)
    };
    let set = move |_: &JsValue, args: &[JsValue], context: &mut Context| {
        register(context, lazy.name, args.get_or_undefined(0).clone())?;
        Ok(JsValue::undefined())
    };
    let realm = context.realm().clone();
    let function = |f| FunctionObjectBuilder::new(&realm, f).build();
    let property = PropertyDescriptor::builder()
        .get(function(NativeFunction::from_copy_closure(get)))
        .set(function(NativeFunction::from_copy_closure(set)))
        .enumerable(false)
        .configurable(true);
    context.global_object().define_property_or_throw(
        JsString::from(lazy.name),
        property,
        context,
    )?;
    Ok(())
}

fn encode_utf8(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    let bytes = text.to_std_string_lossy().into_bytes();
    Ok(JsUint8Array::from_iter(bytes, context)?.into())
}

/// Takes an array of bytes and whether to refuse what is not UTF-8.
fn decode_utf8(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let array = args.get_or_undefined(0).to_object(context)?;
    let bytes: Vec<u8> = {
        let array = array.borrow();
        let items = dense(&array);
        (0..items.map_or(0, Dense::len))
            .filter_map(|index| items?.get(index)?.as_i32())
            .map(|byte| byte as u8)
            .collect()
    };
    if args.get_or_undefined(1).to_boolean() {
        let text = String::from_utf8(bytes).map_err(|_| {
            JsNativeError::typ().with_message("TextDecoder: the bytes are not UTF-8")
        })?;
        return Ok(JsString::from(text).into());
    }
    Ok(JsString::from(String::from_utf8_lossy(&bytes).as_ref()).into())
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fn btoa(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    let bytes: Option<Vec<u8>> = text.iter().map(|unit| u8::try_from(unit).ok()).collect();
    match bytes {
        Some(bytes) => Ok(JsString::from(BASE64.encode(bytes)).into()),
        None => Err(JsNativeError::error()
            .with_message("InvalidCharacterError: btoa takes only characters up to U+00FF")
            .into()),
    }
}

fn atob(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    let text: String = text
        .to_std_string_lossy()
        .chars()
        .filter(|c| !matches!(c, '\t' | '\n' | '\u{c}' | '\r' | ' '))
        .collect();
    match BASE64.decode(text) {
        Ok(bytes) => {
            let units: Vec<u16> = bytes.into_iter().map(u16::from).collect();
            Ok(JsString::from(units.as_slice()).into())
        }
        Err(_) => Err(JsNativeError::error()
            .with_message("InvalidCharacterError: the text given to atob is not base64")
            .into()),
    }
}

/// Undoes the encoding of HTML forms in one name or value.
fn decode_form(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    let text = text.to_std_string_lossy();
    let mut rest = text.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let hex = |b: u8| (b as char).to_digit(16);
        match (byte, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [a, b, after @ ..]) if hex(*a).is_some() && hex(*b).is_some() => {
                let value = hex(*a).unwrap_or(0) * 16 + hex(*b).unwrap_or(0);
                bytes.push(value as u8);
                rest = after;
            }
            _ => bytes.push(*byte),
        }
    }
    Ok(JsString::from(String::from_utf8_lossy(&bytes).as_ref()).into())
}

/// Encodes one name or value as HTML forms do.
fn encode_form(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    let mut out = String::new();
    for byte in text.to_std_string_lossy().bytes() {
        match byte {
            b' ' => out.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(JsString::from(out).into())
}
