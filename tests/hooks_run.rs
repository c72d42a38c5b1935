//! Hooks in a live worker: their forms, their appends, their limits, and the worker's life.

#[path = "support/hooked.rs"]
mod hooked;

use evtui::processor::worker::{Failure, Outcome, Worker, WorkerError};
use evtui::replay::reducer::NoteKind;
use hooked::*;
use serde_json::{Value, json};
use std::time::Duration;

/// Delivers an event whose hook is to succeed.
async fn done(worker: &mut Worker, stream: &Stream, payload: Value) {
    let outcome = deliver(worker, stream, payload).await;
    assert_eq!(outcome, Outcome::Done);
}

#[tokio::test]
async fn a_hook_runs_appends_and_waits_for_timers() {
    let stream = Stream::new();
    let code = "export default {
        initialState: { n: 0 },
        reduce({ event, state }) { return { n: state.n + event.payload.n }; },
        async afterAppend({ append, event, state, logger }) {
            logger.info('hook', event.offset, state);
            await new Promise(resolve => setTimeout(resolve, 5));
            const stored = await append({ event: { type: 'seen', payload: { n: state.n } } });
            await append({ type: 'stored', payload: { offset: stored.offset } });
            await append({ path: './child', event: { type: 'elsewhere' } });
        },
    }";
    let mut worker = Worker::new(config(code, &stream));
    stream.push(json!({ "n": 5 }));
    done(&mut worker, &stream, json!({ "n": 2 })).await;
    done(&mut worker, &stream, json!({ "n": 1 })).await;
    assert_eq!(
        stream.appended(),
        [
            json!({ "type": "seen", "payload": { "n": 7 } }),
            json!({ "type": "stored", "payload": { "offset": 1000 } }),
            json!({ "type": "elsewhere" }),
            json!({ "type": "seen", "payload": { "n": 8 } }),
            json!({ "type": "stored", "payload": { "offset": 1003 } }),
            json!({ "type": "elsewhere" }),
        ]
    );
    let appends = stream.appends();
    let keys: Vec<_> = appends.iter().map(|a| (a.cause, a.nth)).collect();
    assert_eq!(keys, [(2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (3, 3)]);
    assert_eq!(appends[2].path.as_deref(), Some("./child"));
    assert_eq!(appends[0].path, None);
    assert_eq!(stream.logs()[0], ("info".into(), "hook 2 {\"n\":7}".into()));
    assert_eq!(stream.strays(), []);
}

#[tokio::test]
async fn all_forms_of_hooks_are_called() {
    // The array form, with append and client in scope.
    let stream = Stream::new();
    let code = "const processor = {
        reduce(events) { return { count: events.length }; },
        async afterAppend(state, event) {
            await append({ type: 'a', payload: { state, offset: event.offset } });
            await client.append({ type: 'b' });
        },
    };";
    let mut worker = Worker::new(config(code, &stream));
    stream.push(json!({}));
    stream.push(json!({}));
    done(&mut worker, &stream, json!({})).await;
    done(&mut worker, &stream, json!({})).await;
    assert_eq!(
        stream.appended(),
        [
            json!({ "type": "a", "payload": { "state": { "count": 3 }, "offset": 3 } }),
            json!({ "type": "b" }),
            json!({ "type": "a", "payload": { "state": { "count": 4 }, "offset": 4 } }),
            json!({ "type": "b" }),
        ]
    );

    // The older worker.
    let stream = Stream::new();
    let code = "export default {
        initialState: 0,
        reduce: ({ state }) => state + 1,
        async onEvent({ append, event, prevState, state }) {
            await append({ type: 'x', payload: { prevState, state, offset: event.offset } });
        },
    }";
    let mut worker = Worker::new(config(code, &stream));
    done(&mut worker, &stream, json!({})).await;
    assert_eq!(
        stream.appended(),
        [json!({ "type": "x", "payload": { "prevState": 0, "state": 1, "offset": 1 } })]
    );

    // A hook alone, by the SDK, typed.
    let stream = Stream::new();
    let code = "import { defineProcessor } from 'ai-engineer-workshop';
        export default defineProcessor(() => ({
            slug: 'x',
            afterAppend: ({ append, event }: { append: any; event: any }) => append({ type: 'echo', payload: event.payload }),
        }))";
    let mut worker = Worker::new(config(code, &stream));
    done(&mut worker, &stream, json!({ "a": 1 })).await;
    assert_eq!(
        stream.appended(),
        [json!({ "type": "echo", "payload": { "a": 1 } })]
    );
}

