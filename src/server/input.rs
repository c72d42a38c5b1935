//! From a request's body to what is appended (SPEC §2): an event input where it may be one, and
//! in any case what came, so that it can be put on record.

use super::json;
use crate::model::validate::{self, Payloads};
use crate::service::{Incoming, Route};
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

enum Kind {
    Json,
    Form,
    Multipart,
    Text,
    /// No type is given: JSON if it is JSON.
    Unnamed,
}

fn kind(headers: &HeaderMap) -> Kind {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Kind::Unnamed;
    };
    let essence = value.to_str().unwrap_or_default();
    let essence = essence.split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    match essence.as_str() {
        "" => Kind::Unnamed,
        "application/json" | "text/json" => Kind::Json,
        "application/x-www-form-urlencoded" => Kind::Form,
        "multipart/form-data" => Kind::Multipart,
        other if other.ends_with("+json") => Kind::Json,
        _ => Kind::Text,
    }
}

/// Reads a body by its `Content-Type`. Never fails: what cannot be read is what came.
pub async fn read(headers: &HeaderMap, body: &Bytes, route: Route) -> Incoming {
    if body.is_empty() {
        return not_an_event(body, "the body is empty".to_owned());
    }
    match kind(headers) {
        Kind::Json => match json::parse(body) {
            Ok(value) => of_value(value, route),
            Err(why) => not_an_event(body, format!("the body is no JSON: {why}")),
        },
        Kind::Unnamed => match json::parse(body) {
            Ok(value) => of_value(value, route),
            Err(_) => of_text(body),
        },
        Kind::Form => match form(body) {
            Ok(fields) => of_value(Value::Object(fields), route),
            Err(why) => not_an_event(body, format!("the body is no form: {why}")),
        },
        Kind::Multipart => match multipart(headers, body).await {
            Ok(fields) => of_value(Value::Object(fields), route),
            Err(why) => not_an_event(body, format!("the body is no multipart form: {why}")),
        },
        Kind::Text => of_text(body),
    }
}

/// A value is an event, or the only field of `{"event": <event>}` is.
fn of_value(value: Value, route: Route) -> Incoming {
    let mut fields = match value {
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("event") => fields,
        value => return Incoming::Json(value),
    };
    let payloads = match route {
        Route::Streams => Payloads::Objects,
        Route::Seed | Route::Hook => Payloads::Any,
    };
    match validate::take(fields.remove("event").unwrap_or_default(), payloads) {
        Ok(input) => Incoming::Valid(input),
        // What goes on record is what came.
        Err((event, invalid)) => Incoming::NotAnEvent {
            raw: json!({ "event": event }),
            encoding: None,
            error: invalid.to_string(),
        },
    }
}

fn of_text(body: &Bytes) -> Incoming {
    let what = match std::str::from_utf8(body) {
        Ok(_) => "a string",
        Err(_) => "bytes that are no UTF-8",
    };
    let mut why = format!("event: expected a JSON object, got {what}");
    if looks_like_json(body) {
        why.push_str("; send JSON with Content-Type: application/json");
    }
    not_an_event(body, why)
}

fn not_an_event(body: &Bytes, error: String) -> Incoming {
    let (raw, encoding) = match std::str::from_utf8(body) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (STANDARD.encode(body), Some("base64")),
    };
    Incoming::NotAnEvent {
        raw: raw.into(),
        encoding,
        error,
    }
}

fn looks_like_json(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"{")
}

/// A form's fields; a name that stands several times gets an array.
fn form(body: &[u8]) -> Result<Map<String, Value>, String> {
    let text = std::str::from_utf8(body).map_err(|_| "it is no UTF-8".to_owned())?;
    let mut fields = Map::new();
    for part in text.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        // Forms of old clients hold stray percent signs; those stand for themselves.
        let read = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_encoding::percent_decode_str(&spaced)
                .decode_utf8()
                .map(|text| text.into_owned())
                .map_err(|_| format!("{part:?} is no UTF-8 after its escapes are undone"))
        };
        add(&mut fields, read(name)?, Value::String(read(value)?))?;
    }
    Ok(fields)
}

async fn multipart(headers: &HeaderMap, body: &Bytes) -> Result<Map<String, Value>, String> {
    let mut request = Request::new(Body::from(body.clone()));
    if let Some(kind) = headers.get(header::CONTENT_TYPE) {
        let kind: HeaderValue = kind.clone();
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    // The body was measured when it was read.
    DefaultBodyLimit::disable().apply(&mut request);
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|error| error.body_text())?;
    let mut fields = Map::new();
    while let Some(part) = parts.next_field().await.map_err(|e| e.body_text())? {
        let name = part.name().unwrap_or_default().to_owned();
        let file = part.file_name().map(str::to_owned);
        let content_type = part.content_type().map(str::to_owned);
        let bytes = part.bytes().await.map_err(|e| e.body_text())?;
        add(&mut fields, name, field(&bytes, file, content_type))?;
    }
    Ok(fields)
}

/// One field of a multipart form: its text, or for files and bytes an object that also says what
/// they are.
fn field(bytes: &Bytes, file: Option<String>, content_type: Option<String>) -> Value {
    let text = std::str::from_utf8(bytes);
    if let (Ok(text), None) = (text, &file) {
        return text.into();
    }
    let mut field = Map::new();
    field.extend(file.map(|name| ("filename".to_owned(), name.into())));
    field.extend(content_type.map(|kind| ("contentType".to_owned(), kind.into())));
    match text {
        Ok(text) => field.insert("content".into(), text.into()),
        Err(_) => {
            field.insert("content".into(), STANDARD.encode(bytes).into());
            field.insert("encoding".into(), json!("base64"))
        }
    };
    Value::Object(field)
}

