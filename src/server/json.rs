//! JSON at the door: what strangers send is parsed with care (depth, double keys, numbers that no
//! reader could hold), and what goes out to people is indented.

use crate::model::json::LEVELS_A_PARSER;
use crate::model::validate::MAX_DEPTH;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use std::fmt;

/// A first key that parsers built on the same library as ours would take for their own.
const RESERVED: &str = "$serde_json::private::";

/// Parses a body.
///
/// # Errors
/// A sentence with its place: bad syntax, lone surrogates, more than [`MAX_DEPTH`] levels, a key
/// twice in one object, U+0000 in a string, numbers that would be stored as other numbers.
pub fn parse(body: &[u8]) -> Result<Value, String> {
    let inexact = Cell::new(false);
    let seed = Careful {
        depth: 0,
        inexact: &inexact,
    };
    let mut parser = serde_json::Deserializer::from_slice(body);
    let value = seed
        .deserialize(&mut parser)
        .and_then(|value| parser.end().map(|()| value))
        .map_err(|error| error.to_string())?;
    if inexact.get()
        && let Some(integer) = too_long_integer(body)
    {
        return Err(format!("the integer {integer} does not fit into 64 bits"));
    }
    Ok(value)
}

/// What [`parse`] does not let through, in a value that was put together otherwise.
#[must_use]
pub fn is_reserved(key: &str) -> bool {
    key.starts_with(RESERVED)
}

struct Careful<'c> {
    depth: usize,
    /// Set when some number became a float that may have been written as an integer.
    inexact: &'c Cell<bool>,
}

impl Careful<'_> {
    fn deeper<E: Error>(&self) -> Result<usize, E> {
        match self.depth < MAX_DEPTH {
            true => Ok(self.depth + 1),
            false => Err(E::custom(format_args!(
                "nested deeper than {MAX_DEPTH} levels"
            ))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Careful<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth != LEVELS_A_PARSER {
            return deserializer.deserialize_any(self);
        }
        // The library's parser would give up before our limit.
        let rest = Box::<RawValue>::deserialize(deserializer)?;
        let mut parser = serde_json::Deserializer::from_str(rest.get());
        parser.deserialize_any(self).map_err(D::Error::custom)
    }
}

impl<'de> Visitor<'de> for Careful<'_> {
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

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if value.abs() >= 9.2e18 {
            self.inexact.set(true);
        }
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        without_nul(value)?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        without_nul(&value)?;
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let inexact = self.inexact;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Careful { depth, inexact })? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let inexact = self.inexact;
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            without_nul(&key)?;
            if is_reserved(&key) {
                return Err(A::Error::custom(format_args!(
                    "the key {key:?} is reserved"
                )));
            }
            if object.contains_key(&key) {
                return Err(A::Error::custom(format_args!(
                    "the key {key:?} stands twice"
                )));
            }
            let value = fields.next_value_seed(Careful { depth, inexact })?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

fn without_nul<E: Error>(text: &str) -> Result<(), E> {
    match memchr::memchr(0, text.as_bytes()) {
        None => Ok(()),
        Some(_) => Err(E::custom("a string holds U+0000")),
    }
}

/// The first integer of a valid JSON text that neither `i64` nor `u64` holds. Such a number has no
/// point and no exponent, so nothing says that it was meant to be rounded.
fn too_long_integer(json: &[u8]) -> Option<&str> {
    let mut at = 0;
    while at < json.len() {
        match json[at] {
            b'"' => at = string_end(json, at),
            b'-' | b'0'..=b'9' => {
                let rest = &json[at..];
                let in_number =
                    |b: &u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                let end = rest
                    .iter()
                    .position(|b| !in_number(b))
                    .unwrap_or(rest.len());
                let number = std::str::from_utf8(&rest[..end]).ok()?;
                let integer = !number.contains(['.', 'e', 'E']);
                if integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
                    return Some(number);
                }
                at += end;
            }
            _ => at += 1,
        }
    }
    None
}

/// The index after the string that begins at `at`.
fn string_end(json: &[u8], at: usize) -> usize {
    let mut next = at + 1;
    while let Some(found) = json
        .get(next..)
        .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
    {
        next += found;
        if json[next] == b'"' {
            return next + 1;
        }
        next += 2;
    }
    json.len()
}

