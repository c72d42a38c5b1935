//! Recognising plain objects and arrays without asking the engine property by property: objects that
//! share a shape share their keys.

use boa_engine::object::shape::Shape;
use boa_engine::object::{IndexPropertyValues, Object};
use boa_engine::property::PropertyKey;
use boa_engine::{Context, JsObject, JsString, JsValue, js_string};
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// What all objects of one shape have in common.
pub struct Layout {
    /// Own string keys in order; integer keys are not part of a shape.
    pub keys: Vec<PropertyKey>,
    /// `"key":` for each of them, escaped.
    pub labels: Vec<Box<[u8]>>,
    /// Prototype is `Object.prototype` and each key is one a JSON text may have given: enumerable,
    /// writable, configurable data, none of them called `toJSON`.
    pub plain: bool,
    /// Keeps the shape's address from being given to another.
    _shape: Shape,
}

/// Layouts by shape.
pub struct Layouts {
    known: FxHashMap<usize, Rc<Layout>>,
    array_shape: usize,
    _array: JsObject,
    object_prototype: JsObject,
    array_prototype: JsObject,
    to_json: PropertyKey,
    pub(super) natives: super::natives::Natives,
}

impl Layouts {
    const MAX_KNOWN: usize = 4096;

    /// For the realm that `context` is in now.
    pub fn new(context: &mut Context) -> Layouts {
        let array: JsObject = boa_engine::object::builtins::JsArray::from_iter([], context).into();
        let array_shape = array.borrow().shape().to_addr_usize();
        let constructors = context.intrinsics().constructors();
        Layouts {
            known: FxHashMap::default(),
            object_prototype: constructors.object().prototype(),
            array_prototype: constructors.array().prototype(),
            array_shape,
            _array: array,
            to_json: PropertyKey::from(js_string!("toJSON")),
            natives: super::natives::Natives::new(context),
        }
    }

    /// False when the program gave the prototypes of plain data a `toJSON`.
    pub fn prototypes_intact(&self) -> bool {
        let unpatched =
            |object: &JsObject| !object.borrow().properties().contains_key(&self.to_json);
        unpatched(&self.object_prototype) && unpatched(&self.array_prototype)
    }

    /// True for an array with its own prototype and no own property but its length and elements.
    pub fn is_plain_array(&self, array: &JsObject) -> bool {
        array.is_array() && array.borrow().shape().to_addr_usize() == self.array_shape
    }

    /// The layout of an ordinary object; not remembered when its shape is its own.
    pub fn of(&mut self, object: &JsObject) -> Rc<Layout> {
        let shape = object.borrow().shape().clone();
        if shape.is_unique() {
            return Rc::new(self.look(object, shape));
        }
        let address = shape.to_addr_usize();
        if let Some(layout) = self.known.get(&address) {
            return layout.clone();
        }
        let layout = Rc::new(self.look(object, shape));
        if self.known.len() >= Self::MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(address, layout.clone());
        layout
    }

    fn look(&self, object: &JsObject, shape: Shape) -> Layout {
        let prototype_fits = shape
            .prototype()
            .is_some_and(|p| JsObject::equals(&p, &self.object_prototype));
        let all = shape.keys();
        let mut plain = prototype_fits;
        let mut keys = Vec::with_capacity(all.len());
        let mut labels = Vec::with_capacity(all.len());
        for key in all {
            let PropertyKey::String(name) = &key else {
                plain = false;
                continue;
            };
            plain &= key != self.to_json
                && object.borrow().properties().get(&key).is_some_and(|p| {
                    p.is_data_descriptor()
                        && p.enumerable() == Some(true)
                        && p.writable() == Some(true)
                        && p.configurable() == Some(true)
                });
            labels.push(label(name));
            keys.push(key);
        }
        Layout {
            keys,
            labels,
            plain,
            _shape: shape,
        }
    }
}

fn label(name: &JsString) -> Box<[u8]> {
    let mut out = Vec::with_capacity(name.len() + 3);
    super::write::string(&mut out, name);
    out.push(b':');
    out.into()
}

/// The elements of an array that holds one value for each index from 0 on; `None` for holes or
/// elements with attributes of their own.
pub fn dense<T: ?Sized>(object: &Object<T>) -> Option<Dense<'_>> {
    match object.properties().index_property_values() {
        IndexPropertyValues::DenseI32(i) => Some(Dense::Ints(i.as_slice())),
        IndexPropertyValues::DenseF64(f) => Some(Dense::Floats(f.as_slice())),
        IndexPropertyValues::DenseElement(v) => Some(Dense::Values(v.as_slice())),
        IndexPropertyValues::SparseElement(_) | IndexPropertyValues::SparseProperty(_) => None,
    }
}

/// True when the array's length is that of its dense elements. It need not be: the engine's inline
/// cache lets `array.length = n` pass without dropping elements.
pub fn is_exact(array: &JsObject) -> bool {
    let array = array.borrow();
    let length = array
        .properties()
        .get(&PropertyKey::from(js_string!("length")))
        .and_then(|p| p.value().and_then(JsValue::as_number));
    dense(&array).is_some_and(|dense| Some(dense.len() as f64) == length)
}

/// Elements of a dense array as the engine stores them.
#[derive(Clone, Copy)]
pub enum Dense<'a> {
    /// All of them 32-bit integers.
    Ints(&'a [i32]),
    /// All of them numbers.
    Floats(&'a [f64]),
    /// Any values.
    Values(&'a [JsValue]),
}

impl Dense<'_> {
    /// How many.
    pub fn len(self) -> usize {
        match self {
            Dense::Ints(i) => i.len(),
            Dense::Floats(f) => f.len(),
            Dense::Values(v) => v.len(),
        }
    }

    /// One of them.
    pub fn get(self, index: usize) -> Option<JsValue> {
        match self {
            Dense::Ints(i) => i.get(index).map(|i| JsValue::new(*i)),
            Dense::Floats(f) => f.get(index).map(|f| JsValue::new(*f)),
            Dense::Values(v) => v.get(index).cloned(),
        }
    }
}
