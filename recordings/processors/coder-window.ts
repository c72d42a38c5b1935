// What of the code a model is shown: the files touched last, as many as fit.

export interface Code {
  content: string;
  /** The offset of the event that changed it last. */
  touched: number;
}

/** Room for all files together, in characters. */
const ROOM = 8_000;

export function contextWindow(files: Record<string, Code>): { shown: string[]; leftOut: string[]; text: string } {
  const newest = Object.entries(files).sort(([, a], [, b]) => b.touched - a.touched);
  const shown: string[] = [];
  const leftOut: string[] = [];
  let text = "";
  for (const [path, { content }] of newest) {
    const part = `--- ${path}\n${content.trimEnd()}\n`;
    if (text.length + part.length > ROOM) {
      leftOut.push(path);
    } else {
      shown.push(path);
      text += part;
    }
  }
  return { shown, leftOut, text };
}
