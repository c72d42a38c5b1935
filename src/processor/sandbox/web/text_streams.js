// TextDecoderStream and TextEncoderStream.
((need) => {
  const { TextDecoder, TextEncoder } = need("encoding");
  const { TransformStream } = need("transform");

  class TextDecoderStream {
    #decoder;
    #pair;
    constructor(label = "utf-8", options = {}) {
      const decoder = new TextDecoder(label, options);
      this.#decoder = decoder;
      this.#pair = new TransformStream({
        transform: (chunk, controller) => {
          const text = decoder.decode(chunk, { stream: true });
          if (text) controller.enqueue(text);
        },
        flush: (controller) => {
          const text = decoder.decode();
          if (text) controller.enqueue(text);
        },
      });
    }
    get encoding() {
      return this.#decoder.encoding;
    }
    get fatal() {
      return this.#decoder.fatal;
    }
    get ignoreBOM() {
      return this.#decoder.ignoreBOM;
    }
    get readable() {
      return this.#pair.readable;
    }
    get writable() {
      return this.#pair.writable;
    }
  }

  class TextEncoderStream {
    #pair;
    constructor() {
      const encoder = new TextEncoder();
      // Half of a pair that may be made whole by the next chunk.
      let high = "";
      this.#pair = new TransformStream({
        transform: (chunk, controller) => {
          let text = high + `${chunk}`;
          high = "";
          const last = text.charCodeAt(text.length - 1);
          if (last >= 0xd800 && last <= 0xdbff) {
            high = text.slice(-1);
            text = text.slice(0, -1);
          }
          if (text) controller.enqueue(encoder.encode(text));
        },
        flush: (controller) => {
          if (high) controller.enqueue(encoder.encode(high));
        },
      });
    }
    get encoding() {
      return "utf-8";
    }
    get readable() {
      return this.#pair.readable;
    }
    get writable() {
      return this.#pair.writable;
    }
  }

  return { TextDecoderStream, TextEncoderStream };
});
