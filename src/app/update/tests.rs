//! The screen's behaviour as triples: a state, keys, what is to be seen then.

use super::update;
use crate::app::effect::Effect;
use crate::app::key::Key;
use crate::app::layer::Layer;
use crate::app::layout::Size;
use crate::app::msg::Msg;
use crate::app::state::{App, LogView, Mode, Settings, StreamInfo, Worker};
use crate::model::event::Millis;
use crate::model::kind::Kind;
use crate::model::log::{Complaint, EventLog, Indexing, Row};
use crate::model::needle::Needle;
use crate::model::offset::Offset;
use crate::replay::moment::{Moment, Origin};
use crate::replay::session::changes;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Ten events: offsets 1 to 10, a second apart; rows 3 to 6 are one run of chunks, row 7 an error.
struct Log(Mutex<usize>);

impl Log {
    fn kind_of(row: usize) -> Kind {
        match row {
            3..=6 => Kind::Chunk,
            7 => Kind::Error,
            _ => Kind::You,
        }
    }
}

impl EventLog for Log {
    fn len(&self) -> usize {
        *self.0.lock().unwrap()
    }
    fn row(&self, row: usize) -> Option<Row> {
        (row < self.len()).then(|| Row {
            offset: Some(Offset(row as u64 + 1)),
            time: Some(Millis(row as i64 * 1000)),
            kind: Log::kind_of(row),
            event_type: "user_message".into(),
        })
    }
    fn kind(&self, row: usize) -> Option<Kind> {
        (row < self.len()).then(|| Log::kind_of(row))
    }
    fn raw(&self, row: usize) -> Option<Cow<'_, [u8]>> {
        let event = json!({"type": "user_message", "offset": row + 1,
            "payload": {"n": row, "sourceOffset": row.saturating_sub(2)}});
        (row < self.len()).then(|| Cow::Owned(event.to_string().into_bytes()))
    }
    fn row_of_offset(&self, offset: Offset) -> Option<usize> {
        let row = usize::try_from(offset.0).ok()?.checked_sub(1)?;
        (row < self.len()).then_some(row)
    }
    fn indexing(&self) -> Indexing {
        Indexing::DONE
    }
    fn version(&self) -> u64 {
        self.len() as u64
    }
    fn complaints(&self) -> Vec<Complaint> {
        Vec::new()
    }
    fn search(&self, _: &Needle, _: usize, _: bool, _: &dyn Fn() -> bool) -> Option<usize> {
        None
    }
}

struct Screen {
    app: App,
    log: Arc<Log>,
    effects: Vec<Effect>,
}

impl Screen {
    fn new(width: u16, height: u16) -> Screen {
        let log = Arc::new(Log(Mutex::new(10)));
        let mut screen = Screen {
            app: App::new(Size { width, height }, Settings::default()),
            log: Arc::clone(&log),
            effects: Vec::new(),
        };
        screen.send(Msg::Opened(Box::new(LogView {
            log,
            name: "a.jsonl".to_owned(),
            stream: Some("/a".to_owned()),
            chosen: true,
            streams: vec![StreamInfo {
                path: "/a".to_owned(),
                events: 10,
            }],
            can_follow: true,
            following: false,
            len: 10,
            complaints: Arc::new([]),
            connection: None,
        })));
        screen.send(Msg::Workers {
            list: vec![Worker {
                slug: None,
                about: String::new(),
            }],
            current: 0,
            done: true,
        });
        screen
    }

    /// Sends a message and answers every seek as the folding thread would.
    fn send(&mut self, msg: Msg) {
        self.effects = update(&mut self.app, msg);
        for effect in &self.effects {
            if let Effect::Seek { id, rows, .. } = effect {
                let (id, rows) = (*id, *rows);
                let previous = rows.checked_sub(1).map(state);
                let now = state(rows);
                update(
                    &mut self.app,
                    Msg::Moment {
                        id,
                        moment: Arc::new(Moment {
                            rows,
                            changes: changes(previous.as_ref(), Some(&now)).into(),
                            state: Some(Arc::new(now)),
                            previous: previous.map(Arc::new),
                            notes: Vec::new(),
                            origin: Origin::BuiltIn,
                        }),
                        against: None,
                    },
                );
            }
        }
    }

