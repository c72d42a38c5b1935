// expect: [[1,null],2,false,[1,null]]
(() => {
  const a = [1];
  const b = [...a, ,];
  return [b, b.length, 1 in b, [...b]];
})()
