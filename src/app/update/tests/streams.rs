//! The tree of streams and tabs.

use super::*;
use crate::app::connection::{Connection, Link, Service, StreamSummary, Streams};
use crate::app::dock::Dock;

fn view(log: &Arc<Log>, path: &str) -> Msg {
    Msg::Opened(Box::new(LogView {
        log: Arc::clone(log) as Arc<dyn EventLog>,
        name: path.to_owned(),
        stream: Some(path.to_owned()),
        chosen: true,
        streams: Vec::new(),
        can_follow: true,
        following: true,
        len: log.len(),
        complaints: Arc::new([]),
        connection: Some(Connection {
            link: Link::Live,
            ..Connection::default()
        }),
    }))
}

/// A screen on `/a` of a service with four streams.
fn service() -> Screen {
    let mut screen = Screen::new(80, 24);
    let url = "http://127.0.0.1:1".to_owned();
    screen.app.service = Some(Service::new(url, "public".to_owned(), true, false));
    let log = Arc::clone(&screen.log);
    screen.send(view(&log, "/a"));
    let stream = |path: &str| StreamSummary {
        path: path.to_owned(),
        created: None,
        events: Some(3),
        last: None,
        paused: Some(path == "/b/deep/er"),
    };
    screen.send(Msg::Streams(Streams {
        prefix: Some("/".to_owned()),
        list: Some(["/", "/a", "/b", "/b/deep/er"].map(stream).into()),
        failure: None,
    }));
    screen
}

fn lines(screen: &Screen) -> Vec<String> {
    let Some(Layer::Tree(tree)) = screen.app.layers.last() else {
        panic!("no tree: {:?}", screen.app.layers);
    };
    let say = |n: crate::app::streams::Node| {
        let sign = if n.path == tree.selected { ">" } else { "" };
        format!("{sign}{}{}", " ".repeat(n.depth.into()), n.name)
    };
    screen.app.tree_nodes(tree).into_iter().map(say).collect()
}

/// The stream that was asked to be opened, and the tab it is for.
fn opened(screen: &Screen) -> Option<(u64, String)> {
    screen.effects.iter().find_map(|effect| match effect {
        Effect::Open { target, .. } => Some((screen.app.tab, target.clone())),
        _ => None,
    })
}

#[test]
fn the_tree_shows_streams_folders_and_where_one_is() {
    let mut screen = service();
    screen.keys("t");
    assert!(matches!(screen.effects[0], Effect::WatchStreams(Some(_))));
    assert_eq!(lines(&screen), ["/", "> a", " b", "  deep", "   er"]);
    screen.keys("<down><left>");
    assert_eq!(lines(&screen), ["/", " a", "> b"]);
    screen.keys("<right>ER");
    assert_eq!(
        lines(&screen),
        ["/b", " deep", ">  er"],
        "narrowed, with the way there"
    );
    screen.keys("<esc>");
    assert!(matches!(screen.effects[0], Effect::WatchStreams(None)));
    assert!(screen.app.layers.is_empty());
}

#[test]
fn a_stream_opens_in_a_tab_of_its_own_and_keeps_its_place() {
    let mut screen = service();
    screen.keys("gp");
    let first = screen.app.tab;
    screen.keys("t<down><enter>");
    let (tab, target) = opened(&screen).unwrap();
    assert_eq!(target, "/b");
    assert_ne!(tab, first);
    assert!(screen.app.log.is_none() && screen.app.service.is_some());
    let log = Arc::new(Log(Mutex::new(4)));
    screen.send(Msg::In(tab, Box::new(view(&log, "/b"))));
    assert_eq!((screen.rows(), screen.app.dock), (4, None));
    // What happens to the other tab meanwhile is not lost, and nothing of this one's.
    *screen.log.0.lock().unwrap() = 15;
    let grew = Msg::LogChanged {
        complaints: Arc::new([]),
        streams: Vec::new(),
    };
    screen.send(Msg::In(first, Box::new(grew)));
    assert_eq!(screen.rows(), 4);
    let labels = screen.app.tab_labels();
    let said: Vec<_> = labels
        .iter()
        .map(|l| (l.name.as_str(), l.new, l.in_view))
        .collect();
    assert_eq!(said, [("/a", 5, false), ("/b", 0, true)]);
    screen.keys("]");
    assert_eq!(
        (screen.app.tab, screen.rows()),
        (first, 1),
        "where it was left"
    );
    assert_eq!(
        (screen.app.len(), screen.app.dock),
        (15, Some(Dock::Breaker))
    );
    // One that is open already is gone to.
    screen.keys("t<down><enter>");
    assert!(opened(&screen).is_none());
    assert_eq!(screen.app.tab, tab);
}

#[test]
fn a_closed_tab_is_let_go_and_told_no_more() {
    let mut screen = service();
    screen.keys("<ctrl-w>");
    assert!(screen.toast().contains("only tab"), "{}", screen.toast());
    let first = screen.app.tab;
    screen.keys("t<down><enter>");
    let (tab, _) = opened(&screen).unwrap();
    screen.keys("<ctrl-w>");
    assert!(
        screen
            .effects
            .iter()
            .any(|e| matches!(e, Effect::CloseTab(id) if *id == tab))
    );
    assert_eq!((screen.app.tab, screen.app.tab_count()), (first, 1));
    let log = Arc::new(Log(Mutex::new(4)));
    screen.send(Msg::In(tab, Box::new(view(&log, "/b"))));
    assert_eq!(
        screen.app.len(),
        10,
        "an answer for a closed tab changes nothing"
    );
}

#[test]
fn a_background_tab_gets_what_it_asks_for() {
    let mut screen = service();
    let first = screen.app.tab;
    screen.keys("t<down><enter>");
    *screen.log.0.lock().unwrap() = 12;
    let grew = Msg::LogChanged {
        complaints: Arc::new([]),
        streams: Vec::new(),
    };
    screen.send(Msg::In(first, Box::new(grew)));
    let mut for_it = screen.effects.iter().filter_map(|effect| match effect {
        Effect::In(id, inner) if *id == first => Some(&**inner),
        _ => None,
    });
    let found = for_it.any(|e| matches!(e, Effect::Breaker { rows: 12, .. }));
    assert!(found, "{:?}", screen.effects);
}

#[test]
fn a_file_of_several_streams_asks_for_one_and_counts_on() {
    let mut screen = Screen::new(80, 24);
    screen.app.log.as_mut().unwrap().chosen = false;
    let mut count = |a: usize, b: usize| {
        let stream = |path: &str, events| StreamInfo {
            path: path.to_owned(),
            events,
        };
        screen.send(Msg::LogChanged {
            complaints: Arc::new([]),
            streams: vec![stream("/a", a), stream("/b", b)],
        });
        let Some(Layer::Tree(tree)) = screen.app.layers.last() else {
            panic!("no tree");
        };
        let nodes = screen.app.tree_nodes(tree);
        nodes
            .iter()
            .map(|n| (n.path.clone(), n.events))
            .collect::<Vec<_>>()
    };
    let (a, b) = ("/a".to_owned(), "/b".to_owned());
    assert_eq!(count(1, 1), [(a.clone(), Some(1)), (b.clone(), Some(1))]);
    assert_eq!(count(7, 3), [(a, Some(7)), (b, Some(3))]);
    screen.keys("<down><down><enter>");
    let stream = screen.effects.iter().find_map(|e| match e {
        Effect::Open { target, stream } if target == "a.jsonl" => stream.clone(),
        _ => None,
    });
    assert_eq!(stream.as_deref(), Some("/b"));
}
