// AbortController and AbortSignal.
((need, native) => {
  const { Event, EventTarget } = need("events");
  const { DOMException } = need("dom_exception");
  const KEY = {};
  let abort;
  let follow;

  class AbortSignal extends EventTarget {
    #aborted = false;
    #reason = undefined;
    #handler = null;
    // Called before any listener hears of it.
    #steps = new Set();
    #followers = new Set();
    constructor(key) {
      if (key !== KEY) throw new TypeError("Illegal constructor: use AbortController");
      super();
    }
    get aborted() {
      return this.#aborted;
    }
    get reason() {
      return this.#reason;
    }
    throwIfAborted() {
      if (this.#aborted) throw this.#reason;
    }
    get onabort() {
      return this.#handler;
    }
    set onabort(handler) {
      if (this.#handler) this.removeEventListener("abort", this.#handler);
      this.#handler = typeof handler === "function" ? handler : null;
      if (this.#handler) this.addEventListener("abort", this.#handler);
    }
    get [Symbol.toStringTag]() {
      return "AbortSignal";
    }
    static abort(reason) {
      const signal = new AbortSignal(KEY);
      abort(signal, reason);
      return signal;
    }
    static timeout(milliseconds) {
      const wait = Number(milliseconds);
      if (!(wait >= 0 && wait <= Number.MAX_SAFE_INTEGER)) {
        throw new TypeError("AbortSignal.timeout needs a number of milliseconds");
      }
      const signal = new AbortSignal(KEY);
      const end = () => abort(signal, new DOMException("The operation timed out", "TimeoutError"));
      native.setTimer("AbortSignal.timeout", end, wait, false, []);
      return signal;
    }
    static any(signals) {
      const all = [...signals];
      for (const source of all) {
        if (!(source instanceof AbortSignal)) throw new TypeError("AbortSignal.any needs signals");
      }
      const signal = new AbortSignal(KEY);
      const done = all.find((source) => source.#aborted);
      if (done) {
        signal.#aborted = true;
        signal.#reason = done.#reason;
        return signal;
      }
      for (const source of all) source.#followers.add(signal);
      return signal;
    }
    static {
      abort = (signal, reason) => {
        if (signal.#aborted) return;
        const why =
          reason === undefined
            ? new DOMException("This operation was aborted", "AbortError")
            : reason;
        // All of them are aborted before any listener runs.
        const aborted = [];
        const mark = (each) => {
          if (each.#aborted) return;
          each.#aborted = true;
          each.#reason = why;
          aborted.push(each);
          each.#followers.forEach(mark);
          each.#followers.clear();
        };
        mark(signal);
        for (const each of aborted) {
          const steps = [...each.#steps];
          each.#steps.clear();
          for (const step of steps) step();
          each.dispatchEvent(new Event("abort"));
        }
      };
      follow = (signal, step) => {
        signal.#steps.add(step);
        return () => signal.#steps.delete(step);
      };
    }
  }

  class AbortController {
    #signal = new AbortSignal(KEY);
    get signal() {
      return this.#signal;
    }
    abort(reason) {
      abort(this.#signal, reason);
    }
    get [Symbol.toStringTag]() {
      return "AbortController";
    }
  }

  return { AbortController, AbortSignal, follow };
});
