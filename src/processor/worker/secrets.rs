//! `getIterateSecret({secretKey: "name"})` in the values of outbound headers (SPEC §8).

use percent_encoding::percent_decode_str;
use regex::{Captures, Regex};
use std::ops::Range;
use std::sync::LazyLock;

/// A place in a header's value where a secret belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The bytes of the value to be replaced.
    pub at: Range<usize>,
    /// The secret's name.
    pub name: String,
}

/// What every one of them begins with.
const CALL: &str = "getIterateSecret";

#[allow(clippy::unwrap_used)] // The pattern is a constant, and tested.
static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    // As written, or percent-encoded in whole or in part.
    let space = r"(?:\s|%20|%09|\+)*";
    let parts = [
        "getIterateSecret",
        r"(?:\(|%28)",
        r"(?:\{|%7[bB])",
        r#"(?:"secretKey"|'secretKey'|%22secretKey%22|%27secretKey%27|secretKey)"#,
        "(?::|%3[aA])",
        r#"(?:"(?<a>[^"]*)"|'(?<b>[^']*)'|%22(?<c>.*?)%22|%27(?<d>.*?)%27)"#,
        "(?:,|%2[cC])?",
        r"(?:\}|%7[dD])",
        r"(?:\)|%29)",
    ];
    Regex::new(&parts.join(space)).unwrap()
});

/// The places where secrets belong, in order.
///
/// # Errors
/// In words, when the value asks for a secret in a way that cannot be read.
pub fn places(value: &str) -> Result<Vec<Place>, String> {
    if !value.contains(CALL) {
        return Ok(Vec::new());
    }
    let found: Vec<Place> = PATTERN.captures_iter(value).filter_map(place).collect();
    if found.len() < value.matches(CALL).count() {
        return Err(format!(
            "a header asks for a secret in a way that cannot be read; write {CALL}({{secretKey: \"name\"}})"
        ));
    }
    Ok(found)
}

fn place(found: Captures<'_>) -> Option<Place> {
    let whole = found.get(0)?;
    let name = ["a", "b", "c", "d"].iter().find_map(|g| found.name(g))?;
    // An encoder leaves some quotes alone, but never a brace.
    let encoded = whole.as_str().to_ascii_lowercase().contains("%7b");
    let name = if encoded {
        percent_decode_str(name.as_str()).decode_utf8().ok()?.into()
    } else {
        name.as_str().to_owned()
    };
    Some(Place {
        at: whole.range(),
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_however_they_are_written() {
        for value in [
            r#"Bearer getIterateSecret({secretKey: "open ai"})"#,
            r#"Bearer getIterateSecret({secretKey:"open ai"})"#,
            "Bearer getIterateSecret({ secretKey: 'open ai' })",
            r#"Bearer getIterateSecret( { "secretKey" : "open ai", } )"#,
            "Bearer getIterateSecret(%7BsecretKey%3A%20%22open%20ai%22%7D)",
            "Bearer getIterateSecret(%7bsecretKey:%20'open%20ai'%7d)",
            "Bearer getIterateSecret%28%7BsecretKey%3A%27open%20ai%27%7D%29",
        ] {
            let places = places(value).unwrap();
            assert_eq!(places.len(), 1, "{value}");
            assert_eq!(places[0].name, "open ai", "{value}");
            assert_eq!(places[0].at, "Bearer ".len()..value.len(), "{value}");
        }
        let two = r#"getIterateSecret({secretKey:"a"}):getIterateSecret({secretKey:'b'})"#;
        let names: Vec<_> = places(two).unwrap().into_iter().map(|p| p.name).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        assert_eq!(places("Bearer x"), Ok(Vec::new()));
        for value in [
            "getIterateSecret(name)",
            "getIterateSecret({secretKey: name})",
            "getIterateSecret({secretKey: \"a\"}) getIterateSecret(",
        ] {
            assert!(places(value).is_err(), "{value}");
        }
    }
}
