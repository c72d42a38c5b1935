//! `evtui deploy`: what is sent, and what is refused before anything is sent.

#![cfg(unix)]

#[path = "support/process.rs"]
mod process;

use process::{Connection, Server, serve};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

struct Bench {
    server: Server,
    home: tempfile::TempDir,
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Bench {
    fn new() -> Bench {
        let home = tempfile::tempdir().unwrap();
        let server = serve(home.path(), &["--data", ":memory:"]);
        Bench { server, home }
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.home.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// `evtui deploy /a --file FILE …` in the folder of the files.
    fn deploy(&self, args: &[&str], vars: &[(&str, OsString)]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_evtui"))
            .args(["deploy", "/a", "--file"])
            .args(args)
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("EVTUI_URL", &self.server.base)
            .envs(vars.iter().map(|(name, value)| (*name, value)))
            .output()
            .unwrap();
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn stored(&self) -> Vec<Value> {
        let mut connection = Connection::open(self.server.address()).unwrap();
        connection.history("/a", 0).unwrap()
    }
}

impl Ran {
    #[track_caller]
    fn event(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.err);
        serde_json::from_str(&self.out).unwrap()
    }
}

const AGENT: &str = "// Counts what it is told.
import { type Step, by } from './lib/step.ts';
import names from './names.json';

interface State {
  count: number;
}

export default {
  slug: 'counter',
  initialState: { count: 0 } as State,
  reduce: ({ event, state }: { event: any; state: State }): State => ({ count: state.count + by(event as Step) }),
  async afterAppend({ append }: any) { if (names.length > 5) await append({ type: names[0]! }); },
};
";

#[test]
fn what_is_sent_is_javascript_with_all_that_it_imports() {
    let bench = Bench::new();
    bench.write("agent/counter.ts", AGENT);
    bench.write(
        "agent/lib/step.ts",
        "export interface Step { n: number }\nexport const by = (step: Step): number => step.n;\n",
    );
    bench.write("agent/names.json", "[\"one\"]");
    let event = bench.deploy(&["agent/counter.ts"], &[]).event();
    assert_eq!(event, bench.stored()[1]);
    let payload = event["payload"].as_object().unwrap();
    assert_eq!(payload["slug"], "counter");
    let modules = payload["modules"].as_object().unwrap();
    let names: Vec<&String> = modules.keys().collect();
    assert_eq!(names, ["counter.ts", "lib/step.ts", "names.json"]);
    let code = modules["counter.ts"].as_str().unwrap();
    for gone in ["interface", "as State", "Step", ": any", "!"] {
        assert!(!code.contains(gone), "{gone}\n{code}");
    }
    // Whoever reads the log finds everything where it was written.
    assert!(code.starts_with("// Counts what it is told.\n"));
    for (number, (line, written)) in code.lines().zip(AGENT.lines()).enumerate() {
        let at = |text: &str, word: &str| text.find(word);
        for word in ["slug", "initialState", "by(event", "append("] {
            if line.contains(word) {
                assert_eq!(at(line, word), at(written, word), "line {number}");
            }
        }
    }
    // A file alone is a script, under the name that is asked for.
    bench.write(
        "one.ts",
        "export default { reduce: (events: unknown[]) => events.length };",
    );
    let event = bench.deploy(&["one.ts", "--slug", "other"], &[]).event();
    let script = "export default { reduce: (events           ) => events.length };";
    assert_eq!(event["payload"], json!({"script": script, "slug": "other"}));
    let event = bench.deploy(&["one.ts"], &[]).event();
    assert_eq!(event["payload"]["slug"], "one");
}

#[test]
fn variables_are_set_before_it_starts() {
    let bench = Bench::new();
    bench.write(
        "p.ts",
        "export default { reduce: () => 0, async afterAppend({ append, event }: any) {
            if (event.type === 'ask') await append({ type: 'told', payload: { ...process.env } });
        } };",
    );
    let vars = [("HERE", OsString::from("from the shell"))];
    let args = ["p.ts", "--env", "HERE", "--env", "MODE=a=b"];
    bench.deploy(&args, &vars).event();
    let stored = bench.stored();
    let set: Vec<&Value> = stored[1..3].iter().map(|event| &event["payload"]).collect();
    assert_eq!(set[0], &json!({"key": "HERE", "value": "from the shell"}));
    assert_eq!(set[1], &json!({"key": "MODE", "value": "a=b"}));
    assert!(stored[3]["type"].as_str().unwrap().ends_with("/configured"));
    for (env, expected) in [
        ("GONE", "cannot take --env GONE from the environment"),
        ("=x", "--env =x names no variable"),
    ] {
        let refused = bench.deploy(&["p.ts", "--env", env], &[]);
        assert_ne!(refused.code, Some(0));
        assert!(refused.err.contains(expected), "{}", refused.err);
    }
    assert_eq!(bench.stored().len(), stored.len());
}