    /// Presses keys: names in `<>`, anything else a character each.
    fn keys(&mut self, keys: &str) -> &mut Screen {
        let mut rest = keys;
        while let Some(c) = rest.chars().next() {
            let (name, after) = match rest.find('>') {
                Some(end) if c == '<' && end > 1 => (&rest[1..end], &rest[end + 1..]),
                _ => rest.split_at(c.len_utf8()),
            };
            let key: Key = if name == " " {
                "space".parse().unwrap()
            } else {
                name.parse().unwrap()
            };
            self.send(Msg::Key(key));
            rest = after;
        }
        self
    }

    fn grow_to(&mut self, len: usize) {
        *self.log.0.lock().unwrap() = len;
        self.send(Msg::LogChanged {
            complaints: Arc::new([]),
            streams: Vec::new(),
        });
    }

    fn rows(&self) -> usize {
        self.app.playhead.rows
    }

    fn toast(&self) -> &str {
        self.app.toasts.back().map_or("", |t| &t.text)
    }
}

fn state(rows: usize) -> Value {
    json!({"count": rows, "list": (0..rows).collect::<Vec<_>>(), "half": rows / 5})
}

#[track_caller]
fn keys_lead_to(keys: &str, rows: usize) {
    let mut screen = Screen::new(80, 24);
    screen.keys(keys);
    assert_eq!(screen.rows(), rows, "after {keys}");
    assert_eq!(
        screen.app.state.moment.as_ref().map(|m| m.rows),
        Some(rows),
        "the state after {keys}"
    );
}

#[test]
fn keys_move_the_playhead() {
    for (keys, rows) in [
        ("", 10),
        ("h", 9),
        ("hhl", 9),
        ("l", 10),
        ("H", 0),
        ("HH", 0),
        ("HL", 10),
        ("g", 1),
        ("gh", 0),
        ("gG", 10),
        ("<left><right><left>", 9),
        // The run of chunks is one line.
        ("kkk", 7),
        ("kkkk", 3),
        ("gjj", 3),
        ("gjjj", 7),
        ("gk", 0),
        // Steps go through it one by one.
        ("gjjjh", 6),
        // Unfolded it is four lines.
        ("gjjj<enter>k", 6),
        ("gjjj<enter><enter>k", 3),
        ("zkkkk", 6),
        (":5<enter>", 5),
        ("@5<enter>", 5),
        (":0<enter>", 0),
        (":99<enter>", 10),
        ("ge", 8),
        ("E", 8),
        ("hhhE", 7),
        (":4<enter>o", 1),
        ("gO", 4),
    ] {
        keys_lead_to(keys, rows);
    }
}

#[test]
fn the_status_word_says_where_in_time_it_is() {
    let mut screen = Screen::new(80, 24);
    assert_eq!(screen.app.mode(), Mode::End);
    assert_eq!(screen.keys("h").app.mode(), Mode::Rewound);
    assert_eq!(screen.keys("G").app.mode(), Mode::End);
    assert_eq!(screen.keys("f").app.mode(), Mode::Live);
    assert!(matches!(screen.effects[..], [Effect::Follow(true), ..]));
    screen.grow_to(12);
    assert_eq!((screen.rows(), screen.app.mode()), (12, Mode::Live));
    screen.keys("h");
    screen.grow_to(15);
    assert_eq!((screen.rows(), screen.app.new_events()), (11, 3));
    assert_eq!(screen.app.mode(), Mode::Rewound);
    assert_eq!(screen.keys("G").app.mode(), Mode::Live);
    assert_eq!((screen.rows(), screen.app.new_events()), (15, 0));
}

#[test]
fn a_log_that_grows_leaves_the_playhead_alone() {
    let mut screen = Screen::new(80, 24);
    screen.grow_to(13);
    assert_eq!((screen.rows(), screen.app.new_events()), (10, 3));
    assert_eq!(screen.app.mode(), Mode::Rewound);
}

#[test]
fn a_log_that_shrinks_takes_the_playhead_along() {
    let mut screen = Screen::new(80, 24);
    screen.grow_to(4);
    assert_eq!((screen.rows(), screen.app.mode()), (4, Mode::End));
    screen.grow_to(0);
    assert_eq!(screen.rows(), 0);
    screen.keys("hljkgGeEnN /x<enter>zd");
    assert_eq!(screen.rows(), 0);
}

