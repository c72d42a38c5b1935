//! The tree of streams and the line of tabs.

use super::*;
use crate::app::connection::{Connection, Link, Service, StreamSummary, Streams};
use crate::app::msg::Msg;
use crate::app::streams::StreamTree;
use crate::app::update::update;
use crate::model::event::Millis;

/// A service with some streams, one of them in view.
fn service(width: u16, height: u16) -> App {
    let mut app = coding(width, height, END);
    let url = "http://127.0.0.1:4100".to_owned();
    let mut service = Service::new(url, "public".to_owned(), true, false);
    let day = 1_770_000_000_000 - 1_770_000_000_000 % 86_400_000;
    let stream = |path: &str, events: u64, last: i64, paused: bool| StreamSummary {
        path: path.to_owned(),
        created: Some(Millis(day)),
        events: Some(events),
        last: Some(Millis(day + last)),
        paused: Some(paused),
    };
    service.streams = Streams {
        prefix: Some("/".to_owned()),
        list: Some(
            vec![
                stream("/", 7, 3_000_000, false),
                stream("/agents", 4, 3_000_000, false),
                stream("/agents/coder", 24, 33_247_000, false),
                stream("/agents/echo", 104, 33_300_000, true),
                stream("/team/inbox", 1, -90_000_000, false),
            ]
            .into(),
        ),
        failure: None,
    };
    app.service = Some(service);
    app.log.as_mut().unwrap().connection = Some(Connection {
        link: Link::Live,
        ..Connection::default()
    });
    app
}

fn tree(app: &mut App) {
    app.layers.push(Layer::Tree(StreamTree {
        selected: "/agents/coder".to_owned(),
        ..StreamTree::default()
    }));
}

#[test]
fn the_tree() {
    for (width, height) in SIZES {
        let mut app = service(width, height);
        tree(&mut app);
        insta::assert_snapshot!(format!("tree_{width}x{height}"), text(&app));
    }
    let mut app = service(80, 24);
    tree(&mut app);
    app.service.as_mut().unwrap().streams.list = None;
    assert!(text(&app).contains("Asking the service"));
    app.service.as_mut().unwrap().streams.failure = Some("connection refused".to_owned());
    assert!(text(&app).contains("connection refused"));
}

/// Two streams opened from the tree of a third, each in a tab of its own.
fn tabs(width: u16, height: u16) -> App {
    let mut app = service(width, height);
    for (path, lines) in [
        ("/agents/echo", runaway_lines()),
        ("/team/inbox", coding_lines()),
    ] {
        app.layers.push(Layer::Tree(StreamTree {
            selected: path.to_owned(),
            ..StreamTree::default()
        }));
        update(&mut app, Msg::Key("enter".parse().unwrap()));
        let mut view = screen(lines, width, height, 0).log.unwrap();
        view.stream = Some(path.to_owned());
        (view.can_follow, view.following) = (true, true);
        view.connection = Some(Connection {
            link: Link::Live,
            ..Connection::default()
        });
        update(&mut app, Msg::Opened(Box::new(view)));
        app.workers.discovering = false;
        app.state.pending = None;
    }
    app
}

#[test]
fn tabs_are_a_line_of_their_own() {
    for (width, height) in SIZES {
        let app = tabs(width, height);
        insta::assert_snapshot!(format!("tabs_{width}x{height}"), text(&app));
    }
    let mut app = tabs(80, 24);
    for (width, height) in (0..=60)
        .flat_map(|w| (0..=30).map(move |h| (w, h)))
        .step_by(3)
    {
        app.size = Size { width, height };
        place(&mut app);
        let _ = rendered(&app, Depth::Ansi, true);
    }
}
