//! An event service that speaks the wire by hand, so that it can do what no good service does; and
//! a proxy that hurts connections.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// How a peer behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// Generation of names for the bounds that it knows: 0 for the newest; others are a 400.
    pub names: usize,
    /// History as lines of JSON where they are asked for.
    pub lines: bool,
    /// Events before the lower bound that it sends all the same.
    pub again: u64,
    /// It takes any name and keeps to none: all events, then live.
    pub ignores: bool,
    /// It packs finite bodies with gzip where that is accepted.
    pub packs: bool,
    /// It ends a finite body with `event: done`.
    pub says_done: bool,
    /// It lets the client believe that a connection is kept, and hangs up at the next request.
    pub hangs_up: bool,
}

/// One stream, `/a`.
pub struct Peer {
    pub url: String,
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    events: Vec<String>,
    /// Counts destructions: readers of an older life are closed.
    life: usize,
    done: bool,
    requests: Vec<String>,
    packed: usize,
    refusals: usize,
}

impl Peer {
    pub fn start(manners: Manners) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared: Arc<(Mutex<State>, Condvar)> = Arc::default();
        let given = Arc::clone(&shared);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&given);
                // A client that goes away ends the thread.
                std::thread::spawn(move || serve(connection, manners, &shared));
            }
        });
        Peer { url, shared }
    }

    /// Appends `n` events with text of several bytes a character; gives all events.
    pub fn append(&self, n: usize) -> Vec<String> {
        let mut state = self.shared.0.lock().unwrap();
        for _ in 0..n {
            let offset = state.events.len() + 1;
            let life = state.life;
            state.events.push(format!(
                r#"{{"streamPath":"/a","type":"user_message","payload":{{"text":"né日😀 {life} {}"}},"offset":{offset},"createdAt":"2026-01-01T00:00:00.{:03}Z"}}"#,
                "x".repeat(offset % 50),
                offset % 1000
            ));
        }
        self.shared.1.notify_all();
        state.events.clone()
    }

    /// Destroys the stream.
    pub fn destroy(&self) {
        let mut state = self.shared.0.lock().unwrap();
        state.events.clear();
        state.life += 1;
        self.shared.1.notify_all();
    }

    /// Says `event: done` to live readers.
    pub fn done(&self) {
        self.shared.0.lock().unwrap().done = true;
        self.shared.1.notify_all();
    }

    /// Bodies packed so far.
    pub fn packed(&self) -> usize {
        self.shared.0.lock().unwrap().packed
    }

    /// Request lines of reads so far.
    pub fn requests(&self) -> Vec<String> {
        self.shared.0.lock().unwrap().requests.clone()
    }

    /// How many of them asked in a way that it does not know.
    pub fn refusals(&self) -> usize {
        self.shared.0.lock().unwrap().refusals
    }
}

