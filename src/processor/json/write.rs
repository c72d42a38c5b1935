//! From normalised values (see [`super::normalize`]) to JSON text, as `JSON.stringify` writes it.

use super::plain::{Layouts, dense};
use boa_engine::property::PropertyKey;
use boa_engine::string::JsStrVariant;
use boa_engine::{JsObject, JsString, JsValue, JsVariant};

/// Writes a value that [`super::normalize::Normalizer`] or [`super::build::build`] made. Runs no code
/// of the program.
pub fn value(out: &mut Vec<u8>, value: &JsValue, layouts: &mut Layouts) {
    match value.variant() {
        JsVariant::Boolean(true) => out.extend_from_slice(b"true"),
        JsVariant::Boolean(false) => out.extend_from_slice(b"false"),
        JsVariant::Integer32(i) => integer(out, i),
        JsVariant::Float64(n) => number(out, n),
        JsVariant::String(s) => string(out, &s),
        JsVariant::Object(object) if object.is_array() => array(out, &object, layouts),
        JsVariant::Object(object) => self::object(out, &object, layouts),
        JsVariant::Null | JsVariant::Undefined | JsVariant::BigInt(_) | JsVariant::Symbol(_) => {
            out.extend_from_slice(b"null");
        }
    }
}

fn array(out: &mut Vec<u8>, array: &JsObject, layouts: &mut Layouts) {
    out.push(b'[');
    let array = array.borrow();
    if let Some(items) = dense(&array) {
        for index in 0..items.len() {
            if index > 0 {
                out.push(b',');
            }
            match items.get(index) {
                Some(item) => value(out, &item, layouts),
                None => out.extend_from_slice(b"null"),
            }
        }
    }
    out.push(b']');
}

fn object(out: &mut Vec<u8>, object: &JsObject, layouts: &mut Layouts) {
    out.push(b'{');
    let layout = layouts.of(object);
    let object = object.borrow();
    let mut first = true;
    let mut comma = |out: &mut Vec<u8>| {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
    };
    let mut indexes: Vec<u32> = object.properties().index_property_keys().collect();
    indexes.sort_unstable();
    for index in indexes {
        if let Some(item) = object
            .properties()
            .get(&PropertyKey::from(index))
            .and_then(|p| p.value().cloned())
        {
            comma(out);
            out.push(b'"');
            integer_u32(out, index);
            out.extend_from_slice(b"\":");
            value(out, &item, layouts);
        }
    }
    for (key, label) in layout.keys.iter().zip(&layout.labels) {
        if let Some(property) = object.properties().get(key)
            && let Some(item) = property.value()
        {
            comma(out);
            out.extend_from_slice(label);
            value(out, item, layouts);
        }
    }
    out.push(b'}');
}

fn integer(out: &mut Vec<u8>, i: i32) {
    if i < 0 {
        out.push(b'-');
    }
    integer_u32(out, i.unsigned_abs());
}

fn integer_u32(out: &mut Vec<u8>, mut n: u32) {
    let mut digits = [0u8; 10];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn number(out: &mut Vec<u8>, n: f64) {
    if !n.is_finite() {
        out.extend_from_slice(b"null");
    } else if n == 0.0 {
        out.push(b'0');
    } else {
        let text = JsString::from(n);
        match text.as_str().variant() {
            JsStrVariant::Latin1(bytes) => out.extend_from_slice(bytes),
            JsStrVariant::Utf16(units) => out.extend(units.iter().map(|u| *u as u8)),
        }
    }
}

/// Writes a quoted string. Well-formed: a lone surrogate is written as `\udXXX`.
pub fn string(out: &mut Vec<u8>, text: &JsString) {
    out.push(b'"');
    match text.as_str().variant() {
        JsStrVariant::Latin1(bytes) => {
            let mut run = 0;
            for (i, &b) in bytes.iter().enumerate() {
                if !(0x20..0x80).contains(&b) || b == b'"' || b == b'\\' {
                    out.extend_from_slice(&bytes[run..i]);
                    unit(out, char::from(b));
                    run = i + 1;
                }
            }
            out.extend_from_slice(&bytes[run..]);
        }
        JsStrVariant::Utf16(units) => {
            let mut rest = units;
            while !rest.is_empty() {
                let (plain, more) = rest.split_at(run(rest, is_plain));
                out.extend(plain.iter().map(|unit| *unit as u8));
                let (odd, more) = more.split_at(run(more, |unit| !is_plain(unit)));
                for c in char::decode_utf16(odd.iter().copied()) {
                    match c {
                        Ok(c) => unit(out, c),
                        Err(lone) => hex(out, lone.unpaired_surrogate()),
                    }
                }
                rest = more;
            }
        }
    }
    out.push(b'"');
}

/// True for what stands for itself in a JSON string.
fn is_plain(unit: u16) -> bool {
    (0x20..0x80).contains(&unit) && unit != 0x22 && unit != 0x5c
}

/// How many units at the front are such.
fn run(units: &[u16], such: impl Fn(u16) -> bool) -> usize {
    units
        .iter()
        .position(|unit| !such(*unit))
        .unwrap_or(units.len())
}

fn unit(out: &mut Vec<u8>, c: char) {
    match c {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        c if c < ' ' => hex(out, c as u16),
        c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn hex(out: &mut Vec<u8>, unit: u16) {
    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
}
