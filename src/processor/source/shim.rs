//! The workshop SDK as a module of the program.

use crate::processor::program::Module;
use std::collections::BTreeSet;

/// The packages that give it (SPEC §9).
pub const PACKAGES: [&str; 3] = [
    "ai-engineer-workshop",
    "@iterate-labs/ai-engineer-workshop",
    "@iterate-com/events-contract/sdk",
];

/// Its name among the program's modules.
pub const NAME: &str = "ai-engineer-workshop";

const CODE: &str = include_str!("../shims/sdk.js");

/// What works inside a worker.
const WORKING: [&str; 3] = [
    "defineProcessor",
    "defineBuiltinProcessor",
    "normalizePathPrefix",
];

/// The module, with an export that refuses for every other name in `imported`.
pub fn module(imported: &BTreeSet<String>) -> Module {
    let mut code = CODE.to_owned();
    let known = ["EventsClient", "createEventsClient"].map(str::to_owned);
    let names: BTreeSet<&String> = known
        .iter()
        .chain(imported)
        .filter(|name| !WORKING.contains(&name.as_str()) && *name != "default")
        .collect();
    for (index, name) in names.iter().enumerate() {
        let text = serde_json::Value::from(name.as_str());
        code.push_str(&format!(
            "const outside{index} = outside({text});\nexport {{ outside{index} as {text} }};\n"
        ));
    }
    code.push_str("export default { defineProcessor, defineBuiltinProcessor, normalizePathPrefix");
    for (index, name) in names.iter().enumerate() {
        let text = serde_json::Value::from(name.as_str());
        code.push_str(&format!(", {text}: outside{index}"));
    }
    code.push_str(" };\n");
    Module {
        name: NAME.to_owned(),
        original: code.clone(),
        code,
        source_map: None,
    }
}