fn serve(
    mut connection: TcpStream,
    manners: Manners,
    shared: &(Mutex<State>, Condvar),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let (mut request, mut lines, mut packs) = (String::new(), false, false);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if request.is_empty() {
            request = line.trim().to_owned();
        }
        lines |= line.to_ascii_lowercase().starts_with("accept:") && line.contains("ndjson");
        packs |= line.to_ascii_lowercase().starts_with("accept-encoding:") && line.contains("gzip");
        if line == "\r\n" {
            break;
        }
    }
    let answer = |connection: &mut TcpStream, status: &str, body: &str| {
        write!(
            connection,
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let target = request.split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path == "/api/streams/__state/a" {
        let count = shared.0.lock().unwrap().events.len();
        return answer(
            &mut connection,
            "200 OK",
            &format!("{{\"eventCount\": {count}}}"),
        );
    }
    // A client asks for the state or not, as fast as the machine is: only reads are counted.
    shared.0.lock().unwrap().requests.push(request.clone());
    if path != "/api/streams/a" {
        return answer(
            &mut connection,
            "404 Not Found",
            r#"{"message":"no such route"}"#,
        );
    }
    let known: &[&str] = [
        &["afterOffset", "beforeOffset"][..],
        &["after", "before"],
        &["offset", "live"],
    ][manners.names];
    let (mut after, mut before, mut live) = (0u64, None::<u64>, None);
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        if manners.ignores {
            continue;
        }
        let Some(at) = known.iter().position(|k| *k == name) else {
            shared.0.lock().unwrap().refusals += 1;
            let body = format!(r#"{{"message":"unknown parameter {name}"}}"#);
            return answer(&mut connection, "400 Bad Request", &body);
        };
        match (name, at, value) {
            ("live", _, value) => live = Some(value == "true"),
            (_, 0, value) => after = value.parse().unwrap(),
            (_, _, "end") => before = Some(u64::MAX),
            (_, _, value) => before = Some(value.parse().unwrap()),
        }
    }
    let live = live.unwrap_or(before.is_none());
    let lines = lines && manners.lines && !live;
    let kind = match lines {
        true => "application/x-ndjson",
        false => "text/event-stream",
    };
    let kept = match manners.hangs_up {
        true => "keep-alive",
        false => "close",
    };
    let packs = packs && manners.packs;
    if packs {
        shared.0.lock().unwrap().packed += 1;
    }
    let packing = if packs {
        "content-encoding: gzip\r\n"
    } else {
        ""
    };
    write!(
        connection,
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{packing}connection: {kept}\r\ntransfer-encoding: chunked\r\n\r\n"
    )?;
    let mut pack = packs.then(|| GzEncoder::new(Vec::new(), Compression::default()));
    // An empty chunk is the last.
    let mut chunk = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        if let Some(pack) = &mut pack {
            pack.write_all(&bytes)?;
            match text.is_empty() {
                true => pack.try_finish()?,
                false => pack.flush()?,
            }
            bytes = std::mem::take(pack.get_mut());
        }
        if !bytes.is_empty() {
            write!(connection, "{:x}\r\n", bytes.len())?;
            connection.write_all(&bytes)?;
            connection.write_all(b"\r\n")?;
        }
        if text.is_empty() {
            connection.write_all(b"0\r\n\r\n")?;
        }
        connection.flush()
    };
    if !lines {
        chunk(": hello\n\n")?;
    }
    let mut next = after.saturating_sub(manners.again) as usize;
    let mut state = shared.0.lock().unwrap();
    let life = state.life;
    loop {
        let end = before.map_or(usize::MAX, |before| (before as usize).saturating_sub(1));
        let mut text = String::new();
        for event in state.events.iter().take(end).skip(next) {
            if lines {
                text += &format!("{event}\n");
            } else {
                let id = next + 1;
                text += &format!("id: {id}\nevent: message\ndata: {event}\n\n");
            }
            next += 1;
        }
        let done = state.done;
        drop(state);
        if !text.is_empty() {
            chunk(&text)?;
        }
        if (live && done) || (!live && manners.says_done && !lines) {
            chunk("event: done\ndata: {}\n\n")?;
        }
        if !live || done {
            break;
        }
        state = shared.0.lock().unwrap();
        let more = |state: &mut State| {
            state.life == life && state.events.len() <= next && state.done == done
        };
        state = shared.1.wait_while(state, more).unwrap();
        if state.life != life {
            break;
        }
    }
    chunk("")?;
    if manners.hangs_up {
        // Only when a request came, so that the client cannot have seen it.
        reader.read_line(&mut String::new())?;
    }
    Ok(())
}

/// What happens to the bytes that come back over one connection.
#[derive(Clone, Copy, Debug)]
pub enum Harm {
    /// Nothing.
    None,
    /// The connection is cut after this many bytes.
    Cut(usize),
    /// They come so many at a time.
    Drip(usize),
    /// After this many bytes nothing comes for a while.
    Hold(usize, Duration),
}

/// A proxy in front of a URL; the n-th connection suffers the n-th harm, later ones none.
pub fn proxy(url: &str, harms: Vec<Harm>) -> String {
    let to = url.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut harms = harms.into_iter();
        for client in listener.incoming().flatten() {
            let harm = harms.next().unwrap_or(Harm::None);
            let Ok(server) = TcpStream::connect(&to) else {
                continue;
            };
            let (up_from, up_to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || copy(up_from, up_to, Harm::None));
            std::thread::spawn(move || copy(server, client, harm));
        }
    });
    url
}

fn copy(mut from: TcpStream, mut to: TcpStream, harm: Harm) {
    let mut buffer = [0; 16 << 10];
    let mut left = match harm {
        Harm::Cut(bytes) => bytes,
        _ => usize::MAX,
    };
    let mut passed = 0;
    to.set_nodelay(true).unwrap();
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let bytes = &buffer[..read.min(left)];
        let bytes = match harm {
            Harm::Hold(after, time) if passed <= after && after < passed + bytes.len() => {
                let (before, rest) = bytes.split_at(after - passed);
                passed += before.len();
                if to.write_all(before).is_err() {
                    break;
                }
                std::thread::sleep(time);
                rest
            }
            _ => bytes,
        };
        passed += bytes.len();
        let size = match harm {
            Harm::Drip(size) => size,
            _ => bytes.len().max(1),
        };
        if bytes.chunks(size).any(|piece| to.write_all(piece).is_err()) {
            break;
        }
        left -= read.min(left);
        if left == 0 {
            break;
        }
    }
    // Both ways: a cut connection is cut.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
