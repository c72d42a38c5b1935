//! One live child process: its pipes, and the task that serves what it asks for.

use super::fetch::{Fetcher, Gateway};
use super::outside::Outside;
use super::serve::Server;
use crate::processor::frames::live::{Order, Report};
use bytes::Bytes;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How much of standard error is kept to tell how the process ended.
const KEPT_ERRORS: usize = 4096;
/// Longest frame that is believed.
const MAX_FRAME: usize = 1 << 30;
/// Frames on their way to the process before the senders wait.
const QUEUED: usize = 64;

/// A running live worker. Dropping it kills the process and whatever it has going on.
pub struct Process {
    child: Option<Child>,
    orders: mpsc::Sender<Bytes>,
    reports: mpsc::Receiver<Report>,
    errors: Arc<Mutex<Vec<u8>>>,
    tasks: Vec<JoinHandle<()>>,
}

/// The process is gone.
#[derive(Debug)]
pub struct Gone;

impl Process {
    /// Starts `exe __box live` with nothing of our environment.
    ///
    /// # Errors
    /// The system's.
    pub fn start(
        exe: &Path,
        outside: Arc<dyn Outside>,
        fetcher: Arc<Fetcher>,
        gateway: Option<Gateway>,
    ) -> io::Result<Process> {
        let mut child = Command::new(exe)
            .args(["__box", "live"])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output), Some(error)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("the worker has no pipes"));
        };
        let (orders, queue) = mpsc::channel(QUEUED);
        let (send, reports) = mpsc::channel(QUEUED);
        // From here on an early return ends the process.
        let mut process = Process {
            child: Some(child),
            orders,
            reports,
            errors: Arc::default(),
            tasks: Vec::new(),
        };
        let input = pipe::Sender::from_owned_fd(input.into())?;
        let output = pipe::Receiver::from_owned_fd(output.into())?;
        let error = pipe::Receiver::from_owned_fd(error.into())?;
        let server = Server::new(outside, fetcher, gateway, process.orders.clone());
        process.tasks = vec![
            tokio::spawn(write(input, queue)),
            tokio::spawn(read(output, send, server)),
            tokio::spawn(keep(error, process.errors.clone())),
        ];
        Ok(process)
    }

    /// Sends an order.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn order(&self, order: &Order) -> Result<(), Gone> {
        let mut frame = Vec::new();
        order.put(&mut frame);
        self.send(frame).await
    }

    /// Sends frames that are already written out.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn send(&self, frames: Vec<u8>) -> Result<(), Gone> {
        self.orders.send(frames.into()).await.map_err(|_| Gone)
    }

    /// The next report.
    ///
    /// # Errors
    /// [`Gone`] once the process has ended and all it said was read.
    pub async fn report(&mut self) -> Result<Report, Gone> {
        self.reports.recv().await.ok_or(Gone)
    }

    /// How a process that is gone ended, in words.
    pub async fn obituary(&mut self) -> String {
        let status = match self.child.take() {
            Some(mut child) => tokio::task::spawn_blocking(move || {
                // It is gone already, or its pipes are broken: nothing more can come of it.
                let _ = child.kill();
                child.wait()
            })
            .await
            .map_err(io::Error::other)
            .and_then(|status| status),
            None => Err(io::Error::other("it was ended")),
        };
        let status = match status {
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

    /// The process's number, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        if let Some(mut child) = self.child.take() {
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

async fn write(mut input: pipe::Sender, mut queue: mpsc::Receiver<Bytes>) {
    while let Some(frames) = queue.recv().await {
        // A broken pipe is found out about by whoever reads.
        if input.write_all(&frames).await.is_err() {
            break;
        }
    }
}

async fn read(output: pipe::Receiver, send: mpsc::Sender<Report>, mut server: Server) {
    let mut output = BufReader::with_capacity(1 << 16, output);
    while let Some(report) = next(&mut output).await {
        if let Some(report) = server.serve(report)
            && send.send(report).await.is_err()
        {
            break;
        }
    }
}

/// The next report; `None` at the end, or at anything that is none.
async fn next(output: &mut BufReader<pipe::Receiver>) -> Option<Report> {
    let length = output.read_u32_le().await.ok()? as usize;
    let length = length.checked_sub(1).filter(|n| *n < MAX_FRAME)?;
    let kind = output.read_u8().await.ok()?;
    let mut body = vec![0; length];
    output.read_exact(&mut body).await.ok()?;
    Report::decode(kind, &body).ok()
}

async fn keep(mut error: pipe::Receiver, kept: Arc<Mutex<Vec<u8>>>) {
    let mut chunk = [0; 1024];
    while let Ok(n @ 1..) = error.read(&mut chunk).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT_ERRORS.saturating_sub(kept.len());
        kept.extend_from_slice(&chunk[..n.min(room)]);
    }
}
