//! The query of a request, decoded strictly: what is no UTF-8 is an error, never replaced.

use super::error::Refusal;

/// Names and values in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the part of a request's target after `?`.
    ///
    /// # Errors
    /// `400` for escapes that are none, or that are no UTF-8.
    pub fn parse(raw: Option<&str>) -> Result<Query, Refusal> {
        let mut pairs = Vec::new();
        for part in raw.unwrap_or_default().split('&').filter(|p| !p.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let decoded = |text: &str| {
                decode(&text.replace('+', " "))
                    .map_err(|why| Refusal::bad(format!("query parameter {part:?} {why}")))
            };
            pairs.push((decoded(name)?, decoded(value)?));
        }
        Ok(Query(pairs))
    }

    /// The value of a parameter.
    ///
    /// # Errors
    /// `400` when it stands twice.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.0.iter().filter(|(n, _)| n == name);
        let value = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            None => Ok(value),
            Some(_) => Err(Refusal::bad(format!("query parameter {name} stands twice"))),
        }
    }

    /// A parameter that is on or off; its name alone is on.
    ///
    /// # Errors
    /// `400` when it is something else, or stands twice.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.one(name)? {
            None => Ok(None),
            Some("true" | "1" | "") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(other) => Err(Refusal::bad(format!(
                "query parameter {name} must be true or false, not {other:?}"
            ))),
        }
    }

    /// Checks that every parameter has one of these names.
    ///
    /// # Errors
    /// `400` that names the unknown one and the known ones.
    pub fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        match self
            .0
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()))
        {
            None => Ok(()),
            Some((name, _)) => Err(Refusal::bad(format!(
                "unknown query parameter {name:?}; known here are {}",
                known.join(", ")
            ))),
        }
    }
}

/// Undoes percent escapes.
///
/// # Errors
/// The end of a sentence that says what is wrong.
pub fn decode(text: &str) -> Result<String, &'static str> {
    let bytes = text.as_bytes();
    let whole = memchr::memchr_iter(b'%', bytes).all(|at| {
        let hex = bytes.get(at + 1..at + 3);
        hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    });
    if !whole {
        return Err("holds a % that is no escape; a % itself is written %25");
    }
    percent_encoding::percent_decode(bytes)
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| "is no UTF-8 after its escapes are undone")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_and_counted() {
        let query = Query::parse(Some("a=1&b=%C3%A9+x&&c&a%20b=2")).unwrap();
        assert_eq!(query.one("a").unwrap(), Some("1"));
        assert_eq!(query.one("b").unwrap(), Some("é x"));
        assert_eq!(query.one("c").unwrap(), Some(""));
        assert_eq!(query.one("a b").unwrap(), Some("2"));
        assert_eq!(query.one("d").unwrap(), None);
        let error = query.only(&["a", "b", "c"]).unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown query parameter \"a b\"; known here are a, b, c"
        );
        assert_eq!(Query::parse(None).unwrap(), Query::default());
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for raw in ["a=%", "a=%2", "%zz=1", "a=%ff", "a=%C3"] {
            assert!(Query::parse(Some(raw)).is_err(), "{raw}");
        }
        let twice = Query::parse(Some("a=1&a=1")).unwrap();
        assert!(twice.one("a").is_err());
    }
}
