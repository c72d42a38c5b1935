//! Looking at one member of raw JSON without parsing the rest. Wrong JSON gives `None` or a value
//! cut short, never a panic: whoever needs certainty parses.

use std::borrow::Cow;

/// The raw value of an object's member; `None` when `object` is no object or has no such member.
/// `object` may be followed by other bytes. Keys written with escapes are not found.
#[must_use]
pub fn member<'a>(object: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let mut at = skip_space(object, 0);
    if object.get(at) != Some(&b'{') {
        return None;
    }
    at = skip_space(object, at + 1);
    while object.get(at) == Some(&b'"') {
        let key_end = string_end(object, at)?;
        let found = &object[at + 1..key_end - 1] == key.as_bytes();
        at = skip_space(object, key_end);
        if object.get(at) != Some(&b':') {
            return None;
        }
        at = skip_space(object, at + 1);
        let end = value_end(object, at)?;
        if found {
            return Some(&object[at..end]);
        }
        at = skip_space(object, end);
        if object.get(at) != Some(&b',') {
            return None;
        }
        at = skip_space(object, at + 1);
    }
    None
}

/// The text of a raw JSON string, unescaped; `None` when the value is not a string.
#[must_use]
pub fn text(value: &[u8]) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr::memchr(b'\\', inner).is_none() {
        return std::str::from_utf8(inner).ok().map(Cow::Borrowed);
    }
    serde_json::from_slice(value).ok().map(Cow::Owned)
}

/// [`member`] and [`text`] at once.
#[must_use]
pub fn text_member<'a>(object: &'a [u8], key: &str) -> Option<Cow<'a, str>> {
    text(member(object, key)?)
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The place after the closing quote of the string that starts at `at`.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The place after the value that starts at `at`.
fn value_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => string_end(bytes, at),
        b'{' | b'[' => {
            let mut depth = 0usize;
            loop {
                match bytes.get(at)? {
                    b'"' => {
                        at = string_end(bytes, at)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
        }
        _ => {
            let len = bytes[at..]
                .iter()
                .position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'))
                .unwrap_or(bytes.len() - at);
            (len > 0).then_some(at + len)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_members_past_nested_values() {
        let json =
            br#" {"a":{"role":"no","x":[1,"]}"]},"b" : -1.5e3 ,"role":"us\"er","t":true} rest"#;
        assert_eq!(text_member(json, "role").as_deref(), Some("us\"er"));
        assert_eq!(member(json, "b"), Some(&b"-1.5e3"[..]));
        assert_eq!(member(json, "t"), Some(&b"true"[..]));
        assert_eq!(member(json, "x"), None);
        assert_eq!(member(b"[1]", "x"), None);
        assert_eq!(member(br#"{"x":"#, "x"), None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in "[{}\\[\\]\":,\\\\a1 ]{0,40}") {
            let _ = member(bytes.as_bytes(), "a");
        }
    }
}
