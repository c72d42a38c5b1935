// Headers.
(() => {
  const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
  const SPACE = /^[\t\n\r ]+|[\t\n\r ]+$/g;
  const named = (name) => {
    const text = `${name}`;
    if (!TOKEN.test(text)) throw new TypeError(`Headers: ${JSON.stringify(text)} is no header name`);
    return text.toLowerCase();
  };
  const valued = (name, value) => {
    const text = `${value}`.replace(SPACE, "");
    if (/[\0\r\n]/.test(text) || /[^\0-\xff]/.test(text)) {
      throw new TypeError(`Headers: the value of ${name} has a character that no header can hold`);
    }
    return text;
  };
  let freeze;

  class Headers {
    // Name in lower case, value; in the order they were added.
    #list = [];
    #frozen = false;
    constructor(init = undefined) {
      if (init === undefined) return;
      if (typeof init !== "object" || init === null) {
        throw new TypeError("Headers needs an object, pairs or other headers");
      }
      if (typeof init[Symbol.iterator] === "function") {
        for (const pair of init) {
          const both = [...pair];
          if (both.length !== 2) throw new TypeError("Headers needs pairs of name and value");
          this.append(both[0], both[1]);
        }
      } else {
        for (const name of Object.keys(init)) this.append(name, init[name]);
      }
    }
    #change(name) {
      const key = named(name);
      if (this.#frozen) throw new TypeError("These headers cannot be changed");
      return key;
    }
    append(name, value) {
      const key = this.#change(name);
      this.#list.push([key, valued(key, value)]);
    }
    set(name, value) {
      const key = this.#change(name);
      const text = valued(key, value);
      const at = this.#list.findIndex(([n]) => n === key);
      if (at < 0) this.#list.push([key, text]);
      else {
        this.#list[at] = [key, text];
        this.#list = this.#list.filter(([n], i) => i <= at || n !== key);
      }
    }
    delete(name) {
      const key = this.#change(name);
      this.#list = this.#list.filter(([n]) => n !== key);
    }
    get(name) {
      const key = named(name);
      const values = this.#list.filter(([n]) => n === key).map(([, v]) => v);
      return values.length ? values.join(", ") : null;
    }
    getSetCookie() {
      return this.#list.filter(([n]) => n === "set-cookie").map(([, v]) => v);
    }
    has(name) {
      const key = named(name);
      return this.#list.some(([n]) => n === key);
    }
    forEach(callback, thisArg) {
      if (typeof callback !== "function") throw new TypeError("forEach needs a function");
      for (const [name, value] of this) callback.call(thisArg, value, name, this);
    }
    *entries() {
      // Sorted by name and combined, but for cookies; looked up anew at each step.
      for (let i = 0; ; i++) {
        const names = [...new Set(this.#list.map(([n]) => n))].sort();
        const all = names.flatMap((n) =>
          n === "set-cookie" ? this.getSetCookie().map((v) => [n, v]) : [[n, this.get(n)]],
        );
        if (i >= all.length) return;
        yield all[i];
      }
    }
    *keys() {
      for (const [name] of this.entries()) yield name;
    }
    *values() {
      for (const [, value] of this.entries()) yield value;
    }
    [Symbol.iterator]() {
      return this.entries();
    }
    get [Symbol.toStringTag]() {
      return "Headers";
    }
    static {
      freeze = (headers) => {
        headers.#frozen = true;
        return headers;
      };
    }
  }

  return { Headers, freeze };
});
