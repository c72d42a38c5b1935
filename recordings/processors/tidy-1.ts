// Tidies notes: trims them and gives them a capital. It has a bug that is expensive.
import { defineProcessor } from "ai-engineer-workshop";

const tidy = (text: string) => text.trim().replace(/^./, (first) => first.toUpperCase());

export default defineProcessor(() => ({
  slug: "tidy",
  initialState: { notes: 0, tidied: 0, last: null as string | null, paused: null as string | null },

  reduce({ event, state }: any) {
    if (event.type.endsWith("/stream/paused")) return { ...state, paused: event.payload.reason };
    if (event.type.endsWith("/stream/resumed")) return { ...state, paused: null };
    if (event.type !== "note-added") return state;
    const own = event.payload.sourceOffset !== undefined;
    return {
      ...state,
      notes: state.notes + 1,
      tidied: state.tidied + (own ? 1 : 0),
      last: event.payload.text,
    };
  },

  async afterAppend({ append, event }: any) {
    if (event.type !== "note-added") return;
    // Whatever comes is tidied and appended — also what is tidy, also what this very hook appended.
    await append({ type: "note-added", payload: { text: tidy(event.payload.text), sourceOffset: event.offset } });
  },
}));
