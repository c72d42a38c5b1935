// expect: [[1,2],1]
(() => {
  let reads = 0;
  let n = 0;
  const it = { [Symbol.iterator]: () => ({ get next() { reads++; return () => ({ done: n >= 2, value: ++n }); } }) };
  return [[...it], reads];
})()
