//! A text to look for in raw JSON: what the person typed, matched as the log has it escaped.

use regex::bytes::{Regex, RegexBuilder};

/// A compiled search text. Smart case: without an upper-case letter, case does not matter.
#[derive(Clone, Debug)]
pub struct Needle {
    text: String,
    regex: Regex,
}

impl Needle {
    /// Compiles a text to look for, taken literally. `None` when the text is empty.
    #[must_use]
    pub fn new(text: &str) -> Option<Needle> {
        if text.is_empty() {
            return None;
        }
        let ignore_case = !text.chars().any(char::is_uppercase);
        let plain = serde_json::to_string(text).unwrap_or_default();
        // One quote off either end: an escaped one may stand just inside.
        let plain = plain
            .get(1..plain.len().saturating_sub(1))
            .unwrap_or_default();
        let mut pattern = regex::escape(plain);
        // Python's json.dumps and others write every character outside ASCII as \uXXXX.
        if !text.is_ascii() {
            let mut escaped = String::new();
            for c in plain.chars() {
                if c.is_ascii() {
                    escaped.push(c);
                } else {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        escaped.push_str(&format!("\\u{unit:04x}"));
                    }
                }
            }
            pattern = format!("{pattern}|(?i:{})", regex::escape(&escaped));
        }
        let regex = RegexBuilder::new(&pattern)
            .case_insensitive(ignore_case)
            .build()
            .ok()?;
        Some(Needle {
            text: text.to_owned(),
            regex,
        })
    }

    /// What the person typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The compiled form, over the raw bytes of a log.
    #[must_use]
    pub fn regex(&self) -> &Regex {
        &self.regex
    }
}

#[cfg(test)]
mod tests {
    use super::Needle;

    fn finds(text: &str, json: &str) -> bool {
        Needle::new(text).is_some_and(|n| n.regex().is_match(json.as_bytes()))
    }

    #[test]
    fn texts_are_found_as_json_escapes_them() {
        assert!(finds(r#"say "hi""#, r#"{"t":"I say \"hi\" now"}"#));
        assert!(!finds(r#"say "hi""#, r#"{"t":"I say \"hit\" now"}"#));
        assert!(finds("日本", r#"{"t":"\u65e5\u672C"}"#));
        assert!(finds("日本", r#"{"t":"日本"}"#));
        assert!(finds("a\nb", r#"{"t":"a\nb"}"#));
    }

    #[test]
    fn case_matters_only_with_a_capital() {
        assert!(finds("error", "ERROR"));
        assert!(!finds("Error", "ERROR"));
        assert!(Needle::new("").is_none());
    }
}
