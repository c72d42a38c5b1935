//! A coding agent that mends a failing test: a command that hangs, an edit that does not apply, a
//! fix that breaks another test, a model that is overloaded, and in the end one line.

use super::stream::{P, Stream};
use serde_json::{Value, json};

/// A step of the story.
enum Step {
    /// A person writes.
    User(&'static str),
    /// The model answers with text, then calls these tools (name, arguments).
    Model(&'static str, &'static [(&'static str, Args)]),
    /// The model refuses to work: status, message, seconds until the next try.
    Overloaded(&'static str, i64),
    /// The next pending call ends: milliseconds it took, its output.
    Done(i64, &'static str),
    /// The same for an edit of this file.
    Edited(i64, &'static str, &'static str),
    /// The next pending call fails.
    Failed(i64, &'static str),
    /// The next pending call never ends; the harness puts it on record and kills it.
    Hung(i64, &'static str),
}

/// A tool's arguments.
enum Args {
    Run(&'static str),
    Read(&'static str),
    Edit(&'static str, &'static str, &'static str),
}

impl Args {
    fn json(&self) -> Value {
        match self {
            Args::Run(command) => json!({"command": command}),
            Args::Read(path) => json!({"path": path}),
            Args::Edit(path, old, new) => json!({"path": path, "old": old, "new": new}),
        }
    }
}

use Step::{Done, Edited, Failed, Hung, Model, Overloaded, User};

const SOURCE: &str = "\
export interface Page<T> {
  items: T[];
  page: number;
  pages: number;
}

/** Cuts a list into pages of `size`; the first page is 1. */
export function paginate<T>(items: T[], page: number, size = 20): Page<T> {
  const pages = Math.floor(items.length / size) + 1;
  const start = (page - 1) * size;
  return { items: items.slice(start, start + size), page, pages };
}
";

const TESTS: &str = "\
import { test } from \"node:test\";
import assert from \"node:assert/strict\";
import { paginate } from \"../src/paginate.ts\";

const list = (n: number) => Array.from({ length: n }, (_, i) => i);

test(\"a short list is one page\", () => {
  assert.equal(paginate(list(7), 1).pages, 1);
});

test(\"the rest goes to a last page\", () => {
  assert.deepEqual(paginate(list(43), 3).items, [40, 41, 42]);
});

test(\"an exact multiple has no empty last page\", () => {
  assert.equal(paginate(list(40), 1).pages, 2);
});

test(\"an empty list is one empty page\", () => {
  assert.equal(paginate([], 1).pages, 1);
});
";

const RUN_1: &str = "\
✔ a short list is one page (0.61ms)
✔ the rest goes to a last page (0.84ms)
✖ an exact multiple has no empty last page (1.13ms)
✔ an empty list is one empty page (0.09ms)
ℹ tests 4
ℹ pass 3
ℹ fail 1

✖ failing tests:

test at test/paginate.test.ts:15:1
✖ an exact multiple has no empty last page (1.13ms)
  AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:

  3 !== 2
";

const RUN_2: &str = "\
✔ a short list is one page (0.58ms)
✔ the rest goes to a last page (0.79ms)
✔ an exact multiple has no empty last page (0.11ms)
✖ an empty list is one empty page (1.07ms)
ℹ tests 4
ℹ pass 3
ℹ fail 1

✖ failing tests:

test at test/paginate.test.ts:19:1
✖ an empty list is one empty page (1.07ms)
  AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:

  0 !== 1
";

const RUN_3: &str = "\
✔ a short list is one page (0.57ms)
✔ the rest goes to a last page (0.81ms)
✔ an exact multiple has no empty last page (0.10ms)
✔ an empty list is one empty page (0.09ms)
ℹ tests 4
ℹ pass 4
ℹ fail 0
";

const DIFF: &str = "\
--- a/src/paginate.ts
+++ b/src/paginate.ts
@@ -6,7 +6,7 @@ export interface Page<T> {
 
 /** Cuts a list into pages of `size`; the first page is 1. */
 export function paginate<T>(items: T[], page: number, size = 20): Page<T> {
-  const pages = Math.floor(items.length / size) + 1;
+  const pages = Math.max(1, Math.ceil(items.length / size));
   const start = (page - 1) * size;
   return { items: items.slice(start, start + size), page, pages };
 }
";

const STORY: &[Step] = &[
    User(
        "CI is red since this morning, something about pages. Can you find out what it is and fix it? Please keep the change small.",
    ),
    Model(
        "I'll run the tests first, to see what fails and how. Reading code before I know the symptom would only be guessing.",
        &[("bash", Args::Run("npm test"))],
    ),
    Hung(
        30_000,
        "bash: npm test was stopped after 30 s without output",
    ),
    Model(
        "It printed nothing and never came back, so this is not a slow test: something waits. A test script that watches files would \
         look just like this. I'll look at what `npm test` really runs before I try again.",
        &[("bash", Args::Run("cat package.json"))],
    ),
    Done(
        60,
        "{\n  \"name\": \"storefront\",\n  \"type\": \"module\",\n  \"scripts\": {\n    \"test\": \"node --test --watch\",\n    \"ci\": \"node --test\"\n  }\n}\n",
    ),
    Model(
        "There it is: `npm test` is `node --test --watch`, made for a person at a desk; it waits for changes for ever. CI uses the \
         other script, `npm run ci`. I'll use that one from here on, so that I see what CI sees.",
        &[("bash", Args::Run("npm run ci"))],
    ),
    Done(2_140, RUN_1),
    Model(
        "One failure of four: \"an exact multiple has no empty last page\" gets 3 pages where 2 are expected. Forty items in pages of \
         twenty should be exactly two pages, so somebody counts one too many when nothing is left over. I'll read the function \
         and its tests side by side.",
        &[
            ("read_file", Args::Read("src/paginate.ts")),
            ("read_file", Args::Read("test/paginate.test.ts")),
        ],
    ),
    Done(35, SOURCE),
    Done(31, TESTS),
    Model(
        "The number of pages is `Math.floor(items.length / size) + 1`. For 43 items that is 2 + 1 = 3, which is right: two full pages and \
         a rest. For 40 items it is also 2 + 1 = 3, and there the third page is empty. The `+ 1` stands for \"the page with the rest\", \
         but it is added even when there is no rest. Rounding up says what is meant: `Math.ceil(items.length / size)`. That is one line.",
        &[(
            "edit_file",
            Args::Edit(
                "src/paginate.ts",
                "const pages = Math.floor(items.length/size) + 1;",
                "const pages = Math.ceil(items.length / size);",
            ),
        )],
    ),
    Failed(
        28,
        "edit_file: src/paginate.ts: the old text does not occur in the file. Nothing was changed. Nearest, line 9: `const pages = Math.floor(items.length / size) + 1;`",
    ),
    Model(
        "My fault: I wrote the old line from memory and left out the spaces around the slash. The tool was right to refuse. Once more, \
         with the line as it stands in the file.",
        &[(
            "edit_file",
            Args::Edit(
                "src/paginate.ts",
                "const pages = Math.floor(items.length / size) + 1;",
                "const pages = Math.ceil(items.length / size);",
            ),
        )],
    ),
    Edited(
        33,
        "src/paginate.ts",
        "edited src/paginate.ts: 1 line changed",
    ),
    Overloaded("529 the model is overloaded", 8),
    Overloaded("529 the model is overloaded", 16),
    Model(
        "Edited. Now the same command as before, all of it, not just the test that failed.",
        &[("bash", Args::Run("npm run ci"))],
    ),
    Done(2_080, RUN_2),
    Model(
        "Good that I ran all of them: the exact multiple passes now, and a test that was green before is red. \"An empty list is one empty \
         page\" gets 0 pages. `Math.ceil(0 / 20)` is 0, of course. The old `+ 1` was wrong for exact multiples, yet it was also what \
         kept the empty list at one page; it did two jobs and only one of them was a bug.\n\n\
         So there are two rules, and the line should say both: as many pages as it takes, rounded up, and never fewer than one. A screen \
         that shows \"page 1 of 0\" would be a worse bug than the one I was asked to fix.",
        &[(
            "edit_file",
            Args::Edit(
                "src/paginate.ts",
                "const pages = Math.ceil(items.length / size);",
                "const pages = Math.max(1, Math.ceil(items.length / size));",
            ),
        )],
    ),
    Edited(
        30,
        "src/paginate.ts",
        "edited src/paginate.ts: 1 line changed",
    ),
    Model(
        "And again, all of them.",
        &[("bash", Args::Run("npm run ci"))],
    ),
    Done(2_110, RUN_3),
    Model(
        "Four of four. Before I call it done I want to see the whole change as a reviewer would, to be sure that nothing else \
         slipped in while I was editing.",
        &[("bash", Args::Run("git diff"))],
    ),
    Done(70, DIFF),
    Model(
        "Done. CI was red because `paginate` always added a page for the rest, also when there was no rest: 40 items in pages of 20 \
         came out as 3 pages, the last one empty.\n\n\
         The change is one line in `src/paginate.ts`:\n\n\
         `const pages = Math.max(1, Math.ceil(items.length / size));`\n\n\
         My first version rounded up and forgot the empty list; its test caught that. All four tests pass. One thing I left alone, since you \
         asked for a small change: `npm test` watches for changes and never ends, which looks like a hang in scripts. You may want \
         to rename it to `npm run watch`.",
        &[],
    ),
    User("Perfect, thank you. Leave npm test, I like it that way."),
    Model(
        "Then it stays. I'll remember to use `npm run ci` in this repository.",
        &[],
    ),
];

struct Agent {
    stream: Stream,
    calls: usize,
    /// Calls without result: id, tool, offset.
    pending: Vec<(String, &'static str, Option<u64>)>,
    /// Offset of the event that made the agent ask its model, and how often it has asked since.
    trigger: (u64, usize),
    /// Characters of the conversation so far; models are paid by them.
    heard: usize,
    /// Messages of the conversation so far.
    messages: usize,
}

pub fn write() -> String {
    let mut stream = Stream::new("/demo/coder", "2026-03-03T09:02:44.310Z");
    let modules = json!({
        "processor.ts": include_str!("../processors/coding-agent.ts"),
        "tests.ts": include_str!("../processors/coding-agent-tests.ts"),
        "wire.ts": include_str!("../processors/coding-agent-wire.ts"),
    });
    stream.wait(46).append(
        &format!("{P}dynamic-worker/configured"),
        json!({"slug": "coder", "modules": modules}),
    );
    stream.wait(8_200);
    let mut agent = Agent {
        stream,
        calls: 0,
        pending: Vec::new(),
        trigger: (0, 0),
        heard: 1_800,
        messages: 0,
    };
    for step in STORY {
        agent.take(step);
    }
    agent.stream.finish()
}

impl Agent {
    fn take(&mut self, step: &Step) {
        match step {
            User(text) => {
                let wait = if self.calls == 0 { 0 } else { 41_000 };
                let payload = json!({"role": "user", "content": text});
                let offset = self.stream.wait(wait).append("agent-input-added", payload);
                self.trigger = (offset.unwrap_or(0), 0);
                self.heard += text.len();
                self.messages += 1;
            }
            Model(text, calls) => self.model(text, calls),
            Overloaded(message, seconds) => {
                let id = self.request();
                let (status, message) = message.split_once(' ').unwrap_or((message, ""));
                let payload = json!({
                    "requestId": id, "status": status.parse::<u16>().unwrap_or(500), "message": message,
                    "retryInSeconds": seconds,
                });
                self.stream.wait(340).append("llm-request-failed", payload);
                self.stream.wait(seconds * 1_000);
            }
            Done(ms, output) => self.result(*ms, true, output, None),
            Edited(ms, path, output) => self.result(*ms, true, output, Some(path)),
            Failed(ms, output) => self.result(*ms, false, output, None),
            Hung(ms, message) => {
                let (id, _, source) = self.pending.remove(0);
                let more = json!({"callId": id, "sourceOffset": source});
                let more = [("metadata".to_owned(), more)].into_iter().collect();
                let payload = json!({"message": format!("{id}: {message}")});
                let kind = format!("{P}error-occurred");
                let offset = self.stream.wait(*ms).append_with(&kind, payload, more);
                self.trigger = (offset.unwrap_or(0), 0);
            }
        }
    }

    fn request(&mut self) -> String {
        self.trigger.1 += 1;
        let id = match self.trigger {
            (offset, 1) => format!("req_{offset}"),
            (offset, attempt) => format!("req_{offset}.{attempt}"),
        };
        let payload = json!({"requestId": id, "model": "m-large", "messages": self.messages});
        self.stream.wait(16).append("llm-request-started", payload);
        id
    }

    fn model(&mut self, text: &'static str, calls: &'static [(&'static str, Args)]) {
        let id = self.request();
        let first = self.stream.about(480, 1_150);
        self.stream.wait(first);
        for (index, (chunk, took)) in self.stream.chunks(text).into_iter().enumerate() {
            let payload = json!({"requestId": id, "index": index, "text": chunk});
            self.stream
                .wait(took)
                .append("https://events.iterate.com/llm-chunk", payload);
        }
        let stop = if calls.is_empty() {
            "end_turn"
        } else {
            "tool_use"
        };
        let usage = json!({"input": self.heard / 4, "output": text.len() / 4 + 38 * calls.len()});
        let payload = json!({"requestId": id, "usage": usage, "stopReason": stop});
        self.stream
            .wait(22)
            .append("llm-request-completed", payload);
        self.stream
            .wait(4)
            .append("agent-output-added", json!({"content": text}));
        self.heard += text.len();
        self.messages += 1;
        for (name, args) in calls {
            self.calls += 1;
            let call = format!("call_{}", self.calls);
            let payload = json!({"callId": call, "name": name, "arguments": args.json()});
            let offset = self.stream.wait(3).append("tool-call", payload);
            self.pending.push((call, name, offset));
        }
    }

    fn result(&mut self, ms: i64, ok: bool, output: &'static str, edited: Option<&str>) {
        let (id, name, source) = self.pending.remove(0);
        let mut payload = json!({"callId": id, "name": name, "ok": ok, "output": output});
        if let Value::Object(fields) = &mut payload {
            if let Some(path) = edited {
                fields.insert("edited".to_owned(), path.into());
            }
            fields.insert("sourceOffset".to_owned(), source.into());
        }
        let offset = self.stream.wait(ms).append("tool-result", payload);
        self.trigger = (offset.unwrap_or(0), 0);
        self.heard += output.len();
        self.messages += 1;
    }
}
