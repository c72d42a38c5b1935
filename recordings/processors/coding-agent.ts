// A coding agent: one model request at a time, tools in between, until the model has nothing more to do.
import { defineProcessor } from "ai-engineer-workshop";
import { readTests, type Tests } from "./tests.ts";
import { ask, type ToolCall } from "./wire.ts";

enum Status {
  Idle = "idle",
  Thinking = "thinking",
  Working = "working",
  Waiting = "waiting to retry",
}

interface State {
  status: Status;
  task: string | null;
  messages: { role: "user" | "assistant" | "tool"; content: string }[];
  /** Calls that have no result yet, by id. */
  pending: Record<string, { tool: string; since: number }>;
  /** Characters that the running request has streamed. */
  streamed: number;
  files: Record<string, "read" | "edited">;
  tests: Tests | null;
  usage: { requests: number; input: number; output: number };
  errors: { offset: number; message: string }[];
}

const initialState = {
  status: Status.Idle,
  task: null,
  messages: [],
  pending: {},
  streamed: 0,
  files: {},
  tests: null,
  usage: { requests: 0, input: 0, output: 0 },
  errors: [],
} satisfies State as State;

const isError = (type: string) => type.endsWith("/error-occurred");
const isChunk = (type: string) => type.endsWith("/llm-chunk");

function withoutCall(pending: State["pending"], callId: string): State["pending"] {
  const { [callId]: _done, ...rest } = pending;
  return rest;
}

export default defineProcessor(() => ({
  slug: "coder",
  initialState,

  reduce({ event, state }: { event: any; state: State }): State | undefined {
    const { type, payload, offset } = event;
    if (isChunk(type)) return { ...state, streamed: state.streamed + payload.text.length };
    if (isError(type)) {
      const callId = event.metadata?.callId;
      return {
        ...state,
        errors: [...state.errors, { offset, message: payload.message }],
        pending: callId ? withoutCall(state.pending, callId) : state.pending,
      };
    }
    switch (type) {
      case "agent-input-added":
        return {
          ...state,
          task: payload.role === "user" ? payload.content : state.task,
          messages: [...state.messages, { role: payload.role, content: payload.content }],
        };

      case "llm-request-started":
        return {
          ...state,
          status: Status.Thinking,
          streamed: 0,
          usage: { ...state.usage, requests: state.usage.requests + 1 },
        };

      case "llm-request-failed":
        return {
          ...state,
          status: Status.Waiting,
          errors: [...state.errors, { offset, message: `${payload.status} ${payload.message}` }],
        };

      case "llm-request-completed":
        return {
          ...state,
          status: payload.stopReason === "tool_use" ? Status.Working : Status.Idle,
          usage: {
            ...state.usage,
            input: state.usage.input + payload.usage.input,
            output: state.usage.output + payload.usage.output,
          },
        };

      case "agent-output-added":
        return { ...state, messages: [...state.messages, { role: "assistant", content: payload.content }] };

      case "tool-call": {
        const call = payload as ToolCall;
        const path = call.arguments.path;
        const files = path && !state.files[path] ? { ...state.files, [path]: "read" as const } : state.files;
        return { ...state, files, pending: { ...state.pending, [call.callId]: { tool: call.name, since: offset } } };
      }

      case "tool-result": {
        const files =
          payload.ok && payload.edited ? { ...state.files, [payload.edited]: "edited" as const } : state.files;
        return {
          ...state,
          files,
          pending: withoutCall(state.pending, payload.callId),
          tests: readTests(payload.output) ?? state.tests,
          messages: [...state.messages, { role: "tool", content: payload.output }],
          errors: payload.ok ? state.errors : [...state.errors, { offset, message: payload.output }],
        };
      }
    }
  },

  async afterAppend({ append, event, state }: { append: any; event: any; state: State }) {
    const idle = Object.keys(state.pending).length === 0;
    const goesOn =
      (event.type === "agent-input-added" && event.payload.role === "user") ||
      ((event.type === "tool-result" || isError(event.type)) && idle);
    if (!goesOn) return;

    for (let attempt = 1; ; attempt++) {
      const requestId = `req_${event.offset}${attempt > 1 ? `.${attempt}` : ""}`;
      await append({ type: "llm-request-started", payload: { requestId, model: "m-large", messages: state.messages.length } });
      const answer = await ask({ model: "m-large", messages: state.messages });
      if (answer.status === 529) {
        const retryInSeconds = 4 * 2 ** attempt;
        const payload = { requestId, status: 529, message: "the model is overloaded", retryInSeconds };
        await append({ type: "llm-request-failed", payload });
        await new Promise((done) => setTimeout(done, retryInSeconds * 1000));
        continue;
      }
      let content = "";
      let index = 0;
      for await (const part of answer.parts) {
        if ("text" in part) {
          content += part.text;
          await append({ type: "https://events.iterate.com/llm-chunk", payload: { requestId, index: index++, text: part.text } });
        } else {
          const { usage, stopReason, calls } = part;
          await append({ type: "llm-request-completed", payload: { requestId, usage, stopReason } });
          await append({ type: "agent-output-added", payload: { content } });
          for (const call of calls) await append({ type: "tool-call", payload: call });
        }
      }
      return;
    }
  },
}));
