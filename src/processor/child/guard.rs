//! Limits the operating system keeps for us, and reading our own size and work.

use std::fs::File;
use std::io::{Read, Seek};
use std::time::Duration;

/// Mapped memory the process may use beyond the limit on resident memory: what the allocator and the
/// engine's stack reserve without touching, and room for the watchdog to see an overrun first.
#[cfg(target_os = "linux")]
const SLACK: u64 = 1 << 30;

/// The niceness of a thread that gives way.
#[cfg(target_os = "linux")]
const GIVING_WAY: i32 = 10;

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

/// The number of the thread that asks, by which the system knows it.
pub fn this_thread() -> Option<i32> {
    let link = std::fs::read_link("/proc/thread-self").ok()?;
    link.file_name()?.to_str()?.parse().ok()
}

/// From now on other threads of the machine go before this one.
#[cfg(target_os = "linux")]
pub fn give_way(thread: i32) {
    use rustix::process::{Pid, setpriority_process};
    // A system that refuses treats all alike.
    let _ = setpriority_process(Pid::from_raw(thread), GIVING_WAY);
}

/// Threads have no priorities of their own here.
#[cfg(not(target_os = "linux"))]
pub fn give_way(_: i32) {}

/// What the system says of this process, through files opened before files were forbidden.
pub struct Gauge {
    status: Option<File>,
    stat: Option<File>,
}

impl Gauge {
    /// Opens the sources.
    pub fn open() -> Gauge {
        Gauge {
            status: File::open("/proc/self/status").ok(),
            stat: File::open("/proc/self/stat").ok(),
        }
    }

    /// Resident bytes; `None` where the system does not tell.
    pub fn resident(&mut self) -> Option<u64> {
        let text = read(self.status.as_mut()?)?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib << 10)
    }

    /// Processor time used so far, of all threads, to 10 ms; `None` where the system does not tell.
    pub fn worked(&mut self) -> Option<Duration> {
        let text = read(self.stat.as_mut()?)?;
        // The name before it may hold anything, spaces and brackets too.
        let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
        let user: u64 = fields.nth(11)?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        // Linux tells it in hundredths of a second on every machine.
        Some(Duration::from_millis((user + system) * 10))
    }
}

fn read(file: &mut File) -> Option<String> {
    file.rewind().ok()?;
    let mut text = String::with_capacity(2048);
    file.read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_size_and_work() {
        let mut gauge = Gauge::open();
        assert!(gauge.resident().is_some_and(|bytes| bytes > 100_000));
        let before = gauge.worked().unwrap();
        while gauge.worked().unwrap() < before + Duration::from_millis(30) {}
    }
}
