//! Which events a reader asks for (SPEC §3.1): an exclusive lower and an exclusive upper bound, in
//! any of the three generations of their names.

use super::error::Refusal;
use super::project;
use super::query::Query;
use crate::model::offset::Offset;
use crate::service::{Bound, Bounds};
use axum::http::HeaderMap;

/// The form of what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Server-sent events.
    EventStream,
    /// A JSON object a line.
    Lines,
    /// Documents parted by `---`.
    Yaml,
}

const LOWER: [&str; 3] = ["afterOffset", "after", "offset"];
const UPPER: [&str; 2] = ["beforeOffset", "before"];
const KNOWN: [&str; 8] = [
    "afterOffset",
    "beforeOffset",
    "after",
    "before",
    "offset",
    "live",
    "format",
    project::PARAMETER,
];

/// Reads the bounds from a request. `Last-Event-ID`, which a reader sends when it comes back, goes
/// over the lower bound that it first asked with.
///
/// # Errors
/// `400` for unknown parameters, bounds that are none, or two of the same side.
pub fn bounds(query: &Query, headers: &HeaderMap) -> Result<Bounds, Refusal> {
    query.only(&KNOWN)?;
    let live = query.flag("live")?;
    let before = side(query, &UPPER)?;
    let asked = side(query, &LOWER)?;
    let by_offset = query.one("offset")?.is_some();
    let after = match last_event_id(headers)? {
        Some(offset) => Bound::Offset(offset),
        None => asked.unwrap_or(Bound::Start),
    };
    Ok(Bounds {
        after,
        before,
        live: before.is_none() && live.unwrap_or(!by_offset),
    })
}

/// The one bound of a side.
fn side(query: &Query, names: &[&str]) -> Result<Option<Bound>, Refusal> {
    let mut found: Option<(&str, Bound)> = None;
    for name in names {
        let Some(text) = query.one(name)? else {
            continue;
        };
        if let Some((other, _)) = found {
            return Err(Refusal::bad(format!(
                "query parameters {other} and {name} mean the same; give one of them"
            )));
        }
        found = Some((name, bound(name, text)?));
    }
    Ok(found.map(|(_, bound)| bound))
}

fn bound(name: &str, text: &str) -> Result<Bound, Refusal> {
    match text {
        "start" => Ok(Bound::Start),
        "end" => Ok(Bound::End),
        _ => match digits(text) {
            Some(offset) if offset > 0 => Ok(Bound::Offset(Offset(offset))),
            _ => Err(Refusal::bad(format!(
                "query parameter {name} must be a positive offset, start or end, not {text:?}"
            ))),
        },
    }
}

/// The event that a reader saw last; empty is none, as in browsers.
fn last_event_id(headers: &HeaderMap) -> Result<Option<Offset>, Refusal> {
    let Some(value) = headers.get("last-event-id").filter(|v| !v.is_empty()) else {
        return Ok(None);
    };
    match value.to_str().ok().and_then(digits) {
        Some(offset) => Ok(Some(Offset(offset))),
        None => Err(Refusal::bad(format!(
            "header Last-Event-ID must be the offset of an event, not {value:?}"
        ))),
    }
}

/// An unsigned integer without sign or blanks.
fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

impl Format {
    /// Reads it from a request: `?format=` or else `Accept`.
    ///
    /// # Errors
    /// `400` for a format that there is not.
    pub fn parse(query: &Query, headers: &HeaderMap) -> Result<Format, Refusal> {
        match query.one("format")? {
            Some("sse") => return Ok(Format::EventStream),
            Some("ndjson") => return Ok(Format::Lines),
            Some("yaml") => return Ok(Format::Yaml),
            Some(other) => {
                return Err(Refusal::bad(format!(
                    "query parameter format must be sse, ndjson or yaml, not {other:?}"
                )));
            }
            None => {}
        }
        let lines = headers.get_all("accept").iter().any(|accept| {
            accept.to_str().is_ok_and(|accept| {
                accept.split(',').any(|kind| {
                    let kind = kind.split(';').next().unwrap_or_default().trim();
                    kind.eq_ignore_ascii_case("application/x-ndjson")
                })
            })
        });
        Ok(match lines {
            true => Format::Lines,
            false => Format::EventStream,
        })
    }

