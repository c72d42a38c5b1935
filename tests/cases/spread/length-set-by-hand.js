// expect: [[1,null,null],[1]]
(() => {
  const longer = [1];
  longer.length = 3;
  const shorter = [1, 2, 3];
  shorter.length = 1;
  return [[...longer], [...shorter]];
})()
