//! Reading the event and what changed.

use super::*;
use crate::model::log::Complaint;

#[test]
fn long_lines_are_wrapped_to_the_pane_until_they_are_to_be_cut() {
    let mut screen = Screen::new(40, 24);
    screen.keys("3v");
    let doc = |screen: &Screen| screen.app.event.doc.clone().unwrap();
    let wrapped = doc(&screen);
    screen.keys("r");
    let raw = doc(&screen);
    assert_eq!(raw.lines.len(), 1);
    assert!(raw.pieces.len() > 1, "{raw:?}");
    assert!(raw.pieces.iter().all(|(_, piece)| piece.len() <= 39));
    assert!(wrapped.pieces.len() >= wrapped.lines.len());
    screen.keys("\\");
    assert_eq!(doc(&screen).pieces.len(), 1);
    screen.keys("\\");
    screen.send(Msg::Resize(200, 24));
    assert!(
        doc(&screen).pieces.len() < raw.pieces.len(),
        "made anew for the width"
    );
}

#[test]
fn complaints_about_the_log_are_listed() {
    let mut screen = Screen::new(80, 24);
    screen.keys("!");
    assert!(
        screen.toast().contains("nothing went wrong"),
        "{}",
        screen.toast()
    );
    screen.send(Msg::LogChanged {
        complaints: vec![Complaint {
            line: 12,
            what: "offset 9 follows 7: one is missing".to_owned(),
        }]
        .into(),
        streams: Vec::new(),
    });
    screen.keys("!<enter>");
    let Some(Layer::Text { title, lines, .. }) = screen.app.layers.last() else {
        panic!("{:?}", screen.app.layers);
    };
    assert!(title.contains("line 12") && lines[0].contains("one is missing"));
}

#[test]
fn the_playhead_moves_under_the_list_of_changes() {
    let mut screen = Screen::new(80, 24);
    screen.keys("gD");
    assert!(matches!(
        screen.app.layers.last(),
        Some(Layer::Changes { .. })
    ));
    screen.keys("ll");
    assert_eq!(screen.rows(), 3);
    assert!(matches!(
        screen.app.layers.last(),
        Some(Layer::Changes { .. })
    ));
    screen.keys("D");
    assert!(screen.app.layers.is_empty());
}

#[test]
fn a_processor_that_cannot_be_used_ends_the_waiting() {
    let mut screen = Screen::new(80, 24);
    screen.send(Msg::CannotFold("agent.ts:1:1: expected `;`".to_owned()));
    screen.keys("h");
    assert!(
        !screen
            .effects
            .iter()
            .any(|e| matches!(e, Effect::Seek { .. }))
    );
    assert_eq!(screen.app.state.pending, None);
}

#[test]
fn a_worker_deployed_later_is_shown_unless_the_person_chose() {
    let worker = |slug: &str| Worker {
        slug: Some(slug.to_owned()),
        about: "deployed once".to_owned(),
    };
    let built_in = Worker {
        slug: None,
        about: String::new(),
    };
    let seeks = |screen: &Screen| {
        let mut effects = screen.effects.iter();
        effects.any(|effect| matches!(effect, Effect::Seek { .. }))
    };
    let mut screen = Screen::new(80, 24);
    screen.send(Msg::Workers {
        list: vec![worker("a"), built_in.clone()],
        current: 0,
        done: true,
    });
    assert_eq!(screen.app.workers.in_view(), Some(&worker("a")));
    assert!(seeks(&screen), "its state is another one");
    // Another list in which it is still the one: nothing to ask anew.
    screen.send(Msg::Workers {
        list: vec![worker("a"), worker("b"), built_in.clone()],
        current: 0,
        done: true,
    });
    assert!(!seeks(&screen));
    screen.keys("W");
    screen.keys("<down><down><enter>");
    assert_eq!(screen.app.workers.in_view(), Some(&built_in));
    screen.send(Msg::Workers {
        list: vec![worker("a"), worker("b"), worker("c"), built_in.clone()],
        current: 0,
        done: true,
    });
    assert_eq!(screen.app.workers.in_view(), Some(&built_in));
}
