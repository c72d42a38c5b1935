// Request and Response.
((need, native) => {
  const { Headers, freeze } = need("headers");
  const { ReadableStream, tee, isDisturbed } = need("streams");
  const KEY = {};
  let inner;

  // What a body was given as: bytes are kept as they are until somebody wants a stream.
  const extract = (body) => {
    if (body === null || body === undefined) return { body: null, type: null };
    if (typeof body === "object") {
      if (body instanceof ReadableStream) {
        if (body.locked || isDisturbed(body)) {
          throw new TypeError("The body's stream was read already, or is locked");
        }
        return { body: { stream: body }, type: null };
      }
      if (body instanceof ArrayBuffer) {
        return { body: { bytes: new Uint8Array(body.slice(0)) }, type: null };
      }
      if (ArrayBuffer.isView(body)) {
        const view = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
        return { body: { bytes: view.slice() }, type: null };
      }
      if (body instanceof need("url").URLSearchParams) {
        const type = "application/x-www-form-urlencoded;charset=UTF-8";
        return { body: { bytes: native.utf8Encode(body.toString()) }, type };
      }
    }
    const bytes = native.utf8Encode(`${body}`);
    return { body: { bytes }, type: "text/plain;charset=UTF-8" };
  };

  const streamOf = (body) => {
    if (!body.stream) {
      const { bytes } = body;
      body.bytes = undefined;
      body.stream = new ReadableStream({
        start: (controller) => {
          if (bytes.length > 0) controller.enqueue(bytes);
          controller.close();
        },
      });
    }
    return body.stream;
  };

  const isUsed = (body) => body !== null && (body.used || (body.stream && isDisturbed(body.stream)));

  const join = (chunks) => {
    if (chunks.length === 1) return chunks[0];
    const all = new Uint8Array(chunks.reduce((n, chunk) => n + chunk.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  };

  const consume = async (body) => {
    if (body === null) return new Uint8Array();
    if (isUsed(body) || body.stream?.locked) {
      throw new TypeError("The body was read already");
    }
    body.used = true;
    if (body.bytes) return body.bytes;
    const chunks = [];
    for await (const chunk of body.stream) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError("A body's stream must give bytes");
      chunks.push(chunk);
    }
    return join(chunks);
  };

  const copyOf = (body) => {
    if (body === null) return null;
    if (isUsed(body) || body.stream?.locked) throw new TypeError("clone: the body was read already");
    if (body.bytes) return { bytes: body.bytes };
    const [own, other] = tee(body.stream, (chunk) => chunk.slice());
    body.stream = own;
    return { stream: other };
  };

  const textOf = (bytes) => {
    const [text] = native.utf8Decode(bytes, false);
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  };

  class Body {
    #body;
    constructor(key, body) {
      if (key !== KEY) throw new TypeError("Illegal constructor");
      this.#body = body;
    }
    get body() {
      return this.#body && streamOf(this.#body);
    }
    get bodyUsed() {
      return Boolean(isUsed(this.#body));
    }
    async arrayBuffer() {
      const bytes = await consume(this.#body);
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    }
    async bytes() {
      return (await consume(this.#body)).slice();
    }
    async text() {
      return textOf(await consume(this.#body));
    }
    async json() {
      return JSON.parse(textOf(await consume(this.#body)));
    }
    static {
      inner = (owner) => owner.#body;
    }
  }

  const FORBIDDEN = ["CONNECT", "TRACE", "TRACK"];
  const UPPER = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];
  const methodOf = (given) => {
    const method = `${given}`;
    const upper = method.toUpperCase();
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method) || FORBIDDEN.includes(upper)) {
      throw new TypeError(`Request: ${method} is no method that can be used`);
    }
    return UPPER.includes(upper) ? upper : method;
  };

  // Settings that mean something to browsers only.
  const USUAL = {
    cache: "default",
    credentials: "same-origin",
    destination: "",
    integrity: "",
    mode: "cors",
    referrer: "about:client",
    referrerPolicy: "",
  };

  class Request extends Body {
    #url;
    #method;
    #headers;
    #signal;
    #redirect;
    #extra;
    constructor(input, init = {}) {
      const given = init ?? {};
      const from = input instanceof Request ? input : undefined;
      let url;
      if (from) {
        url = from.#url;
      } else {
        url = need("url").URL.parse(`${input}`);
        if (!url) throw new TypeError(`Request: ${input} is no absolute URL`);
        if (url.username || url.password) {
          throw new TypeError("Request: a URL with a user name or password cannot be fetched");
        }
      }
      const method = given.method !== undefined ? methodOf(given.method) : (from?.#method ?? "GET");
      const headers = new Headers(given.headers ?? from?.#headers ?? undefined);
      let { body, type } = extract(given.body);
      if (body !== null && (method === "GET" || method === "HEAD")) {
        throw new TypeError(`Request: ${method} has no body`);
      }
      if (given.body === undefined && from && inner(from)) {
        const theirs = inner(from);
        if (isUsed(theirs) || theirs.stream?.locked) {
          throw new TypeError("Request: the body was read already");
        }
        body = { bytes: theirs.bytes, stream: theirs.stream };
        theirs.used = true;
      }
      if (type && !headers.has("content-type")) headers.set("content-type", type);
      super(KEY, body);
      this.#url = url;
      this.#method = method;
      this.#headers = headers;
      this.#redirect = given.redirect ?? from?.#redirect ?? "follow";
      if (!["follow", "error", "manual"].includes(this.#redirect)) {
        throw new TypeError(`Request: redirect is follow, error or manual, not ${this.#redirect}`);
      }
      const signal = given.signal === undefined ? from?.#signal : given.signal;
      const { AbortSignal, AbortController } = need("abort");
      if (signal !== null && signal !== undefined && !(signal instanceof AbortSignal)) {
        throw new TypeError("Request: signal is no AbortSignal");
      }
      this.#signal = signal ? AbortSignal.any([signal]) : new AbortController().signal;
      this.#extra = { ...from?.#extra };
      for (const name of Object.keys(USUAL)) {
        if (given[name] !== undefined) this.#extra[name] = `${given[name]}`;
      }
    }
    get url() {
      return this.#url.href;
    }
    get method() {
      return this.#method;
    }
    get headers() {
      return this.#headers;
    }
    get signal() {
      return this.#signal;
    }
    get redirect() {
      return this.#redirect;
    }
    get duplex() {
      return "half";
    }
    get keepalive() {
      return false;
    }
    clone() {
      const body = copyOf(inner(this));
      const copy = new Request(this.#url.href, {
        ...this.#extra,
        method: this.#method,
        headers: this.#headers,
        redirect: this.#redirect,
        signal: this.#signal,
        body: body === null ? undefined : (body.bytes ?? body.stream),
      });
      return copy;
    }
    get [Symbol.toStringTag]() {
      return "Request";
    }
    static {
      for (const name of Object.keys(USUAL)) {
        Object.defineProperty(Request.prototype, name, {
          get() {
            return this.#extra[name] ?? USUAL[name];
          },
          enumerable: true,
          configurable: true,
        });
      }
    }
  }

  const EMPTY = [101, 103, 204, 205, 304];
  const REDIRECTS = [301, 302, 303, 307, 308];
  let make;

  class Response extends Body {
    #status;
    #statusText;
    #headers;
    #type = "default";
    #url = "";
    #redirected = false;
    constructor(given = null, init = {}) {
      const { status = 200, statusText = "", headers } = init ?? {};
      const code = Math.trunc(Number(status));
      if (!(code >= 200 && code <= 599)) {
        throw new RangeError(`Response: the status must be 200 to 599, not ${status}`);
      }
      if (/[^\t\x20-\x7e\x80-\xff]/.test(`${statusText}`)) {
        throw new TypeError("Response: statusText has a character that it cannot hold");
      }
      const { body, type } = extract(given);
      if (body !== null && EMPTY.includes(code)) {
        throw new TypeError(`Response: one of status ${code} has no body`);
      }
      super(KEY, body);
      this.#status = code;
      this.#statusText = `${statusText}`;
      this.#headers = new Headers(headers);
      if (type && !this.#headers.has("content-type")) this.#headers.set("content-type", type);
    }
    static error() {
      const response = new Response(null);
      response.#status = 0;
      response.#type = "error";
      freeze(response.#headers);
      return response;
    }
    static redirect(url, status = 302) {
      const target = need("url").URL.parse(`${url}`);
      if (!target) throw new TypeError(`Response.redirect: ${url} is no absolute URL`);
      if (!REDIRECTS.includes(status)) {
        throw new RangeError(`Response.redirect: ${status} is no status of a redirect`);
      }
      const response = new Response(null, { status, headers: { location: target.href } });
      freeze(response.#headers);
      return response;
    }
    static json(data, init = {}) {
      const text = JSON.stringify(data);
      if (text === undefined) throw new TypeError("Response.json: this has no JSON");
      const headers = new Headers(init?.headers);
      if (!headers.has("content-type")) headers.set("content-type", "application/json");
      return new Response(text, { ...init, headers });
    }
    get status() {
      return this.#status;
    }
    get ok() {
      return this.#status >= 200 && this.#status <= 299;
    }
    get statusText() {
      return this.#statusText;
    }
    get headers() {
      return this.#headers;
    }
    get type() {
      return this.#type;
    }
    get url() {
      return this.#url;
    }
    get redirected() {
      return this.#redirected;
    }
    clone() {
      const body = copyOf(inner(this));
      return make(
        {
          status: this.#status,
          statusText: this.#statusText,
          headers: this.#headers,
          type: this.#type,
          url: this.#url,
          redirected: this.#redirected,
        },
        body,
      );
    }
    get [Symbol.toStringTag]() {
      return "Response";
    }
    static {
      // One that came from outside.
      make = (head, body) => {
        const status = head.status >= 200 ? head.status : 200;
        const given = body && !EMPTY.includes(status) ? streamOf(body) : null;
        const response = new Response(given, { status, headers: head.headers });
        response.#status = head.status;
        response.#statusText = head.statusText;
        response.#type = head.type;
        response.#url = head.url;
        response.#redirected = head.redirected;
        if (head.type !== "default") freeze(response.#headers);
        return response;
      };
    }
  }

  // The bytes or the stream of a request, taken for sending.
  const take = (request) => {
    const body = inner(request);
    if (body === null) return { bytes: undefined, stream: undefined };
    if (isUsed(body) || body.stream?.locked) throw new TypeError("The body was read already");
    body.used = true;
    return body;
  };

  return { Request, Response, make, take };
});
