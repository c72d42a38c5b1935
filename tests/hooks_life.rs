//! Workers in the service whose code or environment changes while a hook runs. Their peer answers when
//! it is told to.

#[path = "support/bench.rs"]
mod bench;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use bench::*;
use evtui::service::workers::WorkerOptions;
use evtui::store::memory::MemoryStore;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// Lets requests through one by one.
struct Gate {
    url: String,
    came: mpsc::UnboundedReceiver<String>,
    open: Arc<Semaphore>,
    all: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Keeper {
    came: mpsc::UnboundedSender<String>,
    open: Arc<Semaphore>,
    all: Arc<Mutex<Vec<String>>>,
}

impl Gate {
    async fn new() -> Gate {
        let (sender, came) = mpsc::unbounded_channel();
        let keeper = Keeper {
            came: sender,
            open: Arc::new(Semaphore::new(0)),
            all: Arc::default(),
        };
        let (open, all) = (keeper.open.clone(), keeper.all.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().route("/{who}", get(wait)).with_state(keeper);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Gate {
            url,
            came,
            open,
            all,
        }
    }

    /// The next request that stands at the gate.
    async fn next(&mut self) -> String {
        let came = tokio::time::timeout(PATIENCE, self.came.recv());
        came.await.expect("somebody comes").unwrap()
    }

    fn let_through(&self, count: usize) {
        self.open.add_permits(count);
    }

    fn all(&self) -> Vec<String> {
        self.all.lock().unwrap().clone()
    }
}

async fn wait(State(keeper): State<Keeper>, Path(who): Path<String>) -> String {
    keeper.all.lock().unwrap().push(who.clone());
    // A test that has seen enough is gone.
    let _ = keeper.came.send(who.clone());
    keeper.open.acquire().await.unwrap().forget();
    who
}

/// Asks at the gate for each note, then says so in the stream.
fn asker(gate: &Gate, name: &str) -> String {
    format!(
        "export default {{ initialState: 0, reduce: ({{ state }}) => state + 1,
            async afterAppend({{ append, event }}) {{
                if (event.type !== 'note') return;
                await (await fetch(`{}/{name}-${{event.offset}}-${{process.env.WHO ?? ''}}`)).text();
                await append({{ type: 'by', payload: {{ name: '{name}', of: event.offset, who: process.env.WHO ?? null }} }});
            }} }}",
        gate.url
    )
}

fn said(events: &[Value]) -> Vec<(String, u64)> {
    payloads(events, "by")
        .iter()
        .map(|p| {
            (
                p["name"].as_str().unwrap().to_owned(),
                p["of"].as_u64().unwrap(),
            )
        })
        .collect()
}

async fn until_said(bench: &Bench, name: &str, of: &Value) {
    bench
        .until("/a", name, |e| {
            e["type"] == "by" && e["payload"]["name"] == name && e["payload"]["of"] == *of
        })
        .await;
}

#[tokio::test]
async fn new_code_waits_for_the_hook_that_runs() {
    let mut gate = Gate::new().await;
    let bench = Bench::new().await;
    bench.deploy("/a", "w", &asker(&gate, "old")).await;
    let first = bench.append("/a", json!({"type": "note"})).await["offset"].clone();
    assert_eq!(gate.next().await, format!("old-{first}-"));
    // While its hook runs: one more event of its own, other code, and one of the other's.
    let second = bench.append("/a", json!({"type": "note"})).await["offset"].clone();
    bench.deploy("/a", "w", &asker(&gate, "new")).await;
    let third = bench.append("/a", json!({"type": "note"})).await["offset"].clone();
    gate.let_through(1);
    assert_eq!(gate.next().await, format!("old-{second}-"));
    gate.let_through(1);
    assert_eq!(gate.next().await, format!("new-{third}-"));
    gate.let_through(1);
    until_said(&bench, "new", &third).await;
    let events = bench.events("/a").await;
    let number = |value: &Value| value.as_u64().unwrap();
    let expected = [("old", &first), ("old", &second), ("new", &third)];
    assert_eq!(
        said(&events),
        expected.map(|(n, o)| (n.to_owned(), number(o)))
    );
    assert_eq!(gate.all().len(), 3, "no hook ran twice: {:?}", gate.all());
    assert!(!events.iter().any(is_error), "{events:#?}");
    bench.stop().await;
}

#[tokio::test]
async fn a_hook_that_does_not_end_gives_way_to_new_code_and_is_put_on_record() {
    let mut gate = Gate::new().await;
    let store = Arc::new(MemoryStore::new().unwrap());
    let bench = Bench::with(store, |options| WorkerOptions {
        swap_grace: Duration::from_millis(200),
        ..options
    })
    .await;
    bench.deploy("/a", "w", &asker(&gate, "old")).await;
    let first = bench.append("/a", json!({"type": "note"})).await["offset"].clone();
    assert_eq!(gate.next().await, format!("old-{first}-"));
    let second = bench.append("/a", json!({"type": "note"})).await["offset"].clone();
    bench.deploy("/a", "w", &asker(&gate, "new")).await;
    let third = bench.append("/a", json!({"type": "note"})).await["offset"].clone();
    assert_eq!(gate.next().await, format!("new-{third}-"));
    // One may still be kept for the request of the old one, whose end the peer has not seen.
    gate.let_through(2);
    until_said(&bench, "new", &third).await;
    let events = bench.events("/a").await;
    let third = third.as_u64().unwrap();
    assert_eq!(said(&events), [("new".to_owned(), third)]);
    let errors: Vec<&Value> = events.iter().filter(|e| is_error(e)).collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let message = errors[0]["payload"]["message"].as_str().unwrap();
    assert!(
        message.contains("worker \"w\"")
            && message.contains(&format!("the hook of event {first} was ended"))
            && message.contains(&format!("events up to {second}")),
        "{message}"
    );
    bench.stop().await;
}

#[tokio::test]
async fn a_new_environment_lets_the_running_hook_end() {
    let mut gate = Gate::new().await;
    let store = Arc::new(MemoryStore::new().unwrap());
    let bench = Bench::with(store, |options| WorkerOptions {
        swap_grace: Duration::from_millis(1),
        ..options
    })
    .await;
    let set = |value: &str| json!({"type": format!("{P}dynamic-worker/env-var-set"), "payload": {"key": "WHO", "value": value}});
    bench.append("/a", set("one")).await;
    bench.deploy("/a", "w", &asker(&gate, "w")).await;
    let first = bench.append("/a", json!({"type": "note"})).await["offset"].clone();
    assert_eq!(gate.next().await, format!("w-{first}-one"));
    bench.append("/a", set("two")).await;
    let second = bench.append("/a", json!({"type": "note"})).await["offset"].clone();
    gate.let_through(1);
    assert_eq!(gate.next().await, format!("w-{second}-two"));
    gate.let_through(1);
    until_said(&bench, "w", &second).await;
    let events = bench.events("/a").await;
    let who: Vec<Value> = payloads(&events, "by")
        .iter()
        .map(|p| p["who"].clone())
        .collect();
    assert_eq!(who, ["one", "two"]);
    assert_eq!(gate.all().len(), 2, "no hook ran twice: {:?}", gate.all());
    assert!(!events.iter().any(is_error), "{events:#?}");
    bench.stop().await;
}
