//! The processors whose state can be looked at.

/// A processor that can be replayed.
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// Its slug; `None` is the service's built-in state, a processor file bears its file name.
    pub slug: Option<String>,
    /// What it is, in words: `agent.ts`, `built-in state`, `3 deployments`.
    pub about: String,
}

/// Processors to choose from.
#[derive(Default)]
pub struct Workers {
    /// All of them, in order of first deployment; the built-in state last.
    pub list: Vec<Worker>,
    /// The one whose state is shown.
    pub current: usize,
    /// Still looking for deployments in the log.
    pub discovering: bool,
    /// The person chose the one in view: it stays, whoever is deployed later.
    pub by_hand: bool,
}

impl Workers {
    /// The worker whose state is shown.
    #[must_use]
    pub fn in_view(&self) -> Option<&Worker> {
        self.list.get(self.current)
    }
}