#[tokio::test]
async fn a_hook_that_throws_is_told_and_the_worker_goes_on() {
    let stream = Stream::new();
    let code = "export default {
        initialState: 0,
        reduce: ({ event, state }) => { if (event.payload.bad) throw new TypeError('no'); return state + 1; },
        async afterAppend({ append, event, state }) {
            await null;
            if (event.payload.throws) throw new Error('hook failed');
            await append({ type: 'n', payload: { state } });
        },
    }";
    let mut worker = Worker::new(config(code, &stream));
    let outcome = deliver(&mut worker, &stream, json!({ "throws": true })).await;
    let Outcome::HookFailed(Failure::Threw { message, stack }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(message, "Error: hook failed");
    assert!(
        stack.contains("afterAppend") && stack.contains(":6:"),
        "{stack}"
    );
    let outcome = deliver(&mut worker, &stream, json!({ "bad": true })).await;
    let Outcome::NotReduced(NoteKind::Threw { message, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(message, "TypeError: no");
    done(&mut worker, &stream, json!({})).await;
    assert_eq!(
        stream.appended(),
        [json!({ "type": "n", "payload": { "state": 2 } })]
    );
}

#[tokio::test]
async fn a_hook_over_its_time_is_ended_and_the_state_rebuilt() {
    let code = "export default {
        initialState: 0,
        reduce: ({ state }) => state + 1,
        async afterAppend({ append, event, state }) {
            if (event.payload.spins) for (;;);
            if (event.payload.hangs) await new Promise(() => {});
            await append({ type: 'n', payload: { state } });
        },
    }";
    let stream = Stream::new();
    let mut worker = Worker::new(short(code, &stream));
    let limit = Duration::from_millis(700);
    for payload in [json!({ "spins": true }), json!({ "hangs": true })] {
        let outcome = deliver(&mut worker, &stream, payload).await;
        assert_eq!(outcome, Outcome::HookFailed(Failure::TimedOut { limit }));
    }
    done(&mut worker, &stream, json!({})).await;
    assert_eq!(
        stream.appended(),
        [json!({ "type": "n", "payload": { "state": 3 } })]
    );
}

#[tokio::test]
async fn memory_is_limited() {
    let code = "const kept = []; export default {
        initialState: 0,
        reduce: ({ state }) => state + 1,
        async afterAppend({ append, event, state }) {
            if (event.payload.eats) for (;;) { kept.push(new Array(10000).fill(kept.length)); if (kept.length % 100 === 0) await new Promise(r => setTimeout(r)); }
            await append({ type: 'n', payload: { state } });
        },
    }";
    let stream = Stream::new();
    let mut worker = Worker::new(hooked::short(code, &stream));
    let outcome = deliver(&mut worker, &stream, json!({ "eats": true })).await;
    assert!(
        matches!(
            outcome,
            Outcome::HookFailed(Failure::OutOfMemory { .. } | Failure::TimedOut { .. })
        ),
        "{outcome:?}"
    );
    done(&mut worker, &stream, json!({})).await;
    assert_eq!(
        stream.appended(),
        [json!({ "type": "n", "payload": { "state": 2 } })]
    );
}

/// What a hook does to what it is given stays with it: replay, which runs no hooks, gives the same states.
#[tokio::test]
async fn a_hook_that_changes_what_it_is_given_changes_nothing_else() {
    for kept in ["", "let last; ", "const all = []; "] {
        let keep = match kept {
            "" => "",
            "let last; " => "last = state;",
            _ => "all.push(state, event);",
        };
        let harm = match kept {
            "" => "",
            "let last; " => "last.n = 70; if (last.deep) last.deep.list.length = 0;",
            _ => "for (const kept of all) { kept.n = 80; kept.payload = null; }",
        };
        let code = format!(
            "{kept}export default {{
                initialState: {{ n: 0, deep: {{ list: [] }} }},
                reduce({{ event, state }}) {{ {keep} return {{ n: state.n + 1, deep: {{ list: [...state.deep.list, event.payload.n] }} }}; }},
                async afterAppend({{ append, event, state }}) {{
                    await append({{ type: 'saw', payload: state }});
                    state.n = 100; state.deep.list.push('changed'); event.payload.n = 'changed'; {harm}
                    setTimeout(() => {{ state.n = 200; }});
                }},
            }}"
        );
        let stream = Stream::new();
        let mut worker = Worker::new(config(&code, &stream));
        for n in 1..=3 {
            let outcome = deliver(&mut worker, &stream, json!({ "n": n })).await;
            assert_eq!(outcome, Outcome::Done, "{code}");
        }
        let last = stream.appended().pop().unwrap();
        assert_eq!(
            last["payload"],
            json!({ "n": 3, "deep": { "list": [1, 2, 3] } }),
            "{code}"
        );
    }
    let code = "const processor = {
        reduce(events) { return { first: events[0].payload, all: events.map(e => e.payload.n) }; },
        async afterAppend(state, event) {
            await append({ type: 'saw', payload: state });
            state.first.n = 100; state.all.push(5); event.payload.n = 'changed';
        },
    };";
    let stream = Stream::new();
    let mut worker = Worker::new(config(code, &stream));
    for n in 1..=3 {
        done(&mut worker, &stream, json!({ "n": n })).await;
    }
    let last = stream.appended().pop().unwrap();
    let expected = json!({ "first": { "n": 1 }, "all": [1, 2, 3] });
    assert_eq!(last["payload"], expected);
}

