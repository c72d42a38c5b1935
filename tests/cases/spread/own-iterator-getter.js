// expect: [[2,1],1]
(() => {
  const a = [1, 2];
  let gets = 0;
  Object.defineProperty(a, Symbol.iterator, { get() {
    gets++;
    return function* () { yield this[1]; yield this[0]; };
  } });
  return [[...a], gets];
})()
