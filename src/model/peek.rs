//! Looking at parts of raw JSON without parsing the rest. Wrong JSON gives `None` or a value cut
//! short, never a panic: whoever needs certainty parses.

use super::json_path::{JsonPath, Step};
use std::borrow::Cow;

/// The raw value of an object's member; `None` when `object` is no object or has no such member.
/// `object` may be followed by other bytes.
#[must_use]
pub fn member<'a>(object: &'a [u8], key: &str) -> Option<&'a [u8]> {
    members(object)
        .find(|item| item.is(key))
        .map(|item| item.value)
}

/// The members of a raw object, in order; none when it is no object.
#[must_use]
pub fn members(object: &[u8]) -> Items<'_> {
    Items::new(object, b'{')
}

/// The elements of a raw array, in order; none when it is no array.
#[must_use]
pub fn elements(array: &[u8]) -> Items<'_> {
    Items::new(array, b'[')
}

/// The raw value at a place in a raw document.
#[must_use]
pub fn at<'a>(document: &'a [u8], path: &JsonPath) -> Option<&'a [u8]> {
    path.0.iter().try_fold(document, |value, step| match step {
        Step::Key(key) => member(value, key),
        Step::Index(index) => elements(value).nth(*index).map(|item| item.value),
    })
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

/// The beginning of a raw JSON string's text, unescaping only about `most` bytes of it.
#[must_use]
pub fn text_start(value: &[u8], most: usize) -> Option<Cow<'_, str>> {
    if value.len() <= most + 2 {
        return text(value);
    }
    // Whole escapes and whole characters only.
    let mut end = 1;
    while end <= most {
        let unit = match value[end] {
            b'"' => break,
            b'\\' if value.get(end + 1) != Some(&b'u') => 2,
            // The first half of a surrogate pair takes its second half with it.
            b'\\'
                if matches!(
                    value.get(end + 2..end + 4),
                    Some([b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B'])
                ) =>
            {
                12
            }
            b'\\' => 6,
            byte => match byte.leading_ones() {
                0 => 1,
                ones => ones as usize,
            },
        };
        if end + unit >= value.len() {
            break;
        }
        end += unit;
    }
    let cut = [&value[..end], b"\""].concat();
    text(&cut).map(|text| Cow::Owned(text.into_owned()))
}

/// [`member`] and [`text`] at once.
#[must_use]
pub fn text_member<'a>(object: &'a [u8], key: &str) -> Option<Cow<'a, str>> {
    text(member(object, key)?)
}

/// One member of an object or element of an array.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The key with its quotes, escapes and all; empty for an element.
    pub key: &'a [u8],
    /// The raw value.
    pub value: &'a [u8],
}

impl Item<'_> {
    /// True when this is the key's member.
    #[must_use]
    pub fn is(&self, key: &str) -> bool {
        let Some(written) = self.key.get(1..self.key.len().saturating_sub(1)) else {
            return false;
        };
        written == key.as_bytes()
            || (memchr::memchr(b'\\', written).is_some()
                && text(self.key).is_some_and(|unescaped| unescaped == key))
    }
}

/// Walks the members of an object or the elements of an array.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    bytes: &'a [u8],
    at: usize,
    keyed: bool,
    over: bool,
}

impl<'a> Items<'a> {
    fn new(bytes: &'a [u8], opening: u8) -> Items<'a> {
        let at = skip_space(bytes, 0);
        Items {
            bytes,
            at: at + 1,
            keyed: opening == b'{',
            over: bytes.get(at) != Some(&opening),
        }
    }

    fn item(&mut self) -> Option<Item<'a>> {
        let bytes = self.bytes;
        let mut at = skip_space(bytes, self.at);
        let mut key = &bytes[..0];
        if self.keyed {
            if bytes.get(at) != Some(&b'"') {
                return None;
            }
            let end = string_end(bytes, at)?;
            key = &bytes[at..end];
            at = skip_space(bytes, end);
            if bytes.get(at) != Some(&b':') {
                return None;
            }
            at = skip_space(bytes, at + 1);
        }
        let end = value_end(bytes, at)?;
        let value = &bytes[at..end];
        at = skip_space(bytes, end);
        self.over = bytes.get(at) != Some(&b',');
        self.at = at + 1;
        Some(Item { key, value })
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        if self.over {
            return None;
        }
        let item = self.item();
        self.over |= item.is_none();
        item
    }
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
    use serde_json::Value;

    #[test]
    fn finds_members_past_nested_values() {
        let json = br#" {"a":{"role":"no","x":[1,"]}"]},"b" : -1.5e3 ,"ro\u006ce":"us\"er","t":true} rest"#;
        assert_eq!(text_member(json, "role").as_deref(), Some("us\"er"));
        assert_eq!(member(json, "b"), Some(&b"-1.5e3"[..]));
        assert_eq!(member(json, "t"), Some(&b"true"[..]));
        assert_eq!(member(json, "x"), None);
        assert_eq!(
            at(json, &"$.a.x[1]".parse().unwrap()),
            Some(&br#""]}""#[..])
        );
        assert_eq!(member(b"[1]", "x"), None);
        assert_eq!(member(br#"{"x":"#, "x"), None);
        assert_eq!(elements(b"[]").count(), 0);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in "[{}\\[\\]\":,\\\\a1 ]{0,40}") {
            let _ = member(bytes.as_bytes(), "a");
            let _ = elements(bytes.as_bytes()).count();
        }

        #[test]
        fn the_start_of_a_text_is_its_start(words in "[a\"\\\\é\n日😀\u{1}]{0,60}", most in 0usize..80, ascii: bool) {
            let mut json = serde_json::to_string(&words).unwrap();
            if ascii {
                json = json.chars().map(|c| {
                    if c.is_ascii() {
                        return c.to_string();
                    }
                    c.encode_utf16(&mut [0; 2]).iter().map(|u| format!("\\u{u:04x}")).collect()
                }).collect();
            }
            let start = text_start(json.as_bytes(), most).expect("a string");
            prop_assert!(words.starts_with(&*start), "{start:?} of {words:?}");
            prop_assert!(start.chars().count() >= words.chars().count().min(most / 12), "{start:?}");
        }

        #[test]
        fn agrees_with_a_parser(a in ".{0,5}", b in any::<i64>(), list in proptest::collection::vec(".{0,4}", 0..4)) {
            let value = serde_json::json!({"a": a, "": [b, list], "n": null});
            let json = serde_json::to_string_pretty(&value).unwrap();
            for item in members(json.as_bytes()) {
                let key: String = serde_json::from_slice(item.key).unwrap();
                let parsed: Value = serde_json::from_slice(item.value).unwrap();
                prop_assert_eq!(&value[&key], &parsed);
            }
            prop_assert_eq!(members(json.as_bytes()).count(), 3);
        }
    }
}
