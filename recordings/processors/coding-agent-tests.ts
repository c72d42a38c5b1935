// Reads the summary of Node's test runner out of a tool's output.

export type Tests = { passed: number; failed: number; failing: string[] };

export function readTests(output: string): Tests | undefined {
  const passed = /^ℹ pass (\d+)$/m.exec(output);
  const failed = /^ℹ fail (\d+)$/m.exec(output);
  if (!passed || !failed) return undefined;
  const failing = new Set<string>();
  for (const [, name] of output.matchAll(/^✖ (.+?) \([\d.]+ms\)$/gm)) failing.add(name!);
  return { passed: Number(passed[1]), failed: Number(failed[1]), failing: [...failing] };
}
