// expect: [[2,3],[]]
(() => {
  const values = [1, 2, 3].values();
  values.next();
  return [[...values], [...values]];
})()
