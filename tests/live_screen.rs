//! The real binary on a pseudo-terminal, on a real service in this process: a stream is followed,
//! rewound, come back to, through bursts, resizes and a service that goes away.
#![cfg(unix)]

#[path = "support/terminal.rs"]
mod terminal;

use evtui::runtime::local::{Data, Local};
use evtui::service::{BreakerPolicy, Options};
use evtui::source::remote::Remote;
use evtui::source::remote::client::Server;
use std::sync::Arc;
use terminal::Terminal;

const STREAM: &str = "/demo/agent";

fn serve(data: &Data, port: u16) -> Local {
    let options = Options {
        breaker: BreakerPolicy::Off,
        ..Options::default()
    };
    Local::start(data, port, options).unwrap()
}

struct Writer(Remote);

impl Writer {
    fn to(url: &str) -> Writer {
        let server = Server {
            url: Server::parse_url(url).unwrap(),
            project: "public".parse().unwrap(),
            token: None,
        };
        Writer(Remote::new(server, None).unwrap())
    }

    fn append(&self, event_type: &str, n: usize) -> u64 {
        let path = STREAM.parse().unwrap();
        let mut last = 0;
        for i in 0..n {
            let input = format!(r#"{{"type":"{event_type}","payload":{{"content":"word{i}"}}}}"#);
            let stored = self.0.wait(self.0.client().append(&path, input)).unwrap();
            last = stored.unwrap().offset;
        }
        last
    }
}

/// The screen on a stream, with a cache folder of its own.
fn screen(url: &str, args: &[&str], caches: &tempfile::TempDir) -> Terminal {
    let args = [&["--url", url, STREAM][..], args].concat();
    let vars = [("XDG_CACHE_HOME", caches.path().to_str().unwrap())];
    Terminal::start_with(&args, &vars, 120, 40)
}

#[test]
fn live_rewound_and_back() {
    let (server, caches) = (serve(&Data::Memory, 0), tempfile::tempdir().unwrap());
    let writer = Writer::to(server.url());
    assert_eq!(writer.append("user_message", 20), 21);
    let mut terminal = screen(server.url(), &[], &caches);
    let text = terminal.wait("showed the end live", |text| {
        text.contains("offset 21/21") && text.contains("LIVE")
    });
    assert!(text.contains(STREAM), "{text}");
    writer.append("user_message", 1);
    assert!(terminal.shows("offset 22/22").contains("LIVE"));
    terminal.press("h");
    assert!(terminal.shows("offset 21/22").contains("REWOUND"));
    writer.append("user_message", 3);
    assert!(terminal.shows("offset 21/25").contains("+3"));
    // The state goes on being folded underneath, and is here at once.
    terminal.press("G");
    assert!(terminal.shows("offset 25/25").contains("LIVE"));
    terminal.shows("STATE @25");
    terminal.press("gf");
    assert!(terminal.shows("offset 25/25").contains("LIVE"));
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
    // A second session begins with what is kept.
    let mut terminal = screen(server.url(), &["--at", "7"], &caches);
    assert!(terminal.shows("offset 7/25").contains("REWOUND"));
    terminal.press("G");
    terminal.wait("followed again", |text| {
        text.contains("offset 25/25") && text.contains("LIVE")
    });
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
}

#[test]
fn a_burst_while_the_terminal_is_resized() {
    let (server, caches) = (serve(&Data::Memory, 0), tempfile::tempdir().unwrap());
    let writer = Arc::new(Writer::to(server.url()));
    writer.append("user_message", 1);
    let mut terminal = screen(server.url(), &[], &caches);
    terminal.shows("LIVE");
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let writer = Arc::clone(&writer);
            std::thread::spawn(move || writer.append("llm-chunk", 100))
        })
        .collect();
    for (cols, rows) in [(80, 24), (30, 5), (200, 60), (1, 1), (100, 30)] {
        terminal.resize(cols, rows);
        terminal.press("h");
    }
    for writer in writers {
        writer.join().unwrap();
    }
    terminal.press("G");
    terminal.wait("showed all of it", |text| {
        text.contains("offset 402/402") && text.contains("LIVE")
    });
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
}

#[test]
fn the_service_goes_away_and_comes_back() {
    let (folder, caches) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let data = Data::Folder(folder.path().join("store"));
    let server = serve(&data, 0);
    let url = server.url().to_owned();
    let writer = Writer::to(&url);
    writer.append("user_message", 5);
    let mut terminal = screen(&url, &[], &caches);
    terminal.wait("was live", |text| {
        text.contains("offset 6/6") && text.contains("LIVE")
    });
    drop(server);
    terminal.shows("RETRYING");
    // Travelling works meanwhile, and the connection's state stays in sight.
    terminal.press("h");
    let text = terminal.shows("offset 5/6");
    assert!(
        text.contains("REWOUND") && text.contains("RETRYING"),
        "{text}"
    );
    terminal.press("G");
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    let _server = serve(&data, port);
    let last = writer.append("user_message", 1);
    terminal.press("\x12");
    terminal.wait("was live again", |text| {
        text.contains(&format!("offset {last}/{last}")) && text.contains("LIVE")
    });
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
}

#[test]
fn a_stream_that_is_destroyed_starts_over() {
    let (server, caches) = (serve(&Data::Memory, 0), tempfile::tempdir().unwrap());
    let writer = Writer::to(server.url());
    writer.append("user_message", 5);
    let mut terminal = screen(server.url(), &[], &caches);
    terminal.wait("was live", |text| {
        text.contains("offset 6/6") && text.contains("LIVE")
    });
    let address = server.url().trim_start_matches("http://");
    let mut connection = std::net::TcpStream::connect(address).unwrap();
    let request = format!(
        "DELETE /api/streams{STREAM} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    );
    std::io::Write::write_all(&mut connection, request.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut connection, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    writer.append("user_message", 1);
    terminal.shows("started over");
    terminal.wait("was live in the new life", |text| {
        text.contains("offset 2/2") && text.contains("LIVE")
    });
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
}

#[test]
fn a_service_that_is_not_there() {
    let caches = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let mut terminal = screen(&url, &[], &caches);
    terminal.shows("RETRYING");
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
}

#[test]
fn the_demo_is_talked_to_at_once() {
    let home = tempfile::tempdir().unwrap();
    let vars = [
        ("XDG_STATE_HOME", home.path().to_str().unwrap()),
        ("XDG_CACHE_HOME", home.path().to_str().unwrap()),
    ];
    let mut terminal = Terminal::start_with(&["--local", "--demo"], &vars, 140, 40);
    terminal.shows("I am a sample agent");
    terminal.shows("LIVE");
    terminal.press("i");
    terminal.shows("COMPOSE");
    terminal.press("count parrots");
    terminal.press("\x13");
    terminal.shows("has 7 letters");
    terminal.press("\x1b");
    // Together the two would be Alt-q.
    terminal.wait("closed the composer", |text| !text.contains("COMPOSE"));
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
}
