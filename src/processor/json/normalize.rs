//! What `JSON.parse(JSON.stringify(value))` gives, without the text between, and without making
//! again what is already there.

use super::MAX_DEPTH;
use super::build::{new_object, put};
use super::plain::{Layouts, dense, is_exact};
use boa_engine::object::builtins::JsArray;
use boa_engine::property::PropertyKey;
use boa_engine::{Context, JsBigInt, JsError, JsObject, JsString, JsValue, JsVariant, js_string};
use std::fmt::Write as _;

/// Why a value has no JSON.
#[derive(Debug)]
pub enum NotJson {
    /// What and where, such as `BigInt at $.total`.
    Because(String),
    /// Code of the program (`toJSON`, a getter) threw on the way, at this place.
    Threw(JsError, String),
}

/// Values whose arrays were made by the engine's own helpers in the running call and are known to
/// nobody else: they may become part of a state as they are.
#[derive(Default)]
pub struct Born(Vec<JsObject>);

impl Born {
    /// More than any reasonable reducer makes in one call; beyond it arrays are copied.
    const MAX: usize = 64;

    /// Notes a new array.
    pub fn add(&mut self, array: &JsObject) {
        if self.0.len() < Self::MAX {
            self.0.push(array.clone());
        }
    }

    /// Forgets all; due before each call.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn take(&mut self, array: &JsObject) -> bool {
        let found = self.0.iter().position(|a| JsObject::equals(a, array));
        found.map(|at| self.0.swap_remove(at)).is_some()
    }
}

enum Step {
    Key(PropertyKey),
    Index(usize),
}

/// One normalisation.
pub struct Normalizer<'a> {
    layouts: &'a mut Layouts,
    context: &'a mut Context,
    born: Option<&'a mut Born>,
    path: Vec<Step>,
    around: Vec<JsObject>,
    /// `toJSON` need not be looked for on plain data.
    intact: bool,
}

impl<'a> Normalizer<'a> {
    /// Prepares one normalisation; `born` are the arrays that may be taken over as they are.
    pub fn new(
        layouts: &'a mut Layouts,
        context: &'a mut Context,
        born: Option<&'a mut Born>,
    ) -> Self {
        let intact = layouts.prototypes_intact();
        Normalizer {
            layouts,
            context,
            born,
            path: Vec::new(),
            around: Vec::new(),
            intact,
        }
    }

    /// The normal form of `value`: a tree of plain objects and arrays that nothing of the program can
    /// reach, except that subtrees of `old` (an earlier result) found unchanged at the same place
    /// are used again. Pass `old` only when the program never changes what it did not make.
    ///
    /// # Errors
    /// [`NotJson`] when `JSON.stringify` would throw or give nothing.
    pub fn run(mut self, value: &JsValue, old: Option<&JsValue>) -> Result<JsValue, NotJson> {
        let key = JsValue::new(js_string!(""));
        match self.property(value.clone(), old, &key)? {
            Some(value) => Ok(value),
            None => Err(NotJson::Because(format!(
                "{} cannot be a state: JSON has no such value",
                kind_of(value)
            ))),
        }
    }

    /// `SerializeJSONProperty`, giving a value; `None` where that gives `undefined`.
    fn property(
        &mut self,
        value: JsValue,
        old: Option<&JsValue>,
        key: &JsValue,
    ) -> Result<Option<JsValue>, NotJson> {
        match value.variant() {
            JsVariant::Null
            | JsVariant::Boolean(_)
            | JsVariant::String(_)
            | JsVariant::Integer32(_) => Ok(Some(value)),
            JsVariant::Float64(n) => Ok(Some(float(n))),
            JsVariant::Undefined | JsVariant::Symbol(_) => Ok(None),
            JsVariant::BigInt(_) => self.rich(value, key),
            JsVariant::Object(object) => {
                if let Some(old) = old.and_then(JsValue::as_object)
                    && JsObject::equals(&old, &object)
                {
                    return Ok(Some(value));
                }
                if self.intact && self.layouts.is_plain_array(&object) {
                    return self.array(&object, old).map(Some);
                }
                if self.intact && object.is_ordinary() {
                    let layout = self.layouts.of(&object);
                    if layout.plain {
                        return self.plain_object(&object, &layout.keys, old).map(Some);
                    }
                }
                self.rich(value, key)
            }
        }
    }

