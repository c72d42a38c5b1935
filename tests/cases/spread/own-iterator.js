// expect: [["own"],[1,2]]
(() => {
  const a = [1, 2];
  a[Symbol.iterator] = function* () { yield "own"; };
  const first = [...a];
  delete a[Symbol.iterator];
  return [first, [...a]];
})()
