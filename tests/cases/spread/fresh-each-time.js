// expect: [[1,2],[1,2,3],true,false]
(() => {
  const a = [1, 2];
  const b = [...a];
  b.push(3);
  return [a, b, Array.isArray(b), b === a];
})()
