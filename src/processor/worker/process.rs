//! One live child process: its pipes, and the task that serves what it asks for.

use super::fetch::{Fetcher, Gateway};
use super::outside::Outside;
use super::serve::Server;
use crate::processor::frames::live::{Order, Report};
use crate::processor::process::{Boxed, LastWords, frame};
use bytes::Bytes;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Frames on their way to the process before the senders wait.
const QUEUED: usize = 64;

/// A running live worker. Dropping it kills the process and whatever it has going on.
pub struct Process {
    boxed: Boxed,
    orders: mpsc::Sender<Bytes>,
    reports: mpsc::Receiver<Report>,
    words: LastWords,
    tasks: Vec<JoinHandle<()>>,
}

/// The process is gone.
#[derive(Debug)]
pub struct Gone;

impl Process {
    /// Starts `exe __box live`.
    ///
    /// # Errors
    /// The system's.
    pub fn start(
        exe: &Path,
        outside: Arc<dyn Outside>,
        fetcher: Arc<Fetcher>,
        gateway: Option<Gateway>,
    ) -> io::Result<Process> {
        let (boxed, pipes) = Boxed::start(exe, Some("live"))?;
        let (orders, queue) = mpsc::channel(QUEUED);
        let (send, reports) = mpsc::channel(QUEUED);
        let input = pipe::Sender::from_owned_fd(pipes.input.into())?;
        let output = pipe::Receiver::from_owned_fd(pipes.output.into())?;
        let error = pipe::Receiver::from_owned_fd(pipes.error.into())?;
        let server = Server::new(outside, fetcher, gateway, orders.clone());
        let words = LastWords::default();
        let tasks = vec![
            tokio::spawn(write(input, queue)),
            tokio::spawn(read(output, send, server)),
            tokio::spawn(words.clone().hear_aside(error)),
        ];
        Ok(Process {
            boxed,
            orders,
            reports,
            words,
            tasks,
        })
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
        let status = self.boxed.wait_aside().await;
        self.words.obituary(&status)
    }

    /// The process's number, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.boxed.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
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
    while let Some((kind, body)) = frame(&mut output).await
        && let Ok(report) = Report::decode(kind, &body)
    {
        if let Some(report) = server.serve(report)
            && send.send(report).await.is_err()
        {
            break;
        }
    }
}
