// expect: [4,false,true,[1,null,2,3],[1,2,3]]
(() => {
  const a = [2, 3];
  const b = [1, , ...a];
  return [b.length, 1 in b, 2 in b, b, [1, ...a]];
})()
