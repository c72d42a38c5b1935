//! From history to live with nothing lost or doubled, under any interleaving.

use crate::house::{House, message};
use evtui::model::offset::Offset;
use evtui::service::{Bound, Bounds, BreakerPolicy, Reader};
use futures_util::FutureExt;
use proptest::prelude::*;
use serde_json::Value;

#[derive(Clone, Debug)]
enum Step {
    /// Several at once, of so many bytes.
    Append(usize, usize),
    /// Lets so many held commits through.
    Commit(usize),
    /// The oldest held commit fails; those behind it follow.
    Fail,
    Subscribe(Option<u64>),
    /// A reader takes one chunk, if there is one.
    Poll(usize),
    Leave(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1usize..5, 0usize..300).prop_map(|(n, size)| Step::Append(n, size)),
        4 => (1usize..6).prop_map(Step::Commit),
        1 => Just(Step::Fail),
        2 => prop_oneof![Just(None), (0u64..12).prop_map(Some)].prop_map(Step::Subscribe),
        6 => (0usize..6).prop_map(Step::Poll),
        1 => (0usize..6).prop_map(Step::Leave),
    ]
}

struct Listener {
    reader: Reader,
    from: u64,
    seen: Vec<Value>,
}

impl Listener {
    /// Takes what is there, without waiting for more.
    async fn poll(&mut self) {
        // What the store must be asked for comes from another thread: it is waited for.
        let taken = {
            let next = self.reader.next();
            tokio::pin!(next);
            let mut taken = next.as_mut().now_or_never();
            for _ in 0..50 {
                if taken.is_some() {
                    break;
                }
                tokio::task::yield_now().await;
                taken = next.as_mut().now_or_never();
            }
            taken
        };
        if let Some(chunk) = taken {
            self.take(chunk.expect("a live reader goes on").unwrap());
        }
    }

    fn take(&mut self, chunk: Vec<evtui::service::Entry>) {
        for entry in chunk {
            assert_eq!(entry.offset.0, self.from + self.seen.len() as u64 + 1);
            self.seen.push(serde_json::from_slice(&entry.json).unwrap());
        }
    }
}

async fn play(steps: Vec<Step>, recent_bytes: usize) {
    let house = House::with(|options| {
        options.breaker = BreakerPolicy::Off;
        options.recent_bytes = recent_bytes;
    });
    house.append("/a", message("first")).await.unwrap();
    house.store.hold();
    let mut appends = Vec::new();
    let mut listeners: Vec<Listener> = Vec::new();
    for step in steps {
        match step {
            Step::Append(count, size) => {
                for i in 0..count {
                    let text = format!("{}{i}", "x".repeat(size));
                    appends.push(house.appending("/a", message(&text)).await);
                }
            }
            Step::Commit(count) => {
                for _ in 0..count {
                    house.store.release();
                }
            }
            Step::Fail => house.store.fail_if_held(),
            Step::Subscribe(after) => {
                let after = match after {
                    None => Bound::End,
                    Some(0) => Bound::Start,
                    Some(offset) => Bound::Offset(Offset(offset)),
                };
                let bounds = Bounds {
                    after,
                    ..Bounds::default()
                };
                // Opening anew after a failure may need a commit.
                let key = crate::house::key("/a");
                let read = house.service.read(&key, bounds);
                if let Some(reader) = read.now_or_never() {
                    let reader = reader.unwrap();
                    let from = reader.position().0 - 1;
                    listeners.push(Listener {
                        reader,
                        from,
                        seen: Vec::new(),
                    });
                }
            }
            Step::Poll(index) => {
                if let Some(listener) = listeners.get_mut(index) {
                    listener.poll().await;
                }
            }
            Step::Leave(index) => {
                if index < listeners.len() {
                    listeners.remove(index);
                }
            }
        }
    }
    house.store.let_through();
    for append in appends {
        // Failed ones were told so.
        let _ = append.await.unwrap();
    }
    let all = house.events("/a").await;
    for listener in &mut listeners {
        let missing =
            |listener: &Listener| listener.from + (listener.seen.len() as u64) < all.len() as u64;
        while missing(listener) {
            let chunk = listener.reader.next().await.unwrap().unwrap();
            listener.take(chunk);
        }
        let from = usize::try_from(listener.from).unwrap();
        assert_eq!(listener.seen[..], all[from.min(all.len())..]);
        assert!(listener.reader.next().now_or_never().is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_interleaving_loses_or_doubles_an_event(
        steps in proptest::collection::vec(step(), 1..60),
        recent_bytes in prop_oneof![Just(0usize), Just(400), Just(1_000_000)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(steps, recent_bytes));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_and_readers_at_once() {
    let house = House::with(|options| {
        options.breaker = BreakerPolicy::Off;
        options.recent_bytes = 2_000;
    });
    const WRITERS: usize = 8;
    const EACH: usize = 200;
    let mut readers = Vec::new();
    for i in 0..12 {
        let mut reader = house.reader("/a", Bounds::default()).await;
        readers.push(tokio::spawn(async move {
            let mut offsets = Vec::new();
            while offsets.len() < WRITERS * EACH + 1 {
                let chunk = reader.next().await.unwrap().unwrap();
                offsets.extend(chunk.iter().map(|entry| entry.offset.0));
                if i % 3 == 0 {
                    // A slow one falls behind what is kept in memory.
                    for _ in 0..20 {
                        tokio::task::yield_now().await;
                    }
                }
            }
            offsets
        }));
    }
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let service = house.service.clone();
        writers.push(tokio::spawn(async move {
            for i in 0..EACH {
                let incoming = evtui::service::Incoming::Json(message(&i.to_string()));
                let route = evtui::service::Route::Streams;
                let key = crate::house::key("/a");
                service.append(&key, incoming, route).await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    for reader in readers {
        let offsets = reader.await.unwrap();
        assert!(offsets.iter().copied().eq(1..=(WRITERS * EACH) as u64 + 1));
    }
}

#[tokio::test]
async fn readers_that_stopped_reading_keep_nothing() {
    let house = House::with(|options| {
        options.breaker = BreakerPolicy::Off;
        options.recent_bytes = 10_000;
    });
    let mut idle = house.reader("/a", Bounds::default()).await;
    for i in 0..500 {
        house.append("/a", message(&i.to_string())).await.unwrap();
    }
    let mut seen = 0;
    while seen < 501 {
        seen += idle.next().await.unwrap().unwrap().len();
    }
    assert!(idle.next().now_or_never().is_none());
}
