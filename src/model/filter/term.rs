//! One term of a filter: reading and testing it.

use crate::model::event::Millis;
use crate::model::json_path::JsonPath;
use crate::model::kind::{Kind, family};
use crate::model::log::Row;
use crate::model::needle::Needle;
use crate::model::peek;
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use std::cmp::Ordering;

#[derive(Clone, Debug)]
pub enum Term {
    Text(Needle),
    Matches(regex::bytes::Regex),
    Type(Pattern),
    Stream(Pattern),
    Kind(Kind),
    Offset(u64, u64),
    After(Millis),
    Before(Millis),
    Path(JsonPath, Option<Test>),
}

/// What is asked of the value at a path.
#[derive(Clone, Debug)]
pub enum Test {
    Is(Value),
    IsNot(Value),
    Compare(fn(Ordering) -> bool, f64),
    Matches(Regex),
}

/// A text to contain, or a pattern of `*` and `?` to match.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    fn parse(text: &str) -> Option<Pattern> {
        let is_glob = text.contains(['*', '?']);
        let pattern = regex::escape(text).replace("\\*", ".*").replace("\\?", ".");
        let pattern = if is_glob {
            format!("^(?:{pattern})$")
        } else {
            pattern
        };
        if text.is_empty() {
            return None;
        }
        let regex = RegexBuilder::new(&pattern)
            .case_insensitive(true)
            .dot_matches_new_line(true)
            .build();
        regex.ok().map(Pattern)
    }

    fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// Bytes from the term's start, and what is wrong there.
type Wrong = (usize, String);

impl Term {
    /// Reads the term at the start of `text` and gives its length.
    pub fn parse(text: &str) -> Result<(Term, usize), Wrong> {
        if text.is_empty() || text.starts_with(char::is_whitespace) {
            return Err((0, "there is nothing to turn around".to_owned()));
        }
        if text.starts_with('$') {
            return path_term(text);
        }
        if let Some(pattern) = text.strip_prefix('~') {
            let (pattern, len) = word(pattern).map_err(|(at, what)| (at + 1, what))?;
            let regex = regex::bytes::Regex::new(&pattern).map_err(|e| (1, bad_regex(&e)))?;
            return Ok((Term::Matches(regex), len + 1));
        }
        for (name, make) in NAMED {
            if let Some(rest) = text.strip_prefix(name) {
                let at = name.len();
                let (value, len) = word(rest).map_err(|(offset, what)| (at + offset, what))?;
                let term = make(&value).map_err(|what| (at, what))?;
                return Ok((term, at + len));
            }
        }
        let (value, len) = word(text)?;
        match Needle::new(&value) {
            Some(needle) => Ok((Term::Text(needle), len)),
            None => Err((0, "the text to look for is empty".to_owned())),
        }
    }

    /// Whether it holds, when the row's columns are enough to tell.
    pub fn by_columns(&self, row: &Row) -> Option<bool> {
        Some(match self {
            Term::Type(pattern) => {
                pattern.matches(&row.event_type) || pattern.matches(family(&row.event_type))
            }
            Term::Kind(kind) => row.kind == *kind,
            Term::Offset(from, to) => row.offset.is_some_and(|o| (*from..=*to).contains(&o.0)),
            Term::After(time) => row.time.is_some_and(|t| t >= *time),
            Term::Before(time) => row.time.is_some_and(|t| t < *time),
            Term::Text(_) | Term::Matches(_) | Term::Stream(_) | Term::Path(..) => return None,
        })
    }

    /// Whether the JSON is needed to tell.
    pub fn needs_json(&self) -> bool {
        matches!(
            self,
            Term::Text(_) | Term::Matches(_) | Term::Stream(_) | Term::Path(..)
        )
    }

    /// Whether it holds for an event's JSON; false for terms that the columns decide.
    pub fn by_json(&self, raw: &[u8]) -> bool {
        match self {
            Term::Text(needle) => needle.regex().is_match(raw),
            Term::Matches(regex) => regex.is_match(raw),
            Term::Stream(pattern) => {
                peek::text_member(raw, "streamPath").is_some_and(|path| pattern.matches(&path))
            }
            Term::Path(path, test) => peek::at(raw, path).is_some_and(|value| match test {
                None => true,
                Some(test) => {
                    serde_json::from_slice(value).is_ok_and(|value: Value| test.holds(&value))
                }
            }),
            _ => false,
        }
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Test::Is(wanted) => same(value, wanted),
            Test::IsNot(wanted) => !same(value, wanted),
            Test::Compare(holds, wanted) => value
                .as_f64()
                .and_then(|n| n.partial_cmp(wanted))
                .is_some_and(holds),
            Test::Matches(regex) => match value {
                Value::String(text) => regex.is_match(text),
                other => regex.is_match(&other.to_string()),
            },
        }
    }
}

/// Numbers are compared as JavaScript's, so 1 is 1.0; an unquoted `12` also is the text "12".
fn same(value: &Value, wanted: &Value) -> bool {
    match (value.as_f64(), wanted.as_f64()) {
        (Some(a), Some(b)) => a == b,
        (None, Some(b)) => value.as_str().and_then(|text| text.parse().ok()) == Some(b),
        _ => value == wanted,
    }
}

