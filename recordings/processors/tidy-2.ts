// Tidies notes: trims them and gives them a capital, once.
import { defineProcessor } from "ai-engineer-workshop";

const tidy = (text: string) => text.trim().replace(/^./, (first) => first.toUpperCase());

export default defineProcessor(() => ({
  slug: "tidy",
  initialState: {
    notes: 0,
    tidied: 0,
    /** Notes that this worker made out of its own: none, had the guard been there from the start. */
    echoes: 0,
    last: null as string | null,
    paused: null as string | null,
  },

  reduce({ event, state }: any) {
    if (event.type.endsWith("/stream/paused")) return { ...state, paused: event.payload.reason };
    if (event.type.endsWith("/stream/resumed")) return { ...state, paused: null };
    if (event.type !== "note-added") return state;
    const { text, sourceOffset } = event.payload;
    if (sourceOffset === undefined) return { ...state, notes: state.notes + 1, last: text };
    const echo = text === state.last;
    return {
      ...state,
      tidied: state.tidied + (echo ? 0 : 1),
      echoes: state.echoes + (echo ? 1 : 0),
      last: text,
    };
  },

  async afterAppend({ append, event }: any) {
    if (event.type !== "note-added" || event.payload.sourceOffset !== undefined) return;
    const text = tidy(event.payload.text);
    if (text === event.payload.text) return;
    await append({
      event: { type: "note-added", payload: { text, sourceOffset: event.offset }, idempotencyKey: `tidy-${event.offset}` },
    });
  },
}));
