// expect: [[1,2,3],false,[0,1,2]]
(() => {
  const a = Object.freeze([1, 2]);
  const b = [...a, 3];
  return [b, Object.isFrozen(b), [0, ...a]];
})()