    /// The long way: everything that may run code of the program.
    fn rich(&mut self, value: JsValue, key: &JsValue) -> Result<Option<JsValue>, NotJson> {
        let mut value = value;
        let holder = value.to_object(self.context).map_err(|e| self.threw(e))?;
        // GetV: the getter sees the value itself as `this`, a BigInt stays a BigInt.
        let to_json = self
            .layouts
            .natives
            .get_to_json(&holder, &value, self.context)
            .map_err(|e| self.threw(e))?;
        if let Some(to_json) = to_json.as_callable() {
            value = to_json
                .call(&value, std::slice::from_ref(key), self.context)
                .map_err(|e| self.threw(e))?;
        }
        let Some(object) = value.as_object() else {
            return match value.variant() {
                JsVariant::BigInt(_) => Err(self.because("BigInt")),
                JsVariant::Float64(n) => Ok(Some(float(n))),
                JsVariant::Undefined | JsVariant::Symbol(_) => Ok(None),
                _ => Ok(Some(value)),
            };
        };
        if object.is::<f64>() {
            let n = value.to_number(self.context).map_err(|e| self.threw(e))?;
            return Ok(Some(float(n)));
        }
        if object.is::<JsString>() {
            let s = value.to_string(self.context).map_err(|e| self.threw(e))?;
            return Ok(Some(s.into()));
        }
        if let Some(b) = object.downcast_ref::<bool>().map(|b| *b) {
            return Ok(Some(JsValue::new(b)));
        }
        if object.is::<JsBigInt>() {
            return Err(self.because("BigInt"));
        }
        if object.is_callable() {
            return Ok(None);
        }
        if self
            .layouts
            .natives
            .is_array(&object, self.context)
            .map_err(|e| self.threw(e))?
        {
            return self.array_like(&object).map(Some);
        }
        self.any_object(&object).map(Some)
    }

    fn enter(&mut self, object: &JsObject) -> Result<(), NotJson> {
        if self.around.len() >= MAX_DEPTH {
            return Err(self.because(&format!("nested deeper than {MAX_DEPTH} levels,")));
        }
        if self.around.iter().any(|o| JsObject::equals(o, object)) {
            return Err(self.because("circular reference"));
        }
        self.around.push(object.clone());
        Ok(())
    }

