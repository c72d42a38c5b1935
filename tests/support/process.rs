//! `evtui serve` as a process of its own, and a plain connection to it.

#![allow(dead_code)] // Each test uses its part.

use serde_json::Value;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longest that a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(180);

/// A server, killed when it goes out of scope.
pub struct Server {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    log: File,
    /// `http://HOST:PORT`
    pub base: String,
}

/// The command, in surroundings of its own.
pub fn command(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evtui"));
    command
        .arg("serve")
        .env_clear()
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CONFIG_HOME", home.join("config"));
    command
}

/// Starts a server on a free port and waits until it says that it is ready.
pub fn serve(home: &Path, args: &[&str]) -> Server {
    let mut command = command(home);
    command.args(["--port", "0"]).args(args);
    start(command)
}

pub fn start(mut command: Command) -> Server {
    let log = tempfile::tempfile().unwrap();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log.try_clone().unwrap())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let mut server = Server {
        child,
        stdout,
        log,
        base: String::new(),
    };
    let base = line
        .strip_prefix("listening on ")
        .and_then(|rest| rest.strip_suffix('\n'));
    match base {
        Some(base) => base.clone_into(&mut server.base),
        None => panic!("said {line:?}\n{}", server.log()),
    }
    server
}

impl Server {
    pub fn address(&self) -> &str {
        self.base.strip_prefix("http://").unwrap()
    }

    /// What it wrote to standard error so far.
    pub fn log(&mut self) -> String {
        use std::io::Seek;
        let mut text = String::new();
        self.log.rewind().unwrap();
        self.log.read_to_string(&mut text).unwrap();
        text
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// SIGKILL, as at any moment.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end; what it still wrote to standard output comes along.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let status = wait(&mut self.child);
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (status, rest)
    }
}

/// Waits for the end of a process.
pub fn wait(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(started.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that is kept alive.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub fn open(address: &str) -> io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Connection {
            stream: BufReader::new(stream),
        })
    }

    /// One request; its status and body.
    pub fn call(
        &mut self,
        method: &str,
        target: &str,
        headers: &str,
        body: &str,
    ) -> io::Result<(u16, String)> {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: test\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let status = status
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .unwrap_or(0);
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            chunked |= line == "transfer-encoding: chunked";
        }
        let mut body = Vec::new();
        while chunked {
            let size = usize::from_str_radix(&self.line()?, 16).unwrap();
            self.take(size, &mut body)?;
            self.line()?;
            chunked = size > 0;
        }
        self.take(length, &mut body)?;
        Ok((status, String::from_utf8(body).unwrap()))
    }

    /// Appends an event and gives the stored one.
    pub fn append(&mut self, path: &str, event: &Value) -> io::Result<Value> {
        let target = format!("/api/streams{path}");
        let kind = "Content-Type: application/json\r\n";
        let (status, body) = self.call("POST", &target, kind, &event.to_string())?;
        if status != 200 {
            return Err(io::Error::other(format!("{status}: {body}")));
        }
        let answer: Value = serde_json::from_str(&body)?;
        Ok(answer["event"].clone())
    }

    /// The events of a stream after an offset.
    pub fn history(&mut self, path: &str, after: u64) -> io::Result<Vec<Value>> {
        let after = match after {
            0 => "start".to_owned(),
            after => after.to_string(),
        };
        let target = format!("/api/streams{path}?after={after}&before=end&format=ndjson");
        let (status, body) = self.call("GET", &target, "", "")?;
        assert_eq!(status, 200, "{body}");
        Ok(body
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect())
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    fn take(&mut self, size: usize, into: &mut Vec<u8>) -> io::Result<()> {
        let start = into.len();
        into.resize(start + size, 0);
        self.stream.read_exact(&mut into[start..])
    }
}
