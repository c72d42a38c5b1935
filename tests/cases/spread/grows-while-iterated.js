// expect: [[1,2,3,4],4]
(() => {
  const a = [1, 2, 3];
  Object.defineProperty(a, 0, { get() { if (a.length < 4) a.push(4); return 1; }, configurable: true });
  return [[...a], a.length];
})()
