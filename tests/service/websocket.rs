//! SPEC §7: websocket subscriptions, to a real peer.

use crate::house::{House, built_in, message};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

type Peer = WebSocketStream<TcpStream>;

async fn listen() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (
        format!("ws://{}/", listener.local_addr().unwrap()),
        listener,
    )
}

async fn accept(listener: &TcpListener) -> Peer {
    let (stream, _) = listener.accept().await.unwrap();
    tokio_tungstenite::accept_async(stream).await.unwrap()
}

async fn next(peer: &mut Peer) -> Value {
    loop {
        if let Message::Text(text) = peer.next().await.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

fn websocket(url: &str) -> Value {
    let payload = json!({"slug": "w", "type": "websocket", "callbackUrl": url});
    built_in("subscription/configured", payload)
}

#[tokio::test]
async fn events_go_out_and_appends_come_in() {
    let (url, listener) = listen().await;
    let house = House::new();
    house.append("/a", websocket(&url)).await.unwrap();
    let mut peer = accept(&listener).await;
    let configuring = next(&mut peer).await;
    assert_eq!(configuring["type"], json!("event"));
    assert_eq!(
        configuring["event"]["offset"],
        json!(2),
        "the configuring one too"
    );

    for frame in [
        "{\"type\":\"other\"}",
        "{\"type\":\"error\",\"message\":\"no\"}",
    ] {
        peer.send(Message::text(frame)).await.unwrap();
    }
    peer.send(Message::text("no json")).await.unwrap();
    let answer = next(&mut peer).await;
    assert_eq!(answer["type"], json!("error"));
    assert!(answer["message"].as_str().unwrap().contains("no JSON"));
    peer.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(next(&mut peer).await["type"], json!("error"));

    let append = json!({"type": "append", "event": {"type": "from-peer"}}).to_string();
    peer.send(Message::text(append)).await.unwrap();
    let back = next(&mut peer).await;
    assert_eq!(back["event"]["type"], json!("from-peer"));
    assert_eq!(back["event"]["offset"], json!(3));
}

#[tokio::test]
async fn a_lost_connection_is_opened_again_and_loses_nothing() {
    let (url, listener) = listen().await;
    let house = House::new();
    house.append("/a", websocket(&url)).await.unwrap();
    let mut peer = accept(&listener).await;
    next(&mut peer).await;
    drop(peer);
    // It is back before there is anything to send: the peer may append.
    let mut peer = accept(&listener).await;
    let append = json!({"type": "append", "event": {"type": "first"}}).to_string();
    peer.send(Message::text(append)).await.unwrap();
    assert_eq!(next(&mut peer).await["event"]["type"], json!("first"));
    house.append("/a", message("second")).await.unwrap();
    assert_eq!(next(&mut peer).await["event"]["offset"], json!(4));
}

#[tokio::test]
async fn the_latest_configuration_wins_over_one_that_never_answers() {
    let gone = {
        let (url, _) = listen().await;
        url
    };
    let (url, listener) = listen().await;
    let house = House::new();
    house.append("/a", websocket(&gone)).await.unwrap();
    house.append("/a", websocket(&url)).await.unwrap();
    let mut peer = accept(&listener).await;
    let mut seen = 0;
    while seen < 3 {
        seen = next(&mut peer).await["event"]["offset"].as_u64().unwrap();
    }
}
