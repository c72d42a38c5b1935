//! What the columns keep of one event, read from its JSON text in one pass: the whole text is
//! checked to be JSON, nothing of it is built. The last of repeated keys counts, as in JavaScript.

use super::members::Members;
use crate::model::event::Millis;
use std::borrow::Cow;

/// One event's envelope, borrowed from its text.
#[derive(Debug)]
pub struct Envelope<'a> {
    pub event_type: Cow<'a, str>,
    pub stream: Option<Cow<'a, str>>,
    pub offset: Option<u64>,
    pub time: Option<Millis>,
    pub payload: Option<&'a [u8]>,
    /// The event itself, when `{"event": …}` stood around it (the answer to an append, SPEC §3).
    pub inner: Option<&'a [u8]>,
}

/// Reads an event's text.
///
/// # Errors
/// Why it is no event, in words for a person.
pub fn envelope(text: &[u8]) -> Result<Envelope<'_>, String> {
    let text = utf8(text)?;
    let members = members(text)?;
    if members.event_type.is_none()
        && let Some(event) = members.event
        && event.starts_with('{')
    {
        let mut inner = read(self::members(event)?)?;
        inner.inner = Some(event.as_bytes());
        return Ok(inner);
    }
    read(members)
}

/// The event in a text that holds one: the text itself or what `{"event": …}` stands around.
pub fn unwrapped(text: &[u8]) -> &[u8] {
    match envelope(text) {
        Ok(Envelope {
            inner: Some(inner), ..
        }) => inner,
        _ => text,
    }
}

fn utf8(text: &[u8]) -> Result<&str, String> {
    simdutf8::compat::from_utf8(text)
        .map_err(|e| format!("not UTF-8: a wrong byte at {} of it", e.valid_up_to()))
}

fn members(text: &str) -> Result<Members<'_>, String> {
    Members::of(text).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => format!("not an event: {e}"),
        _ => format!("not JSON: {e}"),
    })
}

fn read(members: Members<'_>) -> Result<Envelope<'_>, String> {
    let Some(event_type) = members.event_type else {
        return Err("not an event: it has no \"type\"".to_owned());
    };
    let Some(event_type) = string(event_type) else {
        let found = excerpt(event_type.as_bytes());
        return Err(format!("not an event: \"type\" is {found}, not a string"));
    };
    let offset = match members.offset {
        None | Some("null") => None,
        Some(number) => Some(number.parse().map_err(|_| {
            let found = excerpt(number.as_bytes());
            format!("not an event: \"offset\" is {found}, not a whole number")
        })?),
    };
    Ok(Envelope {
        event_type,
        stream: members.stream_path.and_then(string),
        offset,
        time: members.created_at.and_then(string).and_then(|t| time(&t)),
        payload: members.payload.map(str::as_bytes),
        inner: None,
    })
}

/// The text of a JSON string.
fn string(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(json).ok().map(Cow::Owned)
}

/// The front of something that is to be shown in one line.
pub fn excerpt(bytes: &[u8]) -> String {
    const MOST: usize = 60;
    let front = &bytes[..bytes.len().min(MOST * 4)];
    let text = String::from_utf8_lossy(front);
    let mut shown: String = text
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() { '·' } else { c })
        .collect();
    if shown.len() < bytes.len() {
        shown.push('…');
    }
    shown
}

/// [`Millis::parse`], quicker for the one spelling that the service writes.
fn time(text: &str) -> Option<Millis> {
    service_time(text.as_bytes()).or_else(|| Millis::parse(text))
}

