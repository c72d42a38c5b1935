//! Writes the recordings: a stream as the service keeps it, appended to by scripts that say what
//! people, models and tools did. Always the same bytes. Run `cargo run --example recordings`.

pub mod make {
    pub mod chat;
    pub mod coding_agent;
    pub mod guardrail;
    pub mod runaway;
    pub mod seed_forms;
    pub mod stream;
}

use make::{chat, coding_agent, guardrail, runaway, seed_forms};

/// Every recording: its name and its lines.
pub fn all() -> [(&'static str, String); 5] {
    [
        ("chat", chat::write()),
        ("coding-agent", coding_agent::write()),
        ("runaway", runaway::write()),
        ("guardrail", guardrail::write()),
        ("seed-forms", seed_forms::write()),
    ]
}

// Unused where a test takes this file as a module.
#[allow(dead_code)]
fn main() -> std::io::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings");
    for (name, text) in all() {
        std::fs::write(folder.join(format!("{name}.jsonl")), &text)?;
        println!(
            "{name}.jsonl  {} events, {} bytes",
            text.lines().count(),
            text.len()
        );
    }
    Ok(())
}
