//! Events received of a stream, kept in a file of JSON lines: memory stays bounded however long
//! the stream is, and opening it again goes on where it ended.
//!
//! One file a stream, named by service, project and path, in the user's cache folder. Whole lines
//! are written in the order of offsets; a crash can tear the last ones, which are cut off when the
//! file is opened. It is never synced: whatever is lost is fetched again. One process at a time
//! uses it (a lock on the file); another one that reads the same stream keeps an unnamed copy of
//! its own.

use super::wire;
use crate::model::path::{Project, StreamPath};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Files that nobody opened for this long are removed.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Bytes of the end that are looked through for a whole line.
const END: u64 = 64 << 10;

/// The received events of one stream.
pub struct Cache {
    /// The lines, for reading by position.
    pub file: File,
    /// Where it is; `None` for an unnamed file.
    pub path: Option<PathBuf>,
    /// Bytes in it, all of them whole lines.
    pub bytes: u64,
    /// The first event's text, when there is one.
    pub first: Option<Vec<u8>>,
    /// The last event's offset and text, when there is one.
    pub last: Option<(u64, Vec<u8>)>,
}

impl Cache {
    /// The file name of a stream's cache.
    #[must_use]
    pub fn name(url: &str, project: &Project, path: &StreamPath) -> String {
        let readable: String = format!("{}{path}", url.split("//").last().unwrap_or(url))
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .take(80)
            .collect();
        let whole = format!("{url}\n{project}\n{path}");
        format!("{readable}-{:016x}.jsonl", fnv(whole.as_bytes()))
    }

    /// Opens the cache of this name in a folder, which is made if need be. With no folder, or when
    /// another process uses the file, it is an unnamed one that vanishes in the end.
    ///
    /// # Errors
    /// No file can be made at all.
    pub fn open(folder: Option<&Path>, name: &str) -> io::Result<Cache> {
        if let Some(folder) = folder
            && let Some(cache) = Cache::named(folder, name)?
        {
            return Ok(cache);
        }
        Ok(Cache {
            file: tempfile::tempfile()?,
            path: None,
            bytes: 0,
            first: None,
            last: None,
        })
    }

