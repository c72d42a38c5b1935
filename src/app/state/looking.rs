//! What the person looks for: a search, and a filter on the timeline.

use crate::app::msg::SearchWhere;
use crate::model::needle::Needle;

/// A search and where it stands.
pub struct Search {
    /// What is looked for.
    pub needle: Needle,
    /// Where.
    pub place: SearchWhere,
    /// The running request, when one is.
    pub running: Option<u64>,
    /// Nothing was found (all the way round).
    pub nothing: bool,
    /// It went past the log's end and on from the other one.
    pub wrapped: bool,
}

/// A filter on the timeline.
pub struct Filter {
    /// As the person wrote it.
    pub text: String,
    /// Rows that pass, ascending, as far as looked at.
    pub rows: Vec<usize>,
    /// Rows looked at so far.
    pub scanned: usize,
    /// The request that fills `rows`.
    pub id: u64,
}
