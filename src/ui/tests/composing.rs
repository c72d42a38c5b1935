//! The composer and the question before something is sent.

use super::*;
use crate::app::composer::{Field, Mode as Writing, text_area};
use crate::app::connection::{Connection, Link, Service};
use crate::app::msg::Msg;
use crate::app::update::update;
use crate::model::event::Millis;

/// A stream of a service with the composer open.
fn composing(width: u16, height: u16, mode: Writing) -> App {
    let mut app = coding(width, height, END);
    app.service = Some(Service::new(
        "http://127.0.0.1:4100".to_owned(),
        "public".to_owned(),
        true,
        false,
    ));
    let view = app.log.as_mut().unwrap();
    view.connection = Some(Connection {
        link: Link::Live,
        ..Connection::default()
    });
    let log = Arc::clone(&view.log);
    app.playhead.following = true;
    app.composer.turn_to("here".to_owned(), &*log, &[]);
    app.composer.mode = mode;
    app.dock = Some(Dock::Composer);
    place(&mut app);
    app
}

#[test]
fn a_message() {
    for (width, height) in SIZES {
        let mut app = composing(width, height, Writing::Message);
        let long = "a thought that is longer than one line of the editor can be, ".repeat(2);
        app.composer.message = text_area(&format!("Look at the lexer next.\n{long}"));
        let name = format!("message_{width}x{height}");
        insta::assert_snapshot!(name, text(&app));
        let (_, cursor) = rendered(&app, Depth::Ansi, false);
        assert!(cursor.is_some_and(|at| at.y < height), "{cursor:?}");
    }
}

#[test]
fn an_event_with_a_problem() {
    for (width, height) in SIZES {
        let mut app = composing(width, height, Writing::Event);
        let breaker = "https://events.iterate.com/events/stream/circuit-breaker-configured";
        app.composer.event_type = LineEdit::new(breaker);
        app.composer.payload = text_area("{\n  \"burstCapacity\": \"many\"\n}");
        app.composer.field = Field::Payload;
        let name = format!("event_{width}x{height}");
        insta::assert_snapshot!(name, text(&app));
    }
    let mut app = composing(120, 40, Writing::Event);
    app.composer.payload = text_area("{\"a\": }");
    app.composer.event_type = LineEdit::new("x");
    assert!(text(&app).contains("✖ payload: expected value at line 1"));
    assert!(text(&app).contains("not an event yet"));
}

#[test]
fn types_are_offered() {
    for (width, height) in SIZES {
        let mut app = composing(width, height, Writing::Event);
        app.composer.event_type = LineEdit::new("llm");
        app.composer.completion = Some(1);
        let name = format!("completion_{width}x{height}");
        insta::assert_snapshot!(name, text(&app));
    }
}

#[test]
fn templates_are_listed_with_what_they_send() {
    for (width, height) in SIZES {
        let mut app = composing(width, height, Writing::Template);
        app.composer.template = 2;
        let name = format!("template_{width}x{height}");
        insta::assert_snapshot!(name, text(&app));
    }
}

#[test]
fn a_failure_stays_with_the_draft() {
    let mut app = composing(80, 24, Writing::Message);
    app.composer.message = text_area("hello");
    app.composer.failure = Some("not appended: stream is paused".to_owned());
    let shown = text(&app);
    assert!(
        shown.contains("✖ not appended: stream is paused"),
        "{shown}"
    );
    assert!(shown.contains("hello"));
    app.composer.failure = None;
    app.composer.sending = Some(3);
    assert!(text(&app).contains("on its way"));
}

#[test]
fn the_question_before_sending() {
    for (width, height) in SIZES {
        let mut app = composing(width, height, Writing::Message);
        app.composer.message = text_area("Look at the lexer next.");
        let service = app.service.as_mut().unwrap();
        service.url = "https://events.iterate.com".to_owned();
        service.loopback = false;
        update(&mut app, Msg::Key("ctrl-s".parse().unwrap()));
        let shown = text(&app);
        for word in [
            "append to another machine?",
            "y append  Esc no",
            "iterate.com",
        ] {
            assert!(shown.contains(word), "{shown}");
        }
        insta::assert_snapshot!(format!("question_{width}x{height}"), shown);
    }
}

#[test]
fn the_question_before_a_resume() {
    for (width, height) in SIZES {
        let mut app = composing(width, height, Writing::Message);
        app.dock = None;
        app.playhead.rows = app.len();
        app.survey.as_mut().unwrap().gates = vec![(PAUSED - 1, true)].into();
        let typed = "the loop is mended".chars().map(|c| match c {
            ' ' => "space".to_owned(),
            c => c.to_string(),
        });
        let keys = ["p".to_owned(), "r".to_owned()].into_iter().chain(typed);
        for key in keys.chain(["enter".to_owned()]) {
            update(&mut app, Msg::Key(key.parse().unwrap()));
        }
        let shown = text(&app);
        for word in ["resume the stream?", "the loop is mended", "y resume"] {
            assert!(shown.contains(word), "{shown}");
        }
        insta::assert_snapshot!(format!("resume_{width}x{height}"), shown);
    }
}

#[test]
fn how_the_connection_stands_is_in_sight() {
    let links = [
        ("connecting", Link::Connecting, Some(96)),
        (
            "retrying",
            Link::Retrying {
                left: Duration::from_millis(3_400),
                why: "cannot reach http://127.0.0.1:4100: connection refused".to_owned(),
            },
            None,
        ),
        (
            "offline",
            Link::Offline {
                why: "http://127.0.0.1:4100 refuses (401): no token; --token or EVTUI_TOKEN sends a token"
                    .to_owned(),
            },
            None,
        ),
    ];
    for (name, link, history) in links {
        for (width, height) in SIZES {
            let mut app = composing(width, height, Writing::Message);
            app.dock = None;
            app.playhead.rows = app.len();
            let at = Millis(1_770_000_000_000);
            let link = link.clone();
            update(&mut app, Msg::Linked { link, at });
            app.log
                .as_mut()
                .unwrap()
                .connection
                .as_mut()
                .unwrap()
                .history = history;
            place(&mut app);
            let shown = text(&app);
            assert!(shown.contains(&name.to_uppercase()), "{shown}");
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), shown);
        }
    }
}

#[test]
fn no_size_panics_and_ascii_is_ascii() {
    for mode in Writing::ALL {
        let mut app = composing(0, 0, mode);
        app.composer.message = text_area(&"日本語 and more ".repeat(20));
        app.composer.payload = text_area("{\"text\": \"配送\",\n \"n\": 1}");
        let mut view = View::new(file::builtin(), Depth::Ansi, false);
        for (width, height) in (0..=92)
            .step_by(4)
            .flat_map(|w| (0..=30).map(move |h| (w, h)))
        {
            app.size = Size { width, height };
            place(&mut app);
            let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
            if let Some(at) = view.render(&mut buf, &app) {
                assert!(at.x < width && at.y < height, "{at:?} at {width}x{height}");
            }
        }
        app.composer.message = text_area("plain");
        app.composer.payload = text_area("{}");
        app.size = Size {
            width: 100,
            height: 30,
        };
        place(&mut app);
        let (buf, _) = rendered(&app, Depth::Ansi, true);
        assert!(text_of(&buf).is_ascii(), "{}", text_of(&buf));
    }
}
