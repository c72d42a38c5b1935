//! SPEC §7: webhooks, to a real peer.

use crate::house::{House, built_in, message};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use evtui::service::Bounds;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// Answers with the statuses it was given, then with 200, and passes on what came.
#[derive(Clone)]
struct Sink {
    answers: Arc<Mutex<VecDeque<u16>>>,
    came: mpsc::UnboundedSender<Value>,
}

async fn take(State(sink): State<Sink>, body: String) -> StatusCode {
    let answer = sink.answers.lock().unwrap().pop_front().unwrap_or(200);
    if answer == 200 {
        sink.came
            .send(serde_json::from_str(&body).unwrap())
            .unwrap();
    }
    StatusCode::from_u16(answer).unwrap()
}

async fn sink(answers: &[u16]) -> (String, mpsc::UnboundedReceiver<Value>) {
    let (came, receiver) = mpsc::unbounded_channel();
    let sink = Sink {
        answers: Arc::new(Mutex::new(answers.iter().copied().collect())),
        came,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let app = Router::new().route("/hook", post(take)).with_state(sink);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, receiver)
}

fn webhook(slug: &str, url: &str, more: Value) -> Value {
    let mut payload = json!({"slug": slug, "type": "webhook", "callbackUrl": url});
    payload
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    built_in("subscription/configured", payload)
}

#[tokio::test]
async fn every_later_event_in_order_across_a_restart() {
    let (url, mut came) = sink(&[]).await;
    let mut house = House::new();
    house.append("/a", message("before")).await.unwrap();
    house
        .append("/a", webhook("w", &url, json!({})))
        .await
        .unwrap();
    for i in 0..5 {
        house.append("/a", message(&i.to_string())).await.unwrap();
    }
    for i in 0..5 {
        let event = came.recv().await.unwrap();
        assert_eq!(event["offset"], json!(4 + i));
        assert_eq!(event["payload"], json!({"text": i.to_string()}));
    }
    house.restart();
    house.append("/a", message("after")).await.unwrap();
    loop {
        let event = came.recv().await.unwrap();
        if event["payload"] == json!({"text": "after"}) {
            break;
        }
    }
}

#[tokio::test]
async fn filtered_and_transformed() {
    let (url, mut came) = sink(&[]).await;
    let house = House::new();
    let more = json!({"jsonataFilter": "payload.text = 'yes'", "jsonataTransform": "{\"said\": payload.text, \"at\": offset}"});
    house.append("/a", webhook("w", &url, more)).await.unwrap();
    for text in ["no", "yes", "no"] {
        house.append("/a", message(text)).await.unwrap();
    }
    assert_eq!(came.recv().await.unwrap(), json!({"said": "yes", "at": 4}));
}

#[tokio::test]
async fn a_servers_fault_is_tried_again_in_order() {
    let (url, mut came) = sink(&[503, 429]).await;
    let house = House::new();
    house
        .append("/a", webhook("w", &url, json!({})))
        .await
        .unwrap();
    house.append("/a", message("one")).await.unwrap();
    house.append("/a", message("two")).await.unwrap();
    for text in ["one", "two"] {
        assert_eq!(came.recv().await.unwrap()["payload"], json!({"text": text}));
    }
}

#[tokio::test]
async fn what_is_given_up_is_on_record_and_the_next_is_delivered() {
    let (url, mut came) = sink(&[410, 410]).await;
    let house = House::new();
    house
        .append("/a", webhook("w", &url, json!({})))
        .await
        .unwrap();
    house.append("/a", message("refused")).await.unwrap();
    let mut reader = house.reader("/a", Bounds::default()).await;
    let mut events: Vec<Value> = Vec::new();
    while events.len() < 4 {
        for entry in reader.next().await.unwrap().unwrap() {
            events.push(serde_json::from_slice(&entry.json).unwrap());
        }
    }
    assert_eq!(
        events[3]["payload"]["message"],
        json!("subscription \"w\" did not get offset 3: the answer was 410 Gone")
    );
    house.append("/a", message("taken")).await.unwrap();
    assert_eq!(
        came.recv().await.unwrap()["payload"],
        json!({"text": "taken"})
    );
    assert_eq!(
        house.store_len("/a"),
        5,
        "its own record is not recorded again"
    );
}

#[tokio::test]
async fn it_goes_only_where_it_may() {
    let house = House::new();
    let url = "http://169.254.169.254/latest/meta-data";
    house
        .append("/a", webhook("w", url, json!({})))
        .await
        .unwrap();
    house.append("/a", message("x")).await.unwrap();
    let mut reader = house.reader("/a", Bounds::default()).await;
    let mut last = Value::Null;
    while last["offset"] != json!(4) {
        for entry in reader.next().await.unwrap().unwrap() {
            last = serde_json::from_slice(&entry.json).unwrap();
        }
    }
    let message = last["payload"]["message"].as_str().unwrap();
    assert!(message.contains("link-local"), "{message}");
}
