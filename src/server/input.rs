//! From a request's body to what is appended (SPEC §2): an event input where it may be one, and
//! in any case what came, so that it can be put on record.

use super::json;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// A body, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// What may be an event input, or why the body can be none.
    pub event: Result<Value, String>,
    /// `event` stood in the body as the only field, `{"event": …}`.
    pub wrapped: bool,
    /// What came when `event` is no value: text, or base64 of bytes that are no UTF-8.
    pub raw: Raw,
}

/// A body that is no value.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    /// The event's own value says it all.
    Value,
    /// Text.
    Text(String),
    /// Base64 of the bytes.
    Base64(String),
}

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

impl Incoming {
    /// Reads a body by its `Content-Type`. Never fails: what cannot be read is what came.
    pub async fn read(headers: &HeaderMap, body: &Bytes) -> Incoming {
        if body.is_empty() {
            return Incoming::unreadable(body, "the body is empty".to_owned());
        }
        match kind(headers) {
            Kind::Json => match json::parse(body) {
                Ok(value) => Incoming::value(value),
                Err(why) => Incoming::unreadable(body, format!("the body is no JSON: {why}")),
            },
            Kind::Unnamed => match json::parse(body) {
                Ok(value) => Incoming::value(value),
                Err(_) => Incoming::text(body),
            },
            Kind::Form => match form(body) {
                Ok(fields) => Incoming::value(Value::Object(fields)),
                Err(why) => Incoming::unreadable(body, format!("the body is no form: {why}")),
            },
            Kind::Multipart => match multipart(headers, body).await {
                Ok(fields) => Incoming::value(Value::Object(fields)),
                Err(why) => {
                    let why = format!("the body is no multipart form: {why}");
                    Incoming::unreadable(body, why)
                }
            },
            Kind::Text => Incoming::text(body),
        }
    }

    fn value(value: Value) -> Incoming {
        let (event, wrapped) = match value {
            Value::Object(mut fields) if fields.len() == 1 && fields.contains_key("event") => {
                (fields.remove("event").unwrap_or_default(), true)
            }
            value => (value, false),
        };
        Incoming {
            event: Ok(event),
            wrapped,
            raw: Raw::Value,
        }
    }

    fn text(body: &Bytes) -> Incoming {
        let what = match std::str::from_utf8(body) {
            Ok(_) => "a string",
            Err(_) => "bytes that are no UTF-8",
        };
        let mut why = format!("event: expected a JSON object, got {what}");
        if looks_like_json(body) {
            why.push_str("; send JSON with Content-Type: application/json");
        }
        Incoming::unreadable(body, why)
    }

    fn unreadable(body: &Bytes, why: String) -> Incoming {
        let raw = match std::str::from_utf8(body) {
            Ok(text) => Raw::Text(text.to_owned()),
            Err(_) => Raw::Base64(STANDARD.encode(body)),
        };
        Incoming {
            event: Err(why),
            wrapped: false,
            raw,
        }
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
        Incoming::read(&headers, &body.into())
            .now_or_never()
            .expect("all of the body is there")
    }

    fn value(value: Value) -> Incoming {
        Incoming {
            event: Ok(value),
            wrapped: false,
            raw: Raw::Value,
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
            let read = read(kind, r#"{"type":"a"}"#);
            assert_eq!(read, value(json!({"type": "a"})), "{kind}");
        }
        let wrapped = read("application/json", r#"{"event":{"type":"a"}}"#);
        assert_eq!(wrapped.event, Ok(json!({"type": "a"})));
        assert!(wrapped.wrapped);
        let more = read("application/json", r#"{"event":1,"type":"a"}"#);
        assert_eq!(more, value(json!({"event": 1, "type": "a"})));
        assert_eq!(read("application/json", "7"), value(json!(7)));
    }

    #[test]
    fn forms_come_as_objects() {
        let form = "application/x-www-form-urlencoded";
        assert_eq!(
            read(form, "a=1&b=x+y%21&a=2&a=3&c&d=100%"),
            value(json!({"a": ["1", "2", "3"], "b": "x y!", "c": "", "d": "100%"}))
        );
        assert_eq!(read(form, "a=%ff").raw, Raw::Text("a=%ff".into()));
        let reserved = read(form, "$serde_json::private::RawValue=1");
        assert!(reserved.event.unwrap_err().contains("reserved"));
    }

    #[test]
    fn multipart_comes_as_an_object() {
        let body: &[u8] = b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n\
            --b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n.txt\"\r\n\
            Content-Type: text/plain\r\n\r\nhello\r\n\
            --b\r\nContent-Disposition: form-data; name=\"g\"; filename=\"n.bin\"\r\n\r\n\xff\r\n\
            --b--\r\n";
        assert_eq!(
            read("multipart/form-data; boundary=b", body),
            value(json!({
                "a": "x",
                "f": {"filename": "n.txt", "contentType": "text/plain", "content": "hello"},
                "g": {"filename": "n.bin", "content": "/w==", "encoding": "base64"},
            }))
        );
        for (kind, body) in [
            ("multipart/form-data", &b"--b--"[..]),
            ("multipart/form-data; boundary=b", b"nothing of the sort"),
            ("multipart/form-data; boundary=b", b"--b\r\nContent-Dis"),
        ] {
            let read = read(kind, body);
            assert!(read.event.unwrap_err().contains("multipart"), "{kind}");
            assert_eq!(read.raw, Raw::Text(String::from_utf8(body.into()).unwrap()));
        }
    }

    #[test]
    fn everything_else_comes_as_text_or_base64() {
        let text = read("text/plain", r#"{"type":"a"}"#);
        assert_eq!(text.raw, Raw::Text(r#"{"type":"a"}"#.into()));
        assert!(
            text.event
                .unwrap_err()
                .ends_with("Content-Type: application/json")
        );
        let bytes = read("application/octet-stream", &b"\xff\x00"[..]);
        assert_eq!(bytes.raw, Raw::Base64("/wA=".into()));
        let broken = read("application/json", "{\"type\":");
        assert_eq!(broken.raw, Raw::Text("{\"type\":".into()));
        assert!(broken.event.unwrap_err().contains("no JSON: EOF"));
        let empty = read("application/json", "");
        assert_eq!(empty.raw, Raw::Text(String::new()));
        assert_eq!(empty.event, Err("the body is empty".into()));
        assert_eq!(read("", "hello").raw, Raw::Text("hello".into()));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(
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
            let read = read(kind, body.clone());
            // What came is always kept: as the value, or to the byte.
            match (read.event, read.raw) {
                (Ok(_), raw) => prop_assert_eq!(raw, Raw::Value),
                (Err(_), Raw::Text(text)) => prop_assert_eq!(text.into_bytes(), body),
                (Err(_), Raw::Base64(text)) => prop_assert_eq!(STANDARD.decode(text).unwrap(), body),
                (Err(_), Raw::Value) => prop_assert!(false),
            }
        }
    }
}
