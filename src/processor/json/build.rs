//! From a tape to values of the engine.

use super::tape::{Span, Tape, Token};
use boa_engine::builtins::object::OrdinaryObject;
use boa_engine::object::builtins::JsArray;
use boa_engine::property::{PropertyDescriptor, PropertyKey};
use boa_engine::string::JsStr;
use boa_engine::{Context, JsObject, JsString, JsValue};

/// Keys by their number in the reader's [`super::tape::Interner`]. Outlives any one context.
#[derive(Default)]
pub struct Keys(Vec<PropertyKey>);

impl Keys {
    /// Takes in the next numbered keys.
    pub fn extend(&mut self, fresh: &[Box<[u8]>]) {
        self.0.extend(
            fresh
                .iter()
                .map(|bytes| PropertyKey::from(JsString::from(JsStr::latin1(bytes)))),
        );
    }
}

/// An empty object as `{}` makes it.
pub fn new_object(context: &Context) -> JsObject {
    JsObject::new(
        context.root_shape(),
        context.intrinsics().constructors().object().prototype(),
        OrdinaryObject,
    )
    .upcast()
}

/// Adds or replaces an own enumerable data property; `__proto__` is a key like any other.
pub fn put(object: &JsObject, key: PropertyKey, value: JsValue) {
    object.insert_property(
        key,
        PropertyDescriptor::builder()
            .value(value)
            .writable(true)
            .enumerable(true)
            .configurable(true)
            .build(),
    );
}

fn text(tape: &Tape, span: Span) -> JsString {
    match span {
        Span::Source(a, b) => JsString::from(JsStr::latin1(&tape.source[a as usize..b as usize])),
        Span::Narrow(a, b) => JsString::from(JsStr::latin1(&tape.narrow[a as usize..b as usize])),
        Span::Wide(a, b) => JsString::from(&tape.wide[a as usize..b as usize]),
    }
}

enum Open {
    Array(Vec<JsValue>),
    Object(JsObject, Option<PropertyKey>),
}

/// Builds the value a tape describes.
pub fn build(tape: &Tape, keys: &Keys, context: &mut Context) -> JsValue {
    let mut open: Vec<Open> = Vec::new();
    for token in &tape.tokens {
        let value = match *token {
            Token::Null => JsValue::null(),
            Token::Bool(b) => JsValue::new(b),
            Token::Int(i) => JsValue::new(i),
            Token::Num(n) => JsValue::new(n),
            Token::Str(span) => JsValue::new(text(tape, span)),
            Token::Key(id) => {
                if let (Some(Open::Object(_, due)), Some(key)) =
                    (open.last_mut(), keys.0.get(id as usize))
                {
                    *due = Some(key.clone());
                }
                continue;
            }
            Token::FreshKey(span) => {
                if let Some(Open::Object(_, due)) = open.last_mut() {
                    *due = Some(PropertyKey::from(text(tape, span)));
                }
                continue;
            }
            Token::OpenArray => {
                open.push(Open::Array(Vec::new()));
                continue;
            }
            Token::OpenObject => {
                open.push(Open::Object(new_object(context), None));
                continue;
            }
            Token::Close => match open.pop() {
                Some(Open::Array(items)) => JsArray::from_iter(items, context).into(),
                Some(Open::Object(object, _)) => object.into(),
                None => continue,
            },
        };
        match open.last_mut() {
            Some(Open::Array(items)) => items.push(value),
            Some(Open::Object(object, due)) => {
                if let Some(key) = due.take() {
                    put(object, key, value);
                }
            }
            None => return value,
        }
    }
    JsValue::undefined()
}
