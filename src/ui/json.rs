//! JSON in colours: a line of pretty JSON, and a whole value on one line cut to what fits.

use super::text::Pen;
use super::theme::Role;
use crate::model::needle::Needle;
use ratatui::style::Modifier;
use serde_json::Value;
use std::fmt::Write;
use std::ops::Range;

/// The parts of a line of JSON text and their roles, in order. Never fails: what is no JSON is text.
#[must_use]
pub fn tokens(line: &str) -> Vec<(Range<usize>, Role)> {
    let bytes = line.as_bytes();
    let mut parts = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let role = match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(bytes.len());
                let is_key = line[floor(line, at)..].trim_start().starts_with(':');
                if is_key { Role::Accent } else { Role::Text }
            }
            b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                while at < bytes.len()
                    && (bytes[at].is_ascii_alphanumeric() || b"+-.".contains(&bytes[at]))
                {
                    at += 1;
                }
                Role::Tool
            }
            _ => {
                while at < bytes.len()
                    && !matches!(bytes[at], b'"' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')
                {
                    at += 1;
                }
                Role::Dim
            }
        };
        at = floor(line, at);
        if at <= start {
            break;
        }
        parts.push((start..at, role));
    }
    parts
}

fn floor(line: &str, mut at: usize) -> usize {
    at = at.min(line.len());
    while !line.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Writes a line of pretty JSON, what holds a match of `needle` underlined.
pub fn put_line(pen: &mut Pen, line: &str, needle: Option<&Needle>) {
    // No more can be seen; a minified line may be megabytes.
    let seen = floor(line, usize::from(pen.room()) * 4 + 16);
    for (range, role) in tokens(&line[..seen]) {
        let mut style = pen.theme.style(role);
        if needle.is_some_and(|n| n.regex().is_match(line[range.clone()].as_bytes())) {
            style = style.add_modifier(Modifier::UNDERLINED | Modifier::BOLD);
        }
        pen.put(&line[range], style);
    }
    if seen < line.len() && pen.room() > 0 {
        pen.role("…", Role::Dim);
    }
}

/// Writes a piece of a line whose parts are known; a part that holds a match of `needle` is
/// underlined in all its pieces.
pub fn put_piece(
    pen: &mut Pen,
    line: &str,
    piece: &Range<usize>,
    parts: &[(Range<usize>, Role)],
    needle: Option<&Needle>,
) {
    let first = parts.partition_point(|(range, _)| range.end <= piece.start);
    for (range, role) in parts.iter().skip(first) {
        if range.start >= piece.end {
            break;
        }
        let mut style = pen.theme.style(*role);
        if needle.is_some_and(|n| n.regex().is_match(line[range.clone()].as_bytes())) {
            style = style.add_modifier(Modifier::UNDERLINED | Modifier::BOLD);
        }
        let seen = range.start.max(piece.start)..range.end.min(piece.end);
        pen.put(line.get(seen).unwrap_or_default(), style);
    }
}

/// A value on one line: JSON with spaces, keys without quotes, no longer than about `limit`
/// characters however large the value is.
#[must_use]
pub fn preview(value: &Value, limit: usize) -> String {
    let mut out = String::new();
    write_preview(value, limit, &mut out);
    out
}

fn write_preview(value: &Value, limit: usize, out: &mut String) {
    if out.len() > limit {
        return;
    }
    // Writing to a String cannot fail.
    match value {
        Value::String(text) => {
            let left = limit.saturating_sub(out.len()).saturating_add(8);
            let seen = text
                .char_indices()
                .nth(left)
                .map_or(text.len(), |(at, _)| at);
            let quoted = Value::from(&text[..seen]).to_string();
            if seen < text.len() {
                out.push_str(quoted.trim_end_matches('"'));
                out.push('…');
            } else {
                out.push_str(&quoted);
            }
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                if out.len() > limit {
                    out.push('…');
                    break;
                }
                write_preview(item, limit, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (i, (key, member)) in members.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                if out.len() > limit {
                    out.push('…');
                    break;
                }
                let _ = write!(out, "{key}: ");
                write_preview(member, limit, out);
            }
            out.push('}');
        }
        scalar => {
            let _ = write!(out, "{scalar}");
        }
    }
}

/// The role of a value drawn on its own.
#[must_use]
pub fn role_of(value: &Value) -> Role {
    match value {
        Value::String(_) => Role::Text,
        Value::Number(_) | Value::Bool(_) | Value::Null => Role::Tool,
        Value::Array(_) | Value::Object(_) => Role::Dim,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn keys_texts_and_numbers_differ() {
        let line = r#"  "key": "va\"lue", "n": -1.5e3, true"#;
        let found: Vec<_> = tokens(line)
            .into_iter()
            .filter(|(_, role)| *role != Role::Dim)
            .map(|(range, role)| (&line[range], role))
            .collect();
        assert_eq!(
            found,
            [
                ("\"key\"", Role::Accent),
                (r#""va\"lue""#, Role::Text),
                ("\"n\"", Role::Accent),
                ("-1.5e3", Role::Tool),
                ("true", Role::Tool),
            ]
        );
    }

    #[test]
    fn previews_are_bounded() {
        let value = json!({"a": [1, "x"], "b": null});
        assert_eq!(preview(&value, 80), r#"{a: [1, "x"], b: null}"#);
        let huge = json!((0..100_000).map(|_| "x".repeat(100)).collect::<Vec<_>>());
        assert!(preview(&huge, 60).len() < 300);
        let deep = (0..10_000).fold(json!(1), |inner, _| Value::Array(vec![inner]));
        assert!(preview(&deep, 60).len() < 300);
        // Deep values are dropped recursively, which would overflow the stack here.
        std::mem::forget(deep);
    }

    proptest! {
        #[test]
        fn tokens_cover_any_line_in_order(line in "[\\PC\"\\\\]{0,60}") {
            let mut at = 0;
            for (range, _) in tokens(&line) {
                prop_assert_eq!(range.start, at);
                prop_assert!(line.get(range.clone()).is_some());
                at = range.end;
            }
            prop_assert_eq!(at, line.len());
        }
    }
}
