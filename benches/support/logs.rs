//! Generated logs for the benchmarks, each written to `target/` once.

#[path = "generate.rs"]
mod generate;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Written into the last event, and nowhere else.
pub const HIT: &str = "Xyzzy needle at the end";

/// A log of this many events of one stream, the last of which holds [`HIT`].
pub fn generated(events: u64) -> PathBuf {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-logs");
    fs::create_dir_all(&dir).expect("a place for logs");
    let path = dir.join(format!("{events}.jsonl"));
    if !path.exists() {
        let part = path.with_extension("part");
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&part).expect("a log"));
        generate::write(events - 1, 1, 42, &mut out).expect("written");
        writeln!(
            out,
            r#"{{"streamPath":"/agents/coder","offset":{events},"type":"user_message","payload":{{"content":"{HIT}"}},"createdAt":"2026-03-02T09:00:00.000Z"}}"#
        )
        .expect("written");
        out.flush().expect("written");
        drop(out);
        fs::rename(part, &path).expect("named");
    }
    path
}
