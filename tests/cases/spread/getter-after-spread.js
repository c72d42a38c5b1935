// expect: [[1,2,"seen 3"],3]
(() => {
  const a = [1, 2];
  const o = { get k() { a.push(0); return "seen " + a.length; } };
  return [[...a, o.k], a.length];
})()
