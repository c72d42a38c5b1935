//! Writing, checking and sending events; the breaker's panel.

use super::*;
use crate::app::composer::{Field, Mode as Writing};
use crate::app::connection::{Connection, Link, Refused, Service};
use crate::app::dock::Dock;
use crate::app::msg::Survey;
use crate::model::breaker_story::{Ledger, Story};

/// A screen on a stream of a service.
fn connected(loopback: bool, read_only: bool) -> Screen {
    let mut screen = Screen::new(80, 24);
    let url = "https://events.example".to_owned();
    let service = Service::new(url, "public".to_owned(), loopback, read_only);
    screen.app.service = Some(service);
    screen.app.log.as_mut().unwrap().connection = Some(Connection {
        link: Link::Live,
        ..Connection::default()
    });
    screen
}

impl Screen {
    /// The append among the last effects, and its id.
    fn appended(&self) -> Option<(u64, Value)> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Append { id, path, input } => {
                assert_eq!(path, "/a");
                Some((*id, serde_json::from_str(input).unwrap()))
            }
            _ => None,
        })
    }

    fn stored(&mut self, id: u64) {
        self.send(Msg::Appended {
            id,
            path: "/a".to_owned(),
            offset: 11,
            event_type: "x".to_owned(),
        });
    }

    fn pause_on_row(&mut self, row: usize) {
        let gates = vec![(row, true)];
        self.send(Msg::Surveyed(Survey {
            len: 10,
            columns: Arc::new([]),
            gates: gates.into(),
        }));
    }
}

#[test]
fn a_message_is_wrapped_as_the_stream_does_and_sent() {
    let mut screen = connected(true, false);
    screen.keys("ihello<enter>world<ctrl-s>");
    let (id, input) = screen.appended().unwrap();
    // The log's messages have no text that could be found: the usual family is taken.
    let payload = json!({"role": "user", "content": "hello\nworld"});
    assert_eq!(
        input,
        json!({"type": "agent-input-added", "payload": payload})
    );
    screen.keys("<ctrl-s>");
    assert!(screen.appended().is_none(), "not twice");
    screen.stored(id);
    assert!(screen.app.composer.message.is_empty());
    let kept = screen
        .effects
        .iter()
        .any(|e| matches!(e, Effect::KeepSent(d) if d.message == "hello\nworld"));
    assert!(kept, "{:?}", screen.effects);
    assert_eq!(
        screen.app.dock,
        Some(Dock::Composer),
        "for the next message"
    );
    screen.keys("<alt-p>");
    assert_eq!(screen.app.composer.message.lines(), ["hello", "world"]);
    screen.keys("<alt-n>");
    assert!(screen.app.composer.message.is_empty());
}

#[test]
fn what_is_typed_is_kept_outside_soon() {
    let mut screen = connected(true, false);
    screen.keys("i");
    assert_eq!(screen.app.tick_every(), None, "nothing is written yet");
    screen.keys("half a th");
    let kept = |screen: &Screen| {
        screen.effects.iter().find_map(|effect| match effect {
            Effect::KeepDraft { draft, .. } => Some(draft.message.clone()),
            _ => None,
        })
    };
    let quarter = Duration::from_millis(250);
    assert_eq!(screen.app.tick_every(), Some(quarter));
    screen.send(Msg::Tick(quarter));
    assert_eq!(kept(&screen), None);
    // Typing on does not put it off.
    screen.keys("ought");
    screen.send(Msg::Tick(quarter));
    assert_eq!(kept(&screen).as_deref(), Some("half a thought"));
    assert_eq!(screen.app.tick_every(), None);
}

#[test]
fn a_source_that_comes_later_still_says_how_messages_look() {
    let mut screen = connected(true, false);
    screen.keys("ihi");
    let source = "if (event.type === 'webchat-message-received') answer();";
    screen.send(Msg::Code {
        files: vec![("a.js".into(), source.into())],
        why_empty: None,
    });
    let family = &screen.app.composer.family;
    assert_eq!(family.event_type, "webchat-message-received");
    assert_eq!(screen.app.composer.message.lines(), ["hi"]);
}

