// Writes expected/: the states of the recordings' workers, folded here in Node without evtui.
//
//   node recordings/expected.mjs [NAME…]     esbuild must be on PATH
//
// Each version of a worker's code is bundled by esbuild; each event and state is copied with
// structuredClone; the version in force at an offset (before the first, the first) folds from the
// first event. Offsets of a file that is there already are kept; remove it to have them chosen anew.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const SDK = ["ai-engineer-workshop", "@iterate-labs/ai-engineer-workshop"];
const scratch = mkdtempSync(join(tmpdir(), "expected-"));

/** The processor that these files give. */
async function load(files, entry) {
  const folder = mkdtempSync(join(scratch, "code-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const sdk = join(folder, "sdk.mjs");
  writeFileSync(sdk, "export const defineProcessor = (made) => made();\nexport class EventsClient {}\n");
  const out = join(folder, "bundle.mjs");
  const aliases = SDK.map((name) => `--alias:${name}=${sdk}`);
  execFileSync("esbuild", [join(folder, entry), "--bundle", "--format=esm", `--outfile=${out}`, ...aliases, "--log-level=error"]);
  const found = await import(pathToFileURL(out));
  return found.default ?? found.processor;
}

function deployed(event) {
  if (!/dynamic-worker[/-]configured$/.test(event.type)) return undefined;
  const { payload } = event;
  if (typeof payload === "string") return { slug: "default", files: { "p.ts": `${payload}\nexport { processor };` }, entry: "p.ts" };
  if (payload.script) return { slug: payload.slug, files: { "p.ts": payload.script }, entry: "p.ts" };
  const imported = Object.values(payload.modules).flatMap((text) => [...text.matchAll(/from "\.\/(.+?)"/g)].map((m) => m[1]));
  const roots = Object.keys(payload.modules).filter((name) => !imported.includes(name));
  const entry = roots.find((name) => name === "processor.ts") ?? roots[0];
  return { slug: payload.slug, files: payload.modules, entry };
}

function fold(processor, events) {
  if (processor.initialState === undefined) return processor.reduce(structuredClone(events));
  let state = structuredClone(processor.initialState);
  for (const event of events) {
    const next = processor.reduce({ event: structuredClone(event), state: structuredClone(state), logger: console });
    if (next !== undefined) state = next;
  }
  return structuredClone(state);
}

const all = readdirSync(here).filter((name) => name.endsWith(".jsonl")).map((name) => name.replace(".jsonl", ""));
for (const name of process.argv.length > 2 ? process.argv.slice(2) : all) {
  const lines = readFileSync(join(here, `${name}.jsonl`), "utf8").trim().split("\n");
  const events = lines.map((line) => JSON.parse(line));
  const file = join(here, "expected", `${name}.json`);
  const before = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  const workers = {};
  for (const event of events) {
    const worker = deployed(event);
    if (worker === undefined) continue;
    (workers[worker.slug] ??= []).push({ offset: event.offset, processor: await load(worker.files, worker.entry) });
  }
  const expected = {};
  for (const [slug, versions] of Object.entries(workers)) {
    const even = Array.from({ length: 12 }, (_, n) => Math.max(1, Math.round((events.length * (n + 1)) / 12)));
    const offsets = before[slug] ? Object.keys(before[slug]).map(Number) : [...new Set(even)];
    expected[slug] = {};
    for (const offset of offsets) {
      const version = versions.filter((version) => version.offset <= offset).at(-1) ?? versions[0];
      expected[slug][offset] = fold(version.processor, events.slice(0, offset));
    }
  }
  writeFileSync(file, `${JSON.stringify(expected, null, 1)}\n`);
  console.log(`expected/${name}.json  ${Object.keys(expected).join(", ")}`);
}
rmSync(scratch, { recursive: true });
