//! What is wrong with a source, told with file, line, column and the line itself.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file name that the person knows; empty when no file is to blame.
    pub file: String,
    /// Line (1 for the first) and column in characters (1 for the first), where known.
    pub at: Option<(u32, u32)>,
    /// The line's text (cut around the column when long) and where in it the trouble starts and how
    /// far it goes, in characters from 0.
    pub line: Option<(String, u32, u32)>,
    /// What is wrong.
    pub message: String,
    /// What can be done.
    pub help: Option<String>,
}

/// Why a source cannot be prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    /// The first few problems, at least one.
    pub problems: Vec<Problem>,
    /// How many more there were.
    pub more: usize,
}

/// What is said of an import from npm.
pub(super) const NO_PACKAGES: &str = "no packages are installed in a worker";

impl SourceError {
    const SHOWN: usize = 3;

    /// True when packages are imported: a bundler would help.
    #[must_use]
    pub fn wants_packages(&self) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.message.ends_with(NO_PACKAGES))
    }

    /// Keeps the first few of `problems`.
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        let more = problems.len().saturating_sub(Self::SHOWN);
        problems.truncate(Self::SHOWN);
        SourceError { problems, more }
    }

    /// A problem without a place.
    pub(super) fn general(message: impl Into<String>) -> Self {
        Self::of_file("", message)
    }

    /// A problem of a file as a whole.
    pub(super) fn of_file(file: &str, message: impl Into<String>) -> Self {
        SourceError::new(vec![Problem {
            file: file.to_owned(),
            at: None,
            line: None,
            message: message.into(),
            help: None,
        }])
    }
}

impl std::error::Error for SourceError {}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        match self.more {
            0 => Ok(()),
            1 => f.write_str("\nand 1 more error"),
            more => write!(f, "\nand {more} more errors"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            f.write_str(&self.file)?;
            if let Some((line, column)) = self.at {
                write!(f, ":{line}:{column}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)?;
        if let (Some((number, _)), Some((text, start, width))) = (self.at, &self.line) {
            let number = number.to_string();
            let gutter = " ".repeat(number.len());
            // Tabs stay tabs, so that the caret stands under its character whatever their width.
            let indent: String = text
                .chars()
                .take(*start as usize)
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            let carets = "^".repeat((*width).max(1) as usize);
            write!(f, "\n  {number} | {text}\n  {gutter} | {indent}{carets}")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// A problem at bytes `start..end` of `text`.
pub(super) fn problem_at(
    file: &str,
    text: &str,
    start: u32,
    end: u32,
    message: impl Into<String>,
) -> Problem {
    const SHOWN: usize = 100;
    let mut start = (start as usize).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let before = &text[..start];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let line_number = before.matches('\n').count() + 1;
    let line = text[line_start..].lines().next().unwrap_or_default();
    let column = before[line_start..].chars().count();
    let mut end = (end as usize).clamp(start, line_start + line.len().max(start - line_start));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let width = text[start..end.max(start)].chars().count();
    // Of a long line, the part around the column.
    let cut = column.saturating_sub(SHOWN / 2);
    let shown: String = line
        .chars()
        .skip(cut)
        .take(SHOWN)
        .map(|c| if c.is_control() && c != '\t' { ' ' } else { c })
        .collect();
    let room = shown.chars().count().saturating_sub(column - cut);
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Problem {
        file: file.to_owned(),
        at: Some((small(line_number), small(column + 1))),
        line: Some((shown, small(column - cut), small(width.min(room)))),
        message: message.into(),
        help: None,
    }
}
