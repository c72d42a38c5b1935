// expect: [[1,2.5],[1,"s"],[null,1],[1,{"k":[1]}],[0,1]]
(() => {
  const ints = [1];
  return [[...ints, 2.5], [...ints, "s"], [null, ...ints], [...ints, { k: ints }], [...[-0], ...ints]];
})()