#[test]
fn time_runs_at_the_chosen_speed_and_stops_at_the_end() {
    let mut screen = Screen::new(80, 24);
    screen.keys("g ");
    assert_eq!(screen.app.mode(), Mode::Playing);
    screen.send(Msg::Tick(Duration::from_millis(250)));
    assert_eq!(screen.rows(), 3, "8 events a second");
    screen.keys(">");
    screen.send(Msg::Tick(Duration::from_millis(250)));
    assert_eq!(screen.rows(), 7, "16 events a second");
    screen.send(Msg::Tick(Duration::from_secs(60)));
    assert_eq!((screen.rows(), screen.app.mode()), (10, Mode::End));
    // As recorded: a second between events; a pause is capped.
    screen.keys("=g ");
    screen.send(Msg::Tick(Duration::from_millis(1900)));
    assert_eq!(screen.rows(), 2);
    screen.keys("<");
    screen.send(Msg::Tick(Duration::from_millis(1000)));
    assert_eq!(screen.rows(), 2, "half as fast");
    screen.send(Msg::Tick(Duration::from_millis(200)));
    assert_eq!(screen.rows(), 3);
    assert_eq!(screen.keys("h").app.mode(), Mode::Rewound);
}

#[test]
fn a_verb_that_cannot_run_says_why() {
    for (keys, why) in [
        ("l", "last event"),
        ("gh", ""),
        ("ghh", "before the first event"),
        ("n", "nothing was searched"),
        ("'", "no bookmark"),
        ("!", "nothing went wrong"),
        ("s", "one stream only"),
        ("}", "no value is watched"),
        (":77<enter>", "no offset 77; it goes from 1 to 10"),
        ("2w2", "watching $."),
    ] {
        let mut screen = Screen::new(80, 24);
        let said = screen.keys(keys).toast().to_owned();
        assert!(said.contains(why), "{keys}: {said:?}");
    }
}

#[test]
fn a_search_goes_round_once() {
    let mut screen = Screen::new(80, 24);
    screen.keys(":4<enter>/needle<enter>");
    let [
        Effect::Search {
            id,
            from: 3,
            backward: false,
            ..
        },
    ] = screen.effects[..]
    else {
        panic!("{:?}", screen.effects);
    };
    screen.send(Msg::Found { id, row: None });
    let [
        Effect::Search {
            id: again, from: 0, ..
        },
    ] = screen.effects[..]
    else {
        panic!("{:?}", screen.effects);
    };
    screen.send(Msg::Found { id, row: Some(8) });
    assert_eq!(screen.rows(), 4, "an answer to an older question");
    screen.send(Msg::Found {
        id: again,
        row: Some(1),
    });
    assert_eq!(screen.rows(), 2);
    screen.keys("N");
    let [
        Effect::Search {
            id,
            from: 0,
            backward: true,
            ..
        },
    ] = screen.effects[..]
    else {
        panic!("{:?}", screen.effects);
    };
    screen.send(Msg::Found { id, row: None });
    let [
        Effect::Search {
            id,
            from: 9,
            backward: true,
            ..
        },
    ] = screen.effects[..]
    else {
        panic!("{:?}", screen.effects);
    };
    screen.send(Msg::Found { id, row: None });
    assert!(screen.toast().contains("no event holds"));
}

#[test]
fn a_search_in_the_state_opens_the_way() {
    let mut screen = Screen::new(80, 24);
    screen.keys("2/7<enter>");
    let tree = &screen.app.state.tree;
    assert_eq!(tree.lines[tree.selected].path.to_string(), "$.list[7]");
    screen.keys("/nowhere<enter>");
    assert!(screen.toast().contains("holds no"));
}

