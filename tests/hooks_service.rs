//! Dynamic workers in the service (SPEC §8): deployed by an event, replaced, stopped by the breaker,
//! restarted; with a model server as their peer.

#[path = "support/bench.rs"]
mod bench;
#[path = "support/model.rs"]
mod model;

use bench::*;
use evtui::processor::worker::Limits;
use evtui::service::workers::WorkerOptions;
use evtui::service::{BreakerPolicy, Incoming, Options, Route, Service};
use evtui::store::memory::MemoryStore;
use model::Model;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const CHAT_AGENT: &str = include_str!("../recordings/processors/chat-agent.ts");
const MODEL: &str = include_str!("../recordings/processors/model.ts");
const PING_PONG: &str = include_str!("../recordings/processors/ping-pong.ts");

#[tokio::test]
async fn a_worker_starts_with_its_event_and_catches_up_without_hooks() {
    let bench = Bench::new().await;
    for _ in 0..3 {
        bench.append("/a", json!({"type": "note"})).await;
    }
    bench.deploy("/a", "echo", ECHO).await;
    let sixth = bench.append("/a", json!({"type": "note"})).await["offset"].clone();
    let echo = bench.until_type("/a", "echo").await;
    assert_eq!(echo["payload"], json!({"n": 4, "of": sixth}));
    assert_eq!(echo["idempotencyKey"], format!("/a@{sixth}/echo#1"));
    bench.append("/a", json!({"type": "note"})).await;
    bench
        .until("/a", "second echo", |e| e["payload"]["n"] == 5)
        .await;
    assert_eq!(payloads(&bench.events("/a").await, "echo").len(), 2);
    bench.stop().await;
}

#[tokio::test]
async fn the_seeds_form_is_taken_and_named_by_its_own_slug() {
    let bench = Bench::new().await;
    let source = "const processor = { slug: 'seeded',
        reduce(events) { return events.filter(e => e.type === 'user_message').length; },
        async afterAppend(state, event) {
            if (event.type === 'user_message') await append({ type: 'assistant_message', payload: `${event.payload} ${state}` });
        } };";
    bench.append("/s", json!({"type": "https://events.iterate.com/dynamic-worker-configured", "payload": source})).await;
    let message = bench
        .append("/s", json!({"type": "user_message", "payload": "Hello"}))
        .await;
    let answer = bench.until_type("/s", "assistant_message").await;
    assert_eq!(answer["payload"], "Hello 1");
    assert_eq!(
        answer["idempotencyKey"],
        format!("/s@{}/seeded#1", message["offset"])
    );
    // The state calls it as it runs.
    let state = bench.service.state(&key("/s")).await.unwrap();
    let workers: Vec<_> = state.processors.dynamic_worker.workers.keys().collect();
    assert_eq!(workers, ["seeded"]);
    bench.stop().await;
}

#[tokio::test]
async fn the_latest_code_replaces_the_running_one_and_the_same_again_changes_nothing() {
    let bench = Bench::new().await;
    let version = |name: &str| {
        format!("let loaded = 0; export default {{ initialState: 0, reduce: ({{ state }}) => state + 1,
            async afterAppend({{ append, event, state }}) {{
                if (event.type === 'note') await append({{ type: 'by', payload: {{ name: '{name}', times: ++loaded, state, offset: event.offset }} }});
            }} }}")
    };
    bench.deploy("/a", "w", &version("one")).await;
    bench.append("/a", json!({"type": "note"})).await;
    bench
        .until("/a", "one", |e| e["payload"]["times"] == 1)
        .await;
    bench.deploy("/a", "w", &version("one")).await;
    bench.append("/a", json!({"type": "note"})).await;
    // Still the same process: what it keeps in memory is still there.
    bench
        .until("/a", "one again", |e| e["payload"]["times"] == 2)
        .await;
    bench.deploy("/a", "w", &version("two")).await;
    bench.append("/a", json!({"type": "note"})).await;
    let by = bench
        .until("/a", "two", |e| e["payload"]["name"] == "two")
        .await;
    // Its state is that of the whole history.
    assert_eq!(by["payload"]["state"], by["payload"]["offset"]);
    let names: Vec<_> = payloads(&bench.events("/a").await, "by")
        .iter()
        .map(|p| p["name"].clone())
        .collect();
    assert_eq!(names, ["one", "one", "two"]);
    bench.stop().await;
}