#[test]
fn a_failed_send_keeps_the_draft_and_says_why() {
    let mut screen = connected(true, false);
    screen.keys("ihi<ctrl-s>");
    let (id, _) = screen.appended().unwrap();
    screen.send(Msg::AppendFailed {
        id,
        refused: Refused {
            path: "/a".to_owned(),
            status: Some(412),
            message: "stream is paused; only stream/resumed is allowed".to_owned(),
            at: Millis(5),
        },
    });
    let composer = &screen.app.composer;
    assert_eq!(composer.message.lines(), ["hi"]);
    assert!(
        composer
            .failure
            .as_ref()
            .unwrap()
            .contains("stream is paused")
    );
    assert_eq!(composer.sending, None);
    screen.keys("!");
    assert_eq!(screen.app.composer.failure, None, "gone with the next edit");
    screen.keys("<ctrl-s>");
    assert!(screen.appended().is_some());
}

#[test]
fn another_machine_is_asked_about_once_a_session() {
    let mut screen = connected(false, false);
    screen.keys("ihi<ctrl-s>");
    assert!(screen.appended().is_none());
    assert!(matches!(screen.app.layers.last(), Some(Layer::Confirm(_))));
    screen.keys("<esc>");
    assert!(screen.app.layers.is_empty() && screen.app.composer.sending.is_none());
    screen.keys("<ctrl-s><enter>");
    assert!(screen.appended().is_none(), "only y says yes");
    screen.keys("y");
    let (id, _) = screen.appended().unwrap();
    screen.stored(id);
    screen.keys("again<ctrl-s>");
    assert!(screen.appended().is_some(), "not asked again");
}

#[test]
fn read_only_and_files_refuse_with_a_reason() {
    let mut screen = connected(true, true);
    screen.keys("i");
    assert_eq!(screen.app.dock, None);
    assert!(screen.toast().contains("--read-only"), "{}", screen.toast());
    screen.keys("a");
    assert!(screen.toast().contains("--read-only"));
    let mut screen = Screen::new(80, 24);
    screen.keys("i");
    assert!(
        screen.toast().contains("this log is a file"),
        "{}",
        screen.toast()
    );
}

#[test]
fn an_event_is_checked_while_it_is_written() {
    let mut screen = connected(true, false);
    screen.keys("i<tab>");
    assert_eq!(screen.app.composer.mode, Writing::Event);
    screen.keys("<ctrl-s>");
    assert!(screen.appended().is_none());
    assert!(
        screen
            .app
            .composer
            .failure
            .as_ref()
            .unwrap()
            .contains("type: missing")
    );
    screen.keys("circuit");
    assert!(!screen.app.composer.completions().is_empty());
    screen.keys("<down><enter>");
    let composer = &screen.app.composer;
    assert!(
        composer
            .event_type
            .text()
            .ends_with("circuit-breaker-configured")
    );
    assert_eq!(composer.field, Field::Payload);
    screen.keys("{\"burstCapacity\": 0}");
    let problem = screen.app.composer.input().unwrap_err();
    assert_eq!(
        problem.text,
        "payload.burstCapacity: expected a positive integer"
    );
    screen.keys("<backspace>");
    let problem = screen.app.composer.input().unwrap_err();
    assert!(problem.text.starts_with("payload: EOF"), "{}", problem.text);
    assert_eq!(problem.line, Some(0));
    screen.keys("<backspace>9, \"refillRatePerMinute\": 60}<down>{\"by\": 1}<enter>k1<ctrl-s>");
    let (_, input) = screen.appended().unwrap();
    assert_eq!(
        input["payload"],
        json!({"burstCapacity": 9, "refillRatePerMinute": 60})
    );
    assert_eq!(input["metadata"], json!({"by": 1}));
    assert_eq!(input["idempotencyKey"], "k1");
}

#[test]
fn a_template_is_filled_in_or_sent_as_it_is() {
    let mut screen = connected(true, false);
    screen.keys("i<tab><tab>j<enter>");
    let composer = &screen.app.composer;
    assert_eq!(
        (composer.mode, composer.field),
        (Writing::Event, Field::Payload)
    );
    assert!(composer.event_type.text().ends_with("/resumed"));
    screen.keys("<ctrl-s>");
    assert!(screen.appended().is_some());
}

