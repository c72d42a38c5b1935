//! Functions of the engine that the JSON walk needs, taken before the program can replace them.

use super::plain::dense;
use boa_engine::property::PropertyKey;
use boa_engine::{Context, JsObject, JsResult, JsString, JsValue, js_string};

pub(super) struct Natives {
    is_array: Option<JsObject>,
    keys: Option<JsObject>,
    reflect_get: Option<JsObject>,
}

impl Natives {
    /// For the realm that `context` is in now.
    pub(super) fn new(context: &mut Context) -> Natives {
        let array = context.intrinsics().constructors().array().constructor();
        let object = context.intrinsics().constructors().object().constructor();
        let reflect = context.intrinsics().objects().reflect();
        let mut function =
            |of: JsObject, name: JsString| of.get(name, context).ok().and_then(|f| f.as_callable());
        Natives {
            is_array: function(array, js_string!("isArray")),
            keys: function(object, js_string!("keys")),
            reflect_get: function(reflect, js_string!("get")),
        }
    }

    fn call(
        function: Option<&JsObject>,
        args: &[JsValue],
        context: &mut Context,
    ) -> JsResult<JsValue> {
        match function {
            Some(function) => function.call(&JsValue::undefined(), args, context),
            None => Ok(JsValue::undefined()),
        }
    }

    /// `GetV(value, "toJSON")`; a getter sees the value itself as `this`, a BigInt stays a BigInt.
    pub(super) fn get_to_json(
        &self,
        holder: &JsObject,
        value: &JsValue,
        context: &mut Context,
    ) -> JsResult<JsValue> {
        let name = js_string!("toJSON");
        if value.is_object() {
            return holder.get(name, context);
        }
        let args = [holder.clone().into(), JsValue::new(name), value.clone()];
        Self::call(self.reflect_get.as_ref(), &args, context)
    }

    /// `IsArray`, proxies included.
    pub(super) fn is_array(&self, object: &JsObject, context: &mut Context) -> JsResult<bool> {
        if object.is_array() || object.is_ordinary() {
            return Ok(object.is_array());
        }
        let args = [object.clone().into()];
        Ok(Self::call(self.is_array.as_ref(), &args, context)?.to_boolean())
    }

    /// `EnumerableOwnProperties(object, key)`.
    pub(super) fn enumerable_keys(
        &self,
        object: &JsObject,
        context: &mut Context,
    ) -> JsResult<Vec<PropertyKey>> {
        let keys = Self::call(self.keys.as_ref(), &[object.clone().into()], context)?;
        let Some(keys) = keys.as_object() else {
            return Ok(Vec::new());
        };
        let keys = keys.borrow();
        let Some(keys) = dense(&keys) else {
            return Ok(Vec::new());
        };
        Ok((0..keys.len())
            .filter_map(|i| keys.get(i))
            .filter_map(|key| key.as_string().map(PropertyKey::from))
            .collect())
    }
}
