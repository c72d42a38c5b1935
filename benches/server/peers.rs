//! Who is measured: how each is started, appended to, followed and read.

use super::wire::{Conn, FIRST_NUMBER, command};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The first word of the command line of the floor's process.
pub const FLOOR: &str = "__floor";
/// Bytes of an event's JSON as it is sent.
const EVENT_BYTES: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Evtui,
    /// A bare axum handler with group commit, in this file's folder.
    Floor,
    /// Streams, `appendfsync always`.
    Redis,
    /// The reference server of durable-streams, from npm, on files.
    DurableStreams,
}

impl Peer {
    pub const ALL: [Peer; 4] = [Peer::Evtui, Peer::Floor, Peer::Redis, Peer::DurableStreams];

    pub fn name(self) -> &'static str {
        match self {
            Peer::Evtui => "evtui",
            Peer::Floor => "floor",
            Peer::Redis => "redis",
            Peer::DurableStreams => "durable-streams",
        }
    }

    /// What is missing to measure it here.
    pub fn missing(self) -> Option<String> {
        let runs = |program: &str| {
            let mut command = Command::new(program);
            command
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        match self {
            Peer::Evtui | Peer::Floor => None,
            Peer::Redis => (!runs("redis-server")).then(|| "redis-server is not installed".into()),
            Peer::DurableStreams => {
                let package = durable_streams();
                let there = runs("node") && package.exists();
                (!there).then(|| format!("no node, or no {}", package.display()))
            }
        }
    }

    /// Slow peers get fewer events where many must be there first.
    pub fn share_of(self, events: u64) -> u64 {
        match self {
            Peer::DurableStreams => (events / 20).max(1),
            _ => events,
        }
    }

    /// Starts it on a folder and waits until it answers.
    pub async fn start(self, folder: &Path) -> io::Result<Running> {
        fs::create_dir_all(folder)?;
        let started = Instant::now();
        let mut command = self.command(folder)?;
        let mut child = command
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let out = child
            .stdout
            .take()
            .ok_or_else(|| io::Error::other("no output"))?;
        let mut running = Running {
            peer: self,
            child,
            address: String::new(),
            ready: Duration::ZERO,
        };
        let mut lines = BufReader::new(out);
        running.address = match command.port {
            Some(port) => format!("127.0.0.1:{port}"),
            None => loop {
                let mut line = String::new();
                if lines.read_line(&mut line)? == 0 {
                    return Err(io::Error::other(format!("{} did not start", self.name())));
                }
                if let Some(base) = line.trim_end().strip_prefix("listening on http://") {
                    break base.trim_end_matches('/').to_owned();
                }
            },
        };
        // Nothing more is read; the pipe must not fill up.
        std::thread::spawn(move || io::copy(&mut lines, &mut io::sink()));
        while !running.answers().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        running.ready = started.elapsed();
        Ok(running)
    }

    fn command(self, folder: &Path) -> io::Result<Started> {
        let mut port = None;
        let command = match self {
            Peer::Evtui => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_evtui"));
                command
                    .args(["serve", "--port", "0", "--breaker", "off", "--data"])
                    .arg(folder);
                command
            }
            Peer::Floor => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg(FLOOR).arg(folder);
                command
            }
            Peer::Redis => {
                let free = std::net::TcpListener::bind("127.0.0.1:0")?
                    .local_addr()?
                    .port();
                port = Some(free);
                let mut command = Command::new("redis-server");
                command.args([
                    "--port",
                    &free.to_string(),
                    "--save",
                    "",
                    "--appendonly",
                    "yes",
                ]);
                command
                    .args(["--appendfsync", "always", "--dir"])
                    .arg(folder);
                command
            }
            Peer::DurableStreams => {
                let script = folder.join("run.mjs");
                fs::write(&script, durable_streams_script()?)?;
                let mut command = Command::new("node");
                command.arg(script).arg(folder.join("data"));
                command
            }
        };
        Ok(Started { command, port })
    }

    /// One event with this number.
    pub fn append(self, stream: &str, number: u64) -> Vec<u8> {
        let start = format!("{{\"type\":\"note\",\"payload\":{{\"n\":{number},\"text\":\"");
        let text = "x".repeat(EVENT_BYTES - start.len() - 3);
        let event = format!("{start}{text}\"}}}}");
        match self {
            Peer::Redis => command(&["XADD", stream, "*", "event", &event]),
            _ => format!(
                "POST {} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{event}",
                self.target(stream),
                event.len()
            )
            .into_bytes(),
        }
    }

    fn target(self, stream: &str) -> String {
        match self {
            Peer::DurableStreams => format!("/v1/{stream}"),
            _ => format!("/api/streams/{stream}"),
        }
    }
}

struct Started {
    command: Command,
    /// Where it listens, if it was told so.
    port: Option<u16>,
}

fn durable_streams() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-peers");
    folder.join("node_modules/@durable-streams/server/dist/index.js")
}

