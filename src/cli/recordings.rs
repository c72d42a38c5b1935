//! `evtui recordings`: what comes with the program.

use super::args::RecordingsArgs;
use super::failure::Failure;
use super::{Outcome, print};
use crate::runtime::target::recording;
use crate::source::recordings::ALL;
use anyhow::Result;
use std::io::Write;

pub fn run(args: &RecordingsArgs) -> Result<Outcome> {
    if let Some(name) = &args.name {
        let recording = recording(name.trim_start_matches('@')).map_err(Failure::from)?;
        let mut out = std::io::stdout().lock();
        out.write_all(recording.jsonl)?;
        out.flush()?;
        return Ok(Outcome::Yes);
    }
    let mut text = String::new();
    for recording in &ALL {
        text += &format!(
            "@{:<14} {:>4} events  {}\n",
            recording.name,
            recording.events(),
            recording.shows
        );
    }
    print(&text)?;
    Ok(Outcome::Yes)
}
