//! Limits the operating system keeps for us, and reading our own size.

use std::fs::File;
use std::io::{Read, Seek};

/// Mapped memory the process may use beyond the limit on resident memory: what the allocator and the
/// engine's stack reserve without touching, and room for the watchdog to see an overrun first.
#[cfg(target_os = "linux")]
const SLACK: u64 = 1 << 30;

/// Locks the process down for good: no new files, no writing to files, no endless mapping.
#[cfg(unix)]
pub fn lock(memory: u64) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let set = |resource, value: u64| {
        let limit = Rlimit {
            current: Some(value),
            maximum: Some(value),
        };
        // A system that refuses leaves the watchdog as the only guard.
        let _ = setrlimit(resource, limit);
    };
    set(Resource::Core, 0);
    set(Resource::Fsize, 0);
    set(Resource::Nofile, 0);
    #[cfg(target_os = "linux")]
    set(Resource::As, memory.saturating_add(SLACK));
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

/// Locks the process down: nothing to be had here.
#[cfg(not(unix))]
pub fn lock(_: u64) {}

/// Reads the process's own resident size, through a file opened before files were forbidden.
pub struct Size(Option<File>);

impl Size {
    /// Opens the source.
    pub fn open() -> Size {
        Size(File::open("/proc/self/status").ok())
    }

    /// Resident bytes; `None` where the system does not tell.
    pub fn resident(&mut self) -> Option<u64> {
        let file = self.0.as_mut()?;
        file.rewind().ok()?;
        let mut text = String::with_capacity(2048);
        file.read_to_string(&mut text).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib << 10)
    }
}
