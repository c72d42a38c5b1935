//! Input that cannot be read twice (standard input, a pipe): kept in an unnamed temporary file, so
//! that memory stays bounded however much comes.

use super::shared::Shared;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::{Arc, Weak};

const BLOCK: usize = 64 << 10;

/// An unnamed file to spool to.
pub fn spool_file() -> io::Result<File> {
    tempfile::tempfile()
}

/// Copies everything from `input` to the spool and tells of it, until the input ends or nobody
/// looks any more.
pub fn spool(mut input: impl Read, mut to: File, shared: &Weak<Shared>) {
    let mut block = vec![0; BLOCK];
    let mut bytes = 0;
    let ended = loop {
        let read = match input.read(&mut block) {
            Ok(0) => break None,
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => break Some(format!("cannot read on: {e}")),
        };
        if let Err(e) = to.write_all(&block[..read]) {
            break Some(format!("cannot keep the input in a temporary file: {e}"));
        }
        bytes += read as u64;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        shared.order(|orders| orders.spooled = Some(bytes));
    };
    if let Some(shared) = shared.upgrade() {
        end(&shared, ended);
    }
}

fn end(shared: &Arc<Shared>, failure: Option<String>) {
    if failure.is_some() {
        shared.write().failure = failure;
    }
    shared.order(|orders| orders.ended = true);
}