#[test]
fn what_is_no_processor_is_told_with_its_place() {
    let bench = Bench::new();
    bench.write(
        "gone/broken.ts",
        "export const x = 1;\nexport const y: = 2;\n",
    );
    for (code, place) in [
        ("export default {\n  reduce(", "p.ts:2:"),
        (
            "const a = 1;\nexport default 5;",
            "p.ts:2:1: this code gives number",
        ),
        (
            "const a = 1;\nconst processor = 'x';",
            "p.ts:2:1: this code gives string",
        ),
        (
            "// nothing\nlet a;",
            "p.ts:2:1: this code gives no processor",
        ),
        (
            "export default {\n  slug: 'a',\n  reduce: 3 };",
            "p.ts:3:3: the processor's reduce is number",
        ),
        (
            "export default {\n  reduce() {},\n  initialState: { f() {}, n: 1n } };",
            "p.ts:3:3: the processor's initialState is not JSON",
        ),
        (
            "export default { slug: 'a' };",
            "p.ts:1:1: the processor has neither a reduce function nor a hook",
        ),
        (
            "const a: number = 1;\nnull.x;\nexport default {};",
            "(p.ts:2:",
        ),
        (
            "import { x } from './gone/broken.ts';\nexport default { reduce: () => x };",
            "gone/broken.ts:2:17",
        ),
        (
            "import './missing.ts'; export default { reduce() {} };",
            "p.ts:1:8: cannot import \"./missing.ts\"",
        ),
        (
            "import { y } from './lib.ts'; export default { reduce: () => y };",
            "p.ts:1:10: what it imports from has no export `y`",
        ),
    ] {
        bench.write("p.ts", code);
        bench.write("lib.ts", "export const x = 1;");
        let refused = bench.deploy(&["p.ts"], &[]);
        assert_eq!(refused.code, Some(1), "{code}\n{}", refused.err);
        assert!(
            refused.err.contains(place),
            "{code}\nwants {place}\n{}",
            refused.err
        );
    }
    assert_eq!(bench.stored().len(), 1);
}

#[test]
fn without_esbuild_packages_are_refused_by_name() {
    let bench = Bench::new();
    bench.write(
        "p.ts",
        "import { nanoid } from 'nanoid';\nexport default { reduce: () => nanoid() };",
    );
    let empty = [("PATH", bench.home.path().as_os_str().to_owned())];
    let refused = bench.deploy(&["p.ts"], &empty);
    assert_eq!(refused.code, Some(1));
    for expected in [
        "p.ts:1:24: cannot import \"nanoid\": no packages are installed in a worker",
        "try: evtui deploy bundles packages by esbuild, which is not on PATH: npm install --global esbuild",
    ] {
        assert!(refused.err.contains(expected), "{}", refused.err);
    }
    assert!(!refused.err.contains("help:"), "{}", refused.err);
    assert_eq!(bench.stored().len(), 1);
}

#[test]
fn packages_are_bundled_by_esbuild() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join("esbuild").exists());
    if !found {
        eprintln!("LEFT OUT: esbuild is not on PATH (npm install --global esbuild)");
        return;
    }
    let bench = Bench::new();
    let package = Path::new("node_modules/plus");
    let inside = |name: &str| package.join(name).to_string_lossy().into_owned();
    bench.write(
        &inside("package.json"),
        r#"{"name": "plus", "version": "1.0.0", "main": "index.js"}"#,
    );
    bench.write(
        &inside("index.js"),
        "exports.plus = (a, b) => a + b;\nexports.name = \"“added”\";\n",
    );
    bench.write(
        "p.ts",
        "import { plus } from 'plus';
import { defineProcessor } from 'ai-engineer-workshop';
export default defineProcessor(() => ({
  slug: 'sum',
  initialState: { sum: 0 },
  reduce: ({ event, state }: any) => ({ sum: plus(state.sum, 1) }),
}));",
    );
    let vars = [("PATH", path)];
    let event = bench.deploy(&["p.ts"], &vars).event();
    assert_eq!(event["payload"]["slug"], "sum");
    let script = event["payload"]["script"].as_str().unwrap();
    assert!(
        script.contains("“added”") && !script.contains("sourceMappingURL"),
        "{script}"
    );
    let state = Command::new(env!("CARGO_BIN_EXE_evtui"))
        .args(["state", "/a"])
        .env_clear()
        .env("HOME", bench.home.path())
        .env("EVTUI_URL", &bench.server.base)
        .output()
        .unwrap();
    let state: Value = serde_json::from_slice(&state.stdout).unwrap();
    assert_eq!(state, json!({"sum": 2}));
    // What goes wrong in a bundle is told in the person's own lines.
    for (code, expected) in [
        (
            "import { plus } from 'plus';\n\nthrow new Error(plus(1, 2));\nexport default { reduce() {} };",
            "(p.ts:3:",
        ),
        (
            "import { plus } from 'plus';\nexport default plus(1, 2);",
            "p.ts:2:1: this code gives number",
        ),
        (
            "import { minus } from 'minus';\nexport default { reduce: minus };",
            "p.ts:1:22",
        ),
        (
            "import fs from 'fs';\nexport default { reduce: () => fs };",
            "npm install; there are no Node modules",
        ),
    ] {
        bench.write("p.ts", code);
        let refused = bench.deploy(&["p.ts"], &vars);
        assert_eq!(refused.code, Some(1), "{code}");
        assert!(
            refused.err.contains(expected),
            "{code}\nwants {expected}\n{}",
            refused.err
        );
    }
    assert_eq!(bench.stored().len(), 2);
}
