//! The place of a value inside a JSON document.

use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// One step into a JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// A member of an object.
    Key(String),
    /// An element of an array, 0 for the first.
    Index(usize),
}

/// The way from a document's root to one value in it; empty is the root. Written `$.a[0]["odd key"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JsonPath(pub Vec<Step>);

/// Why a text is not a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("JSON path {text:?}, column {column}: {what} (a path is written like $.a[0][\"odd key\"])")]
pub struct JsonPathError {
    /// The whole text.
    pub text: String,
    /// Where, in characters from 1.
    pub column: usize,
    /// What was wrong there.
    pub what: String,
}

impl JsonPath {
    /// The value at this place, or `None` when the document has no such place.
    #[must_use]
    pub fn get<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(document, |value, step| match step {
            Step::Key(key) => value.as_object()?.get(key),
            Step::Index(index) => value.as_array()?.get(*index),
        })
    }

    /// Reads a path from the start of `text` and gives how many bytes it took: it ends where a
    /// character cannot go on with it (`=`, a space, …). The `$` and the first dot may be left out.
    ///
    /// # Errors
    /// A step that begins but is not well formed.
    pub fn parse_prefix(text: &str) -> Result<(JsonPath, usize), JsonPathError> {
        let mut steps = Vec::new();
        let mut at = usize::from(text.starts_with('$'));
        if at == 0 && text.starts_with(is_key_char) {
            let end = key_end(text, 0);
            steps.push(Step::Key(text[..end].to_owned()));
            at = end;
        }
        let error = |at: usize, what: &str| JsonPathError {
            text: text.to_owned(),
            column: text[..at].chars().count() + 1,
            what: what.to_owned(),
        };
        loop {
            let rest = &text[at..];
            if rest.starts_with('.') {
                let end = key_end(text, at + 1);
                if end == at + 1 {
                    return Err(error(end, "a key is missing after the dot"));
                }
                steps.push(Step::Key(text[at + 1..end].to_owned()));
                at = end;
            } else if let Some(inner) = rest.strip_prefix('[') {
                let (step, len) = if inner.starts_with('"') {
                    let mut stream =
                        serde_json::Deserializer::from_str(inner).into_iter::<String>();
                    match stream.next() {
                        Some(Ok(key)) => (Step::Key(key), stream.byte_offset()),
                        _ => return Err(error(at + 1, "the quoted key is not a JSON string")),
                    }
                } else {
                    let len = inner.find(|c: char| !c.is_ascii_digit());
                    let len = len.unwrap_or(inner.len());
                    match inner[..len].parse() {
                        Ok(index) => (Step::Index(index), len),
                        Err(_) => {
                            return Err(error(at + 1, "expected an index from 0 or a quoted key"));
                        }
                    }
                };
                if !inner[len..].starts_with(']') {
                    return Err(error(at + 1 + len, "expected \"]\""));
                }
                steps.push(step);
                at += len + 2;
            } else {
                return Ok((JsonPath(steps), at));
            }
        }
    }
}

/// Reads the whole text as a path; see [`JsonPath::parse_prefix`].
impl FromStr for JsonPath {
    type Err = JsonPathError;

    fn from_str(text: &str) -> Result<Self, JsonPathError> {
        let (path, len) = Self::parse_prefix(text)?;
        if let Some(found) = text[len..].chars().next() {
            return Err(JsonPathError {
                text: text.to_owned(),
                column: text[..len].chars().count() + 1,
                what: format!("{found:?} cannot stand here"),
            });
        }
        Ok(path)
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for step in &self.0 {
            match step {
                Step::Index(i) => write!(f, "[{i}]")?,
                Step::Key(k) if is_plain(k) => write!(f, ".{k}")?,
                Step::Key(k) => write!(f, "[{}]", Value::from(k.as_str()))?,
            }
        }
        Ok(())
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(is_key_char)
}

/// Keys such as `circuit-breaker` need no quotes.
fn is_key_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '-')
}

fn key_end(text: &str, from: usize) -> usize {
    text[from..]
        .find(|c| !is_key_char(c))
        .map_or(text.len(), |len| from + len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn reads_the_usual_ways_of_writing() {
        let document = json!({"a": [{"b-c": 1, "odd \"key\"": 2}], "é": 3});
        for (text, want) in [
            ("$.a[0].b-c", json!(1)),
            (".a[0][\"odd \\\"key\\\"\"]", json!(2)),
            ("é", json!(3)),
            ("$[\"a\"][0][\"b-c\"]", json!(1)),
        ] {
            let path: JsonPath = text.parse().unwrap();
            assert_eq!(path.get(&document), Some(&want), "{text}");
        }
        assert_eq!(
            "$".parse::<JsonPath>().unwrap().get(&document),
            Some(&document)
        );
        assert_eq!("$.a.b".parse::<JsonPath>().unwrap().get(&document), None);
    }

    #[test]
    fn errors_name_the_column() {
        for (text, column) in [
            ("$.", 3),
            ("$.a[", 5),
            ("$.a[-1]", 5),
            ("$.é[0", 6),
            ("$.a b", 4),
        ] {
            let error = text.parse::<JsonPath>().unwrap_err();
            assert_eq!(error.column, column, "{error}");
        }
    }

    #[test]
    fn a_prefix_ends_at_an_operator() {
        let (path, len) = JsonPath::parse_prefix("$.payload.x=1").unwrap();
        assert_eq!((path.to_string().as_str(), len), ("$.payload.x", 11));
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            any::<u32>().prop_map(|i| Step::Index(i as usize)),
            ".{0,6}".prop_map(Step::Key),
        ];
        proptest::collection::vec(step, 0..5)
    }

    proptest! {
        #[test]
        fn written_and_read_back(steps in steps()) {
            let path = JsonPath(steps);
            prop_assert_eq!(path.to_string().parse::<JsonPath>().unwrap(), path);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,20}") {
            let _ = text.parse::<JsonPath>();
        }
    }
}
