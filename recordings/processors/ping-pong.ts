// Answers every ping with a pong and every pong with a ping, without end: the circuit breaker stops
// it, and `resumed` lets it go on.
import { defineProcessor } from "ai-engineer-workshop";

export default defineProcessor(() => ({
  slug: "ping-pong",
  initialState: { pings: 0, pongs: 0 },

  reduce({ event, state }: { event: any; state: { pings: number; pongs: number } }) {
    if (event.type === "ping") return { ...state, pings: state.pings + 1 };
    if (event.type === "pong") return { ...state, pongs: state.pongs + 1 };
    return state;
  },

  async afterAppend({ append, event }: any) {
    const answer = { ping: "pong", pong: "ping" }[event.type as string];
    if (answer) await append({ type: answer, payload: { sourceOffset: event.offset } });
  },
}));
