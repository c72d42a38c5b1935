//! URLs by their standard.

use super::Native;
use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, JsArgs, JsResult, JsString, JsValue};
use url::{Url, quirks};

/// By the name they have in `native`.
pub const NATIVES: &[(&str, Native)] = &[("urlParse", parse), ("urlSet", set)];

/// `urlParse(text, base | undefined)`: its parts, or `undefined`.
fn parse(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = text(args, 0, context)?;
    let url = match args.get_or_undefined(1) {
        base if base.is_undefined() => Url::parse(&text).ok(),
        _ => {
            let base = self::text(args, 1, context)?;
            let base = Url::parse(&base).ok();
            base.and_then(|base| base.join(&text).ok())
        }
    };
    Ok(url.map_or_else(JsValue::undefined, |url| parts(&url, context)))
}

/// `urlSet(href, part, value)`: the parts after the change; a value that does not fit changes nothing.
fn set(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (href, part) = (text(args, 0, context)?, text(args, 1, context)?);
    let value = text(args, 2, context)?;
    let Ok(mut url) = Url::parse(&href) else {
        return Ok(JsValue::undefined());
    };
    // The standard's setters ignore what does not fit.
    let _ = match part.as_str() {
        "protocol" => quirks::set_protocol(&mut url, &value),
        "username" => quirks::set_username(&mut url, &value),
        "password" => quirks::set_password(&mut url, &value),
        "host" => quirks::set_host(&mut url, &value),
        "hostname" => quirks::set_hostname(&mut url, &value),
        "port" => quirks::set_port(&mut url, &value),
        "pathname" => {
            quirks::set_pathname(&mut url, &value);
            Ok(())
        }
        "search" => {
            quirks::set_search(&mut url, &value);
            Ok(())
        }
        "hash" => {
            quirks::set_hash(&mut url, &value);
            Ok(())
        }
        _ => Err(()),
    };
    Ok(parts(&url, context))
}

/// In the order that `url.js` has them.
fn parts(url: &Url, context: &mut Context) -> JsValue {
    let origin = quirks::origin(url);
    let parts = [
        quirks::href(url),
        &origin,
        quirks::protocol(url),
        quirks::username(url),
        quirks::password(url),
        quirks::host(url),
        quirks::hostname(url),
        quirks::port(url),
        quirks::pathname(url),
        quirks::search(url),
        quirks::hash(url),
    ]
    .map(|part| JsValue::new(JsString::from(part)));
    JsArray::from_iter(parts, context).into()
}

fn text(args: &[JsValue], index: usize, context: &mut Context) -> JsResult<String> {
    let text = args.get_or_undefined(index).to_string(context)?;
    Ok(text.to_std_string_lossy())
}
