//! What the processes of all boxes have in common: how they are started, and what is known of one that
//! is gone.

use crate::replay::reducer::NoteKind;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, BufReader};
use tokio::net::unix::pipe;

/// How much of standard error is kept to tell how the process ended.
const KEPT_ERRORS: usize = 4096;
/// Longest frame that is believed.
const MAX_FRAME: usize = 1 << 30;

/// A running box. Dropping it kills the process.
pub struct Boxed(Option<Child>);

/// The pipes of a running box.
pub struct Pipes {
    /// Takes its orders.
    pub input: ChildStdin,
    /// Gives its reports.
    pub output: ChildStdout,
    /// Where it may say why it ends.
    pub error: ChildStderr,
}

impl Boxed {
    /// Starts `exe __box`, in its `mode` if there is one, with nothing of our environment.
    ///
    /// # Errors
    /// The system's.
    pub fn start(exe: &Path, mode: Option<&str>) -> io::Result<(Boxed, Pipes)> {
        let mut child = Command::new(exe)
            .arg("__box")
            .args(mode)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-c in the terminal is for us: the box ends when we end it.
            .process_group(0)
            .spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // From here on an early return ends the process.
        let boxed = Boxed(Some(child));
        match pipes {
            (Some(input), Some(output), Some(error)) => Ok((
                boxed,
                Pipes {
                    input,
                    output,
                    error,
                },
            )),
            _ => Err(io::Error::other("the box has no pipes")),
        }
    }

    /// The process's number, until it was waited for.
    pub fn id(&self) -> Option<u32> {
        self.0.as_ref().map(Child::id)
    }

    /// Waits for a process that is gone, or is of no use any more.
    ///
    /// # Errors
    /// The system's; also when it was waited for before.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        match self.0.take() {
            Some(mut child) => {
                // It is gone already, or its pipes are broken: nothing more can come of it.
                let _ = child.kill();
                child.wait()
            }
            None => Err(io::Error::other("it was ended")),
        }
    }

    /// As [`Boxed::wait`], where nobody may be held up.
    ///
    /// # Errors
    /// As there.
    pub async fn wait_aside(&mut self) -> io::Result<ExitStatus> {
        let mut taken = Boxed(self.0.take());
        tokio::task::spawn_blocking(move || taken.wait())
            .await
            .map_err(io::Error::other)?
    }
}

impl Drop for Boxed {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // Already gone is as good.
            let _ = child.kill();
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => {
                    runtime.spawn_blocking(move || child.wait());
                }
                Err(_) => {
                    let _ = child.wait();
                }
            }
        }
    }
}

/// What a process wrote to standard error.
#[derive(Clone, Default)]
pub struct LastWords(Arc<Mutex<Vec<u8>>>);

impl LastWords {
    fn take(&self, chunk: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT_ERRORS.saturating_sub(kept.len());
        kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }

    /// Listens until the process has ended.
    pub fn hear(&self, mut error: ChildStderr) {
        let mut chunk = [0; 1024];
        while let Ok(n @ 1..) = error.read(&mut chunk) {
            self.take(&chunk[..n]);
        }
    }

    /// As [`LastWords::hear`], on a task.
    pub async fn hear_aside(self, mut error: pipe::Receiver) {
        let mut chunk = [0; 1024];
        while let Ok(n @ 1..) = error.read(&mut chunk).await {
            self.take(&chunk[..n]);
        }
    }

    /// How the process ended, in words.
    pub fn obituary(&self, status: &io::Result<ExitStatus>) -> String {
        let status = match status {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let errors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let errors = String::from_utf8_lossy(&errors);
        match errors.trim().lines().next() {
            Some(line) if !line.is_empty() => format!("{status}: {line}"),
            _ => status,
        }
    }
}

/// What a process died of that ended without a report: `obituary` as above, `memory` its limit.
pub fn cause(obituary: String, memory: u64) -> NoteKind {
    if obituary.contains("memory allocation of") {
        NoteKind::OutOfMemory { limit: memory }
    } else {
        NoteKind::Crashed { message: obituary }
    }
}

/// The next frame (see [`super::frames`]): its kind and what it holds. `None` at the end, or at
/// anything that is none.
pub async fn frame(output: &mut BufReader<pipe::Receiver>) -> Option<(u8, Vec<u8>)> {
    let length = output.read_u32_le().await.ok()? as usize;
    let length = length.checked_sub(1).filter(|n| *n < MAX_FRAME)?;
    let kind = output.read_u8().await.ok()?;
    let mut body = vec![0; length];
    output.read_exact(&mut body).await.ok()?;
    Some((kind, body))
}
