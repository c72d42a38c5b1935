//! How `console` and `logger` show values: strings as they are, the rest as JSON.

use crate::processor::json::normalize::Normalizer;
use crate::processor::json::plain::Layouts;
use crate::processor::json::write;
use boa_engine::{Context, JsResult, JsValue};

/// One line for the arguments of one call.
///
/// # Errors
/// What a `toString` of the program throws.
pub fn line(args: &[JsValue], context: &mut Context) -> JsResult<String> {
    let mut line = String::new();
    for (i, arg) in args.iter().enumerate() {
        if i > 0 {
            line.push(' ');
        }
        line.push_str(&shown(arg, context)?);
    }
    Ok(line)
}

fn shown(value: &JsValue, context: &mut Context) -> JsResult<String> {
    let Some(object) = value.as_object() else {
        return Ok(match value.as_symbol() {
            Some(_) => value.display().to_string(),
            None => value.to_string(context)?.to_std_string_lossy(),
        });
    };
    if object.is_callable() || object.is::<boa_engine::builtins::error::Error>() {
        return Ok(value.to_string(context)?.to_std_string_lossy());
    }
    let mut layouts = Layouts::new(context);
    let normal = Normalizer::new(&mut layouts, context, None).run(value, None);
    Ok(match normal {
        Ok(normal) => {
            let mut text = Vec::new();
            write::value(&mut text, &normal, &mut layouts);
            String::from_utf8_lossy(&text).into_owned()
        }
        Err(_) => value.display().to_string(),
    })
}
