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
      const buffer = clone(value.buffer, seen);
      const length = is(DataView, value) ? value.byteLength : value.length;
      return keep(new value.constructor(buffer, value.byteOffset, length));
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
  function structuredClone(value) {
    if (arguments.length === 0) throw new TypeError("structuredClone needs a value");
    return clone(value, new Map());
  }
  return { structuredClone };
});
