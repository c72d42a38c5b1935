//! Random doings against a plain model of SPEC §1 to §4, written without a look at the service.

use crate::house::{House, P, built_in, key, said, short_type};
use evtui::model::event::Millis;
use evtui::model::offset::Offset;
use evtui::service::{Bound, Bounds, BreakerPolicy, ServiceError};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const PATHS: [&str; 4] = ["/", "/a", "/a/b", "/c"];
const WINDOW: (usize, i64) = (7, 50);

#[derive(Clone, Debug)]
enum Doing {
    Append {
        path: usize,
        what: What,
        key: Option<u8>,
        offset: Option<bool>,
        metadata: bool,
    },
    Read {
        path: usize,
        after: u64,
        before: u64,
    },
    State(usize),
    Children(usize),
    Destroy(usize, bool),
    Restart,
    Wait(i64),
}

#[derive(Clone, Copy, Debug)]
enum What {
    Message(u8),
    NoEvent,
    Pause,
    Resume,
    Bucket,
    Metadata(u8),
    Again,
}

fn doing() -> impl Strategy<Value = Doing> {
    let what = prop_oneof![
        8 => any::<u8>().prop_map(What::Message),
        1 => Just(What::NoEvent),
        1 => Just(What::Pause),
        3 => Just(What::Resume),
        1 => Just(What::Bucket),
        1 => any::<u8>().prop_map(What::Metadata),
        1 => Just(What::Again),
    ];
    let path = 0..PATHS.len();
    let key = prop_oneof![3 => Just(None), 1 => (0u8..3).prop_map(Some)];
    let offset = prop_oneof![4 => Just(None), 1 => Just(Some(true)), 1 => Just(Some(false))];
    prop_oneof![
        12 => (path.clone(), what, key, offset, any::<bool>())
            .prop_map(|(path, what, key, offset, metadata)| Doing::Append { path, what, key, offset, metadata }),
        2 => (path.clone(), 0u64..12, 0u64..12).prop_map(|(path, after, before)| Doing::Read { path, after, before }),
        2 => path.clone().prop_map(Doing::State),
        1 => path.clone().prop_map(Doing::Children),
        1 => (path, any::<bool>()).prop_map(|(path, children)| Doing::Destroy(path, children)),
        1 => Just(Doing::Restart),
        3 => (0i64..40).prop_map(Doing::Wait),
    ]
}

/// An event of the model: what of it must match.
#[derive(Clone, Debug, PartialEq)]
struct Plain {
    event_type: String,
    payload: Value,
    metadata: Option<Value>,
    key: Option<String>,
    at: i64,
}

#[derive(Clone, Debug, Default)]
struct Log {
    events: Vec<Plain>,
    paused: bool,
    counted: Vec<i64>,
    /// Tokens, capacity, per minute, last refill.
    bucket: Option<(f64, f64, f64, i64)>,
    metadata: Value,
}

#[derive(Debug, PartialEq)]
enum No {
    Paused,
    Offset,
    Twice,
}

struct World {
    logs: BTreeMap<&'static str, Log>,
    awake: BTreeSet<&'static str>,
    now: i64,
}

fn above(path: &str) -> Vec<&'static str> {
    match path {
        "/" => vec![],
        "/a/b" => vec!["/a", "/"],
        _ => vec!["/"],
    }
}

impl World {
    fn plain(&self, name: &str, payload: Value) -> Plain {
        Plain {
            event_type: name.to_owned(),
            payload,
            metadata: None,
            key: None,
            at: self.now,
        }
    }

    fn open(&mut self, path: &'static str, metadata: Option<Value>) {
        if !self.logs.contains_key(path) {
            self.logs.insert(
                path,
                Log {
                    metadata: json!({}),
                    ..Log::default()
                },
            );
            let mut first = self.plain(
                "initialized",
                json!({"projectSlug": "public", "path": path}),
            );
            first.metadata = metadata;
            self.store(path, first);
        } else if !self.awake.contains(path) {
            let woken = self.plain("durable-object-woke-up", json!({}));
            self.store(path, woken);
        } else {
            return;
        }
        self.awake.insert(path);
        self.announce(path);
    }

