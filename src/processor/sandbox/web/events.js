// Event and EventTarget, without the tree that only documents have.
((need) => {
  let fire;
  let time = 0;

  class Event {
    #type;
    #bubbles;
    #cancelable;
    #composed;
    #target = null;
    #phase = 0;
    #dispatching = false;
    #stopped = false;
    #stopNow = false;
    #canceled = false;
    #passive = false;
    #stamp = ++time;
    constructor(type, init = {}) {
      if (arguments.length === 0) throw new TypeError("Event needs a type");
      this.#type = `${type}`;
      this.#bubbles = Boolean(init?.bubbles);
      this.#cancelable = Boolean(init?.cancelable);
      this.#composed = Boolean(init?.composed);
    }
    get type() {
      return this.#type;
    }
    get target() {
      return this.#target;
    }
    get srcElement() {
      return this.#target;
    }
    get currentTarget() {
      return this.#dispatching ? this.#target : null;
    }
    get eventPhase() {
      return this.#phase;
    }
    get bubbles() {
      return this.#bubbles;
    }
    get cancelable() {
      return this.#cancelable;
    }
    get composed() {
      return this.#composed;
    }
    get defaultPrevented() {
      return this.#canceled;
    }
    get returnValue() {
      return !this.#canceled;
    }
    get isTrusted() {
      return false;
    }
    get timeStamp() {
      return this.#stamp;
    }
    get cancelBubble() {
      return this.#stopped;
    }
    set cancelBubble(stop) {
      if (stop) this.#stopped = true;
    }
    composedPath() {
      return this.#dispatching ? [this.#target] : [];
    }
    stopPropagation() {
      this.#stopped = true;
    }
    stopImmediatePropagation() {
      this.#stopped = true;
      this.#stopNow = true;
    }
    preventDefault() {
      if (this.#cancelable && !this.#passive) this.#canceled = true;
    }
    static {
      fire = (event, target, listeners) => {
        if (event.#dispatching) {
          const { DOMException } = need("dom_exception");
          throw new DOMException("The event is already being dispatched", "InvalidStateError");
        }
        event.#target = target;
        event.#dispatching = true;
        event.#phase = 2;
        for (const listener of [...listeners]) {
          if (event.#stopNow) break;
          if (listener.removed) continue;
          if (listener.once) listener.remove();
          event.#passive = listener.passive;
          try {
            const { callback } = listener;
            if (typeof callback === "function") callback.call(target, event);
            else callback.handleEvent(event);
          } catch (error) {
            // Reported, as every error that nobody is there to catch.
            Promise.reject(error);
          }
          event.#passive = false;
        }
        event.#phase = 0;
        event.#dispatching = false;
        event.#stopped = false;
        event.#stopNow = false;
        return !event.#canceled;
      };
    }
    static NONE = 0;
    static CAPTURING_PHASE = 1;
    static AT_TARGET = 2;
    static BUBBLING_PHASE = 3;
  }

  class CustomEvent extends Event {
    #detail;
    constructor(type, init = {}) {
      super(type, init);
      this.#detail = init?.detail ?? null;
    }
    get detail() {
      return this.#detail;
    }
  }

  class EventTarget {
    #listeners = [];
    addEventListener(type, callback, options = {}) {
      if (callback === null || callback === undefined) return;
      if (typeof callback !== "function" && typeof callback !== "object") {
        throw new TypeError("addEventListener needs a function");
      }
      const given = typeof options === "boolean" ? { capture: options } : (options ?? {});
      const { capture = false, once = false, passive = false, signal } = given;
      if (signal?.aborted) return;
      const name = `${type}`;
      const same = (l) =>
        l.type === name && l.callback === callback && l.capture === Boolean(capture);
      if (this.#listeners.some(same)) return;
      const listener = {
        type: name,
        callback,
        capture: Boolean(capture),
        once: Boolean(once),
        passive: Boolean(passive),
        removed: false,
        remove: () => {
          listener.removed = true;
          this.#listeners = this.#listeners.filter((l) => l !== listener);
        },
      };
      this.#listeners.push(listener);
      signal?.addEventListener("abort", listener.remove, { once: true });
    }
    removeEventListener(type, callback, options = {}) {
      const capture = typeof options === "boolean" ? options : Boolean(options?.capture);
      const found = this.#listeners.find(
        (l) => l.type === `${type}` && l.callback === callback && l.capture === capture,
      );
      found?.remove();
    }
    dispatchEvent(event) {
      if (!(event instanceof Event)) throw new TypeError("dispatchEvent needs an Event");
      return fire(event, this, this.#listeners.filter((l) => l.type === event.type));
    }
  }

  return { Event, CustomEvent, EventTarget };
});