fn add(fields: &mut Map<String, Value>, name: String, value: Value) -> Result<(), String> {
    if json::is_reserved(&name) {
        return Err(format!("the name {name:?} is reserved"));
    }
    match fields.get_mut(&name) {
        None => {
            fields.insert(name, value);
        }
        // No single field is an array.
        Some(Value::Array(values)) => values.push(value),
        Some(first) => {
            let values = vec![first.take(), value];
            *first = Value::Array(values);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use proptest::prelude::*;

    fn read(content_type: &str, body: impl Into<Bytes>) -> Incoming {
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        }
        super::read(&headers, &body.into(), Route::Streams)
            .now_or_never()
            .expect("all of the body is there")
    }

    /// A body that is a value.
    fn value(content_type: &str, body: impl Into<Bytes>) -> Value {
        match read(content_type, body) {
            Incoming::Json(value) => value,
            other => panic!("{other:?}"),
        }
    }

    /// A body that is none: what came, its encoding, why.
    fn raw(content_type: &str, body: impl Into<Bytes>) -> (Value, Option<&'static str>, String) {
        match read(content_type, body) {
            Incoming::NotAnEvent {
                raw,
                encoding,
                error,
            } => (raw, encoding, error),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn json_comes_as_its_value() {
        for kind in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/vnd.api+json",
            "text/json",
            "",
        ] {
            assert_eq!(
                value(kind, r#"{"type":"a"}"#),
                json!({"type": "a"}),
                "{kind}"
            );
        }
        assert_eq!(value("application/json", "7"), json!(7));
        let more = value("application/json", r#"{"event":1,"type":"a"}"#);
        assert_eq!(more, json!({"event": 1, "type": "a"}));
    }

    #[test]
    fn an_event_may_be_wrapped() {
        let json = "application/json";
        match read(json, r#"{"event":{"type":"a","offset":3}}"#) {
            Incoming::Valid(input) => assert_eq!(input.event_type, "a"),
            other => panic!("{other:?}"),
        }
        let (came, encoding, error) = raw(json, r#"{"event":{"type":1}}"#);
        assert_eq!(came, json!({"event": {"type": 1}}));
        assert_eq!(encoding, None);
        assert!(error.starts_with("type: "), "{error}");
    }

    #[test]
    fn forms_come_as_objects() {
        let form = "application/x-www-form-urlencoded";
        assert_eq!(
            value(form, "a=1&b=x+y%21&a=2&a=3&c&d=100%"),
            json!({"a": ["1", "2", "3"], "b": "x y!", "c": "", "d": "100%"})
        );
        assert_eq!(raw(form, "a=%ff").0, json!("a=%ff"));
        assert!(
            raw(form, "$serde_json::private::RawValue=1")
                .2
                .contains("reserved")
        );
    }

    #[test]
    fn multipart_comes_as_an_object() {
        let body: &[u8] = b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n\
            --b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n.txt\"\r\n\
            Content-Type: text/plain\r\n\r\nhello\r\n\
            --b\r\nContent-Disposition: form-data; name=\"g\"; filename=\"n.bin\"\r\n\r\n\xff\r\n\
            --b--\r\n";
        assert_eq!(
            value("multipart/form-data; boundary=b", body),
            json!({
                "a": "x",
                "f": {"filename": "n.txt", "contentType": "text/plain", "content": "hello"},
                "g": {"filename": "n.bin", "content": "/w==", "encoding": "base64"},
            })
        );
        for (kind, body) in [
            ("multipart/form-data", "--b--"),
            ("multipart/form-data; boundary=b", "nothing of the sort"),
            ("multipart/form-data; boundary=b", "--b\r\nContent-Dis"),
        ] {
            let (came, _, error) = raw(kind, body);
            assert!(error.contains("multipart"), "{kind}");
            assert_eq!(came, json!(body));
        }
    }

    #[test]
    fn everything_else_comes_as_text_or_base64() {
        let (came, _, error) = raw("text/plain", r#"{"type":"a"}"#);
        assert_eq!(came, json!(r#"{"type":"a"}"#));
        assert!(error.ends_with("Content-Type: application/json"));
        let (came, encoding, _) = raw("application/octet-stream", &b"\xff\x00"[..]);
        assert_eq!((came, encoding), (json!("/wA="), Some("base64")));
        let (came, _, error) = raw("application/json", "{\"type\":");
        assert_eq!(came, json!("{\"type\":"));
        assert!(error.contains("no JSON: EOF"), "{error}");
        let (came, _, error) = raw("application/json", "");
        assert_eq!((came, error.as_str()), (json!(""), "the body is empty"));
        assert_eq!(raw("", "hello").0, json!("hello"));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic_and_what_came_is_kept(
            kind in prop_oneof![
                Just(""),
                Just("application/json"),
                Just("application/x-www-form-urlencoded"),
                Just("multipart/form-data; boundary=b"),
                Just("text/plain"),
                Just("; ;=")
            ],
            start in prop_oneof![Just(""), Just("--b\r\nContent-Disposition: form-data; name=")],
            body in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let body = [start.as_bytes(), &body].concat();
            if let Incoming::NotAnEvent { raw: Value::String(text), encoding, .. } =
                read(kind, body.clone())
            {
                let came = match encoding {
                    None => text.into_bytes(),
                    Some(_) => STANDARD.decode(text).unwrap(),
                };
                prop_assert_eq!(came, body);
            }
        }
    }
}