#[tokio::test]
async fn several_workers_run_side_by_side_and_a_slow_one_holds_up_nobody() {
    let bench = Bench::new().await;
    let hangs = "export default { initialState: 0, async afterAppend({ append, event }) {
        if (event.type !== 'note') return;
        await append({ type: 'hanging' });
        for (;;) await new Promise(r => setTimeout(r, 1e6));
    } }";
    bench.deploy("/a", "hangs", hangs).await;
    bench
        .deploy(
            "/a",
            "spins",
            &hangs
                .replace("hanging", "spinning")
                .replace("await new Promise(r => setTimeout(r, 1e6))", "0"),
        )
        .await;
    bench.deploy("/a", "echo", ECHO).await;
    for _ in 0..5 {
        bench.append("/a", json!({"type": "note"})).await;
    }
    bench
        .until("/a", "fifth echo", |e| e["payload"]["n"] == 5)
        .await;
    bench.until_type("/a", "hanging").await;
    bench.until_type("/a", "spinning").await;
    let numbers: Vec<_> = payloads(&bench.events("/a").await, "echo")
        .iter()
        .map(|p| p["n"].clone())
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    bench.stop().await;
}

#[tokio::test]
async fn failures_are_put_on_record_and_the_worker_goes_on() {
    let store = Arc::new(MemoryStore::new().unwrap());
    let bench = Bench::with(store, |options| WorkerOptions {
        limits: Limits {
            hook_timeout: Duration::from_millis(500),
            reduce_timeout: Duration::from_millis(300),
            ..options.limits
        },
        ..options
    })
    .await;
    let code = "export default { initialState: 0,
        reduce({ event, state }) { if (event.type === 'bad') throw new TypeError('cannot'); if (event.type === 'spin') for (;;); return state + 1; },
        async afterAppend({ append, event }) {
            if (event.type === 'throw') throw new RangeError('no');
            if (event.type === 'hang') await new Promise(() => {});
            if (event.type.endsWith('error-occurred')) throw new Error('at an error too');
            if (event.type === 'note') await append({ type: 'seen', payload: { offset: event.offset } });
        } }";
    bench.deploy("/a", "w", code).await;
    for event_type in ["throw", "bad", "hang", "spin", "note"] {
        bench.append("/a", json!({"type": event_type})).await;
    }
    bench.until_type("/a", "seen").await;
    let errors: Vec<Value> = bench
        .events("/a")
        .await
        .into_iter()
        .filter(is_error)
        .collect();
    let told: Vec<&str> = errors
        .iter()
        .map(|e| e["payload"]["message"].as_str().unwrap())
        .collect();
    let expected = [
        "worker \"w\": the hook of event 3 failed: RangeError: no",
        "worker \"w\": event 4 could not be reduced, and its hook was not run: TypeError: cannot",
        "worker \"w\": the hook of event 5 failed: it ran longer than 500ms and was ended",
        "worker \"w\": event 6 could not be reduced, and its hook was not run: it ran longer than 300ms",
    ];
    assert_eq!(told, expected);
    assert_eq!(errors[0]["metadata"]["worker"], "w");
    assert_eq!(errors[0]["metadata"]["offset"], 3);
    assert!(
        errors[0]["metadata"]["stack"]
            .as_str()
            .unwrap()
            .contains("afterAppend")
    );
    bench.stop().await;
}

#[tokio::test]
async fn code_that_cannot_run_is_put_on_record_and_corrected_by_the_next() {
    let bench = Bench::new().await;
    bench.deploy("/a", "w", "export default {").await;
    let error = bench.until("/a", "syntax error", is_error).await;
    let message = error["payload"]["message"].as_str().unwrap();
    assert!(
        message.contains("worker \"w\": the code in event 2 cannot be loaded")
            && message.contains("1:"),
        "{message}"
    );
    bench
        .deploy("/a", "w", "throw new Error('at the top')")
        .await;
    bench
        .until("/a", "load error", |e| {
            e["payload"]["message"]
                .as_str()
                .is_some_and(|m| m.contains("at the top"))
        })
        .await;
    bench.deploy("/a", "w", ECHO).await;
    bench.append("/a", json!({"type": "note"})).await;
    bench.until_type("/a", "echo").await;
    bench.stop().await;
}

