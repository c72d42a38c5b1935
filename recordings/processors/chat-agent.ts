// A chat agent: answers each message through a model API and appends every piece of the answer as it
// comes. Before it asks, it leaves other workers of its stream 200 ms to add context to the message.
import { defineProcessor } from "ai-engineer-workshop";
import { ask, type Message } from "./model.ts";

/** How long others may add context before the model is asked, in milliseconds. */
const WINDOW = () => Number(process.env.CONTEXT_WINDOW_MS ?? 200);

interface State {
  messages: (Message & { offset: number })[];
  /** What others have added to messages that the model has not seen yet. */
  context: { sourceOffset: number; content: string }[];
  /** The request that is being answered, and what has come of its answer. */
  answering: { requestId: string; partial: string } | null;
  failures: number;
}

const initialState: State = { messages: [], context: [], answering: null, failures: 0 };

export default defineProcessor(() => ({
  slug: "chat-agent",
  initialState,

  reduce({ event, state }: { event: any; state: State }): State | undefined {
    const { payload, offset } = event;
    switch (event.type) {
      case "user_message": {
        const content = typeof payload === "string" ? payload : (payload.content ?? payload.text);
        return { ...state, messages: [...state.messages, { role: "user", content, offset }] };
      }
      case "llm-input-added": {
        const { sourceOffset, content } = payload;
        return { ...state, context: [...state.context, { sourceOffset, content }] };
      }
      case "llm-request-started":
        return {
          ...state,
          context: state.context.filter((added) => added.sourceOffset !== payload.sourceOffset),
          answering: { requestId: payload.requestId, partial: "" },
        };
      case "llm-chunk":
        if (state.answering?.requestId !== payload.requestId) return undefined;
        return { ...state, answering: { ...state.answering!, partial: state.answering!.partial + payload.delta } };
      case "llm-request-failed":
        return { ...state, answering: null, failures: state.failures + 1 };
      case "assistant_message": {
        const { content } = payload;
        return { ...state, messages: [...state.messages, { role: "assistant", content, offset }], answering: null };
      }
    }
  },

  async afterAppend({ append, event, state, logger }: any) {
    if (event.type === "user_message") {
      await new Promise((resolve) => setTimeout(resolve, WINDOW()));
      // An event of its own: its hook sees the state with all that came meanwhile.
      await append({ type: "context-window-closed", payload: { sourceOffset: event.offset } });
    }
    if (event.type !== "context-window-closed") return;
    const { sourceOffset } = event.payload;
    const requestId = `request-${sourceOffset}`;
    const context: Message[] = state.context
      .filter((added: any) => added.sourceOffset === sourceOffset)
      .map((added: any) => ({ role: "system", content: added.content }));
    // Later ones have their own turn.
    const said: Message[] = state.messages
      .filter((message: any) => message.offset <= sourceOffset)
      .map(({ role, content }: any) => ({ role, content }));
    await append({ type: "llm-request-started", payload: { requestId, sourceOffset, context: context.length } });
    try {
      let content = "";
      for await (const delta of ask([...context, ...said])) {
        content += delta;
        await append({ type: "llm-chunk", payload: { requestId, delta } });
      }
      await append({ type: "assistant_message", payload: { requestId, content, sourceOffset } });
    } catch (error) {
      logger.error("the model could not be asked", error);
      await append({ type: "llm-request-failed", payload: { requestId, sourceOffset, message: String(error) } });
    }
  },
}));
