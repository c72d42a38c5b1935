//! Writes a realistic agent event log: `cargo run --release --example gen_log -- N OUT.jsonl`,
//! with `--streams K` (1) and `--seed S` (42).

#[path = "support/generate.rs"]
mod generate;

use clap::Parser;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

/// Write a realistic agent event log as JSON lines, always the same for the same arguments.
#[derive(Parser)]
struct Args {
    /// How many events.
    events: u64,
    /// Where to write them.
    out: PathBuf,
    /// How many streams.
    #[arg(long, default_value_t = 1)]
    streams: usize,
    /// Another seed, another log.
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&args.out)?);
    generate::write(args.events, args.streams, args.seed, &mut out)?;
    Ok(())
}