    fn announce(&mut self, child: &'static str) {
        for ancestor in above(child) {
            self.tell(ancestor, child);
        }
    }

    fn tell(&mut self, ancestor: &'static str, child: &'static str) {
        let first = self.logs[child].events[0].clone();
        let key = format!("child-stream-created:{child}@{}", Millis(first.at));
        let told = |log: &Log| log.events.iter().any(|e| e.key.as_ref() == Some(&key));
        if self.logs.get(ancestor).is_some_and(told) {
            return;
        }
        let mut event = self.plain("child-stream-created", json!({"childPath": child}));
        event.metadata = first.metadata;
        event.key = Some(key);
        let _ = self.append(ancestor, event, None);
    }

    fn append(&mut self, path: &'static str, event: Plain, offset: Option<u64>) -> Result<u64, No> {
        self.open(path, event.metadata.clone());
        let log = &self.logs[path];
        if event.key.is_some()
            && let Some(at) = log.events.iter().position(|e| e.key == event.key)
        {
            return Ok(at as u64 + 1);
        }
        if log.paused && event.event_type != "resumed" {
            return Err(No::Paused);
        }
        if offset.is_some_and(|offset| offset != log.events.len() as u64 + 1) {
            return Err(No::Offset);
        }
        if event.event_type == "initialized" {
            return Err(No::Twice);
        }
        let resumed = event.event_type == "resumed";
        let stored = self.store(path, event);
        if resumed {
            let mut below: Vec<(i64, &'static str)> = self
                .logs
                .iter()
                .filter(|(child, _)| above(child).contains(&path))
                .map(|(child, log)| (log.events[0].at, *child))
                .collect();
            below.sort();
            for (_, child) in below {
                self.tell(path, child);
            }
        }
        Ok(stored)
    }

    fn store(&mut self, path: &'static str, event: Plain) -> u64 {
        let log = self.logs.get_mut(path).unwrap();
        log.count(&event);
        log.events.push(event);
        let offset = log.events.len() as u64;
        if let Some(reason) = log.trips() {
            log.paused = true;
            let event = self.plain("paused", json!({"reason": reason}));
            self.logs.get_mut(path).unwrap().events.push(event);
        }
        offset
    }

    fn destroy(&mut self, path: &str, children: bool) -> usize {
        let before = self.logs.len();
        self.logs
            .retain(|other, _| *other != path && !(children && above(other).contains(&path)));
        before - self.logs.len()
    }
}

impl Log {
    fn count(&mut self, event: &Plain) {
        match &*event.event_type {
            "paused" => self.paused = true,
            "resumed" => {
                self.paused = false;
                self.fill(event.at);
            }
            "circuit-breaker-configured" => {
                let number = |key: &str| event.payload[key].as_f64().unwrap();
                let (capacity, rate) = (number("burstCapacity"), number("refillRatePerMinute"));
                self.bucket = Some((capacity, capacity, rate, event.at));
                self.fill(event.at);
            }
            _ if self.paused => {}
            name => {
                if name == "metadata-updated" {
                    self.metadata = event.payload["metadata"].clone();
                }
                match &mut self.bucket {
                    Some((tokens, capacity, rate, last)) => {
                        let refilled = *tokens + (event.at - *last) as f64 * *rate / 60_000.0;
                        *tokens = refilled.min(*capacity) - 1.0;
                        *last = event.at;
                    }
                    None => self.counted.push(event.at),
                }
            }
        }
    }

    fn fill(&mut self, now: i64) {
        self.counted.clear();
        if let Some((tokens, capacity, _, last)) = &mut self.bucket {
            *tokens = *capacity;
            *last = now;
        }
    }

    fn trips(&self) -> Option<&'static str> {
        if self.paused {
            return None;
        }
        if let Some((tokens, ..)) = self.bucket {
            return (tokens < 0.0).then_some("circuit breaker tripped: burst rate limit exceeded");
        }
        let newest = *self.counted.last()?;
        let within = self
            .counted
            .iter()
            .filter(|at| newest - **at < WINDOW.1)
            .count();
        (within >= WINDOW.0).then_some("circuit breaker tripped: 7 events in under 50 ms")
    }
}