type Make = fn(&str) -> Result<Term, String>;

const NAMED: [(&str, Make); 6] = [
    ("type:", |value| {
        let pattern =
            Pattern::parse(value).ok_or("expected a text or pattern, as in type:llm-*")?;
        Ok(Term::Type(pattern))
    }),
    ("stream:", |value| {
        let pattern = Pattern::parse(value).ok_or("expected a path, as in stream:/agents/*")?;
        Ok(Term::Stream(pattern))
    }),
    ("kind:", |value| {
        Kind::from_word(value).map(Term::Kind).ok_or_else(|| {
            let words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
            format!("unknown kind {value:?}; there are: {}", words.join(", "))
        })
    }),
    ("offset:", |value| {
        let number = |text: &str, open: u64| match text {
            "" => Ok(open),
            text => text.parse().map_err(|_| {
                format!("{text:?} is not an offset; write offset:7, 10..20, 10.. or ..20")
            }),
        };
        let (from, to) = match value.split_once("..") {
            Some((from, to)) => (number(from, 0)?, number(to, u64::MAX)?),
            None if value.is_empty() => return Err("\"\" is not an offset".to_owned()),
            None => (number(value, 0)?, number(value, 0)?),
        };
        if from > to {
            return Err(format!("the range {from}..{to} ends before it begins"));
        }
        Ok(Term::Offset(from, to))
    }),
    ("after:", |value| Ok(Term::After(time(value)?))),
    ("before:", |value| Ok(Term::Before(time(value)?))),
];

fn time(text: &str) -> Result<Millis, String> {
    Millis::parse(text)
        .or_else(|| Millis::parse(&format!("{text}T00:00:00Z")))
        .ok_or_else(|| format!("{text:?} is not a time; write 2026-03-01 or 2026-03-01T09:00:00Z"))
}

fn bad_regex(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    format!(
        "not a regular expression: {}",
        last.trim_start_matches("error: ")
    )
}

fn path_term(text: &str) -> Result<(Term, usize), Wrong> {
    let (path, len) = JsonPath::parse_prefix(text).map_err(|error| {
        let at = text.char_indices().nth(error.column - 1);
        (at.map_or(text.len(), |(at, _)| at), error.what)
    })?;
    let rest = &text[len..];
    if rest.is_empty() || rest.starts_with(char::is_whitespace) {
        return Ok((Term::Path(path, None), len));
    }
    let operators = ["!=", "<=", ">=", "=", "<", ">", "~"];
    let Some(operator) = operators.into_iter().find(|o| rest.starts_with(o)) else {
        let what = "expected =, !=, <, <=, >, >= or ~ after the path".to_owned();
        return Err((len, what));
    };
    let at = len + operator.len();
    let (written, value_len) = word(&text[at..]).map_err(|(offset, what)| (at + offset, what))?;
    if value_len == 0 {
        return Err((at, format!("a value is missing after {operator}")));
    }
    let quoted = text[at..].starts_with('"');
    let value = match serde_json::from_str(&written) {
        Ok(value) if !quoted => value,
        _ => Value::String(written.clone()),
    };
    let compare = |holds: fn(Ordering) -> bool| match value.as_f64() {
        Some(number) => Ok(Test::Compare(holds, number)),
        None => Err((at, format!("{written:?} is not a number"))),
    };
    let test = match operator {
        "=" => Test::Is(value),
        "!=" => Test::IsNot(value),
        "<" => compare(Ordering::is_lt)?,
        "<=" => compare(Ordering::is_le)?,
        ">" => compare(Ordering::is_gt)?,
        ">=" => compare(Ordering::is_ge)?,
        _ => {
            let ignore_case = !written.chars().any(char::is_uppercase);
            let regex = RegexBuilder::new(&written)
                .case_insensitive(ignore_case)
                .build();
            Test::Matches(regex.map_err(|e| (at, bad_regex(&e)))?)
        }
    };
    Ok((Term::Path(path, Some(test)), at + value_len))
}

/// A quoted text, or everything up to white space; and its length as written.
fn word(text: &str) -> Result<(String, usize), Wrong> {
    if text.starts_with('"') {
        // A JSON string, or, so that regular expressions need no doubled backslashes, a text in
        // which only \" is special.
        let mut stream = serde_json::Deserializer::from_str(text).into_iter::<String>();
        if let Some(Ok(value)) = stream.next() {
            return Ok((value, stream.byte_offset()));
        }
        let mut escaped = false;
        for (at, c) in text.char_indices().skip(1) {
            match c {
                '"' if !escaped => {
                    return Ok((text[1..at].replace("\\\"", "\""), at + 1));
                }
                _ => escaped = c == '\\' && !escaped,
            }
        }
        return Err((0, "the closing quote is missing".to_owned()));
    }
    let len = text.find(char::is_whitespace).unwrap_or(text.len());
    Ok((text[..len].to_owned(), len))
}
