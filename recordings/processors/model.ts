// A model behind any API that speaks streaming chat completions: OpenAI's, Ollama's, llama.cpp's, …
//
//   MODEL_URL     where it is, for example https://api.openai.com/v1/chat/completions
//   MODEL         which one it is to be; gpt-4o-mini when nothing is said
//   MODEL_SECRET  the name of the service's secret that holds its key, if it asks for one

export interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}

/** Asks the model; gives the pieces of its answer as they come. */
export async function* ask(messages: Message[]): AsyncGenerator<string> {
  const { MODEL_URL, MODEL, MODEL_SECRET } = process.env;
  if (!MODEL_URL) throw new Error("MODEL_URL is not set: deploy with --env MODEL_URL=http://…/v1/chat/completions");
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  // The key is put in on its way out: neither this code nor the log ever holds it.
  if (MODEL_SECRET) headers.Authorization = `Bearer getIterateSecret({secretKey: "${MODEL_SECRET}"})`;
  const response = await fetch(MODEL_URL, {
    method: "POST",
    headers,
    body: JSON.stringify({ model: MODEL ?? "gpt-4o-mini", messages, stream: true }),
    signal: AbortSignal.timeout(120_000),
  });
  if (!response.ok) throw new Error(`the model answers ${response.status}: ${await response.text()}`);
  for await (const data of serverSentEvents(response.body!)) {
    if (data === "[DONE]") return;
    const piece = JSON.parse(data).choices[0]?.delta?.content;
    if (piece) yield piece;
  }
}

/** The data of each server-sent event. */
async function* serverSentEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split(/\r?\n\r?\n/);
    rest = parts.pop()!;
    for (const part of parts) {
      const lines = part.split(/\r?\n/).filter((line) => line.startsWith("data:"));
      if (lines.length > 0) yield lines.map((line) => line.slice(5).trimStart()).join("\n");
    }
  }
}
