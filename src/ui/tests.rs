//! What the screen looks like, and that no size or content breaks it.

use super::fixture::*;
mod composing;
mod reading;
mod streams;

use super::theme::{Role, Theme, depth::Depth, file};
use super::*;
use crate::app::dock::Dock;
use crate::app::layer::{Ask, Choose, Item, Layer, Picker, Prompt};
use crate::app::layout::Size;
use crate::app::line_edit::LineEdit;
use crate::app::msg::SearchWhere;
use crate::app::state::{Filter, Level, Pending, Play, Search, Settings, Toast};
use crate::app::{Note, NoteKind};
use crate::model::breaker_story::{Ledger, Story};
use crate::model::log::Indexing;
use crate::model::needle::Needle;
use crate::model::stream_state::breaker::Level as Full;
use ratatui::buffer::CellWidth;
use ratatui::style::{Color, Modifier};
use std::time::Duration;

/// Every pane is looked at in these.
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (40, 10)];

fn rendered(app: &App, depth: Depth, ascii: bool) -> (Buffer, Option<Position>) {
    let mut view = View::new(file::builtin(), depth, ascii);
    let mut buf = Buffer::empty(Rect::new(0, 0, app.size.width, app.size.height));
    let cursor = view.render(&mut buf, app);
    (buf, cursor)
}