/// Writes a valid JSON text with two spaces a level, as `JSON.stringify(value, null, 2)` would,
/// without parsing it: everything that it holds stays byte for byte. `depth` is the level that it
/// stands on.
pub fn pretty(json: &[u8], depth: usize, out: &mut Vec<u8>) {
    let mut depth = depth;
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => {
                let end = string_end(json, at);
                out.extend_from_slice(&json[at..end]);
                at = end;
                continue;
            }
            b'{' | b'[' => {
                out.push(byte);
                let next = json[at + 1..]
                    .iter()
                    .position(|b| !b.is_ascii_whitespace())
                    .map_or(json.len(), |skipped| at + 1 + skipped);
                if matches!(json.get(next), Some(b'}' | b']')) {
                    out.push(json[next]);
                    at = next + 1;
                    continue;
                }
                depth += 1;
                new_line(depth, out);
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                new_line(depth, out);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                new_line(depth, out);
            }
            b':' => out.extend_from_slice(b": "),
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => out.push(byte),
        }
        at += 1;
    }
}

fn new_line(depth: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.resize(out.len() + 2 * depth, b' ');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn good_json_is_its_value() {
        for text in [
            "null",
            "[]",
            r#"{"type":"a","payload":{"n":[1,-2,3.5,1e30,18446744073709551615,-9223372036854775808]}}"#,
            r#""é😀 \ud83d\ude00""#,
            " {\"a\" : 1} \n",
            "0.12345678901234567890123",
            "123456789012345678901234567890.5",
        ] {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text.as_bytes()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn bad_json_is_refused_with_its_place() {
        for (text, why) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("{} {}", "trailing characters at line 1 column 4"),
            (r#"{"a":1,"a":2}"#, r#"the key "a" stands twice at line 1"#),
            (r#"["\u0000"]"#, "a string holds U+0000"),
            (r#"{"\u0000":1}"#, "a string holds U+0000"),
            (r#""\ud800""#, "at line 1 column"),
            ("1e999", "number out of range"),
            (
                "[1,123456789012345678901234567890]",
                "the integer 123456789012345678901234567890 ",
            ),
            ("-9223372036854775809", "does not fit"),
            ("NaN", "expected value"),
            (r#"{"$serde_json::private::RawValue":"1"}"#, "is reserved"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{text} gave {error}");
        }
        assert!(parse(b"\"\xff\"").is_err());
        assert!(parse(b"\xef\xbb\xbf{}").is_err());
        assert!(parse(b"\"\0\"").is_err());
    }

    #[test]
    fn depth_has_an_end() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        for levels in [MAX_DEPTH + 1, 129, 100_000] {
            let error = parse(nested(levels).as_bytes()).unwrap_err();
            assert!(error.contains("nested deeper than 128 levels"), "{error}");
        }
    }

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[^\\x00]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[^\\x00$]{0,6}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn indenting_is_what_the_library_does(value in anything()) {
            let mut ours = Vec::new();
            pretty(value.to_string().as_bytes(), 0, &mut ours);
            prop_assert_eq!(ours, serde_json::to_vec_pretty(&value).unwrap());
            // Already indented text comes out the same.
            let mut again = Vec::new();
            pretty(&serde_json::to_vec_pretty(&value).unwrap(), 0, &mut again);
            prop_assert_eq!(again, serde_json::to_vec_pretty(&value).unwrap());
        }

        #[test]
        fn what_was_written_is_read(value in anything()) {
            prop_assert_eq!(parse(value.to_string().as_bytes()), Ok(value));
        }

        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..64)) {
            let ours = parse(&body);
            let library = serde_json::from_slice::<Value>(&body);
            prop_assert!(library.is_ok() || ours.is_err());
            pretty(&body, 0, &mut Vec::new());
        }

        #[test]
        fn nearly_json_makes_no_panic(text in "[\\[\\]{}\":,0-9eE+.\\\\u -]{0,40}") {
            let ours = parse(text.as_bytes());
            let library = serde_json::from_str::<Value>(&text);
            prop_assert!(library.is_ok() || ours.is_err());
            pretty(text.as_bytes(), 0, &mut Vec::new());
        }
    }
}
