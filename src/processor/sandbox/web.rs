//! Globals of the web platform that are pure, made when first used.

use super::globals::global;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use boa_engine::{Context, JsArgs, JsNativeError, JsResult, JsString, JsValue};

/// Installs them.
///
/// # Errors
/// Never in a fresh context.
pub fn install(context: &mut Context) -> JsResult<()> {
    global(context, "btoa", btoa)?;
    global(context, "atob", atob)
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
