// expect: [[1,2,3],[["k","v"]],["k"],["v"],[[0,"x"]]]
(() => {
  const map = new Map([["k", "v"]]);
  return [[...new Set([1, 2, 2, 3])], [...map], [...map.keys()], [...map.values()], [...["x"].entries()]];
})()
