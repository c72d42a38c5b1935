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

macro_rules! recording {
    ($name:literal, $shows:literal) => {
        Recording {
            name: $name,
            shows: $shows,
            jsonl: include_bytes!(concat!("../../recordings/", $name, ".jsonl")),
        }
    };
}

/// All of them, in the order they are best opened.
pub static ALL: [Recording; 10] = [
    recording!(
        "coding-agent",
        "an agent mends a failing test: tools, a hang, a wrong edit, retries"
    ),
    recording!("chat", "a short chat; one answer is stopped half way"),
    recording!(
        "runaway",
        "a worker answers itself until the circuit breaker pauses the stream"
    ),
    recording!(
        "guardrail",
        "a safety worker adds context within 200 ms; it is deployed a second time"
    ),
    recording!(
        "seed-forms",
        "string payloads, and a reducer that takes all events at once"
    ),
    recording!(
        "live-ping-pong",
        "recorded live: two kinds of event answer each other until the breaker trips"
    ),
    recording!(
        "live-chat",
        "recorded live: a chat agent and its model, which is away once"
    ),
    recording!(
        "live-guardrail",
        "recorded live: context added to a chat agent's messages within 200 ms"
    ),
    recording!(
        "live-coder",
        "recorded live: code as events, the window its model sees, edits refused"
    ),
    recording!(
        "live-slack",
        "recorded live: Slack's webhooks made messages by JSONata"
    ),
];

/// The recording of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Recording> {
    ALL.iter().find(|recording| recording.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_found_by_name_and_have_events() {
        for recording in &ALL {
            assert_eq!(by_name(recording.name), Some(recording));
            assert!(recording.events() > 20, "{}", recording.name);
            assert!(recording.shows.len() <= 75, "{}", recording.shows);
        }
        assert_eq!(by_name("nothing"), None);
    }
}