#[tokio::test]
async fn hooks_append_to_other_streams_of_their_project() {
    let bench = Bench::new().await;
    let code = "export default { initialState: 0, async afterAppend({ append, event }) {
        if (event.type !== 'note') return;
        await append({ path: './child', event: { type: 'to-child' } });
        await append({ path: '../', event: { type: 'to-parent' } });
        const stored = await append({ path: '/x/y', event: { type: 'to-absolute', payload: 'a text' } });
        await append({ type: 'done', payload: { path: stored.streamPath, offset: stored.offset } });
        try { await append({ path: '../../..', event: { type: 'x' } }); } catch (e) { await append({ type: 'refused', payload: { code: e.code } }); }
    } }";
    bench.deploy("/a/b", "w", code).await;
    let note = bench.append("/a/b", json!({"type": "note"})).await["offset"].clone();
    bench.until_type("/a/b/child", "to-child").await;
    bench.until_type("/a", "to-parent").await;
    let there = bench.until_type("/x/y", "to-absolute").await;
    assert_eq!(there["payload"], "a text");
    let named = there["idempotencyKey"].as_str().unwrap();
    assert!(named.starts_with(&format!("/a/b@{note}/w#3~")), "{named}");
    let done = bench.until_type("/a/b", "done").await;
    assert_eq!(done["payload"], json!({"path": "/x/y", "offset": 2}));
    assert_eq!(
        bench.until_type("/a/b", "refused").await["payload"]["code"],
        "BAD_REQUEST"
    );
    bench.stop().await;
}

#[tokio::test]
async fn the_environment_is_that_of_the_stream_and_can_change() {
    let bench = Bench::new().await;
    let set = |value: &str| json!({"type": format!("{P}dynamic-worker/env-var-set"), "payload": {"key": "KEY", "value": value}});
    bench.append("/a", set("one")).await;
    let code = "const KEY = process.env.KEY; export default { initialState: 0, reduce: ({ state }) => state + 1, async afterAppend({ append, event, state }) {
        if (event.type === 'note') await append({ type: 'env', payload: { top: KEY, now: process.env.KEY, complete: state === event.offset } });
    } }";
    bench.deploy("/a", "w", code).await;
    bench.append("/a", json!({"type": "note"})).await;
    let env = bench.until_type("/a", "env").await;
    assert_eq!(
        env["payload"],
        json!({"top": "one", "now": "one", "complete": true})
    );
    bench.append("/a", set("two")).await;
    bench.append("/a", json!({"type": "note"})).await;
    let env = bench
        .until("/a", "two", |e| e["payload"]["now"] == "two")
        .await;
    assert_eq!(
        env["payload"],
        json!({"top": "two", "now": "two", "complete": true})
    );
    bench.stop().await;
}

#[tokio::test]
async fn a_loop_ends_in_a_pause_and_goes_on_when_resumed() {
    let bench = Bench::new().await;
    bench.deploy("/loop", "ping-pong", PING_PONG).await;
    // A loop as fast as a store in memory allows; a slower one stays below the default limit.
    bench.append("/loop", json!({"type": format!("{P}circuit-breaker-configured"), "payload": {"burstCapacity": 40, "refillRatePerMinute": 1}})).await;
    bench.append("/loop", json!({"type": "ping"})).await;
    let paused = format!("{P}paused");
    let pause = bench.until_type("/loop", &paused).await;
    assert_eq!(
        pause["payload"]["reason"],
        "circuit breaker tripped: burst rate limit exceeded"
    );
    let events = bench.events("/loop").await;
    assert_eq!(
        events.last().unwrap()["type"],
        paused,
        "nothing comes after the pause"
    );
    bench
        .append(
            "/loop",
            json!({"type": format!("{P}resumed"), "payload": {}}),
        )
        .await;
    let second = bench
        .until("/loop", "second pause", |e| {
            e["type"] == paused && e["offset"].as_u64() > pause["offset"].as_u64()
        })
        .await;
    let events = bench.events("/loop").await;
    assert!(second["offset"].as_u64() > pause["offset"].as_u64());
    // Nothing was lost or doubled: each answers the one before it.
    let volleys: Vec<&Value> = events
        .iter()
        .filter(|e| e["type"] == "ping" || e["type"] == "pong")
        .collect();
    for pair in volleys.windows(2) {
        assert_eq!(pair[1]["payload"]["sourceOffset"], pair[0]["offset"]);
        assert_ne!(pair[1]["type"], pair[0]["type"]);
    }
    assert!(volleys.len() > 40, "{}", volleys.len());
    assert!(!events.iter().any(is_error));
    bench.stop().await;
}

