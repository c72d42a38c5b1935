//! From an import's specifier to the file it means.

use super::error::NO_PACKAGES;
use super::files::{Files, extension};
use super::shim;

/// What a specifier means.
#[derive(Debug, PartialEq)]
pub enum Target {
    /// A file of the program, by name.
    File(String),
    /// The workshop SDK.
    Sdk,
}

/// Resolves `specifier` as written in the module `from`.
///
/// # Errors
/// Why it cannot be, and what can be done (message, help).
pub fn resolve(files: &Files, from: &str, specifier: &str) -> Result<Target, (String, String)> {
    if shim::PACKAGES.contains(&specifier) {
        return Ok(Target::Sdk);
    }
    let is_relative = specifier == "."
        || specifier == ".."
        || specifier.starts_with("./")
        || specifier.starts_with("../")
        || specifier.starts_with('/');
    if !is_relative {
        // In an event's modules a bare name may be one of them.
        if let Files::Map(map) = files
            && map.contains_key(specifier)
        {
            return Ok(Target::File(specifier.to_owned()));
        }
        return Err(bare(specifier));
    }
    if let Files::Alone { .. } = files {
        return Err((
            format!(
                "cannot import {specifier:?}: a worker's script stands alone, there are no files beside it"
            ),
            "deploy it with `modules` instead of `script`, or bundle it into one file first".into(),
        ));
    }
    let directory = match from.rfind('/') {
        Some(slash) => &from[..=slash],
        None => "",
    };
    let base = if specifier.starts_with('/') {
        match files {
            Files::Map(_) => clean(specifier),
            _ => normalize(specifier),
        }
    } else {
        normalize(&format!("{directory}{specifier}"))
    };
    let wants_directory = specifier.ends_with('/') || specifier.ends_with('.');
    candidates(&base, wants_directory)
        .into_iter()
        .find(|name| files.has(name))
        .map(Target::File)
        .ok_or_else(|| {
            let help = match files {
                Files::Map(map) => format!("the event's modules are {}", listed(map.keys())),
                _ => format!("looked for {base}, with .ts, .mts, .js, .mjs, .json added, and for index files in it"),
            };
            (format!("cannot import {specifier:?}: no such file"), help)
        })
}

fn bare(specifier: &str) -> (String, String) {
    let bundle = "bundle it into the processor first, for example: esbuild processor.ts --bundle --format=esm --packages=bundle --external:ai-engineer-workshop --outfile=processor.js";
    if specifier.starts_with("node:") {
        return (
            format!("cannot import {specifier:?}: a worker has no Node.js modules"),
            "use what JavaScript itself and the web platform offer".into(),
        );
    }
    if specifier.contains("://") {
        return (
            format!("cannot import {specifier:?}: a processor is not loaded over the network"),
            bundle.into(),
        );
    }
    (
        format!("cannot import {specifier:?}: {NO_PACKAGES}"),
        bundle.into(),
    )
}

/// At most a dozen names for a message.
pub fn listed<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> String {
    const SHOWN: usize = 12;
    let count = names.len();
    let mut shown: Vec<&str> = names.take(SHOWN).map(String::as_str).collect();
    let more = format!("and {} more", count.saturating_sub(SHOWN));
    if count > SHOWN {
        shown.push(&more);
    }
    shown.join(", ")
}

/// The files that `base` may mean, best first.
fn candidates(base: &str, wants_directory: bool) -> Vec<String> {
    const ADDED: [&str; 9] = ["ts", "mts", "js", "mjs", "json", "tsx", "jsx", "cts", "cjs"];
    let mut names = Vec::new();
    if !wants_directory {
        names.push(base.to_owned());
        // TypeScript's habit: the import names the file that the compiler would write.
        let written = match extension(base) {
            "js" => Some((2, "ts")),
            "mjs" => Some((3, "mts")),
            "cjs" => Some((3, "cts")),
            "jsx" => Some((3, "tsx")),
            _ => None,
        };
        if let Some((length, source)) = written {
            names.push(format!("{}{source}", &base[..base.len() - length]));
        }
        names.extend(ADDED.iter().map(|added| format!("{base}.{added}")));
    }
    let directory = match base {
        "" => String::new(),
        _ if base.ends_with('/') => base.to_owned(),
        _ => format!("{base}/"),
    };
    names.extend(
        ADDED[..5]
            .iter()
            .map(|added| format!("{directory}index.{added}")),
    );
    names
}

/// A file name of an event's `modules` without `./` and slashes in front.
pub fn clean(name: &str) -> String {
    normalize(name.trim_start_matches('/'))
}

/// Removes `.` and `..` segments; `..` that leave the start stay.
pub fn normalize(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    let joined = kept.join("/");
    if path.starts_with('/') {
        // Above the root is the root.
        format!("/{}", joined.trim_start_matches("../"))
    } else {
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::super::ModuleText;
    use super::*;

    fn map(names: &[&str]) -> Files {
        Files::Map(
            names
                .iter()
                .map(|n| ((*n).to_owned(), ModuleText::Code(String::new())))
                .collect(),
        )
    }

    #[test]
    fn relative_specifiers() {
        let files = map(&[
            "processor.ts",
            "x.ts",
            "x.js",
            "only.ts",
            "lib/index.ts",
            "lib/deep/a.mts",
            "data.json",
            "exact",
        ]);
        for (from, specifier, want) in [
            ("processor.ts", "./x.ts", "x.ts"),
            ("processor.ts", "./x.js", "x.js"),
            ("processor.ts", "./x", "x.ts"),
            ("processor.ts", "./only.js", "only.ts"),
            ("processor.ts", "./lib", "lib/index.ts"),
            ("processor.ts", "./lib/", "lib/index.ts"),
            ("lib/deep/a.mts", "..", "lib/index.ts"),
            ("lib/index.ts", "./deep/a.mjs", "lib/deep/a.mts"),
            ("lib/index.ts", "./deep/../../data.json", "data.json"),
            ("lib/deep/a.mts", "../../exact", "exact"),
            ("lib/deep/a.mts", "/x", "x.ts"),
            ("processor.ts", "lib/index.ts", "lib/index.ts"),
        ] {
            assert_eq!(
                resolve(&files, from, specifier),
                Ok(Target::File(want.into())),
                "{specifier} from {from}"
            );
        }
        for specifier in ["./nothing", "../x", "zod", "node:fs", "https://x.dev/y.js"] {
            assert!(
                resolve(&files, "processor.ts", specifier).is_err(),
                "{specifier}"
            );
        }
    }

    #[test]
    fn the_sdk_has_three_names() {
        for package in [
            "ai-engineer-workshop",
            "@iterate-labs/ai-engineer-workshop",
            "@iterate-com/events-contract/sdk",
        ] {
            assert_eq!(resolve(&map(&[]), "a.ts", package), Ok(Target::Sdk));
        }
    }

    #[test]
    fn paths_are_cleaned_without_the_disk() {
        for (path, want) in [
            ("./a/./b/../c.ts", "a/c.ts"),
            ("../a", "../a"),
            ("a/../../b", "../b"),
            ("/a/../../b", "/b"),
        ] {
            assert_eq!(normalize(path), want);
        }
    }
}
