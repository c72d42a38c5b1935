//! Text as bytes and back: UTF-8, base64 and the encoding of HTML forms.

use super::{Native, bytes_of};
use crate::processor::sandbox::outlet::bytes_value;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, JsArgs, JsResult, JsString, JsValue};

/// By the name they have in `native`.
pub const NATIVES: &[(&str, Native)] = &[
    ("utf8Encode", utf8_encode),
    ("utf8Decode", utf8_decode),
    ("base64Encode", base64_encode),
    ("base64Decode", base64_decode),
    ("formDecode", form_decode),
    ("formEncode", form_encode),
];

fn utf8_encode(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    bytes_value(text.to_std_string_lossy().as_bytes(), context)
}

/// `utf8Decode(bytes, more)`: `[text, valid, rest]`, where `rest` are the bytes at the end that are not
/// a whole character yet, kept only when there will be more.
fn utf8_decode(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = bytes_of(args.get_or_undefined(0), context)?;
    let more = args.get_or_undefined(1).to_boolean();
    let (whole, rest) = bytes.split_at(if more { whole(&bytes) } else { bytes.len() });
    let (text, valid) = match std::str::from_utf8(whole) {
        Ok(text) => (JsString::from(text), true),
        Err(_) => (JsString::from(&*String::from_utf8_lossy(whole)), false),
    };
    let rest = bytes_value(rest, context)?;
    let parts = [JsValue::new(text), JsValue::new(valid), rest];
    Ok(JsArray::from_iter(parts, context).into())
}

/// How many bytes are left without a character at the end that has only begun.
fn whole(bytes: &[u8]) -> usize {
    // No character is longer than four bytes, so one that has only begun is within the last three.
    let tail = bytes.len().saturating_sub(3);
    for start in (tail..bytes.len()).rev() {
        if bytes[start] & 0xc0 == 0x80 {
            continue;
        }
        let begun = std::str::from_utf8(&bytes[start..])
            .is_err_and(|e| e.valid_up_to() == 0 && e.error_len().is_none());
        return if begun { start } else { bytes.len() };
    }
    bytes.len()
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// `undefined` for a character beyond U+00FF.
fn base64_encode(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    let bytes: Option<Vec<u8>> = text.iter().map(|unit| u8::try_from(unit).ok()).collect();
    Ok(match bytes {
        Some(bytes) => JsString::from(BASE64.encode(bytes)).into(),
        None => JsValue::undefined(),
    })
}

/// `undefined` for what is not base64.
fn base64_decode(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    let mut text: String = text
        .to_std_string_lossy()
        .chars()
        .filter(|c| !matches!(c, '\t' | '\n' | '\u{c}' | '\r' | ' '))
        .collect();
    // Padding is right or absent.
    if text.ends_with('=') {
        if !text.len().is_multiple_of(4) {
            return Ok(JsValue::undefined());
        }
        text.truncate(text.trim_end_matches('=').len().max(text.len() - 2));
    }
    Ok(match BASE64.decode(text) {
        Ok(bytes) => {
            let units: Vec<u16> = bytes.into_iter().map(u16::from).collect();
            JsString::from(units.as_slice()).into()
        }
        Err(_) => JsValue::undefined(),
    })
}

/// Names and values of a form's text, alternating.
fn form_decode(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    let text = text.to_std_string_lossy();
    let parts: Vec<JsValue> = form_urlencoded::parse(text.as_bytes())
        .flat_map(|(name, value)| [name, value])
        .map(|part| JsValue::new(JsString::from(&*part)))
        .collect();
    Ok(JsArray::from_iter(parts, context).into())
}

/// The text of one name or value.
fn form_encode(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    let text = text.to_std_string_lossy();
    let out: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    Ok(JsString::from(out).into())
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn a_character_that_has_only_begun_is_kept_back() {
        let euro = "€".as_bytes();
        for (bytes, expected) in [
            (&b""[..], 0),
            (b"ab", 2),
            (&euro[..1], 0),
            (&euro[..2], 0),
            (euro, 3),
            (&[b'a', 0xf0, 0x9f, 0x98], 1),
            // Never a character, however it goes on.
            (&[0xff], 1),
            (&[0xe2, 0x28], 2),
            (&[0x80, 0x80], 2),
            (&[0xc0], 1),
        ] {
            assert_eq!(whole(bytes), expected, "{bytes:?}");
        }
    }
}
