//! The cheapest clients that can be: bytes over TCP, so that what is measured is the server.

use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Events of the benchmark carry a number of eight digits, which readers look for.
pub const FIRST_NUMBER: u64 = 10_000_000;
const MARK: &[u8] = b"\"n\":";

/// A connection with what came and was not used yet.
pub struct Conn {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Conn {
    pub async fn open(address: &str) -> io::Result<Conn> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Conn {
            stream,
            buffer: Vec::with_capacity(4096),
        })
    }

    pub async fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request).await
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Waits for the head of an HTTP answer; its length.
    pub async fn head(&mut self) -> io::Result<usize> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                return Ok(end + 4);
            }
            self.fill().await?;
        }
    }

    /// One HTTP exchange whose answer has a `Content-Length` or no body.
    pub async fn http(&mut self, request: &[u8]) -> io::Result<()> {
        self.send(request).await?;
        let head = self.head().await?;
        let status = &self.buffer[9..12];
        if status[0] != b'2' {
            let text = String::from_utf8_lossy(&self.buffer).into_owned();
            return Err(io::Error::other(text));
        }
        let length = content_length(&self.buffer[..head]).unwrap_or(0);
        while self.buffer.len() < head + length {
            self.fill().await?;
        }
        self.buffer.drain(..head + length);
        Ok(())
    }

    /// One Redis exchange; its reply.
    pub async fn redis(&mut self, request: &[u8]) -> io::Result<Vec<u8>> {
        self.send(request).await?;
        loop {
            if let Some(end) = reply_end(&self.buffer, 0) {
                let reply: Vec<u8> = self.buffer.drain(..end).collect();
                return match reply.first() {
                    Some(b'-') => Err(io::Error::other(String::from_utf8_lossy(&reply))),
                    _ => Ok(reply),
                };
            }
            self.fill().await?;
        }
    }

    /// Bytes until the other side closes, or until `end` comes.
    pub async fn count(&mut self, end: Option<&[u8]>) -> io::Result<u64> {
        let mut chunk = vec![0; 256 << 10];
        let mut tail = Vec::new();
        let mut count = 0;
        loop {
            let read = self.stream.read(&mut chunk).await?;
            count += read as u64;
            let Some(end) = end.filter(|_| read > 0) else {
                match read {
                    0 => return Ok(count),
                    _ => continue,
                }
            };
            tail.extend_from_slice(&chunk[read.saturating_sub(end.len())..read]);
            if tail.ends_with(end) {
                return Ok(count);
            }
            tail.drain(..tail.len().saturating_sub(end.len()));
        }
    }

    /// The next number that comes by.
    pub async fn number(&mut self) -> io::Result<u64> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.buffer, MARK) {
                let digits = at + MARK.len()..at + MARK.len() + 8;
                if let Some(found) = self.buffer.get(digits.clone()) {
                    let number = std::str::from_utf8(found).ok().and_then(|n| n.parse().ok());
                    self.buffer.drain(..digits.end);
                    return number.ok_or_else(|| io::Error::other("no number"));
                }
            } else {
                let keep = self.buffer.len().saturating_sub(MARK.len());
                self.buffer.drain(..keep);
            }
            self.fill().await?;
        }
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?;
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is = name.eq_ignore_ascii_case("content-length");
        is.then(|| value.trim().parse().ok()).flatten()
    })
}

/// Where the reply that begins at `at` ends, if all of it is there.
fn reply_end(bytes: &[u8], at: usize) -> Option<usize> {
    let line = at + memchr::memmem::find(bytes.get(at..)?, b"\r\n")?;
    let next = line + 2;
    let size = || {
        std::str::from_utf8(&bytes[at + 1..line])
            .ok()?
            .parse::<i64>()
            .ok()
    };
    match bytes[at] {
        b'$' => match usize::try_from(size()?) {
            Ok(size) => (bytes.len() >= next + size + 2).then_some(next + size + 2),
            Err(_) => Some(next),
        },
        b'*' => {
            let mut end = next;
            for _ in 0..size()?.max(0) {
                end = reply_end(bytes, end)?;
            }
            Some(end)
        }
        _ => Some(next),
    }
}

/// A Redis command.
pub fn command(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    out
}