#[tokio::test]
async fn a_chat_agent_appends_each_chunk_as_it_comes() {
    let model = Model::paced().await;
    let bench = Bench::new().await;
    bench.secret("model", "sk-test").await;
    for (key, value) in [("MODEL_URL", model.url.as_str()), ("MODEL_SECRET", "model")] {
        bench.append("/agent", json!({"type": format!("{P}dynamic-worker/env-var-set"), "payload": {"key": key, "value": value}})).await;
    }
    let modules = json!({"chat-agent.ts": CHAT_AGENT, "model.ts": MODEL});
    bench.append("/agent", json!({"type": format!("{P}dynamic-worker/configured"), "payload": {"slug": "chat-agent", "modules": modules}})).await;
    bench
        .append(
            "/agent",
            json!({"type": "user_message", "payload": {"text": "good morning"}}),
        )
        .await;
    bench.until_type("/agent", "llm-request-started").await;
    let expected = model::answer(&[json!({"content": "good morning"})]);
    let pace = model.pace.clone().unwrap();
    for (n, word) in expected.iter().enumerate() {
        pace.notify_one();
        // It is in the stream before the next one leaves the model.
        bench
            .until("/agent", "chunk", |e| {
                e["type"] == "llm-chunk" && e["payload"]["delta"] == **word
            })
            .await;
        let chunks = payloads(&bench.events("/agent").await, "llm-chunk");
        assert_eq!(chunks.len(), n + 1);
    }
    pace.notify_one();
    let answer = bench.until_type("/agent", "assistant_message").await;
    assert_eq!(answer["payload"]["content"], expected.concat());
    let requests = model.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].0, "Bearer sk-test");
    assert_eq!(
        requests[0].1["messages"],
        json!([{"role": "user", "content": "good morning"}])
    );
    assert!(
        !bench
            .events("/agent")
            .await
            .iter()
            .any(|e| e.to_string().contains("sk-test"))
    );
    bench.stop().await;
}

#[tokio::test]
async fn a_restart_goes_on_where_each_worker_was() {
    let folder = tempfile::tempdir().unwrap();
    let open = || async {
        use evtui::store::log::{LogStore, OpenError, Options};
        let opened = timeout(PATIENCE, async {
            loop {
                // A read on its way holds the store a little longer.
                match LogStore::open(folder.path(), Options::default()) {
                    Err(OpenError::Locked(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                    opened => return Arc::new(opened.unwrap()),
                }
            }
        });
        opened.await.expect("the store is let go of")
    };
    let bench = Bench::on(open().await).await;
    bench.deploy("/a", "echo", ECHO).await;
    bench.append("/a", json!({"type": "note"})).await;
    bench.until("/a", "first", |e| e["payload"]["n"] == 1).await;
    bench.stop().await;
    // While nobody runs workers, things happen.
    let service = Service::open(open().await, Options::default()).unwrap();
    for _ in 0..3 {
        service
            .append(
                &key("/a"),
                Incoming::Json(json!({"type": "note"})),
                Route::Seed,
            )
            .await
            .unwrap();
    }
    service.shutdown().await;
    drop(service);
    let bench = Bench::on(open().await).await;
    bench
        .until("/a", "fourth", |e| e["payload"]["n"] == 4)
        .await;
    let numbers: Vec<_> = payloads(&bench.events("/a").await, "echo")
        .iter()
        .map(|p| p["n"].clone())
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    bench.stop().await;
}

#[tokio::test]
async fn a_destroyed_stream_takes_its_workers_along() {
    let bench = Bench::new().await;
    bench.deploy("/a", "echo", ECHO).await;
    bench.append("/a", json!({"type": "note"})).await;
    bench.until_type("/a", "echo").await;
    bench.service.destroy(&key("/a"), false).await.unwrap();
    bench.append("/a", json!({"type": "note"})).await;
    bench
        .deploy("/a", "echo", &ECHO.replace("'echo'", "'second'"))
        .await;
    bench.append("/a", json!({"type": "note"})).await;
    assert_eq!(bench.until_type("/a", "second").await["payload"]["n"], 2);
    assert_eq!(payloads(&bench.events("/a").await, "echo").len(), 0);
    bench.stop().await;
}

#[test]
fn the_breakers_default_is_what_the_loop_is_stopped_by() {
    assert_eq!(BreakerPolicy::default(), "100/1000".parse().unwrap());
}
