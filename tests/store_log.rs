//! The store's folder: who may open it, which versions, what is left in it and how much.

#[path = "support/store.rs"]
mod support;

use evtui::model::offset::Offset;
use evtui::store::Store;
use evtui::store::log::{Durability, LogStore, OpenError, Options};
use std::fs;
use std::path::Path;
use support::{all, append, destroy, key, keyed, put, record};

fn small() -> Options {
    Options {
        segment_bytes: 16 << 10,
        ..Options::default()
    }
}

fn open(folder: &Path) -> LogStore {
    LogStore::open(folder, small()).unwrap()
}

fn disk_use(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder.join("segments")).unwrap();
    entries
        .map(|e| e.unwrap().metadata().unwrap().len())
        .sum::<u64>()
}

#[test]
fn a_second_opener_is_refused_naming_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let error = LogStore::open(folder.path(), small()).err().unwrap();
    assert!(matches!(error, OpenError::Locked(_)));
    let text = error.to_string();
    assert!(text.contains(folder.path().to_str().unwrap()), "{text}");
    assert!(text.contains("another process"), "{text}");
    drop(store);
    open(folder.path());
}

#[test]
fn other_versions_and_other_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let format = folder.path().join("FORMAT");
    assert_eq!(fs::read_to_string(&format).unwrap(), "evtui log 1\n");
    let why = |text: &str| {
        fs::write(&format, text).unwrap();
        LogStore::open(folder.path(), small())
            .err()
            .unwrap()
            .to_string()
    };
    let newer = why("evtui log 2\n");
    assert!(newer.contains("newer evtui (format 2"), "{newer}");
    assert!(why("evtui log 0\n").contains("FORMAT file says"));
    assert!(why("something else").contains("something else"));
    fs::remove_file(&format).unwrap();
    let error = LogStore::open(folder.path(), small()).err().unwrap();
    assert!(error.to_string().contains("no FORMAT file"), "{error}");
}

#[test]
fn nothing_is_made_where_nothing_is_asked_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let options = Options {
        create: false,
        ..Options::default()
    };
    for place in [&missing, folder.path()] {
        let error = LogStore::open(place, options).err().unwrap();
        assert!(matches!(error, OpenError::NoStore { .. }), "{error}");
    }
    assert!(!missing.exists());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    drop(open(&missing));
    LogStore::open(&missing, options).unwrap();
}

#[test]
fn without_fsync_all_is_there_again_too() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        durability: Durability::Os,
        ..small()
    };
    let a = key("/a");
    let events: Vec<_> = (1..=300).map(|n| record(n, "some text")).collect();
    for part in events.chunks(100) {
        let store = LogStore::open(folder.path(), options).unwrap();
        for record in part {
            append(&store, &a, vec![record.clone()]).unwrap();
        }
    }
    assert_eq!(all(&open(folder.path()), &a, 1000).unwrap(), events);
}

/// A copy of the files while the store is open is what a kill at that moment would leave.
#[test]
fn a_process_killed_at_any_moment_leaves_all_it_was_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let a = key("/a");
    for n in 1..=120 {
        append(&store, &a, vec![keyed(n, "text", &format!("k{n}"))]).unwrap();
        if n % 5 != 0 {
            continue;
        }
        let copy = tempfile::tempdir().unwrap();
        fs::create_dir(copy.path().join("segments")).unwrap();
        fs::copy(folder.path().join("FORMAT"), copy.path().join("FORMAT")).unwrap();
        for entry in fs::read_dir(folder.path().join("segments")).unwrap() {
            let path = entry.unwrap().path();
            // Sidecars come and go beside; a missing one is made anew.
            if path.extension().is_some_and(|e| e == "log") {
                let name = path.file_name().unwrap();
                fs::copy(&path, copy.path().join("segments").join(name)).unwrap();
            }
        }
        let copied = open(copy.path());
        assert_eq!(copied.head(&a).unwrap().unwrap().last, Offset(n));
        let want: Vec<_> = (1..=n)
            .map(|n| keyed(n, "text", &format!("k{n}")))
            .collect();
        assert_eq!(all(&copied, &a, 2000).unwrap(), want);
        append(&copied, &a, vec![record(n + 1, "next")]).unwrap();
    }
}

#[test]
fn destroyed_streams_give_their_space_back_and_stay_destroyed() {
    let folder = tempfile::tempdir().unwrap();
    let (kept, gone) = (key("/kept"), key("/gone"));
    let text = "x".repeat(500);
    let want: Vec<_> = (1..=10)
        .map(|n| keyed(n, &text, &format!("k{n}")))
        .collect();
    let full;
    {
        let store = open(folder.path());
        put(&store, "cell", Some("value")).unwrap();
        put(&store, "removed", Some("value")).unwrap();
        for n in 1..=400 {
            append(&store, &gone, vec![record(n, &text)]).unwrap();
            if n % 40 == 0 {
                append(&store, &kept, vec![want[n as usize / 40 - 1].clone()]).unwrap();
            }
        }
        put(&store, "removed", None).unwrap();
        full = disk_use(folder.path());
        destroy(&store, &[&gone]).unwrap();
        // Read while segments are written anew.
        for _ in 0..50 {
            assert_eq!(all(&store, &kept, 700).unwrap(), want);
        }
    }
    for sidecars in [true, false] {
        let left = disk_use(folder.path());
        assert!(left < full / 3, "{left} of {full} bytes are left");
        if !sidecars {
            for entry in fs::read_dir(folder.path().join("segments")).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|e| e == "index") {
                    fs::remove_file(path).unwrap();
                }
            }
        }
        let store = open(folder.path());
        assert_eq!(store.read_only(), None);
        assert_eq!(store.head(&gone).unwrap(), None);
        assert_eq!(all(&store, &kept, 700).unwrap(), want);
        assert_eq!(store.find(&kept, "k7").unwrap().as_ref(), Some(&want[6]));
        let cells = store.cells("").unwrap();
        assert_eq!(cells.len(), 1);
        assert_eq!(
            (cells[0].0.as_str(), &cells[0].1[..]),
            ("cell", &b"value"[..])
        );
    }
}

#[test]
fn cells_set_over_and_over_do_not_pile_up() {
    let folder = tempfile::tempdir().unwrap();
    let value = "v".repeat(1000);
    {
        let store = open(folder.path());
        append(&store, &key("/a"), vec![record(1, "")]).unwrap();
        for n in 0..500 {
            put(&store, "cursor", Some(&format!("{value}{n}"))).unwrap();
        }
    }
    let left = disk_use(folder.path());
    assert!(left < 40 << 10, "{left} bytes for one cell");
    let store = open(folder.path());
    assert!(store.cells("cursor").unwrap()[0].1.ends_with(b"499"));
}
