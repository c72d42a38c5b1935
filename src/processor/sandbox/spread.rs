//! The native helper behind rewritten array spreads.

use super::ambient;
use crate::processor::json::plain::{Dense, dense, is_exact};
use crate::processor::program::{SPREAD_CONTINUE, SPREAD_VALUE};
use boa_engine::object::builtins::JsArray;
use boa_engine::property::PropertyKey;
use boa_engine::{
    Context, JsArgs, JsNativeError, JsObject, JsResult, JsString, JsSymbol, JsValue, js_string,
};

/// The helper; its arguments are described at [`SPREAD_HELPER`](crate::processor::program::SPREAD_HELPER). Copies the elements of a
/// dense plain array directly as long as nobody touched how arrays are iterated, and otherwise follows
/// the iterator protocol to the letter.
///
/// # Errors
/// Whatever the iteration throws.
pub fn spread(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut items: Vec<JsValue> = Vec::new();
    for pair in args.chunks(2) {
        let value = pair.get_or_undefined(1);
        let kind = pair[0].as_i32();
        if kind == Some(SPREAD_VALUE) {
            items.push(value.clone());
            continue;
        }
        // What a nested call made is copied like any plain array.
        if let Some(array) = value.as_object()
            && (kind == Some(SPREAD_CONTINUE) || is_untouched(&array, context))
        {
            let array = array.borrow();
            match dense(&array) {
                Some(Dense::Values(values)) => items.extend_from_slice(values),
                Some(Dense::Ints(ints)) => items.extend(ints.iter().map(|i| JsValue::new(*i))),
                Some(Dense::Floats(floats)) => {
                    items.extend(floats.iter().map(|f| JsValue::new(*f)));
                }
                None => {}
            }
            continue;
        }
        iterate(value, &mut items, context)?;
    }
    let array = JsArray::from_iter(items, context);
    let ambient = ambient::of(context)?;
    ambient.born.borrow_mut().add(&array);
    Ok(array.into())
}

/// True when iterating `array` would give its dense elements and run no code of the program.
fn is_untouched(array: &JsObject, context: &Context) -> bool {
    if !array.is_array() {
        return false;
    }
    let intrinsics = context.intrinsics();
    let prototype = intrinsics.constructors().array().prototype();
    let borrowed = array.borrow();
    if !borrowed
        .prototype()
        .is_some_and(|p| JsObject::equals(&p, &prototype))
        || borrowed
            .properties()
            .contains_key(&JsSymbol::iterator().into())
    {
        return false;
    }
    if !is_exact(array) {
        return false;
    }
    let is_own = |object: &JsObject, key: PropertyKey, expected: &JsObject| {
        object
            .borrow()
            .properties()
            .get(&key)
            .and_then(|p| p.value().and_then(JsValue::as_object))
            .is_some_and(|f| JsObject::equals(&f, expected))
    };
    let values = JsObject::from(intrinsics.objects().array_prototype_values());
    let iterator_prototype = intrinsics.objects().iterator_prototypes().array();
    let Some(next) = context.get_data::<ArrayIteratorNext>() else {
        return false;
    };
    is_own(&prototype, JsSymbol::iterator().into(), &values)
        && is_own(
            &iterator_prototype,
            PropertyKey::from(js_string!("next")),
            &next.0,
        )
}

/// `%ArrayIteratorPrototype%.next` as the engine made it.
struct ArrayIteratorNext(JsObject);

/// Remembers the untouched iterator; due before the program runs.
///
/// # Errors
/// When the engine has no array iterator.
pub fn prepare(context: &mut Context) -> JsResult<()> {
    let prototype = context.intrinsics().objects().iterator_prototypes().array();
    let next = prototype.get(js_string!("next"), context)?;
    if let Some(next) = next.as_object() {
        context.insert_data(ArrayIteratorNext(next));
    }
    Ok(())
}

fn iterate(value: &JsValue, items: &mut Vec<JsValue>, context: &mut Context) -> JsResult<()> {
    let not_iterable = |what: JsString| {
        JsNativeError::typ()
            .with_message(format!("{} is not iterable", what.to_std_string_escaped()))
    };
    // GetMethod(value, @@iterator): the receiver is the value itself, also when it is a primitive.
    let method = if value.is_null_or_undefined() {
        JsValue::undefined()
    } else {
        get_v(value, JsSymbol::iterator().into(), context)?
    };
    let Some(method) = method.as_callable() else {
        return Err(not_iterable(JsString::from(value.display().to_string())).into());
    };
    let iterator = method.call(value, &[], context)?;
    let Some(iterator) = iterator.as_object() else {
        return Err(JsNativeError::typ()
            .with_message("Result of the Symbol.iterator method is not an object")
            .into());
    };
    let next = iterator.get(js_string!("next"), context)?;
    loop {
        let Some(next) = next.as_callable() else {
            return Err(not_iterable(js_string!("iterator without a next method")).into());
        };
        let result = next.call(&iterator.clone().into(), &[], context)?;
        let Some(result) = result.as_object() else {
            return Err(JsNativeError::typ()
                .with_message("Iterator result is not an object")
                .into());
        };
        if result.get(js_string!("done"), context)?.to_boolean() {
            return Ok(());
        }
        items.push(result.get(js_string!("value"), context)?);
    }
}

/// `GetV`: a getter on a primitive's prototype sees the primitive.
fn get_v(value: &JsValue, key: PropertyKey, context: &mut Context) -> JsResult<JsValue> {
    let mut holder = Some(value.to_object(context)?);
    if value.is_object() {
        return match holder {
            Some(object) => object.get(key, context),
            None => Ok(JsValue::undefined()),
        };
    }
    // A wrapper made just now: its own and inherited properties can be looked up one by one, only a
    // proxy put in as prototype would notice.
    while let Some(object) = holder {
        let property = object.borrow().properties().get(&key);
        if let Some(property) = property {
            if let Some(getter) = property.get().and_then(JsValue::as_callable) {
                return getter.call(value, &[], context);
            }
            return Ok(property.value().cloned().unwrap_or_default());
        }
        holder = object.prototype();
    }
    Ok(JsValue::undefined())
}
