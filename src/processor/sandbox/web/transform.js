// WritableStream, TransformStream, and piping into them.
((need) => {
  const { ReadableStream, mark, isWanted } = need("streams");
  const noop = () => {};
  const KEY = {};
  let stateOf;

  const settle = (f) => {
    try {
      return Promise.resolve(f());
    } catch (error) {
      return Promise.reject(error);
    }
  };

  // A promise that can be settled from outside and whose rejection need not be looked at.
  const gate = () => {
    const gate = Promise.withResolvers();
    gate.promise.catch(noop);
    return gate;
  };

  const open = (sink, hwm, size) => {
    const state = {
      status: "writable",
      error: undefined,
      writer: null,
      queue: [],
      queued: 0,
      busy: true,
      closing: null,
      // Of the write that is on its way, which ends as its sink has it.
      flight: null,
      hwm,
      size,
      sink,
      controller: null,
    };
    state.controller = new WritableStreamDefaultController(KEY, state);
    settle(() => sink.start?.(state.controller)).then(
      () => {
        state.busy = false;
        advance(state);
      },
      (error) => {
        state.busy = false;
        fail(state, error);
      },
    );
    return state;
  };

  const desired = (state) =>
    state.status === "errored" ? null : state.status === "closed" ? 0 : state.hwm - state.queued;

  const isFull = (state) => state.status === "writable" && !state.closing && desired(state) <= 0;

  const updateReady = (state) => {
    const writer = state.writer;
    if (!writer) return;
    if (isFull(state)) {
      if (writer.isReady) {
        writer.isReady = false;
        writer.ready = gate();
      }
    } else if (!writer.isReady) {
      writer.isReady = true;
      writer.ready.resolve();
    }
  };

  const fail = (state, error) => {
    if (state.status !== "writable") return;
    state.status = "errored";
    state.error = error;
    for (const { done } of state.queue.splice(0)) {
      if (done !== state.flight) done.reject(error);
    }
    state.queued = 0;
    state.closing?.reject(error);
    const writer = state.writer;
    if (writer) {
      if (writer.isReady) writer.ready = gate();
      writer.isReady = false;
      writer.ready.reject(error);
      writer.closed.reject(error);
    }
  };

  const advance = (state) => {
    if (state.busy || state.status !== "writable") return;
    if (state.queue.length > 0) {
      const { chunk, size, done } = state.queue[0];
      state.busy = true;
      state.flight = done;
      settle(() => state.sink.write?.(chunk, state.controller)).then(
        () => {
          state.busy = false;
          state.flight = null;
          if (state.status === "writable") {
            state.queue.shift();
            state.queued -= size;
          }
          done.resolve();
          updateReady(state);
          advance(state);
        },
        (error) => {
          state.busy = false;
          state.flight = null;
          done.reject(error);
          fail(state, error);
        },
      );
    } else if (state.closing) {
      state.busy = true;
      settle(() => state.sink.close?.()).then(
        () => {
          state.status = "closed";
          state.closing.resolve();
          state.writer?.closed.resolve();
        },
        (error) => {
          state.busy = false;
          fail(state, error);
        },
      );
    }
  };

  const write = (state, chunk) => {
    if (state.status === "errored") return Promise.reject(state.error);
    if (state.closing || state.status === "closed") {
      return Promise.reject(new TypeError("write: the stream is closed"));
    }
    let size;
    try {
      size = Number(state.size(chunk));
    } catch (error) {
      fail(state, error);
      return Promise.reject(error);
    }
    const done = gate();
    state.queue.push({ chunk, size, done });
    state.queued += size;
    updateReady(state);
    advance(state);
    return done.promise;
  };

  const close = (state) => {
    if (state.status === "errored") return Promise.reject(state.error);
    if (state.closing || state.status === "closed") {
      return Promise.reject(new TypeError("close: the stream is closed"));
    }
    state.closing = gate();
    updateReady(state);
    advance(state);
    return state.closing.promise;
  };

  const abort = (state, reason) => {
    if (state.status !== "writable") return Promise.resolve();
    state.controller.abort(reason);
    fail(state, reason);
    return settle(() => state.sink.abort?.(reason)).then(noop);
  };

  class WritableStreamDefaultController {
    #state;
    #controller = undefined;
    #aborted = false;
    #reason = undefined;
    constructor(key, state) {
      if (key !== KEY) throw new TypeError("Illegal constructor");
      this.#state = state;
    }
    get signal() {
      if (!this.#controller) {
        this.#controller = new (need("abort").AbortController)();
        if (this.#aborted) this.#controller.abort(this.#reason);
      }
      return this.#controller.signal;
    }
    error(reason) {
      fail(this.#state, reason);
    }
    abort(reason) {
      this.#aborted = true;
      this.#reason = reason;
      this.#controller?.abort(reason);
    }
  }

  class WritableStreamDefaultWriter {
    #state;
    #hold;
    constructor(stream) {
      const state = stateOf(stream);
      if (state.writer) throw new TypeError("getWriter: the stream is locked to a writer");
      this.#state = state;
      this.#hold = { ready: gate(), closed: gate(), isReady: false };
      state.writer = this.#hold;
      if (state.status === "errored") {
        this.#hold.ready.reject(state.error);
        this.#hold.closed.reject(state.error);
      } else {
        updateReady(state);
        if (state.status === "closed") this.#hold.closed.resolve();
      }
    }
    get ready() {
      return this.#hold.ready.promise;
    }
    get closed() {
      return this.#hold.closed.promise;
    }
    get desiredSize() {
      return desired(this.#held());
    }
    #held() {
      if (!this.#state) throw new TypeError("The writer was released");
      return this.#state;
    }
    write(chunk) {
      return settle(() => write(this.#held(), chunk));
    }
    close() {
      return settle(() => close(this.#held()));
    }
    abort(reason) {
      return settle(() => abort(this.#held(), reason));
    }
    releaseLock() {
      if (!this.#state) return;
      this.#state.writer = null;
      this.#state = undefined;
      const error = new TypeError("The writer was released");
      const rejected = gate();
      rejected.reject(error);
      this.#hold = { ready: rejected, closed: rejected, isReady: false };
    }
  }

  class WritableStream {
    #state;
    constructor(sink = {}, strategy = {}) {
      this.#state = open(sink ?? {}, mark(strategy, 1), strategy?.size ?? (() => 1));
    }
    get locked() {
      return this.#state.writer !== null;
    }
    getWriter() {
      return new WritableStreamDefaultWriter(this);
    }
    #unlocked(what) {
      if (this.locked) throw new TypeError(`${what}: the stream is locked to a writer`);
      return this.#state;
    }
    abort(reason) {
      return settle(() => abort(this.#unlocked("abort"), reason));
    }
    close() {
      return settle(() => close(this.#unlocked("close")));
    }
    get [Symbol.toStringTag]() {
      return "WritableStream";
    }
    static {
      stateOf = (stream) => {
        if (!(typeof stream === "object" && stream !== null && #state in stream)) {
          throw new TypeError("This is no WritableStream");
        }
        return stream.#state;
      };
    }
  }

  class TransformStream {
    #readable;
    #writable;
    constructor(transformer = {}, writableStrategy = {}, readableStrategy = {}) {
      const given = transformer ?? {};
      let output;
      // Writing waits until the other side is read.
      let room = gate();
      let full = true;
      const controller = {
        get desiredSize() {
          return output.desiredSize;
        },
        enqueue: (chunk) => {
          output.enqueue(chunk);
          if (!full && !isWanted(this.#readable)) {
            full = true;
            room = gate();
          }
        },
        error: (reason) => {
          output.error(reason);
          fail(state, reason);
          room.resolve();
        },
        terminate: () => {
          output.close();
          const error = new TypeError("The transformer ended the stream");
          fail(state, error);
          room.resolve();
        },
      };
      const transform = given.transform
        ? (chunk) => given.transform(chunk, controller)
        : (chunk) => controller.enqueue(chunk);
      this.#readable = new ReadableStream(
        {
          start: (c) => {
            output = c;
          },
          pull: () => {
            full = false;
            room.resolve();
          },
          cancel: async (reason) => {
            fail(state, reason);
            room.resolve();
            await given.cancel?.(reason);
          },
        },
        { highWaterMark: mark(readableStrategy, 0), size: readableStrategy?.size },
      );
      this.#writable = new WritableStream(
        {
          start: () => given.start?.(controller),
          write: async (chunk) => {
            await room.promise;
            if (state.status === "errored") throw state.error;
            try {
              await transform(chunk);
            } catch (error) {
              output.error(error);
              throw error;
            }
          },
          close: async () => {
            try {
              await given.flush?.(controller);
            } catch (error) {
              output.error(error);
              throw error;
            }
            try {
              output.close();
            } catch {
              // It was ended from the other side already.
            }
          },
          abort: async (reason) => {
            output.error(reason);
            room.resolve();
            await given.cancel?.(reason);
          },
        },
        writableStrategy,
      );
      const state = stateOf(this.#writable);
    }
    get readable() {
      return this.#readable;
    }
    get writable() {
      return this.#writable;
    }
    get [Symbol.toStringTag]() {
      return "TransformStream";
    }
  }

  // pipeTo
  const pipe = async (source, target, options) => {
    const { preventClose, preventAbort, preventCancel, signal } = options;
    if (source.locked) throw new TypeError("pipeTo: the stream is locked to a reader");
    if (target.locked) throw new TypeError("pipeTo: the target is locked to a writer");
    const reader = source.getReader();
    const writer = target.getWriter();
    const stopped = gate();
    let forget = noop;
    try {
      if (signal) {
        const stop = () => stopped.reject(signal.reason);
        if (signal.aborted) stop();
        else forget = need("abort").follow(signal, stop);
      }
      // The target's end is heard of even while the source gives nothing.
      const ended = writer.closed.then(() => {
        throw new TypeError("pipeTo: the target is closed");
      });
      ended.catch(noop);
      let last = Promise.resolve();
      for (;;) {
        await Promise.race([stopped.promise, ended, writer.ready]);
        let result;
        try {
          result = await Promise.race([stopped.promise, ended, reader.read()]);
        } catch (error) {
          const own = source.locked && need("streams").isErrored(source);
          if (own && !signal?.aborted) {
            await last.catch(noop);
            if (!preventAbort) await writer.abort(error);
            throw error;
          }
          throw error;
        }
        if (result.done) break;
        last = writer.write(result.value);
        last.catch(noop);
      }
      await last;
      if (!preventClose) await writer.close();
    } catch (error) {
      if (signal?.aborted) {
        if (!preventAbort) await writer.abort(error).catch(noop);
        if (!preventCancel) await reader.cancel(error).catch(noop);
      } else if (!preventCancel) {
        await reader.cancel(error).catch(noop);
      }
      throw error;
    } finally {
      forget();
      reader.releaseLock();
      writer.releaseLock();
    }
  };

  return { WritableStream, TransformStream, pipe };
});
