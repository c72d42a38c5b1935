//! What the path of a request names. It is read as it was sent, never normalised first: what does
//! not match after decoding is refused, not repaired (SPEC §1).

use super::error::Refusal;
use super::query::decode;
use crate::model::path::StreamPath;

/// What a request's path names; SPEC §3 lists what can be done with each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A stream under `/api/streams/`.
    Stream(StreamPath),
    /// A stream by the seed's short form.
    SeedStream(StreamPath),
    /// A stream's reduced state.
    State(StreamPath),
    /// A stream and its descendants.
    Children(StreamPath),
    /// All secrets.
    Secrets,
    /// One secret, by id.
    Secret(String),
    /// The OpenAPI document.
    OpenApi,
    /// The page that renders it.
    Docs,
    /// Whether the service is alive.
    Health,
    /// Counters in Prometheus's text form.
    Metrics,
}

impl Target {
    /// The methods that it answers.
    #[must_use]
    pub fn methods(&self) -> &'static [&'static str] {
        match self {
            Target::Stream(_) => &["GET", "POST", "DELETE"],
            Target::SeedStream(_) | Target::Secrets => &["GET", "POST"],
            Target::Secret(_) => &["DELETE"],
            Target::State(_)
            | Target::Children(_)
            | Target::OpenApi
            | Target::Docs
            | Target::Health
            | Target::Metrics => &["GET", "HEAD"],
        }
    }

    /// Reads the path part of a request's target, escapes and all.
    ///
    /// # Errors
    /// `400` for a path that names no possible stream, `404` for anything else under `/api`.
    pub fn parse(raw: &str) -> Result<Target, Refusal> {
        match raw {
            "/healthz" => return Ok(Target::Health),
            "/metrics" => return Ok(Target::Metrics),
            "/apidocs" | "/api/docs" => return Ok(Target::Docs),
            "/api/openapi.json" => return Ok(Target::OpenApi),
            "/api/secrets" => return Ok(Target::Secrets),
            "/api/streams" => return Ok(Target::Children(StreamPath::root())),
            _ => {}
        }
        if let Some(id) = raw.strip_prefix("/api/secrets/") {
            let id = decode(id).map_err(|why| Refusal::bad(format!("secret {id:?} {why}")))?;
            return Ok(Target::Secret(id));
        }
        // The names are reserved as written; `%2F__state` is the stream of that name.
        for (prefix, target) in [
            ("/api/streams/__state", Target::State as fn(_) -> _),
            ("/api/streams/__children", Target::Children),
            ("/api/__state", Target::State),
            ("/api/streams", Target::Stream),
        ] {
            if let Some(rest) = raw.strip_prefix(prefix)
                && (rest.is_empty() || rest.starts_with('/'))
            {
                return stream(rest).map(target);
            }
        }
        if raw == "/api" || raw.starts_with("/api/") {
            return Err(Refusal::not_found(format!(
                "there is nothing at {raw}; /api/docs says what there is"
            )));
        }
        stream(raw).map(Target::SeedStream)
    }
}

