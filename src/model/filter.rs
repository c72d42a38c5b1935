//! The filter language of `&` in the screen and of `--filter`: which events to show.
//!
//! Terms are parted by spaces and all must hold; `!` or `-` before a term turns it around.
//!
//! | term | holds for events |
//! |---|---|
//! | `word`, `"some words"` | whose JSON contains the text (no upper case: case does not matter) |
//! | `~regex`, `~"re gex"` | whose JSON matches the regular expression |
//! | `type:chunk`, `type:llm-*` | whose type contains the text, or matches the pattern (`*`, `?`) whole or by its last part |
//! | `kind:error` | of that kind |
//! | `stream:/agents/*` | of a stream path, as `type:` |
//! | `offset:10..20`, `offset:10..`, `offset:7` | with an offset in the range, ends included |
//! | `after:TIME`, `before:TIME` | at or after, or before, an RFC 3339 time or a date |
//! | `$.payload.x` | that have something at the JSON path |
//! | `$.payload.x=1` | with that value there; also `!=` `<` `<=` `>` `>=`, and `~` for a regular expression |

mod term;

use super::log::Row;
use std::borrow::Cow;
use std::str::FromStr;
use term::Term;

/// A compiled filter. The empty one holds for every event.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    text: String,
    terms: Vec<Negatable>,
}

#[derive(Clone, Debug)]
struct Negatable {
    negated: bool,
    term: Term,
}

/// Why a text is not a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("filter {text:?}, column {column}: {what}")]
pub struct FilterError {
    /// The whole text.
    pub text: String,
    /// Where, in characters from 1.
    pub column: usize,
    /// What was wrong there and what would be right.
    pub what: String,
}

impl Filter {
    /// The text it was made of.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True when it holds for every event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// True when an event passes. `raw` gives its JSON and is only asked for when the row's
    /// columns do not decide.
    #[must_use]
    pub fn matches<'a>(&self, row: &Row, raw: impl FnOnce() -> Option<Cow<'a, [u8]>>) -> bool {
        let mut waiting = false;
        for term in &self.terms {
            match term.term.by_columns(row) {
                Some(holds) if holds == term.negated => return false,
                Some(_) => {}
                None => waiting = true,
            }
        }
        if !waiting {
            return true;
        }
        let Some(raw) = raw() else {
            return false;
        };
        self.terms
            .iter()
            .filter(|t| t.term.needs_json())
            .all(|t| t.term.by_json(&raw) != t.negated)
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Filter, FilterError> {
        let mut terms = Vec::new();
        let mut at = 0;
        loop {
            at += text[at..].len() - text[at..].trim_start().len();
            if at == text.len() {
                break;
            }
            let negated = text[at..].starts_with(['!', '-']);
            at += usize::from(negated);
            let (term, len) = Term::parse(&text[at..]).map_err(|(offset, what)| FilterError {
                text: text.to_owned(),
                column: text[..at + offset].chars().count() + 1,
                what,
            })?;
            at += len;
            terms.push(Negatable { negated, term });
        }
        Ok(Filter {
            text: text.to_owned(),
            terms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Millis;
    use crate::model::kind::Kind;
    use crate::model::offset::Offset;
    use proptest::prelude::*;

    const RAW: &str = r#"{"streamPath":"/agents/coder","offset":15,"type":"https://events.iterate.com/llm-chunk","payload":{"ok":false,"n":12.5,"text":"Hello World","list":[{"a":"x"}]},"createdAt":"2026-03-01T09:00:00.000Z"}"#;

    fn row() -> Row {
        Row {
            offset: Some(Offset(15)),
            time: Millis::parse("2026-03-01T09:00:00.000Z"),
            kind: Kind::Chunk,
            event_type: "https://events.iterate.com/llm-chunk".into(),
        }
    }

    fn holds(filter: &str) -> bool {
        let filter: Filter = filter.parse().unwrap();
        filter.matches(&row(), || Some(Cow::Borrowed(RAW.as_bytes())))
    }

    #[test]
    fn terms() {
        for yes in [
            "",
            "hello",
            "\"hello world\"",
            "Hello !goodbye",
            "type:chunk",
            "type:llm-*",
            "type:https://*chunk",
            "type:*",
            "kind:chunk",
            "-kind:error",
            "offset:10..20",
            "offset:15",
            "offset:15..",
            "offset:..15",
            "stream:coder",
            "stream:/agents/*",
            "after:2026-03-01",
            "before:2026-03-01T09:00:00.001Z",
            "$.payload.ok",
            "$.payload.ok=false",
            "$.payload.n>12 $.payload.n<=12.5",
            "$.payload.text=\"Hello World\"",
            "$.payload.text~^hello",
            "$.payload.list[0].a=x",
            "$.payload.list[0].a!=y",
            "!$.payload.gone",
            "~\"Hello\\s+World\"",
            "~W.rld",
            "-offset:1..14",
        ] {
            assert!(holds(yes), "{yes}");
        }
        for no in [
            "HELLO",
            "!hello",
            "type:call",
            "type:chunk*x",
            "kind:error",
            "offset:16..",
            "after:2026-03-02",
            "before:2026-03-01",
            "$.payload.gone",
            "$.payload.ok=true",
            "$.payload.n=12",
            "$.payload.gone!=1",
            "hello goodbye",
        ] {
            assert!(!holds(no), "{no}");
        }
    }

    #[test]
    fn the_json_is_not_asked_for_when_columns_decide() {
        for filter in ["type:chunk -kind:error offset:1..20", "kind:error hello"] {
            let filter: Filter = filter.parse().unwrap();
            let _ = filter.matches(&row(), || panic!("asked"));
        }
    }

    #[test]
    fn errors_name_the_column_and_the_way_out() {
        for (filter, column, what) in [
            ("kind:eror", 6, "unknown kind \"eror\""),
            ("hello kind:", 12, "unknown kind \"\""),
            ("offset:a..3", 8, "not an offset"),
            ("offset:9..3", 8, "ends before it begins"),
            ("after:soon", 7, "not a time"),
            ("é ~(", 4, "regular expression"),
            ("\"open", 1, "closing quote"),
            ("$.a[ =1", 5, "index"),
            ("$.a=", 5, "value"),
            ("$.a<x", 5, "number"),
            ("!", 2, "nothing to turn around"),
            ("type:", 6, "text or pattern"),
        ] {
            let error = filter.parse::<Filter>().unwrap_err();
            assert_eq!(error.column, column, "{error}");
            assert!(error.what.contains(what), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,30}") {
            if let Ok(filter) = text.parse::<Filter>() {
                let _ = filter.matches(&row(), || Some(Cow::Borrowed(RAW.as_bytes())));
            }
        }

        #[test]
        fn any_quoted_text_is_a_term(text in ".{1,12}") {
            prop_assume!(!text.trim().is_empty());
            let filter: Filter = serde_json::to_string(&text).unwrap().parse().unwrap();
            let raw = serde_json::json!({"payload": text}).to_string();
            prop_assert!(filter.matches(&row(), || Some(Cow::Borrowed(raw.as_bytes()))));
        }
    }
}
