// expect: [["got",2],[1]]
(() => {
  const a = [1, 2];
  Object.defineProperty(a, 0, { get: () => "got", configurable: true });
  const shrink = [1, 2, 3];
  Object.defineProperty(shrink, 0, { get() { shrink.length = 1; return 1; }, configurable: true });
  return [[...a], [...shrink]];
})()