    fn array(&mut self, array: &JsObject, old: Option<&JsValue>) -> Result<JsValue, NotJson> {
        if !is_exact(array) {
            return self.array_like(array);
        }
        self.enter(array)?;
        let old = old
            .and_then(JsValue::as_object)
            .filter(|o| self.layouts.is_plain_array(o));
        let count = |object: &JsObject| dense(&object.borrow()).map(super::plain::Dense::len);
        let same_length = old.as_ref().is_some_and(|old| count(old) == count(array));
        let mut items = Vec::new();
        let mut unchanged = true;
        // Elements of the old array are met again in order, perhaps with some missing.
        let mut expected = 0;
        let mut index = 0;
        loop {
            // Asked anew for each element: a toJSON further down may change the array.
            let (item, length) = {
                let borrowed = array.borrow();
                match dense(&borrowed) {
                    Some(d) => (d.get(index), d.len()),
                    None => (None, 0),
                }
            };
            let Some(item) = item else { break };
            if items.is_empty() {
                items.reserve(length);
            }
            if let Some(object) = item.as_object() {
                let earlier = old
                    .as_ref()
                    .and_then(|old| find(old, &object, &mut expected));
                if earlier.is_some() {
                    items.push(item);
                } else {
                    let beside = old
                        .as_ref()
                        .and_then(|old| dense(&old.borrow()).and_then(|d| d.get(index)));
                    self.path.push(Step::Index(index));
                    let key = JsValue::new(JsString::from(index.to_string()));
                    // Parts of what stood at this index may be used for the new element only while no
                    // other element can claim it; with another length it probably moved instead.
                    let beside = beside.filter(|_| expected <= index && same_length);
                    if beside.is_some() {
                        expected = index + 1;
                    }
                    let normal = self.property(item, beside.as_ref(), &key)?;
                    self.path.pop();
                    unchanged = false;
                    items.push(normal.unwrap_or_else(JsValue::null));
                }
            } else {
                let normal = match item.variant() {
                    JsVariant::Float64(n) => {
                        unchanged &= n.is_finite() && (n != 0.0 || n.is_sign_positive());
                        float(n)
                    }
                    JsVariant::Undefined | JsVariant::Symbol(_) => {
                        unchanged = false;
                        JsValue::null()
                    }
                    JsVariant::BigInt(_) => {
                        unchanged = false;
                        self.path.push(Step::Index(index));
                        let key = JsValue::new(JsString::from(index.to_string()));
                        let normal = self.property(item, None, &key)?;
                        self.path.pop();
                        normal.unwrap_or_else(JsValue::null)
                    }
                    _ => item,
                };
                items.push(normal);
            }
            index += 1;
        }
        self.around.pop();
        if unchanged
            && self.born.as_mut().is_some_and(|born| born.take(array))
            && array.is_extensible(self.context).unwrap_or(false)
        {
            return Ok(array.clone().into());
        }
        Ok(JsArray::from_iter(items, self.context).into())
    }

    fn plain_object(
        &mut self,
        object: &JsObject,
        keys: &[PropertyKey],
        old: Option<&JsValue>,
    ) -> Result<JsValue, NotJson> {
        let indexes = {
            let borrowed = object.borrow();
            let plain = !matches!(
                borrowed.properties().index_property_values(),
                boa_engine::object::IndexPropertyValues::SparseProperty(_)
            );
            let mut indexes: Vec<u32> = borrowed.properties().index_property_keys().collect();
            indexes.sort_unstable();
            plain.then_some(indexes)
        };
        let Some(indexes) = indexes else {
            return self.any_object(object);
        };
        self.enter(object)?;
        let old = old.and_then(JsValue::as_object).filter(|o| o.is_ordinary());
        let result = new_object(self.context);
        for index in indexes {
            self.member(object, PropertyKey::from(index), old.as_ref(), &result)?;
        }
        for key in keys {
            self.member(object, key.clone(), old.as_ref(), &result)?;
        }
        self.around.pop();
        Ok(result.into())
    }

    fn member(
        &mut self,
        object: &JsObject,
        key: PropertyKey,
        old: Option<&JsObject>,
        result: &JsObject,
    ) -> Result<(), NotJson> {
        let property = object.borrow().properties().get(&key);
        let value = match property {
            Some(property) if property.is_data_descriptor() => {
                property.value().cloned().unwrap_or_default()
            }
            // A toJSON beside it took it away or made it an accessor.
            _ => object
                .get(key.clone(), self.context)
                .map_err(|e| self.threw(e))?,
        };
        let normal = if value.is_object() || value.is_bigint() {
            let old = old.and_then(|old| {
                let old = old.borrow();
                old.properties().get(&key).and_then(|p| p.value().cloned())
            });
            let name = key_value(&key);
            self.path.push(Step::Key(key.clone()));
            let normal = self.property(value, old.as_ref(), &name)?;
            self.path.pop();
            normal
        } else {
            match value.variant() {
                JsVariant::Float64(n) => Some(float(n)),
                JsVariant::Undefined | JsVariant::Symbol(_) => None,
                _ => Some(value),
            }
        };
        if let Some(normal) = normal {
            put(result, key, normal);
        }
        Ok(())
    }

