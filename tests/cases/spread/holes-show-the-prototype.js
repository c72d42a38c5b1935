// expect: [["zero",1],["own",true]]
(() => {
  Array.prototype[0] = "zero";
  try {
    const a = [, 1];
    const b = [...a];
    return [b, [Object.hasOwn(a, 0) ? "wrong" : "own", Object.hasOwn(b, 0)]];
  } finally {
    delete Array.prototype[0];
  }
})()
