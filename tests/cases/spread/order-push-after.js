// expect: [[1,2,3],[1,2]]
(() => {
  const a = [1];
  const b = [...a, a.push(2), 3];
  return [b, a];
})()
