// fetch: the request goes out through the service, the body comes chunk by chunk as it is read.
((need, native) => {
  const { Request, make, take } = need("body");
  const { ReadableStream } = need("streams");
  const { follow } = need("abort");
  const noop = () => {};

  const failed = (error, url) => {
    const failure = new TypeError(`fetch ${url}: ${error.message}`);
    failure.cause = error;
    return failure;
  };

  const upload = async (id, stream) => {
    try {
      for await (const chunk of stream) {
        if (!(chunk instanceof Uint8Array)) throw new TypeError("A body's stream must give bytes");
        await native.push(id, chunk);
      }
      await native.push(id, undefined);
    } catch (error) {
      native.cancel(id);
      throw error;
    }
  };

  const go = async (request) => {
    const { signal, url } = request;
    signal.throwIfAborted();
    const { bytes, stream } = take(request);
    const head = JSON.stringify({
      method: request.method,
      url,
      headers: [...request.headers],
      redirect: request.redirect,
    });
    const [id, answered] = native.fetch(head, stream ? true : bytes);
    const aborted = Promise.withResolvers();
    aborted.promise.catch(noop);
    let controller;
    let forget = follow(signal, () => {
      native.cancel(id);
      controller?.error(signal.reason);
      aborted.reject(signal.reason);
      if (stream && !stream.locked) stream.cancel(signal.reason).catch(noop);
    });
    const end = () => {
      forget();
      forget = noop;
    };
    const waits = [aborted.promise, answered];
    if (stream) {
      // A body that fails fails the request; one that ends early does not hold up the answer.
      waits.push(upload(id, stream).then(() => answered));
    }
    let answer;
    try {
      answer = await Promise.race(waits);
    } catch (error) {
      end();
      if (signal.aborted) throw signal.reason;
      throw failed(error, url);
    }
    if (!answer.body) end();
    const body = answer.body && {
      stream: new ReadableStream(
        {
          start: (c) => {
            controller = c;
          },
          pull: async (c) => {
            let chunk;
            try {
              chunk = await native.pull(id);
            } catch (error) {
              end();
              if (signal.aborted) throw signal.reason;
              throw failed(error, url);
            }
            if (signal.aborted) return;
            if (chunk === undefined) {
              end();
              c.close();
            } else {
              c.enqueue(chunk);
            }
          },
          cancel: () => {
            end();
            native.cancel(id);
          },
        },
        { highWaterMark: 0 },
      ),
    };
    return make({ ...answer, type: answer.opaque ? "opaqueredirect" : "basic" }, body || null);
  };

  const fetch = (input, init = undefined) => {
    native.outside("fetch");
    let request;
    try {
      request = new Request(input, init);
    } catch (error) {
      return Promise.reject(error);
    }
    return go(request);
  };

  return { fetch };
});
