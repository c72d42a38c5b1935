//! What a session promises: the right version at every playhead, few engines, honest failures.

use super::*;
use crate::replay::testing::{MemoryLog, WordReducer, deadline, naive};
use std::sync::Mutex;

type Made = Arc<Mutex<Vec<CodeId>>>;

fn session(log: &Arc<MemoryLog>) -> (Session, Made) {
    let made: Made = Arc::default();
    let list = Arc::clone(&made);
    let factory: Factory = Box::new(move |code| {
        list.lock().unwrap().push(code.clone());
        let tag = match code {
            CodeId::BuiltIn => "built-in".to_owned(),
            CodeId::File(name) => name.to_string(),
            CodeId::Deployment { slug, row } => format!("{slug}@{row}"),
        };
        Ok(Box::new(WordReducer::new(&tag, 4)))
    });
    (Session::new(Arc::clone(log) as _, factory, 1 << 20), made)
}

fn at(session: &mut Session, who: &Who, rows: usize) -> Moment {
    session
        .moment(who, rows, &Cancel::new(), &mut |_| ())
        .unwrap()
}

fn text(value: &Option<Arc<Value>>) -> String {
    value.as_ref().map(|v| v.to_string()).unwrap_or_default()
}

fn two_versions() -> (Vec<String>, Arc<MemoryLog>, Session, Made, Who) {
    let events: Vec<String> = (0..10).map(|i| format!("+{i}")).collect();
    let log = MemoryLog::of(events.clone());
    let (mut session, made) = session(&log);
    session.set_deployed(vec![Deployed {
        slug: "a".into(),
        rows: vec![2, 6],
    }]);
    (events, log, session, made, Who::Worker("a".into()))
}

#[test]
fn the_latest_configuration_at_the_playhead_folds_from_the_first_event() {
    let (events, _log, mut session, _, who) = two_versions();
    let (first, second) = (naive("a@2", &events), naive("a@6", &events));
    for rows in [10, 0, 6, 7, 3, 2, 8, 1, 9, 4, 5] {
        let moment = at(&mut session, &who, rows);
        let version = |rows: usize| if rows > 6 { &second } else { &first };
        assert_eq!(text(&moment.state), version(rows)[rows].as_deref().unwrap());
        if let Some(before) = rows.checked_sub(1) {
            let want = version(before)[before].as_deref().unwrap();
            assert_eq!(text(&moment.previous), want, "before {rows}");
        }
        assert_eq!(
            moment.origin,
            Origin::Worker {
                slug: "a".into(),
                row: if rows > 6 { 6 } else { 2 },
                not_yet_deployed: rows <= 2,
            }
        );
    }
}

#[test]
fn a_re_deployment_shows_as_a_change() {
    let (_, _log, mut session, _, who) = two_versions();
    let moment = at(&mut session, &who, 7);
    let places: Vec<String> = moment.changes.iter().map(|c| c.path.to_string()).collect();
    assert_eq!(places, ["$[0]", "$[7]"]);
}

#[test]
fn unknown_workers_are_refused_with_the_known_ones() {
    let (_, _log, mut session, _, _) = two_versions();
    let error = session.moment(&Who::Worker("b".into()), 1, &Cancel::new(), &mut |_| ());
    assert_eq!(
        error.unwrap_err().to_string(),
        "the log configures no worker \"b\"; it has: a"
    );
}

#[test]
fn failures_count_only_while_their_version_was_in_force() {
    let mut events: Vec<String> = (0..10).map(|i| format!("+{i}")).collect();
    for row in [1, 4, 8] {
        events[row] = "!".to_owned();
    }
    let log = MemoryLog::of(events);
    let (mut session, _) = session(&log);
    let who = Who::Worker("a".into());
    session.set_deployed(vec![Deployed {
        slug: "a".into(),
        rows: vec![2, 6],
    }]);
    let late = deadline();
    while !session
        .advance(&who, 10, &Cancel::new(), Duration::from_millis(5))
        .unwrap()
        .idle
    {
        late();
    }
    let failures = session.failures(&who);
    let rows: Vec<usize> = failures.notes.iter().map(|n| n.row).collect();
    assert_eq!((rows, failures.more), (vec![1, 4, 8], 0));
}

#[test]
fn few_engines_live_at_once_and_return_when_asked() {
    let log = MemoryLog::of((0..10).map(|i| format!("+{i}")));
    let (mut session, made) = session(&log);
    let whos: Vec<Who> = (0..6).map(|i| Who::File(format!("f{i}").into())).collect();
    for _ in 0..2 {
        for who in &whos {
            assert!(text(&at(&mut session, who, 5).state).contains("\"4\""));
        }
    }
    assert_eq!(session.awake.len(), MOST_AWAKE);
    assert_eq!(made.lock().unwrap().len(), 12, "each was made again once");
}

#[test]
fn reload_makes_the_code_anew() {
    let (_, _log, mut session, made, who) = two_versions();
    at(&mut session, &who, 10);
    session.reload(&who);
    at(&mut session, &who, 10);
    assert_eq!(made.lock().unwrap().len(), 2);
}

#[test]
fn a_log_that_shrank_is_folded_anew() {
    let (_, log, mut session, _, _) = two_versions();
    at(&mut session, &Who::BuiltIn, 10);
    *log.0.lock().unwrap() = vec![b"+z".to_vec()];
    assert_eq!(
        text(&at(&mut session, &Who::BuiltIn, 1).state),
        r#"["built-in","z"]"#
    );
}
