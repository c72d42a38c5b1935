//! The OpenAPI document and the page that renders it, both inside the binary.

use std::sync::LazyLock;

/// The OpenAPI 3.1 document of SPEC §3, indented.
pub const OPENAPI: &str = include_str!("assets/openapi.json");

const PAGE: &str = include_str!("assets/docs.html");

/// The page, with the document inside: it asks for nothing else.
pub fn page() -> &'static str {
    static WHOLE: LazyLock<String> = LazyLock::new(|| {
        // Inside a script element only `<` could end it.
        PAGE.replace("{{OPENAPI}}", &OPENAPI.replace('<', "\\u003c"))
    });
    &WHOLE
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_page_needs_nothing_from_outside() {
        let page = page();
        for reference in [
            "src=",
            "@import",
            "url(",
            "href=\"http",
            "fetch(",
            "XMLHttpRequest",
        ] {
            assert!(!page.contains(reference), "{reference}");
        }
        let (_, after) = page.split_once("id=\"openapi\">").unwrap();
        let (document, _) = after.split_once("</script>").unwrap();
        let inside: Value = serde_json::from_str(document).unwrap();
        assert_eq!(inside, serde_json::from_str::<Value>(OPENAPI).unwrap());
    }

    #[test]
    fn every_reference_in_the_document_leads_somewhere() {
        fn walk(node: &Value, root: &Value, found: &mut usize) {
            if let Some(Value::String(reference)) = node.get("$ref") {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(root.pointer(pointer).is_some(), "{reference}");
                *found += 1;
            }
            match node {
                Value::Array(items) => items.iter().for_each(|n| walk(n, root, found)),
                Value::Object(fields) => fields.values().for_each(|n| walk(n, root, found)),
                _ => {}
            }
        }
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let mut found = 0;
        walk(&document, &document, &mut found);
        assert!(found > 50);
    }
}