fn plain(event: &Value) -> Plain {
    Plain {
        event_type: short_type(event),
        payload: event["payload"].clone(),
        metadata: event.get("metadata").cloned(),
        key: event
            .get("idempotencyKey")
            .map(|key| key.as_str().unwrap().to_owned()),
        at: Millis::parse(event["createdAt"].as_str().unwrap())
            .unwrap()
            .0,
    }
}

async fn live_through(doings: Vec<Doing>) -> Result<(), TestCaseError> {
    let mut house = House::with(|options| {
        options.breaker = BreakerPolicy::Window {
            events: WINDOW.0,
            millis: WINDOW.1,
        };
        // Streams are let go and opened again all the time.
        options.max_open_streams = 1;
    });
    let mut world = World {
        logs: BTreeMap::new(),
        awake: BTreeSet::new(),
        now: 1_000_000,
    };
    for doing in doings {
        match doing {
            Doing::Append {
                path,
                what,
                key,
                offset,
                metadata,
            } => {
                let path = PATHS[path];
                let key = key.map(|key| format!("key-{key}"));
                let metadata = metadata.then(|| json!({"m": 1}));
                let (event, mut input) = input(&world, path, what);
                let valid = !matches!(what, What::NoEvent);
                let offset = offset.filter(|_| valid).map(|right| {
                    // A right guess, unless opening the stream adds to it.
                    let len = world
                        .logs
                        .get(path)
                        .map_or(0, |log| log.events.len() as u64);
                    if right { len + 1 } else { len + 5 }
                });
                let mut event = event;
                if valid {
                    if let Some(key) = &key {
                        input["idempotencyKey"] = json!(key);
                        event.key = Some(key.clone());
                    }
                    if let Some(metadata) = metadata {
                        input["metadata"] = metadata.clone();
                        event.metadata = Some(metadata);
                    }
                    if let Some(offset) = offset {
                        input["offset"] = json!(offset);
                    }
                }
                let got = house.append(path, input).await;
                let want = world.append(path, event, offset);
                match (got, want) {
                    (Ok(stored), Ok(offset)) => {
                        prop_assert_eq!(stored.offset, Offset(offset));
                        let index = usize::try_from(offset - 1).unwrap();
                        let event = world.logs[path].events[index].clone();
                        prop_assert_eq!(plain(&said(&stored)), event);
                    }
                    (Err(ServiceError::Paused), Err(No::Paused))
                    | (Err(ServiceError::OffsetMismatch { .. }), Err(No::Offset))
                    | (Err(ServiceError::InitializedTwice), Err(No::Twice)) => {}
                    (got, want) => prop_assert!(false, "{:?} but {:?}", got, want),
                }
            }
            Doing::Read {
                path,
                after,
                before,
            } => {
                let path = PATHS[path];
                world.open(path, None);
                let bounds = Bounds {
                    after: if after == 0 {
                        Bound::Start
                    } else {
                        Bound::Offset(Offset(after))
                    },
                    before: Some(if before == 0 {
                        Bound::End
                    } else {
                        Bound::Offset(Offset(before))
                    }),
                    live: true,
                };
                let got = crate::house::drain(&mut house.reader(path, bounds).await).await;
                let want: Vec<Plain> = (1u64..)
                    .zip(&world.logs[path].events)
                    .filter(|(offset, _)| *offset > after && (before == 0 || *offset < before))
                    .map(|(_, event)| event.clone())
                    .collect();
                prop_assert_eq!(got.iter().map(plain).collect::<Vec<_>>(), want);
            }
            Doing::State(path) => {
                let path = PATHS[path];
                world.open(path, None);
                let state = house.state(path).await;
                check_state(&state, path, &world.logs[path])?;
            }
            Doing::Children(path) => {
                let listed = house.service.children(&key(PATHS[path])).await.unwrap();
                let mut got: Vec<String> = listed.iter().map(|l| l.path.to_string()).collect();
                got.sort();
                let want: Vec<&str> = world
                    .logs
                    .keys()
                    .copied()
                    .filter(|other| *other == PATHS[path] || above(other).contains(&PATHS[path]))
                    .collect();
                prop_assert_eq!(got, want);
            }
            Doing::Destroy(path, children) => {
                let path = PATHS[path];
                let last = world.logs.get(path).cloned();
                let got = house.service.destroy(&key(path), children).await.unwrap();
                prop_assert_eq!(got.count, world.destroy(path, children));
                let (first, state) = &got.final_states[0];
                prop_assert_eq!(first.as_str(), path);
                match (state, last) {
                    (Some(state), Some(last)) => {
                        check_state(&serde_json::to_value(state).unwrap(), path, &last)?;
                    }
                    (state, last) => prop_assert_eq!(state.is_none(), last.is_none()),
                }
            }
            Doing::Restart => {
                house.restart();
                world.awake.clear();
            }
            Doing::Wait(millis) => {
                house.clock.advance(millis);
                world.now += millis;
            }
        }
    }
    for (path, log) in &world.logs {
        let records = evtui::store::Store::read(&*house.store, &key(path), Offset(1), usize::MAX);
        let got: Vec<Plain> = records
            .unwrap()
            .iter()
            .map(|record| plain(&serde_json::from_slice(&record.json).unwrap()))
            .collect();
        prop_assert_eq!(&got, &log.events, "{}", path);
    }
    Ok(())
}