#[cfg(unix)]
#[tokio::test]
async fn a_process_killed_from_outside_is_told_and_replaced() {
    let code = "export default {
        initialState: 0,
        reduce: ({ state }) => state + 1,
        async afterAppend({ append, event, state }) {
            await append({ type: 'began', payload: { state } });
            if (event.payload.waits) await new Promise(() => {});
        },
    }";
    let stream = Stream::new();
    let mut worker = Worker::new(config(code, &stream));
    let kill = |worker: &Worker| {
        let number = i32::try_from(worker.process_id().unwrap()).unwrap();
        let number = rustix::process::Pid::from_raw(number).unwrap();
        rustix::process::kill_process(number, rustix::process::Signal::KILL).unwrap();
    };
    worker.load().await.unwrap();
    let number = worker.process_id().unwrap();
    let killer = {
        let stream = stream.clone();
        tokio::spawn(async move {
            while stream.appended().is_empty() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let number = i32::try_from(number).unwrap();
            let number = rustix::process::Pid::from_raw(number).unwrap();
            rustix::process::kill_process(number, rustix::process::Signal::KILL).unwrap();
        })
    };
    let outcome = deliver(&mut worker, &stream, json!({ "waits": true })).await;
    let Outcome::HookFailed(Failure::Crashed { message }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(message.contains("signal: 9"), "{message}");
    killer.await.unwrap();
    done(&mut worker, &stream, json!({})).await;
    // Between two events nobody is to blame, and no hook is left out.
    kill(&worker);
    done(&mut worker, &stream, json!({})).await;
    let states: Vec<_> = stream
        .appended()
        .iter()
        .map(|e| e["payload"]["state"].clone())
        .collect();
    assert_eq!(states, [1, 2, 3]);
}

#[tokio::test]
async fn a_reducer_that_runs_away_leaves_the_state_as_it_was() {
    let code = "export default {
        initialState: 0,
        reduce({ event, state }) { if (event.payload.spins) for (;;); return state + 1; },
        afterAppend: ({ append, state }) => append({ type: 'n', payload: { state } }),
    }";
    let stream = Stream::new();
    let mut worker = Worker::new(short(code, &stream));
    done(&mut worker, &stream, json!({})).await;
    let outcome = deliver(&mut worker, &stream, json!({ "spins": true })).await;
    assert!(
        matches!(outcome, Outcome::NotReduced(NoteKind::TimedOut { .. })),
        "{outcome:?}"
    );
    done(&mut worker, &stream, json!({})).await;
    // Another worker meets it while catching up.
    let mut other = Worker::new(short(code, &stream));
    done(&mut other, &stream, json!({})).await;
    let states: Vec<_> = stream
        .appended()
        .iter()
        .map(|e| e["payload"]["state"].clone())
        .collect();
    assert_eq!(states, [1, 2, 3]);
}

