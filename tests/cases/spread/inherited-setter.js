// expect: [[1,2],[],[true,true,true]]
(() => {
  const log = [];
  Object.defineProperty(Array.prototype, 1, { set() { log.push("set"); }, configurable: true });
  try {
    const b = [...[1], 2];
    const d = Object.getOwnPropertyDescriptor(b, 1);
    return [b, log, [d.writable, d.enumerable, d.configurable]];
  } finally { delete Array.prototype[1]; }
})()
