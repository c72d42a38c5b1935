//! Reading JSON as deep as events may be: `serde_json` by itself gives up at 128 levels, and an event
//! of that depth (SPEC §2) may be wrapped in more.

use serde::Deserialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};
use std::fmt;

/// Most levels of arrays and objects that are read, so that no text exhausts the stack.
pub const MAX_LEVELS: usize = 256;
/// After so many levels what follows is taken as text and read by a parser of its own, which counts
/// from the beginning again.
pub const LEVELS_A_PARSER: usize = 100;

/// Reads JSON of up to [`MAX_LEVELS`] levels.
///
/// # Errors
/// As `serde_json::from_slice`.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(json).or_else(|error| match layered(json) {
        Ok(value) => serde_json::from_value(value),
        Err(_) => Err(error),
    })
}

fn layered(json: &[u8]) -> serde_json::Result<Value> {
    let mut parser = serde_json::Deserializer::from_slice(json);
    let value = Level(0).deserialize(&mut parser)?;
    parser.end().map(|()| value)
}

/// A value at a depth.
#[derive(Clone, Copy)]
struct Level(usize);

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.0 == 0 || !self.0.is_multiple_of(LEVELS_A_PARSER) {
            return deserializer.deserialize_any(self);
        }
        if self.0 >= MAX_LEVELS {
            return Err(D::Error::custom("nested too deep"));
        }
        let rest = Box::<RawValue>::deserialize(deserializer)?;
        let mut parser = serde_json::Deserializer::from_str(rest.get());
        parser.deserialize_any(self).map_err(D::Error::custom)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Level(self.0 + 1))? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key()? {
            object.insert(name, members.next_value_seed(Level(self.0 + 1))?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> String {
        let open: String = (0..levels).map(|n| ["[", "{\"a\":"][n % 2]).collect();
        let close: String = (0..levels).rev().map(|n| ["]", "}"][n % 2]).collect();
        format!("{open}\"é\\n\"{close}")
    }

    #[test]
    fn depth_is_no_obstacle() {
        for levels in [0, 1, 99, 100, 101, 127, 128, 129, 199, 200, 201, 250] {
            let text = nested(levels);
            let value: Value = read(text.as_bytes()).unwrap();
            assert_eq!(value.to_string(), text);
        }
    }

    #[test]
    fn but_the_stack_is() {
        for levels in [MAX_LEVELS + LEVELS_A_PARSER, 100_000] {
            assert!(read::<Value>(nested(levels).as_bytes()).is_err());
        }
    }

    #[test]
    fn what_is_no_json_is_none_at_any_depth() {
        for (levels, from, to) in [(3, "é", "\u{0}"), (150, "\"é", "tru\"é"), (150, "]", "}")] {
            let text = nested(levels).replacen(from, to, 1);
            assert!(read::<Value>(text.as_bytes()).is_err(), "{text}");
        }
    }
}
