// URLSearchParams over the native form encoding; evaluated when first used.
((decode, encode) => {
  return class URLSearchParams {
    #pairs = [];
    constructor(init = "") {
      if (typeof init === "object" && init !== null) {
        if (typeof init[Symbol.iterator] === "function") {
          for (const pair of init) {
            const both = [...pair];
            if (both.length !== 2) throw new TypeError("URLSearchParams needs pairs of name and value");
            this.append(both[0], both[1]);
          }
        } else {
          for (const name of Object.keys(init)) this.append(name, init[name]);
        }
        return;
      }
      const text = `${init}`.replace(/^\?/, "");
      for (const part of text.split("&")) {
        if (part === "") continue;
        const at = part.indexOf("=");
        const [name, value] = at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
        this.#pairs.push([decode(name), decode(value)]);
      }
    }
    get size() {
      return this.#pairs.length;
    }
    append(name, value) {
      this.#pairs.push([`${name}`.toWellFormed(), `${value}`.toWellFormed()]);
    }
    delete(name, value) {
      this.#pairs = this.#pairs.filter(
        ([n, v]) => n !== `${name}` || (value !== undefined && v !== `${value}`),
      );
    }
    get(name) {
      return this.#pairs.find(([n]) => n === `${name}`)?.[1] ?? null;
    }
    getAll(name) {
      return this.#pairs.filter(([n]) => n === `${name}`).map(([, v]) => v);
    }
    has(name, value) {
      return this.#pairs.some(
        ([n, v]) => n === `${name}` && (value === undefined || v === `${value}`),
      );
    }
    set(name, value) {
      const at = this.#pairs.findIndex(([n]) => n === `${name}`);
      if (at < 0) return this.append(name, value);
      this.#pairs[at] = [`${name}`, `${value}`.toWellFormed()];
      this.#pairs = this.#pairs.filter(([n], i) => i <= at || n !== `${name}`);
    }
    sort() {
      this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    }
    forEach(callback, thisArg) {
      for (const [name, value] of this) callback.call(thisArg, value, name, this);
    }
    *entries() {
      for (let i = 0; i < this.#pairs.length; i++) yield [...this.#pairs[i]];
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
    toString() {
      return this.#pairs.map(([n, v]) => `${encode(n)}=${encode(v)}`).join("&");
    }
  };
});
