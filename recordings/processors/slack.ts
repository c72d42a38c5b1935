// Slack's webhooks as messages. Slack posts what is no event of a stream, so it is kept as it came, as
// invalid-event-appended; a JSONata transformer, which this worker configures when it is told
// `slack-connected`, makes a `user_message` of each. The same Slack event twice is one message, and
// what came before the transformer is put in front of it again.
import { defineProcessor } from "ai-engineer-workshop";

const matcher = `
  $contains(type, "invalid-event-appended")
  and payload.rawInput.type = "event_callback"
  and payload.rawInput.event.type = "message"
  and $not($exists(payload.rawInput.event.bot_id))
`;

const transform = `(
  $slack := payload.rawInput;
  {
    "type": "user_message",
    "idempotencyKey": "slack/" & $slack.event_id,
    "payload": {
      "content": $slack.event.text ~> $replace(/<@[A-Z0-9]+>\\s*/, "") ~> $replace("&lt;", "<") ~> $replace("&gt;", ">")
        ~> $replace("&amp;", "&"),
      "channel": $slack.event.channel,
      "user": $slack.event.user,
      "thread": $slack.event.thread_ts ? $slack.event.thread_ts : $slack.event.ts,
      "sourceOffset": offset
    }
  }
)`;

interface State {
  connected: boolean;
  /** What Slack has sent, whether or not it became a message. */
  received: number;
  /** Came before there was a transformer. */
  early: object[];
  /** By channel and thread. */
  threads: Record<string, { user: string; content: string }[]>;
}

const initialState: State = { connected: false, received: 0, early: [], threads: {} };

export default defineProcessor(() => ({
  slug: "slack",
  initialState,

  reduce({ event, state }: { event: any; state: State }): State | undefined {
    const { type, payload } = event;
    if (type.endsWith("/jsonata-transformer-configured") && payload.slug === "slack") return { ...state, connected: true };
    if (type.endsWith("/invalid-event-appended")) {
      const early = state.connected ? state.early.slice(1) : [...state.early, payload];
      return { ...state, received: state.received + 1, early };
    }
    if (type !== "user_message") return undefined;
    const thread = `${payload.channel}/${payload.thread}`;
    const before = state.threads[thread] ?? [];
    const message = { user: payload.user, content: payload.content };
    return { ...state, threads: { ...state.threads, [thread]: [...before, message] } };
  },

  async afterAppend({ append, event, state }: any) {
    if (event.type === "slack-connected") {
      const payload = { slug: "slack", matcher, transform };
      await append({ type: "https://events.iterate.com/events/stream/jsonata-transformer-configured", payload });
    }
    if (event.type.endsWith("/jsonata-transformer-configured")) {
      const type = "https://events.iterate.com/events/stream/invalid-event-appended";
      for (const payload of state.early) await append({ type, payload });
    }
  },
}));
