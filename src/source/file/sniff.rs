//! Tells a log's format by its first bytes.

use super::array::Values;
use super::split::{Lines, Splitter, is_blank, is_space};
use super::sse::{self, Blocks};

/// As many bytes as are looked at.
pub const HEAD: usize = 64 << 10;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Why bytes cannot be a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoLog {
    /// Compressed, with this tool to unpack it.
    Compressed {
        what: &'static str,
        tool: &'static str,
    },
    Utf16,
    Binary,
}

/// Bytes that no log begins with.
pub fn refuse(head: &[u8]) -> Option<NoLog> {
    const MAGIC: [(&[u8], &str, &str); 5] = [
        (b"\x1f\x8b", "gzip", "gunzip -c"),
        (b"\x28\xb5\x2f\xfd", "zstd", "zstd -dc"),
        (b"\xfd7zXZ\0", "xz", "xz -dc"),
        (b"BZh", "bzip2", "bunzip2 -c"),
        (b"PK\x03\x04", "a zip archive", "unzip -p"),
    ];
    for (magic, what, tool) in MAGIC {
        if head.starts_with(magic) {
            return Some(NoLog::Compressed { what, tool });
        }
    }
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Some(NoLog::Utf16);
    }
    // Broken lines are shown as such, but a file whose every first line is noise is another thing.
    let text = |line: &&[u8]| std::str::from_utf8(line).is_ok() && !line.contains(&0);
    let noise = head.split(|b| *b == b'\n').any(|line| !text(&line));
    let events = head
        .split(|b| *b == b'\n')
        .any(|line| line.contains(&b'{') && text(&line));
    let cut = head.len() >= HEAD && !head.contains(&b'\n');
    (noise && !events && !cut).then_some(NoLog::Binary)
}

/// The splitter for a log that begins with `head`, and how many of its bytes are not to be fed to
/// it. `None` while too little is there to tell; `all` says that no more will come before HEAD.
pub fn splitter(head: &[u8], all: bool) -> Option<(Splitter, usize)> {
    let all = all || head.len() >= HEAD;
    let bom = if head.starts_with(BOM) { BOM.len() } else { 0 };
    let lines = || Some((Splitter::Lines(Lines::new(bom as u64)), bom));
    let Some(first) = head[bom..].iter().position(|b| !is_space(*b)) else {
        return if all { lines() } else { None };
    };
    let first = bom + first;
    let rest = &head[first..];
    let values = |skip: usize, array, wrapped| {
        let line = 1 + memchr::memchr_iter(b'\n', &head[..skip]).count() as u64;
        let values = Values::new(skip as u64, line, array, wrapped);
        Some((Splitter::Values(values), skip))
    };
    if rest[0] == b'[' {
        return values(first + 1, true, false);
    }
    let first_line = match memchr::memchr(b'\n', rest) {
        Some(end) => &rest[..end],
        None if all => rest,
        None => return None,
    };
    if rest[0] == b'{' {
        if let Some(skip) = wrapped_array(rest) {
            return values(first + skip, true, true);
        }
        // Pretty-printed: the first line opens an object and says no more than its first member.
        let opens = is_blank(&first_line[1..]) && first_line.len() < rest.len();
        return if opens {
            values(first, false, false)
        } else {
            lines()
        };
    }
    if sse::begins(first_line) {
        return Some((Splitter::Sse(Blocks::new(bom as u64)), bom));
    }
    lines()
}

/// The length of `{"events":[`, however spaced.
fn wrapped_array(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for token in [&b"{"[..], b"\"events\"", b":", b"["] {
        at += bytes[at..].iter().position(|b| !is_space(*b))?;
        if !bytes[at..].starts_with(token) {
            return None;
        }
        at += token.len();
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::super::split::Format;
    use super::*;

    fn format(head: &[u8]) -> Option<(Format, usize)> {
        splitter(head, false).map(|(s, skip)| (s.format(), skip))
    }

    #[test]
    fn formats_by_content() {
        let lines = |skip| Some((Format::Lines, skip));
        assert_eq!(format(b"{\"type\":\"a\"}\n{"), lines(0));
        assert_eq!(format(b"\xef\xbb\xbf{\"type\":\"a\"}\n"), lines(3));
        assert_eq!(format(b"\n\n {\"type\":\"a\"}\n"), lines(0));
        assert_eq!(format(b" [\n"), Some((Format::Values, 2)));
        assert_eq!(format(b"{\n\"type\":"), Some((Format::Values, 0)));
        assert_eq!(format(b"{ \"events\" : [\n"), Some((Format::Values, 14)));
        assert_eq!(format(b":\n\ndata: {}\n"), Some((Format::Sse, 0)));
        assert_eq!(format(b"\xef\xbb\xbfid: 5\r\n"), Some((Format::Sse, 3)));
        assert_eq!(format(b"{\"type\":\"half a li"), None);
        assert_eq!(format(b"  \n"), None);
        assert!(splitter(b"{\"type\":\"half a li", true).is_some());
    }

    #[test]
    fn refuses_what_is_no_log() {
        assert!(matches!(
            refuse(b"\x1f\x8b\x08rest"),
            Some(NoLog::Compressed { what: "gzip", .. })
        ));
        assert_eq!(refuse(b"\x7fELF\x02\x01\0\0\0"), Some(NoLog::Binary));
        assert_eq!(refuse(b"\xff\xfe{\0"), Some(NoLog::Utf16));
        assert_eq!(refuse(b"{\"type\":\"a\"}\n\xff\xff\n"), None);
        assert_eq!(refuse(b""), None);
        assert_eq!(refuse(b"just text\n"), None);
    }
}
