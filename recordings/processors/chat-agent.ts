// A chat agent: answers each user message through a model API that streams chat completions, and
// appends every chunk as it comes. Deploy it, then set where the model is:
//
//   evtui deploy /demo/agent --file recordings/processors/chat-agent.ts
//   evtui append /demo/agent --type https://events.iterate.com/events/stream/dynamic-worker/env-var-set \
//     --payload '{"key":"MODEL_URL","value":"https://api.openai.com/v1/chat/completions"}'
//
// The key is a secret of the service, named `model`; it is put into the header on its way out.
import { defineProcessor } from "ai-engineer-workshop";

interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}

interface State {
  messages: Message[];
  /** The request that is being answered. */
  pending: string | null;
  /** What has come of its answer. */
  partial: string;
}

export default defineProcessor(() => ({
  slug: "chat-agent",
  initialState: { messages: [], pending: null, partial: "" } as State,

  reduce({ event, state }: { event: any; state: State }): State {
    const { payload } = event;
    switch (event.type) {
      case "user_message": {
        const content = typeof payload === "string" ? payload : payload.text;
        return { ...state, messages: [...state.messages, { role: "user", content }] };
      }
      case "llm-request-started":
        return { ...state, pending: payload.requestId, partial: "" };
      case "llm-chunk":
        return { ...state, partial: state.partial + payload.delta };
      case "assistant_message":
        return {
          messages: [...state.messages, { role: "assistant", content: payload.content }],
          pending: null,
          partial: "",
        };
      case "llm-request-failed":
        return { ...state, pending: null, partial: "" };
      default:
        return state;
    }
  },

  async afterAppend({ append, event, state, logger }: any) {
    if (event.type !== "user_message") return;
    const requestId = `request-${event.offset}`;
    const sourceOffset = event.offset;
    await append({ type: "llm-request-started", payload: { requestId, sourceOffset } });
    try {
      const response = await fetch(process.env.MODEL_URL!, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          Authorization: 'Bearer getIterateSecret({secretKey: "model"})',
        },
        body: JSON.stringify({
          model: process.env.MODEL ?? "gpt-4o-mini",
          messages: state.messages,
          stream: true,
        }),
        signal: AbortSignal.timeout(120_000),
      });
      if (!response.ok) throw new Error(`the model answers ${response.status}: ${await response.text()}`);
      let content = "";
      for await (const data of events(response.body!)) {
        if (data === "[DONE]") break;
        const delta = JSON.parse(data).choices[0]?.delta?.content;
        if (!delta) continue;
        content += delta;
        await append({ type: "llm-chunk", payload: { requestId, delta } });
      }
      await append({ type: "assistant_message", payload: { requestId, content, sourceOffset } });
    } catch (error) {
      logger.error("the model could not be asked", error);
      await append({
        type: "llm-request-failed",
        payload: { requestId, sourceOffset, message: String(error) },
      });
    }
  },
}));

/** The data of each server-sent event. */
async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
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
