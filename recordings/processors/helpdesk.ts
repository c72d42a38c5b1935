// The help desk of a pharmacy: answers what people ask, after giving others 200 ms to add context.
import { defineProcessor } from "ai-engineer-workshop";

/** How long others may add context before the model is asked, in milliseconds. */
const WINDOW = 200;

interface State {
  messages: { role: "user" | "assistant"; content: string }[];
  /** The question that is waiting for its window to close. */
  waiting: { offset: number; until: string; context: string[] } | null;
  answered: number;
  /** Answers that were given with somebody's context. */
  guided: number;
  /** Context that came after the request had left. */
  late: { offset: number; by: number }[];
  lastRequestAt: string | null;
}

const initialState: State = { messages: [], waiting: null, answered: 0, guided: 0, late: [], lastRequestAt: null };

const after = (time: string, ms: number) => new Date(Date.parse(time) + ms).toISOString();

export default defineProcessor(() => ({
  slug: "helpdesk",
  initialState,

  reduce({ event, state }: { event: any; state: State }): State | undefined {
    const { payload, createdAt, offset } = event;
    switch (event.type) {
      case "webchat-message-received":
        return {
          ...state,
          messages: [...state.messages, { role: "user", content: payload.content }],
          waiting: { offset, until: after(createdAt, WINDOW), context: [] },
        };

      case "llm-input-added":
        if (state.waiting?.offset === payload.sourceOffset) {
          return { ...state, waiting: { ...state.waiting!, context: [...state.waiting!.context, payload.content] } };
        }
        const by = Date.parse(createdAt) - Date.parse(state.lastRequestAt ?? createdAt);
        return { ...state, late: [...state.late, { offset, by }] };

      case "llm-request-started":
        return {
          ...state,
          guided: state.guided + (state.waiting?.context.length ? 1 : 0),
          waiting: null,
          lastRequestAt: createdAt,
        };

      case "webchat-response-added":
        return {
          ...state,
          messages: [...state.messages, { role: "assistant", content: payload.content }],
          answered: state.answered + 1,
        };
    }
  },

  async afterAppend({ append, event, state }: { append: any; event: any; state: State }) {
    if (event.type === "webchat-message-received") {
      await new Promise((done) => setTimeout(done, WINDOW));
      // An event of its own, so that the next hook sees the state with all that came meanwhile.
      await append({ type: "context-window-closed", payload: { sourceOffset: event.offset } });
    }
    if (event.type === "context-window-closed" && state.waiting) {
      const requestId = `req_${event.offset}`;
      const { context } = state.waiting;
      await append({ type: "llm-request-started", payload: { requestId, model: "m-small", context: context.length } });
      const response = await fetch("https://models.example/v1/responses", {
        method: "POST",
        headers: { authorization: `Bearer getIterateSecret({secretKey: "models"})` },
        body: JSON.stringify({ model: "m-small", input: state.messages, instructions: context.join("\n") }),
      });
      const answer: any = await response.json();
      await append({ type: "llm-request-completed", payload: { requestId, usage: answer.usage } });
      await append({ type: "webchat-response-added", payload: { content: answer.text, sourceOffset: event.payload.sourceOffset } });
    }
  },
}));