/// `2026-03-01T09:00:00.123Z`; anything else, wrong days too, is left to the careful road.
fn service_time(text: &[u8]) -> Option<Millis> {
    let text: &[u8; 24] = text.try_into().ok()?;
    for (at, mark) in [
        (4, b'-'),
        (7, b'-'),
        (10, b'T'),
        (13, b':'),
        (16, b':'),
        (19, b'.'),
        (23, b'Z'),
    ] {
        if text[at] != mark {
            return None;
        }
    }
    let number = |from: usize, to: usize| {
        text[from..to].iter().try_fold(0i64, |n, digit| {
            digit
                .is_ascii_digit()
                .then(|| n * 10 + i64::from(digit - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let milli = number(20, 23)?;
    if !(1..=12).contains(&month) || !(1..=28).contains(&day) {
        return None; // the last days of months need a calendar
    }
    if hour > 23 || minute > 59 || second > 59 || year < 1 {
        return None;
    }
    // Days since 1970-01-01 in the proleptic Gregorian calendar, years counted from March.
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some(Millis(
        (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + milli,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_the_envelope_whatever_stands_in_it() {
        let text = br#" {"payload":{"type":"no","offset":9,"streamPath":"/no"},"off\u0073et":7,
            "x":[{"type":1}],"type":"a\n\"b","createdAt":"2026-03-01T09:00:00.123Z","streamPath":"/s"} "#;
        let e = envelope(text).unwrap();
        assert_eq!(e.event_type, "a\n\"b");
        assert_eq!(e.offset, Some(7));
        assert_eq!(e.stream.as_deref(), Some("/s"));
        assert_eq!(e.time, Millis::parse("2026-03-01T09:00:00.123Z"));
        assert!(e.payload.unwrap().starts_with(br#"{"type":"no""#));
        assert!(e.inner.is_none());
    }

    #[test]
    fn the_last_of_repeated_keys_counts() {
        let e = envelope(br#"{"type":"a","offset":1,"type":"b","offset":2}"#).unwrap();
        assert_eq!((e.event_type.as_ref(), e.offset), ("b", Some(2)));
    }

    #[test]
    fn the_answer_to_an_append_is_taken_out_of_its_wrapper() {
        let text = br#"{ "event": {"type":"a","offset":3} }"#;
        assert_eq!(unwrapped(text), br#"{"type":"a","offset":3}"#);
        let plain = br#"{"type":"a","event":{"type":"b"}}"#;
        assert_eq!(unwrapped(plain), plain);
        assert_eq!(unwrapped(b"nonsense"), b"nonsense");
    }

    #[test]
    fn says_why_a_text_is_no_event() {
        for (text, why) in [
            (&b"{\"type\":\"a\""[..], "not JSON: EOF"),
            (b"[1]", "expected an event"),
            (b"{}", "no \"type\""),
            (b"{\"type\":5}", "\"type\" is 5"),
            (b"{\"type\":\"a\",\"offset\":\"1\"}", "\"offset\" is \"1\""),
            (b"{\"type\":\"a\",\"offset\":-1}", "\"offset\" is -1"),
            (b"{\"type\":\"a\xff\"}", "not UTF-8: a wrong byte at 10"),
            (b"{\"type\":\"a\"} x", "not JSON: trailing"),
            (b"\0\0", "not JSON"),
        ] {
            let error = envelope(text).unwrap_err();
            assert!(error.contains(why), "{error} for {why}");
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let mut text = br#"{"type":"a","payload":"#.to_vec();
        text.extend(std::iter::repeat_n(b'[', 1_000_000));
        text.extend(std::iter::repeat_n(b']', 1_000_000));
        text.push(b'}');
        assert_eq!(envelope(&text).unwrap().event_type, "a");
        assert!(envelope(&text[..text.len() - 2]).is_err());
    }

    proptest! {
        #[test]
        fn the_quick_road_for_times_is_the_careful_one(
            y in 0u32..10_000, mo in 0u32..14, d in 0u32..33,
            h in 0u32..26, mi in 0u32..62, s in 0u32..62, ms in 0u32..1000,
        ) {
            let text = format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}.{ms:03}Z");
            prop_assert_eq!(time(&text), Millis::parse(&text), "{}", text);
        }
    }
}
