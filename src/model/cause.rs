//! What an event says about where it came from: the event it answers, and who appended it.

use super::peek;

/// The offset that a raw event names as its source (`payload.sourceOffset`, SPEC §10).
#[must_use]
pub fn source_offset(raw: &[u8]) -> Option<u64> {
    // Most events name none, and looking for the word is far cheaper than walking their payload.
    memchr::memmem::find(raw, b"sourceOffset")?;
    let source = peek::member(peek::member(raw, "payload")?, "sourceOffset")?;
    std::str::from_utf8(source).ok()?.trim().parse().ok()
}

/// The worker that a raw event's idempotency key names: the service makes the keys of what a hook
/// appends from `streamPath@offset/slug`.
#[must_use]
pub fn worker(raw: &[u8]) -> Option<String> {
    let key = peek::text_member(raw, "idempotencyKey")?;
    let (_, place) = key.rsplit_once('@')?;
    let (offset, rest) = place.split_once('/')?;
    offset.parse::<u64>().ok()?;
    let slug = rest.split(['/', '#', ':']).next()?;
    (!slug.is_empty()).then(|| slug.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_workers_are_read_from_raw_events() {
        let raw = br#"{"type":"x","payload":{"a":{"sourceOffset":9},"sourceOffset": 12 },"idempotencyKey":"/a/b@12/echo/0"}"#;
        assert_eq!(source_offset(raw), Some(12));
        assert_eq!(worker(raw).as_deref(), Some("echo"));
        for raw in [
            &br#"{"payload":{"text":"sourceOffset"}}"#[..],
            br#"{"payload":{"sourceOffset":"12"}}"#,
            br#"{"payload":{"sourceOffset":-1}}"#,
            br#"{"idempotencyKey":"tidy-12"}"#,
            br#"{"idempotencyKey":"a@b/c"}"#,
            br#"{"idempotencyKey":"a@1/"}"#,
            b"sourceOffset",
        ] {
            assert_eq!((source_offset(raw), worker(raw)), (None, None));
        }
    }
}