    /// `SerializeJSONArray` on anything that is an array.
    fn array_like(&mut self, array: &JsObject) -> Result<JsValue, NotJson> {
        self.enter(array)?;
        let length = array
            .get(js_string!("length"), self.context)
            .and_then(|length| length.to_length(self.context))
            .map_err(|e| self.threw(e))?;
        let mut items = Vec::new();
        for index in 0..length as usize {
            let value = array
                .get(PropertyKey::from(index), self.context)
                .map_err(|e| self.threw(e))?;
            self.path.push(Step::Index(index));
            let key = JsValue::new(JsString::from(index.to_string()));
            let normal = self.property(value, None, &key)?;
            self.path.pop();
            items.push(normal.unwrap_or_else(JsValue::null));
        }
        self.around.pop();
        Ok(JsArray::from_iter(items, self.context).into())
    }

    /// `SerializeJSONObject` on anything.
    fn any_object(&mut self, object: &JsObject) -> Result<JsValue, NotJson> {
        self.enter(object)?;
        let keys = self
            .layouts
            .natives
            .enumerable_keys(object, self.context)
            .map_err(|e| self.threw(e))?;
        let result = new_object(self.context);
        for key in keys {
            let value = object
                .get(key.clone(), self.context)
                .map_err(|e| self.threw(e))?;
            let name = key_value(&key);
            self.path.push(Step::Key(key.clone()));
            let normal = self.property(value, None, &name)?;
            self.path.pop();
            if let Some(normal) = normal {
                put(&result, key, normal);
            }
        }
        self.around.pop();
        Ok(result.into())
    }

    fn because(&self, what: &str) -> NotJson {
        NotJson::Because(format!("{what} at {}", self.place()))
    }

    fn threw(&self, error: JsError) -> NotJson {
        NotJson::Threw(error, self.place())
    }

    fn place(&self) -> String {
        const SHOWN: usize = 32;
        let mut place = String::from("$");
        for step in self.path.iter().take(SHOWN) {
            // Writing to a String cannot fail.
            let _ = match step {
                Step::Index(i) => write!(place, "[{i}]"),
                Step::Key(key) => {
                    let key = key.to_string();
                    let plain = key
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
                    if plain && !key.is_empty() {
                        write!(place, ".{key}")
                    } else {
                        write!(place, "[{key:?}]")
                    }
                }
            };
        }
        if self.path.len() > SHOWN {
            place.push('…');
        }
        place
    }
}

/// Looks for `object` in `old` from `expected` on; elements passed over cannot be met later.
fn find(old: &JsObject, object: &JsObject, expected: &mut usize) -> Option<()> {
    let old = old.borrow();
    let super::plain::Dense::Values(items) = dense(&old)? else {
        return None;
    };
    let same = |item: &JsValue| {
        item.as_object()
            .is_some_and(|o| JsObject::equals(&o, object))
    };
    if items.get(*expected).is_some_and(same) {
        *expected += 1;
        return Some(());
    }
    // An element that is new stays unfound: look on only a little, so that an array of all new
    // elements costs no square.
    const AHEAD: usize = 32;
    let rest = items.get(*expected + 1..)?;
    let at = rest.iter().take(AHEAD).position(same)?;
    *expected += at + 2;
    Some(())
}

fn float(n: f64) -> JsValue {
    if n.is_finite() {
        // Adding +0 turns -0 into 0.
        JsValue::new(n + 0.0)
    } else {
        JsValue::null()
    }
}

fn key_value(key: &PropertyKey) -> JsValue {
    match key {
        PropertyKey::String(s) => JsValue::new(s.clone()),
        PropertyKey::Index(i) => JsValue::new(JsString::from(i.get().to_string())),
        PropertyKey::Symbol(_) => JsValue::undefined(),
    }
}

fn kind_of(value: &JsValue) -> &'static str {
    match value.variant() {
        JsVariant::Object(o) if o.is_callable() => "a function",
        JsVariant::Object(_) => "an object whose toJSON gives no JSON",
        JsVariant::Symbol(_) => "a symbol",
        JsVariant::BigInt(_) => "a BigInt",
        _ => "undefined",
    }
}