    fn named(folder: &Path, name: &str) -> io::Result<Option<Cache>> {
        make_private(folder)?;
        sweep(folder, name);
        let path = folder.join(name);
        let file = open_private(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Only for the sweep of files long unused.
        let _ = file.set_modified(SystemTime::now());
        let mut cache = Cache {
            file,
            path: Some(path),
            bytes: 0,
            first: None,
            last: None,
        };
        cache.look()?;
        Ok(Some(cache))
    }

    /// Finds both ends and cuts off what is torn; a file without a whole event at each end is
    /// emptied.
    fn look(&mut self) -> io::Result<()> {
        let size = self.file.metadata()?.len();
        let Some((end, last)) = self.last_line(size)? else {
            return self.empty();
        };
        let mut first = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        let mut reader = io::BufReader::new(&self.file);
        io::BufRead::read_until(&mut reader, b'\n', &mut first)?;
        first.pop();
        if wire::offset(&first).is_none() {
            return self.empty();
        }
        if end < size {
            self.file.set_len(end)?;
        }
        self.file.seek(SeekFrom::Start(end))?;
        self.bytes = end;
        self.first = Some(first);
        self.last = wire::offset(&last).map(|offset| (offset, last));
        Ok(())
    }

    fn empty(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()
    }

    /// The last whole event and where its line ends.
    fn last_line(&mut self, size: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
        let mut window = END;
        loop {
            let from = size.saturating_sub(window);
            self.file.seek(SeekFrom::Start(from))?;
            let mut bytes = Vec::new();
            (&self.file).take(size - from).read_to_end(&mut bytes)?;
            let mut end = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
            while end > 0 {
                let start = match memchr::memrchr(b'\n', &bytes[..end - 1]) {
                    Some(newline) => newline + 1,
                    None if from == 0 => 0,
                    None => break,
                };
                let line = &bytes[start..end - 1];
                let whole = serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
                if whole && wire::offset(line).is_some() {
                    return Ok(Some((from + end as u64, line.to_vec())));
                }
                end = start;
            }
            if from == 0 {
                return Ok(None);
            }
            window *= 16;
        }
    }

    /// Moves the file out of the way of a fresh one; gives its new place.
    ///
    /// # Errors
    /// It cannot be renamed.
    pub fn set_aside(path: &Path) -> io::Result<PathBuf> {
        let aside = path.with_extension("old.jsonl");
        std::fs::rename(path, &aside)?;
        Ok(aside)
    }
}

/// Appends whole lines.
///
/// # Errors
/// The disk is full, or fails; part of the lines may be written.
pub fn append(mut file: &File, lines: &[u8]) -> io::Result<()> {
    file.write_all(lines)
}

/// FNV-1a: the same in every release, which the standard library's hashers are not.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What agents write is nobody else's business.
#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// Removes caches long unused. What cannot be removed stays: it is looked at again next time.
fn sweep(folder: &Path, but: &str) {
    let old = |entry: &std::fs::DirEntry| {
        let modified = entry.metadata().and_then(|m| m.modified()).ok();
        modified.and_then(|at| at.elapsed().ok()) > Some(KEPT)
    };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ours = Path::new(&name).extension().is_some_and(|e| e == "jsonl");
        if ours && name != *but && old(&entry) {
            // One in use for a month without an event is locked.
            let free = File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
            if free {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(bytes: &[u8]) -> (Cache, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.jsonl"), bytes).unwrap();
        let cache = Cache::open(Some(folder.path()), "x.jsonl").unwrap();
        append(&cache.file, b"+").unwrap();
        let now = std::fs::read(folder.path().join("x.jsonl")).unwrap();
        (cache, now)
    }

    #[test]
    fn a_torn_end_is_cut_off_and_written_over() {
        let whole = b"{\"offset\":1}\n{\"offset\":2}\n";
        for torn in [
            &b""[..],
            b"{\"off",
            b"{\"offset\":3}",
            b"\0\0\0\n",
            b"{\"offset\":3\n{\"x",
        ] {
            let (cache, now) = opened(&[&whole[..], torn].concat());
            assert_eq!(cache.bytes, whole.len() as u64, "{torn:?}");
            assert_eq!(now, [&whole[..], b"+"].concat(), "{torn:?}");
            assert_eq!(cache.first.as_deref(), Some(&b"{\"offset\":1}"[..]));
            assert_eq!(cache.last, Some((2, b"{\"offset\":2}".to_vec())));
        }
    }

    #[test]
    fn a_file_without_events_is_emptied() {
        for rubbish in [
            &b""[..],
            b"\0\0\0\0",
            b"hello\n",
            b"hello\n{\"offset\":2}\n",
        ] {
            let (cache, now) = opened(rubbish);
            assert!(cache.first.is_none() && cache.last.is_none(), "{rubbish:?}");
            assert_eq!((cache.bytes, &now[..]), (0, &b"+"[..]), "{rubbish:?}");
        }
    }

    #[test]
    fn a_last_line_longer_than_the_first_look() {
        let long = format!("{{\"x\":\"{}\",\"offset\":2}}", "x".repeat(100_000));
        let (cache, _) = opened(format!("{{\"offset\":1}}\n{long}\n{{\"torn").as_bytes());
        assert_eq!(cache.last, Some((2, long.into_bytes())));
    }

    #[test]
    fn two_at_once_do_not_share_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let first = Cache::open(Some(folder.path()), "x.jsonl").unwrap();
        let second = Cache::open(Some(folder.path()), "x.jsonl").unwrap();
        assert!(first.path.is_some() && second.path.is_none());
        append(&second.file, b"{\"offset\":1}\n").unwrap();
        drop(first);
        let third = Cache::open(Some(folder.path()), "x.jsonl").unwrap();
        assert!(third.path.is_some() && third.last.is_none());
    }

    #[test]
    fn streams_have_names_of_their_own() {
        let name = |url: &str, project: &str, path: &str| {
            Cache::name(url, &project.parse().unwrap(), &path.parse().unwrap())
        };
        let one = name("https://h", "public", "/a/b");
        assert!(one.starts_with("h-a-b-"), "{one}");
        for other in [
            name("https://h", "public", "/a-b"),
            name("https://h", "other", "/a/b"),
            name("http://h", "public", "/a/b"),
        ] {
            assert_ne!(one, other);
        }
    }
}
