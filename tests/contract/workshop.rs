//! The workshop's way of talking.

use crate::offsets;
use crate::support::Api;
use serde_json::json;

#[tokio::test]
async fn the_workshops_client() {
    let api = Api::new();
    let path = "/yourname/agent";
    // append({type, payload: string}) on the seed's route.
    let hello = json!({"type": "user_message", "payload": "Hello"});
    assert_eq!(api.post(path, &hello).await.event()["payload"], "Hello");
    // The newer client escapes the whole path and wraps nothing.
    let chunk = json!({"type": "https://events.iterate.com/llm-chunk", "payload": {"text": "Hi"}});
    let event = api.append("/%2Fyourname%2Fagent", &chunk).await.event();
    assert_eq!(event["streamPath"], path);
    // tail({live: true})
    let mut tail = api
        .read(
            &format!("{path}?live=true"),
            &[("accept", "text/event-stream")],
        )
        .await;
    assert_eq!(tail.offsets(3).await, [1, 2, 3]);
    // Deploying is appending: source as a string.
    let deploy = json!({
        "type": "https://events.iterate.com/dynamic-worker-configured",
        "payload": "export default { reduce(events) { return { n: events.length } } }",
    });
    let deployed = api.post(path, &deploy).await.event();
    assert_eq!(tail.event().await, Some(deployed));
    // A webhook posts what it has.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let hook = api
        .call("POST", path, &form, "ref=refs%2Fheads%2Fmain")
        .await
        .event();
    assert_eq!(
        hook["type"],
        "https://events.iterate.com/invalid-event-appended"
    );
    assert_eq!(
        hook["payload"]["rawInput"],
        json!({"ref": "refs/heads/main"})
    );
    // Curl the whole history, pipe it on.
    let lines = api.events(&format!("{path}?live=false")).await;
    assert_eq!(
        offsets(&lines),
        (1..=lines.len() as u64).collect::<Vec<_>>()
    );
}
