// expect: [5,"x",false,true]
(() => {
  const a = [];
  a[4] = "x";
  const b = [...a];
  return [b.length, b[4], 0 in a, 0 in b];
})()
