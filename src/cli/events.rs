//! `evtui events`: the events of a log, filtered.

use super::Outcome;
use super::args::ServiceArgs;
use super::failure::Failure;
use super::headless::{Reading, is_for_people, one_line, read};
use crate::config::settings::Settings;
use crate::model::event::Millis;
use crate::model::filter::Filter;
use crate::model::kind::{Kind, family};
use crate::model::log::Row;
use crate::model::offset::Offset;
use crate::model::peek;
use crate::model::summary::{harmless, summary};
use crate::source::remote::wire;
use anyhow::Result;
use clap::{Args, ValueEnum, ValueHint};
use std::io::Write;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `evtui events`
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
A filter is a list of terms that must all hold; ! before a term turns it around:
  word  \"some words\"  ~regex          in the event's JSON
  type:llm-*  kind:error  stream:/a/*  by type, kind, stream path
  offset:10..20  after:2026-03-01      by place and time
  $.payload.ok=false                   by the value at a place (= != < <= > >= ~)

Exit code 1 when no event passes.

Examples:
  evtui events @coding-agent --filter kind:error
  evtui events agent.jsonl --filter 'type:tool-* !$.payload.ok=true' --format yaml")]
pub struct EventsArgs {
    /// A log file, - for standard input, @NAME of a recording, or /PATH of a stream of the service
    #[arg(value_name = "LOG", value_hint = ValueHint::FilePath)]
    pub log: String,

    /// Of a log with several streams, the one with this path [default: all]
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,

    /// Only events that pass (see below)
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<Filter>,

    /// Only from this offset on
    #[arg(long, value_name = "N")]
    pub from: Option<u64>,

    /// Only up to this offset, included
    #[arg(long, value_name = "N")]
    pub to: Option<u64>,

    /// How to print them [default: table on a terminal, json into a pipe]
    #[arg(long, value_enum)]
    pub format: Option<Format>,

    #[command(flatten)]
    pub service: ServiceArgs,
}

/// How events are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line, as the log holds it
    Json,
    /// Documents parted by ---
    Yaml,
    /// Offset, time, kind, type and summary
    Table,
}

/// Prints the events.
///
/// # Errors
/// The log cannot be read, or standard output not be written.
pub fn run(args: &EventsArgs, settings: &Settings) -> Result<Outcome> {
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from > to
    {
        let turned = format!("--from {to} --to {from}");
        let what = format!("--from {from} comes after --to {to}: no offset is between them");
        return Err(Failure::new(what).hint(turned).into());
    }
    let reading = read(
        &args.log,
        args.path.as_deref(),
        false,
        &args.service,
        settings,
    )?;
    let format = args.format.unwrap_or(match is_for_people() {
        true => Format::Table,
        false => Format::Json,
    });
    let filter = args.filter.clone().unwrap_or_default();
    let mut printer = Printer::new(format);
    printer.digits = last_offset(&reading).to_string().len();
    let mut found = false;
    for index in 0..reading.log.len() {
        let Some(row) = reading.log.row(index) else {
            continue;
        };
        // Events without offset have no place in a range.
        let inside = |offset: u64| {
            args.from.is_none_or(|from| offset >= from) && args.to.is_none_or(|to| offset <= to)
        };
        let ranged = args.from.is_some() || args.to.is_some();
        if !row.offset.map_or(!ranged, |offset| inside(offset.0))
            || !filter.matches(&row, || reading.log.raw(index))
        {
            continue;
        }
        let Some(raw) = reading.log.raw(index) else {
            continue;
        };
        if row.kind == Kind::Unreadable && format != Format::Table {
            // Named on standard error already; it is no event that another program could read.
            continue;
        }
        found = true;
        printer.event(&row, &raw)?;
    }
    printer.out.flush()?;
    Ok(match found {
        true => Outcome::Yes,
        false => Outcome::No,
    })
}

/// Writes events to standard output.
pub struct Printer {
    format: Format,
    out: std::io::BufWriter<std::io::Stdout>,
    width: usize,
    /// Columns of an offset.
    digits: usize,
}

impl Printer {
    /// A printer; offsets are expected to have few digits.
    #[must_use]
    pub fn new(format: Format) -> Printer {
        let width = match is_for_people() {
            true => crossterm::terminal::size().map_or(usize::MAX, |(columns, _)| columns.into()),
            false => usize::MAX,
        };
        Printer {
            format,
            out: std::io::BufWriter::with_capacity(1 << 16, std::io::stdout()),
            width,
            digits: 6,
        }
    }

    /// Writes the events in lines of JSON, at once.
    ///
    /// # Errors
    /// Standard output cannot be written to, or YAML not say what the event holds.
    pub fn print(&mut self, lines: &[u8]) -> std::io::Result<()> {
        if self.format == Format::Json {
            self.out.write_all(lines)?;
        } else {
            for line in lines.split(|byte| *byte == b'\n').filter(|l| !l.is_empty()) {
                self.event(&row(line), line)?;
            }
        }
        self.out.flush()
    }

    fn event(&mut self, row: &Row, raw: &[u8]) -> std::io::Result<()> {
        let out = &mut self.out;
        match self.format {
            Format::Json => {
                out.write_all(&one_line(raw))?;
                out.write_all(b"\n")
            }
            Format::Yaml => {
                let value: serde_json::Value = crate::model::json::read(raw)?;
                out.write_all(b"---\n")?;
                serde_norway::to_writer(out, &value).map_err(std::io::Error::other)
            }
            Format::Table => table_line(out, row, raw, self.digits, self.width),
        }
    }
}

/// The columns of an event that no log holds.
fn row(event: &[u8]) -> Row {
    let event_type = peek::text_member(event, "type").unwrap_or_default();
    let kind = match serde_json::from_slice::<serde::de::IgnoredAny>(event) {
        Ok(_) => Kind::classify(&event_type, || peek::member(event, "payload")),
        Err(_) => Kind::Unreadable,
    };
    Row {
        offset: wire::offset(event).map(Offset),
        time: peek::text_member(event, "createdAt").and_then(|text| Millis::parse(&text)),
        kind,
        event_type: event_type.into(),
    }
}

fn last_offset(reading: &Reading) -> u64 {
    let rows = (0..reading.log.len()).rev();
    rows.take(100)
        .find_map(|row| reading.log.row(row)?.offset)
        .map_or(0, |offset| offset.0)
}

fn table_line(
    out: &mut impl Write,
    row: &Row,
    raw: &[u8],
    digits: usize,
    width: usize,
) -> std::io::Result<()> {
    let offset = row.offset.map_or_else(String::new, |o| o.to_string());
    let time = row.time.as_ref().map(Millis::to_string).unwrap_or_default();
    let family = harmless(family(&row.event_type), 28);
    let line = format!(
        "{offset:>digits$}  {time:<24}  {:<10}  {family:<28}  {}",
        row.kind.word(),
        summary(&row.event_type, raw),
    );
    writeln!(out, "{}", cut(line.trim_end(), width))
}

/// The text in so many columns, with `…` for the rest.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut used = 0;
    let mut kept: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used < columns
        })
        .collect();
    kept.push('…');
    kept
}
