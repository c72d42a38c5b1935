// The agent of `evtui --local --demo`: it needs no model. It answers in chunks, uses a tool when it
// is asked to count, and runs in a circle when it is told to loop, until the breaker pauses it.
import { defineProcessor } from "ai-engineer-workshop";

interface State {
  messages: { role: "user" | "assistant"; content: string }[];
  /** The offset of the message that is being answered. */
  answering: number | null;
  /** What has come of the answer. */
  partial: string;
  counted: Record<string, number>;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function answer(text: string, state: State): string {
  const count = state.messages.filter((message) => message.role === "user").length;
  if (/\bhelp\b/i.test(text)) {
    return "Say anything and I answer. Ask me to count something and I use a tool. Tell me to loop and the circuit breaker stops me: p says why, r resumes.";
  }
  return `You said "${text.trim()}". That was message ${count} of ours; every word of this answer is an event, so step back with h and watch my state change.`;
}

export default defineProcessor(() => ({
  slug: "demo-agent",
  initialState: { messages: [], answering: null, partial: "", counted: {} } as State,

  reduce({ event, state }: { event: any; state: State }): State {
    const { payload } = event;
    switch (event.type) {
      case "user_message":
      case "agent-input-added":
        return { ...state, messages: [...state.messages, { role: "user", content: payload.content }] };
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
        };
      case "tool-result":
        return { ...state, counted: { ...state.counted, [payload.word]: payload.letters } };
      default:
        return state;
    }
  },

  async afterAppend({ append, event, state }: any) {
    const sourceOffset = event.offset;
    if (event.type === "echo") {
      await Promise.all([0, 1].map(() => append({ type: "echo", payload: { sourceOffset } })));
      return;
    }
    if (event.type !== "user_message" && event.type !== "agent-input-added") return;
    const text = String(event.payload.content ?? "");
    if (/\bloop\b/i.test(text)) {
      await append({ type: "echo", payload: { sourceOffset } });
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