fn text_of(buf: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buf.area.height {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..buf.area.width {
            let symbol = buf[(x, y)].symbol();
            if skip == 0 {
                line.push_str(symbol);
                skip = symbol.cell_width().max(1);
            }
            skip -= 1;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn text(app: &App) -> String {
    text_of(&rendered(app, Depth::Ansi, false).0)
}

/// The style of the first cell of `what`, which must be on the screen.
fn style_of(app: &App, depth: Depth, what: &str) -> ratatui::style::Style {
    let (buf, _) = rendered(app, depth, false);
    for y in 0..buf.area.height {
        let line: Vec<&str> = (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect();
        for x in 0..line.len() {
            if line[x..].concat().starts_with(what) {
                return buf[(x as u16, y)].style();
            }
        }
    }
    panic!("{what:?} is not on the screen:\n{}", text_of(&buf));
}

const END: usize = 24;
const RESULT: usize = 19;
const ERROR: usize = 20;
const PAUSED: usize = 21;

fn coding(width: u16, height: u16, rows: usize) -> App {
    let mut app = screen(coding_lines(), width, height, rows);
    coding_state(&mut app);
    app
}

#[test]
fn opened() {
    for (width, height) in [(80, 24), (120, 40), (140, 40), (40, 10), (30, 3)] {
        let name = format!("opened_{width}x{height}");
        insta::assert_snapshot!(name, text(&coding(width, height, RESULT)));
    }
}

#[test]
fn at_the_end_and_rewound() {
    let mut app = coding(80, 24, END);
    app.playhead.rows = app.len();
    insta::assert_snapshot!("end_80x24", text(&app));
    app.playhead.following = true;
    assert!(text(&app).contains("● LIVE   offset"));
    app.playhead.following = false;
    app.playhead.rows = 3;
    app.playhead.left_end_at = Some(app.len() - 7);
    let shown = text(&app);
    assert!(
        shown
            .lines()
            .next()
            .unwrap()
            .contains("◀ REWOUND    offset 3/"),
        "{shown}"
    );
    assert!(shown.contains("+7"));
    app.playhead.rows = 0;
    assert!(text(&app).contains("before the first event"));
}

#[test]
fn playing() {
    let mut app = coding(80, 24, RESULT);
    app.play = Some(Play {
        elapsed: Duration::ZERO,
    });
    let shown = text(&app);
    assert!(shown.contains("▶ PLAYING   offset 19/"), "{shown}");
}

#[test]
fn an_error_differs_by_word_glyph_and_style() {
    let app = coding(80, 24, RESULT);
    let mut app_on = coding(80, 24, ERROR);
    app_on.focus = Pane::State;
    place(&mut app_on);
    let error = style_of(&app_on, Depth::Ansi, "✖ error");
    let result = style_of(&coding(140, 40, PAUSED), Depth::Ansi, "✔ result");
    assert_ne!(error.fg, result.fg);
    assert!(error.add_modifier.contains(Modifier::BOLD));
    assert!(text(&app).contains("✖ error"));
}

#[test]
fn a_pause_is_a_banner_or_a_word() {
    for (width, height) in SIZES {
        let mut app = coding(width, height, PAUSED);
        place(&mut app);
        insta::assert_snapshot!(format!("paused_{width}x{height}"), text(&app));
    }
    let app = coding(40, 12, PAUSED);
    assert!(
        text(&app).lines().next().unwrap().contains("PAUSED"),
        "{}",
        text(&app)
    );
    let app = coding(30, 1, PAUSED);
    assert!(text(&app).contains("PAUSED"), "{}", text(&app));
}

/// The breaker panel over a log that ran away, at its pause.
fn breaker(width: u16, height: u16) -> App {
    let mut app = screen(runaway_lines(), width, height, 0);
    let log = Arc::clone(&app.log.as_ref().unwrap().log);
    app.playhead.rows = app.pause_in_view().unwrap() + 1;
    let (rows, pause) = (app.playhead.rows, app.pause_in_view());
    let story = Story::tell(&mut Ledger::default(), &*log, rows, pause, &|| true).unwrap();
    app.breaker.level = Some((rows, story.level));
    app.breaker.story = Some(Arc::new(story));
    app.dock = Some(Dock::Breaker);
    place(&mut app);
    app
}

#[test]
fn the_breaker_tells_why_it_tripped() {
    for (width, height) in SIZES {
        let name = format!("breaker_{width}x{height}");
        insta::assert_snapshot!(name, text(&breaker(width, height)));
    }
    let (buf, _) = rendered(&breaker(120, 40), Depth::Ansi, true);
    assert!(text_of(&buf).is_ascii(), "{}", text_of(&buf));
    let mut app = breaker(120, 40);
    app.breaker.story = None;
    assert!(text(&app).contains("Counting the events"));
}

#[test]
fn the_gauge_shows_while_there_is_room() {
    let mut app = breaker(140, 40);
    app.dock = None;
    place(&mut app);
    let status = |app: &App| text(app).lines().next().unwrap().to_owned();
    assert!(
        status(&app).contains("breaker ▕████▏ 100/100"),
        "{}",
        status(&app)
    );
    app.breaker.level = Some((
        1,
        Full {
            used: 12.0,
            limit: 100,
        },
    ));
    assert!(
        status(&app).contains("breaker ▕▌   ▏ 12/100"),
        "{}",
        status(&app)
    );
}

#[test]
fn the_words_are_never_cut() {
    for width in 36..160 {
        let mut app = coding(width, 24, PAUSED);
        app.playhead.left_end_at = Some(10);
        let line = text(&app).lines().next().unwrap().to_owned();
        for word in ["REWOUND", "offset 21/", "PAUSED", "+"] {
            assert!(line.contains(word), "{width}: {line}");
        }
    }
}

#[test]
fn runs_fold_and_unfold() {
    let mut app = coding(80, 24, RESULT);
    assert!(text(&app).contains("┊ chunk×11"), "{}", text(&app));
    app.playhead.rows = 8;
    assert!(text(&app).contains("┊ 4/11"), "{}", text(&app));
    app.timeline.unfolded.insert(4);
    insta::assert_snapshot!("unfolded_80x24", text(&app));
}

#[test]
fn state_pane_shows_changes() {
    let mut app = coding(80, 24, RESULT);
    app.focus = Pane::State;
    place(&mut app);
    insta::assert_snapshot!("state_80x24", text(&app));
    let changed = style_of(&app, Depth::Ansi, "false");
    let same = style_of(&app, Depth::Ansi, "null");
    assert_ne!(changed.fg, same.fg);
}

#[test]
fn a_reducer_that_threw_is_told_in_every_pane() {
    let mut app = screen(coding_lines(), 140, 40, RESULT);
    app.notes.insert(
        RESULT - 1,
        vec![Note {
            row: RESULT - 1,
            what: NoteKind::Threw {
                message: "TypeError: x is undefined".to_owned(),
                stack: "at reduce (agent.ts:2:7)".to_owned(),
            },
        }],
    );
    coding_state(&mut app);
    source(
        &mut app,
        "export default {\n  reduce(s) { return x.y; },\n};\n",
    );
    insta::assert_snapshot!("threw_140x40", text(&app));
}

#[test]
fn popups() {
    let mut app = coding(80, 24, RESULT);
    app.layers.push(Layer::Help { scroll: 0 });
    insta::assert_snapshot!("help_80x24", text(&app));
    let mut picker = Picker::new(
        Choose::Theme,
        "themes",
        ["dark", "light", "mono"]
            .map(|name| Item {
                title: name.to_owned(),
                ..Item::default()
            })
            .to_vec(),
    );
    picker.query = LineEdit::new("ma");
    picker.narrow();
    app.layers = vec![Layer::Picker(picker)];
    let shown = text(&app);
    assert!(shown.contains("Nothing here matches ma"), "{shown}");
    let items = (0..30).map(|i| Item {
        title: format!("command-{i}"),
        detail: "what it does".to_owned(),
        hint: "Ctrl-x".to_owned(),
        disabled: (i == 2).then(|| "no log is open".to_owned()),
        ..Item::default()
    });
    let mut picker = Picker::new(Choose::Command, "commands", items.collect());
    picker.query = LineEdit::new("cmd-2");
    picker.narrow();
    picker.selected = 1;
    app.layers = vec![Layer::Picker(picker)];
    insta::assert_snapshot!("palette_80x24", text(&app));
    app.layers = vec![Layer::Text {
        title: "why".to_owned(),
        lines: vec!["TypeError".to_owned(); 60],
        scroll: 1000,
    }];
    assert!(text(&app).contains("TypeError"));
}

#[test]
fn prompts_keep_their_cursor_in_view() {
    let mut app = coding(80, 24, RESULT);
    let long = "日本語 ".repeat(40);
    for typed in ["", "12", &long] {
        app.layers = vec![Layer::Prompt(Prompt {
            ask: Ask::Filter,
            edit: LineEdit::new(typed),
            problem: (typed == "12").then(|| "no such kind".to_owned()),
            recalled: None,
        })];
        let (buf, cursor) = rendered(&app, Depth::Ansi, false);
        let cursor = cursor.expect("someone types");
        assert!(cursor.x < 80 && cursor.y == 23, "{cursor:?}");
        let shown = text_of(&buf);
        assert!(
            shown.lines().last().unwrap().contains("filter &"),
            "{shown}"
        );
        assert_eq!(shown.contains("✖ no such kind"), typed == "12");
    }
}

#[test]
fn empty_panes_say_why() {
    let shown = |app: &App| text(app);
    let mut app = screen(Vec::new(), 140, 40, 0);
    assert!(shown(&app).contains("This log has no events."));
    app.log = None;
    app.open_error = Some("no such file: x.jsonl".to_owned());
    assert!(shown(&app).contains("no such file: x.jsonl"));
    let mut app = screen(coding_lines(), 140, 40, RESULT);
    app.state.pending = Some(Pending {
        id: 1,
        progress: Some((41, 100)),
    });
    app.folded = (41, 100);
    assert!(shown(&app).contains("Folding 41 of 100 events, 41 %"));
    assert!(shown(&app).contains("folding 41 %"));
    app.focus = Pane::Source;
    place(&mut app);
    assert!(shown(&app).contains("--processor FILE"));
    app.filter = Some(Filter {
        text: "type:none".to_owned(),
        rows: vec![],
        scanned: 1000,
        id: 1,
    });
    let filtered = shown(&app);
    assert!(
        filtered.contains("No event passes the filter type:none"),
        "{filtered}"
    );
}

#[test]
fn filter_and_search_show() {
    let mut app = coding(80, 24, RESULT);
    app.filter = Some(Filter {
        text: "!type:chunk".to_owned(),
        rows: vec![2, 3, 15, 17],
        scanned: END,
        id: 1,
    });
    app.search = Some(Search {
        needle: Needle::new("tests").unwrap(),
        place: SearchWhere::Events,
        running: None,
        nothing: false,
        wrapped: false,
    });
    app.focus = Pane::State;
    app.size = Size {
        width: 120,
        height: 24,
    };
    place(&mut app);
    let shown = text(&app);
    assert!(shown.contains("4 of 24"), "{shown}");
    assert!(shown.contains("/tests"));
    let found = style_of(&app, Depth::Ansi, "tests t…");
    assert!(found.add_modifier.contains(Modifier::UNDERLINED));
}

#[test]
fn a_search_in_the_state_underlines_where_it_is() {
    let mut app = coding(80, 24, RESULT);
    app.focus = Pane::State;
    place(&mut app);
    app.search = Some(Search {
        needle: Needle::new("1515").unwrap(),
        place: SearchWhere::State,
        running: None,
        nothing: false,
        wrapped: false,
    });
    let underlined = |what: &str| {
        let style = style_of(&app, Depth::Ansi, what);
        style.add_modifier.contains(Modifier::UNDERLINED)
    };
    assert!(underlined("1515"));
    assert!(!underlined("false"));
}

#[test]
fn another_offsets_state_is_dim_while_the_playheads_is_folded() {
    let mut app = coding(80, 24, RESULT);
    app.focus = Pane::State;
    place(&mut app);
    app.playhead.rows += 2;
    app.state.pending = Some(Pending {
        id: 1,
        progress: Some((3, 21)),
    });
    let shown = text(&app);
    assert!(
        shown.contains("STATE @19") && shown.contains("folding 14 %"),
        "{shown}"
    );
    let dim = Theme::new(&file::builtin()[0], Depth::Ansi, false).style(Role::Dim);
    assert_eq!(style_of(&app, Depth::Ansi, "1515").fg, dim.fg);
}

#[test]
fn indexing_and_toasts_show() {
    let mut app = coding(80, 24, RESULT);
    let view = app.log.as_mut().unwrap();
    view.log = Arc::new(Lines::new(
        coding_lines(),
        Indexing {
            lines: 0.5,
            columns: 0.1,
        },
    ));
    app.toasts.push_back(Toast {
        level: Level::Warn,
        text: "speed ×2".to_owned(),
        left: Duration::from_secs(1),
    });
    let shown = text(&app);
    assert!(shown.contains("indexing 30 %"), "{shown}");
    assert!(shown.contains("! speed ×2"));
}

#[test]
fn without_colour_nothing_is_coloured() {
    let (buf, _) = rendered(&coding(140, 40, PAUSED), Depth::Mono, false);
    for cell in buf.content() {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
    }
    let (buf, _) = rendered(&coding(140, 40, PAUSED), Depth::Ansi, false);
    assert!(buf.content().iter().any(|cell| cell.fg == Color::Cyan));
}

#[test]
fn ascii_mode_writes_ascii_only() {
    let mut app = coding(140, 40, RESULT);
    for layers in [vec![], vec![Layer::Help { scroll: 0 }]] {
        app.layers = layers;
        let (buf, _) = rendered(&app, Depth::Ansi, true);
        let shown = text_of(&buf);
        assert!(shown.is_ascii(), "{shown}");
    }
    let (buf, _) = rendered(&coding(140, 40, PAUSED), Depth::Ansi, true);
    assert!(text_of(&buf).is_ascii(), "{}", text_of(&buf));
}

#[test]
fn payloads_cannot_harm_the_terminal() {
    let mut app = coding(140, 40, END - 1);
    app.playhead.rows = 23;
    let (buf, _) = rendered(&app, Depth::Ansi, false);
    for cell in buf.content() {
        assert!(
            !cell
                .symbol()
                .contains(|c: char| c.is_control() || c == '\u{202e}')
        );
    }
}

#[test]
fn a_theme_is_taken_by_name_at_once() {
    let mut app = coding(80, 24, RESULT);
    app.settings = Settings {
        theme: "light".to_owned(),
        ..Settings::default()
    };
    let light = Theme::new(&file::builtin()[1], Depth::True, false);
    let found = style_of(&app, Depth::True, "✖ error");
    // In the playhead's future here, so it is dim.
    assert_eq!(found.fg, light.style(Role::Dim).fg);
}

#[test]
fn no_size_panics() {
    let mut states = vec![
        coding(0, 0, RESULT),
        coding(0, 0, PAUSED),
        screen(Vec::new(), 0, 0, 0),
    ];
    let mut app = coding(0, 0, 3);
    app.layers.push(Layer::Help { scroll: 7 });
    app.toasts.push_back(Toast {
        level: Level::Info,
        text: "日本語".repeat(9),
        left: Duration::ZERO,
    });
    states.push(app);
    let mut app = coding(0, 0, RESULT);
    app.focus = Pane::State;
    let items = vec![
        Item {
            title: "日本".to_owned(),
            hint: "x".to_owned(),
            ..Item::default()
        };
        3
    ];
    app.layers
        .push(Layer::Picker(Picker::new(Choose::Worker, "streams", items)));
    states.push(app);
    let mut app = coding(0, 0, RESULT);
    source(&mut app, "const a = 1;\n");
    app.layers.push(Layer::Prompt(Prompt {
        ask: Ask::GoTo,
        edit: LineEdit::new("12"),
        problem: Some("x".into()),
        recalled: None,
    }));
    states.push(app);
    let small = (0..=60).flat_map(|w| (0..=20).map(move |h| (w, h)));
    let large = [
        (200, 50),
        (119, 24),
        (120, 16),
        (130, 90),
        (400, 3),
        (1000, 300),
    ];
    let mut view = View::new(file::builtin(), Depth::Ansi, false);
    for app in &mut states {
        for (width, height) in small.clone().chain(large) {
            app.size = Size { width, height };
            place(app);
            let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
            view.render(&mut buf, app);
        }
    }
}
