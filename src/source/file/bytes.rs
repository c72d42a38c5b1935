//! Reading a file by position. Files are read, not mapped: a mapped log that someone truncates
//! kills the reader with SIGBUS, and no page of a log that is read counts as this program's memory.

use std::fs::File;
use std::io;

/// Fills as much of `buffer` as the file has from `at` on; gives how much that was.
pub fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_once(file, &mut buffer[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

#[cfg(unix)]
fn read_once(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_once(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

/// The bytes from `start` to `end`; `None` when the file no longer has them all.
pub fn read_range(file: &File, start: u64, end: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    read_range_into(file, start, end, &mut bytes).then_some(bytes)
}

/// Like [`read_range`], into a buffer that is used again; false when the file is shorter.
pub fn read_range_into(file: &File, start: u64, end: u64, bytes: &mut Vec<u8>) -> bool {
    let Ok(len) = usize::try_from(end.saturating_sub(start)) else {
        return false;
    };
    bytes.resize(len, 0);
    matches!(read_at(file, bytes, start), Ok(n) if n == len)
}

/// What tells that a path now leads to another file.
#[cfg(unix)]
pub fn identity(metadata: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// What tells that a path now leads to another file: its birth, in nanoseconds.
#[cfg(windows)]
pub fn identity(metadata: &std::fs::Metadata) -> (u64, u64) {
    use std::os::windows::fs::MetadataExt;
    (metadata.creation_time(), 0)
}
