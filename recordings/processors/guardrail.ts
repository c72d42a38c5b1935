// A guardrail for any agent that leaves others a moment before it asks its model, such as chat-agent.ts:
// reads every message first and adds context to those that need it. Knows nothing of the agent's code.
import { defineProcessor } from "ai-engineer-workshop";

const rules = [
  {
    name: "dose",
    pattern: /\b(how (many|much)|dose|mg|tablets?|pills?)\b/i,
    context: "Do not state doses. Refer to the leaflet and to a pharmacist.",
  },
  {
    name: "combination",
    pattern: /\b(together|combine|mix|same time)\b/i,
    context: "Do not call any combination of medicines safe. Ask what else is taken.",
  },
];

interface State {
  checked: number;
  /** Messages that got context, and whether it came before the agent's request. */
  guarded: { offset: number; rules: string[]; inTime: boolean | null }[];
}

const initialState: State = { checked: 0, guarded: [] };
const rulesFor = (text: string) => rules.filter((rule) => rule.pattern.test(text));

export default defineProcessor(() => ({
  slug: "guardrail",
  initialState,

  reduce({ event, state }: { event: any; state: State }): State | undefined {
    const { type, payload } = event;
    if (type === "user_message") return { ...state, checked: state.checked + 1 };
    if (type === "llm-input-added" && payload.source === "guardrail") {
      const added = { offset: payload.sourceOffset, rules: payload.rules, inTime: null };
      return { ...state, guarded: [...state.guarded, added] };
    }
    if (type === "llm-request-started") {
      const guarded = state.guarded.map((message) =>
        message.offset === payload.sourceOffset ? { ...message, inTime: true } : message,
      );
      return { ...state, guarded };
    }
    if (type === "assistant_message") {
      // Still not seen by the request when the answer is there: it came too late.
      const guarded = state.guarded.map((message) =>
        message.offset === payload.sourceOffset && message.inTime === null ? { ...message, inTime: false } : message,
      );
      return { ...state, guarded };
    }
  },

  async afterAppend({ append, event }: any) {
    if (event.type !== "user_message") return;
    const found = rulesFor(String(event.payload.content ?? ""));
    if (found.length === 0) return;
    await append({
      type: "llm-input-added",
      payload: {
        source: "guardrail",
        rules: found.map((rule) => rule.name),
        content: found.map((rule) => rule.context).join(" "),
        sourceOffset: event.offset,
      },
    });
  },
}));
