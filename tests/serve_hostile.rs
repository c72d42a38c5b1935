//! What hostile and broken clients do: the server refuses or puts it on record, and goes on.

#[path = "support/server.rs"]
mod support;

use evtui::server::Options;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;
use support::{Api, P, PATIENCE, note, raw, raw_status, status};

const MAX_BODY: u64 = 64 << 10;

/// A server of this process with a small body limit.
fn api() -> Api {
    static BASE: OnceLock<String> = OnceLock::new();
    let start = || {
        let options = Options {
            max_body: MAX_BODY,
            ..Options::default()
        };
        support::start(options, evtui::service::Options::default())
    };
    Api::at(BASE.get_or_init(start).clone(), true)
}

/// One with little patience: not for those who do nothing wrong, on a busy machine.
fn hasty() -> Api {
    static BASE: OnceLock<String> = OnceLock::new();
    let start = || {
        let options = Options {
            head_timeout: Duration::from_secs(1),
            body_idle: Duration::from_secs(1),
            body_total: Duration::from_secs(3),
            ..Options::default()
        };
        support::start(options, evtui::service::Options::default())
    };
    Api::at(BASE.get_or_init(start).clone(), true)
}

fn alive(api: &Api) {
    assert_eq!(raw_status(api.address(), "GET", "/healthz"), 200);
}

fn connect(api: &Api) -> TcpStream {
    let stream = TcpStream::connect(api.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads to the end, which must come.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the server keeps the connection: {error}"),
    }
    answer
}

/// A POST with a body, as bytes.
fn post(api: &Api, target: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: x\r\nx-iterate-project: {}\r\nConnection: close\r\n\
         Content-Length: {}\r\n{headers}\r\n",
        api.project,
        body.len()
    );
    raw(api.address(), &[head.as_bytes(), body].concat())
}

#[test]
fn a_body_announced_too_large_is_refused_unread() {
    let api = api();
    let mut stream = connect(&api);
    // Nothing of the body is ever sent.
    write!(
        stream,
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n"
    )
    .unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    drop(stream);
    alive(&api);
}

