// expect: [["patched",1],[1]]
(() => {
  const original = Array.prototype[Symbol.iterator];
  let patched;
  Array.prototype[Symbol.iterator] = function* () { yield "patched"; yield this.length; };
  try { patched = [...[1]]; } finally { Array.prototype[Symbol.iterator] = original; }
  return [patched, [...[1]]];
})()