/// The stream path in what follows a route's name: empty, or with a leading slash.
fn stream(raw: &str) -> Result<StreamPath, Refusal> {
    if matches!(raw, "" | "/" | "//") {
        return Ok(StreamPath::root());
    }
    let refuse = |why: &str| Refusal::bad(format!("stream path {raw:?} {why}"));
    // The slash that parts route from path may be followed by the path's own, escaped.
    let path = match raw.get(1..4) {
        Some(slash) if slash.eq_ignore_ascii_case("%2f") => &raw[1..],
        _ => raw,
    };
    let path = decode(path).map_err(refuse)?;
    path.parse()
        .map_err(|why: crate::model::path::PathError| Refusal::bad(why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ok(raw: &str) -> Target {
        Target::parse(raw).unwrap_or_else(|refusal| panic!("{raw}: {refusal}"))
    }

    fn path(text: &str) -> StreamPath {
        text.parse().unwrap()
    }

    #[test]
    fn spellings_of_a_stream() {
        for raw in [
            "/api/streams/team/inbox",
            "/api/streams/team%2Finbox",
            "/api/streams/team%2finbox",
            "/api/streams/%2Fteam%2Finbox",
            "/api/streams/%2fteam/inbox",
            "/api/streams/t%65am/inbox",
        ] {
            assert_eq!(ok(raw), Target::Stream(path("/team/inbox")), "{raw}");
        }
        for raw in ["/team/inbox", "/team%2Finbox", "/%2Fteam%2Finbox"] {
            assert_eq!(ok(raw), Target::SeedStream(path("/team/inbox")), "{raw}");
        }
    }

    #[test]
    fn spellings_of_the_root() {
        for raw in ["/api/streams/", "/api/streams//", "/api/streams/%2F"] {
            assert_eq!(ok(raw), Target::Stream(path("/")), "{raw}");
        }
        for raw in ["/", "//", "/%2F"] {
            assert_eq!(ok(raw), Target::SeedStream(path("/")), "{raw}");
        }
    }

    #[test]
    fn everything_else_under_its_name() {
        for raw in [
            "/api/streams/__state/a/b",
            "/api/streams/__state/%2Fa%2Fb",
            "/api/__state/a/b",
            "/api/__state/a%2Fb",
        ] {
            assert_eq!(ok(raw), Target::State(path("/a/b")), "{raw}");
        }
        for raw in [
            "/api/streams/__state",
            "/api/streams/__state/",
            "/api/__state/%2F",
        ] {
            assert_eq!(ok(raw), Target::State(path("/")), "{raw}");
        }
        for raw in [
            "/api/streams",
            "/api/streams/__children",
            "/api/streams/__children/",
        ] {
            assert_eq!(ok(raw), Target::Children(path("/")), "{raw}");
        }
        assert_eq!(
            ok("/api/streams/__children/a"),
            Target::Children(path("/a"))
        );
        assert_eq!(
            ok("/api/streams/%2F__state"),
            Target::Stream(path("/__state"))
        );
        assert_eq!(
            ok("/api/streams/__states"),
            Target::Stream(path("/__states"))
        );
        assert_eq!(ok("/apis"), Target::SeedStream(path("/apis")));
        assert_eq!(ok("/api/secrets"), Target::Secrets);
        assert_eq!(ok("/api/secrets/x%20y"), Target::Secret("x y".into()));
        assert_eq!(ok("/apidocs"), Target::Docs);
        assert_eq!(ok("/api/docs"), Target::Docs);
        assert_eq!(ok("/healthz"), Target::Health);
    }

    #[test]
    fn path_tricks() {
        let long = format!("/api/streams/{}", "a".repeat(1023));
        for raw in [
            "/api/streams/..",
            "/api/streams/a/../b",
            "/api/streams/%2e%2e/b",
            "/api/streams/.",
            "/api/streams/a%00b",
            "/api/streams/%00",
            "/api/streams/a/",
            "/api/streams/a%2F",
            "/api/streams/a//b",
            "/api/streams/a%2F%2Fb",
            "/api/streams//a",
            "/api/streams///",
            "/api/streams/%2F%2Fa",
            "/api/streams/%2F%2F",
            "/api/streams/%252Fa",
            "/api/streams/A",
            "/api/streams/a b",
            "/api/streams/a+b",
            "/api/streams/a%20b",
            "/api/streams/%",
            "/api/streams/%2",
            "/api/streams/%zz",
            "/api/streams/%ff",
            "/api/streams/%C3%A9",
            "/api/streams/a\\b",
            "/api/streams/a;b",
            "/api/../healthz",
            "/../etc/passwd",
            "/%2e%2e/etc",
            "/.git",
            "*",
            &long,
        ] {
            let refusal = Target::parse(raw).expect_err(raw);
            let expected = if raw == "/api/../healthz" { 404 } else { 400 };
            assert_eq!(refusal.status.as_u16(), expected, "{raw}");
        }
        assert_eq!(
            Target::parse("/api/nothing").unwrap_err().status.as_u16(),
            404
        );
    }

    proptest! {
        #[test]
        fn never_panics_and_never_lets_through_what_the_rules_forbid(
            tail in "[a-c/._%2FfEe0A~é\\x00-]{0,24}"
        ) {
            for prefix in ["/api/streams/", "/api/__state/", "/"] {
                if let Ok(
                    Target::Stream(path) | Target::SeedStream(path) | Target::State(path)
                ) = Target::parse(&format!("{prefix}{tail}")) {
                    let text = path.as_str();
                    prop_assert!(text.starts_with('/'));
                    let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
                    let valid = text == "/"
                        || text[1..].split('/').all(|segment| {
                            !segment.is_empty() && segment.bytes().all(allowed)
                        });
                    prop_assert!(valid, "{}", text);
                }
            }
        }

        #[test]
        fn every_spelling_of_a_path_is_the_same_stream(
            segments in prop::collection::vec("[a-z0-9_-]{1,6}", 1..5),
            escaped in any::<u8>(),
            leading in any::<bool>(),
        ) {
            prop_assume!(!segments[0].starts_with("__"));
            let mut raw = String::from("/api/streams/");
            if leading {
                raw.push_str("%2F");
            }
            for (index, segment) in segments.iter().enumerate() {
                if index > 0 {
                    raw.push_str(if escaped >> index & 1 == 1 { "%2F" } else { "/" });
                }
                raw.push_str(segment);
            }
            let path = format!("/{}", segments.join("/")).parse().unwrap();
            prop_assert_eq!(Target::parse(&raw).unwrap(), Target::Stream(path));
        }
    }
}