#[test]
fn an_event_is_appended_again_without_its_key() {
    let mut screen = connected(true, false);
    screen.keys("ga<ctrl-s>");
    let (_, input) = screen.appended().unwrap();
    let payload = json!({"n": 0, "sourceOffset": 0});
    assert_eq!(input, json!({"type": "user_message", "payload": payload}));
}

#[test]
fn a_message_goes_along_to_the_event_mode() {
    let mut screen = connected(true, false);
    screen.keys("ihi<tab>");
    assert_eq!(screen.app.composer.event_type.text(), "agent-input-added");
    let input = screen.app.composer.input().unwrap();
    assert_eq!(input["payload"]["content"], "hi");
}

#[test]
fn drafts_are_kept_when_it_closes_and_when_the_program_ends() {
    let mut screen = connected(true, false);
    screen.keys("ihalf<esc>");
    let kept = |screen: &Screen| {
        screen.effects.iter().any(
            |effect| matches!(effect, Effect::KeepDraft { draft, .. } if draft.message == "half"),
        )
    };
    assert!(kept(&screen));
    assert_eq!(screen.app.dock, None);
    screen.keys("i<ctrl-c>");
    assert!(kept(&screen) && screen.app.quitting);
}

#[test]
fn the_editor_takes_the_text_and_gives_it_back() {
    let mut screen = connected(true, false);
    screen.keys("ia<enter>b<ctrl-e>");
    let text = screen.effects.iter().find_map(|effect| match effect {
        Effect::Edit { text, json: false } => Some(text.clone()),
        _ => None,
    });
    assert_eq!(text.as_deref(), Some("a\nb"));
    screen.send(Msg::Edited("c\nd\n".to_owned()));
    assert_eq!(screen.app.composer.message.lines(), ["c", "d"]);
    screen.send(Msg::Paste("x\ry".to_owned()));
    assert_eq!(screen.app.composer.message.lines(), ["c", "dx", "y"]);
}

#[test]
fn a_paused_stream_is_resumed_with_a_reason_after_a_yes() {
    let mut screen = connected(true, false);
    screen.pause_on_row(4);
    screen.keys("pr");
    assert!(matches!(screen.app.layers.last(), Some(Layer::Prompt(_))));
    screen.keys("mended<enter>");
    assert!(screen.appended().is_none(), "not before a yes");
    screen.keys("y");
    let (_, input) = screen.appended().unwrap();
    assert_eq!(input["payload"], json!({"reason": "mended"}));
    assert!(input["type"].as_str().unwrap().ends_with("/resumed"));
    let mut file = Screen::new(80, 24);
    file.pause_on_row(4);
    file.keys("pr");
    assert!(
        file.toast().contains("this log is a file"),
        "{}",
        file.toast()
    );
}

#[test]
fn the_breaker_panel_asks_for_its_story_and_travels() {
    let mut screen = Screen::new(80, 24);
    screen.pause_on_row(4);
    screen.keys("gp");
    let asked = |screen: &Screen, story: Option<Option<usize>>| {
        let wanted = |e: &Effect| matches!(e, Effect::Breaker { story: s, .. } if *s == story);
        screen.effects.iter().any(wanted)
    };
    assert!(asked(&screen, Some(Some(4))), "{:?}", screen.effects);
    let log = Arc::clone(&screen.log);
    let story = Story::tell(&mut Ledger::default(), &*log, 1, Some(4), &|| true);
    let level = story.as_ref().unwrap().level;
    let story = story.map(Arc::new);
    screen.send(Msg::Breaker {
        rows: 1,
        level,
        story,
    });
    screen.keys("<enter>");
    assert_eq!(screen.rows(), 5, "on the pause");
    screen.keys("o");
    let newest = screen.rows();
    assert!(newest > 1);
    screen.keys("o");
    assert_eq!(screen.rows(), newest - 3, "to its sourceOffset");
    screen.keys("<esc>");
    assert_eq!(screen.app.dock, None);
    screen.keys("l");
    assert!(asked(&screen, None), "the gauge goes on");
}
