// TextEncoder, TextDecoder (UTF-8), btoa and atob.
((need, native) => {
  const refuse = (message) => {
    const { DOMException } = need("dom_exception");
    throw new DOMException(message, "InvalidCharacterError");
  };
  const view = (input) => {
    if (input === undefined) return new Uint8Array();
    if (ArrayBuffer.isView(input)) {
      return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    }
    if (input instanceof ArrayBuffer) return new Uint8Array(input);
    throw new TypeError("TextDecoder needs an ArrayBuffer or a view of one");
  };

  class TextEncoder {
    get encoding() {
      return "utf-8";
    }
    encode(text = "") {
      return native.utf8Encode(`${text}`);
    }
    encodeInto(text, target) {
      let read = 0;
      let written = 0;
      for (const c of `${text}`) {
        const bytes = native.utf8Encode(c);
        if (written + bytes.length > target.length) break;
        target.set(bytes, written);
        written += bytes.length;
        read += c.length;
      }
      return { read, written };
    }
  }

  class TextDecoder {
    #fatal;
    #ignoreBOM;
    #pending = undefined;
    #started = false;
    constructor(label = "utf-8", options = {}) {
      if (!/^\s*(utf-?8|unicode-1-1-utf-8|unicode11utf8|unicode20utf8|x-unicode20utf8)\s*$/i.test(label)) {
        throw new RangeError(`TextDecoder: only utf-8 is known here, not ${label}`);
      }
      this.#fatal = Boolean(options?.fatal);
      this.#ignoreBOM = Boolean(options?.ignoreBOM);
    }
    get encoding() {
      return "utf-8";
    }
    get fatal() {
      return this.#fatal;
    }
    get ignoreBOM() {
      return this.#ignoreBOM;
    }
    decode(input = undefined, options = {}) {
      const stream = Boolean(options?.stream);
      let bytes = view(input);
      if (this.#pending?.length) {
        const joined = new Uint8Array(this.#pending.length + bytes.length);
        joined.set(this.#pending);
        joined.set(bytes, this.#pending.length);
        bytes = joined;
      }
      const [text, valid, rest] = native.utf8Decode(bytes, stream);
      const started = this.#started;
      this.#pending = stream ? rest : undefined;
      this.#started = stream && (started || text.length > 0);
      if (this.#fatal && !valid) {
        this.#pending = undefined;
        this.#started = false;
        throw new TypeError("TextDecoder: the bytes are not UTF-8");
      }
      const bom = !this.#ignoreBOM && !started && text.charCodeAt(0) === 0xfeff;
      return bom ? text.slice(1) : text;
    }
  }

  const btoa = (text) =>
    native.base64Encode(`${text}`) ?? refuse("btoa takes only characters up to U+00FF");
  const atob = (text) =>
    native.base64Decode(`${text}`) ?? refuse("the text given to atob is not base64");

  return { TextEncoder, TextDecoder, btoa, atob };
});