#[test]
fn a_filter_leaves_only_what_passes() {
    let mut screen = Screen::new(80, 24);
    screen.keys("&kind:you<enter>");
    let Some(Effect::Filter { id, text }) = screen.effects.first() else {
        panic!("{:?}", screen.effects);
    };
    assert_eq!(text, "kind:you");
    let (id, rows) = (*id, vec![0, 1, 2, 8, 9]);
    screen.send(Msg::Filtered {
        id,
        rows,
        scanned: 10,
    });
    assert_eq!(screen.keys("kk").rows(), 3);
    assert_eq!(screen.keys("l").rows(), 4, "steps still go event by event");
    assert_eq!(screen.keys("j").rows(), 9);
    screen.keys("<esc>");
    assert!(screen.app.filter.is_none());
    // A wrong one is told while it is typed, and not taken.
    screen.keys("&offset:x<enter>");
    assert!(matches!(screen.app.layers.last(), Some(Layer::Prompt(p)) if p.problem.is_some()));
}

#[test]
fn the_tree_keeps_its_place_and_shows_what_changed() {
    let mut screen = Screen::new(80, 24);
    let selected = |s: &Screen| {
        let tree = &s.app.state.tree;
        tree.lines.get(tree.selected).map(|l| l.path.to_string())
    };
    assert_eq!(selected(&screen).as_deref(), Some("$.count"));
    screen.keys("2jjj");
    let held = selected(&screen);
    screen.keys("hh");
    assert_eq!(selected(&screen), held, "the state has the keys");
}

#[test]
fn escape_takes_away_one_thing_at_a_time() {
    let mut screen = Screen::new(80, 24);
    screen.keys("Z&x<enter>?");
    assert_eq!(screen.app.layers.len(), 1);
    screen.keys("<esc>");
    assert!(screen.app.layers.is_empty() && screen.app.zoom);
    screen.keys("<esc>");
    assert!(!screen.app.zoom && screen.app.filter.is_some());
    screen.keys("<esc><esc>");
    assert!(screen.app.filter.is_none() && !screen.app.quitting);
    screen.keys("q");
    assert!(screen.app.quitting);
}

#[test]
fn control_c_leaves_from_anywhere() {
    for before in ["", "?", ":", "/abc", "&", "W", " "] {
        let mut screen = Screen::new(80, 24);
        screen.keys(before).keys("<ctrl-c>");
        assert!(screen.app.quitting, "after {before:?}");
    }
}

#[test]
fn the_palette_finds_verbs_by_name() {
    let mut screen = Screen::new(80, 24);
    screen.keys(":step back<enter>");
    assert_eq!(screen.rows(), 9);
    screen.keys(":zzzzzz<enter><esc>");
    assert_eq!((screen.rows(), screen.app.layers.len()), (9, 0));
}

#[test]
fn a_theme_is_shown_while_it_is_chosen() {
    let mut screen = Screen::new(80, 24);
    screen.app.settings.themes = ["dark", "light", "mono"].map(str::to_owned).to_vec();
    screen.keys("<ctrl-t><down>");
    assert_eq!(screen.app.settings.theme, "light");
    screen.keys("<esc>");
    assert_eq!(screen.app.settings.theme, "dark");
    screen.keys("<ctrl-t>mono<enter>");
    assert_eq!(screen.app.settings.theme, "mono");
}

#[test]
fn the_playhead_is_always_in_the_window() {
    for (width, height) in [(80, 24), (140, 40), (40, 10), (120, 10)] {
        let mut screen = Screen::new(width, height);
        for key in "kkkkkkkkkjjjjhhhgGHHLLzgjjjjjjjkkkGE".chars() {
            screen.keys(&key.to_string());
            let lines = screen.app.areas.lines(crate::app::layout::Pane::Timeline);
            let (window, at) = screen.app.timeline_window(lines);
            assert!(window.len() <= lines);
            assert_eq!(
                window[at],
                screen.app.playhead_line(),
                "{key} at {width}x{height}"
            );
        }
    }
}

#[test]
fn no_size_and_no_key_panics() {
    let all: Vec<String> = crate::app::command::COMMANDS
        .iter()
        .flat_map(|c| c.keys)
        .map(|k| format!("<{k}>"))
        .collect();
    let mut screen = Screen::new(80, 24);
    for (width, height) in [(0, 0), (1, 1), (39, 9), (40, 10), (80, 24), (300, 100)] {
        screen.send(Msg::Resize(width, height));
        for key in &all {
            screen.keys(if key == "<>>" || key == "<<>" {
                "<"
            } else {
                key
            });
            screen.keys("<esc>");
        }
    }
}

mod composing;
mod reading;
mod streams;
