// A chat: keeps the conversation, asks a model whenever a person has spoken.
import { defineProcessor } from "ai-engineer-workshop";

type Message = { role: "user" | "assistant"; content: string };

interface State {
  messages: Message[];
  /** The answer as far as it has come; null when nobody is speaking. */
  draft: string | null;
  request: { id: string; since: number } | null;
  tokens: { input: number; output: number };
  cancelled: number;
}

const initialState: State = {
  messages: [],
  draft: null,
  request: null,
  tokens: { input: 0, output: 0 },
  cancelled: 0,
};

export default defineProcessor(() => ({
  slug: "chat",
  initialState,

  reduce({ event, state }: { event: any; state: State }): State | undefined {
    const { payload } = event;
    switch (event.type) {
      case "agent-input-added":
        return { ...state, messages: [...state.messages, { role: "user", content: payload.content }] };

      case "llm-request-started":
        return { ...state, draft: "", request: { id: payload.requestId, since: event.offset } };

      case "openai-response-event-added":
        // Chunks of a request that was cancelled may still arrive.
        if (payload.requestId !== state.request?.id) return undefined;
        return { ...state, draft: state.draft + payload.event.delta };

      case "llm-request-completed":
        return {
          ...state,
          draft: null,
          request: null,
          tokens: {
            input: state.tokens.input + payload.usage.input,
            output: state.tokens.output + payload.usage.output,
          },
        };

      case "llm-request-canceled":
        return { ...state, draft: null, request: null, cancelled: state.cancelled + 1 };

      case "agent-output-added":
        return { ...state, messages: [...state.messages, { role: "assistant", content: payload.content }] };
    }
  },

  async afterAppend({ append, event, state }: { append: any; event: any; state: State }) {
    if (event.type !== "agent-input-added") return;
    const requestId = `req_${event.offset}`;
    await append({ type: "llm-request-started", payload: { requestId, model: "m-small", sourceOffset: event.offset } });
    const answer = await fetch("https://models.example/v1/responses", {
      method: "POST",
      headers: { authorization: `Bearer getIterateSecret({secretKey: "models"})` },
      body: JSON.stringify({ model: "m-small", id: requestId, input: state.messages, stream: true }),
    });
    let content = "";
    let usage: { input: number; output: number } | undefined;
    for await (const line of lines(answer.body!)) {
      if (!line.startsWith("data: {")) continue;
      const chunk = JSON.parse(line.slice("data: ".length));
      if (chunk.type === "response.completed") usage = chunk.usage;
      if (chunk.type !== "response.output_text.delta") continue;
      content += chunk.delta;
      await append({ type: "openai-response-event-added", payload: { requestId, event: chunk } });
    }
    // Without it the model was told to stop; whoever told it has put that on record.
    if (!usage) return;
    await append({ type: "llm-request-completed", payload: { requestId, usage } });
    await append({ type: "agent-output-added", payload: { content, sourceOffset: event.offset } });
  },
}));

async function* lines(body: ReadableStream<Uint8Array>) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}
