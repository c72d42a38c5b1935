// expect: [[1,2],[1,3],[[1,4]]]
(() => {
  const a = [1];
  class C { field = [...a, 2]; static own = [...a, 3]; }
  const f = (x = [...a, 4]) => [x];
  return [new C().field, C.own, f()];
})()