#[tokio::test]
async fn a_resting_worker_has_no_process_and_goes_on_where_it_was() {
    let code = "export default {
        initialState: { n: 0 },
        reduce: ({ state }) => ({ n: state.n + 1 }),
        afterAppend: ({ append, event, state }) => {
            if (event.payload.later) setTimeout(() => append({ type: 'later' }), 50);
            return append({ type: 'n', payload: state });
        },
    }";
    let stream = Stream::new();
    let mut worker = Worker::new(config(code, &stream));
    for _ in 0..10 {
        done(&mut worker, &stream, json!({})).await;
    }
    let reads = stream.reads();
    assert!(worker.process_id().is_some());
    assert!(worker.rest().await);
    assert_eq!(worker.process_id(), None);
    done(&mut worker, &stream, json!({ "later": true })).await;
    assert_eq!(
        stream.appended().last(),
        Some(&json!({ "type": "n", "payload": { "n": 11 } }))
    );
    assert_eq!(stream.reads(), reads, "it started from its state");
    // With a timer set it does not rest.
    assert!(!worker.rest().await);
    while stream.appended().last() != Some(&json!({ "type": "later" })) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    while !worker.rest().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_nobody_awaits_still_belongs_to_the_hook_or_is_told() {
    let code = "export default {
        initialState: 0,
        afterAppend({ append, event }) {
            for (let n = 0; n < 20; n++) append({ type: 'n', payload: { n } });
            Promise.reject(new Error('left alone'));
            setTimeout(() => { throw new TypeError('in a timer'); }, 1);
            queueMicrotask(() => { throw 'a text'; });
        },
    }";
    let stream = Stream::new();
    let mut worker = Worker::new(config(code, &stream));
    done(&mut worker, &stream, json!({})).await;
    let numbers: Vec<_> = stream
        .appended()
        .iter()
        .map(|e| e["payload"]["n"].clone())
        .collect();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    while stream.strays().len() < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut strays: Vec<_> = stream.strays();
    strays.sort();
    assert_eq!(
        strays,
        [
            (1, "Error: left alone".to_owned()),
            (1, "TypeError: in a timer".to_owned()),
            (1, "Uncaught a text".to_owned()),
        ]
    );
}

#[tokio::test]
async fn a_refused_append_rejects_with_its_code() {
    let stream = Stream::new();
    let code = "export default { initialState: 0, async afterAppend({ append, logger }) {
        try { await append({ type: 'x' }); } catch (e) { logger.error(e.message, e.code, e.status, e instanceof Error); }
        for (const bad of [undefined, 5, { event: undefined }, { path: 5, event: {} }]) {
            try { await append(bad); } catch (e) { logger.error(e.name); }
        }
        throw 'x';
    } }";
    stream.refuse();
    let mut worker = Worker::new(config(code, &stream));
    let outcome = deliver(&mut worker, &stream, json!({})).await;
    assert!(
        matches!(outcome, Outcome::HookFailed(Failure::Threw { .. })),
        "{outcome:?}"
    );
    let logs: Vec<_> = stream.logs().into_iter().map(|(_, text)| text).collect();
    assert_eq!(
        logs,
        [
            "stream is paused PRECONDITION_FAILED 412 true",
            "TypeError",
            "TypeError",
            "TypeError",
            "TypeError",
        ]
    );
}

/// The same processor gives the same state here and in a replay, whatever it reaches for.
#[tokio::test]
async fn a_reducer_finds_nothing_of_the_outside() {
    let code = "export default {
        initialState: [],
        reduce({ event }) {
            const names = [];
            for (const f of [() => fetch('http://x'), () => setTimeout(() => {}), () => queueMicrotask(() => {}), () => append({})]) {
                try { f(); } catch (e) { names.push(e.message.split(' ')[0]); }
            }
            return [Date.now(), Math.random() < 1, names, Object.keys(process.env), performance.now()];
        },
        async afterAppend({ append, state }) {
            await append({ type: 'x', payload: { state, env: process.env.KEY, late: Date.now() > 1.7e12 + 1e9, now: performance.now() < 1e6 } });
        },
    }";
    let stream = Stream::new();
    let mut config = config(code, &stream);
    config.env.insert("KEY".into(), "value".into());
    let mut worker = Worker::new(config);
    done(&mut worker, &stream, json!({})).await;
    let time = 1_700_000_001_000_u64;
    assert_eq!(
        stream.appended(),
        [json!({ "type": "x", "payload": {
            "state": [time, true, ["fetch", "setTimeout", "queueMicrotask"], [], time],
            "env": "value", "late": true, "now": true,
        } })]
    );
}

#[tokio::test]
async fn code_that_cannot_be_loaded_is_told() {
    let stream = Stream::new();
    for (code, expected) in [
        ("export default 5", "gives number instead of a processor"),
        ("\n  throw new Error('at the top');", "Error: at the top"),
        ("for (;;);", "loading it took longer than"),
    ] {
        let mut worker = Worker::new(short(code, &stream));
        let Err(WorkerError::Load(message)) = worker.load().await else {
            panic!("{code}");
        };
        assert!(message.contains(expected), "{message}");
    }
}
