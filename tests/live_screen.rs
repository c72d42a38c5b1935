//! The real binary on a pseudo-terminal, on a real service in this process: a stream is followed,
//! rewound, come back to, through bursts, resizes and a service that goes away.
#![cfg(unix)]

#[path = "support/process.rs"]
mod process;
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

/// Waits until both are on the screen: a picture may come in pieces.
#[track_caller]
fn both(terminal: &Terminal, one: &str, other: &str) {
    let what = format!("showed {one:?} and {other:?}");
    terminal.wait(&what, |text| text.contains(one) && text.contains(other));
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
        self.append_to(STREAM, event_type, n)
    }

    fn append_to(&self, path: &str, event_type: &str, n: usize) -> u64 {
        let path = path.parse().unwrap();
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
    terminal.wait("showed the end live", |text| {
        ["offset 21/21", "LIVE", STREAM]
            .iter()
            .all(|word| text.contains(word))
    });
    writer.append("user_message", 1);
    both(&terminal, "offset 22/22", "LIVE");
    terminal.press("h");
    both(&terminal, "offset 21/22", "REWOUND");
    writer.append("user_message", 3);
    both(&terminal, "offset 21/25", "+3");
    // The state goes on being folded underneath, and is here at once.
    terminal.press("G");
    both(&terminal, "offset 25/25", "LIVE");
    terminal.shows("STATE @25");
    terminal.press("gf");
    both(&terminal, "offset 25/25", "LIVE");
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
    // A second session begins with what is kept.
    let mut terminal = screen(server.url(), &["--at", "7"], &caches);
    both(&terminal, "offset 7/25", "REWOUND");
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
    terminal.wait("travelled without a connection", |text| {
        ["offset 5/6", "REWOUND", "RETRYING"]
            .iter()
            .all(|word| text.contains(word))
    });
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

/// The service is killed without a word, as at any moment, and started anew on its data.
#[test]
fn a_killed_service_comes_back_with_everything() {
    let (home, caches) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut server = process::serve(home.path(), &[]);
    let url = server.base.clone();
    let writer = Writer::to(&url);
    let last = writer.append("user_message", 5);
    let mut terminal = screen(&url, &[], &caches);
    terminal.wait("was live", |text| {
        text.contains(&format!("offset {last}/{last}")) && text.contains("LIVE")
    });
    server.kill();
    terminal.shows("RETRYING");
    both(&terminal, "no connection since", "Ctrl-r: try now");
    terminal.shows("cannot reach");
    let mut again = process::command(home.path());
    again.args(["--port", url.rsplit(':').next().unwrap()]);
    let _server = process::start(again);
    terminal.press("\x12");
    // The service wrote that it woke up.
    terminal.wait("was live again", |text| {
        text.contains("LIVE") && !text.contains("no connection")
    });
    let last = Writer::to(&url).append("user_message", 1);
    terminal.shows(&format!("offset {last}/{last}"));
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
}

#[test]
fn the_tree_and_tabs_of_a_service() {
    let (server, caches) = (serve(&Data::Memory, 0), tempfile::tempdir().unwrap());
    let writer = Writer::to(server.url());
    for (path, n) in [("/demo/agent", 3), ("/demo/other", 7), ("/elsewhere", 1)] {
        writer.append_to(path, "user_message", n);
    }
    let vars = [("XDG_CACHE_HOME", caches.path().to_str().unwrap())];
    let args = ["--url", server.url(), "/demo/**"];
    let mut terminal = Terminal::start_with(&args, &vars, 120, 40);
    let text = terminal.wait("listed the streams with their counts", |text| {
        ["4 events", "8 events", "streams under /demo"]
            .iter()
            .all(|word| text.contains(word))
    });
    assert!(!text.contains("elsewhere"), "{text}");
    // The list is live.
    writer.append_to("/demo/agent", "user_message", 2);
    terminal.shows("6 events");
    writer.append_to("/demo/third", "user_message", 1);
    terminal.shows("third");
    terminal.press("agent\r");
    terminal.shows("offset 6/6");
    terminal.press("t");
    terminal.shows("streams under /demo");
    terminal.press("other\r");
    terminal.shows("offset 8/8");
    // The one behind goes on being followed, and its tab says so.
    writer.append_to("/demo/agent", "user_message", 4);
    terminal.shows("/demo/agent +4");
    terminal.press("]");
    terminal.shows("offset 10/10");
    terminal.press("h");
    terminal.shows("offset 9/10");
    // Each tab has a playhead of its own.
    terminal.press("[");
    both(&terminal, "offset 8/8", "LIVE");
    terminal.press("[");
    both(&terminal, "offset 9/10", "REWOUND");
    terminal.press("\x17");
    terminal.wait("closed the tab", |text| {
        text.contains("/demo/other") && !text.contains("/demo/agent")
    });
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
}

#[test]
fn events_are_written_paused_and_resumed_from_the_screen() {
    let (server, caches) = (serve(&Data::Memory, 0), tempfile::tempdir().unwrap());
    let writer = Writer::to(server.url());
    writer.append("user_message", 3);
    let state = tempfile::tempdir().unwrap();
    let vars = [
        ("XDG_CACHE_HOME", caches.path().to_str().unwrap()),
        ("XDG_STATE_HOME", state.path().to_str().unwrap()),
    ];
    let args = ["--url", server.url(), STREAM];
    let mut terminal = Terminal::start_with(&args, &vars, 120, 40);
    terminal.wait("was live", |text| {
        text.contains("offset 4/4") && text.contains("LIVE")
    });
    terminal.press("h");
    terminal.shows("REWOUND");
    terminal.press("i");
    terminal.shows("COMPOSE");
    // An event: the type completed, the payload wrong at first.
    terminal.press("\t");
    terminal.shows("the arrows choose");
    terminal.press("user\x1b[B\r");
    terminal.press("{\"content\": ");
    terminal.shows("payload: EOF");
    terminal.press("\"from the composer\"}");
    terminal.shows("the service takes this");
    // The answer's offset is gone to, also from the past.
    terminal.press("\x13");
    terminal.shows("offset 5/5");
    // The pause of the templates.
    terminal.press("\t");
    terminal.shows("close the gate");
    terminal.press("\x13");
    terminal.shows("PAUSED at 6");
    // What is refused stays to be sent again.
    terminal.press("\t");
    terminal.shows("what do you want to say?");
    terminal.press("too early\x13");
    terminal.shows("not appended: stream is paused");
    terminal.press("\x1b");
    terminal.wait("closed the composer", |text| !text.contains("COMPOSE"));
    terminal.press("p");
    terminal.shows("1 append of yours was refused since");
    terminal.press("r");
    terminal.shows("resume, because:");
    terminal.press("looked into it\r");
    terminal.shows("resume the stream?");
    terminal.press("y");
    terminal.shows("offset 7/7");
    terminal.wait("is open again", |text| !text.contains("PAUSED at 6"));
    terminal.press("\x1b");
    terminal.wait("closed the panel", |text| !text.contains("BREAKER"));
    terminal.press("i");
    terminal.shows("too early");
    terminal.press("\x13");
    terminal.shows("offset 8/8");
    terminal.press("\x1b");
    terminal.wait("closed the composer", |text| !text.contains("COMPOSE"));
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
}

#[test]
fn a_draft_outlives_a_program_that_is_killed() {
    let (server, home) = (serve(&Data::Memory, 0), tempfile::tempdir().unwrap());
    Writer::to(server.url()).append("user_message", 1);
    let vars = [
        ("XDG_CACHE_HOME", home.path().to_str().unwrap()),
        ("XDG_STATE_HOME", home.path().to_str().unwrap()),
    ];
    let args = ["--url", server.url(), STREAM];
    let mut terminal = Terminal::start_with(&args, &vars, 100, 30);
    terminal.shows("LIVE");
    terminal.press("i");
    terminal.shows("COMPOSE");
    terminal.press("half a thought");
    let file = home.path().join("evtui/composer.json");
    let kept = |_: &str| {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        text.contains("half a thought")
    };
    terminal.wait("kept the draft", kept);
    let pid = i32::try_from(terminal.child.process_id().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    terminal.child.wait().unwrap();
    let mut terminal = Terminal::start_with(&args, &vars, 100, 30);
    terminal.shows("LIVE");
    terminal.press("i");
    terminal.shows("half a thought");
    terminal.press("\x03");
    assert_eq!(terminal.ends_whole(), 0);
}

/// What the first command of the README is for, on the smallest usual terminal.
#[test]
fn a_newcomer_talks_rewinds_trips_the_breaker_sees_why_and_resumes() {
    let home = tempfile::tempdir().unwrap();
    let vars = [
        ("XDG_STATE_HOME", home.path().to_str().unwrap()),
        ("XDG_CACHE_HOME", home.path().to_str().unwrap()),
    ];
    let args = ["--local", "--demo", "--data", ":memory:"];
    let mut terminal = Terminal::start_with(&args, &vars, 80, 24);
    terminal.wait("greeted", |text| {
        let told = [
            "LIVE",
            "Press i, write to me, send it with Ctrl-s.",
            "my breaker trips. p shows why.",
            "i compose",
        ];
        told.iter().all(|word| text.contains(word))
    });
    // The state on the screen is the agent's own.
    terminal.wait("showed the agent's state", |text| {
        text.contains("demo-agent") && text.contains("messages")
    });
    terminal.press("i");
    terminal.shows("COMPOSE");
    terminal.press("hello");
    terminal.shows("user_message, as this stream's processor reads it");
    terminal.press("\x13");
    terminal.shows("< agent     Message 1.");
    terminal.press("\x1b");
    terminal.wait("closed the composer", |text| !text.contains("COMPOSE"));
    terminal.press("h");
    terminal.shows("REWOUND");
    terminal.press("G");
    terminal.wait("was live again", |text| {
        text.contains("LIVE") && !text.contains("REWOUND")
    });
    terminal.press("i");
    terminal.shows("COMPOSE");
    terminal.press("please loop\x13");
    terminal.shows("PAUSED at");
    terminal.press("\x1b");
    terminal.wait("closed the composer", |text| !text.contains("COMPOSE"));
    terminal.shows("p: why");
    terminal.press("p");
    terminal.wait("told why", |text| {
        ["tripped at", "worker demo-agent", "a loop of 1", "r resume"]
            .iter()
            .all(|word| text.contains(word))
    });
    terminal.press("r");
    terminal.shows("resume, because:");
    terminal.press("seen enough\r");
    terminal.shows("resume the stream?");
    terminal.press("y");
    terminal.shows("The pause ended my loop. Write to me again.");
    terminal.wait("is open again", |text| !text.contains("PAUSED at"));
    terminal.press("\x1b");
    terminal.wait("closed the panel", |text| !text.contains("BREAKER"));
    terminal.press("i");
    terminal.shows("COMPOSE");
    terminal.press("count parrots\x13");
    terminal.shows("\"parrots\" has 7 letters.");
    terminal.press("\x1b");
    // Together the two would be Alt-q.
    terminal.wait("closed the composer", |text| !text.contains("COMPOSE"));
    terminal.press("q");
    assert_eq!(terminal.ends_whole(), 0);
}
