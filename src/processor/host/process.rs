//! One child process: starting it, talking to it, learning of its death.

use crate::processor::frames::{Order, Report};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How much of standard error is kept to tell how the process ended.
const KEPT_ERRORS: usize = 4096;

/// A running box. Dropping it kills the process.
pub struct Process {
    child: Child,
    input: ChildStdin,
    reports: Receiver<Report>,
    errors: Arc<Mutex<Vec<u8>>>,
}

/// The process is gone.
#[derive(Debug)]
pub struct Gone;

impl Process {
    /// Starts `exe __box` with nothing of our environment.
    ///
    /// # Errors
    /// The system's.
    pub fn start(exe: &Path) -> io::Result<Process> {
        let mut child = Command::new(exe)
            .arg("__box")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output), Some(mut error)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("the box has no pipes"));
        };
        let (send, reports) = mpsc::channel();
        thread::Builder::new()
            .name("box reports".into())
            .spawn(move || {
                let mut output = BufReader::with_capacity(1 << 16, output);
                while let Ok(Some(report)) = Report::read(&mut output) {
                    if send.send(report).is_err() {
                        break;
                    }
                }
            })?;
        let errors = Arc::new(Mutex::new(Vec::new()));
        let kept = errors.clone();
        thread::Builder::new()
            .name("box errors".into())
            .spawn(move || {
                let mut chunk = [0; 1024];
                while let Ok(n @ 1..) = error.read(&mut chunk) {
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    let room = KEPT_ERRORS.saturating_sub(kept.len());
                    kept.extend_from_slice(&chunk[..n.min(room)]);
                }
            })?;
        Ok(Process {
            child,
            input,
            reports,
            errors,
        })
    }

    /// Sends an order.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn order(&mut self, order: &Order) -> Result<(), Gone> {
        let mut frame = Vec::new();
        order.put(&mut frame);
        self.send(&frame)
    }

    /// Sends frames that are already written out.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn send(&mut self, frames: &[u8]) -> Result<(), Gone> {
        self.input.write_all(frames).map_err(|_| Gone)
    }

    /// The next report, or `None` when there is none within `wait`.
    ///
    /// # Errors
    /// [`Gone`] once the process has ended and all it said was read.
    pub fn report(&mut self, wait: Duration) -> Result<Option<Report>, Gone> {
        match self.reports.recv_timeout(wait) {
            Ok(report) => Ok(Some(report)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Gone),
        }
    }

    /// How a process that is gone ended, in words.
    pub fn obituary(&mut self) -> String {
        let status = match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let errors = String::from_utf8_lossy(&errors);
        match errors.trim().lines().next() {
            Some(line) if !line.is_empty() => format!("{status}: {line}"),
            _ => status,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
