// URL and URLSearchParams.
((need, native) => {
  let attach;
  let refresh;

  class URLSearchParams {
    #pairs = [];
    // Told of every change.
    #changed = () => {};
    constructor(init = "") {
      if ((typeof init === "object" && init !== null) || typeof init === "function") {
        if (init[Symbol.iterator] !== undefined && init[Symbol.iterator] !== null) {
          for (const pair of init) {
            const both = [...pair];
            if (both.length !== 2) throw new TypeError("URLSearchParams needs pairs of name and value");
            this.append(both[0], both[1]);
          }
        } else {
          for (const name of Reflect.ownKeys(init)) {
            if (Object.getOwnPropertyDescriptor(init, name)?.enumerable) this.set(name, init[name]);
          }
        }
        return;
      }
      this.#pairs = parse(`${init}`.replace(/^\?/, ""));
    }
    get size() {
      return this.#pairs.length;
    }
    append(name, value) {
      need2(arguments, "append");
      this.#pairs.push([usv(name), usv(value)]);
      this.#changed();
    }
    delete(name, value = undefined) {
      const [n, v] = [usv(name), value === undefined ? undefined : usv(value)];
      this.#pairs = this.#pairs.filter(([a, b]) => a !== n || (v !== undefined && b !== v));
      this.#changed();
    }
    get(name) {
      const n = usv(name);
      return this.#pairs.find(([a]) => a === n)?.[1] ?? null;
    }
    getAll(name) {
      const n = usv(name);
      return this.#pairs.filter(([a]) => a === n).map(([, v]) => v);
    }
    has(name, value = undefined) {
      const [n, v] = [usv(name), value === undefined ? undefined : usv(value)];
      return this.#pairs.some(([a, b]) => a === n && (v === undefined || b === v));
    }
    set(name, value) {
      need2(arguments, "set");
      const [n, v] = [usv(name), usv(value)];
      const at = this.#pairs.findIndex(([a]) => a === n);
      if (at < 0) {
        this.#pairs.push([n, v]);
      } else {
        this.#pairs[at][1] = v;
        this.#pairs = this.#pairs.filter(([a], i) => i <= at || a !== n);
      }
      this.#changed();
    }
    sort() {
      this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      this.#changed();
    }
    forEach(callback, thisArg) {
      if (typeof callback !== "function") throw new TypeError("forEach needs a function");
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
      return this.#pairs
        .map(([n, v]) => `${native.formEncode(n)}=${native.formEncode(v)}`)
        .join("&");
    }
    get [Symbol.toStringTag]() {
      return "URLSearchParams";
    }
    static {
      attach = (params, changed) => {
        params.#changed = changed;
      };
      refresh = (params, search) => {
        params.#pairs = parse(search.replace(/^\?/, ""));
      };
    }
  }

  const usv = (value) => `${value}`.toWellFormed();
  const need2 = (args, name) => {
    if (args.length < 2) throw new TypeError(`URLSearchParams.${name} needs a name and a value`);
  };
  const parse = (text) => {
    const parts = native.formDecode(text);
    const pairs = [];
    for (let i = 0; i < parts.length; i += 2) pairs.push([parts[i], parts[i + 1]]);
    return pairs;
  };

  const PARTS = [
    "href",
    "origin",
    "protocol",
    "username",
    "password",
    "host",
    "hostname",
    "port",
    "pathname",
    "search",
    "hash",
  ];
  const AT = Object.fromEntries(PARTS.map((name, i) => [name, i]));
  const read = (url, base) =>
    native.urlParse(usv(url), base === undefined ? undefined : usv(base));

  class URL {
    #parts;
    #params = undefined;
    constructor(url, base = undefined) {
      if (arguments.length === 0) throw new TypeError("URL needs a text");
      this.#parts = read(url, base);
      if (!this.#parts) {
        const error = new TypeError(`Invalid URL: ${url}`);
        error.code = "ERR_INVALID_URL";
        error.input = `${url}`;
        throw error;
      }
    }
    static canParse(url, base = undefined) {
      return read(url, base) !== undefined;
    }
    static parse(url, base = undefined) {
      return URL.canParse(url, base) ? new URL(url, base) : null;
    }
    get searchParams() {
      if (!this.#params) {
        this.#params = new URLSearchParams(this.search);
        attach(this.#params, () => {
          this.#parts = native.urlSet(this.href, "search", this.#params.toString());
        });
      }
      return this.#params;
    }
    get href() {
      return this.#parts[AT.href];
    }
    set href(value) {
      const parts = read(value);
      if (!parts) throw new TypeError(`Invalid URL: ${value}`);
      this.#parts = parts;
      if (this.#params) refresh(this.#params, this.search);
    }
    get origin() {
      return this.#parts[AT.origin];
    }
    toString() {
      return this.href;
    }
    toJSON() {
      return this.href;
    }
    get [Symbol.toStringTag]() {
      return "URL";
    }
    static {
      for (const name of PARTS.slice(2)) {
        Object.defineProperty(URL.prototype, name, {
          get() {
            return this.#parts[AT[name]];
          },
          set(value) {
            this.#parts = native.urlSet(this.href, name, usv(value));
            if (name === "search" && this.#params) refresh(this.#params, this.search);
          },
          enumerable: true,
          configurable: true,
        });
      }
    }
  }

  return { URL, URLSearchParams };
});
