// The workshop SDK as a worker sees it: what defines a processor works, what talks to a server is
// told on. Appended to this text: one `export const` for every other name that a program imports.

const isFunction = (value) => typeof value === "function";

export function defineProcessor(definition) {
  return isFunction(definition) ? definition() : definition;
}

export function defineBuiltinProcessor(definition) {
  return isFunction(definition) ? definition() : definition;
}

export function normalizePathPrefix(prefix) {
  let path = String(prefix);
  if (!path.startsWith("/")) path = "/" + path;
  while (path.length > 1 && path.endsWith("/")) path = path.slice(0, -1);
  return path;
}

function outside(name) {
  const refuse = () => {
    throw new Error(
      name + " cannot be used inside a worker: it belongs to programs that talk to the service from" +
        " outside. A hook is given append(), and fetch() is in scope",
    );
  };
  return new Proxy(class {}, {
    apply: refuse,
    construct: refuse,
    set: refuse,
    // A class may name it as its base; only making one is refused.
    get: (target, key) => (key === "prototype" || typeof key === "symbol" ? target[key] : refuse()),
  });
}
