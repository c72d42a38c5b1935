// structuredClone.
((need) => {
  const fail = (message) => {
    const { DOMException } = need("dom_exception");
    throw new DOMException(message, "DataCloneError");
  };
  const refuse = (value) => {
    const what = typeof value === "symbol" ? "a symbol" : "a function";
    fail(`${what} could not be cloned`);
  };
  const errors = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
  const tag = (value) => Object.prototype.toString.call(value).slice(8, -1);
  const is = (type, value) => value instanceof type;
  const extent = (view) => [view.byteOffset, is(DataView, view) ? view.byteLength : view.length];
  // Of views, from before their buffer is handed over.
  let extents = new Map();
  const clone = (value, seen) => {
    if (typeof value === "function" || typeof value === "symbol") refuse(value);
    if (typeof value !== "object" || value === null) return value;
    if (seen.has(value)) return seen.get(value);
    const keep = (copy) => (seen.set(value, copy), copy);
    if (Array.isArray(value)) {
      const copy = keep(new Array(value.length));
      for (const key of Object.keys(value)) copy[key] = clone(value[key], seen);
      return copy;
    }
    if (is(Date, value)) return keep(new Date(value.getTime()));
    if (is(RegExp, value)) return keep(new RegExp(value.source, value.flags));
    if (is(Map, value)) {
      const copy = keep(new Map());
      for (const [k, v] of [...value]) copy.set(clone(k, seen), clone(v, seen));
      return copy;
    }
    if (is(Set, value)) {
      const copy = keep(new Set());
      for (const v of [...value]) copy.add(clone(v, seen));
      return copy;
    }
    if (is(ArrayBuffer, value)) return keep(value.slice(0));
    if (ArrayBuffer.isView(value)) {
      const [offset, size] = extents.get(value) ?? extent(value);
      const buffer = clone(value.buffer, seen);
      return keep(new value.constructor(buffer, offset, size));
    }
    if (is(Error, value)) {
      const type = errors[value.name] ?? Error;
      const copy = keep(Object.create(type.prototype));
      for (const key of ["message", "stack", "cause"]) {
        if (Object.hasOwn(value, key) || (key === "stack" && value.stack !== undefined)) {
          Object.defineProperty(copy, key, {
            value: clone(value[key], seen),
            writable: true,
            configurable: true,
          });
        }
      }
      return copy;
    }
    if (["Number", "String", "Boolean", "BigInt"].includes(tag(value))) {
      return keep(Object(value.valueOf()));
    }
    if (["WeakMap", "WeakSet", "WeakRef", "Promise", "Symbol", "Generator"].includes(tag(value))) {
      fail(`a ${tag(value)} could not be cloned`);
    }
    const copy = keep({});
    for (const key of Object.keys(value)) {
      Object.defineProperty(copy, key, {
        value: clone(value[key], seen),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    return copy;
  };
  // What is handed over is empty here afterwards.
  const handOver = (given, seen) => {
    const buffers = [...(given ?? [])];
    for (const buffer of buffers) {
      if (!is(ArrayBuffer, buffer) || buffer.detached || seen.has(buffer)) {
        fail("only an ArrayBuffer can be transferred, and each once");
      }
      seen.set(buffer, undefined);
    }
    for (const buffer of buffers) seen.set(buffer, buffer.transfer());
  };
  function structuredClone(value, options = undefined) {
    if (arguments.length === 0) throw new TypeError("structuredClone needs a value");
    const seen = new Map();
    if (options?.transfer === undefined) return clone(value, seen);
    // What cannot be cloned is found out about while nothing is handed over yet.
    const before = new Map();
    clone(value, before);
    const views = [...before.keys()].filter((key) => ArrayBuffer.isView(key));
    extents = new Map(views.map((view) => [view, extent(view)]));
    try {
      handOver(options.transfer, seen);
      return clone(value, seen);
    } finally {
      extents = new Map();
    }
  }
  return { structuredClone };
});
