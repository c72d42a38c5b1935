// ReadableStream with its default reader.
((need) => {
  const noop = () => {};
  const KEY = {};
  let stateOf;

  // What a stream is, shared by the stream, its controller and its reader.
  const open = (source, hwm, size) => {
    const state = {
      status: "readable",
      error: undefined,
      reader: null,
      disturbed: false,
      queue: [],
      queued: 0,
      waiting: [],
      started: false,
      closing: false,
      pulling: false,
      again: false,
      hwm,
      size,
      source,
      controller: null,
    };
    state.controller = new ReadableStreamDefaultController(KEY, state);
    const started = source.start?.(state.controller);
    Promise.resolve(started).then(
      () => {
        state.started = true;
        pullIfWanted(state);
      },
      (error) => fail(state, error),
    );
    return state;
  };

  const wanted = (state) =>
    state.started &&
    state.status === "readable" &&
    !state.closing &&
    (state.waiting.length > 0 || state.hwm - state.queued > 0);

  const pullIfWanted = (state) => {
    if (!wanted(state)) return;
    if (state.pulling) {
      state.again = true;
      return;
    }
    state.pulling = true;
    let pulled;
    try {
      pulled = Promise.resolve(state.source.pull?.(state.controller));
    } catch (error) {
      pulled = Promise.reject(error);
    }
    pulled.then(
      () => {
        state.pulling = false;
        if (state.again) {
          state.again = false;
          pullIfWanted(state);
        }
      },
      (error) => fail(state, error),
    );
  };

  const enqueue = (state, value) => {
    if (state.waiting.length > 0) {
      state.waiting.shift().resolve({ value, done: false });
    } else {
      let size;
      try {
        size = Number(state.size(value));
        if (!(size >= 0 && size < Infinity)) throw new RangeError("A chunk's size must be finite");
      } catch (error) {
        fail(state, error);
        throw error;
      }
      state.queue.push({ value, size });
      state.queued += size;
    }
    pullIfWanted(state);
  };

  const finish = (state) => {
    state.status = "closed";
    for (const request of state.waiting.splice(0)) request.resolve({ value: undefined, done: true });
    state.reader?.resolve();
  };

  const close = (state) => {
    state.closing = true;
    if (state.queue.length === 0) finish(state);
  };

  const fail = (state, error) => {
    if (state.status !== "readable") return;
    state.status = "errored";
    state.error = error;
    state.queue = [];
    state.queued = 0;
    for (const request of state.waiting.splice(0)) request.reject(error);
    state.reader?.reject(error);
  };

  const read = (state) => {
    state.disturbed = true;
    if (state.queue.length > 0) {
      const { value, size } = state.queue.shift();
      state.queued -= size;
      if (state.closing && state.queue.length === 0) finish(state);
      else pullIfWanted(state);
      return Promise.resolve({ value, done: false });
    }
    if (state.status === "closed") return Promise.resolve({ value: undefined, done: true });
    if (state.status === "errored") return Promise.reject(state.error);
    return new Promise((resolve, reject) => {
      state.waiting.push({ resolve, reject });
      pullIfWanted(state);
    });
  };

  const cancel = (state, reason) => {
    state.disturbed = true;
    if (state.status === "closed") return Promise.resolve();
    if (state.status === "errored") return Promise.reject(state.error);
    state.queue = [];
    state.queued = 0;
    finish(state);
    try {
      return Promise.resolve(state.source.cancel?.(reason)).then(noop);
    } catch (error) {
      return Promise.reject(error);
    }
  };

  const lock = (state, what) => {
    if (state.reader) throw new TypeError(`${what}: the stream is locked to a reader`);
  };

  class ReadableStreamDefaultController {
    #state;
    constructor(key, state) {
      if (key !== KEY) throw new TypeError("Illegal constructor");
      this.#state = state;
    }
    get desiredSize() {
      const { status, hwm, queued } = this.#state;
      return status === "errored" ? null : status === "closed" ? 0 : hwm - queued;
    }
    #writable(what) {
      if (this.#state.closing || this.#state.status !== "readable") {
        throw new TypeError(`${what}: the stream is closed`);
      }
    }
    enqueue(chunk) {
      this.#writable("enqueue");
      enqueue(this.#state, chunk);
    }
    close() {
      this.#writable("close");
      close(this.#state);
    }
    error(reason) {
      fail(this.#state, reason);
    }
  }

  class ReadableStreamDefaultReader {
    #state;
    #closed;
    #hold;
    constructor(stream) {
      const state = stateOf(stream);
      lock(state, "getReader");
      this.#state = state;
      this.#hold = {};
      this.#closed = new Promise((resolve, reject) => {
        this.#hold.resolve = resolve;
        this.#hold.reject = reject;
      });
      this.#closed.catch(noop);
      state.reader = this.#hold;
      if (state.status === "closed") this.#hold.resolve();
      if (state.status === "errored") this.#hold.reject(state.error);
    }
    get closed() {
      return this.#closed;
    }
    read() {
      if (!this.#state) return Promise.reject(new TypeError("read: the reader was released"));
      return read(this.#state);
    }
    cancel(reason) {
      if (!this.#state) return Promise.reject(new TypeError("cancel: the reader was released"));
      return cancel(this.#state, reason);
    }
    releaseLock() {
      const state = this.#state;
      if (!state) return;
      this.#state = undefined;
      state.reader = null;
      const error = new TypeError("The reader was released");
      if (state.status === "readable") this.#hold.reject(error);
      else {
        this.#closed = Promise.reject(error);
        this.#closed.catch(noop);
      }
      for (const request of state.waiting.splice(0)) request.reject(error);
    }
  }

  class ReadableStream {
    #state;
    constructor(source = {}, strategy = {}) {
      if (source === null) throw new TypeError("ReadableStream needs an underlying source");
      for (const name of ["start", "pull", "cancel"]) {
        if (source[name] !== undefined && typeof source[name] !== "function") {
          throw new TypeError(`ReadableStream: ${name} of the source is no function`);
        }
      }
      const bytes = source.type === "bytes";
      if (source.type !== undefined && !bytes) {
        throw new TypeError(`ReadableStream: the source's type is ${source.type}`);
      }
      const hwm = mark(strategy, bytes ? 0 : 1);
      this.#state = open(source, hwm, strategy.size ?? (() => 1));
    }
    get locked() {
      return this.#state.reader !== null;
    }
    cancel(reason) {
      try {
        lock(this.#state, "cancel");
      } catch (error) {
        return Promise.reject(error);
      }
      return cancel(this.#state, reason);
    }
    getReader(options = {}) {
      const mode = options?.mode;
      if (mode !== undefined) throw new TypeError(`getReader: no reader of mode ${mode} here`);
      return new ReadableStreamDefaultReader(this);
    }
    async *values(options = {}) {
      const reader = this.getReader();
      let over = false;
      try {
        for (;;) {
          let result;
          try {
            result = await reader.read();
          } catch (error) {
            over = true;
            throw error;
          }
          if (result.done) {
            over = true;
            return;
          }
          yield result.value;
        }
      } finally {
        const canceled = over || options?.preventCancel ? undefined : reader.cancel();
        reader.releaseLock();
        await canceled;
      }
    }
    [Symbol.asyncIterator](options) {
      return this.values(options);
    }
    tee() {
      return tee(this, (chunk) => chunk);
    }
    pipeTo(target, options = {}) {
      return need("transform").pipe(this, target, options ?? {});
    }
    pipeThrough(pair, options = {}) {
      if (this.locked) throw new TypeError("pipeThrough: the stream is locked to a reader");
      if (pair.writable.locked) throw new TypeError("pipeThrough: the writable side is locked");
      this.pipeTo(pair.writable, options).catch(noop);
      return pair.readable;
    }
    get [Symbol.toStringTag]() {
      return "ReadableStream";
    }
    static from(items) {
      const asynchronous = items?.[Symbol.asyncIterator];
      const iterator = asynchronous
        ? asynchronous.call(items)
        : items?.[Symbol.iterator]?.call(items);
      if (!iterator) throw new TypeError("ReadableStream.from needs something iterable");
      return new ReadableStream(
        {
          async pull(controller) {
            const { value, done } = await iterator.next();
            if (done) controller.close();
            else controller.enqueue(asynchronous ? value : await value);
          },
          async cancel(reason) {
            await iterator.return?.(reason);
          },
        },
        { highWaterMark: 0 },
      );
    }
    static {
      stateOf = (stream) => {
        if (!(typeof stream === "object" && stream !== null && #state in stream)) {
          throw new TypeError("This is no ReadableStream");
        }
        return stream.#state;
      };
    }
  }

  const mark = (strategy, usual) => {
    const hwm = strategy?.highWaterMark === undefined ? usual : Number(strategy.highWaterMark);
    if (!(hwm >= 0)) throw new RangeError("A high water mark must not be negative");
    return hwm;
  };

  // Two streams of the same chunks; the second is given `copy(chunk)`.
  const tee = (stream, copy) => {
    const reader = stream.getReader();
    const sides = [{}, {}];
    let reading = false;
    let again = false;
    const canceled = Promise.withResolvers();
    const pull = async () => {
      if (reading) {
        again = true;
        return;
      }
      reading = true;
      do {
        again = false;
        let result;
        try {
          result = await reader.read();
        } catch (error) {
          for (const side of sides) if (!side.canceled) side.controller.error(error);
          canceled.resolve();
          return;
        }
        if (result.done) {
          for (const side of sides) if (!side.canceled) side.controller.close();
          canceled.resolve();
          return;
        }
        const chunks = [result.value, copy(result.value)];
        sides.forEach((side, i) => {
          if (!side.canceled) side.controller.enqueue(chunks[i]);
        });
      } while (again);
      reading = false;
    };
    reader.closed.catch((error) => {
      for (const side of sides) if (!side.canceled) side.controller.error(error);
      canceled.resolve();
    });
    return sides.map((side) => {
      return new ReadableStream({
        start: (controller) => {
          side.controller = controller;
        },
        pull,
        cancel: (reason) => {
          side.canceled = true;
          side.reason = reason;
          if (sides.every((s) => s.canceled)) {
            canceled.resolve(reader.cancel(sides.map((s) => s.reason)));
          }
          return canceled.promise;
        },
      });
    });
  };

  class CountQueuingStrategy {
    #hwm;
    constructor({ highWaterMark }) {
      this.#hwm = Number(highWaterMark);
    }
    get highWaterMark() {
      return this.#hwm;
    }
    get size() {
      return () => 1;
    }
  }

  class ByteLengthQueuingStrategy {
    #hwm;
    constructor({ highWaterMark }) {
      this.#hwm = Number(highWaterMark);
    }
    get highWaterMark() {
      return this.#hwm;
    }
    get size() {
      return (chunk) => chunk.byteLength;
    }
  }

  return {
    ReadableStream,
    ReadableStreamDefaultReader,
    ReadableStreamDefaultController,
    CountQueuingStrategy,
    ByteLengthQueuingStrategy,
    mark,
    tee,
    isDisturbed: (stream) => stateOf(stream).disturbed,
    isWanted: (stream) => wanted(stateOf(stream)),
    isErrored: (stream) => stateOf(stream).status === "errored",
  };
});
