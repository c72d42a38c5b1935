//! One child process: starting it, talking to it, learning of its death.

use crate::processor::frames::{Order, Report};
use crate::processor::process::{Boxed, LastWords};
use std::io::{self, BufReader, Write};
use std::path::Path;
use std::process::ChildStdin;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// A running box. Dropping it kills the process.
pub struct Process {
    boxed: Boxed,
    input: ChildStdin,
    reports: Receiver<Report>,
    words: LastWords,
}

/// The process is gone.
#[derive(Debug)]
pub struct Gone;

impl Process {
    /// Starts `exe __box`.
    ///
    /// # Errors
    /// The system's.
    pub fn start(exe: &Path) -> io::Result<Process> {
        let (boxed, pipes) = Boxed::start(exe, None)?;
        let (send, reports) = mpsc::channel();
        thread::Builder::new()
            .name("box reports".into())
            .spawn(move || {
                let mut output = BufReader::with_capacity(1 << 16, pipes.output);
                while let Ok(Some(report)) = Report::read(&mut output) {
                    if send.send(report).is_err() {
                        break;
                    }
                }
            })?;
        let words = LastWords::default();
        let hearing = words.clone();
        thread::Builder::new()
            .name("box errors".into())
            .spawn(move || hearing.hear(pipes.error))?;
        Ok(Process {
            boxed,
            input: pipes.input,
            reports,
            words,
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
        let status = self.boxed.wait();
        self.words.obituary(&status)
    }
}
