// What goes to and fro between the agent and its model.

export interface ToolCall {
  callId: string;
  name: "bash" | "read_file" | "edit_file";
  arguments: { command?: string; path?: string; old?: string; new?: string };
}

/** A piece of the answer, or its end. */
type Part =
  | { text: string }
  | { usage: { input: number; output: number }; stopReason: "tool_use" | "end_turn"; calls: ToolCall[] };

export async function ask(body: object): Promise<{ status: number; parts: AsyncGenerator<Part> }> {
  const response = await fetch("https://models.example/v1/messages", {
    method: "POST",
    headers: { authorization: `Bearer getIterateSecret({secretKey: "models"})` },
    body: JSON.stringify(body),
  });
  return { status: response.status, parts: parts(response.body!) };
}

/** The answer comes as JSON, one part a line. */
async function* parts(body: ReadableStream<Uint8Array>): AsyncGenerator<Part> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as Part;
  }
}