    /// Its media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Format::EventStream => "text/event-stream; charset=utf-8",
            Format::Lines => "application/x-ndjson",
            Format::Yaml => "application/yaml",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64) -> Bound {
        Bound::Offset(Offset(offset))
    }

    fn with(query: &str, last: Option<&'static str>) -> Result<Bounds, String> {
        let mut headers = HeaderMap::new();
        if let Some(last) = last {
            headers.insert("last-event-id", last.parse().unwrap());
        }
        let query = Query::parse(Some(query)).unwrap();
        bounds(&query, &headers).map_err(|refusal| refusal.message)
    }

    #[test]
    fn three_generations() {
        use Bound::{End, Start};
        for (query, after, before, live) in [
            ("", Start, None, true),
            ("afterOffset=5", at(5), None, true),
            ("after=5", at(5), None, true),
            ("offset=5", at(5), None, false),
            ("offset=5&live=true", at(5), None, true),
            ("offset=start&live=1", Start, None, true),
            ("live=false", Start, None, false),
            ("live", Start, None, true),
            ("afterOffset=5&live=false", at(5), None, false),
            ("beforeOffset=9", Start, Some(at(9)), false),
            ("before=end", Start, Some(End), false),
            ("before=end&live=true", Start, Some(End), false),
            ("after=end", End, None, true),
            (
                "afterOffset=start&beforeOffset=end",
                Start,
                Some(End),
                false,
            ),
            ("after=2&beforeOffset=7", at(2), Some(at(7)), false),
            ("before=start", Start, Some(Start), false),
            ("after=18446744073709551615", at(u64::MAX), None, true),
        ] {
            let expected = Bounds {
                after,
                before,
                live,
            };
            assert_eq!(with(query, None), Ok(expected), "{query}");
        }
    }

    #[test]
    fn coming_back_goes_over_the_first_question() {
        for query in ["", "after=end", "afterOffset=2", "offset=1&live=true"] {
            assert_eq!(with(query, Some("7")).unwrap().after, at(7), "{query}");
        }
        assert_eq!(with("after=2", Some("")).unwrap().after, at(2));
        assert!(with("", Some("x")).unwrap_err().contains("Last-Event-ID"));
    }

    #[test]
    fn refused_with_what_would_be_right() {
        for (query, why) in [
            (
                "after=0",
                "must be a positive offset, start or end, not \"0\"",
            ),
            ("afterOffset=-1", "positive offset"),
            ("after=%2B1", "positive offset"),
            ("after=1.5", "positive offset"),
            ("after=", "positive offset"),
            ("before=18446744073709551616", "positive offset"),
            (
                "after=1&afterOffset=1",
                "afterOffset and after mean the same",
            ),
            ("before=1&beforeOffset=1", "mean the same"),
            ("after=1&after=2", "stands twice"),
            ("live=perhaps", "true or false"),
            (
                "from=1",
                "unknown query parameter \"from\"; known here are afterOffset, beforeOffset, after,",
            ),
        ] {
            let error = with(query, None).unwrap_err();
            assert!(error.contains(why), "{query} gave {error}");
        }
    }

    #[test]
    fn formats() {
        let of = |query: &str, accept: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert("accept", accept.parse().unwrap());
            }
            Format::parse(&Query::parse(Some(query)).unwrap(), &headers)
        };
        assert_eq!(of("", None), Ok(Format::EventStream));
        assert_eq!(of("", Some("*/*")), Ok(Format::EventStream));
        assert_eq!(
            of("", Some("text/html, Application/X-NDJSON;q=0.9")),
            Ok(Format::Lines)
        );
        assert_eq!(
            of("format=yaml", Some("application/x-ndjson")),
            Ok(Format::Yaml)
        );
        assert_eq!(of("format=ndjson", None), Ok(Format::Lines));
        assert!(of("format=xml", None).is_err());
    }
}