fn durable_streams_script() -> io::Result<String> {
    let package = durable_streams();
    let package = package
        .to_str()
        .ok_or_else(|| io::Error::other("a path that is no text"))?;
    Ok(format!(
        "import {{ DurableStreamTestServer }} from {package:?};\n\
         const options = {{ port: 0, host: '127.0.0.1', dataDir: process.argv[2] }};\n\
         const server = new DurableStreamTestServer(options);\n\
         await server.start();\n\
         console.log('listening on ' + (server.url ?? server.baseUrl));\n"
    ))
}

/// A peer's process; killed when it goes out of scope.
pub struct Running {
    pub peer: Peer,
    child: Child,
    pub address: String,
    /// From its start to its first answer.
    pub ready: Duration,
}

impl Running {
    async fn answers(&self) -> bool {
        let Ok(mut conn) = Conn::open(&self.address).await else {
            return false;
        };
        match self.peer {
            Peer::Redis => conn.redis(&command(&["PING"])).await.is_ok(),
            _ => true,
        }
    }

    pub async fn connect(&self) -> io::Result<Conn> {
        Conn::open(&self.address).await
    }

    /// Makes a stream where that is not done by appending.
    pub async fn make(&self, stream: &str) -> io::Result<()> {
        if self.peer == Peer::DurableStreams {
            let request = format!(
                "PUT {} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
                 Content-Length: 0\r\n\r\n",
                self.peer.target(stream)
            );
            return self.connect().await?.http(request.as_bytes()).await;
        }
        Ok(())
    }

    /// One durable append.
    pub async fn append(&self, conn: &mut Conn, request: &[u8]) -> io::Result<()> {
        match self.peer {
            Peer::Redis => conn.redis(request).await.map(drop),
            _ => conn.http(request).await,
        }
    }

    /// A reader of what comes from now on.
    pub async fn follow(&self, stream: &str) -> io::Result<Follower> {
        let mut conn = self.connect().await?;
        let target = self.peer.target(stream);
        let query = match self.peer {
            Peer::Evtui | Peer::Floor => "after=end",
            Peer::DurableStreams => "offset=now&live=sse",
            Peer::Redis => {
                conn.send(&command(&["XREAD", "BLOCK", "0", "STREAMS", stream, "$"]))
                    .await?;
                return Ok(Follower {
                    conn,
                    redis: Some(stream.to_owned()),
                });
            }
        };
        let request = format!("GET {target}?{query} HTTP/1.1\r\nHost: bench\r\n\r\n");
        conn.send(request.as_bytes()).await?;
        // With the head come, the reader is in.
        conn.head().await?;
        Ok(Follower { conn, redis: None })
    }

    /// Reads all of a stream; the bytes that came.
    pub async fn history(&self, stream: &str) -> io::Result<u64> {
        let mut conn = self.connect().await?;
        let target = self.peer.target(stream);
        let query = match self.peer {
            Peer::Evtui | Peer::Floor => "before=end",
            Peer::DurableStreams => "offset=-1",
            Peer::Redis => {
                // What answers the second command ends the first one's reply.
                let range = command(&["XRANGE", stream, "-", "+"]);
                conn.send(&[range, command(&["PING"])].concat()).await?;
                return conn.count(Some(b"+PONG\r\n")).await;
            }
        };
        let request =
            format!("GET {target}?{query} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n");
        conn.send(request.as_bytes()).await?;
        conn.count(None).await
    }

    /// Resident bytes of its process.
    pub fn memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib << 10)
    }

    /// Processor time that its process has used.
    pub fn processor_time(&self) -> Option<Duration> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).ok()?;
        let nanos = tasks.flatten().filter_map(|task| {
            let stat = fs::read_to_string(task.path().join("schedstat")).ok()?;
            stat.split(' ').next()?.parse::<u64>().ok()
        });
        Some(Duration::from_nanos(nanos.sum()))
    }

    /// Ends it in order, so that it can be started again on the same folder.
    pub fn stop(mut self) -> io::Result<()> {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("no process id"))?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait().map(drop)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A live reader.
pub struct Follower {
    conn: Conn,
    /// The stream, where each reply has to be asked for.
    redis: Option<String>,
}

impl Follower {
    /// The number of the next event.
    pub async fn next(&mut self) -> io::Result<u64> {
        let Some(stream) = &self.redis else {
            return self.conn.number().await;
        };
        let reply = self.conn.redis(b"").await?;
        let text = String::from_utf8_lossy(&reply);
        let wrong = || io::Error::other(format!("no event in {text:?}"));
        // An id is made of two numbers and a dash on a line of its own.
        let is_id = |line: &&str| {
            line.split_once('-').is_some_and(|(a, b)| {
                [a, b]
                    .iter()
                    .all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            })
        };
        let id = text.lines().rev().find(is_id).ok_or_else(wrong)?;
        let number = text
            .split("\"n\":")
            .last()
            .and_then(|rest| rest.get(..8)?.parse().ok());
        let number = number.ok_or_else(wrong)?;
        self.conn
            .send(&command(&["XREAD", "BLOCK", "0", "STREAMS", stream, id]))
            .await?;
        Ok(number)
    }
}

/// The number of an event, counted from 0.
pub fn number(count: u64) -> u64 {
    FIRST_NUMBER + count % FIRST_NUMBER
}
