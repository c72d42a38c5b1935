//! Files that change while they are followed.

use super::*;
use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::time::Instant;

/// Waits until the rows of the whole log are these, which the test fails without.
fn until_rows(source: &FileSource, bytes: &[u8]) {
    let want = naive::read_lines(bytes);
    let start = Instant::now();
    let there = || {
        let log = source.log(None);
        source.wait(&|| true)
            && log.indexing().is_done()
            && log.len() == want.len()
            && want
                .iter()
                .enumerate()
                .all(|(row, n)| log.raw(row).is_some_and(|raw| *raw == *n.text))
    };
    while !there() && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }
    same_all(source, &want);
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

fn event(offset: u64, text: &str) -> String {
    format!("{{\"streamPath\":\"/s\",\"offset\":{offset},\"type\":\"{text}\"}}\n")
}

#[test]
fn growth_in_the_middle_of_lines_and_characters() {
    let file = file(b"");
    let source = FileSource::open(file.path()).unwrap();
    source.follow();
    assert!(source.is_following());
    let all: String = (1..=4).map(|n| event(n, "naïve 日本")).collect();
    let bytes = all.as_bytes();
    let mut written = 0;
    for end in [1, 40, 55, 57, 60, 64, 65, bytes.len() / 2, bytes.len()] {
        append(file.path(), &bytes[written..end]);
        written = end;
        // What is not whole yet is waited for.
        let lines = memchr::memrchr(b'\n', &bytes[..end]).map_or(0, |at| at + 1);
        let tail = &bytes[lines..end];
        let known = if serde_json::from_slice::<serde_json::Value>(tail).is_ok() {
            end
        } else {
            lines
        };
        std::thread::sleep(Duration::from_millis(30));
        until_rows(&source, &bytes[..known]);
    }
}

#[test]
fn a_whole_line_without_its_newline_may_still_grow() {
    let first = event(1, "a");
    let file = file(first.trim_end().as_bytes());
    let source = FileSource::open(file.path()).unwrap();
    source.follow();
    until_rows(&source, first.as_bytes());
    append(file.path(), b" x\n");
    let broken = format!("{} x\n", first.trim_end());
    until_rows(&source, broken.as_bytes());
    append(file.path(), event(2, "b").as_bytes());
    until_rows(&source, format!("{broken}{}", event(2, "b")).as_bytes());
}

#[test]
fn truncation_and_writing_anew() {
    let old: String = (1..500).map(|n| event(n, "old")).collect();
    let file = file(old.as_bytes());
    let source = FileSource::open(file.path()).unwrap();
    source.follow();
    until_rows(&source, old.as_bytes());
    fs::write(file.path(), event(1, "new")).unwrap();
    until_rows(&source, event(1, "new").as_bytes());
    let longer: String = (1..900).map(|n| event(n, "longer")).collect();
    fs::write(file.path(), &longer).unwrap();
    until_rows(&source, longer.as_bytes());
    File::create(file.path()).unwrap();
    let start = Instant::now();
    while !source.log(None).is_empty() && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(source.log(None).is_empty());
}

#[test]
fn a_file_put_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, event(1, "first")).unwrap();
    let source = FileSource::open(&path).unwrap();
    source.follow();
    until_rows(&source, event(1, "first").as_bytes());
    fs::rename(&path, dir.path().join("log.1")).unwrap();
    until_rows(&source, event(1, "first").as_bytes());
    let next: String = (1..4).map(|n| event(n, "second")).collect();
    fs::write(dir.path().join("new"), &next).unwrap();
    fs::rename(dir.path().join("new"), &path).unwrap();
    until_rows(&source, next.as_bytes());
}

#[test]
fn truncation_of_a_log_that_is_not_followed_harms_nothing() {
    let old: String = (1..5000).map(|n| event(n, "old")).collect();
    let (file, source) = open(old.as_bytes());
    let log = source.log(None);
    file.as_file().set_len(100).unwrap();
    assert_eq!(log.len(), 4999);
    assert!(log.raw(0).is_some());
    assert!(log.raw(4000).is_none());
    let needle = crate::model::needle::Needle::new("4000").unwrap();
    assert_eq!(log.search(&needle, 0, false, &|| true), None);
}

#[test]
fn growth_is_for_those_who_follow() {
    let file = file(event(1, "a").as_bytes());
    let source = FileSource::open(file.path()).unwrap();
    assert!(source.wait(&|| true) && !source.is_following());
    append(file.path(), event(2, "b").as_bytes());
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!(source.log(None).len(), 1);
    let (told, hear) = std::sync::mpsc::channel();
    source.on_change(Box::new(move || told.send(()).unwrap_or_default()));
    source.follow();
    hear.recv_timeout(Duration::from_secs(20)).unwrap();
    let both = event(1, "a") + &event(2, "b");
    until_rows(&source, both.as_bytes());
    append(file.path(), &event(3, "torn").as_bytes()[..20]);
    std::thread::sleep(Duration::from_millis(250));
    until_rows(&source, both.as_bytes());
    source.unfollow();
    assert!(!source.is_following());
    until_rows(&source, (both.clone() + &event(3, "torn")[..20]).as_bytes());
    source.follow();
    until_rows(&source, both.as_bytes());
}

#[test]
fn views_outlive_their_source() {
    let (file, source) = open(event(1, "a").as_bytes());
    let log = source.log(Some("/s"));
    drop(source);
    drop(file);
    assert_eq!(log.raw(0).unwrap(), event(1, "a").trim_end().as_bytes());
}
