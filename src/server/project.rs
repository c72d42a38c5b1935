//! Which project a request is about (SPEC §1).

use super::error::Refusal;
use super::query::Query;
use crate::model::path::Project;
use axum::http::{HeaderMap, HeaderName, header};

/// Headers that name a project, the one that wins first.
const HEADERS: [HeaderName; 2] = [
    HeaderName::from_static("x-project-slug"),
    HeaderName::from_static("x-iterate-project"),
];
/// The query parameter that names a project.
pub const PARAMETER: &str = "projectSlug";
/// Hosts whose first label names a project.
const DOMAINS: [&str; 2] = [".events.iterate.com", ".localhost"];

/// The project: of the first of the two headers, the query, the host that names one.
///
/// # Errors
/// `400` when what names it is no slug, or stands twice.
pub fn project(
    headers: &HeaderMap,
    query: &Query,
    target_host: Option<&str>,
) -> Result<Project, Refusal> {
    for name in &HEADERS {
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else {
            continue;
        };
        if values.next().is_some() {
            return Err(Refusal::bad(format!("header {name} stands twice")));
        }
        let slug = std::str::from_utf8(value.as_bytes())
            .map_err(|_| Refusal::bad(format!("header {name} is no UTF-8")))?;
        return slug
            .parse()
            .map_err(|why| Refusal::bad(format!("header {name}: {why}")));
    }
    if let Some(slug) = query.one(PARAMETER)? {
        return slug
            .parse()
            .map_err(|why| Refusal::bad(format!("query parameter {PARAMETER}: {why}")));
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    match target_host.or(host).and_then(label) {
        None => Ok(Project::default()),
        Some(slug) => slug
            .parse()
            .map_err(|why| Refusal::bad(format!("host: {why}"))),
    }
}

/// The label of a host that names a project. Hosts know no case.
fn label(host: &str) -> Option<String> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.to_ascii_lowercase();
    let slug = DOMAINS
        .iter()
        .find_map(|domain| name.strip_suffix(domain))?;
    (!slug.is_empty() && !slug.contains('.')).then(|| slug.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&str, &str)], query: &str) -> Result<String, String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                name.parse::<HeaderName>().unwrap(),
                axum::http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        let query = Query::parse(Some(query)).unwrap();
        project(&map, &query, None)
            .map(String::from)
            .map_err(|refusal| refusal.message)
    }

    #[test]
    fn the_order_of_precedence() {
        let host = ("host", "h.localhost:7070");
        let newer = ("x-iterate-project", "newer");
        let seed = ("X-Project-Slug", "seed");
        let of = |headers: &[(&str, &str)], query| of(headers, query).unwrap();
        assert_eq!(of(&[], ""), "public");
        assert_eq!(of(&[host], ""), "h");
        assert_eq!(of(&[host], "projectSlug=q"), "q");
        assert_eq!(of(&[host, newer], "projectSlug=q"), "newer");
        assert_eq!(of(&[host, newer, seed], "projectSlug=q"), "seed");
        assert_eq!(of(&[seed], "projectSlug="), "seed");
        assert_eq!(of(&[("x-project-slug", "Ünter/..")], ""), "Ünter/..");
    }

    #[test]
    fn hosts() {
        for (host, slug) in [
            ("acme.events.iterate.com", "acme"),
            ("ACME.events.iterate.com:443", "acme"),
            ("events.iterate.com", "public"),
            (".localhost", "public"),
            ("a.b.localhost", "public"),
            ("localhost:7070", "public"),
            ("127.0.0.1:7070", "public"),
            ("[::1]:7070", "public"),
            ("acme.example.com", "public"),
            ("acme.localhost", "acme"),
        ] {
            assert_eq!(of(&[("host", host)], "").unwrap(), slug, "{host}");
        }
    }

    #[test]
    fn what_is_no_slug_is_refused() {
        assert!(
            of(&[("x-project-slug", "")], "")
                .unwrap_err()
                .contains("must not be empty")
        );
        assert!(
            of(&[], "projectSlug=")
                .unwrap_err()
                .contains("must not be empty")
        );
        assert!(
            of(&[], "projectSlug=a%00")
                .unwrap_err()
                .contains("control character")
        );
        assert!(
            of(&[("x-project-slug", &"x".repeat(256))], "")
                .unwrap_err()
                .contains("256")
        );
        let twice = [("x-project-slug", "a"), ("x-project-slug", "b")];
        assert!(of(&twice, "").unwrap_err().contains("stands twice"));
    }
}
