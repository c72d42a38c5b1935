// The agent of `evtui --local --demo`: it needs no model. It answers in chunks, uses a tool when it
// is asked to count, and answers itself when it is told to loop, until the breaker pauses it.
import { defineProcessor } from "ai-engineer-workshop";

interface State {
  messages: { role: "user" | "assistant"; content: string }[];
  /** The offset of the message that is being answered. */
  answering: number | null;
  /** What has come of the answer. */
  partial: string;
  counted: Record<string, number>;
  /** It answers itself, or did until it was paused. */
  loop: "running" | "stopped" | null;
  laps: number;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function answer(text: string, state: State): string {
  const count = state.messages.filter((message) => message.role === "user").length;
  if (/\bhelp\b/i.test(text)) {
    return "count WORD uses a tool, loop trips my breaker.";
  }
  return `Message ${count}. Each word of mine is an event: press h.`;
}

const asksToLoop = (text: unknown) => /\bloop\b/i.test(String(text ?? ""));
const isBuiltIn = (type: string, name: string) => type.endsWith(`stream/${name}`);
/** Answers to one answer of its own; only the last of them is answered again. */
const ECHOES = 20;

export default defineProcessor(() => ({
  slug: "demo-agent",
  initialState: { messages: [], answering: null, partial: "", counted: {}, loop: null, laps: 0 } as State,

  reduce({ event, state }: { event: any; state: State }): State {
    const { payload } = event;
    if (isBuiltIn(event.type, "paused") && state.loop) return { ...state, loop: "stopped" };
    switch (event.type) {
      case "user_message":
      case "agent-input-added":
        return {
          ...state,
          messages: [...state.messages, { role: "user", content: payload.content }],
          loop: asksToLoop(payload.content) ? "running" : null,
        };
      case "echo":
        return payload.again ? { ...state, laps: state.laps + 1 } : state;
      case "llm-request-started":
        return { ...state, answering: payload.sourceOffset, partial: "" };
      case "llm-chunk":
        return { ...state, partial: state.partial + payload.delta };
      case "assistant_message":
        return {
          ...state,
          messages: [...state.messages, { role: "assistant", content: payload.content }],
          answering: null,
          partial: "",
          loop: null,
        };
      case "tool-result":
        return { ...state, counted: { ...state.counted, [payload.word]: payload.letters } };
      default:
        return state;
    }
  },

  async afterAppend({ append, event, state }: any) {
    const sourceOffset = event.offset;
    const lap = () =>
      Promise.all(
        Array.from({ length: ECHOES }, (_, i) =>
          append({ type: "echo", payload: { again: i === ECHOES - 1, sourceOffset } }),
        ),
      );
    if (event.type === "echo") {
      if (event.payload.again && state.loop === "running") await lap();
      return;
    }
    if (isBuiltIn(event.type, "resumed")) {
      const content = "The pause ended my loop. Write to me again.";
      if (state.loop === "stopped") await append({ type: "assistant_message", payload: { content, sourceOffset } });
      return;
    }
    if (event.type !== "user_message" && event.type !== "agent-input-added") return;
    const text = String(event.payload.content ?? "");
    if (asksToLoop(text)) {
      await lap();
      return;
    }
    const requestId = `request-${sourceOffset}`;
    await append({ type: "llm-request-started", payload: { requestId, sourceOffset } });
    let content = answer(text, state);
    const word = /\bcount\s+(\S+)/i.exec(text)?.[1];
    if (word !== undefined) {
      await append({ type: "tool-call", payload: { tool: "count", word, sourceOffset } });
      await append({ type: "tool-result", payload: { word, letters: word.length, sourceOffset } });
      content = `"${word}" has ${word.length} letters.`;
    }
    for (const delta of content.split(/(?<= )/)) {
      await pause(40);
      await append({ type: "llm-chunk", payload: { requestId, delta } });
    }
    await append({ type: "assistant_message", payload: { requestId, content, sourceOffset } });
  },
}));
