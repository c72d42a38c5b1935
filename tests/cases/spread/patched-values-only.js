// expect: [[1,2]]
(() => {
  const original = Array.prototype.values;
  Array.prototype.values = function* () { yield "not used"; };
  try { return [[...[1, 2]]]; } finally { Array.prototype.values = original; }
})()
