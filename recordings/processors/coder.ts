// A coding agent: the code is in the log, as events. They are reduced to the context window that its
// model sees, and the edits that the model answers with are appended as events again.
import { defineProcessor } from "ai-engineer-workshop";
import { contextWindow, type Code } from "./coder-window.ts";
import { apply, editsIn, FORM } from "./coder-edits.ts";
import { ask, type Message } from "./model.ts";

interface State {
  /** By path, each as it is now. */
  files: Record<string, Code>;
  messages: Message[];
  /** What the model would see of the files. */
  window: { shown: string[]; leftOut: string[]; characters: number };
  answering: { requestId: string; partial: string } | null;
  edits: { done: number; refused: number };
}

const initialState: State = {
  files: {},
  messages: [],
  window: { shown: [], leftOut: [], characters: 0 },
  answering: null,
  edits: { done: 0, refused: 0 },
};

function withFile(state: State, path: string, content: string, touched: number): State {
  const files = { ...state.files, [path]: { content, touched } };
  const { shown, leftOut, text } = contextWindow(files);
  return { ...state, files, window: { shown, leftOut, characters: text.length } };
}

export default defineProcessor(() => ({
  slug: "coder",
  initialState,

  reduce({ event, state }: { event: any; state: State }): State | undefined {
    const { payload, offset } = event;
    const say = (role: Message["role"], content: string): State => ({
      ...state,
      messages: [...state.messages, { role, content }],
    });
    switch (event.type) {
      case "code-added":
        return withFile(state, payload.path, payload.content, offset);
      case "code-edited": {
        const edited = apply(payload, state.files[payload.path]?.content);
        if ("refused" in edited) return undefined;
        const done = { ...state.edits, done: state.edits.done + 1 };
        return { ...withFile(state, payload.path, edited.content, offset), edits: done };
      }
      case "code-edit-refused":
        return {
          ...say("user", `The edit of ${payload.path} was refused: ${payload.reason}`),
          edits: { ...state.edits, refused: state.edits.refused + 1 },
        };
      case "user_message":
        return say("user", payload.content);
      case "llm-request-started":
        return { ...state, answering: { requestId: payload.requestId, partial: "" } };
      case "llm-chunk":
        if (state.answering?.requestId !== payload.requestId) return undefined;
        return { ...state, answering: { ...state.answering!, partial: state.answering!.partial + payload.delta } };
      case "llm-request-failed":
        return { ...state, answering: null };
      case "assistant_message":
        return { ...say("assistant", payload.content), answering: null };
    }
  },

  async afterAppend({ append, event, state, logger }: any) {
    const sourceOffset = event.offset;
    if (event.type === "user_message") {
      // What the person attached becomes code of the log before the model is asked.
      for (const [path, content] of Object.entries(event.payload.files ?? {})) {
        await append({ type: "code-added", payload: { path, content, sourceOffset } });
      }
      await append({ type: "code-task-ready", payload: { sourceOffset } });
    }
    if (event.type !== "code-task-ready") return;

    const requestId = `request-${sourceOffset}`;
    const { text, shown } = contextWindow(state.files);
    await append({ type: "llm-request-started", payload: { requestId, sourceOffset, files: shown } });
    let content = "";
    try {
      for await (const delta of ask([{ role: "system", content: `${FORM}\n\n${text}` }, ...state.messages])) {
        content += delta;
        await append({ type: "llm-chunk", payload: { requestId, delta } });
      }
    } catch (error) {
      logger.error("the model could not be asked", error);
      await append({ type: "llm-request-failed", payload: { requestId, sourceOffset, message: String(error) } });
      return;
    }
    await append({ type: "assistant_message", payload: { requestId, content, sourceOffset } });
    const now: Record<string, string> = {};
    for (const edit of editsIn(content)) {
      const edited = apply(edit, now[edit.path] ?? state.files[edit.path]?.content);
      if ("refused" in edited) {
        await append({ type: "code-edit-refused", payload: { path: edit.path, reason: edited.refused, sourceOffset } });
      } else {
        now[edit.path] = edited.content;
        await append({ type: "code-edited", payload: { ...edit, sourceOffset } });
      }
    }
  },
}));