#[test]
fn a_body_that_grows_too_large_is_refused() {
    let api = api();
    let mut stream = connect(&api);
    write!(
        stream,
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    .unwrap();
    let chunk = [b"4000\r\n".as_slice(), &[b'x'; 0x4000], b"\r\n"].concat();
    for _ in 0..=MAX_BODY / 0x4000 {
        stream.write_all(&chunk).unwrap();
    }
    // The end of the body is still to come.
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    drop(stream);
    alive(&api);
}

#[tokio::test]
async fn who_writes_all_before_reading_hears_the_refusal() {
    let api = api();
    for size in [MAX_BODY as usize + 1, 4 << 20] {
        let answer = api
            .call("POST", "/api/streams/large", &[], vec![b'x'; size])
            .await;
        let message = answer.error(413, "PAYLOAD_TOO_LARGE");
        assert!(message.contains("65536 bytes"), "{message}");
    }
    let most = api
        .call(
            "POST",
            "/api/streams/large",
            &[],
            vec![b'x'; MAX_BODY as usize],
        )
        .await;
    assert_eq!(
        most.event()["payload"]["rawInput"].as_str().unwrap().len(),
        MAX_BODY as usize
    );
}

#[tokio::test]
async fn strange_json_is_put_on_record_as_it_came() {
    let api = api();
    let deep = |levels: usize| {
        format!(
            r#"{{"type":"a","payload":{}1{}}}"#,
            r#"{"a":"#.repeat(levels),
            "}".repeat(levels)
        )
    };
    let kind = [("content-type", "application/json")];
    for (body, why) in [
        (deep(128), "nested deeper than 128 levels"),
        (deep(10_000), "nested deeper than"),
        ("[".repeat(60_000), "EOF"),
        (
            r#"{"type":"a","payload":{"t":"\u0000"}}"#.to_owned(),
            "U+0000",
        ),
        ("{\"type\":\"a\0\"}".to_owned(), "no JSON"),
        (
            r#"{"type":"a","payload":{"t":"\ud800"}}"#.to_owned(),
            "no JSON",
        ),
        (
            r#"{"type":"a","payload":{"t":"\udc00\ud800"}}"#.to_owned(),
            "no JSON",
        ),
        (
            r#"{"type":"a","payload":{"n":1e999}}"#.to_owned(),
            "out of range",
        ),
        (
            format!(r#"{{"type":"a","payload":{{"n":{}}}}}"#, "9".repeat(400)),
            "number",
        ),
        (
            format!(r#"{{"type":"a","payload":{{"n":{}}}}}"#, "9".repeat(40)),
            "64 bits",
        ),
        (r#"{"type":"a","type":"b"}"#.to_owned(), "stands twice"),
        (
            r#"{"type":"a","payload":{"x":{"k":1,"k":1}}}"#.to_owned(),
            "stands twice",
        ),
        (r#"{"type":"a"} trailing"#.to_owned(), "trailing"),
        (
            r#"{"type":"a","payload":{"$serde_json::private::RawValue":"1"}}"#.to_owned(),
            "reserved",
        ),
    ] {
        let event = api
            .call("POST", "/api/streams/odd", &kind, body.clone())
            .await
            .event();
        assert_eq!(event["type"], format!("{P}invalid-event-appended"));
        assert_eq!(event["payload"]["rawInput"], body.as_str());
        let error = event["payload"]["error"].as_str().unwrap();
        assert!(error.contains(why), "{why}: {error}");
    }
    let latin = api
        .call(
            "POST",
            "/api/streams/odd",
            &kind,
            b"{\"type\":\"\xe9\"}".to_vec(),
        )
        .await;
    assert_eq!(latin.event()["payload"]["encoding"], "base64");
    // All of it can be read back, and a stream of such depth still opens and folds.
    for event in api.history("/odd").await {
        assert_eq!(event["streamPath"], "/odd");
    }
    let deepest = api
        .call("POST", "/api/streams/odd", &kind, deep(127))
        .await
        .event();
    assert_eq!(deepest["type"], "a");
    api.get("/api/__state/odd").await.json();
    alive(&api);
}

#[test]
fn slow_heads_time_out() {
    let api = hasty();
    for start in [
        "",
        "G",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n",
        "POST /a HTTP/1.1\r\nX: ",
    ] {
        let mut stream = connect(&api);
        stream.write_all(start.as_bytes()).unwrap();
        rest(&mut stream);
    }
    // One byte now and then does not help.
    let mut stream = connect(&api);
    stream
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let mut heard = [0; 64];
    let ended = b"GET /healthz HTTP/1.1\r\nHost: "
        .iter()
        .chain(std::iter::repeat_n(&b'x', 500));
    let ended = ended.into_iter().any(|byte| {
        let gone = stream.write_all(&[*byte]).is_err();
        gone || matches!(stream.read(&mut heard), Ok(0))
    });
    assert!(ended, "a head may come as slowly as it likes");
    alive(&api);
}

#[test]
fn slow_bodies_time_out_and_are_not_stored() {
    let api = hasty();
    let head = format!(
        "POST /api/streams/slow HTTP/1.1\r\nHost: x\r\nx-iterate-project: {}\r\n",
        api.project
    );
    for body in [
        "Content-Length: 100\r\n\r\n{\"type\":\"half",
        "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"typ\r\n",
    ] {
        let mut stream = connect(&api);
        stream
            .write_all(format!("{head}{body}").as_bytes())
            .unwrap();
        assert_eq!(status(&rest(&mut stream)), 408);
        // A client that goes away half way, one way or the other.
        let mut stream = connect(&api);
        stream
            .write_all(format!("{head}{body}").as_bytes())
            .unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        rest(&mut stream);
        let mut stream = connect(&api);
        stream
            .write_all(format!("{head}{body}").as_bytes())
            .unwrap();
        drop(stream);
    }
    let target = format!("/api/streams/slow?live=false&projectSlug={}", api.project);
    let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let history = String::from_utf8(raw(api.address(), request.as_bytes())).unwrap();
    assert_eq!(history.matches("event: message").count(), 1, "{history}");
}

#[test]
fn what_is_no_http_is_refused() {
    let api = api();
    let long = "x".repeat(200_000);
    for request in [
        "\0\0\0\0\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\nHost: x\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nbad header\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n".to_owned(),
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_owned(),
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
            .to_owned(),
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: x\r\nA: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(500)),
        format!("GET /api/streams/a?{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let answer = raw(api.address(), request.as_bytes());
        if !answer.is_empty() {
            let status = status(&answer);
            assert!(
                (400..500).contains(&status),
                "{:?} gave {status}",
                &request[..20.min(request.len())]
            );
        }
        alive(&api);
    }
}

#[test]
fn a_body_cannot_smuggle_a_request() {
    let api = api();
    // With both lengths given, what follows must not be taken for a request of its own.
    let smuggled = "POST /api/streams/hidden HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    let request = format!(
        "POST /api/streams/front HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}",
        smuggled.len() + 5
    );
    let answer = String::from_utf8(raw(api.address(), request.as_bytes())).unwrap();
    assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{answer}");
    alive(&api);
}

#[test]
fn requests_in_a_row_are_answered_in_order() {
    let api = api();
    let mut requests = String::new();
    for n in 0..20 {
        let body = note(n).to_string();
        requests.push_str(&format!(
            "POST /api/streams/row HTTP/1.1\r\nHost: x\r\nx-iterate-project: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            api.project,
            body.len()
        ));
    }
    requests.push_str("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answer = String::from_utf8(raw(api.address(), requests.as_bytes())).unwrap();
    let order: Vec<usize> = (0..20)
        .map(|n| {
            answer
                .find(&format!("\"n\": {n}\n"))
                .unwrap_or_else(|| panic!("{n}: {answer}"))
        })
        .collect();
    assert!(order.is_sorted());
    assert!(answer.ends_with("\"ok\": true\n}"));
}

#[tokio::test]
async fn readers_that_go_away_are_let_go() {
    let api = api();
    api.append("/gone", &note(1)).await.event();
    let live = async || -> i64 {
        let metrics = api.get("/metrics").await;
        let line = metrics
            .text()
            .lines()
            .find(|l| l.starts_with("evtui_live_readers "))
            .unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let mut readers = Vec::new();
    for _ in 0..50 {
        let mut reader = api.read("/api/streams/gone", &[]).await;
        assert_eq!(reader.offsets(1).await, [1]);
        readers.push(reader);
    }
    assert!(live().await >= 50);
    drop(readers);
    let gone = async {
        while live().await > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone)
        .await
        .expect("readers stay after their clients are gone");
}

#[tokio::test]
async fn a_reader_that_stops_reading_holds_up_nobody() {
    let api = api();
    let breaker = json!({
        "type": format!("{P}circuit-breaker-configured"),
        "payload": {"burstCapacity": 100_000, "refillRatePerMinute": 100_000},
    });
    api.append("/stalled", &breaker).await.event();
    let target = format!("/api/streams/stalled?projectSlug={}", api.project);
    let mut stalled = connect(&api);
    write!(stalled, "GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    // More than all buffers between here and there hold.
    let text = "x".repeat(60_000);
    for n in 0..200 {
        api.append(
            "/stalled",
            &json!({"type": "note", "payload": {"n": n, "text": text}}),
        )
        .await
        .event();
    }
    let mut live = api.read("/api/streams/stalled?after=201", &[]).await;
    assert_eq!(live.offsets(1).await, [202]);
    // It was not dropped either: all of it comes when it reads again.
    let mut buffer = vec![0; 1 << 20];
    let mut seen = String::new();
    while !seen.contains("id: 202\n") {
        let read = stalled.read(&mut buffer).unwrap();
        assert!(read > 0, "the reading ended");
        // Only the ends matter here.
        seen = seen.split_off(seen.len().saturating_sub(100));
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_bring_the_server_down(request in prop::collection::vec(any::<u8>(), 1..300)) {
        let api = hasty();
        raw(api.address(), &[&request[..], b"\r\n\r\n"].concat());
        alive(&api);
    }

    #[test]
    fn no_target_is_repaired(target in "/(api/streams/)?[a-c./%2eF0~\\\\;?=&-]{0,20}") {
        let api = api();
        let answer = raw_status(api.address(), "DELETE", &target);
        prop_assert!([200, 400, 404, 405].contains(&answer), "{} gave {}", target, answer);
    }

    #[test]
    fn every_body_is_answered_and_kept(
        kind in "(application/json|multipart/form-data; boundary=b|text/plain|application/x-www-form-urlencoded|[a-z/;= ]{0,12})",
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let api = api();
        let answer = post(&api, "/api/streams/any", &format!("Content-Type: {kind}\r\n"), &body);
        prop_assert_eq!(status(&answer), 200);
        let text = String::from_utf8(answer).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        let stored: Value = serde_json::from_str(body).unwrap();
        prop_assert!(stored["event"]["offset"].as_u64().unwrap() >= 2);
    }
}
