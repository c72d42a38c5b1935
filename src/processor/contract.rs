//! The processor contract (SPEC §9): finding the processor in what a program exports, and telling
//! its form.

use super::json::normalize::{Normalizer, NotJson};
use super::json::plain::Layouts;
use super::json::write;
use super::sandbox::Thrown;
use crate::replay::reducer::Form;
use boa_engine::property::PropertyKey;
use boa_engine::{Context, JsObject, JsResult, JsString, JsValue, Module, js_string};

/// A processor as the fold uses it.
pub struct Processor {
    /// The object itself: `this` of its functions.
    pub this: JsValue,
    /// Its reducer; without one the state never changes.
    pub reduce: Option<JsObject>,
    /// How it reduces.
    pub form: Form,
    /// Its initial state as JSON; `None` without one.
    pub initial: Option<Vec<u8>>,
    /// `afterAppend`, of every form.
    pub after_append: Option<JsObject>,
    /// `onEvent`, of older workers.
    pub on_event: Option<JsObject>,
}

/// What a module's exports offer as processor: the default export, one named `processor`, the only
/// one. `undefined` when there is none of them.
///
/// # Errors
/// Whatever reading a binding throws.
pub fn from_exports(module: &Module, context: &mut Context) -> JsResult<JsValue> {
    let namespace = module.namespace(context);
    let names: Vec<PropertyKey> = namespace
        .own_property_keys(context)?
        .into_iter()
        .filter(|key| matches!(key, PropertyKey::String(_)))
        .collect();
    for wanted in [js_string!("default"), js_string!("processor")] {
        let key = PropertyKey::from(wanted);
        if names.contains(&key) {
            return namespace.get(key, context);
        }
    }
    match names.as_slice() {
        [only] => namespace.get(only.clone(), context),
        _ => Ok(JsValue::undefined()),
    }
}

/// Calls a function to get the processor.
///
/// # Errors
/// What it throws.
pub fn settle(value: JsValue, context: &mut Context) -> JsResult<JsValue> {
    match value.as_callable() {
        Some(function) => function.call(&JsValue::undefined(), &[], context),
        None => Ok(value),
    }
}

/// Reads a processor.
///
/// # Errors
/// That it is none, or what reading its members throws.
pub fn read(
    value: &JsValue,
    layouts: &mut Layouts,
    context: &mut Context,
) -> Result<Processor, Thrown> {
    let Some(object) = value.as_object() else {
        let what = if value.is_undefined() {
            "this code gives no processor".to_owned()
        } else {
            format!("this code gives {} instead of a processor", value.type_of())
        };
        return Err(Thrown::text(&format!(
            "{what}; export one as default or as `processor`: {{ initialState, reduce({{ event, state }}) }} or {{ reduce(events) }}"
        )));
    };
    let mut get = |name: JsString| object.get(name, context);
    let members = get(js_string!("reduce")).and_then(|reduce| {
        Ok((
            reduce,
            get(js_string!("initialState"))?,
            get(js_string!("onEvent"))?,
            get(js_string!("afterAppend"))?,
        ))
    });
    let (reduce, initial, on_event, after_append) = match members {
        Ok(members) => members,
        Err(error) => return Err(Thrown::new(error, context)),
    };
    let reducer = reduce.as_callable();
    if reducer.is_none() && !reduce.is_undefined() {
        return Err(Thrown::text(&format!(
            "the processor's reduce is {}, not a function",
            reduce.type_of()
        )));
    }
    if reducer.is_none() && !on_event.is_callable() && !after_append.is_callable() {
        return Err(Thrown::text(
            "the processor has neither a reduce function nor a hook",
        ));
    }
    let has_initial = !initial.is_undefined();
    let incremental = has_initial
        || on_event.is_callable()
        || match &reducer {
            Some(reduce) => takes_object_pattern(reduce, context)?,
            None => true,
        };
    let initial = if has_initial {
        Some(json_of(&initial, layouts, context)?)
    } else {
        None
    };
    Ok(Processor {
        this: value.clone(),
        reduce: reducer,
        form: if incremental {
            Form::Incremental
        } else {
            Form::Array
        },
        initial,
        after_append: after_append.as_callable(),
        on_event: on_event.as_callable(),
    })
}

fn json_of(
    initial: &JsValue,
    layouts: &mut Layouts,
    context: &mut Context,
) -> Result<Vec<u8>, Thrown> {
    match Normalizer::new(layouts, context, None).run(initial, None) {
        Ok(normal) => {
            let mut text = Vec::new();
            write::value(&mut text, &normal, layouts);
            Ok(text)
        }
        Err(NotJson::Because(why)) => Err(Thrown::text(&format!(
            "the processor's initialState is not JSON: {why}"
        ))),
        Err(NotJson::Threw(error, _)) => Err(Thrown::new(error, context)),
    }
}

/// True when the function's first parameter is written as `{…}`.
fn takes_object_pattern(function: &JsObject, context: &mut Context) -> Result<bool, Thrown> {
    let source = JsValue::from(function.clone())
        .to_string(context)
        .map_err(|e| Thrown::new(e, context))?;
    Ok(first_parameter_is_pattern(&source.to_std_string_lossy()))
}

fn first_parameter_is_pattern(source: &str) -> bool {
    let mut rest = source;
    // A parameter list opens with the first parenthesis; `events => …` has none before its arrow.
    loop {
        rest = skip_space(rest);
        let Some(c) = rest.chars().next() else {
            return false;
        };
        if c == '(' {
            return skip_space(&rest[1..]).starts_with('{');
        }
        if rest.starts_with("=>") {
            return false;
        }
        rest = &rest[c.len_utf8()..];
    }
}

fn skip_space(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        if let Some(line) = text.strip_prefix("//") {
            text = line.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(block) = text.strip_prefix("/*") {
            text = block.split_once("*/").map_or("", |(_, rest)| rest);
        } else {
            return text;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::first_parameter_is_pattern;

    #[test]
    fn forms_are_told_by_the_first_parameter() {
        for pattern in [
            "reduce({ event, state }) {}",
            "({event}) => event",
            "function reduce(/* (a) */ { event }) {}",
            "async function (\n// x\n{ event }) {}",
        ] {
            assert!(first_parameter_is_pattern(pattern), "{pattern}");
        }
        for other in [
            "reduce(events) {}",
            "events => ({ n: events.length })",
            "(events, { x } = {}) => 1",
            "function () {}",
        ] {
            assert!(!first_parameter_is_pattern(other), "{other}");
        }
    }
}
