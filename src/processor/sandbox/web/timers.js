// Timers, and the queue of microtasks.
((need, native) => {
  // Numbers that are also objects, since programs for Node call `.unref()` on them.
  class Timeout {
    #id;
    constructor(id) {
      this.#id = id;
    }
    ref() {
      return this;
    }
    unref() {
      return this;
    }
    hasRef() {
      return true;
    }
    close() {
      native.clearTimer(this.#id);
      return this;
    }
    [Symbol.toPrimitive]() {
      return this.#id;
    }
    [Symbol.dispose]() {
      native.clearTimer(this.#id);
    }
  }
  const set = (name, repeats) => (callback, delay, ...args) =>
    new Timeout(native.setTimer(name, callback, Number(delay), repeats, args));
  const clear = (timer) => {
    const id = Number(timer);
    if (Number.isInteger(id)) native.clearTimer(id);
  };
  const resolved = Promise.resolve();
  const immediate = set("setImmediate", false);
  return {
    setTimeout: set("setTimeout", false),
    setInterval: set("setInterval", true),
    setImmediate: (callback, ...args) => immediate(callback, 0, ...args),
    clearTimeout: (timer) => clear(timer),
    clearInterval: (timer) => clear(timer),
    clearImmediate: (timer) => clear(timer),
    queueMicrotask: (callback) => {
      native.outside("queueMicrotask");
      if (typeof callback !== "function") throw new TypeError("queueMicrotask needs a function");
      resolved.then(() => void callback());
    },
  };
});
