// expect: [[1,2],false,["0","1"]]
(() => {
  const a = [1, 2];
  a.extra = true;
  const b = [...a];
  return [b, "extra" in b, Object.keys(b)];
})()
