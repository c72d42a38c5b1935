//! The recordings that come inside the program, so that an installed evtui has something to open.

/// A log that comes with evtui.
#[derive(Debug, PartialEq, Eq)]
pub struct Recording {
    /// What it is opened by: `evtui @NAME`.
    pub name: &'static str,
    /// What is to be seen in it, in one line.
    pub shows: &'static str,
    /// Its events, one JSON object a line.
    pub jsonl: &'static [u8],
}

impl Recording {
    /// How many events it holds.
    #[must_use]
    pub fn events(&self) -> usize {
        self.jsonl.iter().filter(|byte| **byte == b'\n').count()
    }
}

/// All of them, in the order they are best opened.
pub const ALL: [Recording; 0] = [];

/// The recording of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Recording> {
    ALL.iter().find(|recording| recording.name == name)
}