fn check_state(state: &Value, path: &str, log: &Log) -> Result<(), TestCaseError> {
    prop_assert_eq!(&state["path"], &json!(path));
    prop_assert_eq!(&state["eventCount"], &json!(log.events.len()));
    prop_assert_eq!(&state["metadata"], &log.metadata);
    let breaker = &state["processors"]["circuit-breaker"];
    prop_assert_eq!(&breaker["paused"], &json!(log.paused));
    let mut children: Vec<String> = Vec::new();
    for event in log
        .events
        .iter()
        .filter(|e| e.event_type == "child-stream-created")
    {
        let child = event.payload["childPath"].as_str().unwrap();
        let own = path.trim_end_matches('/').len();
        let end = child[own + 1..]
            .find('/')
            .map_or(child.len(), |slash| own + 1 + slash);
        if !children.iter().any(|known| *known == child[..end]) {
            children.push(child[..end].to_owned());
        }
    }
    prop_assert_eq!(&state["childPaths"], &json!(children));
    Ok(())
}

fn input(world: &World, path: &str, what: What) -> (Plain, Value) {
    let of =
        |name: &str, payload: Value| (world.plain(name, payload.clone()), built_in(name, payload));
    match what {
        What::Message(n) => {
            let payload = json!({"n": n});
            let input = json!({"type": "message", "payload": payload});
            (world.plain("message", payload), input)
        }
        What::NoEvent => {
            let input = json!({"kind": "nothing"});
            let error =
                "kind: unknown key; an event has type, payload, metadata, idempotencyKey, offset";
            let payload = json!({"rawInput": input, "error": error});
            (world.plain("invalid-event-appended", payload), input)
        }
        What::Pause => of("paused", json!({"reason": "by hand"})),
        What::Resume => of("resumed", json!({})),
        What::Bucket => of(
            "circuit-breaker-configured",
            json!({"burstCapacity": 4, "refillRatePerMinute": 3_000}),
        ),
        What::Metadata(n) => {
            let metadata: Map<String, Value> = Map::from_iter([("n".to_owned(), json!(n))]);
            of("metadata-updated", json!({"metadata": metadata}))
        }
        What::Again => of(
            "initialized",
            json!({"projectSlug": "public", "path": path}),
        ),
    }
}

#[test]
fn the_prefix_is_the_one_that_is_taken_off() {
    assert_eq!(short_type(&json!({"type": format!("{P}paused")})), "paused");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_service_does_what_the_model_does(doings in proptest::collection::vec(doing(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live_through(doings))?;
    }
}
