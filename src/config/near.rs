//! The name that was probably meant.

/// `; did you mean "x"?` when a known name is near enough to be meant, else nothing.
#[must_use]
pub fn suggestion<T: AsRef<str>>(word: &str, known: impl IntoIterator<Item = T>) -> String {
    nearest(word, known).map_or_else(String::new, |name| format!("; did you mean {name:?}?"))
}

/// The known name that a word was probably meant to be.
#[must_use]
pub fn nearest<T: AsRef<str>>(word: &str, known: impl IntoIterator<Item = T>) -> Option<String> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|name| {
            let score = strsim::jaro_winkler(&word, &name.as_ref().to_lowercase());
            (score, name)
        })
        .filter(|(score, _)| *score >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.as_ref().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let known = ["theme", "mouse", "reduce_timeout", "reduce_memory"];
        assert_eq!(nearest("thme", known).as_deref(), Some("theme"));
        assert_eq!(nearest("MOSUE", known).as_deref(), Some("mouse"));
        assert_eq!(
            nearest("reduce-memory", known).as_deref(),
            Some("reduce_memory")
        );
        assert_eq!(nearest("zzz", known), None);
        assert_eq!(suggestion("zzz", known), "");
    }
}
