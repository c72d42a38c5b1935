//! Reading: long lines wrapped, the list of changes, errors on the scrubber, a broken processor.

use super::*;
use crate::app::state::EventDoc;

#[test]
fn the_list_of_changes_shows_old_and_new() {
    for (width, height) in [(80, 24), (120, 40), (40, 10)] {
        let mut app = coding(width, height, RESULT);
        app.layers.push(Layer::Changes { scroll: 0 });
        let name = format!("changes_{width}x{height}");
        insta::assert_snapshot!(name, text(&app));
    }
    let mut app = coding(80, 24, RESULT);
    app.layers.push(Layer::Changes { scroll: 4 });
    assert!(text(&app).contains("5/5"), "{}", text(&app));
}

#[test]
fn a_piece_of_a_line_keeps_the_colours_of_its_whole() {
    let mut app = coding(140, 40, RESULT);
    let line = format!("  \"output\": \"{}true 12\"", "word ".repeat(8));
    let half = line.find("true").unwrap();
    app.event.doc = Some(EventDoc {
        row: RESULT - 1,
        pieces: vec![(0, 0..half), (0, half..line.len())].into(),
        lines: vec![line].into(),
        width: 60,
        is_json: true,
    });
    let shown = text(&app);
    assert!(shown.contains("│ true 12\""), "{shown}");
    let inside = style_of(&app, Depth::Ansi, "true 12\"");
    let start = style_of(&app, Depth::Ansi, "\"word");
    assert_eq!(inside.fg, start.fg, "still inside the text");
}

#[test]
fn a_processor_that_cannot_be_used_says_so_where_the_state_would_be() {
    let mut app = screen(coding_lines(), 80, 24, RESULT);
    app.focus = Pane::State;
    place(&mut app);
    app.state.broken = Some("agent.ts:3:7: expected `}`".to_owned());
    let shown = text(&app);
    assert!(
        shown.contains("agent.ts:3:7") && shown.contains("cannot be used"),
        "{shown}"
    );
}

#[test]
fn the_density_stays_to_be_read_where_errors_are_everywhere() {
    let mut app = coding(80, 24, RESULT);
    let survey = app.survey.as_mut().unwrap();
    let columns = survey.columns.iter().copied();
    let columns = columns.enumerate().map(|(i, mut column)| {
        column.errors = if i == 7 { 50 } else { 2 };
        column.level = 3;
        column
    });
    survey.columns = columns.collect();
    let shown = text(&app);
    let scrubber = shown.lines().nth(1).unwrap();
    assert_eq!(scrubber.matches('✖').count(), 1, "{scrubber}");
    assert!(scrubber.matches('▄').count() > 70, "{scrubber}");
}
