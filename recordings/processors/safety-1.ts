// Reads every question before the model does, and adds context to the ones that need it.
import { defineProcessor } from "ai-engineer-workshop";

type Rule = { name: string; pattern: RegExp; context: string };

const rules: Rule[] = [
  {
    name: "dose",
    pattern: /\b(how (many|much)|dose|mg|tablets?)\b/i,
    context: "Do not state doses. Refer to the leaflet and to the pharmacist, reachable at the counter or on 020 7946 0100.",
  },
];

const ruleFor = (text: string) => rules.find((rule) => rule.pattern.test(text));

export default defineProcessor(() => ({
  slug: "safety",
  initialState: {
    rules: rules.map((rule) => rule.name),
    checked: 0,
    flagged: [] as { offset: number; rule: string }[],
  },

  reduce({ event, state }: any) {
    if (event.type !== "webchat-message-received") return undefined;
    const rule = ruleFor(event.payload.content);
    return {
      ...state,
      checked: state.checked + 1,
      flagged: rule ? [...state.flagged, { offset: event.offset, rule: rule.name }] : state.flagged,
    };
  },

  async afterAppend({ append, event }: any) {
    if (event.type !== "webchat-message-received") return;
    const rule = ruleFor(event.payload.content);
    if (!rule) return;
    await append({
      type: "llm-input-added",
      payload: { source: "safety", rule: rule.name, content: rule.context, sourceOffset: event.offset },
    });
  },
}));
