//! The members of an event that the columns are made of, as raw JSON. Common texts take a quick
//! road that accepts nothing but sound JSON; whatever it is not sure of, serde decides.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Raw values of the members that matter; the last of repeated keys counts, as in JavaScript.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Members<'a> {
    pub event_type: Option<&'a str>,
    pub stream_path: Option<&'a str>,
    pub offset: Option<&'a str>,
    pub created_at: Option<&'a str>,
    pub payload: Option<&'a str>,
    pub event: Option<&'a str>,
}

impl<'a> Members<'a> {
    /// Reads a text that must be one JSON object.
    ///
    /// # Errors
    /// What serde says.
    pub fn of(text: &'a str) -> serde_json::Result<Members<'a>> {
        match quick(text) {
            Some(members) => Ok(members),
            None => serde_json::from_str(text),
        }
    }

    fn slot(&mut self, key: &str) -> Option<&mut Option<&'a str>> {
        Some(match key {
            "type" => &mut self.event_type,
            "streamPath" => &mut self.stream_path,
            "offset" => &mut self.offset,
            "createdAt" => &mut self.created_at,
            "payload" => &mut self.payload,
            "event" => &mut self.event,
            _ => return None,
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event (a JSON object)")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Members::default();
                while let Some(key) = map.next_key::<String>()? {
                    match members.slot(&key) {
                        Some(slot) => *slot = Some(map.next_value::<&RawValue>()?.get()),
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// The quick road: `None` is not an error, but leaves the text to serde.
fn quick(text: &str) -> Option<Members<'_>> {
    let bytes = text.as_bytes();
    // Without any of these the only white space is the blank, and strings need no check for them.
    if bytes.iter().fold(u8::MAX, |least, b| least.min(*b)) < b' ' {
        return None;
    }
    let mut members = Members::default();
    let mut at = blanks(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    at = blanks(bytes, at + 1);
    if bytes.get(at) == Some(&b'}') {
        at += 1;
    } else {
        loop {
            let key_end = plain_key(bytes, at)?;
            let name = text.get(at + 1..key_end - 1)?;
            let start = colon(bytes, key_end)?;
            let end = value(bytes, start)?;
            if let Some(slot) = members.slot(name) {
                *slot = Some(text.get(start..end)?);
            }
            at = blanks(bytes, end);
            match bytes.get(at)? {
                b',' => at = blanks(bytes, at + 1),
                b'}' => {
                    at += 1;
                    break;
                }
                _ => return None,
            }
        }
    }
    (blanks(bytes, at) == bytes.len()).then_some(members)
}

fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at) == Some(&b' ') {
        at += 1;
    }
    at
}

/// The place of the value after the colon at `at`.
fn colon(bytes: &[u8], at: usize) -> Option<usize> {
    let at = blanks(bytes, at);
    (bytes.get(at)? == &b':').then(|| blanks(bytes, at + 1))
}

/// The end of a key that is written without escapes.
fn plain_key(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at)? != &b'"' {
        return None;
    }
    let end = at + 1 + memchr::memchr2(b'"', b'\\', bytes.get(at + 1..)?)?;
    (bytes[end] == b'"').then_some(end + 1)
}

/// The end of the value that begins at `at`, if it is sound and not nested very deep.
fn value(bytes: &[u8], mut at: usize) -> Option<usize> {
    // One bit a level: set for an object.
    let (mut depth, mut objects) = (0u32, 0u64);
    loop {
        let opens = match bytes.get(at)? {
            b'"' => {
                at = string(bytes, at)?;
                false
            }
            bracket @ (b'{' | b'[') => {
                if depth == u64::BITS {
                    return None;
                }
                let object = *bracket == b'{';
                (depth, objects) = (depth + 1, objects << 1 | u64::from(object));
                at = blanks(bytes, at + 1);
                let close = if object { b'}' } else { b']' };
                let empty = bytes.get(at)? == &close;
                if object && !empty {
                    at = colon(bytes, string(bytes, at)?)?;
                }
                !empty
            }
            b't' => word(bytes, &mut at, b"true")?,
            b'f' => word(bytes, &mut at, b"false")?,
            b'n' => word(bytes, &mut at, b"null")?,
            _ => {
                at = number(bytes, at)?;
                false
            }
        };
        if opens {
            continue;
        }
        loop {
            if depth == 0 {
                return Some(at);
            }
            at = blanks(bytes, at);
            match (bytes.get(at)?, objects & 1 == 1) {
                (b',', true) => {
                    at = colon(bytes, string(bytes, blanks(bytes, at + 1))?)?;
                    break;
                }
                (b',', false) => {
                    at = blanks(bytes, at + 1);
                    break;
                }
                (b'}', true) | (b']', false) => {
                    (depth, objects) = (depth - 1, objects >> 1);
                    at += 1;
                }
                _ => return None,
            }
        }
    }
}

/// Passes a word; never opens anything.
fn word(bytes: &[u8], at: &mut usize, word: &[u8]) -> Option<bool> {
    let found = bytes[*at..].starts_with(word);
    *at += word.len();
    found.then_some(false)
}

fn string(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at)? != &b'"' {
        return None;
    }
    let mut at = at + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        match bytes.get(at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
            b'u' => {
                let digits = bytes.get(at + 2..at + 6)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                at += 6;
            }
            _ => return None,
        }
    }
}

fn number(bytes: &[u8], mut at: usize) -> Option<usize> {
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        (count > 0).then_some(from + count)
    };
    at += usize::from(bytes.get(at) == Some(&b'-'));
    let whole = at;
    at = digits(at)?;
    if bytes[whole] == b'0' && at > whole + 1 {
        return None;
    }
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        at = digits(at)?;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn agrees(text: &str) {
        if let Some(members) = quick(text) {
            assert_eq!(
                serde_json::from_str::<Members>(text).unwrap(),
                members,
                "{text}"
            );
        }
    }

    #[test]
    fn common_events_take_the_quick_road() {
        for text in [
            r#"{"streamPath":"/s","offset":1,"type":"t","payload":{"a":[1,-2.5e3,{"b":null}],"c":{}},"createdAt":"x"}"#,
            r#"{ "type" : "é\u00e9\"\\" , "payload" : [ ] , "x" : [true, false, {"": "" }] } "#,
            "{}",
        ] {
            assert!(quick(text).is_some(), "{text}");
            agrees(text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        /// Sound JSON with one piece changed: whatever the quick road accepts, serde accepts.
        #[test]
        fn accepts_nothing_that_serde_refuses(
            piece in prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"", "\\", "0", "-", ".", "e", "+", " ", "t", "true", "nul",
                "\\u12g4", "\\x", "01", "1.", "-0", "1e5", "\u{1}", "\t", "é", "\"type\":1,", "",
            ]),
            from in 0usize..130,
            cut in 0usize..4,
        ) {
            let sound = r#"{"type":"a\u00e9\n","payload":{"n":[-1.5e+3,0,true,null,{"x":{},"y":[]}],"s":"b\\"},"offset":12,"event":{"k":false}}"#;
            let from = from.min(sound.len());
            let to = (from + cut).min(sound.len());
            agrees(&format!("{}{piece}{}", &sound[..from], &sound[to..]));
        }

        #[test]
        fn never_panics(text in "[{}\\[\\]\":,\\\\a1 .e-]{0,40}") {
            agrees(&text);
        }
    }
}
